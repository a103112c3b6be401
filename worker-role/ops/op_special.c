/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Special functions: the table of math/function.h as operations, certified to the digits asked for. */
#include <math.h>
#include <string.h>

#include "math/answer.h"
#include "math/arg.h"
#include "math/special.h"
#include "op.h"

#define ARGUMENTS_MAX 3
#define EXPONENT_BITS_MAX 40 /* of the binary exponent of a result: 10^(3 10^11) and its inverse are the ends */

/* Time of one evaluation: at 1,000 digits, and how it grows with the digits (measured up to 10,000). */
static const struct {
	const char *name;
	double ms, power;
} speeds[] = {
	{ "gamma", 1, 2.5 },      { "lgamma", 1, 2.3 },   { "digamma", 2, 2.9 },    { "beta", 2.1, 2.3 },
	{ "gammainc", 2.2, 2.2 }, { "betainc", 8, 2.4 },  { "erf", 0.3, 1.7 },      { "erfc", 0.3, 1.7 },
	{ "erfinv", 0.5, 1.7 },   { "zeta", 16, 2.4 },    { "zeta_zero", 42, 2.3 }, { "bessel_j", 2, 2 },
	{ "bessel_y", 3, 2.1 },   { "bessel_i", 2.2, 2 }, { "bessel_k", 2.2, 2 },   { "airy_ai", 0.4, 1.8 },
	{ "airy_bi", 0.4, 1.8 },  { "ellipk", 0.1, 1.5 }, { "ellipe", 0.3, 1.5 },   { "polylog", 10, 2.7 },
	{ "clausen", 4, 2 },      { "dawson", 0.3, 1.8 }, { "lambertw", 0.3, 1.5 }, { "agm", 0.1, 1.5 },
	{ "expint", 0.5, 2 },     { "si", 0.2, 1.7 },     { "ci", 0.3, 2.2 },       { "log1p", 0.1, 1.6 },
	{ "expm1", 0.1, 1.6 },
};

static double estimated_ns(const struct op_call *c)
{
	double digits = c->precision > OP_PRECISION_DOUBLE ? c->precision : OP_PRECISION_DOUBLE;

	for (size_t i = 0; i < sizeof speeds / sizeof *speeds; i++)
		if (strcmp(speeds[i].name, c->op->name) == 0)
			return 1e6 * speeds[i].ms * pow(digits / 1000, speeds[i].power);
	return 0;
}

/* Exponents are numbers of any size to Arb, but no longer to whoever reads the result. A bound below the range also
 * stands for values that cannot be told from 0 with these bits: no function here comes that near to 0 but by underflow.
 */
static int check_size(const arb_t x, const char *name, struct op_failure *f)
{
	fmpz_t low, high;
	mag_t size;
	int rc = 0;

	if (!arb_is_finite(x) || arb_is_zero(x))
		return 0;
	fmpz_init(low);
	fmpz_init(high);
	mag_init(size);
	arb_get_mag(size, x);
	fmpz_set(high, MAG_EXPREF(size));
	arb_get_mag_lower(size, x);
	fmpz_set(low, MAG_EXPREF(size));
	if (fmpz_sgn(low) > 0 && fmpz_bits(low) > EXPONENT_BITS_MAX)
		rc = op_fail(f, OP_OVERFLOW, "the value of %s has more than 300,000,000,000 digits", name);
	else if (fmpz_sgn(high) < 0 && fmpz_bits(high) > EXPONENT_BITS_MAX)
		rc = op_fail(f, OP_OVERFLOW, "the value of %s is not 0, but smaller than 10^-300,000,000,000", name);
	fmpz_clear(low);
	fmpz_clear(high);
	mag_clear(size);
	return rc;
}

/* Of a rational number, where Arb has faster ways than for a ball (constants like gamma(1/3)). */
static int gamma_of_rational(struct op_call *c, acb_ptr out, slong prec, struct op_failure *f)
{
	fmpq_t x;
	int rc;

	fmpq_init(x);
	rc = arg_fmpq(c, 0, x, f);
	if (rc == 0) {
		arb_gamma_fmpq(acb_realref(out), x, prec);
		arb_zero(acb_imagref(out));
	}
	fmpq_clear(x);
	return rc;
}

static int special_value(struct op_call *c, acb_ptr out, size_t n, slong prec, void *arg, struct op_failure *f)
{
	const struct function *fn = arg;
	acb_ptr args = _acb_vec_init(ARGUMENTS_MAX);
	int rc = 0;

	(void)n;
	for (size_t i = 0; i < c->count && rc == 0; i++)
		rc = arg_acb(c, i, args + i, prec, f);
	if (rc == 0) {
		bool quick = fn->ball == special_gamma && arg_is_rational(c, 0) && !special_is_pole(args);
		rc = quick ? gamma_of_rational(c, out, prec, f) : fn->ball(out, args, c->count, false, prec, f);
		if (rc != 0 && c->count == 1)
			arg_locate(c, 0, f);
	}
	if (rc == 0)
		rc = check_size(acb_realref(out), fn->name, f);
	if (rc == 0)
		rc = check_size(acb_imagref(out), fn->name, f);
	_acb_vec_clear(args, ARGUMENTS_MAX);
	return rc;
}

static int special_compute(struct op_call *c, struct buf *json, struct op_failure *f)
{
	const struct function *fn = function_find(c->op->name);

	if (answer_check_cost(c, estimated_ns(c), c->precision, f) != 0)
		return -1;
	return answer_certified(c, json, special_value, (void *)(uintptr_t)fn, f);
}

/* ---- the table ---- */

#define LIST(a) (a), sizeof(a) / sizeof *(a)
#define NUMBER(n, s)                                                 \
	{                                                            \
		.name = (n), .summary = (s), .kind = OP_KIND_COMPLEX \
	}
#define PRECISION                                                                                    \
	{                                                                                            \
		.name = "precision", .summary = "significant decimal digits (default 15: a double)", \
		.kind = OP_KIND_PRECISION                                                            \
	}
#define RESULT                                                                                                   \
	"a number, correctly rounded; a string of right digits for a precision above 15; {\"re\",\"im\"} for a " \
	"complex "                                                                                               \
	"value"
#define LIMITS(digits) "within the time of a call about " digits " digits; complex arguments too"
#define SPECIAL(n, s, p, e, digits)                                                                      \
	{                                                                                                \
		.name = (n), .family = "special functions", .summary = (s), .result = RESULT,            \
		.limits = LIMITS(digits), .parameters = (p), .parameter_count = sizeof(p) / sizeof *(p), \
		.examples = (e), .example_count = sizeof(e) / sizeof *(e), .compute = special_compute    \
	}

static const struct op_parameter one[] = { NUMBER("x", "the argument"), PRECISION };
static const struct op_parameter a_b[] = { NUMBER("a", "one argument"), NUMBER("b", "the other"), PRECISION };
static const struct op_parameter a_x[] = { NUMBER("a", "the parameter, > 0"), NUMBER("x", "the argument, >= 0"),
					   PRECISION };
static const struct op_parameter a_b_x[] = { NUMBER("a", "a parameter, > 0"), NUMBER("b", "a parameter, > 0"),
					     NUMBER("x", "the argument, 0 to 1"), PRECISION };
static const struct op_parameter n_x[] = { NUMBER("n", "the order, any number"), NUMBER("x", "the argument"),
					   PRECISION };
static const struct op_parameter s_x[] = { NUMBER("s", "the order"), NUMBER("x", "the argument"), PRECISION };
static const struct op_parameter k_only[] = { NUMBER("k", "the modulus k; the parameter is m = k^2"), PRECISION };
static const struct op_parameter s_only[] = { NUMBER("s", "the argument"), PRECISION };
static const struct op_parameter zero_number[] = {
	{ .name = "n",
	  .summary = "its number, from 1 (the lowest) on",
	  .kind = OP_KIND_INTEGER,
	  .bounded = true,
	  .min = 1,
	  .max = SPECIAL_ZETA_ZERO_MAX },
	PRECISION,
};

static const struct op_example gamma_examples[] = {
	{ "[5]", "24", NULL },
	{ "[\"1/2\",30]", "\"1.77245385090551602729816748334\"", NULL },
	{ "[-1]", NULL, "domain-error" },
};
static const struct op_example lgamma_examples[] = {
	{ "[2]", "0", NULL },
	{ "[10,20]", "\"12.801827480081469611\"", NULL },
	{ "[0]", NULL, "domain-error" },
};
static const struct op_example digamma_examples[] = {
	{ "[1,20]", "\"-0.57721566490153286061\"", NULL },
	{ "[-2]", NULL, "domain-error" },
};
static const struct op_example beta_examples[] = {
	{ "[2,3]", "0.08333333333333333", NULL },
	{ "[0.5,0.5]", "3.141592653589793", NULL },
	{ "[0,1]", NULL, "domain-error" },
};
static const struct op_example gammainc_examples[] = {
	{ "[1,\"log(2)\"]", "0.5", NULL },
	{ "[2,0]", "0", NULL },
	{ "[-1,2]", NULL, "domain-error" },
};
static const struct op_example betainc_examples[] = {
	{ "[2,3,0.5]", "0.6875", NULL },
	{ "[2,3,1]", "1", NULL },
	{ "[2,3,1.5]", NULL, "domain-error" },
};
static const struct op_example erf_examples[] = {
	{ "[0]", "0", NULL },
	{ "[0.5,20]", "\"0.52049987781304653768\"", NULL },
};
static const struct op_example erfc_examples[] = {
	{ "[0]", "1", NULL },
	{ "[2,20]", "\"0.0046777349810472658379\"", NULL },
};
static const struct op_example erfinv_examples[] = {
	{ "[0]", "0", NULL },
	{ "[0.5,20]", "\"0.47693627620446987338\"", NULL },
	{ "[1]", NULL, "domain-error" },
};
static const struct op_example zeta_examples[] = {
	{ "[0]", "-0.5", NULL },
	{ "[3,40]", "\"1.202056903159594285399738161511449990765\"", NULL },
	{ "[1]", NULL, "domain-error" },
};
static const struct op_example zeta_zero_examples[] = {
	{ "[1,20]", "\"14.134725141734693790\"", NULL },
	{ "[0]", NULL, "invalid-argument" },
};
static const struct op_example bessel_j_examples[] = {
	{ "[0,0]", "1", NULL },
	{ "[0,1,20]", "\"0.76519768655796655145\"", NULL },
	{ "[\"-1/2\",0]", NULL, "domain-error" },
};
static const struct op_example bessel_y_examples[] = {
	{ "[0,1,15]", "0.08825696421567696", NULL },
	{ "[0,0]", NULL, "domain-error" },
};
static const struct op_example bessel_i_examples[] = {
	{ "[0,0]", "1", NULL },
	{ "[0,1,20]", "\"1.2660658777520083356\"", NULL },
};
static const struct op_example bessel_k_examples[] = {
	{ "[0,1,20]", "\"0.42102443824070833334\"", NULL },
	{ "[1,0]", NULL, "domain-error" },
};
static const struct op_example airy_ai_examples[] = {
	{ "[0,20]", "\"0.35502805388781723926\"", NULL },
	{ "[1]", "0.13529241631288141", NULL },
};
static const struct op_example airy_bi_examples[] = {
	{ "[0,20]", "\"0.61492662744600073515\"", NULL },
	{ "[1]", "1.2074235949528713", NULL },
};
static const struct op_example ellipk_examples[] = {
	{ "[0]", "1.5707963267948966", NULL },
	{ "[0.5]", "1.685750354812596", NULL },
	{ "[1]", NULL, "domain-error" },
};
static const struct op_example ellipe_examples[] = {
	{ "[1]", "1", NULL },
	{ "[0]", "1.5707963267948966", NULL },
};
static const struct op_example polylog_examples[] = {
	{ "[2,1,20]", "\"1.6449340668482264365\"", NULL },
	{ "[2,2]", "{\"re\":2.4674011002723395,\"im\":-2.177586090303602}", NULL },
	{ "[1,1]", NULL, "domain-error" },
};
static const struct op_example clausen_examples[] = {
	{ "[0]", "0", NULL },
	{ "[\"pi/2\",20]", "\"0.91596559417721901505\"", NULL },
};
static const struct op_example dawson_examples[] = {
	{ "[0]", "0", NULL },
	{ "[1,20]", "\"0.53807950691276841914\"", NULL },
};
static const struct op_example lambertw_examples[] = {
	{ "[0]", "0", NULL },
	{ "[1,20]", "\"0.56714329040978387300\"", NULL },
	{ "[\"e\"]", "1", NULL },
};
static const struct op_example agm_examples[] = {
	{ "[1,1]", "1", NULL },
	{ "[24,6,20]", "\"13.458171481725615421\"", NULL },
};
static const struct op_example expint_examples[] = {
	{ "[1,20]", "\"0.21938393439552027368\"", NULL },
	{ "[0]", NULL, "domain-error" },
};
static const struct op_example si_examples[] = {
	{ "[0]", "0", NULL },
	{ "[1,20]", "\"0.94608307036718301494\"", NULL },
};
static const struct op_example ci_examples[] = {
	{ "[1,20]", "\"0.33740392290096813466\"", NULL },
	{ "[0]", NULL, "domain-error" },
};
static const struct op_example log1p_examples[] = {
	{ "[0]", "0", NULL },
	{ "[\"1e-20\",25]", "\"9.999999999999999999950000e-21\"", NULL },
	{ "[-1]", NULL, "domain-error" },
};
static const struct op_example expm1_examples[] = {
	{ "[0]", "0", NULL },
	{ "[1,20]", "\"1.7182818284590452354\"", NULL },
};

static const struct op ops[] = {
	SPECIAL("gamma", "The gamma function.", one, gamma_examples, "20,000"),
	SPECIAL("lgamma", "The logarithm of the gamma function; of |gamma(x)| for negative x.", one, lgamma_examples,
		"30,000"),
	SPECIAL("digamma", "The logarithmic derivative of the gamma function.", one, digamma_examples, "10,000"),
	SPECIAL("beta", "The beta function, gamma(a) gamma(b) / gamma(a+b).", a_b, beta_examples, "20,000"),
	SPECIAL("gammainc",
		"The regularised lower incomplete gamma function P(a,x): the integral of t^(a-1) e^(-t) from 0 to x, "
		"divided by gamma(a).",
		a_x, gammainc_examples, "30,000"),
	SPECIAL("betainc",
		"The regularised incomplete beta function I_x(a,b): the integral of t^(a-1) (1-t)^(b-1) from 0 to x, "
		"divided by beta(a,b).",
		a_b_x, betainc_examples, "10,000"),
	SPECIAL("erf", "The error function.", one, erf_examples, "300,000"),
	SPECIAL("erfc", "The complementary error function, 1 - erf(x), without its cancellation.", one, erfc_examples,
		"300,000"),
	SPECIAL("erfinv", "The inverse of the error function, for a real x between -1 and 1.", one, erfinv_examples,
		"200,000"),
	SPECIAL("zeta", "Riemann's zeta function.", s_only, zeta_examples, "10,000"),
	SPECIAL("zeta_zero", "The imaginary part of the n-th zero of zeta on the critical line above the real axis.",
		zero_number, zeta_zero_examples, "7,000"),
	SPECIAL("bessel_j", "The Bessel function of the first kind, J_n(x).", n_x, bessel_j_examples, "40,000"),
	SPECIAL("bessel_y", "The Bessel function of the second kind, Y_n(x).", n_x, bessel_y_examples, "30,000"),
	SPECIAL("bessel_i", "The modified Bessel function of the first kind, I_n(x).", n_x, bessel_i_examples,
		"40,000"),
	SPECIAL("bessel_k", "The modified Bessel function of the second kind, K_n(x).", n_x, bessel_k_examples,
		"40,000"),
	SPECIAL("airy_ai", "The Airy function Ai(x).", one, airy_ai_examples, "150,000"),
	SPECIAL("airy_bi", "The Airy function Bi(x).", one, airy_bi_examples, "150,000"),
	SPECIAL("ellipk", "The complete elliptic integral of the first kind, K(k), of the modulus k.", k_only,
		ellipk_examples, "1,000,000"),
	SPECIAL("ellipe", "The complete elliptic integral of the second kind, E(k), of the modulus k.", k_only,
		ellipe_examples, "500,000"),
	SPECIAL("polylog", "The polylogarithm Li_s(x): the sum of x^k / k^s over k >= 1, continued.", s_x,
		polylog_examples, "8,000"),
	SPECIAL("clausen", "Clausen's function Cl_2(x): the sum of sin(k x) / k^2 over k >= 1.", one, clausen_examples,
		"30,000"),
	SPECIAL("dawson", "Dawson's integral, e^(-x^2) times the integral of e^(t^2) from 0 to x.", one,
		dawson_examples, "200,000"),
	SPECIAL("lambertw", "Lambert's W: the w with w e^w = x, on the principal branch.", one, lambertw_examples,
		"500,000"),
	SPECIAL("agm", "The arithmetic-geometric mean.", a_b, agm_examples, "1,000,000"),
	SPECIAL("expint",
		"The exponential integral E_1(x): the integral of e^(-t)/t from x to infinity; principal value of the "
		"continuation for negative x.",
		one, expint_examples, "100,000"),
	SPECIAL("si", "The sine integral: the integral of sin(t)/t from 0 to x.", one, si_examples, "300,000"),
	SPECIAL("ci", "The cosine integral: minus the integral of cos(t)/t from x to infinity.", one, ci_examples,
		"80,000"),
	SPECIAL("log1p", "log(1+x), exact near 0.", one, log1p_examples, "800,000"),
	SPECIAL("expm1", "e^x - 1, exact near 0.", one, expm1_examples, "800,000"),
};

const struct op_family op_special = { LIST(ops) };
