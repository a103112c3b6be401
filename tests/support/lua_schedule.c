/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "lua_schedule.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lua_schedule_step.h"
#include "must.h"

/* ---- web roles ---- */

/* plain: nothing is asked for but to run. */
static void add_job(struct schedule *s, struct lua_call *c, bool plain)
{
	static const char priorities[] = { JOB_HIGH, JOB_NORMAL, JOB_NORMAL, JOB_LOW };
	struct buf record = BUF_INIT;
	char reply[16] = "", opts[96] = "";
	struct job job = { .result_ttl_s = 3600 };

	/* one draw a statement: within one, each compiler has an order of its own */
	job.priority = (enum job_priority)priorities[schedule_below(s, 4)];
	job.max_attempts = 1 + schedule_below(s, 4);
	if (!plain && schedule_percent(s, 25))
		job.delay_us = schedule_percent(s, 10) ? 1800000000ull : 1 + schedule_below(s, 5000000);
	if (!plain && schedule_percent(s, 25))
		job.expires_in_us = 100000 + schedule_below(s, 20000000);
	if (schedule_percent(s, 50)) {
		unsigned receiver = schedule_below(s, 3);
		snprintf(reply, sizeof reply, schedule_percent(s, 20) ? "R%u,R3" : "R%u", receiver);
	}
	job.reply = (struct span){ reply, strlen(reply) };
	if (!plain && schedule_percent(s, 20)) {
		unsigned key =
		    schedule_percent(s, 60) ? s->next_idem++ : s->next_idem - schedule_below(s, 1 + s->next_idem % 8);
		snprintf(opts, sizeof opts, "|h%u|p%u", key, schedule_below(s, 2));
	} else if (!plain && schedule_percent(s, 5)) {
		snprintf(opts, sizeof opts, "%llu||",
			 (unsigned long long)s->model.now - 1000000 + schedule_below(s, 3000000));
	}
	if (!plain && schedule_percent(s, 25)) { /* may share its result with others */
		static const unsigned ages_s[] = { 0, 5, 60, 3600 };
		unsigned age_s = ages_s[schedule_below(s, 4)], question = schedule_below(s, 5);
		size_t n = strlen(opts);
		snprintf(opts + n, sizeof opts - n, "%s|q%u|%u000000", n ? "" : "||", question, age_s);
	}
	lua_lab_record(&record, &job);
	if (schedule_percent(
		s, 20)) { /* a sender's nonsense in what is not its business: state, flags, attempt, created_at */
		record.data[2] = JOB_SUCCEEDED;
		record.data[4] = (char)schedule_below(s, 4);
		record.data[6] = (char)schedule_below(s, 9);
		record.data[16] = (char)schedule_below(s, 99);
	}
	s->next_job += !(c->n > 1 && schedule_percent(s, 10)); /* now and then the same id twice in one call */
	schedule_add_id(s, c, s->next_job);
	lua_call_str(c, opts);
	lua_call_arg(c, record.data, record.len);
	buf_fini(&record);
}

static void step_enqueue(struct schedule *s)
{
	struct lua_call *c = schedule_call_new("sq_enqueue");
	unsigned n = 1 + schedule_below(s, schedule_percent(s, 10) ? 20 : 5);
	uint64_t live = (uint64_t)s->model.live;
	bool plain = schedule_percent(s, 35);

	if (live > LIVE_AIM)
		n = 1;
	lua_call_uint(c, schedule_percent(s, 8) ? live + schedule_below(s, 4) : 1000);
	while (n--)
		add_job(s, c, plain);
	schedule_perform(s, c);
}

/* A job whose record exists; NULL when there is none, or when it is a corrupt one. */
static struct mjob *some_job(struct schedule *s)
{
	if (!s->model.present.n)
		return NULL;
	struct mjob *j = &s->model.jobs[s->model.present.v[schedule_below(s, (unsigned)s->model.present.n)]];
	return j->corrupt ? NULL : j;
}

/* One of a batch that lives, or NULL. */
static struct mjob *some_running(struct schedule *s)
{
	if (!s->model.batch_count)
		return NULL;
	const struct ints *jobs = &s->model.batches[schedule_below(s, (unsigned)s->model.batch_count)].jobs;
	struct mjob *j = &s->model.jobs[jobs->v[schedule_below(s, (unsigned)jobs->n)]];
	return j->corrupt ? NULL : j;
}

static void step_cancel(struct schedule *s)
{
	struct mjob *j = schedule_percent(s, 95) ? some_job(s) : model_job(&s->model, s->next_job + 7);
	struct lua_call *c;

	if (schedule_percent(s, 50))
		j = some_running(s);
	if (!j)
		return;
	c = schedule_call_new("sq_cancel");
	lua_call_str(c, j->id);
	schedule_perform(s, c);
}

static void step_watch(struct schedule *s)
{
	struct mjob *j = schedule_percent(s, 95) ? some_job(s) : model_job(&s->model, s->next_job + 7);
	char receiver[8];
	struct lua_call *c;

	if (!j)
		return;
	snprintf(receiver, sizeof receiver, "R%u", schedule_below(s, MODEL_RECEIVERS));
	c = schedule_call_new("sq_watch");
	lua_call_str(c, j->id);
	lua_call_str(c, receiver);
	schedule_perform(s, c);
}

static void step_pause(struct schedule *s)
{
	struct lua_call *c = schedule_call_new("sq_pause");

	lua_call_str(c, schedule_percent(s, s->model.paused ? 10 : 50) ? "1" : "0");
	schedule_perform(s, c);
}

static void step_retry(struct schedule *s)
{
	struct mjob *j = schedule_percent(s, 95) ? some_job(s) : model_job(&s->model, s->next_job + 7);
	struct lua_call *c;

	for (int tries = 0; tries < 8 && j && !strchr("xfce", j->state); tries++)
		j = some_job(s);
	if (!j)
		return;
	c = schedule_call_new("sq_retry");
	lua_call_str(c, j->id);
	lua_call_uint(c, schedule_percent(s, 10) ? (uint64_t)s->model.live + schedule_below(s, 2) : 1000);
	schedule_perform(s, c);
}

static void step_redrive(struct schedule *s)
{
	struct lua_call *c = schedule_call_new("sq_redrive");

	lua_call_uint(c, 1 + schedule_below(s, 8));
	lua_call_uint(c, schedule_percent(s, 30) ? (uint64_t)s->model.live + schedule_below(s, 4) : 1000);
	schedule_perform(s, c);
}

static void step_figures(struct schedule *s)
{
	schedule_perform(s, schedule_call_new("sq_figures"));
}

/* ---- workers ---- */

static void step_claim(struct schedule *s)
{
	struct lua_call *c = schedule_call_new("sq_claim");
	struct seen_batch *seen = &s->batches[s->batch_count++ % BATCHES];
	unsigned w = schedule_below(s, WORKERS);

	snprintf(seen->name, sizeof seen->name, "W%u.b%u.%u", w, s->boots[w], s->next_batch++);
	lua_call_str(c, seen->name);
	lua_call_uint(c, schedule_percent(s, 10) ? QUEUE_BATCH_MAX : 1 + schedule_below(s, 8));
	lua_call_uint(c, QUEUE_LEASE_US);
	if (schedule_percent(s, 60))
		lua_call_uint(c, schedule_below(s, 3));
	schedule_perform(s, c);
	const struct mbatch *b = model_batch(&s->model, seen->name);
	seen->n = b ? (unsigned)b->jobs.n : 0;
	if (b)
		memcpy(seen->jobs, b->jobs.v, b->jobs.n * sizeof *b->jobs.v);
	else
		s->batch_count--;
}

/* Mostly a batch that lives; now and then one that is long gone. */
static struct seen_batch *some_batch(struct schedule *s)
{
	unsigned n = s->batch_count < BATCHES ? s->batch_count : BATCHES;
	struct seen_batch *b = NULL;

	for (int tries = 0; n && tries < 12; tries++) {
		b = &s->batches[schedule_below(s, n)];
		if (b->n && (model_batch(&s->model, b->name) || schedule_percent(s, 4)))
			break;
	}
	return b && b->n ? b : NULL;
}

/* Adds some of the batch's jobs, and rarely a foreign one. outcome: also kind, time and JSON. */
static unsigned add_some(struct schedule *s, struct lua_call *c, const struct seen_batch *b, const char *kinds)
{
	unsigned first = schedule_percent(s, 60) ? 0 : schedule_below(s, b->n),
		 n = schedule_percent(s, 60) ? b->n : 1 + schedule_below(s, b->n), added = 0;
	char json[32];

	for (unsigned i = first; i < b->n && added < n; i++, added++) {
		bool foreign = s->next_job && schedule_percent(s, 2);
		schedule_add_id(s, c, foreign ? schedule_below(s, s->next_job) : b->jobs[i]);
		if (kinds) {
			lua_call_arg(c, &kinds[schedule_below(s, (unsigned)strlen(kinds))], 1);
			lua_call_uint(c, schedule_below(s, 2000000));
			snprintf(json, sizeof json, "{\"outcome\":%u}", schedule_below(s, 1000000));
			lua_call_str(c, json);
		}
	}
	return added;
}

static void on_batch(struct schedule *s, const char *function, const char *show, const char *kinds)
{
	const struct seen_batch *b = some_batch(s);
	struct lua_call *c;

	if (!b)
		return;
	c = schedule_call_new(function);
	lua_call_str(c, b->name);
	if (show)
		lua_call_str(c, show);
	add_some(s, c, b, kinds);
	schedule_perform(s, c);
}

static void step_start(struct schedule *s)
{
	on_batch(s, "sq_start", schedule_percent(s, 50) ? "1" : "0", NULL);
}

static void step_finish(struct schedule *s)
{
	on_batch(s, "sq_finish", NULL, "sssfc");
}

static void step_fail(struct schedule *s)
{
	on_batch(s, "sq_fail", NULL, "rrw");
}

static void step_progress(struct schedule *s)
{
	const struct seen_batch *b = some_batch(s);
	struct lua_call *c;
	char json[32];

	if (!b)
		return;
	c = schedule_call_new("sq_progress");
	lua_call_str(c, b->name);
	for (unsigned i = 0; i < b->n; i += 1 + schedule_below(s, 3)) {
		bool foreign = s->next_job && schedule_percent(s, 5);
		schedule_add_id(s, c, foreign ? schedule_below(s, s->next_job) : b->jobs[i]);
		snprintf(json, sizeof json, "{\"ratio\":0.%u}", schedule_below(s, 1000000));
		lua_call_str(c, schedule_percent(s, 10) ? "" : json);
	}
	schedule_perform(s, c);
}

static void step_release(struct schedule *s)
{
	on_batch(s, "sq_release", NULL, NULL);
}

static void step_extend(struct schedule *s)
{
	struct lua_call *c = schedule_call_new("sq_extend");
	unsigned n = 1 + schedule_below(s, 6);

	lua_call_uint(c, QUEUE_LEASE_US);
	while (n--) {
		const struct seen_batch *b = some_batch(s);
		lua_call_str(c, b ? b->name : "W9.b0.0");
	}
	schedule_perform(s, c);
}

static void step_reap(struct schedule *s)
{
	struct lua_call *c = schedule_call_new("sq_reap");
	unsigned w = schedule_below(s, WORKERS);
	char name[16] = "", boot[16] = "";

	if (schedule_percent(s, 60)) {
		snprintf(name, sizeof name, "W%u", w);
		snprintf(boot, sizeof boot, "b%u", s->boots[w]);
	}
	lua_call_uint(c, QUEUE_LEASE_US);
	lua_call_str(c, name);
	lua_call_str(c, boot);
	lua_call_uint(c, schedule_percent(s, 80) ? 64 : 1 + schedule_below(s, 5));
	schedule_perform(s, c);
}

/* It comes back at once, and gives back what it had. */
static void step_crash(struct schedule *s)
{
	struct lua_call *c = schedule_call_new("sq_reap");
	char name[16], boot[16];
	unsigned w = schedule_below(s, WORKERS);

	snprintf(name, sizeof name, "W%u", w);
	snprintf(boot, sizeof boot, "b%u", ++s->boots[w]);
	lua_call_uint(c, QUEUE_LEASE_US);
	lua_call_str(c, name);
	lua_call_str(c, boot);
	lua_call_uint(c, 64);
	schedule_perform(s, c);
}

/* It forgets everything; its name comes back with another boot. */
static void step_die(struct schedule *s)
{
	char which[8];
	unsigned w = schedule_below(s, WORKERS);

	s->boots[w]++;
	snprintf(which, sizeof which, "W%u", w);
	schedule_note(s, "dies:", which);
}

/* ---- misfortune ---- */

static void step_markers(struct schedule *s)
{
	lab_do(s->lab, "DEL", LAB_TAG ":mk");
	s->model.markers = 0;
	schedule_note(s, "markers", "deleted");
}

static void step_replies(struct schedule *s)
{
	unsigned receiver = schedule_below(s, MODEL_RECEIVERS);
	char key[64];

	snprintf(key, sizeof key, LAB_TAG ":r:R%u", receiver);
	lab_do(s->lab, "DEL", key);
	s->model.replies[receiver].n = 0;
	schedule_note(s, "replies taken:", key);
}

/* One that owns a question, is followed, or follows; or NULL. */
static struct mjob *some_sharing(struct schedule *s)
{
	if (s->model.owner_count && schedule_percent(s, 40)) {
		struct mjob *owner =
		    &s->model.jobs[s->model.owners[schedule_below(s, (unsigned)s->model.owner_count)].owner];
		return owner->corrupt || owner->gone ? NULL : owner;
	}
	if (!s->model.group_count)
		return NULL;
	const struct mgroup *g = &s->model.groups[schedule_below(s, (unsigned)s->model.group_count)];
	unsigned at = schedule_below(s, (unsigned)g->jobs.n + 1);
	struct mjob *j = &s->model.jobs[at ? g->jobs.v[at - 1] : g->leader];
	return j->corrupt ? NULL : j;
}

static void step_corrupt(struct schedule *s)
{
	struct mjob *j = schedule_percent(s, 50) ? some_job(s) : some_running(s);
	char key[KEYS_NAME_SIZE];

	if (schedule_percent(s, 50))
		j = some_sharing(s);
	if (!j || !strchr("qdr", j->state) || schedule_percent(s, 50))
		return;
	keys_job(key, LAB_TAG, j->id);
	unsigned how = schedule_below(s, 5);
	switch (how) {
	case 0:
		lab_do(s->lab, "SET", key, "");
		break;
	case 1:
		lab_do(s->lab, "SET", key,
		       "J1 this is not a record at all, although it is longer than the shortest of them is");
		break;
	case 2:
		lab_do(s->lab, "SETRANGE", key, "2", "Z");
		break;
	case 3:
		lab_do(s->lab, "SETRANGE", key, "70", "\xf0");
		break;
	default:
		lab_do(s->lab, "APPEND", key, "x");
		break;
	}
	j->corrupt = true;
	j->corrupt_head = how >= 3;
	schedule_note(s, "corrupt:", j->id);
}

/* The clock steps back, and so far forward that leases given out meanwhile run out before anybody reaps. */
static void step_swing(struct schedule *s)
{
	s->model.now -= (20 + schedule_below(s, 40)) * 1000000ull;
	step_claim(s);
	s->model.now += (10 + schedule_below(s, 3)) * 1000000ull;
	if (!s->failure)
		step_reap(s);
}

/* The time of final records runs out; so does that of idempotency keys. */
static void step_purge(struct schedule *s)
{
	char key[KEYS_NAME_SIZE];
	size_t finals = 0;

	for (size_t i = s->model.present.n; i-- > 0;) {
		struct mjob *j = &s->model.jobs[s->model.present.v[i]];
		if (!strchr("sfxce!", j->state) || ++finals <= FINALS_KEPT)
			continue;
		keys_job(key, LAB_TAG, j->id);
		lab_do(s->lab, "DEL", key);
		model_purge(&s->model, j);
	}
	while (s->model.idem_count > 16) {
		snprintf(key, sizeof key, LAB_TAG ":i:%s", s->model.idems[0].hash);
		lab_do(s->lab, "DEL", key);
		s->model.idems[0] = s->model.idems[--s->model.idem_count];
	}
	schedule_note(s, "old records", "gone");
}

/* A new submission of an id that is gone, or whose record is no record, is not a repetition. */
static bool repeatable(struct schedule *s, const struct lua_call *c)
{
	for (size_t i = 0; c && i < c->n; i++) {
		if (c->args[i].len != ID_TEXT_LEN)
			continue;
		const struct mjob *j = model_job(&s->model, lua_lab_number(c->args[i].data));
		if (j->corrupt || (j->gone && strcmp(c->function, "sq_enqueue") == 0))
			return false;
	}
	return c != NULL;
}

static void step_repeat(struct schedule *s)
{
	const struct lua_call *c = s->past[schedule_below(s, CALLS)];

	if (!repeatable(s, c))
		return;
	s->replayed++;
	schedule_call(s, c);
}

static void turn_clock(struct schedule *s)
{
	unsigned p = schedule_below(s, 1000);
	uint64_t *now = &s->model.now;

	if (p < 700)
		*now += schedule_below(s, 20000);
	else if (p < 950)
		*now += schedule_below(s, 1000000);
	else if (p < 994)
		*now += schedule_below(s, 12000000);
	else if (p < 996)
		*now -= schedule_below(s, 3600000) * 1000ull;
	else
		*now += schedule_below(s, 3600000) * 1000ull;
}

/* ---- the whole ---- */

static const struct {
	unsigned weight;
	void (*step)(struct schedule *s);
} steps_table[] = {
	{ 16, step_enqueue }, { 16, step_claim },  { 14, step_start },  { 16, step_finish },  { 6, step_fail },
	{ 4, step_release },  { 7, step_extend },  { 9, step_reap },    { 5, step_cancel },   { 3, step_watch },
	{ 3, step_pause },    { 1, step_die },     { 3, step_crash },   { 1, step_markers },  { 2, step_replies },
	{ 1, step_corrupt },  { 3, step_purge },   { 1, step_swing },   { 9, step_repeat },   { 4, step_progress },
	{ 5, step_retry },    { 1, step_redrive }, { 4, step_figures }, { 4, schedule_list }, { 3, schedule_peek },
};

static void random_step(struct schedule *s)
{
	unsigned total = 0, at;

	for (size_t i = 0; i < sizeof steps_table / sizeof *steps_table; i++)
		total += steps_table[i].weight;
	at = schedule_below(s, total);
	for (size_t i = 0; i < sizeof steps_table / sizeof *steps_table; i++) {
		if (at < steps_table[i].weight) {
			steps_table[i].step(s);
			return;
		}
		at -= steps_table[i].weight;
	}
}

static void drain_once(struct schedule *s)
{
	struct lua_call *c;

	s->model.now += 1000000;
	if (s->step % 8 == 0)
		s->model.now += 3600000000ull; /* past delays, and past what a clock that went back has left behind */
	step_reap(s);
	step_claim(s);
	for (size_t i = 0; i < s->model.batch_count && !s->failure; i++) {
		const struct ints jobs = s->model.batches[i].jobs;
		char name[128];
		snprintf(name, sizeof name, "%s", s->model.batches[i].name);
		c = schedule_call_new("sq_finish");
		lua_call_str(c, name);
		for (size_t k = 0; k < jobs.n; k++) {
			schedule_add_id(s, c, jobs.v[k]);
			lua_call_str(c, "s");
			lua_call_str(c, "1");
			lua_call_str(c, "1");
		}
		schedule_perform(s, c);
	}
	step_purge(s);
}

/* Every acknowledged job must have come to one end, or have been put aside for its record. */
static void drain(struct schedule *s)
{
	struct lua_call *c = schedule_call_new("sq_pause");
	char why[160];

	lua_call_str(c, "0");
	schedule_perform(s, c);
	for (unsigned i = 0; i < 400 && s->model.live > 0 && !s->failure; i++, s->step++)
		drain_once(s);
	if (s->failure)
		return;
	if (s->model.live || s->model.running || s->model.accepted != s->model.ended.n + s->model.bad) {
		snprintf(why, sizeof why, "drained: %lld live, %llu accepted, %zu ended, %u isolated",
			 (long long)s->model.live, (unsigned long long)s->model.accepted, s->model.ended.n,
			 s->model.bad);
		schedule_fail(s, why);
	}
}

char *lua_schedule(struct lua_lab *lab, uint64_t seed, unsigned steps, unsigned look, struct lua_schedule_stats *stats)
{
	struct schedule *s = must_calloc(1, sizeof *s);
	char *failure;

	lua_lab_reset(lab);
	s->lab = lab;
	s->seed = s->random = seed;
	s->look = look;
	model_init(&s->model);
	for (s->step = 0; s->step < steps && !s->failure; s->step++) {
		turn_clock(s);
		random_step(s);
	}
	if (!s->failure)
		drain(s);
	if (stats)
		*stats = (struct lua_schedule_stats){ s->step,          s->calls,     s->model.accepted,
						      s->model.ended.n, s->model.bad, s->replayed };
	for (int i = 0; i < CALLS; i++)
		lua_call_free(s->past[i]);
	model_fini(&s->model);
	failure = s->failure;
	free(s);
	return failure;
}
