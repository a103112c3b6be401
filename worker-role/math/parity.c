/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "math/parity.h"

#include <string.h>

static bool is_among(const char *name, const char *const *list)
{
	for (; *list; list++)
		if (strcmp(*list, name) == 0)
			return true;
	return false;
}

static enum parity of_call(const struct expr *e, const char *name)
{
	static const char *const odd[] = { "sin",   "tan",   "asin", "atan", "sinh", "tanh",
					   "asinh", "atanh", "erf",  "sign", NULL };
	static const char *const even[] = { "cos", "cosh", "abs", "sec", "sech", NULL };
	enum parity inner = e->count == 1 ? parity_of(e->args[0], name) : PARITY_NONE;

	if (inner != PARITY_ODD)
		return inner;
	if (is_among(e->name, odd))
		return PARITY_ODD;
	return is_among(e->name, even) ? PARITY_EVEN : PARITY_NONE;
}

static enum parity of_power(const struct expr *e, const char *name)
{
	struct op_failure f;
	enum parity base = parity_of(e->args[0], name), result = PARITY_NONE;
	fmpq_t n;

	if (expr_has(e->args[1], name))
		return base == PARITY_EVEN && parity_of(e->args[1], name) == PARITY_EVEN ? PARITY_EVEN : PARITY_NONE;
	if (base != PARITY_ODD)
		return base;
	fmpq_init(n);
	if (expr_rational(e->args[1], NULL, n, &f) == 0 && fmpz_is_one(fmpq_denref(n)))
		result = fmpz_is_even(fmpq_numref(n)) ? PARITY_EVEN : PARITY_ODD;
	fmpq_clear(n);
	return result;
}

enum parity parity_of(const struct expr *e, const char *name)
{
	if (!expr_has(e, name))
		return PARITY_EVEN;
	switch (e->kind) {
	case EXPR_VARIABLE:
		return PARITY_ODD;
	case EXPR_NEG:
		return parity_of(e->args[0], name);
	case EXPR_ADD:
	case EXPR_SUB: {
		enum parity a = parity_of(e->args[0], name), b = parity_of(e->args[1], name);
		return a == b ? a : PARITY_NONE;
	}
	case EXPR_MUL:
	case EXPR_DIV: {
		enum parity a = parity_of(e->args[0], name), b = parity_of(e->args[1], name);
		if (a == PARITY_NONE || b == PARITY_NONE)
			return PARITY_NONE;
		return a == b ? PARITY_EVEN : PARITY_ODD;
	}
	case EXPR_POW:
		return of_power(e, name);
	case EXPR_CALL:
		return of_call(e, name);
	default:
		return PARITY_NONE;
	}
}
