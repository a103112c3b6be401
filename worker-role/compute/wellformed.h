/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Whether a text is one JSON value (RFC 8259, UTF-8), without building anything: what a child hands in becomes part of
 * what the service says, so it must not be able to be anything else. Pure code, any thread. */
#ifndef SQUARE_WELLFORMED_H
#define SQUARE_WELLFORMED_H

#include <stdbool.h>
#include <stddef.h>

#define WELLFORMED_DEPTH 64

/* No blanks before or after the value; numbers may be of any length; nesting up to WELLFORMED_DEPTH. */
bool wellformed_json(const char *text, size_t n);

#endif
