/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Bessel and Airy functions. */
#include <acb_hypgeom.h>

#include "math/special.h"

/* ---- Bessel functions ---- */

typedef void bessel(acb_t out, const acb_t nu, const acb_t z, slong prec);

/* J and I at 0 (DLMF 10.2.2, 10.25.2): 1 for order 0, 0 for orders with a positive real part and for integers. */
static int bessel_at_zero(acb_t out, acb_srcptr nu, const char *infinite, struct op_failure *f)
{
	if (!special_is_integer(nu) && !arb_is_positive(acb_realref(nu))) {
		if (arb_contains_zero(acb_realref(nu)))
			return special_undefined(out);
		return special_fail(f, infinite, nu);
	}
	acb_set_si(out, acb_is_zero(nu));
	return 0;
}

/* J and I are real on the positive axis, and for integer order on the whole. On the negative one they are what they are
 * at -x, times exp(pi i nu) (DLMF 10.11.1, 10.34.1), whose parts are exactly 0 where they are 0. */
static int bessel_first(bessel *fn, acb_t out, acb_srcptr args, bool analytic, slong prec)
{
	acb_srcptr nu = args, x = args + 1;
	bool real_order = special_is_real(nu), integer = special_is_integer(nu);
	acb_t mirror;

	if (analytic && !integer && special_meets_left(x, 0))
		return special_undefined(out);
	if (real_order && !integer && special_is_negative(x)) {
		acb_init(mirror);
		acb_neg(mirror, x);
		fn(mirror, nu, mirror, prec);
		arb_zero(acb_imagref(mirror));
		acb_exp_pi_i(out, nu, prec);
		acb_mul(out, out, mirror, prec);
		acb_clear(mirror);
		return 0;
	}
	fn(out, nu, x, prec);
	if (real_order && special_is_real(x) && (integer || arb_is_nonnegative(acb_realref(x))))
		arb_zero(acb_imagref(out));
	return 0;
}

/* Y and K are real on the positive axis. */
static int bessel_second(bessel *fn, acb_t out, acb_srcptr args, bool analytic, slong prec)
{
	acb_srcptr nu = args, x = args + 1;

	if (analytic && special_meets_left(x, 0))
		return special_undefined(out);
	fn(out, nu, x, prec);
	if (special_is_real(nu) && special_is_real(x) && arb_is_positive(acb_realref(x)))
		arb_zero(acb_imagref(out));
	return 0;
}

int special_bessel_j(acb_t out, acb_srcptr args, size_t n, bool analytic, slong prec, struct op_failure *f)
{
	(void)n;
	if (acb_is_zero(args + 1))
		return bessel_at_zero(out, args, "bessel_j(n,0) is infinite unless n >= 0 or n is an integer", f);
	return bessel_first(acb_hypgeom_bessel_j, out, args, analytic, prec);
}

int special_bessel_i(acb_t out, acb_srcptr args, size_t n, bool analytic, slong prec, struct op_failure *f)
{
	(void)n;
	if (acb_is_zero(args + 1))
		return bessel_at_zero(out, args, "bessel_i(n,0) is infinite unless n >= 0 or n is an integer", f);
	return bessel_first(acb_hypgeom_bessel_i, out, args, analytic, prec);
}

int special_bessel_y(acb_t out, acb_srcptr args, size_t n, bool analytic, slong prec, struct op_failure *f)
{
	(void)n;
	if (acb_is_zero(args + 1))
		return special_fail(f, "bessel_y(n,x) is infinite at x = 0: expected another x", args + 1);
	return bessel_second(acb_hypgeom_bessel_y, out, args, analytic, prec);
}

int special_bessel_k(acb_t out, acb_srcptr args, size_t n, bool analytic, slong prec, struct op_failure *f)
{
	(void)n;
	if (acb_is_zero(args + 1))
		return special_fail(f, "bessel_k(n,x) is infinite at x = 0: expected another x", args + 1);
	return bessel_second(acb_hypgeom_bessel_k, out, args, analytic, prec);
}

/* ---- Airy functions ---- */

int special_airy_ai(acb_t out, acb_srcptr args, size_t n, bool analytic, slong prec, struct op_failure *f)
{
	(void)n, (void)analytic, (void)f;
	acb_hypgeom_airy(out, NULL, NULL, NULL, args, prec);
	return 0;
}

int special_airy_bi(acb_t out, acb_srcptr args, size_t n, bool analytic, slong prec, struct op_failure *f)
{
	(void)n, (void)analytic, (void)f;
	acb_hypgeom_airy(NULL, NULL, out, NULL, args, prec);
	return 0;
}
