/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "op.h"

#include <assert.h>
#include <pthread.h>
#include <string.h>

/* The families, in the order of the catalogue. */
static const struct op_family *const families[] = {
	&op_arithmetic,    &op_integer,   &op_elementary,    &op_digits,      &op_primes,
	&op_factor,        &op_modular,   &op_combinatorics, &op_diophantine, &op_linear,
	&op_decomposition, &op_lattice,   &op_statistics,    &op_regression,  &op_distribution,
	&op_hypothesis,    &op_calculus,  &op_series,        &op_ode,         &op_polynomial,
	&op_special,       &op_transform, &op_evaluate,      &op_service,     NULL,
};

#define NAME_MAX_LEN 64

/* What was asked for is found by a hash of its name: a power of two of slots, at most half of them taken. */
#define SLOTS 1024
static const struct op *ops[SLOTS / 2], *slots[SLOTS];
static size_t count;
static bool tests_enabled;

static size_t slot_of(const char *name, size_t n)
{
	size_t hash = 5381;

	for (size_t i = 0; i < n; i++)
		hash = hash * 33 + (unsigned char)name[i];
	return hash % SLOTS;
}

static void add(const struct op *op)
{
	size_t slot = slot_of(op->name, strlen(op->name));

	assert(count < SLOTS / 2);
	while (slots[slot])
		slot = (slot + 1) % SLOTS;
	slots[slot] = op;
	ops[count++] = op;
}

static void index_families(void)
{
	for (const struct op_family *const *family = families; *family; family++)
		for (size_t i = 0; i < (*family)->count; i++)
			if (tests_enabled || !(*family)->ops[i].test_only)
				add(&(*family)->ops[i]);
}

static pthread_once_t indexed = PTHREAD_ONCE_INIT;

void op_enable_tests(void)
{
	tests_enabled = true;
}

size_t op_count(void)
{
	pthread_once(&indexed, index_families);
	return count;
}

const struct op *op_at(size_t i)
{
	return i < op_count() ? ops[i] : NULL;
}

const struct op *op_find(const char *name, size_t n)
{
	pthread_once(&indexed, index_families);
	for (size_t slot = slot_of(name, n); slots[slot]; slot = (slot + 1) % SLOTS)
		if (strlen(slots[slot]->name) == n && memcmp(slots[slot]->name, name, n) == 0)
			return slots[slot];
	return NULL;
}

/* Levenshtein distance; both shorter than NAME_MAX_LEN. */
static size_t distance(const char *a, size_t n, const char *b, size_t m)
{
	size_t row[NAME_MAX_LEN + 1];

	for (size_t j = 0; j <= m; j++)
		row[j] = j;
	for (size_t i = 1; i <= n; i++) {
		size_t diagonal = row[0];
		row[0] = i;
		for (size_t j = 1; j <= m; j++) {
			size_t best = diagonal + (a[i - 1] != b[j - 1]);
			diagonal = row[j];
			if (row[j] + 1 < best)
				best = row[j] + 1;
			if (row[j - 1] + 1 < best)
				best = row[j - 1] + 1;
			row[j] = best;
		}
	}
	return row[m];
}

size_t op_suggest(const char *name, size_t n, const struct op **out, size_t max)
{
	size_t found = 0, allowed = n <= 3 ? 1 : 2;

	if (n == 0 || n > NAME_MAX_LEN)
		return 0;
	for (size_t want = 1; want <= allowed; want++)
		for (size_t i = 0; i < op_count() && found < max; i++) {
			const struct op *op = op_at(i);
			if (distance(name, n, op->name, strlen(op->name)) == want)
				out[found++] = op;
		}
	return found;
}

int op_fail_unknown(struct op_failure *f, const char *name, size_t n)
{
	const struct op *near[3];
	size_t found = op_suggest(name, n, near, 3);
	int shown = (int)(n < NAME_MAX_LEN ? n : NAME_MAX_LEN);
	char hint[3 * (NAME_MAX_LEN + 8)] = "";
	size_t at = 0;

	for (size_t i = 0; i < found; i++) {
		const char *join = i == 0 ? "; did you mean " : i + 1 == found ? " or " : ", ";
		size_t len = strlen(join), name_len = strlen(near[i]->name);
		memcpy(hint + at, join, len);
		memcpy(hint + at + len, near[i]->name, name_len);
		at += len + name_len;
	}
	hint[at] = '\0';
	return op_fail(f, OP_UNKNOWN_NAME, "there is no operation \"%.*s\"%s%s", shown, name, hint, found ? "?" : "");
}
