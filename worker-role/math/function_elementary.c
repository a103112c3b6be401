/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The elementary functions. Principal values on the whole plane, with the cuts of DLMF 4.2, 4.23 and 4.37 (on the cuts
 * themselves the values of Arb, which are PARI's too); roots of negative numbers are principal ones (complex) but for
 * cbrt and for root(x, n) with odd n, which are real there. */
#include "math/function.h"
#include "math/function_real.h"

#include <flint/arith.h>
#include <math.h>

#define MANY 1000

static int refuse(struct op_failure *f, const char *name, const char *expected)
{
	return op_fail(f, OP_DOMAIN_ERROR, "%s: expected %s", name, expected);
}

/* ---- entire functions, and quotients of them ---- */

#define PLAIN(name)                                                                                                \
	static int ball_##name(acb_t out, acb_srcptr x, size_t n, bool analytic, slong prec, struct op_failure *f) \
	{                                                                                                          \
		(void)n;                                                                                           \
		(void)analytic;                                                                                    \
		(void)f;                                                                                           \
		acb_##name(out, x, prec);                                                                          \
		return 0;                                                                                          \
	}
PLAIN(exp)
PLAIN(sin)
PLAIN(cos)
PLAIN(tan)
PLAIN(sec)
PLAIN(sinh)
PLAIN(cosh)
PLAIN(tanh)
PLAIN(sech)

/* With a pole at 0. */
#define POLE_AT_ZERO(name)                                                                                         \
	static int ball_##name(acb_t out, acb_srcptr x, size_t n, bool analytic, slong prec, struct op_failure *f) \
	{                                                                                                          \
		(void)n;                                                                                           \
		(void)analytic;                                                                                    \
		if (acb_is_zero(x))                                                                                \
			return refuse(f, #name, "a number other than 0, a pole");                                  \
		acb_##name(out, x, prec);                                                                          \
		return 0;                                                                                          \
	}
POLE_AT_ZERO(cot)
POLE_AT_ZERO(csc)
POLE_AT_ZERO(coth)
POLE_AT_ZERO(csch)

/* ---- logarithms and roots ---- */

static int ball_log(acb_t out, acb_srcptr x, size_t n, bool analytic, slong prec, struct op_failure *f)
{
	acb_t base;

	if (acb_is_zero(x))
		return refuse(f, "log", "a number other than 0");
	if (n == 2 && (acb_is_zero(x + 1) || acb_is_one(x + 1)))
		return refuse(f, "log", "a base other than 0 and 1");
	acb_log_analytic(out, x, analytic, prec);
	if (n == 2) {
		acb_init(base);
		acb_log_analytic(base, x + 1, analytic, prec);
		acb_div(out, out, base, prec);
		acb_clear(base);
	}
	return 0;
}

static int log_base(acb_t out, acb_srcptr x, ulong base, bool analytic, slong prec, struct op_failure *f)
{
	arb_t scale;

	if (acb_is_zero(x))
		return refuse(f, base == 2 ? "log2" : "log10", "a number other than 0");
	if (acb_is_real(x) && arb_is_positive(acb_realref(x))) { /* exact for powers of the base */
		arb_log_base_ui(acb_realref(out), acb_realref(x), base, prec);
		arb_zero(acb_imagref(out));
		return 0;
	}
	acb_log_analytic(out, x, analytic, prec);
	arb_init(scale);
	arb_log_ui(scale, base, prec);
	acb_div_arb(out, out, scale, prec);
	arb_clear(scale);
	return 0;
}

static int ball_log2(acb_t out, acb_srcptr x, size_t n, bool analytic, slong prec, struct op_failure *f)
{
	(void)n;
	return log_base(out, x, 2, analytic, prec, f);
}

static int ball_log10(acb_t out, acb_srcptr x, size_t n, bool analytic, slong prec, struct op_failure *f)
{
	(void)n;
	return log_base(out, x, 10, analytic, prec, f);
}

static int ball_sqrt(acb_t out, acb_srcptr x, size_t n, bool analytic, slong prec, struct op_failure *f)
{
	(void)n;
	(void)f;
	acb_sqrt_analytic(out, x, analytic, prec);
	return 0;
}

static bool meets_cut_below_zero(acb_srcptr x)
{
	return arb_contains_zero(acb_imagref(x)) && !arb_is_positive(acb_realref(x));
}

/* The k-th root; real on the whole real line for odd k. */
static void root_k(acb_t out, acb_srcptr x, ulong k, bool analytic, slong prec)
{
	if (acb_is_real(x) && k % 2 == 1 && !(analytic && arb_contains_zero(acb_realref(x)))) {
		arb_t size;
		arb_init(size);
		if (arb_is_negative(acb_realref(x))) {
			arb_neg(size, acb_realref(x));
			arb_root_ui(size, size, k, prec);
			arb_neg(acb_realref(out), size);
		} else if (arb_is_nonnegative(acb_realref(x))) {
			arb_root_ui(acb_realref(out), acb_realref(x), k, prec);
		} else { /* around 0: between minus and plus the root of the largest absolute value */
			mag_t bound;
			mag_init(bound);
			arb_get_mag(bound, acb_realref(x));
			mag_root(bound, bound, k);
			arb_zero(acb_realref(out));
			arb_add_error_mag(acb_realref(out), bound);
			mag_clear(bound);
		}
		arb_zero(acb_imagref(out));
		arb_clear(size);
	} else if (analytic && meets_cut_below_zero(x)) {
		acb_indeterminate(out);
	} else {
		acb_root_ui(out, x, k, prec);
	}
}

static int ball_cbrt(acb_t out, acb_srcptr x, size_t n, bool analytic, slong prec, struct op_failure *f)
{
	(void)n;
	(void)f;
	root_k(out, x, 3, analytic, prec);
	return 0;
}

static int ball_root(acb_t out, acb_srcptr x, size_t n, bool analytic, slong prec, struct op_failure *f)
{
	fmpz_t k;
	int rc = 0;

	if (n == 1)
		return ball_sqrt(out, x, n, analytic, prec, f);
	fmpz_init(k);
	if (!acb_is_real(x + 1) || !arb_get_unique_fmpz(k, acb_realref(x + 1)) || fmpz_sgn(k) <= 0 ||
	    !arb_is_exact(acb_realref(x + 1)) || fmpz_bits(k) > 60)
		rc = refuse(f, "root", "a positive integer below 2^60 as second argument");
	else
		root_k(out, x, fmpz_get_ui(k), analytic, prec);
	fmpz_clear(k);
	return rc;
}

/* ---- inverse functions: analytic outside their cuts ---- */

/* Whether z may meet the real axis with |re| >= 1 (which: 1 the right cut, -1 the left one, 0 both). */
static bool meets_unit_cut(const arb_t on, const arb_t across, int which)
{
	arb_t one;
	bool left, right;

	if (!arb_contains_zero(across))
		return false;
	arb_init(one);
	arb_one(one);
	right = !arb_lt(on, one);
	arb_neg(one, one);
	left = !arb_gt(on, one);
	arb_clear(one);
	return which > 0 ? right : which < 0 ? left : left || right;
}

static int inverse(acb_t out, acb_srcptr x, bool analytic, bool meets, slong prec,
		   void (*function)(acb_t, const acb_t, slong))
{
	if (analytic && meets)
		acb_indeterminate(out);
	else
		function(out, x, prec);
	return 0;
}

static int ball_asin(acb_t out, acb_srcptr x, size_t n, bool analytic, slong prec, struct op_failure *f)
{
	(void)n;
	(void)f;
	return inverse(out, x, analytic, meets_unit_cut(acb_realref(x), acb_imagref(x), 0), prec, acb_asin);
}

static int ball_acos(acb_t out, acb_srcptr x, size_t n, bool analytic, slong prec, struct op_failure *f)
{
	(void)n;
	(void)f;
	return inverse(out, x, analytic, meets_unit_cut(acb_realref(x), acb_imagref(x), 0), prec, acb_acos);
}

static int ball_atan(acb_t out, acb_srcptr x, size_t n, bool analytic, slong prec, struct op_failure *f)
{
	(void)n;
	if (arb_is_zero(acb_realref(x)) && (arb_equal_si(acb_imagref(x), 1) || arb_equal_si(acb_imagref(x), -1)))
		return refuse(f, "atan", "a number other than i and -i, its poles");
	return inverse(out, x, analytic, meets_unit_cut(acb_imagref(x), acb_realref(x), 0), prec, acb_atan);
}

static int ball_asinh(acb_t out, acb_srcptr x, size_t n, bool analytic, slong prec, struct op_failure *f)
{
	(void)n;
	(void)f;
	return inverse(out, x, analytic, meets_unit_cut(acb_imagref(x), acb_realref(x), 0), prec, acb_asinh);
}

static int ball_acosh(acb_t out, acb_srcptr x, size_t n, bool analytic, slong prec, struct op_failure *f)
{
	arb_t one;
	bool meets;

	(void)n;
	(void)f;
	arb_init(one);
	arb_one(one);
	meets = arb_contains_zero(acb_imagref(x)) && !arb_gt(acb_realref(x), one);
	arb_clear(one);
	return inverse(out, x, analytic, meets, prec, acb_acosh);
}

static int ball_atanh(acb_t out, acb_srcptr x, size_t n, bool analytic, slong prec, struct op_failure *f)
{
	(void)n;
	if (acb_equal_si(x, 1) || acb_equal_si(x, -1))
		return refuse(f, "atanh", "a number other than 1 and -1, its poles");
	return inverse(out, x, analytic, meets_unit_cut(acb_realref(x), acb_imagref(x), 0), prec, acb_atanh);
}

static int expect_real(acb_srcptr x, size_t n, const char *name, struct op_failure *f)
{
	for (size_t i = 0; i < n; i++)
		if (!acb_is_real(x + i) && !arb_contains_zero(acb_imagref(x + i)))
			return refuse(f, name, "real numbers, got a complex one");
	return 0;
}

static bool all_real(acb_srcptr x, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (!acb_is_real(x + i))
			return false;
	return true;
}

/* atan2(y, x), the angle of the point (x, y). */
static int ball_atan2(acb_t out, acb_srcptr x, size_t n, bool analytic, slong prec, struct op_failure *f)
{
	if (!analytic && expect_real(x, n, "atan2", f) != 0)
		return -1;
	if (acb_is_zero(x) && acb_is_zero(x + 1))
		return refuse(f, "atan2", "a point other than the origin");
	if (analytic || !all_real(x, n)) { /* log((x + iy)/(x - iy))/2i is it only on a half plane: atan(y/x), x > 0 */
		if (!arb_is_positive(acb_realref(x + 1))) {
			acb_indeterminate(out);
			return 0;
		}
		acb_div(out, x, x + 1, prec);
		return ball_atan(out, out, 1, analytic, prec, f);
	}
	arb_atan2(acb_realref(out), acb_realref(x), acb_realref(x + 1), prec);
	arb_zero(acb_imagref(out));
	return 0;
}

/* ---- parts, absolute value, steps: not holomorphic ---- */

static int ball_abs(acb_t out, acb_srcptr x, size_t n, bool analytic, slong prec, struct op_failure *f)
{
	(void)n;
	(void)f;
	if (analytic) {
		acb_real_abs(out, x, 1, prec);
		return 0;
	}
	acb_abs(acb_realref(out), x, prec);
	arb_zero(acb_imagref(out));
	return 0;
}

static int ball_re(acb_t out, acb_srcptr x, size_t n, bool analytic, slong prec, struct op_failure *f)
{
	(void)n;
	(void)f;
	acb_set_round(out, x, prec);
	if (analytic && !acb_is_real(x))
		acb_indeterminate(out);
	arb_zero(acb_imagref(out));
	return 0;
}

static int ball_im(acb_t out, acb_srcptr x, size_t n, bool analytic, slong prec, struct op_failure *f)
{
	(void)n;
	(void)f;
	arb_set_round(acb_realref(out), acb_imagref(x), prec);
	arb_zero(acb_imagref(out));
	if (analytic && !acb_is_real(x))
		acb_indeterminate(out);
	return 0;
}

static int ball_conj(acb_t out, acb_srcptr x, size_t n, bool analytic, slong prec, struct op_failure *f)
{
	(void)n;
	(void)f;
	acb_set_round(out, x, prec);
	acb_conj(out, out);
	if (analytic && !acb_is_real(x))
		acb_indeterminate(out);
	return 0;
}

static int ball_arg(acb_t out, acb_srcptr x, size_t n, bool analytic, slong prec, struct op_failure *f)
{
	(void)n;
	if (acb_is_zero(x))
		return refuse(f, "arg", "a number other than 0");
	acb_arg(acb_realref(out), x, prec);
	arb_zero(acb_imagref(out));
	if (analytic && !(acb_is_real(x) && arb_is_positive(acb_realref(x))))
		acb_indeterminate(out);
	return 0;
}

static int ball_sign(acb_t out, acb_srcptr x, size_t n, bool analytic, slong prec, struct op_failure *f)
{
	if (!analytic && expect_real(x, n, "sign", f) != 0)
		return -1;
	acb_real_sgn(out, x, analytic, prec);
	return 0;
}

static int ball_floor(acb_t out, acb_srcptr x, size_t n, bool analytic, slong prec, struct op_failure *f)
{
	if (!analytic && expect_real(x, n, "floor", f) != 0)
		return -1;
	acb_real_floor(out, x, analytic, prec);
	return 0;
}

static int ball_ceil(acb_t out, acb_srcptr x, size_t n, bool analytic, slong prec, struct op_failure *f)
{
	if (!analytic && expect_real(x, n, "ceil", f) != 0)
		return -1;
	acb_real_ceil(out, x, analytic, prec);
	return 0;
}

/* Towards 0 after moving away from it by `half` halves: round and trunc, as the union over both signs. */
static int away(acb_t out, acb_srcptr x, int half, bool analytic, slong prec)
{
	acb_t moved, other;
	bool may_be_negative = !arb_is_nonnegative(acb_realref(x)), may_be_positive = !arb_is_negative(acb_realref(x));
	arb_t shift;

	acb_init(moved);
	acb_init(other);
	arb_init(shift);
	arb_set_si(shift, half);
	arb_mul_2exp_si(shift, shift, -1);
	acb_set(other, x);
	acb_zero(out);
	if (may_be_positive) {
		acb_add_arb(moved, other, shift, prec);
		acb_real_floor(out, moved, analytic, prec);
	}
	if (may_be_negative) {
		acb_sub_arb(moved, other, shift, prec);
		acb_real_ceil(moved, moved, analytic, prec);
		if (may_be_positive)
			acb_union(out, out, moved, prec);
		else
			acb_set(out, moved);
	}
	acb_clear(moved);
	acb_clear(other);
	arb_clear(shift);
	return 0;
}

static int ball_trunc(acb_t out, acb_srcptr x, size_t n, bool analytic, slong prec, struct op_failure *f)
{
	if (!analytic && expect_real(x, n, "trunc", f) != 0)
		return -1;
	return away(out, x, 0, analytic, prec);
}

static int ball_round(acb_t out, acb_srcptr x, size_t n, bool analytic, slong prec, struct op_failure *f)
{
	acb_t scale, ten;

	if (!analytic && expect_real(x, n, "round", f) != 0)
		return -1;
	if (n == 1)
		return away(out, x, 1, analytic, prec);
	if (!acb_is_int(x + 1))
		return refuse(f, "round", "an integer number of digits");
	acb_init(scale);
	acb_init(ten);
	acb_set_si(ten, 10);
	acb_pow(scale, ten, x + 1, prec);
	acb_mul(ten, x, scale, prec);
	away(out, ten, 1, analytic, prec);
	acb_div(out, out, scale, prec);
	acb_clear(scale);
	acb_clear(ten);
	return 0;
}

static int ball_frac(acb_t out, acb_srcptr x, size_t n, bool analytic, slong prec, struct op_failure *f)
{
	acb_t floor;

	if (!analytic && expect_real(x, n, "frac", f) != 0)
		return -1;
	acb_init(floor);
	acb_real_floor(floor, x, analytic, prec);
	acb_sub(out, x, floor, prec);
	acb_clear(floor);
	return 0;
}

static int extreme(acb_t out, acb_srcptr x, size_t n, bool analytic, slong prec, const char *name,
		   void (*pick)(acb_t, const acb_t, const acb_t, int, slong), struct op_failure *f)
{
	acb_t best;

	if (!analytic && expect_real(x, n, name, f) != 0)
		return -1;
	acb_init(best);
	acb_set(best, x);
	for (size_t i = 1; i < n; i++)
		pick(best, best, x + i, analytic, prec);
	acb_swap(out, best);
	acb_clear(best);
	return 0;
}

static int ball_min(acb_t out, acb_srcptr x, size_t n, bool analytic, slong prec, struct op_failure *f)
{
	return extreme(out, x, n, analytic, prec, "min", acb_real_min, f);
}

static int ball_max(acb_t out, acb_srcptr x, size_t n, bool analytic, slong prec, struct op_failure *f)
{
	return extreme(out, x, n, analytic, prec, "max", acb_real_max, f);
}

/* sqrt(x1^2 + x2^2 + …) of real numbers. */
static int ball_hypot(acb_t out, acb_srcptr x, size_t n, bool analytic, slong prec, struct op_failure *f)
{
	acb_t sum;

	if (!analytic && expect_real(x, n, "hypot", f) != 0)
		return -1;
	acb_init(sum);
	for (size_t i = 0; i < n; i++)
		acb_addmul(sum, x + i, x + i, prec);
	acb_sqrt_analytic(out, sum, analytic, prec);
	if (!analytic)
		arb_zero(acb_imagref(out)); /* a sum of squares that touches 0 from below is none */
	acb_clear(sum);
	return 0;
}

const struct function function_elementary[] = {
	{ "exp", 1, 1, true, ball_exp, function_real_exp },
	{ "log", 1, 2, true, ball_log, function_real_log },
	{ "ln", 1, 1, true, ball_log, function_real_log },
	{ "log2", 1, 1, true, ball_log2, function_real_log2 },
	{ "log10", 1, 1, true, ball_log10, function_real_log10 },
	{ "sqrt", 1, 1, true, ball_sqrt, function_real_sqrt },
	{ "cbrt", 1, 1, true, ball_cbrt, function_real_cbrt },
	{ "root", 1, 2, true, ball_root, function_real_root },
	{ "sin", 1, 1, true, ball_sin, function_real_sin },
	{ "cos", 1, 1, true, ball_cos, function_real_cos },
	{ "tan", 1, 1, true, ball_tan, function_real_tan },
	{ "cot", 1, 1, true, ball_cot, function_real_cot },
	{ "sec", 1, 1, true, ball_sec, function_real_sec },
	{ "csc", 1, 1, true, ball_csc, function_real_csc },
	{ "asin", 1, 1, true, ball_asin, function_real_asin },
	{ "acos", 1, 1, true, ball_acos, function_real_acos },
	{ "atan", 1, 1, true, ball_atan, function_real_atan },
	{ "atan2", 2, 2, false, ball_atan2, function_real_atan2 },
	{ "sinh", 1, 1, true, ball_sinh, function_real_sinh },
	{ "cosh", 1, 1, true, ball_cosh, function_real_cosh },
	{ "tanh", 1, 1, true, ball_tanh, function_real_tanh },
	{ "coth", 1, 1, true, ball_coth, function_real_coth },
	{ "sech", 1, 1, true, ball_sech, function_real_sech },
	{ "csch", 1, 1, true, ball_csch, function_real_csch },
	{ "asinh", 1, 1, true, ball_asinh, function_real_asinh },
	{ "acosh", 1, 1, true, ball_acosh, function_real_acosh },
	{ "atanh", 1, 1, true, ball_atanh, function_real_atanh },
	{ "abs", 1, 1, false, ball_abs, function_real_abs },
	{ "sign", 1, 1, false, ball_sign, function_real_sign },
	{ "floor", 1, 1, false, ball_floor, function_real_floor },
	{ "ceil", 1, 1, false, ball_ceil, function_real_ceil },
	{ "round", 1, 2, false, ball_round, function_real_round },
	{ "trunc", 1, 1, false, ball_trunc, function_real_trunc },
	{ "frac", 1, 1, false, ball_frac, function_real_frac },
	{ "min", 1, MANY, false, ball_min, function_real_min },
	{ "max", 1, MANY, false, ball_max, function_real_max },
	{ "hypot", 1, MANY, false, ball_hypot, function_real_hypot },
	{ "re", 1, 1, false, ball_re, function_real_identity },
	{ "im", 1, 1, false, ball_im, function_real_zero },
	{ "conj", 1, 1, false, ball_conj, function_real_identity },
	{ "arg", 1, 1, false, ball_arg, function_real_arg },
	{ NULL, 0, 0, false, NULL, NULL },
};
