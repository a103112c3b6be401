/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "ops/operand.h"

#include <math.h>

#include "cost.h"

bool operand_is_small(struct op_call *c, size_t i)
{
	return op_call_number(c, i)->form == NUMBER_SMALL;
}

bool operand_all_small(struct op_call *c)
{
	for (size_t i = 0; i < c->count; i++)
		if (!operand_is_small(c, i))
			return false;
	return true;
}

int64_t operand_small(struct op_call *c, size_t i)
{
	return op_call_number(c, i)->small;
}

bool operand_is_zero(struct op_call *c, size_t i)
{
	return number_sign(op_call_number(c, i)) == 0;
}

bool operand_is_odd(struct op_call *c, size_t i)
{
	if (operand_is_small(c, i))
		return operand_small(c, i) % 2 != 0;
	return mpz_odd_p(operand_load_integer(c, i)) != 0;
}

mpq_ptr operand_load(struct op_call *c, size_t i)
{
	number_load(op_call_number(c, i));
	return op_call_number(c, i)->q;
}

mpz_ptr operand_load_integer(struct op_call *c, size_t i)
{
	return mpq_numref(operand_load(c, i));
}

double operand_top_digits(struct op_call *c, size_t i)
{
	return number_digits(op_call_number(c, i));
}

double operand_bottom_digits(struct op_call *c, size_t i)
{
	return number_denominator_digits(op_call_number(c, i));
}

void operand_reduce(struct op_call *c, size_t i)
{
	struct number *x = op_call_number(c, i);
	double bottom = number_denominator_digits(x);

	if (bottom > 0 && number_digits(x) + bottom < OPERAND_REDUCE_DIGITS)
		number_load(x);
}

static void fold(struct op_call *c, size_t from, size_t to, operand_combine *combine)
{
	if (to - from < 2)
		return;
	size_t middle = from + (to - from) / 2;
	fold(c, from, middle, combine);
	fold(c, middle, to, combine);
	mpq_ptr left = operand_load(c, from);
	combine(left, left, operand_load(c, middle));
	number_fini(op_call_number(c, middle));
}

mpq_ptr operand_fold(struct op_call *c, operand_combine *combine)
{
	fold(c, 0, c->count, combine);
	return operand_load(c, 0);
}

/* A balanced tree costs less than 3.5 times its root, whose operands are half as long; adding or multiplying fractions
 * means two divisors each. */
double operand_fold_cost(struct op_call *c, double digits, bool rational)
{
	double root = rational ? 2 * cost_gcd(digits / 2, digits / 2) : cost_mul(digits / 2, digits / 2);

	return (c->count == 2 ? 1 : 3.5) * root + 200 * (double)c->count;
}

struct operand_volume operand_measure(struct op_call *c)
{
	struct operand_volume v = { 0, 0, 0, 0 };

	for (size_t i = 0; i < c->count; i++) {
		double top = operand_top_digits(c, i), bottom = operand_bottom_digits(c, i);
		v.top += top;
		v.bottom += bottom;
		v.top_max = fmax(v.top_max, top);
		v.bottom_max = fmax(v.bottom_max, bottom);
	}
	return v;
}

/* mpz_sizeinbase may say one digit too many for each part: then the text decides. bottom counts unless integer. */
static int put_checked(struct buf *json, const mpz_t top, const mpz_t bottom, bool integer, struct op_failure *f)
{
	size_t before = json->len;
	double digits = (double)mpz_sizeinbase(top, 10) + (integer ? 0 : (double)mpz_sizeinbase(bottom, 10));

	if (digits <= NUMBER_DIGITS_MAX + 2) {
		if (integer)
			number_put_mpz(json, top);
		else
			number_put_ratio(json, top, bottom);
		if (digits <= NUMBER_DIGITS_MAX || json->failed)
			return 0;
		digits = (double)(json->len - before) - 2 - !integer - (mpz_sgn(top) < 0);
		if (digits <= NUMBER_DIGITS_MAX)
			return 0;
		json->len = before;
	}
	return op_fail_limit(f, NUMBER_DIGITS_MAX, digits, "digits", "the result is too large");
}

int operand_put(struct buf *json, const mpq_t v, struct op_failure *f)
{
	return put_checked(json, mpq_numref(v), mpq_denref(v), mpz_cmp_ui(mpq_denref(v), 1) == 0, f);
}

int operand_put_integer(struct buf *json, const mpz_t v, struct op_failure *f)
{
	return put_checked(json, v, v, true, f);
}

int operand_fail(struct op_call *c, size_t i, struct op_failure *f, enum op_error error, const char *sentence)
{
	char pointer[96];

	op_call_pointer(c, i, pointer, sizeof pointer);
	op_failure_init(f);
	return op_fail_at(f, error, pointer, "%s: %s", c->op->name, sentence);
}
