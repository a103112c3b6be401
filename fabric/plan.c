/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "plan.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "config.h"
#include "log.h"

extern char **environ;

static void *plan_alloc(size_t n, size_t size)
{
	void *p = calloc(n ? n : 1, size);

	if (!p)
		log_fatal("no memory for the plan of the service");
	return p;
}

/* ---- the environment's say ---- */

/* *value stays as it is when the variable is unset or empty. */
static int plan_env(const char *name, unsigned min, unsigned max, unsigned *value, struct errinfo *info)
{
	const char *text = getenv(name);
	unsigned long n;
	char *end;

	if (!text || !*text)
		return ERR_OK;
	errno = 0;
	n = strtoul(text, &end, 10);
	if (errno != 0 || *end != '\0' || text[0] < '0' || text[0] > '9' || n < min || n > max)
		return errinfo_set(info, ERR_INVALID,
				   "environment variable %s: expected a whole number from %u to %u, got \"%.64s\"",
				   name, min, max, text);
	*value = (unsigned)n;
	return ERR_OK;
}

static const char *plan_port_variable(const struct plan *plan, const struct plan_input *input)
{
	if (plan_input(plan, input->endpoint->protocol) != input)
		return NULL;
	return input->endpoint->protocol == CSDEF_HTTP ? "HTTP_PORT" : "TCP_PORT";
}

static int plan_settings(struct plan_role *role, const char *file, struct errinfo *info)
{
	struct config_given *given = plan_alloc(role->def->n_settings, sizeof(*given));
	struct config_sources sources = { .environ = environ, .given = given };
	struct config *cfg;

	for (size_t i = 0; i < role->def->n_settings; i++) {
		const struct csdef_setting *s = &role->def->settings[i];
		if (s->value)
			given[sources.n_given++] = (struct config_given){ s->name, s->value, file, s->line, s->column };
	}
	cfg = config_load(role->def->kind == CSDEF_WEB ? CONFIG_WEB : CONFIG_WORKER, &sources, info);
	free(given);
	if (!cfg)
		return ERR_INVALID;
	role->drain_s = (unsigned)config_int(cfg, CONFIG_DRAIN_SECONDS);
	if (role->def->kind == CSDEF_WEB) {
		role->head_limit = (unsigned)config_int(cfg, CONFIG_HEAD_LIMIT_BYTES);
		role->body_limit = (unsigned)config_int(cfg, CONFIG_BODY_LIMIT_BYTES);
	}
	config_free(cfg);
	return ERR_OK;
}

/* ---- ports ---- */

static int plan_open(struct plan *plan, struct plan_input *input, struct errinfo *info)
{
	const char *variable = plan_port_variable(plan, input), *name = input->endpoint->name;
	unsigned port = input->endpoint->port;
	struct errinfo cause;
	int rc;

	if (variable && (rc = plan_env(variable, 0, 65535, &port, info)) != ERR_OK)
		return rc;
	for (const struct plan_input *other = plan->inputs; other < input; other++)
		if (port != 0 && other->open.port == port)
			return errinfo_set(info, ERR_EXISTS, "port %u is asked for twice: for %s and for %s", port,
					   other->endpoint->name, name);
	rc = port_hold((uint16_t)port, &input->open, &cause);
	if (rc == ERR_EXISTS && variable)
		return errinfo_set(
		    info, rc,
		    "port %u, where %s is to listen, is taken by another program; stop that one, or choose "
		    "another port with %s=%u (0: any free one)",
		    port, name, variable, port < 65535 ? port + 1 : 0);
	if (rc == ERR_EXISTS)
		return errinfo_set(
		    info, rc,
		    "port %u, where %s is to listen, is taken by another program; stop that one, or change "
		    "the port in %s, line %d",
		    port, name, plan->def->definition, input->endpoint->line);
	if (rc != ERR_OK)
		return errinfo_set(info, rc, "%s cannot listen: %s", name, cause.text);
	return ERR_OK;
}

static int plan_instances(struct plan_role *role, struct errinfo *info)
{
	int rc = ERR_OK;

	role->instances = plan_alloc(role->n_instances, sizeof(*role->instances));
	for (unsigned i = 0; i < role->n_instances; i++) {
		struct plan_instance *in = &role->instances[i];
		(void)snprintf(in->id, sizeof(in->id), "%s_IN_%u", role->def->name, i);
		in->ports = plan_alloc(role->def->n_endpoints, sizeof(*in->ports));
		for (size_t e = 0; e < role->def->n_endpoints; e++)
			in->ports[e] = (struct port_hold)PORT_HOLD_INIT;
		for (size_t e = 0; rc == ERR_OK && e < role->def->n_endpoints; e++)
			rc = port_hold(0, &in->ports[e], info);
	}
	return rc;
}

/* ---- the whole ---- */

static int plan_roles(struct plan *plan, struct errinfo *info)
{
	unsigned web = UINT_MAX, worker = UINT_MAX;
	int rc = plan_env("WEB_INSTANCES", 0, CSDEF_INSTANCES_MAX, &web, info);

	if (rc == ERR_OK)
		rc = plan_env("WORKER_INSTANCES", 0, CSDEF_INSTANCES_MAX, &worker, info);
	for (size_t i = 0; rc == ERR_OK && i < plan->n_roles; i++) {
		struct plan_role *role = &plan->roles[i];
		unsigned count = role->def->kind == CSDEF_WEB ? web : worker;

		role->n_instances = count != UINT_MAX ? count : role->def->instances;
		rc = plan_settings(role, plan->def->configuration, info);
	}
	return rc;
}

/* The public ports first: a port that is taken is the likeliest thing to be wrong. */
static int plan_fill(struct plan *plan, struct errinfo *info)
{
	int rc = plan_roles(plan, info);

	if (rc == ERR_OK)
		rc = plan_env("CLIENT_CONNECTIONS", 0, 1000000, &plan->client_connections, info);
	for (size_t i = 0; rc == ERR_OK && i < plan->n_inputs; i++)
		rc = plan_open(plan, &plan->inputs[i], info);
	for (size_t i = 0; rc == ERR_OK && i < plan->n_roles; i++)
		rc = plan_instances(&plan->roles[i], info);
	return rc;
}

struct plan *plan_new(const struct csdef *def, struct errinfo *info)
{
	struct plan *plan = plan_alloc(1, sizeof(*plan));
	size_t endpoints = 0;

	plan->def = def;
	plan->client_connections = PLAN_CLIENT_CONNECTIONS;
	plan->roles = plan_alloc(def->n_roles, sizeof(*plan->roles));
	for (size_t i = 0; i < def->n_roles; i++) {
		plan->roles[plan->n_roles++].def = &def->roles[i];
		endpoints += def->roles[i].n_endpoints;
	}
	plan->inputs = plan_alloc(endpoints, sizeof(*plan->inputs));
	for (size_t i = 0; i < def->n_roles; i++)
		for (size_t e = 0; e < def->roles[i].n_endpoints; e++)
			if (!def->roles[i].endpoints[e].internal)
				plan->inputs[plan->n_inputs++] =
				    (struct plan_input){ &plan->roles[i], &def->roles[i].endpoints[e], e,
							 PORT_HOLD_INIT };
	if (plan_fill(plan, info) == ERR_OK)
		return plan;
	plan_free(plan);
	return NULL;
}

void plan_free(struct plan *plan)
{
	if (!plan)
		return;
	for (size_t i = 0; i < plan->n_inputs; i++)
		port_release(&plan->inputs[i].open);
	for (size_t i = 0; i < plan->n_roles; i++) {
		struct plan_role *role = &plan->roles[i];
		for (unsigned k = 0; role->instances && k < role->n_instances; k++) {
			for (size_t e = 0; role->instances[k].ports && e < role->def->n_endpoints; e++)
				port_release(&role->instances[k].ports[e]);
			free(role->instances[k].ports);
		}
		free(role->instances);
	}
	free(plan->inputs);
	free(plan->roles);
	free(plan);
}

const struct plan_input *plan_input(const struct plan *plan, enum csdef_protocol protocol)
{
	for (size_t i = 0; i < plan->n_inputs; i++)
		if (plan->inputs[i].endpoint->protocol == protocol)
			return &plan->inputs[i];
	return NULL;
}

uint16_t plan_port(const struct plan_input *input, unsigned instance)
{
	return input->role->instances[instance].ports[input->index].port;
}
