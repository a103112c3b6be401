/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Reading: recursive descent over bytes, every step of recursion counted against EXPR_DEPTH_MAX, every node against
 * EXPR_NODES_MAX.
 *
 *   sum     = term { ("+" | "-") term }
 *   term    = signed { ("*" | "/" | "%") signed | power }      the last: a product without a sign, see below
 *   signed  = ("+" | "-") signed | power
 *   power   = postfix [ "^" signed ]                           right-associative: its exponent holds further powers
 *   postfix = primary [ "!" ]
 *   primary = number | text | name | name "(" [ sum { "," sum } ] ")" | "(" sum ")" | "[" [ sum { "," sum } ] "]"
 *
 * A product may be written without its sign where a number or a closing parenthesis meets a name or an opening
 * parenthesis: 2i, 3 pi, 2(1+3), (1+2)(3+4). Behind "/" or "%" that could be read in two ways (1/2pi), and is refused.
 * n!! means the factorial of the factorial to some and the double factorial to others, and is refused too.
 * The signs − × · ÷ and the letters π ∞ are taken as what they stand for. */
#include <ctype.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "err.h"
#include "math/expr_tree.h"
#include "must.h"
#include "number.h"

#define LITERAL_DIGITS_MAX 2000000 /* of all literals together, written out */

struct parser {
	const char *s;
	size_t n, at;
	size_t depth, nodes;
	double digits;
	struct op_failure *f;
};

/* ---- characters ---- */

static const struct sign {
	const char *utf8;
	char ascii;
} signs[] = { { "\xe2\x88\x92", '-' }, { "\xc3\x97", '*' }, { "\xc2\xb7", '*' }, { "\xc3\xb7", '/' } };

static const struct letter {
	const char *utf8, *name;
} letters[] = { { "\xcf\x80", "pi" }, { "\xe2\x88\x9e", "inf" } };

#define COUNT(a) (sizeof(a) / sizeof *(a))

static bool starts_with(const struct parser *p, const char *prefix)
{
	size_t n = strlen(prefix);

	return p->n - p->at >= n && memcmp(p->s + p->at, prefix, n) == 0;
}

static void skip_blanks(struct parser *p)
{
	while (p->at < p->n && strchr(" \t\r\n", p->s[p->at]) && p->s[p->at] != '\0')
		p->at++;
}

/* The character of syntax that comes next, its length in *len; 0 at the end and for a letter, digit or whatever else.
 */
static char peek(struct parser *p, size_t *len)
{
	skip_blanks(p);
	*len = 1;
	if (p->at == p->n)
		return 0;
	for (size_t i = 0; i < COUNT(signs); i++)
		if (starts_with(p, signs[i].utf8)) {
			*len = strlen(signs[i].utf8);
			return signs[i].ascii;
		}
	char c = p->s[p->at];
	if (c != '\0' && strchr("+-*/%^!(),[]", c))
		return c;
	return 0;
}

static bool take(struct parser *p, char wanted)
{
	size_t len;

	if (peek(p, &len) != wanted)
		return false;
	p->at += len;
	return true;
}

static bool is_name_start(char c)
{
	return isalpha((unsigned char)c) || c == '_';
}

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static const struct letter *letter_at(const struct parser *p)
{
	for (size_t i = 0; i < COUNT(letters); i++)
		if (starts_with(p, letters[i].utf8))
			return &letters[i];
	return NULL;
}

/* ---- what is wrong ---- */

static struct expr *refuse(struct parser *p, const char *expected)
{
	char found[ERR_QUOTE_SIZE] = "the end of the text";
	size_t len = 1;

	skip_blanks(p);
	if (p->at < p->n) {
		const char *here = p->s + p->at;
		size_t left = p->n - p->at;
		if (is_name_start(*here))
			while (len < left && len < 32 && (is_name_start(here[len]) || is_digit(here[len])))
				len++;
		else if (buf_utf8_len(here, left) > 0)
			len = buf_utf8_len(here, left);
		err_quote(found, here, len);
	}
	op_fail(p->f, OP_PARSE_ERROR, "position %zu: expected %s, found %s", p->at, expected, found);
	op_fail_position(p->f, p->at);
	return NULL;
}

static struct expr *refuse_limit(struct parser *p, double limit, double estimate, const char *unit, const char *what)
{
	op_fail_limit(p->f, limit, estimate, unit, what);
	op_fail_position(p->f, p->at);
	return NULL;
}

/* Counts one node; NULL when there are too many, what was given to it freed. */
static struct expr *node(struct parser *p, enum expr_kind kind, size_t at, struct expr *a, struct expr *b)
{
	struct expr *e;

	if (++p->nodes > EXPR_NODES_MAX) {
		expr_free(a);
		expr_free(b);
		return refuse_limit(p, EXPR_NODES_MAX, (double)p->nodes, "nodes", "the expression is too long");
	}
	e = expr_tree_new(kind, at, a ? b ? 2 : 1 : 0);
	if (a)
		e->args[0] = a;
	if (b)
		e->args[1] = b;
	return e;
}

/* ---- numbers, names, calls ---- */

static size_t digit_run(const struct parser *p, size_t at)
{
	size_t end = at;

	while (end < p->n && is_digit(p->s[end]))
		end++;
	return end;
}

/* The end of digits [. digits] [e [sign] digits]; a letter e that no digit follows is the constant. */
static size_t number_end(const struct parser *p)
{
	size_t end = digit_run(p, p->at), exponent;

	if (end + 1 < p->n && p->s[end] == '.' && is_digit(p->s[end + 1]))
		end = digit_run(p, end + 1);
	exponent = end;
	if (exponent < p->n && (p->s[exponent] == 'e' || p->s[exponent] == 'E')) {
		exponent++;
		if (exponent < p->n && (p->s[exponent] == '+' || p->s[exponent] == '-'))
			exponent++;
		if (exponent < p->n && is_digit(p->s[exponent]))
			end = digit_run(p, exponent);
	}
	return end;
}

static struct expr *parse_number(struct parser *p)
{
	size_t at = p->at, end = number_end(p);
	struct number x;
	struct expr *e = NULL;
	int rc = number_scan(p->s + at, end - at, &x);

	if (rc == ERR_TOO_BIG && end - at > NUMBER_LITERAL_MAX)
		return refuse_limit(p, NUMBER_LITERAL_MAX, (double)(end - at), "characters", "a number is too long");
	if (rc == ERR_TOO_BIG)
		return refuse_limit(p, NUMBER_DIGITS_MAX, number_written_digits(&x), "digits", "a number is too large");
	if (rc != 0)
		return refuse(p, "a number");
	p->digits += number_written_digits(&x);
	if (p->digits > LITERAL_DIGITS_MAX) {
		refuse_limit(p, LITERAL_DIGITS_MAX, p->digits, "digits", "the numbers are too large together");
	} else if ((e = node(p, EXPR_NUMBER, at, NULL, NULL)) != NULL) {
		number_load(&x);
		fmpq_set_mpq(e->value, x.q);
		p->at = end;
	}
	number_fini(&x);
	return e;
}

static struct expr *parse_text(struct parser *p)
{
	size_t at = p->at;
	const char *from = p->s + at + 1, *end = memchr(from, p->s[at], p->n - at - 1);
	struct expr *e;

	if (!end || memchr(from, '\0', (size_t)(end - from))) {
		p->at = p->n;
		return refuse(p, "the end of a text, a quote like the one it began with");
	}
	if ((e = node(p, EXPR_TEXT, at, NULL, NULL)) != NULL)
		e->name = must_strndup(from, (size_t)(end - from));
	p->at = (size_t)(end - p->s) + 1;
	return e;
}

static struct expr *parse_sum(struct parser *p);

/* "," or the closing sign ends each; the opening one is taken already. */
static int parse_items(struct parser *p, struct expr *list, char closing)
{
	if (take(p, closing))
		return 0;
	for (;;) {
		struct expr *item = parse_sum(p);
		if (!item)
			return -1;
		expr_tree_append(list, item);
		if (take(p, closing))
			return 0;
		if (!take(p, ',')) {
			refuse(p, closing == ')' ? "an operator, \",\" or \")\"" : "an operator, \",\" or \"]\"");
			return -1;
		}
	}
}

/* pow, mod and factorial are other ways to write operators. */
static void settle_operator(struct expr *call)
{
	static const struct {
		const char *name;
		enum expr_kind kind;
		unsigned count;
	} written[] = { { "pow", EXPR_POW, 2 }, { "mod", EXPR_MOD, 2 }, { "factorial", EXPR_FACTORIAL, 1 } };

	for (size_t i = 0; i < COUNT(written); i++)
		if (call->count == written[i].count && strcmp(call->name, written[i].name) == 0) {
			call->kind = written[i].kind;
			free(call->name);
			call->name = NULL;
			return;
		}
}

static int check_call(struct parser *p, struct expr *call)
{
	unsigned least, most;

	if (expr_tree_binds(call)) {
		if (call->args[1]->kind == EXPR_VARIABLE)
			return 0;
		op_fail(p->f, OP_INVALID_ARGUMENT,
			"%s: expected a variable as second argument, as in %s(k^2, k, 1, 10)", call->name, call->name);
		return op_fail_position(p->f, call->args[1]->at);
	}
	if (expr_names_constant(call->name)) {
		op_fail(p->f, OP_PARSE_ERROR,
			"position %u: \"%s\" is a constant, no function: write \"%s*(…)\" for a product", call->at,
			call->name, call->name);
		return op_fail_position(p->f, call->at);
	}
	if (expr_names_arity(call->name, &least, &most) != 0)
		return expr_names_fail(call, NULL, 0, p->f);
	if (call->count >= least && call->count <= most)
		return 0;
	if (least == most)
		op_fail(p->f, OP_ARITY, "%s: expected %u argument%s, got %u", call->name, least, least == 1 ? "" : "s",
			call->count);
	else
		op_fail(p->f, OP_ARITY, "%s: expected %u to %u arguments, got %u", call->name, least, most,
			call->count);
	return op_fail_position(p->f, call->at);
}

static struct expr *parse_name(struct parser *p)
{
	size_t at = p->at, end = at, len;
	const struct letter *letter = letter_at(p);
	struct expr *e;

	while (end < p->n && (is_name_start(p->s[end]) || is_digit(p->s[end])))
		end++;
	if ((e = node(p, EXPR_VARIABLE, at, NULL, NULL)) == NULL)
		return NULL;
	e->name = letter ? must_strdup(letter->name) : must_strndup(p->s + at, end - at);
	p->at = letter ? at + strlen(letter->utf8) : end;
	if (!letter && peek(p, &len) == '(') {
		p->at += len;
		e->kind = EXPR_CALL;
		if (parse_items(p, e, ')') != 0 || check_call(p, e) != 0) {
			expr_free(e);
			return NULL;
		}
		settle_operator(e);
	} else if (expr_names_constant(e->name)) {
		e->kind = EXPR_CONSTANT;
	}
	return e;
}

static struct expr *parse_primary(struct parser *p)
{
	static const char expected[] = "a number, a name, \"(\" or \"[\"";
	struct expr *e;
	size_t len, at;
	char c = peek(p, &len);

	at = p->at;
	if (at < p->n && (is_digit(p->s[at]) || (p->s[at] == '.' && at + 1 < p->n && is_digit(p->s[at + 1]))))
		return parse_number(p);
	if (at < p->n && (is_name_start(p->s[at]) || letter_at(p)))
		return parse_name(p);
	if (at < p->n && (p->s[at] == '"' || p->s[at] == '\''))
		return parse_text(p);
	if (c == '(') {
		p->at += len;
		if ((e = parse_sum(p)) != NULL && !take(p, ')')) {
			expr_free(e);
			return refuse(p, "an operator or \")\"");
		}
		return e;
	}
	if (c != '[')
		return refuse(p, expected);
	p->at += len;
	e = node(p, EXPR_LIST, at, NULL, NULL);
	if (e && parse_items(p, e, ']') != 0) {
		expr_free(e);
		return NULL;
	}
	return e;
}

/* ---- operators ---- */

static struct expr *parse_postfix(struct parser *p)
{
	struct expr *e = parse_primary(p);
	size_t len, at;

	skip_blanks(p);
	at = p->at;
	if (!e || !take(p, '!'))
		return e;
	if ((e = node(p, EXPR_FACTORIAL, at, e, NULL)) == NULL)
		return NULL;
	if (peek(p, &len) != '!')
		return e;
	expr_free(e);
	return refuse(p, "an operator (write (n!)! for the factorial of a factorial, double_factorial(n) for n!!)");
}

static struct expr *parse_signed(struct parser *p);

static struct expr *parse_power(struct parser *p)
{
	struct expr *base = parse_postfix(p);
	size_t at;

	skip_blanks(p);
	at = p->at;
	if (!base || !take(p, '^'))
		return base;
	struct expr *exponent = parse_signed(p);
	if (!exponent) {
		expr_free(base);
		return NULL;
	}
	return node(p, EXPR_POW, at, base, exponent);
}

/* All nesting passes here: parentheses, lists, calls, signs, exponents. */
static struct expr *parse_signed(struct parser *p)
{
	struct expr *e;
	size_t at;

	if (++p->depth > EXPR_DEPTH_MAX)
		return refuse_limit(p, EXPR_DEPTH_MAX, (double)p->depth, "levels",
				    "the expression is nested too deeply");
	skip_blanks(p);
	at = p->at;
	if (take(p, '-')) {
		e = parse_signed(p);
		e = e ? node(p, EXPR_NEG, at, e, NULL) : NULL;
	} else {
		e = take(p, '+') ? parse_signed(p) : parse_power(p);
	}
	p->depth--;
	return e;
}

/* A product without a sign: what was read ends in a digit or a parenthesis, and a name or "(" follows. */
static bool meets_factor(struct parser *p, const struct expr *left)
{
	size_t behind = p->at, len;
	char last = 0;

	while (behind > 0 && strchr(" \t\r\n", p->s[behind - 1]))
		behind--;
	if (behind > 0)
		last = p->s[behind - 1];
	char next = peek(p, &len);
	bool name = p->at < p->n && (is_name_start(p->s[p->at]) || letter_at(p));
	bool number = is_digit(last) && left->kind != EXPR_VARIABLE;
	return (last == ')' || number) && (name || next == '(');
}

static struct expr *parse_term(struct parser *p)
{
	static const struct {
		char sign;
		enum expr_kind kind;
	} operators[] = { { '*', EXPR_MUL }, { '/', EXPR_DIV }, { '%', EXPR_MOD } };
	struct expr *left = parse_signed(p), *right;
	bool divided = false;

	while (left) {
		enum expr_kind kind = EXPR_LIST; /* none of them */
		skip_blanks(p);
		size_t at = p->at;
		for (size_t i = 0; i < COUNT(operators) && kind == EXPR_LIST; i++)
			if (take(p, operators[i].sign))
				kind = operators[i].kind;
		if (kind == EXPR_LIST && !meets_factor(p, left))
			return left;
		if (kind == EXPR_LIST && divided) {
			expr_free(left);
			return refuse(
			    p, "an operator (a product without \"*\" behind a division can be read in two ways)");
		}
		divided = kind == EXPR_DIV || kind == EXPR_MOD || (divided && kind == EXPR_LIST);
		right = kind == EXPR_LIST ? parse_power(p) : parse_signed(p);
		if (!right) {
			expr_free(left);
			return NULL;
		}
		left = node(p, kind == EXPR_LIST ? EXPR_MUL : kind, at, left, right);
	}
	return NULL;
}

static struct expr *parse_sum(struct parser *p)
{
	struct expr *left = parse_term(p), *right;

	while (left) {
		enum expr_kind kind;
		skip_blanks(p);
		size_t at = p->at;
		if (take(p, '+'))
			kind = EXPR_ADD;
		else if (take(p, '-'))
			kind = EXPR_SUB;
		else
			return left;
		if ((right = parse_term(p)) == NULL) {
			expr_free(left);
			return NULL;
		}
		left = node(p, kind, at, left, right);
	}
	return NULL;
}

struct expr *expr_parse(const char *s, size_t n, struct op_failure *f)
{
	struct parser p = { .s = s, .n = n, .f = f };
	struct expr *e;

	if (n > EXPR_BYTES_MAX)
		return refuse_limit(&p, EXPR_BYTES_MAX, (double)n, "bytes", "the expression is too long");
	e = parse_sum(&p);
	if (!e)
		return NULL;
	skip_blanks(&p);
	if (p.at < n) {
		expr_free(e);
		return refuse(&p, "an operator or the end");
	}
	return e;
}
