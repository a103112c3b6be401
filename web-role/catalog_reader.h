/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Keeps a reactor's copy of the catalogues that workers published in Redis. One thread. */
#ifndef SQUARE_CATALOG_READER_H
#define SQUARE_CATALOG_READER_H

#include "catalog.h"
#include "gate.h"
#include "rlinks.h"

struct catalog_reader;
struct catalog_reader *catalog_reader_new(struct rlinks *links); /* NULL when memory ran out */
void catalog_reader_free(struct catalog_reader *r);              /* after its links */
/* What live workers know; NULL as long as nothing was ever published, or nothing was read yet. Stands until the next
 * refresh. */
const struct catalog *catalog_reader_now(const struct catalog_reader *r);
/* The same as published, {"operations":[…]}, a line. NULL as long as Redis was never read. */
const struct buf *catalog_reader_text(const struct catalog_reader *r);
const char *catalog_reader_tag(const struct catalog_reader *r); /* a strong entity tag of that text, quoted */
/* Reads anew; cb then runs (e and cb may be NULL). ERR_NOT_FOUND: that was done less than a second
 * ago (50 ms as long as nothing was ever published). */
int catalog_reader_refresh(struct catalog_reader *r, struct gate_entry *e, gate_cb *cb, void *arg);
void catalog_reader_stale(struct catalog_reader *r); /* news: the next refresh need not wait for its second */

#endif
