/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The table of the matrix decompositions and least squares; the work is in decomposition_*.c. */
#include "ops/decomposition.h"

#define LIST(a) (a), sizeof(a) / sizeof *(a)
#define FAMILY "linear algebra"
#define MATRIX                                                                                          \
	{                                                                                               \
		.name = "a", .summary = "a matrix: an array of rows of numbers", .kind = OP_KIND_MATRIX \
	}
#define PRECISION                                                                                                    \
	{                                                                                                            \
		.name = "precision", .summary = "significant digits of a rounded result", .kind = OP_KIND_PRECISION, \
		.named = true                                                                                        \
	}
#define EXACT                                                                                            \
	{                                                                                                \
		.name = "exact", .summary = "true: rational numbers or an error", .kind = OP_KIND_EXACT, \
		.optional = true                                                                         \
	}
#define LIMITS "all digits are right where entries are rational and the size moderate; doubles (LAPACK) beyond"

static const struct op_parameter one_matrix[] = { MATRIX, EXACT, PRECISION };
static const struct op_parameter eigen_parameters[] = {
	MATRIX,
	{ .name = "vectors", .summary = "false: values only", .kind = OP_KIND_BOOLEAN, .optional = true },
	EXACT,
	PRECISION,
};
static const struct op_parameter lstsq_parameters[] = {
	MATRIX,
	{ .name = "b", .summary = "a vector, or a matrix with a column for each of several", .kind = OP_KIND_SYSTEM },
	EXACT,
	PRECISION,
};

static const struct op_example eigen_examples[] = {
	{ "[[[2,1],[1,2]],false]", "{\"values\":[1,3]}", NULL },
	{ "[[[2,0],[0,1]]]", "{\"values\":[1,2],\"vectors\":[[0,1],[1,0]]}", NULL },
	{ "{\"a\":[[0,-1],[1,0]],\"vectors\":false}", "{\"values\":[{\"re\":0,\"im\":-1},{\"re\":0,\"im\":1}]}", NULL },
	{ "{\"a\":[[2,1],[1,2]],\"exact\":true}", "{\"values\":[1,3],\"vectors\":[[1,-1],[1,1]]}", NULL },
	{ "[[[1,2,3]]]", NULL, "dimension-mismatch" },
};
static const struct op_example svd_examples[] = {
	{ "[[[3,0],[0,2]]]", "{\"u\":[[1,0],[0,1]],\"s\":[3,2],\"v\":[[1,0],[0,1]]}", NULL },
	{ "[[[3],[4]]]", "{\"u\":[[0.6],[0.8]],\"s\":[5],\"v\":[[1]]}", NULL },
	{ "{\"a\":[[\"sqrt(2)\"]],\"precision\":20}",
	  "{\"u\":[[\"1.0000000000000000000\"]],\"s\":[\"1.4142135623730950488\"],\"v\":[[\"1\"]]}", NULL },
	{ "{\"a\":[[1,2]],\"exact\":true}", NULL, "domain-error" },
};
static const struct op_example qr_examples[] = {
	{ "[[[3,5],[4,0]]]", "{\"q\":[[0.6,0.8],[0.8,-0.6]],\"r\":[[5,3],[0,4]]}", NULL },
	{ "{\"a\":[[3,5],[4,0]],\"exact\":true}", "{\"q\":[[\"3/5\",\"4/5\"],[\"4/5\",\"-3/5\"]],\"r\":[[5,3],[0,4]]}",
	  NULL },
	{ "{\"a\":[[1,0],[1,1]],\"exact\":true}", NULL, "domain-error" },
};
static const struct op_example lu_examples[] = {
	{ "[[[4,3],[6,3]]]", "{\"p\":[[1,0],[0,1]],\"l\":[[1,0],[\"3/2\",1]],\"u\":[[4,3],[0,\"-3/2\"]]}", NULL },
	{ "[[[0,1],[2,3]]]", "{\"p\":[[0,1],[1,0]],\"l\":[[1,0],[0,1]],\"u\":[[2,3],[0,1]]}", NULL },
};
static const struct op_example cholesky_examples[] = {
	{ "[[[4,12,-16],[12,37,-43],[-16,-43,98]]]", "[[2,0,0],[6,1,0],[-8,5,3]]", NULL },
	{ "[[[2,1],[1,2]]]", "[[1.4142135623730951,0],[0.7071067811865476,1.224744871391589]]", NULL },
	{ "[[[1,2],[2,1]]]", NULL, "domain-error" },
};
static const struct op_example lstsq_examples[] = {
	{ "[[[1,1],[1,2],[1,3]],[1,2,2]]", "{\"x\":[\"2/3\",\"1/2\"],\"residual_norm\":0.408248290463863,\"rank\":2}",
	  NULL },
	{ "[[[1,1],[1,1]],[1,3]]", "{\"x\":[1,1],\"residual_norm\":1.4142135623730951,\"rank\":1}", NULL },
	{ "[[[1,1],[1,2]],[1,2,3]]", NULL, "dimension-mismatch" },
};

static const struct op ops[] = {
	{ .name = "eigen",
	  .family = FAMILY,
	  .summary = "Eigenvalues, ascending by real, then imaginary part, and eigenvectors of length 1 whose first "
		     "component that is not 0 is positive; orthogonal ones for a symmetric matrix. Where a matrix has "
		     "fewer independent eigenvectors than eigenvalues, they repeat.",
	  .result = "{values, vectors}: vectors[k] belongs to values[k]. exact: rational values, and vectors whose "
		    "first component that is not 0 is 1",
	  .limits = LIMITS,
	  LIST(eigen_parameters),
	  LIST(eigen_examples),
	  .compute = decomposition_eigen },
	{ .name = "svd",
	  .family = FAMILY,
	  .summary = "The singular value decomposition a = u diag(s) v', with s descending and columns of u and v "
		     "orthonormal; the first component that is not 0 of each column of v is positive.",
	  .result = "{u, s, v}: with k the smaller of rows and columns, s has k values, u and v have k columns",
	  .limits = LIMITS "; for large or degenerate irrational matrices real entries and up to 15 digits",
	  LIST(one_matrix),
	  LIST(svd_examples),
	  .compute = decomposition_svd },
	{ .name = "qr",
	  .family = FAMILY,
	  .summary = "a = q r with orthonormal columns of q and r upper triangular, its diagonal not negative.",
	  .result = "{q, r}: with k the smaller of rows and columns, q has k columns, r k rows",
	  .limits = LIMITS,
	  LIST(one_matrix),
	  LIST(qr_examples),
	  .compute = decomposition_qr },
	{ .name = "lu",
	  .family = FAMILY,
	  .summary = "a = p l u with p a permutation matrix, l lower triangular with ones on its diagonal, u upper "
		     "triangular. Pivots: the first entry that is not 0; in doubles the largest.",
	  .result = "{p, l, u}: exact where the entries are rational and the size allows",
	  .limits = "doubles (LAPACK) where exact results are estimated to take more than 1.5 s or 1,000,000 digits",
	  LIST(one_matrix),
	  LIST(lu_examples),
	  .compute = decomposition_lu },
	{ .name = "cholesky",
	  .family = FAMILY,
	  .summary = "The lower triangular l with positive diagonal and l l' = a, for a positive definite matrix.",
	  .result = "the matrix l",
	  .limits = LIMITS,
	  LIST(one_matrix),
	  LIST(cholesky_examples),
	  .compute = decomposition_cholesky },
	{ .name = "lstsq",
	  .family = FAMILY,
	  .summary = "Least squares: the x that makes |a x - b| smallest; of several the shortest.",
	  .result = "{x, residual_norm, rank}: x and rank exact where the entries are rational and the size allows; "
		    "for a matrix b, x is one and residual_norm an array",
	  .limits = "doubles (LAPACK) where exact results are estimated to take more than 1.5 s or 1,000,000 digits",
	  LIST(lstsq_parameters),
	  LIST(lstsq_examples),
	  .compute = decomposition_lstsq },
};

const struct op_family op_decomposition = { LIST(ops) };
