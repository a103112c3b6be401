/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The direct way: one JSON-RPC call, or numbers from standard input, each answered with its square. Input and answers
 * flow at the same time, so that a long input is worked on while it is still being read, and nothing is held here. */
#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <netdb.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "args.h"
#include "clock.h"
#include "command.h"

#define TCP_CHUNK 65536
#define TCP_ANSWER_MAX (64UL * 1024 * 1024)
#define TCP_PATIENCE_MS 75000 /* for one call; a worker gives up after 60 s */

/* ---- the connection ---- */

static int tcp_bad_address(const char *address)
{
	(void)fprintf(stderr, "square: expected an address such as 127.0.0.1:2345 or [::1]:2345, got \"%s\"\n",
		      address);
	return EXIT_USAGE;
}

static int tcp_connect(const struct options *o, int *out)
{
	struct addrinfo hints = { .ai_socktype = SOCK_STREAM }, *found = NULL;
	const char *colon = strrchr(o->tcp_address, ':');
	char host[256];
	int rc, fd = -1, saved = 0;

	if (!colon || colon == o->tcp_address || !colon[1] || (size_t)(colon - o->tcp_address) >= sizeof(host))
		return tcp_bad_address(o->tcp_address);
	if (o->tcp_address[0] == '[' && colon[-1] == ']')
		(void)snprintf(host, sizeof(host), "%.*s", (int)(colon - o->tcp_address - 2), o->tcp_address + 1);
	else
		(void)snprintf(host, sizeof(host), "%.*s", (int)(colon - o->tcp_address), o->tcp_address);
	rc = getaddrinfo(host, colon + 1, &hints, &found);
	if (rc != 0) {
		(void)fprintf(stderr, "square: cannot find %s: %s\n", o->tcp_address, gai_strerror(rc));
		return EXIT_UNREACHABLE;
	}
	for (struct addrinfo *a = found; a && fd < 0; a = a->ai_next) {
		fd = socket(a->ai_family, a->ai_socktype | SOCK_CLOEXEC, a->ai_protocol);
		if (fd >= 0 && connect(fd, a->ai_addr, a->ai_addrlen) != 0) {
			saved = errno;
			(void)close(fd);
			fd = -1;
		}
	}
	freeaddrinfo(found);
	if (fd < 0) {
		(void)fprintf(stderr, "square: cannot reach %s: %s\n", o->tcp_address, strerror(saved));
		if (saved == ECONNREFUSED)
			(void)fprintf(stderr, "square: is the service running? ./dev run starts it; --tcp-address or "
					      "SQUARE_TCP say where it is\n");
		return EXIT_UNREACHABLE;
	}
	*out = fd;
	return EXIT_DONE;
}

static int tcp_lost(const struct options *o, const char *why)
{
	(void)fprintf(stderr, "square: %s: %s\n", o->tcp_address, why);
	return EXIT_UNREACHABLE;
}

/* ---- one call ---- */

static int tcp_send(int fd, const struct buf *request)
{
	size_t sent = 0;

	while (sent < request->len) {
		ssize_t n = send(fd, request->data + sent, request->len - sent, MSG_NOSIGNAL);
		if (n < 0 && errno != EINTR)
			return -1;
		sent += n > 0 ? (size_t)n : 0;
	}
	return 0;
}

/* Reads until the line feed. 0, or an exit status with the reason told. */
static int tcp_receive(const struct options *o, int fd, struct buf *answer)
{
	uint64_t deadline = clock_mono_us() + TCP_PATIENCE_MS * 1000ULL;

	for (;;) {
		struct pollfd p = { .fd = fd, .events = POLLIN };
		uint64_t now = clock_mono_us();
		ssize_t n;

		if (now >= deadline) {
			(void)fprintf(stderr, "square: %s: no answer within %d s\n", o->tcp_address,
				      TCP_PATIENCE_MS / 1000);
			return EXIT_UNFINISHED;
		}
		if (poll(&p, 1, (int)((deadline - now) / 1000) + 1) <= 0)
			continue;
		if (answer->len > TCP_ANSWER_MAX || buf_reserve(answer, TCP_CHUNK) != 0)
			return tcp_lost(o, "the answer is too long");
		n = recv(fd, answer->data + answer->len, TCP_CHUNK, 0);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return tcp_lost(o,
					n == 0 ? "the connection was closed before the answer came" : strerror(errno));
		answer->len += (size_t)n;
		if (memchr(answer->data + answer->len - n, '\n', (size_t)n))
			return EXIT_DONE;
	}
}

static int tcp_tell_error(json_t *error)
{
	json_t *data = json_object_get(error, "data"), *one;
	const char *message = json_string_value(json_object_get(error, "message"));
	const char *detail = json_string_value(json_object_get(data, "detail"));
	json_int_t code = json_integer_value(json_object_get(error, "code"));
	size_t i;

	(void)fprintf(stderr, "square: %s (%lld)%s%s\n", message ? message : "no reason given", (long long)code,
		      detail ? ": " : "", detail ? detail : "");
	json_array_foreach(json_object_get(data, "errors"), i, one)
	{
		const char *pointer = json_string_value(json_object_get(one, "pointer"));
		const char *text = json_string_value(json_object_get(one, "detail"));
		if (text)
			(void)fprintf(stderr, "  %s: %s\n", pointer && *pointer ? pointer : "/", text);
	}
	if (code == -32000 || code == -32001)
		return EXIT_ENDED;
	return code == -32002 || code == -32603 ? EXIT_UNREACHABLE : EXIT_REFUSED;
}

static int tcp_tell(const struct options *o, const struct buf *answer)
{
	struct span result = args_member(answer->data, answer->len, "result");
	json_t *reply = json_loadb(answer->data, answer->len, JSON_ALLOW_NUL, NULL);
	int status = EXIT_DONE;

	if (o->json && json_is_object(reply))
		(void)fwrite(answer->data, 1, answer->len, stdout);
	if (json_is_object(json_object_get(reply, "error"))) {
		status = tcp_tell_error(json_object_get(reply, "error"));
	} else if (!json_is_object(reply) || !result.p) {
		status = tcp_lost(o, "expected a JSON-RPC reply, got something else; is that a Square service?");
	} else if (!o->json) {
		struct buf text = BUF_INIT;
		args_show(&text, result);
		(void)printf("%s\n", buf_cstr(&text));
		buf_fini(&text);
	}
	json_decref(reply);
	return status;
}

static int tcp_call(const struct options *o, int fd, int argc, char **argv)
{
	struct buf request = BUF_INIT, answer = BUF_INIT;
	int status;

	buf_puts(&request, "{\"jsonrpc\":\"2.0\",\"method\":");
	buf_json_string(&request, argv[0], strlen(argv[0]));
	buf_puts(&request, ",\"params\":");
	args_json(&request, argc - 1, argv + 1);
	buf_puts(&request, ",\"id\":1}\n");
	if (request.failed || tcp_send(fd, &request) != 0)
		status = tcp_lost(o, strerror(errno));
	else
		status = tcp_receive(o, fd, &answer);
	if (status == EXIT_DONE)
		status = tcp_tell(o, &answer);
	buf_fini(&request);
	buf_fini(&answer);
	return status;
}

/* ---- numbers from standard input ---- */

struct tcp_pump {
	int fd;
	char out[TCP_CHUNK]; /* read from standard input, not sent yet */
	size_t out_len, out_sent;
	bool input_open, line_begins, errors;
};

/* Does any line begin with "error:"? Only a line's first letter needs a look: no answer but an error begins so. */
static void tcp_look(struct tcp_pump *p, const char *data, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		p->errors |= p->line_begins && data[i] == 'e';
		p->line_begins = data[i] == '\n';
	}
}

static int tcp_pump_in(const struct options *o, struct tcp_pump *p)
{
	char data[TCP_CHUNK];
	ssize_t n = recv(p->fd, data, sizeof(data), 0);

	if (n < 0)
		return errno == EINTR || errno == EAGAIN ? -1 : tcp_lost(o, strerror(errno));
	if (n == 0) {
		if (p->input_open || p->out_sent < p->out_len)
			return tcp_lost(o, "the connection was closed before all was answered");
		return p->errors ? EXIT_ENDED : EXIT_DONE;
	}
	tcp_look(p, data, (size_t)n);
	if (fwrite(data, 1, (size_t)n, stdout) != (size_t)n)
		return EXIT_ENDED;
	(void)fflush(stdout);
	return -1;
}

static void tcp_pump_out(struct tcp_pump *p, bool may_read)
{
	ssize_t n;

	if (p->out_sent == p->out_len && p->input_open && may_read) {
		n = read(STDIN_FILENO, p->out, sizeof(p->out));
		p->out_sent = 0;
		p->out_len = n > 0 ? (size_t)n : 0;
		p->input_open = n > 0 || (n < 0 && errno == EINTR);
	}
	if (p->out_sent < p->out_len) {
		n = send(p->fd, p->out + p->out_sent, p->out_len - p->out_sent, MSG_NOSIGNAL | MSG_DONTWAIT);
		p->out_sent += n > 0 ? (size_t)n : 0;
	}
	if (!p->input_open && p->out_sent == p->out_len)
		(void)shutdown(p->fd, SHUT_WR);
}

static int tcp_pipe(const struct options *o, int fd)
{
	struct tcp_pump *p = calloc(1, sizeof(*p));
	int status = -1;

	if (!p)
		return tcp_lost(o, "out of memory");
	p->fd = fd;
	p->input_open = p->line_begins = true;
	while (status < 0) {
		bool unsent = p->out_sent < p->out_len;
		struct pollfd at[2] = { { .fd = fd, .events = (short)(POLLIN | (unsent ? POLLOUT : 0)) },
					{ .fd = p->input_open && !unsent ? STDIN_FILENO : -1, .events = POLLIN } };
		if (poll(at, 2, -1) < 0)
			continue;
		if (at[1].revents || (at[0].revents & POLLOUT))
			tcp_pump_out(p, at[1].revents != 0);
		if (at[0].revents & (POLLIN | POLLHUP | POLLERR))
			status = tcp_pump_in(o, p);
	}
	free(p);
	return status;
}

/* The line that a service with tokens expects first. */
static int tcp_authenticate(const struct options *o, int fd)
{
	struct buf line = BUF_INIT, answer = BUF_INIT;
	json_t *reply = NULL;
	int status;

	if (!*o->token)
		return EXIT_DONE;
	buf_printf(&line, "{\"jsonrpc\":\"2.0\",\"method\":\"auth\",\"params\":[\"%s\"],\"id\":0}\n", o->token);
	if (line.failed || tcp_send(fd, &line) != 0)
		status = tcp_lost(o, strerror(errno));
	else
		status = tcp_receive(o, fd, &answer);
	if (status == EXIT_DONE) {
		reply = json_loadb(answer.data, answer.len, 0, NULL);
		json_t *error = json_object_get(reply, "error");
		/* A service that asks for no token knows no such method, and serves on. */
		if (error && json_integer_value(json_object_get(error, "code")) != -32601)
			status = tcp_tell_error(error);
		else if (!json_is_object(reply))
			status =
			    tcp_lost(o, "expected a JSON-RPC reply, got something else; is that a Square service?");
	}
	json_decref(reply);
	buf_fini(&line);
	buf_fini(&answer);
	return status;
}

static int tcp_exec(const struct options *o, int argc, char **argv)
{
	int fd, status = tcp_connect(o, &fd);

	if (status != EXIT_DONE)
		return status;
	status = tcp_authenticate(o, fd);
	if (status == EXIT_DONE)
		status = argc > 0 ? tcp_call(o, fd, argc, argv) : tcp_pipe(o, fd);
	(void)close(fd);
	return status;
}

const struct command command_tcp = {
	.name = "tcp",
	.usage = "[OP [ARG...]] [--json]",
	.help = "ask a worker directly; without OP, squares the numbers on standard input",
	.takes = OPTION_JSON | OPTION_SERVICE,
	.min_args = 0,
	.max_args = COMMAND_ANY,
	.exec = tcp_exec,
};
