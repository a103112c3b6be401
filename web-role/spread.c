/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "spread.h"

#include <stdlib.h>
#include <string.h>

#include "clock.h"
#include "reactor.h"

#define PAUSE_US 20000 /* a slot that moves is not there in less */

/* The digests are uniform: 32 bits of them spread as well as all. */
static unsigned shard_of(const char *digest, unsigned shards)
{
	char head[9] = "";
	memcpy(head, digest, strnlen(digest, sizeof head - 1));
	return (unsigned)(strtoul(head, NULL, 16) % shards);
}

static bool takes_jobs(const struct reactor *r, const struct tag *tag)
{
	return rlink_up(rlinks_at(r->submit_links, tag->text)) && !rlinks_shifting(r->submit_links, tag->text) &&
	       reactor_takes(r, tag->text);
}

/* The next in turn that takes jobs; else the next that is not known to refuse; else the next. */
static struct tag *next_in_turn(const struct reactor *r, struct tag_queue *q, uint64_t tried)
{
	unsigned n = tags_shards(r->tags);
	struct tag *untried = NULL, *any = NULL;
	for (unsigned i = 0; i < n; i++) {
		unsigned shard = (q->turn + i) % n;
		struct tag *tag = tags_shard(q, shard);
		if (!tag)
			continue;
		any = any ? any : tag;
		if (tried >> shard & 1)
			continue;
		untried = untried ? untried : tag;
		if (!takes_jobs(r, tag))
			continue;
		q->turn = shard + 1;
		return tag;
	}
	q->turn++;
	return untried ? untried : any;
}

struct tag *spread_pick(const struct reactor *r, struct tag_queue *q, const struct queue_submit *job, struct spread *s)
{
	if (!s->until_us)
		s->until_us = clock_mono_us() + r->call_us;
	s->bound = job->idem_hash || job->cache_hash || tags_shards(r->tags) == 1;
	if (job->idem_hash)
		return tags_shard(q, shard_of(job->idem_hash, q->keyed));
	if (job->cache_hash) {
		struct tag *tag = tags_shard(q, shard_of(job->cache_hash, tags_shards(r->tags)));
		if (tag)
			return tag;
	}
	return next_in_turn(r, q, s->tried);
}

static bool all_tried(const struct reactor *r, const struct tag_queue *q, uint64_t tried)
{
	for (unsigned i = 0; i < tags_shards(r->tags); i++)
		if (tags_shard(q, i) && !(tried >> i & 1))
			return false;
	return true;
}

bool spread_again(const struct reactor *r, struct spread *s, const struct tag *tag, int status,
		  enum queue_verdict verdict)
{
	bool full = !status && verdict == QUEUE_REFUSED_FULL,
	     away = status == ERR_UNAVAILABLE && rslots_clustered(r->slots);
	if ((!full && !away) || r->order >= REACTOR_HURRY)
		return false;
	s->tried |= UINT64_C(1) << tag->shard;
	s->pauses = s->bound || all_tried(r, tag->of, s->tried);
	if (full && s->pauses)
		return false;
	if (s->pauses)
		s->tried = 0;
	return clock_mono_us() + spread_pause_us(s) < s->until_us;
}

uint64_t spread_pause_us(const struct spread *s)
{
	return s->pauses ? PAUSE_US : 0;
}
