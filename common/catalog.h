/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The operations that live workers know, as they publish them in Redis: to tell people of them, and to refuse arguments
 * of a wrong count, name or kind before they are queued (by the published JSON Schema, see schema.h). Read whole, then
 * constant; one per reactor. */
#ifndef SQUARE_CATALOG_H
#define SQUARE_CATALOG_H

#include <stdbool.h>
#include <stddef.h>

#include "buf.h"
#include "err.h"

struct catalog;
struct catalog *catalog_new(void); /* empty; NULL when memory ran out */
void catalog_free(struct catalog *c);
/* Adds the operations of one published catalogue, {"operations":[…]}; a name that is there already keeps what it has.
 * 0, or ERR_INVALID or ERR_NOMEM with *info; what was readable is added all the same. */
int catalog_add(struct catalog *c, const char *json, size_t n, struct errinfo *info);
size_t catalog_count(const struct catalog *c);

struct catalog_op;
const struct catalog_op *catalog_find(const struct catalog *c, const char *name, size_t n);
/* The name nearest to a mistyped one; NULL when none is near. */
const char *catalog_near(const struct catalog *c, const char *name);

/* The operation as it was published, a JSON object. */
const char *catalog_op_json(const struct catalog_op *op, size_t *n);
/* Appends {"operations":[…]}, in the order of publication. c may be NULL: none. */
void catalog_list(const struct catalog *c, struct buf *out);

struct json_t;
/* Told once for each thing wrong with arguments; pointer is relative to the arguments ("", "/0", "/base"). */
typedef void catalog_error_cb(void *arg, const char *pointer, const char *detail);
/* Checks count, names and kinds. args: an array or object, decoded with JSON_DECODE_INT_AS_REAL, or NULL for none.
 * true: nothing was wrong. */
bool catalog_check(const struct catalog_op *op, const struct json_t *args, catalog_error_cb *cb, void *arg);

#endif
