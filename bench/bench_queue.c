/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What the queue's functions cost Redis: enqueue, claim, start and finish of many jobs at several batch sizes, over one
 * blocking connection; the time is Redis' own (usec of FCALL in INFO commandstats), divided by the jobs.
 *
 *   bench_queue [--jobs 20000] [--runs 5] REDIS_URL     prints one JSON object; the Redis should be a private one. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "id.h"
#include "job.h"
#include "lua_library.h"
#include "rlink.h"

#define TAG "{jq:bench:0}"
#define BATCH_MAX 64
#define RUNS_MAX 100

static struct rsync *redis;
static struct idgen idgen;

static _Noreturn void die(const char *text)
{
	fprintf(stderr, "bench_queue: %s\n", text);
	exit(1);
}

static const struct rreply *call(struct rcmd *cmd)
{
	struct errinfo info;
	const struct rreply *reply = rsync_call(redis, cmd, &info);
	if (!reply)
		die(info.text);
	if (rreply_type(reply) == RREPLY_ERROR)
		die(rreply_str(reply, NULL));
	return reply;
}

static double fcall_us(void)
{
	struct errinfo info;
	const struct rreply *reply = rsync_words(redis, &info, "INFO", "commandstats", NULL);
	const char *line = reply ? strstr(rreply_str(reply, NULL), "cmdstat_fcall:") : NULL;
	const char *usec = line ? strstr(line, "usec=") : NULL;
	return usec ? strtod(usec + 5, NULL) : 0;
}

/* One batch through its whole life. */
static void round_trip(unsigned batch, unsigned long number)
{
	static char ids[BATCH_MAX][ID_TEXT_SIZE];
	static struct rcmd cmd;
	struct buf record = BUF_INIT;
	struct job job = { .priority = JOB_NORMAL,
			   .max_attempts = 3,
			   .result_ttl_s = 3600,
			   .timeout_ms = 30000,
			   .cache = 'b',
			   .op = { "square", 6 },
			   .args = { "[123456]", 8 } };
	char name[64];
	snprintf(name, sizeof name, "WorkerRole_IN_0.0123456789abcdef.%lu", number);
	job_record_encode(&record, &job);
	rcmd_fcall(&cmd, "sq_enqueue", TAG);
	rcmd_str(&cmd, "1000000");
	for (unsigned i = 0; i < batch; i++) {
		struct id id = id_make(&idgen, 1);
		id_format(&id, ids[i]);
		rcmd_arg(&cmd, ids[i], ID_TEXT_LEN);
		rcmd_arg(&cmd, "", 0);
		rcmd_arg(&cmd, record.data, record.len);
	}
	call(&cmd);
	rcmd_fcall(&cmd, "sq_claim", TAG);
	rcmd_str(&cmd, name);
	rcmd_uint(&cmd, batch);
	rcmd_str(&cmd, "10000000");
	if (rreply_count(call(&cmd)) != 4 + 2 * batch)
		die("the claim did not give the batch");
	rcmd_fcall(&cmd, "sq_start", TAG);
	rcmd_str(&cmd, name);
	rcmd_str(&cmd, "0");
	for (unsigned i = 0; i < batch; i++)
		rcmd_arg(&cmd, ids[i], ID_TEXT_LEN);
	call(&cmd);
	rcmd_fcall(&cmd, "sq_finish", TAG);
	rcmd_str(&cmd, name);
	for (unsigned i = 0; i < batch; i++) {
		rcmd_arg(&cmd, ids[i], ID_TEXT_LEN);
		rcmd_str(&cmd, "s");
		rcmd_str(&cmd, "3");
		rcmd_str(&cmd, "15241383936");
	}
	call(&cmd);
	buf_fini(&record);
}

static int compare(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;
	return x < y ? -1 : x > y;
}

int main(int argc, char **argv)
{
	static const unsigned batches[] = { 1, 16, 64 };
	unsigned long jobs = 20000, number = 0;
	unsigned runs = 5;
	struct errinfo info;
	int at = 1;
	for (; at + 1 < argc && argv[at][0] == '-'; at += 2) {
		unsigned long value = strtoul(argv[at + 1], NULL, 10);
		if (strcmp(argv[at], "--jobs") == 0)
			jobs = value;
		else if (strcmp(argv[at], "--runs") == 0)
			runs = (unsigned)value;
	}
	if (at + 1 != argc || !jobs || !runs || runs > RUNS_MAX)
		die("usage: bench_queue [--jobs 20000] [--runs 5] REDIS_URL");
	redis = rsync_open(argv[at], 10000, &info);
	if (!redis)
		die(info.text);
	idgen_init(&idgen);
	rsync_words(redis, &info, "FUNCTION", "LOAD", "REPLACE", lua_library, NULL);
	printf("{");
	for (size_t b = 0; b < sizeof batches / sizeof *batches; b++) {
		double us[RUNS_MAX];
		for (unsigned run = 0; run < runs; run++) {
			double before = fcall_us();
			for (unsigned long done = 0; done < jobs; done += batches[b])
				round_trip(batches[b], ++number);
			us[run] = (fcall_us() - before) / (double)(jobs + batches[b] - 1 - (jobs - 1) % batches[b]);
		}
		qsort(us, runs, sizeof *us, compare);
		printf("%s\"batch_%u\":{\"redis_us_per_job\":%.2f,\"min\":%.2f,\"max\":%.2f}", b ? "," : "", batches[b],
		       us[runs / 2], us[0], us[runs - 1]);
	}
	printf("}\n");
	rsync_words(redis, &info, "FLUSHDB", NULL);
	rsync_close(redis);
	return 0;
}
