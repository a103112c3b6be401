/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The role environment: what an instance must know about its place, without asking who put it there (the local fabric,
 * compose, Kubernetes, a bare shell). The place is told by environment variables:
 *
 *   SQUARE_ROLE_INSTANCE=WorkerRole_IN_0              default ROLE_IN_0; in a container ROLE_IN_HOSTNAME
 *   SQUARE_ENDPOINT_HTTP_IN=127.0.0.1:41873           address and port to bind (HttpIn in upper snake case; [::1]:0);
 *                                                     default 127.0.0.1 and the definition's localPort
 *   SQUARE_ADVERTISE_ADDRESS=10.0.0.7                 what others are told in place of 0.0.0.0 or ::; default: the
 *                                                     first address of this host that is not loopback
 *   SQUARE_LOCAL_ROOT=/var/lib/square                 where local resources are; see local_storage.h
 *
 * It also keeps the view of the other instances, which presence feeds by roleenv_update(). One thread at a time,
 * but for roleenv_busy, roleenv_set_busy, roleenv_recycling and roleenv_request_recycle, which any thread may call. */
#ifndef SQUARE_ROLEENV_H
#define SQUARE_ROLEENV_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "address.h"
#include "buf.h"
#include "config.h"
#include "csdef.h"
#include "err.h"

#define ROLEENV_INSTANCE_MAX 63 /* characters of an instance id: [A-Za-z0-9_-] */

/* Which role of this kind, and which instance, this process is. *role points into def. instance: at least
 * ROLEENV_INSTANCE_MAX + 1 bytes. 0, or ERR_INVALID with *info filled. */
int roleenv_place(enum csdef_kind kind, const struct csdef *def, char *instance, const struct csdef_role **role,
		  struct errinfo *info);

/* The instance id of a process that was not told one. host: its container's name, NULL outside a container. */
void roleenv_default_instance(char *instance, const char *role, const char *host);

struct roleenv;
/* def, role (in def) and config are borrowed and must outlive the result; config may be NULL (no settings). NULL with
 * *info filled when an endpoint's variable is wrong. */
struct roleenv *roleenv_new(const struct csdef *def, const struct csdef_role *role, const char *instance,
			    const struct config *config, struct errinfo *info);
void roleenv_free(struct roleenv *env);

const char *roleenv_instance(const struct roleenv *env);                  /* "WorkerRole_IN_0" */
const char *roleenv_role(const struct roleenv *env);                      /* "WorkerRole" */
const char *roleenv_setting(const struct roleenv *env, const char *name); /* its text; NULL when there is none */

struct roleenv_endpoint {
	char address[ADDRESS_SIZE]; /* numeric, to bind */
	unsigned port;              /* to bind: 0 any free one; once bound, the real one */
	unsigned public_port;       /* of the load balancer; 0 for an internal endpoint */
	enum csdef_protocol protocol;
	bool internal;
	bool loopback; /* address is reachable from this host alone */
};
/* 0, or ERR_NOT_FOUND. */
int roleenv_endpoint(const struct roleenv *env, const char *name, struct roleenv_endpoint *out);
int roleenv_bound(struct roleenv *env, const char *name, unsigned port);

/* A folder of this instance's own, which the definition's LocalResources promise. */
struct roleenv_local {
	const char *path; /* absolute; stands as long as env */
	unsigned size_mb; /* that may be counted on there */
};
/* Makes them: at start, by startup_open(), before anything of the role runs; see local_storage.h. 0, or an error with
 * *info. */
int roleenv_make_local(struct roleenv *env, struct errinfo *info);
/* 0, or ERR_NOT_FOUND with *out untouched. */
int roleenv_local_resource(const struct roleenv *env, const char *name, struct roleenv_local *out);

/* Life cycle. Busy: alive, but out of rotation and asking for no new work, until it is set back. Recycle: the hook (set
 * by the role) ends the process in an orderly way, and the supervisor of the place starts it anew; it may run on any
 * thread. */
void roleenv_set_busy(struct roleenv *env, bool busy);
bool roleenv_busy(const struct roleenv *env);
void roleenv_on_recycle(struct roleenv *env, void (*hook)(void *arg), void *arg);
void roleenv_request_recycle(struct roleenv *env); /* the hook runs once, however often it is asked */
bool roleenv_recycling(const struct roleenv *env);

/* This instance's own entry for the registry of live instances, a JSON object. state: "starting", "ready", "stopping";
 * "ready" becomes "busy" while busy is set. Endpoints not bound yet are left out. */
void roleenv_presence_json(const struct roleenv *env, struct buf *out, unsigned running, unsigned capacity,
			   const char *state);

/* ---- the others (roleenv_peers.c) ---- */

struct roleenv_peer_endpoint {
	const char *name;
	const char *at; /* host:port, [v6]:port */
};
struct roleenv_peer { /* one live instance; owned by the environment, stands until the next roleenv_update */
	const char *instance, *role, *host, *state;
	int64_t pid;
	uint64_t started_at_us;
	unsigned running, capacity;
	size_t n_endpoints;
	const struct roleenv_peer_endpoint *endpoints; /* sorted by name */
	size_t n_queues;                               /* that a worker serves; 0: none, or it does not say */
	const char *const *queues;                     /* in the order of its setting */
};
enum roleenv_change { ROLEENV_JOINED, ROLEENV_LEFT, ROLEENV_CHANGED /* an endpoint */ };
/* peer is borrowed for the call, which must not call roleenv_update. Not raised for this instance itself. */
typedef void roleenv_change_cb(void *arg, enum roleenv_change change, const struct roleenv_peer *peer);
void roleenv_on_changed(struct roleenv *env, roleenv_change_cb *cb, void *arg);

/* Takes the entries of all live instances, as they stand in the registry, in place of what was known. Entries of roles
 * that declare no InternalEndpoint are passed over, this instance's own excepted. Returns how many entries could not be
 * read (they are passed over too). */
size_t roleenv_update(struct roleenv *env, const char *const *jsons, size_t n);

/* The visible instances of a role (NULL: of all roles), sorted by id, up to max of them into out. Returns how many
 * there are. */
size_t roleenv_instances(const struct roleenv *env, const char *role, const struct roleenv_peer **out, size_t max);
/* The address of a peer's endpoint; NULL when it has none of that name. */
const char *roleenv_peer_at(const struct roleenv_peer *peer, const char *endpoint);

#endif
