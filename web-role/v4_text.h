/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A result as the clients of /v4/ read it: text, where the queue has JSON. Strings stand bare, reals have at most the
 * digits asked for, {"re","im"} is "2 + 3i", arrays are "[[1, 2], [3, 4]]"; integers and whatever else keep their text.
 * Pure code, any thread. */
#ifndef SQUARE_V4_TEXT_H
#define SQUARE_V4_TEXT_H

#include <stddef.h>

#include "buf.h"

/* Appends the text of json[0..n), one JSON value. digits: significant ones of a JSON real, 1 or more. 0, or ERR_INVALID
 * when it is no JSON that can be read here; what was appended by then is to be thrown away. */
int v4_text(struct buf *out, const char *json, size_t n, unsigned digits);

#endif
