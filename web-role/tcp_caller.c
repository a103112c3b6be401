/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A connection is dialled for a call, and belongs to it until the reply; then it rests in its pool, the last used one
 * on top, so that those which are not needed grow old. A token goes over each connection once, as the first line; kept
 * is only its hash, which tells pools apart. */
#include "tcp_caller.h"

#include <nettle/sha2.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "address.h"
#include "buf.h"
#include "err.h"
#include "log.h"

#define TICK_MS 250
#define READ_BYTES 65536
#define KEEP_BYTES 65536 /* of a resting connection's buffers */

struct tcp_connection {
	uv_tcp_t tcp;
	uv_connect_t connect;
	uv_write_t write;
	struct tcp_caller *caller;
	struct tcp_pool *pool;              /* NULL: closing */
	struct tcp_connection *prev, *next; /* of the pool, resting ones first */
	struct tcp_call *call;              /* NULL: resting */
	struct buf out, in;
	bool connected, writing;
	bool greeting;        /* the answer to the token is still to come */
	bool secret;          /* out has the token */
	uint64_t deadline_ms; /* to connect, or to rest; loop time */
};

struct tcp_pool {
	struct tcp_pool *next;
	char at[ADDRESS_SIZE + 10];
	uint8_t token[SHA256_DIGEST_SIZE]; /* zeros: none */
	struct tcp_connection *first;
	unsigned connections, busy, waiting;
	struct tcp_call *wait_first, *wait_last;
};

struct tcp_caller {
	uv_loop_t *loop;
	uv_timer_t tick;
	struct tcp_pool *pools;
	unsigned connections; /* of all pools */
	unsigned handles;     /* that libuv still holds */
	bool freed;
	char input[READ_BYTES];
};

/* ---- pools ---- */

static void hash_token(const struct tcp_call *call, uint8_t out[SHA256_DIGEST_SIZE])
{
	struct sha256_ctx sha;
	memset(out, 0, SHA256_DIGEST_SIZE);
	if (!call->token)
		return;
	sha256_init(&sha);
	sha256_update(&sha, call->token_n, (const uint8_t *)call->token);
	sha256_digest(&sha, SHA256_DIGEST_SIZE, out);
}

static struct tcp_pool *pool_of(struct tcp_caller *c, const struct tcp_call *call)
{
	uint8_t token[SHA256_DIGEST_SIZE];
	struct tcp_pool *p;
	hash_token(call, token);
	for (p = c->pools; p; p = p->next)
		if (strcmp(p->at, call->at) == 0 && memcmp(p->token, token, sizeof token) == 0)
			return p;
	if (strlen(call->at) >= sizeof p->at || !(p = calloc(1, sizeof *p)))
		return NULL;
	memcpy(p->at, call->at, strlen(call->at) + 1);
	memcpy(p->token, token, sizeof token);
	p->next = c->pools;
	c->pools = p;
	return p;
}

static void pool_forget_empty(struct tcp_caller *c)
{
	for (struct tcp_pool **at = &c->pools; *at;) {
		struct tcp_pool *p = *at;
		if (p->connections || p->waiting) {
			at = &p->next;
			continue;
		}
		*at = p->next;
		free(p);
	}
}

static void pool_remove(struct tcp_connection *k)
{
	if (k->prev)
		k->prev->next = k->next;
	else
		k->pool->first = k->next;
	if (k->next)
		k->next->prev = k->prev;
	k->prev = k->next = NULL;
}

static void pool_push(struct tcp_connection *k)
{
	k->next = k->pool->first;
	if (k->next)
		k->next->prev = k;
	k->pool->first = k;
}

static struct tcp_connection *pool_resting(struct tcp_pool *p)
{
	struct tcp_connection *k = p->first;
	while (k && (k->call || k->writing))
		k = k->next;
	return k;
}

/* ---- waiting calls ---- */

static void wait_append(struct tcp_pool *p, struct tcp_call *call)
{
	call->pool = p;
	call->next = NULL;
	call->prev = p->wait_last;
	*(p->wait_last ? &p->wait_last->next : &p->wait_first) = call;
	p->wait_last = call;
	p->waiting++;
}

static void wait_prepend(struct tcp_pool *p, struct tcp_call *call)
{
	call->pool = p;
	call->prev = NULL;
	call->next = p->wait_first;
	*(p->wait_first ? &p->wait_first->prev : &p->wait_last) = call;
	p->wait_first = call;
	p->waiting++;
}

static void wait_remove(struct tcp_pool *p, struct tcp_call *call)
{
	*(call->prev ? &call->prev->next : &p->wait_first) = call->next;
	*(call->next ? &call->next->prev : &p->wait_last) = call->prev;
	call->pool = NULL;
	p->waiting--;
}

/* ---- the life of a connection ---- */

static void clear_output(struct tcp_connection *k)
{
	if (k->secret && k->out.data)
		explicit_bzero(k->out.data, k->out.cap);
	k->secret = false;
	if (k->out.cap > KEEP_BYTES)
		buf_fini(&k->out);
	else
		buf_clear(&k->out);
}

static void on_closed(uv_handle_t *handle)
{
	struct tcp_connection *k = handle->data;
	struct tcp_caller *c = k->caller;
	clear_output(k);
	buf_fini(&k->out);
	buf_fini(&k->in);
	free(k);
	if (--c->handles == 0 && c->freed)
		free(c);
}

/* Its call, if it has one, is the caller's business. */
static void connection_close(struct tcp_connection *k)
{
	struct tcp_pool *p = k->pool;
	bool computing = k->call && k->connected;
	if (!p)
		return;
	if (k->call) {
		k->call->connection = NULL;
		k->call = NULL;
		p->busy--;
	}
	pool_remove(k);
	p->connections--;
	k->pool = NULL;
	if (--k->caller->connections == 0)
		uv_timer_stop(&k->caller->tick);
	/* To an orderly end the worker would answer all the same: who closes his side may still listen. */
	if (!computing || uv_tcp_close_reset(&k->tcp, on_closed))
		uv_close((uv_handle_t *)&k->tcp, on_closed);
}

static void pool_feed(struct tcp_caller *c, struct tcp_pool *p);

/* Ends the call that a connection cannot serve. */
static void connection_fail(struct tcp_connection *k, enum tcp_call_end end)
{
	struct tcp_caller *c = k->caller;
	struct tcp_pool *p = k->pool;
	struct tcp_call *call = k->call;
	if (!p)
		return;
	connection_close(k);
	pool_feed(c, p);
	if (call)
		call->cb(call->arg, end, NULL, 0);
}

static void on_written(uv_write_t *write, int status)
{
	struct tcp_connection *k = write->data;
	k->writing = false;
	if (!k->pool)
		return; /* closed meanwhile */
	clear_output(k);
	if (status)
		connection_fail(k, TCP_CALL_LOST);
	else if (!k->call)
		pool_feed(k->caller, k->pool); /* the reply was faster than this news */
}

static int write_call(struct tcp_connection *k)
{
	const struct tcp_call *call = k->call;
	if (k->greeting) {
		/* At once, so that no copy of the token stays behind a growing buffer. */
		buf_reserve(&k->out, 6 * call->token_n + call->line_n + 80);
		k->secret = true;
		buf_puts(&k->out, "{\"jsonrpc\":\"2.0\",\"method\":\"auth\",\"params\":[");
		buf_json_string(&k->out, call->token, call->token_n);
		buf_puts(&k->out, "],\"id\":0}\n");
	}
	buf_append(&k->out, call->line, call->line_n);
	if (k->out.failed)
		return ERR_NOMEM;
	uv_buf_t bytes = uv_buf_init(k->out.data, (unsigned)k->out.len);
	k->write.data = k;
	k->writing = uv_write(&k->write, (uv_stream_t *)&k->tcp, &bytes, 1, on_written) == 0;
	return k->writing ? 0 : ERR_SYS;
}

/* ---- replies ---- */

/* The call is answered; the connection serves the next, or rests. */
static void connection_rest(struct tcp_connection *k)
{
	struct tcp_caller *c = k->caller;
	struct tcp_pool *p = k->pool;
	pool_remove(k);
	pool_push(k);
	k->deadline_ms = uv_now(c->loop) + TCP_CALLER_IDLE_MS;
	pool_feed(c, p);
}

static void deliver(struct tcp_connection *k, const char *end)
{
	struct tcp_call *call = k->call;
	size_t n = (size_t)(end - k->in.data);
	struct buf in = k->in; /* the text stays whatever the callback does */
	buf_init(&k->in);
	k->call = NULL;
	k->pool->busy--;
	call->connection = NULL;
	if (in.len > n + 1) {
		log_error("direct: %s answered more than it was asked, the connection is closed", k->pool->at);
		connection_fail(k, TCP_CALL_LOST);
	} else {
		connection_rest(k);
	}
	call->cb(call->arg, TCP_CALL_REPLIED, in.data, n);
	buf_fini(&in);
}

/* False: the connection is gone. */
static bool take_greeting(struct tcp_connection *k, const char *end)
{
	size_t n = (size_t)(end - k->in.data);
	if (memmem(k->in.data, n, "\"error\"", 7)) {
		connection_fail(k, TCP_CALL_REFUSED);
		return false;
	}
	k->greeting = false;
	buf_consume(&k->in, n + 1);
	return true;
}

static void take_input(struct tcp_connection *k)
{
	for (;;) {
		const char *end = k->in.len ? memchr(k->in.data, '\n', k->in.len) : NULL;
		if (!end && k->in.len <= TCP_CALLER_REPLY_MAX)
			return;
		if (!end || !k->call) {
			log_error("direct: %s sent what was not asked for, the connection is closed", k->pool->at);
			connection_fail(k, TCP_CALL_LOST);
			return;
		}
		if (!k->greeting) {
			deliver(k, end);
			return;
		}
		if (!take_greeting(k, end))
			return;
	}
}

static void on_alloc(uv_handle_t *handle, size_t suggested, uv_buf_t *out)
{
	struct tcp_connection *k = handle->data;
	(void)suggested;
	*out = uv_buf_init(k->caller->input, sizeof k->caller->input);
}

static void on_read(uv_stream_t *stream, ssize_t n, const uv_buf_t *bytes)
{
	struct tcp_connection *k = stream->data;
	if (n == 0)
		return;
	if (n > 0) {
		buf_append(&k->in, bytes->base, (size_t)n);
		if (!k->in.failed) {
			take_input(k);
			return;
		}
	}
	connection_fail(k, TCP_CALL_LOST);
}

/* ---- dialling ---- */

static void on_connected(uv_connect_t *connect, int status)
{
	struct tcp_connection *k = connect->data;
	if (!k->pool)
		return; /* closed meanwhile */
	if (status || uv_read_start((uv_stream_t *)&k->tcp, on_alloc, on_read) || write_call(k)) {
		connection_fail(k, TCP_CALL_UNREACHED);
		return;
	}
	k->connected = true;
}

static int address_of(const char *at, struct sockaddr_storage *out)
{
	char host[ADDRESS_SIZE];
	unsigned port;
	if (address_parse(at, host, &port))
		return ERR_INVALID;
	return uv_ip4_addr(host, (int)port, (struct sockaddr_in *)out) &&
		       uv_ip6_addr(host, (int)port, (struct sockaddr_in6 *)out)
		   ? ERR_INVALID
		   : 0;
}

static void on_tick(uv_timer_t *tick);

static int dial(struct tcp_caller *c, struct tcp_pool *p, struct tcp_call *call)
{
	struct sockaddr_storage at;
	struct tcp_connection *k;
	if (address_of(p->at, &at))
		return ERR_INVALID;
	k = calloc(1, sizeof *k);
	if (!k)
		return ERR_NOMEM;
	if (uv_tcp_init(c->loop, &k->tcp)) {
		free(k);
		return ERR_SYS;
	}
	c->handles++;
	k->tcp.data = k->connect.data = k;
	k->caller = c;
	k->pool = p;
	k->call = call;
	k->greeting = call->token != NULL;
	k->deadline_ms = uv_now(c->loop) + TCP_CALLER_CONNECT_MS;
	call->connection = k;
	call->reused = false;
	p->connections++;
	p->busy++;
	pool_push(k);
	if (c->connections++ == 0)
		uv_timer_start(&c->tick, on_tick, TICK_MS, TICK_MS);
	uv_tcp_nodelay(&k->tcp, 1);
	if (uv_tcp_connect(&k->connect, &k->tcp, (const struct sockaddr *)&at, on_connected)) {
		connection_close(k);
		return ERR_SYS;
	}
	return 0;
}

static int reuse(struct tcp_connection *k, struct tcp_call *call)
{
	k->call = call;
	k->pool->busy++;
	call->connection = k;
	call->reused = true;
	if (write_call(k) == 0)
		return 0;
	connection_close(k);
	return ERR_SYS;
}

/* 0; ERR_FULL: the pool has no connection for it now; or why there can be none. */
static int place(struct tcp_caller *c, struct tcp_pool *p, struct tcp_call *call)
{
	bool room = p->connections < TCP_CALLER_CONNECTIONS;
	struct tcp_connection *k = call->fresh && room ? NULL : pool_resting(p);
	if (k)
		return reuse(k, call);
	return room ? dial(c, p, call) : ERR_FULL;
}

/* Gives waiting calls what there is. */
static void pool_feed(struct tcp_caller *c, struct tcp_pool *p)
{
	while (p->wait_first && !c->freed) {
		struct tcp_call *call = p->wait_first;
		wait_remove(p, call);
		int rc = place(c, p, call);
		if (rc == ERR_FULL) {
			wait_prepend(p, call);
			return;
		}
		if (rc)
			call->cb(call->arg, TCP_CALL_UNREACHED, NULL, 0);
	}
}

static struct tcp_connection *overdue(const struct tcp_pool *p, uint64_t now_ms)
{
	for (struct tcp_connection *k = p->first; k; k = k->next)
		if (now_ms >= k->deadline_ms && !(k->call && k->connected))
			return k;
	return NULL;
}

static void on_tick(uv_timer_t *tick)
{
	struct tcp_caller *c = tick->data;
	struct tcp_connection *k;
	for (struct tcp_pool *p = c->pools; p; p = p->next)
		while ((k = overdue(p, uv_now(c->loop))))
			connection_fail(k, TCP_CALL_UNREACHED);
	pool_forget_empty(c);
}

/* ---- the caller ---- */

int tcp_caller_send(struct tcp_caller *c, struct tcp_call *call)
{
	struct tcp_pool *p = pool_of(c, call);
	call->connection = NULL;
	call->pool = NULL;
	if (!p)
		return ERR_NOMEM;
	int rc = p->wait_first ? ERR_FULL : place(c, p, call);
	if (rc != ERR_FULL)
		return rc;
	wait_append(p, call);
	return 0;
}

void tcp_caller_cancel(struct tcp_call *call)
{
	struct tcp_connection *k = call->connection;
	if (call->pool)
		wait_remove(call->pool, call);
	if (!k)
		return;
	struct tcp_pool *p = k->pool;
	struct tcp_caller *c = k->caller;
	connection_close(k);
	pool_feed(c, p);
}

unsigned tcp_caller_load(const struct tcp_caller *c, const char *at)
{
	unsigned load = 0;
	for (const struct tcp_pool *p = c->pools; p; p = p->next)
		if (strcmp(p->at, at) == 0)
			load += p->busy + p->waiting;
	return load;
}

struct tcp_caller *tcp_caller_new(uv_loop_t *loop)
{
	struct tcp_caller *c = calloc(1, sizeof *c);
	if (!c)
		return NULL;
	c->loop = loop;
	uv_timer_init(loop, &c->tick);
	c->tick.data = c;
	c->handles = 1;
	return c;
}

static void on_tick_closed(uv_handle_t *handle)
{
	struct tcp_caller *c = handle->data;
	if (--c->handles == 0 && c->freed)
		free(c);
}

void tcp_caller_free(struct tcp_caller *c)
{
	if (!c || c->freed)
		return;
	c->freed = true;
	for (struct tcp_pool *p = c->pools; p; p = p->next)
		while (p->first)
			connection_close(p->first);
	while (c->pools) {
		struct tcp_pool *p = c->pools;
		c->pools = p->next;
		while (p->wait_first)
			wait_remove(p, p->wait_first);
		free(p);
	}
	uv_close((uv_handle_t *)&c->tick, on_tick_closed);
}
