/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A tree as text that reads back to the same value, with no parentheses that can go. */
#include <string.h>

#include "math/expr_tree.h"

/* How tightly a printed form holds together, as in the grammar of expr_parse.c. */
enum level { LEVEL_SUM = 1, LEVEL_TERM, LEVEL_SIGNED, LEVEL_POWER, LEVEL_POSTFIX, LEVEL_PRIMARY };

static enum level level_of(const struct expr *e)
{
	switch (e->kind) {
	case EXPR_ADD:
	case EXPR_SUB:
		return LEVEL_SUM;
	case EXPR_MUL:
	case EXPR_DIV:
	case EXPR_MOD:
		return LEVEL_TERM;
	case EXPR_NEG:
		return LEVEL_SIGNED;
	case EXPR_POW:
		return LEVEL_POWER;
	case EXPR_FACTORIAL:
		return LEVEL_POSTFIX;
	case EXPR_NUMBER:
		if (!fmpz_is_one(fmpq_denref(e->value)))
			return LEVEL_TERM;
		return fmpq_sgn(e->value) < 0 ? LEVEL_SIGNED : LEVEL_PRIMARY;
	default:
		return LEVEL_PRIMARY;
	}
}

static void print_fmpz(struct buf *out, const fmpz_t v)
{
	char *digits = fmpz_get_str(NULL, 10, v);

	buf_puts(out, digits);
	flint_free(digits);
}

static void print_number(struct buf *out, const fmpq_t v)
{
	print_fmpz(out, fmpq_numref(v));
	if (!fmpz_is_one(fmpq_denref(v))) {
		buf_byte(out, '/');
		print_fmpz(out, fmpq_denref(v));
	}
}

static void print_at(struct buf *out, const struct expr *e, enum level least)
{
	bool open = level_of(e) < least;

	if (open)
		buf_byte(out, '(');
	expr_print(out, e);
	if (open)
		buf_byte(out, ')');
}

static bool is_negative(const struct expr *e)
{
	return e->kind == EXPR_NEG || (e->kind == EXPR_NUMBER && fmpq_sgn(e->value) < 0);
}

static bool begins_with_minus(const struct expr *e)
{
	while (e->kind == EXPR_ADD || e->kind == EXPR_SUB || e->kind == EXPR_MUL || e->kind == EXPR_DIV ||
	       e->kind == EXPR_MOD)
		e = e->args[0];
	return is_negative(e);
}

/* Of what stands behind a + or a -. */
static enum level right_level(const struct expr *right, bool minus)
{
	if (begins_with_minus(right))
		return LEVEL_POWER;
	return !minus && (right->kind == EXPR_ADD || right->kind == EXPR_SUB) ? LEVEL_SUM : LEVEL_TERM;
}

/* -(a*b) is (-a)*b; but that does not go for %, anywhere in the chain. */
static enum level negated_level(const struct expr *e)
{
	const struct expr *link = e;

	if (begins_with_minus(e) || (e->kind != EXPR_MUL && e->kind != EXPR_DIV && e->kind != EXPR_NUMBER))
		return LEVEL_POWER;
	while (link->kind == EXPR_MUL || link->kind == EXPR_DIV)
		link = link->args[0];
	return link->kind == EXPR_MOD ? LEVEL_POWER : LEVEL_TERM;
}

/* x + -y is written x - y. */
static void print_sum(struct buf *out, const struct expr *e)
{
	const struct expr *right = e->args[1];
	bool minus = e->kind == EXPR_SUB;

	expr_print(out, e->args[0]);
	if (!minus && right->kind == EXPR_NEG) {
		buf_puts(out, " - ");
		print_at(out, right->args[0], right_level(right->args[0], true));
	} else if (!minus && is_negative(right)) {
		fmpq_t positive;
		fmpq_init(positive);
		fmpq_neg(positive, right->value);
		buf_puts(out, " - ");
		print_number(out, positive);
		fmpq_clear(positive);
	} else {
		buf_puts(out, minus ? " - " : " + ");
		print_at(out, right, right_level(right, minus));
	}
}

static void print_binary(struct buf *out, const struct expr *e, char sign, enum level left, enum level right)
{
	print_at(out, e->args[0], left);
	buf_byte(out, sign);
	print_at(out, e->args[1], right);
}

static void print_items(struct buf *out, const struct expr *e, char open, char close)
{
	buf_byte(out, open);
	for (size_t i = 0; i < e->count; i++) {
		if (i)
			buf_puts(out, ", ");
		expr_print(out, e->args[i]);
	}
	buf_byte(out, close);
}

void expr_print(struct buf *out, const struct expr *e)
{
	switch (e->kind) {
	case EXPR_NUMBER:
		print_number(out, e->value);
		break;
	case EXPR_ADD:
	case EXPR_SUB:
		print_sum(out, e);
		break;
	case EXPR_MUL:
		print_binary(out, e, '*', LEVEL_TERM, LEVEL_POWER);
		break;
	case EXPR_DIV:
		print_binary(out, e, '/', LEVEL_TERM, LEVEL_POWER);
		break;
	case EXPR_MOD:
		print_binary(out, e, '%', LEVEL_TERM, LEVEL_POWER);
		break;
	case EXPR_POW:
		print_binary(out, e, '^', LEVEL_POSTFIX, LEVEL_SIGNED);
		break;
	case EXPR_NEG:
		buf_byte(out, '-');
		print_at(out, e->args[0], negated_level(e->args[0]));
		break;
	case EXPR_FACTORIAL:
		print_at(out, e->args[0], LEVEL_PRIMARY);
		buf_byte(out, '!');
		break;
	case EXPR_CALL:
		buf_puts(out, e->name);
		print_items(out, e, '(', ')');
		break;
	case EXPR_LIST:
		print_items(out, e, '[', ']');
		break;
	case EXPR_TEXT:
		buf_puts(out, strchr(e->name, '"') ? "'" : "\"");
		buf_puts(out, e->name);
		buf_puts(out, strchr(e->name, '"') ? "'" : "\"");
		break;
	case EXPR_CONSTANT:
	case EXPR_VARIABLE:
		buf_puts(out, e->name);
		break;
	}
}
