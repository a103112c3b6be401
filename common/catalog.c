/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "catalog.h"

#include <jansson.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "job.h"
#include "jsonload.h"
#include "schema.h"

#define SLOTS 512

struct catalog_op {
	char name[JOB_OP_MAX + 1];
	struct catalog_op *next;   /* in its slot */
	struct catalog_op *later;  /* in the order of publication */
	struct schema *parameters; /* NULL: not published, so anything goes */
	struct schema_arity arity; /* of arguments by position */
	char *json;                /* as published */
	size_t json_n;
};

struct catalog {
	struct catalog_op *slots[SLOTS];
	struct catalog_op *first, **last;
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
	struct catalog *c = calloc(1, sizeof *c);
	if (c)
		c->last = &c->first;
	return c;
}

static void op_free(struct catalog_op *op)
{
	schema_free(op->parameters);
	free(op->json);
	free(op);
}

void catalog_free(struct catalog *c)
{
	if (!c)
		return;
	for (struct catalog_op *op = c->first, *later; op; op = later) {
		later = op->later;
		op_free(op);
	}
	free(c);
}

size_t catalog_count(const struct catalog *c)
{
	return c->n;
}

const char *catalog_op_json(const struct catalog_op *op, size_t *n)
{
	*n = op->json_n;
	return op->json;
}

void catalog_list(const struct catalog *c, struct buf *out)
{
	buf_puts(out, "{\"operations\":[");
	for (const struct catalog_op *op = c ? c->first : NULL; op; op = op->later) {
		if (op != c->first)
			buf_byte(out, ',');
		buf_append(out, op->json, op->json_n);
	}
	buf_puts(out, "]}");
}

/* ---- reading what is published ---- */

/* Behind the value that text[at] begins; the text is known to be JSON. */
static size_t skip_value(const char *text, size_t n, size_t at)
{
	unsigned depth = 0;
	bool quoted = false;
	for (; at < n; at++) {
		char c = text[at];
		if (quoted && c == '\\')
			at++;
		else if (c == '"')
			quoted = !quoted;
		else if (quoted)
			continue;
		else if (c == '{' || c == '[')
			depth++;
		else if (depth && (c == '}' || c == ']') && --depth == 0)
			return at + 1;
		else if (depth == 0 && (c == ',' || c == '}' || c == ']'))
			return at;
	}
	return n;
}

static size_t skip_blanks(const char *text, size_t n, size_t at)
{
	while (at < n && strchr(" \t\r\n,:", text[at]))
		at++;
	return at;
}

/* Behind the string that text[at] begins. */
static size_t skip_string(const char *text, size_t n, size_t at)
{
	for (at++; at < n && text[at] != '"'; at++)
		at += text[at] == '\\';
	return at < n ? at + 1 : n;
}

/* Where the first element of "operations" begins: what is published goes out again as the text it is, so that an
 * example loses no digit. The text is known to be an object with this member, an array. */
static size_t find_operations(const char *text, size_t n)
{
	static const char name[] = "\"operations\"";
	size_t at = skip_blanks(text, n, 0) + 1;
	while ((at = skip_blanks(text, n, at)) < n) {
		bool found = n - at >= sizeof name - 1 && memcmp(text + at, name, sizeof name - 1) == 0;
		at = skip_blanks(text, n, skip_string(text, n, at)); /* to the member's value */
		if (found)
			return at + 1;
		at = skip_value(text, n, at);
	}
	return n;
}

static int read_op(struct catalog_op *op, const json_t *json, const char *text, size_t n)
{
	const json_t *parameters = json_object_get(json, "parameters");
	op->json = malloc(n);
	if (!op->json)
		return ERR_NOMEM;
	memcpy(op->json, text, n);
	op->json_n = n;
	if (!json_is_object(parameters))
		return 0;
	op->parameters = schema_new(parameters);
	if (!op->parameters)
		return ERR_NOMEM;
	schema_arity(op->parameters, &op->arity);
	return 0;
}

static int add_op(struct catalog *c, const json_t *json, const char *text, size_t text_n)
{
	const char *name = json_string_value(json_object_get(json, "name"));
	size_t n = name ? strlen(name) : 0;
	if (n == 0 || n > JOB_OP_MAX || text_n == 0)
		return ERR_INVALID;
	if (catalog_find(c, name, n))
		return 0;
	struct catalog_op *op = calloc(1, sizeof *op);
	if (!op)
		return ERR_NOMEM;
	snprintf(op->name, sizeof op->name, "%s", name);
	if (read_op(op, json, text, text_n)) {
		op_free(op);
		return ERR_NOMEM;
	}
	op->next = c->slots[slot_of(name, n)];
	c->slots[slot_of(name, n)] = op;
	*c->last = op;
	c->last = &op->later;
	c->n++;
	return 0;
}

int catalog_add(struct catalog *c, const char *json, size_t n, struct errinfo *info)
{
	json_error_t error;
	json_t *tree = jsonload(json, n, JSON_REJECT_DUPLICATES | JSON_DECODE_INT_AS_REAL, &error);
	const json_t *ops = json_object_get(tree, "operations"), *op;
	size_t i, at;
	int rc = 0;
	if (!tree)
		return errinfo_set(info, jsonload_no_memory(&error) ? ERR_NOMEM : ERR_INVALID, "byte %d: %s",
				   error.position, error.text);
	if (!json_is_array(ops))
		rc = errinfo_set(info, ERR_INVALID, "expected an object with an array \"operations\"");
	at = json_is_array(ops) ? find_operations(json, n) : n;
	json_array_foreach(ops, i, op)
	{
		at = skip_blanks(json, n, at);
		size_t end = skip_value(json, n, at);
		int one = add_op(c, op, json + at, end - at);
		if (one && rc != ERR_NOMEM)
			rc = errinfo_set(info, one, "operation %zu: %s", i,
					 one == ERR_NOMEM ? "out of memory" : "expected a name");
		at = end;
	}
	json_decref(tree);
	return rc;
}

/* ---- the nearest name ---- */

/* Edits (insert, delete, replace) from a to b; names are at most JOB_OP_MAX long. What is no better than `most` may be
 * told as `most`: there are many names to compare with, and who sends many wrong ones must not make it slow. */
static size_t distance(const char *a, size_t a_n, const char *b, size_t most)
{
	size_t row[JOB_OP_MAX + 1], n = strlen(b);
	if ((a_n > n ? a_n - n : n - a_n) >= most)
		return most;
	for (size_t j = 0; j <= n; j++)
		row[j] = j;
	for (size_t i = 0; i < a_n; i++) {
		size_t corner = row[0], least = i + 1;
		row[0] = i + 1;
		for (size_t j = 1; j <= n; j++) {
			size_t best = corner + (a[i] != b[j - 1]);
			corner = row[j];
			best = row[j] + 1 < best ? row[j] + 1 : best;
			best = row[j - 1] + 1 < best ? row[j - 1] + 1 : best;
			row[j] = best;
			least = best < least ? best : least;
		}
		if (least >= most)
			return most;
	}
	return row[n];
}

const char *catalog_near(const struct catalog *c, const char *name)
{
	size_t n = strlen(name), best = n < 4 ? 2 : 3; /* at most one edit in a short name, two in another */
	const char *near = NULL;
	if (n > JOB_OP_MAX)
		return NULL;
	for (const struct catalog_op *op = c->first; op; op = op->later) {
		size_t edits = distance(name, n, op->name, best);
		if (edits < best) {
			best = edits;
			near = op->name;
		}
	}
	return near;
}

/* ---- checking arguments ---- */

/* "2 arguments (a, b)", "1 to 2 arguments (x, [digits])", "at least 1 argument (a, more...)". */
static void signature(const struct catalog_op *op, char *out, size_t size)
{
	const struct schema_arity *arity = &op->arity;
	bool more = arity->most == SIZE_MAX;
	size_t shown = arity->named + (more && *schema_title(op->parameters, arity->named)), n;
	if (more)
		n = (size_t)snprintf(out, size, "at least %zu", arity->least);
	else if (arity->least < arity->most)
		n = (size_t)snprintf(out, size, "%zu to %zu", arity->least, arity->most);
	else
		n = (size_t)snprintf(out, size, "%zu", arity->least);
	n += (size_t)snprintf(out + n, size - n, " argument%s",
			      arity->least == 1 && (more || arity->most == 1) ? "" : "s");
	for (size_t i = 0; i < shown && n < size; i++) {
		bool optional = i >= arity->least && i < arity->named;
		n += (size_t)snprintf(out + n, size - n, "%s%s%.40s%s%s", i ? ", " : " (", optional ? "[" : "",
				      schema_title(op->parameters, i),
				      optional            ? "]"
				      : i >= arity->named ? "..."
							  : "",
				      i + 1 == shown ? ")" : "");
	}
}

static bool check_count(const struct catalog_op *op, size_t count, catalog_error_cb *cb, void *arg)
{
	char text[260], detail[300];
	if (count >= op->arity.least && count <= op->arity.most)
		return true;
	signature(op, text, sizeof text);
	snprintf(detail, sizeof detail, "expected %s, got %zu", text, count);
	cb(arg, "", detail);
	return false;
}

bool catalog_check(const struct catalog_op *op, const struct json_t *args, catalog_error_cb *cb, void *arg)
{
	if (!op->parameters)
		return true;
	bool good = json_is_object(args) || check_count(op, json_array_size(args), cb, arg);
	return (!args || schema_check(op->parameters, args, cb, arg)) && good;
}
