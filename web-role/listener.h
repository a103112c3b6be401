/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Listen sockets: one for each reactor on one address, among which the kernel shares out the connections. */
#ifndef SQUARE_LISTENER_H
#define SQUARE_LISTENER_H

#include "err.h"

/* Opens n sockets (each close-on-exec and non-blocking) on a numeric address. *port 0: any free one, told on return.
 * 0, or ERR_INVALID or ERR_SYS with *info; then none is open. */
int listener_open(const char *address, unsigned *port, int *fds, unsigned n, struct errinfo *info);

#endif
