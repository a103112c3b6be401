/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Clients that take their time, and clients that do nothing at all, thousands of them, all at web role 0. Web role 1
 * has none of them: what others get of the one is compared with what they get of the other, turn by turn, so that
 * whatever else the machine does meets both alike. */
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include "buf.h"
#include "clock.h"
#include "pause.h"
#include "raw_client.h"
#include "rows.h"
#include "scene.h"
#include "wait_until.h"

/* Limits as set for this row. An idle connection may still begin a request's head in the end; an answer may take as
 * long as a connection may be idle and a body may take. EARLY_MS: the library counts whole seconds. LATE_MS: the sweep
 * comes once a second, and a machine has other things to do. */
enum { HEAD_S = 2, BODY_S = 3, IDLE_S = 15, EARLY_MS = 1000, LATE_MS = 2000 };
enum { CROWD = 10000, SPARE_FILES = 600, ADDRESSES = 16, AT_ONCE = 100, CONNECT_MS = 20000, TICK_MS = 1000 };

static void fail_without_connection(struct chaos_run *r)
{
	chaos_fail(r, "expected a connection within %d s, none was made", CONNECT_MS / 1000);
}

/* ---- who sends, or reads, a byte a second ---- */

enum { DRIPS = 20, KINDS = 3, SLOW = DRIPS * KINDS, BIG = 900000 };
enum kind { SLOW_HEAD, SLOW_BODY, SLOW_READER };

struct drip {
	struct raw_client client;
	enum kind kind;
	uint64_t since_us; /* when its limit began; clock_mono_us() */
};

struct slow {
	struct chaos_run *r;
	unsigned port;
	char path[100]; /* of a job whose answer is long */
	atomic_bool stopping;
	unsigned cut[KINDS];
	struct drip drips[SLOW];
	pthread_t thread;
};

static void begin(struct slow *s, struct drip *d)
{
	static const char *const words[] = {
		[SLOW_HEAD] = "GET /livez HTTP/1.1\r\nHost: localhost\r\nX: ",
		[SLOW_BODY] = "POST /v1/jobs HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100000\r\n\r\n",
	};
	char request[200];

	if (!raw_connect(&d->client, s->port, "127.0.0.30", d->kind == SLOW_READER ? 4096 : 0, CONNECT_MS)) {
		fail_without_connection(s->r);
		return;
	}
	(void)snprintf(request, sizeof request, "GET %s HTTP/1.1\r\nHost: localhost\r\n\r\n", s->path);
	(void)raw_say(&d->client, d->kind == SLOW_READER ? request : words[d->kind]);
	d->since_us = clock_mono_us();
}

/* A reader that is cut sees its end behind all that was sent to it: its end is counted at the web role. */
static void drip(struct slow *s, struct drip *d)
{
	static const unsigned limits_ms[] = { [SLOW_HEAD] = HEAD_S * 1000, [SLOW_BODY] = BODY_S * 1000 };
	char byte;

	if (d->kind == SLOW_READER) {
		(void)!recv(d->client.fd, &byte, 1, MSG_DONTWAIT);
		return;
	}
	if (!d->client.ended)
		(void)raw_send(&d->client, " ", 1, CONNECT_MS);
	raw_listen(&d->client, 0);
	double late_ms = (double)(clock_mono_us() - d->since_us) / 1000 - limits_ms[d->kind];
	if (d->client.ended) {
		s->cut[d->kind]++;
		raw_close(&d->client);
		begin(s, d);
	} else if (late_ms > LATE_MS + TICK_MS) {
		chaos_late(s->r, "expected a slow %s to be cut after %u ms, it was not %.0f ms later",
			   d->kind == SLOW_HEAD ? "head" : "body", limits_ms[d->kind], late_ms);
	}
}

static void *drip_on(void *arg)
{
	struct slow *s = arg;

	while (!atomic_load(&s->stopping)) {
		for (int i = 0; i < SLOW && !chaos_failed(s->r); i++)
			drip(s, &s->drips[i]);
		pause_ms(TICK_MS); /* the clients' pace: nothing is expected of its length */
	}
	return NULL;
}

static void slow_start(struct slow *s, struct chaos_run *r, unsigned port, const char *path)
{
	*s = (struct slow){ .r = r, .port = port };
	(void)snprintf(s->path, sizeof s->path, "%s", path);
	for (int i = 0; i < SLOW; i++) {
		s->drips[i].kind = (enum kind)(i % KINDS);
		begin(s, &s->drips[i]);
	}
	if (pthread_create(&s->thread, NULL, drip_on, s) != 0)
		abort();
}

static void slow_stop(struct slow *s)
{
	atomic_store(&s->stopping, true);
	(void)pthread_join(s->thread, NULL);
	if (s->cut[SLOW_HEAD] < DRIPS || s->cut[SLOW_BODY] < DRIPS)
		chaos_fail(s->r, "expected each of %d slow heads and bodies to be cut, came %u and %u", DRIPS,
			   s->cut[SLOW_HEAD], s->cut[SLOW_BODY]);
}

/* ---- who does nothing ---- */

struct idler {
	struct raw_client client;
	uint64_t sent_us, heard_us, ended_us; /* its request; the answer to it; its end, 0: not yet */
};

struct crowd {
	struct chaos_run *r;
	struct idler *idlers;
	unsigned n;
};

/* As many as this process, and another one like it, may have files for. */
static unsigned crowd_size(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) != 0)
		abort();
	limit.rlim_cur = limit.rlim_max;
	if (setrlimit(RLIMIT_NOFILE, &limit) != 0)
		abort();
	return limit.rlim_cur > CROWD + SPARE_FILES ? CROWD : (unsigned)limit.rlim_cur - SPARE_FILES;
}

static void ask_once(struct crowd *c, unsigned i, unsigned port)
{
	struct idler *one = &c->idlers[i];
	char from[20];

	(void)snprintf(from, sizeof from, "127.0.0.%u", 2 + i % ADDRESSES);
	if (!raw_connect(&one->client, port, from, 0, CONNECT_MS)) {
		fail_without_connection(c->r);
		return;
	}
	one->sent_us = clock_mono_us();
	(void)raw_say(&one->client, "GET /livez HTTP/1.1\r\nHost: localhost\r\n\r\n");
}

static void hear_once(struct crowd *c, unsigned i)
{
	struct raw_answer answer = { 0 };
	struct idler *one = &c->idlers[i];

	if (raw_hear(&one->client, &answer, CONNECT_MS) != RAW_ANSWER || answer.status != 200)
		chaos_fail(c->r, "expected an answer on each of %u connections, came %u on number %u", c->n,
			   answer.status, i);
	one->heard_us = clock_mono_us();
	raw_answer_fini(&answer);
}

/* Each asks once, and stays. */
static void gather(struct crowd *c, unsigned port)
{
	for (unsigned from = 0; from < c->n && !chaos_failed(c->r); from += AT_ONCE) {
		unsigned to = from + AT_ONCE < c->n ? from + AT_ONCE : c->n;
		for (unsigned i = from; i < to && !chaos_failed(c->r); i++)
			ask_once(c, i, port);
		for (unsigned i = from; i < to && !chaos_failed(c->r); i++)
			hear_once(c, i);
	}
}

/* The time of each end, as it is seen. */
static bool all_are_closed(void *arg)
{
	struct crowd *c = arg;
	bool all = true;

	for (unsigned i = 0; i < c->n; i++) {
		struct idler *one = &c->idlers[i];
		if (one->ended_us)
			continue;
		raw_listen(&one->client, 0);
		if (one->client.ended)
			one->ended_us = clock_mono_us();
		else
			all = false;
	}
	return all;
}

/* Every one is closed when it has been idle for its time, and not before. */
static void judge_closing(struct crowd *c)
{
	unsigned early = 0, late = 0;

	if (!wait_until(all_are_closed, c, (IDLE_S + HEAD_S) * 1000 + SCENE_MS))
		chaos_fail(c->r, "expected %u idle connections to be closed, some were not", c->n);
	for (unsigned i = 0; i < c->n; i++) {
		const struct idler *one = &c->idlers[i];
		double most_ms = ((double)one->ended_us - (double)one->sent_us) / 1000;
		double idle_ms = ((double)one->ended_us - (double)one->heard_us) / 1000;
		ledger_time(chaos_ledger(c->r), LEDGER_OVERSHOOT, idle_ms - IDLE_S * 1000);
		early += most_ms < IDLE_S * 1000 - EARLY_MS;
		late += idle_ms > (IDLE_S + HEAD_S) * 1000 + LATE_MS;
	}
	if (early || late)
		chaos_late(c->r, "expected idle connections to be closed after %d to %d s, came %u earlier, %u later",
			   IDLE_S, IDLE_S + HEAD_S, early, late);
}

/* ---- the others ---- */

enum { REQUESTS = 1000, WINDOWS = 5, TURNS = 3, MOST_RATIO = 2 };

static int compare_us(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return (x > y) - (x < y);
}

/* The 99th percentile in microseconds of requests that each ask Redis. */
static uint64_t measure(struct scene *s, unsigned web)
{
	static uint64_t took_us[REQUESTS];

	for (int i = 0; i < REQUESTS; i++) {
		uint64_t from_us = clock_mono_us();
		long status = client_ask(s->client, web, "GET", "/v1/jobs/01a204a5-3f42-741e-8ffe-cf51adeb0f2e",
					 CONNECT_MS, NULL);
		took_us[i] = clock_mono_us() - from_us;
		if (status != 404 && status != 503) /* 503: a busy machine */
			chaos_fail(s->r, "expected 404 of web role %u, came %ld", web, status);
		if (web == 0)
			ledger_time(chaos_ledger(s->r), LEDGER_LATENCY, (double)took_us[i] / 1000);
	}
	qsort(took_us, REQUESTS, sizeof *took_us, compare_us);
	return took_us[REQUESTS * 99 / 100];
}

/* The medians of windows that take turns at the crowded web role and at the other one. Their ratio. */
static double compare(struct scene *s)
{
	uint64_t crowded[WINDOWS], alone[WINDOWS];

	for (int i = 0; i < WINDOWS; i++) {
		alone[i] = measure(s, 1);
		crowded[i] = measure(s, 0);
	}
	qsort(alone, WINDOWS, sizeof *alone, compare_us);
	qsort(crowded, WINDOWS, sizeof *crowded, compare_us);
	double ratio = (double)crowded[WINDOWS / 2] / (double)alone[WINDOWS / 2];
	chaos_note(s->r, "p99 beside the crowd %llu us, without it %llu us, ratio %.2f (medians of %d windows)",
		   (unsigned long long)crowded[WINDOWS / 2], (unsigned long long)alone[WINDOWS / 2], ratio, WINDOWS);
	return ratio;
}

static void judge_latency(struct scene *s)
{
	double ratio = compare(s);

	for (int turn = 1; ratio > MOST_RATIO && turn < TURNS; turn++)
		ratio = compare(s);
	if (ratio > MOST_RATIO)
		chaos_late(s->r,
			   "expected a p99 of at most %d times that without the crowd, came %.2f times, %d times over",
			   MOST_RATIO, ratio, TURNS);
}

/* ---- the row ---- */

/* A job whose answer is a megabyte. */
static void add_big(struct scene *s, char path[100])
{
	struct buf body = BUF_INIT;

	buf_puts(&body, "{\"op\":\"echo\",\"args\":[\"");
	for (int i = 0; i < BIG; i++)
		buf_byte(&body, 'x');
	buf_puts(&body, "\"]}");
	size_t job = scene_job(s, buf_cstr(&body), NULL, ORACLE_SUCCEEDS);
	buf_fini(&body);
	(void)scene_deliver(s, job);
	(void)snprintf(path, 100, "/v1/jobs/%s", oracle_id(s->o, job));
}

struct rest {
	struct world *w;
	unsigned files;
};

/* Until when everybody must have been cut: the readers count from their requests, the last bodies from now. */
static unsigned cut_ms(const struct slow *s)
{
	uint64_t now_us = clock_mono_us(), last_us = now_us + BODY_S * UINT64_C(1000000);

	for (int i = 0; i < SLOW; i++)
		if (s->drips[i].kind == SLOW_READER &&
		    s->drips[i].since_us + (IDLE_S + BODY_S) * UINT64_C(1000000) > last_us)
			last_us = s->drips[i].since_us + (IDLE_S + BODY_S) * UINT64_C(1000000);
	return (unsigned)((last_us - now_us) / 1000) + LATE_MS;
}

static bool is_at_rest(void *arg)
{
	const struct rest *q = arg;

	return world_files(q->w, WORLD_WEB, 0) <= q->files;
}

static void meet_crowd(struct scene *s, unsigned n)
{
	struct rest rest = { s->w, world_files(s->w, WORLD_WEB, 0) + 1 }; /* the client's own */
	struct crowd crowd = { s->r, calloc(n, sizeof *crowd.idlers), n };
	struct slow *slow = malloc(sizeof *slow);
	char path[100];

	if (!crowd.idlers || !slow)
		abort();
	add_big(s, path);
	slow_start(slow, s->r, world_port(s->w, 0), path);
	gather(&crowd, world_port(s->w, 0));
	ledger_add(chaos_ledger(s->r), LEDGER_FAULTS, n + SLOW);
	judge_latency(s);
	if (world_files(s->w, WORLD_WEB, 0) < n)
		chaos_fail(s->r, "expected the %u idle connections to be there all the time, they are not", n);
	judge_closing(&crowd);
	slow_stop(slow);
	/* Nothing of them is left, the slow readers included, who have not gone by themselves. */
	unsigned ms = cut_ms(slow);
	if (!wait_until(is_at_rest, &rest, ms))
		chaos_fail(s->r, "expected %u open files of the web role when the slow are cut, within %u ms, came %u",
			   rest.files, ms, world_files(s->w, WORLD_WEB, 0));
	for (int i = 0; i < SLOW; i++)
		raw_close(&slow->drips[i].client);
	for (unsigned i = 0; i < n; i++)
		raw_close(&crowd.idlers[i].client);
	free(slow);
	free(crowd.idlers);
}

void row_slow(struct chaos_run *r)
{
	unsigned n = crowd_size(), trials = chaos_trials(r), done = 0;
	char connections[40], head[40], body[40], idle[40];
	const char *const env[] = { connections, head, body, idle, "SQUARE_ADDRESS_CONNECTIONS=0", NULL };
	const struct world_options options = { .webs = 2, .workers = 1, .web = env };
	struct scene s;

	(void)snprintf(connections, sizeof connections, "SQUARE_CONNECTIONS=%u", n + SPARE_FILES);
	(void)snprintf(head, sizeof head, "SQUARE_HEAD_SECONDS=%d", HEAD_S);
	(void)snprintf(body, sizeof body, "SQUARE_BODY_SECONDS=%d", BODY_S);
	(void)snprintf(idle, sizeof idle, "SQUARE_IDLE_SECONDS=%d", IDLE_S);
	scene_open(&s, r, &options);
	chaos_note(r, "%u idle connections%s, %d slow heads, bodies and readers each; limits %d s, %d s, idle %d s", n,
		   n < CROWD ? " (as many as there may be files)" : "", DRIPS, HEAD_S, BODY_S, IDLE_S);
	while (done < trials && !chaos_failed(r)) {
		meet_crowd(&s, n);
		chaos_progress(r, ++done, trials);
	}
	scene_close(&s);
}
