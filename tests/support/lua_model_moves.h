/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What the model's calls are made of: jobs that end, wait again, go back, become due. For lua_model.c alone. */
#ifndef SQUARE_TESTS_LUA_MODEL_MOVES_H
#define SQUARE_TESTS_LUA_MODEL_MOVES_H

#include "lua_model.h"

#define DAY_US 86400000000ull
#define S_US 1000000ull

void ints_drop(struct ints *a, unsigned x);
unsigned model_number(const struct mjob *j);
bool model_final(const struct mjob *j);
int model_list(const struct mjob *j);
struct mbatch *model_batch_new(struct model *m, const char *name, uint64_t deadline);
void model_batch_drop(struct model *m, struct mbatch *b);
void model_markers(struct model *m, size_t n);
void model_finalise(struct model *m, struct mjob *j, char state, bool ran, uint64_t run_us);
void model_isolate(struct model *m, struct mjob *j);
char model_retry(struct model *m, struct mjob *j, uint64_t run_us, char kind);
void model_give_back(struct model *m, const struct ints *jobs);
bool model_leave(struct model *m, const char *batch, struct mjob *j);
uint64_t model_promote(struct model *m, size_t bound, unsigned *moved, unsigned *isolated);
unsigned model_expire(struct model *m, size_t bound, bool *more);
bool model_any_waiting(const struct model *m);
bool model_bury(struct model *m, struct mjob *j);
/* Not there any more, or nothing that could be read. */
bool model_unreadable(const struct mjob *j);

/* ---- reuse of results: lua_model_reuse.c ---- */
struct mgroup *model_group(struct model *m, unsigned leader); /* NULL: not followed */
size_t model_followers(const struct model *m);
void model_part(struct model *m, struct mjob *j, char state); /* of a job that ends: from whom it follows, or leads */
void model_orphan(struct model *m, struct mjob *j);
void model_settle(struct model *m);
/* What there is for a question: the owner whose result answers it, or whom to follow; NULL. */
struct mjob *model_owner(struct model *m, const char *question, uint64_t max_age_us);
void model_own(struct model *m, const char *question, unsigned owner);
void model_follow(struct model *m, struct mjob *j, struct mjob *leader, const char *question);

/* ---- retry, redrive, figures, peek: lua_model_manage.c ---- */
void model_sample(struct model *m, double shown[3]);          /* rounded only where it is kept */
int model_by_end(const struct mjob *a, const struct mjob *b); /* by finished_at, then id */
void model_call_retry(struct model *m, const struct lua_call *c, struct buf *expect);
void model_call_redrive(struct model *m, const struct lua_call *c, struct buf *expect);
void model_call_figures(struct model *m, const struct lua_call *c, struct buf *expect);

#endif
