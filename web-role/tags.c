/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tags.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "clock.h"
#include "id.h"
#include "log.h"

#define SLOTS 256
#define REFRESH_US 1000000

struct tags {
	struct rlinks *links;
	unsigned shards;
	struct tag_queue *slots[SLOTS];
	struct tag *by_index[ID_TAG_MAX + 1];
	struct gate refresh; /* for the look that is under way */
	struct gate next;    /* for the one after it */
	bool refreshing;
	uint64_t listed; /* names there were in the registry, when all were read at refreshed_us */
	uint64_t refreshed_us;
};

static size_t slot_of(const char *queue)
{
	size_t hash = 5381;
	for (; *queue; queue++)
		hash = hash * 33 + (unsigned char)*queue;
	return hash % SLOTS;
}

static struct tag_queue *lookup(const struct tags *t, const char *queue)
{
	struct tag_queue *q = t->slots[slot_of(queue)];
	while (q && strcmp(q->name, queue) != 0)
		q = q->next;
	return q;
}

static struct tag_queue *add(struct tags *t, const char *queue)
{
	struct tag_queue *q = calloc(1, sizeof *q), **slot = &t->slots[slot_of(queue)];
	if (!q)
		return NULL;
	snprintf(q->name, sizeof q->name, "%s", queue);
	q->owner = t;
	q->next = *slot;
	*slot = q;
	return q;
}

/* NULL when memory ran out. */
static struct tag *shard_of(struct tag_queue *q, unsigned shard)
{
	struct tag *tag = q->shards[shard];
	if (tag)
		return tag;
	tag = calloc(1, sizeof *tag);
	if (!tag)
		return NULL;
	memcpy(tag->queue, q->name, sizeof tag->queue);
	keys_tag(tag->text, q->name, shard);
	tag->shard = shard;
	tag->of = q;
	q->shards[shard] = tag;
	return tag;
}

static void free_queue(struct tag_queue *q)
{
	for (unsigned i = 0; i < QUEUE_SHARDS_MAX; i++)
		free(q->shards[i]);
	free(q);
}

/* Names that could not be registered are not kept, or clients would fill the memory with them. */
static void discard(struct tag_queue *q)
{
	struct tag_queue **at = &q->owner->slots[slot_of(q->name)];
	while (*at != q)
		at = &(*at)->next;
	*at = q->next;
	free_queue(q);
}

static void learn(struct tag *tag, unsigned index)
{
	struct tags *t = tag->of->owner;
	if (tag->known && tag->index != index) {
		log_warn("%s has index %u now, was %u: this Redis has other data", tag->text, index, tag->index);
		if (t->by_index[tag->index] == tag)
			t->by_index[tag->index] = NULL;
	}
	tag->known = true;
	tag->index = index;
	t->by_index[index] = tag;
	if (tag->of->n <= tag->shard)
		tag->of->n = tag->shard + 1;
}

/* ---- registering ---- */

static int register_shard(struct tag *tag);

/* All answers are there: what could be registered counts, as there may be room for some shards only. */
static void settle(struct tag_queue *q)
{
	int status = q->keyed && q->n ? 0 : q->status ? q->status : ERR_UNAVAILABLE;
	struct gate gate = q->gate;
	q->gate.first = NULL;
	q->status = 0;
	if (!q->n)
		discard(q);
	gate_open(&gate, status);
}

/* A queue that began with more shards than the setting says: idempotency keys need them all. */
static int register_keyed(struct tag_queue *q, unsigned keyed)
{
	int rc = 0;
	for (unsigned i = q->owner->shards; i < keyed && !rc; i++) {
		struct tag *tag = shard_of(q, i);
		rc = !tag ? ERR_NOMEM : tag->known ? 0 : register_shard(tag);
	}
	return rc;
}

static void on_registered(void *arg, int status, unsigned index, unsigned keyed)
{
	struct tag *tag = arg;
	struct tag_queue *q = tag->of;
	if (!status && (index > ID_TAG_MAX || keyed > QUEUE_SHARDS_MAX))
		status = ERR_PROTOCOL;
	if (!status) {
		learn(tag, index);
		if (!q->keyed)
			status = register_keyed(q, keyed);
		q->keyed = keyed;
	}
	if (!q->status)
		q->status = status;
	if (--q->pending == 0)
		settle(q);
}

static int register_shard(struct tag *tag)
{
	struct tags *t = tag->of->owner;
	int rc = queue_register_shard(rlinks_at(t->links, KEYS_REG), tag->text, t->shards, on_registered, tag);
	tag->of->pending += rc == 0;
	return rc;
}

static int register_queue(struct tag_queue *q)
{
	int rc = 0;
	for (unsigned i = 0; i < q->owner->shards && !rc; i++) {
		struct tag *tag = shard_of(q, i);
		rc = tag ? register_shard(tag) : ERR_NOMEM;
	}
	return q->pending ? 0 : rc;
}

struct tag_queue *tags_find(const struct tags *t, const char *queue)
{
	struct tag_queue *q = lookup(t, queue);
	return q && q->n ? q : NULL;
}

struct tag_queue *tags_registered(const struct tags *t, const char *queue)
{
	struct tag_queue *q = tags_find(t, queue);
	return q && q->keyed ? q : NULL;
}

int tags_register(struct tags *t, const char *queue, struct gate_entry *e, gate_cb *cb, void *arg)
{
	struct tag_queue *q = lookup(t, queue);
	if (!q)
		q = add(t, queue);
	int rc = !q ? ERR_NOMEM : q->pending ? 0 : register_queue(q);
	if (rc) {
		if (q && !q->n)
			discard(q);
		return rc;
	}
	gate_wait(&q->gate, e, cb, arg);
	return 0;
}

struct tag *tags_at(const struct tags *t, unsigned index)
{
	return index <= ID_TAG_MAX ? t->by_index[index] : NULL;
}

unsigned tags_shards(const struct tags *t)
{
	return t->shards;
}

static void take_listed(struct tags *t, const char *text, unsigned index)
{
	char queue[KEYS_QUEUE_MAX + 1];
	unsigned shard;
	if (index > ID_TAG_MAX || keys_tag_parse(text, queue, &shard) || shard >= QUEUE_SHARDS_MAX)
		return;
	struct tag_queue *q = lookup(t, queue);
	if (!q)
		q = add(t, queue);
	struct tag *tag = q ? shard_of(q, shard) : NULL;
	if (tag)
		learn(tag, index);
	else if (q && !q->n && !q->pending)
		discard(q);
}

/* ---- news of the registry ---- */

static int look(struct tags *t);

static void looked(struct tags *t, int status)
{
	struct gate asked = t->refresh;
	t->refreshing = false;
	t->refresh = t->next;
	t->next.first = NULL;
	gate_open(&asked, status);
	if (!t->refresh.first || t->refreshing)
		return;
	int rc = look(t);
	if (rc)
		gate_open(&t->refresh, rc);
}

static void on_listed(void *arg, int status, const struct rreply *reply)
{
	struct tags *t = arg;
	for (size_t i = 0; !status && i + 1 < rreply_count(reply); i += 2)
		take_listed(t, rreply_str(rreply_at(reply, i), NULL), (unsigned)rreply_int(rreply_at(reply, i + 1)));
	if (!status) {
		t->refreshed_us = clock_mono_us();
		t->listed = rreply_count(reply) / 2;
	}
	looked(t, status);
}

static int list(struct tags *t)
{
	struct rcmd cmd;
	rcmd_init(&cmd);
	rcmd_str(&cmd, "HGETALL");
	rcmd_str(&cmd, KEYS_REG_TAGS);
	int rc = rlink_send(rlinks_at(t->links, KEYS_REG), &cmd, on_listed, t);
	rcmd_fini(&cmd);
	return rc;
}

static void on_counted(void *arg, int status, const struct rreply *reply)
{
	struct tags *t = arg;
	bool news = !status && (uint64_t)rreply_int(reply) != t->listed;
	if (news)
		status = list(t);
	if (!news || status)
		looked(t, status);
}

/* Names are never taken out of the registry, so as long as their number is the same there is no news; that costs next
 * to nothing, whatever clients ask for. Now and then all are read, should this be another Redis. */
static int look(struct tags *t)
{
	struct rcmd cmd;
	int rc;
	if (t->refreshed_us && clock_mono_us() - t->refreshed_us < REFRESH_US) {
		rcmd_init(&cmd);
		rcmd_str(&cmd, "HLEN");
		rcmd_str(&cmd, KEYS_REG_TAGS);
		rc = rlink_send(rlinks_at(t->links, KEYS_REG), &cmd, on_counted, t);
		rcmd_fini(&cmd);
	} else {
		rc = list(t);
	}
	t->refreshing = rc == 0;
	return rc;
}

/* Who comes while a look is under way needs the next one: what he looks for may be younger than this one's answer. */
int tags_refresh(struct tags *t, struct gate_entry *e, gate_cb *cb, void *arg)
{
	if (t->refreshing) {
		gate_wait(&t->next, e, cb, arg);
		return 0;
	}
	int rc = look(t);
	if (!rc)
		gate_wait(&t->refresh, e, cb, arg);
	return rc;
}

/* Of a queue of our own also the shards that there was no answer for. */
static int confirm(struct tag_queue *q)
{
	unsigned n = q->keyed && q->n < q->owner->shards ? q->owner->shards : q->n;
	int rc = 0;
	for (unsigned i = 0; i < n && !rc; i++) {
		struct tag *tag = q->keyed ? shard_of(q, i) : q->shards[i];
		rc = tag && (tag->known || i < q->owner->shards) ? register_shard(tag) : 0;
	}
	return rc;
}

void tags_confirm(struct tags *t)
{
	for (size_t i = 0; i < SLOTS; i++)
		for (struct tag_queue *q = t->slots[i]; q; q = q->next)
			if (!q->pending && confirm(q))
				return; /* the link is gone again */
}

struct tags *tags_new(struct rlinks *links, unsigned shards)
{
	struct tags *t = calloc(1, sizeof *t);
	if (!t)
		return NULL;
	t->links = links;
	t->shards = shards;
	return t;
}

void tags_free(struct tags *t)
{
	if (!t)
		return;
	for (size_t i = 0; i < SLOTS; i++)
		while (t->slots[i]) {
			struct tag_queue *next = t->slots[i]->next;
			free_queue(t->slots[i]);
			t->slots[i] = next;
		}
	free(t);
}
