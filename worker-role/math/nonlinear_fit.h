/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Nonlinear least squares. The minimum is approached in doubles (Levenberg-Marquardt, GSL's trust region methods), then
 * taken to any precision by Newton's method on the gradient, whose derivatives are those of the model's expression, and
 * proven by Krawczyk's interval test: inside the ball that comes out there is exactly one zero of the gradient
 * (Neumaier, Interval Methods for Systems of Equations, 1990, chapter 5). Only in compute children; one thread. */
#ifndef SQUARE_NONLINEAR_FIT_H
#define SQUARE_NONLINEAR_FIT_H

#include <arb_mat.h>
#include <stddef.h>

#include "math/expr.h"
#include "math/real.h"
#include "math/sample.h"

#define NONLINEAR_FIT_PARAMETERS_MAX 20
#define NONLINEAR_FIT_VALUES_MAX 10000

struct nonlinear_fit {
	const struct expr *model; /* borrowed */
	size_t n, k;              /* observations, parameters */
	const char **names;       /* x, b1, …, bk */
	struct expr **slope;      /* by each parameter */
	struct expr **bend;       /* by each pair of parameters, i <= j */
	struct sample x, y;
	double *start, *at; /* where the search begins and ended */
	arb_ptr root;       /* the best point so far */
	struct op_call *c;
};

/* x, y, start: the arguments to read. The failure points at what is wrong. 0, or -1 with *f and nothing to clear. */
int nonlinear_fit_init(struct nonlinear_fit *s, struct op_call *c, const struct expr *model, size_t x, size_t y,
		       size_t start, struct op_failure *f);
/* Comes near a minimum in doubles. did-not-converge when there is none to be found from this start. */
int nonlinear_fit_approach(struct nonlinear_fit *s, struct op_failure *f);
/* out: k parameters, k standard errors (if n > k), residual sum of squares; indeterminate where prec does not do. */
int nonlinear_fit_refine(struct nonlinear_fit *s, struct op_call *c, struct real *out, slong prec,
			 struct op_failure *f);
void nonlinear_fit_clear(struct nonlinear_fit *s);

#endif
