/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Arithmetic, first part: exact on integers and rationals, certified on other numbers. Operands of at most 18 digits
 * are computed in 128 bits, longer ones on GMP; what is irrational or complex goes to a compute child. `digits` of an
 * estimate is a lower bound where the true size is not known beforehand (fractions may cancel): nothing is refused that
 * would have fitted, and what is really too long is refused once it is known. */
#include <math.h>
#include <string.h>

#include "cost.h"
#include "math/answer.h"
#include "math/arg.h"
#include "math/scalar_arithmetic.h"
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

static int divide_by_zero(struct op_call *c, struct op_failure *f)
{
	if (strcmp(c->op->name, "mod") == 0)
		return operand_fail(c, 1, f, OP_INVALID_ARGUMENT, "expected a modulus other than 0");
	return operand_fail(c, 1, f, OP_DIVISION_BY_ZERO, "expected a divisor other than 0");
}

static int div_estimate(struct op_call *c, struct op_cost *cost, struct op_failure *f)
{
	if (operand_is_zero(c, 1))
		return divide_by_zero(c, f);
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

/* The same for irrational numbers: quotient first, then a - b*quotient with as many digits as are asked for. */
static int quotient_step(struct op_call *c, arb_t out, slong prec, void *arg, struct op_failure *f)
{
	arb_t b;
	int rc;

	(void)arg;
	arb_init(b);
	rc = arg_arb(c, 0, out, prec, f);
	if (rc == 0)
		rc = arg_arb(c, 1, b, prec, f);
	arb_div(out, out, b, prec);
	arb_floor(out, out, prec);
	arb_clear(b);
	return rc;
}

static int remainder_ball(struct op_call *c, acb_ptr out, size_t n, slong prec, void *arg, struct op_failure *f)
{
	arb_t b;
	int rc;

	(void)n;
	arb_init(b);
	rc = arg_arb(c, 0, acb_realref(out), prec, f);
	if (rc == 0)
		rc = arg_arb(c, 1, b, prec, f);
	arb_submul_fmpz(acb_realref(out), b, arg, prec);
	arb_zero(acb_imagref(out));
	arb_clear(b);
	return rc;
}

/* Of rational numbers, when digits are asked for. */
static int divide_rationals(struct op_call *c, fmpz_t quotient, fmpq_t remainder, struct op_failure *f)
{
	fmpq_t b, q;
	int rc;

	fmpq_init(b);
	fmpq_init(q);
	rc = arg_fmpq(c, 0, remainder, f);
	if (rc == 0)
		rc = arg_fmpq(c, 1, b, f);
	if (rc == 0 && fmpq_is_zero(b))
		rc = divide_by_zero(c, f);
	if (rc == 0) {
		fmpq_div(q, remainder, b);
		fmpz_fdiv_q(quotient, fmpq_numref(q), fmpq_denref(q));
		fmpq_mul_fmpz(b, b, quotient);
		fmpq_sub(remainder, remainder, b);
	}
	fmpq_clear(q);
	fmpq_clear(b);
	return rc;
}

static int divide_numbers(struct op_call *c, struct buf *json, bool with_quotient, struct op_failure *f)
{
	bool rational = arg_is_rational(c, 0) && arg_is_rational(c, 1);
	fmpz_t quotient;
	fmpq_t remainder;
	int rc;

	fmpz_init(quotient);
	fmpq_init(remainder);
	if (rational)
		rc = divide_rationals(c, quotient, remainder, f);
	else if (arg_is_rational(c, 1) && operand_is_zero(c, 1))
		rc = divide_by_zero(c, f);
	else
		rc = scalar_integer(c, quotient, quotient_step, NULL, f);
	if (rc == 0 && with_quotient) {
		buf_byte(json, '{');
		answer_member(json, "quotient");
		rc = answer_fmpz(json, quotient, f);
		answer_member(json, "remainder");
	}
	if (rc == 0)
		rc = rational ? scalar_answer(c, json, remainder, f)
			      : answer_certified(c, json, remainder_ball, quotient, f);
	if (with_quotient)
		buf_byte(json, '}');
	fmpq_clear(remainder);
	fmpz_clear(quotient);
	return rc;
}

static int divmod_compute(struct op_call *c, struct buf *json, struct op_failure *f)
{
	return divide_numbers(c, json, true, f);
}

static int mod_compute(struct op_call *c, struct buf *json, struct op_failure *f)
{
	return divide_numbers(c, json, false, f);
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
	if (!number_is_integer(exponent)) {
		cost->ns = OP_IN_LOOP_NS; /* a root: not for the loop */
		return 0;
	}
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

	if (!number_is_integer(op_call_number(c, 1)))
		return scalar_compute(c, json, &scalar_pow, f);
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

/* ---- irrational and complex numbers, and digits ---- */

static int square_compute(struct op_call *c, struct buf *json, struct op_failure *f)
{
	return scalar_compute(c, json, &scalar_square, f);
}

static int add_compute(struct op_call *c, struct buf *json, struct op_failure *f)
{
	return scalar_compute(c, json, &scalar_add, f);
}

static int sub_compute(struct op_call *c, struct buf *json, struct op_failure *f)
{
	return scalar_compute(c, json, &scalar_sub, f);
}

static int mul_compute(struct op_call *c, struct buf *json, struct op_failure *f)
{
	return scalar_compute(c, json, &scalar_mul, f);
}

static int div_compute(struct op_call *c, struct buf *json, struct op_failure *f)
{
	return scalar_compute(c, json, &scalar_div, f);
}

static int pow_compute(struct op_call *c, struct buf *json, struct op_failure *f)
{
	return scalar_compute(c, json, &scalar_pow, f);
}

/* ---- the table ---- */

#define LIST(a) (a), sizeof(a) / sizeof *(a)
#define SIZE_LIMIT "result up to 1,000,000 digits"
#define EXACT                                                                                                \
	"exact: an integer (a string of digits beyond 2^53-1), or a fraction \"p/q\" in lowest terms; with " \
	"`precision`, and of irrational numbers: a number or a string of digits, all of them right"
#define COMPLEX_TOO EXACT "; {\"re\", \"im\"} of complex ones"
#define NUMBER(n, s)                                                \
	{                                                           \
		.name = (n), .summary = (s), .kind = OP_KIND_NUMBER \
	}
#define COMPLEX(n, s)                                                \
	{                                                            \
		.name = (n), .summary = (s), .kind = OP_KIND_COMPLEX \
	}
#define MORE(s)                                                                           \
	{                                                                                 \
		.name = "more", .summary = (s), .kind = OP_KIND_COMPLEX, .variadic = true \
	}
#define PRECISION                                                                         \
	{                                                                                 \
		.name = "precision",                                                      \
		.summary = "significant digits of a result that is no integer; 15 for a " \
			   "number, more for a string",                                   \
		.kind = OP_KIND_PRECISION, .named = true                                  \
	}

static const struct op_parameter square_parameters[] = { COMPLEX("x", "the number to square"), PRECISION };
static const struct op_example square_examples[] = {
	{ "[12]", "144", NULL },
	{ "{\"x\":\"3/2\"}", "\"9/4\"", NULL },
	{ "[\"12345678901234567890\"]", "\"152415787532388367501905199875019052100\"", NULL },
	{ "[0.1]", "\"1/100\"", NULL },
	{ "[\"sqrt(2)/2+i\"]", "{\"re\":-0.5,\"im\":1.4142135623730951}", NULL },
};

static const struct op_parameter add_parameters[] = { COMPLEX("a", "the first term"), COMPLEX("b", "the second term"),
						      MORE("further terms"), PRECISION };
static const struct op_example add_examples[] = {
	{ "[1,2]", "3", NULL },
	{ "[\"1/3\",\"1/6\"]", "\"1/2\"", NULL },
	{ "[0.1,0.2]", "\"3/10\"", NULL },
	{ "{\"a\":1,\"b\":2,\"more\":[3,4]}", "10", NULL },
	{ "[9007199254740991,1]", "\"9007199254740992\"", NULL },
	{ "[\"pi\",\"e\"]", "5.859874482048839", NULL },
	{ "[{\"re\":1,\"im\":2},\"3-2i\"]", "4", NULL },
	{ "[1]", NULL, "arity" },
};

static const struct op_parameter sub_parameters[] = { COMPLEX("a", "the minuend"), COMPLEX("b", "the subtrahend"),
						      PRECISION };
static const struct op_example sub_examples[] = {
	{ "[5,7]", "-2", NULL },
	{ "[\"1/2\",\"1/3\"]", "\"1/6\"", NULL },
	{ "[1e3,\"0.5\"]", "\"1999/2\"", NULL },
};

static const struct op_parameter mul_parameters[] = { COMPLEX("a", "the first factor"),
						      COMPLEX("b", "the second factor"), MORE("further factors"),
						      PRECISION };
static const struct op_example mul_examples[] = {
	{ "[6,7]", "42", NULL },
	{ "[\"2/3\",\"3/4\"]", "\"1/2\"", NULL },
	{ "[2,3,4,5]", "120", NULL },
	{ "[123456789012,123456789012]", "\"15241578753153483936144\"", NULL },
};

static const struct op_parameter div_parameters[] = { COMPLEX("a", "the dividend"), COMPLEX("b", "the divisor, not 0"),
						      PRECISION };
static const struct op_parameter divmod_parameters[] = { NUMBER("a", "the dividend"), NUMBER("b", "the divisor, not 0"),
							 PRECISION };
static const struct op_example div_examples[] = {
	{ "[84,2]", "42", NULL },
	{ "[7,3]", "\"7/3\"", NULL },
	{ "[\"1/2\",-0.25]", "-2", NULL },
	{ "{\"a\":1,\"b\":7,\"precision\":20}", "\"0.14285714285714285714\"", NULL },
	{ "[1,0]", NULL, "division-by-zero" },
};

static const struct op_example divmod_examples[] = {
	{ "[17,5]", "{\"quotient\":3,\"remainder\":2}", NULL },
	{ "[-7,3]", "{\"quotient\":-3,\"remainder\":2}", NULL },
	{ "[\"7/2\",\"2/3\"]", "{\"quotient\":5,\"remainder\":\"1/6\"}", NULL },
	{ "[1,0]", NULL, "division-by-zero" },
};

static const struct op_parameter mod_parameters[] = { NUMBER("a", "the number to reduce"),
						      NUMBER("b", "the modulus, not 0"), PRECISION };
static const struct op_example mod_examples[] = {
	{ "[17,5]", "2", NULL },
	{ "[-7,3]", "2", NULL },
	{ "[7,-3]", "-2", NULL },
	{ "[\"7/2\",2]", "\"3/2\"", NULL },
	{ "[10,\"pi\"]", "0.5752220392306203", NULL },
	{ "[7,0]", NULL, "invalid-argument" },
};

static const struct op_parameter pow_parameters[] = { COMPLEX("a", "the base"), COMPLEX("b", "the exponent"),
						      PRECISION };
static const struct op_example pow_examples[] = {
	{ "[2,10]", "1024", NULL },
	{ "[\"2/3\",-2]", "\"9/4\"", NULL },
	{ "[\"4/9\",\"1/2\"]", "\"2/3\"", NULL },
	{ "[2,0.5]", "1.4142135623730951", NULL },
	{ "[0,0]", "1", NULL },
	{ "[2,64]", "\"18446744073709551616\"", NULL },
	{ "[0,-1]", NULL, "division-by-zero" },
	{ "[9,387420489]", NULL, "limit-exceeded" },
};

static const struct op ops[] = {
	{ "square", "arithmetic", "The square of a number.", COMPLEX_TOO, SIZE_LIMIT, LIST(square_parameters),
	  LIST(square_examples), square_estimate, square_run, .compute = square_compute },
	{ "add", "arithmetic", "The sum of two or more numbers.", COMPLEX_TOO, SIZE_LIMIT, LIST(add_parameters),
	  LIST(add_examples), sum_estimate, add_run, .compute = add_compute },
	{ "sub", "arithmetic", "The difference a - b.", COMPLEX_TOO, SIZE_LIMIT, LIST(sub_parameters),
	  LIST(sub_examples), sum_estimate, sub_run, .compute = sub_compute },
	{ "mul", "arithmetic", "The product of two or more numbers.", COMPLEX_TOO, SIZE_LIMIT, LIST(mul_parameters),
	  LIST(mul_examples), mul_estimate, mul_run, .compute = mul_compute },
	{ "div", "arithmetic", "The quotient a / b.", COMPLEX_TOO, SIZE_LIMIT, LIST(div_parameters), LIST(div_examples),
	  div_estimate, div_run, .compute = div_compute },
	{ "divmod", "arithmetic",
	  "Quotient floor(a/b) and remainder a - b*quotient, which has the sign of b. Both exact, of rationals too.",
	  "{\"quotient\": an integer, \"remainder\": a number}", SIZE_LIMIT, LIST(divmod_parameters),
	  LIST(divmod_examples), div_estimate, divmod_run, .compute = divmod_compute },
	{ "mod", "arithmetic", "The remainder a - b*floor(a/b), which has the sign of b.", EXACT, SIZE_LIMIT,
	  LIST(mod_parameters), LIST(mod_examples), div_estimate, mod_run, .compute = mod_compute },
	{ "pow", "arithmetic",
	  "a to the power b; exact where it is rational. a^0 is 1, for a = 0 as well; the power of a negative or "
	  "complex number to an exponent that is no integer is the principal value.",
	  COMPLEX_TOO, SIZE_LIMIT, LIST(pow_parameters), LIST(pow_examples), pow_estimate, pow_run,
	  .compute = pow_compute },
};

const struct op_family op_arithmetic = { LIST(ops) };
