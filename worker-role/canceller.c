/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "canceller.h"

#include <stdlib.h>
#include <string.h>

#include "popper.h"

#define BLINK_MS 20 /* jobs that are over sooner are not worth a command */
#define BLOCK_S 3   /* of one wait for hints: a shard whose jobs start meanwhile is asked about after it */

struct canceller {
	struct canceller_options options;
	struct popper *hints;
	size_t shards;
	uv_timer_t blink;
	uint64_t starts;  /* now */
	uint64_t settled; /* starts when it was last looked which shards have running jobs */
	bool closed;
};

/* T:k:INSTANCE.BOOT */
static void list_hints(void *arg, const char *tag, char key[KEYS_NAME_SIZE])
{
	const struct canceller *c = arg;
	keys_cancels(key, tag, c->options.instance, c->options.boot);
}

/* An entry is "BATCH ID". */
static void on_hint(void *arg, size_t shard, const char *key, const char *entry)
{
	const struct canceller *c = arg;
	const char *space = strrchr(entry, ' ');
	char batch[256];
	size_t n = space ? (size_t)(space - entry) : sizeof batch;

	(void)shard, (void)key;
	if (n >= sizeof batch)
		return;
	memcpy(batch, entry, n);
	batch[n] = '\0';
	c->options.on_cancel(c->options.arg, batch, space + 1);
}

static void on_blink(uv_timer_t *timer)
{
	struct canceller *c = timer->data;

	c->settled = c->starts;
	for (size_t i = 0; i < c->shards; i++)
		popper_want(c->hints, i, c->options.is_running(c->options.arg, i));
	popper_pump(c->hints);
}

void canceller_watch(struct canceller *c, bool running, uint64_t starts)
{
	c->starts = starts;
	if (!running || c->closed)
		return;
	popper_pump(c->hints);
	if (starts != c->settled && !uv_is_active((uv_handle_t *)&c->blink))
		uv_timer_start(&c->blink, on_blink, BLINK_MS, 0);
}

void canceller_drop(struct canceller *c, size_t shard)
{
	popper_drop(c->hints, shard);
}

void canceller_refresh(struct canceller *c)
{
	c->settled = UINT64_MAX; /* shards whose jobs have all ended are not waited for any more */
	popper_refresh(c->hints);
}

int canceller_add(struct canceller *c, const char *tag)
{
	int rc = popper_add(c->hints, tag);

	c->shards += rc == 0;
	return rc;
}

struct canceller *canceller_new(uv_loop_t *loop, const struct canceller_options *options, struct errinfo *info)
{
	struct canceller *c = calloc(1, sizeof *c);

	if (!c) {
		errinfo_set(info, ERR_NOMEM, "out of memory");
		return NULL;
	}
	const struct popper_options hints = { .slots = options->slots,
					      .block_s = BLOCK_S,
					      .name = "square-worker-cancel",
					      .what = "cancel hints",
					      .list = list_hints,
					      .on_popped = on_hint,
					      .arg = c };
	c->options = *options;
	c->hints = popper_new(&hints, info);
	if (!c->hints) {
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
	popper_free(c->hints);
	uv_close((uv_handle_t *)&c->blink, on_closed);
}
