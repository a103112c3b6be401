/* SPDX-License-Identifier: GPL-3.0-or-later */
/* JSON pointers (RFC 6901) for error messages. Pure code, any thread. */
#ifndef SQUARE_JSON_POINTER_H
#define SQUARE_JSON_POINTER_H

#include <stddef.h>

/* Writes the pointer to a member of the outermost object, "/name", with '~' as ~0 and '/' as ~1. A name too long for
 * out[size] (size > 4) is cut: the pointer is for people then. */
void json_pointer_member(char *out, size_t size, const char *name);

#endif
