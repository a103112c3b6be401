/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "shards.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "keys.h"
#include "log.h"

#define LOOK_MS 10000 /* between two looks at the size of the registry, if nothing gives cause to look sooner */

struct shards {
	struct rlinks *links;
	struct shards_options options;
	uv_timer_t timer;
	char **tags; /* each of its own, as they are borrowed */
	size_t n, cap;
	int64_t registered; /* tags at the last reading */
	bool asking;
	bool closed;
};

static bool is_known(const struct shards *s, const char *tag)
{
	for (size_t i = 0; i < s->n; i++)
		if (strcmp(s->tags[i], tag) == 0)
			return true;
	return false;
}

/* Quiet about what cannot be kept: the next look tries again. */
static void add(struct shards *s, const char *tag)
{
	if (s->n == SHARDS_MAX)
		return;
	if (s->n == s->cap) {
		size_t cap = s->cap ? 2 * s->cap : 8;
		char **more = realloc(s->tags, cap * sizeof *more);
		if (!more)
			return;
		s->tags = more;
		s->cap = cap;
	}
	char *own = strdup(tag);
	if (!own)
		return;
	s->tags[s->n] = own;
	s->options.on_added(s->options.arg, s->n++, own);
}

/* ---- the registry ---- */

static bool is_served(const struct shards *s, const char *tag)
{
	char queue[KEYS_QUEUE_MAX + 1];
	unsigned shard;
	if (keys_tag_parse(tag, queue, &shard))
		return false;
	for (size_t i = 0; i < s->options.queue_count; i++)
		if (strcmp(s->options.queues[i], queue) == 0)
			return true;
	return false;
}

static void on_tags(void *arg, int status, const struct rreply *reply)
{
	struct shards *s = arg;
	s->asking = false;
	if (status || s->closed)
		return;
	for (size_t i = 0; i < rreply_count(reply); i++) {
		const char *tag = rreply_str(rreply_at(reply, i), NULL);
		if (!is_served(s, tag) || is_known(s, tag))
			continue;
		log_info("a further shard is registered: %s", tag);
		add(s, tag);
	}
	s->registered = (int64_t)rreply_count(reply);
}

static bool ask(struct shards *s, const char *command, rlink_reply_cb *cb)
{
	struct rcmd cmd;
	rcmd_init(&cmd);
	rcmd_str(&cmd, command);
	rcmd_str(&cmd, KEYS_REG_TAGS);
	bool sent = rlink_send(rlinks_at(s->links, KEYS_REG), &cmd, cb, s) == 0;
	rcmd_fini(&cmd);
	return sent;
}

/* Tags are never taken back: what has as many as before has the same. */
static void on_size(void *arg, int status, const struct rreply *reply)
{
	struct shards *s = arg;
	s->asking = false;
	if (status || s->closed || rreply_int(reply) == s->registered)
		return;
	s->asking = ask(s, "HKEYS", on_tags);
}

void shards_look(struct shards *s)
{
	if (!s->asking && !s->closed)
		s->asking = ask(s, "HLEN", on_size);
}

static void on_timer(uv_timer_t *timer)
{
	shards_look(timer->data);
}

/* ---- start and end ---- */

struct shards *shards_new(uv_loop_t *loop, struct rlinks *links, const struct shards_options *options)
{
	char tag[KEYS_TAG_SIZE];
	struct shards *s = calloc(1, sizeof *s);
	if (!s)
		return NULL;
	s->links = links;
	s->options = *options;
	s->registered = -1;
	uv_timer_init(loop, &s->timer);
	s->timer.data = s;
	uv_timer_start(&s->timer, on_timer, LOOK_MS, LOOK_MS);
	for (size_t i = 0; i < options->queue_count; i++)
		for (unsigned k = 0; k < options->each; k++) {
			keys_tag(tag, options->queues[i], k);
			if (!is_known(s, tag))
				add(s, tag);
		}
	return s;
}

size_t shards_count(const struct shards *s)
{
	return s->n;
}

void shards_close(struct shards *s)
{
	if (!s || s->closed)
		return;
	s->closed = true;
	uv_close((uv_handle_t *)&s->timer, NULL);
}

void shards_destroy(struct shards *s)
{
	if (!s)
		return;
	for (size_t i = 0; i < s->n; i++)
		free(s->tags[i]);
	free(s->tags);
	free(s);
}
