/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What a compute child may do: compute, and talk through the one socket it was given. Prepared once in the zygote,
 * entered by each child after its fork. Works as any user, as root too, and inside containers that filter system calls
 * themselves, because nothing here needs a privilege.
 *
 * - nothing to reach: an empty folder that is deleted already, no environment, standard streams on /dev/null;
 * - limits: address space, processor time, stack; no file to write, no descriptor and no process to make;
 * - system calls: a filter; what computing needs is allowed, what only an intruder wants kills the process, all else
 *   fails with EPERM (PARI's and OpenBLAS' harmless attempts to ask about terminals and memory nodes);
 * - privileges: no-new-privs, no capability, not dumpable; dies with the zygote. */
#ifndef SQUARE_SANDBOX_H
#define SQUARE_SANDBOX_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "err.h"

/* Sanitizers and valgrind need address space, and system calls of their own: with `lenient` the limit of the address
 * space and the filter are left out, all else stays. Always so in a build with sanitizers. */
struct sandbox_options {
	size_t memory_mib; /* that a job may use on top of what the process has when it enters */
	bool lenient;
};

struct sandbox {
	struct sandbox_options options;
	struct sock_fprog *filter; /* NULL: none */
};

/* In the zygote: streams, folder, environment, signals, and the filter's program. 0, or an error with *info. */
int sandbox_prepare(struct sandbox *s, const struct sandbox_options *options, struct errinfo *info);
/* In the child, for good. Descriptors above `last_fd` are closed. 0, or an error with *info. */
int sandbox_enter(const struct sandbox *s, int last_fd, struct errinfo *info);
/* Ends this process when its parent, which must be `parent`, ends. */
int sandbox_die_with(int parent);

#endif
