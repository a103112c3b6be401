/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "apidoc.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "schema.h"

#define DEPTH_MAX 60 /* of references within references */

/* ---- references ---- */

/* "#/components/schemas/Job"; ~1 stands for a slash within a name. */
static json_t *at_pointer(json_t *root, const char *ref)
{
	char name[200];
	if (strncmp(ref, "#/", 2) != 0)
		return NULL;
	for (ref += 2; root; ref++) {
		size_t n = 0;
		for (; *ref && *ref != '/' && n + 1 < sizeof name; ref++) {
			char c = *ref;
			if (c == '~' && (ref[1] == '0' || ref[1] == '1'))
				c = *++ref == '0' ? '~' : '/';
			name[n++] = c;
		}
		name[n] = '\0';
		root = json_object_get(root, name);
		if (!*ref)
			return root;
	}
	return NULL;
}

static json_t *resolve(json_t *root, json_t *node, unsigned depth, struct buf *why);

static json_t *resolve_members(json_t *root, json_t *node, json_t *out, unsigned depth, struct buf *why)
{
	const char *name;
	json_t *one;
	json_object_foreach(node, name, one)
	{
		if (strcmp(name, "$ref") == 0)
			continue;
		json_t *done = resolve(root, one, depth, why);
		if (!done || json_object_set_new(out, name, done)) {
			json_decref(out);
			return NULL;
		}
	}
	return out;
}

static json_t *resolve(json_t *root, json_t *node, unsigned depth, struct buf *why)
{
	const char *ref = json_string_value(json_object_get(node, "$ref"));
	json_t *out, *one;
	size_t i;
	if (json_is_array(node)) {
		out = json_array();
		json_array_foreach(node, i, one)
		{
			json_t *done = resolve(root, one, depth, why);
			if (!done || json_array_append_new(out, done)) {
				json_decref(out);
				return NULL;
			}
		}
		return out;
	}
	if (!json_is_object(node))
		return json_incref(node);
	out = json_object();
	if (ref) {
		json_t *target = depth < DEPTH_MAX ? at_pointer(root, ref) : NULL;
		if (!target)
			buf_printf(why, "%s leads nowhere\n", ref);
		json_decref(out);
		out = target ? resolve(root, target, depth + 1, why) : NULL;
	}
	return out ? resolve_members(root, node, out, depth, why) : NULL;
}

json_t *apidoc_load(const char *text, size_t n, struct buf *why)
{
	json_error_t error;
	json_t *raw = json_loadb(text, n, JSON_REJECT_DUPLICATES | JSON_DECODE_INT_AS_REAL, &error);
	json_t *doc = raw ? resolve(raw, raw, 0, why) : NULL;
	if (!raw)
		buf_printf(why, "line %d, column %d: %s\n", error.line, error.column, error.text);
	json_decref(raw);
	return doc;
}

/* ---- operations ---- */

bool apidoc_is_method(const char *name)
{
	static const char *const methods[] = { "get", "put", "post", "delete", "options", "head", "patch", "trace" };
	for (size_t i = 0; i < sizeof methods / sizeof *methods; i++)
		if (strcmp(name, methods[i]) == 0)
			return true;
	return false;
}

json_t *apidoc_operation(const json_t *doc, const char *path, const char *method)
{
	char lower[20];
	size_t n = 0;
	for (; method[n] && n + 1 < sizeof lower; n++)
		lower[n] = (char)tolower((unsigned char)method[n]);
	lower[n] = '\0';
	return json_object_get(json_object_get(json_object_get(doc, "paths"), path), lower);
}

/* ---- answers ---- */

static void on_wrong(void *arg, const char *pointer, const char *detail)
{
	buf_printf(arg, "at \"%s\": %s\n", pointer, detail);
}

bool apidoc_fits(const json_t *schema, const json_t *value, struct buf *why)
{
	struct schema *s = schema_new(schema);
	bool fits = s && schema_check(s, value, on_wrong, why);
	schema_free(s);
	return fits;
}

/* Those which the document asks for, and of those that mean something no other. */
static bool headers_fit(const json_t *response, const struct apidoc_answer *a, struct buf *why)
{
	static const char *const told[] = {
		"Location", "Content-Location", "Retry-After",          "Preference-Applied",
		"ETag",     "WWW-Authenticate", "Idempotency-Replayed", "X-Request-Id",
		"Link"
	};
	json_t *headers = json_object_get(response, "headers"), *one;
	const char *name;
	bool good = true;
	json_object_foreach(headers, name, one)
	{
		if (!json_is_true(json_object_get(one, "required")) || a->header(a->arg, name))
			continue;
		buf_printf(why, "the header %s is missing\n", name);
		good = false;
	}
	for (size_t i = 0; i < sizeof told / sizeof *told; i++) {
		if (!a->header(a->arg, told[i]) || json_object_get(headers, told[i]))
			continue;
		buf_printf(why, "the header %s is not described\n", told[i]);
		good = false;
	}
	return good;
}

static const json_t *media_of(const json_t *content, const char *type, const char **name)
{
	size_t n = strcspn(type, "; ");
	json_t *one;
	json_object_foreach((json_t *)content, *name, one)
	{
		if (strlen(*name) == n && strncasecmp(*name, type, n) == 0)
			return one;
	}
	return NULL;
}

static bool body_fits(const json_t *media, const char *name, const struct apidoc_answer *a, struct buf *why)
{
	bool json = strcmp(name, "application/json") == 0 || strcmp(name, "application/problem+json") == 0;
	json_error_t error;
	json_t *value =
	    json ? json_loads(a->body, JSON_DECODE_ANY | JSON_DECODE_INT_AS_REAL | JSON_REJECT_DUPLICATES, &error)
		 : json_string(a->body);
	bool fits = value && apidoc_fits(json_object_get(media, "schema"), value, why);
	if (!value)
		buf_puts(why, "the body is not what its type says\n");
	json_decref(value);
	return fits;
}

bool apidoc_describes(const json_t *operation, const struct apidoc_answer *answer, const char **media, struct buf *why)
{
	char status[16];
	snprintf(status, sizeof status, "%u", answer->status);
	const json_t *response = json_object_get(json_object_get(operation, "responses"), status);
	const json_t *content = json_object_get(response, "content");
	*media = "";
	if (!response) {
		buf_puts(why, "the status is not described\n");
		return false;
	}
	bool good = headers_fit(response, answer, why);
	if (!content) {
		if (answer->body[0])
			buf_puts(why, "there is a body, none is described\n");
		return good && !answer->body[0];
	}
	const json_t *one = media_of(content, answer->type, media);
	if (!one) {
		*media = "";
		buf_printf(why, "the type \"%s\" is not described\n", answer->type);
		return false;
	}
	return body_fits(one, *media, answer, why) && good;
}
