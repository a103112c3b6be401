/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "ask_health.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#define SECONDS 3
#define ANSWER_SIZE 2048

static int hung_up(const char *path, const char *why)
{
	printf("no balancer answers at %s: %s\n", path, why);
	return 1;
}

/* The whole answer, until the balancer closes. 0, or an errno. */
static int converse(int fd, const struct sockaddr_un *at, char answer[ANSWER_SIZE])
{
	static const char question[] = "GET /healthz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";
	const struct timeval patience = { SECONDS, 0 };
	size_t got = 0;
	ssize_t n;

	if (setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience)) != 0 ||
	    setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof(patience)) != 0 ||
	    connect(fd, (const struct sockaddr *)(const void *)at, sizeof(*at)) != 0 ||
	    send(fd, question, strlen(question), MSG_NOSIGNAL) != (ssize_t)strlen(question))
		return errno;
	while (got < ANSWER_SIZE - 1 && (n = recv(fd, answer + got, ANSWER_SIZE - 1 - got, 0)) != 0) {
		if (n < 0)
			return errno;
		got += (size_t)n;
	}
	answer[got] = '\0';
	return 0;
}

int ask_health(const char *path)
{
	struct sockaddr_un at = { .sun_family = AF_UNIX };
	char answer[ANSWER_SIZE];
	const char *text;
	int fd, error;

	if (strlen(path) >= sizeof(at.sun_path))
		return hung_up(path, strerror(ENAMETOOLONG));
	memcpy(at.sun_path, path, strlen(path));
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return hung_up(path, strerror(errno));
	error = converse(fd, &at, answer);
	(void)close(fd);
	if (error != 0)
		return hung_up(path, error == EAGAIN ? "it is silent" : strerror(error));
	text = strstr(answer, "\r\n\r\n");
	printf("%s\n", text ? text + 4 : answer);
	return strncmp(answer, "HTTP/1.1 200 ", 13) != 0;
}
