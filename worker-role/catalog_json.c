/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "catalog_json.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "op.h"

#define FNV_PRIME 1099511628211U
#define FNV_START 14695981039346656037U
#define OTHER_START 0x9e3779b97f4a7c15U /* a second, independent start for the other half */

static void put_string(struct buf *out, const char *before, const char *text)
{
	buf_puts(out, before);
	buf_json_string(out, text, strlen(text));
}

static void put_value_schema(struct buf *out, const struct op_parameter *p)
{
	switch (p->kind) {
	case OP_KIND_INTEGER:
		buf_puts(out, "{\"type\":[\"integer\",\"string\"]");
		break;
	case OP_KIND_NUMBER:
		buf_puts(out, "{\"type\":[\"number\",\"string\"]");
		break;
	case OP_KIND_ANY:
		buf_byte(out, '{');
		break;
	}
	if (p->bounded)
		buf_printf(out, ",\"minimum\":%" PRId64 ",\"maximum\":%" PRId64, p->min, p->max);
	put_string(out, p->kind == OP_KIND_ANY ? "\"title\":" : ",\"title\":", p->name);
	put_string(out, ",\"description\":", p->summary);
	buf_byte(out, '}');
}

static void put_positional(struct buf *out, const struct op *op, size_t fixed)
{
	buf_puts(out, "\"prefixItems\":[");
	for (size_t i = 0; i < fixed; i++) {
		if (i)
			buf_byte(out, ',');
		put_value_schema(out, &op->parameters[i]);
	}
	buf_printf(out, "],\"minItems\":%zu,\"items\":", fixed);
	if (fixed < op->parameter_count)
		put_value_schema(out, &op->parameters[fixed]);
	else
		buf_puts(out, "false");
}

static void put_named(struct buf *out, const struct op *op, size_t fixed)
{
	buf_puts(out, ",\"properties\":{");
	for (size_t i = 0; i < op->parameter_count; i++) {
		put_string(out, "", op->parameters[i].name);
		buf_puts(out, i < fixed ? ":" : ":{\"type\":\"array\",\"x-variadic\":true,\"items\":");
		put_value_schema(out, &op->parameters[i]);
		buf_puts(out, i < fixed ? "," : "},");
	}
	buf_printf(out, "\"timeout_ms\":{\"type\":\"integer\",\"minimum\":1,\"maximum\":%d}},\"required\":[",
		   OP_TIMEOUT_MAX_MS);
	for (size_t i = 0; i < fixed; i++)
		put_string(out, i ? "," : "", op->parameters[i].name);
	buf_puts(out, "],\"additionalProperties\":false");
}

static void put_parameters(struct buf *out, const struct op *op)
{
	size_t fixed = op->parameter_count;

	if (fixed > 0 && op->parameters[fixed - 1].variadic)
		fixed--;
	buf_puts(out, ",\"parameters\":{\"$schema\":\"https://json-schema.org/draft/2020-12/schema\","
		      "\"type\":[\"array\",\"object\"],");
	put_positional(out, op, fixed);
	put_named(out, op, fixed);
	buf_byte(out, '}');
}

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
