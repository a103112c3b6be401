/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Making, copying, freeing and asking trees. */
#include <string.h>

#include "expr_tree.h"
#include "must.h"

/* ---- making ---- */

struct expr *expr_tree_new(enum expr_kind kind, size_t at, size_t count)
{
	struct expr *e = must_calloc(1, sizeof *e);

	e->kind = kind;
	e->at = (uint32_t)at;
	e->count = (uint32_t)count;
	fmpq_init(e->value);
	if (count)
		e->args = must_calloc(count, sizeof *e->args);
	return e;
}

void expr_tree_append(struct expr *list, struct expr *taken)
{
	list->args = must_realloc(list->args, (size_t)list->count + 1, sizeof *list->args);
	list->args[list->count++] = taken;
}

struct expr *expr_tree_integer(slong v)
{
	struct expr *e = expr_tree_new(EXPR_NUMBER, 0, 0);

	fmpz_set_si(fmpq_numref(e->value), v);
	return e;
}

struct expr *expr_new_number(const fmpq_t value)
{
	struct expr *e = expr_tree_new(EXPR_NUMBER, 0, 0);

	fmpq_set(e->value, value);
	return e;
}

struct expr *expr_new_name(enum expr_kind kind, const char *name)
{
	struct expr *e = expr_tree_new(kind, 0, 0);

	e->name = must_strdup(name);
	return e;
}

struct expr *expr_new(enum expr_kind kind, struct expr *a, struct expr *b)
{
	struct expr *e = expr_tree_new(kind, a->at, b ? 2 : 1);

	e->args[0] = a;
	if (b)
		e->args[1] = b;
	return e;
}

struct expr *expr_new_call(const char *name, struct expr *a, struct expr *b)
{
	struct expr *e = expr_new(EXPR_CALL, a, b);

	e->name = must_strdup(name);
	return e;
}

struct expr *expr_copy(const struct expr *e)
{
	struct expr *copy = expr_tree_new(e->kind, e->at, e->count);

	fmpq_set(copy->value, e->value);
	if (e->name)
		copy->name = must_strdup(e->name);
	for (size_t i = 0; i < e->count; i++)
		copy->args[i] = expr_copy(e->args[i]);
	return copy;
}

void expr_free(struct expr *e)
{
	if (!e)
		return;
	for (size_t i = 0; i < e->count; i++)
		expr_free(e->args[i]);
	free(e->args);
	free(e->name);
	fmpq_clear(e->value);
	free(e);
}

/* ---- asking ---- */

size_t expr_tree_size(const struct expr *e)
{
	size_t n = 1;

	for (size_t i = 0; i < e->count; i++)
		n += expr_tree_size(e->args[i]);
	return n;
}

bool expr_tree_binds(const struct expr *e)
{
	return e->kind == EXPR_CALL && e->count == 4 &&
	       (strcmp(e->name, "sum") == 0 || strcmp(e->name, "product") == 0);
}

bool expr_tree_equal(const struct expr *a, const struct expr *b)
{
	if (a->kind != b->kind || a->count != b->count)
		return false;
	if (a->kind == EXPR_NUMBER && !fmpq_equal(a->value, b->value))
		return false;
	if (a->name && strcmp(a->name, b->name) != 0)
		return false;
	for (size_t i = 0; i < a->count; i++)
		if (!expr_tree_equal(a->args[i], b->args[i]))
			return false;
	return true;
}

bool expr_tree_is(const struct expr *e, slong v)
{
	return e->kind == EXPR_NUMBER && fmpz_is_one(fmpq_denref(e->value)) && fmpz_equal_si(fmpq_numref(e->value), v);
}

bool expr_tree_is_integer(const struct expr *e)
{
	return e->kind == EXPR_NUMBER && fmpz_is_one(fmpq_denref(e->value));
}

bool expr_has(const struct expr *e, const char *variable)
{
	if (e->kind == EXPR_VARIABLE)
		return strcmp(e->name, variable) == 0;
	if (expr_tree_binds(e)) {
		bool inside = strcmp(e->args[1]->name, variable) != 0 && expr_has(e->args[0], variable);
		return inside || expr_has(e->args[2], variable) || expr_has(e->args[3], variable);
	}
	for (size_t i = 0; i < e->count; i++)
		if (expr_has(e->args[i], variable))
			return true;
	return false;
}

/* Names bound by the sums around a subtree. */
struct bound {
	const char *name;
	const struct bound *outer;
};

static const struct expr *unbound(const struct expr *e, const char *const *names, size_t n, const struct bound *bound)
{
	const struct expr *found = NULL;

	if (e->kind == EXPR_VARIABLE) {
		for (size_t i = 0; i < n; i++)
			if (strcmp(names[i], e->name) == 0)
				return NULL;
		for (; bound; bound = bound->outer)
			if (strcmp(bound->name, e->name) == 0)
				return NULL;
		return e;
	}
	if (expr_tree_binds(e)) {
		struct bound inner = { e->args[1]->name, bound };
		if ((found = unbound(e->args[0], names, n, &inner)) == NULL &&
		    (found = unbound(e->args[2], names, n, bound)) == NULL)
			found = unbound(e->args[3], names, n, bound);
		return found;
	}
	for (size_t i = 0; i < e->count && !found; i++)
		found = unbound(e->args[i], names, n, bound);
	return found;
}

const struct expr *expr_unbound(const struct expr *e, const char *const *names, size_t n)
{
	return unbound(e, names, n, NULL);
}

int expr_check_names(const struct expr *e, const char *const *names, size_t n, struct op_failure *f)
{
	const struct expr *free_name = expr_unbound(e, names, n);

	return free_name ? expr_names_fail(free_name, names, n, f) : 0;
}
