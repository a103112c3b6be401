/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <check.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "clock.h"
#include "job_json.h"
#include "suite_run.h"

#define ID "01a204a5-3f42-741e-8002-cf51adeb0f2e"
#define NOW UINT64_C(1795374268226000) /* 2026-11-22T19:04:28.226Z */
#define SPAN(text) ((struct span){ text, strlen(text) })

static const struct job_json_rules rules = { .depth = 32, .timeout_max_ms = 60000, .now_us = NOW };

/* ---- the job object ---- */

static json_t *object_of(const struct job *j)
{
	struct buf b = BUF_INIT;
	json_error_t error;
	job_json(&b, ID, "math", j);
	json_t *tree = json_loads(buf_cstr(&b), JSON_REJECT_DUPLICATES, &error);
	ck_assert_msg(tree != NULL, "%s in %s", error.text, buf_cstr(&b));
	buf_fini(&b);
	return tree;
}

static struct job finished(enum job_state state, const char *outcome)
{
	return (struct job){ .state = state,
			     .priority = JOB_HIGH,
			     .attempt = 1,
			     .max_attempts = 3,
			     .created_at = NOW,
			     .run_at = NOW + 1000,
			     .started_at = NOW + 3500,
			     .finished_at = NOW + 4511,
			     .batch = SPAN("WorkerRole_IN_0.b007.17"),
			     .op = SPAN("square"),
			     .args = SPAN("[12]"),
			     .trace = SPAN("4bf9"),
			     .reply = SPAN(""),
			     .outcome = SPAN(outcome) };
}

START_TEST(test_json_of_a_succeeded_job)
{
	struct buf b = BUF_INIT;
	struct job j = finished(JOB_SUCCEEDED, "\"1/2\"");
	j.args = SPAN("[12345678901234567890123]");
	job_json(&b, ID, "math", &j);
	ck_assert_str_eq(
	    buf_cstr(&b),
	    "{\"id\":\"" ID "\",\"op\":\"square\",\"args\":[12345678901234567890123],\"queue\":\"math\","
	    "\"priority\":\"high\",\"state\":\"succeeded\",\"done\":true,\"attempt\":1,\"max_attempts\":3,"
	    "\"created_at\":\"2026-11-22T19:04:28.226Z\",\"run_at\":\"2026-11-22T19:04:28.227Z\","
	    "\"started_at\":\"2026-11-22T19:04:28.229Z\",\"finished_at\":\"2026-11-22T19:04:28.230Z\","
	    "\"worker\":\"WorkerRole_IN_0\",\"result\":\"1/2\",\"timing\":{\"queue_ms\":2.5,\"run_ms\":1.011},"
	    "\"trace_id\":\"4bf9\",\"links\":{\"self\":\"/v1/jobs/" ID "\",\"result\":\"/v1/jobs/" ID
	    "/result\",\"events\":\"/v1/jobs/" ID "/events\"}}\n");
	buf_fini(&b);
}
END_TEST

/* result exactly when it succeeded, error exactly when it ended otherwise, timing when it ended, worker when it ran. */
START_TEST(test_json_members_by_state)
{
	static const char states[] = "dqrsfxce";
	struct job j = finished((enum job_state)states[_i], "{\"type\":\"x\"}");
	bool done = job_state_done(j.state);
	json_t *o = object_of(&j);
	ck_assert_int_eq(json_is_true(json_object_get(o, "done")), done);
	ck_assert_str_eq(json_string_value(json_object_get(o, "state")), job_state_name(j.state));
	ck_assert_int_eq(json_object_get(o, "result") != NULL, j.state == JOB_SUCCEEDED);
	ck_assert_int_eq(json_object_get(o, "error") != NULL, done && j.state != JOB_SUCCEEDED);
	ck_assert_int_eq(json_object_get(o, "timing") != NULL, done);
	ck_assert_int_eq(json_integer_value(json_object_get(o, "attempt")), j.state == JOB_RUNNING ? 2 : 1);
	ck_assert_ptr_null(json_object_get(o, "expires_at"));
	ck_assert_ptr_null(json_object_get(o, "cancel_requested"));
	json_decref(o);
}
END_TEST

START_TEST(test_json_of_a_job_just_accepted)
{
	struct job j = { .state = JOB_QUEUED,
			 .priority = JOB_NORMAL,
			 .max_attempts = 3,
			 .created_at = NOW,
			 .run_at = NOW,
			 .batch = SPAN(""),
			 .op = SPAN("a\"b\\"),
			 .args = SPAN(""),
			 .trace = SPAN("") };
	json_t *o = object_of(&j);
	ck_assert_str_eq(json_string_value(json_object_get(o, "op")), "a\"b\\");
	ck_assert_ptr_null(json_object_get(o, "args"));
	ck_assert_ptr_null(json_object_get(o, "worker"));
	ck_assert_ptr_null(json_object_get(o, "started_at"));
	ck_assert_ptr_null(json_object_get(o, "trace_id"));
	ck_assert_int_eq(json_integer_value(json_object_get(o, "attempt")), 0);
	json_decref(o);
}
END_TEST

START_TEST(test_json_of_jobs_that_never_ran)
{
	struct job j = finished(JOB_EXPIRED, "{\"type\":\"expired\"}");
	j.started_at = 0;
	j.batch = SPAN("");
	j.expires_at = NOW + 4000;
	json_t *o = object_of(&j), *timing = json_object_get(o, "timing");
	ck_assert_double_eq(json_number_value(json_object_get(timing, "queue_ms")), 3.511);
	ck_assert_ptr_null(json_object_get(timing, "run_ms"));
	ck_assert_ptr_null(json_object_get(o, "worker"));
	ck_assert_str_eq(json_string_value(json_object_get(o, "expires_at")), "2026-11-22T19:04:28.230Z");
	json_decref(o);
	j = finished(JOB_RUNNING, "");
	j.flags = JOB_FLAG_CANCEL_ASKED;
	o = object_of(&j);
	ck_assert(json_is_true(json_object_get(o, "cancel_requested")));
	ck_assert_ptr_null(json_object_get(o, "progress"));
	json_decref(o);
}
END_TEST

/* What a running job has said of its progress, and only while it runs. */
START_TEST(test_json_of_progress)
{
	struct job j = finished(JOB_RUNNING, "{\"ratio\":0.25,\"note\":\"a quarter\"}");
	j.finished_at = 0;
	json_t *o = object_of(&j), *progress = json_object_get(o, "progress");
	ck_assert(json_number_value(json_object_get(progress, "ratio")) == 0.25);
	ck_assert_str_eq(json_string_value(json_object_get(progress, "note")), "a quarter");
	ck_assert_ptr_null(json_object_get(o, "result"));
	json_decref(o);
	j = finished(JOB_SUCCEEDED, "144");
	o = object_of(&j);
	ck_assert_ptr_null(json_object_get(o, "progress"));
	json_decref(o);
}
END_TEST

/* ---- submissions ---- */

struct reading {
	struct submission s;
	struct job_json_fault f;
	int rc;
};

static void read_with(struct reading *r, const char *body, size_t n, const struct job_json_rules *with)
{
	memset(r, 0, sizeof *r);
	r->rc = job_json_read(body, n, with, &r->s, &r->f);
}

static void read_body(struct reading *r, const char *body)
{
	read_with(r, body, strlen(body), &rules);
}

static void end(struct reading *r)
{
	submission_fini(&r->s);
	job_json_fault_fini(&r->f);
}

static bool args_are(const struct reading *r, const char *text)
{
	return r->s.job.args.n == strlen(text) && memcmp(r->s.job.args.p, text, r->s.job.args.n) == 0;
}

START_TEST(test_read_takes_every_member)
{
	struct reading r;
	read_body(&r, "{\"op\":\"square\",\"args\":[12],\"queue\":\"q-1\",\"priority\":\"low\",\"delay_ms\":2.0,"
		      "\"timeout_ms\":60000,\"expires_in_ms\":1e3,\"max_attempts\":100,\"result_ttl_s\":604800,"
		      "\"cache\":\"use\",\"idempotency_key\":\"k\\u00e9\"}");
	ck_assert_int_eq(r.rc, 0);
	ck_assert_str_eq(r.s.op, "square");
	ck_assert_str_eq(r.s.queue, "q-1");
	ck_assert_int_eq(r.s.job.priority, JOB_LOW);
	ck_assert_uint_eq(r.s.job.delay_us, 2000);
	ck_assert_uint_eq(r.s.job.timeout_ms, 60000);
	ck_assert_uint_eq(r.s.job.expires_in_us, 1000000);
	ck_assert_uint_eq(r.s.job.max_attempts, 100);
	ck_assert_uint_eq(r.s.job.result_ttl_s, 604800);
	ck_assert_int_eq(r.s.job.cache, 'u');
	ck_assert_str_eq(buf_cstr(&r.s.key), "k\303\251");
	ck_assert(args_are(&r, "[12]"));
	end(&r);
}
END_TEST

START_TEST(test_read_fills_in_defaults)
{
	struct reading r;
	read_body(&r, " {\"op\" : \"echo\"} ");
	ck_assert_int_eq(r.rc, 0);
	ck_assert_str_eq(r.s.queue, "math");
	ck_assert_int_eq(r.s.job.priority, JOB_NORMAL);
	ck_assert_uint_eq(r.s.job.max_attempts, 3);
	ck_assert_uint_eq(r.s.job.result_ttl_s, 3600);
	ck_assert_uint_eq(r.s.job.timeout_ms, 30000);
	ck_assert_uint_eq(r.s.run_at_us, 0);
	ck_assert_int_eq(r.s.job.cache, 'b');
	ck_assert_uint_eq(r.s.key.len, 0);
	ck_assert(args_are(&r, "[]"));
	end(&r);
}
END_TEST

START_TEST(test_read_again_forgets_the_first)
{
	struct reading r;
	read_body(&r, "{\"op\":\"a\",\"args\":[1,2,3],\"queue\":\"x\",\"bad\":1}");
	ck_assert_int_eq(r.rc, ERR_INVALID);
	r.rc = job_json_read("{\"op\":\"b\"}", 10, &rules, &r.s, &r.f);
	ck_assert_int_eq(r.rc, 0);
	ck_assert_uint_eq(r.f.n_errors, 0);
	ck_assert_str_eq(r.s.queue, "math");
	ck_assert(args_are(&r, "[]"));
	end(&r);
}
END_TEST

static const struct {
	const char *body, *args;
} texts[] = {
	{ "{\"op\":\"a\",\"args\":[ 1 ,\t2,\r\n3 ]}", "[1,2,3]" },
	{ "{\"args\" :\n{ \"x\" : \"a b\\\" c\" } , \"op\":\"a\"}", "{\"x\":\"a b\\\" c\"}" },
	{ "{\"op\":\"a\",\"args\":[123456789012345678901234567890]}", "[123456789012345678901234567890]" },
	{ "{\"op\":\"a\",\"args\":[0.10000000000000000000000000001,1e300,-0.0]}",
	  "[0.10000000000000000000000000001,1e300,-0.0]" },
	{ "{\"op\":\"a\",\"\\u0061rgs\":[1]}", "[1]" },
	{ "{\"op\":\"args\",\"args\":[\"args\",{\"args\":2}]}", "[\"args\",{\"args\":2}]" },
	{ "{\"op\":\"a\",\"args\":[\"}],\\\\\"],\"queue\":\"q\"}", "[\"}],\\\\\"]" },
	{ "{\"op\":\"a\",\"args\":[\"\303\251\\u00e9\\ud83d\\ude00\"]}", "[\"\303\251\\u00e9\\ud83d\\ude00\"]" },
	{ "{\"op\":\"a\",\"args\":{}}", "{}" },
};

START_TEST(test_read_keeps_the_text_of_arguments)
{
	struct reading r;
	read_body(&r, texts[_i].body);
	ck_assert_msg(r.rc == 0, "%s: %s", texts[_i].body, r.f.json.text);
	ck_assert_msg(args_are(&r, texts[_i].args), "%.*s", (int)r.s.job.args.n, r.s.job.args.p);
	end(&r);
}
END_TEST

static const struct {
	const char *body;
	long position;
	int line, column;
	const char *says;
} broken[] = {
	{ "", 0, 1, 1, "empty" },
	{ "  ", 2, 1, 3, "end of file" },
	{ "{", 1, 1, 2, "end of file" },
	{ "{\"op\":}", 6, 1, 7, "unexpected token" },
	{ "{\"op\":\"a\",\"args\":[12,}", 21, 1, 22, "unexpected token" },
	{ "{\n \"op\":\n  tru\n}", 11, 3, 3, "invalid token" },
	{ "{\"\303\251\303\251\":}", 8, 1, 7, "unexpected token" },
	{ "{\"op\":aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa}", 6, 1, 7, "invalid token" },
	{ "{\"op\":\"a\"}x", 10, 1, 11, "end of file expected" },
	{ "{\"op\":\"a\",\"op\":\"b\"}", 10, 1, 11, "duplicate" },
	{ "{\"op\":\"a\\x\"}", 9, 1, 10, "escape" },
	{ "{\"o\\u0000p\":1}", 1, 1, 2, "name without the character" },
	{ "{\"op\":\"a\\ud800\"}", 6, 1, 7, "Unicode" },
	{ "{\"op\":\"a\nb\"}", 8, 1, 9, "newline" },
	{ "{\"op\":\"a\001b\"}", 8, 1, 9, "control" },
	{ "{\"op\":\"\377\"}", 7, 1, 8, "decode byte" },
	{ "{\"op\":\"a", 8, 1, 9, "end of input" },
	{ "{\"op\":01}", 6, 1, 7, "invalid token" },
	{ "{\"op\":1e999}", 6, 1, 7, "as a string" },
	{ "{'op':1}", 1, 1, 2, "expected" },
	{ "{\"op\":\"a\",}", 10, 1, 11, "expected" },
	{ "{\"op\":NaN}", 6, 1, 7, "invalid token" },
};

START_TEST(test_read_says_where_json_is_broken)
{
	struct reading r;
	read_body(&r, broken[_i].body);
	ck_assert_int_eq(r.rc, ERR_INVALID);
	ck_assert_int_eq(r.f.json.code, ERR_INVALID);
	ck_assert_msg(strstr(r.f.json.text, broken[_i].says), "%s: %s", broken[_i].body, r.f.json.text);
	ck_assert_msg(r.f.json.position == broken[_i].position && r.f.json.line == broken[_i].line &&
			  r.f.json.column == broken[_i].column,
		      "%s: %ld %d:%d %s", broken[_i].body, r.f.json.position, r.f.json.line, r.f.json.column,
		      r.f.json.text);
	end(&r);
}
END_TEST

START_TEST(test_read_refuses_zero_bytes)
{
	static const struct {
		const char *body;
		size_t n;
		long position;
	} cases[] = {
		{ "{\"op\":\"a\",\"args\":[1\0]}", 22, 19 },
		{ "{\"op\":\"a\"\0}", 11, 9 },
		{ "\0{\"op\":\"a\"}", 11, 0 },
		{ "{\"op\":\"a\"}\0", 11, 10 },
		{ "{\"op\":\"a\0\"}", 11, 8 },
	};
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct reading r;
		read_with(&r, cases[i].body, cases[i].n, &rules);
		ck_assert_int_eq(r.rc, ERR_INVALID);
		ck_assert_msg(r.f.json.position == cases[i].position, "%zu: %ld %s", i, r.f.json.position,
			      r.f.json.text);
		end(&r);
	}
}
END_TEST

static const struct {
	const char *body;
	unsigned n;
	const char *says; /* part of the errors */
} invalid[] = {
	{ "[]", 1, "{\"pointer\":\"\"," },
	{ "[{\"op\":\"a\"}]", 1, "got an array" },
	{ "7", 1, "got a number" },
	{ "null", 1, "got null" },
	{ "{}", 1, "{\"pointer\":\"/op\"," },
	{ "{\"op\":null}", 1, "got null" },
	{ "{\"op\":\"\"}", 1, "empty" },
	{ "{\"op\":\"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\"}", 1, "at most 64" },
	{ "{\"op\":\"a\",\"args\":null}", 1, "\"/args\"" },
	{ "{\"op\":\"a\",\"args\":\"x\"}", 1, "\"/args\"" },
	{ "{\"op\":\"a\",\"a/b~c\":1}", 1, "\"/a~1b~0c\"" },
	{ "{\"op\":\"a\",\"queue\":\"\"}", 1, "\"/queue\"" },
	{ "{\"op\":\"a\",\"queue\":\"Math\"}", 1, "\"/queue\"" },
	{ "{\"op\":\"a\",\"queue\":7}", 1, "\"/queue\"" },
	{ "{\"op\":\"a\",\"priority\":\"urgent\"}", 1, "\"/priority\"" },
	{ "{\"op\":\"a\",\"priority\":null}", 1, "\"/priority\"" },
	{ "{\"op\":\"a\",\"delay_ms\":-1}", 1, "\"/delay_ms\"" },
	{ "{\"op\":\"a\",\"delay_ms\":2592000001}", 1, "\"/delay_ms\"" },
	{ "{\"op\":\"a\",\"delay_ms\":1.5}", 1, "got 1.5" },
	{ "{\"op\":\"a\",\"delay_ms\":\"5\"}", 1, "got a string" },
	{ "{\"op\":\"a\",\"delay_ms\":1e300}", 1, "\"/delay_ms\"" },
	{ "{\"op\":\"a\",\"timeout_ms\":0}", 1, "\"/timeout_ms\"" },
	{ "{\"op\":\"a\",\"timeout_ms\":60001}", 1, "\"/timeout_ms\"" },
	{ "{\"op\":\"a\",\"max_attempts\":0}", 1, "\"/max_attempts\"" },
	{ "{\"op\":\"a\",\"max_attempts\":101}", 1, "\"/max_attempts\"" },
	{ "{\"op\":\"a\",\"result_ttl_s\":0}", 1, "\"/result_ttl_s\"" },
	{ "{\"op\":\"a\",\"result_ttl_s\":604801}", 1, "\"/result_ttl_s\"" },
	{ "{\"op\":\"a\",\"expires_in_ms\":true}", 1, "got true" },
	{ "{\"op\":\"a\\u0000b\"}", 1, "NUL" },
	{ "{\"op\":\"a\",\"queue\":\"math\\u0000\"}", 1, "\"/queue\"" },
	{ "{\"op\":\"a\",\"priority\":\"low\\u0000\"}", 1, "\"/priority\"" },
	{ "{\"op\":\"a\",\"cache\":\"use\\u0000\"}", 1, "\"/cache\"" },
	{ "{\"op\":\"a\",\"cache\":\"x\"}", 1, "\"/cache\"" },
	{ "{\"op\":\"a\",\"idempotency_key\":\"\"}", 1, "1 to 255 characters, got 0" },
	{ "{\"op\":\"a\",\"idempotency_key\":[]}", 1, "\"/idempotency_key\"" },
	{ "{\"op\":\"a\",\"run_at\":\"tomorrow\"}", 1, "\"/run_at\"" },
	{ "{\"op\":\"a\",\"run_at\":\"2026-12-23T19:04:28Z\"}", 1, "30 days" },
	{ "{\"op\":\"a\",\"run_at\":7}", 1, "\"/run_at\"" },
	{ "{\"op\":\"a\",\"run_at\":\"2026-11-22T19:04:28Z\",\"delay_ms\":0}", 1, "not both" },
	{ "{\"op\":7,\"args\":7,\"queue\":7,\"priority\":7,\"x\":7,\"cache\":7}", 6, "\"/x\"" },
};

START_TEST(test_read_tells_all_errors)
{
	struct reading r;
	read_body(&r, invalid[_i].body);
	ck_assert_int_eq(r.rc, ERR_INVALID);
	ck_assert_int_eq(r.f.json.code, 0);
	ck_assert_msg(r.f.n_errors == invalid[_i].n, "%s: %s", invalid[_i].body, buf_cstr(&r.f.errors));
	ck_assert_msg(strstr(buf_cstr(&r.f.errors), invalid[_i].says), "%s", buf_cstr(&r.f.errors));
	ck_assert(!r.f.unknown_op);
	end(&r);
}
END_TEST

START_TEST(test_read_takes_a_time)
{
	struct reading r;
	read_body(&r, "{\"op\":\"a\",\"run_at\":\"2026-11-22T20:04:28.226+01:00\"}");
	ck_assert_int_eq(r.rc, 0);
	ck_assert_uint_eq(r.s.run_at_us, NOW);
	end(&r);
}
END_TEST

START_TEST(test_read_knows_the_catalogue)
{
	static const char ops[] =
	    "{\"operations\":[{\"name\":\"square\",\"parameters\":{\"prefixItems\":[{"
	    "\"type\":[\"number\",\"string\"]}],\"minItems\":1,\"items\":false,\"properties\":{\"x\":"
	    "{\"type\":[\"number\",\"string\"]}},\"required\":[\"x\"]}}]}";
	struct catalog *c = catalog_new();
	struct job_json_rules with = rules;
	struct reading r;
	catalog_add(c, ops, sizeof ops - 1, NULL);
	with.catalog = c;
	read_with(&r, "{\"op\":\"sqare\"}", 14, &with);
	ck_assert_int_eq(r.rc, ERR_INVALID);
	ck_assert(r.f.unknown_op);
	ck_assert_ptr_nonnull(strstr(buf_cstr(&r.f.errors), "square"));
	end(&r);
	read_with(&r, "{\"op\":\"sqare\",\"x\":1}", 20, &with);
	ck_assert(!r.f.unknown_op);
	ck_assert_uint_eq(r.f.n_errors, 2);
	end(&r);
	read_with(&r, "{\"op\":\"square\"}", 15, &with);
	ck_assert(!r.f.unknown_op);
	ck_assert_ptr_nonnull(strstr(buf_cstr(&r.f.errors), "\"/args\""));
	end(&r);
	read_with(&r, "{\"op\":\"square\",\"args\":[[]]}", 27, &with);
	ck_assert_ptr_nonnull(strstr(buf_cstr(&r.f.errors), "\"/args/0\""));
	end(&r);
	read_with(&r, "{\"op\":\"square\",\"args\":[4]}", 26, &with);
	ck_assert_int_eq(r.rc, 0);
	end(&r);
	catalog_free(c);
}
END_TEST

/* ---- limits ---- */

START_TEST(test_read_bounds_depth)
{
	for (unsigned depth = 30; depth <= 34; depth++) { /* of the whole body: the object, and what is inside */
		struct buf b = BUF_INIT;
		struct reading r;
		buf_puts(&b, "{\"op\":\"a\",\"args\":");
		for (unsigned i = 1; i < depth; i++)
			buf_byte(&b, '[');
		for (unsigned i = 1; i < depth; i++)
			buf_byte(&b, ']');
		buf_byte(&b, '}');
		read_with(&r, b.data, b.len, &rules);
		ck_assert_int_eq(r.rc, depth <= 32 ? 0 : ERR_INVALID);
		if (r.rc)
			ck_assert_int_eq(r.f.json.position, 17 + 31);
		end(&r);
		buf_fini(&b);
	}
}
END_TEST

START_TEST(test_read_bounds_literals)
{
	for (size_t n = JOB_JSON_LITERAL_MAX; n <= JOB_JSON_LITERAL_MAX + 1; n++) {
		struct buf b = BUF_INIT;
		struct reading r;
		buf_puts(&b, "{\"op\":\"a\",\"args\":[0.");
		for (size_t i = 2; i < n; i++)
			buf_byte(&b, '1');
		buf_puts(&b, "]}");
		read_with(&r, b.data, b.len, &rules);
		ck_assert_int_eq(r.rc, n <= JOB_JSON_LITERAL_MAX ? 0 : ERR_INVALID);
		if (r.rc)
			ck_assert_int_eq(r.f.json.position, 18);
		end(&r);
		buf_fini(&b);
	}
}
END_TEST

/* jansson alone would pass over one behind a number, and it would be kept with the arguments. */
START_TEST(test_read_refuses_a_zero_byte)
{
	static const char good[] = "{ \"op\" : \"a\" , \"args\" : [ 12 , {\"b\":-3.5e1} ] , \"delay_ms\" : 5 }";
	for (size_t at = 0; at <= sizeof good - 1; at++) {
		char body[sizeof good];
		struct reading r;
		memcpy(body, good, at);
		body[at] = '\0';
		memcpy(body + at + 1, good + at, sizeof good - 1 - at);
		read_with(&r, body, sizeof body, &rules);
		ck_assert_msg(r.rc == ERR_INVALID && r.f.json.code == ERR_INVALID, "taken at %zu", at);
		ck_assert_int_eq(r.f.json.position, (long)at);
		end(&r);
	}
}
END_TEST

START_TEST(test_read_bounds_the_list_of_errors)
{
	struct buf b = BUF_INIT;
	struct reading r;
	buf_puts(&b, "{\"op\":\"a\"");
	for (int i = 0; i < 300; i++)
		buf_printf(&b, ",\"x%d\":1", i);
	buf_byte(&b, '}');
	read_with(&r, b.data, b.len, &rules);
	ck_assert_uint_eq(r.f.n_errors, 300);
	ck_assert_ptr_nonnull(strstr(buf_cstr(&r.f.errors), "and 44 more"));
	ck_assert_ptr_null(strstr(buf_cstr(&r.f.errors), "x299"));
	end(&r);
	buf_fini(&b);
}
END_TEST

/* Every prefix and every changed byte of a good body: an answer, never a crash; and what is accepted is JSON. */
START_TEST(test_read_survives_damage)
{
	static const char good[] =
	    "{\"op\":\"add\",\"args\":[1,\"1/3\",{\"a\":[true,null,-1.5e3]}],\"queue\":\"q\",\"delay_ms\":5}";
	static const char bytes[] = "\"{}[]:,\\ \n\0a9-\x80\xff";
	char text[sizeof good];
	struct reading r;
	for (size_t n = 0; n < sizeof good; n++) {
		read_with(&r, good, n, &rules);
		ck_assert_int_eq(r.rc, n == sizeof good - 1 ? 0 : ERR_INVALID);
		end(&r);
	}
	for (size_t i = 0; i + 1 < sizeof good; i++)
		for (size_t k = 0; k + 1 < sizeof bytes; k++) {
			memcpy(text, good, sizeof good);
			text[i] = bytes[k];
			read_with(&r, text, sizeof good - 1, &rules);
			if (r.rc == 0) {
				json_t *args =
				    json_loadb(r.s.job.args.p, r.s.job.args.n, JSON_DECODE_INT_AS_REAL, NULL);
				ck_assert_msg(args != NULL, "%.*s", (int)r.s.job.args.n, r.s.job.args.p);
				json_decref(args);
			}
			end(&r);
		}
}
END_TEST

#define COUNT(table) (int)(sizeof(table) / sizeof *(table))

int main(void)
{
	Suite *s = suite_create("job_json");
	TCase *core = tcase_create("core"), *limits = tcase_create("limits"), *faults = tcase_create("faults");
	tcase_add_test(core, test_json_of_a_succeeded_job);
	tcase_add_loop_test(core, test_json_members_by_state, 0, 8);
	tcase_add_test(core, test_json_of_a_job_just_accepted);
	tcase_add_test(core, test_json_of_jobs_that_never_ran);
	tcase_add_test(core, test_json_of_progress);
	tcase_add_test(core, test_read_takes_every_member);
	tcase_add_test(core, test_read_fills_in_defaults);
	tcase_add_test(core, test_read_again_forgets_the_first);
	tcase_add_loop_test(core, test_read_keeps_the_text_of_arguments, 0, COUNT(texts));
	tcase_add_test(core, test_read_takes_a_time);
	tcase_add_test(core, test_read_knows_the_catalogue);
	tcase_add_test(limits, test_read_bounds_depth);
	tcase_add_test(limits, test_read_bounds_literals);
	tcase_add_test(limits, test_read_refuses_a_zero_byte);
	tcase_add_test(limits, test_read_bounds_the_list_of_errors);
	tcase_add_loop_test(faults, test_read_says_where_json_is_broken, 0, COUNT(broken));
	tcase_add_loop_test(faults, test_read_tells_all_errors, 0, COUNT(invalid));
	tcase_add_test(faults, test_read_refuses_zero_bytes);
	tcase_add_test(faults, test_read_survives_damage);
	suite_add_tcase(s, core);
	suite_add_tcase(s, limits);
	suite_add_tcase(s, faults);
	return suite_run(s);
}
