/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Special functions in doubles, for quadrature, fits and differential equations: libm and GSL. GSL's error handler is
 * off (engines_init()), so that a failure is a status: NaN, but for underflow, whose value is as good as any. */
#include <gsl/gsl_errno.h>
#include <gsl/gsl_sf.h>
#include <math.h>

#include "math/special.h"

typedef int gsl_one(double x, gsl_sf_result *out);

static double result(int status, const gsl_sf_result *r)
{
	return status == GSL_SUCCESS || status == GSL_EUNDRFLW ? r->val : NAN;
}

static double by_gsl(gsl_one *fn, double x)
{
	gsl_sf_result r = { NAN, 0 };

	return result(fn(x, &r), &r);
}

double special_gamma_real(const double *args, size_t n)
{
	(void)n;
	return args[0] == 0 ? NAN : tgamma(args[0]);
}

double special_lgamma_real(const double *args, size_t n)
{
	int sign;

	(void)n;
	return lgamma_r(args[0], &sign);
}

double special_digamma_real(const double *args, size_t n)
{
	(void)n;
	return by_gsl(gsl_sf_psi_e, args[0]);
}

double special_beta_real(const double *args, size_t n)
{
	gsl_sf_result r = { NAN, 0 };

	(void)n;
	return result(gsl_sf_beta_e(args[0], args[1], &r), &r);
}

double special_gammainc_real(const double *args, size_t n)
{
	gsl_sf_result r = { NAN, 0 };

	(void)n;
	return args[0] > 0 ? result(gsl_sf_gamma_inc_P_e(args[0], args[1], &r), &r) : NAN;
}

double special_betainc_real(const double *args, size_t n)
{
	gsl_sf_result r = { NAN, 0 };

	(void)n;
	return args[0] > 0 && args[1] > 0 ? result(gsl_sf_beta_inc_e(args[0], args[1], args[2], &r), &r) : NAN;
}

double special_erf_real(const double *args, size_t n)
{
	(void)n;
	return erf(args[0]);
}

double special_erfc_real(const double *args, size_t n)
{
	(void)n;
	return erfc(args[0]);
}

double special_dawson_real(const double *args, size_t n)
{
	(void)n;
	return by_gsl(gsl_sf_dawson_e, args[0]);
}

double special_expint_real(const double *args, size_t n)
{
	(void)n;
	return args[0] > 0 ? by_gsl(gsl_sf_expint_E1_e, args[0]) : NAN; /* complex below */
}

double special_si_real(const double *args, size_t n)
{
	(void)n;
	return by_gsl(gsl_sf_Si_e, args[0]);
}

double special_ci_real(const double *args, size_t n)
{
	(void)n;
	return by_gsl(gsl_sf_Ci_e, args[0]);
}

double special_log1p_real(const double *args, size_t n)
{
	(void)n;
	return args[0] > -1 ? log1p(args[0]) : NAN;
}

double special_expm1_real(const double *args, size_t n)
{
	(void)n;
	return expm1(args[0]);
}

double special_airy_ai_real(const double *args, size_t n)
{
	gsl_sf_result r = { NAN, 0 };

	(void)n;
	return result(gsl_sf_airy_Ai_e(args[0], GSL_PREC_DOUBLE, &r), &r);
}

double special_airy_bi_real(const double *args, size_t n)
{
	gsl_sf_result r = { NAN, 0 };

	(void)n;
	return result(gsl_sf_airy_Bi_e(args[0], GSL_PREC_DOUBLE, &r), &r);
}

double special_ellipk_real(const double *args, size_t n)
{
	gsl_sf_result r = { NAN, 0 };

	(void)n;
	return fabs(args[0]) < 1 ? result(gsl_sf_ellint_Kcomp_e(args[0], GSL_PREC_DOUBLE, &r), &r) : NAN;
}

double special_ellipe_real(const double *args, size_t n)
{
	gsl_sf_result r = { NAN, 0 };

	(void)n;
	if (fabs(args[0]) == 1)
		return 1;
	return fabs(args[0]) < 1 ? result(gsl_sf_ellint_Ecomp_e(args[0], GSL_PREC_DOUBLE, &r), &r) : NAN;
}

double special_lambertw_real(const double *args, size_t n)
{
	(void)n;
	return by_gsl(gsl_sf_lambert_W0_e, args[0]);
}

double special_clausen_real(const double *args, size_t n)
{
	(void)n;
	return by_gsl(gsl_sf_clausen_e, args[0]);
}
