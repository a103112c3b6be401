/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Load on a running service, over both of its ports, and the reckoning at the end: was every job that was acknowledged
 * computed, once and rightly? `load HTTP_PORT TCP_PORT` runs until its standard input ends; `load --ports` prints two
 * free ports; `load --hold PORT N` holds N connections until its input ends. Prints one line of counts; status 1 when a
 * job was lost or wrong. Whether requests may fail is for the caller to say, who knows what it did to the service
 * meanwhile. */
#include <curl/curl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "clock.h"
#include "http_client.h"
#include "proc.h"

#define THREADS 4
#define JOBS_MOST 200000
#define PAUSE_NS 5000000
#define REQUEST_MS 20000
#define ASK_AGAIN 40 /* times, after a 503: it asks for that, and says that a key makes it safe */
#define SETTLE_MS 90000
#define COMPLAINTS 8

struct job {
	char id[40];
	long n; /* its result is n * n */
};

static struct job *jobs;
static unsigned http_port, tcp_port;
static atomic_size_t acknowledged;
static atomic_ulong requests, failed, again, tcp_good, tcp_failed;
static atomic_bool stopping;
static atomic_int complaints;

static void complain(const char *what, long status, const char *text)
{
	if (atomic_fetch_add(&complaints, 1) < COMPLAINTS)
		(void)fprintf(stderr, "load: %s: status %ld: %.300s\n", what, status, text ? text : "");
}

static void pause_ns(long ns)
{
	const struct timespec t = { 0, ns };

	(void)nanosleep(&t, NULL);
}

static void remember(const struct http_answer *a, long n)
{
	size_t at = atomic_fetch_add(&acknowledged, 1);

	if (at >= JOBS_MOST) {
		(void)fprintf(stderr, "load: more than %d jobs\n", JOBS_MOST);
		_exit(2);
	}
	(void)snprintf(jobs[at].id, sizeof(jobs[at].id), "%s", http_answer_text(a, "id"));
	jobs[at].n = n;
}

/* What the balancer answers by itself is a failure, whatever its status. */
static bool asks_again(const struct http_answer *a)
{
	return a->status == 503 && strcmp(http_answer_text(a, "title"), "No instance ready") != 0;
}

static void submit(long n)
{
	char body[96], key[64];
	const char *headers[] = { key, "Content-Type: application/json", NULL };
	struct http_answer a;
	int tries = 0;

	if (n % 10 == 0) /* one for a compute child */
		(void)snprintf(body, sizeof(body), "{\"op\":\"evaluate\",\"args\":[\"%ld^2\"]}", n);
	else
		(void)snprintf(body, sizeof(body), "{\"op\":\"square\",\"args\":[%ld]}", n);
	(void)snprintf(key, sizeof(key), "Idempotency-Key: load-%d-%ld", (int)getpid(), n);
	for (;; http_answer_fini(&a)) {
		atomic_fetch_add(&requests, 1);
		http_client_call(http_port, "POST", n % 3 ? "/v1/jobs" : "/v1/jobs?wait=5", headers, body, REQUEST_MS,
				 &a);
		if (!asks_again(&a) || ++tries == ASK_AGAIN)
			break;
		atomic_fetch_add(&again, 1);
		pause_ns(50000000);
	}
	if (a.status == 200 || a.status == 202) {
		remember(&a, n);
	} else {
		atomic_fetch_add(&failed, 1);
		complain("POST /v1/jobs", a.status, a.status ? a.body : a.error);
	}
	http_answer_fini(&a);
}

/* A connection of its own for each: what a client without patience does. */
static void ask_directly(long n)
{
	char line[32], expected[40];
	char *answer;

	(void)snprintf(line, sizeof(line), "%ld\n", n);
	(void)snprintf(expected, sizeof(expected), "%ld\n", n * n);
	answer = tcp_client_ask(tcp_port, line, REQUEST_MS);
	if (answer && strcmp(answer, expected) == 0) {
		atomic_fetch_add(&tcp_good, 1);
	} else {
		atomic_fetch_add(&tcp_failed, 1);
		complain("the TCP endpoint", 0, answer ? answer : "no answer");
	}
	free(answer);
}

static void *run(void *arg)
{
	for (long n = 1 + (long)(size_t)arg; !atomic_load(&stopping); n += THREADS) {
		submit(n);
		ask_directly(n);
		pause_ns(PAUSE_NS);
	}
	return NULL;
}

/* 1 when it has succeeded with the right result, 0 when it is not done yet, -1 when it never will be. */
static int look(const struct job *j)
{
	struct http_answer a;
	char path[80];
	int verdict = 0;

	(void)snprintf(path, sizeof(path), "/v1/jobs/%s", j->id);
	http_client_get(http_port, path, &a);
	if (a.status == 404 || (a.status == 200 && json_is_true(json_object_get(a.json, "done")))) {
		json_t *result = a.json ? json_object_get(a.json, "result") : NULL;
		verdict = json_is_integer(result) && json_integer_value(result) == j->n * j->n ? 1 : -1;
		if (verdict < 0)
			complain(path, a.status, a.body);
	}
	http_answer_fini(&a);
	return verdict;
}

/* Waits for each; how many were lost. */
static size_t settle(void)
{
	uint64_t end_us = clock_mono_us() + SETTLE_MS * UINT64_C(1000);
	size_t lost = 0, n = atomic_load(&acknowledged);

	for (size_t i = 0; i < n; i++) {
		int verdict;
		while ((verdict = look(&jobs[i])) == 0 && clock_mono_us() < end_us)
			pause_ns(50000000);
		if (verdict == 0)
			complain(jobs[i].id, 0, "was not done in time");
		lost += verdict != 1;
	}
	return lost;
}

static int ports(void)
{
	unsigned http = proc_free_port(), tcp = proc_free_port();

	return printf("%u %u\n", http, tcp) < 0;
}

static void wait_for_end(void)
{
	char rest[64];

	while (read(STDIN_FILENO, rest, sizeof(rest)) > 0)
		;
}

static int hold(unsigned port, unsigned long n)
{
	for (unsigned long i = 0; i < n; i++)
		if (tcp_client_connect(port, REQUEST_MS) < 0)
			return fprintf(stderr, "load: connection %lu of %lu to port %u failed\n", i + 1, n, port), 1;
	wait_for_end();
	return 0;
}

int main(int argc, char **argv)
{
	pthread_t threads[THREADS];
	size_t lost;

	if (argc == 2 && strcmp(argv[1], "--ports") == 0)
		return ports();
	if (argc == 4 && strcmp(argv[1], "--hold") == 0)
		return hold((unsigned)strtoul(argv[2], NULL, 10), strtoul(argv[3], NULL, 10));
	if (argc != 3 || !(http_port = (unsigned)strtoul(argv[1], NULL, 10)) ||
	    !(tcp_port = (unsigned)strtoul(argv[2], NULL, 10)) || !(jobs = calloc(JOBS_MOST, sizeof(*jobs))) ||
	    curl_global_init(CURL_GLOBAL_DEFAULT) != 0)
		return fputs("usage: load HTTP_PORT TCP_PORT, until its input ends; or load --ports; or load --hold "
			     "PORT N\n",
			     stderr),
		       2;
	for (size_t i = 0; i < THREADS; i++)
		if (pthread_create(&threads[i], NULL, run, (void *)i) != 0)
			return perror("load: pthread_create"), 2;
	wait_for_end();
	atomic_store(&stopping, true);
	for (size_t i = 0; i < THREADS; i++)
		(void)pthread_join(threads[i], NULL);
	lost = settle();
	printf("requests %lu again %lu failed %lu acknowledged %zu lost %zu tcp %lu tcp_failed %lu\n",
	       atomic_load(&requests), atomic_load(&again), atomic_load(&failed), atomic_load(&acknowledged), lost,
	       atomic_load(&tcp_good), atomic_load(&tcp_failed));
	return lost != 0;
}
