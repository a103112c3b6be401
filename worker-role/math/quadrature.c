/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "math/quadrature.h"

#include <stdlib.h>

#include "math/quadrature_ray.h"

#define SCAN_BITS 96L
#define SCAN_DEPTH 56
#define SCAN_EVALUATIONS 40000
#define WHOLE_BITS_MAX 300
#define REACH_INFINITE 3 /* log2 of where infinite ends begin, unless a node lies beyond */

/* ---- where it is singular ---- */

static bool is_finite_on(const struct univariate *u, const arb_t x, bool analytic)
{
	struct op_failure f;
	acb_t z, w;

	acb_init(z);
	acb_init(w);
	acb_set_arb(z, x);
	bool finite = univariate_ball(u, z, analytic, SCAN_BITS, w, &f) == 0 && acb_is_finite(w);
	acb_clear(z);
	acb_clear(w);
	return finite;
}

struct scan {
	const struct univariate *u;
	arb_struct found[QUADRATURE_BREAKS_MAX];
	size_t count;
	long evaluations;
	bool lost; /* too many */
};

/* Collects the narrow intervals in [low, high] on which no bound of the integrand is found; adjacent ones as one. */
static void scan(struct scan *s, const arb_t low, const arb_t high, int depth)
{
	arb_t x;

	if (s->lost)
		return;
	arb_init(x);
	arb_union(x, low, high, ARF_PREC_EXACT);
	if (s->evaluations++ > SCAN_EVALUATIONS) {
		s->lost = true;
	} else if (is_finite_on(s->u, x, false)) {
		/* bounded here */
	} else if (depth == SCAN_DEPTH) {
		if (s->count > 0 && arb_overlaps(&s->found[s->count - 1], x))
			arb_union(&s->found[s->count - 1], &s->found[s->count - 1], x, ARF_PREC_EXACT);
		else if (s->count < QUADRATURE_BREAKS_MAX)
			arb_set(&s->found[s->count++], x);
		else
			s->lost = true;
	} else {
		arb_add(x, low, high, ARF_PREC_EXACT);
		arb_mul_2exp_si(x, x, -1);
		scan(s, low, x, depth + 1);
		scan(s, x, high, depth + 1);
	}
	arb_clear(x);
}

/* The point meant by a narrow interval: its simplest rational, if the integrand is singular there indeed. */
static bool identify(const struct univariate *u, const arb_t x, struct quadrature_node *node)
{
	arb_t at;

	univariate_simplest(x, node->at.q);
	node->at.rational = true;
	arb_init(at);
	arb_set_fmpq(at, node->at.q, 4 * SCAN_BITS);
	bool singular = !is_finite_on(u, at, false);
	arb_clear(at);
	return singular;
}

/* ---- layout ---- */

static void node_init(struct quadrature_node *n)
{
	*n = (struct quadrature_node){ .singular = false };
	bound_init(&n->at);
	arb_init(n->reach);
}

static void node_clear(struct quadrature_node *n)
{
	bound_clear(&n->at);
	arb_clear(n->reach);
}

static void node_set_bound(struct quadrature_node *n, const struct bound *b)
{
	n->at.e = b->e;
	n->at.infinite = b->infinite;
	n->at.rational = b->rational;
	fmpq_set(n->at.q, b->q);
}

/* A finite end, or where the infinite part begins. */
static int node_edge(const struct quadrature_node *n, arb_t out, slong prec, struct op_failure *f)
{
	if (n->at.infinite == 0)
		return bound_arb(&n->at, out, prec, f);
	if (n->at.infinite > 0)
		arb_set(out, n->reach);
	else
		arb_neg(out, n->reach);
	return 0;
}

/* Infinite parts begin at a power of 2 well beyond all finite nodes. */
static int place_infinite_ends(struct quadrature *q, const struct bound *a, const struct bound *b, struct op_failure *f)
{
	arb_t x;
	slong e = REACH_INFINITE;
	int rc = 0;

	arb_init(x);
	if (a->infinite == 0)
		rc = bound_arb(a, x, 64, f);
	else if (b->infinite == 0)
		rc = bound_arb(b, x, 64, f);
	arb_abs(x, x);
	arb_mul_2exp_si(x, x, 1);
	while (rc == 0 && e < 64 && arf_cmp_2exp_si(arb_midref(x), e) > 0)
		e++;
	if (rc == 0 && e == 64)
		rc = op_fail(f, OP_INVALID_ARGUMENT, "expected a bound below 2^62 beside an infinite one");
	for (size_t i = 0; i < q->count; i++)
		if (q->node[i].at.infinite != 0) {
			arb_one(q->node[i].reach);
			arb_mul_2exp_si(q->node[i].reach, q->node[i].reach, e);
		}
	arb_clear(x);
	return rc;
}

/* Whether the integrand is singular at a finite end: not holomorphic there. */
static int look_at_end(struct quadrature *q, struct quadrature_node *n, const arb_t width, int inward,
		       struct op_failure *f)
{
	arb_t x, y;
	int rc;

	if (n->at.infinite != 0) {
		q->bounded = false;
		return 0;
	}
	arb_init(x);
	arb_init(y);
	rc = bound_arb(&n->at, x, 2 * SCAN_BITS, f);
	arb_mul_2exp_si(y, width, -SCAN_DEPTH);
	if (inward > 0)
		arb_add(y, x, y, 2 * SCAN_BITS);
	else
		arb_sub(y, x, y, 2 * SCAN_BITS);
	arb_union(x, x, y, 2 * SCAN_BITS);
	n->singular = !is_finite_on(q->u, x, true);
	q->bounded = q->bounded && is_finite_on(q->u, x, false);
	arb_clear(x);
	arb_clear(y);
	return rc;
}

/* The singular points between the ends become nodes. */
static int insert_breaks(struct quadrature *q, const struct scan *s, struct op_failure *f)
{
	struct quadrature_node end = q->node[1];

	if (s->lost)
		return op_fail(f, OP_DID_NOT_CONVERGE,
			       "no bound of the integrand is found on too large a part of the interval");
	q->count = 1;
	for (size_t i = 0; i < s->count; i++) {
		struct quadrature_node *n = &q->node[q->count++];
		q->bounded = false;
		node_init(n);
		if (!identify(q->u, &s->found[i], n)) {
			double near = arf_get_d(arb_midref(&s->found[i]), ARF_RND_NEAR);
			q->node[q->count++] = end;
			return op_fail(
			    f, OP_DID_NOT_CONVERGE,
			    "the integrand is singular near %.15g, at no simple fraction: divide the integral "
			    "there",
			    near);
		}
		n->singular = true;
		n->pole = q->principal;
	}
	q->node[q->count++] = end;
	return 0;
}

/* Finite ends of the part to scan: without the margin of singular ends. */
static int scan_between(struct quadrature *q, struct op_failure *f)
{
	struct scan s = { .u = q->u };
	arb_t low, high, margin;
	int rc;

	arb_init(low);
	arb_init(high);
	arb_init(margin);
	for (size_t i = 0; i < QUADRATURE_BREAKS_MAX; i++)
		arb_init(&s.found[i]);
	rc = node_edge(&q->node[0], low, SCAN_BITS, f) == 0 && node_edge(&q->node[1], high, SCAN_BITS, f) == 0 ? 0 : -1;
	arb_sub(margin, high, low, SCAN_BITS);
	if (rc == 0) {
		rc = look_at_end(q, &q->node[0], margin, 1, f) == 0 && look_at_end(q, &q->node[1], margin, -1, f) == 0
			 ? 0
			 : -1;
		arb_mul_2exp_si(margin, margin, -40);
		if (q->node[0].singular)
			arb_add(low, low, margin, SCAN_BITS);
		if (q->node[1].singular)
			arb_sub(high, high, margin, SCAN_BITS);
		mag_zero(arb_radref(low));
		mag_zero(arb_radref(high));
	}
	if (rc == 0) {
		scan(&s, low, high, 0);
		rc = insert_breaks(q, &s, f);
	}
	for (size_t i = 0; i < QUADRATURE_BREAKS_MAX; i++)
		arb_clear(&s.found[i]);
	arb_clear(low);
	arb_clear(high);
	arb_clear(margin);
	return rc;
}

/* How far a singular node is treated as such: at most a quarter of the way to its neighbours. */
static int place_reaches(struct quadrature *q, struct op_failure *f)
{
	arb_t a, b;
	fmpz_t e;
	int rc = 0;

	arb_init(a);
	arb_init(b);
	fmpz_init(e);
	for (size_t i = 0; i + 1 < q->count && rc == 0; i++) {
		rc = node_edge(&q->node[i], a, SCAN_BITS, f) == 0 && node_edge(&q->node[i + 1], b, SCAN_BITS, f) == 0
			 ? 0
			 : -1;
		arb_sub(a, b, a, SCAN_BITS);
		arf_abs_bound_lt_2exp_fmpz(e, arb_midref(a));
		slong reach = fmpz_get_si(e) - 3;
		for (size_t k = i; k <= i + 1; k++) {
			struct quadrature_node *n = &q->node[k];
			if (n->at.infinite != 0 || !n->singular ||
			    (!arb_is_zero(n->reach) && arf_cmpabs_2exp_si(arb_midref(n->reach), reach) <= 0))
				continue;
			arb_one(n->reach);
			arb_mul_2exp_si(n->reach, n->reach, reach);
		}
	}
	arb_clear(a);
	arb_clear(b);
	fmpz_clear(e);
	return rc;
}

int quadrature_init(struct quadrature *q, const struct univariate *u, const struct bound *a, const struct bound *b,
		    bool principal, struct op_failure *f)
{
	q->u = u;
	q->principal = principal;
	q->bounded = true;
	q->count = 2;
	node_init(&q->node[0]);
	node_init(&q->node[1]);
	node_set_bound(&q->node[0], a);
	node_set_bound(&q->node[1], b);
	if (place_infinite_ends(q, a, b, f) != 0 || scan_between(q, f) != 0)
		return -1;
	return place_reaches(q, f);
}

void quadrature_clear(struct quadrature *q)
{
	for (size_t i = 0; i < q->count; i++)
		node_clear(&q->node[i]);
}

/* ---- running ---- */

/* From node i to the next; without what is singular, unless `whole`. */
static int run_core(const struct quadrature *q, size_t i, bool whole, slong prec, arb_t out, struct op_failure *f)
{
	const struct quadrature_node *l = &q->node[i], *r = &q->node[i + 1];
	struct bound zero = { .rational = true };
	struct ray ray = { .u = q->u, .from = &zero, .side = 1 };
	arb_t a, b;
	int rc;

	arb_init(a);
	arb_init(b);
	rc = node_edge(l, a, prec + 30, f) == 0 && node_edge(r, b, prec + 30, f) == 0 ? 0 : -1;
	if (!whole && l->singular && l->at.infinite == 0)
		arb_add(a, a, l->reach, prec + 30);
	if (!whole && r->singular && r->at.infinite == 0)
		arb_sub(b, b, r->reach, prec + 30);
	fmpq_init(zero.q);
	if (rc == 0)
		rc = ray_core(&ray, a, b, prec, out, f);
	if (rc == 0 &&
	    (!arb_is_finite(out) || (mag_cmp_2exp_si(arb_radref(out), -20) > 0 && arb_rel_accuracy_bits(out) < 20)))
		rc = op_fail(f, OP_DID_NOT_CONVERGE, "the integrand varies too wildly to be integrated");
	fmpq_clear(zero.q);
	arb_clear(a);
	arb_clear(b);
	return rc;
}

/* What is singular around node i: towards its neighbours, from both sides at once for a principal value. */
static int run_node(const struct quadrature *q, size_t i, slong prec, arb_t out, struct op_failure *f)
{
	const struct quadrature_node *n = &q->node[i];
	struct ray ray = { .u = q->u, .from = &n->at };
	arb_t part;
	int rc = 0;

	arb_zero(out);
	if (n->at.infinite == 0 && !n->singular)
		return 0;
	arb_init(part);
	if (n->at.infinite != 0) {
		bool folded = q->principal && q->node[0].at.infinite != 0 && q->node[q->count - 1].at.infinite != 0;
		arb_t start;
		arb_init(start);
		rc = node_edge(n, start, prec, f);
		ray.from = NULL;
		ray.at = start;
		ray.side = n->at.infinite;
		ray.mirrored = folded;
		if (!folded || i > 0)
			rc = ray_infinite(&ray, prec, out, f);
		arb_clear(start);
	} else if (n->pole) {
		rc = ray_singular(&ray, n->reach, prec, out, f);
	} else {
		for (int side = -1; side <= 1 && rc == 0; side += 2) {
			if ((side < 0 && i == 0) || (side > 0 && i + 1 == q->count))
				continue;
			ray.side = side;
			rc = ray_singular(&ray, n->reach, prec, part, f);
			arb_add(out, out, part, prec + 30);
		}
	}
	arb_clear(part);
	return rc;
}

int quadrature_run(const struct quadrature *q, slong prec, arb_t out, struct op_failure *f)
{
	arb_t part;
	int rc = 0;

	/* A bounded integrand with algebraic ends can still be enclosed, if not to many digits. */
	if (q->bounded && prec <= WHOLE_BITS_MAX && run_core(q, 0, true, prec, out, f) == 0 &&
	    mag_cmp_2exp_si(arb_radref(out), 10 - prec) < 0)
		return 0;
	arb_init(part);
	arb_zero(out);
	for (size_t i = 0; i < q->count && rc == 0; i++) {
		rc = run_node(q, i, prec, part, f);
		arb_add(out, out, part, prec + 30);
		if (rc == 0 && i + 1 < q->count) {
			rc = run_core(q, i, false, prec, part, f);
			arb_add(out, out, part, prec + 30);
		}
	}
	arb_clear(part);
	return rc;
}

int quadrature_tail(const struct univariate *u, const arb_t a, slong prec, arb_t out, struct op_failure *f)
{
	struct ray ray = { .u = u, .at = a, .side = 1 };

	return ray_infinite(&ray, prec, out, f);
}
