/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Faults as a client sees them: the web role that it talks to is killed around the answer; everybody sends one key. */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "clock.h"
#include "load.h"
#include "pause.h"
#include "proxy.h"
#include "row_common.h"
#include "rows.h"
#include "scene.h"
#include "wait_until.h"

/* ---- row 8: a web role is killed around the 202 ---- */

enum { BLIND_MS = 30000, READ_MS = 20000 };

/* Web role 0 reaches Redis through the proxy. */
static const char *route_of(void *arg, const char *redis_socket, enum world_role role, unsigned index)
{
	static char url[300];
	struct proxy **p = arg;

	if (role == WORLD_WEB && index == 0) {
		if (!*p)
			*p = proxy_start(redis_socket);
		return proxy_url(*p);
	}
	(void)snprintf(url, sizeof url, "unix://%s", redis_socket);
	return url;
}

struct knock {
	struct world *w;
	unsigned web;
};

static bool is_ready(void *arg)
{
	const struct knock *q = arg;

	return world_ready(q->w, q->web);
}

/* The keeper starts it again. When it was killed. */
static uint64_t kill_web(struct scene *s, unsigned web)
{
	uint64_t at_us = world_kill(s->w, WORLD_WEB, web);

	ledger_add(chaos_ledger(s->r), LEDGER_FAULTS, 1);
	return at_us;
}

/* Waits until it is ready again: how long that took is a sample. */
static void await_web(struct scene *s, unsigned web, uint64_t killed_us)
{
	struct knock q = { s->w, web };

	if (!wait_until(is_ready, &q, SCENE_MS))
		chaos_fail(s->r, "expected %s to be ready within %d s of its death", world_instance(WORLD_WEB, web),
			   SCENE_MS / 1000);
	ledger_time(chaos_ledger(s->r), LEDGER_RESTART, ((double)clock_wall_us() - (double)killed_us) / 1000);
}

struct blind {
	struct scene *s;
	size_t job;
	long status;
};

static void *submit_blindly(void *arg)
{
	struct blind *b = arg;
	struct client *c = client_new(b->s->w, b->s->o);

	b->status = client_submit(c, 0, &b->job, 1, 0, BLIND_MS);
	client_free(c);
	return NULL;
}

/* Redis has the job, and has said so; the web role dies before it hears of it. The client, without an answer, sends its
 * key to another one. That there is one job then is seen when all records are counted. */
static void kill_before_answer(struct scene *s, struct proxy *p)
{
	const struct proxy_fault fault = { .command = "sq_enqueue", .side = PROXY_REPLY, .action = PROXY_HOLD };
	struct blind b = { s, scene_job(s, "{\"op\":\"square\",\"args\":[12]}", "144", ORACLE_SUCCEEDS), -1 };
	pthread_t thread;

	proxy_strike(p, &fault);
	if (pthread_create(&thread, NULL, submit_blindly, &b) != 0)
		abort();
	enum proxy_outcome outcome = proxy_await(p, SCENE_MS);
	uint64_t at_us = kill_web(s, 0);
	(void)pthread_join(thread, NULL);
	proxy_heal(p);
	if (outcome != PROXY_STRUCK)
		chaos_fail(s->r, "expected a submission to reach Redis within %d s, none did", SCENE_MS / 1000);
	else if (b.status != 0)
		chaos_fail(s->r, "expected no answer of a web role that was killed before it, came %ld", b.status);
	if (!client_deliver(s->client, 1, b.job, SCENE_MS))
		chaos_fail(s->r, "expected the key to be acknowledged by another web role");
	await_web(s, 0, at_us);
}

struct wish {
	struct scene *s;
	size_t job;
};

static bool is_final_elsewhere(void *arg)
{
	const struct wish *q = arg;
	bool final;

	(void)client_read(q->s->client, 1, q->job, 5, READ_MS, &final);
	return final;
}

/* Web role 0 dies as soon as it has promised: the other one tells the result. */
static void kill_after_answer(struct scene *s)
{
	struct wish wish = { s, scene_job(s, "{\"op\":\"sleep\",\"args\":[50]}", "50", ORACLE_SUCCEEDS) };

	if (client_submit(s->client, 0, &wish.job, 1, 0, BLIND_MS) != 202) {
		chaos_fail(s->r, "expected 202 of a web role that is ready, came another answer");
		return;
	}
	uint64_t at_us = kill_web(s, 0);
	if (!wait_until(is_final_elsewhere, &wish, SCENE_MS))
		chaos_fail(s->r, "expected the result at another web role within %d s", SCENE_MS / 1000);
	await_web(s, 0, at_us);
}

struct growth {
	struct ledger *ledger;
	uint64_t until;
};

static bool has_grown(void *arg)
{
	const struct growth *g = arg;

	return ledger_get(g->ledger, LEDGER_SUBMITTED) >= g->until;
}

/* After some submissions more, any of them. */
static void kill_under_load(struct scene *s)
{
	struct ledger *ledger = chaos_ledger(s->r);
	struct growth g = { ledger, ledger_get(ledger, LEDGER_SUBMITTED) + 1 + chaos_below(s->r, 600) };
	unsigned web = (unsigned)chaos_below(s->r, world_count(s->w, WORLD_WEB));

	if (!wait_until(has_grown, &g, SCENE_MS))
		chaos_fail(s->r, "expected the load to go on, it does not");
	uint64_t at_us = kill_web(s, web);
	await_web(s, web, at_us);
}

void row_clients_web_killed(struct chaos_run *r)
{
	static const char *const env[] = { "SQUARE_ENQUEUE_DEADLINE_MS=10000", NULL };
	const struct load_options options = { .rate = ROW_RATE, .threads = 8, .keyed_percent = 100 };
	unsigned aimed = chaos_trials(r) / 4, trials = chaos_trials(r) + 2 * aimed, done = 0;
	struct proxy *p = NULL;
	const struct world_options world = { .webs = 3, .workers = 2, .web = env, .route = route_of, .route_arg = &p };
	struct scene s;

	scene_open(&s, r, &world);
	for (; done < aimed && !chaos_failed(r); chaos_progress(r, ++done, trials))
		kill_before_answer(&s, p);
	for (; done < 2 * aimed && !chaos_failed(r); chaos_progress(r, ++done, trials))
		kill_after_answer(&s);
	struct load *load = load_start(r, s.w, s.o, &options);
	for (; done < trials && !chaos_failed(r); chaos_progress(r, ++done, trials))
		kill_under_load(&s);
	chaos_note(r, "killed: %u between enqueue and answer, %u after the answer, %u at random under %.0f jobs/s",
		   aimed, aimed, trials - 2 * aimed, load_rate(load));
	load_stop(load);
	scene_close(&s);
	proxy_stop(p);
}

/* ---- row 12: one key ---- */

enum { CONNECTIONS = 50, EACH = 20, ALL = CONNECTIONS * EACH, AGAIN_MS = 10 };

struct sender {
	struct scene *s;
	size_t job;
	unsigned web, answered;
	pthread_barrier_t *start;
	pthread_t thread;
};

/* Its share of the submissions; one without an answer, or with a refusal, is sent again. */
static void *send_key(void *arg)
{
	struct sender *q = arg;
	struct client *c = client_new(q->s->w, q->s->o);
	uint64_t end_us = clock_mono_us() + SCENE_MS * UINT64_C(1000);

	(void)pthread_barrier_wait(q->start);
	while (q->answered < EACH && clock_mono_us() < end_us && !chaos_failed(q->s->r)) {
		long status = client_submit(c, q->web, &q->job, 1, 0, BLIND_MS);
		if (status == 200 || status == 202)
			q->answered++;
		else
			pause_ms(AGAIN_MS);
	}
	client_free(c);
	return NULL;
}

/* Redis is killed, and comes back, when about half of the answers are there. */
static void kill_redis_meanwhile(struct scene *s, uint64_t before)
{
	struct growth g = { chaos_ledger(s->r), before + ALL / 2 };

	if (!wait_until(has_grown, &g, SCENE_MS))
		chaos_fail(s->r, "expected half of the submissions to be sent, they are not");
	redis_private_kill(world_redis(s->w));
	redis_private_restart(world_redis(s->w));
	ledger_add(chaos_ledger(s->r), LEDGER_FAULTS, 1);
	oracle_excuse(s->o, 1);
}

/* All connections send at once, half of them to either web role. That there is one job is seen by its id in every
 * answer, and when all records are counted. */
static void send_one_key(struct scene *s, bool restart)
{
	struct sender senders[CONNECTIONS];
	size_t job = scene_job(s, "{\"op\":\"square\",\"args\":[111]}", "12321", ORACLE_SUCCEEDS);
	uint64_t before = ledger_get(chaos_ledger(s->r), LEDGER_SUBMITTED);
	unsigned answered = 0;
	pthread_barrier_t start;

	if (pthread_barrier_init(&start, NULL, CONNECTIONS) != 0)
		abort();
	for (unsigned i = 0; i < CONNECTIONS; i++) {
		senders[i] = (struct sender){ s, job, i % world_count(s->w, WORLD_WEB), 0, &start, 0 };
		if (pthread_create(&senders[i].thread, NULL, send_key, &senders[i]) != 0)
			abort();
	}
	if (restart)
		kill_redis_meanwhile(s, before);
	for (unsigned i = 0; i < CONNECTIONS; i++) {
		(void)pthread_join(senders[i].thread, NULL);
		answered += senders[i].answered;
	}
	(void)pthread_barrier_destroy(&start);
	if (answered != ALL)
		chaos_fail(s->r, "expected %d submissions of one key to be answered, came %u", ALL, answered);
}

void row_clients_one_key(struct chaos_run *r)
{
	const struct world_options options = { .webs = 2, .workers = 1, .appendfsync = "always" };
	unsigned trials = chaos_trials(r), done = 0;
	struct scene s;

	scene_open(&s, r, &options);
	while (done < trials && !chaos_failed(r)) {
		send_one_key(&s, done % 2 == 1);
		chaos_progress(r, ++done, trials);
	}
	chaos_note(r,
		   "%d connections to two web roles; Redis was killed and restarted in the middle of every other trial",
		   CONNECTIONS);
	scene_close(&s);
}
