/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The queue's functions on a real Redis Cluster while the slot of their shard is on its way to another node. Lua does
 * not roll back, so a function that met keys which have gone already would leave a transition half done. It never
 * begins: its one declared key is the tag itself, a key that never exists, and for a key that is missing in a slot that
 * moves Redis answers ASK before it runs anything. Here each function of the library is called at every step of a move,
 * and at last what has arrived is checked as a whole. */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "keys.h"
#include "lua_ask.h"
#include "lua_check.h"
#include "redis_cluster.h"
#include "suite_run.h"

static struct redis_cluster *cluster;
static struct lua_lab lab;
static int from, to;

/* ---- asking one node ---- */

static void open_lab(int node)
{
	struct errinfo info = { 0 };
	rsync_close(lab.link);
	lab.link = rsync_open(redis_cluster_node_url(cluster, node), 20000, &info);
	ck_assert_msg(lab.link != NULL, "%s", info.text);
	ask_lab = &lab;
}

static const char *say(const char *const *words)
{
	struct rcmd cmd;
	struct errinfo info = { 0 };
	rcmd_init(&cmd);
	for (; *words; words++)
		rcmd_str(&cmd, *words);
	const struct rreply *r = rsync_call(lab.link, &cmd, &info);
	rcmd_fini(&cmd);
	ck_assert_msg(r != NULL, "%s", info.text);
	return ask_text(r);
}
#define SAY(...) say((const char *const[]){ __VA_ARGS__, NULL })

static void assert_begins(const char *text, const char *beginning, const char *what)
{
	ck_assert_msg(strncmp(text, beginning, strlen(beginning)) == 0, "%s: expected \"%s…\", got \"%s\"", what,
		      beginning, text);
}

static void setup(void)
{
	cluster = redis_cluster_start(NULL);
	char *text = lua_lab_text(false);
	for (int i = 0; i < REDIS_CLUSTER_MASTERS; i++) {
		open_lab(i);
		const char *why = lua_lab_load(&lab, text);
		ck_assert_msg(!why, "%s", why);
	}
	free(text);
	for (unsigned i = 0; i < 8; i++)
		lua_lab_id(ask_ids[i], i);
	from = redis_cluster_master_of(cluster, LAB_TAG);
	ck_assert_int_ne(from, REDIS_CLUSTER_NOBODY);
	to = (from + 1) % REDIS_CLUSTER_MASTERS;
	open_lab(from);
}

static void teardown(void)
{
	rsync_close(lab.link);
	redis_cluster_stop(cluster);
}

/* ---- a queue with a job in each state, and a call of each function that would change it ---- */

static void enqueue(unsigned number, const struct job *job, const char *opts)
{
	const char *answer = ask_enqueue_job(number, job, opts, "100");
	ck_assert_msg(*answer == '[' && !strchr(answer, 'F'), "%s", answer);
}

static void fill(void)
{
	struct job delayed = ask_plain, once = ask_plain;
	delayed.delay_us = 600000000;
	once.max_attempts = 1;
	enqueue(0, &once, "");
	ck_assert_ptr_nonnull(strstr(SAY("FCALL", "sq_claim", "1", LAB_TAG, "w.b.1", "1", "10000000", "1"), "J1:r"));
	ck_assert_str_eq(SAY("FCALL", "sq_fail", "1", LAB_TAG, "w.b.1", ask_ids[0], "r", "5",
			     "{\"code\":\"internal-error\"}"),
			 "x");
	enqueue(1, &ask_plain, "");
	(void)SAY("FCALL", "sq_claim", "1", LAB_TAG, "w.b.2", "1", "600000000", "1");
	ck_assert_str_eq(SAY("FCALL", "sq_finish", "1", LAB_TAG, "w.b.2", ask_ids[1], "s", "5", "49"), "k");
	enqueue(2, &ask_plain, "");
	enqueue(3, &ask_plain, "");
	(void)SAY("FCALL", "sq_claim", "1", LAB_TAG, "w.b.3", "2", "600000000", "0");
	ck_assert_ptr_nonnull(strstr(SAY("FCALL", "sq_start", "1", LAB_TAG, "w.b.3", "1", ask_ids[2]), "s]"));
	enqueue(4, &delayed, "");
	enqueue(5, &ask_plain, "");
	enqueue(6, &ask_plain, "|||q|60000000");
	const char *why = lua_check_invariants(lab.link, LAB_TAG);
	ck_assert_msg(!why, "%s", why);
}

struct attempt {
	const char *words[12]; /* behind FCALL; the key is put in */
};

static const struct attempt attempts[] = {
	{ { "sq_cancel", ask_ids[5] } },
	{ { "sq_claim", "w.b.9", "4", "10000000", "0" } },
	{ { "sq_enqueue", "100", "0190a8d1-7c00-7000-8000-000000000009", "", "J1" } },
	{ { "sq_extend", "10000000", "w.b.3" } },
	{ { "sq_fail", "w.b.3", ask_ids[2], "r", "5", "{}" } },
	{ { "sq_figures" } },
	{ { "sq_finish", "w.b.3", ask_ids[2], "s", "5", "49" } },
	{ { "sq_fsck_count", "1", "0" } },
	{ { "sq_fsck_job", "1", ask_ids[5] } },
	{ { "sq_fsck_keys", "1", "lease" } },
	{ { "sq_fsck_list", "1", "normal", "0" } },
	{ { "sq_fsck_lost", "1", ask_ids[5] } },
	{ { "sq_fsck_near", "1", "normal" } },
	{ { "sq_fsck_registry", "1" } },
	{ { "sq_fsck_set", "1", "lease", "0" } },
	{ { "sq_list", "r", "10", "" } },
	{ { "sq_pause", "1" } },
	{ { "sq_peek", ask_ids[1] } },
	{ { "sq_presence", "w", "{}", "10000000", "x", "", "", "" } },
	{ { "sq_progress", "w.b.3", ask_ids[2], "{}" } },
	{ { "sq_reap", "10000000", "w", "c", "64" } },
	{ { "sq_redrive", "10", "100" } },
	{ { "sq_register", "{jq:other:0}" } },
	{ { "sq_release", "w.b.3", ask_ids[2] } },
	{ { "sq_retry", ask_ids[0], "100" } },
	{ { "sq_start", "w.b.3", "1", ask_ids[3] } },
	{ { "sq_version" } },
	{ { "sq_watch", ask_ids[5], "web" } },
};

/* A function that the table does not know is called with its key alone: Redis looks at that before all else. */
static const char *call(const char *function)
{
	const char *words[16] = { "FCALL", function, "1", LAB_TAG };
	size_t n = 4;
	for (size_t i = 0; i < sizeof attempts / sizeof *attempts; i++)
		for (size_t k = 1; strcmp(attempts[i].words[0], function) == 0 && attempts[i].words[k]; k++)
			words[n++] = attempts[i].words[k];
	return say(words);
}

/* The names of the library's functions, as Redis has them: none is left out. */
static size_t list_functions(char names[64][32])
{
	const struct rreply *r = rsync_words(lab.link, NULL, "FUNCTION", "LIST", NULL);
	const struct rreply *library = rreply_at(r, 0), *functions = rreply_at(library, 5);
	size_t n = rreply_count(functions);
	ck_assert_str_eq(rreply_str(rreply_at(library, 4), NULL), "functions");
	ck_assert_uint_gt(n, 20);
	ck_assert_uint_le(n, 64);
	for (size_t i = 0; i < n; i++)
		(void)snprintf(names[i], 32, "%s", rreply_str(rreply_at(rreply_at(functions, i), 1), NULL));
	return n;
}

/* What the source has of the slot: names with a digest of each value, in one text. */
static char *contents(void)
{
	static const char digests[] = "local out = {}\n"
				      "for _, key in ipairs(redis.call('KEYS', ARGV[1])) do\n"
				      "  out[#out + 1] = key .. ' ' .. redis.sha1hex(redis.call('DUMP', key))\n"
				      "end\n"
				      "table.sort(out)\n"
				      "return table.concat(out, '\\n')\n";
	return strdup(SAY("EVAL_RO", digests, "0", LAB_TAG "*"));
}

/* ---- core ---- */

/* At each step of the move: all functions are turned away, and leave what is there as it is. */
static void try_all(const char names[64][32], size_t n)
{
	char *before = contents();
	for (size_t i = 0; i < n; i++)
		assert_begins(call(names[i]), "!ASK ", names[i]);
	char *after = contents();
	ck_assert_str_eq(before, after);
	free(before);
	free(after);
}

START_TEST(test_functions_inside_a_move)
{
	char names[64][32];
	size_t n = list_functions(names);
	struct redis_cluster_move m;
	unsigned steps = 0;

	fill();
	redis_cluster_move_begin(cluster, &m, LAB_TAG, to);
	do {
		try_all(names, n);
		steps++;
	} while (redis_cluster_move_some(cluster, &m, 3));
	try_all(names, n);
	redis_cluster_move_end(cluster, &m);
	ck_assert_uint_ge(steps, 5);
	for (size_t i = 0; i < n; i++)
		assert_begins(call(names[i]), "!MOVED ", names[i]);

	open_lab(to);
	const char *why = lua_check_invariants(lab.link, LAB_TAG);
	ck_assert_msg(!why, "%s", why);
	ck_assert_str_eq(SAY("FCALL", "sq_finish", "1", LAB_TAG, "w.b.3", ask_ids[2], "s", "5", "49"), "k");
	ck_assert_str_eq(SAY("FCALL", "sq_finish", "1", LAB_TAG, "w.b.2", ask_ids[1], "s", "5", "50"), "m");
	ck_assert_ptr_nonnull(strstr(call("sq_claim"), "J1:r"));
	why = lua_check_invariants(lab.link, LAB_TAG);
	ck_assert_msg(!why, "%s", why);
}
END_TEST

/* What goes beside the functions: reads of records, and the hints. They may go wrong, and change nothing that counts.
 */
START_TEST(test_commands_beside_functions_inside_a_move)
{
	char job[KEYS_NAME_SIZE], markers[KEYS_NAME_SIZE];
	struct redis_cluster_move m;

	open_lab(redis_cluster_master_of(cluster, LAB_TAG));
	(void)SAY("FLUSHALL");
	fill();
	keys_job(job, LAB_TAG, ask_ids[5]);
	keys_markers(markers, LAB_TAG);
	(void)SAY("DEL", markers);
	int here = redis_cluster_master_of(cluster, LAB_TAG);
	redis_cluster_move_begin(cluster, &m, LAB_TAG, (here + 1) % REDIS_CLUSTER_MASTERS);
	ck_assert_str_eq(SAY("GET", job), "J1:q:0:");
	while (redis_cluster_move_some(cluster, &m, 100))
		;
	assert_begins(SAY("GET", job), "!ASK ", "GET");
	assert_begins(SAY("RPUSH", markers, "1"), "!ASK ", "RPUSH");
	assert_begins(SAY("BLPOP", markers, "0.01"), "!ASK ", "BLPOP");
	redis_cluster_move_end(cluster, &m);
	open_lab(redis_cluster_master_of(cluster, LAB_TAG));
	const char *why = lua_check_invariants(lab.link, LAB_TAG);
	ck_assert_msg(!why, "%s", why);
}
END_TEST

/* Why the declared key must never exist: were there a key of that name, a function would run into what has gone. */
START_TEST(test_a_key_of_the_tags_own_name_would_let_functions_run)
{
	struct redis_cluster_move m;

	open_lab(redis_cluster_master_of(cluster, LAB_TAG));
	(void)SAY("FLUSHALL");
	fill();
	(void)SAY("SET", LAB_TAG, "x");
	int here = redis_cluster_master_of(cluster, LAB_TAG);
	redis_cluster_move_begin(cluster, &m, LAB_TAG, (here + 1) % REDIS_CLUSTER_MASTERS);
	const char *said = call("sq_peek");
	ck_assert_msg(strncmp(said, "!ASK ", 5) != 0, "%s", said);
	while (redis_cluster_move_some(cluster, &m, 100))
		;
	redis_cluster_move_end(cluster, &m);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("cluster_functions");
	TCase *core = tcase_create("core");
	tcase_add_unchecked_fixture(core, setup, teardown);
	tcase_set_timeout(core, 120);
	tcase_add_test(core, test_functions_inside_a_move);
	tcase_add_test(core, test_commands_beside_functions_inside_a_move);
	tcase_add_test(core, test_a_key_of_the_tags_own_name_would_let_functions_run);
	suite_add_tcase(s, core);
	return suite_run(s);
}
