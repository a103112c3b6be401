/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Arguments from a command line as a JSON array: each that is valid JSON stands as it is (digits are not touched), any
 * other is a string: 12 -> 12, 1/3 -> "1/3", [1,2] -> [1,2]. And the way back: a result as a person wants to read it.
 */
#ifndef SQUARE_ARGS_H
#define SQUARE_ARGS_H

#include "buf.h"
#include "job.h"

void args_json(struct buf *out, int argc, char *const *argv);

/* The text of a member of a JSON object, as it stands there. The object must be valid JSON. An empty span (p NULL) when
 * it has no such member. */
struct span args_member(const char *json, size_t n, const char *name);
/* Appends a value for people: a string without its quotes and escapes, anything else as it stands. */
void args_show(struct buf *out, struct span value);

#endif
