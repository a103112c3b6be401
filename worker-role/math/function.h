/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The functions of numbers: one table line each, shared by expressions (sin(x) in a text) and by the operations of the
 * special functions. All are enclosures on Arb: the result contains f of every point of the arguments. */
#ifndef SQUARE_FUNCTION_H
#define SQUARE_FUNCTION_H

#include <acb.h>
#include <stdbool.h>
#include <stddef.h>

#include "op_failure.h"

struct function {
	const char *name;
	unsigned least, most; /* arguments */
	bool analytic;        /* holomorphic inside its domain, away from its cuts */
	/* Encloses f(args[0..n)). Real arguments for which f is real give an imaginary part of exactly 0. Indeterminate
	 * where prec does not suffice, and (if analytic is asked) on a cut. An argument that certainly lies outside the
	 * domain, or on a pole, fails (OP_DOMAIN_ERROR …); that needs a ball that proves it. */
	int (*ball)(acb_t out, acb_srcptr args, size_t n, bool analytic, slong prec, struct op_failure *f);
	double (*real)(const double *args, size_t n); /* NaN outside the domain; NULL: go by way of ball() */
};

const struct function *function_find(const char *name); /* NULL when there is none */
const struct function *function_at(size_t i);           /* NULL behind the last */

/* The tables: elementary functions (math/function_elementary.c), special functions (math/function_special.c);
 * each ends with a line without name. */
extern const struct function function_elementary[];
extern const struct function function_special[];

#endif
