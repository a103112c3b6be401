/* SPDX-License-Identifier: GPL-3.0-or-later */
/* When an end may be told (why, and what INFO says: queue_gate.c, which does the same for submissions).
 *
 * Replies of one connection come in order: whatever has been answered when the reply of an INFO arrives was executed
 * before it. So one INFO settles all that is held at that moment; while one is under way, no other is sent. When it
 * says that the file is not there yet, it is asked again after 1 ms, then less often.
 *
 * What ended more than 3 s ago is on file: Redis holds a write back for two. How long ago, its own clock tells, which
 * comes with each INFO and is carried on by ours for 10 s; so a client that asks again for an old result costs Redis
 * nothing, and a clock that was set back is believed for no longer than that.
 *
 * A Redis that cannot write (disk full) keeps what it could not write in memory: new ends are not told then
 * (ERR_UNAVAILABLE), old ones are. Should the very turn in which the write failed have ended a job, that end is told
 * after 3 s, though it is not on file; reliability.md says so. */
#include "queue_seal.h"

#include <stdlib.h>
#include <string.h>

#include "clock.h"
#include "durability.h"
#include "log.h"

#define AGAIN_FIRST_MS 1
#define AGAIN_MOST_MS 10
#define OLD_US 3000000
#define CLOCK_GOOD_US 10000000
#define HOLD_MOST_US 5000000
#define WAIT 1 /* no status */

struct hold {
	struct hold *next;
	struct durability_mark mark;
	uint64_t finished_us, until_us;
	uint64_t connection; /* on which it was read */
	int status;
	queue_seal_cb *cb;
	void *arg;
};

struct queue_seal {
	struct rlink *link;
	struct hold *first, **end; /* the oldest first */
	struct rcmd info;
	uv_timer_t again;
	unsigned again_ms;
	unsigned refs;                   /* questions in flight, and the timer */
	unsigned asking;                 /* questions in flight */
	uint64_t redis_us, redis_own_us; /* the clock of Redis, and ours when it said so; 0: not known */
	bool closed;
};

static void on_again(uv_timer_t *timer);

static void unref(struct queue_seal *s)
{
	if (--s->refs)
		return;
	rcmd_fini(&s->info);
	free(s);
}

static bool is_old_at(uint64_t finished_us, uint64_t redis_us)
{
	return redis_us > OLD_US && finished_us < redis_us - OLD_US;
}

bool queue_seal_is_old(const struct queue_seal *s, uint64_t finished_us)
{
	uint64_t age_us = s->redis_us ? clock_mono_us() - s->redis_own_us : CLOCK_GOOD_US;
	return age_us < CLOCK_GOOD_US && is_old_at(finished_us, s->redis_us + age_us);
}

static uint64_t connection_of(const struct queue_seal *s)
{
	struct rlink_stats stats;
	rlink_stats(s->link, &stats);
	return stats.connects;
}

/* What is to be told of a held end by this sample (NULL: Redis gave none); WAIT: nothing yet. */
static int verdict(const struct queue_seal *s, struct hold *h, const struct durability_sample *now)
{
	if (h->connection != connection_of(s))
		return ERR_UNKNOWN;
	bool late = clock_mono_us() >= h->until_us;
	if (!now)
		return late ? ERR_UNAVAILABLE : WAIT;
	if (!now->aof || is_old_at(h->finished_us, s->redis_us) || (now->write_ok && durability_written(&h->mark, now)))
		return 0;
	return now->write_ok && !late ? WAIT : ERR_UNAVAILABLE;
}

/* Takes what is due (with WAIT: by this sample; otherwise all of it, with this status) from the list, then tells:
 * callbacks may hold anew. */
static void settle(struct queue_seal *s, const struct durability_sample *now, int status)
{
	struct hold *due = NULL, **last = &due, **at = &s->first;
	while (*at) {
		struct hold *h = *at;
		h->status = status == WAIT ? verdict(s, h, now) : status;
		if (h->status == WAIT) {
			at = &h->next;
			continue;
		}
		*at = h->next;
		*last = h;
		last = &h->next;
	}
	s->end = at;
	*last = NULL;
	while (due) {
		struct hold h = *due;
		free(due);
		due = h.next;
		h.cb(h.arg, h.status);
	}
}

/* For as long as something is held. */
static void ask_later(struct queue_seal *s)
{
	if (!s->first || s->asking || uv_is_active((uv_handle_t *)&s->again))
		return;
	uv_timer_start(&s->again, on_again, s->again_ms, 0);
	s->again_ms = s->again_ms * 2 > AGAIN_MOST_MS ? AGAIN_MOST_MS : s->again_ms * 2;
}

static void learn_time(struct queue_seal *s, const char *text)
{
	const char *at = strstr(text, "\nserver_time_usec:");
	s->redis_us = at ? strtoull(at + strlen("\nserver_time_usec:"), NULL, 10) : 0;
	s->redis_own_us = clock_mono_us();
}

static void on_info(void *arg, int status, const struct rreply *reply)
{
	struct queue_seal *s = arg;
	struct durability_sample now;
	const char *text = rreply_str(reply, NULL);
	s->asking--;
	if (s->closed)
		; /* nobody is told any more */
	else if (status == ERR_UNAVAILABLE) {
		settle(s, NULL, WAIT);
		ask_later(s);
	} else if (status == ERR_UNKNOWN || status == ERR_CLOSED)
		settle(s, NULL, status);
	else if (status || !durability_sample_read(&now, text)) {
		if (s->first)
			log_error("queue: expected INFO to tell of the appendonly file, got: %.100s", text);
		settle(s, NULL, ERR_UNAVAILABLE);
	} else {
		learn_time(s, text);
		settle(s, &now, WAIT);
		ask_later(s);
		if (!s->first)
			s->again_ms = AGAIN_FIRST_MS;
	}
	unref(s);
}

static int ask(struct queue_seal *s)
{
	int rc = rlink_send(s->link, &s->info, on_info, s);
	if (rc)
		return rc;
	s->asking++;
	s->refs++;
	return 0;
}

static void on_again(uv_timer_t *timer)
{
	struct queue_seal *s = timer->data;
	if (!rlink_up(s->link))
		settle(s, NULL, ERR_UNKNOWN); /* it was lost while nothing was in flight */
	if (s->first && !s->asking && ask(s)) {
		settle(s, NULL, WAIT);
		ask_later(s);
	}
}

void queue_seal_look(struct queue_seal *s)
{
	(void)ask(s); /* if not now, then whoever holds something asks */
}

int queue_seal_hold(struct queue_seal *s, uint64_t finished_us, queue_seal_cb *cb, void *arg)
{
	struct hold *h = calloc(1, sizeof *h);
	if (!h)
		return ERR_NOMEM;
	if (!s->asking && !uv_is_active((uv_handle_t *)&s->again)) {
		int rc = ask(s);
		if (rc) {
			free(h);
			return rc;
		}
	}
	*h = (struct hold){ .finished_us = finished_us,
			    .until_us = clock_mono_us() + HOLD_MOST_US,
			    .connection = connection_of(s),
			    .cb = cb,
			    .arg = arg };
	*s->end = h;
	s->end = &h->next;
	return 0;
}

/* ---- life ---- */

static void on_timer_closed(uv_handle_t *timer)
{
	unref(timer->data);
}

/* The link is being freed; what is in flight will be answered still. */
static void close_seal(void *arg)
{
	struct queue_seal *s = arg;
	s->closed = true;
	settle(s, NULL, ERR_CLOSED);
	uv_close((uv_handle_t *)&s->again, on_timer_closed);
}

struct queue_seal *queue_seal_of(struct rlink *link)
{
	struct queue_seal *s = rlink_companion(link);
	if (s)
		return s;
	s = calloc(1, sizeof *s);
	if (!s)
		return NULL;
	rcmd_init(&s->info);
	rcmd_str(&s->info, "INFO");
	rcmd_str(&s->info, "server");
	rcmd_str(&s->info, "persistence");
	if (s->info.wire.failed) {
		rcmd_fini(&s->info);
		free(s);
		return NULL;
	}
	s->link = link;
	s->end = &s->first;
	s->again_ms = AGAIN_FIRST_MS;
	s->refs = 1;
	uv_timer_init(rlink_loop(link), &s->again);
	uv_unref((uv_handle_t *)&s->again);
	s->again.data = s;
	rlink_accompany(link, s, close_seal);
	return s;
}
