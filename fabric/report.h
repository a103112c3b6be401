/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What the fabric tells: RUN_DIR/state.json for programs (tests, scripts), and the lines for people when the service is
 * ready. Pure text. */
#ifndef SQUARE_REPORT_H
#define SQUARE_REPORT_H

#include "buf.h"
#include "member.h"

/* phase: "starting", "ready", "stopping". One JSON object with a line feed. */
void report_state(const struct plan *plan, const struct rundir *dir, const struct members *m, const char *phase,
		  struct buf *out);
/* What runs, where, and commands to try. */
void report_welcome(const struct plan *plan, const struct rundir *dir, struct buf *out);

#endif
