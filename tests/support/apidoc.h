/* SPDX-License-Identifier: GPL-3.0-or-later */
/* An OpenAPI document, for tests: its operations, and whether an answer is one that it describes. One thread. */
#ifndef SQUARE_TESTS_APIDOC_H
#define SQUARE_TESTS_APIDOC_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

#include "buf.h"

/* The document with every $ref replaced by what it refers to (what stands beside a $ref wins). NULL, with what is wrong
 * in `why`, when it is no JSON or a reference leads nowhere. The caller's. */
json_t *apidoc_load(const char *text, size_t n, struct buf *why);

/* method: "POST" or "post". NULL when there is none. Borrowed from the document. */
json_t *apidoc_operation(const json_t *doc, const char *path, const char *method);
bool apidoc_is_method(const char *name); /* of a path item's members, those that are operations */

struct apidoc_answer {
	unsigned status;
	const char *type; /* the Content-Type, "" when there is none */
	const char *body; /* zero-terminated */
	/* The value of a header, NULL when it did not come; stands until the next call. */
	const char *(*header)(void *arg, const char *name);
	void *arg;
};
/* Whether the operation has such an answer: status, media type, headers and the body's form. What is wrong is appended
 * to `why`. media: the media type, as the document has it ("" when there is no body), borrowed. */
bool apidoc_describes(const json_t *operation, const struct apidoc_answer *answer, const char **media, struct buf *why);
/* Whether a value is as its schema says. */
bool apidoc_fits(const json_t *schema, const json_t *value, struct buf *why);

#endif
