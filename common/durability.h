/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What an acknowledgement is worth: how Redis keeps what it has answered (learnt when a link is greeted, queue_greet),
 * the words in which clients are told, and where its appendonly file stands, read from INFO persistence. Pure code, any
 * thread. */
#ifndef SQUARE_DURABILITY_H
#define SQUARE_DURABILITY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "buf.h"

enum durability_fsync {                     /* Redis' appendfsync */
			DURABILITY_UNKNOWN, /* CONFIG GET is not allowed to us */
			DURABILITY_NO,
			DURABILITY_EVERYSEC,
			DURABILITY_ALWAYS
};

struct durability {
	bool aof;    /* appendonly yes */
	bool evicts; /* a maxmemory-policy that may drop jobs */
	enum durability_fsync fsync;
	unsigned replicas; /* that must have a job before it is acknowledged; the owner's wish, not learnt */
};

/* Takes over what INFO (memory, persistence) says; fsync and replicas are left alone. */
void durability_learn(struct durability *d, const char *info);
/* By the value of appendfsync; DURABILITY_UNKNOWN for any other text. */
enum durability_fsync durability_fsync_of(const char *text);
/* As appendfsync spells it, or "unknown". */
const char *durability_fsync_name(enum durability_fsync fsync);

/* The value of the header Durability: "everysec", "always;replicas=1", "volatile". */
#define DURABILITY_TEXT_SIZE 32
void durability_text(const struct durability *d, char out[DURABILITY_TEXT_SIZE]);
/* Appends the same as a JSON object, with what an acknowledged job survives:
 * {"appendfsync":"everysec","replicas":0,"survives":["role-crash","redis-crash"]} */
void durability_json(const struct durability *d, struct buf *out);

/* Where the appendonly file stands, at the moment of an INFO. */
struct durability_sample {
	bool aof;         /* it is written at all */
	bool write_ok;    /* the last write to it did not fail */
	bool fsync_runs;  /* in the background: until it ends, Redis may hold the next write back */
	uint64_t base;    /* its size when it was last rewritten */
	uint64_t written; /* its size */
	uint64_t held;    /* bytes that were executed and are not written yet */
};
/* text: of INFO persistence, zero-terminated. False when it has not what is looked for. */
bool durability_sample_read(struct durability_sample *s, const char *text);

/* How far the file must have grown for what was executed before a sample to be in it. */
struct durability_mark {
	bool set;
	uint64_t base, position;
};
/* Whether what was executed before the first sample given with this mark (all zero at first) has been written, or is
 * written before the sample's own reply leaves Redis. Sets the mark when it has not. */
bool durability_written(struct durability_mark *mark, const struct durability_sample *now);

#endif
