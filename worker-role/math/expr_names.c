/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The names of the expression language: which there are, and which may have been meant by one that is not. */
#include <stdio.h>
#include <string.h>

#include "math/expr_exact.h"
#include "math/expr_tree.h"
#include "math/function.h"
#include "op.h"

#define NAME_MAX_LEN 64
#define NEAR_MAX 3

static const char *const constants[] = { "i", "pi", "e", "euler", "inf" };
static const char *const binders[] = { "sum", "product" };

#define COUNT(a) (sizeof(a) / sizeof *(a))

bool expr_names_constant(const char *name)
{
	for (size_t i = 0; i < COUNT(constants); i++)
		if (strcmp(constants[i], name) == 0)
			return true;
	return false;
}

int expr_names_arity(const char *name, unsigned *least, unsigned *most)
{
	const struct function *function = function_find(name);
	const struct expr_exact *exact = function ? NULL : expr_exact_find(name);

	if (function || exact) {
		*least = function ? function->least : exact->least;
		*most = function ? function->most : exact->most;
		return 0;
	}
	*least = 0;
	*most = EXPR_NODES_MAX;
	return op_find(name, strlen(name)) ? 0 : -1;
}

/* Levenshtein distance of names shorter than NAME_MAX_LEN, by one row of the table. */
static size_t distance(const char *a, const char *b)
{
	size_t row[NAME_MAX_LEN + 1], n = strlen(a), m = strlen(b);

	if (n > NAME_MAX_LEN || m > NAME_MAX_LEN)
		return NAME_MAX_LEN;
	for (size_t j = 0; j <= m; j++)
		row[j] = j;
	for (size_t i = 1; i <= n; i++) {
		size_t diagonal = row[0];
		row[0] = i;
		for (size_t j = 1; j <= m; j++) {
			size_t best = diagonal + (a[i - 1] != b[j - 1]);
			diagonal = row[j];
			best = row[j] + 1 < best ? row[j] + 1 : best;
			row[j] = row[j - 1] + 1 < best ? row[j - 1] + 1 : best;
		}
	}
	return row[m];
}

struct near {
	const char *wanted;
	const char *names[NEAR_MAX];
	size_t count, distance;
};

static void consider(struct near *near, const char *name)
{
	if (near->count < NEAR_MAX && distance(near->wanted, name) == near->distance) {
		for (size_t i = 0; i < near->count; i++)
			if (strcmp(near->names[i], name) == 0)
				return;
		near->names[near->count++] = name;
	}
}

static void consider_all(struct near *near, bool call, const char *const *known, size_t n)
{
	const struct function *function;

	for (size_t i = 0; !call && i < n; i++)
		consider(near, known[i]);
	for (size_t i = 0; !call && i < COUNT(constants); i++)
		consider(near, constants[i]);
	for (size_t i = 0; call && (function = function_at(i)) != NULL; i++)
		consider(near, function->name);
	for (size_t i = 0; call && expr_exact_table[i].name; i++)
		consider(near, expr_exact_table[i].name);
	for (size_t i = 0; call && i < COUNT(binders); i++)
		consider(near, binders[i]);
	for (size_t i = 0; call && i < op_count(); i++)
		consider(near, op_at(i)->name);
}

int expr_names_fail(const struct expr *e, const char *const *known, size_t n, struct op_failure *f)
{
	bool call = e->kind == EXPR_CALL;
	struct near near = { .wanted = e->name };
	size_t length = strlen(e->name), allowed = length < 2 ? 0 : length <= 3 ? 1 : 2, at = 0;
	char hint[NEAR_MAX * (NAME_MAX_LEN + 8)] = "";
	unsigned least, most;

	if (!call && expr_names_arity(e->name, &least, &most) == 0) {
		op_fail(f, OP_UNKNOWN_NAME, "\"%.64s\" is a function: expected \"(\" and its arguments behind it",
			e->name);
		return op_fail_position(f, e->at);
	}
	for (near.distance = 1; near.distance <= allowed && near.count == 0; near.distance++)
		consider_all(&near, call, known, n);
	for (size_t i = 0; i < near.count; i++)
		at += (size_t)snprintf(hint + at, sizeof hint - at, "%s%s",
				       i == 0                ? "; did you mean "
				       : i + 1 == near.count ? " or "
							     : ", ",
				       near.names[i]);
	op_fail(f, OP_UNKNOWN_NAME, "there is no %s \"%.64s\"%s%s", call ? "function" : "variable or constant", e->name,
		hint, near.count ? "?" : "");
	return op_fail_position(f, e->at);
}
