/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The mathematics libraries of a compute child: started once in the zygote, so that children find them warm, and their
 * ways of giving up turned into failures. Not for the worker's parent process. One thread. */
#ifndef SQUARE_ENGINES_H
#define SQUARE_ENGINES_H

#include <stdbool.h>
#include <stddef.h>

#include "op_failure.h"

#define ENGINES_PARI_STACK (256u << 20) /* bytes that PARI may grow to for one job */

/* Starts PARI, turns off GSL's aborting error handler, and calls each library once, so that what they open or look up
 * lazily has been looked up. Call once a process. */
void engines_init(void);
/* Frees what a finished job left in the libraries' caches. */
void engines_tidy(void);
void engines_fini(void); /* for tests that look for leaks */

/* Runs body with PARI's errors (and running out of its stack) caught: 0, what body returned, or -1 with *f filled.
 * PARI's stack is as it was afterwards. The body must keep in PARI nothing it still needs, and what it allocates
 * elsewhere must be in reach of the caller when it fails half way (it is left by longjmp). */
typedef int engines_body(void *arg, struct op_failure *f);
int engines_pari(engines_body *body, void *arg, struct op_failure *f);

#endif
