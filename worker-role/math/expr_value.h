/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Numbers while an expression is evaluated: exact as long as they can be (rationals, and sums of square roots of them),
 * balls from then on. Each step looks at the size of its result before it computes it. All functions but those that ask
 * return 0, or -1 with the evaluation's failure filled; out may be one of the arguments. */
#ifndef SQUARE_EXPR_VALUE_H
#define SQUARE_EXPR_VALUE_H

#include "math/expr.h"
#include "math/surd.h"

struct expr_value {
	enum { EXPR_VALUE_RATIONAL, EXPR_VALUE_SURD, EXPR_VALUE_BALL } form;
	fmpq_t q;
	struct surd surd; /* not rational */
	acb_t z;
};

/* A variable's value while a sum or a product runs over it. */
struct expr_binding {
	const char *name;
	fmpq_t value;
	const struct expr_binding *outer;
};

struct expr_eval {
	const struct expr_scope *scope;
	const struct expr_binding *bindings;
	bool analytic;
	bool exact;     /* a size that is refused fails, rather than being gone on with as a ball */
	bool undecided; /* a ball was too wide to tell floor, sign … from it: more bits may make the result exact */
	slong prec;
	double left;   /* node evaluations still allowed */
	double repeat; /* how often the sums around run their bodies */
	uint32_t at;   /* of the node at work, for messages */
	struct op_failure *f;
};

void expr_value_init(struct expr_value *v);
void expr_value_clear(struct expr_value *v);
void expr_value_swap(struct expr_value *a, struct expr_value *b);
void expr_value_set_si(struct expr_value *v, slong n);
void expr_value_set_fmpq(struct expr_value *v, const fmpq_t q);
void expr_value_set_fmpz(struct expr_value *v, const fmpz_t n);
void expr_value_settle_surd(struct expr_value *v); /* v->surd was set: it may be rational */

bool expr_value_is_rational(const struct expr_value *v);
bool expr_value_is_integer(const struct expr_value *v);
bool expr_value_is_zero(const struct expr_value *v); /* exactly */
bool expr_value_is_real(const struct expr_value *v); /* its imaginary part is exactly 0 */
void expr_value_get_acb(acb_t out, const struct expr_value *v, slong prec);
void expr_value_to_ball(struct expr_eval *ev, struct expr_value *v);

/* Fails at the node at work. */
int expr_value_fail(struct expr_eval *ev, enum op_error error, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));
/* Looks at a result of so many digits before it is made: 0: make it; 1: go on with a ball; -1: refused. */
int expr_value_check_digits(struct expr_eval *ev, double digits, bool integer);

int expr_value_neg(struct expr_eval *ev, struct expr_value *out, const struct expr_value *a);
int expr_value_add(struct expr_eval *ev, struct expr_value *out, const struct expr_value *a,
		   const struct expr_value *b);
int expr_value_sub(struct expr_eval *ev, struct expr_value *out, const struct expr_value *a,
		   const struct expr_value *b);
int expr_value_mul(struct expr_eval *ev, struct expr_value *out, const struct expr_value *a,
		   const struct expr_value *b);
int expr_value_div(struct expr_eval *ev, struct expr_value *out, const struct expr_value *a,
		   const struct expr_value *b);
int expr_value_mod(struct expr_eval *ev, struct expr_value *out, const struct expr_value *a,
		   const struct expr_value *b);
int expr_value_pow(struct expr_eval *ev, struct expr_value *out, const struct expr_value *a,
		   const struct expr_value *b);
int expr_value_factorial(struct expr_eval *ev, struct expr_value *out, const struct expr_value *a);
/* The floor of a real number: 1: in out, exactly; 0: the ball does not tell. */
int expr_value_floor(struct expr_eval *ev, fmpz_t out, const struct expr_value *a);

/* ---- walking a tree (expr_eval.c, expr_call.c) ---- */
/* out must be fresh (0). */
int expr_eval_tree(struct expr_eval *ev, const struct expr *e, struct expr_value *out);
/* A call of an operation of the registry whose result is a number. */
int expr_eval_operation(struct expr_eval *ev, const struct expr *e, struct expr_value *out);

#endif
