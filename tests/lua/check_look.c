/* SPDX-License-Identifier: GPL-3.0-or-later */
/* sq_look: what it says of a shard in each condition, of several at once, and that it changes nothing. */
#include <check.h>
#include <stdio.h>
#include <string.h>

#include "lua_ask.h"
#include "suite_run.h"

#define OTHER "{jq:other:1}"

/* The verdicts for tags; the function takes no key. */
static const char *look(const char *a, const char *b)
{
	const struct rreply *r = rsync_words(ask_lab->link, NULL, "FCALL", "sq_look", "0", a, b, NULL);
	ck_assert_ptr_nonnull(r);
	return ask_text(r);
}

START_TEST(test_look_follows_the_shard)
{
	ck_assert_str_eq(look(LAB_TAG, NULL), "-");
	ask_enqueue(0);
	ck_assert_str_eq(look(LAB_TAG, NULL), "w");
	lab_call(ask_lab, "sq_pause", "1");
	ck_assert_str_eq(look(LAB_TAG, NULL), "l");
	lab_call(ask_lab, "sq_pause", "0");
	lab_call(ask_lab, "sq_claim", "w.b.1", "1", "10000000");
	ck_assert_str_eq(look(LAB_TAG, NULL), "l");
	lab_call(ask_lab, "sq_finish", "w.b.1", ask_ids[0], "s", "5", "49");
	ck_assert_str_eq(look(LAB_TAG, NULL), "-");
	ask_holds();
}
END_TEST

START_TEST(test_look_sees_delayed_jobs)
{
	struct job delayed = ask_plain;
	delayed.delay_us = 60000000;
	ck_assert_str_eq(ask_enqueue_job(0, &delayed, "", "100"), "[now]");
	ck_assert_str_eq(look(LAB_TAG, NULL), "l");
}
END_TEST

START_TEST(test_look_answers_in_order)
{
	ask_enqueue(0);
	ck_assert_str_eq(look(LAB_TAG, OTHER), "w-");
	ck_assert_str_eq(look(OTHER, LAB_TAG), "-w");
	ck_assert_str_eq(look(LAB_TAG, LAB_TAG), "ww");
}
END_TEST

/* What nobody of ours has put there is no reason to fail for the others. */
START_TEST(test_look_bears_foreign_data)
{
	lab_do(ask_lab, "SET", OTHER ":st", "no hash");
	lab_do(ask_lab, "SET", OTHER ":w:low", "no list");
	ask_enqueue(0);
	ck_assert_str_eq(look(OTHER, LAB_TAG), "ww");
}
END_TEST

START_TEST(test_look_without_tags)
{
	ck_assert_ptr_nonnull(strstr(look(NULL, NULL), "!ERR square: expected 1 to 4096 tags"));
}
END_TEST

int main(void)
{
	Suite *s = suite_create("look");
	TCase *core = tcase_create("core"), *limits = tcase_create("limits");
	tcase_add_unchecked_fixture(core, ask_start, ask_stop);
	tcase_add_checked_fixture(core, ask_clean, NULL);
	tcase_add_test(core, test_look_follows_the_shard);
	tcase_add_test(core, test_look_sees_delayed_jobs);
	tcase_add_test(core, test_look_answers_in_order);
	tcase_add_test(core, test_look_bears_foreign_data);
	tcase_add_unchecked_fixture(limits, ask_start, ask_stop);
	tcase_add_test(limits, test_look_without_tags);
	suite_add_tcase(s, core);
	suite_add_tcase(s, limits);
	return suite_run(s);
}
