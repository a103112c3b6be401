/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Why an operation gave no result: the record that travels from a check or a run to the job's `error`, to a JSON-RPC
 * error and to the log. Owned by whoever calls; nothing in it is allocated, so failing never needs memory. */
#ifndef SQUARE_OP_FAILURE_H
#define SQUARE_OP_FAILURE_H

#include <stdbool.h>
#include <stddef.h>

#include "buf.h"

enum op_error {
	OP_PARSE_ERROR,
	OP_UNKNOWN_NAME,
	OP_ARITY,
	OP_INVALID_ARGUMENT,
	OP_DOMAIN_ERROR,
	OP_DIMENSION_MISMATCH,
	OP_DIVISION_BY_ZERO,
	OP_SINGULAR,
	OP_NOT_INVERTIBLE,
	OP_NO_SOLUTION,
	OP_NO_SIGN_CHANGE,
	OP_DID_NOT_CONVERGE,
	OP_OVERFLOW,
	OP_LIMIT_EXCEEDED,
	OP_TIMEOUT,
	OP_WORKER_LOST,
	OP_INTERNAL_ERROR,
	OP_CANCELLED,
	OP_ERROR_COUNT
};

#define OP_FAILURE_POINTERS 8

struct op_failure {
	enum op_error error;
	char detail[400];
	/* OP_LIMIT_EXCEEDED: what was allowed and what was wanted, in `unit` ("digits", "ms"); unit "": not given. */
	double limit, estimate;
	char unit[24];
	/* OP_PARSE_ERROR and whatever an expression causes: byte offset in that text; -1: not given. */
	long position;
	/* The arguments at fault, each as an RFC 6901 pointer relative to the arguments; further ones are only counted.
	 */
	size_t count;
	struct {
		char pointer[96];
		char detail[200];
	} at[OP_FAILURE_POINTERS];
};

const char *op_error_name(enum op_error error);                     /* "division-by-zero" */
const char *op_error_title(enum op_error error);                    /* "Division by zero" */
bool op_error_retryable(enum op_error error);                       /* true: another attempt may succeed */
int op_error_parse(const char *name, size_t n, enum op_error *out); /* 0 or ERR_NOT_FOUND */

/* Begins a failure with its sentence and no pointers. Always returns -1, for `return op_fail(f, …)`. */
int op_fail(struct op_failure *f, enum op_error error, const char *fmt, ...) __attribute__((format(printf, 3, 4)));
/* The same for OP_LIMIT_EXCEEDED, with the limit, the estimate and their unit as members too. */
int op_fail_limit(struct op_failure *f, double limit, double estimate, const char *unit, const char *what);
/* Sets the position of a failure that stands; returns -1. */
int op_fail_position(struct op_failure *f, size_t position);
/* Says which argument a failure that stands (and names none yet) is about; returns -1. */
int op_fail_locate(struct op_failure *f, const char *pointer);
/* Adds an argument at fault. The first one decides error and detail; call op_failure_init() before. Returns -1. */
void op_failure_init(struct op_failure *f);
int op_fail_at(struct op_failure *f, enum op_error error, const char *pointer, const char *fmt, ...)
    __attribute__((format(printf, 4, 5)));

/* Appends
 * {"type","title","detail","retryable"[,"position"][,"pointer","errors":[{"pointer","detail"}]][,"limit","estimate","unit"]}.
 */
void op_failure_json(struct buf *out, const struct op_failure *f);

#endif
