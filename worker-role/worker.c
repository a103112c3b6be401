/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "worker.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <uv.h>

#include "batch.h"
#include "catalog_json.h"
#include "claimer.h"
#include "compute/pool.h"
#include "executor.h"
#include "log.h"
#include "presence.h"
#include "queue.h"
#include "reaper.h"
#include "tally.h"
#include "tcp_server.h"
#include "tokens.h"

/* Time kept of DrainSeconds for giving back what did not finish and for saying good-bye. */
#define LAST_WORDS_MS 1000

struct worker {
	uv_loop_t loop;
	const struct startup *startup;
	char boot[17];
	char tags[CLAIMER_TAGS_MAX][KEYS_TAG_SIZE];
	const char *tag_names[CLAIMER_TAGS_MAX];
	size_t tag_count;
	struct buf catalogue;
	char digest[CATALOG_DIGEST_SIZE];
	struct zygote *zygote;
	struct pool *pool;
	struct executor *executor;
	struct tokens *tokens;
	struct tcp_server *tcp;
	struct rlink *link;
	struct claimer *claimer;
	struct reaper *reaper;
	struct presence *presence;
	uv_signal_t sigterm, sigint;
	uv_timer_t deadline;
	uv_prepare_t turn;
	struct tally *tally;
	unsigned pending; /* parts that are still busy with stopping */
	bool stopping, closing;
	int status; /* of the exit */
};

/* ---- Redis ---- */

static void on_link_state(void *arg, bool up)
{
	struct worker *w = arg;
	if (w->closing)
		return;
	claimer_link_state(w->claimer, up);
	if (up) {
		log_info("redis is there");
		reaper_tick(w->reaper);
		presence_announce(w->presence);
	}
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
		.claimer = w->claimer, .executor = w->executor, .pool = w->pool, .tcp = w->tcp
	};
	tally_render(w->tally, &from, text);
}

static void on_turn(uv_prepare_t *turn)
{
	const struct worker *w = turn->data;
	tally_turn(w->tally, w->link);
}

/* ---- opening ---- */

static void make_boot(struct worker *w)
{
	unsigned long long value;
	if (getrandom(&value, sizeof value, 0) != sizeof value)
		log_fatal("getrandom failed");
	snprintf(w->boot, sizeof w->boot, "%016llx", value);
}

static void make_tags(struct worker *w)
{
	const struct config *config = w->startup->config;
	size_t n = config_list_count(config, CONFIG_QUEUES);
	for (size_t i = 0; i < n && i < CLAIMER_TAGS_MAX; i++) {
		keys_tag(w->tags[i], config_list_at(config, CONFIG_QUEUES, i), 0);
		w->tag_names[i] = w->tags[i];
		w->tag_count++;
	}
	if (n > CLAIMER_TAGS_MAX)
		log_fatal("Queues: expected at most %d names, got %zu", CLAIMER_TAGS_MAX, n);
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
	struct rlink_options link = { .url = config_str(config, CONFIG_REDIS_URL),
				      .name = instance,
				      .seconds = tally_redis_seconds(w->tally),
				      .on_state = on_link_state,
				      .on_greet = on_greet,
				      .arg = w };
	struct claimer_options claimer = { .redis_url = link.url,
					   .instance = instance,
					   .boot = w->boot,
					   .tags = w->tag_names,
					   .tag_count = w->tag_count,
					   .claim_max = (unsigned)config_int(config, CONFIG_CLAIM_MAX),
					   .tally = w->tally };
	struct presence_options presence = { .env = w->startup->roleenv,
					     .interval_ms = 2500,
					     .digest = w->digest,
					     .catalogue = buf_cstr(&w->catalogue),
					     .on_load = on_load,
					     .on_metrics = on_metrics,
					     .arg = w };
	w->link = rlink_new(&w->loop, &link, info);
	w->claimer = w->link ? claimer_new(&w->loop, w->link, w->executor, &claimer, info) : NULL;
	if (!w->claimer)
		return info->code;
	w->reaper = reaper_new(&w->loop, w->link, w->claimer, instance, w->boot, w->tag_names, w->tag_count);
	w->presence = presence_new(&w->loop, w->link, &presence);
	if (!w->reaper || !w->presence)
		return errinfo_set(info, ERR_NOMEM, "out of memory");
	return 0;
}

static void stop(struct worker *w, const char *why);

/* Nothing can be computed any more, and from here no other zygote can be made (see zygote.h): what is short is
 * finished, the rest is given back, and whoever runs this instance starts it again. */
static void on_pool_broken(void *arg, const char *why)
{
	struct worker *w = arg;
	w->status = 1;
	if (!w->presence)
		log_fatal("%s", why);
	if (!w->stopping)
		stop(w, why);
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

static void on_signal(uv_signal_t *signal, int number);

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
	make_tags(w);
	w->tally = tally_new(&w->loop, w->tag_names, w->tag_count);
	catalog_json(&w->catalogue);
	catalog_digest(w->digest);
	w->sigterm.data = w->sigint.data = w->deadline.data = w->turn.data = w;
	uv_signal_init(&w->loop, &w->sigterm);
	uv_signal_init(&w->loop, &w->sigint);
	uv_timer_init(&w->loop, &w->deadline);
	uv_prepare_init(&w->loop, &w->turn);
	uv_prepare_start(&w->turn, on_turn);
	uv_signal_start(&w->sigterm, on_signal, SIGTERM);
	uv_signal_start(&w->sigint, on_signal, SIGINT);
	if (open_executor(w, info) || open_tcp(w, info) || open_queue(w, info)) {
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
	rlink_free(w->link);
	executor_free(w->executor);
	pool_free(w->pool);
	uv_close((uv_handle_t *)&w->sigterm, NULL);
	uv_close((uv_handle_t *)&w->sigint, NULL);
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

static void stop(struct worker *w, const char *why)
{
	unsigned drain_ms = (unsigned)config_int(w->startup->config, CONFIG_DRAIN_SECONDS) * 1000;
	log_info("%s: stopping, at most %u ms for %u jobs in hand", why, drain_ms, claimer_running(w->claimer));
	w->stopping = true;
	w->pending = 2;
	uv_timer_start(&w->deadline, on_deadline, drain_ms, 0);
	presence_announce(w->presence);
	tcp_server_stop(w->tcp, on_part_stopped, w);
	claimer_drain(w->claimer, drain_ms > 2 * LAST_WORDS_MS ? drain_ms - LAST_WORDS_MS : drain_ms / 2,
		      on_part_stopped, w);
}

static void on_signal(uv_signal_t *sig, int number)
{
	struct worker *w = sig->data;
	if (w->stopping) {
		log_warn("second signal: stopping at once");
		close_all(w);
		return;
	}
	stop(w, number == SIGTERM ? "SIGTERM" : "SIGINT");
}

int worker_run(struct worker *w)
{
	log_info("serving %zu queue%s with %lld slots and %u compute children", w->tag_count,
		 w->tag_count == 1 ? "" : "s", (long long)config_int(w->startup->config, CONFIG_WORKER_SLOTS),
		 pool_size(w->pool));
	uv_run(&w->loop, UV_RUN_DEFAULT);
	return w->status;
}

void worker_close(struct worker *w)
{
	close_all(w);
	uv_run(&w->loop, UV_RUN_DEFAULT);
	if (w->claimer)
		claimer_destroy(w->claimer);
	tally_free(w->tally);
	buf_fini(&w->catalogue);
	tokens_free(w->tokens);
	uv_loop_close(&w->loop);
	free(w);
}
