/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Tests that compute for long: everywhere but under valgrind, which is fifty times slower and gets enough to see from
 * the others (tests/run leaves the tag out there; AddressSanitizer runs them all). */
#ifndef SQUARE_TESTS_LENGTHY_H
#define SQUARE_TESTS_LENGTHY_H

#include <check.h>

/* A test case of the suite with the engines started (op_ask.h). */
TCase *lengthy_case(Suite *suite);

#endif
