/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "directory.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "clock.h"
#include "keys.h"
#include "log.h"
#include "roleenv_peers.h"

#define REFRESH_US 1000000

struct directory {
	struct rlinks *links;
	struct roleenv_peers peers;
	struct gate gate;
	bool reading, known;
	uint64_t read_us; /* when it was last read; 0: never, or it is known to be stale */
};

struct directory *directory_new(struct rlinks *links)
{
	struct directory *d = calloc(1, sizeof *d);
	if (d)
		d->links = links;
	return d;
}

void directory_free(struct directory *d)
{
	if (!d)
		return;
	roleenv_peers_clear(&d->peers);
	free(d);
}

size_t directory_ready(const struct directory *d, const char *endpoint, const struct roleenv_peer **out, size_t max)
{
	size_t n = 0;
	for (size_t i = 0; i < d->peers.n; i++) {
		const struct roleenv_peer *peer = d->peers.list[i];
		if (strcmp(peer->state, "ready") != 0 || !roleenv_peer_at(peer, endpoint))
			continue;
		if (n < max)
			out[n] = peer;
		n++;
	}
	return n;
}

bool directory_serves(const struct directory *d, const char *queue)
{
	for (size_t i = 0; i < d->peers.n; i++) {
		const struct roleenv_peer *peer = d->peers.list[i];
		for (size_t k = 0; k < peer->n_queues && strcmp(peer->state, "stopping") != 0; k++)
			if (strcmp(peer->queues[k], queue) == 0)
				return true;
	}
	return false;
}

bool directory_known(const struct directory *d)
{
	return d->known;
}

/* The reply of HGETALL alternates names and entries. */
static void take(struct directory *d, const struct rreply *reply)
{
	struct roleenv_peers peers = { NULL, 0 };
	size_t bad = 0;
	for (size_t i = 0; i + 1 < rreply_count(reply); i += 2) {
		int rc = roleenv_peers_add(&peers, rreply_str(rreply_at(reply, i + 1), NULL));
		if (rc == ERR_NOMEM) {
			roleenv_peers_clear(&peers); /* what was known is better than a part */
			return;
		}
		bad += rc != 0;
	}
	if (bad)
		log_warn("directory: %zu unreadable entries in %s", bad, KEYS_REG_INST);
	roleenv_peers_sort(&peers);
	roleenv_peers_clear(&d->peers);
	d->peers = peers;
	d->known = true;
}

static void on_read(void *arg, int status, const struct rreply *reply)
{
	struct directory *d = arg;
	d->reading = false;
	if (!status)
		take(d, reply);
	else
		d->read_us = 0;
	gate_open(&d->gate, status);
}

int directory_refresh(struct directory *d, struct gate_entry *e, gate_cb *cb, void *arg)
{
	struct rcmd cmd;
	uint64_t now_us = clock_mono_us();
	int rc = 0;
	if (!d->reading && d->read_us && now_us - d->read_us < REFRESH_US)
		return ERR_NOT_FOUND;
	if (!d->reading) {
		rcmd_init(&cmd);
		rcmd_str(&cmd, "HGETALL");
		rcmd_str(&cmd, KEYS_REG_INST);
		rc = rlink_send(rlinks_at(d->links, KEYS_REG), &cmd, on_read, d);
		rcmd_fini(&cmd);
		if (rc)
			return rc;
		d->reading = true;
		d->read_us = now_us;
	}
	if (e)
		gate_wait(&d->gate, e, cb, arg);
	return 0;
}

void directory_stale(struct directory *d)
{
	d->read_us = 0;
}
