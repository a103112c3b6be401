/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Bodies that hold several submissions: job_json_open() and job_json_next(). */
#include <check.h>
#include <jansson.h>
#include <string.h>

#include "job_json.h"
#include "suite_run.h"

#define COUNT(table) (int)(sizeof(table) / sizeof *(table))

static const struct job_json_rules rules = { .depth = 32, .timeout_max_ms = 60000, .now_us = 1795374268226000 };

struct reading {
	struct submission s;
	struct job_json_fault f;
	int rc;
};

static void end(struct reading *r)
{
	submission_fini(&r->s);
	job_json_fault_fini(&r->f);
}

static bool args_are(const struct reading *r, const char *text)
{
	return r->s.job.args.n == strlen(text) && memcmp(r->s.job.args.p, text, r->s.job.args.n) == 0;
}

static const struct {
	const char *body;
	size_t n;
	struct {
		const char *text, *args, *says; /* says: of its errors, when it has some */
	} items[4];
} bodies[] = {
	{ "{\"op\":\"a\",\"args\":[1]}", 1, { { "{\"op\":\"a\",\"args\":[1]}", "[1]", NULL } } },
	{ "[]", 0, { { NULL, NULL, NULL } } },
	{ " [ {\"op\":\"a\"} ] ", 1, { { " {\"op\":\"a\"} ", "[]", NULL } } },
	{ "[{\"args\":{\"a\":[\"]\",2]},\"op\":\"a\"},{\"op\":\"b\",\"args\":[ 3 ] }]",
	  2,
	  { { "{\"args\":{\"a\":[\"]\",2]},\"op\":\"a\"}", "{\"a\":[\"]\",2]}", NULL },
	    { "{\"op\":\"b\",\"args\":[ 3 ] }", "[3]", NULL } } },
	{ "[7,[{\"op\":\"a\",\"args\":[1]}],{\"op\":\"b\",\"\\u0061rgs\":[1e0]},\"],[\"]",
	  4,
	  { { "7", NULL, "got a number" },
	    { "[{\"op\":\"a\",\"args\":[1]}]", NULL, "got an array" },
	    { "{\"op\":\"b\",\"\\u0061rgs\":[1e0]}", "[1e0]", NULL },
	    { "\"],[\"", NULL, "got a string" } } },
	{ "[{\"op\":\"a\",\"args\":[1]},{\"op\":\"b\"},{\"args\":[2]}]",
	  3,
	  { { "{\"op\":\"a\",\"args\":[1]}", "[1]", NULL },
	    { "{\"op\":\"b\"}", "[]", NULL },
	    { "{\"args\":[2]}", NULL, "\"/op\"" } } },
};

/* Each of them as it would be read alone. */
START_TEST(test_next_reads_one_after_the_other)
{
	struct job_json_body b;
	struct reading r;
	struct span text;
	memset(&r, 0, sizeof r);
	ck_assert_int_eq(job_json_open(&b, bodies[_i].body, strlen(bodies[_i].body), &rules, &r.f), 0);
	ck_assert_uint_eq(b.n, bodies[_i].n);
	ck_assert_int_eq(b.many, bodies[_i].body[0] != '{');
	for (size_t i = 0; i < b.n; i++) {
		r.rc = job_json_next(&b, &text, &r.s, &r.f);
		ck_assert_int_eq(r.rc, bodies[_i].items[i].says ? ERR_INVALID : 0);
		ck_assert_msg(text.n == strlen(bodies[_i].items[i].text) &&
				  memcmp(text.p, bodies[_i].items[i].text, text.n) == 0,
			      "%.*s", (int)text.n, text.p);
		if (r.rc)
			ck_assert_msg(strstr(buf_cstr(&r.f.errors), bodies[_i].items[i].says), "%s",
				      buf_cstr(&r.f.errors));
		else
			ck_assert_msg(args_are(&r, bodies[_i].items[i].args), "%.*s", (int)r.s.job.args.n,
				      r.s.job.args.p);
	}
	job_json_close(&b);
	end(&r);
}
END_TEST

START_TEST(test_open_says_where_an_array_is_broken)
{
	static const struct {
		const char *body;
		long position;
	} cases[] = {
		{ "[", 1 },
		{ "[{\"op\":\"a\"},]", 12 },
		{ "[{\"op\":\"a\"} {}]", 12 },
		{ "[{\"op\":\"a\"}]]", 12 },
		{ "[{\"op\":\"a\",\"op\":1}]", 11 },
		{ "[{\"op\":tru}]", 7 },
	};
	for (int i = 0; i < COUNT(cases); i++) {
		struct job_json_fault f = { 0 };
		struct job_json_body b;
		ck_assert_int_eq(job_json_open(&b, cases[i].body, strlen(cases[i].body), &rules, &f), ERR_INVALID);
		ck_assert_msg(f.json.position == cases[i].position, "%s: %ld %s", cases[i].body, f.json.position,
			      f.json.text);
		job_json_fault_fini(&f);
	}
}
END_TEST

/* An array of submissions may nest one level deeper than each of them, any other value may not. */
START_TEST(test_open_bounds_depth)
{
	for (int object = 0; object < 2; object++)
		for (unsigned depth = 31; depth <= 34; depth++) {
			struct job_json_fault f = { 0 };
			struct job_json_body b;
			struct buf text = BUF_INIT;
			unsigned arrays = depth - (object ? 2 : 0);
			buf_puts(&text, object ? "[{\"args\":" : "");
			for (unsigned i = 0; i < arrays; i++)
				buf_byte(&text, '[');
			for (unsigned i = 0; i < arrays; i++)
				buf_byte(&text, ']');
			buf_puts(&text, object ? "}]" : "");
			int rc = job_json_open(&b, text.data, text.len, &rules, &f);
			ck_assert_msg(rc == (depth <= (object ? 33 : 32) ? 0 : ERR_INVALID), "%d %u: %s", object, depth,
				      f.json.text);
			if (!rc)
				job_json_close(&b);
			job_json_fault_fini(&f);
			buf_fini(&text);
		}
}
END_TEST

/* Every prefix and every changed byte of a good array: an answer, never a crash; what is accepted is JSON, and read
 * alone it is the same. */
START_TEST(test_next_survives_damage)
{
	static const char good[] = "[{\"op\":\"add\",\"args\":[1,\"]\",{\"a\":[null]}]} , "
				   "7,{\"args\":{},\"op\":\"b\",\"idempotency_key\":\"k\"}]";
	static const char bytes[] = "\"{}[]:,\\ \n\0a9-\x80\xff";
	char damaged[sizeof good];
	unsigned taken = 0;
	for (size_t i = 0; i + 1 < sizeof good; i++)
		for (size_t k = 0; k < sizeof bytes; k++) {
			struct job_json_body b;
			struct reading r = { 0 }, alone = { 0 };
			struct span text;
			size_t n = k + 1 < sizeof bytes ? sizeof good - 1 : i;
			memcpy(damaged, good, sizeof good);
			damaged[i] = bytes[k];
			if (job_json_open(&b, damaged, n, &rules, &r.f)) {
				end(&r);
				continue;
			}
			for (size_t item = 0; item < b.n; item++) {
				r.rc = job_json_next(&b, &text, &r.s, &r.f);
				alone.rc = job_json_read(text.p, text.n, &rules, &alone.s, &alone.f);
				ck_assert_int_eq(r.rc, alone.rc);
				ck_assert_uint_eq(r.f.n_errors, alone.f.n_errors);
				ck_assert(r.rc || (r.s.args.len == alone.s.args.len &&
						   memcmp(r.s.args.data, alone.s.args.data, r.s.args.len) == 0));
				taken++;
			}
			job_json_close(&b);
			end(&r);
			end(&alone);
		}
	ck_assert_uint_gt(taken, 1000);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("job_json_body");
	TCase *core = tcase_create("core"), *limits = tcase_create("limits"), *faults = tcase_create("faults");
	tcase_add_loop_test(core, test_next_reads_one_after_the_other, 0, COUNT(bodies));
	tcase_add_test(limits, test_open_bounds_depth);
	tcase_add_test(faults, test_open_says_where_an_array_is_broken);
	tcase_add_test(faults, test_next_survives_damage);
	suite_add_tcase(s, core);
	suite_add_tcase(s, limits);
	suite_add_tcase(s, faults);
	return suite_run(s);
}
