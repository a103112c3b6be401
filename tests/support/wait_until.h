/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Waiting in tests: for a condition, with a deadline, never for a length of time. */
#ifndef SQUARE_TESTS_WAIT_UNTIL_H
#define SQUARE_TESTS_WAIT_UNTIL_H

#include <stdbool.h>

typedef bool wait_condition(void *arg);

/* Asks the condition every few milliseconds until it holds or the deadline has passed. Whether it held. */
bool wait_until(wait_condition *condition, void *arg, unsigned deadline_ms);

#endif
