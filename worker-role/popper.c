/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "popper.h"

#include <stdlib.h>
#include <string.h>

#include "log.h"

#define POP_SLACK_MS 1500 /* no answer for this long after a pop's time: the link is dead */

/* A link, and the pop on it. */
struct waiter {
	struct popper *popper;
	struct rlink *link;
	struct waiter *next;
	size_t shards, wanted; /* that it serves; of these */
	bool waiting;          /* a pop is in flight */
	bool refused;          /* Redis refused it: not again before the next refresh, or another map */
	bool gone;             /* the link is */
};

struct shard {
	const char *tag;
	struct waiter *waiter; /* NULL: there is no link for it now */
	bool wanted;
	bool waits; /* its list is in the pop in flight */
};

struct popper {
	struct popper_options options;
	struct rlinks *links;
	struct waiter *waiters;
	struct shard *shards;
	size_t n, cap;
	size_t pops; /* in flight */
	bool stale;  /* shards may have other links than noted */
	bool dirty;  /* something has changed since the last pump */
	bool closed;
};

static void forget(struct popper *p)
{
	if (!p->closed || p->pops)
		return;
	free(p->shards);
	free(p);
}

static void let_waiter_go(struct waiter *w)
{
	if (w->gone && !w->waiting)
		free(w);
}

/* ---- links come and go ---- */

static void on_added(void *arg, struct rlink *link)
{
	struct popper *p = arg;
	struct waiter *w = calloc(1, sizeof *w);
	p->stale = true;
	if (!w) {
		log_error("no memory to wait for %s", p->options.what);
		return;
	}
	*w = (struct waiter){ .popper = p, .link = link, .next = p->waiters };
	p->waiters = w;
}

static void on_gone(void *arg, struct rlink *link)
{
	struct popper *p = arg;
	p->stale = true;
	for (struct waiter **at = &p->waiters; *at; at = &(*at)->next) {
		struct waiter *w = *at;
		if (w->link != link)
			continue;
		*at = w->next;
		for (size_t i = 0; i < p->n; i++)
			if (p->shards[i].waiter == w) {
				p->shards[i].waiter = NULL;
				p->shards[i].waits = false;
			}
		w->gone = true;
		let_waiter_go(w);
		return;
	}
}

static void on_state(void *arg, struct rlink *link, bool up)
{
	struct popper *p = arg;
	(void)link, (void)up;
	p->dirty = true;
}

static void on_moved(void *arg)
{
	struct popper *p = arg;
	p->stale = true;
}

static struct waiter *find_waiter(const struct popper *p, const struct rlink *link)
{
	for (struct waiter *w = p->waiters; w; w = w->next)
		if (w->link == link)
			return w;
	return NULL;
}

/* Which link waits for which shard. A shard that has another one than before is waited for nowhere yet: the pop in
 * flight elsewhere that has its list brings nothing, Redis ends it. */
static void regroup(struct popper *p)
{
	p->stale = false;
	p->dirty = true;
	for (size_t i = 0; i < p->n; i++) /* links are added here, if at all */
		(void)rlinks_at(p->links, p->shards[i].tag);
	for (struct waiter *w = p->waiters; w; w = w->next) {
		w->shards = w->wanted = 0;
		w->refused = false;
	}
	for (size_t i = 0; i < p->n; i++) {
		struct shard *s = &p->shards[i];
		struct waiter *w = find_waiter(p, rlinks_at(p->links, s->tag));
		if (w != s->waiter)
			s->waits = false;
		s->waiter = w;
		if (w) {
			w->shards++;
			w->wanted += s->wanted;
		}
	}
}

/* ---- pops ---- */

/* The shard whose list this is. */
static void deliver(struct popper *p, const struct waiter *w, const char *key, const char *entry)
{
	for (size_t i = 0; i < p->n; i++) {
		const struct shard *s = &p->shards[i];
		size_t n = strlen(s->tag);
		if (s->waiter == w && strncmp(key, s->tag, n) == 0 && key[n] == ':') {
			p->options.on_popped(p->options.arg, i, key, entry);
			return;
		}
	}
}

static void on_popped(void *arg, int status, const struct rreply *reply)
{
	struct waiter *w = arg;
	struct popper *p = w->popper;
	p->pops--;
	w->waiting = false;
	for (size_t i = 0; i < p->n; i++)
		if (p->shards[i].waiter == w)
			p->shards[i].waits = false;
	w->refused = status == ERR_UNAVAILABLE || status == ERR_PROTOCOL;
	p->dirty = true;
	if (!p->closed && status == ERR_PROTOCOL)
		log_error("cannot wait for %s: %s", p->options.what, rreply_str(reply, NULL));
	if (!p->closed && !status && rreply_count(reply) == 2)
		deliver(p, w, rreply_str(rreply_at(reply, 0), NULL), rreply_str(rreply_at(reply, 1), NULL));
	let_waiter_go(w);
	forget(p);
}

static void pop(struct popper *p, struct waiter *w)
{
	struct rcmd cmd;
	char key[KEYS_NAME_SIZE];
	rcmd_init(&cmd);
	rcmd_str(&cmd, "BLPOP");
	for (size_t i = 0; i < p->n; i++)
		if (p->shards[i].waiter == w) {
			p->options.list(p->options.arg, p->shards[i].tag, key);
			rcmd_str(&cmd, key);
		}
	rcmd_uint(&cmd, p->options.block_s);
	w->waiting = rlink_send(w->link, &cmd, on_popped, w) == 0;
	p->pops += w->waiting;
	rlink_flush(w->link);
	for (size_t i = 0; i < p->n; i++)
		if (p->shards[i].waiter == w)
			p->shards[i].waits = w->waiting;
	rcmd_fini(&cmd);
}

void popper_pump(struct popper *p)
{
	if (p->closed || !(p->dirty || p->stale))
		return;
	if (p->stale)
		regroup(p);
	p->dirty = false;
	for (struct waiter *w = p->waiters; w; w = w->next) {
		bool due = p->options.each ? w->wanted == w->shards : w->wanted > 0;
		if (due && w->shards && !w->waiting && !w->refused && rlink_up(w->link))
			pop(p, w);
	}
}

void popper_want(struct popper *p, size_t shard, bool wanted)
{
	struct shard *s = &p->shards[shard];
	if (s->wanted == wanted)
		return;
	s->wanted = wanted;
	if (s->waiter)
		s->waiter->wanted += wanted ? 1 : (size_t)-1;
	p->dirty = true;
}

bool popper_waits(const struct popper *p, size_t shard)
{
	return p->shards[shard].waits;
}

void popper_drop(struct popper *p, size_t shard)
{
	const struct waiter *w = p->shards[shard].waiter;
	if (w && rlink_up(w->link))
		rlink_drop(w->link, "the command link is lost");
}

void popper_refresh(struct popper *p)
{
	for (struct waiter *w = p->waiters; w; w = w->next)
		w->refused = false;
	p->dirty = true;
}

/* ---- start and end ---- */

int popper_add(struct popper *p, const char *tag)
{
	if (p->n == p->cap) {
		size_t cap = p->cap ? 2 * p->cap : 8;
		struct shard *more = realloc(p->shards, cap * sizeof *more);
		if (!more)
			return ERR_NOMEM;
		p->shards = more;
		p->cap = cap;
	}
	p->shards[p->n++] = (struct shard){ .tag = tag };
	p->stale = true;
	return 0;
}

struct popper *popper_new(const struct popper_options *options, struct errinfo *info)
{
	struct popper *p = calloc(1, sizeof *p);
	if (!p) {
		errinfo_set(info, ERR_NOMEM, "out of memory");
		return NULL;
	}
	struct rlinks_options links = { .name = options->name,
					.command_timeout_ms = options->block_s * 1000 + POP_SLACK_MS,
					.blocking = true,
					.on_added = on_added,
					.on_gone = on_gone,
					.on_state = on_state,
					.on_moved = on_moved,
					.arg = p };
	p->options = *options;
	p->links = rlinks_new(options->slots, &links, info);
	if (p->links)
		return p;
	free(p);
	return NULL;
}

void popper_free(struct popper *p)
{
	if (!p || p->closed)
		return;
	p->closed = true;
	p->pops++; /* it must not go under our hands */
	rlinks_free(p->links);
	p->pops--;
	forget(p);
}
