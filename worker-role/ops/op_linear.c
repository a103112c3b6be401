/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The table of linear algebra: matrices, systems and functions of matrices; the work is in linear_*.c. */
#include "ops/linear.h"

#define LIST(a) (a), sizeof(a) / sizeof *(a)
#define FAMILY "linear algebra"
#define MATRIX(n)                                                                                       \
	{                                                                                               \
		.name = (n), .summary = "a matrix: an array of rows of numbers", .kind = OP_KIND_MATRIX \
	}
#define SYSTEM(n, s)                                                \
	{                                                           \
		.name = (n), .summary = (s), .kind = OP_KIND_SYSTEM \
	}
#define PRECISION                                                                                                    \
	{                                                                                                            \
		.name = "precision", .summary = "significant digits of a rounded result", .kind = OP_KIND_PRECISION, \
		.named = true                                                                                        \
	}
#define EXACT                                                                                       \
	{                                                                                           \
		.name = "exact",                                                                    \
		.summary = "true: rational numbers or an error; false: rounded results; left out: " \
			   "rational numbers where entries are and the size allows",                \
		.kind = OP_KIND_EXACT, .optional = true                                             \
	}
#define NUMBER_RESULT "a number: exact where the entries are rational and the size allows"
#define MATRIX_RESULT "a matrix: exact where the entries are rational and the size allows"
#define CELLS "up to 100,000 cells; "
#define EXACT_LIMIT "exact while that is estimated to take less than 1.5 s and 1,000,000 digits, in doubles beyond"
#define CERTAIN "irrational and complex entries: certified digits, within the time limit"

static const struct op_parameter one_matrix[] = { MATRIX("a"), EXACT, PRECISION };
static const struct op_parameter two_matrices[] = { MATRIX("a"), MATRIX("b"), EXACT, PRECISION };
static const struct op_parameter matmul_parameters[] = { MATRIX("a"),
							 SYSTEM("b", "a matrix, or a vector, which counts as a column"),
							 EXACT, PRECISION };
static const struct op_parameter solve_parameters[] = { MATRIX("a"),
							SYSTEM("b", "the right-hand side: a vector, or a matrix with a "
								    "column for each of several"),
							EXACT, PRECISION };
static const struct op_parameter matpow_parameters[] = {
	MATRIX("a"),
	{ .name = "n", .summary = "the exponent; negative: powers of the inverse", .kind = OP_KIND_INTEGER },
	EXACT,
	PRECISION,
};
static const struct op_parameter norm_parameters[] = {
	SYSTEM("a", "a vector or a matrix"),
	{ .name = "kind",
	  .summary = "\"2\": Euclidean, for matrices the largest singular value; \"1\": sum of absolute values, for "
		     "matrices the largest of a column; \"inf\": largest absolute value, for matrices the largest sum "
		     "of a row; \"fro\": root of the sum of squares; \"2\" if left out",
	  .kind = OP_KIND_TEXT,
	  .optional = true,
	  .choices = linear_norm_kinds },
	EXACT,
	PRECISION,
};
static const struct op_parameter identity_parameters[] = {
	{ .name = "n",
	  .summary = "rows and columns",
	  .kind = OP_KIND_INTEGER,
	  .bounded = true,
	  .min = 1,
	  .max = LINEAR_IDENTITY_MAX },
};

static const struct op_example matmul_examples[] = {
	{ "[[[1,2],[3,4]],[[5,6],[7,8]]]", "[[19,22],[43,50]]", NULL },
	{ "[[[1,2],[3,4]],[\"1/2\",1]]", "[\"5/2\",\"11/2\"]", NULL },
	{ "[[[\"i\"]],[[\"i\"]]]", "[[-1]]", NULL },
	{ "[[[1,2]],[[1,2]]]", NULL, "dimension-mismatch" },
};
static const struct op_example matadd_examples[] = {
	{ "[[[1,2],[3,4]],[[5,6],[7,8]]]", "[[6,8],[10,12]]", NULL },
	{ "[[[\"1/3\"]],[[\"1/6\"]]]", "[[\"1/2\"]]", NULL },
	{ "[[[1,2]],[[1]]]", NULL, "dimension-mismatch" },
};
static const struct op_example transpose_examples[] = {
	{ "[[[1,2,3],[4,5,6]]]", "[[1,4],[2,5],[3,6]]", NULL },
	{ "[[[\"1/2\"]]]", "[[\"1/2\"]]", NULL },
};
static const struct op_example trace_examples[] = {
	{ "[[[1,2],[3,4]]]", "5", NULL },
	{ "[[[1,2,3],[4,5,6]]]", NULL, "dimension-mismatch" },
};
static const struct op_example matpow_examples[] = {
	{ "[[[1,1],[1,0]],10]", "[[89,55],[55,34]]", NULL },
	{ "[[[2,1],[1,1]],-1]", "[[1,-1],[-1,2]]", NULL },
	{ "[[[0,1],[1,0]],\"1000000000000000000001\"]", "[[0,1],[1,0]]", NULL },
	{ "[[[1,2],[2,4]],-1]", NULL, "singular" },
	{ "[[[1,1],[1,0]],1000000000]", NULL, "limit-exceeded" },
};
static const struct op_example identity_examples[] = {
	{ "[2]", "[[1,0],[0,1]]", NULL },
	{ "[1]", "[[1]]", NULL },
	{ "[0]", NULL, "invalid-argument" },
	{ "[100000]", NULL, "limit-exceeded" },
};
static const struct op_example det_examples[] = {
	{ "[[[1,2],[3,4]]]", "-2", NULL },
	{ "[[[1,\"1/2\"],[\"1/2\",\"1/3\"]]]", "\"1/12\"", NULL },
	{ "[[[\"sqrt(2)\",1],[1,\"sqrt(2)\"]]]", "1", NULL },
	{ "[[[1,\"2i\"],[3,4]]]", "{\"re\":4,\"im\":-6}", NULL },
	{ "[[[1,2,3],[4,5,6]]]", NULL, "dimension-mismatch" },
};
static const struct op_example inverse_examples[] = {
	{ "[[[1,2],[3,4]]]", "[[-2,1],[\"3/2\",\"-1/2\"]]", NULL },
	{ "{\"a\":[[1,2],[3,4]],\"exact\":false}", "[[-2,1],[1.5,-0.5]]", NULL },
	{ "[[[1,2],[2,4]]]", NULL, "singular" },
	{ "[[[1,2]]]", NULL, "dimension-mismatch" },
};
static const struct op_example solve_examples[] = {
	{ "[[[2,1],[1,3]],[3,5]]", "[\"4/5\",\"7/5\"]", NULL },
	{ "[[[2,1],[1,3]],[[3,1],[5,0]]]", "[[\"4/5\",\"3/5\"],[\"7/5\",\"-1/5\"]]", NULL },
	{ "[[[1,1],[1,1]],[1,2]]", NULL, "singular" },
	{ "[[[1,2],[3,4]],[1,2,3]]", NULL, "dimension-mismatch" },
};
static const struct op_example rank_examples[] = {
	{ "[[[1,2],[2,4]]]", "1", NULL },
	{ "[[[1,2,3],[4,5,6],[7,8,10]]]", "3", NULL },
	{ "[[[\"sqrt(2)\",2],[1,\"sqrt(2)\"]]]", "1", NULL },
};
static const struct op_example rref_examples[] = {
	{ "[[[1,2,3],[4,5,6],[7,8,9]]]", "[[1,0,-1],[0,1,2],[0,0,0]]", NULL },
	{ "[[[2,1]]]", "[[1,\"1/2\"]]", NULL },
};
static const struct op_example nullspace_examples[] = {
	{ "[[[1,2],[2,4]]]", "[[-2,1]]", NULL },
	{ "[[[1,2,3],[4,5,6],[7,8,9]]]", "[[1,-2,1]]", NULL },
	{ "[[[1,0],[0,1]]]", "[]", NULL },
};
static const struct op_example charpoly_examples[] = {
	{ "[[[1,2],[3,4]]]", "[-2,-5,1]", NULL },
	{ "[[[2,0],[0,2]]]", "[4,-4,1]", NULL },
	{ "[[[1,2]]]", NULL, "dimension-mismatch" },
};
static const struct op_example minpoly_examples[] = {
	{ "[[[2,0],[0,2]]]", "[-2,1]", NULL },
	{ "[[[0,1],[0,0]]]", "[0,0,1]", NULL },
	{ "[[[\"pi\"]]]", NULL, "invalid-argument" },
};
static const struct op_example norm_examples[] = {
	{ "[[3,4]]", "5", NULL },
	{ "[[[1,2],[3,4]],\"1\"]", "6", NULL },
	{ "[[[1,2],[3,4]],\"inf\"]", "7", NULL },
	{ "[[[1,2],[3,4]],\"fro\"]", "5.477225575051661", NULL },
	{ "[[[1,2],[3,4]]]", "5.464985704219043", NULL },
	{ "[[1,2],\"3\"]", NULL, "invalid-argument" },
};
static const struct op_example cond_examples[] = {
	{ "[[[2,0],[0,4]]]", "2", NULL },
	{ "[[[1,2],[3,4]]]", "14.933034373659252", NULL },
	{ "[[[1,2],[2,4]]]", NULL, "singular" },
};
static const struct op_example expm_examples[] = {
	{ "[[[0,1],[0,0]]]", "[[1,1],[0,1]]", NULL },
	{ "[[[1,0],[0,2]]]", "[[2.718281828459045,0],[0,7.38905609893065]]", NULL },
	{ "[[[0,\"-pi\"],[\"pi\",0]]]", "[[-1,0],[0,-1]]", NULL },
	{ "[[[1,2,3]]]", NULL, "dimension-mismatch" },
};
static const struct op_example sqrtm_examples[] = {
	{ "[[[33,24],[48,57]]]", "[[5,2],[4,7]]", NULL },
	{ "[[[2,0],[0,-1]]]", "[[1.4142135623730951,0],[0,{\"re\":0,\"im\":1}]]", NULL },
	{ "[[[0,1],[0,0]]]", NULL, "domain-error" },
};

static const struct op ops[] = {
	{ .name = "matmul",
	  .family = FAMILY,
	  .summary = "The product of two matrices, or of a matrix and a vector.",
	  .result = "a matrix; a vector, if b is one",
	  .limits = CELLS EXACT_LIMIT "; " CERTAIN,
	  LIST(matmul_parameters),
	  LIST(matmul_examples),
	  .compute = linear_matmul },
	{ .name = "matadd",
	  .family = FAMILY,
	  .summary = "The sum of two matrices of one shape.",
	  .result = MATRIX_RESULT,
	  .limits = CELLS CERTAIN,
	  LIST(two_matrices),
	  LIST(matadd_examples),
	  .compute = linear_matadd },
	{ .name = "transpose",
	  .family = FAMILY,
	  .summary = "The matrix with rows and columns exchanged (complex entries are not conjugated).",
	  .result = MATRIX_RESULT,
	  .limits = CELLS CERTAIN,
	  LIST(one_matrix),
	  LIST(transpose_examples),
	  .compute = linear_transpose },
	{ .name = "trace",
	  .family = FAMILY,
	  .summary = "The sum of the diagonal of a square matrix.",
	  .result = NUMBER_RESULT,
	  .limits = CELLS CERTAIN,
	  LIST(one_matrix),
	  LIST(trace_examples),
	  .compute = linear_trace },
	{ .name = "matpow",
	  .family = FAMILY,
	  .summary = "The n-th power of a square matrix; negative n: of its inverse; n = 0: the identity.",
	  .result = MATRIX_RESULT,
	  .limits = "result up to 1,000,000 digits; exponents up to 4,096 bits (60 for rounded results)",
	  LIST(matpow_parameters),
	  LIST(matpow_examples),
	  .compute = linear_matpow },
	{ .name = "identity",
	  .family = FAMILY,
	  .summary = "The identity matrix of n rows.",
	  .result = "a matrix",
	  .limits = "n from 1 to 700",
	  LIST(identity_parameters),
	  LIST(identity_examples),
	  .compute = linear_identity },
	{ .name = "det",
	  .family = FAMILY,
	  .summary = "The determinant of a square matrix.",
	  .result = NUMBER_RESULT,
	  .limits = CELLS EXACT_LIMIT "; " CERTAIN,
	  LIST(one_matrix),
	  LIST(det_examples),
	  .compute = linear_det },
	{ .name = "inverse",
	  .family = FAMILY,
	  .summary = "The inverse of a square matrix.",
	  .result = MATRIX_RESULT,
	  .limits = CELLS EXACT_LIMIT "; " CERTAIN,
	  LIST(one_matrix),
	  LIST(inverse_examples),
	  .compute = linear_inverse },
	{ .name = "solve",
	  .family = FAMILY,
	  .summary = "The solution x of a x = b for a square, invertible matrix a (see lstsq and rref for others).",
	  .result = "a vector if b is one, otherwise a matrix: exact where the entries are rational and the size "
		    "allows",
	  .limits = CELLS EXACT_LIMIT "; " CERTAIN,
	  LIST(solve_parameters),
	  LIST(solve_examples),
	  .compute = linear_solve },
	{ .name = "rank",
	  .family = FAMILY,
	  .summary = "The rank of a matrix. Irrational entries: what is below 2^-4096 counts as 0.",
	  .result = "an integer",
	  .limits = CELLS "beyond exact sizes the number of singular values above rounding errors",
	  LIST(one_matrix),
	  LIST(rank_examples),
	  .compute = linear_rank },
	{ .name = "rref",
	  .family = FAMILY,
	  .summary = "The reduced row echelon form. Irrational entries: what is below 2^-4096 counts as 0.",
	  .result = MATRIX_RESULT,
	  .limits = CELLS "within the time limit and 1,000,000 digits; never in doubles",
	  LIST(one_matrix),
	  LIST(rref_examples),
	  .compute = linear_rref },
	{ .name = "nullspace",
	  .family = FAMILY,
	  .summary = "A basis of the vectors that the matrix maps to 0: one for each column without pivot, with 1 "
		     "there.",
	  .result = "an array of vectors; empty if there are none but 0",
	  .limits = CELLS "within the time limit and 1,000,000 digits; never in doubles",
	  LIST(one_matrix),
	  LIST(nullspace_examples),
	  .compute = linear_nullspace },
	{ .name = "charpoly",
	  .family = FAMILY,
	  .summary = "The characteristic polynomial det(xI - a).",
	  .result = "its coefficients, from the constant up; the last is 1",
	  .limits = CELLS "within the time limit and 1,000,000 digits; never in doubles",
	  LIST(one_matrix),
	  LIST(charpoly_examples),
	  .compute = linear_charpoly },
	{ .name = "minpoly",
	  .family = FAMILY,
	  .summary = "The minimal polynomial: the monic one of lowest degree that gives 0 at the matrix.",
	  .result = "its coefficients, from the constant up; the last is 1",
	  .limits = "rational entries; within the time limit and 1,000,000 digits",
	  LIST(one_matrix),
	  LIST(minpoly_examples),
	  .compute = linear_minpoly },
	{ .name = "norm",
	  .family = FAMILY,
	  .summary = "A norm of a vector or a matrix.",
	  .result = "a number; \"1\" and \"inf\" exact where the entries are rational, \"2\" and \"fro\" correctly "
		    "rounded",
	  .limits = CELLS "the 2-norm of large matrices in doubles",
	  LIST(norm_parameters),
	  LIST(norm_examples),
	  .compute = linear_norm },
	{ .name = "cond",
	  .family = FAMILY,
	  .summary = "The condition number in the 2-norm: the largest singular value over the smallest.",
	  .result = "a number, correctly rounded",
	  .limits = CELLS "large matrices in doubles",
	  LIST(one_matrix),
	  LIST(cond_examples),
	  .compute = linear_cond },
	{ .name = "expm",
	  .family = FAMILY,
	  .summary = "The exponential of a square matrix: the sum of a^k/k!.",
	  .result = "a matrix, its entries correctly rounded",
	  .limits = "within the time limit; row sums up to 1,000,000",
	  LIST(one_matrix),
	  LIST(expm_examples),
	  .compute = linear_expm },
	{ .name = "sqrtm",
	  .family = FAMILY,
	  .summary = "The principal square root of a square matrix: the one whose eigenvalues have arguments from "
		     "-pi/2 (excluded) to pi/2.",
	  .result = "a matrix, its entries correctly rounded",
	  .limits = "within the time limit; irrational or complex entries: simple eigenvalues only",
	  LIST(one_matrix),
	  LIST(sqrtm_examples),
	  .compute = linear_sqrtm },
};

const struct op_family op_linear = { LIST(ops) };
