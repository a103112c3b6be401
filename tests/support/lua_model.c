/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "lua_model.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lua_model_moves.h"
#include "must.h"

static uint64_t max_of(uint64_t a, uint64_t b)
{
	return a > b ? a : b;
}

static const char *text(const struct lua_call *c, size_t i)
{
	return i < c->n ? buf_cstr(&c->args[i]) : "";
}

static uint64_t number(const struct lua_call *c, size_t i)
{
	return strtoull(text(c, i), NULL, 10);
}

static struct mjob *job_arg(struct model *m, const struct lua_call *c, size_t i)
{
	return model_job(m, lua_lab_number(text(c, i)));
}

/* ---- the functions ---- */

static void enqueue_one(struct model *m, struct mjob *j, const struct job *wish, uint64_t run_at, bool computes)
{
	j->state = 'q';
	j->priority = (char)wish->priority;
	j->max_attempts = wish->max_attempts;
	j->created_at = m->now;
	j->run_at = max_of(run_at, m->now + wish->delay_us);
	j->expires_in = wish->expires_in_us;
	j->expires_at = j->expires_in ? j->run_at + j->expires_in : 0;
	j->in_expiry = j->expires_at > 0;
	snprintf(j->receivers, sizeof j->receivers, "%.*s", (int)wish->reply.n, wish->reply.p);
	if (j->run_at > m->now) {
		j->state = 'd';
		ints_push(&m->waiting, model_number(j));
	} else if (computes) {
		ints_push(&m->lists[model_list(j)], model_number(j));
	}
	if (computes)
		model_markers(m, 1);
	ints_push(&m->present, model_number(j));
	m->live++;
	m->accepted++;
}

static struct midem *idem_find(struct model *m, const char *hash)
{
	for (size_t i = 0; *hash && i < m->idem_count; i++)
		if (strcmp(m->idems[i].hash, hash) == 0)
			return &m->idems[i];
	return NULL;
}

static void idem_add(struct model *m, const char *hash, const char *print, const struct mjob *j)
{
	if (!*hash)
		return;
	m->idems = must_realloc(m->idems, m->idem_count + 1, sizeof *m->idems);
	struct midem *k = &m->idems[m->idem_count++];
	*k = (struct midem){ .first = model_number(j), .created_at = j->created_at };
	snprintf(k->hash, sizeof k->hash, "%s", hash);
	snprintf(k->print, sizeof k->print, "%s", print);
}

struct options {
	uint64_t run_at, max_age;
	char hash[24], print[24], question[24];
};

/* Splits "run_at|hash|print|question|max_age". */
static struct options options(const char *s)
{
	struct options o = { .run_at = strtoull(s, NULL, 10) };
	char *const fields[] = { o.hash, o.print, o.question };

	for (size_t i = 0; i < 3 && (s = strchr(s, '|')) != NULL; i++) {
		s++;
		snprintf(fields[i], 24, "%.*s", (int)strcspn(s, "|"), s);
	}
	s = s ? strchr(s, '|') : NULL;
	o.max_age = s ? strtoull(s + 1, NULL, 10) : 0;
	return o;
}

static char accepted_code(const struct mjob *j)
{
	return j->hit ? 'H' : j->joined ? 'J' : 'A';
}

/* A new job: accepted, answered by a result, or refused. */
static char enqueue_new(struct model *m, struct mjob *j, const struct job *wish, const struct options *o, bool room)
{
	bool asks = *o->question && max_of(o->run_at, m->now + wish->delay_us) <= m->now;
	struct mjob *owner = asks ? model_owner(m, o->question, o->max_age) : NULL;
	bool hit = owner && owner->state == 's';

	if (!room && !hit)
		return 'F';
	enqueue_one(m, j, wish, o->run_at, !owner);
	if (hit) {
		snprintf(j->outcome, sizeof j->outcome, "%s", owner->outcome);
		j->hit = true;
		model_finalise(m, j, 's', false, 0);
	} else if (owner) {
		model_follow(m, j, owner, o->question);
	} else if (asks) {
		model_own(m, o->question, model_number(j));
	}
	return accepted_code(j);
}

static void call_enqueue(struct model *m, const struct lua_call *c, struct buf *expect)
{
	struct buf each = BUF_INIT;
	bool special = false;

	for (size_t i = 1; i + 2 < c->n; i += 3) {
		struct mjob *j = job_arg(m, c, i);
		struct job wish;
		struct options o = options(text(c, i + 1));
		struct midem *k = idem_find(m, o.hash);

		job_record_decode(c->args[i + 2].data, c->args[i + 2].len, &wish);
		buf_byte(&each, ' ');
		if (k && k->first != model_number(j)) {
			bool same = strcmp(k->print, o.print) == 0;
			buf_printf(&each, "%c%s", same ? 'R' : 'C', same ? m->jobs[k->first].id : "");
			special = true;
		} else if (j->state && !j->gone) {
			buf_printf(&each, "%c%llu", accepted_code(j), (unsigned long long)j->created_at);
			special = special || j->created_at != m->now || accepted_code(j) != 'A';
		} else {
			char code = enqueue_new(m, j, &wish, &o, m->live < (int64_t)number(c, 0));
			buf_byte(&each, code);
			if (code != 'F') {
				idem_add(m, o.hash, o.print, j);
				buf_printf(&each, "%llu", (unsigned long long)m->now);
			}
			special = special || code != 'A';
		}
	}
	buf_printf(expect, "[%llu%s]", (unsigned long long)m->now, special ? buf_cstr(&each) : "");
	buf_fini(&each);
}

static void print_job(struct buf *out, const struct mjob *j)
{
	buf_printf(out, "J1:%c:%u:%s", j->state, j->attempt, j->batch);
}

/* start: '1' presumed to have started, '2' likewise but for suspects. */
static void claim_job(struct model *m, struct mbatch *b, struct mjob *j, char start, struct buf *out)
{
	j->state = 'r';
	j->mark = start == '1' || (start == '2' && !j->suspect) ? 'p' : 'c';
	j->started_at = 0;
	j->in_expiry = false;
	snprintf(j->batch, sizeof j->batch, "%s", b->name);
	ints_push(&b->jobs, model_number(j));
	m->running++;
	buf_printf(out, " %s ", j->id);
	print_job(out, j);
}

/* True when jobs are left. */
static bool claim_new(struct model *m, const char *name, size_t max, uint64_t lease_us, char start, struct buf *out)
{
	struct mbatch *b = model_batch_new(m, name, m->now + lease_us);

	if (m->batch_count == 1)
		m->clk = m->now;
	for (int l = 0; l < 3; l++)
		while (m->lists[l].n && b->jobs.n < max) {
			struct mjob *j = &m->jobs[m->lists[l].v[0]];
			ints_remove(&m->lists[l], 0);
			if (j->state != 'q' || j->corrupt)
				model_bury(m, j);
			else if (j->expires_at && j->expires_at <= m->now)
				model_finalise(m, j, 'e', false, 0);
			else
				claim_job(m, b, j, start, out);
		}
	if (b->jobs.n == 0)
		model_batch_drop(m, b);
	model_settle(m);
	if (!model_any_waiting(m))
		m->markers = 0;
	return model_any_waiting(m);
}

static void call_claim(struct model *m, const struct lua_call *c, struct buf *expect)
{
	struct buf jobs = BUF_INIT;
	unsigned moved, isolated;
	uint64_t due = model_promote(m, 64, &moved, &isolated);
	struct mbatch *b = model_batch(m, text(c, 0));
	bool more = model_any_waiting(m) && !m->paused;

	if (b) {
		b->deadline = m->now + number(c, 2);
		for (size_t i = 0; i < b->jobs.n; i++) {
			struct mjob *j = &m->jobs[b->jobs.v[i]];
			if (j->corrupt)
				continue;
			buf_printf(&jobs, " %s ", j->id);
			print_job(&jobs, j);
		}
	} else if (!m->paused) {
		more = claim_new(m, text(c, 0), number(c, 1), number(c, 2), text(c, 3)[0], &jobs);
	}
	buf_printf(expect, "[%llu %llu %d %d%s]", (unsigned long long)m->now, (unsigned long long)due, more, m->paused,
		   buf_cstr(&jobs));
	buf_fini(&jobs);
}

static void call_start(struct model *m, const struct lua_call *c, struct buf *expect)
{
	bool show = number(c, 1) == 1;

	buf_printf(expect, "[%llu ", (unsigned long long)m->now);
	for (size_t i = 2; i < c->n; i++) {
		struct mjob *j = job_arg(m, c, i);
		bool mine = j->state == 'r' && strcmp(j->batch, text(c, 0)) == 0;
		buf_byte(expect, !mine ? '-' : j->cancel ? 'c' : 's');
		if (!mine || j->cancel)
			continue;
		j->mark = show || j->mark == 's' ? 's' : 'p';
		if (show && !j->started_at && !j->corrupt)
			j->started_at = m->now;
	}
	buf_byte(expect, ']');
}

static void call_finish(struct model *m, const struct lua_call *c, struct buf *expect)
{
	for (size_t i = 1; i + 3 < c->n; i += 4) {
		struct mjob *j = job_arg(m, c, i);
		char kind = text(c, i + 1)[0];
		bool was = strcmp(j->batch, text(c, 0)) == 0;
		if (model_leave(m, text(c, 0), j)) {
			m->run_us += number(c, i + 2);
			snprintf(j->outcome, sizeof j->outcome, "%s", text(c, i + 3));
			if (j->corrupt)
				model_isolate(m, j);
			else
				model_finalise(m, j, kind, kind != 'c' || j->mark == 's', number(c, i + 2));
			buf_byte(expect, j->corrupt ? '-' : 'k');
		} else {
			buf_byte(expect, model_final(j) && !j->gone && was ? 'm' : '-');
		}
	}
	model_settle(m);
}

static void call_fail(struct model *m, const struct lua_call *c, struct buf *expect)
{
	for (size_t i = 1; i + 3 < c->n; i += 4) {
		struct mjob *j = job_arg(m, c, i);
		bool was = strcmp(j->batch, text(c, 0)) == 0;
		char verdict = '-';
		if (model_leave(m, text(c, 0), j)) {
			m->run_us += number(c, i + 2);
			if (j->corrupt) {
				model_isolate(m, j);
			} else if (j->cancel) {
				model_finalise(m, j, 'c', j->mark != 'c', number(c, i + 2));
				verdict = 'k';
			} else {
				verdict = model_retry(m, j, number(c, i + 2), text(c, i + 1)[0]);
			}
		} else if (was && !j->gone && !j->corrupt) {
			verdict = model_final(j) ? 'm' : j->state == 'd' || j->state == 'q' ? 'd' : '-';
		}
		buf_byte(expect, verdict);
	}
	model_settle(m);
}

static void call_progress(struct model *m, const struct lua_call *c, struct buf *expect)
{
	for (size_t i = 1; i + 1 < c->n; i += 2) {
		struct mjob *j = job_arg(m, c, i);
		bool mine = j->state == 'r' && strcmp(j->batch, text(c, 0)) == 0 && !j->corrupt;
		if (mine)
			snprintf(j->progress, sizeof j->progress, "%s", text(c, i + 1));
		buf_byte(expect, mine ? 'k' : '-');
	}
}

static void call_release(struct model *m, const struct lua_call *c, struct buf *expect)
{
	struct ints heads = { 0 };

	for (size_t i = 1; i < c->n; i++) {
		struct mjob *j = job_arg(m, c, i);
		char verdict = '-';
		if (model_leave(m, text(c, 0), j)) {
			verdict = j->corrupt ? '-' : 'k';
			if (j->corrupt)
				model_isolate(m, j);
			else if (j->cancel)
				model_finalise(m, j, 'c', j->mark == 's', 0);
			else
				ints_push(&heads, model_number(j));
		}
		buf_byte(expect, verdict);
	}
	model_give_back(m, &heads);
	model_settle(m);
	free(heads.v);
}

static void call_extend(struct model *m, const struct lua_call *c, struct buf *expect)
{
	for (size_t i = 1; i < c->n; i++) {
		struct mbatch *b = model_batch(m, text(c, i));
		bool asked = false;
		buf_puts(expect, i == 1 ? "[" : " ");
		for (size_t k = 0; b && k < b->jobs.n; k++)
			if (m->jobs[b->jobs.v[k]].cancel) {
				buf_printf(expect, "%s%s", asked ? " " : "cancel ", m->jobs[b->jobs.v[k]].id);
				asked = true;
			}
		if (!asked)
			buf_puts(expect, b ? "ok" : "lost");
		if (b)
			b->deadline = m->now + number(c, 0);
	}
	buf_byte(expect, ']');
}

struct reaped {
	unsigned requeued, retried, died, cancelled, expired, promoted, rearmed, isolated;
	bool more;
};

static void reap_batch(struct model *m, struct mbatch *b, struct reaped *r, struct ints *heads)
{
	for (size_t i = 0; i < b->jobs.n; i++) {
		struct mjob *j = &m->jobs[b->jobs.v[i]];
		m->running--;
		if (j->corrupt) {
			model_isolate(m, j);
			r->isolated++;
		} else if (j->cancel) {
			model_finalise(m, j, 'c', j->mark == 's', 0);
			r->cancelled++;
		} else if (j->mark == 'c' || (j->mark == 'p' && !j->suspect)) {
			j->suspect = j->suspect || j->mark == 'p';
			ints_push(heads, b->jobs.v[i]);
			r->requeued++;
		} else if (model_retry(m, j, 0, 'l') == 'd') {
			r->retried++;
		} else {
			r->died++;
		}
	}
	model_batch_drop(m, b);
}

/* Another boot of the instance: INSTANCE.BOOT.COUNT. */
static bool of_earlier_boot(const char *batch, const char *instance, const char *boot)
{
	size_t n = strlen(instance);
	const char *dot = strrchr(batch, '.');

	if (!n || strncmp(batch, instance, n) != 0 || batch[n] != '.' || !dot || dot <= batch + n)
		return false;
	size_t length = (size_t)(dot - (batch + n + 1));
	return length != strlen(boot) || strncmp(batch + n + 1, boot, length) != 0;
}

/* The next batch to take apart, those of earlier boots first, then by deadline. */
static struct mbatch *next_lost(struct model *m, const char *instance, const char *boot)
{
	struct mbatch *best = NULL;
	bool best_boot = false;

	for (size_t i = 0; i < m->batch_count; i++) {
		struct mbatch *b = &m->batches[i];
		bool dead = of_earlier_boot(b->name, instance, boot);
		if (!dead && b->deadline > m->now)
			continue;
		if (!best || (dead && !best_boot) ||
		    (dead == best_boot && (b->deadline < best->deadline ||
					   (b->deadline == best->deadline && strcmp(b->name, best->name) < 0)))) {
			best = b;
			best_boot = dead;
		}
	}
	return best;
}

static void mend_leases(struct model *m, uint64_t lease_us, struct reaped *r)
{
	bool jumped = m->now < m->clk || m->now - m->clk > 3 * S_US;

	for (size_t i = 0; i < m->batch_count; i++)
		if ((jumped && m->batches[i].deadline < m->now + lease_us) ||
		    m->batches[i].deadline >= m->now + lease_us + S_US) {
			m->batches[i].deadline = m->now + lease_us;
			r->rearmed++;
		}
	m->clk = m->now;
}

static void sweep(struct model *m, size_t bound, struct reaped *r)
{
	for (int l = 0; l < 3; l++)
		for (size_t i = 0; i < bound && m->lists[l].n; i++) {
			struct mjob *j = &m->jobs[m->lists[l].v[0]];
			if (j->state == 'q' && !j->corrupt)
				break;
			ints_remove(&m->lists[l], 0);
			r->isolated += model_bury(m, j);
		}
	model_settle(m);
}

static void call_reap(struct model *m, const struct lua_call *c, struct buf *expect)
{
	struct reaped r = { 0 };
	struct ints heads = { 0 };
	double means[3];
	size_t bound = number(c, 3), jobs = 0;
	struct mbatch *b;
	bool more_expired;
	unsigned isolated;

	mend_leases(m, number(c, 0), &r);
	while ((b = next_lost(m, text(c, 1), text(c, 2))) && !r.more) {
		if (jobs >= bound) {
			r.more = true;
			break;
		}
		jobs += b->jobs.n;
		reap_batch(m, b, &r, &heads);
	}
	model_give_back(m, &heads);
	model_settle(m);
	free(heads.v);
	r.expired = model_expire(m, bound, &more_expired);
	uint64_t due = model_promote(m, bound, &r.promoted, &isolated);
	r.isolated += isolated;
	sweep(m, bound, &r);
	for (size_t i = m->dead.n; i-- > 0;)
		if (m->jobs[m->dead.v[i]].finished_at + 7 * DAY_US <= m->now)
			ints_remove(&m->dead, i);
	model_sample(m, means);
	r.more = r.more || more_expired || r.promoted >= bound;
	buf_printf(expect, "[%llu %llu %u %u %u %u %u %u %u %u %zu %d %lld]", (unsigned long long)m->now,
		   (unsigned long long)due, r.requeued, r.retried, r.died, r.cancelled, r.expired, r.promoted,
		   r.rearmed, r.isolated, m->batch_count, r.more,
		   m->paused ? 0ll
			     : (long long)(m->live - m->running - (int64_t)m->waiting.n - (int64_t)model_followers(m)));
}

static void call_cancel(struct model *m, const struct lua_call *c, struct buf *expect)
{
	struct mjob *j = job_arg(m, c, 0);
	char code = 'c';

	if (!j->state || j->gone || j->corrupt) {
		buf_puts(expect, "[0]");
		return;
	}
	if (model_final(j)) {
		code = 'd';
	} else if (j->state == 'r') {
		j->cancel = true;
		code = 'a';
	} else {
		if (j->state == 'd')
			ints_drop(&m->waiting, model_number(j));
		else
			j->tombstone = !j->joined;
		model_finalise(m, j, 'c', false, 0);
		model_settle(m);
	}
	buf_printf(expect, "[%c ", code);
	print_job(expect, j);
	buf_byte(expect, ']');
}

static void call_watch(struct model *m, const struct lua_call *c, struct buf *expect)
{
	struct mjob *j = job_arg(m, c, 0);
	const char *receiver = text(c, 1);

	if (!j->state || j->gone) {
		buf_puts(expect, "nil");
		return;
	}
	if (!model_final(j) && !strstr(j->receivers, receiver)) {
		size_t n = strlen(j->receivers);
		snprintf(j->receivers + n, sizeof j->receivers - n, "%s%s", n ? "," : "", receiver);
	}
	print_job(expect, j);
}

static void call_pause(struct model *m, const struct lua_call *c, struct buf *expect)
{
	m->paused = number(c, 0) == 1;
	buf_int(expect, m->paused);
	if (!m->paused)
		model_markers(m, m->lists[0].n + m->lists[1].n + m->lists[2].n + m->waiting.n);
}

void model_call(struct model *m, const struct lua_call *c, struct buf *expect)
{
	static const struct {
		const char *function;
		void (*call)(struct model *, const struct lua_call *, struct buf *);
	} calls[] = {
		{ "sq_enqueue", call_enqueue },
		{ "sq_claim", call_claim },
		{ "sq_start", call_start },
		{ "sq_finish", call_finish },
		{ "sq_fail", call_fail },
		{ "sq_release", call_release },
		{ "sq_extend", call_extend },
		{ "sq_reap", call_reap },
		{ "sq_cancel", call_cancel },
		{ "sq_watch", call_watch },
		{ "sq_pause", call_pause },
		{ "sq_progress", call_progress },
		{ "sq_retry", model_call_retry },
		{ "sq_redrive", model_call_redrive },
		{ "sq_figures", model_call_figures },
	};

	for (size_t i = 0; i < sizeof calls / sizeof *calls; i++)
		if (strcmp(calls[i].function, c->function) == 0)
			calls[i].call(m, c, expect);
}
