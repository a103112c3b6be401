/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "catalog_reader.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "clock.h"
#include "keys.h"
#include "log.h"

#define REFRESH_US 1000000

struct catalog_reader {
	struct rlink *link;
	struct catalog *now;
	struct gate gate;
	bool reading;
	uint64_t read_us; /* when it was last read; 0: never, or it is known to be stale */
};

/* The hash holds digest -> catalogue, and "last" -> a digest. */
static struct catalog *take(const struct rreply *reply)
{
	struct catalog *c = catalog_new();
	struct errinfo info;
	for (size_t i = 0; c && i + 1 < rreply_count(reply); i += 2) {
		size_t n;
		const char *json = rreply_str(rreply_at(reply, i + 1), &n);
		if (strcmp(rreply_str(rreply_at(reply, i), NULL), "last") != 0 && catalog_add(c, json, n, &info))
			log_warn("catalogue %s: %s", rreply_str(rreply_at(reply, i), NULL), info.text);
	}
	if (c && catalog_count(c) == 0) {
		catalog_free(c);
		c = NULL;
	}
	return c;
}

static void on_read(void *arg, int status, const struct rreply *reply)
{
	struct catalog_reader *r = arg;
	r->reading = false;
	if (!status) {
		struct catalog *c = take(reply);
		if (c || rreply_count(reply) == 0) {
			catalog_free(r->now);
			r->now = c;
		}
		r->read_us = clock_mono_us();
	}
	gate_open(&r->gate, status);
}

const struct catalog *catalog_reader_now(const struct catalog_reader *r)
{
	return r->now;
}

void catalog_reader_stale(struct catalog_reader *r)
{
	r->read_us = 0;
}

int catalog_reader_refresh(struct catalog_reader *r, struct gate_entry *e, gate_cb *cb, void *arg)
{
	if (!r->reading) {
		struct rcmd cmd;
		if (r->read_us && clock_mono_us() - r->read_us < REFRESH_US)
			return ERR_NOT_FOUND;
		rcmd_init(&cmd);
		rcmd_str(&cmd, "HGETALL");
		rcmd_str(&cmd, KEYS_REG_CAT);
		int rc = rlink_send(r->link, &cmd, on_read, r);
		rcmd_fini(&cmd);
		if (rc)
			return rc;
		r->reading = true;
	}
	if (e)
		gate_wait(&r->gate, e, cb, arg);
	return 0;
}

struct catalog_reader *catalog_reader_new(struct rlink *link)
{
	struct catalog_reader *r = calloc(1, sizeof *r);
	if (r)
		r->link = link;
	return r;
}

void catalog_reader_free(struct catalog_reader *r)
{
	if (!r)
		return;
	catalog_free(r->now);
	free(r);
}
