/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "lookout.h"

#include <stdbool.h>
#include <stdlib.h>

#include "queue.h"

/* One call in flight. */
struct look {
	struct lookout *lookout;
	size_t n;
	size_t shards[QUEUE_LOOK_MAX];
	const char *tags[QUEUE_LOOK_MAX];
};

struct listed {
	size_t shard;
	const char *tag;
	struct rlink *link; /* NULL: asked for */
};

struct lookout {
	struct rlinks *links;
	lookout_cb *cb;
	void *arg;
	struct listed *list;
	size_t n, cap;
	size_t calls; /* in flight */
	bool closed;
};

static void forget(struct lookout *l)
{
	if (!l->closed || l->calls)
		return;
	free(l->list);
	free(l);
}

static void on_looked(void *arg, int status, const char *verdicts, size_t n)
{
	struct look *look = arg;
	struct lookout *l = look->lookout;
	for (size_t i = 0; !status && i < n && i < look->n && !l->closed; i++)
		l->cb(l->arg, look->shards[i], verdicts[i]);
	free(look);
	l->calls--;
	forget(l);
}

void lookout_add(struct lookout *l, size_t shard, const char *tag)
{
	if (l->n == l->cap) {
		size_t cap = l->cap ? 2 * l->cap : 16;
		struct listed *more = realloc(l->list, cap * sizeof *more);
		if (!more)
			return;
		l->list = more;
		l->cap = cap;
	}
	l->list[l->n++] = (struct listed){ .shard = shard, .tag = tag };
}

/* One call to this link for all on the list from `from` on that it serves, as far as they fit. */
static void ask_link(struct lookout *l, size_t from, struct rlink *link)
{
	struct look *look = malloc(sizeof *look);
	if (look) {
		look->lookout = l;
		look->n = 0;
	}
	for (size_t i = from; i < l->n; i++)
		if (l->list[i].link == link && (!look || look->n < QUEUE_LOOK_MAX)) {
			if (look) {
				look->shards[look->n] = l->list[i].shard;
				look->tags[look->n++] = l->list[i].tag;
			}
			l->list[i].link = NULL;
		}
	if (look && rlink_up(link) && queue_look(link, look->tags, look->n, on_looked, look) == 0)
		l->calls++;
	else
		free(look);
}

void lookout_ask(struct lookout *l)
{
	for (size_t i = 0; i < l->n; i++)
		l->list[i].link = rlinks_at(l->links, l->list[i].tag);
	for (size_t i = 0; i < l->n; i++)
		if (l->list[i].link)
			ask_link(l, i, l->list[i].link);
	l->n = 0;
}

struct lookout *lookout_new(struct rlinks *links, lookout_cb *cb, void *arg)
{
	struct lookout *l = calloc(1, sizeof *l);
	if (l) {
		l->links = links;
		l->cb = cb;
		l->arg = arg;
	}
	return l;
}

void lookout_free(struct lookout *l)
{
	if (!l || l->closed)
		return;
	l->closed = true;
	forget(l);
}
