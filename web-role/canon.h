/* SPDX-License-Identifier: GPL-3.0-or-later */
/* One text for each JSON value, and its digest, by which two bodies are told to be the same. Straight from text to
 * text, so that no digit is lost: numbers are compared as decimals (2.0, 2 and 0.2e1 are one number, and so are -0 and
 * 0), members in any order, strings whichever way they are escaped. Pure code, any thread. */
#ifndef SQUARE_CANON_H
#define SQUARE_CANON_H

#include <stdbool.h>
#include <stddef.h>

#include "buf.h"
#include "job.h"

#define CANON_DEPTH_MAX 256
#define CANON_HEX_SIZE 65 /* a SHA-256 in hexadecimal, and the zero */

struct canon_options {       /* zeros: as said above */
	const char *without; /* a member of the outermost object that does not count; NULL: all count */
	bool signed_zero;    /* -0 is another number than 0: to some functions it is */
};
/* Appends the canonical text of the JSON value that is the whole of text. o: NULL for none. 0; or ERR_INVALID (not
 * well-formed, a member twice, a lone surrogate), ERR_TOO_BIG (nested too deep) or ERR_NOMEM, and what was appended by
 * then is no use. */
int canon_text(struct buf *out, struct span text, const struct canon_options *o);

/* The digest of two texts, told apart: ("ab", "c") is not ("a", "bc"). */
void canon_digest(char hex[CANON_HEX_SIZE], struct span a, struct span b);

#endif
