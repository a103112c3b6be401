/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "plan_remote.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "address.h"
#include "config.h"
#include "log.h"
#include "plan_parts.h"

#define REMOTE_REPLICAS 128 /* an answer of 8192 bytes has room for about 300 addresses */
#define REMOTE_REPLICAS_MOST 300
#define REMOTE_NAME_SIZE 160

/* WebRole: web-role, as SQUARE_HOST_WEB_ROLE has the words apart. */
static char *remote_default_host(const char *variable)
{
	char *host = strdup(variable + strlen("SQUARE_HOST_"));

	if (!host)
		log_fatal("no memory for the name of a host");
	for (char *p = host; *p; p++)
		if (*p == '_')
			*p = '-';
		else
			*p = (char)tolower((unsigned char)*p);
	return host;
}

static int remote_host(struct plan_role *role, struct errinfo *info)
{
	char variable[REMOTE_NAME_SIZE];
	const char *told;

	config_env_name(variable, sizeof(variable), "HOST_", role->def->name);
	told = getenv(variable);
	if (!told || !*told) {
		role->host = remote_default_host(variable);
		return ERR_OK;
	}
	if (strlen(told) > 253 ||
	    told[strspn(told, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-_")])
		return errinfo_set(info, ERR_INVALID,
				   "environment variable %s: expected a name in DNS, without a port, got \"%.64s\"",
				   variable, told);
	role->host = strdup(told);
	if (!role->host)
		log_fatal("no memory for the name of a host");
	return ERR_OK;
}

/* Where each instance serves the endpoint. An instance that was told nothing takes any free port if the definition says
 * so, which nobody could find. */
static int remote_port(const struct plan_role *role, const struct csdef_endpoint *e, uint16_t *out,
		       struct errinfo *info)
{
	char variable[REMOTE_NAME_SIZE], address[ADDRESS_SIZE];
	unsigned port = e->local_port;
	const char *told;

	config_env_name(variable, sizeof(variable), "ENDPOINT_", e->name);
	told = getenv(variable);
	if (told && *told && address_parse(told, address, &port) != 0)
		return errinfo_set(
		    info, ERR_INVALID,
		    "environment variable %s: expected an address and a port such as 0.0.0.0:%u, got \"%.64s\"",
		    variable, e->port ? e->port : 8081, told);
	if (port == 0)
		return errinfo_set(
		    info, ERR_INVALID,
		    "expected the environment variable %s to tell, here and to the instances, where each instance of "
		    "%s serves %s, such as 0.0.0.0:%u; got %s",
		    variable, role->def->name, e->name, e->port ? e->port : 8081, told && *told ? told : "nothing");
	*out = (uint16_t)port;
	return ERR_OK;
}

static int remote_role(struct plan *plan, struct plan_role *role, unsigned replicas, struct errinfo *info)
{
	const struct csdef_endpoint *health = plan_health(role);
	int rc = remote_host(role, info);

	role->replicas = replicas;
	if (rc == ERR_OK)
		rc = plan_settings(plan, role, info);
	if (rc == ERR_OK && role->authenticates && role->def->kind == CSDEF_WEB && !role->told_probe_token)
		return errinfo_set(info, ERR_INVALID,
				   "%s asks for tokens (AuthTokensFile): expected ProbeToken, here and there, for the "
				   "balancer's question whether an instance is ready; got none",
				   role->def->name);
	if (rc == ERR_OK && health)
		rc = remote_port(role, health, &role->health_port, info);
	return rc;
}

/* Whoever opens the ports to others than this host must have said who may use them. */
static int remote_publish(const struct plan *plan, struct errinfo *info)
{
	const char *at = getenv("PUBLISHED_ON"), *anybody = getenv("PUBLISHED_ANONYMOUS");

	if (!at || !*at)
		return ERR_OK;
	if (!address_valid(at))
		return errinfo_set(info, ERR_INVALID,
				   "environment variable PUBLISHED_ON: expected an IP address, got \"%.64s\"", at);
	if (address_loopback(at) || (anybody && strcmp(anybody, "true") == 0))
		return ERR_OK;
	for (size_t i = 0; i < plan->n_inputs; i++)
		if (!plan->inputs[i].role->authenticates)
			return errinfo_set(
			    info, ERR_INVALID,
			    "%s of %s would be open to whoever reaches %s: expected AuthTokensFile, or a "
			    "loopback address to publish it on, or PUBLISHED_ANONYMOUS=true if that is "
			    "meant",
			    plan->inputs[i].endpoint->name, plan->inputs[i].role->def->name, at);
	return ERR_OK;
}

static int remote_fill(struct plan *plan, struct errinfo *info)
{
	unsigned replicas = REMOTE_REPLICAS;
	int rc = plan_env("BALANCER_REPLICAS", 1, REMOTE_REPLICAS_MOST, &replicas, info);

	for (size_t i = 0; rc == ERR_OK && i < plan->n_roles; i++)
		rc = remote_role(plan, &plan->roles[i], replicas, info);
	if (rc == ERR_OK)
		rc = plan_env("CLIENT_CONNECTIONS", 0, 1000000, &plan->client_connections, info);
	for (size_t i = 0; rc == ERR_OK && i < plan->n_inputs; i++)
		rc = remote_port(plan->inputs[i].role, plan->inputs[i].endpoint, &plan->inputs[i].replica_port, info);
	return rc == ERR_OK ? remote_publish(plan, info) : rc;
}

struct plan *plan_remote_new(const struct csdef *def, struct errinfo *info)
{
	struct plan *plan = plan_blank(def);

	plan->address = "*";
	if (remote_fill(plan, info) == ERR_OK)
		return plan;
	plan_free(plan);
	return NULL;
}
