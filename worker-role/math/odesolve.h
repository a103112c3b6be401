/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Initial value problems of ordinary differential equations in doubles: GSL's Prince-Dormand 8(9) pair, and where that
 * needs too many steps (a stiff system) the semi-implicit Bulirsch-Stoer method of Bader and Deuflhard, then variable
 * order BDF, with the Jacobian from symbolic derivatives. Only in compute children. */
#ifndef SQUARE_ODESOLVE_H
#define SQUARE_ODESOLVE_H

#include <stdbool.h>
#include <stddef.h>

#include "math/expr.h"

#define ODESOLVE_MAX 50 /* equations */

struct odesolve {
	size_t n;
	const char *names[ODESOLVE_MAX + 1]; /* t, then the unknowns */
	struct expr *equation[ODESOLVE_MAX];
	struct expr_code *code[ODESOLVE_MAX];
	struct expr_code *
	    *jacobian;             /* n rows of n + 1: by t, then by the unknowns; NULL until a stiff method wants it */
	bool no_jacobian;          /* some derivative is not known */
	double peak[ODESOLVE_MAX]; /* the largest absolute values of the last run */
	bool overflow;             /* the last run ended because a value grew beyond doubles */
	long evaluations;
};

/* names and equations are filled in by the caller (equations are taken, freed by odesolve_clear); this compiles them.
 */
int odesolve_prepare(struct odesolve *s, struct op_failure *f);
void odesolve_clear(struct odesolve *s);
/* From y at times[0] to each of times[1..count): out has count rows of n. eps: relative error for a step. 0, or -1
 * with *f. */
int odesolve_run(struct odesolve *s, const double *y0, const double *times, size_t count, double eps, double *out,
		 struct op_failure *f);

#endif
