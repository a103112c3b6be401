/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <stdlib.h>
#include <string.h>

#include "clock.h"
#include "log.h"
#include "rlink_state.h"

/* How a link lives. The library's side of it, the socket and the bytes, is in rlink_hiredis.c. */

#define BACKOFF_FIRST_MS 50
#define BACKOFF_MOST_MS 2000
#define BACKOFF_LOCATED_MS 500 /* most, where each attempt asks anew where Redis is: that is what is waited for */

static void start(struct rlink *l);
static void on_retry(uv_timer_t *timer);

void rlink_unref(struct rlink *l)
{
	if (--l->refs)
		return;
	while (l->spare) {
		struct rlink_call *c = l->spare;
		l->spare = c->next;
		free(c);
	}
	free(l->name);
	free(l);
}

void rlink_note_error(struct rlink *l, const char *text)
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
	l->state = RLINK_DOWN;
	uv_timer_start(&l->retry, on_retry, wait_ms, 0);
}

/* Once for each time that Redis is away: what goes on longer is for the debug level. */
static void complain(struct rlink *l)
{
	char place[300];
	locator_place(l->locator, place, sizeof place);
	log_write(l->complained || l->options.quiet ? LOG_DEBUG : LOG_WARN, NULL,
		  "redis: link %s cannot connect to %s: %s", l->name, place, l->error);
	l->complained = true;
}

void rlink_ended(struct rlink *l)
{
	bool was_up = l->state == RLINK_UP || l->state == RLINK_LOST;
	l->stats.in_flight = 0;
	if (l->state == RLINK_CLOSED)
		return;
	locator_watch(l->locator, false);
	if (l->state == RLINK_CONNECTING)
		complain(l);
	if (!was_up)
		locator_doubt(l->locator); /* it led us to what was of no use */
	retry_later(l);
	if (was_up) {
		l->stats.losses++;
		log_write(l->options.quiet ? LOG_DEBUG : LOG_WARN, NULL, "redis: link %s lost: %s", l->name,
			  l->error[0] ? l->error : "closed by the server");
	}
	if (was_up && l->options.on_state)
		l->options.on_state(l->options.arg, false);
}

/* ---- calls ---- */

/* True for replies that say "not now": nothing was done, and the caller may come again. */
static bool says_unavailable(const char *error, bool *stale)
{
	static const struct {
		const char *prefix;
		bool stale; /* this connection leads to the wrong place, or lacks the functions: greet anew */
	} table[] = {
		{ "OOM ", false },
		{ "BUSY", false },
		{ "MISCONF", false },
		{ "NOREPLICAS", false },
		{ "CLUSTERDOWN", false },
		{ "MOVED ", false },
		{ "ASK ", false },
		{ "TRYAGAIN", false },
		{ "LOADING", true },
		{ "READONLY", true },
		{ "MASTERDOWN", true },
		{ "UNBLOCKED", true },
		{ "ERR Function not found", true },
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
		return l->state == RLINK_CLOSED ? ERR_CLOSED : ERR_UNKNOWN;
	if (reply->type != REDIS_REPLY_ERROR) {
		l->stats.last_reply_us = l->progress_us;
		if (l->state == RLINK_UP)
			l->backoff_ms = BACKOFF_FIRST_MS; /* only now: a link that comes up may be of no use yet */
		return 0;
	}
	l->stats.errors++;
	rlink_note_error(l, reply->str);
	if (!says_unavailable(reply->str, &stale))
		return ERR_PROTOCOL;
	if (stale && l->state == RLINK_UP)
		rlink_drop(l, reply->str);
	return ERR_UNAVAILABLE;
}

/* The call is over. */
static void recycle(struct rlink *l, struct rlink_call *call)
{
	if (call->again) {
		rcmd_fini(call->again);
		free(call->again);
	}
	call->next = l->spare;
	l->spare = call;
}

/* The node says that it is not the one to ask. True: somebody else answers the call. */
static bool goes_elsewhere(struct rlink *l, const struct rlink_call *call, const redisReply *reply)
{
	static const char *const words[] = { "MOVED ", "ASK ", "TRYAGAIN", "CLUSTERDOWN" };
	if (!l->options.on_elsewhere || !reply || reply->type != REDIS_REPLY_ERROR || l->state != RLINK_UP)
		return false;
	for (size_t i = 0; i < sizeof words / sizeof *words; i++)
		if (strncmp(reply->str, words[i], strlen(words[i])) == 0)
			return l->options.on_elsewhere(l->options.arg, reply->str, call->again, call->cb, call->arg);
	return false;
}

void rlink_answered(struct rlink_call *call, const redisReply *reply)
{
	struct rlink *l = call->link;
	if (l->stats.in_flight)
		l->stats.in_flight--;
	if (reply) {
		l->progress_us = clock_mono_us();
		l->stats.replies++;
		if (l->options.seconds)
			metrics_observe(l->options.seconds, l->progress_us - call->given_us);
	} else if (l->state != RLINK_CLOSED) {
		l->state = l->state == RLINK_UP ? RLINK_LOST : l->state; /* before callers try to send again */
	}
	int status = classify(l, reply);
	rlink_reply_cb *cb = goes_elsewhere(l, call, reply) ? NULL : call->cb;
	void *arg = call->arg;
	recycle(l, call);
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

static struct rlink_call *call_new(struct rlink *l)
{
	struct rlink_call *c = l->spare;
	if (c)
		l->spare = c->next;
	else
		c = malloc(sizeof *c);
	return c;
}

/* So that it can be sent to another node. */
static int keep_command(struct rlink_call *call, const struct rcmd *cmd)
{
	call->again = malloc(sizeof *call->again);
	if (!call->again)
		return ERR_NOMEM;
	if (rcmd_copy(call->again, cmd) == 0)
		return 0;
	free(call->again);
	call->again = NULL;
	return ERR_NOMEM;
}

int rlink_send(struct rlink *l, struct rcmd *cmd, rlink_reply_cb *cb, void *arg)
{
	size_t len;
	if (l->state != RLINK_UP && l->state != RLINK_GREETING)
		return ERR_UNAVAILABLE;
	if (l->stats.in_flight >= l->options.max_in_flight || rlink_wire_unsent(l) >= l->options.max_pending_bytes)
		return ERR_UNAVAILABLE;
	const char *bytes = rcmd_bytes(cmd, &len);
	struct rlink_call *call = bytes ? call_new(l) : NULL;
	if (!call)
		return ERR_NOMEM;
	*call = (struct rlink_call){ l, cb, arg, l->options.seconds ? clock_mono_us() : 0, NULL, NULL };
	if ((cmd->follows && l->options.on_elsewhere && keep_command(call, cmd)) ||
	    !rlink_wire_give(l, call, bytes, len)) {
		recycle(l, call);
		return ERR_NOMEM;
	}
	if (l->stats.in_flight++ == 0) {
		l->progress_us = clock_mono_us();
		if (!uv_is_active((uv_handle_t *)&l->watchdog))
			uv_timer_start(&l->watchdog, on_watchdog, l->options.command_timeout_ms, 0);
	}
	l->stats.commands++;
	l->stats.bytes_out += len;
	if (cmd->taken_by)
		*cmd->taken_by = l;
	return 0;
}

void rlink_flush(struct rlink *l)
{
	if (!l->dirty || !l->context)
		return;
	l->dirty = false;
	rlink_wire_write(l);
}

static void on_prepare(uv_prepare_t *prepare)
{
	rlink_flush(prepare->data);
}

void rlink_drop(struct rlink *l, const char *why)
{
	if (!l->context || l->state == RLINK_LOST)
		return;
	rlink_note_error(l, why);
	if (l->state == RLINK_UP)
		l->state = RLINK_LOST;
	rlink_wire_close(l);
}

/* ---- greeting ---- */

void rlink_greeted(struct rlink *l, int status)
{
	if (l->state != RLINK_GREETING)
		return;
	if (status) {
		log_write(l->options.quiet ? LOG_DEBUG : LOG_WARN, NULL, "redis: link %s not usable: %s", l->name,
			  l->error[0] ? l->error : err_text(status));
		rlink_wire_close(l);
		return;
	}
	l->state = RLINK_UP;
	l->error[0] = '\0'; /* what went wrong before has nothing to do with what may come */
	l->stats.connects++;
	l->complained = false;
	log_debug("redis: link %s is up", l->name);
	if (l->options.on_state)
		l->options.on_state(l->options.arg, true);
}

static void on_greeting(void *arg, int status, const struct rreply *reply)
{
	struct rlink *l = arg;
	if (l->state != RLINK_GREETING || l->greetings == 0)
		return;
	/* ROLE is the only one that answers with an array. */
	if (!status && !l->options.any_role && rreply_count(reply) &&
	    strcmp(rreply_str(rreply_at(reply, 0), NULL), "master") != 0) {
		rlink_note_error(l, "this Redis is a replica, the master is needed");
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
	l->state = RLINK_GREETING;
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

void rlink_connected(struct rlink *l)
{
	uv_timer_stop(&l->retry);
	greet(l);
}

static void fail_connect(struct rlink *l)
{
	complain(l);
	locator_doubt(l->locator);
	retry_later(l);
}

static void on_located(void *arg, int status, const char *address, unsigned port)
{
	struct rlink *l = arg;
	if (status)
		rlink_note_error(l, locator_error(l->locator));
	if (status || !rlink_wire_open(l, address, port)) {
		fail_connect(l);
		return;
	}
	uv_timer_start(&l->retry, on_retry, l->options.connect_timeout_ms, 0);
	locator_watch(l->locator, true);
}

static void on_moved(void *arg, const char *why)
{
	rlink_drop(arg, why);
}

/* The end of a back-off, or of the time allowed for connecting, or of a greeting that could not be said. */
static void on_retry(uv_timer_t *timer)
{
	struct rlink *l = timer->data;
	if (l->state == RLINK_CONNECTING || l->state == RLINK_GREETING) {
		rlink_note_error(l, l->state == RLINK_CONNECTING ? "timed out connecting" : "out of memory");
		rlink_wire_close(l);
	} else if (l->state == RLINK_DOWN) {
		start(l);
	}
}

static void start(struct rlink *l)
{
	l->state = RLINK_LOCATING;
	locator_find(l->locator, on_located);
}

static unsigned or_else(unsigned given, unsigned usual)
{
	return given ? given : usual;
}

static void take_options(struct rlink *l, const struct rlink_options *options)
{
	l->options = *options;
	l->options.url = NULL; /* was the caller's, as was `at`; `where` has it */
	l->options.at = NULL;
	l->options.name = l->name;
	l->options.connect_timeout_ms = or_else(options->connect_timeout_ms, 1000);
	l->options.command_timeout_ms = or_else(options->command_timeout_ms, 2000);
	l->options.max_pending_bytes = options->max_pending_bytes ? options->max_pending_bytes : 4u << 20;
	l->options.max_in_flight = or_else(options->max_in_flight, 16384);
}

struct rlink *rlink_new(uv_loop_t *loop, const struct rlink_options *options, struct errinfo *info)
{
	struct rurl where = { 0 };
	bool leads = options->url || options->at;
	if (options->at)
		where = *options->at;
	else if (options->url && rurl_parse(options->url, &where, info))
		return NULL;
	if (where.node_count) {
		errinfo_set(info, ERR_INVALID, "expected the URL of one Redis, got that of a cluster");
		return NULL;
	}
	struct rlink *l = calloc(1, sizeof *l);
	char *name = strdup(options->name ? options->name : "square");
	unsigned seed = (unsigned)clock_mono_us() ^ (unsigned)((uintptr_t)l >> 4);
	if (l)
		l->where = where;
	if (!l || !name || (leads && !(l->locator = locator_new(loop, &l->where, seed, on_moved, l)))) {
		free(l);
		free(name);
		errinfo_set(info, ERR_NOMEM, "out of memory");
		return NULL;
	}
	l->loop = loop;
	l->name = name;
	take_options(l, options);
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
	if (leads)
		start(l);
	return l;
}

static void on_handle_closed(uv_handle_t *handle)
{
	rlink_unref(handle->data);
}

void rlink_free(struct rlink *l)
{
	if (!l || l->state == RLINK_CLOSED)
		return;
	l->state = RLINK_CLOSED;
	if (l->companion)
		l->companion_gone(l->companion);
	locator_free(l->locator);
	uv_close((uv_handle_t *)&l->prepare, on_handle_closed);
	uv_close((uv_handle_t *)&l->retry, on_handle_closed);
	uv_close((uv_handle_t *)&l->watchdog, on_handle_closed);
	if (l->context)
		rlink_wire_close(l);
}

bool rlink_up(const struct rlink *l)
{
	return l->state == RLINK_UP;
}

const char *rlink_error(const struct rlink *l)
{
	return l->error;
}

void rlink_stats(const struct rlink *l, struct rlink_stats *out)
{
	*out = l->stats;
}

void rlink_explain(struct rlink *l, const char *text)
{
	rlink_note_error(l, text);
}

void rlink_keep(struct rlink *l, void *thing)
{
	l->kept = thing;
}

void *rlink_kept(const struct rlink *l)
{
	return l->kept;
}

void rlink_accompany(struct rlink *l, void *companion, void (*gone)(void *companion))
{
	l->companion = companion;
	l->companion_gone = gone;
}

void *rlink_companion(const struct rlink *l)
{
	return l->companion;
}

uv_loop_t *rlink_loop(const struct rlink *l)
{
	return l->loop;
}
