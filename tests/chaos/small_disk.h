/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A disk that can be filled up and emptied again, for a Redis of ours: a small file system of its own, where this
 * process may mount one (as root, or in a user namespace); where it may not, a limit on the size of Redis' files, which
 * fails its writes likewise (EFBIG for ENOSPC). One at a time; of the row's own thread. */
#ifndef SQUARE_TESTS_CHAOS_SMALL_DISK_H
#define SQUARE_TESTS_CHAOS_SMALL_DISK_H

#include <stdbool.h>

#include "redis_private.h"

/* Before any thread or process of the row is there: they must see what is mounted later. */
void small_disk_prepare(void);
/* Kills Redis, puts it (without its data) on the small disk, starts it again. */
void small_disk_move(struct redis_private *redis);
void small_disk_fill(struct redis_private *redis);
void small_disk_empty(struct redis_private *redis);
/* Before the end of Redis: its folder is the old one again. */
void small_disk_leave(struct redis_private *redis);
const char *small_disk_kind(void); /* for a note: which of the two it is */

#endif
