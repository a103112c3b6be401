/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "metrics.h"

#include <assert.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <string.h>

#include "must.h"

enum metrics_type { METRICS_COUNTER, METRICS_GAUGE, METRICS_HISTOGRAM };

struct metrics_value {
	enum metrics_type type;
	char *name;
	char *help;
	char *labels; /* rendered: `a="1",b="2"`, or "" */
	const struct metrics_buckets *buckets;
	struct metrics_value *next;
	_Atomic int64_t number;   /* of a histogram: how many were seen */
	_Atomic uint64_t sum;     /* of a histogram, in its unit */
	_Atomic uint64_t slots[]; /* of a histogram: not cumulative, one for each bound and +Inf */
};

/* Values are added at the end and never taken away, so the list may be read while it grows if that is under the lock;
 * the values themselves are atomics and need none. */
struct metrics {
	pthread_mutex_t lock;
	struct metrics_value *first, **last;
};

static const uint64_t second_bounds[] = {
	50,    100,    250,    500,    1000,    2500,    5000,    10000,    25000,
	50000, 100000, 250000, 500000, 1000000, 2500000, 5000000, 10000000, 60000000
};
const struct metrics_buckets metrics_seconds = { second_bounds, sizeof(second_bounds) / sizeof(*second_bounds), 1e6 };

struct metrics *metrics_new(void)
{
	struct metrics *m = must_calloc(1, sizeof(*m));

	pthread_mutex_init(&m->lock, NULL);
	m->last = &m->first;
	return m;
}

void metrics_free(struct metrics *m)
{
	if (!m)
		return;
	for (struct metrics_value *v = m->first, *next; v; v = next) {
		next = v->next;
		free(v->name);
		free(v->help);
		free(v->labels);
		free(v);
	}
	pthread_mutex_destroy(&m->lock);
	free(m);
}

/* As the text format wants it: backslash and newline are escaped, in label values the quote too. */
static void put_escaped(struct buf *out, const char *s, bool quote)
{
	for (; *s; s++) {
		if (*s == '\n')
			buf_puts(out, "\\n");
		else if (*s == '\\' || (quote && *s == '"'))
			buf_printf(out, "\\%c", *s);
		else
			buf_byte(out, *s);
	}
}

static char *render_labels(va_list ap)
{
	struct buf out = BUF_INIT;
	const char *name;

	while ((name = va_arg(ap, const char *))) {
		const char *value = va_arg(ap, const char *);
		buf_printf(&out, "%s%s=\"", out.len ? "," : "", name);
		put_escaped(&out, value, true);
		buf_byte(&out, '"');
	}
	char *labels = buf_take(&out, NULL);
	if (!labels)
		abort();
	return labels;
}

static struct metrics_value *find(const struct metrics *m, const char *name, const char *labels)
{
	struct metrics_value *v = m->first;

	while (v && (strcmp(v->name, name) != 0 || (labels && strcmp(v->labels, labels) != 0)))
		v = v->next;
	return v;
}

static struct metrics_value *add(struct metrics *m, enum metrics_type type, const char *name, const char *help,
				 const struct metrics_buckets *buckets, va_list ap)
{
	char *labels = render_labels(ap);
	size_t slots = buckets ? buckets->n + 1 : 0;

	assert(slots <= METRICS_BUCKETS_MAX + 1);
	pthread_mutex_lock(&m->lock);
	struct metrics_value *v = find(m, name, labels), *same = find(m, name, NULL);
	assert(!same || same->type == type);
	if (v) {
		free(labels);
	} else {
		/* A name has one help and one set of bounds, those of its first registration. */
		if (same && buckets) {
			buckets = same->buckets;
			slots = buckets->n + 1;
		}
		v = must_calloc(1, sizeof(*v) + slots * sizeof(v->slots[0]));
		v->type = type;
		v->name = must_strdup(name);
		v->help = must_strdup(help);
		v->labels = labels;
		v->buckets = buckets;
		*m->last = v;
		m->last = &v->next;
	}
	pthread_mutex_unlock(&m->lock);
	return v;
}

struct metrics_value *metrics_counter(struct metrics *m, const char *name, const char *help, ...)
{
	va_list ap;

	va_start(ap, help);
	struct metrics_value *v = add(m, METRICS_COUNTER, name, help, NULL, ap);
	va_end(ap);
	return v;
}

struct metrics_value *metrics_gauge(struct metrics *m, const char *name, const char *help, ...)
{
	va_list ap;

	va_start(ap, help);
	struct metrics_value *v = add(m, METRICS_GAUGE, name, help, NULL, ap);
	va_end(ap);
	return v;
}

struct metrics_value *metrics_histogram(struct metrics *m, const char *name, const char *help,
					const struct metrics_buckets *buckets, ...)
{
	va_list ap;

	va_start(ap, buckets);
	struct metrics_value *v = add(m, METRICS_HISTOGRAM, name, help, buckets, ap);
	va_end(ap);
	return v;
}

void metrics_add(struct metrics_value *v, int64_t n)
{
	assert(v->type == METRICS_GAUGE || (v->type == METRICS_COUNTER && n >= 0));
	atomic_fetch_add_explicit(&v->number, n, memory_order_relaxed);
}

void metrics_set(struct metrics_value *v, int64_t n)
{
	assert(v->type == METRICS_GAUGE);
	atomic_store_explicit(&v->number, n, memory_order_relaxed);
}

void metrics_observe(struct metrics_value *v, uint64_t seen)
{
	size_t i = 0;

	assert(v->type == METRICS_HISTOGRAM);
	while (i < v->buckets->n && seen > v->buckets->bounds[i])
		i++;
	atomic_fetch_add_explicit(&v->slots[i], 1, memory_order_relaxed);
	atomic_fetch_add_explicit(&v->sum, seen, memory_order_relaxed);
	atomic_fetch_add_explicit(&v->number, 1, memory_order_relaxed);
}

int64_t metrics_get(const struct metrics_value *v)
{
	return atomic_load_explicit(&v->number, memory_order_relaxed);
}

/* ---- rendering ---- */

struct total {
	int64_t number;
	uint64_t sum;
	uint64_t slots[METRICS_BUCKETS_MAX + 1];
};

/* What name and labels of v come to over all sets. */
static void sum_up(const struct metrics_value *v, struct metrics *const *sets, size_t n, struct total *t)
{
	*t = (struct total){ 0 };
	for (size_t i = 0; i < n; i++) {
		const struct metrics_value *same = find(sets[i], v->name, v->labels);
		if (!same || same->type != v->type || (v->buckets && same->buckets->n != v->buckets->n))
			continue;
		t->number += metrics_get(same);
		t->sum += atomic_load_explicit(&same->sum, memory_order_relaxed);
		for (size_t k = 0; v->buckets && k <= v->buckets->n; k++)
			t->slots[k] += atomic_load_explicit(&same->slots[k], memory_order_relaxed);
	}
}

static void put_histogram(struct buf *out, const struct metrics_value *v, const struct total *t)
{
	const char *comma = *v->labels ? "," : "", *open = *v->labels ? "{" : "", *close = *v->labels ? "}" : "";
	uint64_t below = 0;

	/* The count is taken from the buckets, so that the two agree while another thread is counting. */
	for (size_t k = 0; k < v->buckets->n; k++) {
		below += t->slots[k];
		buf_printf(out, "%s_bucket{%s%sle=\"%.12g\"} %" PRIu64 "\n", v->name, v->labels, comma,
			   (double)v->buckets->bounds[k] / v->buckets->scale, below);
	}
	below += t->slots[v->buckets->n];
	buf_printf(out, "%s_bucket{%s%sle=\"+Inf\"} %" PRIu64 "\n", v->name, v->labels, comma, below);
	buf_printf(out, "%s_sum%s%s%s %.15g\n", v->name, open, v->labels, close, (double)t->sum / v->buckets->scale);
	buf_printf(out, "%s_count%s%s%s %" PRIu64 "\n", v->name, open, v->labels, close, below);
}

/* Is v the first of its name, and of its name and labels, in sets[0..set]? */
static bool is_first(const struct metrics_value *v, struct metrics *const *sets, size_t set, const char *labels)
{
	for (size_t i = 0; i < set; i++)
		if (find(sets[i], v->name, labels))
			return false;
	return find(sets[set], v->name, labels) == v;
}

/* All values of a name belong together, below one HELP and TYPE. */
static void put_family(struct buf *out, const struct metrics_value *head, struct metrics *const *sets, size_t n)
{
	static const char *const types[] = { "counter", "gauge", "histogram" };
	struct total t;

	buf_printf(out, "# HELP %s ", head->name);
	put_escaped(out, head->help, false);
	buf_printf(out, "\n# TYPE %s %s\n", head->name, types[head->type]);
	for (size_t i = 0; i < n; i++) {
		for (const struct metrics_value *v = sets[i]->first; v; v = v->next) {
			if (strcmp(v->name, head->name) != 0 || v->type != head->type ||
			    !is_first(v, sets, i, v->labels))
				continue;
			sum_up(v, sets, n, &t);
			if (v->type == METRICS_HISTOGRAM)
				put_histogram(out, v, &t);
			else
				buf_printf(out, "%s%s%s%s %" PRId64 "\n", v->name, *v->labels ? "{" : "", v->labels,
					   *v->labels ? "}" : "", t.number);
		}
	}
}

void metrics_render(struct buf *out, struct metrics *const *sets, size_t n)
{
	/* Always in the order of the array: two renderers of the same array cannot block each other for good. */
	for (size_t i = 0; i < n; i++)
		pthread_mutex_lock(&sets[i]->lock);
	for (size_t i = 0; i < n; i++)
		for (const struct metrics_value *v = sets[i]->first; v; v = v->next)
			if (is_first(v, sets, i, NULL))
				put_family(out, v, sets, n);
	for (size_t i = n; i-- > 0;)
		pthread_mutex_unlock(&sets[i]->lock);
}
