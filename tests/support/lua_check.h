/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The invariants of a queue, checked on all keys of one tag, read in one atomic step. What must hold after every
 * transition: a live job stands in exactly one place that matches its state, leases and batches match one to one, the
 * counters are exact, final records have a time to live, everything is bounded. Blocking; one thread. */
#ifndef SQUARE_TESTS_LUA_CHECK_H
#define SQUARE_TESTS_LUA_CHECK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "job.h"
#include "rlink.h"

struct lua_key {
	const char *name;           /* behind "TAG:" */
	char type;                  /* 's'tring 'l'ist 'z'set 'h'ash */
	int64_t ttl_ms;             /* -1: none */
	size_t size;                /* elements; bytes of a string */
	const struct rreply *value; /* of recent and dead only the beginning */
};

struct lua_job {
	const char *id;
	struct span record;
	bool readable; /* job is filled in */
	struct job job;
	int64_t ttl_ms;
	unsigned places;     /* where it stands as a live job */
	unsigned tombstones; /* entries in lists that stand for nothing */
	bool in_expiry;
	bool follows; /* stands in the list of a leader */
};

/* Borrows from the last reply of the link: valid until its next call. */
struct lua_state {
	struct lua_key *keys; /* by name */
	size_t key_count;
	struct lua_job *jobs; /* by id */
	size_t job_count;
	uint64_t live, running; /* counted from the places */
	char why[320];
};

/* Reads every key of the tag. 0, or ERR_UNKNOWN, ERR_PROTOCOL with *info filled. */
int lua_state_read(struct lua_state *st, struct rsync *link, const char *tag, struct errinfo *info);
void lua_state_fini(struct lua_state *st);
const struct lua_key *lua_state_key(const struct lua_state *st, const char *name); /* NULL: not there */
struct lua_job *lua_state_job(const struct lua_state *st, const char *id);         /* NULL: not there */
/* The value of a field of the hash `st` as a number; 0 when there is none. */
int64_t lua_state_count(const struct lua_state *st, const char *field);
/* The first violation as a sentence, or NULL. Fills places and counts. */
const char *lua_state_check(struct lua_state *st);

/* All of it: NULL, or the first violation (borrowed until the next call of this function). */
const char *lua_check_invariants(struct rsync *link, const char *tag);

#endif
