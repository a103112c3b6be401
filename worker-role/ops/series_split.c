/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "ops/series_split.h"

#include <jansson.h>
#include <math.h>
#include <string.h>

#include "clock.h"
#include "exact_json.h"
#include "math/answer.h"
#include "number.h"

#define GUARD_BITS 40   /* beyond those of the digits: what the whole begins with */
#define TERM_NS 20000.0 /* that a term may take, for all that is known without reading it */
#define LEAST_TERMS 64  /* of a part */
#define PROBES 8

/* An index as a literal. False: it is none. */
static bool literal_index(struct op_call *c, size_t i, int64_t *out)
{
	const json_t *v = op_call_value(c, i)->any;
	struct number x;
	size_t n;
	const char *text = v ? exact_json_string(v, &n) : NULL;

	if (json_is_integer(v)) {
		*out = json_integer_value(v);
		return true;
	}
	if (!text || number_scan(text, n, &x) != 0)
		return false;
	int rc = number_int64(&x, out);
	number_fini(&x);
	return rc == 0;
}

double series_split_weigh(struct op_call *c)
{
	int64_t first, last;

	if (!literal_index(c, 2, &first) || !literal_index(c, 3, &last) || last <= first ||
	    (double)last - (double)first >= SUMMATION_TERMS_MAX)
		return 0;
	return ((double)last - (double)first) * TERM_NS;
}

/* Whether the parts are exact: as the whole tries it first, as far as a few terms tell. */
static bool is_exact(const struct summation *s)
{
	const slong at[] = { s->first, s->first + 1, s->first + 2, s->last - 1, s->last };
	struct op_failure f;
	bool exact = s->last - s->first < SUMMATION_EXACT_MAX;
	fmpq_t term;

	fmpq_init(term);
	for (size_t i = 0; exact && i < sizeof at / sizeof *at; i++)
		exact = summation_term_exact(s, at[i], term, &f) == 0;
	fmpq_clear(term);
	return exact;
}

static slong working_bits(const struct op_call *c)
{
	return certify_bits(c) + GUARD_BITS;
}

/* The time of a term, in ns, from a few here and there; less than 0: they have no values. */
static double probe(struct op_call *c, const struct summation *s, bool exact)
{
	struct summation one = *s;
	struct op_failure f;
	uint64_t began_us = clock_mono_us();
	fmpq_t q;
	arb_t v;
	int rc = 0;

	fmpq_init(q);
	arb_init(v);
	for (slong i = 0; i < PROBES && rc == 0; i++) {
		one.first = one.last = s->first + (s->last - s->first) / PROBES * i;
		rc =
		    exact ? summation_term_exact(&one, one.first, q, &f) : summation_ball(&one, working_bits(c), v, &f);
	}
	fmpq_clear(q);
	arb_clear(v);
	return rc ? -1 : (double)(clock_mono_us() - began_us) * 1e3 / PROBES;
}

static int plan(struct op_call *c, bool product, struct op_plan *out, struct op_failure *f)
{
	struct summation s;
	fmpq_t closed;

	if (series_read(c, product, &s, f) != 0)
		return -1;
	if (s.infinite || s.last - s.first < 2L * LEAST_TERMS || s.last - s.first >= SUMMATION_TERMS_MAX)
		return 0;
	fmpq_init(closed);
	bool is_closed = summation_closed(&s, closed);
	fmpq_clear(closed);
	if (is_closed)
		return 0;
	bool exact = is_exact(&s);
	double ns = exact || c->exact != 1 ? probe(c, &s, exact) : -1;
	if (ns >= 0)
		*out = (struct op_plan){ .units = (uint32_t)(s.last - s.first + 1),
					 .least = LEAST_TERMS,
					 .ns = ns * (double)(s.last - s.first + 1) };
	return 0;
}

int series_split_plan_sum(struct op_call *c, struct op_plan *out, struct op_failure *f)
{
	return plan(c, false, out, f);
}

int series_split_plan_product(struct op_call *c, struct op_plan *out, struct op_failure *f)
{
	return plan(c, true, out, f);
}

/* ---- a part: {"q": "p/q", in hexadecimal}, or {"b": a ball as arb_dump_str() writes it} ---- */

static int put_exact(const struct summation *s, struct buf *json, struct op_failure *f)
{
	fmpq_t v;

	fmpq_init(v);
	int rc = summation_exact(s, v, f);
	if (rc == 0) {
		char *text = fmpq_get_str(NULL, 16, v);
		buf_puts(json, "{\"q\":\"");
		buf_puts(json, text);
		buf_puts(json, "\"}");
		flint_free(text);
	}
	fmpq_clear(v);
	return rc;
}

static int put_ball(struct op_call *c, const struct summation *s, struct buf *json, struct op_failure *f)
{
	arb_t v;

	arb_init(v);
	int rc = summation_ball(s, working_bits(c), v, f);
	if (rc == 0) {
		char *text = arb_dump_str(v);
		buf_puts(json, "{\"b\":\"");
		buf_puts(json, text);
		buf_puts(json, "\"}");
		flint_free(text);
	}
	arb_clear(v);
	return rc;
}

static int part(struct op_call *c, bool product, const struct op_part *p, struct buf *json, struct op_failure *f)
{
	struct summation s;

	if (series_read(c, product, &s, f) != 0)
		return -1;
	if (s.infinite || s.last < s.first || (uint64_t)(s.last - s.first) + 1 != p->units)
		return op_fail(f, OP_INTERNAL_ERROR, "%s: expected another number of terms than %u", c->op->name,
			       p->units);
	bool exact = is_exact(&s);
	s.last = s.first + (slong)p->to - 1;
	s.first += (slong)p->from;
	return exact ? put_exact(&s, json, f) : put_ball(c, &s, json, f);
}

int series_split_part_sum(struct op_call *c, const struct op_part *p, struct buf *json, struct op_failure *f)
{
	return part(c, false, p, json, f);
}

int series_split_part_product(struct op_call *c, const struct op_part *p, struct buf *json, struct op_failure *f)
{
	return part(c, true, p, json, f);
}

/* ---- putting together ---- */

static int fail_results(struct op_call *c, struct op_failure *f)
{
	return op_fail(f, OP_INTERNAL_ERROR, "%s: the results of the parts do not fit together", c->op->name);
}

static bool read_exact(const json_t *results, size_t i, fmpq_t out)
{
	const char *text = json_string_value(json_object_get(json_array_get(results, i), "q"));

	if (!text || strspn(text, "-0123456789abcdef/") != strlen(text) || fmpq_set_str(out, text, 16) != 0 ||
	    fmpz_is_zero(fmpq_denref(out)))
		return false;
	fmpq_canonicalise(out);
	return true;
}

/* By halves, so that numbers of like size meet. */
static bool gather_exact(const json_t *results, size_t from, size_t to, bool product, fmpq_t out)
{
	size_t middle = from + (to - from) / 2;
	fmpq_t right;

	if (to - from == 1)
		return read_exact(results, from, out);
	fmpq_init(right);
	bool good =
	    gather_exact(results, from, middle, product, out) && gather_exact(results, middle, to, product, right);
	if (good && product)
		fmpq_mul(out, out, right);
	else if (good)
		fmpq_add(out, out, right);
	/* where the whole gives up exact values */
	good = good && fmpz_bits(fmpq_numref(out)) + fmpz_bits(fmpq_denref(out)) <= SUMMATION_BITS_MAX;
	fmpq_clear(right);
	return good;
}

struct balls {
	const json_t *results;
	bool product;
	unsigned asked;
};

static int gather_balls(struct op_call *c, acb_ptr out, size_t n, slong prec, void *arg, struct op_failure *f)
{
	struct balls *b = arg;
	arb_ptr sum = acb_realref(out);
	int rc = 0;
	arb_t v;

	(void)n;
	if (b->asked++)
		return op_fail(f, OP_DID_NOT_CONVERGE, "the digits need a higher working precision");
	arb_init(v);
	acb_zero(out);
	arb_set_si(sum, b->product);
	for (size_t i = 0; rc == 0 && i < json_array_size(b->results); i++) {
		const char *text = json_string_value(json_object_get(json_array_get(b->results, i), "b"));
		if (!text || arb_load_str(v, text) != 0)
			rc = fail_results(c, f);
		else if (b->product)
			arb_mul(sum, sum, v, prec + GUARD_BITS);
		else
			arb_add(sum, sum, v, prec + GUARD_BITS);
	}
	arb_clear(v);
	return rc == 0 ? univariate_check_size(sum, f) : rc;
}

static int gather(struct op_call *c, bool product, const json_t *results, struct buf *json, struct op_failure *f)
{
	size_t n = json_array_size(results);
	struct balls balls = { .results = results, .product = product };
	fmpq_t exact;
	int rc;

	if (!json_object_get(json_array_get(results, 0), "q"))
		return n && c->exact != 1 ? answer_certified(c, json, gather_balls, &balls, f) : fail_results(c, f);
	fmpq_init(exact);
	rc = gather_exact(results, 0, n, product, exact) ? series_put_rational(c, json, exact, f) : fail_results(c, f);
	fmpq_clear(exact);
	return rc;
}

int series_split_gather_sum(struct op_call *c, const struct json_t *results, struct buf *json, struct op_failure *f)
{
	return gather(c, false, results, json, f);
}

int series_split_gather_product(struct op_call *c, const struct json_t *results, struct buf *json, struct op_failure *f)
{
	return gather(c, true, results, json, f);
}
