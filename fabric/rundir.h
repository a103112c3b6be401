/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The fabric's folder: private (0700), owned by one fabric at a time (a lock that the kernel drops with the process),
 * with the record of its child processes, so that what a killed fabric may have left is found and ended, and nothing
 * else is: a process counts as ours only if its id and its start time are the recorded ones, on this same boot. */
#ifndef SQUARE_RUNDIR_H
#define SQUARE_RUNDIR_H

#include <sys/types.h>

#include "buf.h"
#include "err.h"

struct rundir;

/* Makes the folder and its parts (log, redis) where needed, and locks it. *out owns everything. 0, ERR_EXISTS when
 * another fabric has it, ERR_INVALID (a path too long for a socket, not a folder, not ours), ERR_SYS. */
int rundir_open(const char *path, struct rundir **out, struct errinfo *info);
/* Ends leftovers of an earlier owner and waits for their end; blocks for at most five seconds. */
int rundir_clean(struct rundir *r, struct errinfo *info);
void rundir_close(struct rundir *r);

const char *rundir_path(const struct rundir *r); /* absolute */
/* PATH/name in a string that the caller frees; ends the process when memory runs out. */
char *rundir_file(const struct rundir *r, const char *name);
/* Replaces the file at once and whole. */
int rundir_write(const struct rundir *r, const char *name, const struct buf *content, struct errinfo *info);
/* Records the processes that run now. pids may hold zeros. */
void rundir_record(const struct rundir *r, const pid_t *pids, size_t n);

#endif
