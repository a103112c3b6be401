/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The statistics family: samples. What they compute is in statistic.c and statistic_summary.c; regressions,
 * distributions and tests have files of their own. */
#include "ops/statistic.h"

#define Y                                                                    \
	{                                                                    \
		.name = "y", .summary = "the values", .kind = OP_KIND_VECTOR \
	}
#define X_AND_Y                                                                                    \
	{ .name = "x", .summary = "the values of one sample", .kind = OP_KIND_VECTOR },            \
	{                                                                                          \
		.name = "y", .summary = "the values of the other, as many", .kind = OP_KIND_VECTOR \
	}
#define POPULATION                                                                                         \
	{                                                                                                  \
		.name = "population", .summary = "true: divide by n, not by n-1", .kind = OP_KIND_BOOLEAN, \
		.optional = true                                                                           \
	}
#define ADJUSTED(how)                                                                                  \
	{                                                                                              \
		.name = "adjusted", .summary = "true: " how, .kind = OP_KIND_BOOLEAN, .optional = true \
	}
#define DIGITS                                                                                                     \
	{ .name = "precision", .summary = "significant decimal digits of the result", .kind = OP_KIND_PRECISION }, \
	{                                                                                                          \
		.name = "exact", .summary = "true: rational results only; false: as real numbers",                 \
		.kind = OP_KIND_EXACT                                                                              \
	}
#define LIMITS "100,000 values"
#define EXACT_RESULT "a number; exact (\"p/q\") for rational values unless precision or exact:false asks otherwise"
#define REAL_RESULT "a real number, every digit right; \"p/q\" with exact:true where it is rational"

static const struct op_parameter of_y[] = { Y, DIGITS };
static const struct op_parameter of_y_population[] = { Y, POPULATION, DIGITS };
static const struct op_parameter of_skewness[] = { Y, ADJUSTED("G1, adjusted for the sample's size"), DIGITS };
static const struct op_parameter of_kurtosis[] = { Y, ADJUSTED("G2, adjusted for the sample's size"), DIGITS };
static const struct op_parameter of_x_y[] = { X_AND_Y, DIGITS };
static const struct op_parameter of_x_y_population[] = { X_AND_Y, POPULATION, DIGITS };
static const struct op_parameter of_quantile[] = {
	Y,
	{ .name = "p", .summary = "a probability from 0 to 1, or an array of them", .kind = OP_KIND_NUMBERS },
	DIGITS,
};
static const struct op_parameter of_autocorrelation[] = {
	Y,
	{ .name = "lag",
	  .summary = "how far apart, from 0 to one less than the number of values; 1 if left out",
	  .kind = OP_KIND_INTEGER,
	  .optional = true,
	  .bounded = true,
	  .min = 0,
	  .max = 99999 },
	DIGITS,
};
static const struct op_parameter of_weighted[] = {
	Y,
	{ .name = "weights",
	  .summary = "a weight for each value, not negative",
	  .kind = OP_KIND_VECTOR,
	  .optional = true },
	DIGITS,
};
static const struct op_parameter of_histogram[] = {
	Y,
	{ .name = "bins",
	  .summary = "how many bins of equal width from the smallest to the largest value (10 if left out), or an "
		     "array of increasing edges",
	  .kind = OP_KIND_NUMBERS,
	  .optional = true },
	DIGITS,
};

static const struct op_example mean_examples[] = {
	{ "[[1,2,4]]", "\"7/3\"", NULL },
	{ "[[0.1,0.2,0.3]]", "\"1/5\"", NULL },
	{ "{\"y\":[1,2,4],\"precision\":20}", "\"2.3333333333333333333\"", NULL },
	{ "{\"y\":[1,2,4],\"exact\":false}", "2.3333333333333335", NULL },
	{ "[[]]", NULL, "invalid-argument" },
};
static const struct op_example median_examples[] = {
	{ "[[3,1,2]]", "2", NULL },
	{ "[[4,1,3,2]]", "\"5/2\"", NULL },
	{ "[[]]", NULL, "invalid-argument" },
};
static const struct op_example mode_examples[] = {
	{ "[[1,2,2,3]]", "2", NULL },
	{ "[[5,4,5,4,1]]", "4", NULL },
	{ "[[]]", NULL, "invalid-argument" },
};
static const struct op_example quantile_examples[] = {
	{ "[[1,2,3,4],0.25]", "\"7/4\"", NULL },
	{ "[[1,2,3,4,5],[0,0.5,1]]", "[1,3,5]", NULL },
	{ "[[1,2],1.5]", NULL, "domain-error" },
};
static const struct op_example variance_examples[] = {
	{ "[[2,4,4,4,5,5,7,9]]", "\"32/7\"", NULL },
	{ "[[2,4,4,4,5,5,7,9],true]", "4", NULL },
	{ "[[1]]", NULL, "invalid-argument" },
};
static const struct op_example sd_examples[] = {
	{ "[[2,4,4,4,5,5,7,9]]", "2.138089935299395", NULL },
	{ "[[2,4,4,4,5,5,7,9],true]", "2", NULL },
	{ "{\"y\":[1,2],\"precision\":30}", "\"0.707106781186547524400844362105\"", NULL },
	{ "[[1]]", NULL, "invalid-argument" },
};
static const struct op_example skewness_examples[] = {
	{ "[[1,2,3]]", "0", NULL },
	{ "[[0,0,1]]", "0.7071067811865476", NULL },
	{ "[[1,1,1]]", NULL, "domain-error" },
};
static const struct op_example kurtosis_examples[] = {
	{ "[[1,2,3]]", "\"-3/2\"", NULL },
	{ "[[1,2,3,4],true]", "\"-6/5\"", NULL },
	{ "[[1,1,1]]", NULL, "domain-error" },
};
static const struct op_example autocorrelation_examples[] = {
	{ "[[1,2,3,4,5]]", "\"2/5\"", NULL },
	{ "[[1,2,3,4,5],2]", "\"-1/10\"", NULL },
	{ "[[1,2,3],3]", NULL, "invalid-argument" },
};
static const struct op_example geometric_mean_examples[] = {
	{ "[[2,8]]", "4", NULL },
	{ "[[1,2]]", "1.4142135623730951", NULL },
	{ "[[1,-1]]", NULL, "domain-error" },
};
static const struct op_example harmonic_mean_examples[] = {
	{ "[[1,2,4]]", "\"12/7\"", NULL },
	{ "[[40,60],[1,3]]", "\"160/3\"", NULL },
	{ "[[1,-1]]", NULL, "domain-error" },
};
static const struct op_example mad_examples[] = {
	{ "[[1,1,2,2,4,6,9]]", "1", NULL },
	{ "[[1,2,4,8]]", "\"3/2\"", NULL },
	{ "[[]]", NULL, "invalid-argument" },
};
static const struct op_example covariance_examples[] = {
	{ "[[1,2,3],[1,2,4]]", "\"3/2\"", NULL },
	{ "[[1,2,3],[1,2,4],true]", "1", NULL },
	{ "[[1,2],[1,2,3]]", NULL, "dimension-mismatch" },
};
static const struct op_example correlation_examples[] = {
	{ "[[1,2,3],[2,4,6]]", "1", NULL },
	{ "[[1,2,3],[1,2,4]]", "0.9819805060619657", NULL },
	{ "[[1,2,3],[1,1,1]]", NULL, "domain-error" },
};
static const struct op_example histogram_examples[] = {
	{ "[[1,2,2,3,5],4]", "{\"edges\":[1,2,3,4,5],\"counts\":[1,2,1,1]}", NULL },
	{ "[[1,2,2,3,5],[0,2,4]]", "{\"edges\":[0,2,4],\"counts\":[1,3]}", NULL },
	{ "[[1,2],[3,3]]", NULL, "invalid-argument" },
};
static const struct op_example summary_examples[] = {
	{ "[[1,2,3,4]]",
	  "{\"count\":4,\"mean\":\"5/2\",\"sd\":1.2909944487358056,\"min\":1,\"q1\":\"7/4\",\"median\":\"5/2\","
	  "\"q3\":\"13/4\",\"max\":4}",
	  NULL },
	{ "[[7]]", "{\"count\":1,\"mean\":7,\"min\":7,\"q1\":7,\"median\":7,\"q3\":7,\"max\":7}", NULL },
	{ "[[]]", NULL, "invalid-argument" },
};

#define LIST(a) (a), sizeof(a) / sizeof *(a)
/* sentence: what it does; gives: what comes back. */
#define OP(what, of, fn, sentence, gives, bound)                                                              \
	{                                                                                                     \
		.name = #what, .family = "statistics", .summary = sentence, .result = gives, .limits = bound, \
		.parameters = of, .parameter_count = sizeof(of) / sizeof *(of), .examples = what##_examples,  \
		.example_count = sizeof(what##_examples) / sizeof *(what##_examples), .compute = fn           \
	}

static const struct op ops[] = {
	OP(mean, of_y, statistic_mean, "The arithmetic mean.", EXACT_RESULT, LIMITS),
	OP(median, of_y, statistic_median, "The median: the middle value, or the mean of the two in the middle.",
	   EXACT_RESULT, LIMITS),
	OP(mode, of_y, statistic_mode,
	   "The most frequent value; of several, the smallest. Values that are not rational count as doubles.",
	   EXACT_RESULT, LIMITS),
	OP(quantile, of_quantile, statistic_quantile,
	   "The quantile of type 7: linear between the ordered values, at (n-1)p from the first.",
	   EXACT_RESULT ", or an array of them", LIMITS),
	OP(variance, of_y_population, statistic_variance,
	   "The variance of a sample (divided by n-1), or of a population (by n).", EXACT_RESULT, LIMITS),
	OP(sd, of_y_population, statistic_sd,
	   "The standard deviation: the square root of the variance of a sample (n-1), or of a population (n).",
	   REAL_RESULT, LIMITS),
	OP(skewness, of_skewness, statistic_skewness,
	   "The skewness g1 = m3/m2^(3/2) of the moments (divided by n), or adjusted, G1 = g1 sqrt(n(n-1))/(n-2).",
	   REAL_RESULT, LIMITS),
	OP(kurtosis, of_kurtosis, statistic_kurtosis,
	   "The excess kurtosis g2 = m4/m2^2 - 3 of the moments (divided by n), 0 for a normal distribution; or "
	   "adjusted, "
	   "G2 = (n-1)/((n-2)(n-3)) ((n+1) g2 + 6).",
	   EXACT_RESULT, LIMITS),
	OP(autocorrelation, of_autocorrelation, statistic_autocorrelation,
	   "The autocorrelation at a lag: the sum of products of deviations `lag` apart, over the sum of their "
	   "squares.",
	   EXACT_RESULT, LIMITS),
	OP(geometric_mean, of_weighted, statistic_geometric_mean,
	   "The geometric mean of values that are not negative, weighted on request.", REAL_RESULT, LIMITS),
	OP(harmonic_mean, of_weighted, statistic_harmonic_mean,
	   "The harmonic mean of values that are not negative (0 if one of them is 0), weighted on request.",
	   EXACT_RESULT, LIMITS),
	OP(mad, of_y, statistic_mad, "The median of the absolute deviations from the median, not scaled.", EXACT_RESULT,
	   LIMITS),
	OP(covariance, of_x_y_population, statistic_covariance,
	   "The covariance of two samples (divided by n-1), or of a population (by n).", EXACT_RESULT, LIMITS),
	OP(correlation, of_x_y, statistic_correlation, "Pearson's correlation of two samples.", REAL_RESULT, LIMITS),
	OP(histogram, of_histogram, statistic_histogram,
	   "Counts of the values in bins; a bin has its lower edge, the last one its upper edge too. Values outside "
	   "given "
	   "edges are not counted.",
	   "{edges, counts}: one edge more than counts", LIMITS ", 10,000 bins"),
	OP(summary, of_y, statistic_summary,
	   "Count, mean, standard deviation (n-1) and the five numbers of a box plot.",
	   "{count, mean, sd, min, q1, median, q3, max}; sd is left out for a single value", LIMITS),
};

const struct op_family op_statistics = { LIST(ops) };
