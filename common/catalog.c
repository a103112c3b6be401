/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "catalog.h"

#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "job.h"
#include "json_pointer.h"

#define SLOTS 512

enum kind_bit {
	KIND_NUMBER = 1,
	KIND_INTEGER = 2,
	KIND_STRING = 4,
	KIND_ARRAY = 8,
	KIND_OBJECT = 16,
	KIND_BOOLEAN = 32
};
#define KIND_ANY 0u /* nothing is known, so nothing is refused */

struct parameter {
	char *name;
	unsigned kinds; /* bits */
	bool required;
	bool variadic; /* the last one: any number of further arguments by position, an array by name */
};

struct catalog_op {
	char name[JOB_OP_MAX + 1];
	struct catalog_op *next;
	struct parameter *parameters;
	size_t n;
	bool unchecked; /* its parameters could not be read: its arguments are the worker's affair */
};

struct catalog {
	struct catalog_op *slots[SLOTS];
	size_t n;
};

static size_t slot_of(const char *name, size_t n)
{
	size_t hash = 5381;
	for (size_t i = 0; i < n; i++)
		hash = hash * 33 + (unsigned char)name[i];
	return hash % SLOTS;
}

const struct catalog_op *catalog_find(const struct catalog *c, const char *name, size_t n)
{
	for (const struct catalog_op *op = c->slots[slot_of(name, n)]; op; op = op->next)
		if (strlen(op->name) == n && memcmp(op->name, name, n) == 0)
			return op;
	return NULL;
}

struct catalog *catalog_new(void)
{
	return calloc(1, sizeof(struct catalog));
}

static void op_free(struct catalog_op *op)
{
	for (size_t i = 0; i < op->n; i++)
		free(op->parameters[i].name);
	free(op->parameters);
	free(op);
}

void catalog_free(struct catalog *c)
{
	if (!c)
		return;
	for (size_t i = 0; i < SLOTS; i++)
		while (c->slots[i]) {
			struct catalog_op *next = c->slots[i]->next;
			op_free(c->slots[i]);
			c->slots[i] = next;
		}
	free(c);
}

size_t catalog_count(const struct catalog *c)
{
	return c->n;
}

/* ---- reading what is published ---- */

static unsigned kind_bit(const char *name)
{
	static const struct {
		const char *name;
		unsigned bit;
	} kinds[] = { { "number", KIND_NUMBER }, { "integer", KIND_INTEGER }, { "string", KIND_STRING },
		      { "array", KIND_ARRAY },   { "object", KIND_OBJECT },   { "boolean", KIND_BOOLEAN } };
	for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
		if (name && strcmp(name, kinds[i].name) == 0)
			return kinds[i].bit;
	return 0;
}

/* The `type` of a schema, a name or an array of names. A type that is not known here allows anything. */
static unsigned schema_kinds(const json_t *schema)
{
	const json_t *type = json_object_get(schema, "type"), *one;
	unsigned kinds = kind_bit(json_string_value(type));
	size_t i;
	json_array_foreach(type, i, one)
	{
		unsigned bit = kind_bit(json_string_value(one));
		if (!bit)
			return KIND_ANY;
		kinds |= bit;
	}
	return kinds;
}

static bool in_array(const json_t *array, const char *name)
{
	const json_t *one;
	size_t i;
	json_array_foreach(array, i, one)
	{
		if (json_is_string(one) && strcmp(json_string_value(one), name) == 0)
			return true;
	}
	return false;
}

static int read_parameter(struct parameter *p, const char *name, const json_t *schema, bool required)
{
	const json_t *items = json_object_get(schema, "items");
	p->name = strdup(name);
	if (!p->name)
		return ERR_NOMEM;
	p->required = required;
	p->variadic = json_is_true(json_object_get(schema, "x-variadic"));
	p->kinds = schema_kinds(p->variadic && items ? items : schema);
	return 0;
}

/* The properties stand in the order of the positions. */
static int read_parameters(struct catalog_op *op, const json_t *schema)
{
	const json_t *required = json_object_get(schema, "required"), *one;
	json_t *properties = json_object_get(schema, "properties");
	const char *name;
	if (!json_is_object(properties)) {
		op->unchecked = true;
		return 0;
	}
	op->parameters = calloc(json_object_size(properties) + 1, sizeof *op->parameters);
	if (!op->parameters)
		return ERR_NOMEM;
	json_object_foreach(properties, name, one)
	{
		if (strcmp(name, "timeout_ms") == 0)
			continue; /* named, on any operation */
		if (read_parameter(&op->parameters[op->n], name, one, in_array(required, name)))
			return ERR_NOMEM;
		op->n++;
	}
	return 0;
}

static int add_op(struct catalog *c, const json_t *json)
{
	const char *name = json_string_value(json_object_get(json, "name"));
	size_t n = name ? strlen(name) : 0;
	if (n == 0 || n > JOB_OP_MAX)
		return ERR_INVALID;
	if (catalog_find(c, name, n))
		return 0;
	struct catalog_op *op = calloc(1, sizeof *op);
	if (!op)
		return ERR_NOMEM;
	snprintf(op->name, sizeof op->name, "%s", name);
	if (read_parameters(op, json_object_get(json, "parameters"))) {
		op_free(op);
		return ERR_NOMEM;
	}
	op->next = c->slots[slot_of(name, n)];
	c->slots[slot_of(name, n)] = op;
	c->n++;
	return 0;
}

int catalog_add(struct catalog *c, const char *json, size_t n, struct errinfo *info)
{
	json_error_t error;
	json_t *tree = json_loadb(json, n, JSON_REJECT_DUPLICATES, &error);
	const json_t *ops = json_object_get(tree, "operations"), *op;
	size_t i;
	int rc = 0;
	if (!tree)
		return errinfo_set(info, ERR_INVALID, "line %d: %s", error.line, error.text);
	if (!json_is_array(ops))
		rc = errinfo_set(info, ERR_INVALID, "expected an object with an array \"operations\"");
	json_array_foreach(ops, i, op)
	{
		int one = add_op(c, op);
		if (one)
			rc = errinfo_set(info, one, "operation %zu: %s", i,
					 one == ERR_NOMEM ? "out of memory" : "expected a name");
	}
	json_decref(tree);
	return rc;
}

/* ---- the nearest name ---- */

/* Edits (insert, delete, replace) from a to b; names are at most JOB_OP_MAX long. */
static size_t distance(const char *a, const char *b)
{
	size_t row[JOB_OP_MAX + 1], n = strlen(b);
	for (size_t j = 0; j <= n; j++)
		row[j] = j;
	for (size_t i = 0; a[i]; i++) {
		size_t corner = row[0];
		row[0] = i + 1;
		for (size_t j = 1; j <= n; j++) {
			size_t best = corner + (a[i] != b[j - 1]);
			corner = row[j];
			best = row[j] + 1 < best ? row[j] + 1 : best;
			best = row[j - 1] + 1 < best ? row[j - 1] + 1 : best;
			row[j] = best;
		}
	}
	return row[n];
}

const char *catalog_near(const struct catalog *c, const char *name)
{
	size_t n = strlen(name), best = n < 4 ? 2 : 3; /* at most one edit in a short name, two in another */
	const char *near = NULL;
	if (n > JOB_OP_MAX)
		return NULL;
	for (size_t i = 0; i < SLOTS; i++)
		for (const struct catalog_op *op = c->slots[i]; op; op = op->next) {
			size_t edits = distance(name, op->name);
			if (edits < best) {
				best = edits;
				near = op->name;
			}
		}
	return near;
}

/* ---- checking arguments ---- */

struct check {
	const struct catalog_op *op;
	catalog_error_cb *cb;
	void *arg;
	bool good;
};

static void complain(struct check *k, const char *pointer, const char *detail)
{
	k->good = false;
	k->cb(k->arg, pointer, detail);
}

static bool fits(unsigned kinds, const json_t *v)
{
	switch (json_typeof(v)) {
	case JSON_STRING:
		return kinds & KIND_STRING;
	case JSON_ARRAY:
		return kinds & KIND_ARRAY;
	case JSON_OBJECT:
		return kinds & KIND_OBJECT;
	case JSON_TRUE:
	case JSON_FALSE:
		return kinds & KIND_BOOLEAN;
	case JSON_INTEGER:
	case JSON_REAL:
		return kinds & KIND_NUMBER ||
		       (kinds & KIND_INTEGER && json_number_value(v) == floor(json_number_value(v)));
	default:
		return false;
	}
}

static void list_kinds(unsigned kinds, char *out, size_t size)
{
	static const struct {
		unsigned bit;
		const char *text;
	} texts[] = { { KIND_NUMBER, "a number" }, { KIND_INTEGER, "an integer" }, { KIND_STRING, "a string" },
		      { KIND_ARRAY, "an array" },  { KIND_OBJECT, "an object" },   { KIND_BOOLEAN, "true or false" } };
	size_t n = 0;
	out[0] = '\0';
	for (size_t i = 0; i < sizeof texts / sizeof *texts && n < size; i++)
		if (kinds & texts[i].bit)
			n += (size_t)snprintf(out + n, size - n, "%s%s", n ? " or " : "", texts[i].text);
}

static const char *kind_of(const json_t *v)
{
	switch (json_typeof(v)) {
	case JSON_OBJECT:
		return "an object";
	case JSON_ARRAY:
		return "an array";
	case JSON_STRING:
		return "a string";
	case JSON_INTEGER:
		return "an integer";
	case JSON_REAL:
		return json_real_value(v) == floor(json_real_value(v)) ? "an integer" : "a number with decimals";
	case JSON_NULL:
		return "null";
	default:
		return json_is_true(v) ? "true" : "false";
	}
}

static void check_value(struct check *k, const struct parameter *p, const char *pointer, const json_t *v)
{
	char kinds[120], detail[240];
	if (p->kinds == KIND_ANY || fits(p->kinds, v))
		return;
	list_kinds(p->kinds, kinds, sizeof kinds);
	snprintf(detail, sizeof detail, "expected %s for %.60s, got %s", kinds, p->name, kind_of(v));
	complain(k, pointer, detail);
}

/* "2 arguments (a, b)", "at least 1 argument (a, ...)". */
static void signature(const struct catalog_op *op, size_t least, bool more, char *out, size_t size)
{
	size_t n = (size_t)snprintf(out, size, "%s%zu argument%s", more || least < op->n ? "at least " : "", least,
				    least == 1 ? "" : "s");
	if (!more && least < op->n)
		n = (size_t)snprintf(out, size, "%zu to %zu arguments", least, op->n);
	for (size_t i = 0; i < op->n && n < size; i++)
		n += (size_t)snprintf(out + n, size - n, "%s%.40s%s", i ? ", " : " (", op->parameters[i].name,
				      i + 1 == op->n ? more ? ", ...)" : ")" : "");
}

static void check_positions(struct check *k, const json_t *args)
{
	const struct catalog_op *op = k->op;
	size_t count = json_array_size(args), least = 0, i;
	bool more = op->n && op->parameters[op->n - 1].variadic;
	const json_t *v;
	while (least < op->n && op->parameters[least].required)
		least++;
	if (count < least || (count > op->n && !more)) {
		char text[160], detail[240];
		signature(op, least, more, text, sizeof text);
		snprintf(detail, sizeof detail, "expected %s, got %zu", text, count);
		complain(k, "", detail);
	}
	json_array_foreach(args, i, v)
	{
		char pointer[24];
		snprintf(pointer, sizeof pointer, "/%zu", i);
		if (i < op->n || more)
			check_value(k, &op->parameters[i < op->n ? i : op->n - 1], pointer, v);
	}
}

static const struct parameter *parameter_named(const struct catalog_op *op, const char *name)
{
	for (size_t i = 0; i < op->n; i++)
		if (strcmp(op->parameters[i].name, name) == 0)
			return &op->parameters[i];
	return NULL;
}

static void complain_list(struct check *k, const char *pointer, const json_t *v)
{
	char detail[80];
	snprintf(detail, sizeof detail, "expected an array of the further arguments, got %s", kind_of(v));
	complain(k, pointer, detail);
}

static void check_names(struct check *k, json_t *args)
{
	const char *name;
	json_t *v;
	char pointer[100];
	json_object_foreach(args, name, v)
	{
		const struct parameter *p = parameter_named(k->op, name);
		json_pointer_member(pointer, sizeof pointer, name);
		if (!p && strcmp(name, "timeout_ms") != 0)
			complain(k, pointer, "the operation has no parameter of this name");
		else if (p && !p->variadic)
			check_value(k, p, pointer, v);
		else if (p && !json_is_array(v))
			complain_list(k, pointer, v);
	}
	for (size_t i = 0; i < k->op->n; i++) {
		const struct parameter *p = &k->op->parameters[i];
		if (!p->required || json_object_get(args, p->name))
			continue;
		json_pointer_member(pointer, sizeof pointer, p->name);
		complain(k, pointer, "expected this argument, it is missing");
	}
}

bool catalog_check(const struct catalog_op *op, const struct json_t *args, catalog_error_cb *cb, void *arg)
{
	struct check k = { op, cb, arg, true };
	if (op->unchecked)
		return true;
	if (json_is_object(args))
		check_names(&k, (json_t *)(uintptr_t)args);
	else
		check_positions(&k, args);
	return k.good;
}
