/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What the kernel knows of a process, as metrics. Reads /proc at each call: not for a hot path. Any thread. */
#ifndef SQUARE_PROCSTAT_H
#define SQUARE_PROCSTAT_H

#include <stdint.h>
#include <sys/types.h>

#include "buf.h"

/* Appends this process' figures (process_cpu_seconds_total and others by their usual names) and square_build_info as
 * Prometheus text. What cannot be read is left out. */
void procstat_render(struct buf *out);
/* Resident memory of a process in bytes; 0 when it is gone. */
uint64_t procstat_resident_bytes(pid_t pid);

#endif
