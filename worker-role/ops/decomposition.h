/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The compute functions behind the table of the decompositions. Only in compute children. */
#ifndef SQUARE_DECOMPOSITION_H
#define SQUARE_DECOMPOSITION_H

#include <acb.h>
#include <stdbool.h>

#include "op.h"

/* ops/decomposition_spectral.c */
int decomposition_eigen(struct op_call *c, struct buf *json, struct op_failure *f);
/* Rows up to which irrational entries are worked on in balls: zeros among components take thousands of bits to tell. */
#define SPECTRAL_BALLS_MAX 10
/* Normalises to length 1 and a positive first component; false when that cannot be told from 0 yet. */
bool spectral_normalise_balls(acb_ptr v, slong n, slong prec);

/* ops/decomposition_singular.c */
int decomposition_svd(struct op_call *c, struct buf *json, struct op_failure *f);

/* ops/decomposition_triangular.c */
int decomposition_qr(struct op_call *c, struct buf *json, struct op_failure *f);
int decomposition_cholesky(struct op_call *c, struct buf *json, struct op_failure *f);

/* ops/decomposition_lu.c */
int decomposition_lu(struct op_call *c, struct buf *json, struct op_failure *f);

/* ops/decomposition_lstsq.c */
int decomposition_lstsq(struct op_call *c, struct buf *json, struct op_failure *f);

#endif
