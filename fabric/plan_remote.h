/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The plan of a balancer whose instances are elsewhere: replicas in containers, each with an address of its own, that
 * DNS has under the name of their role. What it does not find in the definition, the environment tells:
 *
 *   SQUARE_ENDPOINT_HTTP_IN=0.0.0.0:8080   as the instances have it (roleenv.h): its port is where each of them listens
 *   SQUARE_HOST_WEB_ROLE=web.example.org   the name of the role WebRole in DNS; default: web-role
 *   BALANCER_REPLICAS=128                  room for so many replicas of each role
 *   CLIENT_CONNECTIONS=64                  http connections of one client address; else the setting AddressConnections
 *   PUBLISHED_ON=127.0.0.1                 the address of the host on which the ports are open to clients: other
 *   PUBLISHED_ANONYMOUS=true               addresses than loopback need tokens, or these words */
#ifndef SQUARE_PLAN_REMOTE_H
#define SQUARE_PLAN_REMOTE_H

#include "plan.h"

/* NULL with *info saying what was expected and what came. The definition must outlive the plan. */
struct plan *plan_remote_new(const struct csdef *def, struct errinfo *info);

#endif
