/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "caretaker.h"
#include "clock.h"
#include "feed.h"
#include "handlers/wait.h"
#include "log.h"
#include "reactor_parts.h"
#include "request.h"
#include "watcher.h"

#define ROUNDS_PER_TURN 4
#define INSTANCE_CHARS 36

/* ---- what happens to it ---- */

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
		reactor_flush(r);
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
	reactor_close_lanes(r);
	tcp_caller_free(r->caller);
	if (r->presence)
		presence_free(r->presence);
	caretaker_free(r->caretaker);
	if (r->replies)
		replies_free(r->replies);
	reactor_close_links(r);
	watcher_close(r->watcher);
	feed_close(r->feed);
	uv_close((uv_handle_t *)&r->prepare, NULL);
	uv_close((uv_handle_t *)&r->due, NULL);
	uv_close((uv_handle_t *)&r->pulse, NULL);
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
	bool busy = roleenv_busy(r->options.shared_env);
	if (busy != r->busy) {
		r->busy = busy;
		presence_announce(r->presence);
	}
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

static int open_parts(struct reactor *r, struct errinfo *info)
{
	const struct presence_options presence = { .env = r->options.roleenv,
						   .on_load = on_load,
						   .on_metrics = on_metrics,
						   .on_changed = on_instances,
						   .arg = r };
	r->replies = replies_new(r->slots, r->receiver, on_reply, r, info);
	if (!r->replies)
		return info->code;
	r->presence = presence_new(&r->loop, r->links, &presence);
	r->tags = tags_new(r->links, (unsigned)config_int(r->config, CONFIG_SHARDS));
	r->catalog = catalog_reader_new(r->links);
	r->directory = directory_new(r->links);
	if (r->options.no == 0 && r->tags && r->directory)
		r->caretaker = caretaker_new(&r->loop, r->links, r->tags, r->directory);
	r->caller = tcp_caller_new(&r->loop);
	r->watcher = watcher_new(r);
	r->feed = feed_new(r);
	r->figures = r->tags ? figures_new(r->links, r->tags, r->config) : NULL;
	if (!r->presence || !r->tags || !r->catalog || !r->directory || !r->caller || !r->figures || !r->watcher ||
	    !r->feed || (r->options.no == 0 && !r->caretaker) || waiters_init(&r->waiters))
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
	r->prepare.data = r->due.data = r->pulse.data = r->news.data = r;
	uv_timer_init(&r->loop, &r->due);
	uv_timer_init(&r->loop, &r->pulse);
	uv_async_init(&r->loop, &r->news, on_news);
	uv_prepare_init(&r->loop, &r->prepare);
	if (reactor_open_links(r, info) || open_parts(r, info) || open_http(r, info)) {
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
