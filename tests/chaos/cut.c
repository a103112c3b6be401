/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "cut.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ledger.h"
#include "loop_until.h"

#define DIGITS 8 /* by which a reply may vary */

enum { LANES = 12 };

/* What a call does when nothing is cut. */
struct reference {
	size_t length[2]; /* of request and reply */
	size_t first;     /* number of its first trial */
	char *state;      /* of the queue afterwards */
};

struct sweep {
	struct chaos_run *run;
	const char *redis_socket;
	struct reference *references;
	size_t trials;
	atomic_size_t next, done;
};

/* ---- one trial ---- */

struct trial {
	const struct cut_call *call;
	const struct reference *reference;
	enum proxy_side side;
	size_t offset;
};

static void complain(const struct cut_lane *l, const struct trial *t, const char *expected, const char *came)
{
	chaos_fail(l->run, "%s, %s cut at byte %zu: expected %.600s, came %.600s", t->call->name,
		   t->side == PROXY_REQUEST ? "request" : "reply", t->offset, expected, came);
}

static void judge(struct cut_lane *l, const struct trial *t)
{
	const char *why;
	char *state = cut_state(l, &why);
	struct ledger *ledger = chaos_ledger(l->run);

	if (why) {
		ledger_add(ledger, LEDGER_CORRUPT, 1);
		complain(l, t, "the invariants to hold", why);
	} else if (strcmp(state, t->reference->state) != 0) {
		ledger_add(ledger, LEDGER_WRONG, 1);
		complain(l, t, t->reference->state, state);
	}
	if (strcmp(l->answer, t->call->first) != 0 && (!t->call->again || strcmp(l->answer, t->call->again) != 0)) {
		ledger_add(ledger, LEDGER_WRONG, 1);
		complain(l, t, t->call->first, l->answer);
	}
	free(state);
	free((void *)(uintptr_t)why);
}

static uint64_t losses_of(const struct cut_lane *l)
{
	struct rlink_stats stats;

	rlink_stats(l->links[CUT_PROXIED], &stats);
	return stats.losses;
}

struct loss {
	const struct cut_lane *lane;
	uint64_t before;
};

static bool has_lost(void *arg)
{
	const struct loss *q = arg;

	return losses_of(q->lane) > q->before;
}

/* A reply that tells times and rates may be some digits shorter than it was when it was measured. */
static bool is_in_the_slack(const struct trial *t)
{
	return t->side == PROXY_REPLY && t->offset + DIGITS >= t->reference->length[PROXY_REPLY];
}

/* One cut. The call's answer may be lost, then it is asked again, once. */
static void run_trial(struct cut_lane *l, const struct trial *t)
{
	const struct proxy_fault fault = { .command = t->call->command, .side = t->side, .offset = t->offset };

	cut_reset(l);
	t->call->prepare(l);
	l->way = CUT_PROXIED;
	if (!loop_until(&l->loop, cut_is_up, l, CUT_DEADLINE_MS))
		complain(l, t, "the link to come up before", rlink_error(cut_link(l)));
	struct loss loss = { l, losses_of(l) };
	proxy_strike(l->proxy, &fault);
	int rc = cut_ask(l, t->call->ask);
	enum proxy_outcome outcome = proxy_await(l->proxy, CUT_DEADLINE_MS);
	if (!rc && outcome == PROXY_MISSED && is_in_the_slack(t)) {
		proxy_heal(l->proxy);
		return;
	}
	if (outcome != PROXY_STRUCK)
		complain(l, t, "the cut", "none: the call was shorter than at first, or was not made");
	if (rc && rc != ERR_UNKNOWN)
		complain(l, t, err_text(ERR_UNKNOWN), err_text(rc));
	if (rc) {
		if (!loop_until(&l->loop, cut_is_up, l, CUT_DEADLINE_MS))
			complain(l, t, "the link to heal", rlink_error(cut_link(l)));
		rc = cut_ask(l, t->call->ask);
	}
	if (rc)
		complain(l, t, "an answer to the second call", err_text(rc));
	else
		judge(l, t);
	/* cut behind its last byte, the call is answered before the loss is seen */
	if (!loop_until(&l->loop, has_lost, &loss, CUT_DEADLINE_MS))
		complain(l, t, "the loss of the connection to be noticed", "none");
	proxy_heal(l->proxy);
	ledger_add(chaos_ledger(l->run), LEDGER_FAULTS, 1);
}

/* ---- references ---- */

/* How long a side of a call is: a cut far behind its end misses, and says so. */
static size_t measure(struct cut_lane *l, const struct cut_call *call, enum proxy_side side)
{
	const struct proxy_fault fault = { .command = call->command, .side = side, .offset = SIZE_MAX };
	size_t length = 0;

	cut_reset(l);
	call->prepare(l);
	l->way = CUT_PROXIED;
	proxy_strike(l->proxy, &fault);
	int rc = cut_ask(l, call->ask);
	if (rc || proxy_await(l->proxy, CUT_DEADLINE_MS) != PROXY_MISSED || strcmp(l->answer, call->first) != 0)
		chaos_fail(l->run, "%s, not cut: expected the answer %s, came %s", call->name, call->first,
			   rc ? err_text(rc) : l->answer);
	(void)proxy_outcome(l->proxy, &length);
	return length;
}

static void refer(struct cut_lane *l, const struct cut_call *call, struct reference *ref)
{
	const struct trial whole = { .call = call, .reference = ref };
	const char *why;

	ref->length[PROXY_REQUEST] = measure(l, call, PROXY_REQUEST);
	ref->length[PROXY_REPLY] = measure(l, call, PROXY_REPLY);
	ref->state = cut_state(l, &why);
	if (why)
		complain(l, &whole, "the invariants to hold without a cut", why);
	free((void *)(uintptr_t)why);
	if (!call->again)
		return;
	int rc = cut_ask(l, call->ask);
	if (rc || strcmp(l->answer, call->again) != 0)
		chaos_fail(l->run, "%s, asked twice: expected the answer %s, came %s", call->name, call->again,
			   rc ? err_text(rc) : l->answer);
	judge(l, &whole);
}

/* ---- the sweep ---- */

static struct trial trial_of(const struct sweep *s, size_t number)
{
	size_t i = cut_call_count - 1;

	while (s->references[i].first > number)
		i--;
	const struct reference *ref = &s->references[i];
	size_t offset = number - ref->first;
	bool reply = offset > ref->length[PROXY_REQUEST];
	return (struct trial){ &cut_calls[i], ref, reply ? PROXY_REPLY : PROXY_REQUEST,
			       reply ? offset - ref->length[PROXY_REQUEST] - 1 : offset };
}

struct lane_thread {
	pthread_t thread;
	struct sweep *sweep;
	unsigned number;
};

static void *run_lane(void *arg)
{
	const struct lane_thread *t = arg;
	struct sweep *s = t->sweep;
	struct cut_lane lane;
	size_t number;

	cut_open(&lane, s->run, s->redis_socket, t->number);
	while (!chaos_failed(s->run) && (number = atomic_fetch_add(&s->next, 1)) < s->trials) {
		const struct trial trial = trial_of(s, number);
		run_trial(&lane, &trial);
		(void)atomic_fetch_add(&s->done, 1);
		chaos_progress(s->run, (unsigned)atomic_load(&s->done), (unsigned)s->trials);
	}
	cut_close(&lane);
	return NULL;
}

static void take_references(struct sweep *s)
{
	struct cut_lane lane;

	cut_open(&lane, s->run, s->redis_socket, LANES);
	for (size_t i = 0; i < cut_call_count; i++) {
		struct reference *ref = &s->references[i];
		refer(&lane, &cut_calls[i], ref);
		ref->first = s->trials;
		s->trials += ref->length[PROXY_REQUEST] + 1 + ref->length[PROXY_REPLY] + 1;
	}
	cut_close(&lane);
}

unsigned cut_sweep(struct chaos_run *r, const char *redis_socket)
{
	struct sweep s = { .run = r, .redis_socket = redis_socket };
	struct lane_thread threads[LANES];

	s.references = calloc(cut_call_count, sizeof *s.references);
	if (!s.references)
		abort();
	take_references(&s);
	for (unsigned i = 0; i < LANES; i++) {
		threads[i] = (struct lane_thread){ .sweep = &s, .number = i };
		if (pthread_create(&threads[i].thread, NULL, run_lane, &threads[i]))
			cut_give_up("lane", "no thread");
	}
	for (unsigned i = 0; i < LANES; i++)
		(void)pthread_join(threads[i].thread, NULL);
	for (size_t i = 0; i < cut_call_count; i++)
		free(s.references[i].state);
	free(s.references);
	chaos_note(r, "%zu queue calls cut at each of their %zu bytes, on the wire between library and Redis",
		   cut_call_count, s.trials);
	return (unsigned)atomic_load(&s.done);
}
