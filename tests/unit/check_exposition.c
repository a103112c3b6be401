/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "exposition.h"
#include "metrics.h"
#include "scrape.h"
#include "suite_run.h"

static struct exposition *all;
static struct buf out;

static void setup(void)
{
	all = exposition_new();
	ck_assert_ptr_nonnull(all);
	buf_init(&out);
}

static void teardown(void)
{
	exposition_free(all);
	buf_fini(&out);
}

static size_t add(const char *text, const char *value)
{
	return exposition_add(all, text, strlen(text), value ? "from" : NULL, value);
}

static const char *rendered(void)
{
	buf_clear(&out);
	exposition_render(all, &out);
	return buf_cstr(&out);
}

START_TEST(test_add_brings_families_together)
{
	ck_assert_uint_eq(add("# HELP a The a.\n# TYPE a counter\na 1\na{x=\"1\"} 2\n"
			      "# HELP b The b.\n# TYPE b gauge\nb{} -1.5e3\n",
			      "W0"),
			  0);
	ck_assert_uint_eq(add("# HELP b other\n# TYPE b gauge\nb NaN\n# TYPE c untyped\nc 1\n"
			      "# HELP a other\n# TYPE a counter\na 3",
			      "W\"1\\\n"),
			  0);
	ck_assert_str_eq(rendered(), "# HELP a The a.\n# TYPE a counter\n"
				     "a{from=\"W0\"} 1\na{from=\"W0\",x=\"1\"} 2\na{from=\"W\\\"1\\\\\\n\"} 3\n"
				     "# HELP b The b.\n# TYPE b gauge\n"
				     "b{from=\"W0\"} -1.5e3\nb{from=\"W\\\"1\\\\\\n\"} NaN\n"
				     "# TYPE c untyped\nc{from=\"W\\\"1\\\\\\n\"} 1\n");
}
END_TEST

START_TEST(test_add_without_label)
{
	ck_assert_uint_eq(add("# TYPE a gauge\na 1\na{x=\"é\"}\t+Inf\n\n# a remark\n", NULL), 0);
	ck_assert_str_eq(rendered(), "# TYPE a gauge\na 1\na{x=\"é\"} +Inf\n");
}
END_TEST

START_TEST(test_add_histograms)
{
	ck_assert_uint_eq(add("# TYPE h histogram\nh_bucket{le=\"1\"} 1\nh_bucket{le=\"+Inf\"} 1\nh_sum 1\nh_count 1\n"
			      "# TYPE s summary\ns{quantile=\"0.5\"} 1\ns_sum 1\ns_count 1\n",
			      "W"),
			  0);
	ck_assert_uint_eq(add("# TYPE h histogram\nh 1\nh_total 1\nhh_sum 1\nh_sum_sum 1\n", "V"), 4);
	ck_assert_uint_eq(add("# TYPE s summary\ns_bucket{le=\"1\"} 1\n# TYPE a counter\na_sum 1\n", "V"), 2);
	ck_assert_str_eq(rendered(), "# TYPE h histogram\nh_bucket{from=\"W\",le=\"1\"} 1\n"
				     "h_bucket{from=\"W\",le=\"+Inf\"} 1\nh_sum{from=\"W\"} 1\nh_count{from=\"W\"} 1\n"
				     "# TYPE s summary\ns{from=\"W\",quantile=\"0.5\"} 1\ns_sum{from=\"W\"} 1\n"
				     "s_count{from=\"W\"} 1\n");
}
END_TEST

/* Each is one wrong line under `# TYPE a gauge`. */
static const char *const wrong[] = {
	"a",
	"a ",
	"a1",
	"b 1",
	"ab 1",
	"1a 1",
	" a 1",
	"a one",
	"a 1 2",
	"a 1 1700000000000",
	"a 0x10",
	"a 1e",
	"a 1e+",
	"a .",
	"a -",
	"a 1.2.3",
	"a infinity",
	"a nan",
	"a 1 # remark",
	"a{ 1",
	"a} 1",
	"a{x} 1",
	"a{x=} 1",
	"a{x=1} 1",
	"a{x=\"1} 1",
	"a{x=\"1\" 1",
	"a{x=\"1\"",
	"a{x=\"1\"}",
	"a{x=\"\\t\"} 1",
	"a{x=\"\\\"} 1",
	"a{x=\"1\"y=\"2\"} 1",
	"a{,x=\"1\"} 1",
	"a{x=\"1\",,y=\"2\"} 1",
	"a{1x=\"1\"} 1",
	"a{x:y=\"1\"} 1",
	"a{x=\"\xff\"} 1",
	"a{x=\"\xc3\"} 1",
	"a{from=\"me\"} 1",
	"a{x=\"1\",from=\"me\"} 1",
	"a{x=\"1\"} 1\r",
};

START_TEST(test_add_leaves_out_wrong_lines)
{
	struct buf text = BUF_INIT;
	buf_printf(&text, "# TYPE a gauge\na 1\n%s\na{x=\"2\"} 2\n", wrong[_i]);
	ck_assert_msg(add(buf_cstr(&text), "W") == 1, "%s", wrong[_i]);
	ck_assert_str_eq(rendered(), "# TYPE a gauge\na{from=\"W\"} 1\na{from=\"W\",x=\"2\"} 2\n");
	buf_fini(&text);
}
END_TEST

/* What follows a TYPE line that cannot be taken has no family. */
static const char *const headless[] = {
	"a 1\n",
	"# HELP a text\na 1\n",
	"# TYPE a\na 1\n",
	"# TYPE a colour\na 1\n",
	"# TYPE a gauge \na 1\n",
	"# TYPE 1a gauge\n1a 1\n",
	"# TYPE a gauge\n# TYPE 1 gauge\na 1\n",
	"# type a gauge\na 1\n",
};

START_TEST(test_add_needs_a_type)
{
	ck_assert_msg(add(headless[_i], "W") == 1, "%s", headless[_i]);
	ck_assert_str_eq(rendered(), "");
}
END_TEST

START_TEST(test_add_keeps_the_first_type)
{
	ck_assert_uint_eq(add("# TYPE a gauge\na 1\n", "W"), 0);
	ck_assert_uint_eq(add("# TYPE a counter\na 2\na 3\n# TYPE b gauge\nb 1\n", "V"), 2);
	ck_assert_str_eq(rendered(), "# TYPE a gauge\na{from=\"W\"} 1\n# TYPE b gauge\nb{from=\"V\"} 1\n");
}
END_TEST

START_TEST(test_add_bounds_lines)
{
	struct buf text = BUF_INIT;
	buf_puts(&text, "# TYPE a gauge\na{x=\"");
	for (int i = 0; i < EXPOSITION_LINE_MAX; i++)
		buf_byte(&text, 'x');
	buf_puts(&text, "\"} 1\na 1\n# TYPE ");
	for (int i = 0; i <= EXPOSITION_NAME_MAX; i++)
		buf_byte(&text, 'n');
	buf_puts(&text, " gauge\n");
	ck_assert_uint_eq(add(buf_cstr(&text), "W"), 1);
	ck_assert_str_eq(rendered(), "# TYPE a gauge\na{from=\"W\"} 1\n");
	buf_fini(&text);
}
END_TEST

START_TEST(test_add_bounds_families)
{
	char text[80];
	for (int i = 0; i < EXPOSITION_FAMILIES_MAX + 10; i++) {
		snprintf(text, sizeof text, "# TYPE a%d gauge\na%d 1\n", i, i);
		ck_assert_uint_eq(add(text, "W"), i >= EXPOSITION_FAMILIES_MAX);
	}
	ck_assert_uint_eq(add("# TYPE a0 gauge\na0 1\n", "V"), 0);
}
END_TEST

START_TEST(test_add_bounds_bytes)
{
	struct buf text = BUF_INIT;
	size_t lines = 0, left_out = 0;
	buf_puts(&text, "# TYPE a gauge\n");
	while (text.len < 1u << 20) {
		buf_printf(&text, "a{x=\"%04000zu\"} 1\n", lines);
		lines++;
	}
	for (int i = 0; i < 40; i++)
		left_out += exposition_add(all, text.data, text.len, "from", "W");
	ck_assert_uint_gt(left_out, 0);
	ck_assert_uint_lt(left_out, 40 * lines);
	rendered();
	ck_assert_uint_lt(out.len, EXPOSITION_BYTES_MAX + 2 * EXPOSITION_LINE_MAX);
	buf_fini(&text);
}
END_TEST

/* Whatever comes, what leaves is valid: good texts with bytes changed, cut, doubled. */
START_TEST(test_add_survives_garbage)
{
	static const char good[] = "# HELP a The a.\n# TYPE a counter\na{x=\"1\",y=\"two\\n\"} 1\na 2.5e-3\n"
				   "# HELP h The h.\n# TYPE h histogram\nh_bucket{le=\"1\"} 1\n"
				   "h_bucket{le=\"+Inf\"} 2\nh_sum 3\nh_count 2\n";
	static const char alphabet[] = "\n\n\"\\{}=,#aATYPEHLh_ 0.e+-\t\r\x01\xff\xc3\xa9";
	char text[sizeof good * 2], name[16];
	for (unsigned seed = 1; seed <= 20000; seed++) {
		unsigned random = seed * 2654435761u;
		size_t n = sizeof good - 1;
		memcpy(text, good, n);
		for (unsigned k = 0; k < 1 + seed % 5; k++) {
			random = random * 1664525u + 1013904223u;
			text[(random >> 8) % n] = alphabet[(random >> 3) % (sizeof alphabet - 1)];
		}
		if (seed % 7 == 0)
			n = random % n;
		snprintf(name, sizeof name, "W%u", seed);
		exposition_add(all, text, n, "from", name);
	}
	rendered();
	ck_assert_uint_gt(out.len, 20000 * 20);
	for (const char *p = out.data, *end = out.data + out.len; p < end;) {
		const char *feed = memchr(p, '\n', (size_t)(end - p));
		ck_assert_ptr_nonnull(feed);
		ck_assert_msg(*p == '#' || memmem(p, (size_t)(feed - p), "{from=\"W", 8), "%.*s", (int)(feed - p), p);
		p = feed + 1;
	}
}
END_TEST

/* What metrics.h renders is taken whole, and what comes of two of them is what a strict reader wants. */
START_TEST(test_add_takes_our_own)
{
	struct metrics *m = metrics_new();
	char why[300];
	metrics_add(metrics_counter(m, "square_a_total", "One\nand \\ two.", "op", "a\"b\\c\nd", NULL), 3);
	metrics_set(metrics_gauge(m, "square_b", "B.", NULL), -4);
	metrics_add(metrics_seconds_counter(m, "square_c_seconds_total", "C.", NULL), 1500000);
	metrics_observe(metrics_histogram(m, "square_d_seconds", "D.", &metrics_seconds, "op", "x", NULL), 1000);
	metrics_observe(metrics_histogram(m, "square_d_seconds", "D.", &metrics_seconds, "op", "y", NULL), 99999999);
	metrics_render(&out, &m, 1);
	ck_assert_uint_eq(exposition_add(all, out.data, out.len, "from", "W0"), 0);
	ck_assert_uint_eq(exposition_add(all, out.data, out.len, "from", "W1"), 0);
	struct scrape *s = scrape_parse(rendered(), why, sizeof why);
	ck_assert_msg(s != NULL, "%s", why);
	ck_assert_double_eq(scrape_sum(s, "square_a_total", NULL), 6);
	ck_assert_double_eq(scrape_sum(s, "square_b", "from=\"W1\"", NULL), -4);
	ck_assert_double_eq(scrape_sum(s, "square_c_seconds_total", NULL), 3);
	ck_assert_double_eq(scrape_sum(s, "square_d_seconds_count", "op=\"x\"", NULL), 2);
	ck_assert_uint_eq(scrape_count(s, "square_d_seconds_bucket", "op=\"y\"", NULL), 2 * (metrics_seconds.n + 1));
	scrape_free(s);
	metrics_free(m);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("exposition");
	TCase *core = tcase_create("core"), *limits = tcase_create("limits"), *faults = tcase_create("faults");
	tcase_add_checked_fixture(core, setup, teardown);
	tcase_add_checked_fixture(limits, setup, teardown);
	tcase_add_checked_fixture(faults, setup, teardown);
	tcase_set_timeout(limits, 60);
	tcase_set_timeout(faults, 60);
	tcase_add_test(core, test_add_brings_families_together);
	tcase_add_test(core, test_add_without_label);
	tcase_add_test(core, test_add_histograms);
	tcase_add_test(core, test_add_takes_our_own);
	tcase_add_test(limits, test_add_bounds_lines);
	tcase_add_test(limits, test_add_bounds_families);
	tcase_add_test(limits, test_add_bounds_bytes);
	tcase_add_loop_test(faults, test_add_leaves_out_wrong_lines, 0, sizeof wrong / sizeof *wrong);
	tcase_add_loop_test(faults, test_add_needs_a_type, 0, sizeof headless / sizeof *headless);
	tcase_add_test(faults, test_add_keeps_the_first_type);
	tcase_add_test(faults, test_add_survives_garbage);
	suite_add_tcase(s, core);
	suite_add_tcase(s, limits);
	suite_add_tcase(s, faults);
	return suite_run(s);
}
