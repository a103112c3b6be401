/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "op.h"

#include <string.h>

/* The families, in the order of the catalogue. */
static const struct op_family *const families[] = { &op_arithmetic, &op_integer, &op_service, NULL };

#define NAME_MAX_LEN 64

size_t op_count(void)
{
	size_t n = 0;

	for (const struct op_family *const *family = families; *family; family++)
		n += (*family)->count;
	return n;
}

const struct op *op_at(size_t i)
{
	for (const struct op_family *const *family = families; *family; family++) {
		if (i < (*family)->count)
			return &(*family)->ops[i];
		i -= (*family)->count;
	}
	return NULL;
}

const struct op *op_find(const char *name, size_t n)
{
	for (const struct op_family *const *family = families; *family; family++)
		for (size_t i = 0; i < (*family)->count; i++) {
			const struct op *op = &(*family)->ops[i];
			if (strlen(op->name) == n && memcmp(op->name, name, n) == 0)
				return op;
		}
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
