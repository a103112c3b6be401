/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "sentinel.h"

#include <fcntl.h>
#include <hiredis/hiredis.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TIMEOUT_MS 300
#define REPLY_MAX 16384 /* bytes; a reply of ours has some 50 */
#define WHY_SIZE 120

/* A connection to one sentinel. It may be given up at any moment, while libuv still works on it: it then has no owner,
 * and its memory goes with the last of its handle and requests. */
struct visit {
	struct sentinel *owner; /* NULL: given up */
	uv_tcp_t tcp;
	uv_getaddrinfo_t resolver;
	uv_connect_t connect;
	redisReader *reader;
	unsigned refs;   /* the handle, and requests under way */
	unsigned ahead;  /* replies to AUTH that come before the answer */
	size_t received; /* since the question */
	bool resolving;
	char input[1024];
};

struct sentinel {
	uv_loop_t *loop;
	const struct rurl *where;
	unsigned timeout_ms;
	unsigned at;    /* the one that is asked, or will be first */
	unsigned tried; /* in this question */
	uv_timer_t timer;
	struct visit *visit;
	sentinel_cb *cb; /* NULL: no question is open */
	void *arg;
	char error[256];
};

/* ---- question and answer ---- */

/* Reads what a sentinel answered. 0, or ERR_PROTOCOL with `why`. */
static int read_answer(const struct rreply *reply, const char *master, struct rurl_host *out, char why[WHY_SIZE])
{
	size_t n, digits;
	const char *host = rreply_str(rreply_at(reply, 0), &n), *port = rreply_str(rreply_at(reply, 1), &digits);
	int64_t number = digits <= 5 && strspn(port, "0123456789") == digits ? rreply_int(rreply_at(reply, 1)) : 0;
	if (rreply_type(reply) == RREPLY_ERROR)
		(void)snprintf(why, WHY_SIZE, "%.100s", rreply_str(reply, NULL));
	else if (rreply_type(reply) == RREPLY_NIL)
		(void)snprintf(why, WHY_SIZE, "knows no master \"%.80s\"", master);
	else if (rreply_count(reply) != 2 || n == 0 || n >= sizeof out->host || strlen(host) != n || number < 1 ||
		 number > 65535)
		(void)snprintf(why, WHY_SIZE, "expected the host and the port of a master, got something else");
	else {
		memcpy(out->host, host, n + 1);
		out->port = (unsigned)number;
		return 0;
	}
	return ERR_PROTOCOL;
}

static void say(struct buf *out, const char *const *words)
{
	struct rcmd cmd;
	size_t n;
	rcmd_init(&cmd);
	for (; *words; words++)
		rcmd_str(&cmd, *words);
	const char *bytes = rcmd_bytes(&cmd, &n);
	buf_append(out, bytes ? bytes : "", bytes ? n : 0);
	out->failed = out->failed || !bytes;
	rcmd_fini(&cmd);
}

/* Appends AUTH, if there is a password. How many replies it brings. */
static unsigned say_auth(struct buf *out, const struct rurl *u)
{
	if (!u->sentinel_password[0])
		return 0;
	if (u->sentinel_user[0])
		say(out, (const char *const[]){ "AUTH", u->sentinel_user, u->sentinel_password, NULL });
	else
		say(out, (const char *const[]){ "AUTH", u->sentinel_password, NULL });
	return 1;
}

static void say_question(struct buf *out, const struct rurl *u)
{
	say(out, (const char *const[]){ "SENTINEL", "get-master-addr-by-name", u->master, NULL });
}

/* ---- visits ---- */

static void ask_next(struct sentinel *s);

static void visit_unref(struct visit *v)
{
	if (--v->refs)
		return;
	if (v->reader)
		redisReaderFree(v->reader);
	free(v);
}

static void on_visit_closed(uv_handle_t *tcp)
{
	visit_unref(tcp->data);
}

static void part(struct sentinel *s)
{
	struct visit *v = s->visit;
	if (!v)
		return;
	s->visit = NULL;
	v->owner = NULL;
	if (v->resolving)
		(void)uv_cancel((uv_req_t *)&v->resolver);
	uv_close((uv_handle_t *)&v->tcp, on_visit_closed);
}

static void finish(struct sentinel *s, int status, const struct rurl_host *found)
{
	sentinel_cb *cb = s->cb;
	uv_timer_stop(&s->timer);
	s->cb = NULL;
	if (cb)
		cb(s->arg, status, found ? found->host : NULL, found ? found->port : 0);
}

static void note(struct sentinel *s, const char *why)
{
	const struct rurl_host *h = &s->where->sentinels[s->at];
	size_t n = strlen(s->error);
	(void)snprintf(s->error + n, sizeof s->error - n, "%ssentinel %s:%u: %s", n ? "; " : "", h->host, h->port, why);
}

/* This one is of no use now: the next. */
static void pass_over(struct sentinel *s, const char *why)
{
	part(s);
	if (!s->cb)
		return; /* nobody is asking: only the kept connection has ended */
	note(s, why);
	s->at = (s->at + 1) % s->where->sentinel_count;
	if (++s->tried == s->where->sentinel_count)
		finish(s, ERR_UNAVAILABLE, NULL);
	else
		ask_next(s);
}

static void on_answer(struct visit *v, const struct rreply *reply)
{
	struct sentinel *s = v->owner;
	struct rurl_host found;
	char why[WHY_SIZE];
	if (v->ahead && rreply_type(reply) != RREPLY_ERROR) {
		v->ahead--;
		return;
	}
	if (!s->cb)
		pass_over(s, "spoke unasked");
	else if (read_answer(reply, s->where->master, &found, why))
		pass_over(s, why);
	else
		finish(s, 0, &found); /* may free s */
}

static void on_alloc(uv_handle_t *tcp, size_t suggested, uv_buf_t *out)
{
	struct visit *v = tcp->data;
	(void)suggested;
	*out = uv_buf_init(v->input, sizeof v->input);
}

static void on_read(uv_stream_t *tcp, ssize_t n, const uv_buf_t *bytes)
{
	struct visit *v = tcp->data;
	void *reply = NULL;
	if (n == 0 || !v->owner)
		return;
	if (n < 0) {
		pass_over(v->owner, uv_strerror((int)n));
		return;
	}
	v->received += (size_t)n;
	if (v->received > REPLY_MAX || redisReaderFeed(v->reader, bytes->base, (size_t)n) != REDIS_OK) {
		pass_over(v->owner, "expected the host and the port of a master, got a flood");
		return;
	}
	v->refs++; /* an answer may end the visit */
	while (v->owner && redisReaderGetReply(v->reader, &reply) == REDIS_OK && reply) {
		on_answer(v, reply);
		freeReplyObject(reply);
		reply = NULL;
	}
	if (v->owner && v->reader->err)
		pass_over(v->owner, "does not speak the protocol of Redis");
	visit_unref(v);
}

/* The few bytes of a question always fit into the buffer of an idle socket. */
static void put_question(struct visit *v, bool first)
{
	struct sentinel *s = v->owner;
	struct buf text = BUF_INIT;
	v->received = 0;
	if (first)
		v->ahead = say_auth(&text, s->where);
	say_question(&text, s->where);
	uv_buf_t bytes = uv_buf_init(text.data, (unsigned)text.len);
	int rc = text.failed ? UV_ENOMEM : uv_try_write((uv_stream_t *)&v->tcp, &bytes, 1);
	bool whole = rc >= 0 && (size_t)rc == text.len;
	buf_fini(&text);
	if (!whole)
		pass_over(s, rc < 0 ? uv_strerror(rc) : "takes no bytes");
}

static void on_connected(uv_connect_t *request, int status)
{
	struct visit *v = request->data;
	if (v->owner && !status)
		status = uv_read_start((uv_stream_t *)&v->tcp, on_alloc, on_read);
	if (v->owner && status) {
		pass_over(v->owner, uv_strerror(status));
	} else if (v->owner) {
		put_question(v, true);
	}
	visit_unref(v);
}

static void connect_to(struct visit *v, const struct sockaddr *at)
{
	v->connect.data = v;
	v->refs++;
	int rc = uv_tcp_connect(&v->connect, &v->tcp, at, on_connected);
	if (!rc)
		return;
	v->refs--;
	pass_over(v->owner, uv_strerror(rc));
}

static void on_resolved(uv_getaddrinfo_t *request, int status, struct addrinfo *found)
{
	struct visit *v = request->data;
	v->resolving = false;
	if (v->owner && status)
		pass_over(v->owner, uv_strerror(status));
	else if (v->owner)
		connect_to(v, found->ai_addr);
	uv_freeaddrinfo(found);
	visit_unref(v);
}

static void resolve(struct visit *v, const struct rurl_host *h)
{
	const struct addrinfo hints = { .ai_socktype = SOCK_STREAM };
	union {
		struct sockaddr any;
		struct sockaddr_in v4;
		struct sockaddr_in6 v6;
	} at;
	char port[8];
	if (uv_ip4_addr(h->host, (int)h->port, &at.v4) == 0 || uv_ip6_addr(h->host, (int)h->port, &at.v6) == 0) {
		connect_to(v, &at.any);
		return;
	}
	(void)snprintf(port, sizeof port, "%u", h->port);
	v->resolver.data = v;
	v->refs++;
	int rc = uv_getaddrinfo(v->tcp.loop, &v->resolver, on_resolved, h->host, port, &hints);
	v->resolving = rc == 0;
	if (!rc)
		return;
	v->refs--;
	pass_over(v->owner, uv_strerror(rc));
}

static void on_timeout(uv_timer_t *timer)
{
	pass_over(timer->data, "no answer in time");
}

/* A visit to the present one: the kept one, or a new one. */
static void ask_next(struct sentinel *s)
{
	uv_timer_start(&s->timer, on_timeout, s->timeout_ms, 0);
	if (s->visit) {
		put_question(s->visit, false);
		return;
	}
	struct visit *v = calloc(1, sizeof *v);
	redisReader *reader = v ? redisReaderCreate() : NULL;
	if (!reader || uv_tcp_init(s->loop, &v->tcp)) {
		if (reader)
			redisReaderFree(reader);
		free(v);
		pass_over(s, "out of memory");
		return;
	}
	v->reader = reader;
	v->tcp.data = v;
	v->owner = s;
	v->refs = 1;
	s->visit = v;
	resolve(v, &s->where->sentinels[s->at]);
}

/* ---- for the owner ---- */

struct sentinel *sentinel_new(uv_loop_t *loop, const struct rurl *where, unsigned timeout_ms, unsigned first)
{
	struct sentinel *s = calloc(1, sizeof *s);
	if (!s)
		return NULL;
	s->loop = loop;
	s->where = where;
	s->timeout_ms = timeout_ms ? timeout_ms : TIMEOUT_MS;
	s->at = first % where->sentinel_count;
	uv_timer_init(loop, &s->timer);
	s->timer.data = s;
	return s;
}

static void on_timer_closed(uv_handle_t *timer)
{
	free(timer->data);
}

void sentinel_free(struct sentinel *s)
{
	if (!s)
		return;
	s->cb = NULL;
	part(s);
	uv_close((uv_handle_t *)&s->timer, on_timer_closed);
}

void sentinel_ask(struct sentinel *s, sentinel_cb *cb, void *arg)
{
	if (s->cb)
		return;
	s->cb = cb;
	s->arg = arg;
	s->tried = 0;
	s->error[0] = '\0';
	ask_next(s);
}

void sentinel_doubt(struct sentinel *s)
{
	if (s->cb)
		return; /* the question that is open decides */
	part(s);
	s->at = (s->at + 1) % s->where->sentinel_count;
}

const char *sentinel_error(const struct sentinel *s)
{
	return s->error;
}

/* ---- the blocking variant ---- */

/* One sentinel. 0, or an error with `why`. */
static int ask_blocking(const struct rurl *where, const struct rurl_host *h, struct timeval limit,
			struct rurl_host *out, char why[WHY_SIZE])
{
	struct buf text = BUF_INIT;
	redisContext *c = redisConnectWithTimeout(h->host, (int)h->port, limit);
	redisReply *reply = NULL;
	int rc = ERR_UNAVAILABLE;
	unsigned ahead = say_auth(&text, where);
	say_question(&text, where);
	if (!c || text.failed) {
		(void)snprintf(why, WHY_SIZE, "out of memory");
		goto out;
	}
	if (!c->err) {
		fcntl(c->fd, F_SETFD, FD_CLOEXEC);
		redisSetTimeout(c, limit);
		redisAppendFormattedCommand(c, text.data, text.len);
	}
	for (unsigned i = 0; i <= ahead && !c->err; i++) {
		if (reply)
			freeReplyObject(reply);
		reply = NULL;
		if (redisGetReply(c, (void **)&reply) == REDIS_OK && reply->type == REDIS_REPLY_ERROR)
			break; /* to AUTH, it may be: what was wrong is said there */
	}
	if (reply)
		rc = read_answer((const struct rreply *)reply, where->master, out, why);
	else
		(void)snprintf(why, WHY_SIZE, "%.100s", c->errstr);
out:
	if (reply)
		freeReplyObject(reply);
	if (c)
		redisFree(c);
	buf_fini(&text);
	return rc;
}

int sentinel_find(const struct rurl *where, unsigned timeout_ms, struct rurl_host *out, struct errinfo *info)
{
	const struct timeval limit = { .tv_sec = timeout_ms / 1000,
				       .tv_usec = (suseconds_t)(timeout_ms % 1000) * 1000 };
	char all[256] = "", why[WHY_SIZE];
	for (unsigned i = 0; i < where->sentinel_count; i++) {
		const struct rurl_host *h = &where->sentinels[i];
		size_t n = strlen(all);
		if (ask_blocking(where, h, limit, out, why) == 0)
			return 0;
		(void)snprintf(all + n, sizeof all - n, "%ssentinel %s:%u: %s", n ? "; " : "", h->host, h->port, why);
	}
	return errinfo_set(info, ERR_UNAVAILABLE, "no sentinel tells where master \"%s\" is: %s", where->master, all);
}
