/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "math/primes.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "math/primes_leaves.h"

#define MILLER_RABIN 25          /* GMP: Baillie-PSW, and one round more */
#define WHEEL_PRIMES 512         /* odd primes that candidates are divided by before they are tested */
#define BLOCK 262144UL           /* odd numbers of a sieve's block */
#define SIEVE_PRIMES_MAX 3162278 /* sqrt(10^13): no sieve needs more */

bool primes_is(const mpz_t n)
{
	return mpz_sgn(n) > 0 && mpz_probab_prime_p(n, MILLER_RABIN) > 0;
}

/* ---- the small primes ---- */

/* Odd primes up to max, malloc'd, *count of them. */
static uint32_t *small_primes(uint32_t max, size_t *count)
{
	size_t half = max / 2 + 1, n = 0; /* composite[i] is of 2i+1 */
	unsigned char *composite = calloc(half, 1);
	uint32_t *out = malloc((max < 64 ? 32 : max / 3) * sizeof *out); /* pi(x) < x/3 from 64 on */

	if (!composite || !out) {
		free(composite);
		free(out);
		return NULL;
	}
	for (size_t i = 1; 2 * i + 1 <= max; i++) {
		if (composite[i])
			continue;
		size_t p = 2 * i + 1;
		out[n++] = (uint32_t)p;
		for (size_t k = p * p / 2; k < half; k += p)
			composite[k] = 1;
	}
	free(composite);
	*count = n;
	return out;
}

/* ---- the next one ---- */

/* Odd primes 3, 5, … by trial division: there are few. */
static void wheel(uint32_t p[WHEEL_PRIMES])
{
	size_t n = 0;

	for (uint32_t v = 3; n < WHEEL_PRIMES; v += 2) {
		bool prime = true;
		for (size_t i = 0; i < n && p[i] * p[i] <= v && prime; i++)
			prime = v % p[i] != 0;
		if (prime)
			p[n++] = v;
	}
}

/* n is odd and beyond the wheel's largest prime: steps by 2, with the residues kept up. */
static void search(mpz_t n, bool up)
{
	uint32_t p[WHEEL_PRIMES], rest[WHEEL_PRIMES];

	wheel(p);
	for (size_t i = 0; i < WHEEL_PRIMES; i++)
		rest[i] = (uint32_t)mpz_fdiv_ui(n, p[i]);
	for (uint32_t gap = 0;; gap += 2) {
		bool divided = false;
		for (size_t i = 0; i < WHEEL_PRIMES; i++) {
			divided = divided || rest[i] == 0;
			rest[i] = up ? (rest[i] + 2) % p[i] : (rest[i] + p[i] - 2) % p[i];
		}
		if (divided)
			continue;
		if (up)
			mpz_add_ui(n, n, gap);
		else
			mpz_sub_ui(n, n, gap);
		if (primes_is(n))
			return;
		if (up)
			mpz_sub_ui(n, n, gap);
		else
			mpz_add_ui(n, n, gap);
	}
}

void primes_next(mpz_t n, bool up)
{
	if (mpz_cmp_ui(n, 2) < (up ? 0 : 1)) {
		mpz_set_ui(n, up ? 2 : 0);
		return;
	}
	if (mpz_cmp_ui(n, 3) <= 0 && !up) { /* 3 */
		mpz_set_ui(n, 2);
		return;
	}
	if (mpz_even_p(n)) {
		if (up)
			mpz_add_ui(n, n, 1);
		else
			mpz_sub_ui(n, n, 1);
	} else {
		if (up)
			mpz_add_ui(n, n, 2);
		else
			mpz_sub_ui(n, n, 2);
	}
	if (mpz_cmp_ui(n, 16384) > 0) { /* the wheel ends at 3673, and gaps there are short */
		search(n, up);
		return;
	}
	while (!primes_is(n)) {
		if (up)
			mpz_add_ui(n, n, 2);
		else
			mpz_sub_ui(n, n, 2);
	}
}

/* ---- counting ----
 * Legendre's formula with the partial sieve functions phi(N/k, p) kept for all N/k at once, in O(N^(3/4)/log N)
 * time and O(sqrt N) memory: the sieve stops at N^(1/4), and what has two prime factors beyond is counted by sums over
 * pairs (Lagarias, Miller, Odlyzko, "Computing pi(x)", 1985, in the simple form without a special-leaf tree). */

struct counting {
	int64_t n, root;
	int32_t *smalls;     /* [i]: how many odd numbers from 3 to i are left, or were sieved with; i <= root */
	int32_t *roughs;     /* what is left among the odd numbers up to root */
	int64_t *larges;     /* [k]: the same up to n / roughs[k] */
	unsigned char *gone; /* [i]: i has been struck out, or was sieved with */
	size_t left;         /* in roughs and larges */
	int64_t primes;      /* odd ones that were sieved with */
};

static void strike(struct counting *s, int64_t p)
{
	size_t to = 0;

	s->gone[p] = 1;
	for (int64_t i = p * p; i <= s->root; i += 2 * p)
		s->gone[i] = 1;
	for (size_t k = 0; k < s->left; k++) {
		int64_t i = s->roughs[k];
		if (s->gone[i])
			continue;
		int64_t d = i * p;
		int64_t less = d <= s->root ? s->larges[s->smalls[d] - s->primes] : s->smalls[s->n / d];
		s->larges[to] = s->larges[k] - less + s->primes;
		s->roughs[to++] = (int32_t)i;
	}
	s->left = to;
	for (int64_t j = (s->root / p - 1) | 1, i = s->root; j >= p; j -= 2) {
		int32_t less = s->smalls[j] - (int32_t)s->primes;
		for (int64_t from = j * p; i >= from; i--)
			s->smalls[i] -= less;
	}
	s->primes++;
}

/* The n / (p q) with p, q among what is left, both beyond the sieve. */
static int64_t pairs(const struct counting *s)
{
	int64_t sum = 0;

	for (size_t k = 1; k < s->left; k++) {
		int64_t q = s->roughs[k], m = s->n / q;
		int64_t end = s->smalls[m / q] - s->primes;
		if (end < (int64_t)k + 1)
			break;
		for (int64_t i = (int64_t)k + 1; i <= end; i++)
			/* NOLINTNEXTLINE(clang-analyzer-core.*): m/q <= root, so that end < left */
			sum += s->smalls[m / s->roughs[i]];
		sum -= (end - (int64_t)k) * (s->primes + (int64_t)k - 1);
	}
	return sum;
}

static int64_t isqrt64(int64_t n)
{
	int64_t r = (int64_t)sqrt((double)n);

	while (r * r > n)
		r--;
	while ((r + 1) * (r + 1) <= n)
		r++;
	return r;
}

static int64_t count_with(struct counting *s)
{
	s->left = (size_t)(s->root + 1) / 2;
	for (int64_t i = 0; i <= s->root; i++)
		s->smalls[i] = i < 3 ? 0 : (int32_t)((i - 1) / 2);
	for (size_t k = 0; k < s->left; k++) {
		s->roughs[k] = (int32_t)(2 * k + 1);
		s->larges[k] = (s->n / (int64_t)(2 * k + 1) - 1) / 2;
	}
	for (int64_t p = 3; p * p * p * p <= s->n && p <= s->root; p += 2)
		if (!s->gone[p])
			strike(s, p);
	int64_t left = (int64_t)s->left, count = s->larges[0] + (left + 2 * (s->primes - 1)) * (left - 1) / 2;
	for (size_t k = 1; k < s->left; k++)
		count -= s->larges[k];
	return count + pairs(s) + 1; /* and 2 */
}

static int64_t count_by_leaves(int64_t x)
{
	struct primes_leaves l;
	struct primes_leaves_sum sum;
	struct primes_leaves_total total = { 0 };
	int64_t count = -1;

	if (primes_leaves_init(&l, x) != 0)
		return -1;
	if (primes_leaves_count(&l, 0, l.stretches, &sum) == 0) {
		if (primes_leaves_add(&l, &total, &sum) == 0)
			count = primes_leaves_result(&l, &total);
		primes_leaves_sum_fini(&sum);
	}
	primes_leaves_total_fini(&total);
	primes_leaves_fini(&l);
	return count;
}

int64_t primes_count(int64_t x)
{
	struct counting s = { .n = x };
	int64_t count = -1;

	if (x < 9)
		return x < 2 ? 0 : x < 3 ? 1 : x < 5 ? 2 : x < 7 ? 3 : 4;
	if (x >= PRIMES_LEAVES_LEAST)
		return count_by_leaves(x);
	s.root = isqrt64(x);
	s.smalls = malloc((size_t)(s.root + 1) * sizeof *s.smalls);
	s.roughs = malloc((size_t)(s.root + 2) / 2 * sizeof *s.roughs);
	s.larges = calloc((size_t)(s.root + 2) / 2, sizeof *s.larges);
	s.gone = calloc((size_t)s.root + 1, 1);
	if (s.smalls && s.roughs && s.larges && s.gone)
		count = count_with(&s);
	free(s.smalls);
	free(s.roughs);
	free(s.larges);
	free(s.gone);
	return count;
}

/* ---- sieving an interval ---- */

struct sieve {
	uint32_t *primes; /* odd */
	size_t count;
	bool complete;               /* what the sieve leaves is prime */
	unsigned char struck[BLOCK]; /* [i]: base + 2i has a small factor */
};

/* Strikes out the multiples in the block of odd numbers that begins at base. */
static void sieve_block(struct sieve *s, const mpz_t base, size_t count)
{
	bool small = mpz_fits_ulong_p(base) != 0;
	uint64_t from = small ? mpz_get_ui(base) : 0;

	memset(s->struck, 0, count);
	for (size_t i = 0; i < s->count; i++) {
		uint64_t p = s->primes[i], rest = small ? from % p : mpz_fdiv_ui(base, p);
		if (small && p * p > from + 2 * count)
			break;
		/* base + 2k = 0 (mod p), least k >= 0; but p itself stays. */
		uint64_t k = rest == 0 ? 0 : (rest % 2 ? (p - rest) / 2 : (2 * p - rest) / 2);
		if (small && from + 2 * k < p * p) {
			uint64_t square = p * p;
			k = square > from ? (square - from) / 2 : k;
		}
		for (; k < count; k += p)
			s->struck[k] = 1;
	}
}

static bool visit_block(struct sieve *s, const mpz_t base, size_t count, primes_each *each, void *arg)
{
	mpz_t v;
	bool more = true;

	mpz_init(v);
	for (size_t i = 0; i < count && more; i++) {
		if (s->struck[i])
			continue;
		mpz_add_ui(v, base, 2 * i);
		if (mpz_cmp_ui(v, 1) == 0 || (!s->complete && !primes_is(v)))
			continue;
		more = each(v, arg);
	}
	mpz_clear(v);
	return more;
}

/* How far the sieve's primes go: to the square root of `to`, if that is not far; or as far as pays. */
static int sieve_init(struct sieve *s, const mpz_t from, const mpz_t to)
{
	mpz_t root, width;
	uint32_t max;

	mpz_inits(root, width, NULL);
	mpz_sqrt(root, to);
	mpz_sub(width, to, from);
	uint64_t wide = mpz_get_ui(width), pays = (wide < 16384 ? 4 * wide : 65536) + wide / 16 + 4096;
	if (pays > SIEVE_PRIMES_MAX)
		pays = SIEVE_PRIMES_MAX;
	s->complete = mpz_cmp_ui(root, SIEVE_PRIMES_MAX) <= 0 &&
		      (mpz_cmp_ui(root, (unsigned long)pays) <= 0 || mpz_cmp_ui(width, 65536) >= 0);
	max = s->complete ? (uint32_t)mpz_get_ui(root) : (uint32_t)pays;
	mpz_clears(root, width, NULL);
	s->primes = small_primes(max < 3 ? 3 : max, &s->count);
	return s->primes ? 0 : -1;
}

int primes_between(const mpz_t from, const mpz_t to, primes_each *each, void *arg)
{
	struct sieve *s = malloc(sizeof *s);
	mpz_t base, rest;
	bool more = true;

	if (!s || sieve_init(s, from, to) != 0) {
		free(s);
		return -1;
	}
	mpz_init_set(base, from);
	mpz_init(rest);
	if (mpz_cmp_ui(from, 2) <= 0 && mpz_cmp_ui(to, 2) >= 0) {
		mpz_set_ui(rest, 2);
		more = each(rest, arg);
	}
	if (mpz_cmp_ui(base, 1) < 0)
		mpz_set_ui(base, 1);
	if (mpz_even_p(base))
		mpz_add_ui(base, base, 1);
	while (more && mpz_cmp(base, to) <= 0) {
		mpz_sub(rest, to, base);
		size_t count = mpz_cmp_ui(rest, 2 * (BLOCK - 1)) >= 0 ? BLOCK : mpz_get_ui(rest) / 2 + 1;
		sieve_block(s, base, count);
		more = visit_block(s, base, count, each, arg);
		mpz_add_ui(base, base, 2 * count);
	}
	mpz_clears(base, rest, NULL);
	free(s->primes);
	free(s);
	return 0;
}

/* ---- the n-th ---- */

/* Riemann's R(x) by Gram's series: within about sqrt(x)/log(x) of the count. */
static double riemann_r(double x)
{
	static const double zeta[] = { 1.6449340668482264, 1.2020569031595943, 1.0823232337111382, 1.0369277551433699,
				       1.0173430619844491, 1.0083492773819228, 1.0040773561979443 }; /* zeta(2..8) */
	double term = 1, sum = 1, l = log(x);

	for (int k = 1; k < 200; k++) {
		/* zeta(k+1); its first terms are enough beyond 8. */
		double z = k <= 7 ? zeta[k - 1] : 1 + pow(2, -(k + 1)) + pow(3, -(k + 1)) + pow(4, -(k + 1));
		term *= l / k;
		sum += term / (k * z);
	}
	return sum;
}

struct nth {
	int64_t wanted, seen, prime;
};

static bool nth_each(const mpz_t prime, void *arg)
{
	struct nth *s = arg;

	s->prime = (int64_t)mpz_get_ui(prime);
	return ++s->seen < s->wanted;
}

/* The wanted-th prime of (from, …]. */
static int64_t nth_above(int64_t from, int64_t wanted)
{
	struct nth s = { .wanted = wanted };
	mpz_t a, b;

	mpz_init_set_si(a, from + 1);
	mpz_init(b);
	while (s.seen < s.wanted) {
		mpz_add_ui(b, a, 2 * BLOCK);
		if (primes_between(a, b, nth_each, &s) != 0) {
			s.prime = -1;
			break;
		}
		mpz_add_ui(a, b, 1);
	}
	mpz_clears(a, b, NULL);
	return s.prime;
}

int64_t primes_nth(int64_t n)
{
	double x = (double)n * log((double)n + 2) + 2;

	/* Newton's method on R(x) = n, whose derivative is about 1/log(x); then a margin to stay below. */
	for (int i = 0; i < 30; i++)
		x = fmax(2, x - (riemann_r(x) - (double)n) * log(x));
	int64_t below = (int64_t)(x - 2 * sqrt(x)), count;
	while ((count = primes_count(below)) >= n)
		below -= (int64_t)(2 * sqrt(x)) + 2;
	if (count < 0)
		return -1;
	return nth_above(below, n - count);
}
