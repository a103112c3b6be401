/* SPDX-License-Identifier: GPL-3.0-or-later */
/* JSON in and out without losing a digit. jansson keeps integers of 64 bits and doubles; here a number that is neither
 * an integer of at most 18 digits nor anything shorter arrives as a marked string that holds its literal, and is
 * written back as that literal. Strict: UTF-8, no duplicate keys, bounded depth and literals. json_t stays within the
 * worker's codecs and operations. Any thread, one at a time per value. */
#ifndef SQUARE_EXACT_JSON_H
#define SQUARE_EXACT_JSON_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

#include "buf.h"
#include "err.h"

#define EXACT_JSON_LITERAL_MAX 4096

/* Decodes any JSON value. A new reference, or NULL with *info (code ERR_INVALID, ERR_TOO_BIG or ERR_NOMEM, line,
 * column, position in text). */
json_t *exact_json_load(const char *text, size_t n, unsigned max_depth, struct errinfo *info);

/* The literal of a number that is not an integer of at most 18 digits; NULL when v is anything else. Borrowed. */
const char *exact_json_literal(const json_t *v, size_t *n);
/* The bytes of a true string; NULL when v is anything else. Borrowed. */
const char *exact_json_string(const json_t *v, size_t *n);

/* Appends v, compact, members in their order. */
void exact_json_dump(struct buf *out, const json_t *v);
/* "a string", "true", "an object" …: what came, for messages. */
const char *exact_json_kind(const json_t *v);

#endif
