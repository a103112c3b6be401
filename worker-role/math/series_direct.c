/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "math/series_direct.h"

#include <acb_hypgeom.h>
#include <string.h>

static void sec_series(acb_poly_t out, const acb_poly_t x, slong len, slong prec)
{
	acb_poly_cos_series(out, x, len, prec);
	acb_poly_inv_series(out, out, len, prec);
}

static void csc_series(acb_poly_t out, const acb_poly_t x, slong len, slong prec)
{
	acb_poly_sin_series(out, x, len, prec);
	acb_poly_inv_series(out, out, len, prec);
}

static void cot_series(acb_poly_t out, const acb_poly_t x, slong len, slong prec)
{
	acb_poly_t cosine;

	acb_poly_init(cosine);
	acb_poly_sin_cos_series(out, cosine, x, len, prec);
	acb_poly_div_series(out, cosine, out, len, prec);
	acb_poly_clear(cosine);
}

static void sech_series(acb_poly_t out, const acb_poly_t x, slong len, slong prec)
{
	acb_poly_cosh_series(out, x, len, prec);
	acb_poly_inv_series(out, out, len, prec);
}

static void csch_series(acb_poly_t out, const acb_poly_t x, slong len, slong prec)
{
	acb_poly_sinh_series(out, x, len, prec);
	acb_poly_inv_series(out, out, len, prec);
}

static void tanh_series(acb_poly_t out, const acb_poly_t x, slong len, slong prec)
{
	acb_poly_t cosine;

	acb_poly_init(cosine);
	acb_poly_sinh_cosh_series(out, cosine, x, len, prec);
	acb_poly_div_series(out, out, cosine, len, prec);
	acb_poly_clear(cosine);
}

static void coth_series(acb_poly_t out, const acb_poly_t x, slong len, slong prec)
{
	acb_poly_t cosine;

	acb_poly_init(cosine);
	acb_poly_sinh_cosh_series(out, cosine, x, len, prec);
	acb_poly_div_series(out, cosine, out, len, prec);
	acb_poly_clear(cosine);
}

static void zeta_series(acb_poly_t out, const acb_poly_t x, slong len, slong prec)
{
	acb_t one;

	acb_init(one);
	acb_one(one);
	acb_poly_zeta_series(out, x, one, 0, len, prec);
	acb_clear(one);
}

static void lambertw_series(acb_poly_t out, const acb_poly_t x, slong len, slong prec)
{
	fmpz_t branch;

	fmpz_init(branch);
	acb_poly_lambertw_series(out, x, branch, 0, len, prec);
	fmpz_clear(branch);
}

static void airy_ai_series(acb_poly_t out, const acb_poly_t x, slong len, slong prec)
{
	acb_hypgeom_airy_series(out, NULL, NULL, NULL, x, len, prec);
}

static void airy_bi_series(acb_poly_t out, const acb_poly_t x, slong len, slong prec)
{
	acb_hypgeom_airy_series(NULL, NULL, out, NULL, x, len, prec);
}

/* In Arb by the parameter m = k^2. */
static void ellipk_series(acb_poly_t out, const acb_poly_t x, slong len, slong prec)
{
	acb_poly_t m;

	acb_poly_init(m);
	acb_poly_mullow(m, x, x, len, prec);
	acb_poly_elliptic_k_series(out, m, len, prec);
	acb_poly_clear(m);
}

static const struct {
	const char *name;
	series_direct *series;
} direct[] = {
	{ "exp", acb_poly_exp_series },
	{ "log", acb_poly_log_series },
	{ "ln", acb_poly_log_series },
	{ "sqrt", acb_poly_sqrt_series },
	{ "sin", acb_poly_sin_series },
	{ "cos", acb_poly_cos_series },
	{ "tan", acb_poly_tan_series },
	{ "sec", sec_series },
	{ "csc", csc_series },
	{ "cot", cot_series },
	{ "atan", acb_poly_atan_series },
	{ "sinh", acb_poly_sinh_series },
	{ "cosh", acb_poly_cosh_series },
	{ "tanh", tanh_series },
	{ "sech", sech_series },
	{ "csch", csch_series },
	{ "coth", coth_series },
	{ "gamma", acb_poly_gamma_series },
	{ "lgamma", acb_poly_lgamma_series },
	{ "digamma", acb_poly_digamma_series },
	{ "zeta", zeta_series },
	{ "lambertw", lambertw_series },
	{ "erf", acb_hypgeom_erf_series },
	{ "erfc", acb_hypgeom_erfc_series },
	{ "si", acb_hypgeom_si_series },
	{ "ci", acb_hypgeom_ci_series },
	{ "airy_ai", airy_ai_series },
	{ "airy_bi", airy_bi_series },
	{ "ellipk", ellipk_series },
	{ "log1p", acb_poly_log1p_series },
};

series_direct *series_direct_find(const char *name)
{
	for (size_t i = 0; i < sizeof direct / sizeof *direct; i++)
		if (strcmp(direct[i].name, name) == 0)
			return direct[i].series;
	return NULL;
}
