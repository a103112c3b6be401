/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Group commit of submissions. All that arrive in one turn of the loop for one tag are one call, so that at 64 clients
 * Redis sees a few wide commands and not 64 narrow ones; a lone submission still leaves in its own turn, so nothing
 * waits for company.
 *
 * A call lives in `calls`, oldest first, until its callbacks have run or its reply came:
 *
 *   building --flush--> sent --reply--> ended
 *                       |  ^
 *             link lost +--+ link up    (enqueue may be asked again: same ids, same answer)
 *
 * and at its deadline, wherever it stands, its callbacks run with ERR_UNAVAILABLE (never sent) or ERR_TIMEOUT (sent, so
 * perhaps done). A call that timed out after sending stays until its reply or the loss of the link, callbacks gone. */
#include <stdlib.h>
#include <string.h>

#include "clock.h"
#include "log.h"
#include "queue.h"

#define CALL_JOBS_MAX 256
#define CALL_BYTES_MAX (256u << 10)
#define OPEN_JOBS_MAX 16384 /* over all calls of one submitter */
#define OPTIONS_MAX 320     /* two times, three hex digests */

struct entry {
	queue_submit_cb *cb;
	void *arg;
	char id[ID_TEXT_SIZE];
};

struct call {
	struct queue_submitter *owner;
	struct call *next, *prev;
	char tag[KEYS_TAG_SIZE];
	struct rcmd cmd;
	struct entry *entries;
	size_t n, cap;
	uint64_t deadline_us;
	bool in_flight; /* sent, no reply yet */
	bool sent_once;
	bool unknown; /* sent before, and the answer was lost: perhaps accepted */
	bool ended;   /* callbacks have run, or are running */
};

struct queue_submitter {
	uv_loop_t *loop;
	struct rlink *link;
	uint64_t live_max;
	uint64_t deadline_us;
	uv_timer_t *timer; /* of its own lifetime: libuv closes it later */
	struct call *first, *last, *spare;
	struct buf record;
	size_t open; /* entries whose callback has not run */
	size_t in_flight;
	struct queue_submitter_meter meter;
	bool measured, closed;
};

static void call_unlink(struct call *c)
{
	struct queue_submitter *s = c->owner;
	*(c->prev ? &c->prev->next : &s->first) = c->next;
	*(c->next ? &c->next->prev : &s->last) = c->prev;
}

static void call_free(struct call *c)
{
	rcmd_fini(&c->cmd);
	free(c->entries);
	free(c);
}

static void submitter_done(struct queue_submitter *s)
{
	while (s->spare) {
		struct call *c = s->spare;
		s->spare = c->next;
		call_free(c);
	}
	buf_fini(&s->record);
	free(s);
}

static void call_recycle(struct call *c)
{
	struct queue_submitter *s = c->owner;
	call_unlink(c);
	if (c->cmd.wire.cap > (size_t)2 * CALL_BYTES_MAX)
		rcmd_fini(&c->cmd); /* one large job is no reason to keep as much for ever */
	c->next = s->spare;
	s->spare = c;
}

/* A callback may submit again; that goes to another call, as this one has ended. */
static void call_end(struct call *c)
{
	c->owner->open -= c->n;
	c->ended = true;
}

static void measure(const struct queue_submitter *s, int status, enum queue_verdict verdict)
{
	if (!s->measured)
		return;
	if (!status)
		metrics_add(s->meter.verdict[verdict], 1);
	else if (status == ERR_UNKNOWN || status == ERR_TIMEOUT)
		metrics_add(s->meter.unknown, 1);
	else
		metrics_add(s->meter.unavailable, 1);
}

/* The one place where a submission is answered. id: the accepted one, or the first one of its key. */
static void tell(const struct call *c, const struct entry *e, int status, enum queue_verdict verdict, const char *id,
		 uint64_t created_at_us)
{
	measure(c->owner, status, verdict);
	e->cb(e->arg, status, verdict, id, created_at_us);
}

static void call_fail(struct call *c, int status)
{
	call_end(c);
	for (size_t i = 0; i < c->n; i++)
		tell(c, &c->entries[i], status, QUEUE_ACCEPTED, c->entries[i].id, 0);
}

static struct call *call_new(struct queue_submitter *s, const char *tag)
{
	struct call *c = s->spare;
	if (c) {
		s->spare = c->next;
	} else {
		c = calloc(1, sizeof *c);
		if (!c)
			return NULL;
		rcmd_init(&c->cmd);
	}
	c->owner = s;
	snprintf(c->tag, sizeof c->tag, "%s", tag);
	c->n = 0;
	c->in_flight = c->sent_once = c->unknown = c->ended = false;
	c->deadline_us = clock_mono_us() + s->deadline_us;
	rcmd_fcall(&c->cmd, "sq_enqueue", tag);
	rcmd_uint(&c->cmd, s->live_max);
	c->next = NULL;
	c->prev = s->last;
	*(s->last ? &s->last->next : &s->first) = c;
	s->last = c;
	return c;
}

/* ---- replies ---- */

/* One element of a reply that is not all-accepted: 'A', 'H' or 'J' and the time, 'R' and the first id, 'C', 'F'. */
static void answer_entry(const struct call *c, const struct entry *e, const char *verdict)
{
	switch (verdict[0]) {
	case 'A':
		tell(c, e, 0, QUEUE_ACCEPTED, e->id, strtoull(verdict + 1, NULL, 10));
		break;
	case 'H':
		tell(c, e, 0, QUEUE_ACCEPTED_DONE, e->id, strtoull(verdict + 1, NULL, 10));
		break;
	case 'J':
		tell(c, e, 0, QUEUE_ACCEPTED_JOINED, e->id, strtoull(verdict + 1, NULL, 10));
		break;
	case 'R':
		tell(c, e, 0, QUEUE_REPLAYED, verdict + 1, 0);
		break;
	case 'C':
		tell(c, e, 0, QUEUE_KEY_REUSED, e->id, 0);
		break;
	case 'F':
		tell(c, e, 0, QUEUE_REFUSED_FULL, e->id, 0);
		break;
	default:
		tell(c, e, ERR_PROTOCOL, QUEUE_ACCEPTED, e->id, 0);
		break;
	}
}

static void call_answer(struct call *c, const struct rreply *reply)
{
	uint64_t now_us = (uint64_t)rreply_int(rreply_at(reply, 0));
	size_t count = rreply_count(reply);
	if (count != 1 && count != c->n + 1) {
		call_fail(c, ERR_PROTOCOL);
		return;
	}
	call_end(c);
	for (size_t i = 0; i < c->n; i++) {
		if (count == 1)
			tell(c, &c->entries[i], 0, QUEUE_ACCEPTED, c->entries[i].id, now_us);
		else
			answer_entry(c, &c->entries[i], rreply_str(rreply_at(reply, i + 1), NULL));
	}
}

static void on_enqueued(void *arg, int status, const struct rreply *reply)
{
	struct call *c = arg;
	struct queue_submitter *s = c->owner;
	c->in_flight = false;
	s->in_flight--;
	if (!s->closed && !c->ended && status == ERR_UNKNOWN) {
		c->unknown = true;
		return; /* sent again when the link is up, until the deadline */
	}
	if (!c->ended) {
		if (status == ERR_PROTOCOL)
			log_error("queue: enqueue failed: %s", rreply_str(reply, NULL));
		if (status == ERR_UNAVAILABLE && c->unknown)
			status = ERR_UNKNOWN; /* refused now, but perhaps accepted before */
		if (status)
			call_fail(c, status);
		else
			call_answer(c, reply);
	}
	call_recycle(c);
	if (s->closed && s->in_flight == 0)
		submitter_done(s);
}

/* ---- sending ---- */

static void call_send(struct call *c)
{
	int rc = rlink_send(c->owner->link, &c->cmd, on_enqueued, c);
	if (rc == ERR_UNAVAILABLE)
		return; /* stays until the link takes it or the deadline comes */
	if (rc) {
		call_fail(c, rc);
		call_recycle(c);
		return;
	}
	if (c->owner->measured && !c->sent_once)
		metrics_observe(c->owner->meter.sizes, c->n);
	c->in_flight = c->sent_once = true;
	c->owner->in_flight++;
}

void queue_submitter_flush(struct queue_submitter *s)
{
	if (s->in_flight == 0 && !s->first)
		return;
	if (!rlink_up(s->link))
		return;
	for (struct call *c = s->first, *next; c; c = next) {
		next = c->next;
		if (!c->in_flight && !c->ended)
			call_send(c);
	}
}

static void on_deadline(uv_timer_t *timer)
{
	struct queue_submitter *s = timer->data;
	uint64_t now_us = clock_mono_us();
	struct call *c = s->first;
	while (c && (c->ended || c->deadline_us <= now_us)) {
		if (!c->ended)
			call_fail(c, c->sent_once ? ERR_TIMEOUT : ERR_UNAVAILABLE);
		struct call *next = c->next; /* only now: the callbacks may have added one */
		if (!c->in_flight)
			call_recycle(c);
		c = next;
	}
	if (c)
		uv_timer_start(timer, on_deadline, (c->deadline_us - now_us) / 1000 + 1, 0);
}

/* The call that still takes submissions for this tag. */
static struct call *building(struct queue_submitter *s, const char *tag)
{
	for (struct call *c = s->last; c && !c->sent_once; c = c->prev)
		if (!c->ended && c->n < CALL_JOBS_MAX && c->cmd.wire.len < CALL_BYTES_MAX && strcmp(c->tag, tag) == 0)
			return c;
	return call_new(s, tag);
}

static int add_entry(struct call *c, const char *id, queue_submit_cb *cb, void *arg)
{
	if (c->n == c->cap) {
		size_t cap = c->cap ? c->cap * 2 : 16;
		struct entry *more = realloc(c->entries, cap * sizeof *more);
		if (!more)
			return ERR_NOMEM;
		c->entries = more;
		c->cap = cap;
	}
	struct entry *e = &c->entries[c->n++];
	e->cb = cb;
	e->arg = arg;
	snprintf(e->id, sizeof e->id, "%s", id);
	return 0;
}

static void add_options(struct rcmd *cmd, const struct queue_submit *job)
{
	char options[OPTIONS_MAX] = "";
	int n = 0;
	if (job->run_at_us || job->idem_hash || job->cache_hash)
		n = snprintf(options, sizeof options, "%llu|%s|%s", (unsigned long long)job->run_at_us,
			     job->idem_hash ? job->idem_hash : "", job->idem_print ? job->idem_print : "");
	if (job->cache_hash && (size_t)n < sizeof options)
		n += snprintf(options + n, sizeof options - (size_t)n, "|%s|%llu", job->cache_hash,
			      (unsigned long long)job->cache_s * 1000000);
	rcmd_arg(cmd, options, (size_t)n < sizeof options ? (size_t)n : sizeof options - 1);
}

int queue_submit(struct queue_submitter *s, const struct queue_submit *job, queue_submit_cb *cb, void *arg)
{
	if (s->closed || s->open >= OPEN_JOBS_MAX)
		return ERR_UNAVAILABLE;
	buf_clear(&s->record);
	int rc = job_record_encode(&s->record, &job->job);
	if (rc)
		return rc;
	struct call *c = building(s, job->tag);
	if (!c || buf_reserve(&c->cmd.wire, s->record.len + OPTIONS_MAX + 256))
		return ERR_NOMEM;
	rc = add_entry(c, job->id, cb, arg);
	if (rc)
		return rc;
	rcmd_arg(&c->cmd, job->id, ID_TEXT_LEN);
	add_options(&c->cmd, job);
	rcmd_arg(&c->cmd, s->record.data, s->record.len);
	s->open++;
	if (!uv_is_active((uv_handle_t *)s->timer))
		uv_timer_start(s->timer, on_deadline, s->deadline_us / 1000 + 1, 0);
	return 0;
}

struct queue_submitter *queue_submitter_new(uv_loop_t *loop, struct rlink *link, uint64_t live_max,
					    unsigned deadline_ms)
{
	struct queue_submitter *s = calloc(1, sizeof *s);
	if (!s)
		return NULL;
	s->timer = malloc(sizeof *s->timer);
	if (!s->timer) {
		free(s);
		return NULL;
	}
	s->loop = loop;
	s->link = link;
	s->live_max = live_max;
	s->deadline_us = (uint64_t)deadline_ms * 1000;
	uv_timer_init(loop, s->timer);
	uv_unref((uv_handle_t *)s->timer);
	s->timer->data = s;
	return s;
}

void queue_submitter_measure(struct queue_submitter *s, const struct queue_submitter_meter *meter)
{
	s->meter = *meter;
	s->measured = true;
}

static void on_timer_closed(uv_handle_t *timer)
{
	free(timer);
}

void queue_submitter_free(struct queue_submitter *s)
{
	if (!s)
		return;
	s->closed = true;
	uv_close((uv_handle_t *)s->timer, on_timer_closed);
	for (struct call *c = s->first, *next; c; c = next) {
		next = c->next;
		if (!c->ended)
			call_fail(c, ERR_CLOSED);
		if (!c->in_flight)
			call_recycle(c);
	}
	if (s->in_flight == 0)
		submitter_done(s);
}
