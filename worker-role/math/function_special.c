/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "math/function.h"

#include "math/special.h"

const struct function function_special[] = {
	{ "gamma", 1, 1, true, special_gamma, special_gamma_real },
	{ "lgamma", 1, 1, true, special_lgamma, special_lgamma_real },
	{ "digamma", 1, 1, true, special_digamma, special_digamma_real },
	{ "beta", 2, 2, true, special_beta, special_beta_real },
	{ "gammainc", 2, 2, true, special_gammainc, special_gammainc_real },
	{ "betainc", 3, 3, true, special_betainc, special_betainc_real },
	{ "erf", 1, 1, true, special_erf, special_erf_real },
	{ "erfc", 1, 1, true, special_erfc, special_erfc_real },
	{ "erfinv", 1, 1, false, special_erfinv, NULL },
	{ "zeta", 1, 1, true, special_zeta, NULL },
	{ "zeta_zero", 1, 1, false, special_zeta_zero, NULL },
	{ "bessel_j", 2, 2, true, special_bessel_j, NULL },
	{ "bessel_y", 2, 2, true, special_bessel_y, NULL },
	{ "bessel_i", 2, 2, true, special_bessel_i, NULL },
	{ "bessel_k", 2, 2, true, special_bessel_k, NULL },
	{ "airy_ai", 1, 1, true, special_airy_ai, special_airy_ai_real },
	{ "airy_bi", 1, 1, true, special_airy_bi, special_airy_bi_real },
	{ "ellipk", 1, 1, true, special_ellipk, special_ellipk_real },
	{ "ellipe", 1, 1, true, special_ellipe, special_ellipe_real },
	{ "polylog", 2, 2, true, special_polylog, NULL },
	{ "clausen", 1, 1, true, special_clausen, special_clausen_real },
	{ "dawson", 1, 1, true, special_dawson, special_dawson_real },
	{ "lambertw", 1, 1, true, special_lambertw, special_lambertw_real },
	{ "agm", 2, 2, true, special_agm, NULL },
	{ "expint", 1, 1, true, special_expint, special_expint_real },
	{ "si", 1, 1, true, special_si, special_si_real },
	{ "ci", 1, 1, true, special_ci, special_ci_real },
	{ "log1p", 1, 1, true, special_log1p, special_log1p_real },
	{ "expm1", 1, 1, true, special_expm1, special_expm1_real },
	{ NULL, 0, 0, false, NULL, NULL },
};
