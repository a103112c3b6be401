/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "worker.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>
#include <uv.h>

#include "batch.h"
#include "catalog_json.h"
#include "claimer.h"
#include "clock.h"
#include "compute/pool.h"
#include "executor.h"
#include "healthcheck.h"
#include "log.h"
#include "must.h"
#include "peers.h"
#include "presence.h"
#include "queue.h"
#include "readiness.h"
#include "reaper.h"
#include "rlinks.h"
#include "shards.h"
#include "tally.h"
#include "tcp_server.h"
#include "tokens.h"

/* Time kept of DrainSeconds for giving back what did not finish and for saying good-bye. */
#define LAST_WORDS_MS 1000
#define LEAVE_MS 1500             /* until a load balancer has noticed that this instance leaves */
#define PROBED_LATELY_US 10000000 /* somebody watches /readyz */
#define SILENT_US 2000000         /* Redis has not answered for this long: it is not there */

/* What each of them asks for: see role.h. */
static const int signal_numbers[] = { SIGTERM, SIGINT, SIGHUP, SIGUSR1, SIGUSR2 };
#define WORKER_SIGNALS (sizeof signal_numbers / sizeof signal_numbers[0])

struct worker {
	uv_loop_t loop;
	const struct startup *startup;
	char boot[17];
	const char **queues; /* names, of the setting */
	size_t queue_count;
	struct buf catalogue;
	char digest[CATALOG_DIGEST_SIZE];
	struct zygote *zygote;
	struct pool *pool;
	struct executor *executor;
	struct tokens *tokens;
	struct tcp_server *tcp;
	struct rslots *slots;
	struct rlinks *links;
	struct shards *shards;
	struct claimer *claimer;
	struct reaper *reaper;
	struct presence *presence;
	struct readiness *readiness;
	struct peers *peers;
	uv_signal_t signals[WORKER_SIGNALS];
	uv_timer_t leave, deadline;
	uv_prepare_t turn;
	struct tally *tally;
	unsigned pending; /* parts that are still busy with stopping */
	bool busy;        /* as the parts know it */
	bool stopping, closing;
	char why[160]; /* it stops */
	int status;    /* of the exit */
};

/* ---- Redis ---- */

/* Who there is has changed. */
static void on_instances(void *arg, uint64_t epoch)
{
	const struct worker *w = arg;
	(void)epoch;
	if (w->closing)
		return;
	shards_look(w->shards); /* a web role that has joined may have brought some */
	peers_look(w->peers, rlinks_at(w->links, KEYS_REG));
}

static bool all_up(const struct worker *w)
{
	const struct rlink *link;
	size_t n = 0;
	for (; (link = rlinks_each(w->links, n)); n++)
		if (!rlink_up(link))
			return false;
	return n > 0;
}

static void on_link_state(void *arg, struct rlink *link, bool up)
{
	struct worker *w = arg;
	if (w->closing || !w->presence)
		return;
	claimer_link_state(w->claimer, link, up);
	if (!up)
		return;
	if (all_up(w))
		log_info("redis is there");
	reaper_tick(w->reaper, link);
	if (rlinks_at(w->links, KEYS_REG) == link) {
		presence_announce(w->presence);
		shards_look(w->shards);
		peers_look(w->peers, link);
	}
}

static void on_moved(void *arg)
{
	struct worker *w = arg;
	if (w->closing || !w->presence)
		return;
	claimer_moved(w->claimer);
	reaper_tick(w->reaper, NULL);
}

static void on_shard(void *arg, size_t shard, const char *tag)
{
	struct worker *w = arg;
	tally_add(w->tally, tag);
	if (claimer_add(w->claimer, tag) || reaper_add(w->reaper, tag))
		log_fatal("out of memory");
	claimer_look(w->claimer, shard);
}

static void on_greet(struct rlink *link, void *arg)
{
	const struct worker *w = arg;
	queue_greet(link, config_bool(w->startup->config, CONFIG_ALLOW_VOLATILE_REDIS));
}

static void on_load(void *arg, struct presence_load *load)
{
	const struct worker *w = arg;
	load->running = claimer_running(w->claimer);
	load->capacity = (unsigned)config_int(w->startup->config, CONFIG_WORKER_SLOTS) + pool_size(w->pool);
	load->state = w->stopping ? "stopping" : "ready";
}

static void on_metrics(void *arg, struct buf *text)
{
	const struct worker *w = arg;
	const struct tally_sources from = {
		.claimer = w->claimer, .executor = w->executor, .pool = w->pool, .tcp = w->tcp, .peers = w->peers
	};
	tally_render(w->tally, &from, text);
}

/* Whoever set it, and from wherever. */
static void heed_busy(struct worker *w)
{
	bool busy = roleenv_busy(w->startup->roleenv);
	if (busy == w->busy || !w->presence || w->stopping)
		return;
	w->busy = busy;
	log_info(busy ? "busy: out of rotation, and claiming nothing" : "not busy any more: in rotation again");
	claimer_hold(w->claimer, busy);
	presence_announce(w->presence);
}

static void on_turn(uv_prepare_t *turn)
{
	struct worker *w = turn->data;
	heed_busy(w);
	tally_turn(w->tally, w->links);
}

/* ---- readiness ---- */

static void tell_queue(const struct worker *w, char *why, size_t size)
{
	uint64_t answered_us = presence_answered_us(w->presence);
	const char *error = rlink_error(rlinks_at(w->links, KEYS_REG));
	if (!rlinks_any_up(w->links))
		snprintf(why, size, "there is no link to Redis%s%s", error[0] ? ": " : "", error);
	else if (!answered_us)
		snprintf(why, size, "Redis has not answered yet");
	else if (clock_mono_us() - answered_us > SILENT_US)
		snprintf(why, size, "Redis has not answered for 2 s");
}

static void on_ask(void *arg, struct readiness_view *view)
{
	const struct worker *w = arg;
	tell_queue(w, view->queue, sizeof view->queue);
	if (w->stopping)
		view->why_not = "this instance is leaving, others serve";
	else if (roleenv_recycling(w->startup->roleenv))
		view->why_not = "this instance is about to be started anew";
	else if (roleenv_busy(w->startup->roleenv))
		view->why_not = "this instance is busy: it takes no new work for now";
	else if (!pool_pid(w->pool, 0))
		view->why_not = "there are no compute children yet";
}

/* ---- opening ---- */

static void make_boot(struct worker *w)
{
	unsigned long long value;
	if (getrandom(&value, sizeof value, 0) != sizeof value)
		log_fatal("getrandom failed");
	snprintf(w->boot, sizeof w->boot, "%016llx", value);
}

static void make_queues(struct worker *w)
{
	const struct config *config = w->startup->config;
	w->queue_count = config_list_count(config, CONFIG_QUEUES);
	w->queues = must_calloc(w->queue_count + 1, sizeof *w->queues);
	for (size_t i = 0; i < w->queue_count; i++)
		w->queues[i] = config_list_at(config, CONFIG_QUEUES, i);
}

static int open_tcp(struct worker *w, struct errinfo *info)
{
	const struct config *config = w->startup->config;
	struct roleenv_endpoint at;
	if (roleenv_endpoint(w->startup->roleenv, "SquareEndpoint", &at))
		return errinfo_set(info, ERR_NOT_FOUND, "service.csdef: role %s has no endpoint SquareEndpoint",
				   roleenv_role(w->startup->roleenv));
	const char *file = config_str(config, CONFIG_AUTH_TOKENS_FILE);
	if (*file && tokens_load(file, &w->tokens, info))
		return info->code;
	if (!at.loopback && !w->tokens && !config_bool(config, CONFIG_ALLOW_ANONYMOUS))
		return errinfo_set(
		    info, ERR_INVALID,
		    "SquareEndpoint is to listen on %s, which others can reach, and there is no authentication: "
		    "expected AuthTokensFile, or a loopback address, or AllowAnonymous=true if that is meant",
		    at.address);
	struct tcp_server_options options = {
		.max_connections = (unsigned)config_int(config, CONFIG_TCP_CONNECTIONS),
		.idle_seconds = (unsigned)config_int(config, CONFIG_TCP_IDLE_SECONDS),
		.tokens = w->tokens,
	};
	w->tcp = tcp_server_new(&w->loop, at.address, (uint16_t)at.port, &options, w->executor, info);
	if (!w->tcp)
		return info->code;
	roleenv_bound(w->startup->roleenv, "SquareEndpoint", tcp_server_port(w->tcp));
	log_info("SquareEndpoint listens on %s port %u", at.address, tcp_server_port(w->tcp));
	return 0;
}

static int open_queue(struct worker *w, struct errinfo *info)
{
	const struct config *config = w->startup->config;
	const char *instance = roleenv_instance(w->startup->roleenv);
	struct rlinks_options links = { .name = instance,
					.seconds = tally_redis_seconds(w->tally),
					.on_state = on_link_state,
					.on_greet = on_greet,
					.on_moved = on_moved,
					.arg = w };
	struct shards_options shards = { .queues = w->queues,
					 .queue_count = w->queue_count,
					 .each = (unsigned)config_int(config, CONFIG_SHARDS),
					 .on_added = on_shard,
					 .arg = w };
	w->slots = rslots_new(&w->loop, config_str(config, CONFIG_REDIS_URL), instance, info);
	w->links = w->slots ? rlinks_new(w->slots, &links, info) : NULL;
	struct claimer_options claimer = { .slots = w->slots,
					   .instance = instance,
					   .boot = w->boot,
					   .claim_max = (unsigned)config_int(config, CONFIG_CLAIM_MAX),
					   .tally = w->tally };
	struct presence_options presence = { .env = w->startup->roleenv,
					     .digest = w->digest,
					     .catalogue = buf_cstr(&w->catalogue),
					     .on_load = on_load,
					     .on_metrics = on_metrics,
					     .on_changed = on_instances,
					     .arg = w };
	w->claimer = w->links ? claimer_new(&w->loop, w->links, w->executor, &claimer, info) : NULL;
	if (!w->claimer)
		return info->code;
	w->reaper = reaper_new(&w->loop, w->links, w->claimer, instance, w->boot);
	w->shards = w->reaper ? shards_new(&w->loop, w->links, &shards) : NULL;
	w->presence = w->shards ? presence_new(&w->loop, w->links, &presence) : NULL;
	if (!w->presence)
		return errinfo_set(info, ERR_NOMEM, "out of memory");
	return 0;
}

static void end_run(struct worker *w, const char *why);

/* Nothing can be computed any more, and from here no other zygote can be made (see zygote.h): what is short is
 * finished, the rest is given back, and whoever runs this instance starts it again. */
static void on_pool_broken(void *arg, const char *why)
{
	struct worker *w = arg;
	w->status = 1;
	if (!w->presence)
		log_fatal("%s", why);
	end_run(w, why);
}

static int open_executor(struct worker *w, struct errinfo *info)
{
	const struct config *config = w->startup->config;
	unsigned children = (unsigned)config_int(config, CONFIG_COMPUTE_CHILDREN);
	struct zygote_options zygote = { .memory_mib = (size_t)config_int(config, CONFIG_COMPUTE_MEMORY_MIB),
					 .test_operations = config_bool(config, CONFIG_ENABLE_TEST_OPERATIONS) };
	struct pool_options pool = { .size = children ? children : uv_available_parallelism(),
				     .memory_mib = zygote.memory_mib,
				     .loop = &w->loop,
				     .zygote = w->zygote,
				     .on_broken = on_pool_broken,
				     .arg = w };
	if (pool.size > POOL_SIZE_MAX)
		pool.size = POOL_SIZE_MAX;
	if (zygote_start(w->zygote, &zygote, info))
		return info->code;
	w->pool = pool_new(&pool);
	w->executor = executor_new(&w->loop, (unsigned)config_int(config, CONFIG_WORKER_SLOTS), w->pool);
	if (!w->pool || !w->executor)
		log_fatal("out of memory");
	return 0;
}

/* Whether a child that is free may compute for others. */
static bool is_idle(void *arg)
{
	const struct worker *w = arg;
	return !w->stopping && !w->busy && executor_waiting(w->executor) == 0 && claimer_idle(w->claimer);
}

static int open_peers(struct worker *w, struct errinfo *info)
{
	struct peers_options options = {
		.env = w->startup->roleenv, .pool = w->pool, .executor = w->executor, .is_idle = is_idle, .arg = w
	};
	w->peers = peers_new(&w->loop, &options, info);
	return w->peers ? 0 : info->code;
}

/* Last, as it serves nobody yet what the others could not serve. A definition of one's own may do without it. */
static int open_readiness(struct worker *w, struct errinfo *info)
{
	struct roleenv *env = w->startup->roleenv;
	struct roleenv_endpoint at;
	if (roleenv_endpoint(env, HEALTHCHECK_WORKER, &at)) {
		log_warn("service.csdef: role %s has no endpoint " HEALTHCHECK_WORKER ": nobody can ask whether it is "
			 "ready",
			 roleenv_role(env));
		return 0;
	}
	struct readiness_options options = { at.address, at.port, roleenv_instance(env), on_ask, w };
	w->readiness = readiness_new(&w->loop, &options, info);
	if (!w->readiness)
		return info->code;
	roleenv_bound(env, HEALTHCHECK_WORKER, readiness_port(w->readiness));
	log_info(HEALTHCHECK_WORKER " answers on %s port %u", at.address, readiness_port(w->readiness));
	return 0;
}

static void on_signal(uv_signal_t *signal, int number);
static void on_recycle(void *arg);

static void open_handles(struct worker *w)
{
	uv_timer_init(&w->loop, &w->leave);
	uv_timer_init(&w->loop, &w->deadline);
	uv_prepare_init(&w->loop, &w->turn);
	w->leave.data = w->deadline.data = w->turn.data = w;
	uv_prepare_start(&w->turn, on_turn);
	for (size_t i = 0; i < WORKER_SIGNALS; i++) {
		uv_signal_init(&w->loop, &w->signals[i]);
		w->signals[i].data = w;
		uv_signal_start(&w->signals[i], on_signal, signal_numbers[i]);
	}
	roleenv_on_recycle(w->startup->roleenv, on_recycle, w);
}

struct worker *worker_open(const struct startup *startup, struct zygote *zygote, struct errinfo *info)
{
	struct worker *w = calloc(1, sizeof *w);
	if (!w)
		log_fatal("out of memory");
	signal(SIGPIPE, SIG_IGN);
	w->startup = startup;
	w->zygote = zygote;
	if (config_bool(startup->config, CONFIG_ENABLE_TEST_OPERATIONS))
		op_enable_tests();
	uv_loop_init(&w->loop);
	make_boot(w);
	make_queues(w);
	w->tally = tally_new(&w->loop);
	catalog_json(&w->catalogue);
	catalog_digest(w->digest);
	open_handles(w);
	if (open_executor(w, info) || open_tcp(w, info) || open_queue(w, info) || open_peers(w, info) ||
	    open_readiness(w, info)) {
		worker_close(w);
		return NULL;
	}
	return w;
}

/* ---- stopping: leave the rotation, finish what is in hand, say good-bye, close ---- */

static void close_all(struct worker *w)
{
	if (w->closing)
		return;
	w->closing = true;
	if (w->presence)
		presence_free(w->presence);
	if (w->reaper)
		reaper_close(w->reaper);
	if (w->claimer)
		claimer_close(w->claimer);
	if (w->tcp)
		tcp_server_free(w->tcp);
	shards_close(w->shards);
	rlinks_free(w->links);
	rslots_free(w->slots);
	executor_free(w->executor);
	peers_free(w->peers);
	pool_free(w->pool);
	readiness_free(w->readiness);
	for (size_t i = 0; i < WORKER_SIGNALS; i++)
		uv_close((uv_handle_t *)&w->signals[i], NULL);
	uv_close((uv_handle_t *)&w->leave, NULL);
	uv_close((uv_handle_t *)&w->deadline, NULL);
	uv_close((uv_handle_t *)&w->turn, NULL);
}

static void on_left(void *arg)
{
	close_all(arg);
}

static void on_part_stopped(void *arg)
{
	struct worker *w = arg;
	if (--w->pending || w->closing)
		return;
	const struct batch_stats *s = claimer_stats(w->claimer);
	log_info("stopped: %llu jobs claimed, %llu succeeded, %llu failed, %llu given back",
		 (unsigned long long)s->claimed, (unsigned long long)s->succeeded, (unsigned long long)s->failed,
		 (unsigned long long)s->released);
	presence_leave(w->presence, on_left, w);
}

static void on_deadline(uv_timer_t *timer)
{
	struct worker *w = timer->data;
	log_warn("drain time is over; what is still in hand comes back to the queue by its lease");
	close_all(w);
}

static void stop_tcp(struct worker *w)
{
	tcp_server_stop(w->tcp, on_part_stopped, w);
}

static void on_leave_over(uv_timer_t *timer)
{
	stop_tcp(timer->data);
}

/* Nothing more is claimed from now on. Direct calls are taken for as long as a load balancer may still send some: one
 * that waits to be accepted when the endpoint closes would be lost. */
static void stop(struct worker *w)
{
	unsigned drain_ms = (unsigned)config_int(w->startup->config, CONFIG_DRAIN_SECONDS) * 1000;
	uint64_t asked_us = readiness_asked_us(w->readiness);
	log_info("%s: stopping, at most %u ms for %u jobs in hand", w->why, drain_ms, claimer_running(w->claimer));
	w->stopping = true;
	w->pending = 2;
	uv_timer_start(&w->deadline, on_deadline, drain_ms, 0);
	presence_announce(w->presence);
	peers_stop(w->peers);
	claimer_drain(w->claimer, drain_ms > 2 * LAST_WORDS_MS ? drain_ms - LAST_WORDS_MS : drain_ms / 2,
		      on_part_stopped, w);
	if (asked_us && clock_mono_us() - asked_us < PROBED_LATELY_US)
		uv_timer_start(&w->leave, on_leave_over, LEAVE_MS < drain_ms / 2 ? LEAVE_MS : drain_ms / 2, 0);
	else
		stop_tcp(w);
}

/* worker_run() returns after this turn. */
static void end_run(struct worker *w, const char *why)
{
	if (w->stopping || *w->why)
		return;
	snprintf(w->why, sizeof w->why, "%s", why);
	uv_stop(&w->loop);
}

static void on_recycle(void *arg)
{
	(void)arg;
	kill(getpid(), SIGTERM); /* any thread may have asked */
}

static void on_signal(uv_signal_t *sig, int number)
{
	struct worker *w = sig->data;
	struct roleenv *env = w->startup->roleenv;
	if (number == SIGUSR1 || number == SIGUSR2) {
		roleenv_set_busy(env, number == SIGUSR1);
	} else if (number == SIGHUP) {
		roleenv_request_recycle(env);
	} else if (w->stopping) {
		log_warn("second signal: stopping at once");
		close_all(w);
	} else {
		end_run(w, roleenv_recycling(env) ? "recycle" : number == SIGTERM ? "SIGTERM" : "SIGINT");
	}
}

int worker_run(struct worker *w)
{
	log_info("serving %zu queue%s in %zu shards with %lld slots and %u compute children", w->queue_count,
		 w->queue_count == 1 ? "" : "s", shards_count(w->shards),
		 (long long)config_int(w->startup->config, CONFIG_WORKER_SLOTS), pool_size(w->pool));
	uv_run(&w->loop, UV_RUN_DEFAULT);
	return w->status;
}

void worker_stop(struct worker *w)
{
	stop(w);
	uv_run(&w->loop, UV_RUN_DEFAULT);
}

void worker_close(struct worker *w)
{
	close_all(w);
	uv_run(&w->loop, UV_RUN_DEFAULT);
	if (w->claimer)
		claimer_destroy(w->claimer);
	shards_destroy(w->shards);
	tally_free(w->tally);
	free(w->queues);
	buf_fini(&w->catalogue);
	tokens_free(w->tokens);
	uv_loop_close(&w->loop);
	free(w);
}
