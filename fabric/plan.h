/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What the fabric is going to run, settled before anything is started: the roles and instance counts of the two files,
 * changed by the environment (HTTP_PORT, TCP_PORT, WEB_INSTANCES, WORKER_INSTANCES, CLIENT_CONNECTIONS), with every
 * port chosen and held. Made once at start. */
#ifndef SQUARE_PLAN_H
#define SQUARE_PLAN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "csdef.h"
#include "err.h"
#include "port.h"

struct plan_instance {
	char id[96];             /* "WorkerRole_IN_0" */
	struct port_hold *ports; /* one for each endpoint of the role, in the definition's order */
};

struct plan_role {
	const struct csdef_role *def;
	struct plan_instance *instances;
	unsigned n_instances;
	unsigned drain_s;
	unsigned head_limit, body_limit; /* bytes of a request; 0: not a web role */
	bool authenticates;              /* it has the setting AuthTokensFile */
	/* Of a web role that authenticates: with what the fabric and the load balancer ask /readyz. A new one at each
	 * start, unless the setting ProbeToken says which. */
	char *probe_token;
	bool told_probe_token; /* the instances have it from the setting */
	bool told_proxies;     /* likewise TrustedProxies; else the fabric says that they are behind its balancer */
	char *probe_question;  /* the request for /readyz; NULL: not a web role */
	/* Of a role whose instances are elsewhere (plan_remote.h): the name that DNS has their addresses under, and for
	 * how many there is room. */
	char *host;
	unsigned replicas;
	uint16_t health_port; /* theirs; 0: no endpoint for it */
};

/* An input endpoint: what the load balancer listens on. */
struct plan_input {
	const struct plan_role *role;
	const struct csdef_endpoint *endpoint;
	size_t index; /* of the endpoint in its role */
	struct port_hold open;
	uint16_t replica_port; /* of a role whose instances are elsewhere: where each serves it */
};

struct plan {
	const struct csdef *def; /* borrowed */
	struct plan_role *roles;
	struct plan_input *inputs;
	size_t n_roles, n_inputs;
	/* Of one address to one http endpoint, 0: any number. The setting AddressConnections, or CLIENT_CONNECTIONS. */
	unsigned client_connections;
	const char *address;       /* where the balancer listens; "*": anywhere */
	const char *health_socket; /* where it says how it is itself; NULL: nowhere */
};

/* NULL with *info saying what was expected and what came (a bad variable or setting, a port that is taken and which
 * variable moves it). The definition must outlive the plan. */
struct plan *plan_new(const struct csdef *def, struct errinfo *info);
void plan_free(struct plan *plan);

/* The first input endpoint of this protocol, NULL when there is none. */
const struct plan_input *plan_input(const struct plan *plan, enum csdef_protocol protocol);
uint16_t plan_public_port(const struct plan_input *input);             /* where the balancer listens for it */
uint16_t plan_port(const struct plan_input *input, unsigned instance); /* where that instance serves it */
/* The endpoint at which instances of this role say over HTTP whether they may be sent work (/readyz): a worker role's
 * internal http endpoint of the name PLAN_HEALTH. NULL when it has none; a web role says it at its own endpoint. */
#define PLAN_HEALTH "WorkerHealth"
const struct csdef_endpoint *plan_health(const struct plan_role *role);
uint16_t plan_health_port(const struct plan_role *role, unsigned instance); /* of one that has it */

#endif
