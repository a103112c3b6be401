/* SPDX-License-Identifier: GPL-3.0-or-later */
/* One instance of a role for an integration test: the real binary, a free port, no load balancer before it. It dies
 * with the test that started it. Its log goes to memory, so that it never waits for a reader. Blocking. */
#ifndef SQUARE_TESTS_ROLE_RUN_H
#define SQUARE_TESTS_ROLE_RUN_H

#include <stdbool.h>
#include <sys/types.h>

struct role_run;

/* program: "web-role" or "worker-role". redis: its URL; NULL: of one that is not there. env: further entries,
 * NULL-terminated; NULL for none. Waits until it listens and has its Redis; if that fails, prints the log and ends the
 * test program. */
struct role_run *role_run_start(const char *program, const char *instance, const char *redis, const char *const *env);
/* kill -9, waits for the end, frees. */
void role_run_kill(struct role_run *r);
/* SIGTERM, waits for the end, frees. The exit status; -1 when it had to be killed. */
int role_run_stop(struct role_run *r);

unsigned role_run_port(const struct role_run *r);
pid_t role_run_pid(const struct role_run *r);
const char *role_run_said(struct role_run *r);     /* the log so far; stands until the next call */
unsigned role_run_files(const struct role_run *r); /* open file descriptors now */
long role_run_kib(const struct role_run *r);       /* resident memory now */
/* Waits until no more than `most` file descriptors are open. */
bool role_run_wait_files(const struct role_run *r, unsigned most, unsigned deadline_ms);

#endif
