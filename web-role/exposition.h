/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Brings Prometheus texts (format 0.0.4) of several processes together into one: all samples of a family under one HELP
 * and TYPE, each sample with a label that says where it came from. The texts are not trusted: a line that is not valid
 * is left out, and what can be held is bounded. Pure code, one thread at a time. */
#ifndef SQUARE_EXPOSITION_H
#define SQUARE_EXPOSITION_H

#include <stddef.h>

#include "buf.h"

#define EXPOSITION_FAMILIES_MAX 512
#define EXPOSITION_LINE_MAX 4096
#define EXPOSITION_NAME_MAX 200
#define EXPOSITION_BYTES_MAX (32u << 20) /* of all samples */

struct exposition;

struct exposition *exposition_new(void); /* NULL when memory ran out */
void exposition_free(struct exposition *e);
/* Takes what is valid of text[0..n). label, value: added in front of each sample's labels (value is escaped here); NULL
 * for none. A sample must stand under the TYPE line of its family, must not have the label already, and has no
 * timestamp; a family keeps the type that came first. Returns how many lines were left out; comments are not counted.
 */
size_t exposition_add(struct exposition *e, const char *text, size_t n, const char *label, const char *value);
/* Appends all of it. A family without samples is left out. */
void exposition_render(const struct exposition *e, struct buf *out);

#endif
