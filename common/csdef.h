/* SPDX-License-Identifier: GPL-3.0-or-later */
/* service.csdef (what the service is) and service.cscfg (how much of it), read into plain structs. The element and
 * attribute names are those of the public schema of Azure Cloud Services; what is not known here is refused, with the
 * place, what was expected and what came. Read at start; running out of memory there aborts. */
#ifndef SQUARE_CSDEF_H
#define SQUARE_CSDEF_H

#include <stdbool.h>
#include <stddef.h>

#include "err.h"

#define CSDEF_NAME_MAX 63        /* characters of a role's, endpoint's, setting's or storage's name */
#define CSDEF_FILE_MAX 1048576   /* bytes of a file */
#define CSDEF_INSTANCES_MAX 1000 /* of one role */

enum csdef_kind { CSDEF_WEB, CSDEF_WORKER };
enum csdef_protocol { CSDEF_HTTP, CSDEF_TCP };

struct csdef_endpoint {
	char *name;
	enum csdef_protocol protocol;
	bool internal;       /* between instances only; else an input endpoint, which the load balancer exposes */
	unsigned port;       /* what the balancer listens on; of an internal endpoint 0 when dynamic */
	unsigned local_port; /* what the instance binds; 0: any free one */
	int line;            /* in the definition */
};

struct csdef_setting {
	char *name;
	char *value;      /* of service.cscfg; NULL when it gives none */
	int line, column; /* of the value in service.cscfg, else of the name in service.csdef */
};

struct csdef_storage {
	char *name;
	unsigned size_mb; /* that its user may count on; 100 unless the definition says another */
	bool clean;       /* cleanOnRoleRecycle: each start finds it empty */
	int line;         /* in the definition */
};

struct csdef_role {
	char *name;
	enum csdef_kind kind;
	unsigned instances;
	struct csdef_endpoint *endpoints;
	struct csdef_setting *settings;
	struct csdef_storage *storage;
	size_t n_endpoints, n_settings, n_storage;
	int line;
};

struct csdef {
	char *name;          /* of the service */
	char *definition;    /* file names as given */
	char *configuration; /* "" when none was given */
	struct csdef_role *roles;
	size_t n_roles;
};

/* Reads both files and checks them against each other; configuration may be NULL: then each role has one instance and
 * no setting a value. NULL with *info filled: its text begins with "file:line:column: ", line and column are set too.
 * Blocks on the file system. */
struct csdef *csdef_load(const char *definition, const char *configuration, struct errinfo *info);
void csdef_free(struct csdef *def);

const struct csdef_role *csdef_role(const struct csdef *def, const char *name); /* NULL when there is none */
const struct csdef_endpoint *csdef_endpoint(const struct csdef_role *role, const char *name);
bool csdef_has_internal(const struct csdef_role *role); /* declares an InternalEndpoint: others see its instances */
const char *csdef_protocol_name(enum csdef_protocol p); /* "http", "tcp" */

#endif
