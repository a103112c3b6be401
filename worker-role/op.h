/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The registry of operations and a call of one: the same for the queue and for the TCP endpoint. An operation is one
 * `const struct op` in ops/op_<family>.c: a new one is a struct there, a new family is a file and a line of op.c.
 *
 * A call is prepared (arguments read, checked, all of them, and their cost estimated: microseconds), then run, on any
 * thread, once. Nothing is computed before the estimate has been compared with the limits. */
#ifndef SQUARE_OP_H
#define SQUARE_OP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "buf.h"
#include "number.h"
#include "op_failure.h"

#define OP_TIMEOUT_DEFAULT_MS 5000
#define OP_TIMEOUT_MAX_MS 60000
#define OP_IN_LOOP_NS 50000.0 /* what is estimated to take longer is kept off the loop */
#define OP_DEPTH_MAX 32       /* nesting of the arguments */
#define OP_VALUES_MAX 100000  /* arguments of one call */
#define OP_RESULT_MAX 1048576 /* bytes of a result */
#define OP_INLINE_VALUES 4

struct op_call;

enum op_kind {
	OP_KIND_INTEGER, /* JSON integer, or any text form of number.h whose value is an integer */
	OP_KIND_NUMBER,  /* JSON number, or any text form of number.h */
	OP_KIND_ANY      /* any JSON value */
};

struct op_parameter {
	const char *name;
	const char *summary;
	enum op_kind kind;
	bool variadic; /* the last one only: any number of further positional arguments; by name, an array */
	bool bounded;  /* OP_KIND_INTEGER: below min is invalid-argument, above max is limit-exceeded */
	int64_t min, max;
};

struct op_example {
	const char *args;   /* JSON */
	const char *result; /* JSON; NULL when the call fails */
	const char *error;  /* the type of failure; NULL when it succeeds */
};

struct op_cost {
	double ns;         /* estimated time of run() */
	double digits;     /* estimated decimal digits of the result */
	uint32_t delay_ms; /* run() is due only after this time, on a timer */
	double bytes;      /* filled in by op_call.c: what the result may well need, for bounding what is in flight */
};

struct op {
	const char *name;
	const char *family;
	const char *summary;
	const char *result; /* what comes back, for people */
	const char *limits;
	const struct op_parameter *parameters;
	size_t parameter_count;
	const struct op_example *examples;
	size_t example_count;
	/* Fills *cost (zeroed) from arguments that have the right kinds; refuses those outside the operation's domain
	 * (0, or -1 with *f filled). Must itself be cheap whatever the arguments are. */
	int (*estimate)(struct op_call *c, struct op_cost *cost, struct op_failure *f);
	/* Appends the result as JSON. 0, or -1 with *f filled. */
	int (*run)(struct op_call *c, struct buf *json, struct op_failure *f);
};

struct op_family {
	const struct op *ops;
	size_t count;
};

extern const struct op_family op_arithmetic;
extern const struct op_family op_integer;
extern const struct op_family op_service;

size_t op_count(void);
const struct op *op_at(size_t i); /* in the order of the catalogue */
const struct op *op_find(const char *name, size_t n);
/* Fills out[0..max) with the operations whose names are nearest to a misspelt one; returns how many. */
size_t op_suggest(const char *name, size_t n, const struct op **out, size_t max);
/* OP_UNKNOWN_NAME with what may have been meant. Returns -1. */
int op_fail_unknown(struct op_failure *f, const char *name, size_t n);

enum op_path {
	OP_IN_LOOP, /* shorter than OP_IN_LOOP_NS: run it where you are */
	OP_TIMED,   /* run it delay_ms from now */
	OP_HEAVY    /* run it on another thread */
};

struct op_value {
	struct number number;     /* OP_KIND_INTEGER, OP_KIND_NUMBER */
	const struct json_t *any; /* OP_KIND_ANY: borrowed from the call (see exact_json.h); NULL when absent */
};

/* May be moved by plain assignment between prepare and fini, as long as only one copy is used from then on. */
struct op_call {
	const struct op *op;
	enum op_path path;
	bool named;          /* arguments came as an object */
	uint32_t timeout_ms; /* in force: the default, the caller's, or the smaller one that an argument asks for */
	struct op_cost cost;
	size_t count;          /* values, those of the variadic parameter included */
	struct op_value *more; /* all values, when they are more than fit here */
	struct op_value few[OP_INLINE_VALUES];
	struct json_t *args;
};

/* Prepares a call. op[0..oplen): its name; args_json[0..n): a JSON array (by position) or object (by name; there
 * "timeout_ms" is taken on any operation), both only borrowed for the call. timeout_ms 0: the default.
 * 0, or -1 with *f filled, when there is nothing to fini. */
int op_call_prepare(struct op_call *c, const char *op, size_t oplen, const char *args_json, size_t n,
		    uint32_t timeout_ms, struct op_failure *f);
/* The same for arguments decoded by exact_json.h; args may be NULL (none). A reference of its own is taken. */
int op_call_prepare_decoded(struct op_call *c, const struct op *op, struct json_t *args, uint32_t timeout_ms,
			    struct op_failure *f);
/* Appends the result to json; on failure json is as it was. 0, or -1 with *f filled. Call at most once. */
int op_call_run(struct op_call *c, struct buf *json, struct op_failure *f);
void op_call_fini(struct op_call *c);

/* For operations: the i-th value, i < c->count. */
struct op_value *op_call_value(struct op_call *c, size_t i);
struct number *op_call_number(struct op_call *c, size_t i);
/* The RFC 6901 pointer of the i-th value as the client wrote it ("/1", "/b", "/more/3"). */
void op_call_pointer(struct op_call *c, size_t i, char *out, size_t size);

#endif
