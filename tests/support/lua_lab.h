/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A bench for the queue's Lua functions: a private Redis, the library as the programs load it or with its clock
 * replaced by tests/lua/clock.lua, and the calls in a form that can be printed, compared and asked again. Whatever
 * fails outside of the functions under test ends the program with a message. One thread. */
#ifndef SQUARE_TESTS_LUA_LAB_H
#define SQUARE_TESTS_LUA_LAB_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "buf.h"
#include "id.h"
#include "job.h"
#include "redis_private.h"
#include "rlink.h"

#define LAB_TAG "{jq:lab:0}"
#define LAB_START_US 1700000000000000ull /* where a virtual clock begins */

struct lua_lab {
	struct redis_private *redis;
	struct rsync *link;
	uint64_t now_us; /* of the virtual clock */
};

/* A call of one function: its name, its key, its arguments (owned). */
struct lua_call {
	char function[24];
	char key[48];
	size_t n;
	struct buf *args;
};

/* The library's text, malloc'd; virtual_clock: with the tests' clock. */
char *lua_lab_text(bool virtual_clock);
/* Starts Redis (`more` as redis_private_start) and loads the library. */
struct lua_lab *lua_lab_new(bool virtual_clock, const char *const *more);
void lua_lab_free(struct lua_lab *lab);
/* Loads another text, in place of the one before. NULL, or the error (borrowed until the next call). */
const char *lua_lab_load(struct lua_lab *lab, const char *text);
void lua_lab_reset(struct lua_lab *lab); /* FLUSHALL; the virtual clock back to its start, the functions stay */
void lua_lab_clock(struct lua_lab *lab, uint64_t now_us);

/* A plain command of zero-terminated words; ends the program on an error reply. */
const struct rreply *lua_lab_command(struct lua_lab *lab, const char *const *words);
#define lab_do(lab, ...) lua_lab_command(lab, (const char *const[]){ __VA_ARGS__, NULL })

struct lua_call *lua_call_new(const char *function, const char *key);
void lua_call_free(struct lua_call *c);
void lua_call_arg(struct lua_call *c, const void *p, size_t n);
void lua_call_str(struct lua_call *c, const char *s);
void lua_call_uint(struct lua_call *c, uint64_t v);
/* Sends it; the reply (an error reply too) stands until the next call. */
const struct rreply *lua_lab_call(struct lua_lab *lab, const struct lua_call *c);
/* The same from words: function, then arguments, on LAB_TAG. */
const struct rreply *lua_lab_words(struct lua_lab *lab, const char *const *words);
#define lab_call(lab, ...) lua_lab_words(lab, (const char *const[]){ __VA_ARGS__, NULL })

/* A reply as text: 7, word, [1 2 3], nil, !error; a record as J1:state:attempt:batch. */
void lua_reply_print(struct buf *out, const struct rreply *r);

/* The record of a new job as the web role sends it; wishes as in *job, operation "square". Appends to *out. */
void lua_lab_record(struct buf *out, const struct job *job);
/* An id that says its number (its last 12 digits): for tests that look jobs up by it. */
void lua_lab_id(char out[ID_TEXT_SIZE], unsigned number);
unsigned lua_lab_number(const char *id);

#endif
