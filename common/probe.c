/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "probe.h"

#include <netinet/in.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "clock.h"
#include "err.h"

#define PROBE_EVERY_MS 20
#define PROBE_REPLY_SIZE 1024
#define PROBE_PATIENCE_MS 1000 /* for one attempt */

struct probe {
	struct probe_spec spec;
	uv_loop_t *loop;
	uv_timer_t timer; /* between attempts: the pause; during one: its patience */
	struct probe_try *try;
	uint64_t deadline_us;
	bool closing;
	char last[160];
};

/* One connection. It outlives the probe when that is cancelled while libuv still closes it. */
struct probe_try {
	struct probe *probe; /* NULL once nobody wants the answer */
	union {
		uv_stream_t stream;
		uv_pipe_t pipe;
		uv_tcp_t tcp;
	} u;
	uv_connect_t connect;
	uv_write_t write;
	size_t len;
	char reply[PROBE_REPLY_SIZE];
};

static void probe_try_start(struct probe *p);

static void on_probe_try_closed(uv_handle_t *handle)
{
	free(handle->data);
}

static void probe_try_drop(struct probe *p)
{
	if (p->try) {
		p->try->probe = NULL;
		uv_close((uv_handle_t *)&p->try->u, on_probe_try_closed);
		p->try = NULL;
	}
}

static void on_probe_closed(uv_handle_t *handle)
{
	free(handle->data);
}

void probe_cancel(struct probe *p)
{
	if (!p || p->closing)
		return;
	p->closing = true;
	probe_try_drop(p);
	uv_close((uv_handle_t *)&p->timer, on_probe_closed);
}

static void probe_finish(struct probe *p, int status, const char *words)
{
	probe_cb *cb = p->spec.on_done;
	void *arg = p->spec.arg;
	char last[PROBE_REPLY_SIZE];

	(void)snprintf(last, sizeof(last), "%s", words);
	probe_cancel(p);
	cb(status, last, arg);
}

static void probe_done(struct probe *p, int status)
{
	probe_finish(p, status, p->last);
}

static void on_probe_pause_over(uv_timer_t *timer)
{
	probe_try_start(timer->data);
}

static void probe_again(struct probe *p, const char *why)
{
	(void)snprintf(p->last, sizeof(p->last), "%s", why);
	probe_try_drop(p);
	if (clock_mono_us() >= p->deadline_us)
		probe_done(p, ERR_TIMEOUT);
	else
		(void)uv_timer_start(&p->timer, on_probe_pause_over, PROBE_EVERY_MS, 0);
}

static void on_probe_patience_over(uv_timer_t *timer)
{
	probe_again(timer->data, "it accepts the connection but does not answer");
}

static void on_probe_alloc(uv_handle_t *handle, size_t suggested, uv_buf_t *out)
{
	struct probe_try *t = handle->data;

	(void)suggested;
	*out = uv_buf_init(t->reply + t->len, (unsigned)(sizeof(t->reply) - 1 - t->len));
}

static bool probe_begins(const char *s, const char *prefix)
{
	return prefix && strncmp(s, prefix, strlen(prefix)) == 0;
}

static void on_probe_read(uv_stream_t *stream, ssize_t n, const uv_buf_t *unused)
{
	struct probe_try *t = stream->data;
	struct probe *p = t->probe;
	char why[sizeof(p->last)];
	const char *said = t->reply;

	(void)unused;
	if (!p || n == 0)
		return;
	if (n > 0)
		t->len += (size_t)n;
	t->reply[t->len] = '\0';
	if (n > 0 && p->spec.whole && t->len < sizeof(t->reply) - 1)
		return; /* not to its end yet */
	if (probe_begins(said, p->spec.preface))
		said += strlen(p->spec.preface);
	if (probe_begins(said, p->spec.answer)) {
		probe_finish(p, ERR_OK, said);
		return;
	}
	if (n > 0 && t->len < sizeof(t->reply) - 1 && !strchr(said, '\n'))
		return; /* not a whole line yet */
	if (p->spec.whole && *said) {
		probe_finish(p, ERR_PROTOCOL, said);
		return;
	}
	if (probe_begins(said, p->spec.but_patience))
		p->deadline_us = clock_mono_us() + p->spec.deadline_ms * 1000;
	if (*said)
		(void)snprintf(why, sizeof(why), "it answers: %.*s", (int)strcspn(said, "\r\n"), said);
	else
		(void)snprintf(why, sizeof(why), "it closes the connection");
	probe_again(p, why);
}

static void on_probe_written(uv_write_t *req, int status)
{
	(void)req;
	(void)status; /* a failure shows in the read as well */
}

static void on_probe_connect(uv_connect_t *req, int status)
{
	struct probe_try *t = req->handle->data;
	uv_buf_t question;
	char why[64];

	if (!t->probe)
		return;
	if (status == 0) {
		question = uv_buf_init((char *)t->probe->spec.question, (unsigned)strlen(t->probe->spec.question));
		status = uv_write(&t->write, &t->u.stream, &question, 1, on_probe_written);
	}
	if (status == 0)
		status = uv_read_start(&t->u.stream, on_probe_alloc, on_probe_read);
	if (status != 0) {
		(void)snprintf(why, sizeof(why), "%s", uv_strerror(status));
		probe_again(t->probe, why);
	}
}

static void probe_try_start(struct probe *p)
{
	const char *address = p->spec.address ? p->spec.address : "127.0.0.1";
	union {
		struct sockaddr any;
		struct sockaddr_in v4;
		struct sockaddr_in6 v6;
	} at = { 0 };
	struct probe_try *t = calloc(1, sizeof(*t));
	int status;

	if (!t) {
		probe_again(p, "no memory");
		return;
	}
	status = p->spec.unix_path ? uv_pipe_init(p->loop, &t->u.pipe, 0) : uv_tcp_init(p->loop, &t->u.tcp);
	if (status != 0) {
		free(t);
		probe_again(p, uv_strerror(status));
		return;
	}
	t->u.stream.data = t;
	t->probe = p;
	p->try = t;
	(void)uv_timer_start(&p->timer, on_probe_patience_over, PROBE_PATIENCE_MS, 0);
	if (p->spec.unix_path)
		uv_pipe_connect(&t->connect, &t->u.pipe, p->spec.unix_path, on_probe_connect);
	else if ((status = strchr(address, ':') ? uv_ip6_addr(address, p->spec.port, &at.v6)
						: uv_ip4_addr(address, p->spec.port, &at.v4)) != 0 ||
		 (status = uv_tcp_connect(&t->connect, &t->u.tcp, &at.any, on_probe_connect)) != 0)
		probe_again(p, uv_strerror(status));
}

struct probe *probe_start(uv_loop_t *loop, const struct probe_spec *spec)
{
	struct probe *p = calloc(1, sizeof(*p));

	if (!p || uv_timer_init(loop, &p->timer) != 0) {
		free(p);
		return NULL;
	}
	p->loop = loop;
	p->spec = *spec;
	p->timer.data = p;
	p->deadline_us = clock_mono_us() + spec->deadline_ms * 1000;
	(void)snprintf(p->last, sizeof(p->last), "nothing answers");
	(void)uv_timer_start(&p->timer, on_probe_pause_over, 0, 0);
	return p;
}
