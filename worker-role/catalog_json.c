/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "catalog_json.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "op.h"

#define FNV_PRIME 1099511628211U
#define FNV_START 14695981039346656037U
#define TEXT(macro) TEXT_OF(macro)
#define TEXT_OF(text) #text
#define OTHER_START 0x9e3779b97f4a7c15U /* a second, independent start for the other half */

static void put_string(struct buf *out, const char *before, const char *text)
{
	buf_puts(out, before);
	buf_json_string(out, text, strlen(text));
}

/* ---- one parameter ---- */

#define REAL "{\"type\":[\"number\",\"string\"]}"
#define COMPLEX_MEMBERS \
	"\"properties\":{\"re\":" REAL ",\"im\":" REAL "},\"required\":[\"re\",\"im\"],\"additionalProperties\":false"
#define COMPLEX "{\"type\":[\"number\",\"string\",\"object\"]," COMPLEX_MEMBERS "}"

/* What values of a kind look like: the members of a schema, each followed by a comma. Bounds and choices come on top.
 * Numbers may always be strings, and which strings are numbers is the operation's to say. */
static const char *const kind_schemas[] = {
	[OP_KIND_INTEGER] = "\"type\":[\"integer\",\"string\"],",
	[OP_KIND_NUMBER] = "\"type\":[\"number\",\"string\"],",
	[OP_KIND_ANY] = "",
	[OP_KIND_COMPLEX] = "\"type\":[\"number\",\"string\",\"object\"]," COMPLEX_MEMBERS ",",
	[OP_KIND_BOOLEAN] = "\"type\":\"boolean\",",
	[OP_KIND_TEXT] = "\"type\":\"string\",",
	[OP_KIND_EXPRESSION] = "\"type\":[\"string\",\"number\"],\"format\":\"x-expression\",",
	[OP_KIND_VECTOR] = "\"type\":\"array\",\"items\":" COMPLEX ",",
	[OP_KIND_MATRIX] =
	    "\"type\":\"array\",\"minItems\":1,\"items\":{\"type\":\"array\",\"minItems\":1,\"items\":" COMPLEX "},",
	[OP_KIND_NUMBERS] =
	    "\"type\":[\"number\",\"string\",\"object\",\"array\"]," COMPLEX_MEMBERS ",\"items\":" COMPLEX ",",
	[OP_KIND_SYSTEM] =
	    "\"type\":\"array\",\"items\":{\"type\":[\"number\",\"string\",\"object\",\"array\"]," COMPLEX_MEMBERS
	    ",\"items\":" COMPLEX "},",
	[OP_KIND_POLYNOMIAL] = "\"type\":[\"array\",\"string\",\"number\"],\"items\":" COMPLEX ",",
	[OP_KIND_TEXTS] = "\"type\":[\"string\",\"array\"],\"items\":" REAL ",",
	[OP_KIND_VALUES] = "\"type\":\"object\",\"additionalProperties\":" COMPLEX ",",
	[OP_KIND_PRECISION] = "\"type\":[\"integer\",\"string\"],\"minimum\":1,\"maximum\":" TEXT(OP_PRECISION_MAX) ",",
	[OP_KIND_EXACT] = "\"type\":\"boolean\",",
};

static void put_value_schema(struct buf *out, const struct op_parameter *p)
{
	buf_byte(out, '{');
	buf_puts(out, kind_schemas[p->kind]);
	if (p->bounded)
		buf_printf(out, "\"minimum\":%" PRId64 ",\"maximum\":%" PRId64 ",", p->min, p->max);
	for (size_t i = 0; p->choices && p->choices[i]; i++)
		put_string(out, i ? "," : "\"enum\":[", p->choices[i]);
	if (p->choices)
		buf_puts(out, "],");
	put_string(out, "\"title\":", p->name);
	put_string(out, ",\"description\":", p->summary);
	buf_byte(out, '}');
}

/* ---- all parameters, by position and by name ---- */

static bool is_required(const struct op_parameter *p)
{
	return !p->optional && !p->variadic && p->kind < OP_KIND_PRECISION;
}

/* The first parameter that has no position of its own: the variadic one, or one that is taken by name alone. */
static size_t count_positions(const struct op *op)
{
	size_t i = 0;

	while (i < op->parameter_count && !op->parameters[i].variadic && !op->parameters[i].named)
		i++;
	return i;
}

static void put_positional(struct buf *out, const struct op *op)
{
	size_t positions = count_positions(op), least = 0;

	if (positions > 0) /* an empty one is not allowed */
		buf_puts(out, "\"prefixItems\":[");
	for (size_t i = 0; i < positions; i++) {
		put_value_schema(out, &op->parameters[i]);
		buf_puts(out, i + 1 < positions ? "," : "],");
		least += is_required(&op->parameters[i]);
	}
	buf_printf(out, "\"minItems\":%zu,\"items\":", least);
	if (positions < op->parameter_count && op->parameters[positions].variadic)
		put_value_schema(out, &op->parameters[positions]);
	else
		buf_puts(out, "false");
}

static void put_named(struct buf *out, const struct op *op)
{
	bool first = true;

	buf_puts(out, ",\"properties\":{");
	for (size_t i = 0; i < op->parameter_count; i++) {
		const struct op_parameter *p = &op->parameters[i];
		put_string(out, "", p->name);
		buf_puts(out, p->variadic ? ":{\"type\":\"array\",\"x-variadic\":true,\"items\":" : ":");
		put_value_schema(out, p);
		buf_puts(out, p->variadic ? "}," : ",");
	}
	buf_printf(out, "\"timeout_ms\":{\"type\":\"integer\",\"minimum\":1,\"maximum\":%d}},\"required\":[",
		   OP_TIMEOUT_MAX_MS);
	for (size_t i = 0; i < op->parameter_count; i++) {
		if (!is_required(&op->parameters[i]))
			continue;
		put_string(out, first ? "" : ",", op->parameters[i].name);
		first = false;
	}
	buf_puts(out, "],\"additionalProperties\":false");
}

static void put_parameters(struct buf *out, const struct op *op)
{
	buf_puts(out, ",\"parameters\":{\"$schema\":\"https://json-schema.org/draft/2020-12/schema\","
		      "\"type\":[\"array\",\"object\"],");
	put_positional(out, op);
	put_named(out, op);
	buf_byte(out, '}');
}

/* ---- the catalogue ---- */

static void put_op(struct buf *out, const struct op *op)
{
	put_string(out, "{\"name\":", op->name);
	put_string(out, ",\"family\":", op->family);
	put_string(out, ",\"summary\":", op->summary);
	put_parameters(out, op);
	put_string(out, ",\"result\":", op->result);
	put_string(out, ",\"limits\":", op->limits);
	buf_puts(out, ",\"examples\":[");
	for (size_t i = 0; i < op->example_count; i++) {
		const struct op_example *e = &op->examples[i];
		buf_puts(out, i ? ",{\"args\":" : "{\"args\":");
		buf_puts(out, e->args);
		buf_puts(out, e->result ? ",\"result\":" : ",\"error\":\"");
		buf_puts(out, e->result ? e->result : e->error);
		buf_puts(out, e->result ? "}" : "\"}");
	}
	buf_puts(out, "]}");
}

void catalog_json(struct buf *out)
{
	buf_puts(out, "{\"operations\":[");
	for (size_t i = 0; i < op_count(); i++) {
		if (i)
			buf_byte(out, ',');
		put_op(out, op_at(i));
	}
	buf_puts(out, "]}");
}

static uint64_t fnv1a(uint64_t hash, const struct buf *text)
{
	for (size_t i = 0; i < text->len; i++)
		hash = (hash ^ (unsigned char)text->data[i]) * FNV_PRIME;
	return hash;
}

void catalog_digest(char out[CATALOG_DIGEST_SIZE])
{
	struct buf text = BUF_INIT;

	catalog_json(&text);
	snprintf(out, CATALOG_DIGEST_SIZE, "%016" PRIx64 "%016" PRIx64, fnv1a(FNV_START, &text),
		 fnv1a(OTHER_START, &text));
	buf_fini(&text);
}
