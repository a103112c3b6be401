/* SPDX-License-Identifier: GPL-3.0-or-later */
/* How far a long computation has come, told by the operation that runs. Cheap enough for an inner loop. Outside a
 * compute child it does nothing. One thread. */
#ifndef SQUARE_PROGRESS_H
#define SQUARE_PROGRESS_H

typedef void progress_cb(void *arg, double ratio, const char *note);

/* cb is told at most every 100 ms, and never twice for one ratio. NULL: nobody listens. */
void progress_listen(progress_cb *cb, void *arg);
/* ratio: 0 to 1 of the work; note: what is going on, a short sentence, or "". */
void progress_report(double ratio, const char *note);

#endif
