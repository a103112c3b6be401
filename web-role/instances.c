/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "instances.h"

#include <stdlib.h>
#include <string.h>

#include "clock.h"
#include "keys.h"
#include "log.h"
#include "presence.h"
#include "roleenv_peers.h"

struct heartbeat {
	char instance[ROLEENV_INSTANCE_MAX + 1];
	uint64_t at_us; /* of Redis */
};

/* Three replies make one list: the heartbeats, the entries, and what time it is there. */
struct reading {
	instances_cb *cb;
	void *arg;
	unsigned pending;
	int status; /* the first thing that went wrong */
	struct heartbeat *beats;
	size_t n_beats;
	struct roleenv_peers peers;
	uint64_t now_us;
};

static int by_instance(const void *a, const void *b)
{
	return strcmp(((const struct heartbeat *)a)->instance, ((const struct heartbeat *)b)->instance);
}

static const struct heartbeat *beat_of(const struct reading *r, const char *instance)
{
	struct heartbeat key;
	size_t n = strlen(instance);
	if (n > ROLEENV_INSTANCE_MAX || !r->n_beats)
		return NULL;
	memcpy(key.instance, instance, n + 1);
	return bsearch(&key, r->beats, r->n_beats, sizeof *r->beats, by_instance);
}

static void tell(struct reading *r)
{
	struct instances all = { 0, NULL };
	struct instance *list = r->status ? NULL : malloc((r->peers.n + 1) * sizeof *list);
	if (!r->status && !list)
		r->status = ERR_NOMEM;
	if (!r->status)
		roleenv_peers_sort(&r->peers);
	for (size_t i = 0; !r->status && i < r->peers.n; i++) {
		const struct heartbeat *beat = beat_of(r, r->peers.list[i]->instance);
		/* Seen in the future: the clock there stepped back. */
		uint64_t age_us = beat && beat->at_us < r->now_us ? r->now_us - beat->at_us : 0;
		if (beat && age_us <= PRESENCE_TTL_US)
			list[all.n++] = (struct instance){ r->peers.list[i], age_us };
	}
	all.list = list;
	r->cb(r->arg, r->status, r->status ? NULL : &all);
	free(list);
}

/* One of the three is there. */
static void one_less(struct reading *r, int status)
{
	if (!r->status)
		r->status = status;
	if (--r->pending)
		return;
	tell(r);
	roleenv_peers_clear(&r->peers);
	free(r->beats);
	free(r);
}

static void on_beats(void *arg, int status, const struct rreply *reply)
{
	struct reading *r = arg;
	size_t n = rreply_count(reply) / 2;
	r->beats = status ? NULL : calloc(n + 1, sizeof *r->beats);
	if (!status && !r->beats)
		status = ERR_NOMEM;
	for (size_t i = 0; !status && i < n; i++) {
		size_t len;
		const char *name = rreply_str(rreply_at(reply, 2 * i), &len);
		double score = strtod(rreply_str(rreply_at(reply, 2 * i + 1), NULL), NULL);
		if (len > ROLEENV_INSTANCE_MAX || !(score > 0 && score < 1e18))
			continue; /* none of ours */
		memcpy(r->beats[r->n_beats].instance, name, len + 1);
		r->beats[r->n_beats++].at_us = (uint64_t)score;
	}
	if (!status)
		qsort(r->beats, r->n_beats, sizeof *r->beats, by_instance);
	one_less(r, status);
}

static void on_entries(void *arg, int status, const struct rreply *reply)
{
	struct reading *r = arg;
	for (size_t i = 1; !status && i < rreply_count(reply); i += 2) {
		int rc = roleenv_peers_add(&r->peers, rreply_str(rreply_at(reply, i), NULL));
		if (rc == ERR_NOMEM)
			status = rc;
		else if (rc)
			log_debug("an unreadable entry in %s", KEYS_REG_INST);
	}
	one_less(r, status);
}

static void on_time(void *arg, int status, const struct rreply *reply)
{
	struct reading *r = arg;
	r->now_us = (uint64_t)rreply_int(rreply_at(reply, 0)) * 1000000 + (uint64_t)rreply_int(rreply_at(reply, 1));
	one_less(r, status);
}

/* words: of the command, between blanks. */
static int ask(struct reading *r, struct rlink *link, const char *words, rlink_reply_cb *cb)
{
	struct rcmd cmd;
	rcmd_init(&cmd);
	while (*words) {
		size_t n = strcspn(words, " ");
		rcmd_arg(&cmd, words, n);
		words += n + (words[n] != '\0');
	}
	int rc = rlink_send(link, &cmd, cb, r);
	rcmd_fini(&cmd);
	if (!rc)
		r->pending++;
	return rc;
}

int instances_read(struct rlink *link, instances_cb *cb, void *arg)
{
	struct reading *r = calloc(1, sizeof *r);
	if (!r)
		return ERR_NOMEM;
	r->cb = cb;
	r->arg = arg;
	int rc = ask(r, link, "ZRANGE " KEYS_REG_SEEN " 0 -1 WITHSCORES", on_beats);
	if (rc) {
		free(r);
		return rc;
	}
	r->status = ask(r, link, "HGETALL " KEYS_REG_INST, on_entries);
	if (!r->status)
		r->status = ask(r, link, "TIME", on_time);
	return 0;
}

static void put_text(struct buf *out, const char *key, const char *value)
{
	buf_puts(out, key);
	buf_json_string(out, value, strlen(value));
}

void instances_json(struct buf *out, const struct instance *i)
{
	const struct roleenv_peer *p = i->peer;
	char started[CLOCK_TEXT_SIZE];
	put_text(out, "{\"instance\":", p->instance);
	put_text(out, ",\"role\":", p->role);
	put_text(out, ",\"host\":", p->host);
	buf_printf(out, ",\"pid\":%lld", (long long)p->pid);
	if (p->started_at_us) {
		clock_format(p->started_at_us, started);
		put_text(out, ",\"started_at\":", started);
	}
	buf_printf(out, ",\"heartbeat_age_ms\":%llu,\"endpoints\":{", (unsigned long long)(i->age_us / 1000));
	for (size_t k = 0; k < p->n_endpoints; k++) {
		put_text(out, k ? "," : "", p->endpoints[k].name);
		put_text(out, ":", p->endpoints[k].at);
	}
	buf_printf(out, "},\"running\":%u,\"capacity\":%u", p->running, p->capacity);
	put_text(out, ",\"state\":", p->state);
	if (p->n_queues) {
		buf_puts(out, ",\"queues\":[");
		for (size_t k = 0; k < p->n_queues; k++)
			put_text(out, k ? "," : "", p->queues[k]);
		buf_byte(out, ']');
	}
	buf_byte(out, '}');
}
