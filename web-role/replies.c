/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "replies.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "log.h"
#include "queue.h"

#define POP_COUNT 128
#define BLOCK_S 5 /* must end before the link's command time-out */
#define COMMAND_TIMEOUT_MS 10000

struct replies {
	struct rlink *link;
	char receiver[64];
	struct rcmd cmd;
	struct tag **tags;
	size_t n, cap;
	replies_cb *cb;
	void *arg;
	bool asking, closed;
};

static void ask(struct replies *r);

static void take(struct replies *r, const struct rreply *entries)
{
	for (size_t i = 0; i < rreply_count(entries); i++) {
		size_t n;
		const char *entry = rreply_str(rreply_at(entries, i), &n);
		char text[ID_TEXT_SIZE];
		struct job job;
		struct id id;
		if (queue_reply_decode(entry, n, text, &job) || id_parse(text, ID_TEXT_LEN, &id)) {
			log_warn("reply list: an unreadable entry of %zu bytes", n);
			continue;
		}
		r->cb(r->arg, &id, &job);
	}
}

static void on_popped(void *arg, int status, const struct rreply *reply)
{
	struct replies *r = arg;
	r->asking = false;
	if (r->closed) {
		rcmd_fini(&r->cmd);
		free(r->tags);
		free(r);
		return;
	}
	if (status == ERR_PROTOCOL) {
		log_error("reply list: %s", rreply_str(reply, NULL));
		rlink_drop(r->link, "the reply list cannot be read"); /* comes back after the back-off */
	}
	if (status)
		return; /* on_state asks again */
	take(r, rreply_at(reply, 1));
	ask(r);
}

static void ask(struct replies *r)
{
	if (r->asking || r->n == 0 || !rlink_up(r->link))
		return;
	rcmd_clear(&r->cmd);
	rcmd_str(&r->cmd, "BLMPOP");
	rcmd_uint(&r->cmd, BLOCK_S);
	rcmd_uint(&r->cmd, r->n);
	for (size_t i = 0; i < r->n; i++) {
		char key[KEYS_NAME_SIZE];
		keys_reply(key, r->tags[i]->text, r->receiver);
		rcmd_str(&r->cmd, key);
	}
	rcmd_str(&r->cmd, "LEFT");
	rcmd_str(&r->cmd, "COUNT");
	rcmd_uint(&r->cmd, POP_COUNT);
	r->asking = rlink_send(r->link, &r->cmd, on_popped, r) == 0;
}

static void on_greeted(void *arg, int status, const struct rreply *reply)
{
	struct replies *r = arg;
	(void)reply;
	if (status != ERR_UNKNOWN && status != ERR_CLOSED) /* else the link is gone, and knows */
		rlink_greeted(r->link, status);
}

/* A Redis that is still loading answers everything of the greeting but no command on data: ask for one, so that the
 * link does not come up only to be lost again. */
static void on_greet(struct rlink *link, void *arg)
{
	struct rcmd cmd;
	rcmd_init(&cmd);
	rcmd_str(&cmd, "EXISTS");
	rcmd_str(&cmd, KEYS_REG_TAGS);
	if (rlink_send(link, &cmd, on_greeted, arg))
		rlink_greeted(link, ERR_UNAVAILABLE);
	rcmd_fini(&cmd);
}

static void on_state(void *arg, bool up)
{
	if (up)
		ask(arg);
}

void replies_listen(struct replies *r, struct tag *tag)
{
	if (tag->listed)
		return;
	if (r->n == r->cap) {
		size_t cap = r->cap ? r->cap * 2 : 8;
		struct tag **tags = realloc(r->tags, cap * sizeof(void *));
		if (!tags)
			return; /* waits of this queue are answered by their own reads */
		r->tags = tags;
		r->cap = cap;
	}
	r->tags[r->n++] = tag;
	tag->listed = true;
	ask(r);
}

struct replies *replies_new(uv_loop_t *loop, const char *url, const char *receiver, replies_cb *cb, void *arg,
			    struct errinfo *info)
{
	struct replies *r = calloc(1, sizeof *r);
	char name[80];
	struct rlink_options options = { .url = url,
					 .name = name,
					 .command_timeout_ms = COMMAND_TIMEOUT_MS,
					 .on_state = on_state,
					 .on_greet = on_greet,
					 .arg = r };
	if (!r) {
		errinfo_set(info, ERR_NOMEM, "out of memory");
		return NULL;
	}
	snprintf(r->receiver, sizeof r->receiver, "%s", receiver);
	snprintf(name, sizeof name, "%s-replies", receiver);
	rcmd_init(&r->cmd);
	r->cb = cb;
	r->arg = arg;
	r->link = rlink_new(loop, &options, info);
	if (!r->link) {
		free(r);
		return NULL;
	}
	return r;
}

void replies_free(struct replies *r)
{
	if (!r)
		return;
	bool asking = r->asking; /* then on_popped has the last word */
	r->closed = true;
	rlink_free(r->link);
	if (!asking)
		on_popped(r, ERR_CLOSED, NULL);
}
