/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "canceller.h"

#include <stdlib.h>
#include <string.h>

#include "keys.h"
#include "log.h"
#include "rlink.h"

#define BLINK_MS 20          /* jobs that are over sooner are not worth a command */
#define BLOCK_SECONDS "3"    /* of one blocking pop */
#define WAKE_TIMEOUT_MS 4500 /* no answer for this long: the link is dead */

struct canceller {
	struct canceller_options options;
	struct rlink *link;
	uv_timer_t blink;
	bool running; /* jobs do */
	bool waiting; /* the blocking pop is in flight */
	bool refused; /* Redis refused it */
	bool closed;
};

static void wait_for_hint(struct canceller *c);

/* An entry is "BATCH ID". */
static void take(struct canceller *c, const char *entry)
{
	const char *space = strrchr(entry, ' ');
	char batch[256];
	size_t n = space ? (size_t)(space - entry) : sizeof batch;

	if (n >= sizeof batch)
		return;
	memcpy(batch, entry, n);
	batch[n] = '\0';
	c->options.on_cancel(c->options.arg, batch, space + 1);
}

static void on_popped(void *arg, int status, const struct rreply *reply)
{
	struct canceller *c = arg;

	c->waiting = false;
	c->refused = status == ERR_UNAVAILABLE || status == ERR_PROTOCOL;
	if (status == ERR_PROTOCOL)
		log_error("cannot wait for cancel hints: %s", rreply_str(reply, NULL));
	if (status || c->closed)
		return;
	if (rreply_count(reply) == 2)
		take(c, rreply_str(rreply_at(reply, 1), NULL));
	wait_for_hint(c); /* others may be there already */
}

static void wait_for_hint(struct canceller *c)
{
	struct rcmd cmd;
	char key[KEYS_NAME_SIZE];

	if (!c->running || c->waiting || c->refused || c->closed || !rlink_up(c->link))
		return;
	rcmd_init(&cmd);
	rcmd_str(&cmd, "BLPOP");
	for (size_t i = 0; i < c->options.tag_count; i++) {
		keys_cancels(key, c->options.tags[i], c->options.instance, c->options.boot);
		rcmd_str(&cmd, key);
	}
	rcmd_str(&cmd, BLOCK_SECONDS);
	c->waiting = rlink_send(c->link, &cmd, on_popped, c) == 0;
	rcmd_fini(&cmd);
}

static void on_blink(uv_timer_t *timer)
{
	wait_for_hint(timer->data);
}

void canceller_watch(struct canceller *c, bool running)
{
	c->running = running;
	if (running && !c->waiting && !c->refused && !c->closed && !uv_is_active((uv_handle_t *)&c->blink))
		uv_timer_start(&c->blink, on_blink, BLINK_MS, 0);
}

void canceller_drop(struct canceller *c)
{
	if (rlink_up(c->link))
		rlink_drop(c->link, "the command link is lost");
}

void canceller_refresh(struct canceller *c)
{
	c->refused = false;
}

struct canceller *canceller_new(uv_loop_t *loop, const struct canceller_options *options, struct errinfo *info)
{
	struct rlink_options link = { .url = options->redis_url,
				      .name = "square-worker-cancel",
				      .command_timeout_ms = WAKE_TIMEOUT_MS };
	struct canceller *c = calloc(1, sizeof *c);

	if (!c) {
		errinfo_set(info, ERR_NOMEM, "out of memory");
		return NULL;
	}
	c->options = *options;
	c->link = rlink_new(loop, &link, info);
	if (!c->link) {
		free(c);
		return NULL;
	}
	uv_timer_init(loop, &c->blink);
	c->blink.data = c;
	return c;
}

static void on_closed(uv_handle_t *handle)
{
	free(handle->data);
}

void canceller_free(struct canceller *c)
{
	c->closed = true;
	rlink_free(c->link);
	uv_close((uv_handle_t *)&c->blink, on_closed);
}
