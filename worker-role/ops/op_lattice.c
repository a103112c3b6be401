/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Lattices: normal forms of integer matrices, reduced and orthogonal bases. All exact. */
#include <flint/fmpz_lll.h>
#include <flint/fmpz_mat.h>
#include <math.h>

#include "ops/linear.h"

#define LOG10_2 0.30103

/* ---- hnf, snf ---- */

/* Loads an integer matrix; -1 with *f. z is initialised only on success. */
static int load_integers(struct op_call *c, fmpz_mat_t z, double *bits, struct op_failure *f)
{
	struct linear_args x = { .count = 0 };
	int rc = -1;

	if (matrix_need_rational(c, "integers", f) || linear_load(c, 1, &x, f))
		goto out;
	fmpq_mat_struct *a = x.m[0];
	for (slong i = 0; i < fmpq_mat_nrows(a); i++)
		for (slong j = 0; j < fmpq_mat_ncols(a); j++)
			if (!fmpz_is_one(fmpq_mat_entry_den(a, i, j))) {
				arg_fail_at(c, 0, (size_t)i, (size_t)j, f, OP_INVALID_ARGUMENT,
					    "expected an integer, got a fraction");
				goto out;
			}
	fmpz_mat_init(z, fmpq_mat_nrows(a), fmpq_mat_ncols(a));
	fmpq_mat_get_fmpz_mat(z, a);
	*bits = x.bits;
	rc = 0;
out:
	linear_clear(&x);
	return rc;
}

static int put_integers(struct buf *json, const fmpz_mat_t z, slong first, struct op_failure *f)
{
	int rc = 0;

	buf_byte(json, '[');
	for (slong i = first; i < fmpz_mat_nrows(z) && rc == 0; i++) {
		if (i > first)
			buf_byte(json, ',');
		rc = answer_fmpz_vector(json, z->rows[i], fmpz_mat_ncols(z), f);
	}
	buf_byte(json, ']');
	return rc;
}

static int hnf_compute(struct op_call *c, struct buf *json, struct op_failure *f)
{
	fmpz_mat_t z;
	double bits;
	int rc;

	if (load_integers(c, z, &bits, f))
		return -1;
	double rows = (double)fmpz_mat_nrows(z), cols = (double)fmpz_mat_ncols(z), n = fmin(rows, cols);
	double each = n * (bits + log2(n + 1) / 2) * LOG10_2;
	rc = answer_check_cost(c, matrix_cost_snf(n, bits) / 8 * fmax(rows, cols) / n, n * (cols - n + 1) * each, f);
	if (rc == 0) {
		fmpz_mat_hnf(z, z);
		rc = put_integers(json, z, 0, f);
	}
	fmpz_mat_clear(z);
	return rc;
}

static int snf_compute(struct op_call *c, struct buf *json, struct op_failure *f)
{
	fmpz_mat_t z;
	double bits;
	int rc;

	if (load_integers(c, z, &bits, f))
		return -1;
	slong n = FLINT_MIN(fmpz_mat_nrows(z), fmpz_mat_ncols(z));
	double size = (double)n, longer = fmax((double)fmpz_mat_nrows(z), (double)fmpz_mat_ncols(z));
	rc = answer_check_cost(c, matrix_cost_snf(size, bits) * longer / size, size * (size * bits * LOG10_2 + 1), f);
	if (rc == 0) {
		fmpz_mat_hnf(z, z); /* first: far fewer operations on far smaller numbers */
		fmpz_mat_snf(z, z);
		buf_puts(json, "{\"diagonal\":[");
		for (slong i = 0; i < n && rc == 0; i++) {
			if (i)
				buf_byte(json, ',');
			rc = answer_fmpz(json, fmpz_mat_entry(z, i, i), f);
		}
		buf_puts(json, "]}");
	}
	fmpz_mat_clear(z);
	return rc;
}

/* ---- lll ---- */

/* A basis of the lattice that the rows generate: the rows themselves if they are independent. */
static void independent_rows(fmpz_mat_t z)
{
	slong rank = fmpz_mat_rank(z);
	fmpz_mat_t basis, window;

	if (rank == fmpz_mat_nrows(z))
		return;
	fmpz_mat_hnf(z, z);
	fmpz_mat_window_init(window, z, 0, 0, rank, fmpz_mat_ncols(z));
	fmpz_mat_init_set(basis, window);
	fmpz_mat_window_clear(window);
	fmpz_mat_swap(z, basis);
	fmpz_mat_clear(basis);
}

static int lll_compute(struct op_call *c, struct buf *json, struct op_failure *f)
{
	struct linear_args x = { .count = 0 };
	fmpz_mat_t z;
	fmpq_mat_t reduced;
	fmpz_t den;
	fmpz_lll_t parameters;
	int rc = -1;

	if (matrix_need_rational(c, "a lattice needs exact rows", f) || linear_load(c, 1, &x, f))
		goto out;
	double rows = (double)fmpq_mat_nrows(x.m[0]), cols = (double)fmpq_mat_ncols(x.m[0]);
	double ns = rows * rows * cols * (rows + x.bits) * (20 + 0.5 * x.bits) + matrix_cost_det(rows, x.bits);
	if (answer_check_cost(c, ns, rows * cols, f))
		goto out;
	fmpz_init(den);
	fmpz_mat_init(z, fmpq_mat_nrows(x.m[0]), fmpq_mat_ncols(x.m[0]));
	fmpq_mat_get_fmpz_mat_matwise(z, den, x.m[0]);
	independent_rows(z);
	fmpz_lll_context_init_default(parameters);
	if (fmpz_mat_nrows(z) > 0)
		fmpz_lll(z, NULL, parameters);
	fmpq_mat_init(reduced, fmpz_mat_nrows(z), fmpz_mat_ncols(z));
	fmpq_mat_set_fmpz_mat_div_fmpz(reduced, z, den);
	rc = answer_fmpq_mat(json, reduced, f);
	fmpq_mat_clear(reduced);
	fmpz_mat_clear(z);
	fmpz_clear(den);
out:
	linear_clear(&x);
	return rc;
}

/* ---- gram_schmidt ---- */

static void row_inner(fmpq_t out, const fmpq_mat_t a, slong i, slong j)
{
	fmpq_zero(out);
	for (slong k = 0; k < fmpq_mat_ncols(a); k++)
		fmpq_addmul(out, fmpq_mat_entry(a, i, k), fmpq_mat_entry(a, j, k));
}

static void orthogonalise_rows(fmpq_mat_t a)
{
	slong rows = fmpq_mat_nrows(a);
	fmpq *norm = _fmpq_vec_init(rows);
	fmpq_t x;

	fmpq_init(x);
	for (slong i = 0; i < rows; i++) {
		for (slong j = 0; j < i; j++) {
			if (fmpq_is_zero(norm + j))
				continue;
			row_inner(x, a, i, j);
			fmpq_div(x, x, norm + j);
			for (slong k = 0; k < fmpq_mat_ncols(a); k++)
				fmpq_submul(fmpq_mat_entry(a, i, k), x, fmpq_mat_entry(a, j, k));
		}
		row_inner(norm + i, a, i, i);
	}
	_fmpq_vec_clear(norm, rows);
	fmpq_clear(x);
}

static int normalised_leaves(struct op_call *c, acb_ptr out, size_t n, slong prec, void *arg, struct op_failure *f)
{
	fmpq_mat_struct *a = arg;
	fmpq_t norm;
	arb_t root;

	(void)c;
	(void)n;
	(void)f;
	fmpq_init(norm);
	arb_init(root);
	for (slong i = 0; i < fmpq_mat_nrows(a); i++) {
		row_inner(norm, a, i, i);
		if (fmpq_is_zero(norm))
			fmpq_one(norm);
		arb_set_fmpq(root, norm, prec + 16);
		arb_rsqrt(root, root, prec + 16);
		for (slong k = 0; k < fmpq_mat_ncols(a); k++) {
			acb_ptr x = out + i * fmpq_mat_ncols(a) + k;
			acb_set_fmpq(x, fmpq_mat_entry(a, i, k), prec + 16);
			acb_mul_arb(x, x, root, prec + 16);
		}
	}
	fmpq_clear(norm);
	arb_clear(root);
	return 0;
}

/* Divides the rows by their lengths where those are rational; false: some are not. */
static bool normalise_rationally(fmpq_mat_t a)
{
	bool all = true;
	fmpq_t norm;

	fmpq_init(norm);
	for (slong i = 0; i < fmpq_mat_nrows(a); i++) {
		row_inner(norm, a, i, i);
		if (fmpq_is_zero(norm))
			continue;
		if (!fmpz_is_square(fmpq_numref(norm)) || !fmpz_is_square(fmpq_denref(norm))) {
			all = false;
			continue;
		}
		fmpz_sqrt(fmpq_numref(norm), fmpq_numref(norm));
		fmpz_sqrt(fmpq_denref(norm), fmpq_denref(norm));
		for (slong k = 0; k < fmpq_mat_ncols(a); k++)
			fmpq_div(fmpq_mat_entry(a, i, k), fmpq_mat_entry(a, i, k), norm);
	}
	fmpq_clear(norm);
	return all;
}

static int gram_schmidt_compute(struct op_call *c, struct buf *json, struct op_failure *f)
{
	struct linear_args x = { .count = 0 };
	bool normalize = arg_flag(c, 1, false);
	int rc = -1;

	if (matrix_need_rational(c, "dependent rows are found exactly", f) || linear_load(c, 1, &x, f))
		goto out;
	double rows = (double)fmpq_mat_nrows(x.m[0]), cols = (double)fmpq_mat_ncols(x.m[0]), grown = rows * x.bits;
	if (answer_check_cost(c, rows * rows * cols * (3000 + 20 * grown + 0.02 * grown * grown),
			      rows * cols * (normalize ? 1 : grown * LOG10_2), f))
		goto out;
	orthogonalise_rows(x.m[0]);
	if (!normalize)
		rc = matrix_put(c, json, x.m[0], f);
	else if (normalise_rationally(x.m[0]))
		rc = matrix_put_reals(c, json, x.m[0], f);
	else if (c->exact == 1)
		rc = matrix_fail_irrational(c, f);
	else
		rc = matrix_certify(c, json, (size_t)rows, (size_t)cols, false, normalised_leaves, x.m[0], f);
out:
	linear_clear(&x);
	return rc;
}

/* ---- the table ---- */

#define LIST(a) (a), sizeof(a) / sizeof *(a)
#define FAMILY "linear algebra"
#define PARAMETER(n, s)                                             \
	{                                                           \
		.name = (n), .summary = (s), .kind = OP_KIND_MATRIX \
	}
#define EXACT                                                                                                          \
	{                                                                                                              \
		.name = "exact", .summary = "the result is exact in any case", .kind = OP_KIND_EXACT, .optional = true \
	}

static const struct op_parameter integer_parameters[] = { PARAMETER("a", "a matrix of integers"), EXACT };
static const struct op_parameter lll_parameters[] = { PARAMETER("rows", "a matrix: its rows generate the lattice"),
						      EXACT };
static const struct op_parameter gram_schmidt_parameters[] = {
	PARAMETER("rows", "a matrix of rational numbers"),
	{ .name = "normalize",
	  .summary = "true: divide each row by its length",
	  .kind = OP_KIND_BOOLEAN,
	  .optional = true },
	{ .name = "exact",
	  .summary = "true: rational numbers or an error; false: rounded results",
	  .kind = OP_KIND_EXACT,
	  .optional = true },
	{ .name = "precision",
	  .summary = "significant digits of a rounded result",
	  .kind = OP_KIND_PRECISION,
	  .named = true },
};

static const struct op_example hnf_examples[] = {
	{ "[[[2,4,4],[-6,6,12],[10,4,16]]]", "[[2,0,120],[0,2,20],[0,0,156]]", NULL },
	{ "[[[2,1],[4,2]]]", "[[2,1],[0,0]]", NULL },
	{ "[[[\"1/2\"]]]", NULL, "invalid-argument" },
};
static const struct op_example snf_examples[] = {
	{ "[[[2,4,4],[-6,6,12],[10,4,16]]]", "{\"diagonal\":[2,2,156]}", NULL },
	{ "[[[1,2],[2,4]]]", "{\"diagonal\":[1,0]}", NULL },
};
static const struct op_example lll_examples[] = {
	{ "[[[1,1,1],[-1,0,2],[3,5,6]]]", "[[0,1,0],[1,0,1],[-1,0,2]]", NULL },
	{ "[[[1,0],[100,1]]]", "[[1,0],[0,1]]", NULL },
	{ "[[[\"pi\",1]]]", NULL, "invalid-argument" },
};
static const struct op_example gram_schmidt_examples[] = {
	{ "[[[3,1],[2,2]]]", "[[3,1],[\"-2/5\",\"6/5\"]]", NULL },
	{ "[[[3,4],[1,0]],true]", "[[0.6,0.8],[0.8,-0.6]]", NULL },
	{ "[[[1,2],[2,4]]]", "[[1,2],[0,0]]", NULL },
	{ "[[[1,2],[3,4]],true,null]", NULL, "invalid-argument" },
};

static const struct op ops[] = {
	{ .name = "hnf",
	  .family = FAMILY,
	  .summary = "The Hermite normal form by rows: upper triangular echelon form with positive pivots and smaller, "
		     "not negative numbers above each, whose rows span what those of a do.",
	  .result = "a matrix of integers",
	  .limits = "within the time limit and 1,000,000 digits",
	  LIST(integer_parameters),
	  LIST(hnf_examples),
	  .compute = hnf_compute },
	{ .name = "snf",
	  .family = FAMILY,
	  .summary = "The Smith normal form: the invariant factors, each a divisor of the next.",
	  .result = "{diagonal}: as many integers from 0 on as the smaller of rows and columns",
	  .limits = "within the time limit",
	  LIST(integer_parameters),
	  LIST(snf_examples),
	  .compute = snf_compute },
	{ .name = "lll",
	  .family = FAMILY,
	  .summary = "A reduced basis of the lattice that the rows generate (Lenstra, Lenstra, Lovasz; delta 0.99, eta "
		     "0.51). Of dependent rows a basis is taken first.",
	  .result = "a matrix: short, nearly orthogonal rows",
	  .limits = "rational entries; within the time limit",
	  LIST(lll_parameters),
	  LIST(lll_examples),
	  .compute = lll_compute },
	{ .name = "gram_schmidt",
	  .family = FAMILY,
	  .summary = "Makes rows orthogonal, one after the other: each loses its projections on those before. A row "
		     "that depends on those before becomes 0.",
	  .result = "a matrix of orthogonal rows, exact; of length 1 (or 0), correctly rounded, with normalize",
	  .limits = "rational entries; within the time limit and 1,000,000 digits",
	  LIST(gram_schmidt_parameters),
	  LIST(gram_schmidt_examples),
	  .compute = gram_schmidt_compute },
};

const struct op_family op_lattice = { LIST(ops) };
