/* SPDX-License-Identifier: GPL-3.0-or-later */
/* JSON text to a tree by jansson, which does not always tell a text that is wrong from memory that ran out: the first
 * is the sender's fault, the second is not; and which may then lose a character of the text without saying so. What is
 * read from others goes through here. Any thread. */
#ifndef SQUARE_JSONLOAD_H
#define SQUARE_JSONLOAD_H

#include <jansson.h>
#include <stdbool.h>

/* As json_loadb(): a new reference, or NULL with *error. When memory was what was missing, json_error_code(error) is
 * json_error_out_of_memory, always. error may be NULL. */
json_t *jsonload(const char *text, size_t n, size_t flags, json_error_t *error);
/* Of an error of jsonload(). */
bool jsonload_no_memory(const json_error_t *error);

#endif
