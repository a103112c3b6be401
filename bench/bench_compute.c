/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Compute children, without the rest of the service: bench_compute [ROUND_TRIPS [RUNS]] measures
 * 1. how long a zygote takes from its fork until it is ready,
 * 2. the round trip of a small call, one after the other: the median of the runs, with minimum and maximum,
 * 3. from killing a child to the next call's answer from another one, and until the pool is as large as before,
 * 4. what a child that has computed holds for itself (anonymous memory, proportional share), and what the worker has.
 * Prints one JSON object. Exit 1 on a wrong answer. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "clock.h"
#include "compute/pool.h"

#define KILLS 200
#define RUNS_MAX 101

static uv_loop_t loop;
static struct pool *pool;
static bool answered;

static void die(const char *what)
{
	fprintf(stderr, "bench_compute: %s\n", what);
	exit(1);
}

static void on_result(void *arg, const struct pool_result *result)
{
	const char *expected = arg;

	if (expected && (!result->ok || result->json->len != strlen(expected) ||
			 memcmp(result->json->data, expected, result->json->len) != 0))
		die("a wrong answer");
	answered = true;
}

static struct pool_child *start(const char *op, const char *args, const char *expected)
{
	struct pool_caller caller = { .on_result = on_result, .arg = (void *)expected };
	struct pool_child *child;
	struct op_failure f;
	struct op_call call;

	if (op_call_prepare(&call, op, strlen(op), args, strlen(args), 60000, &f) != 0)
		die(f.detail);
	while (pool_room(pool) == 0)
		uv_run(&loop, UV_RUN_ONCE);
	answered = false;
	if (pool_run(pool, &call, 60000, &caller, &child) != 0)
		die("no child");
	op_call_fini(&call);
	return child;
}

static void ask(void)
{
	start("square", "[12]", "144");
	while (!answered)
		uv_run(&loop, UV_RUN_ONCE);
}

static int by_value(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return x < y ? -1 : x > y;
}

static void put_spread(const char *name, double *values, int n)
{
	qsort(values, (size_t)n, sizeof *values, by_value);
	printf("\"%s\":{\"median\":%.1f,\"min\":%.1f,\"max\":%.1f},", name, values[n / 2], values[0], values[n - 1]);
}

static void round_trips(int count, int runs)
{
	double us[RUNS_MAX];

	ask();
	for (int run = 0; run < runs; run++) {
		uint64_t began_us = clock_mono_us();
		for (int i = 0; i < count; i++)
			ask();
		us[run] = (double)(clock_mono_us() - began_us) / count;
	}
	put_spread("round_trip_us", us, runs);
}

static void await_full(unsigned size)
{
	while (pool_room(pool) < size || !pool_pid(pool, size))
		uv_run(&loop, UV_RUN_ONCE);
}

static void kills(unsigned size)
{
	double next_us[KILLS], whole_us[KILLS];

	for (int i = 0; i < KILLS; i++) {
		await_full(size);
		struct pool_child *child = start("factorial", "[100000]", NULL);
		uint64_t began_us = clock_mono_us();
		pool_abandon(child);
		ask();
		next_us[i] = (double)(clock_mono_us() - began_us);
		await_full(size);
		whole_us[i] = (double)(clock_mono_us() - began_us);
	}
	put_spread("kill_to_next_answer_us", next_us, KILLS);
	put_spread("kill_to_ready_us", whole_us, KILLS);
}

/* A figure of /proc/PID/FILE in KiB, 0 when it cannot be read. */
static long kib(pid_t pid, const char *file, const char *field)
{
	char path[64], line[256];
	long value = 0;

	snprintf(path, sizeof path, "/proc/%d/%s", (int)pid, file);
	FILE *f = fopen(path, "r");
	while (f && fgets(line, sizeof line, f))
		if (strncmp(line, field, strlen(field)) == 0)
			value = strtol(line + strlen(field), NULL, 10);
	if (f)
		fclose(f);
	return value;
}

int main(int argc, char **argv)
{
	int count = argc > 1 ? atoi(argv[1]) : 20000, runs = argc > 2 ? atoi(argv[2]) : 9;
	unsigned size = 2;
	struct zygote_options options = { .memory_mib = 512 };
	struct errinfo info;
	uint64_t began_us = clock_mono_us();

	if (count < 1 || runs < 1 || runs > RUNS_MAX)
		die("usage: bench_compute [ROUND_TRIPS [RUNS]]");
	struct zygote *zygote = zygote_fork();
	if (!zygote || zygote_start(zygote, &options, &info) != 0)
		die(zygote ? info.text : "no zygote");
	printf("{\"zygote_start_ms\":%.1f,", (double)(clock_mono_us() - began_us) / 1000);
	uv_loop_init(&loop);
	struct pool_options how = { .size = size, .memory_mib = 512, .loop = &loop, .zygote = zygote };
	pool = pool_new(&how);
	if (!pool)
		die("no pool");
	await_full(size);
	round_trips(count, runs);
	kills(size);
	await_full(size);
	ask();
	await_full(size);
	pid_t child = pool_pid(pool, 0), mother = zygote_pid(zygote);
	printf("\"child_anon_kib\":%ld,\"child_pss_kib\":%ld,\"zygote_rss_kib\":%ld,\"worker_rss_kib\":%ld}\n",
	       kib(child, "status", "RssAnon:"), kib(child, "smaps_rollup", "Pss:"), kib(mother, "status", "VmRSS:"),
	       kib(getpid(), "status", "VmRSS:"));
	pool_free(pool);
	uv_run(&loop, UV_RUN_DEFAULT);
	zygote_free(zygote);
	return 0;
}
