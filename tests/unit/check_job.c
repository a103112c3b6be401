/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Jobs: names, the transition table, the record; key names and tags; commands in wire form; Redis URLs. */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "err.h"
#include "job.h"
#include "keys.h"
#include "rcmd.h"
#include "rurl.h"
#include "suite_run.h"

static struct span text(const char *s)
{
	return (struct span){ s, strlen(s) };
}

static struct job sample(void)
{
	return (struct job){ .priority = JOB_LOW,
			     .max_attempts = 7,
			     .result_ttl_s = 3600,
			     .timeout_ms = 5000,
			     .expires_in_us = 9000000,
			     .delay_us = 1500000,
			     .cache = 'b',
			     .reply = text("WebRole_IN_0-ab-0"),
			     .op = text("square"),
			     .trace = text("4bf92f3577b34da6a3ce929d0e0e4736"),
			     .args = text("[12]") };
}

START_TEST(test_record_round_trip)
{
	struct buf b = BUF_INIT;
	struct job in = sample(), out;
	ck_assert_int_eq(job_record_encode(&b, &in), 0);
	ck_assert_int_eq(job_record_decode(b.data, b.len, &out), 0);
	ck_assert_int_eq(out.state, JOB_QUEUED);
	ck_assert_int_eq(out.priority, JOB_LOW);
	ck_assert_uint_eq(out.max_attempts, 7);
	ck_assert_uint_eq(out.result_ttl_s, 3600);
	ck_assert_uint_eq(out.timeout_ms, 5000);
	ck_assert_uint_eq(out.expires_in_us, 9000000);
	ck_assert_uint_eq(out.delay_us, 1500000);
	ck_assert_int_eq(out.cache, 'b');
	ck_assert_mem_eq(out.reply.p, in.reply.p, in.reply.n);
	ck_assert_mem_eq(out.op.p, "square", 6);
	ck_assert_mem_eq(out.trace.p, in.trace.p, in.trace.n);
	ck_assert_uint_eq(out.args.n, 4);
	ck_assert_mem_eq(out.args.p, "[12]", 4);
	ck_assert_uint_eq(out.batch.n, 0);
	ck_assert_uint_eq(out.outcome.n, 0);
	buf_fini(&b);
}
END_TEST

/* No prefix of a record is a record, and no read goes past its end (the copy is exactly as long as it says). */
START_TEST(test_record_cut_anywhere)
{
	struct buf b = BUF_INIT;
	struct job in = sample(), out;
	job_record_encode(&b, &in);
	for (size_t n = 0; n < b.len; n++) {
		char *copy = malloc(n ? n : 1);
		memcpy(copy, b.data, n);
		ck_assert_int_eq(job_record_decode(copy, n, &out), ERR_INVALID);
		free(copy);
	}
	buf_byte(&b, 'x');
	ck_assert_int_eq(job_record_decode(b.data, b.len, &out), ERR_INVALID);
	buf_fini(&b);
}
END_TEST

START_TEST(test_record_foreign)
{
	static const struct {
		size_t at;
		char byte;
	} cases[] = { { 0, 'X' }, { 1, '2' }, { 2, 'z' }, { 3, 'z' }, { 70, (char)200 } };
	struct buf b = BUF_INIT;
	struct job in = sample(), out;
	job_record_encode(&b, &in);
	char kept = b.data[cases[_i].at];
	b.data[cases[_i].at] = cases[_i].byte;
	ck_assert_int_eq(job_record_decode(b.data, b.len, &out), ERR_INVALID);
	b.data[cases[_i].at] = kept;
	ck_assert_int_eq(job_record_decode(b.data, b.len, &out), 0);
	buf_fini(&b);
}
END_TEST

START_TEST(test_record_limits)
{
	struct buf b = BUF_INIT;
	char long_name[300];
	memset(long_name, 'a', sizeof long_name);
	struct job j = sample();
	j.op = (struct span){ long_name, JOB_OP_MAX + 1 };
	ck_assert_int_eq(job_record_encode(&b, &j), ERR_TOO_BIG);
	j = sample();
	j.trace = (struct span){ long_name, JOB_TRACE_MAX + 1 };
	ck_assert_int_eq(job_record_encode(&b, &j), ERR_TOO_BIG);
	j = sample();
	j.reply = (struct span){ long_name, 251 };
	ck_assert_int_eq(job_record_encode(&b, &j), ERR_TOO_BIG);
	ck_assert_uint_eq(b.len, 0);
	buf_fini(&b);
}
END_TEST

START_TEST(test_state_names)
{
	static const char all[] = "dqrsfxce";
	for (const char *p = all; *p; p++) {
		enum job_state back;
		const char *name = job_state_name((enum job_state) * p);
		ck_assert_ptr_nonnull(name);
		ck_assert_int_eq(job_state_parse(name, strlen(name), &back), 0);
		ck_assert_int_eq(back, *p);
		ck_assert_int_eq(job_state_done(back), strchr("sfxce", *p) != NULL);
	}
	enum job_state unset = JOB_DEAD;
	ck_assert_int_eq(job_state_parse("queue", 5, &unset), ERR_INVALID);
	ck_assert_int_eq(unset, JOB_DEAD);
	ck_assert_ptr_null(job_state_name((enum job_state)'?'));
}
END_TEST

/* The table of queue.md, written down a second time. */
START_TEST(test_state_may)
{
	static const char all[] = "dqrsfxce";
	static const struct {
		char from;
		const char *to;
	} rows[] = { { 'd', "qce" }, { 'q', "rce" }, { 'r', "qdsfxc" }, { 's', "" },
		     { 'f', "q" },   { 'x', "q" },   { 'c', "q" },      { 'e', "q" } };
	for (const char *to = all; *to; to++)
		ck_assert_int_eq(job_state_may((enum job_state)rows[_i].from, (enum job_state) * to),
				 strchr(rows[_i].to, *to) != NULL);
}
END_TEST

START_TEST(test_worker_of_batch)
{
	struct job j = { .batch = text("WorkerRole_IN_0.00ff.17") };
	struct span worker = job_worker(&j);
	ck_assert_uint_eq(worker.n, 15);
	ck_assert_mem_eq(worker.p, "WorkerRole_IN_0", 15);
	j.batch = text("");
	ck_assert_uint_eq(job_worker(&j).n, 0);
}
END_TEST

/* ---- keys ---- */

START_TEST(test_queue_names)
{
	static const struct {
		const char *name;
		bool valid;
	} cases[] = { { "math", true }, { "a", true },     { "9-x_y", true }, { "", false },    { "-a", false },
		      { "_a", false },  { "Math", false }, { "a b", false },  { "a:b", false }, { "a}b", false } };
	ck_assert_int_eq(keys_queue_valid(cases[_i].name, strlen(cases[_i].name)), cases[_i].valid);
}
END_TEST

START_TEST(test_tag_round_trip)
{
	char tag[KEYS_TAG_SIZE], queue[KEYS_QUEUE_MAX + 1], longest[KEYS_QUEUE_MAX + 2];
	unsigned shard;
	memset(longest, 'q', sizeof longest);
	longest[KEYS_QUEUE_MAX] = '\0';
	keys_tag(tag, longest, 999);
	ck_assert_int_eq(keys_tag_parse(tag, queue, &shard), 0);
	ck_assert_str_eq(queue, longest);
	ck_assert_uint_eq(shard, 999);
	ck_assert(!keys_queue_valid(longest, KEYS_QUEUE_MAX + 1));
	static const char *const bad[] = { "",        "{jq:}",     "{jq:a}",   "{jq:a:}",  "{jq:a:x}",
					   "{jq:a:1", "{jq:a:1}x", "{xx:a:1}", "{jq:A:1}", "{jq:a:123456}" };
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
		ck_assert_msg(keys_tag_parse(bad[i], queue, &shard) == ERR_INVALID, "%s", bad[i]);
}
END_TEST

/* ---- commands ---- */

START_TEST(test_rcmd_wire)
{
	struct rcmd c;
	size_t n;
	rcmd_init(&c);
	ck_assert_ptr_null(rcmd_bytes(&c, &n));
	rcmd_str(&c, "SET");
	rcmd_arg(&c, "a\0b", 3);
	rcmd_uint(&c, 18446744073709551615u);
	const char *wire = rcmd_bytes(&c, &n);
	static const char expected[] = "*3\r\n$3\r\nSET\r\n$3\r\na\0b\r\n$20\r\n18446744073709551615\r\n";
	ck_assert_uint_eq(n, sizeof expected - 1);
	ck_assert_mem_eq(wire, expected, n);
	for (int i = 0; i < 9; i++)
		rcmd_arg(&c, "", 0);
	wire = rcmd_bytes(&c, &n);
	ck_assert_mem_eq(wire, "*12\r\n", 5);
	rcmd_fcall(&c, "sq_claim", "{jq:math:0}");
	wire = rcmd_bytes(&c, &n);
	static const char call[] = "*4\r\n$5\r\nFCALL\r\n$8\r\nsq_claim\r\n$1\r\n1\r\n$11\r\n{jq:math:0}\r\n";
	ck_assert_uint_eq(n, sizeof call - 1);
	ck_assert_mem_eq(wire, call, n);
	rcmd_fini(&c);
}
END_TEST

/* ---- URLs ---- */

static const struct {
	const char *url, *host, *path, *user, *password;
	unsigned port, db;
} urls[] = {
	{ "redis://localhost", "localhost", "", "", "", 6379, 0 },
	{ "redis://10.0.0.1:7000/3", "10.0.0.1", "", "", "", 7000, 3 },
	{ "redis://[::1]:7000", "::1", "", "", "", 7000, 0 },
	{ "redis://[::1]", "::1", "", "", "", 6379, 0 },
	{ "redis://:se%40cret@h/", "h", "", "", "se@cret", 6379, 0 },
	{ "redis://web:p:w@h:1", "h", "", "web", "p:w", 1, 0 },
	{ "unix:///run/r.sock", "", "/run/r.sock", "", "", 6379, 0 },
	{ "unix://u:p@/run/r.sock?db=2", "", "/run/r.sock", "u", "p", 6379, 2 },
};

START_TEST(test_rurl_valid)
{
	struct rurl u;
	struct errinfo info = { 0 };
	ck_assert_msg(rurl_parse(urls[_i].url, &u, &info) == 0, "%s: %s", urls[_i].url, info.text);
	ck_assert_str_eq(u.host, urls[_i].host);
	ck_assert_str_eq(u.path, urls[_i].path);
	ck_assert_str_eq(u.user, urls[_i].user);
	ck_assert_str_eq(u.password, urls[_i].password);
	ck_assert_uint_eq(u.port, urls[_i].port);
	ck_assert_uint_eq(u.db, urls[_i].db);
}
END_TEST

START_TEST(test_rurl_invalid)
{
	static const char *const bad[] = { "",
					   "localhost",
					   "redis://",
					   "redis://h:0",
					   "redis://h:70000",
					   "redis://h/x",
					   "redis://[::1",
					   "redis://[::1]x",
					   "unix://run/r",
					   "unix:///r?x=1",
					   "http://h",
					   "redis://%zz",
					   "redis://a%2",
					   "redis://u@",
					   "redis://h:1x" };
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		struct rurl u;
		struct errinfo info = { 0 };
		ck_assert_msg(rurl_parse(bad[i], &u, &info) == ERR_INVALID, "%s", bad[i]);
		ck_assert_ptr_nonnull(strstr(info.text, "expected redis://"));
	}
}
END_TEST

static const struct {
	const char *url, *first, *last, *user, *password;
	unsigned n, first_port, last_port;
} clusters[] = {
	{ "redis+cluster://h", "h", "h", "", "", 1, 6379, 6379 },
	{ "redis+cluster://h/", "h", "h", "", "", 1, 6379, 6379 },
	{ "redis+cluster://u:p%40w@a:1,b,[::1]:7000", "a", "::1", "u", "p@w", 3, 1, 7000 },
	{ "redis+cluster://:pw@1,2,3,4,5,6,7,8", "1", "8", "", "pw", 8, 6379, 6379 },
};

START_TEST(test_rurl_cluster)
{
	struct rurl u;
	struct errinfo info = { 0 };
	ck_assert_msg(rurl_parse(clusters[_i].url, &u, &info) == 0, "%s: %s", clusters[_i].url, info.text);
	ck_assert_str_eq(u.host, "");
	ck_assert_uint_eq(u.sentinel_count, 0);
	ck_assert_uint_eq(u.node_count, clusters[_i].n);
	ck_assert_str_eq(u.nodes[0].host, clusters[_i].first);
	ck_assert_uint_eq(u.nodes[0].port, clusters[_i].first_port);
	ck_assert_str_eq(u.nodes[u.node_count - 1].host, clusters[_i].last);
	ck_assert_uint_eq(u.nodes[u.node_count - 1].port, clusters[_i].last_port);
	ck_assert_str_eq(u.user, clusters[_i].user);
	ck_assert_str_eq(u.password, clusters[_i].password);
}
END_TEST

START_TEST(test_rurl_cluster_invalid)
{
	static const char *const bad[][2] = {
		{ "redis+cluster://", "expected nodes of a cluster as host" },
		{ "redis+cluster://a,,b", "expected nodes of a cluster as host" },
		{ "redis+cluster://a:0", "expected nodes of a cluster as host" },
		{ "redis+cluster://1,2,3,4,5,6,7,8,9", "expected at most 8 nodes" },
		{ "redis+cluster://a/1", "expected nothing behind the nodes" },
		{ "redis+cluster://a?x=1", "expected nothing behind the nodes" },
		{ "redis+cluster://u%:secret@a", "expected user:password@" },
	};
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		struct rurl u;
		struct errinfo info = { 0 };
		ck_assert_msg(rurl_parse(bad[i][0], &u, &info) == ERR_INVALID, "%s", bad[i][0]);
		ck_assert_msg(strstr(info.text, bad[i][1]) != NULL, "%s: %s", bad[i][0], info.text);
		ck_assert_msg(strstr(info.text, "secret") == NULL, "%s", info.text);
	}
}
END_TEST

static const struct {
	const char *url, *first, *last, *master, *user, *password, *sentinel_user, *sentinel_password;
	unsigned n, first_port, last_port, db;
} groups[] = {
	{ "redis+sentinel://h/m", "h", "h", "m", "", "", "", "", 1, 26379, 26379, 0 },
	{ "redis+sentinel://a:1,b,10.0.0.3:7000/my-master/5", "a", "10.0.0.3", "my-master", "", "", "", "", 3, 1, 7000,
	  5 },
	{ "redis+sentinel://[::1]:7,[fe80::1]/m/", "::1", "fe80::1", "m", "", "", "", "", 2, 7, 26379, 0 },
	{ "redis+sentinel://u:p%2Cw@a,b/m?sentinel_password=x%26y&sentinel_user=eye", "a", "b", "m", "u", "p,w", "eye",
	  "x&y", 2, 26379, 26379, 0 },
	{ "redis+sentinel://:pw@1,2,3,4,5,6,7,8/a%20b/1?sentinel_password=s", "1", "8", "a b", "", "pw", "", "s", 8,
	  26379, 26379, 1 },
};

START_TEST(test_rurl_sentinels)
{
	struct rurl u;
	struct errinfo info = { 0 };
	ck_assert_msg(rurl_parse(groups[_i].url, &u, &info) == 0, "%s: %s", groups[_i].url, info.text);
	ck_assert_str_eq(u.host, "");
	ck_assert_str_eq(u.path, "");
	ck_assert_uint_eq(u.sentinel_count, groups[_i].n);
	ck_assert_str_eq(u.sentinels[0].host, groups[_i].first);
	ck_assert_uint_eq(u.sentinels[0].port, groups[_i].first_port);
	ck_assert_str_eq(u.sentinels[u.sentinel_count - 1].host, groups[_i].last);
	ck_assert_uint_eq(u.sentinels[u.sentinel_count - 1].port, groups[_i].last_port);
	ck_assert_str_eq(u.master, groups[_i].master);
	ck_assert_str_eq(u.user, groups[_i].user);
	ck_assert_str_eq(u.password, groups[_i].password);
	ck_assert_str_eq(u.sentinel_user, groups[_i].sentinel_user);
	ck_assert_str_eq(u.sentinel_password, groups[_i].sentinel_password);
	ck_assert_uint_eq(u.db, groups[_i].db);
}
END_TEST

START_TEST(test_rurl_sentinels_invalid)
{
	static const char *const bad[][2] = {
		{ "redis+sentinel://", "expected the sentinels as host[:port]" },
		{ "redis+sentinel:///m", "expected the sentinels as host[:port]" },
		{ "redis+sentinel://a,/m", "expected the sentinels as host[:port]" },
		{ "redis+sentinel://,a/m", "expected the sentinels as host[:port]" },
		{ "redis+sentinel://a:0/m", "expected the sentinels as host[:port]" },
		{ "redis+sentinel://a:70000,b/m", "expected the sentinels as host[:port]" },
		{ "redis+sentinel://a:,b/m", "expected the sentinels as host[:port]" },
		{ "redis+sentinel://[::1/m", "expected the sentinels as host[:port]" },
		{ "redis+sentinel://u:p@/m", "expected the sentinels as host[:port]" },
		{ "redis+sentinel://1,2,3,4,5,6,7,8,9/m", "expected at most 8 sentinels" },
		{ "redis+sentinel://a%zz@b/m", "expected user:password@" },
		{ "redis+sentinel://a", "expected the name that the sentinels have for the master" },
		{ "redis+sentinel://a/", "expected the name that the sentinels have for the master" },
		{ "redis+sentinel://a/?sentinel_password=x", "expected the name that the sentinels have" },
		{ "redis+sentinel://a/m/x", "expected the number of a database" },
		{ "redis+sentinel://a/m/1/2", "expected the number of a database" },
		{ "redis+sentinel://a/m?password=x", "sentinel_password=PASSWORD] at the end" },
		{ "redis+sentinel://a/m?sentinel_user=x", "sentinel_password=PASSWORD] at the end" },
		{ "redis+sentinel://a/m?sentinel_password=%", "sentinel_password=PASSWORD] at the end" },
	};
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		struct rurl u;
		struct errinfo info = { 0 };
		ck_assert_msg(rurl_parse(bad[i][0], &u, &info) == ERR_INVALID, "%s", bad[i][0]);
		ck_assert_msg(strstr(info.text, bad[i][1]) != NULL, "%s: %s", bad[i][0], info.text);
	}
}
END_TEST

START_TEST(test_rurl_sentinels_hide_passwords)
{
	static const char *const bad[] = {
		"redis+sentinel://me:hunter2@h:x/m",
		"redis+sentinel://me:hunter2@h/m/x?sentinel_password=hunter2",
		"redis+sentinel://h/m/x?sentinel_password=hunter2",
		"redis+sentinel://h/m/x?sentinel_password=a@hunter2",
		"redis+sentinel://me:hunter2@h/m?sentinel_pasword=a@hunter2",
		"redis+sentinel://me:hunter2?x@h/m",
	};
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		struct rurl u;
		struct errinfo info = { 0 };
		ck_assert_int_eq(rurl_parse(bad[i], &u, &info), ERR_INVALID);
		ck_assert_msg(!strstr(info.text, "hunter2"), "%s", info.text);
		ck_assert_ptr_nonnull(strstr(info.text, ", got \""));
	}
}
END_TEST

START_TEST(test_rurl_hides_password)
{
	static const char *const bad[] = {
		"redis://me:hunter2@h:x", "redis://me:hunter2@",     "redis://me:hunter2@h:99999/0",
		"unix://me:hunter2@run",  "redis://me:hunter2",      "me:hunter2",
		"rediss://me:hunter2@h",  "redis://me:hunter2%zz@h", "redis://:hunter2",
		"redis://me:hunter2/0",   "redis://me:4hunter2"
	};
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		struct rurl u;
		struct errinfo info = { 0 };
		ck_assert_msg(rurl_parse(bad[i], &u, &info) == ERR_INVALID, "%s", bad[i]);
		ck_assert_msg(!strstr(info.text, "hunter2"), "%s", info.text);
	}
}
END_TEST

static Suite *job_suite(void)
{
	Suite *s = suite_create("job");
	TCase *core = tcase_create("core"), *limits = tcase_create("limits"), *faults = tcase_create("faults");
	tcase_add_test(core, test_record_round_trip);
	tcase_add_test(core, test_state_names);
	tcase_add_loop_test(core, test_state_may, 0, 8);
	tcase_add_test(core, test_worker_of_batch);
	tcase_add_loop_test(core, test_queue_names, 0, 10);
	tcase_add_test(core, test_tag_round_trip);
	tcase_add_test(core, test_rcmd_wire);
	tcase_add_loop_test(core, test_rurl_valid, 0, sizeof urls / sizeof *urls);
	tcase_add_loop_test(core, test_rurl_sentinels, 0, sizeof groups / sizeof *groups);
	tcase_add_loop_test(core, test_rurl_cluster, 0, sizeof clusters / sizeof *clusters);
	tcase_add_test(core, test_rurl_cluster_invalid);
	tcase_add_test(limits, test_record_limits);
	tcase_add_test(faults, test_record_cut_anywhere);
	tcase_add_loop_test(faults, test_record_foreign, 0, 5);
	tcase_add_test(faults, test_rurl_invalid);
	tcase_add_test(faults, test_rurl_hides_password);
	tcase_add_test(faults, test_rurl_sentinels_invalid);
	tcase_add_test(faults, test_rurl_sentinels_hide_passwords);
	suite_add_tcase(s, core);
	suite_add_tcase(s, limits);
	suite_add_tcase(s, faults);
	return s;
}

int main(void)
{
	return suite_run(job_suite());
}
