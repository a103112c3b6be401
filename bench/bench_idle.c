/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Connections that rest: opens so many, sends each the text given (or nothing), says "ready" and keeps them until its
 * standard input ends. What they cost is read from the server's /proc.
 *
 *   bench_idle HOST PORT CONNECTIONS [TEXT]      in TEXT, "\n" stands for the end of a line of HTTP */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#define TEXT_MAX 4096

static _Noreturn void die(const char *text)
{
	fprintf(stderr, "bench_idle: %s\n", text);
	exit(1);
}

/* Every "\n" as CR LF. */
static size_t unescape(const char *in, char *out)
{
	size_t n = 0;
	for (; *in && n < TEXT_MAX - 2; in++) {
		if (in[0] == '\\' && in[1] == 'n') {
			out[n++] = '\r';
			out[n++] = '\n';
			in++;
		} else {
			out[n++] = *in;
		}
	}
	return n;
}

int main(int argc, char **argv)
{
	struct sockaddr_in at = { .sin_family = AF_INET };
	char text[TEXT_MAX], byte;
	size_t n = argc == 5 ? unescape(argv[4], text) : 0;
	long count = argc >= 4 ? strtol(argv[3], NULL, 10) : 0;
	struct rlimit files;

	if (argc < 4 || argc > 5 || count < 1 || inet_pton(AF_INET, argv[1], &at.sin_addr) != 1)
		die("expected HOST (an IPv4 address) PORT CONNECTIONS [TEXT]");
	at.sin_port = htons((uint16_t)strtoul(argv[2], NULL, 10));
	if (getrlimit(RLIMIT_NOFILE, &files) == 0) {
		files.rlim_cur = files.rlim_max;
		setrlimit(RLIMIT_NOFILE, &files);
	}
	for (long i = 0; i < count; i++) {
		int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
		if (fd < 0 || connect(fd, (struct sockaddr *)&at, sizeof at))
			die(strerror(errno)); /* EMFILE: ulimit -n */
		if (n > 0 && write(fd, text, n) != (ssize_t)n)
			die("cannot send");
	}
	puts("ready");
	fflush(stdout);
	while (read(STDIN_FILENO, &byte, 1) > 0)
		;
	return 0;
}
