/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The Statistical Reference Datasets of NIST: runs the operations of one set in tests/data/nist and compares what they
 * give, at a precision of 20 digits, with the certified values to their last digit. Use with op_ask's fixture. */
#ifndef SQUARE_TESTS_NIST_H
#define SQUARE_TESTS_NIST_H

#include <jansson.h>

/* Asserts (Check), naming set, operation and value. name: that of the file, without ".json". */
void nist_check(const char *name);
/* Asserts that a result, or each of its members that has a certified value, is that value, rounded to its digits. */
void nist_compare(const char *what, const json_t *got, const json_t *certified);
/* The same of one number and its certified decimal, such as "0.429796848199937E-03". */
void nist_compare_text(const char *what, const json_t *got, const char *certified);

#endif
