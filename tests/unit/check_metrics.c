/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <check.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "metrics.h"
#include "suite_run.h"

static struct buf out = BUF_INIT;

static const char *render(struct metrics *const *sets, size_t n)
{
	buf_clear(&out);
	metrics_render(&out, sets, n);
	return buf_cstr(&out);
}

START_TEST(test_render_counters_and_gauges)
{
	struct metrics *m = metrics_new();
	struct metrics_value *a = metrics_counter(m, "sq_requests_total", "Requests.", "code", "200", NULL);
	struct metrics_value *g = metrics_gauge(m, "sq_parked", "Requests that wait.", NULL);
	struct metrics_value *b =
	    metrics_counter(m, "sq_requests_total", "ignored", "code", "404", "route", "/v1", NULL);

	metrics_add(a, 2);
	metrics_add(b, 1);
	metrics_set(g, 10);
	metrics_add(g, -13);
	ck_assert_int_eq(metrics_get(a), 2);
	ck_assert_str_eq(render(&m, 1), "# HELP sq_requests_total Requests.\n"
					"# TYPE sq_requests_total counter\n"
					"sq_requests_total{code=\"200\"} 2\n"
					"sq_requests_total{code=\"404\",route=\"/v1\"} 1\n"
					"# HELP sq_parked Requests that wait.\n"
					"# TYPE sq_parked gauge\n"
					"sq_parked -3\n");
	metrics_free(m);
	buf_fini(&out);
}
END_TEST

START_TEST(test_register_again_gives_the_same_value)
{
	struct metrics *m = metrics_new();
	struct metrics_value *a = metrics_counter(m, "a", "h", "x", "1", NULL);

	ck_assert_ptr_eq(metrics_counter(m, "a", "h", "x", "1", NULL), a);
	ck_assert_ptr_ne(metrics_counter(m, "a", "h", "x", "2", NULL), a);
	ck_assert_ptr_ne(metrics_counter(m, "a", "h", NULL), a);
	metrics_free(m);
}
END_TEST

START_TEST(test_render_escapes)
{
	struct metrics *m = metrics_new();

	metrics_counter(m, "a", "one\ntwo \\ \"three\"", "path", "a\"b\\c\nd", NULL);
	ck_assert_str_eq(render(&m, 1), "# HELP a one\\ntwo \\\\ \"three\"\n"
					"# TYPE a counter\n"
					"a{path=\"a\\\"b\\\\c\\nd\"} 0\n");
	metrics_free(m);
	buf_fini(&out);
}
END_TEST

static const uint64_t bounds[] = { 10, 100 };
static const struct metrics_buckets buckets = { bounds, 2, 10 };

START_TEST(test_render_histogram)
{
	struct metrics *m = metrics_new();
	struct metrics_value *h = metrics_histogram(m, "h", "H.", &buckets, "op", "add", NULL);

	metrics_observe(h, 0);
	metrics_observe(h, 10); /* a bound belongs to its bucket */
	metrics_observe(h, 11);
	metrics_observe(h, 100);
	metrics_observe(h, 101);
	ck_assert_int_eq(metrics_get(h), 5);
	ck_assert_str_eq(render(&m, 1), "# HELP h H.\n"
					"# TYPE h histogram\n"
					"h_bucket{op=\"add\",le=\"1\"} 2\n"
					"h_bucket{op=\"add\",le=\"10\"} 4\n"
					"h_bucket{op=\"add\",le=\"+Inf\"} 5\n"
					"h_sum{op=\"add\"} 22.2\n"
					"h_count{op=\"add\"} 5\n");
	metrics_free(m);
	buf_fini(&out);
}
END_TEST

START_TEST(test_render_seconds)
{
	struct metrics *m = metrics_new();

	metrics_observe(metrics_histogram(m, "t_seconds", "T.", &metrics_seconds, NULL), 250000);
	const char *text = render(&m, 1);
	ck_assert_ptr_nonnull(strstr(text, "t_seconds_bucket{le=\"5e-05\"} 0\n"));
	ck_assert_ptr_nonnull(strstr(text, "t_seconds_bucket{le=\"0.1\"} 0\n"));
	ck_assert_ptr_nonnull(strstr(text, "t_seconds_bucket{le=\"0.25\"} 1\n"));
	ck_assert_ptr_nonnull(strstr(text, "t_seconds_bucket{le=\"60\"} 1\n"));
	ck_assert_ptr_nonnull(strstr(text, "t_seconds_sum 0.25\n"));
	ck_assert_ptr_nonnull(strstr(text, "t_seconds_count 1\n"));
	for (size_t i = 1; i < metrics_seconds.n; i++)
		ck_assert_uint_gt(metrics_seconds.bounds[i], metrics_seconds.bounds[i - 1]);
	ck_assert_uint_le(metrics_seconds.n, METRICS_BUCKETS_MAX);
	metrics_free(m);
	buf_fini(&out);
}
END_TEST

START_TEST(test_render_sums_sets)
{
	struct metrics *sets[3] = { metrics_new(), metrics_new(), metrics_new() };

	metrics_add(metrics_counter(sets[0], "a", "A.", "k", "1", NULL), 1);
	metrics_add(metrics_counter(sets[1], "b", "B.", NULL), 5);
	metrics_add(metrics_counter(sets[1], "a", "A.", "k", "2", NULL), 10);
	metrics_add(metrics_counter(sets[1], "a", "A.", "k", "1", NULL), 100);
	metrics_add(metrics_counter(sets[2], "a", "A.", "k", "2", NULL), 1000);
	metrics_observe(metrics_histogram(sets[0], "h", "H.", &buckets, NULL), 5);
	metrics_observe(metrics_histogram(sets[2], "h", "H.", &buckets, NULL), 50);
	ck_assert_str_eq(render(sets, 3),
			 "# HELP a A.\n# TYPE a counter\na{k=\"1\"} 101\na{k=\"2\"} 1010\n"
			 "# HELP h H.\n# TYPE h histogram\nh_bucket{le=\"1\"} 1\nh_bucket{le=\"10\"} 2\n"
			 "h_bucket{le=\"+Inf\"} 2\nh_sum 5.5\nh_count 2\n"
			 "# HELP b B.\n# TYPE b counter\nb 5\n");
	for (int i = 0; i < 3; i++)
		metrics_free(sets[i]);
	ck_assert_str_eq(render(sets, 0), "");
	buf_fini(&out);
}
END_TEST

START_TEST(test_render_seconds_counter)
{
	struct metrics *sets[2] = { metrics_new(), metrics_new() };
	struct metrics_value *v = metrics_seconds_counter(sets[0], "busy_seconds_total", "B.", NULL);

	metrics_add(v, 1500000);
	metrics_reach(v, 2000000); /* a total, not an increment */
	metrics_add(metrics_seconds_counter(sets[1], "busy_seconds_total", "B.", NULL), 250);
	ck_assert_str_eq(render(sets, 2), "# HELP busy_seconds_total B.\n# TYPE busy_seconds_total counter\n"
					  "busy_seconds_total 2.00025\n");
	metrics_free(sets[0]);
	metrics_free(sets[1]);
	buf_fini(&out);
}
END_TEST

static const struct metrics_buckets *const kinds[] = { &metrics_seconds, &metrics_spans, &metrics_sizes };

START_TEST(test_buckets_ascend)
{
	const struct metrics_buckets *b = kinds[_i];

	ck_assert_uint_gt(b->n, 0);
	ck_assert_uint_le(b->n, METRICS_BUCKETS_MAX);
	for (size_t i = 1; i < b->n; i++)
		ck_assert_uint_gt(b->bounds[i], b->bounds[i - 1]);
	ck_assert(b->scale > 0);
}
END_TEST

/* The same name in another set is of another kind: it is left out, and what is rendered stays one family. */
START_TEST(test_render_another_kind_in_another_set)
{
	struct metrics *sets[3] = { metrics_new(), metrics_new(), metrics_new() };

	metrics_add(metrics_counter(sets[0], "a", "A.", NULL), 1);
	metrics_set(metrics_gauge(sets[1], "a", "A.", NULL), 10);
	metrics_add(metrics_counter(sets[2], "a", "A.", NULL), 100);
	ck_assert_str_eq(render(sets, 3), "# HELP a A.\n# TYPE a counter\na 101\n");
	for (int i = 0; i < 3; i++)
		metrics_free(sets[i]);
	buf_fini(&out);
}
END_TEST

#define SERIES 2000

START_TEST(test_render_many_series)
{
	struct metrics *sets[2] = { metrics_new(), metrics_new() };
	char name[16], expected[64];

	for (int i = 0; i < 2 * SERIES; i++) {
		snprintf(name, sizeof(name), "%d", i % SERIES);
		metrics_add(metrics_counter(sets[i % 3 == 0], "a", "A.", "n", name, NULL), i);
	}
	const char *text = render(sets, 2);
	for (int i = 0; i < SERIES; i++) {
		snprintf(expected, sizeof(expected), "\na{n=\"%d\"} %d\n", i, 2 * i + SERIES);
		ck_assert_msg(strstr(text, expected) != NULL, "%s", expected);
	}
	metrics_free(sets[0]);
	metrics_free(sets[1]);
	buf_fini(&out);
}
END_TEST

#define THREADS 3
#define ROUNDS 20000

static void *work(void *arg)
{
	struct metrics *m = arg;
	struct metrics_value *c = metrics_counter(m, "c", "C.", NULL);
	struct metrics_value *h = metrics_histogram(m, "h", "H.", &buckets, NULL);
	char name[32];

	for (int i = 0; i < ROUNDS; i++) {
		metrics_add(c, 1);
		metrics_observe(h, (uint64_t)i % 200);
		if (i % 1000 == 0) {
			snprintf(name, sizeof(name), "%d", i);
			metrics_counter(m, "late", "L.", "i", name, NULL);
		}
	}
	return NULL;
}

/* All threads on two sets, while another one renders: nothing is lost, and ThreadSanitizer has nothing to say. */
START_TEST(test_threads_lose_nothing)
{
	struct metrics *sets[2] = { metrics_new(), metrics_new() };
	pthread_t threads[THREADS];
	char expected[64];

	for (int i = 0; i < THREADS; i++)
		ck_assert_int_eq(pthread_create(&threads[i], NULL, work, sets[i % 2]), 0);
	for (int i = 0; i < 50; i++)
		render(sets, 2);
	for (int i = 0; i < THREADS; i++)
		pthread_join(threads[i], NULL);
	const char *text = render(sets, 2);
	snprintf(expected, sizeof(expected), "\nc %d\n", THREADS * ROUNDS);
	ck_assert_ptr_nonnull(strstr(text, expected));
	snprintf(expected, sizeof(expected), "\nh_count %d\n", THREADS * ROUNDS);
	ck_assert_ptr_nonnull(strstr(text, expected));
	metrics_free(sets[0]);
	metrics_free(sets[1]);
	buf_fini(&out);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("metrics");
	TCase *core = tcase_create("core"), *limits = tcase_create("limits"), *faults = tcase_create("faults");

	tcase_add_test(core, test_render_counters_and_gauges);
	tcase_add_test(core, test_register_again_gives_the_same_value);
	tcase_add_test(core, test_render_histogram);
	tcase_add_test(core, test_render_seconds);
	tcase_add_test(core, test_render_sums_sets);
	tcase_add_test(core, test_render_seconds_counter);
	tcase_add_loop_test(core, test_buckets_ascend, 0, sizeof(kinds) / sizeof(*kinds));
	tcase_add_test(limits, test_render_many_series);
	tcase_add_test(faults, test_render_another_kind_in_another_set);
	tcase_add_test(limits, test_threads_lose_nothing);
	tcase_set_timeout(limits, 60);
	tcase_add_test(faults, test_render_escapes);
	suite_add_tcase(s, core);
	suite_add_tcase(s, limits);
	suite_add_tcase(s, faults);
	return suite_run(s);
}
