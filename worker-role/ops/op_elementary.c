/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Arithmetic, third part: signs, roundings and roots, and sums and products of a list. Exact on rationals (the light
 * ones on GMP, where they arrive); certified on other numbers. */
#include <flint/fmpq_vec.h>
#include <math.h>

#include "cost.h"
#include "math/answer.h"
#include "math/arg.h"
#include "math/scalar_arithmetic.h"
#include "ops/operand.h"

#define ROOT_DEGREE_MAX 1000000000
#define ROUND_DIGITS_MAX 100000

/* ---- neg, abs ---- */

static double number_cost(struct op_call *c)
{
	return cost_print(operand_top_digits(c, 0)) + cost_print(operand_bottom_digits(c, 0));
}

static int sign_estimate(struct op_call *c, struct op_cost *cost, struct op_failure *f)
{
	(void)f;
	cost->ns = operand_is_small(c, 0) ? 0 : number_cost(c);
	return 0;
}

static int neg_run(struct op_call *c, struct buf *json, struct op_failure *f)
{
	if (operand_is_small(c, 0)) {
		number_put_int(json, -operand_small(c, 0));
		return 0;
	}
	mpq_ptr x = operand_load(c, 0);
	mpq_neg(x, x);
	return operand_put(json, x, f);
}

static int abs_run(struct op_call *c, struct buf *json, struct op_failure *f)
{
	if (operand_is_small(c, 0)) {
		int64_t x = operand_small(c, 0);
		number_put_int(json, x < 0 ? -x : x);
		return 0;
	}
	mpq_ptr x = operand_load(c, 0);
	mpq_abs(x, x);
	return operand_put(json, x, f);
}

static int neg_compute(struct op_call *c, struct buf *json, struct op_failure *f)
{
	return scalar_compute(c, json, &scalar_neg, f);
}

static int abs_compute(struct op_call *c, struct buf *json, struct op_failure *f)
{
	return scalar_compute(c, json, &scalar_abs, f);
}

/* ---- floor, ceil, round ---- */

enum rounding { FLOOR, CEIL, NEAREST };

static enum rounding rounding_of(const struct op_call *c)
{
	return c->op->name[0] == 'f' ? FLOOR : c->op->name[0] == 'c' ? CEIL : NEAREST;
}

static int64_t round_digits(struct op_call *c)
{
	int64_t digits = 0;

	if (rounding_of(c) == NEAREST && op_call_given(c, 1))
		number_int64(op_call_number(c, 1), &digits);
	return digits;
}

static int round_estimate(struct op_call *c, struct op_cost *cost, struct op_failure *f)
{
	double digits = fabs((double)round_digits(c)), top = operand_top_digits(c, 0),
	       bottom = operand_bottom_digits(c, 0);

	(void)f;
	if (operand_is_small(c, 0) && digits == 0)
		return 0;
	cost->ns = 500 + cost_power(digits) + cost_mul(top, digits) + cost_div(top + digits, bottom + digits) +
		   cost_gcd(top + digits, digits) + number_cost(c);
	return 0;
}

/* v = the integer next to v in the direction wanted; halves go away from zero. */
static void round_rational(mpz_t out, const mpq_t v, enum rounding how)
{
	if (how == FLOOR) {
		mpz_fdiv_q(out, mpq_numref(v), mpq_denref(v));
	} else if (how == CEIL) {
		mpz_cdiv_q(out, mpq_numref(v), mpq_denref(v));
	} else { /* sign(v) floor((2|top| + bottom) / (2 bottom)) */
		mpz_t twice;
		mpz_init(twice);
		mpz_mul_2exp(out, mpq_numref(v), 1);
		mpz_abs(out, out);
		mpz_add(out, out, mpq_denref(v));
		mpz_mul_2exp(twice, mpq_denref(v), 1);
		mpz_fdiv_q(out, out, twice);
		if (mpq_sgn(v) < 0)
			mpz_neg(out, out);
		mpz_clear(twice);
	}
}

/* x = x 10^digits, exactly. */
static void shift(mpq_t x, int64_t digits)
{
	mpq_t ten;

	mpq_init(ten);
	mpz_ui_pow_ui(mpq_numref(ten), 10, (unsigned long)(digits < 0 ? -digits : digits));
	if (digits < 0)
		mpq_div(x, x, ten);
	else
		mpq_mul(x, x, ten);
	mpq_clear(ten);
}

static void round_value(struct op_call *c, mpq_t x)
{
	int64_t digits = round_digits(c);
	mpz_t whole;

	mpz_init(whole);
	if (digits)
		shift(x, digits);
	round_rational(whole, x, rounding_of(c));
	mpq_set_z(x, whole);
	if (digits)
		shift(x, -digits);
	mpz_clear(whole);
}

static int round_run(struct op_call *c, struct buf *json, struct op_failure *f)
{
	if (operand_is_small(c, 0) && round_digits(c) >= 0) {
		number_put_int(json, operand_small(c, 0));
		return 0;
	}
	mpq_ptr x = operand_load(c, 0);
	round_value(c, x);
	return operand_put(json, x, f);
}

/* A ball that holds the integer: of all that x may be, where no half lies among them. */
static int round_step(struct op_call *c, arb_t out, slong prec, void *arg, struct op_failure *f)
{
	int64_t digits = round_digits(c);
	enum rounding how = rounding_of(c);
	arb_t t;

	(void)arg;
	if (arg_arb(c, 0, out, prec, f) != 0)
		return -1;
	arb_init(t);
	arb_ui_pow_ui(t, 10, (ulong)(digits < 0 ? -digits : digits), prec);
	if (digits < 0)
		arb_div(out, out, t, prec);
	else
		arb_mul(out, out, t, prec);
	if (how == NEAREST) {
		arb_set_d(t, 0.5);
		if (arb_is_positive(out)) {
			arb_add(out, out, t, prec);
			how = FLOOR;
		} else if (arb_is_negative(out)) {
			arb_sub(out, out, t, prec);
			how = CEIL;
		} else {
			mag_t size;
			mag_init(size);
			arb_get_mag(size, out);
			if (mag_cmp_2exp_si(size, -1) < 0)
				arb_zero(out);
			else
				arb_indeterminate(out);
			mag_clear(size);
		}
	}
	if (how == FLOOR)
		arb_floor(out, out, prec);
	else if (how == CEIL)
		arb_ceil(out, out, prec);
	arb_clear(t);
	return 0;
}

static int round_compute(struct op_call *c, struct buf *json, struct op_failure *f)
{
	fmpq_t v;
	mpq_t q;
	int rc = 0;

	fmpq_init(v);
	mpq_init(q);
	if (arg_is_rational(c, 0)) {
		mpq_set(q, operand_load(c, 0));
		round_value(c, q);
	} else {
		rc = scalar_integer(c, fmpq_numref(v), round_step, NULL, f);
		fmpq_get_mpq(q, v);
		shift(q, -round_digits(c));
	}
	fmpq_set_mpq(v, q);
	if (rc == 0)
		rc = scalar_answer(c, json, v, f);
	mpq_clear(q);
	fmpq_clear(v);
	return rc;
}

/* ---- root, iroot, double_factorial, xgcd ---- */

static int root_compute(struct op_call *c, struct buf *json, struct op_failure *f)
{
	return scalar_compute(c, json, &scalar_root, f);
}

static int iroot_estimate(struct op_call *c, struct op_cost *cost, struct op_failure *f)
{
	double digits = operand_top_digits(c, 0);

	if (number_sign(op_call_number(c, 0)) < 0 && !operand_is_odd(c, 1))
		return operand_fail(c, 0, f, OP_DOMAIN_ERROR, "a negative integer has no real root of an even degree");
	cost->ns = 1000 + 4 * cost_sqrt(digits);
	return 0;
}

static int iroot_run(struct op_call *c, struct buf *json, struct op_failure *f)
{
	mpz_ptr n = operand_load_integer(c, 0);

	mpz_root(n, n, mpz_get_ui(operand_load_integer(c, 1)));
	return operand_put_integer(json, n, f);
}

/* n!! = 2^(n/2) (n/2)! for even n, and n!/(n-1)!! for odd n: by the gamma function (n/2)! 2^(n/2) times 1 or
 * sqrt(2/pi). */
static int double_factorial_estimate(struct op_call *c, struct op_cost *cost, struct op_failure *f)
{
	struct number *n = op_call_number(c, 0);
	double v = n->form == NUMBER_SMALL ? (double)n->small : pow(10, number_log10(n));

	if (number_sign(n) < 0 && !(n->form == NUMBER_SMALL && n->small == -1))
		return operand_fail(c, 0, f, OP_DOMAIN_ERROR, "expected an integer from -1 on, got a smaller one");
	double digits = (lgamma(v / 2 + 1) + v / 2 * M_LN2 - 0.23) / M_LN10;
	cost->digits = floor(fmax(0, digits) * (1 - 1e-13)) + 1;
	cost->ns = cost_power(cost->digits) + 2000;
	return 0;
}

static int double_factorial_run(struct op_call *c, struct buf *json, struct op_failure *f)
{
	mpz_ptr n = operand_load_integer(c, 0);

	mpz_2fac_ui(n, mpz_sgn(n) < 0 ? 0 : mpz_get_ui(n));
	return operand_put_integer(json, n, f);
}

static int xgcd_estimate(struct op_call *c, struct op_cost *cost, struct op_failure *f)
{
	double a = operand_top_digits(c, 0), b = operand_top_digits(c, 1);

	(void)f;
	cost->ns = 500 + 2.5 * cost_gcd(a, b) + 3 * cost_print(fmax(a, b));
	return 0;
}

static int xgcd_run(struct op_call *c, struct buf *json, struct op_failure *f)
{
	mpz_ptr a = operand_load_integer(c, 0), b = operand_load_integer(c, 1);
	mpz_t g, x, y;
	int rc;

	mpz_inits(g, x, y, NULL);
	mpz_gcdext(g, x, y, a, b);
	buf_puts(json, "{\"g\":");
	rc = operand_put_integer(json, g, f);
	buf_puts(json, ",\"x\":");
	if (rc == 0)
		rc = operand_put_integer(json, x, f);
	buf_puts(json, ",\"y\":");
	if (rc == 0)
		rc = operand_put_integer(json, y, f);
	buf_byte(json, '}');
	mpz_clears(g, x, y, NULL);
	return rc;
}

/* ---- sum, product ---- */

/* Combines v[0..n) into v[0], pairwise, so that operands stay of like size. */
static void fold_rationals(fmpq *v, size_t n, bool product)
{
	if (n < 2)
		return;
	fold_rationals(v, n / 2, product);
	fold_rationals(v + n / 2, n - n / 2, product);
	if (product)
		fmpq_mul(v, v, v + n / 2);
	else
		fmpq_add(v, v, v + n / 2);
}

static int fold_exactly(struct op_call *c, struct buf *json, size_t n, bool product, struct op_failure *f)
{
	fmpq *v = _fmpq_vec_init((slong)n + 1);
	double digits = 0;
	int rc = 0;

	fmpq_set_si(v, product, 1); /* of none: 0 or 1 */
	for (size_t i = 0; i < n && rc == 0; i++) {
		rc = arg_fmpq_at(c, 0, i, 0, v + i, f);
		digits += scalar_digits(v + i) - 2;
	}
	if (rc == 0 && digits > 4.0 * SCALAR_EXACT_DIGITS)
		rc = op_fail_limit(f, 4.0 * SCALAR_EXACT_DIGITS, digits, "digits", "the list is too long");
	if (rc == 0) {
		fold_rationals(v, n, product);
		rc = scalar_answer(c, json, v, f);
	}
	_fmpq_vec_clear(v, (slong)n + 1);
	return rc;
}

static int fold_ball(struct op_call *c, acb_ptr out, size_t n, slong prec, void *arg, struct op_failure *f)
{
	bool product = *(bool *)arg;
	size_t count, cols;
	acb_t v;
	int rc = 0;

	(void)n;
	arg_shape(c, 0, &count, &cols);
	acb_init(v);
	acb_set_si(out, product);
	for (size_t i = 0; i < count && rc == 0; i++) {
		rc = arg_acb_at(c, 0, i, 0, v, prec, f);
		if (product)
			acb_mul(out, out, v, prec);
		else
			acb_add(out, out, v, prec);
	}
	acb_clear(v);
	return rc;
}

static int fold_compute(struct op_call *c, struct buf *json, bool product, struct op_failure *f)
{
	size_t n, cols;

	arg_shape(c, 0, &n, &cols);
	if (arg_is_rational(c, 0))
		return fold_exactly(c, json, n, product, f);
	return answer_certified(c, json, fold_ball, &product, f);
}

static int sum_compute(struct op_call *c, struct buf *json, struct op_failure *f)
{
	return fold_compute(c, json, false, f);
}

static int product_compute(struct op_call *c, struct buf *json, struct op_failure *f)
{
	return fold_compute(c, json, true, f);
}

/* ---- the table ---- */

#define LIST(a) (a), sizeof(a) / sizeof *(a)
#define FAMILY "arithmetic"
#define SIZE_LIMIT "result up to 1,000,000 digits"
#define INTEGER_RESULT "an integer (a string of digits beyond 2^53-1)"
#define EXACT                                                                                                \
	"exact: an integer (a string of digits beyond 2^53-1), or a fraction \"p/q\" in lowest terms; with " \
	"`precision`, and of irrational numbers: a number or a string of digits, all of them right"
#define NUMBER(n, s, k)                                  \
	{                                                \
		.name = (n), .summary = (s), .kind = (k) \
	}
#define BETWEEN(n, s, o, lo, hi)                                                                                     \
	{                                                                                                            \
		.name = (n), .summary = (s), .kind = OP_KIND_INTEGER, .optional = (o), .bounded = true, .min = (lo), \
		.max = (hi)                                                                                          \
	}
#define PRECISION                                                                                                  \
	{                                                                                                          \
		.name = "precision", .kind = OP_KIND_PRECISION, .named = true,                                     \
		.summary = "significant digits of a result that is no integer; 15 for a number, more for a string" \
	}

static const struct op_parameter root_parameters[] = {
	NUMBER("x", "a real number; from 0 on if n is even", OP_KIND_NUMBER),
	BETWEEN("n", "the degree; 2 if not given", true, 1, ROOT_DEGREE_MAX),
	PRECISION,
};
static const struct op_example root_examples[] = {
	{ "[\"4/9\"]", "\"2/3\"", NULL },      { "[-27,3]", "-3", NULL },
	{ "[2]", "1.4142135623730951", NULL }, { "{\"x\":2,\"precision\":25}", "\"1.414213562373095048801689\"", NULL },
	{ "[-4]", NULL, "domain-error" },      { "[4,0]", NULL, "invalid-argument" },
};
static const struct op_parameter iroot_parameters[] = {
	NUMBER("n", "an integer; from 0 on if k is even", OP_KIND_INTEGER),
	BETWEEN("k", "the degree, from 1 on", false, 1, INT64_MAX),
};
static const struct op_example iroot_examples[] = {
	{ "[100,3]", "4", NULL },
	{ "[-100,3]", "-4", NULL },
	{ "[\"1e40\",4]", "10000000000", NULL },
	{ "[-16,4]", NULL, "domain-error" },
	{ "[16,0]", NULL, "invalid-argument" },
};
static const struct op_parameter complex_parameters[] = { NUMBER("x", "a number", OP_KIND_COMPLEX), PRECISION };
static const struct op_parameter real_parameters[] = { NUMBER("x", "a real number", OP_KIND_NUMBER), PRECISION };
static const struct op_example abs_examples[] = {
	{ "[-7]", "7", NULL },
	{ "[\"-2/4\"]", "\"1/2\"", NULL },
	{ "[{\"re\":3,\"im\":-4}]", "5", NULL },
	{ "[\"x\"]", NULL, "invalid-argument" },
};
static const struct op_example neg_examples[] = {
	{ "[7]", "-7", NULL },
	{ "[\"-1/3\"]", "\"1/3\"", NULL },
	{ "[\"pi\"]", "-3.141592653589793", NULL },
};
static const struct op_example floor_examples[] = {
	{ "[2.7]", "2", NULL },
	{ "[\"-1/3\"]", "-1", NULL },
	{ "[\"exp(50)\"]", "\"5184705528587072464087\"", NULL },
	{ "[true]", NULL, "invalid-argument" },
};
static const struct op_example ceil_examples[] = {
	{ "[2.1]", "3", NULL },
	{ "[\"-1/3\"]", "0", NULL },
	{ "[\"10*pi\"]", "32", NULL },
};
static const struct op_parameter round_parameters[] = {
	NUMBER("x", "a real number", OP_KIND_NUMBER),
	BETWEEN("digits", "behind the decimal point, or before it if negative; 0 if not given", true, -ROUND_DIGITS_MAX,
		ROUND_DIGITS_MAX),
	PRECISION,
};
static const struct op_example round_examples[] = {
	{ "[2.5]", "3", NULL },
	{ "[-2.5]", "-3", NULL },
	{ "[\"pi\",2]", "\"157/50\"", NULL },
	{ "{\"x\":\"2/3\",\"digits\":3,\"precision\":15}", "0.667", NULL },
	{ "[1250,-2]", "1300", NULL },
};
static const struct op_parameter double_factorial_parameters[] = { NUMBER("n", "an integer from -1 on",
									  OP_KIND_INTEGER) };
static const struct op_example double_factorial_examples[] = {
	{ "[7]", "105", NULL },
	{ "[8]", "384", NULL },
	{ "[-1]", "1", NULL },
	{ "[-3]", NULL, "domain-error" },
	{ "[1000000]", NULL, "limit-exceeded" },
};
static const struct op_parameter xgcd_parameters[] = { NUMBER("a", "an integer", OP_KIND_INTEGER),
						       NUMBER("b", "an integer", OP_KIND_INTEGER) };
static const struct op_example xgcd_examples[] = {
	{ "[240,46]", "{\"g\":2,\"x\":-9,\"y\":47}", NULL },
	{ "[0,-5]", "{\"g\":5,\"x\":0,\"y\":-1}", NULL },
	{ "[1.5,2]", NULL, "invalid-argument" },
};
static const struct op_parameter list_parameters[] = { NUMBER("y", "numbers", OP_KIND_VECTOR), PRECISION };
static const struct op_example sum_examples[] = {
	{ "[[1,2,3.5]]", "\"13/2\"", NULL },
	{ "[[]]", "0", NULL },
	{ "[[\"pi\",1]]", "4.141592653589793", NULL },
	{ "[5]", NULL, "invalid-argument" },
};
static const struct op_example product_examples[] = {
	{ "[[2,3,\"1/4\"]]", "\"3/2\"", NULL },
	{ "[[]]", "1", NULL },
	{ "[[\"2i\",\"3i\"]]", "-6", NULL },
};

static const struct op ops[] = {
	{ "root", FAMILY, "The real n-th root of x: not negative, but for a negative x and an odd n.", EXACT,
	  "n up to 10^9", LIST(root_parameters), LIST(root_examples), .compute = root_compute },
	{ "iroot", FAMILY, "The integer part of the k-th root of n.", INTEGER_RESULT,
	  "none but the size of the argument", LIST(iroot_parameters), LIST(iroot_examples), .estimate = iroot_estimate,
	  .run = iroot_run },
	{ "abs", FAMILY, "The absolute value.", EXACT, "none but the size of the argument", LIST(complex_parameters),
	  LIST(abs_examples), .estimate = sign_estimate, .run = abs_run, .compute = abs_compute },
	{ "neg", FAMILY, "The number with the opposite sign.", EXACT, "none but the size of the argument",
	  LIST(complex_parameters), LIST(neg_examples), .estimate = sign_estimate, .run = neg_run,
	  .compute = neg_compute },
	{ "floor", FAMILY, "The greatest integer not above x.", INTEGER_RESULT, SIZE_LIMIT, LIST(real_parameters),
	  LIST(floor_examples), .estimate = round_estimate, .run = round_run, .compute = round_compute },
	{ "ceil", FAMILY, "The least integer not below x.", INTEGER_RESULT, SIZE_LIMIT, LIST(real_parameters),
	  LIST(ceil_examples), .estimate = round_estimate, .run = round_run, .compute = round_compute },
	{ "round", FAMILY,
	  "The number nearest to x that has so many decimals; halves are rounded away from zero. The result is exact.",
	  EXACT, SIZE_LIMIT, LIST(round_parameters), LIST(round_examples), .estimate = round_estimate, .run = round_run,
	  .compute = round_compute },
	{ "double_factorial", FAMILY, "n!! = n(n-2)(n-4)..., down to 1 or 2; 1 for n = 0 and -1.", INTEGER_RESULT,
	  SIZE_LIMIT ": n up to 386,000", LIST(double_factorial_parameters), LIST(double_factorial_examples),
	  .estimate = double_factorial_estimate, .run = double_factorial_run },
	{ "xgcd", FAMILY, "The greatest common divisor g >= 0 of a and b, and x, y with a x + b y = g.",
	  "{\"g\": an integer, \"x\": an integer, \"y\": an integer}", "none but the size of the arguments",
	  LIST(xgcd_parameters), LIST(xgcd_examples), .estimate = xgcd_estimate, .run = xgcd_run },
	{ "sum", FAMILY, "The sum of a list; 0 of an empty one.", EXACT, SIZE_LIMIT, LIST(list_parameters),
	  LIST(sum_examples), .compute = sum_compute },
	{ "product", FAMILY, "The product of a list; 1 of an empty one.", EXACT, SIZE_LIMIT, LIST(list_parameters),
	  LIST(product_examples), .compute = product_compute },
};

const struct op_family op_elementary = { LIST(ops) };
