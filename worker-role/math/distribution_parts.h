/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What the files distribution*.c share: the functions that the table of distributions is made of. */
#ifndef SQUARE_DISTRIBUTION_PARTS_H
#define SQUARE_DISTRIBUTION_PARTS_H

#include "math/distribution.h"

typedef void distribution_value_fn(arb_t out, enum distribution_value what, arb_srcptr p, const arb_t x, slong prec);
typedef bool distribution_exact_fn(fmpq_t out, enum distribution_value what, const fmpq *p, const fmpq_t x,
				   double digits);
typedef void distribution_quantile_fn(arb_t out, arb_srcptr p, const arb_t q, bool tail, slong prec);

/* distribution_continuous.c */
distribution_value_fn distribution_normal, distribution_student_t, distribution_chi_square, distribution_f,
    distribution_exponential, distribution_gamma, distribution_beta, distribution_uniform, distribution_weibull,
    distribution_lognormal, distribution_cauchy;
/* I_x(a,b), with y = 1-x; P(a,x) and Q(a,x). */
void distribution_ibeta(arb_t out, const arb_t a, const arb_t b, const arb_t x, const arb_t y, slong prec);
void distribution_igamma(arb_t out, const arb_t a, const arb_t x, bool upper, slong prec);

/* distribution_discrete.c */
distribution_value_fn distribution_binomial, distribution_poisson, distribution_geometric, distribution_hypergeometric,
    distribution_negative_binomial;
distribution_exact_fn distribution_uniform_exact, distribution_binomial_exact, distribution_geometric_exact,
    distribution_hypergeometric_exact, distribution_negative_binomial_exact;

/* distribution_quantile.c */
distribution_quantile_fn distribution_normal_quantile, distribution_student_t_quantile,
    distribution_chi_square_quantile, distribution_f_quantile, distribution_exponential_quantile,
    distribution_gamma_quantile, distribution_beta_quantile, distribution_uniform_quantile,
    distribution_weibull_quantile, distribution_lognormal_quantile, distribution_cauchy_quantile;

#endif
