/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What the operations of the statistics family compute, exactly where the values are rational: the `compute` functions
 * of op_statistics.c, with its parameters. Only in compute children; one thread. */
#ifndef SQUARE_STATISTIC_H
#define SQUARE_STATISTIC_H

#include "op.h"

#define STATISTIC_BINS_MAX 10000
#define STATISTIC_BINS_DEFAULT 10

typedef int statistic_fn(struct op_call *c, struct buf *json, struct op_failure *f);

statistic_fn statistic_mean, statistic_median, statistic_mode, statistic_quantile;
statistic_fn statistic_variance, statistic_sd, statistic_skewness, statistic_kurtosis, statistic_autocorrelation;
statistic_fn statistic_mad, statistic_covariance, statistic_correlation;
statistic_fn statistic_geometric_mean, statistic_harmonic_mean, statistic_histogram, statistic_summary;

#endif
