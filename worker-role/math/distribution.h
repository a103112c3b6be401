/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Probability distributions as certified balls: density, both tails, quantiles; and the values that are rational, as
 * rationals. Each tail is computed for itself, so that none loses its digits when it is tiny. Only in compute children;
 * one thread.
 *
 * geometric and negative_binomial count failures, from 0, before the first and the r-th success; hypergeometric
 * [N, K, n] the successes among n drawn from N that hold K. Sources: Abramowitz and Stegun, chapter 26; DLMF 8.17 for
 * the incomplete beta function, 8.7 and 8.11 for the incomplete gamma functions. */
#ifndef SQUARE_DISTRIBUTION_H
#define SQUARE_DISTRIBUTION_H

#include <arb.h>
#include <flint/fmpq.h>
#include <stdbool.h>
#include <stddef.h>

#include "op_failure.h"

#define DISTRIBUTION_PARAMETERS 3
#define DISTRIBUTION_TERMS_MAX 10000000 /* of a sum of probabilities */

enum distribution_value { DISTRIBUTION_PDF, DISTRIBUTION_CDF, DISTRIBUTION_SF };

/* What a parameter has to be. */
enum distribution_rule {
	RULE_REAL,
	RULE_POSITIVE,
	RULE_NOT_NEGATIVE,
	RULE_PROBABILITY,          /* 0 to 1 */
	RULE_POSITIVE_PROBABILITY, /* above 0, to 1 */
	RULE_COUNT,                /* an integer from 0 on */
	RULE_PART,                 /* an integer from 0 to the first parameter */
	RULE_ABOVE                 /* above the parameter before it */
};

/* A missing end is infinite. An end is exact where the parameters are. */
struct support {
	bool has_lower, has_upper;
	arb_t lower, upper;
};

struct distribution {
	const char *name;
	size_t count; /* of parameters */
	const char *parameters[DISTRIBUTION_PARAMETERS];
	enum distribution_rule rules[DISTRIBUTION_PARAMETERS];
	double largest[DISTRIBUTION_PARAMETERS]; /* for which values still take less than a second; 0: any */
	bool discrete;
	/* At x inside the support (an integer if discrete); for the density, also on the ends: an exact infinity where
	 * it has a pole. */
	void (*value)(arb_t out, enum distribution_value what, arb_srcptr p, const arb_t x, slong prec);
	void (*support)(struct support *s, arb_srcptr p, slong prec); /* NULL: all reals */
	/* The value inside the support as a rational, if its parts have at most `digits` decimal digits: true. NULL:
	 * its values are not rational. */
	bool (*exact)(fmpq_t out, enum distribution_value what, const fmpq *p, const fmpq_t x, double digits);
	/* The x with lower (or, tail, upper) tail q, 0 < q < 1, as near as prec lets it be. NULL: discrete. */
	void (*quantile)(arb_t out, arb_srcptr p, const arb_t q, bool tail, slong prec);
};

extern const char *const distribution_names[]; /* ends with NULL */
const struct distribution *distribution_at(size_t i);

void support_init(struct support *s); /* all reals */
void support_clear(struct support *s);

/* The value at any x: a ball that overlaps an end of the support (or an integer, if discrete) without being it gives an
 * indeterminate result. A discrete density is 0 between integers, the tails there are those of the integer below. */
void distribution_value(arb_t out, const struct distribution *d, enum distribution_value what, arb_srcptr p,
			const arb_t x, slong prec);
/* The same of rationals, if it is rational and short enough. */
bool distribution_exact(fmpq_t out, const struct distribution *d, enum distribution_value what, const fmpq *p,
			const fmpq_t x, double digits);
/* The smallest integer k with cdf(k) >= q, 0 < q < 1, of a discrete distribution. rp, rq: the same as rationals, to
 * settle ties; NULL where they are none. 0, or -1 with *f. */
int distribution_quantile_integer(fmpz_t out, const struct distribution *d, arb_srcptr p, const arb_t q, const fmpq *rp,
				  const fmpq *rq, struct op_failure *f);

/* Upper tails that tests and regressions need. */
void distribution_t_tail(arb_t out, const arb_t t, const arb_t df, slong prec);
void distribution_f_tail(arb_t out, const arb_t x, const arb_t df1, const arb_t df2, slong prec);
void distribution_chi_square_tail(arb_t out, const arb_t x, const arb_t df, slong prec);

#endif
