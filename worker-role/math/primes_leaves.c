/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "math/primes_leaves.h"

#include <math.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#define SMALL 6 /* primes 2, 3, 5, 7, 11, 13: phi(u, 6) is read from a table */
#define SMALL_PRODUCT 30030
#define SMALL_TOTIENT 5760
#define BLOCK 262144 /* numbers of a block of the sieve; a bit for each odd one */
#define WORDS (BLOCK / 128)
#define STRETCHES 256

static const uint32_t small_primes[SMALL] = { 2, 3, 5, 7, 11, 13 };

static int64_t root_of(int64_t n)
{
	int64_t r = (int64_t)sqrt((double)n);

	while (r * r > n)
		r--;
	while ((r + 1) * (r + 1) <= n)
		r++;
	return r;
}

static int64_t smaller(int64_t a, int64_t b)
{
	return a < b ? a : b;
}

static int64_t larger(int64_t a, int64_t b)
{
	return a > b ? a : b;
}

/* ---- tables up to y ---- */

static int make_tables(struct primes_leaves *l)
{
	size_t size = (size_t)l->y + 1;

	l->primes = malloc((size / 2 + 8) * sizeof *l->primes);
	l->least = calloc(size, sizeof *l->least);
	l->mu = malloc(size);
	if (!l->primes || !l->least || !l->mu)
		return -1;
	l->mu[0] = 0;
	l->mu[1] = 1;
	l->least[1] = UINT32_MAX;             /* no prime factor at all */
	for (uint32_t n = 2; n < size; n++) { /* each composite once, by its least prime factor */
		if (l->least[n] == 0) {
			l->least[n] = n;
			l->mu[n] = -1;
			l->primes[++l->count] = n;
		}
		for (size_t i = 1; i <= l->count; i++) {
			uint32_t p = l->primes[i];
			uint64_t m = (uint64_t)p * n;
			if (p > l->least[n] || m >= size)
				break;
			l->least[m] = p;
			l->mu[m] = (int8_t)(p == l->least[n] ? 0 : -l->mu[n]);
		}
	}
	return 0;
}

/* The index of the largest prime up to v; 0: none. v <= y. */
static size_t prime_index(const struct primes_leaves *l, int64_t v)
{
	size_t low = 0, high = l->count;

	while (low < high) {
		size_t middle = (low + high + 1) / 2;
		if (l->primes[middle] <= v)
			low = middle;
		else
			high = middle - 1;
	}
	return low;
}

/* l->pi[i]: pi(2i + 1) below BLOCK. */
static int make_pi(struct primes_leaves *l)
{
	uint16_t count = 1; /* 2 */

	l->pi = calloc(BLOCK / 2, sizeof *l->pi);
	if (!l->pi)
		return -1;
	for (size_t i = 1; 2 * i * (i + 1) < BLOCK / 2; i++)
		for (size_t k = 2 * i * (i + 1); l->pi[i] == 0 && k < BLOCK / 2; k += 2 * i + 1)
			l->pi[k] = 1; /* composite */
	l->pi[0] = 0;
	for (size_t i = 1; i < BLOCK / 2; i++) {
		count = (uint16_t)(count + (l->pi[i] == 0));
		l->pi[i] = count;
	}
	return 0;
}

void primes_leaves_shape(struct primes_leaves *l, int64_t x)
{
	double log_x = log((double)x), alpha = fmax(1, log_x * log_x / 150);

	memset(l, 0, sizeof *l);
	l->x = x;
	l->root = root_of(x);
	l->y = (int64_t)(alpha * cbrt((double)x)) + 1;
	l->z = x / l->y + 1;
	int64_t blocks = (l->z + BLOCK - 1) / BLOCK, each = (blocks + STRETCHES - 1) / STRETCHES;
	l->width = each * BLOCK;
	l->stretches = (uint32_t)((blocks + each - 1) / each);
}

int primes_leaves_init(struct primes_leaves *l, int64_t x)
{
	primes_leaves_shape(l, x);
	if (make_tables(l) == 0 && make_pi(l) == 0) {
		l->easy_from = prime_index(l, root_of(l->y)) + 1;
		l->easy_to = prime_index(l, (int64_t)cbrt((double)x) + 1) + 1;
		return 0;
	}
	primes_leaves_fini(l);
	return -1;
}

void primes_leaves_fini(struct primes_leaves *l)
{
	free(l->primes);
	free(l->least);
	free(l->mu);
	free(l->pi);
	l->primes = l->least = NULL;
	l->mu = NULL;
	l->pi = NULL;
}

/* ---- a block of the sieve: bit i stands for low + 2i + 1, low even ---- */

struct block {
	int64_t low, high;
	int64_t left; /* bits that are set */
	uint64_t bits[WORDS];
	/* a walk upwards: bits below `at` are counted */
	size_t at_word;
	int64_t at_count;
};

static void block_fill(struct block *b, int64_t low)
{
	b->low = low;
	b->high = low + BLOCK;
	memset(b->bits, 0xff, sizeof b->bits);
}

/* The index of the first odd multiple of p from low on. */
static int64_t first_multiple(int64_t low, int64_t p)
{
	int64_t m = (low + p - 1) / p;

	m += m % 2 == 0;
	return (m * p - low) / 2;
}

static void block_strike(struct block *b, int64_t i, int64_t p)
{
	for (; i < BLOCK / 2; i += p)
		b->bits[i >> 6] &= ~(1ULL << (i & 63));
}

static int64_t block_strike_counting(struct block *b, int64_t i, int64_t p)
{
	int64_t gone = 0;

	for (; i < BLOCK / 2; i += p) {
		uint64_t word = b->bits[i >> 6];
		gone += (int64_t)(word >> (i & 63) & 1);
		b->bits[i >> 6] = word & ~(1ULL << (i & 63));
	}
	b->left -= gone;
	return i - BLOCK / 2; /* where it goes on in the next block */
}

static int64_t block_popcount(const struct block *b)
{
	int64_t n = 0;

	for (size_t w = 0; w < WORDS; w++)
		n += __builtin_popcountll(b->bits[w]);
	return n;
}

static void block_walk_begin(struct block *b)
{
	b->at_word = 0;
	b->at_count = 0;
}

/* How many are left in [low, u], low <= u < high; u must not be less than that of the call before. */
static int64_t block_walk(struct block *b, int64_t u)
{
	int64_t i = (u - b->low - 1) >> 1; /* the last odd number's index; -1: none */
	size_t word = i < 0 ? 0 : (size_t)i >> 6;

	while (b->at_word < word)
		b->at_count += __builtin_popcountll(b->bits[b->at_word++]);
	if (i < 0)
		return 0;
	return b->at_count + __builtin_popcountll(b->bits[word] & (~0ULL >> (63 - (i & 63))));
}

/* ---- easy leaves: p above the root of y, m > p a prime, u = x/(pm) < p^2 and u < BLOCK ----
 * Then phi(u, k - 1) = pi(u) - k + 2 if u >= p, which a table tells; and 1 if not. No sieve is needed for them, and
 * they are most of all leaves: were they counted in the first block, that would be most of the work, in one piece. */

/* They are those with m above this. */
static int64_t easy_above(const struct primes_leaves *l, int64_t p)
{
	return smaller(larger(l->x / (p * BLOCK), l->x / (p * p * p)), l->y);
}

/* Those of the k-th prime with u >= p. */
static int64_t easy_leaves(const struct primes_leaves *l, size_t k)
{
	int64_t p = l->primes[k], sum = 0;
	size_t from = prime_index(l, larger(easy_above(l, p), p)) + 1,
	       to = prime_index(l, smaller(l->x / (p * p), l->y)) + 1;
	int64_t quotient = l->x / p;
	double q = (double)quotient; /* below 2^53, and u below 2^18: the quotient's floor is exact */

	if (to <= from)
		return 0;
	for (size_t i = from; i < to; i++)
		sum += l->pi[((uint32_t)(q / l->primes[i]) - 1) >> 1];
	return sum - (int64_t)(to - from) * ((int64_t)k - 2);
}

/* The share of stretches [from, to) in them: all have as many primes. */
static int64_t easy_share(const struct primes_leaves *l, uint32_t from, uint32_t to)
{
	uint64_t n = l->easy_to > l->easy_from ? l->easy_to - l->easy_from : 0;
	int64_t sum = 0;

	for (uint64_t k = n * from / l->stretches; k < n * to / l->stretches; k++)
		sum += easy_leaves(l, l->easy_from + k);
	return sum;
}

/* How many have u < p. */
static int64_t trivial_leaves(const struct primes_leaves *l)
{
	int64_t sum = 0;

	for (size_t k = l->easy_from; k <= l->count; k++) {
		int64_t p = l->primes[k];
		sum += (int64_t)(l->count - prime_index(l, smaller(larger(l->x / (p * p), p), l->y)));
	}
	return sum;
}

/* ---- the other special leaves ---- */

/* The k-th prime's leaves p*m in the block: y/p < m <= y, the least factor of m above p. */
static void block_leaves(const struct primes_leaves *l, struct block *b, size_t k, int64_t left,
			 struct primes_leaves_sum *out)
{
	int64_t p = l->primes[k], most = smaller(b->low ? l->x / (p * b->low) : l->y, l->y);
	int64_t least = larger(l->x / (p * b->high), l->y / p), signs = 0, sum = 0, q = l->x / p;

	block_walk_begin(b);
	for (int64_t m = most; m > least; m--) {
		if (l->mu[m] == 0 || l->least[m] <= p)
			continue;
		int64_t phi = left + block_walk(b, q / m);
		signs -= l->mu[m];
		sum -= l->mu[m] * phi;
	}
	out->signs[k - SMALL - 1] += signs;
	out->leaves += sum;
}

/* The same for p above the root of y, where m is a prime; those alone that are not easy. */
static void block_prime_leaves(const struct primes_leaves *l, struct block *b, size_t k, int64_t left,
			       struct primes_leaves_sum *out)
{
	int64_t p = l->primes[k], most = b->low ? smaller(l->x / (p * b->low), l->y) : easy_above(l, p);
	int64_t least = larger(larger(l->x / (p * b->high), l->y / p), p), signs = 0, sum = 0, q = l->x / p;

	if (most <= least)
		return;
	block_walk_begin(b);
	for (size_t i = prime_index(l, most); l->primes[i] > least; i--) {
		signs++;
		sum += left + block_walk(b, q / l->primes[i]);
	}
	out->signs[k - SMALL - 1] += signs;
	out->leaves += sum;
}

/* Primes that have leaves from low on which are not easy: p < m, so p^2 < x/low; and p < y. In the first block, those
 * with p^2 < BLOCK, which are less than what the next block has: l->x / BLOCK > BLOCK. */
static size_t last_prime(const struct primes_leaves *l, int64_t low)
{
	return prime_index(l, smaller(root_of(l->x / larger(low, BLOCK)), l->y));
}

static int sieve_leaves(const struct primes_leaves *l, int64_t from, int64_t to, struct primes_leaves_sum *out)
{
	size_t last = last_prime(l, from);
	int64_t *next = malloc((last + 1) * sizeof *next);
	struct block *b = malloc(sizeof *b);

	if (!next || !b) {
		free(next);
		free(b);
		return -1;
	}
	for (size_t k = 2; k <= last; k++)
		next[k] = first_multiple(from, l->primes[k]);
	for (int64_t low = from; low < to; low += BLOCK) {
		size_t until = last_prime(l, low);
		block_fill(b, low);
		for (size_t k = 1; k < SMALL; k++)
			block_strike(b, first_multiple(low, small_primes[k]), small_primes[k]);
		b->left = block_popcount(b);
		for (size_t k = SMALL + 1; k <= until; k++) {
			int64_t p = l->primes[k], *left = &out->left[k - SMALL - 1];
			if (p * p <= l->y)
				block_leaves(l, b, k, *left, out);
			else
				block_prime_leaves(l, b, k, *left, out);
			*left += b->left;
			next[k] = block_strike_counting(b, next[k], p);
		}
	}
	free(next);
	free(b);
	return 0;
}

/* ---- P2: the sum of pi(x/p) over the primes p of (y, root] ---- */

/* Primes of [from, to], to <= root, in descending order, into out; how many. flags: to - from + 1 bytes. */
static size_t primes_down(const struct primes_leaves *l, int64_t from, int64_t to, unsigned char *flags, int64_t *out)
{
	size_t n = 0;

	memset(flags, 0, (size_t)(to - from + 1));
	for (size_t k = 1; k <= l->count && (int64_t)l->primes[k] * l->primes[k] <= to; k++) {
		int64_t p = l->primes[k];
		for (int64_t m = larger(p * p, (from + p - 1) / p * p); m <= to; m += p)
			flags[m - from] = 1;
	}
	for (int64_t v = to; v >= from; v--)
		if (!flags[v - from])
			out[n++] = v;
	return n;
}

static int block_p2(const struct primes_leaves *l, struct block *b, struct primes_leaves_sum *out)
{
	int64_t to = b->low ? smaller(l->x / b->low, l->root) : l->root, from = larger(l->x / b->high, l->y) + 1;
	size_t n = 0;

	if (from > to)
		return 0;
	unsigned char *flags = malloc((size_t)(to - from + 1));
	int64_t *primes = malloc((size_t)(to - from + 1) * sizeof *primes);
	if (flags && primes)
		n = primes_down(l, from, to, flags, primes);
	block_walk_begin(b);
	for (size_t i = 0; i < n; i++)
		out->p2 += out->primes + block_walk(b, l->x / primes[i]);
	out->p2_terms += (int64_t)n;
	int rc = flags && primes ? 0 : -1;
	free(flags);
	free(primes);
	return rc;
}

static int sieve_p2(const struct primes_leaves *l, int64_t from, int64_t to, struct primes_leaves_sum *out)
{
	size_t last = prime_index(l, smaller(root_of(to) + 1, l->y));
	int64_t *next = malloc((last + 1) * sizeof *next);
	struct block *b = malloc(sizeof *b);
	int rc = next && b ? 0 : -1;

	for (size_t k = 2; rc == 0 && k <= last; k++)
		next[k] = first_multiple(from, l->primes[k]);
	for (int64_t low = from; rc == 0 && low < to; low += BLOCK) {
		block_fill(b, low);
		for (size_t k = 2; k <= last; k++) {
			int64_t p = l->primes[k], i = next[k];
			for (; i < BLOCK / 2; i += p)
				b->bits[i >> 6] &= ~(1ULL << (i & 63));
			next[k] = i - BLOCK / 2;
		}
		if (low == 0) { /* 1 is none; 2 takes its place; and the primes that struck themselves out */
			for (size_t k = 2; k <= last && l->primes[k] < BLOCK; k++)
				b->bits[l->primes[k] >> 7] |= 1ULL << (l->primes[k] >> 1 & 63);
		}
		rc = block_p2(l, b, out);
		out->primes += block_popcount(b);
	}
	free(next);
	free(b);
	return rc;
}

int primes_leaves_count(const struct primes_leaves *l, uint32_t from, uint32_t to, struct primes_leaves_sum *out)
{
	int64_t low = from * l->width, high = smaller(to * l->width, (l->z + BLOCK - 1) / BLOCK * BLOCK);
	size_t last = last_prime(l, low);

	memset(out, 0, sizeof *out);
	out->n = last > SMALL ? last - SMALL : 0;
	out->signs = calloc(out->n + 1, sizeof *out->signs);
	out->left = calloc(out->n + 1, sizeof *out->left);
	out->leaves = easy_share(l, from, to);
	if (out->signs && out->left && sieve_leaves(l, low, high, out) == 0 && sieve_p2(l, low, high, out) == 0)
		return 0;
	primes_leaves_sum_fini(out);
	return -1;
}

void primes_leaves_sum_fini(struct primes_leaves_sum *s)
{
	free(s->signs);
	free(s->left);
	s->signs = s->left = NULL;
}

/* ---- adding up ---- */

int primes_leaves_add(const struct primes_leaves *l, struct primes_leaves_total *t, const struct primes_leaves_sum *s)
{
	if (!t->left)
		t->left = calloc(l->count + 1, sizeof *t->left);
	if (!t->left || s->n > l->count)
		return -1;
	t->leaves += s->leaves;
	for (size_t k = 0; k < s->n; k++) {
		t->leaves += t->left[k] * s->signs[k];
		t->left[k] += s->left[k];
	}
	t->p2 += s->p2 + t->primes * s->p2_terms;
	t->p2_terms += s->p2_terms;
	t->primes += s->primes;
	return 0;
}

/* phi(u, 6) for u >= 0; table[r]: numbers up to r < 30030 without a factor up to 13. */
static int64_t phi_small(int64_t u, const uint16_t *table)
{
	return u / SMALL_PRODUCT * SMALL_TOTIENT + table[u % SMALL_PRODUCT];
}

/* The ordinary leaves: n <= y without a factor up to 13. */
static int64_t ordinary_leaves(const struct primes_leaves *l)
{
	static uint16_t table[SMALL_PRODUCT]; /* the same each time */
	uint16_t count = 0;
	int64_t sum = 0;

	for (uint32_t r = 0; r < SMALL_PRODUCT; r++) {
		bool free_of = r > 0;
		for (size_t k = 0; k < SMALL && free_of; k++)
			free_of = r % small_primes[k] != 0;
		count = (uint16_t)(count + free_of);
		table[r] = count;
	}
	for (int64_t n = 1; n <= l->y; n++)
		if (l->mu[n] && l->least[n] > small_primes[SMALL - 1])
			sum += l->mu[n] * phi_small(l->x / n, table);
	return sum;
}

int64_t primes_leaves_result(const struct primes_leaves *l, const struct primes_leaves_total *t)
{
	int64_t below = (int64_t)l->count, all = below + t->p2_terms; /* pi(y), pi(root) */
	int64_t p2 = t->p2 - (all * (all - 1) - below * (below - 1)) / 2;

	return ordinary_leaves(l) + trivial_leaves(l) + t->leaves + below - 1 - p2;
}

void primes_leaves_total_fini(struct primes_leaves_total *t)
{
	free(t->left);
	t->left = NULL;
}
