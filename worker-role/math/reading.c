/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "math/reading.h"

#include <math.h>
#include <string.h>

#include "exact_json.h"
#include "op_value.h"

void reading_get_fmpq(struct number *x, fmpq_t out)
{
	if (x->form == NUMBER_SMALL) {
		fmpq_set_si(out, x->small, 1);
		return;
	}
	number_load(x);
	fmpq_set_mpq(out, x->q);
}

/* The text of a number; NULL for an integer and for what is none. */
static const char *text_of(const json_t *v, size_t *n)
{
	const char *s = exact_json_literal(v, n);

	return s ? s : exact_json_string(v, n);
}

/* A literal into out: 1; no literal: 0; one that is refused: -1. */
static int read_literal(const json_t *v, fmpq_t out, struct op_failure *f)
{
	struct number x;
	size_t n;
	const char *s = text_of(v, &n);

	if (json_is_integer(v)) {
		fmpq_set_si(out, json_integer_value(v), 1);
		return 1;
	}
	int rc = exact_json_literal(v, &n) ? op_value_scan_real(s, n, &x) : number_scan(s, n, &x);
	if (rc == ERR_TOO_BIG)
		return op_fail_limit(f, NUMBER_DIGITS_MAX, fmax(number_written_digits(&x), (double)n), "digits",
				     "a number is too large");
	if (rc != 0)
		return 0;
	reading_get_fmpq(&x, out);
	number_fini(&x);
	return 1;
}

/* Evaluates a constant expression: exactly into q if ball is NULL or it is rational, else into ball. */
enum reading reading_of_expr(const struct expr *e, fmpq_t q, acb_ptr ball, slong prec, struct op_failure *f)
{
	if (expr_rational(e, NULL, q, f) == 0)
		return READ_RATIONAL;
	if (!expr_is_irrational(f))
		return READ_FAILED;
	if (ball && expr_ball(e, NULL, false, prec, ball, f) != 0)
		return READ_FAILED;
	return READ_BALL;
}

static enum reading read_text(const char *s, size_t n, fmpq_t q, acb_ptr ball, slong prec, struct op_failure *f)
{
	struct expr *e = expr_parse(s, n, f);
	enum reading r = READ_FAILED;

	if (e && expr_check_names(e, NULL, 0, f) == 0)
		r = reading_of_expr(e, q, ball, prec, f);
	expr_free(e);
	if (r == READ_FAILED && f->error != OP_LIMIT_EXCEEDED && f->error != OP_INTERNAL_ERROR) {
		char why[sizeof f->detail];
		long position = f->position;
		memcpy(why, f->detail, sizeof why);
		op_fail(f, OP_INVALID_ARGUMENT, "expected a number or a constant expression: %.300s", why);
		f->position = position;
	}
	return r;
}

/* {"re","im"}: rational only when im is 0. */
static enum reading read_complex(const json_t *v, fmpq_t q, acb_ptr ball, slong prec, struct op_failure *f)
{
	fmpq_t im;
	acb_t re_ball, im_ball;
	enum reading re, r = READ_FAILED;

	fmpq_init(im);
	acb_init(re_ball);
	acb_init(im_ball);
	re = reading_of_json(json_object_get(v, "re"), q, ball ? re_ball : NULL, prec, f);
	if (re != READ_FAILED)
		r = reading_of_json(json_object_get(v, "im"), im, ball ? im_ball : NULL, prec, f);
	if (r == READ_FAILED || re == READ_FAILED) {
		r = READ_FAILED;
	} else if (r == READ_RATIONAL && re == READ_RATIONAL && fmpq_is_zero(im)) {
		r = READ_RATIONAL;
	} else if (ball) {
		if (re == READ_RATIONAL)
			acb_set_fmpq(re_ball, q, prec);
		if (r == READ_RATIONAL)
			acb_set_fmpq(im_ball, im, prec);
		acb_mul_onei(im_ball, im_ball);
		acb_add(ball, re_ball, im_ball, prec);
		r = READ_BALL;
	} else {
		r = READ_BALL;
	}
	fmpq_clear(im);
	acb_clear(re_ball);
	acb_clear(im_ball);
	return r;
}

/* The number v: rational into q; else a ball into ball (NULL: only that it is not rational is wanted). */
enum reading reading_of_json(const json_t *v, fmpq_t q, acb_ptr ball, slong prec, struct op_failure *f)
{
	size_t n;
	const char *s;

	if (json_is_object(v))
		return read_complex(v, q, ball, prec, f);
	int literal = read_literal(v, q, f);
	if (literal != 0)
		return literal > 0 ? READ_RATIONAL : READ_FAILED;
	s = text_of(v, &n);
	return read_text(s, n, q, ball, prec, f);
}
