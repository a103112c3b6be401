/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "reactor.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "caretaker.h"
#include "clock.h"
#include "feed.h"
#include "handlers/wait.h"
#include "log.h"
#include "request.h"
#include "watcher.h"

#define ROUNDS_PER_TURN 4
#define READY_US 2000000 /* an answer of Redis older than this does not count */
#define INSTANCE_CHARS 36

/* ---- Redis ---- */

static void on_default_queue(void *arg, int status)
{
	struct reactor *r = arg;
	struct tag *tag = status ? NULL : tags_find(r->tags, JOB_JSON_DEFAULT_QUEUE);
	if (tag)
		replies_listen(r->replies, tag);
}

static void on_link_state(void *arg, bool up)
{
	struct reactor *r = arg;
	if (r->closed)
		return;
	r->down_since_us = up ? 0 : clock_mono_us();
	if (!up)
		return;
	log_info("reactor %u: redis is there", r->options.no);
	presence_announce(r->presence);
	catalog_reader_stale(r->catalog);
	catalog_reader_refresh(r->catalog, NULL, NULL, NULL);
	directory_stale(r->directory);
	directory_refresh(r->directory, NULL, NULL, NULL);
	tags_confirm(r->tags);
	if (!tags_find(r->tags, JOB_JSON_DEFAULT_QUEUE))
		tags_register(r->tags, JOB_JSON_DEFAULT_QUEUE, &r->default_queue, on_default_queue, r);
}

static void on_greet(struct rlink *link, void *arg)
{
	const struct reactor *r = arg;
	queue_greet(link, config_bool(r->config, CONFIG_ALLOW_VOLATILE_REDIS));
}

static void on_submit_greet(struct rlink *link, void *arg)
{
	struct reactor *r = arg;
	queue_greet_durable(link, config_bool(r->config, CONFIG_ALLOW_VOLATILE_REDIS), &r->durability);
}

static void on_submit_state(void *arg, bool up)
{
	struct reactor *r = arg;
	char before[DURABILITY_TEXT_SIZE];
	if (!up || r->closed)
		return;
	memcpy(before, r->durability_text, sizeof before);
	durability_text(&r->durability, r->durability_text);
	if (r->options.no == 0 && strcmp(before, r->durability_text) != 0)
		log_info("redis: what is acknowledged is worth: %s", r->durability_text);
}

static void on_load(void *arg, struct presence_load *load)
{
	const struct reactor *r = arg;
	load->running = r->open;
	load->capacity = (unsigned)config_int(r->config, CONFIG_CONNECTIONS);
	load->state = r->leaving ? "stopping" : "ready";
}

static void on_metrics(void *arg, struct buf *text)
{
	(void)arg;
	meters_render(text);
}

static void on_reply(void *arg, const struct id *id, const struct job *job)
{
	struct reactor *r = arg;
	meter_reply_list(r->meter);
	wait_on_reply(r, id, job);
}

static void on_instances(void *arg, uint64_t epoch)
{
	struct reactor *r = arg;
	(void)epoch;
	catalog_reader_stale(r->catalog);
	catalog_reader_refresh(r->catalog, NULL, NULL, NULL);
	directory_stale(r->directory);
	directory_refresh(r->directory, NULL, NULL, NULL);
}

bool reactor_cut_off(const struct reactor *r)
{
	return r->down_since_us && clock_mono_us() - r->down_since_us > r->call_us;
}

int reactor_ready(struct reactor *r, char *why, size_t size)
{
	uint64_t answered_us = presence_answered_us(r->presence);
	const struct rlink *link = rlink_up(r->link) ? r->submit_link : r->link;
	const char *error = rlink_error(link);
	if (!rlink_up(link))
		snprintf(why, size, "there is no link to Redis%s%s", error[0] ? ": " : "", error);
	else if (!answered_us)
		snprintf(why, size, "Redis has not answered a queue call yet");
	else if (clock_mono_us() - answered_us > READY_US)
		snprintf(why, size, "Redis has not answered a queue call for 2 s");
	else
		return 0;
	return ERR_UNAVAILABLE;
}

/* ---- the turn of the loop ---- */

static void on_due(uv_timer_t *timer)
{
	struct reactor *r = timer->data;
	struct request *request;
	uint64_t now_us = clock_mono_us();
	r->due_armed_us = UINT64_MAX;
	while ((request = deadlines_due(&r->deadlines, now_us)))
		request->on_due(request);
}

static void arm_due(struct reactor *r)
{
	uint64_t next_us = deadlines_next(&r->deadlines), now_us;
	if (next_us == r->due_armed_us)
		return;
	r->due_armed_us = next_us;
	if (next_us == UINT64_MAX) {
		uv_timer_stop(&r->due);
		return;
	}
	now_us = clock_mono_us();
	uv_update_time(&r->loop);
	uv_timer_start(&r->due, on_due, next_us > now_us ? (next_us - now_us + 999) / 1000 : 0, 0);
}

static void obey(struct reactor *r);
static void end_when_empty(struct reactor *r);

/* Handling requests makes submissions, sending those may answer requests: round until nothing moves. The links write
 * after this, see rlink.c. */
static void on_prepare(uv_prepare_t *prepare)
{
	struct reactor *r = prepare->data;
	obey(r);
	for (int i = 0; i < ROUNDS_PER_TURN; i++) {
		bool moved = http_server_turn(r->http);
		queue_submitter_flush(r->submitter);
		if (!moved)
			break;
	}
	arm_due(r);
	http_server_arm(r->http);
	meter_turn(r->meter, r);
	if (r->log.len)
		log_batch_flush(&r->log);
	if (r->order >= REACTOR_DRAIN)
		end_when_empty(r);
}

/* ---- the end ---- */

static void close_all(struct reactor *r)
{
	if (r->closed)
		return;
	r->closed = true;
	if (r->http)
		http_server_free(r->http);
	if (r->submitter)
		queue_submitter_free(r->submitter);
	tcp_caller_free(r->caller);
	if (r->presence)
		presence_free(r->presence);
	caretaker_free(r->caretaker);
	if (r->replies)
		replies_free(r->replies);
	if (r->link)
		rlink_free(r->link);
	if (r->submit_link)
		rlink_free(r->submit_link);
	watcher_close(r->watcher);
	feed_close(r->feed);
	uv_close((uv_handle_t *)&r->prepare, NULL);
	uv_close((uv_handle_t *)&r->due, NULL);
	uv_close((uv_handle_t *)&r->news, NULL);
}

static void on_left(void *arg)
{
	close_all(arg);
}

static void end_when_empty(struct reactor *r)
{
	if (http_server_connections(r->http) || r->closed || atomic_load(&r->ended))
		return;
	atomic_store(&r->ended, true);
	uv_prepare_stop(&r->prepare);
	presence_leave(r->presence, on_left, r);
}

static void on_news(uv_async_t *news)
{
	struct reactor *r = news->data;
	if (atomic_load(&r->ended) && atomic_load(&r->order_given) == REACTOR_BREAK)
		close_all(r); /* Redis does not answer our leaving */
}

static void obey(struct reactor *r)
{
	enum reactor_order order = (enum reactor_order)atomic_load_explicit(&r->order_given, memory_order_relaxed);
	if (order == r->order)
		return;
	r->order = order;
	if (order >= REACTOR_LEAVE && !r->leaving) {
		r->leaving = true;
		presence_announce(r->presence);
	}
	if (order >= REACTOR_DRAIN) {
		http_server_drain(r->http);
		feed_end(r->feed);
	}
	if (order >= REACTOR_HURRY) {
		wait_hurry(r);
		watcher_hurry(r->watcher);
	}
	if (order >= REACTOR_BREAK)
		http_server_break(r->http);
}

void reactor_order(struct reactor *r, enum reactor_order order)
{
	atomic_store(&r->order_given, (int)order);
	uv_async_send(&r->news);
}

bool reactor_ended(const struct reactor *r)
{
	return atomic_load(&r->ended);
}

/* ---- the beginning ---- */

static unsigned share(const struct reactor *r, enum config_id id)
{
	unsigned all = (unsigned)config_int(r->config, id);
	unsigned mine = all / r->options.reactors + (r->options.no < all % r->options.reactors);
	return mine ? mine : 1;
}

static bool on_connect(void *arg, const struct sockaddr *peer)
{
	const struct reactor *r = arg;
	return peers_enter(r->options.peers, peer);
}

static void on_closed(void *arg, const struct sockaddr *peer)
{
	const struct reactor *r = arg;
	peers_leave(r->options.peers, peer);
}

static int open_http(struct reactor *r, struct errinfo *info)
{
	const struct config *c = r->config;
	const struct http_server_options options = {
		.listen_fd = r->options.listen_fd,
		.connections = share(r, CONFIG_CONNECTIONS),
		.head_limit = (size_t)config_int(c, CONFIG_HEAD_LIMIT_BYTES),
		.body_limit = (size_t)config_int(c, CONFIG_BODY_LIMIT_BYTES),
		.head_s = (unsigned)config_int(c, CONFIG_HEAD_SECONDS),
		.body_s = (unsigned)config_int(c, CONFIG_BODY_SECONDS),
		.idle_s = (unsigned)config_int(c, CONFIG_IDLE_SECONDS),
		.on_connect = on_connect,
		.on_closed = on_closed,
		.on_head = request_on_head,
		.on_request = request_on_http,
		.on_refused = request_on_refused,
		.on_gone = request_on_gone,
		.arg = r,
	};
	r->options.listen_fd = -1; /* the server's from now on */
	r->http = http_server_new(&r->loop, &options, info);
	return r->http ? 0 : info->code;
}

/* On a link of its own: what is read takes long, WAIT for replicas longer, and neither is to hold up the other. */
static int open_submitter(struct reactor *r, struct rlink_options link, struct errinfo *info)
{
	char name[REACTOR_RECEIVER_SIZE + 8];
	snprintf(name, sizeof name, "%s-submit", r->receiver);
	link.name = name;
	link.on_state = on_submit_state;
	link.on_greet = on_submit_greet;
	r->durability.replicas = (unsigned)config_int(r->config, CONFIG_DURABLE_REPLICAS);
	r->submit_link = rlink_new(&r->loop, &link, info);
	if (!r->submit_link)
		return info->code;
	r->submitter = queue_submitter_new_durable(&r->loop, r->submit_link, &r->durability,
						   (uint64_t)config_int(r->config, CONFIG_LIVE_JOBS_MAX),
						   (unsigned)(r->call_us / 1000));
	if (!r->submitter)
		return errinfo_set(info, ERR_NOMEM, "out of memory");
	meter_submitter(r->meter, r->submitter);
	return 0;
}

static int open_links(struct reactor *r, struct errinfo *info)
{
	struct rlink_options link = { .url = config_str(r->config, CONFIG_REDIS_URL),
				      .name = r->receiver,
				      .seconds = meter_redis_seconds(r->meter),
				      .on_state = on_link_state,
				      .on_greet = on_greet,
				      .arg = r };
	const struct presence_options presence = { .env = r->options.roleenv,
						   .on_load = on_load,
						   .on_metrics = on_metrics,
						   .on_changed = on_instances,
						   .arg = r };
	r->down_since_us = clock_mono_us();
	r->link = rlink_new(&r->loop, &link, info);
	r->replies = r->link ? replies_new(&r->loop, link.url, r->receiver, on_reply, r, info) : NULL;
	if (!r->replies || open_submitter(r, link, info))
		return info->code;
	r->presence = presence_new(&r->loop, r->link, &presence);
	r->tags = tags_new(r->link);
	r->catalog = catalog_reader_new(r->link);
	r->directory = directory_new(r->link);
	if (r->options.no == 0 && r->tags && r->directory)
		r->caretaker = caretaker_new(&r->loop, r->link, r->tags, r->directory);
	r->caller = tcp_caller_new(&r->loop);
	r->watcher = watcher_new(r);
	r->feed = feed_new(r);
	r->figures = r->tags ? figures_new(r->link, r->tags, r->config) : NULL;
	if (!r->submitter || !r->presence || !r->tags || !r->catalog || !r->directory || !r->caller || !r->figures ||
	    !r->watcher || !r->feed || (r->options.no == 0 && !r->caretaker) || waiters_init(&r->waiters))
		return errinfo_set(info, ERR_NOMEM, "out of memory");
	return 0;
}

static void name_it(struct reactor *r)
{
	const struct reactor_options *o = &r->options;
	snprintf(r->receiver, sizeof r->receiver, "%.*s-%012llx-%u", INSTANCE_CHARS, o->instance,
		 (unsigned long long)(o->boot >> 16), o->no);
	snprintf(r->request_prefix, sizeof r->request_prefix, "%08x-", (unsigned)(o->boot * 31 + o->no));
}

struct reactor *reactor_new(const struct reactor_options *options, struct errinfo *info)
{
	struct reactor *r = calloc(1, sizeof *r);
	if (!r || uv_loop_init(&r->loop)) {
		free(r);
		errinfo_set(info, ERR_NOMEM, "out of memory");
		return NULL;
	}
	r->options = *options;
	r->config = options->config;
	r->meter = meter_new(&r->loop, options->no);
	/* A request is answered within the setting; what is left of it is for the way there and back. */
	r->call_us = (uint64_t)config_int(r->config, CONFIG_ENQUEUE_DEADLINE_MS) * 800;
	r->due_armed_us = UINT64_MAX;
	name_it(r);
	idgen_init(&r->ids);
	deadlines_init(&r->deadlines);
	r->prepare.data = r->due.data = r->news.data = r;
	uv_timer_init(&r->loop, &r->due);
	uv_async_init(&r->loop, &r->news, on_news);
	uv_prepare_init(&r->loop, &r->prepare);
	if (open_links(r, info) || open_http(r, info)) {
		reactor_free(r);
		return NULL;
	}
	/* After the links: the loop runs what was started last first, and the links write what this one gives. */
	uv_prepare_start(&r->prepare, on_prepare);
	return r;
}

void reactor_run(struct reactor *r)
{
	uv_run(&r->loop, UV_RUN_DEFAULT);
	atomic_store(&r->ended, true);
}

void reactor_free(struct reactor *r)
{
	if (!r)
		return;
	close_all(r);
	uv_run(&r->loop, UV_RUN_DEFAULT);
	log_batch_flush(&r->log);
	catalog_reader_free(r->catalog);
	directory_free(r->directory);
	figures_free(r->figures);
	watcher_free(r->watcher);
	feed_free(r->feed);
	tags_free(r->tags);
	waiters_fini(&r->waiters);
	deadlines_fini(&r->deadlines);
	request_free_spares(r);
	buf_fini(&r->scratch);
	meter_free(r->meter);
	uv_loop_close(&r->loop);
	free(r);
}
