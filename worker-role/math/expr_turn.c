/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "math/expr_turn.h"

#include <string.h>

#define POLE 2
#define NONE 3

/* Values at k pi/4, k = 0, ..., 7. */
static const struct {
	const char *name;
	int values[8];
} functions[] = {
	{ "sin", { 0, NONE, 1, NONE, 0, NONE, -1, NONE } },
	{ "cos", { 1, NONE, 0, NONE, -1, NONE, 0, NONE } },
	{ "tan", { 0, 1, POLE, -1, 0, 1, POLE, -1 } },
	{ "cot", { POLE, 1, 0, -1, POLE, 1, 0, -1 } },
	{ "sec", { 1, NONE, POLE, NONE, -1, NONE, POLE, NONE } },
	{ "csc", { POLE, NONE, 1, NONE, POLE, NONE, -1, NONE } },
};

/* Whether the tree is one + turns * pi with rational numbers that it shows; it is walked no further than that. */
static bool linear(const struct expr *e, fmpq_t one, fmpq_t turns)
{
	fmpq_t a, b;
	bool is = true;

	if (e->kind == EXPR_NUMBER) {
		fmpq_set(one, e->value);
		fmpq_zero(turns);
		return true;
	}
	if (e->kind == EXPR_CONSTANT && strcmp(e->name, "pi") == 0) {
		fmpq_zero(one);
		fmpq_one(turns);
		return true;
	}
	if (e->kind != EXPR_NEG && e->kind != EXPR_ADD && e->kind != EXPR_SUB && e->kind != EXPR_MUL &&
	    e->kind != EXPR_DIV)
		return false;
	if (!linear(e->args[0], one, turns))
		return false;
	if (e->kind == EXPR_NEG) {
		fmpq_neg(one, one);
		fmpq_neg(turns, turns);
		return true;
	}
	fmpq_init(a);
	fmpq_init(b);
	is = linear(e->args[1], a, b);
	if (is && e->kind == EXPR_ADD) {
		fmpq_add(one, one, a);
		fmpq_add(turns, turns, b);
	} else if (is && e->kind == EXPR_SUB) {
		fmpq_sub(one, one, a);
		fmpq_sub(turns, turns, b);
	} else if (is && e->kind == EXPR_MUL && (fmpq_is_zero(b) || fmpq_is_zero(turns))) {
		fmpq_mul(turns, turns, a);
		fmpq_addmul(turns, one, b);
		fmpq_mul(one, one, a);
	} else if (is && e->kind == EXPR_DIV && fmpq_is_zero(b) && !fmpq_is_zero(a)) {
		fmpq_div(one, one, a);
		fmpq_div(turns, turns, a);
	} else {
		is = false;
	}
	fmpq_clear(a);
	fmpq_clear(b);
	return is;
}

/* k from 0 to 7 where the argument is k pi/4 and a multiple of 2 pi, or -1. */
static int eighth(const struct expr *argument)
{
	fmpq_t one, turns;
	int k = -1;

	fmpq_init(one);
	fmpq_init(turns);
	if (linear(argument, one, turns) && fmpq_is_zero(one)) {
		fmpq_mul_si(turns, turns, 4);
		if (fmpz_is_one(fmpq_denref(turns)))
			k = (int)fmpz_fdiv_ui(fmpq_numref(turns), 8);
	}
	fmpq_clear(one);
	fmpq_clear(turns);
	return k;
}

enum expr_turn expr_turn_at(const char *name, const struct expr *argument, int *value)
{
	for (size_t i = 0; i < sizeof functions / sizeof *functions; i++) {
		if (strcmp(functions[i].name, name) != 0)
			continue;
		int k = eighth(argument), v = k < 0 ? NONE : functions[i].values[k];
		if (v == NONE)
			return EXPR_TURN_UNKNOWN;
		*value = v;
		return v == POLE ? EXPR_TURN_POLE : EXPR_TURN_VALUE;
	}
	return EXPR_TURN_UNKNOWN;
}
