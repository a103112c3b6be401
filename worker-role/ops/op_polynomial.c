/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Polynomials over the rationals, on FLINT, with roots certified by Arb: the table. What the operations do is in
 * polynomial_*.c. */
#include "op.h"
#include "ops/polynomial.h"

#define LIST(a) (a), sizeof(a) / sizeof *(a)
#define POLYNOMIAL(n, s)                                                \
	{                                                               \
		.name = (n), .summary = (s), .kind = OP_KIND_POLYNOMIAL \
	}
#define PRECISION(s)                                                           \
	{                                                                      \
		.name = "precision", .summary = (s), .kind = OP_KIND_PRECISION \
	}
#define FAMILY .family = "polynomial"
#define COEFFICIENTS "an array of exact coefficients, from the constant up"
#define DEGREES "degrees up to 20,000"

static const struct op_parameter p_q[] = {
	POLYNOMIAL("p", "coefficients from the constant up, or an expression in one variable"),
	POLYNOMIAL("q", "another one"),
};
static const struct op_parameter only_p[] = {
	POLYNOMIAL("p", "coefficients from the constant up, or an expression in one variable"),
};
static const struct op_parameter poly_eval_parameters[] = {
	POLYNOMIAL("p", "coefficients from the constant up, or an expression in one variable"),
	{ .name = "x", .summary = "where", .kind = OP_KIND_COMPLEX },
	PRECISION("significant decimal digits (default: exact where the arguments are rational, else a double)"),
};
static const struct op_parameter poly_roots_parameters[] = {
	POLYNOMIAL("p", "coefficients from the constant up, or an expression in one variable"),
	PRECISION("significant decimal digits of each part (default 15: doubles)"),
};
static const struct op_parameter poly_factor_parameters[] = {
	POLYNOMIAL("p", "coefficients from the constant up, or an expression in one variable"),
	{ .name = "mod", .summary = "a prime: factors over that field", .kind = OP_KIND_INTEGER, .optional = true },
};
static const struct op_parameter poly_expand_parameters[] = {
	{ .name = "expr", .summary = "an expression, a polynomial in its variables", .kind = OP_KIND_EXPRESSION },
};
static const struct op_parameter interpolate_parameters[] = {
	{ .name = "x", .summary = "abscissas, all different", .kind = OP_KIND_VECTOR },
	{ .name = "y", .summary = "as many values", .kind = OP_KIND_VECTOR },
};
static const struct op_parameter special_poly_parameters[] = {
	{ .name = "name", .summary = "which family", .kind = OP_KIND_TEXT, .choices = polynomial_names },
	{ .name = "n",
	  .summary = "the degree from 0 on; for cyclotomic the order, from 1 on",
	  .kind = OP_KIND_INTEGER,
	  .bounded = true,
	  .min = 0,
	  .max = POLYNOMIAL_SPECIAL_MAX },
};

static const struct op_example poly_eval_examples[] = {
	{ "[[1,2,3],2]", "17", NULL },
	{ "[\"x^2-x\",\"1/3\"]", "\"-2/9\"", NULL },
	{ "[[1,0,1],\"i\"]", "0", NULL },
	{ "[[0,1],\"pi\",20]", "\"3.1415926535897932385\"", NULL },
};
static const struct op_example poly_add_examples[] = {
	{ "[[1,2],[3,-2]]", "[4]", NULL },
	{ "[[\"1/2\",1],[\"1/3\"]]", "[\"5/6\",1]", NULL },
};
static const struct op_example poly_mul_examples[] = {
	{ "[[1,1],[-1,1]]", "[-1,0,1]", NULL },
	{ "[\"x+1\",\"x+1\"]", "[1,2,1]", NULL },
};
static const struct op_example poly_divmod_examples[] = {
	{ "[[-1,0,0,1],[-1,1]]", "{\"quotient\":[1,1,1],\"remainder\":[0]}", NULL },
	{ "[[1,2,3],[0,2]]", "{\"quotient\":[1,\"3/2\"],\"remainder\":[1]}", NULL },
	{ "[[1,2],[0]]", NULL, "division-by-zero" },
};
static const struct op_example poly_gcd_examples[] = {
	{ "[[-1,0,1],[2,2]]", "[1,1]", NULL },
	{ "[[0],[0]]", "[0]", NULL },
};
static const struct op_example poly_roots_examples[] = {
	{ "[[6,-5,1]]", "[2,3]", NULL },
	{ "[\"(x^2+1)*(x-1)^2\"]", "[{\"re\":0,\"im\":-1},{\"re\":0,\"im\":1},1,1]", NULL },
	{ "[[-2,0,1],20]", "[\"-1.4142135623730950488\",\"1.4142135623730950488\"]", NULL },
	{ "[[0]]", NULL, "domain-error" },
};
static const struct op_example poly_factor_examples[] = {
	{ "[[-4,0,4]]", "{\"content\":4,\"factors\":[[[-1,1],1],[[1,1],1]]}", NULL },
	{ "[[1,0,0,0,1],2]", "{\"content\":1,\"factors\":[[[1,1],4]]}", NULL },
	{ "[[1,1],4]", NULL, "invalid-argument" },
};
static const struct op_example poly_expand_examples[] = {
	{ "[\"(x+1)^3\"]", "[1,3,3,1]", NULL },
	{ "[\"(x+y)^2\"]", "\"x^2 + 2*x*y + y^2\"", NULL },
	{ "[\"(x+y)^1000000\"]", NULL, "limit-exceeded" },
};
static const struct op_example resultant_examples[] = {
	{ "[[-1,0,1],[-2,1]]", "3", NULL },
	{ "[[-1,1],[-1,0,1]]", "0", NULL },
};
static const struct op_example discriminant_examples[] = {
	{ "[[6,-5,1]]", "1", NULL },
	{ "[\"x^3+2*x+3\"]", "-275", NULL },
	{ "[[7]]", NULL, "domain-error" },
};
static const struct op_example interpolate_examples[] = {
	{ "[[0,1,2],[1,3,7]]", "[1,1,1]", NULL },
	{ "[[0,\"1/2\"],[0,1]]", "[0,2]", NULL },
	{ "[[1,1],[2,3]]", NULL, "invalid-argument" },
};
static const struct op_example special_poly_examples[] = {
	{ "[\"legendre\",2]", "[\"-1/2\",0,\"3/2\"]", NULL },
	{ "[\"chebyshev\",3]", "[0,-3,0,4]", NULL },
	{ "[\"cyclotomic\",6]", "[1,-1,1]", NULL },
	{ "[\"hermite\",-1]", NULL, "invalid-argument" },
};

static const struct op ops[] = {
	{ .name = "poly_eval",
	  FAMILY,
	  .summary = "The value of a polynomial.",
	  .result = "an exact number where coefficients and x are rational; otherwise a number, correctly rounded",
	  .limits = DEGREES ", results up to 1,000,000 digits",
	  LIST(poly_eval_parameters),
	  LIST(poly_eval_examples),
	  .compute = polynomial_eval },
	{ .name = "poly_add",
	  FAMILY,
	  .summary = "The sum of two polynomials with rational coefficients.",
	  .result = COEFFICIENTS,
	  .limits = DEGREES,
	  LIST(p_q),
	  LIST(poly_add_examples),
	  .compute = polynomial_add },
	{ .name = "poly_mul",
	  FAMILY,
	  .summary = "The product of two polynomials with rational coefficients.",
	  .result = COEFFICIENTS,
	  .limits = DEGREES,
	  LIST(p_q),
	  LIST(poly_mul_examples),
	  .compute = polynomial_mul },
	{ .name = "poly_divmod",
	  FAMILY,
	  .summary = "The quotient and the remainder of two polynomials over the rationals; the remainder's degree is "
		     "below that of q.",
	  .result = "{\"quotient\",\"remainder\"}, exact coefficients from the constant up",
	  .limits = DEGREES,
	  LIST(p_q),
	  LIST(poly_divmod_examples),
	  .compute = polynomial_divmod },
	{ .name = "poly_gcd",
	  FAMILY,
	  .summary = "The monic greatest common divisor of two polynomials over the rationals; [0] if both are zero.",
	  .result = COEFFICIENTS,
	  .limits = DEGREES,
	  LIST(p_q),
	  LIST(poly_gcd_examples),
	  .compute = polynomial_gcd },
	{ .name = "poly_roots",
	  FAMILY,
	  .summary =
	      "All complex roots, each as often as its multiplicity, by real and then by imaginary part. Certified: "
	      "real and purely imaginary roots are exactly that. Coefficients that are not rational need simple "
	      "roots.",
	  .result = "an array of numbers, {\"re\",\"im\"} where they are not real",
	  .limits = "degrees up to 500",
	  LIST(poly_roots_parameters),
	  LIST(poly_roots_examples),
	  .compute = polynomial_roots },
	{ .name = "poly_factor",
	  FAMILY,
	  .summary =
	      "The irreducible factors over the rationals, with coprime integer coefficients and a positive leading "
	      "one; or monic ones modulo a prime.",
	  .result = "{\"content\",\"factors\":[[coefficients, multiplicity],…]}, by degree, then by coefficients",
	  .limits = "degrees up to 2,000, primes below 2^63",
	  LIST(poly_factor_parameters),
	  LIST(poly_factor_examples),
	  .compute = polynomial_factor },
	{ .name = "poly_expand",
	  FAMILY,
	  .summary = "A polynomial expression multiplied out.",
	  .result =
	      "for at most one variable, exact coefficients from the constant up; for several, the expression as text",
	  .limits = "32 variables, 50,000 terms",
	  LIST(poly_expand_parameters),
	  LIST(poly_expand_examples),
	  .compute = polynomial_expand },
	{ .name = "resultant",
	  FAMILY,
	  .summary = "The resultant of two polynomials over the rationals: 0 exactly where they have a common root.",
	  .result = "an exact number",
	  .limits = DEGREES " within the time of a call, results up to 1,000,000 digits",
	  LIST(p_q),
	  LIST(resultant_examples),
	  .compute = polynomial_resultant },
	{ .name = "discriminant",
	  FAMILY,
	  .summary = "The discriminant of a polynomial over the rationals: 0 exactly where it has a multiple root.",
	  .result = "an exact number",
	  .limits = DEGREES " within the time of a call, results up to 1,000,000 digits",
	  LIST(only_p),
	  LIST(discriminant_examples),
	  .compute = polynomial_discriminant },
	{ .name = "interpolate",
	  FAMILY,
	  .summary = "The polynomial of least degree through the points (x[k], y[k]), which are rational.",
	  .result = COEFFICIENTS,
	  .limits = "1 to 2,000 points",
	  LIST(interpolate_parameters),
	  LIST(interpolate_examples),
	  .compute = polynomial_interpolate },
	{ .name = "special_poly",
	  FAMILY,
	  .summary =
	      "A classical polynomial: Legendre's P_n, Chebyshev's T_n, Hermite's H_n (the physicists'), Laguerre's "
	      "L_n, or the n-th cyclotomic one.",
	  .result = COEFFICIENTS,
	  .limits = "results up to 1 MiB",
	  LIST(special_poly_parameters),
	  LIST(special_poly_examples),
	  .compute = polynomial_special },
};

const struct op_family op_polynomial = { LIST(ops) };
