/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What moves when: the map changes in a turn of its own (rslots.c), and there, and nowhere else, links come and go. So
 * whoever has asked for a link may use it until his own turn ends, and no link is freed under a call that it is just
 * answering. A node that serves nothing any more keeps a link that is up for some seconds, as what is in flight is best
 * answered by the node itself. */
#include "rlinks.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "clock.h"
#include "log.h"

#define USELESS_US 5000000
#define SHIFTING_US 500000
#define SHIFTS 16     /* slots remembered as moving */
#define FOLLOWERS 256 /* reads that wait for a link to the node they were sent to */
#define FOLLOW_US 500000
#define ANY_SLOT (-1)

struct held {
	struct held *next;
	struct rlinks *set;
	struct rlink *link;
	int node;            /* while clustered */
	int slot;            /* of a blocking set */
	uint64_t useless_us; /* since when; 0: it serves something */
	uint64_t used_us;    /* when a read was last sent on to it; a node that slots move to serves none at first */
};

/* A read that was told to go to another node. */
struct follower {
	struct follower *next;
	const struct held *to;
	struct rcmd cmd;
	bool asking;
	rlink_reply_cb *cb;
	void *arg;
	uint64_t until_us;
};

struct rlinks {
	struct rslots *slots;
	struct rlinks_options options;
	char name[96];
	struct rslots_listener listener;
	struct held *first;
	struct rlink *nowhere;
	uv_prepare_t *prepare; /* of its own lifetime: libuv closes it later */
	struct {
		int slot;
		uint64_t at_us;
	} shifts[SHIFTS];
	unsigned next_shift;
	struct follower *followers;
	unsigned following;
	struct rlink_stats past; /* of links that are gone */
	bool closed;
};

/* ---- links ---- */

static void follow_all(struct rlinks *s, const struct held *to);

static void on_state(void *arg, bool up)
{
	struct held *h = arg;
	if (up)
		follow_all(h->set, h);
	else
		rslots_doubt(h->set->slots);
	if (h->set->options.on_state)
		h->set->options.on_state(h->set->options.arg, h->link, up);
}

static void on_greet(struct rlink *link, void *arg)
{
	const struct held *h = arg;
	if (h->set->options.on_greet)
		h->set->options.on_greet(link, h->set->options.arg);
	else
		rlink_greeted(link, 0);
}

static bool on_elsewhere(void *arg, const char *error, struct rcmd *again, rlink_reply_cb *cb, void *cb_arg);

/* NULL when memory ran out. */
static struct held *hold(struct rlinks *s, int node, int slot)
{
	struct rurl at;
	struct errinfo info;
	struct held *h = calloc(1, sizeof *h);
	bool clustered = rslots_clustered(s->slots);
	if (!h)
		return NULL;
	*h = (struct held){ .set = s, .node = node, .slot = slot, .next = s->first };
	rslots_place(s->slots, node, &at);
	const struct rlink_options options = { .at = &at,
					       .name = s->name,
					       .connect_timeout_ms = s->options.connect_timeout_ms,
					       .command_timeout_ms = s->options.command_timeout_ms,
					       .max_pending_bytes = s->options.max_pending_bytes,
					       .max_in_flight = s->options.max_in_flight,
					       .seconds = s->options.seconds,
					       .on_state = on_state,
					       .on_greet = on_greet,
					       .on_elsewhere = clustered ? on_elsewhere : NULL,
					       .arg = h };
	h->link = rlink_new(rslots_loop(s->slots), &options, &info);
	if (!h->link) {
		free(h);
		return NULL;
	}
	rslots_ref(s->slots, clustered ? node : RSLOTS_NOBODY);
	s->first = h;
	if (s->options.on_added)
		s->options.on_added(s->options.arg, h->link);
	return h;
}

static struct held *find(const struct rlinks *s, int node, int slot)
{
	struct held *h = s->first;
	while (h && (h->node != node || h->slot != slot))
		h = h->next;
	return h;
}

static struct rlink *nowhere(struct rlinks *s, const char *tag)
{
	char why[200];
	if (!rslots_known(s->slots))
		snprintf(why, sizeof why, "the map of the cluster is not known yet%s%s",
			 rslots_error(s->slots)[0] ? ": " : "", rslots_error(s->slots));
	else
		snprintf(why, sizeof why, "no node of the cluster serves slot %u, of %.64s", rslots_of(tag), tag);
	rlink_explain(s->nowhere, why);
	return s->nowhere;
}

struct rlink *rlinks_at(struct rlinks *s, const char *tag)
{
	if (!rslots_clustered(s->slots))
		return s->first->link;
	int slot = (int)rslots_of(tag), node = rslots_map(s->slots)->of[slot];
	if (node == RSLOTS_NOBODY)
		return nowhere(s, tag);
	struct held *h = find(s, node, s->options.blocking ? slot : ANY_SLOT);
	if (!h && !s->closed)
		h = hold(s, node, s->options.blocking ? slot : ANY_SLOT);
	if (h)
		return h->link;
	rlink_explain(s->nowhere, "out of memory");
	return s->nowhere;
}

struct rlink *rlinks_each(struct rlinks *s, size_t i)
{
	struct held *h = s->first;
	for (; h; h = h->next)
		if (!h->useless_us && i-- == 0)
			return h->link;
	return NULL;
}

unsigned rlinks_up(const struct rlinks *s)
{
	unsigned n = 0;
	for (const struct held *h = s->first; h; h = h->next)
		n += rlink_up(h->link);
	return n;
}

bool rlinks_clustered(const struct rlinks *s)
{
	return rslots_clustered(s->slots);
}

bool rlinks_any_up(const struct rlinks *s)
{
	return rlinks_up(s) > 0;
}

void rlinks_flush(struct rlinks *s)
{
	for (struct held *h = s->first; h; h = h->next)
		rlink_flush(h->link);
}

static void add_stats(struct rlink_stats *sum, const struct rlink *link)
{
	struct rlink_stats one;
	rlink_stats(link, &one);
	sum->commands += one.commands;
	sum->replies += one.replies;
	sum->errors += one.errors;
	sum->connects += one.connects;
	sum->losses += one.losses;
	sum->bytes_out += one.bytes_out;
	sum->in_flight += one.in_flight;
	if (one.last_reply_us > sum->last_reply_us)
		sum->last_reply_us = one.last_reply_us;
}

void rlinks_stats(const struct rlinks *s, struct rlink_stats *out)
{
	*out = s->past;
	for (const struct held *h = s->first; h; h = h->next)
		add_stats(out, h->link);
}

/* ---- what belongs elsewhere ---- */

bool rlinks_shifting(const struct rlinks *s, const char *tag)
{
	int slot = (int)rslots_of(tag);
	uint64_t now_us = clock_mono_us();
	for (unsigned i = 0; i < SHIFTS; i++)
		if (s->shifts[i].slot == slot && s->shifts[i].at_us && now_us - s->shifts[i].at_us < SHIFTING_US)
			return true;
	return false;
}

static void note_shift(struct rlinks *s, unsigned slot)
{
	unsigned i = 0;
	while (i < SHIFTS && s->shifts[i].slot != (int)slot)
		i++;
	if (i == SHIFTS)
		i = s->next_shift++ % SHIFTS;
	s->shifts[i].slot = (int)slot;
	s->shifts[i].at_us = clock_mono_us();
}

/* ASKING is for the very next command: that must be this one. */
static int send_on(struct rlink *link, struct rcmd *cmd, bool asking, rlink_reply_cb *cb, void *arg)
{
	struct rcmd word;
	int rc = 0;
	rcmd_init(&word);
	rcmd_str(&word, "ASKING");
	cmd->follows = false; /* once is enough */
	if (asking)
		rc = rlink_send(link, &word, NULL, NULL);
	if (!rc) {
		rc = rlink_send(link, cmd, cb, arg);
		if (rc && asking)
			rlink_drop(link, "out of memory behind ASKING");
	}
	rcmd_fini(&word);
	return rc;
}

static void follower_free(struct rlinks *s, struct follower *f)
{
	s->following--;
	rcmd_fini(&f->cmd);
	free(f);
}

static bool wait_for(struct held *to, const struct rcmd *cmd, bool asking, rlink_reply_cb *cb, void *arg)
{
	struct rlinks *s = to->set;
	struct follower *f = s->following < FOLLOWERS ? calloc(1, sizeof *f) : NULL;
	if (!f || rcmd_copy(&f->cmd, cmd)) {
		free(f);
		return false;
	}
	f->to = to;
	f->asking = asking;
	f->cb = cb;
	f->arg = arg;
	f->until_us = clock_mono_us() + FOLLOW_US;
	f->next = s->followers;
	s->followers = f;
	s->following++;
	return true;
}

/* Those who wait for this link, which is up. */
static void follow_all(struct rlinks *s, const struct held *to)
{
	for (struct follower **at = &s->followers, *f; (f = *at);) {
		if (f->to != to) {
			at = &f->next;
			continue;
		}
		*at = f->next;
		if (send_on(to->link, &f->cmd, f->asking, f->cb, f->arg))
			f->cb(f->arg, ERR_UNAVAILABLE, NULL);
		follower_free(s, f);
		at = &s->followers; /* the callback may have added one */
	}
}

/* to: NULL for those whose time is over, whatever they wait for. */
static void give_up(struct rlinks *s, const struct held *to, int status)
{
	uint64_t now_us = clock_mono_us();
	for (struct follower **at = &s->followers, *f; (f = *at);) {
		if (to ? f->to != to : f->until_us > now_us && !s->closed) {
			at = &f->next;
			continue;
		}
		*at = f->next;
		f->cb(f->arg, status, NULL);
		follower_free(s, f);
		at = &s->followers;
	}
}

static bool on_elsewhere(void *arg, const char *error, struct rcmd *again, rlink_reply_cb *cb, void *cb_arg)
{
	struct held *from = arg, *h;
	struct rlinks *s = from->set;
	struct rurl_host to;
	unsigned slot;
	bool asking = strncmp(error, "ASK ", 4) == 0;
	if (rslots_redirect(error, &slot, &to)) {
		rslots_doubt(s->slots); /* CLUSTERDOWN, TRYAGAIN */
		return false;
	}
	if (!to.host[0]) {
		struct rurl place;
		rslots_place(s->slots, from->node, &place);
		memcpy(to.host, place.host, sizeof to.host);
	}
	note_shift(s, slot);
	if (!asking)
		rslots_moved(s->slots, slot, &to);
	if (!again || !cb || s->closed)
		return false;
	int node = rslots_ref_at(s->slots, &to);
	if (node == RSLOTS_NOBODY)
		return false;
	h = find(s, node, s->options.blocking ? (int)slot : ANY_SLOT);
	if (!h)
		h = hold(s, node, s->options.blocking ? (int)slot : ANY_SLOT);
	rslots_unref(s->slots, node);
	if (h)
		h->used_us = clock_mono_us();
	if (h && rlink_up(h->link))
		return send_on(h->link, again, asking, cb, cb_arg) == 0;
	return h && wait_for(h, again, asking, cb, cb_arg);
}

/* ---- turns ---- */

/* The last thing a link does. In the list it may only be the first one. */
static void release(struct rlinks *s, struct held *h, int status)
{
	give_up(s, h, status);
	if (s->options.on_gone)
		s->options.on_gone(s->options.arg, h->link);
	add_stats(&s->past, h->link);
	s->past.in_flight = 0;
	rlink_free(h->link);
	if (s->first == h)
		s->first = h->next;
	if (rslots_clustered(s->slots))
		rslots_unref(s->slots, h->node);
	free(h);
}

static bool is_of_use(const struct rlinks *s, const struct held *h)
{
	const struct rslots_map *map = rslots_map(s->slots);
	return s->options.blocking ? map->of[h->slot] == h->node : map->nodes[h->node].slots > 0;
}

/* While it is up, what is in flight; while it is not, those who wait for it, and come again. */
static bool may_stay(const struct held *h, uint64_t now_us)
{
	return (h->used_us && now_us - h->used_us < USELESS_US) ||
	       (rlink_up(h->link) && now_us - h->useless_us < USELESS_US);
}

static void release_useless(struct rlinks *s)
{
	uint64_t now_us = clock_mono_us();
	for (struct held **at = &s->first, *h; (h = *at);) {
		bool serves = is_of_use(s, h);
		h->useless_us = serves ? 0 : h->useless_us ? h->useless_us : now_us;
		if (serves || may_stay(h, now_us)) {
			at = &h->next;
			continue;
		}
		*at = h->next;
		rlink_drop(h->link, "this node serves nothing of ours any more");
		release(s, h, ERR_UNAVAILABLE);
	}
}

/* Before they are needed: blocking ones are made when they are. */
static void hold_masters(struct rlinks *s)
{
	const struct rslots_map *map = rslots_map(s->slots);
	for (unsigned i = 0; i < map->n && !s->options.blocking; i++)
		if (map->nodes[i].slots && !find(s, (int)i, ANY_SLOT))
			(void)hold(s, (int)i, ANY_SLOT);
}

static void on_turn(void *arg, bool changed)
{
	struct rlinks *s = arg;
	hold_masters(s);
	release_useless(s);
	give_up(s, NULL, ERR_UNAVAILABLE);
	if (changed && s->options.on_moved)
		s->options.on_moved(s->options.arg);
}

static bool is_well(const void *arg)
{
	const struct rlinks *s = arg;
	for (const struct held *h = s->first; h; h = h->next)
		if (!h->useless_us && !rlink_up(h->link))
			return false;
	return true;
}

/* Links that are made later than the owner's prepare handle would write what it gives only in the next turn. */
static void on_prepare(uv_prepare_t *prepare)
{
	rlinks_flush(prepare->data);
}

/* ---- the set ---- */

static int open_first(struct rlinks *s)
{
	const struct rlink_options none = { .name = s->name };
	struct errinfo info;
	if (!rslots_clustered(s->slots))
		return hold(s, RSLOTS_NOBODY, ANY_SLOT) ? 0 : ERR_NOMEM;
	s->prepare = malloc(sizeof *s->prepare);
	s->nowhere = rlink_new(rslots_loop(s->slots), &none, &info);
	if (!s->prepare || !s->nowhere) {
		rlink_free(s->nowhere);
		free(s->prepare);
		return ERR_NOMEM;
	}
	uv_prepare_init(rslots_loop(s->slots), s->prepare);
	uv_prepare_start(s->prepare, on_prepare);
	uv_unref((uv_handle_t *)s->prepare);
	s->prepare->data = s;
	s->listener = (struct rslots_listener){ .on_turn = on_turn, .is_well = is_well, .arg = s };
	rslots_listen(s->slots, &s->listener);
	if (rslots_known(s->slots))
		hold_masters(s);
	return 0;
}

struct rlinks *rlinks_new(struct rslots *slots, const struct rlinks_options *options, struct errinfo *info)
{
	struct rlinks *s = calloc(1, sizeof *s);
	if (s) {
		s->slots = slots;
		s->options = *options;
		snprintf(s->name, sizeof s->name, "%s", options->name ? options->name : "square");
		s->options.name = s->name;
	}
	if (s && open_first(s) == 0)
		return s;
	free(s);
	errinfo_set(info, ERR_NOMEM, "out of memory");
	return NULL;
}

static void on_closed(uv_handle_t *prepare)
{
	free(prepare);
}

void rlinks_free(struct rlinks *s)
{
	if (!s)
		return;
	s->closed = true;
	rslots_unlisten(s->slots, &s->listener);
	while (s->first) /* it stays there until its last callback has run, as that may ask for a link */
		release(s, s->first, ERR_CLOSED);
	rlink_free(s->nowhere);
	if (s->prepare)
		uv_close((uv_handle_t *)s->prepare, on_closed);
	free(s);
}
