/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Gamma and its relatives, the error function and exponential integrals. */
#include <acb_hypgeom.h>
#include <arb_hypgeom.h>

#include "math/special.h"

/* ---- gamma ---- */

int special_gamma(acb_t out, acb_srcptr args, size_t n, bool analytic, slong prec, struct op_failure *f)
{
	(void)n, (void)analytic;
	if (special_is_pole(args))
		return special_fail(f, "gamma has poles at 0, -1, -2, …: expected another argument", args);
	acb_gamma(out, args, prec);
	return 0;
}

/* log|gamma(x)| for any real x, by reflection (DLMF 5.5.3) where x is not positive. */
static void lgamma_real(arb_t out, const arb_t x, slong prec)
{
	arb_t sine, rest;

	if (arb_is_positive(x)) {
		arb_lgamma(out, x, prec);
		return;
	}
	arb_init(sine);
	arb_init(rest);
	arb_sin_pi(sine, x, prec);
	arb_abs(sine, sine);
	arb_sub_ui(rest, x, 1, prec);
	arb_neg(rest, rest);
	arb_lgamma(rest, rest, prec);
	arb_const_pi(out, prec);
	arb_div(out, out, sine, prec);
	arb_log(out, out, prec);
	arb_sub(out, out, rest, prec);
	arb_clear(sine);
	arb_clear(rest);
}

int special_lgamma(acb_t out, acb_srcptr args, size_t n, bool analytic, slong prec, struct op_failure *f)
{
	(void)n;
	if (special_is_pole(args))
		return special_fail(f, "lgamma has poles at 0, -1, -2, …: expected another argument", args);
	if (analytic && !special_is_real(args) && special_meets_left(args, 0))
		return special_undefined(out);
	if (special_is_real(args)) {
		lgamma_real(acb_realref(out), acb_realref(args), prec);
		arb_zero(acb_imagref(out));
	} else {
		acb_lgamma(out, args, prec);
	}
	return 0;
}

int special_digamma(acb_t out, acb_srcptr args, size_t n, bool analytic, slong prec, struct op_failure *f)
{
	(void)n, (void)analytic;
	if (special_is_pole(args))
		return special_fail(f, "digamma has poles at 0, -1, -2, …: expected another argument", args);
	acb_digamma(out, args, prec);
	return 0;
}

int special_beta(acb_t out, acb_srcptr args, size_t n, bool analytic, slong prec, struct op_failure *f)
{
	acb_t gamma;

	(void)n, (void)analytic;
	for (size_t i = 0; i < 2; i++)
		if (special_is_pole(args + i))
			return special_fail(f, "beta has poles at 0, -1, -2, …: expected other arguments", args + i);
	acb_init(gamma);
	acb_gamma(gamma, args, prec);
	acb_add(out, args, args + 1, prec);
	acb_rgamma(out, out, prec);
	acb_mul(out, out, gamma, prec);
	acb_gamma(gamma, args + 1, prec);
	acb_mul(out, out, gamma, prec);
	acb_clear(gamma);
	return 0;
}

/* P(a, x) = γ(a, x)/Γ(a), DLMF 8.2.4. */
int special_gammainc(acb_t out, acb_srcptr args, size_t n, bool analytic, slong prec, struct op_failure *f)
{
	acb_srcptr a = args, x = args + 1;

	(void)n;
	if (special_is_real(a) && arb_is_nonpositive(acb_realref(a)))
		return special_fail(f, "gammainc(a,x) expects a > 0", a);
	if (special_is_negative(x))
		return special_fail(f, "gammainc(a,x) expects x >= 0", x);
	if (analytic && !special_is_real(x) && !special_is_integer(a) && special_meets_left(x, 0))
		return special_undefined(out);
	if (special_is_real(a) && special_is_real(x) && arb_is_nonnegative(acb_realref(x))) {
		arb_hypgeom_gamma_lower(acb_realref(out), acb_realref(a), acb_realref(x), 1, prec);
		arb_zero(acb_imagref(out));
	} else {
		acb_hypgeom_gamma_lower(out, a, x, 1, prec);
	}
	return 0;
}

/* I_x(a, b), DLMF 8.17.2. Near 1 as 1 - I_{1-x}(b, a), where Arb's series would need many terms. */
int special_betainc(acb_t out, acb_srcptr args, size_t n, bool analytic, slong prec, struct op_failure *f)
{
	acb_srcptr a = args, b = args + 1, x = args + 2;
	bool real = special_is_real(a) && special_is_real(b) && special_is_real(x);
	acb_t rest;

	(void)n;
	for (size_t i = 0; i < 2; i++)
		if (special_is_real(args + i) && arb_is_nonpositive(acb_realref(args + i)))
			return special_fail(f, "betainc(a,b,x) expects a > 0 and b > 0", args + i);
	acb_init(rest);
	acb_sub_ui(rest, x, 1, prec);
	acb_neg(rest, rest);
	if (special_is_negative(x) || special_is_negative(rest)) {
		acb_clear(rest);
		return special_fail(f, "betainc(a,b,x) expects 0 <= x <= 1", x);
	}
	if (analytic && !special_is_real(x) && (special_meets_left(x, 0) || special_meets_right(x, 1))) {
		acb_indeterminate(out);
	} else if (arf_cmp_d(arb_midref(acb_realref(x)), 0.5) <= 0) {
		acb_hypgeom_beta_lower(out, a, b, x, 1, prec);
	} else {
		acb_hypgeom_beta_lower(out, b, a, rest, 1, prec);
		acb_sub_ui(out, out, 1, prec);
		acb_neg(out, out);
	}
	if (real && arb_is_nonnegative(acb_realref(x)) && arb_is_nonnegative(acb_realref(rest)))
		arb_zero(acb_imagref(out));
	acb_clear(rest);
	return 0;
}

/* ---- error function ---- */

int special_erf(acb_t out, acb_srcptr args, size_t n, bool analytic, slong prec, struct op_failure *f)
{
	(void)n, (void)analytic, (void)f;
	acb_hypgeom_erf(out, args, prec);
	return 0;
}

int special_erfc(acb_t out, acb_srcptr args, size_t n, bool analytic, slong prec, struct op_failure *f)
{
	(void)n, (void)analytic, (void)f;
	acb_hypgeom_erfc(out, args, prec);
	return 0;
}

int special_erfinv(acb_t out, acb_srcptr args, size_t n, bool analytic, slong prec, struct op_failure *f)
{
	arb_t one, size;
	bool outside;

	(void)n;
	if (!special_is_real(args))
		return analytic || arb_contains_zero(acb_imagref(args))
			   ? special_undefined(out)
			   : special_fail(f, "erfinv expects a real number between -1 and 1", args);
	arb_init(one);
	arb_init(size);
	arb_one(one);
	arb_abs(size, acb_realref(args));
	outside = arb_ge(size, one);
	arb_clear(one);
	arb_clear(size);
	if (outside)
		return special_fail(f, "erfinv expects a real number between -1 and 1, ends excluded", args);
	arb_hypgeom_erfinv(acb_realref(out), acb_realref(args), prec);
	arb_zero(acb_imagref(out));
	return 0;
}

/* F(x) = x M(1, 3/2, -x²), DLMF 7.5.1 with 13.6.5. */
int special_dawson(acb_t out, acb_srcptr args, size_t n, bool analytic, slong prec, struct op_failure *f)
{
	acb_t a, b, z;

	(void)n, (void)analytic, (void)f;
	acb_init(a);
	acb_init(b);
	acb_init(z);
	acb_one(a);
	acb_set_d(b, 1.5);
	acb_mul(z, args, args, prec);
	acb_neg(z, z);
	acb_hypgeom_m(z, a, b, z, 0, prec);
	acb_mul(out, z, args, prec);
	acb_clear(a);
	acb_clear(b);
	acb_clear(z);
	return 0;
}

/* ---- exponential integrals ---- */

int special_expint(acb_t out, acb_srcptr args, size_t n, bool analytic, slong prec, struct op_failure *f)
{
	acb_t one;

	(void)n;
	if (acb_is_zero(args))
		return special_fail(f, "expint is infinite at 0: expected another argument", args);
	if (analytic && special_meets_left(args, 0))
		return special_undefined(out);
	if (special_is_negative(args)) { /* -Ei(-x) - pi i, DLMF 6.5.1: each part as exact as it can be */
		arb_neg(acb_realref(out), acb_realref(args));
		arb_hypgeom_ei(acb_realref(out), acb_realref(out), prec);
		arb_neg(acb_realref(out), acb_realref(out));
		arb_const_pi(acb_imagref(out), prec);
		arb_neg(acb_imagref(out), acb_imagref(out));
		return 0;
	}
	acb_init(one);
	acb_one(one);
	acb_hypgeom_expint(out, one, args, prec);
	acb_clear(one);
	return 0;
}

int special_si(acb_t out, acb_srcptr args, size_t n, bool analytic, slong prec, struct op_failure *f)
{
	(void)n, (void)analytic, (void)f;
	acb_hypgeom_si(out, args, prec);
	return 0;
}

int special_ci(acb_t out, acb_srcptr args, size_t n, bool analytic, slong prec, struct op_failure *f)
{
	(void)n;
	if (acb_is_zero(args))
		return special_fail(f, "ci is infinite at 0: expected another argument", args);
	if (analytic && special_meets_left(args, 0))
		return special_undefined(out);
	acb_hypgeom_ci(out, args, prec);
	return 0;
}

/* ---- near 0 ---- */

int special_log1p(acb_t out, acb_srcptr args, size_t n, bool analytic, slong prec, struct op_failure *f)
{
	(void)n;
	if (acb_equal_si(args, -1))
		return special_fail(f, "log1p is infinite at -1: expected another argument", args);
	if (analytic && special_meets_left(args, -1))
		return special_undefined(out);
	acb_log1p(out, args, prec);
	return 0;
}

int special_expm1(acb_t out, acb_srcptr args, size_t n, bool analytic, slong prec, struct op_failure *f)
{
	(void)n, (void)analytic, (void)f;
	acb_expm1(out, args, prec);
	return 0;
}
