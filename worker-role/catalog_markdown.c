/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "catalog_markdown.h"

#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "op.h"

#define EXAMPLE_MAX 100 /* characters of arguments or of a result that are shown */

static const char *const kind_names[] = {
	[OP_KIND_INTEGER] = "integer",
	[OP_KIND_NUMBER] = "number",
	[OP_KIND_ANY] = "any JSON value",
	[OP_KIND_COMPLEX] = "complex number",
	[OP_KIND_BOOLEAN] = "true or false",
	[OP_KIND_TEXT] = "text",
	[OP_KIND_EXPRESSION] = "expression",
	[OP_KIND_VECTOR] = "vector",
	[OP_KIND_MATRIX] = "matrix",
	[OP_KIND_NUMBERS] = "number or vector",
	[OP_KIND_SYSTEM] = "vector or matrix",
	[OP_KIND_POLYNOMIAL] = "polynomial",
	[OP_KIND_TEXTS] = "text or array of texts",
	[OP_KIND_VALUES] = "object of numbers",
	[OP_KIND_PRECISION] = "integer, 1 to 1000000, optional",
	[OP_KIND_EXACT] = "true or false, optional",
};

static bool is_optional(const struct op_parameter *p)
{
	return p->optional || p->variadic || p->kind >= OP_KIND_PRECISION;
}

static bool has_variadic(const struct op *op)
{
	for (size_t i = 0; i < op->parameter_count; i++)
		if (op->parameters[i].variadic)
			return true;
	return false;
}

/* Whether a parameter has no position: what stands behind a variadic one has none either. */
static bool by_name(const struct op *op, size_t i)
{
	return op->parameters[i].named || (i > 0 && op->parameters[i].kind >= OP_KIND_PRECISION && has_variadic(op));
}

/* ---- one operation ---- */

static void put_signature(struct buf *out, const struct op *op)
{
	buf_printf(out, "`%s(", op->name);
	for (size_t i = 0; i < op->parameter_count; i++) {
		const struct op_parameter *p = &op->parameters[i];
		const char *comma = i ? ", " : "";
		if (p->variadic)
			buf_printf(out, "%s%s…", comma, p->name);
		else if (is_optional(p))
			buf_printf(out, "%s[%s%s]", comma, p->name, by_name(op, i) ? "=…" : "");
		else
			buf_printf(out, "%s%s", comma, p->name);
	}
	buf_puts(out, ")`");
}

/* Text in a cell of a table. */
static void put_cell(struct buf *out, const char *text)
{
	for (; *text; text++) {
		if (*text == '|')
			buf_byte(out, '\\');
		buf_byte(out, *text);
	}
}

static void put_kind(struct buf *out, const struct op_parameter *p)
{
	buf_puts(out, kind_names[p->kind]);
	if (p->bounded && p->max == INT64_MAX)
		buf_printf(out, ", at least %" PRId64, p->min);
	else if (p->bounded)
		buf_printf(out, ", %" PRId64 " to %" PRId64, p->min, p->max);
	for (size_t i = 0; p->choices && p->choices[i]; i++)
		buf_printf(out, "%s`\"%s\"`", i ? ", " : ": one of ", p->choices[i]);
	if (p->variadic)
		buf_puts(out, ", any number of them");
	else if (p->optional)
		buf_puts(out, ", optional");
	if (p->named)
		buf_puts(out, ", by name only");
}

static void put_parameters(struct buf *out, const struct op *op)
{
	if (op->parameter_count == 0)
		return;
	buf_puts(out, "| Parameter | Kind | Meaning |\n|---|---|---|\n");
	for (size_t i = 0; i < op->parameter_count; i++) {
		const struct op_parameter *p = &op->parameters[i];
		buf_printf(out, "| `%s` | ", p->name);
		put_kind(out, p);
		buf_puts(out, " | ");
		put_cell(out, p->summary);
		buf_puts(out, " |\n");
	}
	buf_byte(out, '\n');
}

static void put_cut(struct buf *out, const char *text)
{
	size_t n = strlen(text), shown = n <= EXAMPLE_MAX ? n : EXAMPLE_MAX;

	while (shown < n && shown > 0 && ((unsigned char)text[shown] & 0xc0) == 0x80)
		shown--; /* not within a character */
	buf_append(out, text, shown);
	if (shown < n)
		buf_puts(out, "…");
}

static void put_examples(struct buf *out, const struct op *op)
{
	buf_puts(out, "```\n");
	for (size_t i = 0; i < op->example_count; i++) {
		const struct op_example *e = &op->examples[i];
		buf_printf(out, "%s ", op->name);
		put_cut(out, e->args);
		buf_puts(out, e->result ? " → " : " → error ");
		put_cut(out, e->result ? e->result : e->error);
		buf_byte(out, '\n');
	}
	buf_puts(out, "```\n");
}

static void put_op(struct buf *out, const struct op *op)
{
	buf_printf(out, "\n### %s\n\n", op->name);
	put_signature(out, op);
	buf_printf(out, " — %s\n\n", op->summary);
	put_parameters(out, op);
	buf_printf(out, "Result: %s. Limits: %s.\n\n", op->result, op->limits);
	put_examples(out, op);
}

/* ---- by families, in the order of the registry ---- */

static bool is_first_of_family(size_t i)
{
	for (size_t k = 0; k < i; k++)
		if (strcmp(op_at(k)->family, op_at(i)->family) == 0)
			return false;
	return true;
}

static void put_overview(struct buf *out, const char *family, size_t from)
{
	buf_printf(out, "| %s |", family);
	for (size_t i = from; i < op_count(); i++)
		if (strcmp(op_at(i)->family, family) == 0)
			buf_printf(out, " [%s](#%s)", op_at(i)->name, op_at(i)->name);
	buf_puts(out, " |\n");
}

void catalog_markdown(struct buf *out)
{
	buf_printf(out, "| Family | Operations (%zu) |\n|---|---|\n", op_count());
	for (size_t i = 0; i < op_count(); i++)
		if (is_first_of_family(i))
			put_overview(out, op_at(i)->family, i);
	for (size_t i = 0; i < op_count(); i++) {
		if (!is_first_of_family(i))
			continue;
		buf_printf(out, "\n## %s\n", op_at(i)->family);
		for (size_t k = i; k < op_count(); k++)
			if (strcmp(op_at(k)->family, op_at(i)->family) == 0)
				put_op(out, op_at(k));
	}
}

int catalog_markdown_print(void)
{
	struct buf out = BUF_INIT;
	bool good;

	catalog_markdown(&out);
	good = !out.failed && fwrite(out.data, 1, out.len, stdout) == out.len && fflush(stdout) == 0;
	buf_fini(&out);
	return good ? 0 : 1;
}
