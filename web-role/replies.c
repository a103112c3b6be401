/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "replies.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "log.h"
#include "queue.h"
#include "queue_seal.h"
#include "rlinks.h"

#define POP_COUNT 128
#define KEEP_BYTES (1u << 20) /* of the buffer of what was popped, when it is empty */
#define BLOCK_S 5             /* must end before the link's command time-out */
#define COMMAND_TIMEOUT_MS 10000

/* The lists behind one link: of all tags, or in a cluster of one slot, as a command takes no more. */
struct reader {
	struct replies *owner; /* NULL: the link is gone, and the answer on its way is the last thing */
	struct rlink *link;
	struct rcmd cmd;
	struct buf ends; /* what was popped, until it outlives Redis: the length of each entry, then the entry */
	size_t from;     /* of the owner's tags: the one that is asked for first */
	bool asking, holding;
};

struct replies {
	struct rlinks *links;
	char receiver[64];
	struct tag **tags;
	size_t n, cap;
	replies_cb *cb;
	void *arg;
};

static void ask(struct reader *reader);

static void take(struct replies *r, const struct buf *ends)
{
	for (size_t at = 0, n; at < ends->len; at += n) {
		char text[ID_TEXT_SIZE];
		struct job job;
		struct id id;
		memcpy(&n, ends->data + at, sizeof n);
		at += sizeof n;
		if (queue_reply_decode(ends->data + at, n, text, &job) || id_parse(text, ID_TEXT_LEN, &id)) {
			log_warn("reply list: an unreadable entry of %zu bytes", n);
			continue;
		}
		r->cb(r->arg, &id, &job);
	}
}

static void keep(struct buf *ends, const struct rreply *entries)
{
	buf_clear(ends);
	for (size_t i = 0; i < rreply_count(entries); i++) {
		size_t n;
		const char *entry = rreply_str(rreply_at(entries, i), &n);
		buf_append(ends, (const char *)&n, sizeof n);
		buf_append(ends, entry, n);
	}
}

static void reader_free(struct reader *reader)
{
	rcmd_fini(&reader->cmd);
	buf_fini(&reader->ends);
	free(reader);
}

static void on_sealed(void *arg, int status)
{
	struct reader *reader = arg;
	reader->holding = false;
	if (!reader->owner) {
		reader_free(reader);
		return;
	}
	if (!status)
		take(reader->owner, &reader->ends); /* else those who wait find out by themselves, when it is certain */
	if (reader->ends.cap > KEEP_BYTES)
		buf_fini(&reader->ends);
	ask(reader);
}

/* A pop takes of the first list that has anything: the one behind the last taken of is first now, or a busy one would
 * leave the others nothing. */
static void begin_behind(struct reader *reader, const char *key)
{
	const struct replies *r = reader->owner;
	for (size_t i = 0; i < r->n; i++)
		if (strncmp(key, r->tags[i]->text, strlen(r->tags[i]->text)) == 0)
			reader->from = i + 1;
}

static void on_popped(void *arg, int status, const struct rreply *reply)
{
	struct reader *reader = arg;
	reader->asking = false;
	if (!reader->owner) {
		reader_free(reader);
		return;
	}
	if (status == ERR_PROTOCOL) {
		log_error("reply list: %s", rreply_str(reply, NULL));
		rlink_drop(reader->link, "the reply list cannot be read"); /* comes back after the back-off */
	}
	if (status)
		return; /* on_state, or on_moved, asks again */
	const struct rreply *entries = rreply_at(reply, 1);
	struct queue_seal *seal = rreply_count(entries) ? queue_seal_of(reader->link) : NULL;
	keep(&reader->ends, entries);
	begin_behind(reader, rreply_str(rreply_at(reply, 0), NULL));
	reader->holding = seal && !reader->ends.failed && queue_seal_hold(seal, UINT64_MAX, on_sealed, reader) == 0;
	if (!reader->holding)
		ask(reader);
}

/* The keys of the tags that this link serves. */
static size_t put_keys(const struct reader *reader, struct rcmd *cmd)
{
	const struct replies *r = reader->owner;
	size_t n = 0;
	for (size_t i = 0; i < r->n; i++) {
		char key[KEYS_NAME_SIZE];
		const struct tag *tag = r->tags[(reader->from + i) % r->n];
		if (rlinks_at(r->links, tag->text) != reader->link)
			continue;
		n++;
		if (!cmd)
			continue;
		keys_reply(key, tag->text, r->receiver);
		rcmd_str(cmd, key);
	}
	return n;
}

static void ask(struct reader *reader)
{
	struct rcmd *cmd = &reader->cmd;
	size_t n = reader->asking || reader->holding || !rlink_up(reader->link) ? 0 : put_keys(reader, NULL);
	if (n == 0)
		return;
	rcmd_clear(cmd);
	rcmd_str(cmd, "BLMPOP");
	rcmd_uint(cmd, BLOCK_S);
	rcmd_uint(cmd, n);
	put_keys(reader, cmd);
	rcmd_str(cmd, "LEFT");
	rcmd_str(cmd, "COUNT");
	rcmd_uint(cmd, POP_COUNT);
	reader->asking = rlink_send(reader->link, cmd, on_popped, reader) == 0;
	struct queue_seal *seal = reader->asking ? queue_seal_of(reader->link) : NULL;
	if (seal)
		queue_seal_look(seal); /* what it pops has just ended, mostly */
}

static void on_greeted(void *arg, int status, const struct rreply *reply)
{
	struct rlink *link = arg;
	(void)reply;
	if (status != ERR_UNKNOWN && status != ERR_CLOSED) /* else the link is gone, and knows */
		rlink_greeted(link, status);
}

/* A Redis that is still loading answers everything of the greeting but no command on data: ask for one, so that the
 * link does not come up only to be lost again. One that takes no key, as in a cluster each key has its node. */
static void on_greet(struct rlink *link, void *arg)
{
	struct rcmd cmd;
	(void)arg;
	rcmd_init(&cmd);
	rcmd_str(&cmd, "PING");
	if (rlink_send(link, &cmd, on_greeted, link))
		rlink_greeted(link, ERR_UNAVAILABLE);
	rcmd_fini(&cmd);
}

static void on_added(void *arg, struct rlink *link)
{
	struct reader *reader = calloc(1, sizeof *reader);
	if (!reader)
		return; /* waits are answered by their own reads */
	reader->owner = arg;
	reader->link = link;
	rcmd_init(&reader->cmd);
	rlink_keep(link, reader);
}

static void on_gone(void *arg, struct rlink *link)
{
	struct reader *reader = rlink_kept(link);
	(void)arg;
	rlink_keep(link, NULL);
	if (!reader)
		return;
	reader->owner = NULL;
	if (!reader->asking && !reader->holding) /* else on_popped or on_sealed has the last word */
		reader_free(reader);
}

static void on_state(void *arg, struct rlink *link, bool up)
{
	struct reader *reader = rlink_kept(link);
	(void)arg;
	if (up && reader)
		ask(reader);
}

/* What a link waits for is only told by the command it is waiting with: a tag that has come to it is asked for with the
 * next one. */
static void on_moved(void *arg)
{
	struct replies *r = arg;
	for (size_t i = 0; i < r->n; i++) {
		struct reader *reader = rlink_kept(rlinks_at(r->links, r->tags[i]->text));
		if (reader)
			ask(reader);
	}
}

void replies_listen(struct replies *r, struct tag *tag)
{
	if (tag->listed)
		return;
	if (r->n == r->cap) {
		size_t cap = r->cap ? r->cap * 2 : 8;
		struct tag **tags = realloc(r->tags, cap * sizeof(void *));
		if (!tags)
			return; /* waits of this tag are answered by their own reads */
		r->tags = tags;
		r->cap = cap;
	}
	r->tags[r->n++] = tag;
	tag->listed = true;
	struct reader *reader = rlink_kept(rlinks_at(r->links, tag->text));
	if (reader)
		ask(reader);
}

struct replies *replies_new(struct rslots *slots, const char *receiver, replies_cb *cb, void *arg, struct errinfo *info)
{
	struct replies *r = calloc(1, sizeof *r);
	char name[80];
	const struct rlinks_options options = { .name = name,
						.command_timeout_ms = COMMAND_TIMEOUT_MS,
						.blocking = true,
						.on_added = on_added,
						.on_gone = on_gone,
						.on_state = on_state,
						.on_greet = on_greet,
						.on_moved = on_moved,
						.arg = r };
	if (!r) {
		errinfo_set(info, ERR_NOMEM, "out of memory");
		return NULL;
	}
	snprintf(r->receiver, sizeof r->receiver, "%s", receiver);
	snprintf(name, sizeof name, "%s-replies", receiver);
	r->cb = cb;
	r->arg = arg;
	r->links = rlinks_new(slots, &options, info);
	if (!r->links) {
		free(r);
		return NULL;
	}
	return r;
}

void replies_free(struct replies *r)
{
	if (!r)
		return;
	rlinks_free(r->links);
	free(r->tags);
	free(r);
}
