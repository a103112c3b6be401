/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The term of a series taken apart: t(k) = scale R(k) s^k h(k), with R a rational function, s = 1 or -1, and h a
 * product of powers c^k, factorials and binomials of linear arguments, so that t(k+1)/t(k) is a constant times a
 * rational function of k (a hypergeometric term). Only in compute children. */
#ifndef SQUARE_HYPER_H
#define SQUARE_HYPER_H

#include "math/ratfun.h"

#define HYPER_CONSTANTS_MAX 16

struct hyper_constant {
	const struct expr *base; /* NULL: e */
	slong power;
};

struct hyper {
	const char *name;
	struct ratfun rational; /* R */
	struct ratfun ratio;    /* the rational part of h(k+1)/h(k) */
	bool alternating;       /* s = -1 */
	bool plain;             /* there is no h: t(k) = scale R(k) s^k */
	struct hyper_constant scale[HYPER_CONSTANTS_MAX], constant[HYPER_CONSTANTS_MAX]; /* constant: of h(k+1)/h(k) */
	size_t scales, constants;
};

/* Whether e is such a term in `name`. *h must be cleared in any case. h refers to e. */
bool hyper_init(struct hyper *h, const struct expr *e, const char *name);
void hyper_clear(struct hyper *h);
/* The constant factors of the term, and of the ratio of two terms (its sign left out). */
int hyper_scale(const struct hyper *h, slong prec, acb_t out, struct op_failure *f);
int hyper_constant(const struct hyper *h, slong prec, acb_t out, struct op_failure *f);
/* The rational part of t(k+1)/t(k), the alternation left out. */
void hyper_ratio(const struct hyper *h, struct ratfun *out);

#endif
