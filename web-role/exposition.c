/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "exposition.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

enum type { TYPE_UNTYPED, TYPE_COUNTER, TYPE_GAUGE, TYPE_HISTOGRAM, TYPE_SUMMARY, TYPES };
static const char *const type_names[TYPES] = { "untyped", "counter", "gauge", "histogram", "summary" };

struct family {
	char name[EXPOSITION_NAME_MAX + 1];
	enum type type;
	struct buf help; /* as it came, escaped */
	struct buf samples;
};

struct exposition {
	struct family *families[EXPOSITION_FAMILIES_MAX];
	size_t n, bytes;
};

/* Where reading stands within a text. */
struct reader {
	struct exposition *e;
	struct family *family; /* of the last TYPE line; NULL: it was not taken */
	const char *label;
	struct buf extra; /* `label="value"` */
	/* of the last HELP line, which comes before its TYPE */
	const char *help_name, *help;
	size_t help_name_n, help_n;
};

struct exposition *exposition_new(void)
{
	return calloc(1, sizeof(struct exposition));
}

void exposition_free(struct exposition *e)
{
	if (!e)
		return;
	for (size_t i = 0; i < e->n; i++) {
		buf_fini(&e->families[i]->help);
		buf_fini(&e->families[i]->samples);
		free(e->families[i]);
	}
	free(e);
}

/* ---- grammar: each returns how many bytes of p..end it takes, 0 for none ---- */

static bool is_letter(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
}

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static size_t name_at(const char *p, const char *end, bool colons)
{
	const char *start = p;
	while (p < end && (is_letter(*p) || (colons && *p == ':') || (p > start && is_digit(*p))))
		p++;
	return (size_t)(p - start);
}

static size_t blanks_at(const char *p, const char *end)
{
	const char *start = p;
	while (p < end && (*p == ' ' || *p == '\t'))
		p++;
	return (size_t)(p - start);
}

static bool is_text(const char *p, const char *end)
{
	while (p < end) {
		size_t n = buf_utf8_len(p, (size_t)(end - p));
		if (n == 0 || *p == '\0')
			return false;
		p += n;
	}
	return true;
}

/* A quoted label value with its quotes. */
static size_t quoted_at(const char *p, const char *end)
{
	const char *start = p;
	if (p == end || *p++ != '"')
		return 0;
	for (; p < end && *p != '"'; p++)
		if (*p == '\\' && (++p == end || !strchr("\\\"n", *p)))
			return 0;
	if (p == end || !is_text(start, p))
		return 0;
	return (size_t)(p + 1 - start);
}

/* `{a="1",b="2"}`, which must not have the label `taken`. */
static size_t labels_at(const char *p, const char *end, const char *taken)
{
	const char *start = p;
	if (p == end || *p++ != '{')
		return 0;
	while (p < end && *p != '}') {
		size_t name = name_at(p, end, false);
		if (name == 0 || (taken && strlen(taken) == name && memcmp(p, taken, name) == 0))
			return 0;
		p += name;
		size_t value = p < end && *p == '=' ? quoted_at(p + 1, end) : 0;
		if (value == 0)
			return 0;
		p += 1 + value;
		if (p < end && *p == ',')
			p++;
		else if (p == end || *p != '}')
			return 0;
	}
	return p == end ? 0 : (size_t)(p + 1 - start);
}

static const char *skip_digits(const char *p, const char *end, size_t *count)
{
	for (; p < end && is_digit(*p); p++)
		++*count;
	return p;
}

static const char *skip_sign(const char *p, const char *end)
{
	return p + (p < end && (*p == '-' || *p == '+'));
}

static bool is_number(const char *p, const char *end)
{
	static const char *const words[] = { "NaN", "+Inf", "-Inf", "Inf" };
	size_t n = (size_t)(end - p), mantissa = 0, exponent = 0;
	for (size_t i = 0; i < sizeof words / sizeof *words; i++)
		if (strlen(words[i]) == n && memcmp(p, words[i], n) == 0)
			return true;
	p = skip_digits(skip_sign(p, end), end, &mantissa);
	if (p < end && *p == '.')
		p = skip_digits(p + 1, end, &mantissa);
	if (p == end || mantissa == 0 || (*p != 'e' && *p != 'E'))
		return p == end && mantissa > 0;
	p = skip_digits(skip_sign(p + 1, end), end, &exponent);
	return p == end && exponent > 0;
}

/* ---- families ---- */

static struct family *find(const struct exposition *e, const char *name, size_t n)
{
	for (size_t i = 0; i < e->n; i++)
		if (strncmp(e->families[i]->name, name, n) == 0 && e->families[i]->name[n] == '\0')
			return e->families[i];
	return NULL;
}

/* The family of a TYPE line; NULL when it cannot be taken. */
static struct family *family_of(struct exposition *e, const char *name, size_t n, enum type type)
{
	struct family *f = find(e, name, n);
	if (f)
		return f->type == type ? f : NULL;
	if (n > EXPOSITION_NAME_MAX || e->n == EXPOSITION_FAMILIES_MAX || !(f = calloc(1, sizeof *f)))
		return NULL;
	memcpy(f->name, name, n);
	f->type = type;
	e->families[e->n++] = f;
	return f;
}

/* May a sample of this name stand in the family? */
static bool is_member(const struct family *f, const char *name, size_t n)
{
	static const struct {
		const char *suffix;
		unsigned types;
	} parts[] = { { "_bucket", 1u << TYPE_HISTOGRAM },
		      { "_sum", 1u << TYPE_HISTOGRAM | 1u << TYPE_SUMMARY },
		      { "_count", 1u << TYPE_HISTOGRAM | 1u << TYPE_SUMMARY },
		      { "", ~(1u << TYPE_HISTOGRAM) } };
	size_t stem = strlen(f->name);
	if (n < stem || memcmp(name, f->name, stem) != 0)
		return false;
	for (size_t i = 0; i < sizeof parts / sizeof *parts; i++)
		if (strlen(parts[i].suffix) == n - stem && memcmp(name + stem, parts[i].suffix, n - stem) == 0)
			return parts[i].types >> f->type & 1;
	return false;
}

/* ---- lines ---- */

/* `HELP name text` or `TYPE name type`; other comments mean nothing. */
static void take_comment(struct reader *r, const char *p, const char *end)
{
	p += blanks_at(p, end);
	if (end - p < 5 || (memcmp(p, "HELP ", 5) != 0 && memcmp(p, "TYPE ", 5) != 0))
		return;
	bool is_help = *p == 'H';
	p += 5;
	size_t name = name_at(p, end, true);
	const char *rest = p + name + blanks_at(p + name, end);
	if (is_help) {
		r->help_name = p;
		r->help_name_n = name;
		r->help = rest;
		r->help_n = is_text(rest, end) ? (size_t)(end - rest) : 0;
		return;
	}
	r->family = NULL;
	for (int type = 0; type < TYPES && name; type++)
		if (strlen(type_names[type]) == (size_t)(end - rest) &&
		    memcmp(type_names[type], rest, (size_t)(end - rest)) == 0)
			r->family = family_of(r->e, p, name, (enum type)type);
	if (r->family && r->family->help.len == 0 && r->help_name_n == name && memcmp(r->help_name, p, name) == 0)
		buf_append(&r->family->help, r->help, r->help_n);
}

/* False when it is not taken. */
static bool take_sample(struct reader *r, const char *p, const char *end)
{
	size_t name = name_at(p, end, true), labels = 0;
	const char *q = p + name;
	if (!r->family || name == 0 || !is_member(r->family, p, name))
		return false;
	if (q < end && *q == '{') {
		labels = labels_at(q, end, r->label);
		if (labels == 0)
			return false;
	}
	const char *value = q + labels + blanks_at(q + labels, end);
	if ((labels == 0 && value == q) || !is_number(value, end))
		return false;
	struct buf *out = &r->family->samples;
	size_t before = out->len;
	bool inner = labels > 2;
	buf_append(out, p, name);
	if (r->extra.len || inner) {
		buf_byte(out, '{');
		buf_append(out, r->extra.data, r->extra.len);
		if (r->extra.len && inner)
			buf_byte(out, ',');
		buf_append(out, q + 1, inner ? labels - 2 : 0);
		buf_byte(out, '}');
	}
	buf_byte(out, ' ');
	buf_append(out, value, (size_t)(end - value));
	buf_byte(out, '\n');
	r->e->bytes += out->len - before;
	return !out->failed;
}

static void put_label(struct buf *out, const char *label, const char *value)
{
	buf_printf(out, "%s=\"", label);
	while (*value) {
		size_t n = buf_utf8_len(value, strlen(value));
		if (n == 0)
			buf_byte(out, '?');
		else if (*value == '\n')
			buf_puts(out, "\\n");
		else if (*value == '"' || *value == '\\')
			buf_printf(out, "\\%c", *value);
		else
			buf_append(out, value, n);
		value += n ? n : 1;
	}
	buf_byte(out, '"');
}

size_t exposition_add(struct exposition *e, const char *text, size_t n, const char *label, const char *value)
{
	struct reader r = { .e = e, .label = label };
	const char *p = text, *end = text + n;
	size_t left_out = 0;
	if (label && value)
		put_label(&r.extra, label, value);
	while (p < end) {
		const char *feed = memchr(p, '\n', (size_t)(end - p)), *line_end = feed ? feed : end;
		size_t len = (size_t)(line_end - p);
		if (len > 0 && len <= EXPOSITION_LINE_MAX && *p == '#')
			take_comment(&r, p + 1, line_end);
		else if (len > EXPOSITION_LINE_MAX || r.extra.failed || e->bytes > EXPOSITION_BYTES_MAX ||
			 (len > 0 && !take_sample(&r, p, line_end)))
			left_out++;
		p = feed ? feed + 1 : end;
	}
	buf_fini(&r.extra);
	return left_out;
}

void exposition_render(const struct exposition *e, struct buf *out)
{
	for (size_t i = 0; i < e->n; i++) {
		const struct family *f = e->families[i];
		if (f->samples.len == 0)
			continue;
		if (f->help.len) {
			buf_printf(out, "# HELP %s ", f->name);
			buf_append(out, f->help.data, f->help.len);
			buf_byte(out, '\n');
		}
		buf_printf(out, "# TYPE %s %s\n", f->name, type_names[f->type]);
		buf_append(out, f->samples.data, f->samples.len);
	}
}
