/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A JSON Schema (2020-12) compiled for checking: what of a value can be told from its form. Known keywords: type, enum,
 * const, properties, required, additionalProperties, prefixItems, items, minItems, maxItems, anyOf, oneOf (taken as
 * anyOf), title, and the schemas true and false. A keyword that is not known restricts nothing. Deliberately passed
 * over are the bounds of a value (minimum, maximum, and sizes of arrays inside): whether a value of the right form is
 * good is for the operation to say, which has an error of its own for each case. Constant once made; any thread. */
#ifndef SQUARE_SCHEMA_H
#define SQUARE_SCHEMA_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

struct schema;

/* Compiles. json: decoded with JSON_DECODE_INT_AS_REAL, like the values to be checked; it may be freed afterwards.
 * NULL when memory ran out. */
struct schema *schema_new(const json_t *json);
void schema_free(struct schema *s); /* NULL is fine */

/* Told once for each thing wrong; pointer: RFC 6901, from the value checked. */
typedef void schema_error_cb(void *arg, const char *pointer, const char *detail);
/* True when nothing is wrong. cb may be NULL: then the first thing wrong ends the check. */
bool schema_check(const struct schema *s, const json_t *value, schema_error_cb *cb, void *arg);

/* ---- for a schema of arguments: an array, by position, or an object, by name ---- */

struct schema_arity {
	size_t least;
	size_t most;  /* SIZE_MAX: any number */
	size_t named; /* positions with a schema of their own, and hence a title */
};
void schema_arity(const struct schema *s, struct schema_arity *out);
/* The title of the i-th position, or of what further ones have in common; "" when it has none. */
const char *schema_title(const struct schema *s, size_t i);

#endif
