/* SPDX-License-Identifier: GPL-3.0-or-later */
/* One Redis command in wire form (RESP), built argument by argument into one buffer, its count filled in at the end.
 * Cheap to grow: the web role adds a submission to the call that is waiting for the end of the loop turn. */
#ifndef SQUARE_RCMD_H
#define SQUARE_RCMD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "buf.h"

struct rlink;
struct rcmd {
	struct buf wire;
	unsigned argc;
	bool follows;            /* a plain read: asked again at the node that a cluster says has the key (rlinks.h) */
	struct rlink **taken_by; /* set to the link that took it last, which is the one that answers; NULL: not asked */
};

void rcmd_init(struct rcmd *c);
void rcmd_fini(struct rcmd *c);
/* A copy of a command, in memory of its own: to is not initialised yet. 0 or ERR_NOMEM. */
int rcmd_copy(struct rcmd *to, const struct rcmd *from);
void rcmd_clear(struct rcmd *c);                        /* empty again, keeps the memory */
void rcmd_arg(struct rcmd *c, const void *p, size_t n); /* copied; memory failure is sticky in wire.failed */
void rcmd_str(struct rcmd *c, const char *s);
void rcmd_uint(struct rcmd *c, uint64_t v);
/* `FCALL function 1 key`: the beginning of every queue call. */
void rcmd_fcall(struct rcmd *c, const char *function, const char *key);
/* Completes the count. The bytes are owned by c and stand until the next rcmd call. NULL when memory ran out. */
const char *rcmd_bytes(struct rcmd *c, size_t *len);

#endif
