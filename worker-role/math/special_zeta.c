/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Zeta and polylogarithms, Lambert's W, elliptic integrals and the mean behind them. */
#include <acb_dirichlet.h>
#include <acb_elliptic.h>

#include "math/special.h"

/* ---- zeta ---- */

int special_zeta(acb_t out, acb_srcptr args, size_t n, bool analytic, slong prec, struct op_failure *f)
{
	(void)n, (void)analytic;
	if (acb_is_one(args))
		return special_fail(f, "zeta has a pole at 1: expected another argument", args);
	acb_zeta(out, args, prec);
	return 0;
}

int special_zeta_zero(acb_t out, acb_srcptr args, size_t n, bool analytic, slong prec, struct op_failure *f)
{
	fmpz_t index;
	int rc = 0;

	(void)n;
	if (analytic)
		return special_undefined(out);
	if (!special_is_integer(args)) {
		if (acb_contains_int(args))
			return special_undefined(out);
		return special_fail(f, "zeta_zero(n) expects an integer n >= 1", args);
	}
	if (!arb_is_positive(acb_realref(args)))
		return special_fail(f, "zeta_zero(n) expects an integer n >= 1", args);
	fmpz_init(index);
	arb_get_unique_fmpz(index, acb_realref(args));
	if (fmpz_cmp_si(index, SPECIAL_ZETA_ZERO_MAX) > 0) {
		rc = op_fail_limit(f, SPECIAL_ZETA_ZERO_MAX, fmpz_get_d(index), "zeros", "The number of the zero");
	} else {
		acb_dirichlet_hardy_z_zero(acb_realref(out), index, prec);
		arb_zero(acb_imagref(out));
	}
	fmpz_clear(index);
	return rc;
}

int special_polylog(acb_t out, acb_srcptr args, size_t n, bool analytic, slong prec, struct op_failure *f)
{
	acb_srcptr s = args, x = args + 1;

	(void)n;
	if (acb_is_one(x)) {
		arb_t one;
		arb_init(one);
		arb_one(one);
		bool infinite = arb_le(acb_realref(s), one);
		arb_clear(one);
		if (infinite)
			return special_fail(f, "polylog(s,1) is infinite unless the real part of s is above 1", s);
		acb_zeta(out, s, prec);
		return 0;
	}
	if (analytic && special_meets_right(x, 1))
		return special_undefined(out);
	acb_polylog(out, s, x, prec);
	if (special_is_real(s) && special_is_real(x) && !special_meets_right(x, 1))
		arb_zero(acb_imagref(out));
	return 0;
}

/* |Cl2(t)| <= |t| (1 - log|t|) for |t| < 1: what is left when t cannot be told from 0. */
static void clausen_near_zero(arb_t out, const arb_t t)
{
	arb_t bound;

	arb_init(bound);
	arb_get_mag(arb_radref(bound), t);
	arf_set_mag(arb_midref(bound), arb_radref(bound));
	mag_zero(arb_radref(bound));
	arb_log(out, bound, MAG_BITS);
	arb_sub_ui(out, out, 1, MAG_BITS);
	arb_mul(out, out, bound, MAG_BITS);
	arb_get_mag(arb_radref(bound), out);
	arf_zero(arb_midref(bound));
	arb_swap(out, bound);
	arb_clear(bound);
}

/* t = x - 2 pi k with |t| <= about pi; k is chosen by the midpoint. */
static void clausen_reduce(acb_t t, acb_srcptr x, slong prec)
{
	arb_t turn;
	arf_t k;

	arb_init(turn);
	arf_init(k);
	arb_const_pi(turn, prec);
	arb_mul_2exp_si(turn, turn, 1);
	arb_div(acb_realref(t), acb_realref(x), turn, prec);
	arf_set_d(k, 0.5);
	arf_add(k, k, arb_midref(acb_realref(t)), ARF_PREC_EXACT, ARF_RND_DOWN);
	arf_floor(k, k);
	arb_mul_arf(turn, turn, k, prec);
	acb_sub_arb(t, x, turn, prec);
	arb_clear(turn);
	arf_clear(k);
}

/* Cl2(x) = Im Li2(e^(ix)) for real x. For complex ones the continuation of it from the interval between two multiples
 * of 2 pi, (Li2(e^(ix)) - Li2(e^(-ix))) / 2i. */
int special_clausen(acb_t out, acb_srcptr args, size_t n, bool analytic, slong prec, struct op_failure *f)
{
	acb_t t, z;

	(void)n, (void)f;
	if (acb_is_zero(args)) {
		acb_zero(out);
		return 0;
	}
	if (!acb_is_finite(args) || mag_cmp_2exp_si(arb_radref(acb_realref(args)), 1) > 0)
		return special_undefined(out);
	acb_init(t);
	acb_init(z);
	clausen_reduce(t, args, prec);
	if (arb_contains_zero(acb_realref(t))) {
		mag_t size;
		mag_init(size);
		acb_get_mag(size, t);
		acb_indeterminate(out);
		if (!analytic && special_is_real(t) && mag_cmp_2exp_si(size, -1) < 0) {
			clausen_near_zero(acb_realref(out), acb_realref(t));
			arb_zero(acb_imagref(out));
		}
		mag_clear(size);
	} else {
		acb_mul_onei(t, t);
		acb_exp(z, t, prec);
		acb_polylog_si(z, 2, z, prec);
		if (special_is_real(args)) {
			acb_set_arb(out, acb_imagref(z));
		} else {
			acb_neg(t, t);
			acb_exp(t, t, prec);
			acb_polylog_si(t, 2, t, prec);
			acb_sub(z, z, t, prec);
			acb_div_onei(z, z);
			acb_mul_2exp_si(out, z, -1);
		}
	}
	acb_clear(t);
	acb_clear(z);
	return 0;
}

/* ---- Lambert's W, the arithmetic-geometric mean, elliptic integrals ---- */

int special_lambertw(acb_t out, acb_srcptr args, size_t n, bool analytic, slong prec, struct op_failure *f)
{
	fmpz_t principal;
	arb_t branch;
	bool right;

	(void)n, (void)f;
	fmpz_init(principal);
	arb_init(branch);
	arb_set_si(branch, -1);
	arb_exp(branch, branch, prec);
	arb_neg(branch, branch);
	right = arb_gt(acb_realref(args), branch);
	if (analytic && !right && arb_contains_zero(acb_imagref(args)))
		acb_indeterminate(out);
	else
		acb_lambertw(out, args, principal, 0, prec);
	if (right && special_is_real(args))
		arb_zero(acb_imagref(out));
	fmpz_clear(principal);
	arb_clear(branch);
	return 0;
}

int special_agm(acb_t out, acb_srcptr args, size_t n, bool analytic, slong prec, struct op_failure *f)
{
	(void)n, (void)f;
	if (acb_eq(args, args + 1)) {
		acb_set(out, args);
		return 0;
	}
	if (analytic) {
		acb_t ratio;
		acb_init(ratio);
		acb_div(ratio, args, args + 1, prec);
		bool cut = !acb_is_finite(ratio) || special_meets_left(ratio, 0);
		acb_clear(ratio);
		if (cut)
			return special_undefined(out);
	}
	acb_agm(out, args, args + 1, prec);
	return 0;
}

typedef void elliptic(acb_t out, const acb_t m, slong prec);

/* The modulus k goes in, Arb wants the parameter m = k². */
static int elliptic_of(elliptic *fn, acb_t out, acb_srcptr k, bool analytic, slong prec)
{
	acb_t m;

	acb_init(m);
	acb_mul(m, k, k, prec);
	if (analytic && special_meets_right(m, 1))
		acb_indeterminate(out);
	else
		fn(out, m, prec);
	if (special_is_real(m) && !special_meets_right(m, 1))
		arb_zero(acb_imagref(out));
	acb_clear(m);
	return 0;
}

int special_ellipk(acb_t out, acb_srcptr args, size_t n, bool analytic, slong prec, struct op_failure *f)
{
	(void)n;
	if (acb_equal_si(args, 1) || acb_equal_si(args, -1))
		return special_fail(f, "ellipk is infinite at 1 and -1: expected another modulus", args);
	return elliptic_of(acb_elliptic_k, out, args, analytic, prec);
}

int special_ellipe(acb_t out, acb_srcptr args, size_t n, bool analytic, slong prec, struct op_failure *f)
{
	(void)n, (void)f;
	return elliptic_of(acb_elliptic_e, out, args, analytic, prec);
}
