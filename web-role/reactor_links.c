/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A reactor's links to Redis: what comes and goes with each of them, and whether they do. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "clock.h"
#include "job_json.h"
#include "log.h"
#include "reactor_parts.h"

#define READY_US 2000000 /* an answer of Redis older than this does not count */
#define PULSE_MS 500
#define QUIET_US 1000000 /* a link that heard nothing for so long is asked something */

struct lane {
	struct lane *next;
	struct reactor *reactor;
	struct queue_submitter *submitter;
	struct durability durability; /* as this link's Redis promises */
	bool learnt;
};

/* ---- submissions ---- */

/* All of them together are worth what the weakest is. */
static void weigh(struct reactor *r)
{
	char before[DURABILITY_TEXT_SIZE];
	struct durability all = { .aof = true, .fsync = DURABILITY_ALWAYS, .replicas = r->durability.replicas };
	for (const struct lane *l = r->lanes; l; l = l->next) {
		if (!l->learnt)
			continue;
		all.aof = all.aof && l->durability.aof;
		all.evicts = all.evicts || l->durability.evicts;
		if (l->durability.fsync < all.fsync)
			all.fsync = l->durability.fsync;
	}
	r->durability = all;
	memcpy(before, r->durability_text, sizeof before);
	durability_text(&r->durability, r->durability_text);
	if (r->options.no == 0 && strcmp(before, r->durability_text) != 0)
		log_info("redis: what is acknowledged is worth: %s", r->durability_text);
}

static void on_submit_added(void *arg, struct rlink *link)
{
	struct reactor *r = arg;
	struct lane *l = calloc(1, sizeof *l);
	if (!l)
		return; /* submissions for this link are refused */
	l->reactor = r;
	l->durability.replicas = r->durability.replicas;
	l->submitter = queue_submitter_new_durable(&r->loop, link, &l->durability, reactor_live_max(r),
						   (unsigned)(r->call_us / 1000));
	if (!l->submitter) {
		free(l);
		return;
	}
	meter_submitter(r->meter, l->submitter);
	l->next = r->lanes;
	r->lanes = l;
	rlink_keep(link, l);
}

static void on_submit_gone(void *arg, struct rlink *link)
{
	struct reactor *r = arg;
	struct lane *l = rlink_kept(link), **at = &r->lanes;
	rlink_keep(link, NULL);
	if (!l)
		return;
	while (*at != l)
		at = &(*at)->next;
	*at = l->next;
	if (r->closed)
		queue_submitter_free(l->submitter);
	else
		queue_submitter_free_unlinked(l->submitter);
	free(l);
}

static void on_submit_greet(struct rlink *link, void *arg)
{
	const struct reactor *r = arg;
	struct lane *l = rlink_kept(link);
	if (l)
		queue_greet_durable(link, config_bool(r->config, CONFIG_ALLOW_VOLATILE_REDIS), &l->durability);
	else
		rlink_greeted(link, ERR_NOMEM);
}

static void on_submit_state(void *arg, struct rlink *link, bool up)
{
	struct reactor *r = arg;
	struct lane *l = rlink_kept(link);
	if (!up || !l || r->closed)
		return;
	l->learnt = true;
	weigh(r);
}

int reactor_submit(struct reactor *r, const struct queue_submit *job, queue_submit_cb *cb, void *arg)
{
	struct lane *l = rlink_kept(rlinks_at(r->submit_links, job->tag));
	return l ? queue_submit(l->submitter, job, cb, arg) : ERR_UNAVAILABLE;
}

bool reactor_takes(const struct reactor *r, const char *tag)
{
	const struct lane *l = rlink_kept(rlinks_at(r->submit_links, tag));
	return l && queue_submitter_takes(l->submitter);
}

void reactor_flush(struct reactor *r)
{
	for (struct lane *l = r->lanes; l; l = l->next)
		queue_submitter_flush(l->submitter);
}

bool reactor_short(const struct reactor *r, unsigned *answered)
{
	*answered = 0;
	for (const struct lane *l = r->lanes; l; l = l->next)
		if (queue_submitter_short(l->submitter, answered))
			return true;
	return false;
}

uint64_t reactor_live_max(const struct reactor *r)
{
	uint64_t all = (uint64_t)config_int(r->config, CONFIG_LIVE_JOBS_MAX);
	uint64_t shards = (uint64_t)config_int(r->config, CONFIG_SHARDS);
	return (all + shards - 1) / shards;
}

/* ---- everything else ---- */

static void on_default_queue(void *arg, int status)
{
	struct reactor *r = arg;
	const struct tag_queue *q = status ? NULL : tags_find(r->tags, JOB_JSON_DEFAULT_QUEUE);
	for (unsigned i = 0; q && i < q->n; i++)
		if (tags_shard(q, i))
			replies_listen(r->replies, tags_shard(q, i));
}

/* The registry may be another one than before, or have forgotten. */
static void greet_registry(struct reactor *r, const struct rlink *registry)
{
	r->registry = registry;
	presence_announce(r->presence);
	catalog_reader_stale(r->catalog);
	catalog_reader_refresh(r->catalog, NULL, NULL, NULL);
	directory_stale(r->directory);
	directory_refresh(r->directory, NULL, NULL, NULL);
	tags_confirm(r->tags);
	if (!tags_registered(r->tags, JOB_JSON_DEFAULT_QUEUE))
		tags_register(r->tags, JOB_JSON_DEFAULT_QUEUE, &r->default_queue, on_default_queue, r);
}

static bool all_up(const struct reactor *r)
{
	const struct rlink *link;
	for (size_t i = 0; (link = rlinks_each(r->links, i)); i++)
		if (!rlink_up(link))
			return false;
	return true;
}

static void on_link_state(void *arg, struct rlink *link, bool up)
{
	struct reactor *r = arg;
	if (r->closed)
		return;
	if (rlinks_any_up(r->links))
		r->down_since_us = 0;
	else if (!r->down_since_us)
		r->down_since_us = clock_mono_us();
	if (!up)
		return;
	if (all_up(r))
		log_info("reactor %u: redis is there", r->options.no);
	if (link == rlinks_at(r->links, KEYS_REG))
		greet_registry(r, link);
}

static void on_links_moved(void *arg)
{
	struct reactor *r = arg;
	const struct rlink *registry = rlinks_at(r->links, KEYS_REG);
	if (!r->closed && registry != r->registry && rlink_up(registry))
		greet_registry(r, registry);
}

static void on_greet(struct rlink *link, void *arg)
{
	const struct reactor *r = arg;
	queue_greet(link, config_bool(r->config, CONFIG_ALLOW_VOLATILE_REDIS));
}

bool reactor_cut_off(const struct reactor *r)
{
	return r->down_since_us && clock_mono_us() - r->down_since_us > r->call_us;
}

/* ---- are they well? ---- */

/* A node that serves nobody's calls at the moment would be found away only by the next one. */
static void on_pulse(uv_timer_t *timer)
{
	struct reactor *r = timer->data;
	struct rlink *link;
	struct rlink_stats stats;
	struct rcmd cmd;
	rcmd_init(&cmd);
	for (size_t i = 0; (link = rlinks_each(r->links, i)); i++) {
		rlink_stats(link, &stats);
		if (!rlink_up(link) || stats.in_flight || clock_mono_us() - stats.last_reply_us < QUIET_US)
			continue;
		rcmd_clear(&cmd);
		rcmd_str(&cmd, "FCALL");
		rcmd_str(&cmd, "sq_version");
		rcmd_str(&cmd, "0");
		(void)rlink_send(link, &cmd, NULL, NULL); /* what cannot be sent is no answer either */
	}
	rcmd_fini(&cmd);
}

int reactor_link_state(const struct reactor *r, const char *tag, bool submits, char *why, size_t size)
{
	const struct rlink *link = rlinks_at(r->links, tag ? tag : KEYS_REG);
	if (submits && rlink_up(link))
		link = rlinks_at(r->submit_links, tag ? tag : KEYS_REG);
	if (rlink_up(link))
		return 0;
	const char *error = rlink_error(link);
	(void)snprintf(why, size, "there is no link to Redis%s%s", error[0] ? ": " : "", error);
	return ERR_UNAVAILABLE;
}

static int answered_lately(uint64_t answered_us, char *why, size_t size)
{
	if (!answered_us)
		(void)snprintf(why, size, "Redis has not answered a queue call yet");
	else if (clock_mono_us() - answered_us > READY_US)
		(void)snprintf(why, size, "Redis has not answered a queue call for 2 s");
	else
		return 0;
	return ERR_UNAVAILABLE;
}

static int shard_ready(const struct reactor *r, const struct tag *tag, char *why, size_t size)
{
	struct rlink_stats stats;
	if (reactor_link_state(r, tag->text, true, why, size))
		return ERR_UNAVAILABLE;
	rlink_stats(reactor_link(r, tag), &stats);
	if (answered_lately(stats.last_reply_us, why, size))
		return ERR_UNAVAILABLE;
	if (!reactor_shifting(r, tag->text))
		return 0;
	(void)snprintf(why, size, "its slot is moving between nodes of the cluster");
	return ERR_UNAVAILABLE;
}

/* The first shard that takes jobs will do; the last one's reason is as good as any. */
static int cluster_ready(const struct reactor *r, char *why, size_t size)
{
	const struct tag_queue *q = tags_registered(r->tags, JOB_JSON_DEFAULT_QUEUE);
	int rc = ERR_UNAVAILABLE;
	if (!q && !reactor_link_state(r, NULL, false, why, size))
		(void)snprintf(why, size, "the queue %s is not registered yet", JOB_JSON_DEFAULT_QUEUE);
	for (unsigned i = 0; q && rc && i < tags_shards(r->tags); i++)
		if (tags_shard(q, i))
			rc = shard_ready(r, tags_shard(q, i), why, size);
	return rc;
}

int reactor_ready(struct reactor *r, char *why, size_t size)
{
	if (rslots_clustered(r->slots))
		return cluster_ready(r, why, size);
	int rc = reactor_link_state(r, NULL, true, why, size);
	return rc ? rc : answered_lately(presence_answered_us(r->presence), why, size);
}

void reactor_shards_json(const struct reactor *r, struct buf *out)
{
	const struct tag_queue *q = tags_registered(r->tags, JOB_JSON_DEFAULT_QUEUE);
	bool any = false;
	buf_byte(out, '[');
	for (unsigned i = 0; q && i < q->n; i++) {
		char why[300];
		const struct tag *tag = tags_shard(q, i);
		if (!tag)
			continue;
		bool ready = shard_ready(r, tag, why, sizeof why) == 0;
		buf_printf(out, "%s{\"shard\":%u,\"ready\":%s", any ? "," : "", i, ready ? "true" : "false");
		if (!ready) {
			buf_puts(out, ",\"detail\":");
			buf_json_string(out, why, strlen(why));
		}
		buf_byte(out, '}');
		any = true;
	}
	buf_byte(out, ']');
}

/* ---- opening and closing ---- */

int reactor_open_links(struct reactor *r, struct errinfo *info)
{
	char name[REACTOR_RECEIVER_SIZE + 8];
	const struct rlinks_options calls = { .name = r->receiver,
					      .seconds = meter_redis_seconds(r->meter),
					      .on_state = on_link_state,
					      .on_moved = on_links_moved,
					      .on_greet = on_greet,
					      .arg = r };
	/* On links of their own: what is read takes long, WAIT for replicas longer, and neither is to hold up the
	 * other. */
	const struct rlinks_options submits = { .name = name,
						.seconds = meter_redis_seconds(r->meter),
						.on_added = on_submit_added,
						.on_gone = on_submit_gone,
						.on_state = on_submit_state,
						.on_greet = on_submit_greet,
						.arg = r };
	(void)snprintf(name, sizeof name, "%s-submit", r->receiver);
	r->down_since_us = clock_mono_us();
	r->durability.replicas = (unsigned)config_int(r->config, CONFIG_DURABLE_REPLICAS);
	r->slots = rslots_new(&r->loop, config_str(r->config, CONFIG_REDIS_URL), r->receiver, info);
	if (!r->slots || !(r->links = rlinks_new(r->slots, &calls, info)) ||
	    !(r->submit_links = rlinks_new(r->slots, &submits, info)))
		return info->code;
	if (!rslots_clustered(r->slots) && !r->lanes)
		return errinfo_set(info, ERR_NOMEM, "out of memory");
	if (rslots_clustered(r->slots))
		uv_timer_start(&r->pulse, on_pulse, PULSE_MS, PULSE_MS);
	return 0;
}

void reactor_close_links(struct reactor *r)
{
	rlinks_free(r->links);
	rslots_free(r->slots);
}

void reactor_close_lanes(struct reactor *r)
{
	rlinks_free(r->submit_links);
}
