/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "math/expr_exact.h"

#include <flint/arith.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "number.h"

#define MANY 1000 /* arguments of min, max, gcd, lcm, hypot */

typedef struct expr_value value;

/* ---- roots and absolute values ---- */

static int exact_sqrt(struct expr_eval *ev, value *out, const value *args, size_t n)
{
	struct surd root;
	int found = 0;

	(void)ev;
	(void)n;
	if (!expr_value_is_rational(&args[0]))
		return 0;
	surd_init(&root);
	if (surd_sqrt(&root, args[0].q)) {
		surd_swap(&out->surd, &root);
		expr_value_settle_surd(out);
		found = 1;
	}
	surd_clear(&root);
	return found;
}

/* The k-th root, k > 0: of negative numbers the real one where k is odd. */
static int exact_root_k(struct expr_eval *ev, value *out, const value *x, ulong k)
{
	value exponent, power;
	int rc;

	if (!expr_value_is_rational(x) || (k % 2 == 0 && k != 2 && fmpq_sgn(x->q) < 0))
		return 0;
	expr_value_init(&exponent);
	expr_value_init(&power);
	fmpq_set_si(exponent.q, 1, k);
	expr_value_set_fmpq(&power, x->q);
	bool turned = k % 2 == 1 && fmpq_sgn(x->q) < 0;
	if (turned)
		fmpq_neg(power.q, power.q);
	rc = expr_value_pow(ev, out, &power, &exponent);
	if (rc == 0 && turned)
		rc = expr_value_neg(ev, out, out);
	expr_value_clear(&exponent);
	expr_value_clear(&power);
	return rc != 0 ? -1 : out->form != EXPR_VALUE_BALL;
}

static int exact_cbrt(struct expr_eval *ev, value *out, const value *args, size_t n)
{
	(void)n;
	return exact_root_k(ev, out, &args[0], 3);
}

static int exact_root(struct expr_eval *ev, value *out, const value *args, size_t n)
{
	if (n == 1)
		return exact_sqrt(ev, out, args, n);
	if (!expr_value_is_integer(&args[1]) || fmpq_sgn(args[1].q) <= 0)
		return expr_value_fail(ev, OP_DOMAIN_ERROR, "root: expected a positive integer as second argument");
	if (!fmpz_abs_fits_ui(fmpq_numref(args[1].q)))
		return 0;
	return exact_root_k(ev, out, &args[0], fmpz_get_ui(fmpq_numref(args[1].q)));
}

static int real_sign(struct expr_eval *ev, const value *x, int *sign)
{
	if (x->form == EXPR_VALUE_RATIONAL)
		*sign = fmpq_sgn(x->q);
	else if (x->form == EXPR_VALUE_SURD)
		*sign = surd_sign(&x->surd);
	else if (acb_is_zero(x->z))
		*sign = 0;
	else if (!arb_contains_zero(acb_realref(x->z)))
		*sign = arf_sgn(arb_midref(acb_realref(x->z)));
	else {
		ev->undecided = true;
		return 0;
	}
	return 1;
}

/* |re + i*im| = sqrt(re^2 + im^2) when both are rational. */
static int exact_abs(struct expr_eval *ev, value *out, const value *args, size_t n)
{
	fmpq_t re, im;
	int sign, found = 0;

	(void)n;
	if (args[0].form == EXPR_VALUE_BALL)
		return 0;
	if (expr_value_is_real(&args[0])) {
		real_sign(ev, &args[0], &sign);
		if (sign < 0)
			return expr_value_neg(ev, out, &args[0]) == 0 ? 1 : -1;
		if (args[0].form == EXPR_VALUE_RATIONAL)
			expr_value_set_fmpq(out, args[0].q);
		else
			surd_set(&out->surd, &args[0].surd);
		out->form = args[0].form;
		return 1;
	}
	fmpq_init(re);
	fmpq_init(im);
	if (surd_get_gauss(re, im, &args[0].surd)) {
		fmpq_mul(re, re, re);
		fmpq_addmul(re, im, im);
		if (surd_sqrt(&out->surd, re)) {
			expr_value_settle_surd(out);
			found = 1;
		}
	}
	fmpq_clear(re);
	fmpq_clear(im);
	return found;
}

/* A ball off the real axis is left to the function itself, which knows whether it is asked along a path. */
static int refuse_complex(struct expr_eval *ev, const value *x, const char *name)
{
	if (x->form == EXPR_VALUE_BALL)
		return 0;
	return expr_value_fail(ev, OP_DOMAIN_ERROR, "%s: expected a real number, got a complex one", name);
}

static int exact_hypot(struct expr_eval *ev, value *out, const value *args, size_t n)
{
	value sum, square;
	int rc = 0;

	expr_value_init(&sum);
	expr_value_init(&square);
	for (size_t i = 0; i < n && rc == 0; i++) {
		if (args[i].form == EXPR_VALUE_BALL)
			rc = 1;
		else if (!expr_value_is_real(&args[i]))
			rc = refuse_complex(ev, &args[i], "hypot");
		else if ((rc = expr_value_mul(ev, &square, &args[i], &args[i])) == 0)
			rc = expr_value_add(ev, &sum, &sum, &square);
	}
	rc = rc == 0 ? exact_sqrt(ev, out, &sum, 1) : rc > 0 ? 0 : -1; /* balls: by the function itself */
	expr_value_clear(&sum);
	expr_value_clear(&square);
	return rc;
}

/* ---- to integers ---- */

enum rounding { FLOOR, CEIL, TRUNC, ROUND };

/* In terms of floor: ceil(x) = -floor(-x), and round and trunc look away from and towards 0. */
static int to_integer(struct expr_eval *ev, fmpz_t out, const value *x, enum rounding rounding)
{
	value moved;
	fmpq_t half;
	int sign, rc = 0, found = 0;

	if (rounding == FLOOR)
		return expr_value_floor(ev, out, x);
	if (rounding != CEIL && !real_sign(ev, x, &sign)) {
		/* Too close to 0 to tell on which side: but then it is 0 in either case, if it is close enough. */
		if (mag_cmp_2exp_si(arb_radref(acb_realref(x->z)), -2) >= 0 ||
		    arf_cmpabs_2exp_si(arb_midref(acb_realref(x->z)), -2) >= 0)
			return 0;
		fmpz_zero(out);
		return 1;
	}
	bool mirrored = rounding == CEIL || sign < 0;
	expr_value_init(&moved);
	fmpq_init(half);
	fmpq_set_si(half, rounding == ROUND ? 1 : 0, 2);
	value add = { .form = EXPR_VALUE_RATIONAL, .q = { half[0] } };
	if (mirrored)
		rc = expr_value_neg(ev, &moved, x);
	if (rc == 0)
		rc = expr_value_add(ev, &moved, mirrored ? &moved : x, &add);
	if (rc == 0 && (found = expr_value_floor(ev, out, &moved)) && mirrored)
		fmpz_neg(out, out);
	expr_value_clear(&moved);
	fmpq_clear(half);
	return rc == 0 ? found : -1;
}

static int rounded(struct expr_eval *ev, value *out, const value *x, enum rounding rounding, const char *name)
{
	fmpz_t n;

	if (!expr_value_is_real(x))
		return refuse_complex(ev, x, name);
	fmpz_init(n);
	int found = to_integer(ev, n, x, rounding);
	if (found > 0)
		expr_value_set_fmpz(out, n);
	fmpz_clear(n);
	return found;
}

static int exact_floor(struct expr_eval *ev, value *out, const value *args, size_t n)
{
	(void)n;
	return rounded(ev, out, &args[0], FLOOR, "floor");
}

static int exact_ceil(struct expr_eval *ev, value *out, const value *args, size_t n)
{
	(void)n;
	return rounded(ev, out, &args[0], CEIL, "ceil");
}

static int exact_trunc(struct expr_eval *ev, value *out, const value *args, size_t n)
{
	(void)n;
	return rounded(ev, out, &args[0], TRUNC, "trunc");
}

static int exact_frac(struct expr_eval *ev, value *out, const value *args, size_t n)
{
	int found = exact_floor(ev, out, args, n);

	return found > 0 && expr_value_sub(ev, out, &args[0], out) != 0 ? -1 : found;
}

/* round(x, d) is round(x*10^d)/10^d, halves away from 0. */
static int exact_round(struct expr_eval *ev, value *out, const value *args, size_t n)
{
	value ten, scale, moved;
	int found = -1;

	if (n == 1)
		return rounded(ev, out, &args[0], ROUND, "round");
	if (!expr_value_is_integer(&args[1]))
		return expr_value_fail(ev, OP_DOMAIN_ERROR, "round: expected an integer number of digits");
	expr_value_init(&ten);
	expr_value_init(&scale);
	expr_value_init(&moved);
	expr_value_set_si(&ten, 10);
	if (expr_value_pow(ev, &scale, &ten, &args[1]) == 0 && expr_value_mul(ev, &moved, &args[0], &scale) == 0)
		found = rounded(ev, out, &moved, ROUND, "round");
	if (found > 0 && expr_value_div(ev, out, out, &scale) != 0)
		found = -1;
	expr_value_clear(&ten);
	expr_value_clear(&scale);
	expr_value_clear(&moved);
	return found;
}

static int exact_sign(struct expr_eval *ev, value *out, const value *args, size_t n)
{
	int sign;

	(void)n;
	if (!expr_value_is_real(&args[0]))
		return refuse_complex(ev, &args[0], "sign");
	if (!real_sign(ev, &args[0], &sign))
		return 0;
	expr_value_set_si(out, sign);
	return 1;
}

static int extreme(struct expr_eval *ev, value *out, const value *args, size_t n, int wanted, const char *name)
{
	value difference;
	size_t best = 0;
	int sign, rc = 1;

	for (size_t i = 0; i < n; i++)
		if (!expr_value_is_real(&args[i]))
			return refuse_complex(ev, &args[i], name);
	expr_value_init(&difference);
	for (size_t i = 1; i < n && rc == 1; i++) {
		if (expr_value_sub(ev, &difference, &args[i], &args[best]) != 0)
			rc = -1;
		else if (!real_sign(ev, &difference, &sign))
			rc = 0;
		else if (sign == wanted)
			best = i;
	}
	if (rc == 1 && args[best].form == EXPR_VALUE_BALL)
		rc = 0; /* the enclosure of both does as well */
	else if (rc == 1)
		rc = expr_value_add(ev, out, &args[best], out) == 0 ? 1 : -1; /* out is 0 */
	expr_value_clear(&difference);
	return rc;
}

static int exact_min(struct expr_eval *ev, value *out, const value *args, size_t n)
{
	return extreme(ev, out, args, n, -1, "min");
}

static int exact_max(struct expr_eval *ev, value *out, const value *args, size_t n)
{
	return extreme(ev, out, args, n, 1, "max");
}

/* ---- parts of complex numbers ---- */

static int part(value *out, const value *x, bool imaginary)
{
	struct surd re, im, x_surd;

	if (x->form == EXPR_VALUE_BALL)
		return 0;
	surd_init(&re);
	surd_init(&im);
	surd_init(&x_surd);
	if (x->form == EXPR_VALUE_RATIONAL)
		surd_set_fmpq(&x_surd, x->q);
	else
		surd_set(&x_surd, &x->surd);
	surd_parts(&re, &im, &x_surd);
	surd_swap(&out->surd, imaginary ? &im : &re);
	expr_value_settle_surd(out);
	surd_clear(&re);
	surd_clear(&im);
	surd_clear(&x_surd);
	return 1;
}

static int exact_re(struct expr_eval *ev, value *out, const value *args, size_t n)
{
	(void)ev;
	(void)n;
	return part(out, &args[0], false);
}

static int exact_im(struct expr_eval *ev, value *out, const value *args, size_t n)
{
	(void)ev;
	(void)n;
	return part(out, &args[0], true);
}

static int exact_conj(struct expr_eval *ev, value *out, const value *args, size_t n)
{
	(void)n;
	if (args[0].form == EXPR_VALUE_BALL)
		return 0;
	if (args[0].form == EXPR_VALUE_RATIONAL)
		return expr_value_add(ev, out, out, &args[0]) == 0 ? 1 : -1;
	surd_conj(&out->surd, &args[0].surd);
	out->form = EXPR_VALUE_SURD;
	return 1;
}

/* ---- integers ---- */

static int expect_integers(struct expr_eval *ev, const char *name, const value *args, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (!expr_value_is_integer(&args[i]))
			return expr_value_fail(ev, OP_INVALID_ARGUMENT, "%s: expected integers", name);
	return 0;
}

static int fold(struct expr_eval *ev, value *out, const value *args, size_t n, const char *name,
		void (*step)(fmpz_t, const fmpz_t, const fmpz_t))
{
	fmpz_t all;
	int rc = 1;

	if (expect_integers(ev, name, args, n) != 0)
		return -1;
	fmpz_init(all);
	fmpz_abs(all, fmpq_numref(args[0].q));
	for (size_t i = 1; i < n && rc == 1; i++) {
		double bits = (double)fmpz_bits(all) + (double)fmpz_bits(fmpq_numref(args[i].q));
		if (step == fmpz_lcm && expr_value_check_digits(ev, bits * M_LN2 / M_LN10 - 1, true) != 0)
			rc = -1;
		else
			step(all, all, fmpq_numref(args[i].q));
	}
	if (rc == 1)
		expr_value_set_fmpz(out, all);
	fmpz_clear(all);
	return rc;
}

static int exact_gcd(struct expr_eval *ev, value *out, const value *args, size_t n)
{
	return fold(ev, out, args, n, "gcd", fmpz_gcd);
}

static int exact_lcm(struct expr_eval *ev, value *out, const value *args, size_t n)
{
	return fold(ev, out, args, n, "lcm", fmpz_lcm);
}

static int exact_isqrt(struct expr_eval *ev, value *out, const value *args, size_t n)
{
	if (expect_integers(ev, "isqrt", args, n) != 0)
		return -1;
	if (fmpq_sgn(args[0].q) < 0)
		return expr_value_fail(ev, OP_DOMAIN_ERROR, "isqrt: expected an integer from 0 on");
	fmpz_sqrt(fmpq_numref(out->q), fmpq_numref(args[0].q));
	return 1;
}

/* C(n, k) with 0 <= k; digits by the entropy bound C(n, k) <= n^k / k!. */
static int exact_binomial(struct expr_eval *ev, value *out, const value *args, size_t n)
{
	fmpz_t top, k;
	int rc = 1;
	bool turned = false;

	if (expect_integers(ev, "binomial", args, n) != 0)
		return -1;
	fmpz_init_set(top, fmpq_numref(args[0].q));
	fmpz_init_set(k, fmpq_numref(args[1].q));
	if (fmpz_sgn(top) < 0 && fmpz_sgn(k) > 0) { /* C(-n, k) = (-1)^k C(n+k-1, k) */
		turned = fmpz_is_odd(k);
		fmpz_sub(top, k, top);
		fmpz_sub_ui(top, top, 1);
	}
	if (fmpz_sgn(top) >= 0 && fmpz_cmp(k, top) <= 0 && fmpz_sgn(k) > 0) {
		fmpz_t other; /* C(n, k) = C(n, n-k) */
		fmpz_init(other);
		fmpz_sub(other, top, k);
		if (fmpz_cmp(other, k) < 0)
			fmpz_swap(other, k);
		fmpz_clear(other);
	}
	double small = fmpz_get_d(k), digits;
	if (fmpz_sgn(k) < 0 || (fmpz_sgn(top) >= 0 && fmpz_cmp(k, top) > 0)) {
		expr_value_set_si(out, 0);
	} else if (fmpz_is_zero(k)) {
		expr_value_set_si(out, 1);
	} else if (digits = floor((small * fmpz_dlog(top) - lgamma(small + 1)) / M_LN10),
		   expr_value_check_digits(ev, digits, true) != 0) {
		rc = -1;
	} else {
		mpz_t result;
		mpz_init(result);
		fmpz_get_mpz(result, top);
		mpz_bin_ui(result, result, fmpz_get_ui(k));
		fmpz_set_mpz(fmpq_numref(out->q), result);
		mpz_clear(result);
		if (turned)
			fmpq_neg(out->q, out->q);
	}
	fmpz_clear(top);
	fmpz_clear(k);
	return rc;
}

/* Gamma(n) = (n-1)!; its poles; and half integers are left to balls. */
static int exact_gamma(struct expr_eval *ev, value *out, const value *args, size_t n)
{
	value one;

	(void)n;
	if (!expr_value_is_integer(&args[0]) || fmpq_sgn(args[0].q) <= 0)
		return 0;
	expr_value_init(&one);
	expr_value_set_si(&one, 1);
	int rc = expr_value_sub(ev, out, &args[0], &one);
	if (rc == 0)
		rc = expr_value_factorial(ev, out, out);
	expr_value_clear(&one);
	return rc == 0 ? 1 : -1;
}

/* ---- logarithms ---- */

/* log of x to the base b, both positive rationals and b not 1, if it is an integer. */
static int exact_log_base(value *out, const fmpq_t x, const fmpq_t b)
{
	fmpq_t power;
	int found;

	if (fmpq_sgn(x) <= 0 || fmpq_sgn(b) <= 0 || fmpq_is_one(b))
		return 0;
	double lx = fmpz_dlog(fmpq_numref(x)) - fmpz_dlog(fmpq_denref(x));
	double lb = fmpz_dlog(fmpq_numref(b)) - fmpz_dlog(fmpq_denref(b));
	if (fabs(lb) < 1e-9 || fabs(lx / lb) > 1e7)
		return fmpq_is_one(x) ? (expr_value_set_si(out, 0), 1) : 0;
	slong k = lround(lx / lb);
	if (fabs(lx / lb - (double)k) > 1e-6)
		return 0;
	/* b^k in lowest terms is about k times as long as b */
	if (labs(k) * ((slong)fmpq_height_bits(b) - 1) > (slong)fmpq_height_bits(x))
		return 0;
	fmpq_init(power);
	fmpq_pow_si(power, b, k);
	found = fmpq_equal(power, x);
	fmpq_clear(power);
	if (found)
		expr_value_set_si(out, k);
	return found;
}

static int exact_log(struct expr_eval *ev, value *out, const value *args, size_t n)
{
	if (expr_value_is_zero(&args[0]))
		return expr_value_fail(ev, OP_DOMAIN_ERROR, "log: expected a number other than 0");
	if (n == 2 && (expr_value_is_zero(&args[1]) || (expr_value_is_rational(&args[1]) && fmpq_is_one(args[1].q))))
		return expr_value_fail(ev, OP_DOMAIN_ERROR, "log: expected a base other than 0 and 1");
	if (!expr_value_is_rational(&args[0]))
		return 0;
	if (fmpq_is_one(args[0].q)) {
		expr_value_set_si(out, 0);
		return 1;
	}
	return n == 2 && expr_value_is_rational(&args[1]) ? exact_log_base(out, args[0].q, args[1].q) : 0;
}

static int log_fixed(struct expr_eval *ev, value *out, const value *x, slong base)
{
	value pair[2];

	expr_value_init(&pair[0]);
	expr_value_init(&pair[1]);
	int found = 0;
	if (expr_value_is_rational(x)) {
		expr_value_set_fmpq(&pair[0], x->q);
		expr_value_set_si(&pair[1], base);
		found = exact_log(ev, out, pair, 2);
	}
	expr_value_clear(&pair[0]);
	expr_value_clear(&pair[1]);
	return found;
}

static int exact_log2(struct expr_eval *ev, value *out, const value *args, size_t n)
{
	(void)n;
	return log_fixed(ev, out, &args[0], 2);
}

static int exact_log10(struct expr_eval *ev, value *out, const value *args, size_t n)
{
	(void)n;
	return log_fixed(ev, out, &args[0], 10);
}

/* ---- the table ---- */

const struct expr_exact expr_exact_table[] = {
	{ "sqrt", 1, 1, exact_sqrt },      { "cbrt", 1, 1, exact_cbrt },
	{ "root", 1, 2, exact_root },      { "abs", 1, 1, exact_abs },
	{ "hypot", 1, MANY, exact_hypot }, { "floor", 1, 1, exact_floor },
	{ "ceil", 1, 1, exact_ceil },      { "trunc", 1, 1, exact_trunc },
	{ "frac", 1, 1, exact_frac },      { "round", 1, 2, exact_round },
	{ "sign", 1, 1, exact_sign },      { "min", 1, MANY, exact_min },
	{ "max", 1, MANY, exact_max },     { "re", 1, 1, exact_re },
	{ "im", 1, 1, exact_im },          { "conj", 1, 1, exact_conj },
	{ "gcd", 1, MANY, exact_gcd },     { "lcm", 1, MANY, exact_lcm },
	{ "isqrt", 1, 1, exact_isqrt },    { "binomial", 2, 2, exact_binomial },
	{ "gamma", 1, 1, exact_gamma },    { "log", 1, 2, exact_log },
	{ "ln", 1, 1, exact_log },         { "log2", 1, 1, exact_log2 },
	{ "log10", 1, 1, exact_log10 },    { NULL, 0, 0, NULL },
};

const struct expr_exact *expr_exact_find(const char *name)
{
	for (const struct expr_exact *e = expr_exact_table; e->name; e++)
		if (strcmp(e->name, name) == 0)
			return e;
	return NULL;
}
