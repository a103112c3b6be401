/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Roles of different versions on one Redis, as far as today's programs alone can show it (tests/upgrade/run builds the
 * old ones, too): queues that an older library has filled, a newer library than ours, libraries that change under load,
 * and what other versions say of themselves. */
#include <check.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "buf.h"
#include "http_client.h"
#include "job_client.h"
#include "keys.h"
#include "lua_check.h"
#include "lua_library.h"
#include "proc.h"
#include "redis_private.h"
#include "rlink.h"
#include "role_run.h"
#include "suite_run.h"
#include "wait_until.h"

#define SOON_MS 30000
#define TAG "{jq:math:0}"
#define PATIENT "SQUARE_ENQUEUE_DEADLINE_MS=5000"
#define ID_BYTES 36

static struct redis_private *redis;
static struct rsync *redis_link;
static struct role_run *web, *worker;

static void start_redis(void)
{
	struct errinfo info;

	redis = redis_private_start(NULL);
	redis_link = rsync_open(redis_private_url(redis), 20000, &info);
	ck_assert_msg(redis_link != NULL, "%s", info.text);
}

static void stop_redis(void)
{
	rsync_close(redis_link);
	redis_private_stop(redis);
}

static void start_roles(const char *worker_name)
{
	static const char *const patient[] = { PATIENT, NULL };

	web = role_run_start("web-role", "WebRole_IN_0", redis_private_url(redis), patient);
	worker = role_run_start("worker-role", worker_name, redis_private_url(redis), NULL);
}

static void stop_roles(void)
{
	ck_assert_int_eq(role_run_stop(worker), 0);
	ck_assert_int_eq(role_run_stop(web), 0);
}

/* A command of words; an error ends the test. */
static const struct rreply *command(const char *a, const char *b, const char *c, const char *d, const char *e)
{
	const struct rreply *r = rsync_words(redis_link, NULL, a, b, c, d, e, NULL);

	ck_assert_msg(r && rreply_type(r) != RREPLY_ERROR, "%s %s: %s", a, b, r ? rreply_str(r, NULL) : "no reply");
	return r;
}

static long version_there(void)
{
	return (long)rreply_int(command("FCALL", "sq_version", "1", KEYS_REG, NULL));
}

static long own_version(void)
{
	return strtol(strstr(lua_library, "local VERSION = ") + strlen("local VERSION = "), NULL, 10);
}

/* Loads a library's text with another number as its version; 0: its own. */
static void load_library(const char *text, long version)
{
	static const char mark[] = "local VERSION = ";
	const char *at = strstr(text, mark);
	struct buf b = BUF_INIT;

	ck_assert_ptr_nonnull(at);
	at += strlen(mark);
	buf_append(&b, text, (size_t)(at - text));
	buf_int(&b, version ? version : strtol(at, NULL, 10));
	buf_puts(&b, at + strspn(at, "0123456789"));
	command("FUNCTION", "LOAD", "REPLACE", buf_cstr(&b), NULL);
	buf_fini(&b);
}

static char *read_file(const char *path)
{
	struct buf b = BUF_INIT;
	char chunk[4096];
	size_t n;
	FILE *in = fopen(path, "re");

	ck_assert_msg(in != NULL, "expected to read %s", path);
	while ((n = fread(chunk, 1, sizeof(chunk), in)) > 0)
		buf_append(&b, chunk, n);
	(void)fclose(in);
	return buf_take(&b, NULL);
}

static void invariants_hold(void)
{
	const char *broken = lua_check_invariants(redis_link, TAG);

	ck_assert_msg(broken == NULL, "%s", broken);
}

/* ---- what roles of library version 5 wrote ---- */

enum {
	OLD_WAITING,
	OLD_DELAYED,
	OLD_CLAIMED,
	OLD_STARTED,
	OLD_SUCCEEDED,
	OLD_FAILED,
	OLD_DEAD,
	OLD_CANCELLED,
	OLD_JOBS
};

/* Job n of an id that names the first tag, as the programs of then made them. */
static const char *old_id(unsigned n)
{
	static char ids[OLD_JOBS][ID_BYTES + 1];

	(void)snprintf(ids[n], sizeof(ids[n]), "01a204a9-ac0b-777b-8000-fcb4f76440%02x", n);
	return ids[n];
}

static void put_le(struct buf *b, uint64_t value, unsigned bytes)
{
	for (unsigned i = 0; i < bytes; i++)
		buf_byte(b, (char)(value >> 8 * i & 255));
}

/* The record of a new job, byte by byte as J1 is laid out; not by today's encoder, which is what is on trial. */
static void old_record(struct buf *b, unsigned max_attempts, uint64_t delay_us)
{
	static const char op[] = "square", args[] = "[12]";

	buf_puts(b, "J1qn");
	put_le(b, 0, 2);            /* flags */
	put_le(b, 0, 2);            /* attempt */
	put_le(b, max_attempts, 2); /* max_attempts */
	put_le(b, 86400, 4);        /* result_ttl_s */
	for (int i = 0; i < 6; i++)
		put_le(b, 0, 8); /* created_at, run_at, expires_at, started_at, finished_at, expires_in_us */
	put_le(b, delay_us, 8);
	put_le(b, 0, 1); /* batch */
	put_le(b, 0, 1); /* reply names */
	put_le(b, 1 + strlen(op) + 4 + 1 + 1 + strlen(args), 4);
	put_le(b, strlen(op), 1);
	buf_puts(b, op);
	put_le(b, 60000, 4); /* timeout_ms */
	buf_puts(b, "b");    /* cache: bypass */
	put_le(b, 0, 1);     /* trace id */
	buf_puts(b, args);
	put_le(b, 0, 4); /* outcome */
}

static void old_enqueue(unsigned n)
{
	struct buf record = BUF_INIT;
	struct rcmd cmd;

	old_record(&record, n == OLD_DEAD ? 1 : 3, n == OLD_DELAYED ? 3600000000u : 0);
	rcmd_init(&cmd);
	rcmd_fcall(&cmd, "sq_enqueue", TAG);
	rcmd_str(&cmd, "1000000");
	rcmd_str(&cmd, old_id(n));
	rcmd_str(&cmd, "");
	rcmd_arg(&cmd, record.data, record.len);
	const struct rreply *r = rsync_call(redis_link, &cmd, NULL);
	ck_assert(r && rreply_type(r) != RREPLY_ERROR);
	rcmd_fini(&cmd);
	buf_fini(&record);
}

static const struct rreply *old_call(const char *function, const char *const *words)
{
	struct rcmd cmd;

	rcmd_init(&cmd);
	rcmd_fcall(&cmd, function, TAG);
	for (; *words; words++)
		rcmd_str(&cmd, *words);
	const struct rreply *r = rsync_call(redis_link, &cmd, NULL);
	ck_assert_msg(r && rreply_type(r) != RREPLY_ERROR, "%s: %s", function, rreply_str(r, NULL));
	rcmd_fini(&cmd);
	return r;
}
#define old_call(function, ...) old_call(function, (const char *const[]){ __VA_ARGS__, NULL })

/* Claims the one job that waits, under a batch of its own, and starts it unless told otherwise. */
static void old_claim(unsigned n, const char *batch, bool start)
{
	old_enqueue(n);
	const struct rreply *r = old_call("sq_claim", batch, "1", "10000000", "0");
	ck_assert_str_eq(rreply_str(rreply_at(r, 4), NULL), old_id(n));
	if (start)
		old_call("sq_start", batch, "1", old_id(n));
}

/* A job in each place that there is, as a service leaves them that was killed. */
static void fill_as_of_old(void)
{
	old_enqueue(OLD_DELAYED);
	old_claim(OLD_SUCCEEDED, "WorkerRole_IN_0.1a2b.1", true);
	old_call("sq_finish", "WorkerRole_IN_0.1a2b.1", old_id(OLD_SUCCEEDED), "s", "31", "144");
	old_claim(OLD_FAILED, "WorkerRole_IN_0.1a2b.2", true);
	old_call("sq_finish", "WorkerRole_IN_0.1a2b.2", old_id(OLD_FAILED), "f", "31",
		 "{\"type\":\"domain\",\"detail\":\"of old\",\"retryable\":false}");
	old_claim(OLD_DEAD, "WorkerRole_IN_0.1a2b.3", true);
	old_call("sq_fail", "WorkerRole_IN_0.1a2b.3", old_id(OLD_DEAD), "r", "31",
		 "{\"type\":\"worker-lost\",\"detail\":\"of old\",\"retryable\":true}");
	old_enqueue(OLD_CANCELLED);
	old_call("sq_cancel", old_id(OLD_CANCELLED));
	old_claim(OLD_CLAIMED, "WorkerRole_IN_0.1a2b.4", false);
	old_claim(OLD_STARTED, "WorkerRole_IN_0.1a2b.5", true);
	old_enqueue(OLD_WAITING);
}

static const struct {
	unsigned n;
	const char *state;
} after_upgrade[] = {
	{ OLD_WAITING, "succeeded" },   { OLD_DELAYED, "delayed" },     { OLD_CLAIMED, "succeeded" },
	{ OLD_STARTED, "succeeded" },   { OLD_FAILED, "failed" },       { OLD_DEAD, "dead" },
	{ OLD_CANCELLED, "cancelled" }, { OLD_SUCCEEDED, "succeeded" },
};

struct expected {
	const char *id, *state;
	char got[16], result[64];
};

static bool has_come_to(void *arg)
{
	struct expected *e = arg;

	return job_client_get(role_run_port(web), e->id, e->got, e->result, sizeof(e->result)) == 200 &&
	       strcmp(e->got, e->state) == 0;
}

static void await_state(unsigned n, const char *state)
{
	struct expected e = { old_id(n), state, "", "" };

	ck_assert_msg(wait_until(has_come_to, &e, SOON_MS), "job %u: expected %s, got %s", n, state, e.got);
	if (strcmp(state, "succeeded") == 0)
		ck_assert_str_eq(e.result, "144");
}

static long long attempts_of(unsigned n)
{
	struct http_answer a;
	char path[80];

	(void)snprintf(path, sizeof(path), "/v1/jobs/%s", old_id(n));
	http_client_get(role_run_port(web), path, &a);
	long long attempt = json_integer_value(json_object_get(a.json, "attempt"));
	http_answer_fini(&a);
	return attempt;
}

static long ask(const char *method, const char *path, const char *body)
{
	struct http_answer a;

	http_client_call(role_run_port(web), method, path, NULL, body, SOON_MS, &a);
	long status = a.status;
	http_answer_fini(&a);
	return status;
}

/* Each library that was released: today's roles replace it, and every job of its time is where it should be. */
static const char *const released[] = { "tests/data/library/v5.lua" };

START_TEST(test_roles_take_over_queues_of_an_older_library)
{
	char *text = read_file(proc_source(released[_i]));
	char path[96];

	load_library(text, 0);
	free(text);
	ck_assert_int_lt(version_there(), own_version() + 1);
	ck_assert_int_eq(rreply_int(command("FCALL", "sq_register", "1", KEYS_REG, TAG)), 0);
	fill_as_of_old();
	invariants_hold();
	start_roles("WorkerRole_IN_0"); /* of the name of the one that is gone: takes its batches at once */
	ck_assert_int_eq(version_there(), own_version());
	for (size_t i = 0; i < sizeof(after_upgrade) / sizeof(*after_upgrade); i++)
		await_state(after_upgrade[i].n, after_upgrade[i].state);
	ck_assert_int_eq(attempts_of(OLD_CLAIMED), 1);
	ck_assert_int_eq(attempts_of(OLD_STARTED), 2);
	(void)snprintf(path, sizeof(path), "/v1/jobs/%s", old_id(OLD_DELAYED));
	ck_assert_int_eq(ask("DELETE", path, NULL), 200);
	await_state(OLD_DELAYED, "cancelled");
	ck_assert_int_eq(ask("POST", "/v1/queues/math/redrive", NULL), 202);
	await_state(OLD_DEAD, "succeeded");
	(void)snprintf(path, sizeof(path), "/v1/jobs/%s/retry?wait=10", old_id(OLD_FAILED));
	ck_assert_int_eq(ask("POST", path, NULL), 200);
	await_state(OLD_FAILED, "succeeded");
	invariants_hold();
	stop_roles();
}
END_TEST

/* ---- a newer library than ours ---- */

struct load {
	pthread_t thread;
	struct job_list list;
	atomic_bool stop;
	atomic_uint done, refused; /* refused: neither acknowledged nor 503 */
};

static void *submit_without_end(void *arg)
{
	struct load *l = arg;

	while (!l->stop) {
		long status = job_client_submit(role_run_port(web), "{\"op\":\"square\",\"args\":[12]}", &l->list);
		if (status == 200 || status == 202)
			l->done++;
		else if (status != 503)
			l->refused++;
	}
	return NULL;
}

static void load_begin(struct load *l)
{
	*l = (struct load){ .stop = false };
	ck_assert_int_eq(pthread_create(&l->thread, NULL, submit_without_end, l), 0);
}

static bool more_were_submitted(void *arg)
{
	unsigned *goal = ((void **)arg)[1];

	return ((struct load *)((void **)arg)[0])->done >= *goal;
}

/* Until so many more were acknowledged. */
static void load_proceeds(struct load *l, unsigned more)
{
	unsigned goal = l->done + more;
	void *both[] = { l, &goal };

	ck_assert_msg(wait_until(more_were_submitted, both, SOON_MS), "expected %u acknowledged jobs, got %u", goal,
		      l->done);
}

static void load_end(struct load *l)
{
	l->stop = true;
	ck_assert_int_eq(pthread_join(l->thread, NULL), 0);
	ck_assert_uint_eq(l->refused, 0);
	ck_assert_uint_gt(l->list.n, 0);
	ck_assert_uint_eq(job_client_wait_all(role_run_port(web), &l->list, "144", SOON_MS), l->list.n);
	job_list_fini(&l->list);
}

START_TEST(test_library_is_replaced_under_load)
{
	struct load l;

	start_roles("WorkerRole_IN_0");
	load_begin(&l);
	load_proceeds(&l, 1);
	for (long i = 1; i <= 10; i++) {
		load_library(lua_library, own_version() + i);
		load_proceeds(&l, 3);
	}
	load_end(&l);
	invariants_hold();
	stop_roles();
	/* who starts on a newer one leaves it */
	start_roles("WorkerRole_IN_0");
	ck_assert_int_eq(version_there(), own_version() + 10);
	load_begin(&l);
	load_proceeds(&l, 3);
	load_end(&l);
	stop_roles();
}
END_TEST

/* A Redis that was restored from a backup of older days has an older library: roles that were there all the time
 * bring theirs again, without a restart. */
START_TEST(test_library_comes_back_after_redis_does)
{
	char *text = read_file(proc_source(released[0]));
	struct load l;

	start_roles("WorkerRole_IN_0");
	load_library(text, 0);
	free(text);
	redis_private_restart(redis);
	rsync_close(redis_link);
	redis_link = rsync_open(redis_private_url(redis), 20000, NULL);
	ck_assert_ptr_nonnull(redis_link);
	load_begin(&l);
	load_proceeds(&l, 3);
	load_end(&l);
	ck_assert_int_eq(version_there(), own_version());
	invariants_hold();
	stop_roles();
}
END_TEST

/* ---- what others say of themselves ---- */

static bool worker_is_listed(void *arg)
{
	struct http_answer a;
	const json_t *entry;
	bool found = false;
	size_t i;

	http_client_get(role_run_port(web), "/v1/workers", &a);
	json_array_foreach(json_object_get(a.json, "workers"), i, entry)
	{
		const char *name = json_string_value(json_object_get(entry, "instance"));
		found = found || (name && strcmp(name, arg) == 0);
	}
	http_answer_fini(&a);
	return found;
}

/* A member that this version does not know, in whatever form, harms nobody. */
START_TEST(test_instances_of_other_versions_are_seen)
{
	static char name[] = "WorkerRole_IN_77";
	static const char entry[] =
	    "{\"instance\":\"WorkerRole_IN_77\",\"role\":\"WorkerRole\",\"host\":\"elsewhere\",\"pid\":7,"
	    "\"started_at\":\"2026-11-22T15:04:05.123Z\",\"state\":\"busy\",\"endpoints\":{"
	    "\"SquareEndpoint\":\"127.0.0.1:9\",\"OtherPeer\":\"127.0.0.1:10\"},"
	    "\"queues\":[\"math\"],\"shards\":[0,1],\"running\":1,\"capacity\":16,"
	    "\"weight\":{\"cpu\":1.5,\"of\":[null]}}";
	struct rcmd cmd;
	struct load l;

	start_roles("WorkerRole_IN_0");
	rcmd_init(&cmd);
	rcmd_fcall(&cmd, "sq_presence", KEYS_REG);
	rcmd_str(&cmd, name);
	rcmd_str(&cmd, entry);
	rcmd_str(&cmd, "60000000");
	rcmd_str(&cmd, "word of another kind");
	for (int i = 0; i < 3; i++)
		rcmd_str(&cmd, "");
	const struct rreply *r = rsync_call(redis_link, &cmd, NULL);
	ck_assert(r && rreply_type(r) != RREPLY_ERROR);
	rcmd_fini(&cmd);
	ck_assert_msg(wait_until(worker_is_listed, name, SOON_MS), "%s is not listed", name);
	ck_assert_ptr_null(strstr(role_run_said(web), "unreadable entries"));
	load_begin(&l);
	load_proceeds(&l, 3);
	load_end(&l);
	stop_roles();
}
END_TEST

static bool operation_is_known(void *arg)
{
	struct http_answer a;

	http_client_get(role_run_port(web), arg, &a);
	long status = a.status;
	http_answer_fini(&a);
	return status == 200;
}

/* The catalogue that is there, with what a later version may add to it: members, and an operation. */
static json_t *later_catalogue(void)
{
	const char *digest = rreply_str(command("HGET", KEYS_REG_CAT, "last", NULL, NULL), NULL);
	char name[200];
	size_t i;

	(void)snprintf(name, sizeof(name), "%s", digest);
	json_t *all = json_loads(rreply_str(command("HGET", KEYS_REG_CAT, name, NULL, NULL), NULL), 0, NULL), *op;
	ck_assert_msg(json_is_object(all), "expected the catalogue as a JSON object");
	json_t *ops = json_object_get(all, "operations"), *further = NULL;

	json_object_set_new(all, "later", json_pack("{s:[i]}", "member", 1));
	json_array_foreach(ops, i, op)
	{
		json_object_set_new(op, "later", json_pack("{s:[n]}", "member"));
		if (strcmp(json_string_value(json_object_get(op, "name")), "square") == 0)
			further = json_deep_copy(op);
	}
	ck_assert_ptr_nonnull(further);
	json_object_set_new(further, "name", json_string("square_of_later"));
	json_array_append_new(ops, further);
	return all;
}

START_TEST(test_catalogue_of_another_version_is_read)
{
	static char path[] = "/v1/operations/square_of_later";
	struct rcmd cmd;
	struct load l;

	start_roles("WorkerRole_IN_0");
	load_begin(&l); /* the worker's catalogue is there by then */
	load_proceeds(&l, 1);
	json_t *all = later_catalogue();
	char *text = json_dumps(all, JSON_COMPACT);
	rcmd_init(&cmd);
	rcmd_fcall(&cmd, "sq_presence", KEYS_REG);
	rcmd_str(&cmd, "WorkerRole_IN_77");
	rcmd_str(&cmd, "{\"instance\":\"WorkerRole_IN_77\",\"role\":\"WorkerRole\",\"queues\":[\"math\"]}");
	rcmd_str(&cmd, "60000000");
	rcmd_str(&cmd, "topology");
	rcmd_str(&cmd, "digestofanotherversion");
	rcmd_str(&cmd, text);
	rcmd_str(&cmd, "");
	const struct rreply *r = rsync_call(redis_link, &cmd, NULL);
	ck_assert(r && rreply_type(r) != RREPLY_ERROR);
	rcmd_fini(&cmd);
	free(text);
	json_decref(all);
	ck_assert(wait_until(operation_is_known, path, SOON_MS));
	load_proceeds(&l, 3);
	load_end(&l);
	stop_roles();
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("upgrade");
	TCase *core = tcase_create("core"), *faults = tcase_create("faults");

	tcase_add_checked_fixture(core, start_redis, stop_redis);
	tcase_set_timeout(core, 120);
	tcase_add_loop_test(core, test_roles_take_over_queues_of_an_older_library, 0,
			    sizeof(released) / sizeof(*released));
	tcase_add_test(core, test_library_is_replaced_under_load);
	tcase_add_test(core, test_instances_of_other_versions_are_seen);
	tcase_add_test(core, test_catalogue_of_another_version_is_read);
	suite_add_tcase(suite, core);
	tcase_add_checked_fixture(faults, start_redis, stop_redis);
	tcase_set_timeout(faults, 120);
	tcase_add_test(faults, test_library_comes_back_after_redis_does);
	suite_add_tcase(suite, faults);
	return suite_run(suite);
}
