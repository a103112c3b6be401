/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "page.h"
#include "suite_run.h"

#define ALL 120

/* What stands in the sources: keys fall from first to last, and tell the source (key modulo sources). */
struct world {
	unsigned sources, source_page;
	size_t json_n;
};

static void name(unsigned value, char key[8], char id[ID_TEXT_SIZE])
{
	snprintf(key, 8, "%05u", value % 100000);
	snprintf(id, ID_TEXT_SIZE, "00000000-0000-7000-8000-0000000%05u", value % 100000);
}

/* A source sends its entries below `before`, the largest first, and no more than its page holds. */
static void send_page(struct page *p, const struct world *w, unsigned source, unsigned before)
{
	static const char json[5000];
	char key[8], id[ID_TEXT_SIZE];
	unsigned sent = 0;
	for (unsigned value = before; value-- > 0;) {
		if (value % w->sources != source)
			continue;
		if (sent++ == w->source_page) {
			page_cut(p, key);
			return;
		}
		name(value, key, id);
		if (page_wants(p, key, id))
			ck_assert_int_eq(page_add(p, key, id, json, w->json_n), 0);
	}
}

static const struct {
	struct world world;
	size_t entries_max, bytes_max;
} merges[] = {
	{ { 1, 200, 1 }, 200, 1 << 20 }, { { 1, 7, 1 }, 200, 1 << 20 },     { { 3, 200, 1 }, 10, 1 << 20 },
	{ { 3, 4, 1 }, 10, 1 << 20 },    { { 7, 1, 1 }, 50, 1 << 20 },      { { 64, 200, 1 }, 1, 1 << 20 },
	{ { 5, 30, 1000 }, 100, 10000 }, { { 5, 30, 4000 }, 100, 3000 },    { { 2, 2, 4000 }, 3, 9000 },
	{ { 120, 1, 1 }, 200, 1 << 20 }, { { 4, 200, 5000 }, 200, 100000 },
};

/* Page after page, whatever the bounds and the order in which sources answer: everything once, in order. */
START_TEST(test_pages_make_the_whole_list)
{
	const struct world *w = &merges[_i].world;
	unsigned before = ALL, expected = ALL;
	for (unsigned round = 0; before > 0; round++) {
		struct page p;
		page_init(&p, merges[_i].entries_max, merges[_i].bytes_max);
		page_begin(&p);
		for (unsigned s = 0; s < w->sources; s++) {
			send_page(&p, w, (s * 11 + round) % w->sources, before);
			ck_assert_uint_le(p.n, merges[_i].entries_max);
			ck_assert(p.bytes <= merges[_i].bytes_max || p.n == 1);
		}
		page_end(&p);
		ck_assert_uint_gt(p.n, 0);
		for (size_t i = 0; i < p.n; i++)
			ck_assert_int_eq(atoi(p.entries[i]->key), (int)--expected);
		before = (unsigned)atoi(page_last(&p));
		ck_assert_int_eq(p.more, before > 0);
		page_fini(&p);
		ck_assert_uint_le(round, ALL);
	}
	ck_assert_uint_eq(expected, 0);
}
END_TEST

START_TEST(test_sections_stand_one_behind_the_other)
{
	struct page p;
	page_init(&p, 3, 1000);
	page_begin(&p);
	ck_assert_str_eq(page_last(&p), "");
	ck_assert_int_eq(page_add(&p, "1", "first", "{}", 2), 0);
	page_end(&p);
	ck_assert(!p.more && !page_full(&p));
	page_begin(&p);
	ck_assert_str_eq(page_last(&p), "");
	ck_assert(!page_wants(&p, "9", "first")); /* it has moved, and was shown */
	ck_assert_int_eq(page_add(&p, "8", "second", "{}", 2), 0);
	ck_assert_int_eq(page_add(&p, "9", "third", "{}", 2), 0);
	ck_assert(page_full(&p) && !p.more);
	ck_assert(page_wants(&p, "7", "fourth"));
	ck_assert_int_eq(page_add(&p, "7", "fourth", "{}", 2), 0);
	ck_assert(p.more);
	page_end(&p);
	ck_assert_str_eq(page_last(&p), "8");
	ck_assert_uint_eq(p.n, 3);
	ck_assert_str_eq(p.entries[0]->id, "first"); /* larger keys of a later section do not go before it */
	ck_assert_str_eq(p.entries[1]->id, "third");
	ck_assert_str_eq(p.entries[2]->id, "second");
	page_fini(&p);
}
END_TEST

/* One section may leave no room at all for the next. */
START_TEST(test_section_without_room_is_put_off)
{
	struct page p;
	page_init(&p, 10, 100);
	page_begin(&p);
	ck_assert_int_eq(page_add(&p, "5", "first", "0123456789", 10), 0);
	page_end(&p);
	page_begin(&p);
	char large[200] = "";
	ck_assert_int_eq(page_add(&p, "5", "second", large, sizeof large), 0);
	page_end(&p);
	ck_assert(p.more);
	ck_assert_uint_eq(p.n, 1);
	ck_assert_str_eq(page_last(&p), "");
	page_fini(&p);
	page_init(&p, 10, 100); /* and then is the one that a page has at least */
	page_begin(&p);
	ck_assert_int_eq(page_add(&p, "5", "second", large, sizeof large), 0);
	page_end(&p);
	ck_assert_uint_eq(p.n, 1);
	ck_assert(!p.more && page_full(&p));
	page_fini(&p);
}
END_TEST

#define COUNT(table) (int)(sizeof(table) / sizeof *(table))

int main(void)
{
	Suite *s = suite_create("page");
	TCase *core = tcase_create("core"), *limits = tcase_create("limits");
	tcase_add_loop_test(core, test_pages_make_the_whole_list, 0, COUNT(merges));
	tcase_add_test(core, test_sections_stand_one_behind_the_other);
	tcase_add_test(limits, test_section_without_room_is_put_off);
	suite_add_tcase(s, core);
	suite_add_tcase(s, limits);
	return suite_run(s);
}
