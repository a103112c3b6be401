/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "rlink.h"

#include <errno.h>
#include <fcntl.h>
#include <hiredis/async.h>
#include <hiredis/hiredis.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "clock.h"
#include "locator.h"
#include "log.h"
#include "rurl.h"

/* How the library is driven. hiredis owns the socket and the two byte buffers; this file owns time, the event loop and
 * writing.
 * The adapter below is our own, because the one that comes with hiredis 0.14 loses connection errors (libuv reports
 * them as a negative status, the adapter returns) and re-registers the socket on every command. Here a command only
 * marks the link dirty; one write follows in the prepare phase of the loop, and EPOLLOUT is armed only while connecting
 * or after a partial write.
 *
 * A connection ends in exactly one place, on_cleanup(), which hiredis calls last for every context that had its hooks
 * set, whatever the cause. It runs inside the library, so it only notes the loss and arms the back-off timer. */

enum state { STATE_DOWN, STATE_LOCATING, STATE_CONNECTING, STATE_GREETING, STATE_UP, STATE_LOST, STATE_CLOSED };

#define BACKOFF_FIRST_MS 50
#define BACKOFF_MOST_MS 2000
#define OUT_KEEP_BYTES (64u << 10) /* of the buffer of what is to be sent, when it is empty */
#define BACKOFF_LOCATED_MS 500     /* most, where each attempt asks anew where Redis is: that is what is waited for */

struct call {
	struct rlink *link;
	rlink_reply_cb *cb;
	void *arg;
	uint64_t given_us; /* when somebody measures */
	struct call *next; /* in the free list */
};

struct rlink {
	uv_loop_t *loop;
	struct rlink_options options;
	struct rurl where;
	struct locator *locator;
	char *name;
	enum state state;
	unsigned refs; /* open handles and the context: the memory goes with the last */

	redisAsyncContext *context;
	uv_poll_t *poll; /* of this context; its memory outlives the context until libuv has closed it */
	int events;      /* armed in poll */
	bool dirty;      /* something is to be written */
	bool complained; /* about this absence of Redis */

	uv_prepare_t prepare;
	uv_timer_t retry;    /* end of a back-off, or of the time to connect */
	uv_timer_t watchdog; /* runs while commands are in flight */

	unsigned backoff_ms;
	uint64_t progress_us; /* the last reply, or when the first command in flight was given */
	struct call *spare;
	unsigned greetings; /* replies of the greeting still to come */
	char error[200];
	unsigned random;
	struct rlink_stats stats;
};

static void start(struct rlink *l);
static void on_retry(uv_timer_t *timer);
static void on_poll(uv_poll_t *poll, int status, int events);

static void unref(struct rlink *l)
{
	if (--l->refs)
		return;
	while (l->spare) {
		struct call *c = l->spare;
		l->spare = c->next;
		free(c);
	}
	free(l->name);
	free(l);
}

static void note_error(struct rlink *l, const char *text)
{
	if (text[0])
		snprintf(l->error, sizeof l->error, "%s", text);
}

/* Full jitter: anything from nothing to the present back-off, so that many clients do not come back at once. */
static void retry_later(struct rlink *l)
{
	l->random = l->random * 1664525u + 1013904223u;
	unsigned wait_ms = (l->random >> 8) % (l->backoff_ms + 1);
	unsigned most_ms = locator_changes(l->locator) ? BACKOFF_LOCATED_MS : BACKOFF_MOST_MS;
	l->backoff_ms = l->backoff_ms * 2 > most_ms ? most_ms : l->backoff_ms * 2;
	l->state = STATE_DOWN;
	uv_timer_start(&l->retry, on_retry, wait_ms, 0);
}

/* ---- the adapter: hiredis asks, libuv watches ---- */

static void on_poll_closed(uv_handle_t *handle)
{
	struct rlink *l = handle->data;
	free(handle);
	unref(l);
}

static void watch(struct rlink *l, int events)
{
	if (events != l->events && l->poll) {
		l->events = events;
		uv_poll_start(l->poll, events, on_poll);
	}
}

/* Writes what is there, and waits for room if not all of it went. Not the library's own: that gives its buffer back
 * after each write and crashes when there is no memory for an empty one. */
static void write_out(struct rlink *l)
{
	redisContext *c = &l->context->c;
	ssize_t n = sdslen(c->obuf) ? write(c->fd, c->obuf, sdslen(c->obuf)) : 0;
	if (n < 0 && errno != EAGAIN && errno != EINTR) {
		if (c->flags & REDIS_IN_CALLBACK)
			l->dirty = true; /* the prepare phase finds the error again: not under the library's hands */
		else
			rlink_drop(l, strerror(errno));
		return;
	}
	if (n > 0)
		sdsrange(c->obuf, (int)n, -1);
	sds spare = sdslen(c->obuf) == 0 && sdsalloc(c->obuf) > OUT_KEEP_BYTES ? sdsempty() : NULL;
	if (spare) {
		sdsfree(c->obuf);
		c->obuf = spare;
	}
	watch(l, sdslen(c->obuf) ? UV_READABLE | UV_WRITABLE : UV_READABLE);
}

/* An error condition on the socket comes as a negative status: reading finds out which one it is. */
static void on_poll(uv_poll_t *poll, int status, int events)
{
	struct rlink *l = poll->data;
	if (poll != l->poll)
		return;
	if (status < 0) {
		l->events = 0; /* libuv has stopped the handle */
		events = UV_READABLE;
	}
	if (l->state == STATE_CONNECTING)
		events = UV_READABLE; /* completes the connect, or reports why not */
	if (events & UV_READABLE)
		redisAsyncHandleRead(l->context);
	if (poll == l->poll && (events & UV_WRITABLE))
		write_out(l);
}

static void on_add_read(void *data)
{
	struct rlink *l = data;
	watch(l, l->events | UV_READABLE);
}

static void on_del_read(void *data)
{
	struct rlink *l = data;
	watch(l, l->events & ~UV_READABLE);
}

static void on_add_write(void *data)
{
	struct rlink *l = data;
	if (l->state == STATE_CONNECTING)
		watch(l, l->events | UV_WRITABLE | UV_READABLE);
	else
		l->dirty = true;
}

static void on_del_write(void *data)
{
	struct rlink *l = data;
	if (l->events & UV_WRITABLE)
		watch(l, UV_READABLE);
}

/* Once for each time that Redis is away: what goes on longer is for the debug level. */
static void complain(struct rlink *l)
{
	char place[300];
	locator_place(l->locator, place, sizeof place);
	log_write(l->complained ? LOG_DEBUG : LOG_WARN, NULL, "redis: link %s cannot connect to %s: %s", l->name, place,
		  l->error);
	l->complained = true;
}

/* The one end of every connection. */
static void on_cleanup(void *data)
{
	struct rlink *l = data;
	bool was_up = l->state == STATE_UP || l->state == STATE_LOST;
	note_error(l, l->context->c.errstr);
	l->context = NULL;
	l->dirty = false;
	l->events = 0;
	uv_poll_stop(l->poll);
	uv_close((uv_handle_t *)l->poll, on_poll_closed);
	l->poll = NULL;
	l->stats.in_flight = 0;
	if (l->state != STATE_CLOSED) {
		locator_watch(l->locator, false);
		if (l->state == STATE_CONNECTING)
			complain(l);
		if (!was_up)
			locator_doubt(l->locator); /* it led us to what was of no use */
		retry_later(l);
		if (was_up) {
			l->stats.losses++;
			log_warn("redis: link %s lost: %s", l->name, l->error[0] ? l->error : "closed by the server");
			if (l->options.on_state)
				l->options.on_state(l->options.arg, false);
		}
	}
	unref(l);
}

/* ---- calls ---- */

/* True for replies that say "not now": nothing was done, and the caller may come again. */
static bool says_unavailable(const char *error, bool *stale)
{
	static const struct {
		const char *prefix;
		bool stale; /* this connection leads to the wrong place, or lacks the functions: greet anew */
	} table[] = {
		{ "OOM ", false },        { "BUSY", false },
		{ "MISCONF", false },     { "NOREPLICAS", false },
		{ "CLUSTERDOWN", false }, { "LOADING", true },
		{ "READONLY", true },     { "MASTERDOWN", true },
		{ "UNBLOCKED", true },    { "ERR Function not found", true },
	};
	for (size_t i = 0; i < sizeof table / sizeof *table; i++)
		if (strncmp(error, table[i].prefix, strlen(table[i].prefix)) == 0) {
			*stale = table[i].stale;
			return true;
		}
	return false;
}

static int classify(struct rlink *l, const redisReply *reply)
{
	bool stale = false;
	if (!reply)
		return l->state == STATE_CLOSED ? ERR_CLOSED : ERR_UNKNOWN;
	if (reply->type != REDIS_REPLY_ERROR) {
		l->stats.last_reply_us = l->progress_us;
		if (l->state == STATE_UP)
			l->backoff_ms = BACKOFF_FIRST_MS; /* only now: a link that comes up may be of no use yet */
		return 0;
	}
	l->stats.errors++;
	note_error(l, reply->str);
	if (!says_unavailable(reply->str, &stale))
		return ERR_PROTOCOL;
	if (stale && l->state == STATE_UP)
		rlink_drop(l, reply->str);
	return ERR_UNAVAILABLE;
}

static void on_reply(redisAsyncContext *context, void *raw, void *data)
{
	struct call *call = data;
	struct rlink *l = call->link;
	const redisReply *reply = raw;
	(void)context;
	if (l->stats.in_flight)
		l->stats.in_flight--;
	if (reply) {
		l->progress_us = clock_mono_us();
		l->stats.replies++;
		if (l->options.seconds)
			metrics_observe(l->options.seconds, l->progress_us - call->given_us);
	} else if (l->state != STATE_CLOSED) {
		l->state = l->state == STATE_UP ? STATE_LOST : l->state; /* before callers try to send again */
	}
	int status = classify(l, reply);
	rlink_reply_cb *cb = call->cb;
	void *arg = call->arg;
	call->next = l->spare;
	l->spare = call;
	if (cb)
		cb(arg, status, (const struct rreply *)reply);
}

static void on_watchdog(uv_timer_t *timer)
{
	struct rlink *l = timer->data;
	if (l->stats.in_flight == 0)
		return;
	uint64_t silent_ms = (clock_mono_us() - l->progress_us) / 1000;
	if (silent_ms >= l->options.command_timeout_ms)
		rlink_drop(l, "no answer in time");
	else
		uv_timer_start(timer, on_watchdog, l->options.command_timeout_ms - silent_ms, 0);
}

static struct call *call_new(struct rlink *l)
{
	struct call *c = l->spare;
	if (c)
		l->spare = c->next;
	else
		c = malloc(sizeof *c);
	return c;
}

/* The library does not say when memory ran out for one of the two things that a command needs: a place in the row of
 * callbacks, without which each later reply would go to the caller before, and room for its bytes, without which there
 * would be no reply. Then the other one is taken back. */
static bool hand_over(redisAsyncContext *c, struct call *call, const char *bytes, size_t len)
{
	redisCallback *last = c->replies.tail;
	size_t before = sdslen(c->c.obuf);
	if (redisAsyncFormattedCommand(c, on_reply, call, bytes, len) != REDIS_OK)
		return false;
	bool in_row = c->replies.tail != last, in_buffer = sdslen(c->c.obuf) == before + len;
	if (in_row && !in_buffer) {
		free(c->replies.tail);
		c->replies.tail = last;
		*(last ? &last->next : &c->replies.head) = NULL;
	} else if (in_buffer && !in_row) {
		sdsIncrLen(c->c.obuf, -(int)len);
	}
	return in_row && in_buffer;
}

int rlink_send(struct rlink *l, struct rcmd *cmd, rlink_reply_cb *cb, void *arg)
{
	size_t len;
	if (l->state != STATE_UP && l->state != STATE_GREETING)
		return ERR_UNAVAILABLE;
	if (l->stats.in_flight >= l->options.max_in_flight ||
	    sdslen(l->context->c.obuf) >= l->options.max_pending_bytes)
		return ERR_UNAVAILABLE;
	const char *bytes = rcmd_bytes(cmd, &len);
	struct call *call = bytes ? call_new(l) : NULL;
	if (!call)
		return ERR_NOMEM;
	*call = (struct call){ l, cb, arg, l->options.seconds ? clock_mono_us() : 0, NULL };
	if (!hand_over(l->context, call, bytes, len)) {
		call->next = l->spare;
		l->spare = call;
		return ERR_NOMEM;
	}
	if (l->stats.in_flight++ == 0) {
		l->progress_us = clock_mono_us();
		if (!uv_is_active((uv_handle_t *)&l->watchdog))
			uv_timer_start(&l->watchdog, on_watchdog, l->options.command_timeout_ms, 0);
	}
	l->stats.commands++;
	l->stats.bytes_out += len;
	return 0;
}

void rlink_flush(struct rlink *l)
{
	if (!l->dirty || !l->context)
		return;
	l->dirty = false;
	write_out(l);
}

static void on_prepare(uv_prepare_t *prepare)
{
	rlink_flush(prepare->data);
}

void rlink_drop(struct rlink *l, const char *why)
{
	if (!l->context || l->state == STATE_LOST)
		return;
	note_error(l, why);
	if (l->state == STATE_UP)
		l->state = STATE_LOST;
	redisAsyncFree(l->context);
}

/* ---- greeting ---- */

void rlink_greeted(struct rlink *l, int status)
{
	if (l->state != STATE_GREETING)
		return;
	if (status) {
		log_warn("redis: link %s not usable: %s", l->name, l->error[0] ? l->error : err_text(status));
		redisAsyncFree(l->context);
		return;
	}
	l->state = STATE_UP;
	l->stats.connects++;
	l->complained = false;
	log_debug("redis: link %s is up", l->name);
	if (l->options.on_state)
		l->options.on_state(l->options.arg, true);
}

static void on_greeting(void *arg, int status, const struct rreply *reply)
{
	struct rlink *l = arg;
	if (l->state != STATE_GREETING || l->greetings == 0)
		return;
	/* ROLE is the only one that answers with an array. */
	if (!status && rreply_count(reply) && strcmp(rreply_str(rreply_at(reply, 0), NULL), "master") != 0) {
		note_error(l, "this Redis is a replica, the master is needed");
		status = ERR_UNAVAILABLE;
	}
	if (status) {
		l->greetings = 0;
		rlink_greeted(l, status);
	} else if (--l->greetings == 0) {
		if (l->options.on_greet)
			l->options.on_greet(l, l->options.arg);
		else
			rlink_greeted(l, 0);
	}
}

static void say(struct rlink *l, int argc, const char *const *argv)
{
	struct rcmd cmd;
	rcmd_init(&cmd);
	for (int i = 0; i < argc; i++)
		rcmd_str(&cmd, argv[i]);
	if (rlink_send(l, &cmd, on_greeting, l) == 0)
		l->greetings++;
	else
		uv_timer_start(&l->retry, on_retry, 0, 0); /* no memory: a greeting in part would never end */
	rcmd_fini(&cmd);
}

static void greet(struct rlink *l)
{
	const struct rurl *u = &l->where;
	char db[16];
	snprintf(db, sizeof db, "%u", u->db);
	l->state = STATE_GREETING;
	l->greetings = 0;
	if (u->password[0] && u->user[0])
		say(l, 3, (const char *const[]){ "AUTH", u->user, u->password });
	else if (u->password[0])
		say(l, 2, (const char *const[]){ "AUTH", u->password });
	if (u->db)
		say(l, 2, (const char *const[]){ "SELECT", db });
	say(l, 3, (const char *const[]){ "CLIENT", "SETNAME", l->name });
	say(l, 1, (const char *const[]){ "ROLE" });
}

/* ---- connecting ---- */

static void on_connect(const redisAsyncContext *context, int status)
{
	struct rlink *l = context->data;
	if (status != REDIS_OK)
		return; /* the library frees the context: on_cleanup follows */
	uv_timer_stop(&l->retry);
	if (!l->where.path[0]) {
		int on = 1, silent_ms = (int)l->options.command_timeout_ms + 1000;
		setsockopt(context->c.fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
		setsockopt(context->c.fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof on);
		setsockopt(context->c.fd, IPPROTO_TCP, TCP_USER_TIMEOUT, &silent_ms, sizeof silent_ms);
	}
	greet(l);
}

static void fail_connect(struct rlink *l, const char *why)
{
	note_error(l, why);
	complain(l);
	locator_doubt(l->locator);
	retry_later(l);
}

static void begin_connect(struct rlink *l, const char *address, unsigned port)
{
	redisAsyncContext *c =
	    l->where.path[0] ? redisAsyncConnectUnix(l->where.path) : redisAsyncConnect(address, (int)port);
	if (!c || c->err) {
		fail_connect(l, c ? c->errstr : "out of memory");
		if (c)
			redisAsyncFree(c);
		return;
	}
	uv_poll_t *poll = malloc(sizeof *poll);
	int rc = poll ? uv_poll_init(l->loop, poll, c->c.fd) : UV_ENOMEM;
	if (rc) {
		free(poll);
		redisAsyncFree(c);
		fail_connect(l, uv_strerror(rc));
		return;
	}
	fcntl(c->c.fd, F_SETFD, FD_CLOEXEC); /* or children would inherit an authenticated connection */
	poll->data = l;
	l->refs += 2; /* the poll handle and the context */
	l->poll = poll;
	l->events = 0;
	l->context = c;
	l->state = STATE_CONNECTING;
	l->stats.in_flight = 0;
	c->data = l;
	c->ev = (__typeof__(c->ev)){ .data = l,
				     .addRead = on_add_read,
				     .delRead = on_del_read,
				     .addWrite = on_add_write,
				     .delWrite = on_del_write,
				     .cleanup = on_cleanup };
	uv_timer_start(&l->retry, on_retry, l->options.connect_timeout_ms, 0);
	locator_watch(l->locator, true);
	redisAsyncSetConnectCallback(c, on_connect);
}

static void on_located(void *arg, int status, const char *address, unsigned port)
{
	struct rlink *l = arg;
	if (status)
		fail_connect(l, locator_error(l->locator));
	else
		begin_connect(l, address, port);
}

static void on_moved(void *arg, const char *why)
{
	rlink_drop(arg, why);
}

/* The end of a back-off, or of the time allowed for connecting, or of a greeting that could not be said. */
static void on_retry(uv_timer_t *timer)
{
	struct rlink *l = timer->data;
	if (l->state == STATE_CONNECTING || l->state == STATE_GREETING) {
		note_error(l, l->state == STATE_CONNECTING ? "timed out connecting" : "out of memory");
		redisAsyncFree(l->context);
	} else if (l->state == STATE_DOWN) {
		start(l);
	}
}

static void start(struct rlink *l)
{
	l->state = STATE_LOCATING;
	locator_find(l->locator, on_located);
}

struct rlink *rlink_new(uv_loop_t *loop, const struct rlink_options *options, struct errinfo *info)
{
	struct rurl where;
	if (rurl_parse(options->url, &where, info))
		return NULL;
	struct rlink *l = calloc(1, sizeof *l);
	char *name = strdup(options->name ? options->name : "square");
	unsigned seed = (unsigned)clock_mono_us() ^ (unsigned)((uintptr_t)l >> 4);
	if (l)
		l->where = where;
	if (!l || !name || !(l->locator = locator_new(loop, &l->where, seed, on_moved, l))) {
		free(l);
		free(name);
		errinfo_set(info, ERR_NOMEM, "out of memory");
		return NULL;
	}
	l->loop = loop;
	l->name = name;
	l->options = *options;
	l->options.url = NULL; /* was the caller's; `where` has it */
	l->options.name = l->name;
	l->options.connect_timeout_ms = options->connect_timeout_ms ? options->connect_timeout_ms : 1000;
	l->options.command_timeout_ms = options->command_timeout_ms ? options->command_timeout_ms : 2000;
	l->options.max_pending_bytes = options->max_pending_bytes ? options->max_pending_bytes : 4u << 20;
	l->options.max_in_flight = options->max_in_flight ? options->max_in_flight : 16384;
	l->backoff_ms = BACKOFF_FIRST_MS;
	l->random = seed;
	l->prepare.data = l->retry.data = l->watchdog.data = l;
	uv_prepare_init(loop, &l->prepare);
	uv_timer_init(loop, &l->retry);
	uv_timer_init(loop, &l->watchdog);
	l->refs = 3;
	/* libuv runs the prepare handles that were started last first: the owner's, started after this one, may still
	 * give commands that leave in the same turn. */
	uv_prepare_start(&l->prepare, on_prepare);
	uv_unref((uv_handle_t *)&l->prepare);
	start(l);
	return l;
}

static void on_handle_closed(uv_handle_t *handle)
{
	unref(handle->data);
}

void rlink_free(struct rlink *l)
{
	if (!l || l->state == STATE_CLOSED)
		return;
	l->state = STATE_CLOSED;
	locator_free(l->locator);
	uv_close((uv_handle_t *)&l->prepare, on_handle_closed);
	uv_close((uv_handle_t *)&l->retry, on_handle_closed);
	uv_close((uv_handle_t *)&l->watchdog, on_handle_closed);
	if (l->context)
		redisAsyncFree(l->context);
}

bool rlink_up(const struct rlink *l)
{
	return l->state == STATE_UP;
}

const char *rlink_error(const struct rlink *l)
{
	return l->error;
}

void rlink_stats(const struct rlink *l, struct rlink_stats *out)
{
	*out = l->stats;
}
