/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Simplifying: a sum is read as terms (a rational times a tree), a product as factors (a tree to a rational power),
 * each chain of operators in one go; like ones are gathered, and what is left is written again. Identities used: those
 * of a field, x^a*x^b = x^(a+b), and (x*y)^n = x^n*y^n, (x^a)^n = x^(a*n) for integers n. A quotient x/x counts as 1:
 * at the point where x is 0 the simpler tree may have a value that the other has not. */
#include <stdlib.h>
#include <string.h>

#include "math/expr_exact.h"
#include "math/expr_tree.h"
#include "math/function.h"
#include "must.h"

#define FOLD_BITS 4096 /* a power or a function of numbers is folded when its value is not longer */

/* base^exponent of a product, or exponent*base of a sum. */
struct part {
	struct expr *base;
	fmpq_t weight;
};

struct parts {
	struct part *parts;
	size_t count, room;
	fmpq_t number; /* the factor, or the constant term */
};

static struct expr *simplified(const struct expr *e);

static void parts_init(struct parts *p, slong number)
{
	memset(p, 0, sizeof *p);
	fmpq_init(p->number);
	fmpq_set_si(p->number, number, 1);
}

static void parts_fini(struct parts *p)
{
	for (size_t i = 0; i < p->count; i++) {
		expr_free(p->parts[i].base);
		fmpq_clear(p->parts[i].weight);
	}
	free(p->parts);
	fmpq_clear(p->number);
}

static void gather(struct parts *p, struct expr *taken, const fmpq_t weight)
{
	for (size_t i = 0; i < p->count; i++)
		if (expr_tree_equal(p->parts[i].base, taken)) {
			fmpq_add(p->parts[i].weight, p->parts[i].weight, weight);
			expr_free(taken);
			return;
		}
	if (p->count == p->room) {
		p->room = p->room ? 2 * p->room : 4;
		p->parts = must_realloc(p->parts, p->room, sizeof *p->parts);
	}
	struct part *part = &p->parts[p->count++];
	part->base = taken;
	fmpq_init(part->weight);
	fmpq_set(part->weight, weight);
}

/* ---- products ---- */

/* number *= v^k; false when that is no rational, or too long to be written out. */
static bool fold_power(fmpq_t number, const fmpq_t v, const fmpq_t exponent)
{
	fmpq_t power;

	if (!fmpz_is_one(fmpq_denref(exponent)) || (fmpq_is_zero(v) && fmpq_sgn(exponent) < 0))
		return false;
	if (fmpz_bits(fmpq_numref(exponent)) > 30 ||
	    (double)fmpq_height_bits(v) * (double)labs(fmpz_get_si(fmpq_numref(exponent))) > FOLD_BITS)
		return false;
	fmpq_init(power);
	fmpq_pow_si(power, v, fmpz_get_si(fmpq_numref(exponent)));
	fmpq_mul(number, number, power);
	fmpq_clear(power);
	return true;
}

/* v^(p/q) when it is rational and short. */
static bool fold_root(fmpq_t number, const fmpq_t v, const fmpq_t exponent)
{
	struct op_failure f;
	fmpq_t power;
	bool found;

	if (fmpq_height_bits(v) > FOLD_BITS || fmpq_height_bits(exponent) > 16)
		return false;
	struct expr *e = expr_new(EXPR_POW, expr_new_number(v), expr_new_number(exponent));
	fmpq_init(power);
	found = expr_rational(e, NULL, power, &f) == 0 && fmpq_height_bits(power) <= FOLD_BITS;
	if (found)
		fmpq_mul(number, number, power);
	fmpq_clear(power);
	expr_free(e);
	return found;
}

/* Takes e^exponent into the product; `done`: e is simplified already. exponent is an integer, but for single factors.
 */
static void take_product(struct parts *p, const struct expr *e, const fmpq_t exponent, bool done)
{
	bool integer = fmpz_is_one(fmpq_denref(exponent));
	fmpq_t other;

	fmpq_init(other);
	if (integer && (e->kind == EXPR_MUL || e->kind == EXPR_DIV)) {
		fmpq_set(other, exponent);
		take_product(p, e->args[0], exponent, done);
		if (e->kind == EXPR_DIV)
			fmpq_neg(other, other);
		take_product(p, e->args[1], other, done);
	} else if (integer && e->kind == EXPR_NEG) {
		if (fmpz_is_odd(fmpq_numref(exponent)))
			fmpq_neg(p->number, p->number);
		take_product(p, e->args[0], exponent, done);
	} else if (e->kind == EXPR_NUMBER && (fold_power(p->number, e->value, exponent) ||
					      (!integer && fold_root(p->number, e->value, exponent)))) {
		; /* that was it */
	} else if (integer && e->kind == EXPR_POW) {
		struct expr *power = done ? expr_copy(e->args[1]) : simplified(e->args[1]);
		if (power->kind == EXPR_NUMBER) {
			fmpq_mul(other, exponent, power->value);
			if (fmpz_is_one(fmpq_denref(power->value))) {
				take_product(p, e->args[0], other, done);
			} else {
				struct expr *base = done ? expr_copy(e->args[0]) : simplified(e->args[0]);
				if (base->kind != EXPR_NUMBER || !fold_root(p->number, base->value, other))
					gather(p, base, other);
				else
					expr_free(base);
			}
			expr_free(power);
		} else {
			struct expr *base = done ? expr_copy(e->args[0]) : simplified(e->args[0]);
			gather(p, expr_new(EXPR_POW, base, power), exponent);
		}
	} else if (done) {
		gather(p, expr_copy(e), exponent);
	} else {
		struct expr *factor = simplified(e);
		take_product(p, factor, exponent, true);
		expr_free(factor);
	}
	fmpq_clear(other);
}

/* Numbers, then constants, then variables, then the rest, each in their order. */
static int rank(const struct expr *e)
{
	switch (e->kind) {
	case EXPR_NUMBER:
		return 0;
	case EXPR_CONSTANT:
		return 1;
	case EXPR_VARIABLE:
		return 2;
	default:
		return 3;
	}
}

static struct expr *times(struct expr *product, struct expr *factor)
{
	return product ? expr_new(EXPR_MUL, product, factor) : factor;
}

/* The factors with positive exponents, or those with negative ones, times the number n. */
static struct expr *side(const struct parts *p, const fmpz_t n, bool below)
{
	struct expr *product = NULL, *factor;
	fmpq_t exponent;

	fmpq_init(exponent);
	if (!fmpz_is_one(n)) {
		fmpz_set(fmpq_numref(exponent), n);
		product = expr_new_number(exponent);
	}
	for (int r = 0; r <= 3; r++)
		for (size_t i = 0; i < p->count; i++) {
			if (fmpq_sgn(p->parts[i].weight) != (below ? -1 : 1) || rank(p->parts[i].base) != r)
				continue;
			fmpq_abs(exponent, p->parts[i].weight);
			factor = expr_copy(p->parts[i].base);
			if (!fmpq_is_one(exponent))
				factor = expr_new(EXPR_POW, factor, expr_new_number(exponent));
			product = times(product, factor);
		}
	fmpq_clear(exponent);
	return product;
}

/* The product without its sign. */
static struct expr *write_product(struct parts *p)
{
	struct expr *above, *below;
	fmpz_t top;

	for (size_t i = 0; i < p->count; i++) { /* sqrt(2)*sqrt(2) as 2^(1/2)*2^(1/2): a number again */
		struct part *part = &p->parts[i];
		if (part->base->kind == EXPR_NUMBER && fold_power(p->number, part->base->value, part->weight))
			fmpq_zero(part->weight);
	}
	fmpz_init(top);
	fmpz_abs(top, fmpq_numref(p->number));
	if (fmpz_is_zero(top)) {
		above = expr_tree_integer(0);
		below = NULL;
	} else {
		above = side(p, top, false);
		below = side(p, fmpq_denref(p->number), true);
	}
	if (below && !above)
		above = expr_tree_integer(1);
	if (below && above->kind == EXPR_NUMBER && below->kind == EXPR_NUMBER && !fmpq_is_zero(below->value)) {
		fmpq_div(above->value, above->value, below->value);
		expr_free(below);
		below = NULL;
	}
	fmpz_clear(top);
	if (!above)
		return expr_tree_integer(1);
	return below ? expr_new(EXPR_DIV, above, below) : above;
}

static struct expr *negated(struct expr *taken)
{
	if (taken->kind != EXPR_NUMBER)
		return expr_new(EXPR_NEG, taken, NULL);
	fmpq_neg(taken->value, taken->value);
	return taken;
}

static struct expr *simplified_sum(const struct expr *e);

static struct expr *simplified_product(const struct expr *e)
{
	struct parts p;
	fmpq_t one;

	parts_init(&p, 1);
	fmpq_init(one);
	fmpq_one(one);
	take_product(&p, e, one, false);
	struct expr *product = write_product(&p);
	if (fmpq_sgn(p.number) < 0 && (product->kind == EXPR_ADD || product->kind == EXPR_SUB)) {
		struct expr *turned = expr_new(EXPR_NEG, product, NULL);
		product = simplified_sum(turned);
		expr_free(turned);
	} else if (fmpq_sgn(p.number) < 0) {
		product = negated(product);
	}
	fmpq_clear(one);
	parts_fini(&p);
	return product;
}

/* ---- sums ---- */

/* Takes weight*e into the sum; `done`: e is simplified already. */
static void take_sum(struct parts *sum, const struct expr *e, const fmpq_t weight, bool done)
{
	struct parts product;
	fmpq_t other;

	fmpq_init(other);
	if (e->kind == EXPR_ADD || e->kind == EXPR_SUB) {
		fmpq_set(other, weight);
		take_sum(sum, e->args[0], weight, done);
		if (e->kind == EXPR_SUB)
			fmpq_neg(other, other);
		take_sum(sum, e->args[1], other, done);
	} else if (e->kind == EXPR_NEG) {
		fmpq_neg(other, weight);
		take_sum(sum, e->args[0], other, done);
	} else if (e->kind == EXPR_NUMBER) {
		fmpq_addmul(sum->number, weight, e->value);
	} else if (!done) {
		struct expr *term = simplified(e);
		take_sum(sum, term, weight, true);
		expr_free(term);
	} else {
		parts_init(&product, 1);
		fmpq_one(other);
		take_product(&product, e, other, true);
		fmpq_mul(other, weight, product.number);
		fmpq_one(product.number);
		gather(sum, write_product(&product), other);
		parts_fini(&product);
	}
	fmpq_clear(other);
}

static struct expr *plus(struct expr *sum, struct expr *term, bool negative)
{
	if (!sum)
		return negative ? negated(term) : term;
	return expr_new(negative ? EXPR_SUB : EXPR_ADD, sum, term);
}

/* The constant stands last, but for 1 - x. */
static bool constant_leads(const struct parts *sum)
{
	for (size_t i = 0; i < sum->count; i++)
		if (fmpq_sgn(sum->parts[i].weight) != 0)
			return fmpq_sgn(sum->parts[i].weight) < 0 && fmpq_sgn(sum->number) > 0;
	return false;
}

static struct expr *simplified_sum(const struct expr *e)
{
	struct parts sum, product;
	struct expr *result = NULL;
	fmpq_t one;

	parts_init(&sum, 0);
	fmpq_init(one);
	fmpq_one(one);
	take_sum(&sum, e, one, false);
	bool leads = constant_leads(&sum);
	if (leads)
		result = expr_new_number(sum.number);
	for (size_t i = 0; i < sum.count; i++) {
		int sign = fmpq_sgn(sum.parts[i].weight);
		if (sign == 0)
			continue;
		parts_init(&product, 1);
		take_product(&product, sum.parts[i].base, one, true);
		fmpq_mul(product.number, product.number, sum.parts[i].weight);
		result = plus(result, write_product(&product), sign < 0);
		parts_fini(&product);
	}
	if (!result || (!leads && !fmpq_is_zero(sum.number))) {
		fmpq_abs(one, sum.number);
		result = plus(result, expr_new_number(one), fmpq_sgn(sum.number) < 0);
	}
	fmpq_clear(one);
	parts_fini(&sum);
	return result;
}

/* ---- the rest ---- */

/* Whether its value may be asked for: quick, and likely to be a short rational. */
static bool computes(const struct expr *e)
{
	bool grows = e->kind == EXPR_FACTORIAL, call = e->kind == EXPR_CALL && !expr_tree_binds(e);

	if (call)
		grows = strcmp(e->name, "gamma") == 0 || strcmp(e->name, "binomial") == 0;
	if (e->count == 0 || !(grows || e->kind == EXPR_MOD || (call && function_find(e->name))))
		return false;
	bool zero_or_one = e->count == 1 && (expr_tree_is(e->args[0], 0) || expr_tree_is(e->args[0], 1));
	if (call && !expr_exact_find(e->name) && !zero_or_one)
		return false;
	for (size_t i = 0; i < e->count; i++)
		if (e->args[i]->kind != EXPR_NUMBER || fmpq_height_bits(e->args[i]->value) > (grows ? 10 : 64))
			return false;
	return true;
}

/* Calls, %, ! and lists: the parts simplified, and a short rational value taken. */
static struct expr *simplified_parts(const struct expr *e)
{
	struct expr *result = expr_tree_new(e->kind, e->at, e->count);
	struct op_failure f;
	fmpq_t value;

	fmpq_set(result->value, e->value);
	if (e->name)
		result->name = must_strdup(e->name);
	for (size_t i = 0; i < e->count; i++)
		result->args[i] = expr_tree_binds(e) && i == 1 ? expr_copy(e->args[i]) : simplified(e->args[i]);
	if (!computes(result))
		return result;
	fmpq_init(value);
	if (expr_rational(result, NULL, value, &f) == 0 && fmpq_height_bits(value) <= FOLD_BITS) {
		expr_free(result);
		result = expr_new_number(value);
	}
	fmpq_clear(value);
	return result;
}

static struct expr *simplified(const struct expr *e)
{
	switch (e->kind) {
	case EXPR_ADD:
	case EXPR_SUB:
		return simplified_sum(e);
	case EXPR_NEG:
		if (e->args[0]->kind == EXPR_ADD || e->args[0]->kind == EXPR_SUB)
			return simplified_sum(e);
		return simplified_product(e);
	case EXPR_MUL:
	case EXPR_DIV:
	case EXPR_POW:
		return simplified_product(e);
	default:
		return simplified_parts(e);
	}
}

struct expr *expr_simplify(struct expr *taken)
{
	struct expr *result = simplified(taken);

	expr_free(taken);
	return result;
}
