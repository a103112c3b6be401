/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Number theory through the real call path: published values (sequences are named by their numbers in the OEIS),
 * comparison with counting by hand for all small arguments, and identities for large random ones. */
#include <stdarg.h> /* before gmp.h, which declares what takes a va_list only then */

#include <check.h>
#include <gmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "exact_json.h"
#include "lengthy.h"
#include "op.h"
#include "op_ask.h"
#include "suite_run.h"

static const struct op_family *const families[] = { &op_primes, &op_factor, &op_modular, &op_combinatorics,
						    &op_diophantine };

START_TEST(test_number_theory_examples_hold)
{
	op_expect_examples(families[_i]);
}
END_TEST

/* ---- asking ---- */

static char *text_of(const json_t *v)
{
	char small[32];
	size_t n;
	const char *s = exact_json_string(v, &n);

	if (s)
		return strndup(s, n);
	ck_assert(json_is_integer(v));
	snprintf(small, sizeof small, "%lld", (long long)json_integer_value(v));
	return strdup(small);
}

static void set_json(mpz_t out, const json_t *v)
{
	char *s = text_of(v);

	ck_assert_int_eq(mpz_set_str(out, s, 10), 0);
	free(s);
}

/* Writes like printf, with GMP's %Zd. */
static json_t *ask_v(const char *op, const char *fmt, va_list ap)
{
	char *args = NULL;

	gmp_vasprintf(&args, fmt, ap);
	json_t *v = op_answer(op, args);
	void (*gmp_free)(void *, size_t);
	mp_get_memory_functions(NULL, NULL, &gmp_free);
	gmp_free(args, strlen(args) + 1);
	return v;
}

static json_t *ask(const char *op, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	json_t *v = ask_v(op, fmt, ap);
	va_end(ap);
	return v;
}

static long ask_long(const char *op, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	json_t *v = ask_v(op, fmt, ap);
	va_end(ap);
	ck_assert(json_is_integer(v));
	long out = (long)json_integer_value(v);
	json_decref(v);
	return out;
}

static void ask_mpz(mpz_t out, const char *op, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	json_t *v = ask_v(op, fmt, ap);
	va_end(ap);
	set_json(out, v);
	json_decref(v);
}

/* ---- published values ---- */

static const struct {
	const char *op, *args, *result;
} published[] = {
	{ "prime_count", "[10]", "4" }, /* A006880 */
	{ "prime_count", "[1000000]", "78498" },
	{ "prime_count", "[\"1e10\"]", "455052511" },
	{ "prime_count", "[\"1e11\"]", "4118054813" },
	{ "prime_count", "[\"1e12\"]", "37607912018" },
	{ "prime_count", "[-5]", "0" },
	{ "prime_count", "[2.99]", "1" },
	{ "nth_prime", "[1000000000]", "22801763489" }, /* A006988 */
	{ "nth_prime", "[10]", "29" },
	{ "is_prime", "[341550071728321]", "false" },     /* A014233: strong pseudoprime to the bases 2 to 17 */
	{ "is_prime", "[3825123056546413051]", "false" }, /* A014233: to the bases 2 to 23 */
	{ "is_prime", "[\"318665857834031151167461\"]", "false" },
	{ "is_prime", "[\"3317044064679887385961981\"]", "false" },
	{ "is_prime", "[1729]", "false" }, /* A002997, Carmichael numbers */
	{ "is_prime", "[825265]", "false" },
	{ "is_prime", "[5459]", "false" }, /* A217255, strong Lucas pseudoprimes */
	{ "is_prime", "[58519]", "false" },
	{ "is_prime", "[1194649]", "false" }, /* A001220: the square of a Wieferich prime */
	{ "is_prime", "[0]", "false" },
	{ "is_prime", "[1]", "false" },
	{ "is_prime", "[2]", "true" },
	{ "next_prime", "[0]", "2" },
	{ "next_prime", "[2]", "3" },
	{ "next_prime", "[113]", "127" },
	{ "next_prime", "[18361375334787046697]", "\"18361375334787048247\"" }, /* A002386: a gap of 1550 */
	{ "prev_prime", "[18361375334787048247]", "\"18361375334787046697\"" },
	{ "prev_prime", "[3]", "2" },
	{ "prev_prime", "[\"18446744073709551616\"]", "\"18446744073709551557\"" }, /* A014234 */
	{ "factor", "[\"1000000016000000063\"]", "[[1000000007,1],[1000000009,1]]" },
	/* F7 (Morrison and Brillhart 1970) is an example; this is 2^101 - 1, A046051 */
	{ "factor", "[\"2535301200456458802993406410751\"]", "[[7432339208719,1],[\"341117531003194129\",1]]" },
	{ "factor", "[\"1000000000000000000000000\"]", "[[2,24],[5,24]]" },
	{ "factor", "[-1]", "[[-1,1]]" },
	{ "factor", "[2]", "[[2,1]]" },
	{ "smallest_factor", "[\"340282366920938463463374607431768211457\"]", "\"59649589127497217\"" },
	{ "smallest_factor", "[-15]", "3" },
	{ "smallest_factor", "[1000003]", "1000003" },
	{ "totient", "[\"1000000000000\"]", "400000000000" },
	{ "sigma", "[\"33550336\"]", "67100672" }, /* A000396: perfect */
	{ "sigma", "[\"2305843008139952128\"]", "\"4611686016279904256\"" },
	{ "sigma", "[100,3]", "1149823" },
	{ "partitions", "[0]", "1" }, /* A000041 */
	{ "partitions", "[1000]", "\"24061467864032622473692149727991\"" },
	{ "bell", "[0]", "1" }, /* A000110 */
	{ "bell", "[10]", "115975" },
	{ "catalan", "[0]", "1" }, /* A000108 */
	{ "catalan", "[30]", "3814986502092304" },
	{ "stirling1", "[0,0]", "1" },
	{ "bernoulli", "[0]", "1" }, /* A027641, A027642 */
	{ "bernoulli", "[2]", "\"1/6\"" },
	{ "bernoulli", "[10]", "\"5/66\"" },
	{ "bernoulli", "[30]", "\"8615841276005/14322\"" },
	{ "bernoulli", "[\"1000000000000000000001\"]", "0" },
	{ "fibonacci", "[0]", "0" }, /* A000045 */
	{ "fibonacci", "[78]", "8944394323791464" },
	{ "fibonacci", "[-7]", "13" },
	{ "lucas", "[1]", "1" }, /* A000032 */
	{ "lucas", "[-4]", "7" },
	{ "lucas", "[100]", "\"792070839848372253127\"" },
	{ "harmonic", "[1]", "1" }, /* A001008, A002805 */
	{ "harmonic", "[20]", "\"55835135/15519504\"" },
	{ "pell", "[3]", "{\"x\":2,\"y\":1}" }, /* A002350, A002349 */
	{ "pell", "[13]", "{\"x\":649,\"y\":180}" },
	{ "pell", "[109]", "{\"x\":158070671986249,\"y\":15140424455100}" },            /* Fermat's challenge */
	{ "continued_fraction", "[\"e\",12]", "[2,1,2,1,1,4,1,1,6,1,1,8]" },            /* A003417 */
	{ "continued_fraction", "[\"pi\",15]", "[3,7,15,1,292,1,1,1,2,1,3,1,14,2,1]" }, /* A001203 */
	{ "continued_fraction", "[\"-pi\",4]", "[-4,1,6,15]" },
	{ "continued_fraction", "[0]", "[0]" },
	{ "continued_fraction", "[\"649/200\",2]", "[3,4]" },
	{ "best_approx", "[\"pi\",100]", "\"311/99\"" },
	{ "best_approx", "[\"pi\",10]", "\"22/7\"" },
	{ "best_approx", "[\"-pi\",113]", "\"-355/113\"" },
	{ "best_approx", "[\"e\",1000]", "\"1457/536\"" },
	{ "best_approx", "[\"1/2\",1]", "0" },
	{ "best_approx", "[3.75,1]", "4" },
	{ "sum_of_squares", "[0]", "{\"count\":1,\"representations\":[[0,0]]}" },
	{ "sum_of_squares", "[-4]", "{\"count\":0,\"representations\":[]}" },
	{ "sum_of_squares", "[325]", "{\"count\":24,\"representations\":[[1,18],[6,17],[10,15]]}" },
	{ "crt", "[[\"1e30\"],[7]]", "{\"x\":1,\"modulus\":7}" },
	{ "crt", "[[5,-1],[1,1]]", "{\"x\":0,\"modulus\":1}" },
	{ "modpow", "[5,0,1]", "0" },
	{ "modpow", "[-2,3,5]", "2" },
	{ "modpow", "[2,\"1e100\",\"1000000007\"]", "314344290" },
	{ "modinv", "[5,1]", "0" },
	{ "mult_order", "[3,1]", "1" },
	{ "primitive_root", "[1]", "0" },
	{ "primitive_root", "[2]", "1" },
	{ "primitive_root", "[4]", "3" },
	{ "primitive_root", "[\"40487\"]", "5" }, /* and 5 is none modulo 40487^2 (A055578) */
	{ "primitive_root", "[\"1639197169\"]", "10" },
	{ "divisors", "[1]", "[1]" },
};

START_TEST(test_number_theory_published_values)
{
	op_expect(published[_i].op, published[_i].args, published[_i].result);
}
END_TEST

/* Least primitive roots of the primes, A001918; partitions, A000041. */
START_TEST(test_number_theory_sequences)
{
	static const int roots[] = { 1, 2, 2, 3, 2, 2, 3, 2, 5, 2, 3, 2, 6, 3, 5, 2, 2, 2, 2, 7, 5, 3, 2, 3, 5 };
	static const int parts[] = { 1,  1,  2,   3,   5,   7,   11,  15,  22,  30, 42,
				     56, 77, 101, 135, 176, 231, 297, 385, 490, 627 };
	static const int first[6][6] = {
		{ 1 }, { 0, 1 }, { 0, -1, 1 }, { 0, 2, -3, 1 }, { 0, -6, 11, -6, 1 }, { 0, 24, -50, 35, -10, 1 }
	}; /* A008275 */
	static const int second[6][6] = { { 1 },          { 0, 1 },          { 0, 1, 1 },
					  { 0, 1, 3, 1 }, { 0, 1, 7, 6, 1 }, { 0, 1, 15, 25, 10, 1 } }; /* A008277 */

	for (int i = 0; i < 25; i++)
		ck_assert_int_eq(ask_long("primitive_root", "[%ld]", ask_long("nth_prime", "[%d]", i + 1)), roots[i]);
	for (int i = 0; i <= 20; i++)
		ck_assert_int_eq(ask_long("partitions", "[%d]", i), parts[i]);
	for (int n = 0; n < 6; n++)
		for (int k = 0; k < 6; k++) {
			ck_assert_int_eq(ask_long("stirling1", "[%d,%d]", n, k), first[n][k]);
			ck_assert_int_eq(ask_long("stirling2", "[%d,%d]", n, k), second[n][k]);
		}
}
END_TEST

/* ---- counted by hand ---- */

static long gcd(long a, long b)
{
	return b ? gcd(b, a % b) : labs(a);
}

static bool is_prime(long n)
{
	for (long p = 2; p * p <= n; p++)
		if (n % p == 0)
			return false;
	return n > 1;
}

START_TEST(test_primes_all_small)
{
	long count = 0, last = 0;

	for (long n = 0; n < 3000; n++) {
		json_t *v = ask("is_prime", "[%ld,%s]", n, n % 2 ? "true" : "false");
		ck_assert_msg(json_is_true(v) == is_prime(n), "%ld", n);
		json_decref(v);
		if (is_prime(n)) {
			ck_assert_int_eq(ask_long("nth_prime", "[%ld]", ++count), n);
			ck_assert_int_eq(ask_long("next_prime", "[%ld]", last), n);
			if (last)
				ck_assert_int_eq(ask_long("prev_prime", "[%ld]", n), last);
			last = n;
		}
		ck_assert_int_eq(ask_long("prime_count", "[%ld]", n), count);
	}
}
END_TEST

START_TEST(test_primes_between_small_and_large)
{
	for (long a = -3; a < 60; a++)
		for (long b = a; b < 60; b++) {
			json_t *v = ask("primes_between", "[%ld,%ld]", a, b);
			size_t k = 0;
			for (long p = a; p <= b; p++)
				if (is_prime(p))
					ck_assert_int_eq(json_integer_value(json_array_get(v, k++)), p);
			ck_assert_uint_eq(json_array_size(v), k);
			json_decref(v);
		}
	/* Across blocks of the sieve, and where it does not reach the root. */
	static const char *const from[] = { "524200", "1000000000000", "99999999999999999999", "18446744073709551000" };
	for (size_t i = 0; i < 4; i++) {
		mpz_t p, end;
		mpz_init_set_str(p, from[i], 10);
		mpz_init(end);
		mpz_add_ui(end, p, i == 0 ? 700000 : 3000);
		json_t *v = ask("primes_between", "[\"%Zd\",\"%Zd\"]", p, end);
		mpz_sub_ui(p, p, 1);
		for (size_t k = 0;; k++) {
			mpz_t got;
			mpz_nextprime(p, p);
			if (mpz_cmp(p, end) > 0) {
				ck_assert_uint_eq(json_array_size(v), k);
				break;
			}
			mpz_init(got);
			set_json(got, json_array_get(v, k));
			ck_assert_msg(mpz_cmp(got, p) == 0, "%s: the %zu-th", from[i], k);
			mpz_clear(got);
		}
		json_decref(v);
		mpz_clears(p, end, NULL);
	}
}
END_TEST

START_TEST(test_factor_functions_all_small)
{
	for (long n = 1; n <= 400; n++) {
		long phi = 0, sum = 0, cubes = 0, mu = 1, rest = n;
		json_t *v = ask("divisors", "[%ld]", n);
		size_t k = 0;
		for (long d = 1; d <= n; d++) {
			phi += gcd(d, n) == 1;
			if (n % d)
				continue;
			ck_assert_int_eq(json_integer_value(json_array_get(v, k++)), d);
			sum += d;
			cubes += d * d * d;
		}
		ck_assert_uint_eq(json_array_size(v), k);
		json_decref(v);
		for (long p = 2; p <= rest; p++)
			if (rest % p == 0) {
				rest /= p;
				mu = rest % p == 0 ? 0 : -mu;
				while (rest % p == 0)
					rest /= p;
			}
		ck_assert_int_eq(ask_long("totient", "[%ld]", n), phi);
		ck_assert_int_eq(ask_long("sigma", "[%ld]", n), sum);
		ck_assert_int_eq(ask_long("sigma", "[%ld,0]", n), (long)k);
		ck_assert_int_eq(ask_long("sigma", "[%ld,3]", n), cubes);
		ck_assert_int_eq(ask_long("moebius", "[%ld]", n), mu);
	}
}
END_TEST

START_TEST(test_sqrt_mod_all_small)
{
	for (long m = 1; m <= 130; m++)
		for (long a = -3; a < m; a++) {
			json_t *v = ask("sqrt_mod", "[%ld,%ld]", a, m);
			size_t k = 0;
			for (long x = 0; x < m; x++)
				if ((x * x - a) % m == 0)
					ck_assert_msg(json_integer_value(json_array_get(v, k++)) == x,
						      "sqrt_mod(%ld,%ld): %ld is missing", a, m, x);
			ck_assert_msg(json_array_size(v) == k, "sqrt_mod(%ld,%ld): too many", a, m);
			json_decref(v);
		}
	static const long powers[] = { 256, 729, 625, 1728, 1024, 2187 };
	for (size_t i = 0; i < 6; i++)
		for (long a = 0; a < powers[i]; a += 1 + a / 40) {
			json_t *v = ask("sqrt_mod", "[%ld,%ld]", a, powers[i]);
			size_t k = 0;
			for (long x = 0; x < powers[i]; x++)
				if ((x * x - a) % powers[i] == 0)
					ck_assert_int_eq(json_integer_value(json_array_get(v, k++)), x);
			ck_assert_uint_eq(json_array_size(v), k);
			json_decref(v);
		}
}
END_TEST

START_TEST(test_discrete_log_all_small)
{
	static const long larger[] = { 49, 64, 72, 81, 105, 120, 121, 125, 128 };

	for (size_t i = 0; i < 36 + sizeof larger / sizeof *larger; i++)
		for (long m = i < 36 ? (long)i + 1 : larger[i - 36], g = 0; g < m; g++) {
			long least[128], power = 1 % m;
			for (long a = 0; a < m; a++)
				least[a] = -1;
			for (long x = 0; x <= 2 * m; x++, power = power * g % m)
				if (least[power] < 0)
					least[power] = x;
			for (long a = 0; a < m; a++) {
				char args[64];
				snprintf(args, sizeof args, "[%ld,%ld,%ld]", a, g, m);
				if (least[a] < 0)
					op_expect_error("discrete_log", args, "no-solution");
				else
					ck_assert_msg(ask_long("discrete_log", "%s", args) == least[a],
						      "discrete_log%s is %ld", args, least[a]);
			}
		}
}
END_TEST

START_TEST(test_mult_order_and_primitive_root_all_small)
{
	for (long m = 2; m <= 120; m++) {
		long phi = 0, root = 0;
		char args[64];
		for (long a = 1; a < m; a++)
			phi += gcd(a, m) == 1;
		for (long a = 1; a < m; a++) {
			long power = a % m, k = 1;
			snprintf(args, sizeof args, "[%ld,%ld]", a, m);
			if (gcd(a, m) != 1) {
				op_expect_error("mult_order", args, "not-invertible");
				continue;
			}
			for (; power != 1; power = power * a % m)
				k++;
			ck_assert_int_eq(ask_long("mult_order", "%s", args), k);
			if (k == phi && root == 0)
				root = a;
		}
		snprintf(args, sizeof args, "[%ld]", m);
		if (root)
			ck_assert_int_eq(ask_long("primitive_root", "%s", args), root);
		else
			op_expect_error("primitive_root", args, "no-solution");
	}
}
END_TEST

START_TEST(test_crt_all_small)
{
	for (long m = 1; m <= 12; m++)
		for (long n = 1; n <= 12; n++)
			for (long a = 0; a < m; a++)
				for (long b = 0; b < n; b += 2) {
					long x = 0, modulus = m / gcd(m, n) * n;
					char args[80], result[80];
					while (x < modulus && (x % m != a || x % n != b))
						x++;
					snprintf(args, sizeof args, "[[%ld,%ld],[%ld,%ld]]", a, b, m, n);
					snprintf(result, sizeof result, "{\"x\":%ld,\"modulus\":%ld}", x, modulus);
					if (x < modulus)
						op_expect("crt", args, result);
					else
						op_expect_error("crt", args, "no-solution");
				}
}
END_TEST

/* Euler's criterion, and multiplicity in n. */
START_TEST(test_jacobi_all_small)
{
	for (long n = 1; n < 100; n += 2)
		for (long a = -20; a < 100; a++) {
			long symbol = 1, rest = n;
			for (long p = 3; rest > 1; p += 2)
				for (; rest % p == 0; rest /= p) {
					long power = 1, base = ((a % p) + p) % p;
					for (long k = 0; k < (p - 1) / 2; k++)
						power = power * base % p;
					symbol *= power == p - 1 ? -1 : power;
				}
			ck_assert_int_eq(ask_long("jacobi", "[%ld,%ld]", a, n), symbol);
		}
}
END_TEST

START_TEST(test_sum_of_squares_all_small)
{
	for (long n = 1; n <= 1100; n++) {
		json_t *v = ask("sum_of_squares", "[%ld]", n), *list = json_object_get(v, "representations");
		long count = 0;
		size_t k = 0;
		for (long a = 0; a * a <= n; a++)
			for (long b = 0; a * a + b * b <= n; b++) {
				if (a * a + b * b != n)
					continue;
				count += (a ? 2 : 1) * (b ? 2 : 1);
				if (a > b)
					continue;
				json_t *pair = json_array_get(list, k++);
				ck_assert_int_eq(json_integer_value(json_array_get(pair, 0)), a);
				ck_assert_int_eq(json_integer_value(json_array_get(pair, 1)), b);
			}
		ck_assert_uint_eq(json_array_size(list), k);
		ck_assert_int_eq(json_integer_value(json_object_get(v, "count")), count);
		json_decref(v);
	}
}
END_TEST

/* The least solution of Pell's equation, by trying y. */
START_TEST(test_pell_all_small)
{
	for (long n = 2; n <= 45; n++) {
		char args[32], result[80];
		long root = 0, y = 1, x = 0;
		snprintf(args, sizeof args, "[%ld]", n);
		while ((root + 1) * (root + 1) <= n)
			root++;
		if (root * root == n) {
			op_expect_error("pell", args, "no-solution");
			continue;
		}
		for (;; y++) {
			while (x * x < n * y * y + 1)
				x++;
			if (x * x == n * y * y + 1)
				break;
		}
		snprintf(result, sizeof result, "{\"x\":%ld,\"y\":%ld}", x, y);
		op_expect("pell", args, result);
	}
}
END_TEST

/* The nearest fraction, by trying all denominators. */
START_TEST(test_best_approx_all_small)
{
	for (long q = 1; q <= 60; q++)
		for (long p = -q; p <= 2 * q; p += 7) {
			if (gcd(p, q) != 1)
				continue;
			for (long max = 1; max < q; max += 3) {
				double x = (double)p / (double)q, least = 2;
				mpq_t got;
				json_t *v = ask("best_approx", "[\"%ld/%ld\",%ld]", p, q, max);
				char *s = text_of(v);
				mpq_init(got);
				mpq_set_str(got, s, 10);
				for (long d = 1; d <= max; d++)
					for (long n = -d - 1; n <= 2 * d + 1; n++) {
						double gap = (double)n / (double)d - x;
						gap = gap < 0 ? -gap : gap;
						least = gap < least ? gap : least;
					}
				double gap = mpq_get_d(got) - x;
				gap = gap < 0 ? -gap : gap;
				ck_assert_msg(gap < least + 1e-12 && mpz_cmp_si(mpq_denref(got), max) <= 0,
					      "best_approx(%ld/%ld, %ld) is not %s", p, q, max, s);
				mpq_clear(got);
				free(s);
				json_decref(v);
			}
		}
}
END_TEST

/* ---- identities ---- */

static uint64_t state = 88172645463325252;

static uint64_t draw(void) /* Marsaglia's xorshift */
{
	state ^= state << 13;
	state ^= state >> 7;
	state ^= state << 17;
	return state;
}

static void draw_mpz(mpz_t out, unsigned bits)
{
	mpz_set_ui(out, 0);
	for (unsigned have = 0; have < bits; have += 32) {
		mpz_mul_2exp(out, out, 32);
		mpz_add_ui(out, out, draw() >> 32);
	}
	mpz_fdiv_r_2exp(out, out, bits);
	mpz_setbit(out, bits - 1);
}

START_TEST(test_factor_product_and_primes)
{
	mpz_t n, product, p, power;

	mpz_inits(n, product, p, power, NULL);
	for (unsigned i = 0; i < 150; i++) {
		draw_mpz(n, 2 + i);
		json_t *v = ask("factor", "[\"%Zd\"]", n), *pair;
		size_t k;
		mpz_set_ui(product, 1);
		json_array_foreach(v, k, pair)
		{
			mpz_set(power, p);
			set_json(p, json_array_get(pair, 0));
			ck_assert(k == 0 || mpz_cmp(power, p) < 0);
			ck_assert(mpz_probab_prime_p(p, 30) > 0);
			mpz_pow_ui(power, p, (unsigned long)json_integer_value(json_array_get(pair, 1)));
			mpz_mul(product, product, power);
		}
		ck_assert(mpz_cmp(product, n) == 0);
		json_decref(v);
	}
	mpz_clears(n, product, p, power, NULL);
}
END_TEST

START_TEST(test_sigma_and_totient_are_multiplicative)
{
	mpz_t a, b, product, x, y, z;

	mpz_inits(a, b, product, x, y, z, NULL);
	for (unsigned i = 0; i < 60; i++) {
		draw_mpz(a, 10 + i / 2);
		draw_mpz(b, 12 + i / 2);
		mpz_gcd(x, a, b);
		if (mpz_cmp_ui(x, 1) != 0)
			continue;
		mpz_mul(product, a, b);
		for (int k = 0; k < 3; k++) {
			ask_mpz(x, "sigma", "[\"%Zd\",%d]", a, k);
			ask_mpz(y, "sigma", "[\"%Zd\",%d]", b, k);
			ask_mpz(z, "sigma", "[\"%Zd\",%d]", product, k);
			mpz_mul(x, x, y);
			ck_assert(mpz_cmp(x, z) == 0);
		}
		ask_mpz(x, "totient", "[\"%Zd\"]", a);
		ask_mpz(y, "totient", "[\"%Zd\"]", b);
		ask_mpz(z, "totient", "[\"%Zd\"]", product);
		mpz_mul(x, x, y);
		ck_assert(mpz_cmp(x, z) == 0);
	}
	mpz_clears(a, b, product, x, y, z, NULL);
}
END_TEST

START_TEST(test_inverses_roots_and_logarithms_go_back)
{
	mpz_t p, a, x, t;
	json_t *root;
	size_t k;

	mpz_inits(p, a, x, t, NULL);
	for (unsigned i = 0; i < 40; i++) {
		draw_mpz(p, 5 + i);
		mpz_nextprime(p, p);
		draw_mpz(a, 4 + i);
		ask_mpz(x, "modinv", "[\"%Zd\",\"%Zd\"]", a, p);
		mpz_mul(x, x, a);
		mpz_mod(x, x, p);
		ck_assert(mpz_cmp_ui(x, 1) == 0);
		json_t *v = ask("sqrt_mod", "[\"%Zd\",\"%Zd\"]", a, p);
		ck_assert_int_eq((int)json_array_size(v), mpz_legendre(a, p) == 1 ? 2 : 0);
		json_array_foreach(v, k, root)
		{
			set_json(x, root);
			mpz_mul(x, x, x);
			ck_assert(mpz_congruent_p(x, a, p));
		}
		json_decref(v);
		ask_mpz(t, "primitive_root", "[\"%Zd\"]", p);
		ask_mpz(x, "discrete_log", "[\"%Zd\",\"%Zd\",\"%Zd\"]", a, t, p);
		mpz_powm(x, t, x, p);
		ck_assert(mpz_congruent_p(x, a, p));
	}
	mpz_clears(p, a, x, t, NULL);
}
END_TEST

START_TEST(test_sqrt_mod_of_products)
{
	mpz_t p, q, m, x, t;
	json_t *root;
	size_t k;

	mpz_inits(p, q, m, x, t, NULL);
	for (unsigned i = 0; i < 20; i++) {
		draw_mpz(p, 20 + i);
		draw_mpz(q, 25 + i);
		mpz_nextprime(p, p);
		mpz_nextprime(q, q);
		mpz_mul(m, p, q);
		mpz_mul(m, m, p);
		mpz_mul_ui(m, m, 8);
		draw_mpz(x, 30);
		mpz_setbit(x, 0);
		mpz_mul(t, x, x);
		json_t *v = ask("sqrt_mod", "[\"%Zd\",\"%Zd\"]", t, m);
		ck_assert_uint_eq(json_array_size(v), 16);
		json_array_foreach(v, k, root)
		{
			set_json(x, root);
			mpz_mul(x, x, x);
			ck_assert(mpz_congruent_p(x, t, m));
		}
		json_decref(v);
	}
	mpz_clears(p, q, m, x, t, NULL);
}
END_TEST

START_TEST(test_pell_solves_its_equation)
{
	static const char *const numbers[] = { "991",        "9949",   "1000099",
					       "1000000007", "999983", "100000000000000000001",
					       "4729494" }; /* the last: Archimedes' cattle */
	mpz_t n, x, y;

	mpz_inits(n, x, y, NULL);
	for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++) {
		json_t *v = ask("pell", "[\"%s\"]", numbers[i]);
		mpz_set_str(n, numbers[i], 10);
		set_json(x, json_object_get(v, "x"));
		set_json(y, json_object_get(v, "y"));
		ck_assert(mpz_sgn(y) > 0);
		mpz_mul(x, x, x);
		mpz_mul(y, y, y);
		mpz_submul(x, n, y);
		ck_assert_msg(mpz_cmp_ui(x, 1) == 0, "pell(%s)", numbers[i]);
		json_decref(v);
	}
	op_expect("pell", "[4729494]",
		  "{\"x\":\"109931986732829734979866232821433543901088049\","
		  "\"y\":\"50549485234315033074477819735540408986340\"}"); /* Lessing's problem, Amthor 1880 */
	mpz_clears(n, x, y, NULL);
}
END_TEST

START_TEST(test_sequences_recur)
{
	mpz_t a, b, c;

	mpz_inits(a, b, c, NULL);
	for (int n = -120; n < 400; n += 13) {
		ask_mpz(a, "fibonacci", "[%d]", n);
		ask_mpz(b, "fibonacci", "[%d]", n + 1);
		ask_mpz(c, "fibonacci", "[%d]", n + 2);
		mpz_add(a, a, b);
		ck_assert(mpz_cmp(a, c) == 0);
		ask_mpz(a, "fibonacci", "[%d]", n - 1);
		ask_mpz(b, "fibonacci", "[%d]", n + 1);
		ask_mpz(c, "lucas", "[%d]", n);
		mpz_add(a, a, b);
		ck_assert(mpz_cmp(a, c) == 0);
	}
	/* B(n+1) = sum of C(n,k) B(k); S(n,k) = k S(n-1,k) + S(n-1,k-1); the sum of S(n,k) is B(n). */
	mpz_set_ui(b, 0);
	for (int k = 0; k <= 40; k++) {
		ask_mpz(a, "stirling2", "[40,%d]", k);
		mpz_add(b, b, a);
	}
	ask_mpz(c, "bell", "[40]");
	ck_assert(mpz_cmp(b, c) == 0);
	ask_mpz(c, "catalan", "[1000]");
	mpz_bin_uiui(a, 2000, 1000);
	mpz_mul_ui(c, c, 1001);
	ck_assert(mpz_cmp(a, c) == 0);
	mpz_clears(a, b, c, NULL);
}
END_TEST

/* A thousand quotients of sqrt(7) and pi; those of pi give it back. */
START_TEST(test_continued_fraction_long)
{
	json_t *v = ask("continued_fraction", "[\"sqrt(7)\",1000]");
	static const int period[] = { 1, 1, 1, 4 };

	for (size_t i = 1; i < 1000; i++)
		ck_assert_int_eq(json_integer_value(json_array_get(v, i)), period[(i - 1) % 4]);
	json_decref(v);
	v = ask("continued_fraction", "[\"pi\",1000]");
	ck_assert_uint_eq(json_array_size(v), 1000);
	ck_assert_int_eq(json_integer_value(json_array_get(v, 431)), 20776); /* A001203(432), its largest up to there */
	json_decref(v);
}
END_TEST

/* ---- limits and faults ---- */

static const struct {
	const char *op, *args, *type, *pointer;
} refused[] = {
	{ "partitions", "[1000000000000]", "limit-exceeded", "/0" },
	{ "partitions", "[\"1e400\"]", "limit-exceeded", "/0" },
	{ "bell", "[\"1e30\"]", "limit-exceeded", "/0" },
	{ "bell", "[1000000]", "limit-exceeded", "/0" },
	{ "bernoulli", "[1000000]", "limit-exceeded", "/0" },
	{ "bernoulli", "[\"1e50\"]", "limit-exceeded", "/0" },
	{ "harmonic", "[10000000]", "limit-exceeded", "/0" },
	{ "harmonic", "[\"1e50\"]", "limit-exceeded", "/0" },
	{ "stirling1", "[100000,500]", "limit-exceeded", "/0" },
	{ "catalan", "[\"1e30\"]", "limit-exceeded", NULL },
	{ "catalan", "[\"1e400\"]", "limit-exceeded", NULL },
	{ "lucas", "[\"-1e9\"]", "limit-exceeded", NULL },
	{ "fibonacci", "[\"1e400\"]", "limit-exceeded", NULL },
	{ "nth_prime", "[346065536840]", "limit-exceeded", "/0" },
	{ "nth_prime", "[-1]", "invalid-argument", "/0" },
	{ "prime_count", "[10000000000001]", "limit-exceeded", "/0" },
	{ "primes_between", "[1,10000000000]", "limit-exceeded", NULL },
	{ "primes_between", "[1,\"1e300000\"]", "limit-exceeded", NULL },
	{ "primes_between", "[\"1e999\",\"1e999\",3]", "arity", "" },
	{ "is_prime", "[\"1e2000\",true]", "limit-exceeded", NULL },
	{ "is_prime", "[\"1e999999\"]", "limit-exceeded", NULL },
	{ "is_prime", "[7,1]", "invalid-argument", "/1" },
	{ "next_prime", "[\"1e100000\"]", "limit-exceeded", NULL },
	{ "prev_prime", "[-3]", "domain-error", "/0" },
	{ "factor", "[\"1e2000\"]", "limit-exceeded", "/0" },
	{ "factor", "[0]", "domain-error", "/0" },
	{ "factor", "[0.5]", "invalid-argument", "/0" },
	{ "divisors", "[\"1e500\"]", "limit-exceeded", NULL },
	{ "sigma", "[\"1e30\",50000]", "limit-exceeded", NULL },
	{ "sigma", "[6,100001]", "limit-exceeded", "/1" },
	{ "totient", "[-3]", "domain-error", "/0" },
	{ "smallest_factor", "[0]", "domain-error", "/0" },
	{ "modpow", "[2,3,-5]", "invalid-argument", "/2" },
	{ "modpow", "[2,\"1e999999\",\"1e9999\"]", "limit-exceeded", NULL },
	{ "modpow", "[6,-2,9]", "not-invertible", "/0" },
	{ "modinv", "[0,5]", "not-invertible", "/0" },
	{ "jacobi", "[1,-3]", "invalid-argument", "/1" },
	{ "crt", "[[],[]]", "invalid-argument", "/0" },
	{ "crt", "[[1,2],[3,0]]", "invalid-argument", "/1/1" },
	{ "crt", "[[1,0.5],[3,4]]", "invalid-argument", "/0/1" },
	{ "sqrt_mod", "[0,\"1e40\"]", "limit-exceeded", NULL },
	{ "discrete_log", "[1,2,0]", "invalid-argument", "/2" },
	{ "mult_order", "[0,5]", "not-invertible", "/0" },
	{ "primitive_root", "[0]", "invalid-argument", "/0" },
	{ "continued_fraction", "[\"pi\",100001]", "limit-exceeded", "/1" },
	{ "continued_fraction", "[\"sqrt(2)*sqrt(2)*pi/pi\"]", "did-not-converge", NULL },
	{ "best_approx", "[\"sqrt(2)*sqrt(3)*sqrt(6)/12+pi-pi\",1]", "did-not-converge", NULL },
	{ "best_approx", "[\"pi\",-5]", "invalid-argument", "/1" },
	{ "pell", "[0]", "no-solution", "/0" },
	{ "pell", "[\"1000000000000000000000000000057\"]", "limit-exceeded", NULL },
	{ "sum_of_squares", "[\"5e300000\"]", "limit-exceeded", "/0" },
};

START_TEST(test_number_theory_refuses)
{
	op_expect_pointer(refused[_i].op, refused[_i].args, refused[_i].type, refused[_i].pointer);
}
END_TEST

/* Says by how much. */
START_TEST(test_partitions_refusal_has_its_estimate)
{
	struct buf json = BUF_INIT;
	struct op_failure f;

	ck_assert(!op_ask("partitions", "[1000000000000]", &json, &f));
	ck_assert_str_eq(f.unit, "digits");
	ck_assert(f.limit == 1000000);
	ck_assert(f.estimate > 1113990 && f.estimate < 1114000); /* p(10^12) has 1,113,996 digits, A070177 */
	buf_fini(&json);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("number_theory");
	TCase *core = tcase_create("core"), *small = tcase_create("by hand"), *limits = tcase_create("limits");
	TCase *lengthy = lengthy_case(s);

	tcase_add_checked_fixture(core, op_ask_setup, op_ask_teardown);
	tcase_add_checked_fixture(small, op_ask_setup, op_ask_teardown);
	tcase_add_checked_fixture(limits, op_ask_setup, op_ask_teardown);
	tcase_set_timeout(core, 300);
	tcase_set_timeout(small, 300);
	tcase_set_tags(small, "lengthy");
	tcase_set_timeout(limits, 300);
	tcase_add_loop_test(core, test_number_theory_examples_hold, 0, sizeof families / sizeof *families);
	tcase_add_loop_test(lengthy, test_number_theory_published_values, 0, sizeof published / sizeof *published);
	tcase_add_test(core, test_number_theory_sequences);
	tcase_add_test(lengthy, test_factor_product_and_primes);
	tcase_add_test(core, test_sigma_and_totient_are_multiplicative);
	tcase_add_test(core, test_inverses_roots_and_logarithms_go_back);
	tcase_add_test(core, test_sqrt_mod_of_products);
	tcase_add_test(core, test_pell_solves_its_equation);
	tcase_add_test(core, test_sequences_recur);
	tcase_add_test(core, test_continued_fraction_long);
	tcase_add_test(lengthy, test_primes_all_small);
	tcase_add_test(lengthy, test_primes_between_small_and_large);
	tcase_add_test(small, test_factor_functions_all_small);
	tcase_add_test(lengthy, test_sqrt_mod_all_small);
	tcase_add_test(lengthy, test_discrete_log_all_small);
	tcase_add_test(small, test_mult_order_and_primitive_root_all_small);
	tcase_add_test(small, test_crt_all_small);
	tcase_add_test(small, test_jacobi_all_small);
	tcase_add_test(small, test_sum_of_squares_all_small);
	tcase_add_test(small, test_pell_all_small);
	tcase_add_test(small, test_best_approx_all_small);
	tcase_add_loop_test(limits, test_number_theory_refuses, 0, sizeof refused / sizeof *refused);
	tcase_add_test(limits, test_partitions_refusal_has_its_estimate);
	suite_add_tcase(s, core);
	suite_add_tcase(s, small);
	suite_add_tcase(s, limits);
	return suite_run(s);
}
