/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The memory of a compute child: how much it has, and what happens when there is no more. GMP, FLINT and PARI cannot
 * give up half way: their way out of a failed allocation is abort(). Here it becomes the failure of the job, which
 * leaves through the socket before the process ends. One thread. */
#ifndef SQUARE_MEMORY_H
#define SQUARE_MEMORY_H

#include <stddef.h>
#include <stdint.h>

#include "op_failure.h"

/* In the child, before it is confined: keeps a descriptor (at `fd`) through which the kernel tells how much there is,
 * where /proc exists. */
void memory_open(int fd);
size_t memory_space(void);     /* bytes of address space in use now */
uint64_t memory_rss_kib(void); /* resident now; never 0 */

/* From now on an allocation of GMP or FLINT that fails ends the process by memory_exhausted(). */
void memory_guard(int socket, size_t limit_mib);
/* Reports OP_LIMIT_EXCEEDED to the worker and ends the process. wanted: bytes that were asked for, 0: unknown. */
void memory_exhausted(size_t wanted) __attribute__((noreturn));

#endif
