/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The principal square root of a matrix: the polynomial in it that interpolates sqrt on its spectrum (Higham, Functions
 * of Matrices, 2008, 1.2.2). For rational matrices the spectrum, and how often each eigenvalue is a root of the minimal
 * polynomial, is known exactly. */
#include <math.h>
#include <stdlib.h>

#include "math/singular.h"
#include "math/spectrum.h"
#include "ops/linear.h"

/* sqrt(a) as Newton's interpolation polynomial on nodes (equal ones next to each other), where confluent divided
 * differences are derivatives: f[x,...,x] (k+1 times) = f^(k)(x)/k! = binomial(1/2, k) x^(1/2-k). */
static void newton_sqrt(acb_mat_t out, const acb_mat_t a, acb_srcptr nodes, const slong *group, slong count, slong prec)
{
	slong n = acb_mat_nrows(a);
	acb_ptr table = _acb_vec_init(count);
	acb_mat_t shifted;
	acb_t t, power;

	acb_init(t);
	acb_init(power);
	acb_mat_init(shifted, n, n);
	for (slong i = 0; i < count; i++)
		acb_sqrt(table + i, nodes + i, prec);
	for (slong k = 1; k < count; k++)
		for (slong i = count - 1; i >= k; i--) {
			if (group[i] != group[i - k]) {
				acb_sub(t, nodes + i, nodes + i - k, prec);
				acb_sub(table + i, table + i, table + i - 1, prec);
				acb_div(table + i, table + i, t, prec);
				continue;
			}
			acb_sqrt(table + i, nodes + i, prec);
			acb_pow_ui(power, nodes + i, (ulong)k, prec);
			acb_div(table + i, table + i, power, prec);
			for (slong j = 0; j < k; j++) {
				acb_mul_si(table + i, table + i, 1 - 2 * j, prec);
				acb_div_si(table + i, table + i, 2 * (j + 1), prec);
			}
		}
	acb_mat_zero(out);
	for (slong k = count - 1; k >= 0; k--) { /* Horner's rule */
		acb_mat_set(shifted, a);
		for (slong i = 0; i < n; i++)
			acb_sub(acb_mat_entry(shifted, i, i), acb_mat_entry(shifted, i, i), nodes + k, prec);
		acb_mat_mul(out, out, shifted, prec);
		for (slong i = 0; i < n; i++)
			acb_add(acb_mat_entry(out, i, i), acb_mat_entry(out, i, i), table + k, prec);
	}
	acb_clear(t);
	acb_clear(power);
	acb_mat_clear(shifted);
	_acb_vec_clear(table, count);
}

static void drop_imaginary(acb_mat_t x)
{
	for (slong i = 0; i < acb_mat_nrows(x); i++)
		for (slong j = 0; j < acb_mat_ncols(x); j++)
			arb_zero(acb_imagref(acb_mat_entry(x, i, j)));
}

/* Whether some value is on the cut of the square root. */
static bool has_negative(acb_srcptr values, slong n)
{
	for (slong i = 0; i < n; i++)
		if (arb_contains_zero(acb_imagref(values + i)) && !arb_is_nonnegative(acb_realref(values + i)))
			return true;
	return false;
}

struct sqrtm_args {
	const struct spectrum *s; /* of the matrix, to know its eigenvalues; */
	const slong *nodes;       /* nodes[i]: how often the roots of factor i are roots of the minimal polynomial */
	bool real;                /* no eigenvalue is negative: then the principal root of a real matrix is real */
};

static int sqrtm_balls(struct op_call *c, acb_ptr out, size_t n, slong prec, void *arg, struct op_failure *f)
{
	const struct sqrtm_args *q = arg;
	struct spectrum_value *v = spectrum_values(q->s, prec);
	slong size = q->s->n, count = 0, *group = flint_malloc((size_t)size * sizeof *group);
	acb_ptr nodes = _acb_vec_init(size);
	acb_mat_t a, x;
	int rc = arg_acb_mat(c, 0, a, prec, f);

	(void)n;
	acb_mat_init(x, size, size);
	for (slong i = 0, current = -1; i < size; i++) {
		current += v[i].copy == 0;
		if (v[i].copy >= q->nodes[v[i].factor - q->s->factors])
			continue;
		acb_set(nodes + count, v[i].value);
		group[count++] = current;
	}
	if (rc == 0) {
		newton_sqrt(x, a, nodes, group, count, prec);
		if (q->real)
			drop_imaginary(x);
		matrix_leaves(out, x);
	}
	acb_mat_clear(a);
	acb_mat_clear(x);
	_acb_vec_clear(nodes, size);
	flint_free(group);
	spectrum_values_free(v, size);
	return rc;
}

#define RATIONAL_PREC 1024

/* The simplest rational number in x. */
static void simplest(fmpq_t out, const arb_t x)
{
	arf_t low, high;
	fmpq_t a, b;

	arf_init(low);
	arf_init(high);
	fmpq_init(a);
	fmpq_init(b);
	arb_get_lbound_arf(low, x, RATIONAL_PREC);
	arb_get_ubound_arf(high, x, RATIONAL_PREC);
	arf_get_fmpq(a, low);
	arf_get_fmpq(b, high);
	fmpq_simplest_between(out, a, b);
	arf_clear(low);
	arf_clear(high);
	fmpq_clear(a);
	fmpq_clear(b);
}

/* exact: true. Guesses rational entries from the certified ones; their square proves the guess. */
static int sqrtm_put_rational(struct op_call *c, struct buf *json, const fmpq_mat_t a, struct sqrtm_args *q,
			      struct op_failure *f)
{
	slong n = fmpq_mat_nrows(a);
	acb_ptr leaves = _acb_vec_init(n * n);
	fmpq_mat_t root, square;
	int rc = sqrtm_balls(c, leaves, (size_t)(n * n), RATIONAL_PREC, q, f);

	fmpq_mat_init(root, n, n);
	fmpq_mat_init(square, n, n);
	bool real = rc == 0;
	for (slong i = 0; real && i < n * n; i++) {
		real = acb_is_finite(leaves + i) && acb_is_real(leaves + i);
		if (real)
			simplest(fmpq_mat_entry(root, i / n, i % n), acb_realref(leaves + i));
	}
	fmpq_mat_mul(square, root, root);
	if (rc == 0)
		rc = real && fmpq_mat_equal(square, a) ? answer_fmpq_mat(json, root, f) : matrix_fail_irrational(c, f);
	fmpq_mat_clear(root);
	fmpq_mat_clear(square);
	_acb_vec_clear(leaves, n * n);
	return rc;
}

/* How often p divides m. */
static slong multiplicity_in(const fmpz_poly_t p, const fmpq_poly_t minimal, const fmpz_t scale)
{
	fmpq_poly_t m, d, q, r;
	fmpq_t s;
	slong k = -1;

	fmpq_poly_init(m);
	fmpq_poly_init(d);
	fmpq_poly_init(q);
	fmpq_poly_init(r);
	fmpq_init(s);
	fmpq_poly_set(m, minimal);
	fmpq_poly_set_fmpz_poly(d, p);
	fmpq_set_fmpz(s, scale);
	fmpq_poly_rescale(d, d, s); /* its roots are the eigenvalues now */
	do {
		fmpq_poly_divrem(q, r, m, d);
		fmpq_poly_swap(m, q);
		k++;
	} while (fmpq_poly_is_zero(r));
	fmpq_poly_clear(m);
	fmpq_poly_clear(d);
	fmpq_poly_clear(q);
	fmpq_poly_clear(r);
	fmpq_clear(s);
	return k;
}

static int sqrtm_rational(struct op_call *c, struct buf *json, const fmpq_mat_t a, struct op_failure *f)
{
	struct spectrum s;
	struct sqrtm_args q = { .s = &s, .real = true };
	slong *nodes, n = fmpq_mat_nrows(a);
	fmpq_poly_t minimal;
	int rc = 0;

	spectrum_init(&s, a, SPECTRUM_VALUES);
	nodes = flint_malloc((size_t)s.count * sizeof *nodes);
	fmpq_poly_init(minimal);
	fmpq_mat_minpoly(minimal, a);
	for (slong i = 0; i < s.count && rc == 0; i++) {
		nodes[i] = multiplicity_in(s.factors[i].p, minimal, s.scale);
		if (nodes[i] > 1 && fmpz_is_zero(s.factors[i].p->coeffs))
			rc = arg_fail(c, 0, f, OP_DOMAIN_ERROR,
				      "expected a matrix that has a principal square root, got one whose eigenvalue 0 "
				      "is defective");
	}
	struct spectrum_value *v = spectrum_values(&s, 64);
	for (slong i = 0; i < n; i++)
		q.real = q.real && !(arb_is_zero(acb_imagref(v[i].value)) && arb_is_negative(acb_realref(v[i].value)));
	spectrum_values_free(v, n);
	q.nodes = nodes;
	if (rc == 0 && c->exact == 1)
		rc = sqrtm_put_rational(c, json, a, &q, f);
	else if (rc == 0)
		rc = matrix_certify(c, json, (size_t)n, (size_t)n, false, sqrtm_balls, &q, f);
	fmpq_poly_clear(minimal);
	flint_free(nodes);
	spectrum_fini(&s);
	return rc;
}

/* Irrational or complex entries: the eigenvalues have to be simple, and away from the cut. */
static int sqrtm_simple(struct op_call *c, acb_ptr out, size_t n, slong prec, void *arg, struct op_failure *f)
{
	slong *group, size;
	acb_mat_t a, x;
	acb_ptr values = NULL;
	int rc = arg_acb_mat(c, 0, a, prec, f);

	(void)arg;
	size = acb_mat_nrows(a);
	acb_mat_init(x, size, size);
	values = _acb_vec_init(size);
	group = flint_malloc((size_t)size * sizeof *group);
	matrix_leaves_unknown(out, n);
	if (rc == 0 && singular_eigenvalues_balls(values, NULL, a, prec)) {
		for (slong i = 0; i < size; i++)
			group[i] = i;
		newton_sqrt(x, a, values, group, size, prec);
		if (acb_mat_is_real(a) && !has_negative(values, size))
			drop_imaginary(x);
		matrix_leaves(out, x);
	} else if (rc == 0 && prec > SINGULAR_PREC_MAX) {
		rc = op_fail(f, OP_DID_NOT_CONVERGE, "the eigenvalues cannot be told apart with %ld bits", (long)prec);
	}
	flint_free(group);
	_acb_vec_clear(values, size);
	acb_mat_clear(a);
	acb_mat_clear(x);
	return rc;
}

int linear_sqrtm(struct op_call *c, struct buf *json, struct op_failure *f)
{
	struct linear_args x = { .count = 0 };
	struct matrix_estimate e = { .ball_ns = HUGE_VAL };
	enum matrix_way way;
	size_t rows, cols;
	int rc = -1;

	arg_shape(c, 0, &rows, &cols);
	if (matrix_need_square(c, 0, f) || linear_load(c, 1, &x, f))
		goto out;
	double n = (double)rows, bits = (double)certify_bits(c) / 64;
	e.exact_ns = spectrum_cost(n, x.bits, SPECTRUM_VALUES) + n * n * n * n * 80 * pow(bits + 8, 1.3);
	if (!x.rational)
		e.ball_ns = n * n * n * (6000 + 100 * n);
	if (matrix_choose(c, x.rational, &e, &way, f))
		goto out;
	if (way == MATRIX_BALLS)
		rc = matrix_certify(c, json, rows, cols, false, sqrtm_simple, NULL, f);
	else
		rc = sqrtm_rational(c, json, x.m[0], f);
out:
	linear_clear(&x);
	return rc;
}
