/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Jobs per second end to end, and the CPU time that each costs: wrk submits for some seconds while workers drain, then
 * the queue is left to run empty; completed jobs are divided by the time until then. CPU time is that of the processes
 * named (user and system, of /proc), wrk's own is not counted. The stack under test may be any that counts its finished
 * jobs in Redis.
 *
 *   bench_jobs --redis URL --count "HGET {jq:math:0}:st n:s" --pids web=1,worker=2,redis=3 [--seconds 5] [--runs 5]
 *              [--connections 64] [--script bench/post.lua] [--label NAME] URL
 *
 * Prints one JSON object: every run, and the medians. */
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "clock.h"
#include "rlink.h"

#define PARTS_MAX 16
#define RUNS_MAX 100
#define QUIET_MS 300 /* no job finished for this long: the queue is empty */

static struct {
	const char *redis, *script, *url, *label;
	char *count[16];
	unsigned seconds, runs, connections;
	size_t n_parts;
	struct {
		char name[32];
		pid_t pid;
	} parts[PARTS_MAX];
} opt = { .script = "bench/post.lua", .label = "square", .seconds = 5, .runs = 5, .connections = 64 };

struct run {
	double jobs_per_s, cpu_us, requests_per_s;
	double part_us[PARTS_MAX];
	long long jobs, errors;
};

static _Noreturn void die(const char *text)
{
	fprintf(stderr, "bench_jobs: %s\n", text);
	exit(1);
}

/* User and system time of a process so far, in microseconds. */
static double cpu_us(pid_t pid)
{
	char path[64], line[1024];
	snprintf(path, sizeof path, "/proc/%d/stat", (int)pid);
	FILE *f = fopen(path, "r");
	if (!f || !fgets(line, sizeof line, f))
		die("a process named by --pids is gone");
	fclose(f);
	unsigned long user = 0, system = 0;
	const char *after = strrchr(line, ')');
	if (!after || sscanf(after, ") %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %lu %lu", &user, &system) != 2)
		die("cannot read /proc/PID/stat");
	return (double)(user + system) * 1e6 / (double)sysconf(_SC_CLK_TCK);
}

static long long finished(struct rsync *redis)
{
	struct rcmd cmd;
	struct errinfo info;
	rcmd_init(&cmd);
	for (char **word = opt.count; *word; word++)
		rcmd_str(&cmd, *word);
	const struct rreply *reply = rsync_call(redis, &cmd, &info);
	rcmd_fini(&cmd);
	if (!reply)
		die(info.text);
	return rreply_int(reply);
}

/* Waits until nothing has finished for QUIET_MS; returns when the last job did (clock_mono_us). */
static uint64_t wait_empty(struct rsync *redis)
{
	long long count = finished(redis);
	uint64_t last_us = clock_mono_us();
	while (clock_mono_us() - last_us < QUIET_MS * 1000) {
		usleep(5000);
		long long now = finished(redis);
		if (now != count)
			last_us = clock_mono_us();
		count = now;
	}
	return last_us;
}

/* Runs wrk; its requests per second and its count of errors. */
static void run_wrk(struct run *r)
{
	char command[1024], line[256];
	snprintf(command, sizeof command, "wrk -t1 -c%u -d%us -s %s %s", opt.connections, opt.seconds, opt.script,
		 opt.url);
	FILE *p = popen(command, "r");
	if (!p)
		die("cannot run wrk");
	while (fgets(line, sizeof line, p)) {
		sscanf(line, "Requests/sec: %lf", &r->requests_per_s);
		sscanf(line, "  Non-2xx or 3xx responses: %lld", &r->errors);
	}
	if (pclose(p) != 0)
		die("wrk failed: is it installed, and does the service answer?");
}

static struct run one_run(struct rsync *redis)
{
	struct run r = { 0 };
	double before[PARTS_MAX];
	long long count = finished(redis);
	for (size_t i = 0; i < opt.n_parts; i++)
		before[i] = cpu_us(opt.parts[i].pid);
	uint64_t start_us = clock_mono_us();
	run_wrk(&r);
	uint64_t end_us = wait_empty(redis);
	r.jobs = finished(redis) - count;
	if (r.jobs == 0)
		die("no job finished");
	r.jobs_per_s = (double)r.jobs * 1e6 / (double)(end_us - start_us);
	for (size_t i = 0; i < opt.n_parts; i++) {
		r.part_us[i] = (cpu_us(opt.parts[i].pid) - before[i]) / (double)r.jobs;
		r.cpu_us += r.part_us[i];
	}
	return r;
}

static int compare(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;
	return x < y ? -1 : x > y;
}

static void print_spread(const char *name, const double *values, unsigned n)
{
	double sorted[RUNS_MAX];
	memcpy(sorted, values, n * sizeof *values);
	qsort(sorted, n, sizeof *sorted, compare);
	printf(",\"%s\":{\"median\":%.1f,\"min\":%.1f,\"max\":%.1f}", name, sorted[n / 2], sorted[0], sorted[n - 1]);
}

static void report(const struct run *runs)
{
	double values[RUNS_MAX];
	char name[64];
	long long jobs = 0, errors = 0;
	for (unsigned i = 0; i < opt.runs; i++) {
		jobs += runs[i].jobs;
		errors += runs[i].errors;
	}
	printf("{\"stack\":\"%s\",\"runs\":%u,\"seconds\":%u,\"connections\":%u,\"jobs\":%lld,\"errors\":%lld",
	       opt.label, opt.runs, opt.seconds, opt.connections, jobs, errors);
	for (unsigned i = 0; i < opt.runs; i++)
		values[i] = runs[i].jobs_per_s;
	print_spread("jobs_per_s", values, opt.runs);
	for (unsigned i = 0; i < opt.runs; i++)
		values[i] = runs[i].cpu_us;
	print_spread("cpu_us_per_job", values, opt.runs);
	for (size_t part = 0; part < opt.n_parts; part++) {
		for (unsigned i = 0; i < opt.runs; i++)
			values[i] = runs[i].part_us[part];
		snprintf(name, sizeof name, "cpu_us_%s", opt.parts[part].name);
		print_spread(name, values, opt.runs);
	}
	printf("}\n");
}

static void read_pids(char *text)
{
	for (char *item = strtok(text, ","); item; item = strtok(NULL, ",")) {
		char *equals = strchr(item, '=');
		if (!equals || opt.n_parts == PARTS_MAX)
			die("expected --pids name=pid,name=pid");
		*equals = '\0';
		snprintf(opt.parts[opt.n_parts].name, sizeof opt.parts[0].name, "%s", item);
		opt.parts[opt.n_parts++].pid = (pid_t)strtol(equals + 1, NULL, 10);
	}
}

static void read_options(int argc, char **argv)
{
	static const struct option options[] = {
		{ "redis", 1, NULL, 'r' },   { "count", 1, NULL, 'c' }, { "pids", 1, NULL, 'p' },
		{ "seconds", 1, NULL, 's' }, { "runs", 1, NULL, 'n' },  { "connections", 1, NULL, 'C' },
		{ "script", 1, NULL, 'S' },  { "label", 1, NULL, 'l' }, { NULL, 0, NULL, 0 },
	};
	size_t words = 0;
	for (int c; (c = getopt_long(argc, argv, "", options, NULL)) != -1;) {
		switch (c) {
		case 'r':
			opt.redis = optarg;
			break;
		case 'c':
			for (char *w = strtok(optarg, " "); w && words < 15; w = strtok(NULL, " "))
				opt.count[words++] = w;
			break;
		case 'p':
			read_pids(optarg);
			break;
		case 's':
			opt.seconds = (unsigned)strtoul(optarg, NULL, 10);
			break;
		case 'n':
			opt.runs = (unsigned)strtoul(optarg, NULL, 10);
			break;
		case 'C':
			opt.connections = (unsigned)strtoul(optarg, NULL, 10);
			break;
		case 'S':
			opt.script = optarg;
			break;
		case 'l':
			opt.label = optarg;
			break;
		default:
			exit(2);
		}
	}
	opt.url = optind < argc ? argv[optind] : NULL;
	if (!opt.url || !opt.redis || !words || !opt.n_parts || !opt.runs || opt.runs > RUNS_MAX)
		die("usage: bench_jobs --redis URL --count \"COMMAND\" --pids name=pid,... [--seconds 5] [--runs 5] "
		    "URL");
}

int main(int argc, char **argv)
{
	struct errinfo info;
	read_options(argc, argv);
	struct rsync *redis = rsync_open(opt.redis, 10000, &info);
	if (!redis)
		die(info.text);
	struct run *runs = calloc(opt.runs, sizeof *runs);
	if (!runs)
		die("out of memory");
	one_run(redis); /* warms up */
	for (unsigned i = 0; i < opt.runs; i++) {
		runs[i] = one_run(redis);
		fprintf(stderr, "%s run %u of %u: %.0f jobs/s, %.1f us CPU per job\n", opt.label, i + 1, opt.runs,
			runs[i].jobs_per_s, runs[i].cpu_us);
	}
	report(runs);
	free(runs);
	rsync_close(redis);
	return 0;
}
