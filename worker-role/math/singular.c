/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "math/singular.h"

#include <stdlib.h>

#include "math/arg.h"

void singular_gram(fmpq_mat_t out, const fmpq_mat_t a)
{
	slong rows = fmpq_mat_nrows(a), cols = fmpq_mat_ncols(a);
	fmpq_mat_t t;

	fmpq_mat_init(t, cols, rows);
	fmpq_mat_transpose(t, a);
	fmpq_mat_init(out, FLINT_MIN(rows, cols), FLINT_MIN(rows, cols));
	if (rows < cols)
		fmpq_mat_mul(out, a, t);
	else
		fmpq_mat_mul(out, t, a);
	fmpq_mat_clear(t);
}

/* With multiplicities: all of them must be enclosed, but not isolated. */
static void extremes_of_gram(arb_t largest, arb_t smallest, const acb_mat_t gram, slong prec)
{
	slong n = acb_mat_nrows(gram);
	acb_ptr approx = _acb_vec_init(n), values = _acb_vec_init(n);
	acb_mat_t right;

	acb_mat_init(right, n, n);
	acb_mat_approx_eig_qr(approx, NULL, right, gram, NULL, 0, prec);
	arb_indeterminate(largest);
	arb_indeterminate(smallest);
	if (acb_mat_eig_multiple(values, gram, approx, right, prec)) {
		arb_set(largest, acb_realref(values));
		arb_set(smallest, acb_realref(values));
		for (slong i = 1; i < n; i++) {
			arb_max(largest, largest, acb_realref(values + i), prec);
			arb_min(smallest, smallest, acb_realref(values + i), prec);
		}
		arb_sqrtpos(largest, largest, prec);
		arb_sqrtpos(smallest, smallest, prec);
	}
	acb_mat_clear(right);
	_acb_vec_clear(approx, n);
	_acb_vec_clear(values, n);
}

int singular_extremes(struct op_call *c, size_t i, arb_t largest, arb_t smallest, slong prec, struct op_failure *f)
{
	acb_mat_t a, t, gram;
	int rc = arg_acb_mat(c, i, a, prec, f);
	slong rows = acb_mat_nrows(a), cols = acb_mat_ncols(a), n = FLINT_MIN(rows, cols);

	acb_mat_init(t, cols, rows);
	acb_mat_init(gram, n, n);
	if (rc == 0) {
		acb_mat_conjugate_transpose(t, a);
		acb_mat_mul(gram, rows < cols ? a : t, rows < cols ? t : a, prec);
		extremes_of_gram(largest, smallest, gram, prec);
		if (prec > SINGULAR_PREC_MAX && !arb_is_finite(largest))
			rc = op_fail(f, OP_DID_NOT_CONVERGE, "the singular values cannot be enclosed with %ld bits",
				     (long)prec);
	}
	acb_mat_clear(a);
	acb_mat_clear(t);
	acb_mat_clear(gram);
	return rc;
}

/* ---- eigenvalues ---- */

static bool is_hermitian(const acb_mat_t a)
{
	acb_t t;
	bool hermitian = true;

	acb_init(t);
	for (slong i = 0; i < acb_mat_nrows(a); i++)
		for (slong j = 0; j <= i; j++) {
			acb_conj(t, acb_mat_entry(a, j, i));
			hermitian = hermitian && acb_equal(t, acb_mat_entry(a, i, j));
		}
	acb_clear(t);
	return hermitian;
}

/* The conjugate of an eigenvalue of a real matrix is one, and lies in one of the enclosures: if the mirror image of
 * this one meets no other, both are the same, and real. */
static bool is_real(acb_srcptr values, slong n, slong i)
{
	acb_t mirror;
	bool real = true;

	acb_init(mirror);
	acb_conj(mirror, values + i);
	for (slong k = 0; k < n; k++)
		real = real && (k == i) == (acb_overlaps(mirror, values + k) != 0);
	acb_clear(mirror);
	return real;
}

struct place {
	acb_srcptr value;
	slong i;
};

/* Real parts that overlap count as equal: those of conjugates do at every precision. */
static int compare_places(const void *x, const void *y)
{
	acb_srcptr a = ((const struct place *)x)->value, b = ((const struct place *)y)->value;

	if (!arb_overlaps(acb_realref(a), acb_realref(b)))
		return arb_lt(acb_realref(a), acb_realref(b)) ? -1 : 1;
	if (!arb_overlaps(acb_imagref(a), acb_imagref(b)))
		return arb_lt(acb_imagref(a), acb_imagref(b)) ? -1 : 1;
	return 0;
}

static void sort_values(acb_ptr values, acb_mat_struct *vectors, slong n)
{
	struct place *place = flint_malloc((size_t)n * sizeof *place);
	acb_ptr sorted = _acb_vec_init(n);
	acb_mat_t columns;

	acb_mat_init(columns, n, n);
	for (slong i = 0; i < n; i++)
		place[i] = (struct place){ values + i, i };
	qsort(place, (size_t)n, sizeof *place, compare_places);
	for (slong k = 0; k < n; k++) {
		acb_set(sorted + k, values + place[k].i);
		for (slong i = 0; vectors && i < n; i++)
			acb_set(acb_mat_entry(columns, i, k), acb_mat_entry(vectors, i, place[k].i));
	}
	_acb_vec_swap(values, sorted, n);
	if (vectors)
		acb_mat_swap(columns, vectors);
	acb_mat_clear(columns);
	_acb_vec_clear(sorted, n);
	flint_free(place);
}

bool singular_eigenvalues_balls(acb_ptr values, acb_mat_struct *vectors, const acb_mat_t a, slong prec)
{
	slong n = acb_mat_nrows(a);
	acb_ptr approx = _acb_vec_init(n);
	acb_mat_t right;
	bool found, hermitian = is_hermitian(a), real = acb_mat_is_real(a);

	acb_mat_init(right, n, n);
	acb_mat_approx_eig_qr(approx, NULL, right, a, NULL, 0, prec);
	found = acb_mat_eig_simple(values, NULL, vectors, a, approx, right, prec) != 0;
	if (found) {
		for (slong i = 0; i < n; i++) {
			if (!hermitian && !(real && is_real(values, n, i)))
				continue;
			arb_zero(acb_imagref(values + i));
		}
		sort_values(values, vectors, n);
	}
	acb_mat_clear(right);
	_acb_vec_clear(approx, n);
	return found;
}
