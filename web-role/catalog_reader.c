/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "catalog_reader.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "clock.h"
#include "keys.h"
#include "log.h"

#define REFRESH_US 1000000
#define FIRST_US 50000 /* as long as there is none: workers may be about to publish theirs */

struct catalog_reader {
	struct rlinks *links;
	struct catalog *now;
	struct gate gate;
	bool reading;
	bool read;        /* once at least */
	uint64_t digests; /* of what `now` was made from, as one number */
	struct buf text;
	char tag[24];
	uint64_t read_us; /* when it was last read; 0: never, or it is known to be stale */
};

#define FNV_START 14695981039346656037u
#define FNV_PRIME 1099511628211u

static uint64_t fnv1a(const char *p, size_t n)
{
	uint64_t hash = FNV_START;
	for (size_t i = 0; i < n; i++)
		hash = (hash ^ (unsigned char)p[i]) * FNV_PRIME;
	return hash;
}

/* Which catalogues there are, in whatever order: making one takes milliseconds, and mostly they are what they were. */
static uint64_t digests_of(const struct rreply *reply)
{
	uint64_t sum = 0;
	for (size_t i = 0; i + 1 < rreply_count(reply); i += 2) {
		size_t n;
		const char *name = rreply_str(rreply_at(reply, i), &n);
		if (strcmp(name, "last") != 0)
			sum += fnv1a(name, n);
	}
	return sum;
}

/* The hash holds digest -> catalogue, and "last" -> a digest. NULL when there is none, or no memory for a whole one: in
 * part it would refuse what workers know. */
static struct catalog *take(const struct rreply *reply)
{
	struct catalog *c = catalog_new();
	struct errinfo info;
	for (size_t i = 0; c && i + 1 < rreply_count(reply); i += 2) {
		size_t n;
		const char *json = rreply_str(rreply_at(reply, i + 1), &n);
		if (strcmp(rreply_str(rreply_at(reply, i), NULL), "last") == 0 || !catalog_add(c, json, n, &info))
			continue;
		log_warn("catalogue %s: %s", rreply_str(rreply_at(reply, i), NULL), info.text);
		if (info.code == ERR_NOMEM) {
			catalog_free(c);
			return NULL;
		}
	}
	if (c && catalog_count(c) == 0) {
		catalog_free(c);
		c = NULL;
	}
	return c;
}

/* The tag is for telling texts of ours apart, not against forgery. */
static void print(struct catalog_reader *r)
{
	buf_clear(&r->text);
	catalog_list(r->now, &r->text);
	buf_byte(&r->text, '\n');
	snprintf(r->tag, sizeof r->tag, "\"%016llx\"", (unsigned long long)fnv1a(r->text.data, r->text.len));
}

static void renew(struct catalog_reader *r, const struct rreply *reply)
{
	struct catalog *c = take(reply);
	if (c || rreply_count(reply) == 0) {
		catalog_free(r->now);
		r->now = c;
		r->digests = digests_of(reply);
	}
	r->read = true;
	print(r);
}

static void on_read(void *arg, int status, const struct rreply *reply)
{
	struct catalog_reader *r = arg;
	r->reading = false;
	if (!status) {
		if (!r->read || r->digests != digests_of(reply))
			renew(r, reply);
		r->read_us = clock_mono_us();
	}
	gate_open(&r->gate, status);
}

const struct catalog *catalog_reader_now(const struct catalog_reader *r)
{
	return r->now;
}

const struct buf *catalog_reader_text(const struct catalog_reader *r)
{
	return r->read && !r->text.failed ? &r->text : NULL;
}

const char *catalog_reader_tag(const struct catalog_reader *r)
{
	return r->tag;
}

void catalog_reader_stale(struct catalog_reader *r)
{
	r->read_us = 0;
}

int catalog_reader_refresh(struct catalog_reader *r, struct gate_entry *e, gate_cb *cb, void *arg)
{
	if (!r->reading) {
		struct rcmd cmd;
		if (r->read_us && clock_mono_us() - r->read_us < (r->now ? REFRESH_US : FIRST_US))
			return ERR_NOT_FOUND;
		rcmd_init(&cmd);
		rcmd_str(&cmd, "HGETALL");
		rcmd_str(&cmd, KEYS_REG_CAT);
		int rc = rlink_send(rlinks_at(r->links, KEYS_REG), &cmd, on_read, r);
		rcmd_fini(&cmd);
		if (rc)
			return rc;
		r->reading = true;
	}
	if (e)
		gate_wait(&r->gate, e, cb, arg);
	return 0;
}

struct catalog_reader *catalog_reader_new(struct rlinks *links)
{
	struct catalog_reader *r = calloc(1, sizeof *r);
	if (r)
		r->links = links;
	return r;
}

void catalog_reader_free(struct catalog_reader *r)
{
	if (!r)
		return;
	catalog_free(r->now);
	buf_fini(&r->text);
	free(r);
}
