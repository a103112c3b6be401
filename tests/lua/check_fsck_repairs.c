/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The check of live queues: every violation there is, made by hand, is found by its name, mended, and then gone; a
 * queue in motion has none. */
#include <check.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "fsck_lab.h"
#include "lua_check.h"
#include "lua_library.h"
#include "lua_schedule.h"
#include "proc.h"
#include "queue.h"
#include "suite_run.h"
#include "wait_until.h"

static void clean(void)
{
	ask_clean();
	ask_registry((const char *const[]){ "sq_register", LAB_TAG, NULL });
}

/* ---- each violation ---- */

#define BATCH "w.b.1"
#define RUNNING "run 0 " BATCH ";"
#define FOLLOWING "asks 0;asks 1;asks 2;" /* 1 and 2 follow 0 */

static const struct plant {
	const char *script;
	const char *found;  /* by a check */
	const char *mended; /* by a repair; NULL: the same, each mended; "": nothing can be done */
} plants[] = {
	/* jobs in no place */
	{ "enqueue 0;enqueue 1;LREM T:w:normal 0 #0", "queued-lost#0", NULL },
	{ "enqueue 0;DEL T:w:normal", "queued-lost#0", NULL },
	{ RUNNING "DEL T:b:" BATCH ";ZREM T:lease " BATCH, "running-lost#0", "!running-lost#0 !run-counter:run" },
	{ "enqueue 0;sq_claim " BATCH " 1 10000000;DEL T:b:" BATCH ";ZREM T:lease " BATCH, "running-lost#0",
	  "!running-lost#0 !run-counter:run" },
	{ RUNNING "sq_cancel #0;DEL T:b:" BATCH ";ZREM T:lease " BATCH, "running-lost#0",
	  "!running-lost#0 !run-counter:run" },
	{ "once 0;sq_claim " BATCH " 1 10000000;sq_start " BATCH " 1 #0;HDEL T:b:" BATCH " #0",
	  "running-lost#0 lease-no-batch:" BATCH, "!running-lost#0 !lease-no-batch:" BATCH " !run-counter:run" },
	{ "delayed 0;delayed 1;ZREM T:d #0", "delayed-lost#0", NULL },
	{ FOLLOWING "LREM T:f:#0 0 #1", "follower-lost#1", NULL },
	/* jobs in two places, or in a wrong one */
	{ "enqueue 0;LREM T:w:normal 0 #0;RPUSH T:w:low #0", "wrong-list#0", NULL },
	{ "enqueue 0;RPUSH T:w:high #0", "wrong-list#0", NULL },
	{ "enqueue 0;enqueue 1;RPUSH T:w:normal #0 #0", "listed-twice#0", NULL },
	{ RUNNING "RPUSH T:w:low #0", "live-listed#0", NULL },
	{ "delayed 0;RPUSH T:w:normal #0", "live-listed#0", NULL },
	{ FOLLOWING "RPUSH T:w:low #1", "live-listed#1", NULL },
	{ "enqueue 0;ZADD T:d 5 #0", "delayed-not#0", NULL },
	{ RUNNING "enqueue 1;HSET T:b:" BATCH " #1 c", "mark-not-its#1", "!mark-not-its#1 !run-counter:run" },
	{ RUNNING "HSET T:b:w.b.2 #0 s;ZADD T:lease 1 w.b.2", "mark-not-its#0", "!mark-not-its#0 !run-counter:run" },
	{ "enqueue 0;ZADD T:joined 5 #0", "joined-not#0", NULL },
	{ FOLLOWING "enqueue 3;RPUSH T:f:#0 #3", "follower-not-its#3", NULL },
	{ FOLLOWING "RPUSH T:f:#0 #1", "follows-twice#1", NULL },
	{ FOLLOWING "ZREM T:joined #1", "joined-missing#1", NULL },
	{ FOLLOWING "ZADD T:joined 5 #1", "joined-missing#1", NULL },
	/* records */
	{ "enqueue 0;enqueue 1;SET T:j:#0 nonsense", "malformed#0", NULL },
	{ "enqueue 0;DEL T:j:#0;HSET T:j:#0 a b", "malformed#0", NULL },
	{ RUNNING "SET T:j:#0 nonsense", "malformed#0", NULL },
	{ "delayed 0;SET T:j:#0 nonsense", "malformed#0", NULL },
	{ FOLLOWING "SET T:j:#1 nonsense", "malformed#1", NULL },
	{ RUNNING "DEL T:j:#0", "mark-no-record#0", NULL },
	{ "delayed 0;DEL T:j:#0", "delayed-no-record#0", NULL },
	{ "enqueue 0;enqueue 1;DEL T:j:#0", "live-counter:live", NULL }, /* the entry is a tombstone now */
	{ RUNNING "sq_finish " BATCH " #0 s 5 1;PERSIST T:j:#0", "final-no-ttl#0", NULL },
	{ "enqueue 0;EXPIRE T:j:#0 1000", "live-ttl#0", NULL },
	{ "delayed 0;EXPIRE T:j:#0 1000", "live-ttl#0", NULL },
	{ RUNNING "EXPIRE T:j:#0 1000", "live-ttl#0", NULL },
	{ FOLLOWING "EXPIRE T:j:#1 1000", "live-ttl#1", NULL },
	{ "enqueue 0;SETRANGE T:j:#0 4 \001", "live-tombstone#0", NULL },
	{ "delayed 0;SETRANGE T:j:#0 4 \001", "live-tombstone#0", NULL },
	{ "enqueue 0;sq_cancel #0;DEL T:w:normal", "tombstone-missing#0", NULL },
	{ "enqueue 0;sq_cancel #0;SETRANGE T:j:#0 4 \002", "tombstone-unflagged#0", NULL },
	{ "enqueue 0;sq_cancel #0;RPUSH T:w:normal #0", "listed-twice#0", NULL },
	{ "delayed 0;ZADD T:d 5 #0", "delayed-time#0", NULL },
	{ "expiring 0;ZREM T:x #0", "expiry-missing#0", NULL },
	{ "expiring 0;ZADD T:x 5 #0", "expiry-missing#0", NULL },
	{ "enqueue 0;ZADD T:x 5 #0", "expiry-not#0", NULL },
	{ "enqueue 0;ZADD T:x 5 #7", "expiry-not#7", NULL },
	{ RUNNING "HSET T:b:" BATCH " #0 s!", "cancel-differs#0", NULL },
	{ RUNNING "sq_cancel #0;HSET T:b:" BATCH " #0 s", "cancel-differs#0", NULL },
	{ RUNNING "HSET T:b:" BATCH " #0 z", "mark-wrong#0", NULL },
	{ "enqueue 0;SETRANGE T:j:#0 6 \003", "attempts#0", "" },
	{ "enqueue 0;SETRANGE T:j:#0 4 \042", "led-nobody#0", NULL },
	{ FOLLOWING "SETRANGE T:j:#0 4 \002", "led-unflagged#0", NULL },
	{ FOLLOWING "DEL T:j:#0", "leader-gone#0", "!leader-gone#0 !live-counter:live" },
	/* batches and leases */
	{ RUNNING "ZREM T:lease " BATCH, "batch-no-lease:" BATCH, NULL },
	{ "ZADD T:lease 5 " BATCH, "lease-no-batch:" BATCH, NULL },
	/* counters */
	{ "enqueue 0;HINCRBY T:st live 7", "live-counter:live", NULL },
	{ RUNNING "HINCRBY T:st live -1;HINCRBY T:st run 2", "run-counter:run live-counter:live", NULL },
	{ "enqueue 0;enqueue 1;sq_cancel #0;HSET T:st live 9", "live-counter:live", NULL },
	/* keys */
	{ "EVAL for\ti=1,70\tdo\tredis.call('RPUSH','{jq:lab:0}:mk','1')\tend 0", "bound:mk", NULL },
	{ "RPUSH T:r:web 1", "key-no-ttl:r:web", NULL },
	{ "SET T:i:h #01700000000000000:print", "key-no-ttl:i:h", NULL },
	{ "enqueue 0;EXPIRE T:w:normal 1000", "key-ttl:w:normal", NULL },
	{ "SET T:mk 1", "foreign-key:mk", NULL },
	{ "HSET T:d a b", "foreign-key:d", "" },
	{ "RPUSH T:b:x a", "foreign-key:b:x", "" },
	{ "SET T:what 1", "unknown-key:what", "" },
	{ "SET T:i:h nonsense EX 100", "idem-malformed:i:h", "" },
	/* the registry */
	{ "ZADD {jq:reg}:seen 1 a 100000000 b;HSET {jq:reg}:inst a {} b {}", "presence-stale:a", NULL },
	{ "HSET {jq:reg}:inst a {}", "presence-unseen:a", NULL },
	{ "HSET {jq:reg}:tags {jq:lab2:0} 0", "tag-shared:{jq:lab2:0}", "" },
	{ "HSET {jq:reg}:tags nonsense 7", "tag-wrong:nonsense", "" },
	{ "SET {jq:reg}:what 1", "unknown-key:what", "" },
	{ "SET {jq:other:0}:d 1", "unregistered:{jq:other:0}", "" },
};

/* The findings as they read once all were mended. */
static const char *all_mended(const char *found)
{
	static struct buf b;

	buf_clear(&b);
	for (const char *p = found; *p; p++) {
		if (p == found || p[-1] == ' ')
			buf_byte(&b, '!');
		buf_byte(&b, *p);
	}
	return buf_cstr(&b);
}

START_TEST(test_fsck_finds_and_mends)
{
	const struct plant *p = &plants[_i];
	struct queue_fsck_summary sum;

	fsck_lab_script(p->script);
	const char *found = fsck_lab_check(false, &sum);
	ck_assert_msg(strcmp(found, p->found) == 0, "%s: expected \"%s\", found \"%s\"", p->script, p->found, found);
	ck_assert_uint_eq(sum.mended, 0);
	found = fsck_lab_check(false, NULL);
	ck_assert_msg(strcmp(found, p->found) == 0, "%s: the first check changed something: \"%s\"", p->script, found);
	found = fsck_lab_check(true, &sum);
	if (p->mended && !*p->mended) {
		ck_assert_str_eq(found, p->found);
		ck_assert_uint_eq(sum.mended, 0);
		return;
	}
	const char *expected = p->mended ? p->mended : all_mended(p->found);
	ck_assert_msg(strcmp(found, expected) == 0, "%s: expected \"%s\", did \"%s\"", p->script, expected, found);
	ck_assert_uint_eq(sum.mended, sum.findings);
	ck_assert_uint_eq(sum.unjudged, 0);
	const char *why = lua_check_invariants(ask_lab->link, LAB_TAG);
	ck_assert_msg(!why, "%s: after the repair: %s", p->script, why);
	found = fsck_lab_check(false, NULL);
	ck_assert_msg(!*found, "%s: after the repair found \"%s\"", p->script, found);
}
END_TEST

/* A leader that ended while others wait, in each way it may end: they come to an end too. */
START_TEST(test_fsck_settles_who_waits_for_a_final_job)
{
	fsck_lab_script(FOLLOWING "sq_claim " BATCH " 1 10000000;sq_start " BATCH " 1 #0");
	fsck_lab_script("RENAME T:f:#0 T:f:kept;SETRANGE T:j:#0 4 \002;sq_finish " BATCH
			" #0 s 5 42;RENAME T:f:kept T:f:#0");
	ck_assert_str_eq(fsck_lab_check(false, NULL), "led-final#0");
	ck_assert_str_eq(fsck_lab_check(true, NULL), "!led-final#0");
	ask_holds();
	struct job follower = ask_read_job(1);
	ck_assert_int_eq(follower.state, JOB_SUCCEEDED);
	ck_assert_int_eq((int)follower.outcome.n, 2);
	ck_assert(memcmp(follower.outcome.p, "42", 2) == 0);
}
END_TEST

/* What a running job of no batch becomes. */
START_TEST(test_fsck_charges_only_who_had_started)
{
	fsck_lab_script("enqueue 0;enqueue 1;sq_claim " BATCH " 2 10000000;sq_start " BATCH " 1 #1;DEL T:b:" BATCH
			";ZREM T:lease " BATCH);
	fsck_lab_check(true, NULL);
	ask_holds();
	ck_assert_int_eq(ask_read_job(0).state, JOB_QUEUED);
	ck_assert_uint_eq(ask_read_job(0).attempt, 0);
	ck_assert_int_eq(ask_read_job(1).state, JOB_DELAYED);
	ck_assert_uint_eq(ask_read_job(1).attempt, 1);
}
END_TEST

/* What was put aside stays so: its record has a time to live, whatever state it tells. */
START_TEST(test_fsck_leaves_what_was_put_aside)
{
	fsck_lab_script(RUNNING "SETRANGE T:j:#0 71 X;sq_finish " BATCH " #0 s 5 1");
	ck_assert_str_eq(fsck_lab_check(true, NULL), "");
}
END_TEST

/* Every code of the library has its words, and no words are there for nothing. */
START_TEST(test_fsck_codes_have_words)
{
	const struct queue_fsck_kind *kind;
	char code[64];

	for (size_t i = 0; (kind = queue_fsck_kind_at(i)); i++) {
		snprintf(code, sizeof code, "'%s'", kind->code);
		ck_assert_msg(strstr(lua_library, code) || strcmp(kind->code, "unregistered") == 0, "%s is never found",
			      kind->code);
		ck_assert_msg(kind->remedy || kind->why, "%s: neither a remedy nor why there is none", kind->code);
	}
	for (const char *p = lua_library; (p = strstr(p, "fsck.found(c, '")); p++) {
		snprintf(code, sizeof code, "%.*s", (int)strcspn(p + 15, "'"), p + 15);
		ck_assert_msg(queue_fsck_kind(code), "%s has no words", code);
	}
}
END_TEST

/* ---- limits ---- */

START_TEST(test_fsck_counts_what_it_looked_at)
{
	struct queue_fsck_summary sum;

	fsck_lab_script("run 0 " BATCH ";enqueue 1;enqueue 2;sq_cancel #2;delayed 3");
	ck_assert_str_eq(fsck_lab_check(false, &sum), "");
	ck_assert_uint_eq(sum.queues, 1);
	ck_assert_uint_eq(sum.jobs, 4);
	ck_assert_uint_eq(sum.entries, 2);
	ck_assert_uint_eq(sum.tombstones, 1);
	ck_assert_uint_eq(sum.unjudged, 0);
}
END_TEST

START_TEST(test_fsck_of_an_empty_redis)
{
	struct queue_fsck_summary sum;

	lab_do(ask_lab, "FLUSHALL");
	ck_assert_str_eq(fsck_lab_check(true, &sum), "");
	ck_assert_uint_eq(sum.queues, 0);
}
END_TEST

/* Makes n queued jobs inside Redis, quickly. */
static void fill(const char *n)
{
	struct buf record = BUF_INIT;
	static const char script[] = "local T, record = '" LAB_TAG "', ARGV[2]\n"
				     "for i = 1, tonumber(ARGV[1]) do\n"
				     "  local id = string.format('0190a8d1-7c00-7000-8000-%012x', i + 100)\n"
				     "  redis.call('SET', T .. ':j:' .. id, record)\n"
				     "  redis.call('RPUSH', T .. ':w:normal', id)\n"
				     "end\n"
				     "redis.call('HINCRBY', T .. ':st', 'live', ARGV[1])\n";
	struct rcmd cmd;

	ask_enqueue(0);
	size_t len;
	char key[KEYS_NAME_SIZE];
	keys_job(key, LAB_TAG, ask_ids[0]);
	const char *r = rreply_str(lab_do(ask_lab, "GET", key), &len);
	buf_append(&record, r, len);
	rcmd_init(&cmd);
	rcmd_str(&cmd, "EVAL");
	rcmd_str(&cmd, script);
	rcmd_str(&cmd, "0");
	rcmd_str(&cmd, n);
	rcmd_arg(&cmd, record.data, record.len);
	ck_assert_int_ne(rreply_type(rsync_call(ask_lab->link, &cmd, NULL)), RREPLY_ERROR);
	rcmd_fini(&cmd);
	buf_fini(&record);
}

/* The longest call of each kind, as Redis measures it: for the reader, not for a judgement. */
static void print_longest(const char *n)
{
	static const char *const calls[] = { "SCAN",         "sq_fsck_keys", "sq_fsck_set",
					     "sq_fsck_list", "sq_fsck_job",  "sq_fsck_count" };
	const struct rreply *log = lab_do(ask_lab, "SLOWLOG", "GET", "-1");

	printf("fsck of %s jobs, the longest call of each kind in us, of those over 1,000:", n);
	for (size_t k = 0; k < sizeof calls / sizeof *calls; k++) {
		int64_t longest = 0;
		for (size_t i = 0; i < rreply_count(log); i++) {
			const struct rreply *entry = rreply_at(log, i), *words = rreply_at(entry, 3);
			const char *name = rreply_str(rreply_at(words, 0), NULL);
			if (strcmp(name, "FCALL") == 0)
				name = rreply_str(rreply_at(words, 1), NULL);
			if (strcmp(name, calls[k]) == 0 && rreply_int(rreply_at(entry, 2)) > longest)
				longest = rreply_int(rreply_at(entry, 2));
		}
		printf(" %s %lld", calls[k], (long long)longest);
	}
	printf("\n");
}

START_TEST(test_fsck_of_many_jobs_in_short_slices)
{
	const char *n = getenv("FSCK_JOBS") ? getenv("FSCK_JOBS") : "30000";
	struct queue_fsck_summary sum;

	fill(n);
	lab_do(ask_lab, "CONFIG", "SET", "slowlog-log-slower-than", "1000");
	lab_do(ask_lab, "CONFIG", "SET", "slowlog-max-len", "10000");
	lab_do(ask_lab, "SLOWLOG", "RESET");
	fsck_lab_script("LREM T:w:normal 1 #0");
	ck_assert_str_eq(fsck_lab_check(true, &sum), "!queued-lost#0");
	ck_assert_uint_eq(sum.jobs, strtoull(n, NULL, 10) + 1);
	ck_assert_uint_eq(sum.entries + 1, sum.jobs);
	ck_assert_uint_eq(sum.unknown + sum.unjudged, 0);
	ck_assert_str_eq(ask_brief(lab_do(ask_lab, "LRANGE", LAB_TAG ":w:normal", "-1", "-1")), "[#0]");
	print_longest(n);
}
END_TEST

/* ---- faults ---- */

static bool schedule_runs(void *arg)
{
	(void)arg;
	return rreply_int(lab_do(ask_lab, "EXISTS", LAB_TAG ":st")) != 0;
}

/* Another process moves jobs in every way there is, with a model's random schedule. What it breaks on purpose is a
 * record here and there, which makes malformed ones and what follows from them: nothing else may ever be found. */
START_TEST(test_fsck_of_a_queue_in_motion_finds_nothing)
{
	struct errinfo info = { 0 };
	unsigned checks = 0;
	lab_do(ask_lab, "FLUSHALL"); /* as the schedule does when it begins */
	pid_t child = fork();

	ck_assert_int_ge(child, 0);
	if (child == 0) {
		struct lua_lab own = { ask_lab->redis, rsync_open(redis_private_url(ask_lab->redis), 20000, &info),
				       LAB_START_US };
		char *failure = own.link ? lua_schedule(&own, 7, 6000, 1, NULL) : NULL;
		if (failure)
			fprintf(stderr, "%s", failure);
		_exit(!own.link || failure ? 1 : 0);
	}
	int status;
	ck_assert(wait_until(schedule_runs, NULL, 20000));
	ask_registry((const char *const[]){ "sq_register", LAB_TAG, NULL });
	while (waitpid(child, &status, WNOHANG) == 0) {
		const char *found = fsck_lab_check(false, NULL);
		for (const char *p = found; *p; p += strcspn(p, " "), p += *p == ' ')
			ck_assert_msg(strncmp(p, "malformed", 9) == 0, "found in a healthy queue: %s", found);
		checks++;
	}
	ck_assert_int_eq(status, 0);
	printf("fsck in motion: %u checks, none found what is not there\n", checks);
	ck_assert_uint_gt(checks, 20);
}
END_TEST

static void ask_own(struct lua_lab *own, struct lua_call *c)
{
	lua_lab_call(own, c);
	lua_call_free(c);
}

/* Claims some of the long queue, gives half of them back and finishes the others, and refills it, until it is killed.
 */
static void churn(struct lua_lab *own)
{
	struct buf record = BUF_INIT;

	lua_lab_record(&record, &ask_plain);
	for (unsigned turn = 0;; turn++) {
		char batch[32], id[ID_TEXT_SIZE];
		struct lua_call *c = lua_call_new("sq_claim", LAB_TAG);
		snprintf(batch, sizeof batch, "w.b.%u", turn);
		lua_call_str(c, batch);
		lua_call_uint(c, 64);
		lua_call_uint(c, 10000000);
		const struct rreply *r = lua_lab_call(own, c);
		struct lua_call *release = lua_call_new("sq_release", LAB_TAG),
				*finish = lua_call_new("sq_finish", LAB_TAG),
				*enqueue = lua_call_new("sq_enqueue", LAB_TAG);
		lua_call_str(release, batch);
		lua_call_str(finish, batch);
		lua_call_uint(enqueue, 1000000);
		for (unsigned i = 0; i < 32; i++) {
			lua_call_str(release, rreply_str(rreply_at(r, 4 + 4 * i), NULL));
			lua_call_str(finish, rreply_str(rreply_at(r, 6 + 4 * i), NULL));
			lua_call_str(finish, "s");
			lua_call_str(finish, "5");
			lua_call_str(finish, "1");
			lua_lab_id(id, 1000000 + 32 * turn + i);
			lua_call_str(enqueue, id);
			lua_call_str(enqueue, "");
			lua_call_arg(enqueue, record.data, record.len);
		}
		lua_call_free(c);
		ask_own(own, release);
		ask_own(own, finish);
		ask_own(own, enqueue);
	}
}

/* A list that is longer than what is looked through near its head, and moves at both ends all the time; one job of it
 * is lost indeed. */
START_TEST(test_fsck_of_a_long_queue_in_motion_finds_what_is_lost)
{
	struct errinfo info = { 0 };
	struct queue_fsck_summary sum;

	fsck_lab_script("enqueue 1;LREM T:w:normal 1 #1");
	fill("30000");
	pid_t child = fork();
	ck_assert_int_ge(child, 0);
	if (child == 0) {
		struct lua_lab own = { ask_lab->redis, rsync_open(redis_private_url(ask_lab->redis), 20000, &info),
				       LAB_START_US };
		if (own.link)
			churn(&own);
		_exit(1);
	}
	for (int i = 0; i < 6; i++)
		ck_assert_str_eq(fsck_lab_check(false, NULL), "queued-lost#1");
	ck_assert_str_eq(fsck_lab_check(true, &sum), "!queued-lost#1");
	ck_assert_uint_eq(sum.unjudged, 0);
	ck_assert_str_eq(fsck_lab_check(false, NULL), "");
	ck_assert(proc_alive(child));
	kill(child, SIGKILL);
	ck_assert_int_eq(waitpid(child, NULL, 0), child);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("fsck");
	TCase *core = tcase_create("core"), *limits = tcase_create("limits"), *faults = tcase_create("faults");

	tcase_add_unchecked_fixture(core, ask_start, ask_stop);
	tcase_add_checked_fixture(core, clean, NULL);
	tcase_add_loop_test(core, test_fsck_finds_and_mends, 0, sizeof plants / sizeof *plants);
	tcase_add_test(core, test_fsck_settles_who_waits_for_a_final_job);
	tcase_add_test(core, test_fsck_charges_only_who_had_started);
	tcase_add_test(core, test_fsck_leaves_what_was_put_aside);
	tcase_add_test(core, test_fsck_codes_have_words);
	suite_add_tcase(suite, core);
	tcase_add_unchecked_fixture(limits, ask_start, ask_stop);
	tcase_add_checked_fixture(limits, clean, NULL);
	tcase_set_timeout(limits, 120);
	tcase_add_test(limits, test_fsck_counts_what_it_looked_at);
	tcase_add_test(limits, test_fsck_of_an_empty_redis);
	tcase_add_test(limits, test_fsck_of_many_jobs_in_short_slices);
	suite_add_tcase(suite, limits);
	tcase_add_unchecked_fixture(faults, ask_start, ask_stop);
	tcase_add_checked_fixture(faults, clean, NULL);
	tcase_set_timeout(faults, 300);
	tcase_add_test(faults, test_fsck_of_a_queue_in_motion_finds_nothing);
	tcase_add_test(faults, test_fsck_of_a_long_queue_in_motion_finds_what_is_lost);
	suite_add_tcase(suite, faults);
	return suite_run(suite);
}
