/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "math/scalar.h"

#include <arb.h>
#include <stdlib.h>

#include "math/answer.h"
#include "math/arg.h"

#define STEP_START 128      /* bits that a step function is tried with first */
#define STEP_ZERO_BITS 4096 /* a jump nearer than 2^-4096 counts as hit */
#define STEP_MAX 16777216   /* bits; values with more than 5 million digits before the point are too long anyway */

static size_t given(const struct op_call *c)
{
	size_t n = c->count;

	while (n > 0 && !op_call_given(c, n - 1))
		n--;
	return n;
}

double scalar_digits(const fmpq_t v)
{
	return (double)(fmpz_sizeinbase(fmpq_numref(v), 10) + fmpz_sizeinbase(fmpq_denref(v), 10));
}

int scalar_answer(struct op_call *c, struct buf *json, const fmpq_t v, struct op_failure *f)
{
	if (c->precision == 0 || fmpz_is_one(fmpq_denref(v)))
		return answer_fmpq(json, v, f);
	return answer_rounded(c, json, v, f);
}

/* 1: answered. 0: not an exact case. */
static int try_exact(struct op_call *c, size_t n, struct buf *json, const struct scalar *s, struct op_failure *f)
{
	fmpq *args;
	fmpq_t out;
	int rc = 0;

	for (size_t i = 0; i < n; i++)
		if (!arg_is_rational(c, i))
			return 0;
	args = _fmpq_vec_init((slong)n);
	fmpq_init(out);
	for (size_t i = 0; i < n && rc == 0; i++)
		rc = arg_fmpq(c, i, args + i, f);
	if (rc == 0)
		rc = s->exact(out, args, n, f);
	if (rc > 0 && scalar_answer(c, json, out, f) != 0)
		rc = -1;
	fmpq_clear(out);
	_fmpq_vec_clear(args, (slong)n);
	return rc;
}

static int certify_ball(struct op_call *c, acb_ptr out, size_t n, slong prec, void *arg, struct op_failure *f)
{
	const struct scalar *s = arg;
	size_t count = given(c);
	acb_ptr args = _acb_vec_init((slong)count);
	int rc = 0;

	(void)n;
	for (size_t i = 0; i < count && rc == 0; i++)
		rc = s->real ? arg_arb(c, i, acb_realref(args + i), prec, f) : arg_acb(c, i, args + i, prec, f);
	if (rc == 0)
		rc = s->ball(out, args, count, prec, f);
	_acb_vec_clear(args, (slong)count);
	return rc;
}

int scalar_compute(struct op_call *c, struct buf *json, const struct scalar *s, struct op_failure *f)
{
	int rc = try_exact(c, given(c), json, s, f);

	if (rc != 0)
		return rc > 0 ? 0 : -1;
	return answer_certified(c, json, certify_ball, (void *)(uintptr_t)s, f);
}

/* The next precision, or 0 when more would not help: the ball is tiny, and yet holds a jump. */
static slong step_more(const arb_t v, slong prec)
{
	if (arb_is_finite(v) && mag_cmp_2exp_si(arb_radref(v), 2) > 0) {
		slong lacking = fmpz_fits_si(MAG_EXPREF(arb_radref(v))) ? MAG_EXP(arb_radref(v)) : STEP_MAX;
		prec += lacking > 0 && lacking < STEP_MAX ? lacking : 0;
	}
	return 2 * prec > STEP_MAX ? 0 : 2 * prec;
}

int scalar_integer(struct op_call *c, fmpz_t out, scalar_step *step, void *arg, struct op_failure *f)
{
	arb_t v;
	int rc = 0;
	bool done = false;

	arb_init(v);
	for (slong prec = STEP_START; prec && rc == 0 && !done; prec = step_more(v, prec)) {
		rc = step(c, v, prec, arg, f);
		done = rc == 0 && arb_get_unique_fmpz(out, v);
		/* Floors of a ball that holds a jump are wide by 1/2 at most: the size is not what is lacking. */
		if (!done && prec > STEP_ZERO_BITS && mag_cmp_2exp_si(arb_radref(v), 1) < 0 && arb_is_finite(v))
			break;
	}
	if (rc == 0 && !done)
		rc = op_fail(f, OP_DID_NOT_CONVERGE, "%s: the value cannot be told from a point where the result jumps",
			     c->op->name);
	arb_clear(v);
	return rc;
}
