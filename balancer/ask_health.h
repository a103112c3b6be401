/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Asks the balancer that runs here how it is, for a container's health check. */
#ifndef SQUARE_ASK_HEALTH_H
#define SQUARE_ASK_HEALTH_H

/* Says the answer on standard output. path: its unix socket. 0 when every endpoint has an instance, 1 when one has none
 * or the balancer does not answer. Blocks, for 3 seconds at most. */
int ask_health(const char *path);

#endif
