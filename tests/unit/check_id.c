/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <check.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "clock.h"
#include "err.h"
#include "id.h"
#include "suite_run.h"

START_TEST(test_make_has_the_bits_of_rfc_9562)
{
	struct idgen g;
	uint64_t before = clock_wall_us() / 1000, ms = 0;

	idgen_init(&g);
	struct id id = id_make(&g, 0xabc);
	uint64_t after = clock_wall_us() / 1000;
	for (int i = 0; i < 6; i++)
		ms = ms << 8 | id.b[i];
	ck_assert_uint_ge(ms, before);
	ck_assert_uint_le(ms, after);
	ck_assert_uint_eq(id.b[6] >> 4, 7); /* version */
	ck_assert_uint_eq(id.b[8] >> 6, 2); /* variant */
	ck_assert_uint_eq(id_tag(&id), 0xabc);
}
END_TEST

START_TEST(test_tag_of_every_value)
{
	struct idgen g;

	idgen_init(&g);
	for (unsigned tag = 0; tag <= ID_TAG_MAX; tag++) {
		struct id id = id_make(&g, tag), back;
		char text[ID_TEXT_SIZE];
		id_format(&id, text);
		ck_assert_int_eq(id_parse(text, ID_TEXT_LEN, &back), 0);
		ck_assert_int_eq(memcmp(&id, &back, sizeof(id)), 0);
		ck_assert_uint_eq(id_tag(&back), tag);
	}
}
END_TEST

START_TEST(test_make_ascends_as_text)
{
	struct idgen g;
	char last[ID_TEXT_SIZE] = "", text[ID_TEXT_SIZE];

	idgen_init(&g);
	for (int i = 0; i < 200000; i++) {
		struct id id = id_make(&g, (unsigned)i & ID_TAG_MAX);
		id_format(&id, text);
		ck_assert_int_lt(strcmp(last, text), 0);
		memcpy(last, text, sizeof(last));
	}
}
END_TEST

/* A last id in the future is what a clock that stepped back looks like. */
START_TEST(test_make_survives_a_clock_that_steps_back)
{
	struct idgen g;
	char last[ID_TEXT_SIZE], text[ID_TEXT_SIZE];
	uint64_t future = clock_wall_us() / 1000 + 3600000;

	idgen_init(&g);
	g.last_ms = future;
	struct id id = id_make(&g, 5);
	id_format(&id, last);
	for (int i = 0; i < 9000; i++) {
		id = id_make(&g, (unsigned)(9000 - i) & ID_TAG_MAX);
		id_format(&id, text);
		ck_assert_int_lt(strcmp(last, text), 0);
		memcpy(last, text, sizeof(last));
	}
	/* 9,001 ids, 4,096 in a millisecond: the time moved on by two, the bits around the counter are intact. */
	ck_assert_uint_eq(g.last_ms, future + 2);
	ck_assert_uint_eq(id.b[6] >> 4, 7);
	ck_assert_uint_eq(id.b[8] >> 6, 2);
}
END_TEST

START_TEST(test_make_of_two_generators_differs)
{
	struct idgen a, b;

	idgen_init(&a);
	idgen_init(&b);
	a.last_ms = b.last_ms = clock_wall_us() / 1000 + 3600000;
	for (int i = 0; i < 1000; i++) { /* same time, same counter, same tag: only chance is left */
		struct id x = id_make(&a, 1), y = id_make(&b, 1);
		ck_assert_int_eq(memcmp(x.b, y.b, 8), 0);
		ck_assert_int_ne(memcmp(&x, &y, sizeof(x)), 0);
	}
}
END_TEST

static const struct {
	const char *text;
	bool good;
} texts[] = {
	{ "017f22e2-79b0-7cc3-98c4-dc0c0c07398f", true }, /* the example of RFC 9562 */
	{ "017F22E2-79B0-7CC3-98C4-DC0C0C07398F", true },
	{ "017f22e2-79b0-4cc3-98c4-dc0c0c07398f", false }, /* version 4 */
	{ "017f22e2-79b0-7cc3-18c4-dc0c0c07398f", false }, /* variants */
	{ "017f22e2-79b0-7cc3-d8c4-dc0c0c07398f", false },
	{ "017f22e279b07cc398c4dc0c0c07398f", false },
	{ "017f22e2-79b0-7cc3-98c4-dc0c0c07398", false },
	{ "017f22e2-79b0-7cc3-98c4-dc0c0c07398f0", false },
	{ "{17f22e2-79b0-7cc3-98c4-dc0c0c07398f}", false },
	{ "017f22e2_79b0-7cc3-98c4-dc0c0c07398f", false },
	{ "017f22e-279b0-7cc3-98c4-dc0c0c07398f", false },
	{ "017f22g2-79b0-7cc3-98c4-dc0c0c07398f", false },
	{ "017f22e2-79b0-7cc3-98c4-dc0c0c07398\xe6", false },
	{ "", false },
};

START_TEST(test_parse)
{
	const char *text = texts[_i].text;
	struct id id, untouched;
	char out[ID_TEXT_SIZE];

	memset(&id, 0x5a, sizeof(id));
	untouched = id;
	int rc = id_parse(text, strlen(text), &id);
	ck_assert_int_eq(rc, texts[_i].good ? 0 : ERR_INVALID);
	if (texts[_i].good) {
		id_format(&id, out);
		ck_assert_str_eq(out, texts[0].text);
	} else {
		ck_assert_int_eq(memcmp(&id, &untouched, sizeof(id)), 0);
	}
}
END_TEST

int main(void)
{
	Suite *s = suite_create("id");
	TCase *core = tcase_create("core"), *limits = tcase_create("limits"), *faults = tcase_create("faults");

	tcase_add_test(core, test_make_has_the_bits_of_rfc_9562);
	tcase_add_test(core, test_tag_of_every_value);
	tcase_add_test(core, test_make_ascends_as_text);
	tcase_add_test(core, test_make_of_two_generators_differs);
	tcase_add_loop_test(limits, test_parse, 0, (int)(sizeof(texts) / sizeof(*texts)));
	tcase_add_test(faults, test_make_survives_a_clock_that_steps_back);
	suite_add_tcase(s, core);
	suite_add_tcase(s, limits);
	suite_add_tcase(s, faults);
	return suite_run(s);
}
