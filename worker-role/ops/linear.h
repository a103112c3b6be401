/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What the files of the linear algebra families have in common: the compute functions behind their tables, and the
 * reading of one or two matrices. Only in compute children. */
#ifndef SQUARE_LINEAR_H
#define SQUARE_LINEAR_H

#include "math/matrix.h"
#include "op.h"

/* The arguments from `first` on, exactly, when all of them are rational. */
struct linear_args {
	bool rational;
	size_t count;
	fmpq_mat_t m[2];
	double bits; /* of the largest entry */
};
/* Loads values 0..count-1; also on failure it has to be cleared. */
int linear_load(struct op_call *c, size_t count, struct linear_args *x, struct op_failure *f);
void linear_clear(struct linear_args *x);

/* ops/linear_product.c */
#define LINEAR_IDENTITY_MAX 700 /* rows: two bytes a cell keep the result below OP_RESULT_MAX */
int linear_matmul(struct op_call *c, struct buf *json, struct op_failure *f);
int linear_matadd(struct op_call *c, struct buf *json, struct op_failure *f);
int linear_transpose(struct op_call *c, struct buf *json, struct op_failure *f);
int linear_trace(struct op_call *c, struct buf *json, struct op_failure *f);
int linear_identity(struct op_call *c, struct buf *json, struct op_failure *f);
int linear_matpow(struct op_call *c, struct buf *json, struct op_failure *f);

/* ops/linear_elimination.c */
int linear_det(struct op_call *c, struct buf *json, struct op_failure *f);
int linear_inverse(struct op_call *c, struct buf *json, struct op_failure *f);
int linear_solve(struct op_call *c, struct buf *json, struct op_failure *f);
int linear_rank(struct op_call *c, struct buf *json, struct op_failure *f);
int linear_rref(struct op_call *c, struct buf *json, struct op_failure *f);
int linear_nullspace(struct op_call *c, struct buf *json, struct op_failure *f);
int linear_charpoly(struct op_call *c, struct buf *json, struct op_failure *f);
int linear_minpoly(struct op_call *c, struct buf *json, struct op_failure *f);

/* ops/linear_function.c */
int linear_norm(struct op_call *c, struct buf *json, struct op_failure *f);
int linear_cond(struct op_call *c, struct buf *json, struct op_failure *f);
int linear_expm(struct op_call *c, struct buf *json, struct op_failure *f);

/* ops/linear_root.c */
int linear_sqrtm(struct op_call *c, struct buf *json, struct op_failure *f);

extern const char *const linear_norm_kinds[];

#endif
