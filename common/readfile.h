/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A small file, whole, in memory. It blocks: for start-up and tools. */
#ifndef SQUARE_READFILE_H
#define SQUARE_READFILE_H

#include <stddef.h>

#include "err.h"

/* The bytes, zero-terminated and malloc'd, now the caller's, and how many in *len (may be NULL). NULL with *info
 * ("expected …: why"; the path is not named) when the file cannot be read or has more than max bytes. */
char *readfile(const char *path, size_t max, size_t *len, struct errinfo *info);

#endif
