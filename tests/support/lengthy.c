/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "lengthy.h"

#include "op_ask.h"

TCase *lengthy_case(Suite *suite)
{
	TCase *tcase = tcase_create("lengthy");

	tcase_set_tags(tcase, "lengthy");
	tcase_set_timeout(tcase, 300);
	tcase_add_checked_fixture(tcase, op_ask_setup, op_ask_teardown);
	suite_add_tcase(suite, tcase);
	return tcase;
}
