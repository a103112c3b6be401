/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "schema.h"

#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "err.h"
#include "json_pointer.h"

#define DEPTH_MAX 16 /* of nested schemas; what is deeper is not checked */
#define POINTER_SIZE 160
#define DETAIL_SIZE 300

enum type_bit {
	TYPE_NUMBER = 1,
	TYPE_INTEGER = 2,
	TYPE_STRING = 4,
	TYPE_ARRAY = 8,
	TYPE_OBJECT = 16,
	TYPE_BOOLEAN = 32,
	TYPE_NULL = 64
};
#define TYPE_ANY 127u

struct member {
	char *name;
	struct schema *schema; /* NULL: required and no more is known */
	bool required;
};

struct schema {
	unsigned types; /* bits of what it may be; none: the schema false */
	char *title;
	json_t *choices; /* an array, or NULL */
	struct schema **prefix;
	size_t prefix_n;
	struct schema *items; /* further elements; NULL: anything */
	size_t items_min, items_max;
	struct member *members;
	size_t members_n;
	struct schema *others; /* members not named; NULL: anything */
	struct schema **forms; /* anyOf */
	size_t forms_n;
};

/* ---- compiling ---- */

static const struct {
	const char *name;
	unsigned bit;
	const char *text;
} types[] = { { "number", TYPE_NUMBER, "a number" },  { "integer", TYPE_INTEGER, "an integer" },
	      { "string", TYPE_STRING, "a string" },  { "array", TYPE_ARRAY, "an array" },
	      { "object", TYPE_OBJECT, "an object" }, { "boolean", TYPE_BOOLEAN, "true or false" },
	      { "null", TYPE_NULL, "null" } };
#define TYPES (sizeof types / sizeof *types)

static unsigned type_bit(const json_t *name)
{
	for (size_t i = 0; i < TYPES; i++)
		if (json_is_string(name) && strcmp(json_string_value(name), types[i].name) == 0)
			return types[i].bit;
	return TYPE_ANY;
}

static unsigned read_types(const json_t *type)
{
	unsigned bits = 0;
	const json_t *one;
	size_t i;
	if (!json_is_array(type))
		return type_bit(type);
	json_array_foreach(type, i, one)
	{
		bits |= type_bit(one);
	}
	return bits;
}

static size_t read_size(const json_t *json, const char *name, size_t otherwise)
{
	const json_t *v = json_object_get(json, name);
	double size = json_number_value(v);
	return json_is_number(v) && size >= 0 && size < 1e15 ? (size_t)size : otherwise;
}

static struct schema *compile(const json_t *json, unsigned depth);

static int compile_list(const json_t *list, unsigned depth, struct schema ***out, size_t *n)
{
	const json_t *one;
	size_t i;
	if (json_array_size(list) == 0)
		return 0;
	*out = calloc(json_array_size(list), sizeof **out); /* NOLINT(bugprone-sizeof-expression): of pointers */
	if (!*out)
		return ERR_NOMEM;
	*n = json_array_size(list);
	json_array_foreach(list, i, one)
	{
		(*out)[i] = compile(one, depth);
		if (!(*out)[i])
			return ERR_NOMEM;
	}
	return 0;
}

static struct member *find_member(const struct schema *s, const char *name)
{
	for (size_t i = 0; i < s->members_n; i++)
		if (strcmp(s->members[i].name, name) == 0)
			return &s->members[i];
	return NULL;
}

static struct member *add_member(struct schema *s, const char *name)
{
	struct member *m = &s->members[s->members_n];
	m->name = strdup(name);
	if (!m->name)
		return NULL;
	s->members_n++;
	return m;
}

static int compile_members(struct schema *s, const json_t *json, unsigned depth)
{
	json_t *properties = json_object_get(json, "properties"), *one;
	const json_t *required = json_object_get(json, "required"), *name_of;
	const char *name;
	size_t n = json_object_size(properties) + json_array_size(required), i;
	struct member *m;
	if (n == 0)
		return 0;
	s->members = calloc(n, sizeof *s->members);
	if (!s->members)
		return ERR_NOMEM;
	json_object_foreach(properties, name, one)
	{
		m = add_member(s, name);
		if (!m || !(m->schema = compile(one, depth)))
			return ERR_NOMEM;
	}
	json_array_foreach(required, i, name_of)
	{
		if (!json_is_string(name_of))
			continue;
		m = find_member(s, json_string_value(name_of));
		if (!m && !(m = add_member(s, json_string_value(name_of))))
			return ERR_NOMEM;
		m->required = true;
	}
	return 0;
}

static int compile_one(const json_t *json, const char *keyword, unsigned depth, struct schema **out)
{
	const json_t *v = json_object_get(json, keyword);
	if (!json_is_object(v) && !json_is_boolean(v))
		return 0;
	*out = compile(v, depth);
	return *out ? 0 : ERR_NOMEM;
}

static int compile_choices(struct schema *s, const json_t *json)
{
	json_t *list = json_object_get(json, "enum"), *only = json_object_get(json, "const");
	if (json_is_array(list))
		s->choices = json_deep_copy(list);
	else if (only)
		s->choices = json_pack("[o]", json_deep_copy(only));
	else
		return 0;
	return s->choices ? 0 : ERR_NOMEM;
}

static int compile_into(struct schema *s, const json_t *json, unsigned depth)
{
	const json_t *title = json_object_get(json, "title"), *forms = json_object_get(json, "anyOf");
	if (json_object_get(json, "type"))
		s->types = read_types(json_object_get(json, "type"));
	if (json_is_string(title) && !(s->title = strdup(json_string_value(title))))
		return ERR_NOMEM;
	s->items_min = read_size(json, "minItems", 0);
	s->items_max = read_size(json, "maxItems", SIZE_MAX);
	if (!forms)
		forms = json_object_get(json, "oneOf");
	if (compile_choices(s, json) ||
	    compile_list(json_object_get(json, "prefixItems"), depth, &s->prefix, &s->prefix_n) ||
	    compile_list(forms, depth, &s->forms, &s->forms_n) || compile_one(json, "items", depth, &s->items) ||
	    compile_one(json, "additionalProperties", depth, &s->others))
		return ERR_NOMEM;
	return compile_members(s, json, depth);
}

static struct schema *compile(const json_t *json, unsigned depth)
{
	struct schema *s = calloc(1, sizeof *s);
	if (!s)
		return NULL;
	s->types = json_is_false(json) ? 0 : TYPE_ANY;
	s->items_max = SIZE_MAX;
	if (json_is_object(json) && depth < DEPTH_MAX && compile_into(s, json, depth + 1)) {
		schema_free(s);
		return NULL;
	}
	return s;
}

struct schema *schema_new(const json_t *json)
{
	return compile(json, 0);
}

static void free_list(struct schema **list, size_t n)
{
	for (size_t i = 0; i < n; i++)
		schema_free(list[i]);
	free(list);
}

void schema_free(struct schema *s)
{
	if (!s)
		return;
	free(s->title);
	json_decref(s->choices);
	free_list(s->prefix, s->prefix_n);
	schema_free(s->items);
	for (size_t i = 0; i < s->members_n; i++) {
		free(s->members[i].name);
		schema_free(s->members[i].schema);
	}
	free(s->members);
	schema_free(s->others);
	free_list(s->forms, s->forms_n);
	free(s);
}

/* ---- telling ---- */

/* Where in the value: the way down, on the stack; written out only when something is wrong. */
struct place {
	const struct place *above; /* NULL: the value itself */
	const char *name;          /* NULL: by index */
	size_t index;
	unsigned depth;
};

struct check {
	schema_error_cb *cb;
	void *arg;
};

static size_t write_pointer(const struct place *at, char *out, size_t size)
{
	size_t n = at->above ? write_pointer(at->above, out, size) : 0;
	out[n] = '\0';
	if (!at->above || size - n < 24)
		return n; /* cut, for people */
	if (at->name)
		json_pointer_member(out + n, size - n, at->name);
	else
		snprintf(out + n, size - n, "/%zu", at->index);
	return n + strlen(out + n);
}

static bool complain(const struct check *k, const struct place *at, const char *detail)
{
	char pointer[POINTER_SIZE];
	if (!k->cb)
		return false;
	write_pointer(at, pointer, sizeof pointer);
	k->cb(k->arg, pointer, detail);
	return false;
}

static bool is_whole(const json_t *v)
{
	return json_number_value(v) == floor(json_number_value(v));
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
	case JSON_REAL:
		return is_whole(v) ? "an integer" : "a number with decimals";
	case JSON_NULL:
		return "null";
	default:
		return json_is_true(v) ? "true" : "false";
	}
}

static void list_types(unsigned bits, char *out, size_t size)
{
	size_t n = 0;
	out[0] = '\0';
	for (size_t i = 0; i < TYPES && n < size; i++)
		if (bits & types[i].bit)
			n += (size_t)snprintf(out + n, size - n, "%s%s", n ? " or " : "", types[i].text);
}

static bool complain_type(const struct check *k, const struct place *at, const struct schema *s, const json_t *v)
{
	char expected[120], detail[DETAIL_SIZE];
	if (!k->cb)
		return false;
	list_types(s->types, expected, sizeof expected);
	snprintf(detail, sizeof detail, "expected %s%s%.60s, got %s", s->types ? expected : "nothing here",
		 s->title ? " for " : "", s->title ? s->title : "", kind_of(v));
	return complain(k, at, detail);
}

/* A scalar as JSON, cut. */
static size_t show(const json_t *v, char *out, size_t size)
{
	char quoted[ERR_QUOTE_SIZE];
	int n;
	if (json_is_string(v)) {
		err_quote(quoted, json_string_value(v), json_string_length(v));
		n = snprintf(out, size, "%s", quoted);
	} else if (json_is_number(v)) {
		n = snprintf(out, size, "%.15g", json_number_value(v));
	} else {
		n = snprintf(out, size, "%s", kind_of(v));
	}
	return (size_t)n < size ? (size_t)n : size - 1;
}

static bool complain_choice(const struct check *k, const struct place *at, const struct schema *s, const json_t *v)
{
	char expected[180] = "", got[80], detail[DETAIL_SIZE];
	size_t n = 0, i, count = json_array_size(s->choices);
	const json_t *one;
	if (!k->cb)
		return false;
	json_array_foreach(s->choices, i, one)
	{
		if (n + 40 > sizeof expected) {
			snprintf(expected + n, sizeof expected - n, " or another of %zu", count);
			break;
		}
		n += (size_t)snprintf(expected + n, sizeof expected - n, "%s",
				      i == 0           ? ""
				      : i + 1 == count ? " or "
						       : ", ");
		n += show(one, expected + n, sizeof expected - n);
	}
	show(v, got, sizeof got);
	snprintf(detail, sizeof detail, "expected %s%s%.40s, got %s", expected, s->title ? " for " : "",
		 s->title ? s->title : "", got);
	return complain(k, at, detail);
}

/* ---- checking ---- */

static bool fits(unsigned bits, const json_t *v)
{
	switch (json_typeof(v)) {
	case JSON_STRING:
		return bits & TYPE_STRING;
	case JSON_ARRAY:
		return bits & TYPE_ARRAY;
	case JSON_OBJECT:
		return bits & TYPE_OBJECT;
	case JSON_TRUE:
	case JSON_FALSE:
		return bits & TYPE_BOOLEAN;
	case JSON_NULL:
		return bits & TYPE_NULL;
	default:
		return bits & TYPE_NUMBER || (bits & TYPE_INTEGER && is_whole(v));
	}
}

static bool is_choice(const json_t *choices, const json_t *v)
{
	const json_t *one;
	size_t i;
	json_array_foreach(choices, i, one)
	{
		if (json_equal(one, v))
			return true;
	}
	return false;
}

static bool check(const struct check *k, const struct place *at, const struct schema *s, const json_t *v);

static const struct schema *element(const struct schema *s, size_t i)
{
	return i < s->prefix_n ? s->prefix[i] : s->items;
}

static bool check_elements(const struct check *k, const struct place *at, const struct schema *s, const json_t *v)
{
	bool good = true;
	const json_t *one;
	size_t i;
	if (!s->prefix_n && !s->items)
		return true;
	json_array_foreach(v, i, one)
	{
		struct place here = { at, NULL, i, at->depth + 1 };
		const struct schema *own = element(s, i);
		if (own && own->types == 0)
			break; /* too many: said once, by who knows what they are */
		if (own && !check(k, &here, own, one)) {
			good = false;
			if (!k->cb)
				break;
		}
	}
	return good;
}

static bool check_members(const struct check *k, const struct place *at, const struct schema *s, const json_t *v)
{
	bool good = true;
	const char *name;
	json_t *one;
	json_object_foreach((json_t *)(uintptr_t)v, name, one)
	{
		struct place here = { at, name, 0, at->depth + 1 };
		const struct member *m = find_member(s, name);
		const struct schema *own = m ? m->schema : s->others;
		if (own && own->types == 0)
			good = complain(k, &here,
					at->above ? "there is no member of this name here"
						  : "the operation has no parameter of this name");
		else if (own && !check(k, &here, own, one))
			good = false;
	}
	for (size_t i = 0; i < s->members_n; i++) {
		struct place here = { at, s->members[i].name, 0, at->depth + 1 };
		if (s->members[i].required && !json_object_get(v, s->members[i].name))
			good = complain(k, &here,
					at->above ? "expected this member, it is missing"
						  : "expected this argument, it is missing");
	}
	return good;
}

/* One of several forms. When exactly one of them has the value's type, that is the one meant: it tells what is wrong.
 */
static bool check_forms(const struct check *k, const struct place *at, const struct schema *s, const json_t *v)
{
	const struct check quiet = { NULL, NULL };
	const struct schema *meant = NULL;
	struct schema all = { .types = 0, .title = s->title };
	size_t of_type = 0;
	for (size_t i = 0; i < s->forms_n; i++) {
		if (check(&quiet, at, s->forms[i], v))
			return true;
		all.types |= s->forms[i]->types;
		if (fits(s->forms[i]->types, v)) {
			meant = s->forms[i];
			of_type++;
		}
	}
	if (of_type == 0)
		return complain_type(k, at, &all, v);
	if (of_type == 1)
		return check(k, at, meant, v);
	return complain(k, at, "expected one of the forms that the operation takes here, this is none of them");
}

static bool check(const struct check *k, const struct place *at, const struct schema *s, const json_t *v)
{
	if (!fits(s->types, v))
		return complain_type(k, at, s, v);
	if (at->depth > DEPTH_MAX)
		return true;
	if (s->choices && !is_choice(s->choices, v))
		return complain_choice(k, at, s, v);
	bool good = true;
	if (json_is_array(v))
		good = check_elements(k, at, s, v);
	else if (json_is_object(v) && (s->members_n || s->others))
		good = check_members(k, at, s, v);
	if (good && s->forms_n)
		good = check_forms(k, at, s, v);
	return good;
}

bool schema_check(const struct schema *s, const json_t *value, schema_error_cb *cb, void *arg)
{
	const struct check k = { cb, arg };
	const struct place at = { NULL, NULL, 0, 0 };
	return check(&k, &at, s, value);
}

/* ---- arguments ---- */

void schema_arity(const struct schema *s, struct schema_arity *out)
{
	out->least = s->items_min;
	out->most = s->items && s->items->types == 0 ? s->prefix_n : SIZE_MAX;
	if (s->items_max < out->most)
		out->most = s->items_max;
	out->named = s->prefix_n;
}

const char *schema_title(const struct schema *s, size_t i)
{
	const struct schema *own = element(s, i);
	return own && own->title ? own->title : "";
}
