/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "plan.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "config.h"
#include "log.h"
#include "plan_parts.h"
#include "secret.h"
#include "tokens.h"

extern char **environ;

void *plan_alloc(size_t n, size_t size)
{
	void *p = calloc(n ? n : 1, size);

	if (!p)
		log_fatal("no memory for the plan of the service");
	return p;
}

/* ---- the environment's say ---- */

int plan_env(const char *name, unsigned min, unsigned max, unsigned *value, struct errinfo *info)
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

/* A file of tokens that no instance will take is better refused here, where it is seen. */
static int plan_tokens(struct plan_role *role, const struct config *cfg, struct errinfo *info)
{
	const char *file = config_str(cfg, CONFIG_AUTH_TOKENS_FILE);
	struct tokens *tokens = NULL;
	int rc = *file ? tokens_load(file, &tokens, info) : ERR_OK;

	role->authenticates = tokens != NULL;
	tokens_free(tokens);
	return rc;
}

static char *plan_random_token(void)
{
	char *text = plan_alloc(SECRET_SIZE, 1);

	secret_draw(text);
	return text;
}

static int plan_probe(struct plan_role *role, const struct config *cfg, struct errinfo *info)
{
	const char *token = config_str(cfg, CONFIG_PROBE_TOKEN);

	role->told_proxies = strcmp(config_origin(cfg, CONFIG_TRUSTED_PROXIES), "default") != 0;
	role->told_probe_token = *token != '\0';
	if (role->told_probe_token && !tokens_form_good(token, strlen(token)))
		return errinfo_set(info, ERR_INVALID,
				   "setting ProbeToken: expected 1 to %d characters of A-Z a-z 0-9 - . _ ~ + / =, got "
				   "%zu that are not all such",
				   TOKENS_LENGTH_MAX, strlen(token));
	if (role->authenticates)
		role->probe_token = role->told_probe_token ? strdup(token) : plan_random_token();
	if (role->authenticates && !role->probe_token)
		log_fatal("no memory for the plan of the service");
	if (asprintf(&role->probe_question,
		     "GET /readyz HTTP/1.1\r\nHost: localhost\r\n%s%s%sConnection: close\r\n\r\n",
		     role->probe_token ? "Authorization: Bearer " : "", role->probe_token ? role->probe_token : "",
		     role->probe_token ? "\r\n" : "") < 0)
		log_fatal("no memory for the plan of the service");
	return ERR_OK;
}

int plan_settings(struct plan *plan, struct plan_role *role, struct errinfo *info)
{
	const char *file = plan->def->configuration;
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
	int rc = plan_tokens(role, cfg, info);
	if (role->def->kind == CSDEF_WEB) {
		role->head_limit = (unsigned)config_int(cfg, CONFIG_HEAD_LIMIT_BYTES);
		role->body_limit = (unsigned)config_int(cfg, CONFIG_BODY_LIMIT_BYTES);
		plan->client_connections = (unsigned)config_int(cfg, CONFIG_ADDRESS_CONNECTIONS);
		if (rc == ERR_OK)
			rc = plan_probe(role, cfg, info);
	}
	config_free(cfg);
	return rc;
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
		rc = plan_settings(plan, role, info);
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

struct plan *plan_blank(const struct csdef *def)
{
	struct plan *plan = plan_alloc(1, sizeof(*plan));
	size_t endpoints = 0;

	plan->def = def;
	plan->address = "127.0.0.1";
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
							 PORT_HOLD_INIT, 0 };
	return plan;
}

struct plan *plan_new(const struct csdef *def, struct errinfo *info)
{
	struct plan *plan = plan_blank(def);

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
		free(role->probe_token);
		free(role->probe_question);
		free(role->host);
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

uint16_t plan_public_port(const struct plan_input *input)
{
	return input->role->host ? (uint16_t)input->endpoint->port : input->open.port;
}

uint16_t plan_port(const struct plan_input *input, unsigned instance)
{
	return input->role->host ? input->replica_port : input->role->instances[instance].ports[input->index].port;
}

const struct csdef_endpoint *plan_health(const struct plan_role *role)
{
	const struct csdef_endpoint *e = csdef_endpoint(role->def, PLAN_HEALTH);

	return e && e->internal && e->protocol == CSDEF_HTTP && role->def->kind == CSDEF_WORKER ? e : NULL;
}

uint16_t plan_health_port(const struct plan_role *role, unsigned instance)
{
	if (role->host)
		return role->health_port;
	return role->instances[instance].ports[plan_health(role) - role->def->endpoints].port;
}
