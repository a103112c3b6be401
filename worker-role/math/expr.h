/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The expression language of the service: + - * / % ^ ! parentheses, numbers (exact: "0.1" is 1/10), i, pi, e, euler,
 * matrices [[1,2],[3,4]], functions, sum(expr,k,a,b), product(expr,k,a,b), and names. An expression is read into a tree
 * whose size and depth are bounded, and then evaluated as often as wanted: exactly, as certified balls at a working
 * precision, or in doubles. Reading computes nothing. Trees are constant once read. Only in compute children.
 *
 * Names are variables unless they are constants; a call f(…) is one of the functions of math/function.h or, where only
 * values are wanted, any operation of the registry. */
#ifndef SQUARE_EXPR_H
#define SQUARE_EXPR_H

#include <acb.h>
#include <flint/fmpq.h>
#include <flint/fmpq_poly.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "buf.h"
#include "op_failure.h"

#define EXPR_BYTES_MAX 65536
#define EXPR_DEPTH_MAX 200
#define EXPR_NODES_MAX 10000

enum expr_kind {
	EXPR_NUMBER,   /* value */
	EXPR_CONSTANT, /* name: i, pi, e, euler, inf */
	EXPR_VARIABLE, /* name */
	EXPR_ADD,      /* args[0] + args[1]; and so on */
	EXPR_SUB,
	EXPR_MUL,
	EXPR_DIV,
	EXPR_MOD,
	EXPR_POW,
	EXPR_NEG,       /* - args[0] */
	EXPR_FACTORIAL, /* args[0] ! */
	EXPR_CALL,      /* name(args…); also sum and product, whose args[1] is the EXPR_VARIABLE they bind */
	EXPR_LIST,      /* [args…]; a matrix is a list of lists */
	EXPR_TEXT       /* name: a text in quotes, for operations that take one */
};

struct expr {
	enum expr_kind kind;
	uint32_t at;    /* byte offset in the text, for messages */
	uint32_t count; /* of args */
	fmpq_t value;
	char *name;
	struct expr **args;
};

/* Reads s[0..n). NULL with *f: OP_PARSE_ERROR with its position, what was found and what was expected, or
 * OP_LIMIT_EXCEEDED. Unknown functions are OP_UNKNOWN_NAME here already, a wrong number of their arguments OP_ARITY. */
struct expr *expr_parse(const char *s, size_t n, struct op_failure *f);
void expr_free(struct expr *e); /* NULL does nothing */

/* New trees, from parts that are taken. They abort when memory runs out (a child's memory is bounded). */
struct expr *expr_new_number(const fmpq_t value);
struct expr *expr_new_name(enum expr_kind kind, const char *name);            /* EXPR_CONSTANT, EXPR_VARIABLE */
struct expr *expr_new(enum expr_kind kind, struct expr *a, struct expr *b);   /* b NULL: unary */
struct expr *expr_new_call(const char *name, struct expr *a, struct expr *b); /* b NULL: one argument */
struct expr *expr_copy(const struct expr *e);
/* An equivalent tree: numbers folded, 0 and 1 gone, like terms of sums and products gathered. */
struct expr *expr_simplify(struct expr *taken);

bool expr_has(const struct expr *e, const char *variable); /* free in e */
/* The first free variable that is not among names[0..n); NULL when there is none. */
const struct expr *expr_unbound(const struct expr *e, const char *const *names, size_t n);
/* Fails with OP_UNKNOWN_NAME and its position if there is one. */
int expr_check_names(const struct expr *e, const char *const *names, size_t n, struct op_failure *f);
void expr_print(struct buf *out, const struct expr *e); /* in the language itself, with the fewest parentheses */

/* Values of variables while evaluating: ball balls[i] or (in exact evaluation) rational rationals[i] of names[i]. */
struct expr_scope {
	const char *const *names;
	size_t count;
	acb_srcptr balls;
	const fmpq *rationals;
};

/* The value if it is rational and can be had without rounding: 0. -1: *f says why not; f->error is OP_DOMAIN_ERROR
 * with detail "" when the only reason is that the value may be irrational (then evaluate it as a ball). Sizes are
 * bounded before they are computed (OP_LIMIT_EXCEEDED). scope may be NULL. */
int expr_rational(const struct expr *e, const struct expr_scope *scope, fmpq_t out, struct op_failure *f);
/* The same for values whose real and imaginary parts are rational. */
int expr_gauss(const struct expr *e, const struct expr_scope *scope, fmpq_t re, fmpq_t im, struct op_failure *f);
static inline bool expr_is_irrational(const struct op_failure *f)
{
	return f->error == OP_DOMAIN_ERROR && f->detail[0] == '\0';
}
/* An enclosure, computed with prec bits; rational subtrees exactly. It may be as wide as it likes, or indeterminate:
 * then ask with more bits. analytic: indeterminate too wherever e is not holomorphic on the whole ball (for
 * integration); abs, floor, sqrt or log on a cut and the like. Real input gives an imaginary part that is exactly 0
 * wherever the function is real there. A value outside the domain at the point itself fails. */
int expr_ball(const struct expr *e, const struct expr_scope *scope, bool analytic, slong prec, acb_t out,
	      struct op_failure *f);
/* The coefficients of its power series in `variable` at the value that the scope gives it, len terms. */
int expr_series(const struct expr *e, const char *variable, const struct expr_scope *scope, slong len, slong prec,
		acb_ptr out, struct op_failure *f);

/* Real doubles, fast, for quadrature, ODE and fitting loops: compiled once. names: the variables in the order of x.
 * NULL with *f when something in it has no real double form. A point outside the domain gives NaN. */
struct expr_code;
struct expr_code *expr_compile(const struct expr *e, const char *const *names, size_t n, struct op_failure *f);
double expr_code_run(const struct expr_code *code, const double *x);
void expr_code_free(struct expr_code *code);

/* d e / d variable, simplified; NULL with *f when some function has no derivative here. */
struct expr *expr_derivative(const struct expr *e, const char *variable, struct op_failure *f);
/* As a polynomial with rational coefficients in `variable` (NULL: the only variable it has). -1 with *f. */
int expr_polynomial(const struct expr *e, const char *variable, fmpq_poly_t out, struct op_failure *f);

#endif
