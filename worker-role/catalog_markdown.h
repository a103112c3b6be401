/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The catalogue for people: docs/operations.md behind its introduction, which `worker-role --help=operations` prints. A
 * test keeps the two in step. Constant while the process lives. */
#ifndef SQUARE_CATALOG_MARKDOWN_H
#define SQUARE_CATALOG_MARKDOWN_H

#include "buf.h"

void catalog_markdown(struct buf *out);
/* Prints it; an exit status. */
int catalog_markdown_print(void);

#endif
