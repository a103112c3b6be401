/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Input that wants to hang, crash or swell a worker, or to get out of it: every line of tests/data/hostile/jobs.jsonl
 * is answered within its deadline by one of the ends it names, and leaves no file, no process and no damage. */
#include <check.h>
#include <dirent.h>
#include <ftw.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "buf.h"
#include "fabric_run.h"
#include "http_client.h"
#include "proc.h"
#include "suite_run.h"
#include "wait_until.h"

#define WORKERS 2
#define DEADLINE_MS 90000 /* of one job that may wait for its turn; what ends it is its own time-out */
#define SOON_MS 20000

static struct fabric_run *service;

static void start_service(void)
{
	static const char *const env[] = { "WORKER_INSTANCES=2", NULL };

	service = fabric_run_start(env);
}

static void stop_service(void)
{
	ck_assert_int_eq(fabric_run_stop(service), 0);
}

/* ---- what is there before and after ---- */

static struct buf names;

static int add_name(const char *path, const struct stat *st, int type, struct FTW *at)
{
	(void)st;
	(void)type;
	if (at->level > 0 && !strstr(path, "redis") && !strstr(path, "appendonly"))
		buf_printf(&names, "%s\n", path);
	return 0;
}

/* The files below the service's folder (the instances' working folder too), one a line; freed by the caller. */
static char *list_files(void)
{
	buf_clear(&names);
	ck_assert_int_eq(nftw(fabric_run_dir(service), add_name, 16, FTW_PHYS), 0);
	return buf_take(&names, NULL);
}

static pid_t parent_of(const char *pid)
{
	char path[64], line[512] = "";
	int parent = 0;
	FILE *file;

	(void)snprintf(path, sizeof path, "/proc/%.20s/stat", pid);
	file = fopen(path, "r");
	if (!file)
		return 0;
	if (fgets(line, sizeof line, file) && strrchr(line, ')'))
		(void)sscanf(strrchr(line, ')') + 1, " %*c %d", &parent);
	(void)fclose(file);
	return parent;
}

static unsigned count_children(pid_t parent)
{
	DIR *proc = opendir("/proc");
	const struct dirent *entry;
	unsigned n = 0;

	ck_assert_ptr_nonnull(proc);
	while ((entry = readdir(proc)) != NULL)
		if (entry->d_name[0] >= '0' && entry->d_name[0] <= '9' && parent_of(entry->d_name) == parent)
			n += 1 + count_children((pid_t)strtol(entry->d_name, NULL, 10));
	(void)closedir(proc);
	return n;
}

static const char *instance(unsigned i)
{
	static char name[32];

	(void)snprintf(name, sizeof name, "WorkerRole_IN_%u", i);
	return name;
}

struct census {
	pid_t worker[WORKERS];
	unsigned children[WORKERS];
};

static bool as_before(void *arg)
{
	const struct census *before = arg;

	for (unsigned i = 0; i < WORKERS; i++)
		if (count_children(before->worker[i]) > before->children[i])
			return false;
	return true;
}

/* ---- the corpus ---- */

static bool is_among(const json_t *ends, const char *end)
{
	size_t i;
	json_t *v;

	json_array_foreach(ends, i, v)
	{
		if (strcmp(json_string_value(v), end) == 0)
			return true;
	}
	return false;
}

/* Through the queue: how it ended, "succeeded" or the type of its error. */
static void ask_by_queue(const char *body, char *end, size_t size)
{
	struct http_answer answer;
	const char *type;

	http_client_call(fabric_run_http(service), "POST", "/v1/jobs?wait=60", NULL, body, DEADLINE_MS, &answer);
	ck_assert_msg(answer.status == 200 || answer.status == 422, "%s: %ld %s %s", body, answer.status, answer.error,
		      answer.body);
	type = json_string_value(json_object_get(json_object_get(answer.json, "error"), "type"));
	if (answer.status == 422) /* refused by the web role already, from the catalogue */
		type = strcmp(http_answer_text(&answer, "type"), "/problems/unknown-operation") == 0
			   ? "unknown-name"
			   : "invalid-argument";
	(void)snprintf(end, size, "%s", type ? type : http_answer_text(&answer, "state"));
	http_answer_fini(&answer);
}

/* Appends to wrong what did not end as it should. */
static void try_line(const char *line, unsigned number, struct buf *wrong)
{
	json_t *job = json_loads(line, JSON_ALLOW_NUL, NULL);
	json_t *ends = json_incref(json_object_get(job, "ends"));
	char end[64], *body;

	ck_assert_msg(json_is_array(ends), "line %u", number);
	json_object_del(job, "ends");
	if (!json_object_get(job, "timeout_ms"))
		json_object_set_new(job, "timeout_ms", json_integer(5000));
	body = json_dumps(job, JSON_COMPACT);
	ask_by_queue(body, end, sizeof end);
	if (!is_among(ends, end))
		buf_printf(wrong, "line %u: %s ended as %s\n", number, body, end);
	free(body);
	json_decref(ends);
	json_decref(job);
}

/* Whatever was done to it, this instance still does its work. */
static void assert_serves(unsigned i)
{
	unsigned port = fabric_run_port_of(service, instance(i), "SquareEndpoint");
	char *said =
	    tcp_client_ask(port, "12\n{\"jsonrpc\":\"2.0\",\"method\":\"evaluate\",\"params\":[\"2+2\"],\"id\":1}\n",
			   SOON_MS);

	ck_assert_ptr_nonnull(said);
	ck_assert_str_eq(said, "144\n{\"jsonrpc\":\"2.0\",\"result\":4,\"id\":1}\n");
	free(said);
}

START_TEST(test_hostile_jobs_end_and_leave_nothing)
{
	struct census before;
	char *files, *files_after, *line = NULL;
	size_t size = 0;
	unsigned number = 0;
	struct buf wrong = BUF_INIT;
	FILE *corpus = fopen(proc_source("tests/data/hostile/jobs.jsonl"), "r");

	ck_assert_ptr_nonnull(corpus);
	for (unsigned i = 0; i < WORKERS; i++)
		assert_serves(i);
	files = list_files();
	for (unsigned i = 0; i < WORKERS; i++) {
		before.worker[i] = fabric_run_pid_of(service, instance(i));
		before.children[i] = count_children(before.worker[i]);
	}
	while (getline(&line, &size, corpus) > 0)
		try_line(line, ++number, &wrong);
	ck_assert_msg(wrong.len == 0, "%s", buf_cstr(&wrong));
	ck_assert_uint_ge(number, 60);
	for (unsigned i = 0; i < WORKERS; i++) {
		ck_assert_int_eq(fabric_run_pid_of(service, instance(i)), before.worker[i]);
		assert_serves(i);
	}
	ck_assert(wait_until(as_before, &before, SOON_MS));
	files_after = list_files();
	ck_assert_str_eq(files_after, files);
	free(files);
	free(files_after);
	free(line);
	(void)fclose(corpus);
}
END_TEST

/* What is too long for a line of the corpus: depth, length, size. */
static char *repeated(const char *before, const char *unit, size_t n, const char *after)
{
	struct buf text = BUF_INIT;

	buf_puts(&text, before);
	for (size_t i = 0; i < n; i++)
		buf_puts(&text, unit);
	buf_puts(&text, after);
	return buf_take(&text, NULL);
}

static const struct {
	const char *before, *unit;
	size_t n;
	const char *after, *ends[3];
} bulky[] = {
	{ "{\"op\":\"evaluate\",\"args\":[\"", "(", 60000, "1\"]}", { "limit-exceeded", "parse-error" } },
	{ "{\"op\":\"evaluate\",\"args\":[\"", "-", 60000, "1\"]}", { "limit-exceeded" } },
	{ "{\"op\":\"evaluate\",\"args\":[\"1", "!", 60000, "\"]}", { "limit-exceeded", "parse-error" } },
	{ "{\"op\":\"evaluate\",\"args\":[\"2", "^2", 30000, "\"]}", { "limit-exceeded" } },
	{ "{\"op\":\"evaluate\",\"args\":[\"1", "+1", 30000, "\"]}", { "limit-exceeded" } },
	{ "{\"op\":\"evaluate\",\"args\":[\"", "[", 60000, "\"]}", { "limit-exceeded", "parse-error" } },
	{ "{\"op\":\"evaluate\",\"args\":[\"", "sin(", 15000, "\"]}", { "limit-exceeded", "parse-error" } },
	{ "{\"op\":\"evaluate\",\"args\":[\"", "9", 200000, "\"]}", { "limit-exceeded" } },
	{ "{\"op\":\"add\",\"args\":[1,\"", "(", 60000, "1\"]}", { "limit-exceeded", "invalid-argument" } },
	{ "{\"op\":\"det\",\"args\":[[[1", ",1", 100000, "]]]}", { "limit-exceeded", "dimension-mismatch" } },
	{ "{\"op\":\"fft\",\"args\":[[1", ",1", 200000, "]]}", { "limit-exceeded" } },
};

START_TEST(test_bulky_jobs_end)
{
	char end[64], *body = repeated(bulky[_i].before, bulky[_i].unit, bulky[_i].n, bulky[_i].after);
	bool expected = false;

	ask_by_queue(body, end, sizeof end);
	for (size_t i = 0; i < 3 && bulky[_i].ends[i]; i++)
		expected = expected || strcmp(bulky[_i].ends[i], end) == 0;
	ck_assert_msg(expected, "%.60s... ended as %s", body, end);
	free(body);
	assert_serves(0);
	assert_serves(1);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("hostile");
	TCase *faults = tcase_create("faults"), *limits = tcase_create("limits");

	tcase_set_timeout(faults, 600);
	tcase_set_timeout(limits, 120);
	tcase_add_unchecked_fixture(faults, start_service, stop_service);
	tcase_add_unchecked_fixture(limits, start_service, stop_service);
	tcase_add_test(faults, test_hostile_jobs_end_and_leave_nothing);
	tcase_add_loop_test(limits, test_bulky_jobs_end, 0, (int)(sizeof bulky / sizeof *bulky));
	suite_add_tcase(suite, faults);
	suite_add_tcase(suite, limits);
	return suite_run(suite);
}
