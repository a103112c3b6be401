/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Arithmetic, first half: exact, on integers and rationals. Operands of at most 18 digits are computed in 128 bits,
 * longer ones on GMP. `digits` of an estimate is a lower bound where the true size is not known beforehand (fractions
 * may cancel): nothing is refused that would have fitted, and what is really too long is refused once it is known. */
#include <math.h>

#include "cost.h"
#include "ops/operand.h"

/* ---- square, add, sub, mul ---- */

static int square_estimate(struct op_call *c, struct op_cost *cost, struct op_failure *f)
{
	(void)f;
	if (operand_is_small(c, 0)) {
		cost->digits = 2 * operand_top_digits(c, 0);
		return 0;
	}
	double top = number_log10(op_call_number(c, 0)), bottom = number_denominator_log10(op_call_number(c, 0));
	cost->digits = floor(fabs(2 * (top - bottom)) - 1e-6) + 1;
	cost->ns = cost_mul(top, top) + cost_mul(bottom, bottom) + cost_print(2 * top) + cost_print(2 * bottom);
	return 0;
}

static int square_run(struct op_call *c, struct buf *json, struct op_failure *f)
{
	if (operand_is_small(c, 0)) {
		number_put_int(json, (__int128)operand_small(c, 0) * operand_small(c, 0));
		return 0;
	}
	mpq_ptr x = operand_load(c, 0);
	mpq_mul(x, x, x);
	return operand_put(json, x, f);
}

static int sum_estimate(struct op_call *c, struct op_cost *cost, struct op_failure *f)
{
	(void)f;
	if (operand_all_small(c)) {
		cost->ns = 10 * (double)c->count;
		return 0;
	}
	struct operand_volume v = operand_measure(c);
	double digits = v.top_max + v.bottom;
	cost->ns =
	    (v.bottom > 0 ? operand_fold_cost(c, digits, true) : digits * (double)c->count / 20) + cost_print(digits);
	return 0;
}

static int add_run(struct op_call *c, struct buf *json, struct op_failure *f)
{
	if (!operand_all_small(c))
		return operand_put(json, operand_fold(c, mpq_add), f);
	__int128 sum = 0; /* OP_VALUES_MAX times 10^18 fits */
	for (size_t i = 0; i < c->count; i++)
		sum += operand_small(c, i);
	number_put_int(json, sum);
	return 0;
}

static int sub_run(struct op_call *c, struct buf *json, struct op_failure *f)
{
	if (!operand_all_small(c))
		return operand_put(json, operand_fold(c, mpq_sub), f);
	number_put_int(json, (__int128)operand_small(c, 0) - operand_small(c, 1));
	return 0;
}

static int mul_estimate(struct op_call *c, struct op_cost *cost, struct op_failure *f)
{
	double top = 0, bottom = 0;

	(void)f;
	if (c->count == 2 && operand_all_small(c))
		return 0;
	for (size_t i = 0; i < c->count; i++) {
		struct number *x = op_call_number(c, i);
		if (number_sign(x) == 0)
			return 0;
		top += number_log10(x);
		bottom += number_denominator_log10(x);
	}
	cost->digits = floor(fabs(top - bottom) - 1e-6) + 1;
	cost->ns = operand_fold_cost(c, top + bottom, bottom > 0) + cost_print(top) + cost_print(bottom);
	return 0;
}

static int mul_run(struct op_call *c, struct buf *json, struct op_failure *f)
{
	if (c->count == 2 && operand_all_small(c)) {
		number_put_int(json, (__int128)operand_small(c, 0) * operand_small(c, 1));
		return 0;
	}
	for (size_t i = 0; i < c->count; i++)
		if (operand_is_zero(c, i)) {
			buf_byte(json, '0');
			return 0;
		}
	return operand_put(json, operand_fold(c, mpq_mul), f);
}

/* ---- div, divmod, mod ---- */

static double quotient_cost(struct op_call *c)
{
	double a = operand_top_digits(c, 0), p = operand_bottom_digits(c, 0), b = operand_top_digits(c, 1),
	       q = operand_bottom_digits(c, 1);

	return cost_gcd(a, b) + cost_gcd(p, q) + cost_mul(a, q) + cost_mul(b, p) + cost_div(a + q, b + p) +
	       cost_print(a + q) + cost_print(b + p);
}

static int div_estimate(struct op_call *c, struct op_cost *cost, struct op_failure *f)
{
	if (operand_is_zero(c, 1))
		return operand_fail(c, 1, f, OP_DIVISION_BY_ZERO, "expected a divisor other than 0");
	if (!operand_all_small(c))
		cost->ns = quotient_cost(c);
	return 0;
}

static int div_run(struct op_call *c, struct buf *json, struct op_failure *f)
{
	if (operand_all_small(c) && operand_small(c, 0) % operand_small(c, 1) == 0) {
		number_put_int(json, operand_small(c, 0) / operand_small(c, 1));
		return 0;
	}
	mpq_ptr a = operand_load(c, 0);

	mpq_div(a, a, operand_load(c, 1));
	return operand_put(json, a, f);
}

static int mod_estimate(struct op_call *c, struct op_cost *cost, struct op_failure *f)
{
	if (operand_is_zero(c, 1))
		return operand_fail(c, 1, f, OP_INVALID_ARGUMENT, "expected a modulus other than 0");
	if (!operand_all_small(c))
		cost->ns = quotient_cost(c);
	return 0;
}

/* quotient = floor(a/b); remainder = a - b*quotient replaces a. */
static void floor_divide(mpz_t quotient, mpq_t a, const mpq_t b)
{
	mpz_t divisor;
	mpq_t product;

	mpz_init(divisor);
	mpq_init(product);
	mpz_mul(quotient, mpq_numref(a), mpq_denref(b));
	mpz_mul(divisor, mpq_numref(b), mpq_denref(a));
	mpz_fdiv_q(quotient, quotient, divisor);
	mpq_set_z(product, quotient);
	mpq_mul(product, product, b);
	mpq_sub(a, a, product);
	mpq_clear(product);
	mpz_clear(divisor);
}

/* Rounds the quotient towards minus infinity, so the remainder has the sign of b. */
static int64_t small_floor_div(int64_t a, int64_t b)
{
	return a / b - (a % b != 0 && (a < 0) != (b < 0));
}

static int divmod_run(struct op_call *c, struct buf *json, struct op_failure *f)
{
	mpz_t quotient;
	int rc;

	buf_puts(json, "{\"quotient\":");
	if (operand_all_small(c)) {
		int64_t q = small_floor_div(operand_small(c, 0), operand_small(c, 1));
		number_put_int(json, q);
		buf_puts(json, ",\"remainder\":");
		number_put_int(json, operand_small(c, 0) - q * operand_small(c, 1));
		buf_byte(json, '}');
		return 0;
	}
	mpz_init(quotient);
	floor_divide(quotient, operand_load(c, 0), operand_load(c, 1));
	rc = operand_put_integer(json, quotient, f);
	buf_puts(json, ",\"remainder\":");
	if (rc == 0)
		rc = operand_put(json, operand_load(c, 0), f);
	buf_byte(json, '}');
	mpz_clear(quotient);
	return rc;
}

static int mod_run(struct op_call *c, struct buf *json, struct op_failure *f)
{
	mpz_t quotient;

	if (operand_all_small(c)) {
		number_put_int(json, operand_small(c, 0) - small_floor_div(operand_small(c, 0), operand_small(c, 1)) *
							       operand_small(c, 1));
		return 0;
	}
	mpz_init(quotient);
	floor_divide(quotient, operand_load(c, 0), operand_load(c, 1));
	mpz_clear(quotient);
	return operand_put(json, operand_load(c, 0), f);
}

/* ---- pow ---- */

/* A base that stays as small as it is whatever the exponent: 0, 1, -1. */
static bool is_unit(const struct number *x)
{
	return x->form == NUMBER_SMALL && x->small >= -1 && x->small <= 1;
}

/* Whether the logarithms of numerator and denominator are those of the lowest terms. */
static bool is_reduced(const struct number *x)
{
	return x->form == NUMBER_LOADED || number_denominator_digits(x) == 0;
}

static int pow_estimate(struct op_call *c, struct op_cost *cost, struct op_failure *f)
{
	struct number *base = op_call_number(c, 0), *exponent = op_call_number(c, 1);

	if (operand_is_zero(c, 0) && number_sign(exponent) < 0)
		return operand_fail(c, 0, f, OP_DIVISION_BY_ZERO, "0 has no power with a negative exponent");
	operand_reduce(c, 0);
	if (base->form == NUMBER_LOADED && number_is_integer(base) && mpz_cmpabs_ui(mpq_numref(base->q), 1) == 0) {
		int64_t unit = mpq_sgn(base->q); /* written as 2/2, say */
		number_fini(base);
		number_set_small(base, unit);
	}
	if (is_unit(base) || number_sign(exponent) == 0)
		return 0;
	double times = fmin(pow(10, number_log10(exponent)), 1e200);
	if (exponent->form == NUMBER_SMALL)
		times = fabs((double)exponent->small);
	double top = times * number_log10(base), bottom = times * number_denominator_log10(base);
	/* The last place of a double must not decide at a power of ten; run() looks again. */
	if (is_reduced(base))
		cost->digits = floor(top * (1 - 1e-15)) + 1 + (bottom > 0 ? floor(bottom * (1 - 1e-15)) + 1 : 0);
	else
		cost->digits = floor(fabs(top - bottom));
	cost->ns = cost_power(top) + cost_power(bottom) + cost_print(bottom);
	return 0;
}

static int pow_run(struct op_call *c, struct buf *json, struct op_failure *f)
{
	struct number *base = op_call_number(c, 0);
	int64_t exponent = 0;

	if (is_unit(base) || operand_is_zero(c, 1)) {
		bool one = operand_is_zero(c, 1) || operand_small(c, 0) == 1 ||
			   (operand_small(c, 0) == -1 && !operand_is_odd(c, 1));
		number_put_int(json, one ? 1 : operand_small(c, 0));
		return 0;
	}
	if (number_int64(op_call_number(c, 1), &exponent) != 0)
		return op_fail(f, OP_INTERNAL_ERROR, "pow: an exponent beyond its estimate");
	mpq_ptr q = operand_load(c, 0);
	unsigned long times = exponent < 0 ? 0 - (unsigned long)exponent : (unsigned long)exponent;
	if (exponent < 0)
		mpq_inv(q, q);
	mpz_pow_ui(mpq_numref(q), mpq_numref(q), times);
	mpz_pow_ui(mpq_denref(q), mpq_denref(q), times);
	return operand_put(json, q, f);
}

/* ---- the table ---- */

#define LIST(a) (a), sizeof(a) / sizeof *(a)
#define SIZE_LIMIT "result up to 1,000,000 digits"
#define RATIONAL "exact: an integer (a string of digits beyond 2^53-1), or a fraction \"p/q\" in lowest terms"
#define NUMBER(n, s)                                                \
	{                                                           \
		.name = (n), .summary = (s), .kind = OP_KIND_NUMBER \
	}
#define MORE(s)                                                                          \
	{                                                                                \
		.name = "more", .summary = (s), .kind = OP_KIND_NUMBER, .variadic = true \
	}

static const struct op_parameter square_parameters[] = { NUMBER("x", "the number to square") };
static const struct op_example square_examples[] = {
	{ "[12]", "144", NULL },
	{ "{\"x\":\"3/2\"}", "\"9/4\"", NULL },
	{ "[\"12345678901234567890\"]", "\"152415787532388367501905199875019052100\"", NULL },
	{ "[0.1]", "\"1/100\"", NULL },
};

static const struct op_parameter add_parameters[] = { NUMBER("a", "the first term"), NUMBER("b", "the second term"),
						      MORE("further terms") };
static const struct op_example add_examples[] = {
	{ "[1,2]", "3", NULL },
	{ "[\"1/3\",\"1/6\"]", "\"1/2\"", NULL },
	{ "[0.1,0.2]", "\"3/10\"", NULL },
	{ "{\"a\":1,\"b\":2,\"more\":[3,4]}", "10", NULL },
	{ "[9007199254740991,1]", "\"9007199254740992\"", NULL },
	{ "[1]", NULL, "arity" },
};

static const struct op_parameter sub_parameters[] = { NUMBER("a", "the minuend"), NUMBER("b", "the subtrahend") };
static const struct op_example sub_examples[] = {
	{ "[5,7]", "-2", NULL },
	{ "[\"1/2\",\"1/3\"]", "\"1/6\"", NULL },
	{ "[1e3,\"0.5\"]", "\"1999/2\"", NULL },
};

static const struct op_parameter mul_parameters[] = { NUMBER("a", "the first factor"), NUMBER("b", "the second factor"),
						      MORE("further factors") };
static const struct op_example mul_examples[] = {
	{ "[6,7]", "42", NULL },
	{ "[\"2/3\",\"3/4\"]", "\"1/2\"", NULL },
	{ "[2,3,4,5]", "120", NULL },
	{ "[123456789012,123456789012]", "\"15241578753153483936144\"", NULL },
};

static const struct op_parameter div_parameters[] = { NUMBER("a", "the dividend"), NUMBER("b", "the divisor, not 0") };
static const struct op_example div_examples[] = {
	{ "[84,2]", "42", NULL },
	{ "[7,3]", "\"7/3\"", NULL },
	{ "[\"1/2\",-0.25]", "-2", NULL },
	{ "[1,0]", NULL, "division-by-zero" },
};

static const struct op_example divmod_examples[] = {
	{ "[17,5]", "{\"quotient\":3,\"remainder\":2}", NULL },
	{ "[-7,3]", "{\"quotient\":-3,\"remainder\":2}", NULL },
	{ "[\"7/2\",\"2/3\"]", "{\"quotient\":5,\"remainder\":\"1/6\"}", NULL },
	{ "[1,0]", NULL, "division-by-zero" },
};

static const struct op_parameter mod_parameters[] = { NUMBER("a", "the number to reduce"),
						      NUMBER("b", "the modulus, not 0") };
static const struct op_example mod_examples[] = {
	{ "[17,5]", "2", NULL },
	{ "[-7,3]", "2", NULL },
	{ "[7,-3]", "-2", NULL },
	{ "[\"7/2\",2]", "\"3/2\"", NULL },
	{ "[7,0]", NULL, "invalid-argument" },
};

static const struct op_parameter pow_parameters[] = {
	NUMBER("x", "the base"), { .name = "n", .summary = "the exponent, an integer", .kind = OP_KIND_INTEGER }
};
static const struct op_example pow_examples[] = {
	{ "[2,10]", "1024", NULL },
	{ "[\"2/3\",-2]", "\"9/4\"", NULL },
	{ "[0,0]", "1", NULL },
	{ "[2,64]", "\"18446744073709551616\"", NULL },
	{ "[0,-1]", NULL, "division-by-zero" },
	{ "[9,387420489]", NULL, "limit-exceeded" },
};

static const struct op ops[] = {
	{ "square", "arithmetic", "The square of a number.", RATIONAL, SIZE_LIMIT, LIST(square_parameters),
	  LIST(square_examples), square_estimate, square_run },
	{ "add", "arithmetic", "The sum of two or more numbers.", RATIONAL, SIZE_LIMIT, LIST(add_parameters),
	  LIST(add_examples), sum_estimate, add_run },
	{ "sub", "arithmetic", "The difference a - b.", RATIONAL, SIZE_LIMIT, LIST(sub_parameters), LIST(sub_examples),
	  sum_estimate, sub_run },
	{ "mul", "arithmetic", "The product of two or more numbers.", RATIONAL, SIZE_LIMIT, LIST(mul_parameters),
	  LIST(mul_examples), mul_estimate, mul_run },
	{ "div", "arithmetic", "The exact quotient a / b.", RATIONAL, SIZE_LIMIT, LIST(div_parameters),
	  LIST(div_examples), div_estimate, div_run },
	{ "divmod", "arithmetic",
	  "Quotient floor(a/b) and remainder a - b*quotient, which has the sign of b. Both exact, of rationals too.",
	  "{\"quotient\": an integer, \"remainder\": a number}", SIZE_LIMIT, LIST(div_parameters),
	  LIST(divmod_examples), div_estimate, divmod_run },
	{ "mod", "arithmetic", "The remainder a - b*floor(a/b), which has the sign of b.", RATIONAL, SIZE_LIMIT,
	  LIST(mod_parameters), LIST(mod_examples), mod_estimate, mod_run },
	{ "pow", "arithmetic", "x to an integer power n, negative ones too; x^0 is 1, for x = 0 as well.", RATIONAL,
	  SIZE_LIMIT, LIST(pow_parameters), LIST(pow_examples), pow_estimate, pow_run },
};

const struct op_family op_arithmetic = { LIST(ops) };
