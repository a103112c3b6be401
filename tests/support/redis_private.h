/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A private Redis for a test: redis-server in a temporary folder, on a unix socket alone, with appendonly and
 * noeviction. It dies with the process (even with a killed one), and only the process that started it ends it: a test
 * that Check runs in a forked child may use a server of its parent. Blocking; one thread. */
#ifndef SQUARE_TESTS_REDIS_PRIVATE_H
#define SQUARE_TESTS_REDIS_PRIVATE_H

#include <sys/types.h>

struct redis_private;

/* Starts a server and waits until it answers. `more` are further command-line words such as "--maxmemory", "20mb",
 * ended by NULL, copied; NULL for none. A server that does not come up ends the program with its log on standard error.
 */
struct redis_private *redis_private_start(const char *const *more);
const char *redis_private_url(const struct redis_private *r);    /* unix:///tmp/.../redis.sock */
const char *redis_private_socket(const struct redis_private *r); /* the same as a path */
const char *redis_private_dir(const struct redis_private *r);
pid_t redis_private_pid(const struct redis_private *r); /* 0 while it is killed */
void redis_private_kill(struct redis_private *r);       /* kill -9, and waits for its end */
void redis_private_restart(struct redis_private *r);    /* starts it again on the same data; kills it first if alive */
void redis_private_stop(struct redis_private *r);       /* kills it, removes the folder, frees; NULL does nothing */

#endif
