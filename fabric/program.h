/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Where the programs are that the fabric starts. */
#ifndef SQUARE_PROGRAM_H
#define SQUARE_PROGRAM_H

#include "err.h"

/* The full path of a program beside the running one (web-role, worker-role), in a string that the caller frees. NULL
 * with *info when it is not there. */
char *program_sibling(const char *name, struct errinfo *info);
/* The same for a program of the system: PATH, then the sbin folders, which are not in every user's PATH. */
char *program_find(const char *name, const char *package, struct errinfo *info);

#endif
