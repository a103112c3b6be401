/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Finite sum_series and product_series in parts (op.h, struct op_split): ranges of the index. Exact ones are rationals
 * that are put together; others are balls at the working precision that the whole begins with, and where that is not
 * enough for the digits, the whole is computed. What both are made of is in op_series.c. */
#ifndef SQUARE_SERIES_SPLIT_H
#define SQUARE_SERIES_SPLIT_H

#include "math/summation.h"
#include "op.h"

double series_split_weigh(struct op_call *c);
int series_split_plan_sum(struct op_call *c, struct op_plan *plan, struct op_failure *f);
int series_split_part_sum(struct op_call *c, const struct op_part *part, struct buf *json, struct op_failure *f);
int series_split_gather_sum(struct op_call *c, const struct json_t *results, struct buf *json, struct op_failure *f);
int series_split_plan_product(struct op_call *c, struct op_plan *plan, struct op_failure *f);
int series_split_part_product(struct op_call *c, const struct op_part *part, struct buf *json, struct op_failure *f);
int series_split_gather_product(struct op_call *c, const struct json_t *results, struct buf *json,
				struct op_failure *f);

/* ---- in op_series.c ---- */
/* The arguments. The term belongs to the call. */
int series_read(struct op_call *c, bool product, struct summation *s, struct op_failure *f);
/* Appends an exact value, or rounds it where the call asks for that. */
int series_put_rational(struct op_call *c, struct buf *json, const fmpq_t v, struct op_failure *f);

#endif
