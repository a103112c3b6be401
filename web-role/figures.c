/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "figures.h"

#include <stdlib.h>
#include <string.h>

#include "instances.h"
#include "scaling.h"

#define AT_ONCE 64 /* calls of one collection that are in flight */
#define DECLARED_MAX 64

struct asker {
	struct asker *next;
	figures_cb *cb;
	void *arg;
};

struct figures {
	struct rlink *link;
	struct tags *tags;
	const struct config *config;
	struct asker *now, *next; /* of all queues: for the collection that is under way, and for the one after it */
	bool collecting;
	struct gate_entry news, declared[DECLARED_MAX];
	unsigned declaring;
};

/* One collection: some queues, and the instances. */
struct collection;
struct part {
	struct collection *owner;
	const struct tag *tag;
	bool there;
	struct figures_queue queue;
};
struct collection {
	struct figures *owner;
	figures_cb *cb;
	void *arg;
	int status; /* the first thing that went wrong */
	unsigned pending;
	size_t n, sent;
	struct part parts[];
};

/* ---- making one ---- */

static int by_name(const void *a, const void *b)
{
	return strcmp(((const struct figures_queue *)a)->name, ((const struct figures_queue *)b)->name);
}

static void end(struct collection *c)
{
	struct figures_list list = { 0, NULL };
	struct figures_queue *queues = c->status ? NULL : malloc((c->n + 1) * sizeof *queues);
	if (!c->status && !queues)
		c->status = ERR_NOMEM;
	for (size_t i = 0; !c->status && i < c->n; i++)
		if (c->parts[i].there)
			queues[list.n++] = c->parts[i].queue;
	if (list.n)
		qsort(queues, list.n, sizeof *queues, by_name);
	list.queues = queues;
	c->cb(c->arg, c->status, c->status ? NULL : &list);
	free(queues);
	free(c);
}

static void send_more(struct collection *c);

static void one_less(struct collection *c, int status)
{
	if (!c->status)
		c->status = status;
	c->pending--;
	if (!c->status)
		send_more(c);
	if (!c->pending)
		end(c);
}

/* A queue whose keys are not what they should be is left out of a list; asked for alone, it is told. */
static void on_figures(void *arg, int status, const struct queue_figures *f)
{
	struct part *p = arg;
	if (!status) {
		p->queue.now = *f;
		p->queue.desired_workers =
		    scaling_workers(f, p->queue.workers ? (double)p->queue.slots / p->queue.workers : 0);
		p->there = true;
	}
	one_less(p->owner, status == ERR_PROTOCOL && p->owner->n > 1 ? 0 : status);
}

static void send_more(struct collection *c)
{
	while (!c->status && c->sent < c->n && c->pending < AT_ONCE) {
		struct part *p = &c->parts[c->sent++];
		c->status = queue_figures(c->owner->link, p->tag->text, on_figures, p);
		c->pending += c->status == 0;
	}
}

static bool serves(const struct roleenv_peer *peer, const char *queue)
{
	for (size_t i = 0; i < peer->n_queues; i++)
		if (strcmp(peer->queues[i], queue) == 0)
			return strcmp(peer->state, "ready") == 0;
	return false;
}

/* The workers first: how many a queue should have depends on what one of them can do. */
static void on_instances(void *arg, int status, const struct instances *live)
{
	struct collection *c = arg;
	for (size_t i = 0; !status && i < c->n; i++) {
		struct figures_queue *q = &c->parts[i].queue;
		for (size_t k = 0; k < live->n; k++) {
			if (!serves(live->list[k].peer, q->name))
				continue;
			q->workers++;
			q->slots += live->list[k].peer->capacity;
		}
	}
	one_less(c, status);
}

static int collect(struct figures *f, const struct tag *const *tags, size_t n, figures_cb *cb, void *arg)
{
	struct collection *c = calloc(1, sizeof *c + n * sizeof *c->parts);
	if (!c)
		return ERR_NOMEM;
	c->owner = f;
	c->cb = cb;
	c->arg = arg;
	c->n = n;
	c->pending = 1;
	for (size_t i = 0; i < n; i++) {
		c->parts[i].owner = c;
		c->parts[i].tag = tags[i];
		memcpy(c->parts[i].queue.name, tags[i]->queue, sizeof c->parts[i].queue.name);
	}
	int rc = instances_read(f->link, on_instances, c);
	if (rc)
		free(c);
	return rc;
}

int figures_one(struct figures *f, const struct tag *tag, figures_cb *cb, void *arg)
{
	return collect(f, &tag, 1, cb, arg);
}

/* ---- all of them, shared ---- */

static int look(struct figures *f);

static void on_all(void *arg, int status, const struct figures_list *list)
{
	struct figures *f = arg;
	struct asker *asked = f->now;
	f->now = f->next;
	f->next = NULL;
	f->collecting = false;
	while (asked) {
		struct asker *a = asked;
		asked = a->next;
		a->cb(a->arg, status, list);
		free(a);
	}
	if (!f->now || f->collecting)
		return;
	int rc = look(f);
	if (rc)
		on_all(f, rc, NULL);
}

static void collect_all(struct figures *f)
{
	const struct tag **tags = malloc((ID_TAG_MAX + 1) * sizeof *tags);
	size_t n = 0;
	int rc = ERR_NOMEM;
	for (unsigned i = 0; tags && i <= ID_TAG_MAX; i++)
		if ((tags[n] = tags_at(f->tags, i)))
			n++;
	if (tags)
		rc = collect(f, tags, n, on_all, f);
	free(tags);
	if (rc)
		on_all(f, rc, NULL);
}

/* Those that cannot be registered, because there is no room, are not there. */
static void on_declared(void *arg, int status)
{
	struct figures *f = arg;
	(void)status;
	if (--f->declaring == 0)
		collect_all(f);
}

static void on_news(void *arg, int status)
{
	struct figures *f = arg;
	if (status) {
		on_all(f, status, NULL);
		return;
	}
	f->declaring = 1;
	for (size_t i = 0; i < config_list_count(f->config, CONFIG_QUEUES) && i < DECLARED_MAX; i++) {
		const char *name = config_list_at(f->config, CONFIG_QUEUES, i);
		if (!tags_find(f->tags, name) && tags_register(f->tags, name, &f->declared[i], on_declared, f) == 0)
			f->declaring++;
	}
	on_declared(f, 0);
}

static int look(struct figures *f)
{
	int rc = tags_refresh(f->tags, &f->news, on_news, f);
	f->collecting = rc == 0;
	return rc;
}

int figures_all(struct figures *f, figures_cb *cb, void *arg)
{
	struct asker *a = malloc(sizeof *a), **at = f->collecting ? &f->next : &f->now;
	if (!a)
		return ERR_NOMEM;
	int rc = f->collecting ? 0 : look(f);
	if (rc) {
		free(a);
		return rc;
	}
	*a = (struct asker){ *at, cb, arg };
	*at = a;
	return 0;
}

struct figures *figures_new(struct rlink *link, struct tags *tags, const struct config *config)
{
	struct figures *f = calloc(1, sizeof *f);
	if (f)
		*f = (struct figures){ .link = link, .tags = tags, .config = config };
	return f;
}

void figures_free(struct figures *f)
{
	free(f); /* who asked has been answered: the link is closed */
}

/* ---- as JSON ---- */

static void put_count(struct buf *out, const char *key, uint64_t n)
{
	buf_puts(out, key);
	buf_uint(out, n);
}

static void put_rate(struct buf *out, const char *key, double rate)
{
	buf_printf(out, "%s%.3f", key, rate > 0 && rate < 1e12 ? rate : 0);
}

void figures_json(struct buf *out, const struct figures_queue *q)
{
	const struct queue_figures *f = &q->now;
	buf_puts(out, "{\"name\":");
	buf_json_string(out, q->name, strlen(q->name));
	put_count(out, ",\"queued\":", f->queued);
	put_count(out, ",\"running\":", f->running);
	put_count(out, ",\"delayed\":", f->delayed);
	put_count(out, ",\"dead\":", f->dead);
	put_count(out, ",\"oldest_ms\":", f->oldest_us / 1000);
	buf_puts(out, f->paused ? ",\"paused\":true" : ",\"paused\":false");
	put_count(out, ",\"workers\":", q->workers);
	put_count(out, ",\"desired_workers\":", q->desired_workers);
	put_count(out, ",\"enqueued_total\":", f->enqueued);
	put_count(out, ",\"finished_total\":", f->finished);
	put_count(out, ",\"succeeded_total\":", f->succeeded);
	put_count(out, ",\"failed_total\":", f->failed);
	put_count(out, ",\"dead_total\":", f->died);
	put_count(out, ",\"cancelled_total\":", f->cancelled);
	put_count(out, ",\"expired_total\":", f->expired);
	put_rate(out, ",\"enqueued_per_s\":", f->enqueued_per_s);
	put_rate(out, ",\"finished_per_s\":", f->finished_per_s);
	if (f->succeeded + f->failed + f->died)
		put_rate(out, ",\"mean_run_ms\":", scaling_run_s(f) * 1000);
	buf_byte(out, '}');
}

void figures_list_json(struct buf *out, const struct figures_list *list)
{
	buf_puts(out, "{\"queues\":[");
	for (size_t i = 0; i < list->n; i++) {
		if (i)
			buf_byte(out, ',');
		figures_json(out, &list->queues[i]);
	}
	buf_puts(out, "]}");
}
