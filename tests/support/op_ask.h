/* SPDX-License-Identifier: GPL-3.0-or-later */
/* One call of an operation as a compute child makes it, in the process of the test: for tests of the families. */
#ifndef SQUARE_TESTS_OP_ASK_H
#define SQUARE_TESTS_OP_ASK_H

#include <jansson.h>
#include <stdbool.h>

#include "buf.h"
#include "op_failure.h"

/* Use as a checked fixture around each test case: starts and ends the engines. */
void op_ask_setup(void);
void op_ask_teardown(void);

/* args: JSON. json is cleared first, and gets the result, or the error object. True: it succeeded. f may be NULL. */
bool op_ask(const char *op, const char *args, struct buf *json, struct op_failure *f);

/* Each asserts (Check), with the whole call in its message. */
void op_expect(const char *op, const char *args, const char *result);     /* exactly this JSON text */
void op_expect_error(const char *op, const char *args, const char *type); /* "domain-error" */
void op_expect_pointer(const char *op, const char *args, const char *type, const char *pointer);
/* Numbers anywhere in the result equal those of `result` to the relative error given (absolute below 1); all else,
 * strings too, exactly. For results in doubles only. */
void op_expect_near(const char *op, const char *args, const char *result, double error);
/* The decoded result (a new reference); asserts success. Big integers and literals as exact_json.h has them. */
json_t *op_answer(const char *op, const char *args);
/* Every example of the family's operations gives what it says. */
struct op_family;
void op_expect_examples(const struct op_family *family);

#endif
