/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "watcher.h"

#include <stdlib.h>
#include <string.h>

#include "clock.h"
#include "job_json.h"
#include "log.h"
#include "reactor.h"

/* How often to look: so that a state of 100 ms is seen, with some time for the reading. A look costs Redis about 4 us a
 * job. */
#define LOOK_MS 50
#define LOOK_MANY_MS 80 /* with many jobs */
#define MANY 500
/* A delayed job stays one until it is due, or ended, which the reply list tells; and clocks differ a little. */
#define REST_US 1000000
#define REST_BEFORE_US 2000000
#define SLOTS 1024       /* of the table by id */
#define PEEK_AT_ONCE 256 /* Redis serves nobody else meanwhile */
#define NO_LOOK "\0\0\0" /* differs from every look */

/* Lives while somebody follows it, or an answer about it is on its way. */
struct watched {
	struct watcher *watcher;
	struct watched *next, **link;    /* in its slot */
	struct watched *after, **before; /* among those of its tag */
	struct group *group;
	struct waiter waiter;
	char id[ID_TEXT_SIZE];
	char look[QUEUE_LOOK];
	struct follower *first, *cursor; /* cursor: who is told next */
	uint64_t print;
	unsigned refs;
	bool listed; /* our reply list will hear of its end */
	bool plain;  /* it is read without that: its shard is on the move */
	bool reading, again;
	bool done;
	uint64_t rests_until_us; /* looked at seldom before that; clock_mono_us() */
	uint64_t seldom_us;      /* when next */
};

struct group { /* the watched jobs of one tag; stays for the watcher's life */
	struct group *next;
	struct tag *tag;
	struct watched *first;
	unsigned looking; /* looks on their way */
};

struct watcher {
	struct reactor *reactor;
	uv_timer_t timer;
	struct watched *slots[SLOTS];
	struct group *groups;
	unsigned n;
};

struct peek {
	struct group *group;
	size_t n;
	struct watched *jobs[PEEK_AT_ONCE];
};

/* ---- the table ---- */

static struct watched **slot_of(struct watcher *w, const char *id)
{
	size_t hash = 5381;
	for (; *id; id++)
		hash = hash * 33 + (unsigned char)*id;
	return &w->slots[hash % SLOTS];
}

static struct watched *find(struct watcher *w, const char *id)
{
	struct watched *j = *slot_of(w, id);
	while (j && strcmp(j->id, id) != 0)
		j = j->next;
	return j;
}

static struct group *group_of(struct watcher *w, struct tag *tag)
{
	struct group *g = w->groups;
	while (g && g->tag != tag)
		g = g->next;
	if (g)
		return g;
	g = calloc(1, sizeof *g);
	if (!g)
		return NULL;
	g->tag = tag;
	g->next = w->groups;
	w->groups = g;
	return g;
}

static void unref(struct watched *j)
{
	if (--j->refs)
		return;
	struct watcher *w = j->watcher;
	waiters_remove(&w->reactor->waiters, &j->waiter);
	*j->link = j->next;
	if (j->next)
		j->next->link = j->link;
	*j->before = j->after;
	if (j->after)
		j->after->before = j->before;
	free(j);
	if (--w->n == 0)
		uv_timer_stop(&w->timer);
}

static void forget(struct follower *f)
{
	struct watched *j = f->job;
	if (j->cursor == f)
		j->cursor = f->next;
	*f->link = f->next;
	if (f->next)
		f->next->link = f->link;
	f->job = NULL;
	unref(j);
}

void watcher_leave(struct follower *f)
{
	if (f->job)
		forget(f);
}

/* ---- telling ---- */

static struct follower *next_told(struct watched *j)
{
	struct follower *f = j->cursor;
	if (f)
		j->cursor = f->next;
	return f;
}

static uint64_t print_of(const char *p, size_t n)
{
	uint64_t hash = 14695981039346656037u; /* FNV-1a: it tells texts of ours apart, it guards nothing */
	for (size_t i = 0; i < n; i++)
		hash = (hash ^ (unsigned char)p[i]) * 1099511628211u;
	return hash;
}

static void rest(struct watched *j, const struct job *job)
{
	uint64_t from_us = clock_wall_us() + REST_BEFORE_US, now_us = clock_mono_us();
	bool rests = job->state == JOB_DELAYED && job->run_at > from_us;
	j->rests_until_us = rests ? now_us + (job->run_at - from_us) : 0;
	j->seldom_us = now_us + REST_US;
}

/* The caller holds a reference. */
static void tell(struct watched *j, const struct job *job)
{
	struct buf json = BUF_INIT;
	job_json(&json, j->id, j->group->tag->queue, job);
	if (json.failed) {
		memcpy(j->look, NO_LOOK, QUEUE_LOOK); /* the next look tries again */
		return;
	}
	struct watcher_news news = { json.data, json.len, print_of(json.data, json.len), job_state_done(job->state) };
	bool is_new = news.print != j->print;
	j->print = news.print;
	j->done = news.done;
	rest(j, job);
	if (news.done)
		j->listed = false; /* should it run again, its end is to be heard of again */
	j->cursor = j->first;
	for (struct follower *f; (f = next_told(j));) {
		if (!is_new && !f->waits)
			continue;
		f->waits = false;
		f->kind->on_news(f->owner, &news);
	}
	buf_fini(&json);
}

static void tell_gone(struct watched *j)
{
	j->cursor = j->first;
	for (struct follower *f; (f = next_told(j));) {
		forget(f);
		f->kind->on_none(f->owner, ERR_NOT_FOUND);
	}
}

static void tell_unread(struct watched *j, int status)
{
	memcpy(j->look, NO_LOOK, QUEUE_LOOK);
	j->cursor = j->first;
	for (struct follower *f; (f = next_told(j));)
		if (f->waits)
			f->kind->on_none(f->owner, status);
}

/* ---- reading ---- */

static int read_it(struct watched *j);

static void on_read(void *arg, int status, const struct job *job)
{
	struct watched *j = arg;
	bool watched = !j->plain;
	j->reading = j->plain = false;
	if (status)
		j->listed = false;
	if (status == ERR_UNAVAILABLE && watched && rslots_clustered(j->watcher->reactor->slots)) {
		j->plain = true;
		if (read_it(j) == 0) {
			unref(j);
			return;
		}
		j->plain = false;
	}
	if (status == ERR_NOT_FOUND)
		tell_gone(j);
	else if (status)
		tell_unread(j, status);
	else
		tell(j, job);
	if (j->again && j->first)
		read_it(j);
	unref(j);
}

/* Where it cannot be asked for, the next look that succeeds does it. */
static int read_it(struct watched *j)
{
	struct reactor *r = j->watcher->reactor;
	const char *tag = j->group->tag->text;
	j->again = j->reading;
	if (j->reading)
		return 0;
	int rc = j->listed || j->plain ? queue_get(rlinks_at(r->links, tag), tag, j->id, on_read, j)
				       : queue_watch(rlinks_at(r->links, tag), tag, j->id, r->receiver, on_read, j);
	if (rc) {
		memcpy(j->look, NO_LOOK, QUEUE_LOOK);
		return rc;
	}
	j->listed = !j->plain;
	j->reading = true;
	j->refs++;
	return 0;
}

static void on_end(void *owner, const struct job *job)
{
	struct watched *j = owner;
	j->refs++;
	tell(j, job);
	unref(j);
}

static void on_waiter_hurry(void *owner)
{
	(void)owner; /* see watcher_hurry */
}

static const struct waiter_kind for_end = { on_end, on_waiter_hurry };

/* ---- looking ---- */

static void on_peeked(void *arg, int status, const char *looks, size_t n)
{
	struct peek *p = arg;
	(void)status;
	p->group->looking--;
	for (size_t i = 0; i < p->n; i++) {
		struct watched *j = p->jobs[i];
		if (looks && i < n && j->first && memcmp(j->look, looks + i * QUEUE_LOOK, QUEUE_LOOK) != 0) {
			memcpy(j->look, looks + i * QUEUE_LOOK, QUEUE_LOOK);
			read_it(j);
		}
		unref(j);
	}
	free(p);
}

static bool is_worth_a_look(const struct watched *j, uint64_t now_us)
{
	if (memcmp(j->look, NO_LOOK, QUEUE_LOOK) == 0)
		return j->first;
	return j->first && !j->done && (now_us >= j->rests_until_us || now_us >= j->seldom_us);
}

/* The next jobs of a group. NULL when all were asked about, or cannot be. */
static struct watched *look_at_some(struct watcher *w, struct group *g, struct watched *from)
{
	const char *ids[PEEK_AT_ONCE];
	struct peek *p = malloc(sizeof *p);
	uint64_t now_us = clock_mono_us();
	if (!p)
		return NULL;
	p->group = g;
	p->n = 0;
	for (; from && p->n < PEEK_AT_ONCE; from = from->after) {
		if (!is_worth_a_look(from, now_us))
			continue;
		from->refs++;
		from->seldom_us = now_us + REST_US;
		ids[p->n] = from->id;
		p->jobs[p->n++] = from;
	}
	g->looking++;
	int rc =
	    p->n ? queue_peek(reactor_link(w->reactor, g->tag), g->tag->text, ids, p->n, on_peeked, p) : ERR_NOT_FOUND;
	if (rc == 0)
		return from;
	on_peeked(p, rc, NULL, 0);
	return NULL;
}

static void on_timer(uv_timer_t *timer)
{
	struct watcher *w = timer->data;
	uint64_t ms = w->n > MANY ? LOOK_MANY_MS : LOOK_MS;
	if (uv_timer_get_repeat(timer) != ms)
		uv_timer_start(timer, on_timer, ms, ms);
	for (struct group *g = w->groups; g; g = g->next)
		for (struct watched *j = g->looking ? NULL : g->first; j;)
			j = look_at_some(w, g, j);
}

/* ---- following ---- */

static struct watched *watched_new(struct watcher *w, struct group *g, const char *id)
{
	struct watched *j = calloc(1, sizeof *j);
	struct id binary;
	if (!j)
		return NULL;
	j->watcher = w;
	j->group = g;
	memcpy(j->id, id, sizeof j->id);
	memcpy(j->look, NO_LOOK, QUEUE_LOOK);
	j->link = slot_of(w, id);
	j->next = *j->link;
	if (j->next)
		j->next->link = &j->next;
	*j->link = j;
	j->before = &g->first;
	j->after = g->first;
	if (j->after)
		j->after->before = &j->after;
	g->first = j;
	if (id_parse(id, ID_TEXT_LEN, &binary) == 0)
		waiters_add(&w->reactor->waiters, &j->waiter, &binary, &for_end, j);
	if (w->n++ == 0)
		uv_timer_start(&w->timer, on_timer, LOOK_MS, LOOK_MS);
	return j;
}

int watcher_follow(struct watcher *w, struct follower *f, struct tag *tag, const char *id,
		   const struct watcher_kind *kind, void *owner)
{
	struct watched *j = find(w, id);
	struct group *g = j ? j->group : group_of(w, tag);
	if (!j && g)
		j = watched_new(w, g, id);
	if (!j)
		return ERR_NOMEM;
	f->job = j;
	f->kind = kind;
	f->owner = owner;
	f->waits = true;
	f->next = j->first;
	f->link = &j->first;
	if (f->next)
		f->next->link = &f->next;
	j->first = f;
	j->refs++;
	replies_listen(w->reactor->replies, tag);
	int rc = read_it(j);
	if (rc)
		forget(f);
	return rc;
}

void watcher_again(struct follower *f)
{
	f->waits = true;
	read_it(f->job);
}

void watcher_hurry(struct watcher *w)
{
	for (struct group *g = w->groups; g; g = g->next)
		for (struct watched *j = g->first, *after; j; j = after) {
			j->refs++;
			j->cursor = j->first;
			for (struct follower *f; (f = next_told(j));)
				f->kind->on_hurry(f->owner);
			after = j->after;
			unref(j);
		}
}

struct watcher *watcher_new(struct reactor *r)
{
	struct watcher *w = calloc(1, sizeof *w);
	if (!w)
		return NULL;
	w->reactor = r;
	w->timer.data = w;
	uv_timer_init(&r->loop, &w->timer);
	return w;
}

void watcher_close(struct watcher *w)
{
	if (w)
		uv_close((uv_handle_t *)&w->timer, NULL);
}

void watcher_free(struct watcher *w)
{
	while (w && w->groups) {
		struct group *g = w->groups;
		w->groups = g->next;
		free(g);
	}
	free(w);
}
