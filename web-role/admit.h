/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Whether a request may go on, judged when its head is there and its body is not: its token, its Host and Origin, and
 * how often its sender asks. The reactor's thread. */
#ifndef SQUARE_ADMIT_H
#define SQUARE_ADMIT_H

#include <stdbool.h>

struct request;
/* Fills in origin, principal and client of the request, whose route is found. True when it may go on; else it was
 * answered, and is gone. */
bool admit(struct request *r);

#endif
