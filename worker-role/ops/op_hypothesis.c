/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The statistics family: tests of hypotheses. What they compute is in hypothesis_*.c. */
#include "ops/hypothesis.h"

#define PRECISION                                                                                 \
	{                                                                                         \
		.name = "precision", .summary = "significant decimal digits of each real number", \
		.kind = OP_KIND_PRECISION                                                         \
	}
#define EXACT                                                                                          \
	{                                                                                              \
		.name = "exact", .summary = "true: what is rational as \"p/q\"", .kind = OP_KIND_EXACT \
	}

static const char *const alternatives[] = { "two-sided", "less", "greater", NULL };
static const struct op_parameter of_ttest[] = {
	{ .name = "x", .summary = "a sample", .kind = OP_KIND_VECTOR },
	{ .name = "y",
	  .summary = "a second sample; or the mean that x has by the hypothesis, 0 if left out",
	  .kind = OP_KIND_NUMBERS,
	  .optional = true },
	{ .name = "alternative",
	  .summary = "to the hypothesis: the difference is not 0 (if left out), less, or greater",
	  .kind = OP_KIND_TEXT,
	  .choices = alternatives,
	  .optional = true },
	{ .name = "paired",
	  .summary = "true: x and y are pairs, their differences are tested",
	  .kind = OP_KIND_BOOLEAN,
	  .optional = true },
	{ .name = "equal_variances",
	  .summary = "true: one variance for both samples; else Welch's test",
	  .kind = OP_KIND_BOOLEAN,
	  .optional = true },
	PRECISION,
	EXACT,
};
static const struct op_parameter of_chi2test[] = {
	{ .name = "observed",
	  .summary = "counts: an array, or the rows of a contingency table",
	  .kind = OP_KIND_SYSTEM },
	{ .name = "expected",
	  .summary = "expected counts, with the same sum; all equal if left out; not for a table",
	  .kind = OP_KIND_VECTOR,
	  .optional = true },
	{ .name = "correction",
	  .summary = "true: Yates' correction, for a table of 2 rows and 2 columns",
	  .kind = OP_KIND_BOOLEAN,
	  .optional = true },
	PRECISION,
	EXACT,
};
static const struct op_parameter of_anova[] = {
	{ .name = "groups",
	  .summary = "an array of groups, each an array of rational numbers; or the first group alone",
	  .kind = OP_KIND_ANY },
	{ .name = "more",
	  .summary = "the other groups, if they come one by one",
	  .kind = OP_KIND_ANY,
	  .variadic = true },
	PRECISION,
	EXACT,
};

static const struct op_example ttest_examples[] = {
	{ "[[1,2,3,4,5],2]",
	  "{\"statistic\":1.4142135623730951,\"df\":4,\"p\":0.23019964108049898,\"difference\":1,"
	  "\"standard_error\":0.7071067811865476}",
	  NULL },
	{ "[[1,2,3],[2,4,6],\"less\",true]",
	  "{\"statistic\":-3.4641016151377544,\"df\":2,\"p\":0.03708995011372427,\"difference\":-2,"
	  "\"standard_error\":0.5773502691896257}",
	  NULL },
	{ "[[1,1,1],0]", NULL, "domain-error" },
	{ "[[1]]", NULL, "invalid-argument" },
};
static const struct op_example chi2test_examples[] = {
	{ "[[10,20,30]]", "{\"statistic\":10,\"df\":2,\"p\":0.006737946999085467,\"expected\":[20,20,20]}", NULL },
	{ "{\"observed\":[[10,20],[20,10]],\"correction\":true}",
	  "{\"statistic\":5.4,\"df\":1,\"p\":0.020136751550346346,\"expected\":[[15,15],[15,15]]}", NULL },
	{ "[[1,2],[1,1]]", NULL, "invalid-argument" },
};
static const struct op_example anova_examples[] = {
	{ "[[[1,2,3],[2,3,4],[5,6,7]]]",
	  "{\"statistic\":13,\"p\":0.006591796875,\"df_between\":2,\"df_within\":6,"
	  "\"sum_of_squares_between\":26,\"sum_of_squares_within\":6,\"mean_square_between\":13,"
	  "\"mean_square_within\":1,\"r_squared\":0.8125,\"residual_sd\":1}",
	  NULL },
	{ "[[1,1],[2,2]]",
	  "{\"statistic\":\"Infinity\",\"p\":0,\"df_between\":1,\"df_within\":2,"
	  "\"sum_of_squares_between\":1,\"sum_of_squares_within\":0,\"mean_square_between\":1,"
	  "\"mean_square_within\":0,\"r_squared\":1,\"residual_sd\":0}",
	  NULL },
	{ "[[[1],[2]]]", NULL, "invalid-argument" },
};

#define OP(what, of, sentence, gives, bound)                                                                       \
	{                                                                                                          \
		.name = #what, .family = "statistics", .summary = sentence, .result = gives, .limits = bound,      \
		.parameters = of, .parameter_count = sizeof(of) / sizeof *(of), .examples = what##_examples,       \
		.example_count = sizeof(what##_examples) / sizeof *(what##_examples), .compute = hypothesis_##what \
	}

static const struct op ops[] = {
	OP(ttest, of_ttest,
	   "Student's t-test of one sample, of pairs, or of two samples (Welch's, unless equal_variances).",
	   "{statistic, df, p, difference, standard_error}, every digit right; the difference is mean(x) less mean(y) "
	   "or "
	   "the hypothetical mean",
	   "100,000 values each"),
	OP(chi2test, of_chi2test,
	   "Pearson's chi-square test: of the fit of counts to expected ones, or of independence in a table.",
	   "{statistic, df, p, expected}, every digit right", "100,000 counts"),
	OP(anova, of_anova, "One-way analysis of variance of groups.",
	   "{statistic, p, df_between, df_within, sum_of_squares_between, sum_of_squares_within, mean_square_between, "
	   "mean_square_within, r_squared, residual_sd}, every digit right; statistic is \"Infinity\" when the values "
	   "differ between groups only",
	   "1,000 groups, 100,000 values each"),
};

const struct op_family op_hypothesis = { ops, sizeof ops / sizeof *ops };
