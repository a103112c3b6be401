/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Loopback ports of the fabric. A port that is handed to a child is held for the fabric's whole life by a bound socket
 * that never listens: the child, which sets SO_REUSEADDR or SO_REUSEPORT, can bind it, before and after a restart;
 * another program, another fabric or the kernel's choice for an outgoing connection cannot. */
#ifndef SQUARE_PORT_H
#define SQUARE_PORT_H

#include <stdint.h>

#include "err.h"

struct port_hold {
	int fd; /* -1 when nothing is held */
	uint16_t port;
};

#define PORT_HOLD_INIT \
	{              \
		-1, 0  \
	}

/* Holds 127.0.0.1:port, or any free port when it is 0. 0; ERR_EXISTS when somebody listens or holds there;
 * ERR_SYS for anything else (a port below 1024 without the right to it). *info says which port and why. */
int port_hold(uint16_t port, struct port_hold *out, struct errinfo *info);
void port_release(struct port_hold *hold);

#endif
