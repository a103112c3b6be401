/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The model's jobs that share a result: who owns a question, who follows whom, what becomes of those who follow. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lua_model_moves.h"
#include "must.h"

struct mgroup *model_group(struct model *m, unsigned leader)
{
	for (size_t i = 0; i < m->group_count; i++)
		if (m->groups[i].leader == leader)
			return &m->groups[i];
	return NULL;
}

size_t model_followers(const struct model *m)
{
	size_t n = 0;

	for (size_t i = 0; i < m->group_count; i++)
		n += m->groups[i].jobs.n;
	return n;
}

static struct mgroup *group_new(struct model *m, struct mjob *leader, const char *question)
{
	m->groups = must_realloc(m->groups, m->group_count + 1, sizeof *m->groups);
	struct mgroup *g = &m->groups[m->group_count++];
	*g = (struct mgroup){ .leader = model_number(leader) };
	snprintf(g->question, sizeof g->question, "%s", question);
	leader->led = true;
	return g;
}

static void group_add(struct mgroup *g, struct mjob *j, const struct mjob *leader)
{
	ints_push(&g->jobs, model_number(j));
	snprintf(j->batch, sizeof j->batch, "%s", leader->id);
}

static struct mowner *owner_find(struct model *m, const char *question)
{
	for (size_t i = 0; i < m->owner_count; i++)
		if (strcmp(m->owners[i].question, question) == 0)
			return &m->owners[i];
	return NULL;
}

void model_own(struct model *m, const char *question, unsigned owner)
{
	struct mowner *o = owner_find(m, question);

	if (!o) {
		m->owners = must_realloc(m->owners, m->owner_count + 1, sizeof *m->owners);
		o = &m->owners[m->owner_count++];
		snprintf(o->question, sizeof o->question, "%s", question);
	}
	o->owner = owner;
}

/* One whose record is damaged behind its fixed part is followed: that part is all that is looked at. */
struct mjob *model_owner(struct model *m, const char *question, uint64_t max_age_us)
{
	struct mowner *o = owner_find(m, question);
	struct mjob *j = o ? &m->jobs[o->owner] : NULL;

	if (!j || j->gone || (j->corrupt && !j->corrupt_head))
		return NULL;
	if (j->state == 's')
		return (int64_t)(m->now - j->finished_at) <= (int64_t)max_age_us ? j : NULL;
	return strchr("qdr", j->state) ? j : NULL;
}

void model_follow(struct model *m, struct mjob *j, struct mjob *leader, const char *question)
{
	struct mgroup *g = model_group(m, model_number(leader));

	j->joined = true;
	group_add(g ? g : group_new(m, leader, question), j, leader);
}

void model_orphan(struct model *m, struct mjob *j)
{
	m->led = must_realloc(m->led, m->led_count + 1, sizeof *m->led);
	m->led[m->led_count++] = (struct mled){ model_number(j), 0 };
}

void model_part(struct model *m, struct mjob *j, char state)
{
	if (j->led) {
		model_orphan(m, j);
		m->led[m->led_count - 1].state = state;
		j->led = false;
	}
	if (j->joined && j->batch[0]) {
		struct mgroup *g = model_group(m, lua_lab_number(j->batch));
		if (g)
			ints_drop(&g->jobs, model_number(j));
		j->batch[0] = '\0';
	}
}

static void stand_alone(struct model *m, struct mjob *j)
{
	j->joined = false;
	j->batch[0] = '\0';
	ints_push(&m->lists[model_list(j)], model_number(j));
	model_markers(m, 1);
}

/* The first one computes, the others follow it; or all compute. */
static void lead_anew(struct model *m, const struct mgroup *old, bool own, bool all)
{
	struct mjob *leader = &m->jobs[old->jobs.v[0]];

	stand_alone(m, leader);
	if (own)
		model_own(m, old->question, old->jobs.v[0]);
	for (size_t i = 1; all && i < old->jobs.n; i++)
		stand_alone(m, &m->jobs[old->jobs.v[i]]);
	if (all || old->jobs.n < 2)
		return;
	struct mgroup *g = group_new(m, leader, old->question);
	for (size_t i = 1; i < old->jobs.n; i++)
		group_add(g, &m->jobs[old->jobs.v[i]], leader);
}

static void settle_one(struct model *m, struct mled led)
{
	struct mgroup *g = model_group(m, led.job), old;
	const struct mowner *o;

	if (!g)
		return;
	old = *g;
	*g = m->groups[--m->group_count];
	for (size_t i = old.jobs.n; i-- > 0;)
		if (m->jobs[old.jobs.v[i]].corrupt) {
			model_isolate(m, &m->jobs[old.jobs.v[i]]);
			ints_remove(&old.jobs, i);
		}
	for (size_t i = 0; led.state == 's' && i < old.jobs.n; i++) {
		struct mjob *j = &m->jobs[old.jobs.v[i]];
		j->batch[0] = '\0';
		memcpy(j->outcome, m->jobs[led.job].outcome, sizeof j->outcome);
		model_finalise(m, j, 's', false, 0);
	}
	o = owner_find(m, old.question);
	if (led.state != 's' && old.jobs.n)
		lead_anew(m, &old, !o || o->owner == led.job, led.state == 'f');
	free(old.jobs.v);
}

void model_settle(struct model *m)
{
	for (size_t i = 0; i < m->led_count; i++)
		settle_one(m, m->led[i]);
	m->led_count = 0;
}
