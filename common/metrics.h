/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Counters, gauges and histograms. Each reactor (or other thread) owns a set and changes its values with relaxed
 * atomics, so that nobody waits for anybody; rendering sums equal names and labels over all sets. Registering takes a
 * lock and may happen at any time from any thread; keep the pointer and use that on the hot path. */
#ifndef SQUARE_METRICS_H
#define SQUARE_METRICS_H

#include <stddef.h>
#include <stdint.h>

#include "buf.h"

struct metrics;
struct metrics_value; /* one counter, gauge or histogram with its labels; lives as long as its set */

struct metrics *metrics_new(void); /* aborts when memory runs out, as registering does */
void metrics_free(struct metrics *m);

/* Bounds of a histogram in whole units, ascending, rendered divided by `scale`; the last bucket, +Inf, goes without
 * saying. The struct is borrowed for the life of the set. */
struct metrics_buckets {
	const uint64_t *bounds;
	size_t n; /* at most METRICS_BUCKETS_MAX */
	double scale;
};
#define METRICS_BUCKETS_MAX 32
extern const struct metrics_buckets metrics_seconds; /* 50 us to 60 s, observed in microseconds, rendered in seconds */
extern const struct metrics_buckets metrics_spans;   /* the same with fewer bounds: 100 us to 60 s */
extern const struct metrics_buckets metrics_sizes;   /* powers of two from 1 to 1,024 */

/* name, help: copied. Then labels, each as name and value (copied), and a NULL. The same name and labels again give the
 * same value; the same name must have the same type, and help and buckets are those of the first time. */
struct metrics_value *metrics_counter(struct metrics *m, const char *name, const char *help, ...)
    __attribute__((sentinel));
struct metrics_value *metrics_gauge(struct metrics *m, const char *name, const char *help, ...)
    __attribute__((sentinel));
struct metrics_value *metrics_histogram(struct metrics *m, const char *name, const char *help,
					const struct metrics_buckets *buckets, ...) __attribute__((sentinel));
/* A counter that is added to in microseconds and rendered in seconds. */
struct metrics_value *metrics_seconds_counter(struct metrics *m, const char *name, const char *help, ...)
    __attribute__((sentinel));

void metrics_add(struct metrics_value *v, int64_t n);         /* counter (n >= 0) or gauge */
void metrics_set(struct metrics_value *v, int64_t n);         /* gauge */
void metrics_reach(struct metrics_value *v, int64_t total);   /* counter that is kept elsewhere: what it is at now */
void metrics_observe(struct metrics_value *v, uint64_t seen); /* histogram, in the unit of its bounds */
int64_t metrics_get(const struct metrics_value *v);           /* counter, gauge; of a histogram how many were seen */

/* Appends the Prometheus text format (0.0.4) of all sets together, in the order of registration. */
void metrics_render(struct buf *out, struct metrics *const *sets, size_t n);

#endif
