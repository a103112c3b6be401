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
	uint32_t hash; /* of the labels */
	char *labels;  /* rendered: `a="1",b="2"`, or "" */
	const struct metrics_buckets *buckets;
	struct metrics_value *next;
	_Atomic int64_t number;   /* of a counter or gauge */
	_Atomic uint64_t sum;     /* of a histogram, in its unit */
	_Atomic uint64_t slots[]; /* of a histogram: not cumulative, one for each bound and +Inf */
};

/* What has one name: one HELP, one TYPE, one set of bounds, those of its first registration. */
struct family {
	enum metrics_type type;
	char *name, *help;
	const struct metrics_buckets *buckets;
	double scale; /* of a counter: what one of its unit is in the unit of its name */
	struct metrics_value *first, **last;
	struct family *next;
};

/* Families and values are added at the end and never taken away, so they may be read while they grow if that is under
 * the lock; the values themselves are atomics and need none. */
struct metrics {
	pthread_mutex_t lock;
	struct family *first, **last;
};

#define COUNT(a) (sizeof(a) / sizeof(*(a)))
static const uint64_t second_bounds[] = {
	50,    100,    250,    500,    1000,    2500,    5000,    10000,    25000,
	50000, 100000, 250000, 500000, 1000000, 2500000, 5000000, 10000000, 60000000
};
const struct metrics_buckets metrics_seconds = { second_bounds, COUNT(second_bounds), 1e6 };
static const uint64_t span_bounds[] = { 100, 1000, 10000, 50000, 250000, 1000000, 5000000, 15000000, 60000000 };
const struct metrics_buckets metrics_spans = { span_bounds, COUNT(span_bounds), 1e6 };
static const uint64_t size_bounds[] = { 1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024 };
const struct metrics_buckets metrics_sizes = { size_bounds, COUNT(size_bounds), 1 };

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
	for (struct family *f = m->first, *next; f; f = next) {
		for (struct metrics_value *v = f->first, *after; v; v = after) {
			after = v->next;
			free(v->labels);
			free(v);
		}
		next = f->next;
		free(f->name);
		free(f->help);
		free(f);
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

/* ---- registering ---- */

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

static uint32_t hash_of(const char *s)
{
	uint32_t hash = 2166136261u;

	for (; *s; s++)
		hash = (hash ^ (unsigned char)*s) * 16777619u;
	return hash;
}

static struct family *find_family(const struct metrics *m, const char *name)
{
	struct family *f = m->first;

	while (f && strcmp(f->name, name) != 0)
		f = f->next;
	return f;
}

static struct metrics_value *find_value(const struct family *f, uint32_t hash, const char *labels)
{
	struct metrics_value *v = f->first;

	while (v && (v->hash != hash || strcmp(v->labels, labels) != 0))
		v = v->next;
	return v;
}

static struct family *add_family(struct metrics *m, const struct family *like)
{
	struct family *f = must_calloc(1, sizeof(*f));

	*f = *like;
	f->name = must_strdup(like->name);
	f->help = must_strdup(like->help);
	f->last = &f->first;
	*m->last = f;
	m->last = &f->next;
	return f;
}

/* like: the family that is meant, its texts borrowed. */
static struct metrics_value *add(struct metrics *m, const struct family *like, va_list ap)
{
	char *labels = render_labels(ap);
	uint32_t hash = hash_of(labels);

	assert(!like->buckets || like->buckets->n <= METRICS_BUCKETS_MAX);
	pthread_mutex_lock(&m->lock);
	struct family *f = find_family(m, like->name);
	if (!f)
		f = add_family(m, like);
	assert(f->type == like->type);
	struct metrics_value *v = find_value(f, hash, labels);
	if (v) {
		free(labels);
	} else {
		size_t slots = f->buckets ? f->buckets->n + 1 : 0;
		v = must_calloc(1, sizeof(*v) + slots * sizeof(v->slots[0]));
		v->type = f->type;
		v->hash = hash;
		v->labels = labels;
		v->buckets = f->buckets;
		*f->last = v;
		f->last = &v->next;
	}
	pthread_mutex_unlock(&m->lock);
	return v;
}

struct metrics_value *metrics_counter(struct metrics *m, const char *name, const char *help, ...)
{
	const struct family like = { .type = METRICS_COUNTER, .name = (char *)name, .help = (char *)help, .scale = 1 };
	va_list ap;

	va_start(ap, help);
	struct metrics_value *v = add(m, &like, ap);
	va_end(ap);
	return v;
}

struct metrics_value *metrics_seconds_counter(struct metrics *m, const char *name, const char *help, ...)
{
	const struct family like = {
		.type = METRICS_COUNTER, .name = (char *)name, .help = (char *)help, .scale = 1e6
	};
	va_list ap;

	va_start(ap, help);
	struct metrics_value *v = add(m, &like, ap);
	va_end(ap);
	return v;
}

struct metrics_value *metrics_gauge(struct metrics *m, const char *name, const char *help, ...)
{
	const struct family like = { .type = METRICS_GAUGE, .name = (char *)name, .help = (char *)help, .scale = 1 };
	va_list ap;

	va_start(ap, help);
	struct metrics_value *v = add(m, &like, ap);
	va_end(ap);
	return v;
}

struct metrics_value *metrics_histogram(struct metrics *m, const char *name, const char *help,
					const struct metrics_buckets *buckets, ...)
{
	const struct family like = {
		.type = METRICS_HISTOGRAM, .name = (char *)name, .help = (char *)help, .buckets = buckets, .scale = 1
	};
	va_list ap;

	va_start(ap, buckets);
	struct metrics_value *v = add(m, &like, ap);
	va_end(ap);
	return v;
}

/* ---- counting ---- */

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

void metrics_reach(struct metrics_value *v, int64_t total)
{
	assert(v->type == METRICS_COUNTER);
	atomic_store_explicit(&v->number, total, memory_order_relaxed);
}

void metrics_observe(struct metrics_value *v, uint64_t seen)
{
	size_t i = 0;

	assert(v->type == METRICS_HISTOGRAM);
	while (i < v->buckets->n && seen > v->buckets->bounds[i])
		i++;
	atomic_fetch_add_explicit(&v->slots[i], 1, memory_order_relaxed);
	atomic_fetch_add_explicit(&v->sum, seen, memory_order_relaxed);
}

int64_t metrics_get(const struct metrics_value *v)
{
	uint64_t seen = 0;

	if (v->type != METRICS_HISTOGRAM)
		return atomic_load_explicit(&v->number, memory_order_relaxed);
	for (size_t i = 0; i <= v->buckets->n; i++)
		seen += atomic_load_explicit(&v->slots[i], memory_order_relaxed);
	return (int64_t)seen;
}

/* ---- rendering ---- */

struct total {
	int64_t number;
	uint64_t sum;
	uint64_t slots[METRICS_BUCKETS_MAX + 1];
};

/* The families of one name in all sets; NULL where a set has none, or one of another kind. */
struct kin {
	const struct family *head;
	size_t n;
	const struct family **of;
};

static bool is_kin(const struct family *a, const struct family *b)
{
	return b && a->type == b->type && (!a->buckets || a->buckets->n == b->buckets->n);
}

/* What the labels of v come to over all sets. */
static void sum_up(const struct metrics_value *v, const struct kin *kin, struct total *t)
{
	*t = (struct total){ 0 };
	for (size_t i = 0; i < kin->n; i++) {
		const struct metrics_value *same = kin->of[i] ? find_value(kin->of[i], v->hash, v->labels) : NULL;
		if (!same)
			continue;
		t->number += atomic_load_explicit(&same->number, memory_order_relaxed);
		t->sum += atomic_load_explicit(&same->sum, memory_order_relaxed);
		for (size_t k = 0; v->buckets && k <= v->buckets->n; k++)
			t->slots[k] += atomic_load_explicit(&same->slots[k], memory_order_relaxed);
	}
}

static void put_histogram(struct buf *out, const char *name, const struct metrics_value *v, const struct total *t)
{
	const char *comma = *v->labels ? "," : "", *open = *v->labels ? "{" : "", *close = *v->labels ? "}" : "";
	uint64_t below = 0;

	/* The count is taken from the buckets, so that the two agree while another thread is counting. */
	for (size_t k = 0; k < v->buckets->n; k++) {
		below += t->slots[k];
		buf_printf(out, "%s_bucket{%s%sle=\"%.12g\"} %" PRIu64 "\n", name, v->labels, comma,
			   (double)v->buckets->bounds[k] / v->buckets->scale, below);
	}
	below += t->slots[v->buckets->n];
	buf_printf(out, "%s_bucket{%s%sle=\"+Inf\"} %" PRIu64 "\n", name, v->labels, comma, below);
	buf_printf(out, "%s_sum%s%s%s %.15g\n", name, open, v->labels, close, (double)t->sum / v->buckets->scale);
	buf_printf(out, "%s_count%s%s%s %" PRIu64 "\n", name, open, v->labels, close, below);
}

static void put_number(struct buf *out, const struct family *f, const struct metrics_value *v, int64_t number)
{
	const char *open = *v->labels ? "{" : "", *close = *v->labels ? "}" : "";

	if (f->scale != 1)
		buf_printf(out, "%s%s%s%s %.15g\n", f->name, open, v->labels, close, (double)number / f->scale);
	else
		buf_printf(out, "%s%s%s%s %" PRId64 "\n", f->name, open, v->labels, close, number);
}

static bool seen_before(const struct metrics_value *v, const struct kin *kin, size_t set)
{
	for (size_t i = 0; i < set; i++)
		if (kin->of[i] && find_value(kin->of[i], v->hash, v->labels))
			return true;
	return false;
}

/* All values of a name belong together, below one HELP and TYPE. */
static void put_family(struct buf *out, const struct kin *kin)
{
	static const char *const types[] = { "counter", "gauge", "histogram" };
	const struct family *head = kin->head;
	struct total t;

	buf_printf(out, "# HELP %s ", head->name);
	put_escaped(out, head->help, false);
	buf_printf(out, "\n# TYPE %s %s\n", head->name, types[head->type]);
	for (size_t i = 0; i < kin->n; i++) {
		for (const struct metrics_value *v = kin->of[i] ? kin->of[i]->first : NULL; v; v = v->next) {
			if (seen_before(v, kin, i))
				continue;
			sum_up(v, kin, &t);
			if (v->type == METRICS_HISTOGRAM)
				put_histogram(out, head->name, v, &t);
			else
				put_number(out, head, v, t.number);
		}
	}
}

void metrics_render(struct buf *out, struct metrics *const *sets, size_t n)
{
	struct kin kin = { .n = n, .of = must_calloc(n ? n : 1, sizeof(*kin.of)) };

	/* Always in the order of the array: two renderers of the same array cannot block each other for good. */
	for (size_t i = 0; i < n; i++)
		pthread_mutex_lock(&sets[i]->lock);
	for (size_t i = 0; i < n; i++) {
		for (const struct family *f = sets[i]->first; f; f = f->next) {
			bool first = true;
			for (size_t k = 0; k < n; k++) {
				const struct family *same = find_family(sets[k], f->name);
				first = first && (k >= i || !same);
				kin.of[k] = is_kin(f, same) ? same : NULL;
			}
			kin.head = f;
			if (first)
				put_family(out, &kin);
		}
	}
	for (size_t i = n; i-- > 0;)
		pthread_mutex_unlock(&sets[i]->lock);
	free(kin.of);
}
