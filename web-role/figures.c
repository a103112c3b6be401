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
	struct rlinks *links;
	struct tags *tags;
	const struct config *config;
	struct asker *now, *next; /* of all queues: for the collection that is under way, and for the one after it */
	bool collecting;
	struct gate_entry news, declared[DECLARED_MAX];
	unsigned declaring;
};

/* One collection: some queues, each with all of its shards, and the instances. */
struct collection;
struct part { /* a shard */
	struct collection *owner;
	const struct tag *tag;
	size_t queue;
};
struct collection {
	struct figures *owner;
	figures_cb *cb;
	void *arg;
	int status; /* the first thing that went wrong with all of it */
	int lacks;  /* the last thing that went wrong with a shard */
	unsigned pending;
	size_t n_queues, n, sent;
	struct figures_queue *queues; /* behind the parts */
	struct part parts[];
};

/* ---- making one ---- */

static int by_name(const void *a, const void *b)
{
	return strcmp(((const struct figures_queue *)a)->name, ((const struct figures_queue *)b)->name);
}

/* A queue whose keys are not what they should be is left out of a list; asked for alone, it is told. */
static size_t complete(struct collection *c, size_t *answered)
{
	size_t n = 0;
	for (size_t i = 0; i < c->n_queues; i++) {
		struct figures_queue *q = &c->queues[i];
		*answered += q->shards - q->shards_missing;
		if (q->shards == q->shards_missing && q->unreadable)
			continue;
		double slots = q->workers ? (double)q->slots / q->workers : 0;
		q->desired_workers = scaling_workers(&q->now, slots);
		if (i != n)
			c->queues[n] = *q;
		n++;
	}
	return n;
}

static void end(struct collection *c)
{
	struct figures_list list = { 0, c->queues };
	size_t answered = 0;
	if (!c->status)
		list.n = complete(c, &answered);
	if (!c->status && c->lacks && !answered)
		c->status = c->lacks;
	if (list.n)
		qsort(c->queues, list.n, sizeof *c->queues, by_name);
	c->cb(c->arg, c->status, c->status ? NULL : &list);
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

static void add_shard(struct queue_figures *sum, const struct queue_figures *f)
{
	sum->now_us = f->now_us > sum->now_us ? f->now_us : sum->now_us;
	sum->queued += f->queued;
	sum->running += f->running;
	sum->delayed += f->delayed;
	sum->dead += f->dead;
	sum->oldest_us = f->oldest_us > sum->oldest_us ? f->oldest_us : sum->oldest_us;
	sum->paused = sum->paused || f->paused;
	sum->succeeded += f->succeeded;
	sum->failed += f->failed;
	sum->died += f->died;
	sum->cancelled += f->cancelled;
	sum->expired += f->expired;
	sum->enqueued += f->enqueued;
	sum->finished += f->finished;
	sum->run_us += f->run_us;
	sum->enqueued_per_s += f->enqueued_per_s;
	sum->finished_per_s += f->finished_per_s;
	sum->busy += f->busy;
}

/* In a cluster the nodes that are there tell of theirs, and what is missing is told; one Redis tells all or nothing. */
static void lack(struct part *p, int status)
{
	struct collection *c = p->owner;
	struct figures_queue *q = &c->queues[p->queue];
	q->shards_missing++;
	if (status == ERR_PROTOCOL && c->n_queues > 1)
		q->unreadable = true;
	else if (status == ERR_PROTOCOL || !rlinks_clustered(c->owner->links))
		c->status = c->status ? c->status : status;
	else
		c->lacks = status;
}

static void on_figures(void *arg, int status, const struct queue_figures *f)
{
	struct part *p = arg;
	if (status)
		lack(p, status);
	else
		add_shard(&p->owner->queues[p->queue].now, f);
	one_less(p->owner, 0);
}

static void send_more(struct collection *c)
{
	while (!c->status && c->sent < c->n && c->pending < AT_ONCE) {
		struct part *p = &c->parts[c->sent++];
		int rc = queue_figures(rlinks_at(c->owner->links, p->tag->text), p->tag->text, on_figures, p);
		if (rc)
			lack(p, rc);
		else
			c->pending++;
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
	for (size_t i = 0; !status && i < c->n_queues; i++) {
		struct figures_queue *q = &c->queues[i];
		for (size_t k = 0; k < live->n; k++) {
			if (!serves(live->list[k].peer, q->name))
				continue;
			q->workers++;
			q->slots += live->list[k].peer->capacity;
		}
	}
	one_less(c, status);
}

static void add_queue(struct collection *c, const struct tag_queue *from)
{
	struct figures_queue *q = &c->queues[c->n_queues];
	*q = (struct figures_queue){ .workers = 0 };
	memcpy(q->name, from->name, sizeof q->name);
	for (unsigned i = 0; i < from->n; i++) {
		const struct tag *tag = tags_shard(from, i);
		if (!tag)
			continue;
		q->shards++;
		c->parts[c->n++] = (struct part){ c, tag, c->n_queues };
	}
	c->n_queues++;
}

static int collect(struct figures *f, const struct tag_queue *const *queues, size_t n, figures_cb *cb, void *arg)
{
	size_t shards = 0;
	for (size_t i = 0; i < n; i++)
		shards += queues[i]->n;
	struct collection *c = calloc(1, sizeof *c + shards * sizeof *c->parts + n * sizeof *c->queues);
	if (!c)
		return ERR_NOMEM;
	c->owner = f;
	c->cb = cb;
	c->arg = arg;
	c->queues = (struct figures_queue *)(void *)&c->parts[shards];
	c->pending = 1;
	for (size_t i = 0; i < n; i++)
		add_queue(c, queues[i]);
	int rc = instances_read(rlinks_at(f->links, KEYS_REG), on_instances, c);
	if (rc)
		free(c);
	return rc;
}

int figures_one(struct figures *f, const struct tag_queue *queue, figures_cb *cb, void *arg)
{
	return collect(f, &queue, 1, cb, arg);
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
	const struct tag_queue **queues = malloc((ID_TAG_MAX + 1) * sizeof *queues);
	size_t n = 0;
	int rc = ERR_NOMEM;
	for (unsigned i = 0; queues && i <= ID_TAG_MAX; i++) {
		const struct tag *tag = tags_at(f->tags, i);
		if (tag && tag == tags_first(tag->of))
			queues[n++] = tag->of;
	}
	if (queues)
		rc = collect(f, queues, n, on_all, f);
	free(queues);
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

struct figures *figures_new(struct rlinks *links, struct tags *tags, const struct config *config)
{
	struct figures *f = calloc(1, sizeof *f);
	if (f)
		*f = (struct figures){ .links = links, .tags = tags, .config = config };
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
	if (q->shards > 1)
		put_count(out, ",\"shards\":", q->shards);
	if (q->shards_missing)
		put_count(out, ",\"shards_missing\":", q->shards_missing);
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
