/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The registry of operations and a call of one: the same for the queue and for the TCP endpoint. An operation is one
 * `const struct op` in ops/op_<family>.c: a new one is a struct there, a new family is a file and a line of op.c.
 *
 * Two kinds of operation. A light one (estimate and run: exact arithmetic on GMP) may run in the worker's loop when its
 * estimate is small. All others (compute) and light ones with a large estimate or with an expression among their
 * arguments run in a compute child. A call is prepared where it arrives: shapes and kinds of all arguments are checked,
 * which takes time linear in their text and computes nothing; the child prepares it again, confined, where expressions
 * are read too. Nothing is computed before the estimate has been compared with the limits. */
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
struct json_t;

/* "Number" below: a JSON number, or a string: a literal of number.h or a constant expression ("sqrt(3)/2", "pi"). */
enum op_kind {
	OP_KIND_INTEGER,    /* a number whose value is an integer */
	OP_KIND_NUMBER,     /* a real number */
	OP_KIND_ANY,        /* any JSON value */
	OP_KIND_COMPLEX,    /* a number, which may be complex ("2i"), or {"re": number, "im": number} */
	OP_KIND_BOOLEAN,    /* true or false */
	OP_KIND_TEXT,       /* a string; one of `choices` where they are given */
	OP_KIND_EXPRESSION, /* a string (or a JSON number) of the expression language, with free variables */
	OP_KIND_VECTOR,     /* an array of numbers (of COMPLEX kind); may be empty: the operation decides */
	OP_KIND_MATRIX,     /* an array of at least one row, rows being arrays of numbers, all of one length >= 1 */
	OP_KIND_NUMBERS,    /* a number or a vector */
	OP_KIND_SYSTEM,     /* a vector or a matrix (right-hand sides) */
	OP_KIND_POLYNOMIAL, /* a vector of coefficients from the constant up, or an expression in one variable */
	OP_KIND_TEXTS,      /* a string or an array of strings */
	OP_KIND_VALUES,     /* an object: name -> number */
	OP_KIND_PRECISION,  /* significant decimal digits, 1 to OP_PRECISION_MAX: goes to c->precision, is no value */
	OP_KIND_EXACT       /* a boolean: goes to c->exact, is no value */
};

#define OP_PRECISION_MAX 1000000
#define OP_PRECISION_DOUBLE 15 /* up to here a real result is a JSON number, the correctly rounded double */

/* Order of an operation's parameters: required, optional, variadic (one at most), PRECISION, EXACT. The last two are
 * always optional; they are taken by position too, behind the optional ones, unless there is a variadic parameter or
 * `named` is set. */
struct op_parameter {
	const char *name;
	const char *summary;
	enum op_kind kind;
	bool optional; /* may be left out: by position from the end; op_call_given() tells */
	bool named;    /* PRECISION, EXACT: by name only */
	bool variadic; /* any number of further positional arguments; by name, an array */
	bool bounded;  /* OP_KIND_INTEGER: below min is invalid-argument, above max is limit-exceeded */
	int64_t min, max;
	const char *const *choices; /* OP_KIND_TEXT: the values it may have, NULL-terminated; NULL: any */
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

/* A big call in parts. Its work is `units` of about equal cost, numbered from 0; a part is a range of them. A call that
 * splits gives the same result, to the byte, whether it is split or not: whatever part() or gather() cannot do (they
 * fail then) is computed whole. All but weigh() in compute children, on calls that op_call_prepare_confined() took. */
struct op_plan {
	uint32_t units; /* 0: not to be split */
	uint32_t least; /* units that a part should have at least: less does not pay */
	double ns;      /* estimated time of all of them */
};
struct op_part {
	uint32_t from, to, units; /* from <= unit < to <= units; units: as planned */
};
#define OP_SPLIT_NS 100e6 /* what is estimated to take less is never split */

struct op_split {
	/* In the worker's loop, and cheap: the time that the call may need, in ns; 0: it is not to be split. */
	double (*weigh)(struct op_call *c);
	/* Fills *plan, which is zeroed. 0, or -1 with *f filled: what the whole call fails with. */
	int (*plan)(struct op_call *c, struct op_plan *plan, struct op_failure *f);
	/* Appends what gather() needs of this part, as JSON. */
	int (*part)(struct op_call *c, const struct op_part *part, struct buf *json, struct op_failure *f);
	/* results: an array of what the parts gave, in the order of their units, without a gap. Appends the result. */
	int (*gather)(struct op_call *c, const struct json_t *results, struct buf *json, struct op_failure *f);
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
	/* Light operations. Fills *cost (zeroed) from arguments that have the right kinds; refuses those outside the
	 * operation's domain (0, or -1 with *f filled). Must itself be cheap whatever the arguments are. */
	int (*estimate)(struct op_call *c, struct op_cost *cost, struct op_failure *f);
	/* Light operations: appends the result as JSON. 0, or -1 with *f filled. */
	int (*run)(struct op_call *c, struct buf *json, struct op_failure *f);
	/* The others, which have neither estimate nor run; and light ones whose arguments are not all rational (there
	 * it may be NULL: such arguments are invalid then). Runs in a compute child, where engines_init() was called;
	 * reads its arguments by math/arg.h, compares what it is about to do with the limits, appends the result as
	 * JSON. 0, or -1 with *f filled. */
	int (*compute)(struct op_call *c, struct buf *json, struct op_failure *f);
	const struct op_split *split; /* compute only: how it is shared by several children; NULL: it is not */
	bool test_only;               /* there only while op_enable_tests() is in force */
};

struct op_family {
	const struct op *ops;
	size_t count;
};

extern const struct op_family op_arithmetic;
extern const struct op_family op_integer;
extern const struct op_family op_elementary;
extern const struct op_family op_digits;
extern const struct op_family op_primes;
extern const struct op_family op_factor;
extern const struct op_family op_modular;
extern const struct op_family op_combinatorics;
extern const struct op_family op_diophantine;
extern const struct op_family op_linear;
extern const struct op_family op_decomposition;
extern const struct op_family op_lattice;
extern const struct op_family op_statistics;
extern const struct op_family op_regression;
extern const struct op_family op_distribution;
extern const struct op_family op_hypothesis;
extern const struct op_family op_calculus;
extern const struct op_family op_series;
extern const struct op_family op_ode;
extern const struct op_family op_polynomial;
extern const struct op_family op_special;
extern const struct op_family op_transform;
extern const struct op_family op_evaluate;
extern const struct op_family op_service;

/* Makes the test_only operations be there (before anything else asks the registry). */
void op_enable_tests(void);
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
	OP_HEAVY    /* give it to a compute child */
};

struct expr;

struct op_value {
	struct number number;     /* OP_KIND_INTEGER, OP_KIND_NUMBER: when it is a literal, or turned out rational */
	bool rational;            /* number is there */
	const struct json_t *any; /* as it came, borrowed from the call (see exact_json.h); NULL when not given */
	struct expr *expr; /* confined calls: a constant expression that is no literal (INTEGER, NUMBER, COMPLEX),
			      an EXPRESSION, or a POLYNOMIAL given as one; owned */
};

/* May be moved by plain assignment between prepare and fini, as long as only one copy is used from then on. */
struct op_call {
	const struct op *op;
	enum op_path path;
	bool named;          /* arguments came as an object */
	bool confined;       /* prepared in a compute child */
	bool deferred;       /* an expression is among the arguments, which only a compute child can judge */
	bool irrational;     /* not all numbers are rational, or digits are asked for: op->compute is to run */
	int8_t exact;        /* 1 or 0 as asked for by `exact`, -1: not given */
	uint32_t precision;  /* significant digits asked for, 0: not given */
	uint32_t timeout_ms; /* in force: the default, the caller's, or the smaller one that an argument asks for */
	struct op_cost cost;
	size_t count;          /* values: one for each parameter but PRECISION and EXACT, then the variadic ones */
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
/* The same as op_call_prepare() in a compute child: expressions among the arguments are read, what they evaluate to is
 * checked, and every call can be run by op_call_run(), whatever its path. */
int op_call_prepare_confined(struct op_call *c, const char *op, size_t oplen, const char *args_json, size_t n,
			     uint32_t timeout_ms, struct op_failure *f);
/* Appends the result to json; on failure json is as it was. 0, or -1 with *f filled. Call at most once. */
int op_call_run(struct op_call *c, struct buf *json, struct op_failure *f);
/* Appends the arguments as they came, as JSON: what a child is given. */
void op_call_args(const struct op_call *c, struct buf *json);
void op_call_fini(struct op_call *c);

/* For operations: the i-th value, i < c->count. Values come in the order of the parameters. */
bool op_call_given(const struct op_call *c, size_t i); /* false for an optional one that was left out */
const struct op_parameter *op_call_parameter(const struct op_call *c, size_t i);
struct op_value *op_call_value(struct op_call *c, size_t i);
struct number *op_call_number(struct op_call *c, size_t i);
/* The RFC 6901 pointer of the i-th value as the client wrote it ("/1", "/b", "/more/3"). */
void op_call_pointer(struct op_call *c, size_t i, char *out, size_t size);

#endif
