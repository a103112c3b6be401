/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The search of a nonlinear fit in doubles: GSL's trust region methods, one after another. What they end at is for
 * nonlinear_fit.c to judge. */
#ifndef SQUARE_NONLINEAR_SEARCH_H
#define SQUARE_NONLINEAR_SEARCH_H

#include <stdbool.h>

#include "math/nonlinear_fit.h"

struct nonlinear_search;

/* NULL with *f: the model has no real value at the start, or no double form. fit is borrowed. */
struct nonlinear_search *nonlinear_search_new(struct nonlinear_fit *fit, struct op_failure *f);
/* Searches in the way-th manner, from fit->start to fit->at. False: there are no more ways. */
bool nonlinear_search_run(struct nonlinear_search *s, size_t way);
void nonlinear_search_free(struct nonlinear_search *s);

#endif
