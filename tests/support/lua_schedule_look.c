/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What readers see of a queue: its sections page by page, and looks at single jobs, against the model. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lua_model_moves.h"
#include "lua_schedule_step.h"

/* ---- what has to be listed, in its order ---- */

static const struct model *sorted_by; /* for qsort, which takes no context */

static const struct mjob *job_at(const void *number)
{
	return &sorted_by->jobs[*(const unsigned *)number];
}

static int by_id(const void *a, const void *b)
{
	return strcmp(job_at(b)->id, job_at(a)->id);
}

static int by_end(const void *a, const void *b)
{
	return model_by_end(job_at(b), job_at(a));
}

static int by_time(const void *a, const void *b, uint64_t time_of_a, uint64_t time_of_b)
{
	if (time_of_a != time_of_b)
		return time_of_a < time_of_b ? 1 : -1;
	return by_id(a, b);
}

static int by_run_at(const void *a, const void *b)
{
	return by_time(a, b, job_at(a)->run_at, job_at(b)->run_at);
}

static int by_created_at(const void *a, const void *b)
{
	return by_time(a, b, job_at(a)->created_at, job_at(b)->created_at);
}

static void sort(struct model *m, struct ints *jobs, size_t from, int (*order)(const void *, const void *))
{
	sorted_by = m;
	if (jobs->n > from)
		qsort(jobs->v + from, jobs->n - from, sizeof *jobs->v, order);
}

static void expect_queued(struct model *m, struct ints *out)
{
	for (int l = 0; l < 3; l++)
		for (size_t i = m->lists[l].n; i-- > 0;) {
			const struct mjob *j = &m->jobs[m->lists[l].v[i]];
			if (j->state == 'q' && !j->corrupt)
				ints_push(out, m->lists[l].v[i]);
		}
	size_t from = out->n;
	for (size_t i = 0; i < m->group_count; i++)
		for (size_t k = 0; k < m->groups[i].jobs.n; k++)
			if (!m->jobs[m->groups[i].jobs.v[k]].corrupt)
				ints_push(out, m->groups[i].jobs.v[k]);
	sort(m, out, from, by_created_at);
}

/* The most recent ends, the last one first, as far as they are not gone. */
static void expect_finished(struct model *m, char section, size_t recent, struct ints *out)
{
	for (size_t i = m->ended.n; i-- > 0 && m->ended.n - i <= recent;) {
		const struct mjob *j = &m->jobs[m->ended.v[i]];
		if (!j->gone && (section == 'a' || j->state == section))
			ints_push(out, m->ended.v[i]);
	}
}

static void expect_section(struct model *m, char section, size_t recent, struct ints *out)
{
	if (section == 'q') {
		expect_queued(m, out);
	} else if (section == 'x') {
		for (size_t i = 0; i < m->dead.n; i++)
			if (!m->jobs[m->dead.v[i]].gone)
				ints_push(out, m->dead.v[i]);
		sort(m, out, 0, by_end);
	} else if (section == 'r' || section == 'd') {
		for (size_t i = 0; i < m->present.n; i++)
			if (m->jobs[m->present.v[i]].state == section && !m->jobs[m->present.v[i]].corrupt)
				ints_push(out, m->present.v[i]);
		sort(m, out, 0, section == 'r' ? by_id : by_run_at);
	} else {
		expect_finished(m, section, recent, out);
	}
}

/* ---- pages ---- */

struct pages {
	char before[QUEUE_LIST_KEY_SIZE];
	bool more;
	struct ints jobs;
};

static const char *read_page(struct schedule *s, char section, unsigned limit, struct pages *p)
{
	static char why[200];
	char name[2] = { section, '\0' }, number[16];
	struct job job;

	snprintf(number, sizeof number, "%u", limit);
	const struct rreply *r = lab_call(s->lab, "sq_list", name, number, p->before);
	if (rreply_type(r) != RREPLY_ARRAY)
		return rreply_str(r, NULL);
	size_t n = rreply_count(r);
	if (n % 3 != 1 || n / 3 > limit)
		return "a page of another size";
	for (size_t i = 1; i < n; i += 3) {
		const char *id = rreply_str(rreply_at(r, i), NULL), *key = rreply_str(rreply_at(r, i + 1), NULL);
		size_t length;
		const char *record = rreply_str(rreply_at(r, i + 2), &length);
		if ((p->before[0] && strcmp(key, p->before) >= 0) || strlen(key) >= sizeof p->before) {
			snprintf(why, sizeof why, "key %.60s comes after %.60s", key, p->before);
			return why;
		}
		if (job_record_decode(record, length, &job) || (section != 'a' && (char)job.state != section))
			return "a record that does not belong there";
		snprintf(p->before, sizeof p->before, "%s", key);
		ints_push(&p->jobs, lua_lab_number(id));
	}
	p->more = rreply_int(rreply_at(r, 0)) != 0;
	return NULL;
}

static void compare_pages(struct schedule *s, char section, const struct ints *expected, const struct ints *came)
{
	char why[240];

	for (size_t i = 0; i < expected->n && i < came->n; i++)
		if (expected->v[i] != came->v[i]) {
			snprintf(why, sizeof why, "section %c: expected job #%x at place %zu, came #%x", section,
				 expected->v[i], i, came->v[i]);
			schedule_fail(s, why);
			return;
		}
	if (expected->n != came->n) {
		snprintf(why, sizeof why, "section %c: expected %zu jobs, came %zu", section, expected->n, came->n);
		schedule_fail(s, why);
	}
}

void schedule_list(struct schedule *s)
{
	char section = "rqdxasfce"[schedule_below(s, 9)], name[2] = { section, '\0' };
	unsigned limit = schedule_percent(s, 50) ? 1 + schedule_below(s, 4) : QUEUE_LIST_MAX;
	struct pages p = { .more = true };
	struct ints expected = { 0 };
	const char *why = NULL;

	lua_lab_clock(s->lab, s->model.now);
	size_t recent = (size_t)rreply_int(lab_do(s->lab, "LLEN", LAB_TAG ":recent"));
	expect_section(&s->model, section, recent, &expected);
	for (unsigned i = 0; i < 2000 && p.more && !why; i++)
		why = read_page(s, section, limit, &p);
	schedule_note(s, "list", name);
	if (why)
		schedule_fail(s, why);
	else
		compare_pages(s, section, &expected, &p.jobs);
	free(expected.v);
	free(p.jobs.v);
}

/* ---- looks ---- */

/* State, then attempt, started and cancel asked in one character; '-' or not for the progress. */
static void expect_look(const struct mjob *j, char look[QUEUE_LOOK])
{
	static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

	memcpy(look, "0---", QUEUE_LOOK);
	if (!j->state || j->gone)
		return;
	look[0] = j->state;
	look[1] = letters[j->attempt % 16 * 4 + (j->started_at ? 2 : 0) + j->cancel];
	if (j->state == 'r' && j->progress[0])
		look[2] = look[3] = '*';
}

void schedule_peek(struct schedule *s)
{
	struct lua_call *c = schedule_call_new("sq_peek");
	struct buf expected = BUF_INIT;
	unsigned n = 1 + schedule_below(s, 6);

	for (unsigned i = 0; i < n; i++) {
		char look[QUEUE_LOOK];
		const struct mjob *j = model_job(&s->model, schedule_below(s, s->next_job + 2));
		for (int tries = 0; tries < 30 && (j->gone || !j->state); tries++)
			j = model_job(&s->model, schedule_below(s, s->next_job + 2));
		if (j->corrupt)
			continue;
		expect_look(j, look);
		buf_append(&expected, look, sizeof look);
		lua_call_str(c, j->id);
	}
	if (c->n) {
		size_t length;
		const char *looks = rreply_str(lua_lab_call(s->lab, c), &length);
		bool same = length == expected.len;
		for (size_t i = 0; same && i < length; i++)
			same = looks[i] == expected.data[i] || (expected.data[i] == '*' && looks[i] != '-');
		if (!same) {
			buf_printf(&expected, " was expected of sq_peek, came %s", looks);
			schedule_fail(s, buf_cstr(&expected));
		}
	}
	buf_fini(&expected);
	lua_call_free(c);
}
