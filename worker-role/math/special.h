/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The special functions one by one, for the table in function_special.c: enclosures by Arb, as math/function.h asks
 * for (special_<name>), and doubles for inner loops by libm and GSL (special_<name>_real). Conventions: DLMF's, with
 * principal values on the cuts; gammainc and betainc regularised; ellipk and ellipe of the modulus; lgamma of a
 * negative real is log|gamma|. Only in compute children. */
#ifndef SQUARE_SPECIAL_H
#define SQUARE_SPECIAL_H

#include <acb.h>
#include <stdbool.h>
#include <stddef.h>

#include "math/function.h"

/* ---- enclosures ---- */
typedef int special_ball(acb_t out, acb_srcptr args, size_t n, bool analytic, slong prec, struct op_failure *f);

/* special_gamma.c */
special_ball special_gamma, special_lgamma, special_digamma, special_beta, special_gammainc, special_betainc;
special_ball special_erf, special_erfc, special_erfinv, special_dawson, special_expint, special_si, special_ci;
special_ball special_log1p, special_expm1;
/* special_zeta.c */
special_ball special_zeta, special_zeta_zero, special_polylog, special_clausen, special_lambertw, special_agm;
special_ball special_ellipk, special_ellipe;
/* special_bessel.c */
special_ball special_bessel_j, special_bessel_y, special_bessel_i, special_bessel_k, special_airy_ai, special_airy_bi;

/* The zeros of zeta that special_zeta_zero() numbers. */
#define SPECIAL_ZETA_ZERO_MAX 1000000000

/* ---- doubles; NaN outside the domain ---- */
typedef double special_real(const double *args, size_t n);

special_real special_gamma_real, special_lgamma_real, special_digamma_real, special_beta_real, special_gammainc_real;
special_real special_betainc_real, special_erf_real, special_erfc_real, special_dawson_real, special_expint_real;
special_real special_si_real, special_ci_real, special_log1p_real, special_expm1_real, special_airy_ai_real;
special_real special_airy_bi_real, special_ellipk_real, special_ellipe_real, special_lambertw_real;
special_real special_clausen_real;

/* ---- what they share ---- */
bool special_is_real(acb_srcptr z);     /* its imaginary part is exactly 0 */
bool special_is_negative(acb_srcptr z); /* real and certainly < 0 */
bool special_is_integer(acb_srcptr z);  /* exactly */
bool special_is_pole(acb_srcptr z);     /* exactly 0, -1, -2, … */
/* It meets the real axis at or left of `end` (for cuts that go to minus infinity), or at or right of it. */
bool special_meets_left(acb_srcptr z, slong end);
bool special_meets_right(acb_srcptr z, slong end);
int special_undefined(acb_t out); /* indeterminate: more bits, or smaller balls, are needed; returns 0 */
/* OP_DOMAIN_ERROR: the sentence, and the value of z. Returns -1. */
int special_fail(struct op_failure *f, const char *sentence, acb_srcptr z);

#endif
