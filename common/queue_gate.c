/* SPDX-License-Identifier: GPL-3.0-or-later */
/* When a verdict of Redis may be told to a client as a promise.
 *
 * With appendfsync everysec, Redis writes its appendonly file at the end of each turn of its loop, before the replies
 * of that turn leave: a job that was answered is in the kernel's hands, and the death of the process takes nothing
 * away. Except while the fsync of the last second is still running in the background: then Redis holds the write back,
 * for up to 2 s, and sends the replies all the same. A process killed in that time loses what it has acknowledged.
 *
 * So behind the calls of each turn, in the same write, goes INFO persistence. Redis executes it after them, in their
 * turn or in a later one, and its answer settles it:
 * - no fsync is running. One is begun only at the end of a turn, behind the write. So the end of this very turn writes
 *   everything executed so far, before INFO's own reply leaves;
 * - one is running. The file's size and what is held back add up to the position that the file must reach. INFO is
 *   asked again, after 1 ms, then less often, until it has, or no fsync is running. (A disk that is so slow that one
 *   fsync follows the other is never seen without; the position is reached all the same.)
 * Until then the verdicts are held. To answer "perhaps accepted" where a moment later it is certain would help nobody:
 * as long as Redis answers, the deadline is put off, for 3 s at most (it loses patience with its disk after two). A
 * lost link makes the calls be asked again, on whatever Redis there is then.
 *
 * It is asked whatever appendfsync says, as that may be changed while Redis runs: with `always` and `no` a write is
 * never held back, and the first answer lets the verdicts go. A question costs Redis some microseconds for all the
 * calls of a turn. The link is the submitter's own and carries short replies only: a reply that Redis had to leave in
 * pieces could overtake the write.
 *
 * What this does not see: a write that fails (disk full) in the very turn whose INFO was fine. Redis then keeps the
 * bytes in memory, tries again, and refuses further writes (MISCONF); they are lost if it is killed as well before
 * that. Only submissions are held here, and ends that are told to readers by queue_seal.c: what a retry or a cancel has
 * changed can be lost in such a moment, and a worker's results too, which are then computed again.
 *
 * Replicas: with DurableReplicas, WAIT goes between the calls and INFO, and no further call before its answer (they
 * gather, and leave together: group commit). Too few replicas: the calls fail with ERR_REPLICAS. After that nothing is
 * sent, so that no jobs pile up which nobody was promised: a WAIT alone is tried when there is something to send, and
 * while it finds too few, what is to be sent is refused. */
#include <stdlib.h>

#include "clock.h"
#include "log.h"
#include "queue_submitter.h"

#define AGAIN_FIRST_MS 1
#define AGAIN_MOST_MS 10
#define HOLD_MOST_US 3000000
#define WAIT_MOST_MS 1000 /* the link takes 2 s of silence for its end */

static void on_again(uv_timer_t *timer);

/* Nothing held is of the present connection: it is to be asked again. */
static void lose(struct queue_submitter *s)
{
	for (struct queue_call *c = s->first; c && s->held; c = c->next) {
		if (!c->held)
			continue;
		c->held = c->replicated = false;
		c->unknown = true;
		s->held--;
	}
}

/* After a loss that nobody told us of, as nothing was in flight. */
static void notice_loss(struct queue_submitter *s)
{
	struct rlink_stats stats;
	rlink_stats(s->link, &stats);
	if (stats.connects != s->gate.connection) {
		lose(s);
		s->gate.connection = stats.connects;
	}
}

static void fail_held(struct queue_submitter *s, int status, bool all)
{
	for (struct queue_call *c = s->first, *next; c && s->held; c = next) {
		bool due = c->held && !c->ended && (all || !c->replicated);
		if (due)
			queue_call_fail(c, status);
		next = c->next; /* only now: the callbacks may have added one */
		if (due)
			queue_call_recycle(c);
	}
}

/* What has not left yet is refused: it is not accepted, unless it was sent before. */
static void refuse_waiting(struct queue_submitter *s)
{
	struct queue_call *last = s->last;
	for (struct queue_call *c = s->first, *next; c; c = next) {
		bool due = !c->held && !c->in_flight && !c->ended, is_last = c == last;
		if (due)
			queue_call_fail(c, c->unknown ? ERR_UNKNOWN : ERR_UNAVAILABLE);
		next = is_last ? NULL : c->next; /* what the callbacks have added is for another time */
		if (due)
			queue_call_recycle(c);
	}
}

static bool is_settled(struct queue_call *c, const struct durability_sample *now)
{
	const struct durability *d = c->owner->durability;
	bool written = !d->aof || (now && durability_written(&c->mark, now));
	return written && (!d->replicas || c->replicated);
}

static void put_off(struct queue_call *c)
{
	uint64_t at_us = clock_mono_us() + c->owner->deadline_us;
	if (at_us > c->held_until_us)
		at_us = c->held_until_us;
	if (at_us > c->deadline_us)
		c->deadline_us = at_us;
}

/* now: NULL when INFO was not what told. */
static void settle(struct queue_submitter *s, const struct durability_sample *now)
{
	for (struct queue_call *c = s->first, *next; c && s->held; c = next) {
		bool due = c->held && !c->ended && is_settled(c, now);
		if (due)
			queue_call_tell(c);
		else if (c->held)
			put_off(c);
		next = c->next; /* only now: the callbacks may have added one */
		if (due)
			queue_call_recycle(c);
	}
}

/* While calls are held, somebody has to ask. */
static void go_on(struct queue_submitter *s)
{
	struct queue_gate *g = &s->gate;
	if (!s->held) {
		g->again_ms = AGAIN_FIRST_MS;
	} else if (!g->infos && !g->waits && !uv_is_active((uv_handle_t *)g->timer)) {
		uv_timer_start(g->timer, on_again, g->again_ms, 0);
		g->again_ms = g->again_ms * 2 < AGAIN_MOST_MS ? g->again_ms * 2 : AGAIN_MOST_MS;
	}
}

/* ---- the questions ---- */

/* 0 when it is on its way. Not on a link that is being greeted: it would take calls, but its connection is not the one
 * that the held calls were answered on, and does not count as a new one yet. */
static int ask(struct queue_submitter *s, struct rcmd *cmd, rlink_reply_cb *cb, unsigned *count)
{
	int rc = rlink_up(s->link) ? rlink_send(s->link, cmd, cb, s) : ERR_UNAVAILABLE;
	if (rc)
		return rc;
	*count += 1;
	s->in_flight++;
	return 0;
}

static void take_sample(struct queue_submitter *s, const char *text)
{
	struct durability_sample now;
	if (!durability_sample_read(&now, text)) {
		log_error("queue: expected INFO to tell of the appendonly file, got: %.100s", text);
		fail_held(s, ERR_UNKNOWN, true);
	} else if (!now.aof) {
		lose(s);
		rlink_drop(s->link, "appendonly was switched off"); /* the greeting knows what that means */
	} else if (!now.write_ok) {
		fail_held(s, ERR_UNKNOWN, true);
	} else {
		settle(s, &now);
	}
}

static void on_info(void *arg, int status, const struct rreply *reply)
{
	struct queue_submitter *s = arg;
	s->gate.infos--;
	if (s->closed)
		; /* nobody is told any more */
	else if (status == ERR_UNKNOWN)
		lose(s);
	else if (status != ERR_UNAVAILABLE) /* then it is asked again */
		take_sample(s, rreply_str(reply, NULL));
	if (!s->closed)
		go_on(s);
	queue_submitter_landed(s);
}

static void take_replicas(struct queue_submitter *s, unsigned n)
{
	struct queue_gate *g = &s->gate;
	bool was_short = g->short_of;
	g->answered = n;
	g->short_of = n < s->durability->replicas;
	if (was_short != g->short_of)
		log_warn("queue: %u of %u replicas have what was submitted: %s", n, s->durability->replicas,
			 g->short_of ? "nothing is accepted until there are enough" : "submissions are accepted again");
	if (g->short_of) {
		fail_held(s, ERR_REPLICAS, false);
		refuse_waiting(s);
		return;
	}
	for (struct queue_call *c = s->first; c; c = c->next)
		c->replicated |= c->held;
	settle(s, NULL);
}

static void on_wait(void *arg, int status, const struct rreply *reply)
{
	struct queue_submitter *s = arg;
	s->gate.waits--;
	if (status == ERR_PROTOCOL)
		log_error("queue: expected WAIT to tell how many replicas there are, got: %.100s",
			  rreply_str(reply, NULL));
	if (s->closed)
		; /* nobody is told any more */
	else if (status == ERR_UNKNOWN)
		lose(s);
	else if (status != ERR_UNAVAILABLE)
		take_replicas(s, status ? 0 : (unsigned)rreply_int(reply));
	if (!s->closed)
		go_on(s);
	queue_submitter_landed(s);
}

/* Whether any call that was sent is not known to be on enough replicas. */
static bool lacks_replicas(const struct queue_submitter *s)
{
	for (const struct queue_call *c = s->first; c && s->durability->replicas; c = c->next)
		if (c->in_flight || (c->held && !c->replicated))
			return true;
	return false;
}

void queue_gate_ask(struct queue_submitter *s)
{
	struct queue_gate *g = &s->gate;
	const struct durability *d = s->durability;
	if (!d)
		return;
	/* What cannot be asked now, for want of memory or room, go_on() asks later. */
	if (lacks_replicas(s) && !g->waits && ask(s, &g->wait, on_wait, &g->waits))
		return;
	if (d->aof)
		(void)ask(s, &g->info, on_info, &g->infos);
}

static void on_again(uv_timer_t *timer)
{
	struct queue_submitter *s = timer->data;
	notice_loss(s);
	if (s->held)
		queue_gate_ask(s);
	go_on(s);
}

/* ---- for the submitter ---- */

bool queue_gate_may_send(struct queue_submitter *s)
{
	struct queue_gate *g = &s->gate;
	if (!s->durability)
		return true;
	notice_loss(s);
	if (!s->durability->replicas)
		return true;
	if (g->short_of && !g->waits)
		(void)ask(s, &g->wait, on_wait, &g->waits);
	return !g->short_of && !g->waits;
}

bool queue_gate_hold(struct queue_call *c)
{
	struct queue_submitter *s = c->owner;
	const struct durability *d = s->durability;
	if (!d || (!d->aof && !d->replicas))
		return false;
	c->held = true;
	c->replicated = false;
	c->mark.set = false;
	c->held_until_us = clock_mono_us() + HOLD_MOST_US;
	s->held++;
	go_on(s);
	return true;
}

int queue_gate_init(struct queue_submitter *s)
{
	struct queue_gate *g = &s->gate;
	uint64_t wait_ms =
	    s->deadline_us / 2000; /* a call that has to wait for another one's WAIT has time for its own */
	g->timer = malloc(sizeof *g->timer);
	if (!g->timer)
		return ERR_NOMEM;
	rcmd_str(&g->info, "INFO");
	rcmd_str(&g->info, "persistence");
	rcmd_str(&g->wait, "WAIT");
	rcmd_uint(&g->wait, s->durability ? s->durability->replicas : 0);
	rcmd_uint(&g->wait, wait_ms < 1 ? 1 : wait_ms < WAIT_MOST_MS ? wait_ms : WAIT_MOST_MS);
	if (g->info.wire.failed || g->wait.wire.failed) {
		queue_gate_fini(s);
		free(g->timer);
		return ERR_NOMEM;
	}
	uv_timer_init(s->loop, g->timer);
	uv_unref((uv_handle_t *)g->timer);
	g->timer->data = s;
	g->again_ms = AGAIN_FIRST_MS;
	return 0;
}

static void on_closed(uv_handle_t *timer)
{
	free(timer);
}

void queue_gate_close(struct queue_submitter *s)
{
	uv_close((uv_handle_t *)s->gate.timer, on_closed);
}

void queue_gate_fini(struct queue_submitter *s)
{
	rcmd_fini(&s->gate.info);
	rcmd_fini(&s->gate.wait);
}
