/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "math/congruence.h"

#include <flint/fmpz_vec.h>
#include <stdlib.h>

#include "math/engines.h"
#include "math/factoring.h"
#include "math/pari_convert.h"

bool congruence_join(fmpz_t x, fmpz_t m, const fmpz_t b, const fmpz_t n)
{
	fmpz_t g, u, v, gap;
	bool solvable;

	fmpz_init(g);
	fmpz_init(u);
	fmpz_init(v);
	fmpz_init(gap);
	fmpz_xgcd(g, u, v, m, n); /* u m + v n = g */
	fmpz_sub(gap, b, x);
	solvable = fmpz_divisible(gap, g);
	if (solvable) { /* x + m ((b - x)/g u mod n/g) */
		fmpz_divexact(gap, gap, g);
		fmpz_divexact(v, n, g);
		fmpz_mul(gap, gap, u);
		fmpz_mod(gap, gap, v);
		fmpz_addmul(x, m, gap);
		fmpz_mul(m, m, v);
		fmpz_mod(x, x, m);
	}
	fmpz_clear(gap);
	fmpz_clear(v);
	fmpz_clear(u);
	fmpz_clear(g);
	return solvable;
}

/* ---- square roots ---- */

struct roots {
	fmpz *v;
	slong count;
};

static void roots_free(struct roots *r)
{
	if (r->v)
		_fmpz_vec_clear(r->v, r->count);
	r->v = NULL;
	r->count = 0;
}

struct local {
	const fmpz *a, *p; /* a is prime to p */
	ulong e;
	fmpz_t root;
	bool found;
};

/* One root of a unit modulo p^e. */
static int unit_root_body(void *arg, struct op_failure *f)
{
	struct local *l = arg;
	GEN p = pari_convert_from_fmpz(l->p), a = pari_convert_from_fmpz(l->a);

	(void)f;
	l->found = equaliu(p, 2) ? (l->e == 1 || Mod8(a) == 1 || (l->e == 2 && Mod4(a) == 1)) : kronecker(a, p) == 1;
	if (l->found)
		pari_convert_to_fmpz(l->root, Zp_sqrt(a, p, (long)l->e));
	return 0;
}

/* The roots of a unit a modulo q = p^e: two, or one, two, four for powers of 2. */
static int unit_roots(struct roots *out, const fmpz_t a, const fmpz_t p, ulong e, const fmpz_t q, struct op_failure *f)
{
	struct local l = { .a = a, .p = p, .e = e };
	int rc;

	fmpz_init(l.root);
	rc = engines_pari(unit_root_body, &l, f);
	bool two = fmpz_cmp_ui(p, 2) == 0;
	out->count = rc != 0 || !l.found ? 0 : two ? (e == 1 ? 1 : e == 2 ? 2 : 4) : 2;
	out->v = out->count ? _fmpz_vec_init(out->count) : NULL;
	for (slong i = 0; i < out->count; i++) {
		if (i % 2)
			fmpz_neg(out->v + i, l.root);
		else
			fmpz_set(out->v + i, l.root);
		if (i >= 2) { /* +- root + 2^(e-1) */
			fmpz_t half;
			fmpz_init(half);
			fmpz_fdiv_q_2exp(half, q, 1);
			fmpz_add(out->v + i, out->v + i, half);
			fmpz_clear(half);
		}
		fmpz_mod(out->v + i, out->v + i, q);
	}
	fmpz_clear(l.root);
	return rc;
}

static int refuse_many(struct op_failure *f)
{
	return op_fail_limit(f, CONGRUENCE_ROOTS_MAX, CONGRUENCE_ROOTS_MAX + 1.0, "roots", "there are too many roots");
}

/* Each x of in[0..n) gives x scale + t step for 0 <= t < times. */
static int spread(struct roots *out, const fmpz *in, slong n, const fmpz_t scale, const fmpz_t step, const fmpz_t times,
		  struct op_failure *f)
{
	if (fmpz_cmp_ui(times, CONGRUENCE_ROOTS_MAX) > 0 || (ulong)n * fmpz_get_ui(times) > CONGRUENCE_ROOTS_MAX)
		return refuse_many(f);
	slong each = fmpz_get_si(times);
	out->count = n * each;
	out->v = _fmpz_vec_init(out->count);
	for (slong i = 0; i < n; i++)
		for (slong t = 0; t < each; t++) {
			fmpz *x = out->v + i * each + t;
			fmpz_mul(x, in + i, scale);
			fmpz_addmul_ui(x, step, (ulong)t);
		}
	return 0;
}

/* Modulo q = p^e: a = p^(2k) u with a unit u gives x = p^k y where y^2 = u (mod p^(e-2k)); a = 0 gives the multiples
 * of p^ceil(e/2). */
static int local_roots(struct roots *out, const fmpz_t a, const fmpz_t p, ulong e, struct op_failure *f)
{
	fmpz_t u, q, scale, step;
	struct roots units = { NULL, 0 };
	fmpz zero = 0;
	int rc = 0;

	fmpz_init(u);
	fmpz_init(q);
	fmpz_init(scale);
	fmpz_init(step);
	fmpz_pow_ui(q, p, e);
	fmpz_mod(u, a, q);
	if (fmpz_is_zero(u)) {
		fmpz_pow_ui(step, p, e - e / 2);
		fmpz_pow_ui(u, p, e / 2);
		rc = spread(out, &zero, 1, q, step, u, f);
	} else {
		ulong valuation = (ulong)fmpz_remove(u, u, p), k = valuation / 2;
		fmpz_pow_ui(step, p, e - valuation);
		if (valuation % 2 == 0)
			rc = unit_roots(&units, u, p, e - valuation, step, f);
		fmpz_pow_ui(scale, p, k);
		fmpz_mul(step, step, scale); /* p^(e-k) */
		if (units.count)
			rc = spread(out, units.v, units.count, scale, step, scale, f);
	}
	roots_free(&units);
	fmpz_clear(step);
	fmpz_clear(scale);
	fmpz_clear(q);
	fmpz_clear(u);
	return rc;
}

/* Every root of all, modulo m, with every root of more, modulo q. */
static int combine(struct roots *all, const fmpz_t m, const struct roots *more, const fmpz_t q, struct op_failure *f)
{
	struct roots out = { NULL, all->count * more->count };
	fmpz_t modulus;

	if (out.count > CONGRUENCE_ROOTS_MAX)
		return refuse_many(f);
	fmpz_init(modulus);
	out.v = out.count ? _fmpz_vec_init(out.count) : NULL;
	for (slong i = 0; i < all->count; i++)
		for (slong k = 0; k < more->count; k++) {
			fmpz *x = out.v + i * more->count + k;
			fmpz_set(x, all->v + i);
			fmpz_set(modulus, m);
			congruence_join(x, modulus, more->v + k, q);
		}
	fmpz_clear(modulus);
	roots_free(all);
	*all = out;
	return 0;
}

static int compare(const void *a, const void *b)
{
	return fmpz_cmp(a, b);
}

int congruence_sqrt(fmpz **roots, slong *count, const fmpz_t a, const fmpz_t m, struct op_failure *f)
{
	fmpz_factor_t factors;
	struct roots all = { _fmpz_vec_init(1), 1 };
	fmpz_t modulus, q;
	int rc;

	fmpz_init(q);
	fmpz_init(modulus);
	fmpz_one(modulus);
	fmpz_factor_init(factors);
	rc = factoring_factor(m, factors, f);
	for (slong i = 0; i < factors->num && rc == 0 && all.count; i++) {
		struct roots more = { NULL, 0 };
		rc = local_roots(&more, a, factors->p + i, factors->exp[i], f);
		fmpz_pow_ui(q, factors->p + i, factors->exp[i]);
		if (rc == 0)
			rc = combine(&all, modulus, &more, q, f);
		fmpz_mul(modulus, modulus, q);
		roots_free(&more);
	}
	if (rc != 0)
		roots_free(&all);
	if (all.count)
		qsort(all.v, (size_t)all.count, sizeof *all.v, compare); /* an fmpz may be moved bytewise */
	*roots = all.v;
	*count = all.count;
	fmpz_factor_clear(factors);
	fmpz_clear(modulus);
	fmpz_clear(q);
	return rc;
}

/* ---- orders and logarithms ---- */

/* The order of a unit a modulo m; primes: those of phi(m), among which are the order's. */
static int order_of(fmpz_t out, fmpz_factor_t primes, const fmpz_t a, const fmpz_t m, struct op_failure *f)
{
	fmpz_factor_t factors;
	fmpz_t totient;
	int rc;

	fmpz_init(totient);
	fmpz_factor_init(factors);
	rc = factoring_factor(m, factors, f);
	if (rc == 0) {
		factoring_totient(totient, factors);
		rc = factoring_factor(totient, primes, f);
	}
	if (rc == 0)
		factoring_order(out, a, m, totient, primes);
	fmpz_factor_clear(factors);
	fmpz_clear(totient);
	return rc;
}

int congruence_order(fmpz_t out, const fmpz_t a, const fmpz_t m, struct op_failure *f)
{
	fmpz_factor_t primes;
	int rc;

	fmpz_factor_init(primes);
	rc = order_of(out, primes, a, m, f);
	fmpz_factor_clear(primes);
	return rc;
}

/* A logarithm modulo an odd prime power q = p^e, of units. */
struct local_log {
	const fmpz *a, *g, *q, *order;
	const fmpz_factor_struct *primes;
	bool prime; /* e = 1 */
	fmpz *x;
	bool found;
};

/* [order, its factorization], as PARI wants to be told. */
static GEN order_for_pari(const struct local_log *l)
{
	GEN primes = cgetg(l->primes->num + 1, t_COL), powers = cgetg(l->primes->num + 1, t_COL);
	GEN order = pari_convert_from_fmpz(l->order);
	long n = 0;

	for (slong i = 0; i < l->primes->num; i++) {
		GEN p = pari_convert_from_fmpz(l->primes->p + i);
		long e = Z_pval(order, p);
		if (e == 0)
			continue;
		gel(primes, ++n) = p;
		gel(powers, n) = utoipos((ulong)e);
	}
	setlg(primes, n + 1);
	setlg(powers, n + 1);
	return mkvec2(order, mkmat2(primes, powers));
}

static int log_body(void *arg, struct op_failure *f)
{
	struct local_log *l = arg;
	GEN q = pari_convert_from_fmpz(l->q), a = pari_convert_from_fmpz(l->a), g = pari_convert_from_fmpz(l->g);
	GEN x = l->prime ? Fp_log(a, g, order_for_pari(l), q) : znlog(a, mkintmod(g, q), NULL);

	(void)f;
	l->found = typ(x) == t_INT;
	if (l->found)
		pari_convert_to_fmpz(l->x, x);
	return 0;
}

/* Modulo a power of 2, where the order of g is one too: bit by bit (Pohlig and Hellman). */
static void log_of_two_power(struct local_log *l)
{
	fmpz_t rest, inverse, t, half;
	ulong bits = fmpz_val2(l->order);

	fmpz_init(rest);
	fmpz_init(inverse);
	fmpz_init(t);
	fmpz_init(half);
	fmpz_zero(l->x);
	fmpz_set(rest, l->a);
	fmpz_invmod(inverse, l->g, l->q);
	for (ulong i = 0; i < bits; i++) { /* rest = a g^-x has no bits below i in its logarithm */
		fmpz_one(half);
		fmpz_mul_2exp(half, half, bits - 1 - i);
		fmpz_powm(t, rest, half, l->q);
		if (fmpz_is_one(t))
			continue;
		fmpz_setbit(l->x, i);
		fmpz_one(half);
		fmpz_mul_2exp(half, half, i);
		fmpz_powm(t, inverse, half, l->q);
		fmpz_mul(rest, rest, t);
		fmpz_mod(rest, rest, l->q);
	}
	l->found = fmpz_is_one(rest);
	fmpz_clear(half);
	fmpz_clear(t);
	fmpz_clear(inverse);
	fmpz_clear(rest);
}

/* x modulo order, the order of g, with g^x = a modulo q = p^e: 1, 0 if there is none, -1. */
static int prime_power_log(fmpz_t x, fmpz_t order, const fmpz_t a, const fmpz_t g, const fmpz_t p, ulong e,
			   struct op_failure *f)
{
	fmpz_factor_t primes;
	fmpz_t q, a_q, g_q;
	int rc;

	fmpz_init(q);
	fmpz_init(a_q);
	fmpz_init(g_q);
	fmpz_factor_init(primes);
	fmpz_pow_ui(q, p, e);
	fmpz_mod(a_q, a, q);
	fmpz_mod(g_q, g, q);
	struct local_log l = { .a = a_q, .g = g_q, .q = q, .order = order, .primes = primes, .prime = e == 1, .x = x };
	rc = order_of(order, primes, g_q, q, f);
	if (rc == 0 && fmpz_cmp_ui(p, 2) == 0) {
		log_of_two_power(&l);
	} else if (rc == 0) { /* the units are cyclic: a is a power of g if and only if a^order = 1 */
		fmpz_powm(x, a_q, order, q);
		bool power = fmpz_is_one(x);
		fmpz_zero(x);
		l.found = power;
		if (power && !fmpz_is_one(order))
			rc = engines_pari(log_body, &l, f);
		if (rc == 0 && power && !l.found)
			rc = op_fail(f, OP_INTERNAL_ERROR, "a logarithm that must exist was not found");
	}
	if (rc == 0 && l.found) { /* what the library found must hold */
		fmpz_mod(x, x, order);
		fmpz_powm(g_q, g_q, x, q);
		l.found = fmpz_equal(g_q, a_q);
	}
	fmpz_factor_clear(primes);
	fmpz_clear(g_q);
	fmpz_clear(a_q);
	fmpz_clear(q);
	return rc != 0 ? -1 : l.found;
}

/* For g and a prime to m: the least x >= least. 1, 0, -1. The logarithms modulo the prime powers of m must agree. */
static int unit_log(fmpz_t x, const fmpz_t a, const fmpz_t g, const fmpz_t m, slong least, struct op_failure *f)
{
	fmpz_factor_t factors;
	fmpz_t order, part, part_order;
	int rc;

	fmpz_init_set_ui(order, 1);
	fmpz_init(part);
	fmpz_init(part_order);
	fmpz_factor_init(factors);
	fmpz_zero(x);
	rc = factoring_factor(m, factors, f) == 0 ? 1 : -1;
	for (slong i = 0; i < factors->num && rc == 1; i++) {
		rc = prime_power_log(part, part_order, a, g, factors->p + i, factors->exp[i], f);
		if (rc == 1)
			rc = congruence_join(x, order, part, part_order);
	}
	if (rc == 1) {
		fmpz_sub_si(x, x, least);
		fmpz_mod(x, x, order);
		fmpz_add_si(x, x, least);
	}
	fmpz_factor_clear(factors);
	fmpz_clear(part_order);
	fmpz_clear(part);
	fmpz_clear(order);
	return rc;
}

/* The powers of g stop losing factors of m after at most log2(m) steps; those are tried one by one. What is left of m
 * is prime to g. */
int congruence_log(fmpz_t x, const fmpz_t a, const fmpz_t g, const fmpz_t m, struct op_failure *f)
{
	fmpz_t power, target, left, common;
	slong steps = 0;
	int rc = 0;

	fmpz_init(power);
	fmpz_init(target);
	fmpz_init(left);
	fmpz_init(common);
	fmpz_one(power);
	fmpz_mod(power, power, m);
	fmpz_mod(target, a, m);
	fmpz_set(left, m);
	for (;; steps++) {
		if (fmpz_equal(power, target)) {
			fmpz_set_si(x, steps);
			rc = 1;
			break;
		}
		fmpz_gcd(common, left, g);
		if (fmpz_is_one(common))
			break;
		fmpz_divexact(left, left, common);
		fmpz_mul(power, power, g);
		fmpz_mod(power, power, m);
	}
	if (rc == 0) { /* x >= steps: g^x is 0 modulo the part of m that was lost, and a unit modulo what is left */
		fmpz_divexact(power, m, left);
		fmpz_gcd(common, target, left);
		if (fmpz_divisible(target, power) && fmpz_is_one(common)) {
			fmpz_mod(common, g, left);
			fmpz_mod(target, target, left);
			rc = unit_log(x, target, common, left, steps, f);
		}
	}
	fmpz_clear(common);
	fmpz_clear(left);
	fmpz_clear(target);
	fmpz_clear(power);
	return rc;
}
