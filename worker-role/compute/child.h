/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The life of a compute child: confined, it waits for a request, computes, replies, tidies up and says that it is ready
 * for the next, until the worker closes its socket. One job at a time. Crashes are not its business: the zygote sees
 * how it ended. */
#ifndef SQUARE_CHILD_H
#define SQUARE_CHILD_H

#include "compute/sandbox.h"

#define CHILD_SOCKET 3 /* its descriptors: this one, and the next for memory.h */

void child_run(const struct sandbox *sandbox) __attribute__((noreturn));

#endif
