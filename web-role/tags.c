/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tags.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "clock.h"
#include "id.h"
#include "log.h"
#include "queue.h"

#define SLOTS 256
#define REFRESH_US 1000000

struct tags {
	struct rlink *link;
	struct tag *slots[SLOTS];
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

static struct tag *lookup(const struct tags *t, const char *queue)
{
	struct tag *tag = t->slots[slot_of(queue)];
	while (tag && strcmp(tag->queue, queue) != 0)
		tag = tag->next;
	return tag;
}

static struct tag *add(struct tags *t, const char *queue)
{
	struct tag *tag = calloc(1, sizeof *tag), **slot = &t->slots[slot_of(queue)];
	if (!tag)
		return NULL;
	snprintf(tag->queue, sizeof tag->queue, "%s", queue);
	keys_tag(tag->text, queue, 0);
	tag->owner = t;
	tag->next = *slot;
	*slot = tag;
	return tag;
}

/* Names that could not be registered are not kept, or clients would fill the memory with them. */
static void discard(struct tag *tag)
{
	struct tag **at = &tag->owner->slots[slot_of(tag->queue)];
	while (*at != tag)
		at = &(*at)->next;
	*at = tag->next;
	free(tag);
}

static void learn(struct tag *tag, unsigned index)
{
	struct tags *t = tag->owner;
	if (tag->known && tag->index != index) {
		log_warn("queue %s has index %u now, was %u: this Redis has other data", tag->queue, index, tag->index);
		if (t->by_index[tag->index] == tag)
			t->by_index[tag->index] = NULL;
	}
	tag->known = true;
	tag->index = index;
	t->by_index[index] = tag;
}

static void on_registered(void *arg, int status, unsigned index)
{
	struct tag *tag = arg;
	if (!status && index > ID_TAG_MAX)
		status = ERR_PROTOCOL;
	if (!status)
		learn(tag, index);
	struct gate gate = tag->gate;
	tag->gate.first = NULL;
	if (!tag->known)
		discard(tag);
	gate_open(&gate, status);
}

struct tag *tags_find(const struct tags *t, const char *queue)
{
	struct tag *tag = lookup(t, queue);
	return tag && tag->known ? tag : NULL;
}

int tags_register(struct tags *t, const char *queue, struct gate_entry *e, gate_cb *cb, void *arg)
{
	struct tag *tag = lookup(t, queue);
	if (!tag) {
		tag = add(t, queue);
		if (!tag)
			return ERR_NOMEM;
		int rc = queue_register(t->link, tag->text, on_registered, tag);
		if (rc) {
			discard(tag);
			return rc;
		}
	}
	gate_wait(&tag->gate, e, cb, arg);
	return 0;
}

struct tag *tags_at(const struct tags *t, unsigned index)
{
	return index <= ID_TAG_MAX ? t->by_index[index] : NULL;
}

static void take_listed(struct tags *t, const char *text, unsigned index)
{
	char queue[KEYS_QUEUE_MAX + 1];
	unsigned shard;
	if (index > ID_TAG_MAX || keys_tag_parse(text, queue, &shard) || shard != 0)
		return;
	struct tag *tag = lookup(t, queue);
	if (!tag)
		tag = add(t, queue);
	if (tag)
		learn(tag, index);
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
	int rc = rlink_send(t->link, &cmd, on_listed, t);
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
		rc = rlink_send(t->link, &cmd, on_counted, t);
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

void tags_confirm(struct tags *t)
{
	for (size_t i = 0; i < SLOTS; i++)
		for (struct tag *tag = t->slots[i]; tag; tag = tag->next)
			if (tag->known)
				queue_register(t->link, tag->text, on_registered, tag);
}

struct tags *tags_new(struct rlink *link)
{
	struct tags *t = calloc(1, sizeof *t);
	if (t)
		t->link = link;
	return t;
}

void tags_free(struct tags *t)
{
	if (!t)
		return;
	for (size_t i = 0; i < SLOTS; i++)
		while (t->slots[i]) {
			struct tag *next = t->slots[i]->next;
			free(t->slots[i]);
			t->slots[i] = next;
		}
	free(t);
}
