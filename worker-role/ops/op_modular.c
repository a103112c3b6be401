/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Number theory, third part: modular arithmetic. Powers, inverses and the Jacobi symbol of short integers are computed
 * on GMP where they arrive; what needs a factorization, in compute children. */
#include <flint/fmpz_vec.h>
#include <math.h>

#include "cost.h"
#include "math/answer.h"
#include "math/arg.h"
#include "math/congruence.h"
#include "math/factoring.h"
#include "ops/operand.h"

#define EXPECTED_MODULUS "expected a modulus from 1 on"

/* ---- modpow, modinv, jacobi ---- */

static int modpow_estimate(struct op_call *c, struct op_cost *cost, struct op_failure *f)
{
	double base = operand_top_digits(c, 0), exponent = operand_top_digits(c, 1), modulus = operand_top_digits(c, 2);

	if (number_sign(op_call_number(c, 2)) <= 0)
		return operand_fail(c, 2, f, OP_INVALID_ARGUMENT, EXPECTED_MODULUS);
	cost->ns = 1000 + cost_div(base, modulus) + 4 * exponent * cost_mul(modulus, modulus);
	if (number_sign(op_call_number(c, 1)) < 0)
		cost->ns += cost_gcd(base, modulus);
	return 0;
}

static int modpow_run(struct op_call *c, struct buf *json, struct op_failure *f)
{
	mpz_ptr a = operand_load_integer(c, 0), e = operand_load_integer(c, 1), m = operand_load_integer(c, 2);

	if (mpz_sgn(e) < 0) {
		if (mpz_invert(a, a, m) == 0 && mpz_cmp_ui(m, 1) != 0)
			return operand_fail(c, 0, f, OP_NOT_INVERTIBLE,
					    "a negative exponent needs an inverse, and it has none modulo m");
		mpz_neg(e, e);
	}
	mpz_powm(a, a, e, m);
	return operand_put_integer(json, a, f);
}

static int modinv_estimate(struct op_call *c, struct op_cost *cost, struct op_failure *f)
{
	if (number_sign(op_call_number(c, 1)) <= 0)
		return operand_fail(c, 1, f, OP_INVALID_ARGUMENT, EXPECTED_MODULUS);
	cost->ns = 2 * cost_gcd(operand_top_digits(c, 0), operand_top_digits(c, 1));
	return 0;
}

static int modinv_run(struct op_call *c, struct buf *json, struct op_failure *f)
{
	mpz_ptr a = operand_load_integer(c, 0), m = operand_load_integer(c, 1);

	if (mpz_cmp_ui(m, 1) == 0) {
		buf_byte(json, '0');
		return 0;
	}
	if (mpz_invert(a, a, m) == 0)
		return operand_fail(c, 0, f, OP_NOT_INVERTIBLE, "it has no inverse: it has a factor in common with m");
	return operand_put_integer(json, a, f);
}

static int jacobi_estimate(struct op_call *c, struct op_cost *cost, struct op_failure *f)
{
	if (number_sign(op_call_number(c, 1)) <= 0)
		return operand_fail(c, 1, f, OP_INVALID_ARGUMENT, "expected an odd integer from 1 on");
	cost->ns = cost_gcd(operand_top_digits(c, 0), operand_top_digits(c, 1));
	return 0;
}

static int jacobi_run(struct op_call *c, struct buf *json, struct op_failure *f)
{
	if (!operand_is_odd(c, 1))
		return operand_fail(c, 1, f, OP_INVALID_ARGUMENT, "expected an odd integer from 1 on");
	buf_int(json, mpz_jacobi(operand_load_integer(c, 0), operand_load_integer(c, 1)));
	return 0;
}

/* ---- what the others take ---- */

static int take_modulus(struct op_call *c, size_t i, fmpz_t m, struct op_failure *f)
{
	if (arg_fmpz(c, i, m, f) != 0)
		return -1;
	if (fmpz_sgn(m) <= 0)
		return arg_fail(c, i, f, OP_INVALID_ARGUMENT, "%s: " EXPECTED_MODULUS, c->op->name);
	return 0;
}

static int require_unit(struct op_call *c, size_t i, const fmpz_t a, const fmpz_t m, struct op_failure *f)
{
	fmpz_t g;
	bool unit;

	fmpz_init(g);
	fmpz_gcd(g, a, m);
	unit = fmpz_is_one(g);
	fmpz_clear(g);
	return unit ? 0
		    : arg_fail(c, i, f, OP_NOT_INVERTIBLE, "%s: expected an integer coprime to the modulus",
			       c->op->name);
}

/* ---- crt ---- */

static int take_congruence(struct op_call *c, size_t row, fmpz_t x, fmpz_t m, struct op_failure *f)
{
	fmpq_t q;
	int rc = 0;

	fmpq_init(q);
	for (size_t i = 0; i < 2 && rc == 0; i++) {
		rc = arg_fmpq_at(c, i, row, 0, q, f);
		if (rc == 0 && !fmpz_is_one(fmpq_denref(q)))
			rc = arg_fail_at(c, i, row, 0, f, OP_INVALID_ARGUMENT, "crt: expected an integer");
		fmpz_set(i ? m : x, fmpq_numref(q));
	}
	if (rc == 0 && fmpz_sgn(m) <= 0)
		rc = arg_fail_at(c, 1, row, 0, f, OP_INVALID_ARGUMENT, "crt: " EXPECTED_MODULUS);
	if (rc == 0)
		fmpz_mod(x, x, m);
	fmpq_clear(q);
	return rc;
}

/* Joins pairwise, so that operands stay of like size; leaves the whole in x[0], m[0]. */
static bool join_all(fmpz *x, fmpz *m, slong n)
{
	if (n < 2)
		return true;
	slong half = n / 2;
	return join_all(x, m, half) && join_all(x + half, m + half, n - half) &&
	       congruence_join(x, m, x + half, m + half);
}

static int crt_compute(struct op_call *c, struct buf *json, struct op_failure *f)
{
	size_t n, moduli, cols;
	int rc = 0;

	arg_shape(c, 0, &n, &cols);
	arg_shape(c, 1, &moduli, &cols);
	if (n != moduli)
		return arg_fail(c, 1, f, OP_DIMENSION_MISMATCH,
				"crt: expected as many moduli as residues, %zu, got %zu", n, moduli);
	if (n == 0)
		return arg_fail(c, 0, f, OP_INVALID_ARGUMENT, "crt: expected at least one congruence");
	fmpz *x = _fmpz_vec_init((slong)n), *m = _fmpz_vec_init((slong)n);
	for (size_t i = 0; i < n && rc == 0; i++)
		rc = take_congruence(c, i, x + i, m + i, f);
	if (rc == 0 && !join_all(x, m, (slong)n))
		rc = op_fail(f, OP_NO_SOLUTION, "crt: the congruences contradict each other");
	if (rc == 0) {
		buf_byte(json, '{');
		answer_member(json, "x");
		rc = answer_fmpz(json, x, f);
	}
	if (rc == 0) {
		answer_member(json, "modulus");
		rc = answer_fmpz(json, m, f);
		buf_byte(json, '}');
	}
	_fmpz_vec_clear(m, (slong)n);
	_fmpz_vec_clear(x, (slong)n);
	return rc;
}

/* ---- sqrt_mod, discrete_log, mult_order, primitive_root ---- */

static int sqrt_mod_compute(struct op_call *c, struct buf *json, struct op_failure *f)
{
	fmpz_t a, m;
	fmpz *roots = NULL;
	slong count = 0;
	int rc;

	fmpz_init(a);
	fmpz_init(m);
	rc = arg_fmpz(c, 0, a, f);
	if (rc == 0)
		rc = take_modulus(c, 1, m, f);
	if (rc == 0)
		rc = congruence_sqrt(&roots, &count, a, m, f);
	if (rc == 0)
		rc = answer_fmpz_vector(json, roots, count, f);
	if (roots)
		_fmpz_vec_clear(roots, count);
	fmpz_clear(m);
	fmpz_clear(a);
	return rc;
}

static int discrete_log_compute(struct op_call *c, struct buf *json, struct op_failure *f)
{
	fmpz_t a, g, m, x;
	int rc;

	fmpz_init(a);
	fmpz_init(g);
	fmpz_init(m);
	fmpz_init(x);
	rc = arg_fmpz(c, 0, a, f);
	if (rc == 0)
		rc = arg_fmpz(c, 1, g, f);
	if (rc == 0)
		rc = take_modulus(c, 2, m, f);
	if (rc == 0) {
		fmpz_mod(g, g, m);
		int found = congruence_log(x, a, g, m, f);
		rc = found < 0    ? -1
		     : found == 0 ? op_fail(f, OP_NO_SOLUTION, "discrete_log: no power of g is a modulo n")
				  : answer_fmpz(json, x, f);
	}
	fmpz_clear(x);
	fmpz_clear(m);
	fmpz_clear(g);
	fmpz_clear(a);
	return rc;
}

static int mult_order_compute(struct op_call *c, struct buf *json, struct op_failure *f)
{
	fmpz_t a, m, order;
	int rc;

	fmpz_init(a);
	fmpz_init(m);
	fmpz_init(order);
	rc = arg_fmpz(c, 0, a, f);
	if (rc == 0)
		rc = take_modulus(c, 1, m, f);
	if (rc == 0)
		rc = require_unit(c, 0, a, m, f);
	if (rc == 0) {
		fmpz_mod(a, a, m);
		rc = congruence_order(order, a, m, f);
	}
	if (rc == 0)
		rc = answer_fmpz(json, order, f);
	fmpz_clear(order);
	fmpz_clear(m);
	fmpz_clear(a);
	return rc;
}

/* There is one modulo 1, 2, 4, p^k and 2 p^k for odd primes p (Gauss, Disquisitiones Arithmeticae, 92). */
static bool has_primitive_root(const fmpz_factor_t m)
{
	if (m->num == 0)
		return true;
	bool two = fmpz_cmp_ui(m->p, 2) == 0;
	if (m->num == 1)
		return !two || m->exp[0] <= 2;
	return m->num == 2 && two && m->exp[0] == 1;
}

static bool is_primitive_root(const fmpz_t g, const fmpz_t m, const fmpz_t totient, const fmpz_factor_t phi)
{
	fmpz_t t;
	bool yes = true;

	fmpz_init(t);
	fmpz_gcd(t, g, m);
	yes = fmpz_is_one(t);
	for (slong i = 0; i < phi->num && yes; i++) {
		fmpz_divexact(t, totient, phi->p + i);
		fmpz_powm(t, g, t, m);
		yes = !fmpz_is_one(t);
	}
	fmpz_clear(t);
	return yes;
}

static int least_primitive_root(fmpz_t g, const fmpz_t m, struct op_failure *f)
{
	fmpz_factor_t factors, phi;
	fmpz_t totient;
	int rc;

	fmpz_init(totient);
	fmpz_factor_init(factors);
	fmpz_factor_init(phi);
	rc = factoring_factor(m, factors, f);
	if (rc == 0 && !has_primitive_root(factors))
		rc = op_fail(f, OP_NO_SOLUTION, "primitive_root: there is one modulo 1, 2, 4, p^k and 2 p^k only");
	if (rc == 0) {
		factoring_totient(totient, factors);
		rc = factoring_factor(totient, phi, f);
	}
	if (rc == 0 && fmpz_is_one(m)) {
		fmpz_zero(g);
	} else if (rc == 0) {
		fmpz_one(g);
		while (!is_primitive_root(g, m, totient, phi))
			fmpz_add_ui(g, g, 1);
	}
	fmpz_factor_clear(phi);
	fmpz_factor_clear(factors);
	fmpz_clear(totient);
	return rc;
}

static int primitive_root_compute(struct op_call *c, struct buf *json, struct op_failure *f)
{
	fmpz_t m, g;
	int rc;

	fmpz_init(m);
	fmpz_init(g);
	rc = take_modulus(c, 0, m, f);
	if (rc == 0)
		rc = least_primitive_root(g, m, f);
	if (rc == 0)
		rc = answer_fmpz(json, g, f);
	fmpz_clear(g);
	fmpz_clear(m);
	return rc;
}

/* ---- the table ---- */

#define LIST(a) (a), sizeof(a) / sizeof *(a)
#define FAMILY "number theory"
#define INTEGER_RESULT "an integer (a string of digits beyond 2^53-1)"
#define FACTOR_LIMIT "a modulus of up to 1,000 digits that can be factored in the time"
#define INTEGER(n, s)                                                \
	{                                                            \
		.name = (n), .summary = (s), .kind = OP_KIND_INTEGER \
	}

static const struct op_parameter modpow_parameters[] = {
	INTEGER("a", "the base"), INTEGER("e", "the exponent; a negative one needs an inverse of a"),
	INTEGER("m", "the modulus, from 1 on")
};
static const struct op_example modpow_examples[] = {
	{ "[4,13,497]", "445", NULL },
	{ "[3,-1,7]", "5", NULL },
	{ "[2,\"1000000006\",\"1000000007\"]", "1", NULL },
	{ "[2,-1,4]", NULL, "not-invertible" },
	{ "[2,10,0]", NULL, "invalid-argument" },
};
static const struct op_parameter modinv_parameters[] = { INTEGER("a", "an integer"),
							 INTEGER("m", "the modulus, from 1 on") };
static const struct op_example modinv_examples[] = {
	{ "[3,11]", "4", NULL },
	{ "[-3,11]", "7", NULL },
	{ "[6,9]", NULL, "not-invertible" },
	{ "[3,0]", NULL, "invalid-argument" },
};
static const struct op_parameter crt_parameters[] = {
	{ .name = "residues", .summary = "the remainders", .kind = OP_KIND_VECTOR },
	{ .name = "moduli",
	  .summary = "their moduli, from 1 on; they may have common factors",
	  .kind = OP_KIND_VECTOR },
};
static const struct op_example crt_examples[] = {
	{ "[[2,3,2],[3,5,7]]", "{\"x\":23,\"modulus\":105}", NULL },
	{ "[[1,3],[4,6]]", "{\"x\":9,\"modulus\":12}", NULL },
	{ "[[1,2],[4,6]]", NULL, "no-solution" },
	{ "[[1,2],[4]]", NULL, "dimension-mismatch" },
	{ "[[1],[0]]", NULL, "invalid-argument" },
};
static const struct op_parameter sqrt_mod_parameters[] = { INTEGER("a", "an integer"),
							   INTEGER("p", "the modulus, from 1 on; prime or not") };
static const struct op_example sqrt_mod_examples[] = {
	{ "[2,7]", "[3,4]", NULL },       { "[1,8]", "[1,3,5,7]", NULL },        { "[3,7]", "[]", NULL },
	{ "[4,15]", "[2,7,8,13]", NULL }, { "[1,0]", NULL, "invalid-argument" },
};
static const struct op_parameter log_parameters[] = { INTEGER("a", "the power"), INTEGER("g", "the base"),
						      INTEGER("n", "the modulus, from 1 on") };
static const struct op_example log_examples[] = {
	{ "[13,3,17]", "4", NULL },
	{ "[1,5,23]", "0", NULL },
	{ "[4,2,12]", "2", NULL },
	{ "[3,2,7]", NULL, "no-solution" },
};
static const struct op_parameter order_parameters[] = { INTEGER("a", "an integer coprime to n"),
							INTEGER("n", "the modulus, from 1 on") };
static const struct op_example order_examples[] = {
	{ "[2,7]", "3", NULL },
	{ "[10,\"1000000007\"]", "1000000006", NULL },
	{ "[2,4]", NULL, "not-invertible" },
};
static const struct op_parameter root_parameters[] = { INTEGER("n", "the modulus, from 1 on") };
static const struct op_example root_examples[] = {
	{ "[7]", "3", NULL },
	{ "[41]", "6", NULL },
	{ "[18]", "5", NULL },
	{ "[8]", NULL, "no-solution" },
};
static const struct op_parameter jacobi_parameters[] = { INTEGER("a", "an integer"),
							 INTEGER("n", "an odd integer from 1 on") };
static const struct op_example jacobi_examples[] = {
	{ "[1001,9907]", "-1", NULL },
	{ "[19,45]", "1", NULL },
	{ "[15,45]", "0", NULL },
	{ "[3,8]", NULL, "invalid-argument" },
};

static const struct op ops[] = {
	{ "modpow", FAMILY, "a^e modulo m, from 0 to m-1.", INTEGER_RESULT, "what the time allows",
	  LIST(modpow_parameters), LIST(modpow_examples), .estimate = modpow_estimate, .run = modpow_run },
	{ "modinv", FAMILY, "The inverse of a modulo m, from 0 to m-1.", INTEGER_RESULT,
	  "none but the size of the arguments", LIST(modinv_parameters), LIST(modinv_examples),
	  .estimate = modinv_estimate, .run = modinv_run },
	{ "crt", FAMILY,
	  "The least x >= 0 that leaves the given residues, and the least common multiple of the moduli, which it is "
	  "determined by.",
	  "{\"x\": an integer, \"modulus\": an integer}", "a result of 1,000,000 digits", LIST(crt_parameters),
	  LIST(crt_examples), .compute = crt_compute },
	{ "sqrt_mod", FAMILY,
	  "All square roots of a modulo p, from 0 to p-1, ascending; none is an empty array. p may be composite.",
	  "an array of integers", "100,000 roots; " FACTOR_LIMIT, LIST(sqrt_mod_parameters), LIST(sqrt_mod_examples),
	  .compute = sqrt_mod_compute },
	{ "discrete_log", FAMILY, "The least x >= 0 with g^x = a modulo n.", INTEGER_RESULT,
	  FACTOR_LIMIT "; the order of g should have no prime factor of more than 20 digits", LIST(log_parameters),
	  LIST(log_examples), .compute = discrete_log_compute },
	{ "mult_order", FAMILY, "The multiplicative order of a modulo n: the least k >= 1 with a^k = 1.",
	  INTEGER_RESULT, FACTOR_LIMIT, LIST(order_parameters), LIST(order_examples), .compute = mult_order_compute },
	{ "primitive_root", FAMILY, "The least primitive root modulo n, a generator of the units; 0 for n = 1.",
	  INTEGER_RESULT, FACTOR_LIMIT, LIST(root_parameters), LIST(root_examples), .compute = primitive_root_compute },
	{ "jacobi", FAMILY, "The Jacobi symbol (a/n).", "-1, 0 or 1", "none but the size of the arguments",
	  LIST(jacobi_parameters), LIST(jacobi_examples), .estimate = jacobi_estimate, .run = jacobi_run },
};

const struct op_family op_modular = { LIST(ops) };
