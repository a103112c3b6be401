/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The end of a test program's main. */
#ifndef SQUARE_TESTS_SUITE_RUN_H
#define SQUARE_TESTS_SUITE_RUN_H

#include <check.h>

/* Runs the suite, as loud as CK_VERBOSITY says, and frees it. The exit status: 0 when no test failed. */
int suite_run(Suite *s);

#endif
