/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What the tests of hypotheses compute: the `compute` functions of op_hypothesis.c, with its parameters. Only in
 * compute children; one thread. */
#ifndef SQUARE_HYPOTHESIS_H
#define SQUARE_HYPOTHESIS_H

#include "op.h"

#define HYPOTHESIS_GROUPS_MAX 1000

int hypothesis_ttest(struct op_call *c, struct buf *json, struct op_failure *f);
int hypothesis_chi2test(struct op_call *c, struct buf *json, struct op_failure *f);
int hypothesis_anova(struct op_call *c, struct buf *json, struct op_failure *f);

#endif
