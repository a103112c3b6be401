/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The processes of a running service: Redis, the load balancer, and every instance of every role; how each is started
 * (command line, environment, files). Redis gets users with passwords that are new at each start; see users.h. */
#ifndef SQUARE_MEMBER_H
#define SQUARE_MEMBER_H

#include <stddef.h>
#include <uv.h>

#include "child.h"
#include "plan.h"
#include "rundir.h"

enum member_kind { MEMBER_REDIS, MEMBER_INSTANCE, MEMBER_BALANCER };

struct member {
	enum member_kind kind;
	struct child *child;
	const struct plan_role *role; /* of an instance */
	unsigned index;               /* of an instance in its role */
	bool stopped;                 /* ended after child_stop() */
};

struct members {
	struct member *all; /* Redis, the instances in the plan's order, the balancer */
	size_t n;
	char *socket;         /* of Redis */
	char *admin_url_file; /* holds the URL of the user who may do everything there */
	char *redis_question; /* asks Redis, as that user, whether it is there; a secret */
};

/* Finds the programs, writes redis.conf and haproxy.cfg into the folder and prepares every process; starts none.
 * on_event gets the struct members' owner as `arg`. 0, or an error with *info. */
int members_prepare(struct members *m, uv_loop_t *loop, const struct plan *plan, const struct rundir *dir,
		    child_cb *on_event, void *arg, struct errinfo *info);
struct member *members_of(struct members *m, const struct child *c);
void members_free(struct members *m);

#endif
