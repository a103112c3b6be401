/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Latency as one client sees it: submit with wait over one kept connection, until the result is in hand, one after the
 * other.   bench_wait [--requests 5000] HOST PORT   prints one JSON object. */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "clock.h"

static _Noreturn void die(const char *text)
{
	fprintf(stderr, "bench_wait: %s\n", text);
	exit(1);
}

static int dial(const char *host, const char *port)
{
	struct sockaddr_in at = { .sin_family = AF_INET, .sin_port = htons((uint16_t)strtoul(port, NULL, 10)) };
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), on = 1;
	if (inet_pton(AF_INET, host, &at.sin_addr) != 1)
		die("expected a numeric IPv4 address");
	if (fd < 0 || connect(fd, (struct sockaddr *)&at, sizeof at))
		die("cannot connect");
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
	return fd;
}

/* Reads one whole response; dies unless it is a 200 whose body holds `expected`. */
static void read_reply(int fd, const char *expected)
{
	char reply[8192];
	size_t n = 0, whole = 0;
	while (!whole || n < whole) {
		ssize_t got = read(fd, reply + n, sizeof reply - 1 - n);
		if (got <= 0)
			die("the connection was closed");
		n += (size_t)got;
		reply[n] = '\0';
		const char *body = strstr(reply, "\r\n\r\n"), *length = strcasestr(reply, "content-length:");
		if (body && length)
			whole = (size_t)(body + 4 - reply) + strtoul(length + 15, NULL, 10);
	}
	if (strncmp(reply, "HTTP/1.1 200", 12) != 0 || !strstr(reply, expected))
		die(reply);
}

static int compare(const void *a, const void *b)
{
	unsigned x = *(const unsigned *)a, y = *(const unsigned *)b;
	return x < y ? -1 : x > y;
}

int main(int argc, char **argv)
{
	unsigned requests = 5000, warm = 200;
	int at = 1;
	if (argc == 5 && strcmp(argv[1], "--requests") == 0) {
		requests = (unsigned)strtoul(argv[2], NULL, 10);
		at = 3;
	}
	if (argc - at != 2 || requests == 0)
		die("usage: bench_wait [--requests 5000] HOST PORT");
	unsigned *us = malloc(requests * sizeof *us);
	int fd = dial(argv[at], argv[at + 1]);
	if (!us)
		die("out of memory");
	for (unsigned i = 0; i < requests + warm; i++) {
		char request[512], body[64], expected[64];
		int n = snprintf(body, sizeof body, "{\"op\":\"square\",\"args\":[%u]}", i);
		n = snprintf(request, sizeof request,
			     "POST /v1/jobs?wait=5 HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n"
			     "Content-Length: %d\r\n\r\n%s",
			     n, body);
		snprintf(expected, sizeof expected, "\"result\":%llu", (unsigned long long)i * i);
		uint64_t start_us = clock_mono_us();
		if (write(fd, request, (size_t)n) != n)
			die("the connection was closed");
		read_reply(fd, expected);
		if (i >= warm)
			us[i - warm] = (unsigned)(clock_mono_us() - start_us);
	}
	qsort(us, requests, sizeof *us, compare);
	printf("{\"requests\":%u,\"p50_us\":%u,\"p90_us\":%u,\"p99_us\":%u,\"max_us\":%u}\n", requests,
	       us[requests / 2], us[requests * 9 / 10], us[requests - 1 - requests / 100], us[requests - 1]);
	free(us);
	close(fd);
	return 0;
}
