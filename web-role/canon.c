/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A reader by recursive descent that writes as it reads. The members of an object are written where they come and
 * brought into order at its end, by their names as written, which is one order whatever it is; most come in order
 * already.
 *
 * A number is its digits without zeros at either end, and a power of ten: 120 is 12e1, 0.5 is 5e-1, 7 is 7. */
#include "canon.h"

#include <nettle/sha2.h>
#include <stdlib.h>
#include <string.h>

#include "err.h"

#define EXPONENT_DIGITS \
	17 /* more leave a number as it is written: there is no such number that anybody computes with */

struct member { /* as written: "name":value */
	size_t at, name_n, n;
};

struct canon {
	struct buf *out;
	const struct canon_options *options;
	const char *at, *end;
	unsigned depth;
	struct buf string;      /* one that is being decoded */
	struct buf order;       /* an object that is being sorted */
	struct member *members; /* of all objects that are open, as a stack */
	size_t n_members, cap;
};

static int value(struct canon *c);

static bool take(struct canon *c, char what)
{
	if (c->at == c->end || *c->at != what)
		return false;
	c->at++;
	return true;
}

static void blanks(struct canon *c)
{
	while (c->at < c->end && (*c->at == ' ' || *c->at == '\t' || *c->at == '\n' || *c->at == '\r'))
		c->at++;
}

/* ---- strings ---- */

static int hex4(struct canon *c, unsigned *out)
{
	unsigned code = 0;
	if (c->end - c->at < 4)
		return ERR_INVALID;
	for (int i = 0; i < 4; i++) {
		char d = *c->at++;
		unsigned digit = d >= '0' && d <= '9'   ? (unsigned)(d - '0')
				 : d >= 'a' && d <= 'f' ? (unsigned)(d - 'a') + 10
				 : d >= 'A' && d <= 'F' ? (unsigned)(d - 'A') + 10
							: 16;
		if (digit == 16)
			return ERR_INVALID;
		code = code << 4 | digit;
	}
	*out = code;
	return 0;
}

static void put_utf8(struct buf *out, unsigned code)
{
	if (code < 0x80) {
		buf_byte(out, (char)code);
		return;
	}
	if (code < 0x800) {
		buf_byte(out, (char)(0xc0 | code >> 6));
	} else {
		if (code < 0x10000) {
			buf_byte(out, (char)(0xe0 | code >> 12));
		} else {
			buf_byte(out, (char)(0xf0 | code >> 18));
			buf_byte(out, (char)(0x80 | (code >> 12 & 63)));
		}
		buf_byte(out, (char)(0x80 | (code >> 6 & 63)));
	}
	buf_byte(out, (char)(0x80 | (code & 63)));
}

/* Behind "\u". */
static int unicode_escape(struct canon *c)
{
	unsigned code, low;
	if (hex4(c, &code))
		return ERR_INVALID;
	if (code >= 0xd800 && code <= 0xdbff) {
		if (!take(c, '\\') || !take(c, 'u') || hex4(c, &low) || low < 0xdc00 || low > 0xdfff)
			return ERR_INVALID;
		code = 0x10000 + ((code - 0xd800) << 10) + (low - 0xdc00);
	} else if (code >= 0xdc00 && code <= 0xdfff) {
		return ERR_INVALID;
	}
	put_utf8(&c->string, code);
	return 0;
}

static int escape(struct canon *c)
{
	static const char from[] = "\"\\/bfnrt", to[] = "\"\\/\b\f\n\r\t";
	if (c->at == c->end)
		return ERR_INVALID;
	char what = *c->at++;
	const char *known = what ? strchr(from, what) : NULL;
	if (what == 'u')
		return unicode_escape(c);
	if (!known)
		return ERR_INVALID;
	buf_byte(&c->string, to[known - from]);
	return 0;
}

/* Behind the opening quote, as far as nothing needs decoding or writing otherwise; whether that is all of it. */
static bool plain_string(struct canon *c)
{
	const char *at = c->at;
	while (at < c->end && *at >= 0x20 && *at < 0x7f && *at != '"' && *at != '\\')
		at++;
	if (at == c->end || *at != '"')
		return false;
	buf_append(c->out, c->at - 1, (size_t)(at + 1 - c->at) + 1);
	c->at = at + 1;
	return true;
}

static int string(struct canon *c)
{
	if (!take(c, '"'))
		return ERR_INVALID;
	if (plain_string(c))
		return 0;
	buf_clear(&c->string);
	while (!take(c, '"')) {
		size_t n = buf_utf8_len(c->at, (size_t)(c->end - c->at));
		if (!n || (unsigned char)*c->at < 0x20)
			return ERR_INVALID;
		if (take(c, '\\')) {
			if (escape(c))
				return ERR_INVALID;
			continue;
		}
		buf_append(&c->string, c->at, n);
		c->at += n;
	}
	if (c->string.failed)
		return ERR_NOMEM;
	buf_json_string(c->out, c->string.data ? c->string.data : "", c->string.len);
	return 0;
}

/* ---- numbers ---- */

static struct span digits(struct canon *c)
{
	struct span s = { c->at, 0 };
	while (c->at < c->end && *c->at >= '0' && *c->at <= '9')
		c->at++;
	s.n = (size_t)(c->at - s.p);
	return s;
}

struct number {
	bool negative, negative_exponent;
	struct span whole, fraction, exponent; /* digits; the exponent without zeros before it */
};

static int read_number(struct canon *c, struct number *n)
{
	*n = (struct number){ .negative = take(c, '-') };
	n->whole = digits(c);
	if (n->whole.n == 0 || (n->whole.n > 1 && *n->whole.p == '0'))
		return ERR_INVALID;
	if (take(c, '.') && (n->fraction = digits(c)).n == 0)
		return ERR_INVALID;
	if (!take(c, 'e') && !take(c, 'E'))
		return 0;
	n->negative_exponent = take(c, '-');
	if (!n->negative_exponent)
		take(c, '+');
	n->exponent = digits(c);
	if (n->exponent.n == 0)
		return ERR_INVALID;
	while (n->exponent.n && *n->exponent.p == '0')
		n->exponent = (struct span){ n->exponent.p + 1, n->exponent.n - 1 };
	return 0;
}

/* The i-th digit of the whole and the fraction. */
static char digit_at(const struct number *n, size_t i)
{
	if (i < n->whole.n)
		return n->whole.p[i];
	return n->fraction.p[i - n->whole.n];
}

static int number(struct canon *c)
{
	const char *begin = c->at;
	struct number n;
	if (read_number(c, &n))
		return ERR_INVALID;
	size_t first = 0, all = n.whole.n + n.fraction.n, last = all;
	while (first < all && digit_at(&n, first) == '0')
		first++;
	while (last > first && digit_at(&n, last - 1) == '0')
		last--;
	if (first == all) {
		buf_puts(c->out, n.negative && c->options->signed_zero ? "-0" : "0");
		return 0;
	}
	if (n.exponent.n > EXPONENT_DIGITS) {
		buf_append(c->out, begin, (size_t)(c->at - begin));
		return 0;
	}
	int64_t power = 0;
	for (size_t i = 0; i < n.exponent.n; i++)
		power = power * 10 + (n.exponent.p[i] - '0');
	power = (n.negative_exponent ? -power : power) - (int64_t)n.fraction.n + (int64_t)(all - last);
	if (n.negative)
		buf_byte(c->out, '-');
	for (size_t i = first; i < last; i++)
		buf_byte(c->out, digit_at(&n, i));
	if (power) {
		buf_byte(c->out, 'e');
		buf_int(c->out, power);
	}
	return 0;
}

/* ---- arrays and objects ---- */

static int array(struct canon *c)
{
	c->at++;
	buf_byte(c->out, '[');
	blanks(c);
	if (!take(c, ']')) {
		do {
			int rc = value(c);
			if (rc)
				return rc;
			buf_byte(c->out, ',');
		} while (take(c, ','));
		if (!take(c, ']') || c->out->failed)
			return c->out->failed ? ERR_NOMEM : ERR_INVALID;
		c->out->len--; /* the last comma */
	}
	buf_byte(c->out, ']');
	return 0;
}

static int compare_names(const char *a, size_t a_n, const char *b, size_t b_n)
{
	int order = memcmp(a, b, a_n < b_n ? a_n : b_n);
	return order ? order : (a_n > b_n) - (a_n < b_n);
}

static _Thread_local const char *compared_text;

static int compare_members(const void *a, const void *b)
{
	const struct member *x = a, *y = b;
	return compare_names(compared_text + x->at, x->name_n, compared_text + y->at, y->name_n);
}

/* Brings the members of an object, which are on the stack from `base` on and in the text from `begin` on, in order. */
static int sort(struct canon *c, size_t base, size_t begin)
{
	size_t n = c->n_members - base;
	if (n < 2)
		return 0; /* perhaps there is no stack yet */
	struct member *first = c->members + base;
	bool sorted = true;
	compared_text = c->out->data;
	for (size_t i = 1; i < n && sorted; i++)
		sorted = compare_members(&first[i - 1], &first[i]) < 0;
	if (sorted)
		return 0;
	qsort(first, n, sizeof *first, compare_members);
	buf_clear(&c->order);
	for (size_t i = 0; i < n; i++) {
		if (i && compare_members(&first[i - 1], &first[i]) == 0)
			return ERR_INVALID;
		buf_append(&c->order, c->out->data + first[i].at, first[i].n);
		buf_byte(&c->order, ',');
	}
	if (c->order.failed)
		return ERR_NOMEM;
	memcpy(c->out->data + begin, c->order.data, c->order.len - 1);
	return 0;
}

static int push(struct canon *c, const struct member *m)
{
	if (c->n_members == c->cap) {
		size_t cap = c->cap ? c->cap * 2 : 32;
		struct member *more = realloc(c->members, cap * sizeof *more);
		if (!more)
			return ERR_NOMEM;
		c->members = more;
		c->cap = cap;
	}
	c->members[c->n_members++] = *m;
	return 0;
}

/* Whether the name that was just written is the one that does not count. */
static bool left_out(const struct canon *c, const struct member *m)
{
	const char *without = c->options->without;
	return without && c->depth == 1 && m->name_n == strlen(without) + 2 &&
	       memcmp(c->out->data + m->at + 1, without, m->name_n - 2) == 0;
}

static int member(struct canon *c)
{
	struct member m = { .at = c->out->len };
	blanks(c);
	int rc = string(c);
	m.name_n = c->out->len - m.at;
	if (rc || c->out->failed)
		return rc ? rc : ERR_NOMEM;
	blanks(c);
	if (!take(c, ':'))
		return ERR_INVALID;
	buf_byte(c->out, ':');
	rc = value(c);
	if (rc || c->out->failed)
		return rc ? rc : ERR_NOMEM;
	if (left_out(c, &m)) {
		c->out->len = m.at;
		return 0;
	}
	m.n = c->out->len - m.at;
	buf_byte(c->out, ',');
	return push(c, &m);
}

static int object(struct canon *c)
{
	size_t base = c->n_members, begin = c->out->len + 1;
	c->at++;
	buf_byte(c->out, '{');
	blanks(c);
	if (!take(c, '}')) {
		do {
			int rc = member(c);
			if (rc)
				return rc;
		} while (take(c, ','));
		if (!take(c, '}'))
			return ERR_INVALID;
		int rc = sort(c, base, begin);
		if (rc)
			return rc;
		c->out->len -= c->n_members > base; /* the last comma */
		c->n_members = base;
	}
	buf_byte(c->out, '}');
	return 0;
}

/* ---- values ---- */

static int word(struct canon *c, const char *text)
{
	size_t n = strlen(text);
	if ((size_t)(c->end - c->at) < n || memcmp(c->at, text, n) != 0)
		return ERR_INVALID;
	c->at += n;
	buf_append(c->out, text, n);
	return 0;
}

static int scalar(struct canon *c)
{
	switch (*c->at) {
	case '"':
		return string(c);
	case 't':
		return word(c, "true");
	case 'f':
		return word(c, "false");
	case 'n':
		return word(c, "null");
	default:
		return number(c);
	}
}

static int value(struct canon *c)
{
	int rc;
	blanks(c);
	if (c->at == c->end)
		return ERR_INVALID;
	if (*c->at != '[' && *c->at != '{') {
		rc = scalar(c);
	} else {
		if (++c->depth > CANON_DEPTH_MAX)
			return ERR_TOO_BIG;
		rc = *c->at == '[' ? array(c) : object(c);
		c->depth--;
	}
	blanks(c);
	return rc;
}

int canon_text(struct buf *out, struct span text, const struct canon_options *o)
{
	static const struct canon_options none;
	struct canon c = { .out = out, .options = o ? o : &none, .at = text.p, .end = text.p + text.n };
	int rc = value(&c);
	if (!rc && c.at != c.end)
		rc = ERR_INVALID;
	if (!rc && out->failed)
		rc = ERR_NOMEM;
	buf_fini(&c.string);
	buf_fini(&c.order);
	free(c.members);
	return rc;
}

void canon_digest(char hex[CANON_HEX_SIZE], struct span a, struct span b)
{
	static const char digit[] = "0123456789abcdef";
	uint8_t sum[SHA256_DIGEST_SIZE];
	uint8_t length[8]; /* in one order of bytes, as digests are compared between hosts */
	struct sha256_ctx ctx;
	for (size_t i = 0; i < sizeof length; i++)
		length[i] = (uint8_t)((uint64_t)a.n >> 8 * i);
	sha256_init(&ctx);
	sha256_update(&ctx, sizeof length, length);
	sha256_update(&ctx, a.n, (const uint8_t *)a.p);
	sha256_update(&ctx, b.n, (const uint8_t *)b.p);
	sha256_digest(&ctx, sizeof sum, sum);
	for (size_t i = 0; i < sizeof sum; i++) {
		hex[2 * i] = digit[sum[i] >> 4];
		hex[2 * i + 1] = digit[sum[i] & 15];
	}
	hex[CANON_HEX_SIZE - 1] = '\0';
}
