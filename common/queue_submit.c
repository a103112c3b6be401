/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Group commit of submissions. All that arrive in one turn of the loop for one tag are one call, so that at 64 clients
 * Redis sees a few wide commands and not 64 narrow ones; a lone submission still leaves in its own turn, so nothing
 * waits for company.
 *
 * A call lives in the submitter's list, oldest first, until its callbacks have run or its reply came:
 *
 *   building --flush--> sent --reply--> held --gate--> ended
 *                       |  ^              |
 *             link lost +--+ link up <----+    (enqueue may be asked again: same ids, same answer)
 *
 * What the gate waits for is in queue_gate.c. At its deadline, wherever a call stands, its callbacks run with
 * ERR_UNAVAILABLE (never sent) or ERR_TIMEOUT (sent, so perhaps done). A call that timed out after sending stays until
 * its reply or the loss of the link, callbacks gone. */
#include <stdlib.h>
#include <string.h>

#include "clock.h"
#include "log.h"
#include "queue_submitter.h"

#define CALL_JOBS_MAX 256
#define CALL_BYTES_MAX (256u << 10)
#define OPEN_JOBS_MAX 16384 /* over all calls of one submitter */
#define OPTIONS_MAX 320     /* two times, three hex digests */

static void call_unlink(struct queue_call *c)
{
	struct queue_submitter *s = c->owner;
	*(c->prev ? &c->prev->next : &s->first) = c->next;
	*(c->next ? &c->next->prev : &s->last) = c->prev;
}

static void call_free(struct queue_call *c)
{
	rcmd_fini(&c->cmd);
	free(c->entries);
	free(c);
}

static void submitter_done(struct queue_submitter *s)
{
	while (s->spare) {
		struct queue_call *c = s->spare;
		s->spare = c->next;
		call_free(c);
	}
	queue_gate_fini(s);
	buf_fini(&s->record);
	free(s);
}

void queue_call_recycle(struct queue_call *c)
{
	struct queue_submitter *s = c->owner;
	call_unlink(c);
	s->held -= c->held;
	c->held = false;
	if (c->cmd.wire.cap > (size_t)2 * CALL_BYTES_MAX)
		rcmd_fini(&c->cmd); /* one large job is no reason to keep as much for ever */
	c->next = s->spare;
	s->spare = c;
}

/* A callback may submit again; that goes to another call, as this one has ended. */
static void call_end(struct queue_call *c)
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
	else if (status == ERR_UNKNOWN || status == ERR_TIMEOUT || status == ERR_REPLICAS)
		metrics_add(s->meter.unknown, 1);
	else
		metrics_add(s->meter.unavailable, 1);
}

/* The one place where a submission is answered. */
static void tell(const struct queue_call *c, const struct queue_entry *e, int status)
{
	measure(c->owner, status, e->verdict);
	e->cb(e->arg, status, e->verdict, !status && e->verdict == QUEUE_REPLAYED ? e->first_id : e->id,
	      e->created_at_us);
}

void queue_call_fail(struct queue_call *c, int status)
{
	call_end(c);
	for (size_t i = 0; i < c->n; i++)
		tell(c, &c->entries[i], status);
}

void queue_call_tell(struct queue_call *c)
{
	call_end(c);
	for (size_t i = 0; i < c->n; i++)
		tell(c, &c->entries[i], c->entries[i].status);
}

static struct queue_call *call_new(struct queue_submitter *s, const char *tag, uint64_t deadline_us)
{
	struct queue_call *c = s->spare;
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
	c->in_flight = c->sent_once = c->unknown = c->held = c->replicated = c->ended = false;
	c->deadline_us = c->last_deadline_us = deadline_us;
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
static void take_entry(struct queue_entry *e, const char *verdict)
{
	static const char letters[] = "AHJRCF";
	static const enum queue_verdict verdicts[] = { QUEUE_ACCEPTED, QUEUE_ACCEPTED_DONE, QUEUE_ACCEPTED_JOINED,
						       QUEUE_REPLAYED, QUEUE_KEY_REUSED,    QUEUE_REFUSED_FULL };
	const char *at = verdict[0] ? strchr(letters, verdict[0]) : NULL;
	if (!at) {
		e->status = ERR_PROTOCOL;
		return;
	}
	e->verdict = verdicts[at - letters];
	if (e->verdict == QUEUE_REPLAYED)
		snprintf(e->first_id, sizeof e->first_id, "%s", verdict + 1);
	else
		e->created_at_us = strtoull(verdict + 1, NULL, 10);
}

/* Keeps the verdicts: telling them may have to wait. */
static int take_verdicts(struct queue_call *c, const struct rreply *reply)
{
	uint64_t now_us = (uint64_t)rreply_int(rreply_at(reply, 0));
	size_t count = rreply_count(reply);
	if (count != 1 && count != c->n + 1)
		return ERR_PROTOCOL;
	for (size_t i = 0; i < c->n; i++) {
		struct queue_entry *e = &c->entries[i];
		e->status = 0;
		e->verdict = QUEUE_ACCEPTED;
		e->created_at_us = count == 1 ? now_us : 0;
		if (count > 1)
			take_entry(e, rreply_str(rreply_at(reply, i + 1), NULL));
	}
	return 0;
}

void queue_submitter_landed(struct queue_submitter *s)
{
	s->in_flight--;
	if (s->closed && s->in_flight == 0)
		submitter_done(s);
}

/* True: it stays for now. */
static bool goes_on(struct queue_call *c, int status, const struct rreply *reply)
{
	struct queue_submitter *s = c->owner;
	if (s->closed || c->ended)
		return false;
	if (status == ERR_UNKNOWN) {
		c->unknown = true;
		return true; /* sent again when the link is up, until the deadline */
	}
	if (status == ERR_PROTOCOL)
		log_error("queue: enqueue failed: %s", rreply_str(reply, NULL));
	if (status == ERR_UNAVAILABLE && c->unknown)
		status = ERR_UNKNOWN; /* refused now, but perhaps accepted before */
	if (!status)
		status = take_verdicts(c, reply);
	if (status)
		queue_call_fail(c, status);
	else if (queue_gate_hold(c))
		return true;
	else
		queue_call_tell(c);
	return false;
}

static void on_enqueued(void *arg, int status, const struct rreply *reply)
{
	struct queue_call *c = arg;
	struct queue_submitter *s = c->owner;
	c->in_flight = false;
	if (!goes_on(c, status, reply))
		queue_call_recycle(c);
	queue_submitter_landed(s);
}

/* ---- sending ---- */

/* True when it is on its way. */
static bool call_send(struct queue_call *c)
{
	int rc = rlink_send(c->owner->link, &c->cmd, on_enqueued, c);
	if (rc == ERR_UNAVAILABLE)
		return false; /* stays until the link takes it or the deadline comes */
	if (rc) {
		queue_call_fail(c, rc);
		queue_call_recycle(c);
		return false;
	}
	if (c->owner->measured && !c->sent_once)
		metrics_observe(c->owner->meter.sizes, c->n);
	c->in_flight = c->sent_once = true;
	c->owner->in_flight++;
	return true;
}

static bool is_to_be_sent(const struct queue_call *c)
{
	return !c->in_flight && !c->held && !c->ended;
}

void queue_submitter_flush(struct queue_submitter *s)
{
	bool any = false;
	if (!s->first || !rlink_up(s->link))
		return;
	for (const struct queue_call *c = s->last; c && !any; c = c->prev)
		any = is_to_be_sent(c);
	if ((!any && !s->held) || !queue_gate_may_send(s))
		return;
	any = false;
	for (struct queue_call *c = s->first, *next; c; c = next) {
		next = c->next;
		if (is_to_be_sent(c))
			any |= call_send(c);
	}
	if (any)
		queue_gate_ask(s);
}

/* Not in order, as what is held may take longer. */
static void on_deadline(uv_timer_t *timer)
{
	struct queue_submitter *s = timer->data;
	uint64_t now_us = clock_mono_us(), first_us = UINT64_MAX;
	for (struct queue_call *c = s->first, *next; c; c = next) {
		bool due = !c->ended && c->deadline_us <= now_us;
		if (due)
			queue_call_fail(c, c->sent_once ? ERR_TIMEOUT : ERR_UNAVAILABLE);
		next = c->next; /* only now: the callbacks may have added one */
		if (due && !c->in_flight)
			queue_call_recycle(c);
		else if (!c->ended && c->deadline_us < first_us)
			first_us = c->deadline_us;
	}
	if (first_us != UINT64_MAX)
		uv_timer_start(timer, on_deadline, first_us > now_us ? (first_us - now_us) / 1000 + 1 : 1, 0);
}

/* A call ends at the earliest deadline of its jobs. So only such come together that lose little by it: none more than
 * a fifth of the time that it has left. */
static bool suits(const struct queue_call *c, uint64_t deadline_us, uint64_t now_us)
{
	uint64_t first_us = deadline_us < c->deadline_us ? deadline_us : c->deadline_us;
	uint64_t last_us = deadline_us > c->last_deadline_us ? deadline_us : c->last_deadline_us;
	return last_us == first_us || (first_us > now_us && last_us - first_us <= (first_us - now_us) / 4);
}

/* The call that still takes submissions for this tag with such a deadline. */
static struct queue_call *building(struct queue_submitter *s, const char *tag, uint64_t deadline_us, uint64_t now_us)
{
	for (struct queue_call *c = s->last; c && !c->sent_once; c = c->prev)
		if (!c->ended && c->n < CALL_JOBS_MAX && c->cmd.wire.len < CALL_BYTES_MAX && strcmp(c->tag, tag) == 0 &&
		    suits(c, deadline_us, now_us))
			return c;
	return call_new(s, tag, deadline_us);
}

static int add_entry(struct queue_call *c, const char *id, queue_submit_cb *cb, void *arg)
{
	if (c->n == c->cap) {
		size_t cap = c->cap ? c->cap * 2 : 16;
		struct queue_entry *more = realloc(c->entries, cap * sizeof *more);
		if (!more)
			return ERR_NOMEM;
		c->entries = more;
		c->cap = cap;
	}
	struct queue_entry *e = &c->entries[c->n++];
	*e = (struct queue_entry){ .cb = cb, .arg = arg, .verdict = QUEUE_ACCEPTED };
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

static void arm(struct queue_submitter *s, uint64_t deadline_us)
{
	uint64_t now_us = clock_mono_us(), in_ms = deadline_us > now_us ? (deadline_us - now_us) / 1000 + 1 : 1;
	if (!uv_is_active((uv_handle_t *)s->timer) || uv_timer_get_due_in(s->timer) > in_ms)
		uv_timer_start(s->timer, on_deadline, in_ms, 0);
}

int queue_submit(struct queue_submitter *s, const struct queue_submit *job, queue_submit_cb *cb, void *arg)
{
	if (s->closed || s->open >= OPEN_JOBS_MAX)
		return ERR_UNAVAILABLE;
	buf_clear(&s->record);
	int rc = job_record_encode(&s->record, &job->job);
	if (rc)
		return rc;
	uint64_t now_us = clock_mono_us(), deadline_us = now_us + s->deadline_us;
	if (job->until_us && job->until_us < deadline_us)
		deadline_us = job->until_us;
	struct queue_call *c = building(s, job->tag, deadline_us, now_us);
	if (!c)
		return ERR_NOMEM;
	rc = buf_reserve(&c->cmd.wire, s->record.len + OPTIONS_MAX + 256);
	if (!rc)
		rc = add_entry(c, job->id, cb, arg);
	if (rc) {
		if (c->n == 0)
			queue_call_recycle(c); /* made for this one */
		return rc;
	}
	rcmd_arg(&c->cmd, job->id, ID_TEXT_LEN);
	add_options(&c->cmd, job);
	rcmd_arg(&c->cmd, s->record.data, s->record.len);
	s->open++;
	if (deadline_us < c->deadline_us)
		c->deadline_us = deadline_us;
	if (deadline_us > c->last_deadline_us)
		c->last_deadline_us = deadline_us;
	arm(s, c->deadline_us);
	return 0;
}

struct queue_submitter *queue_submitter_new_durable(uv_loop_t *loop, struct rlink *link,
						    const struct durability *durability, uint64_t live_max,
						    unsigned deadline_ms)
{
	struct queue_submitter *s = calloc(1, sizeof *s);
	if (!s)
		return NULL;
	s->loop = loop;
	s->link = link;
	s->durability = durability;
	s->live_max = live_max;
	s->deadline_us = (uint64_t)deadline_ms * 1000;
	s->timer = malloc(sizeof *s->timer);
	if (!s->timer || queue_gate_init(s)) {
		free(s->timer);
		free(s);
		return NULL;
	}
	uv_timer_init(loop, s->timer);
	uv_unref((uv_handle_t *)s->timer);
	s->timer->data = s;
	return s;
}

struct queue_submitter *queue_submitter_new(uv_loop_t *loop, struct rlink *link, uint64_t live_max,
					    unsigned deadline_ms)
{
	return queue_submitter_new_durable(loop, link, NULL, live_max, deadline_ms);
}

bool queue_submitter_short(const struct queue_submitter *s, unsigned *answered)
{
	*answered = s->gate.answered;
	return s->gate.short_of;
}

bool queue_submitter_takes(struct queue_submitter *s)
{
	return !s->gate.short_of || queue_gate_may_send(s);
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

static void free_submitter(struct queue_submitter *s, int unsent, int sent)
{
	if (!s)
		return;
	s->closed = true;
	uv_close((uv_handle_t *)s->timer, on_timer_closed);
	queue_gate_close(s);
	for (struct queue_call *c = s->first, *next; c; c = next) {
		next = c->next;
		if (!c->ended)
			queue_call_fail(c, c->sent_once ? sent : unsent);
		if (!c->in_flight)
			queue_call_recycle(c);
	}
	if (s->in_flight == 0)
		submitter_done(s);
}

void queue_submitter_free(struct queue_submitter *s)
{
	free_submitter(s, ERR_CLOSED, ERR_CLOSED);
}

void queue_submitter_free_unlinked(struct queue_submitter *s)
{
	free_submitter(s, ERR_UNAVAILABLE, ERR_UNKNOWN);
}
