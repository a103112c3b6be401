/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "listener.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define BACKLOG 4096

union address {
	struct sockaddr any;
	struct sockaddr_in v4;
	struct sockaddr_in6 v6;
};

static int parse(const char *text, unsigned port, union address *a, socklen_t *len)
{
	memset(a, 0, sizeof *a);
	if (inet_pton(AF_INET, text, &a->v4.sin_addr) == 1) {
		a->v4.sin_family = AF_INET;
		a->v4.sin_port = htons((uint16_t)port);
		*len = sizeof a->v4;
		return 0;
	}
	if (inet_pton(AF_INET6, text, &a->v6.sin6_addr) == 1) {
		a->v6.sin6_family = AF_INET6;
		a->v6.sin6_port = htons((uint16_t)port);
		*len = sizeof a->v6;
		return 0;
	}
	return ERR_INVALID;
}

/* A socket that shares its port is bound without complaint to one that another process of this user shares too: two
 * services would answer by turns. So the first is bound alone, to learn whether the port is free, and only then may it
 * be shared; the option of the others needs it on the first as well, which Linux allows after binding. */
static int open_one(const union address *a, socklen_t len, bool first, bool shared)
{
	int on = 1, fd = socket(a->any.sa_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return -1;
	bool good = setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) == 0;
	if (good && !first)
		good = setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &on, sizeof on) == 0;
	good = good && bind(fd, &a->any, len) == 0;
	if (good && first && shared)
		good = setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &on, sizeof on) == 0;
	good = good && listen(fd, BACKLOG) == 0;
	if (good)
		return fd;
	int error = errno;
	close(fd);
	errno = error;
	return -1;
}

int listener_open(const char *address, unsigned *port, int *fds, unsigned n, struct errinfo *info)
{
	union address a;
	socklen_t len;
	if (parse(address, *port, &a, &len))
		return errinfo_set(info, ERR_INVALID, "expected a numeric address to listen on, got %s", address);
	for (unsigned i = 0; i < n; i++) {
		fds[i] = open_one(&a, len, i == 0, n > 1);
		if (fds[i] < 0) {
			errinfo_set(info, ERR_SYS, "cannot listen on %s port %u: %s", address, *port, strerror(errno));
			while (i > 0)
				close(fds[--i]);
			return ERR_SYS;
		}
		if (i == 0) {
			getsockname(fds[0], &a.any, &len); /* which port it became */
			*port = ntohs(a.any.sa_family == AF_INET ? a.v4.sin_port : a.v6.sin6_port);
		}
	}
	return 0;
}
