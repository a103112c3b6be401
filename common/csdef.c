/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The elements of the two files, as tables for xml_reader.c, and what each of them means. */
#include "csdef.h"

#include <stdio.h>
#include <string.h>

#include "config.h"
#include "must.h"
#include "xml_reader.h"

#define SCHEMA "http://schemas.microsoft.com/ServiceHosting/2008/10/"
#define STORAGE_DEFAULT_MB 100
#define STORAGE_MAX_MB 1048576
#define PORT_MAX 65535
#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

struct loader {
	struct csdef *def;
	struct csdef_role *role; /* that is being read */
	bool *configured;        /* for each role: service.cscfg has it */
};

struct quoted {
	char s[ERR_QUOTE_SIZE];
};

static struct quoted quote(const char *s)
{
	struct quoted q = { "" };

	err_quote(q.s, s, strlen(s));
	return q;
}

/* A letter, then letters, digits and underscores: names become part of instance ids and environment variables. */
static int check_name(struct xml_reader *r, const char *what, const char *s)
{
	static const char word[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ_0123456789";
	size_t n = strlen(s);
	bool letter = (*s >= 'a' && *s <= 'z') || (*s >= 'A' && *s <= 'Z');

	if (letter && n <= CSDEF_NAME_MAX && strspn(s, word) == n)
		return 0;
	return xml_refuse(r, "expected a letter, then up to %d letters, digits or underscores for %s, got %s",
			  CSDEF_NAME_MAX - 1, what, quote(s).s);
}

/* ---- service.csdef ---- */

static int start_definition(struct xml_reader *r, void *arg, const char *const *values)
{
	struct loader *l = arg;
	size_t n = strlen(values[0]);

	if (n == 0 || n > CSDEF_NAME_MAX)
		return xml_refuse(r, "expected 1 to %d characters for the service's name, got %s", CSDEF_NAME_MAX,
				  quote(values[0]).s);
	l->def->name = must_strdup(values[0]);
	return 0;
}

static int end_definition(struct xml_reader *r, void *arg)
{
	struct loader *l = arg;

	return l->def->n_roles ? 0 : xml_refuse(r, "expected at least one WebRole or WorkerRole, got none");
}

static int start_role(struct xml_reader *r, struct loader *l, enum csdef_kind kind, const char *name)
{
	struct csdef *def = l->def;
	const struct csdef_role *same;

	if (check_name(r, "the role's name", name) != 0)
		return ERR_INVALID;
	if ((same = csdef_role(def, name)))
		return xml_refuse(r, "expected a role name of its own, got %s, which stands in line %d too",
				  quote(name).s, same->line);
	def->roles = must_realloc(def->roles, def->n_roles + 1, sizeof(*def->roles));
	l->role = &def->roles[def->n_roles++];
	*l->role = (struct csdef_role){ .kind = kind, .instances = 1, .line = xml_line(r) };
	l->role->name = must_strdup(name);
	return 0;
}

static int start_web_role(struct xml_reader *r, void *arg, const char *const *values)
{
	return start_role(r, arg, CSDEF_WEB, values[0]);
}

static int start_worker_role(struct xml_reader *r, void *arg, const char *const *values)
{
	return start_role(r, arg, CSDEF_WORKER, values[0]);
}

static int end_web_role(struct xml_reader *r, void *arg)
{
	const struct csdef_role *role = ((struct loader *)arg)->role;

	for (size_t i = 0; i < role->n_endpoints; i++)
		if (!role->endpoints[i].internal && role->endpoints[i].protocol == CSDEF_HTTP)
			return 0;
	return xml_refuse(r, "expected an InputEndpoint with the protocol http in the WebRole %s, got none",
			  role->name);
}

static int read_protocol(struct xml_reader *r, const char *s, enum csdef_protocol *out)
{
	if (strcmp(s, "http") == 0)
		*out = CSDEF_HTTP;
	else if (strcmp(s, "tcp") == 0)
		*out = CSDEF_TCP;
	else
		return xml_refuse(r, "expected http or tcp for the protocol, got %s%s", quote(s).s,
				  strcmp(s, "https") == 0 ? " (TLS ends at the load balancer)" : "");
	return 0;
}

/* Within a role neither the name may come twice, nor the environment variable that is made of it. */
static int check_endpoint_name(struct xml_reader *r, const struct csdef_role *role, const char *name)
{
	char env[128], other[128];

	if (check_name(r, "the endpoint's name", name) != 0)
		return ERR_INVALID;
	config_env_name(env, sizeof(env), "ENDPOINT_", name);
	for (size_t i = 0; i < role->n_endpoints; i++) {
		const struct csdef_endpoint *e = &role->endpoints[i];
		config_env_name(other, sizeof(other), "ENDPOINT_", e->name);
		if (strcmp(env, other) == 0)
			return xml_refuse(r, "expected an endpoint name of its own, got %s; %s in line %d is %s too",
					  quote(name).s, e->name, e->line, other);
	}
	return 0;
}

static void add_endpoint(struct xml_reader *r, struct csdef_role *role, struct csdef_endpoint e, const char *name)
{
	e.name = must_strdup(name);
	e.line = xml_line(r);
	role->endpoints = must_realloc(role->endpoints, role->n_endpoints + 1, sizeof(*role->endpoints));
	role->endpoints[role->n_endpoints++] = e;
}

/* The load balancer listens on the ports of all roles' input endpoints. */
static int check_public_port(struct xml_reader *r, const struct csdef *def, unsigned port)
{
	for (size_t i = 0; i < def->n_roles; i++) {
		const struct csdef_role *role = &def->roles[i];
		for (size_t k = 0; k < role->n_endpoints; k++)
			if (!role->endpoints[k].internal && role->endpoints[k].port == port)
				return xml_refuse(r,
						  "expected a port of its own, got %u, which %s of %s in line %d has",
						  port, role->endpoints[k].name, role->name, role->endpoints[k].line);
	}
	return 0;
}

static int start_input_endpoint(struct xml_reader *r, void *arg, const char *const *values)
{
	struct loader *l = arg;
	struct csdef_endpoint e = { .internal = false };
	const char *local = values[3];

	if (check_endpoint_name(r, l->role, values[0]) != 0 || read_protocol(r, values[1], &e.protocol) != 0 ||
	    xml_number(r, "port", values[2], 1, PORT_MAX, &e.port) != 0 || check_public_port(r, l->def, e.port) != 0)
		return ERR_INVALID;
	e.local_port = e.port;
	if (local && strcmp(local, "*") == 0)
		e.local_port = 0;
	else if (local && xml_number(r, "localPort (or *)", local, 1, PORT_MAX, &e.local_port) != 0)
		return ERR_INVALID;
	add_endpoint(r, l->role, e, values[0]);
	return 0;
}

static int start_internal_endpoint(struct xml_reader *r, void *arg, const char *const *values)
{
	struct loader *l = arg;
	struct csdef_endpoint e = { .internal = true };
	const char *port = values[2];

	if (check_endpoint_name(r, l->role, values[0]) != 0 || read_protocol(r, values[1], &e.protocol) != 0)
		return ERR_INVALID;
	if (port && strcmp(port, "*") != 0 && xml_number(r, "port (or *)", port, 1, PORT_MAX, &e.port) != 0)
		return ERR_INVALID;
	e.local_port = e.port;
	add_endpoint(r, l->role, e, values[0]);
	return 0;
}

static struct csdef_setting *find_setting(const struct csdef_role *role, const char *name)
{
	for (size_t i = 0; i < role->n_settings; i++)
		if (strcmp(role->settings[i].name, name) == 0)
			return &role->settings[i];
	return NULL;
}

static int refuse_second(struct xml_reader *r, const char *what, const char *name, int line)
{
	return xml_refuse(r, "expected each %s once, got %s, which stands in line %d too", what, quote(name).s, line);
}

static int start_setting_name(struct xml_reader *r, void *arg, const char *const *values)
{
	struct csdef_role *role = ((struct loader *)arg)->role;
	const struct csdef_setting *same;

	if (check_name(r, "the setting's name", values[0]) != 0)
		return ERR_INVALID;
	if ((same = find_setting(role, values[0])))
		return refuse_second(r, "Setting", values[0], same->line);
	role->settings = must_realloc(role->settings, role->n_settings + 1, sizeof(*role->settings));
	role->settings[role->n_settings++] =
	    (struct csdef_setting){ must_strdup(values[0]), NULL, xml_line(r), xml_column(r) };
	return 0;
}

/* As XML Schema writes one. */
static int read_boolean(struct xml_reader *r, const char *what, const char *s, bool *out)
{
	bool yes = strcmp(s, "true") == 0 || strcmp(s, "1") == 0;

	if (!yes && strcmp(s, "false") != 0 && strcmp(s, "0") != 0)
		return xml_refuse(r, "expected true or false for %s, got %s", what, quote(s).s);
	*out = yes;
	return 0;
}

static int start_storage(struct xml_reader *r, void *arg, const char *const *values)
{
	struct csdef_role *role = ((struct loader *)arg)->role;
	struct csdef_storage s = { NULL, STORAGE_DEFAULT_MB, true, xml_line(r) };

	if (check_name(r, "the storage's name", values[0]) != 0 ||
	    (values[1] && xml_number(r, "sizeInMB", values[1], 1, STORAGE_MAX_MB, &s.size_mb) != 0) ||
	    (values[2] && read_boolean(r, "cleanOnRoleRecycle", values[2], &s.clean) != 0))
		return ERR_INVALID;
	for (size_t i = 0; i < role->n_storage; i++)
		if (strcmp(role->storage[i].name, values[0]) == 0)
			return refuse_second(r, "LocalStorage", values[0], role->storage[i].line);
	s.name = must_strdup(values[0]);
	role->storage = must_realloc(role->storage, role->n_storage + 1, sizeof(*role->storage));
	role->storage[role->n_storage++] = s;
	return 0;
}

/* clang-format off: one line each */
static const struct xml_element definition_elements[] = {
	{ "ServiceDefinition", { NULL }, true, { { "name", true } }, start_definition, end_definition },
	{ "WebRole", { "ServiceDefinition" }, false, { { "name", true } }, start_web_role, end_web_role },
	{ "WorkerRole", { "ServiceDefinition" }, false, { { "name", true } }, start_worker_role, NULL },
	{ "Endpoints", { "WebRole", "WorkerRole" }, true, { { NULL, false } }, NULL, NULL },
	{ "InputEndpoint",
	  { "Endpoints" },
	  false,
	  { { "name", true }, { "protocol", true }, { "port", true }, { "localPort", false } },
	  start_input_endpoint,
	  NULL },
	{ "InternalEndpoint",
	  { "Endpoints" },
	  false,
	  { { "name", true }, { "protocol", true }, { "port", false } },
	  start_internal_endpoint,
	  NULL },
	{ "ConfigurationSettings", { "WebRole", "WorkerRole" }, true, { { NULL, false } }, NULL, NULL },
	{ "Setting", { "ConfigurationSettings" }, false, { { "name", true } }, start_setting_name, NULL },
	{ "LocalResources", { "WebRole", "WorkerRole" }, true, { { NULL, false } }, NULL, NULL },
	{ "LocalStorage",
	  { "LocalResources" },
	  false,
	  { { "name", true }, { "sizeInMB", false }, { "cleanOnRoleRecycle", false } },
	  start_storage,
	  NULL },
};
/* clang-format on */
static const struct xml_document definition = { SCHEMA "ServiceDefinition", definition_elements,
						COUNT(definition_elements) };

/* ---- service.cscfg ---- */

static int start_configuration(struct xml_reader *r, void *arg, const char *const *values)
{
	const struct csdef *def = ((struct loader *)arg)->def;

	if (strcmp(values[0], def->name) == 0)
		return 0;
	return xml_refuse(r, "expected the serviceName %s, the name in %s, got %s", quote(def->name).s, def->definition,
			  quote(values[0]).s);
}

static int end_configuration(struct xml_reader *r, void *arg)
{
	const struct loader *l = arg;

	for (size_t i = 0; i < l->def->n_roles; i++)
		if (!l->configured[i])
			return xml_refuse(r, "expected a Role element for %s, which %s defines, got none",
					  l->def->roles[i].name, l->def->definition);
	return 0;
}

static int start_role_values(struct xml_reader *r, void *arg, const char *const *values)
{
	struct loader *l = arg;
	struct csdef *def = l->def;
	char names[160] = "";

	for (size_t i = 0; i < def->n_roles; i++) {
		if (strcmp(def->roles[i].name, values[0]) == 0) {
			if (l->configured[i])
				return xml_refuse(r, "expected each Role once, got %s again", quote(values[0]).s);
			l->configured[i] = true;
			l->role = &def->roles[i];
			return 0;
		}
		size_t used = strlen(names);
		snprintf(names + used, sizeof(names) - used, "%s%s", used ? ", " : "", def->roles[i].name);
	}
	return xml_refuse(r, "expected the name of a role in %s (%s), got %s", def->definition, names,
			  quote(values[0]).s);
}

static int end_role_values(struct xml_reader *r, void *arg)
{
	const struct loader *l = arg;

	return xml_seen(r, "Instances")
		   ? 0
		   : xml_refuse(r, "expected an Instances element in the Role %s, got none", l->role->name);
}

static int start_instances(struct xml_reader *r, void *arg, const char *const *values)
{
	return xml_number(r, "count", values[0], 0, CSDEF_INSTANCES_MAX, &((struct loader *)arg)->role->instances);
}

static int start_setting_value(struct xml_reader *r, void *arg, const char *const *values)
{
	const struct loader *l = arg;
	struct csdef_setting *s = find_setting(l->role, values[0]);

	if (!s)
		return xml_refuse(r, "expected a Setting that %s names for %s, got %s", l->def->definition,
				  l->role->name, quote(values[0]).s);
	if (s->value)
		return refuse_second(r, "Setting", values[0], s->line);
	s->value = must_strdup(values[1]);
	s->line = xml_line(r);
	s->column = xml_column(r);
	return 0;
}

/* clang-format off: one line each */
static const struct xml_element configuration_elements[] = {
	{ "ServiceConfiguration", { NULL }, true, { { "serviceName", true } }, start_configuration, end_configuration },
	{ "Role", { "ServiceConfiguration" }, false, { { "name", true } }, start_role_values, end_role_values },
	{ "Instances", { "Role" }, true, { { "count", true } }, start_instances, NULL },
	{ "ConfigurationSettings", { "Role" }, true, { { NULL, false } }, NULL, NULL },
	{ "Setting",
	  { "ConfigurationSettings" },
	  false,
	  { { "name", true }, { "value", true } },
	  start_setting_value,
	  NULL },
};
/* clang-format on */
static const struct xml_document configuration = { SCHEMA "ServiceConfiguration", configuration_elements,
						   COUNT(configuration_elements) };

/* ---- both ---- */

struct csdef *csdef_load(const char *definition_file, const char *configuration_file, struct errinfo *info)
{
	struct loader l = { .def = must_calloc(1, sizeof(struct csdef)) };
	int rc;

	l.def->definition = must_strdup(definition_file);
	l.def->configuration = must_strdup(configuration_file ? configuration_file : "");
	rc = xml_read(definition_file, CSDEF_FILE_MAX, &definition, &l, info);
	if (rc == 0 && configuration_file) {
		l.configured = must_calloc(l.def->n_roles, sizeof(*l.configured));
		rc = xml_read(configuration_file, CSDEF_FILE_MAX, &configuration, &l, info);
		free(l.configured);
	}
	if (rc == 0)
		return l.def;
	csdef_free(l.def);
	return NULL;
}

void csdef_free(struct csdef *def)
{
	if (!def)
		return;
	for (size_t i = 0; i < def->n_roles; i++) {
		struct csdef_role *role = &def->roles[i];
		for (size_t k = 0; k < role->n_endpoints; k++)
			free(role->endpoints[k].name);
		for (size_t k = 0; k < role->n_settings; k++) {
			free(role->settings[k].name);
			free(role->settings[k].value);
		}
		for (size_t k = 0; k < role->n_storage; k++)
			free(role->storage[k].name);
		free(role->endpoints);
		free(role->settings);
		free(role->storage);
		free(role->name);
	}
	free(def->roles);
	free(def->name);
	free(def->definition);
	free(def->configuration);
	free(def);
}

const struct csdef_role *csdef_role(const struct csdef *def, const char *name)
{
	for (size_t i = 0; i < def->n_roles; i++)
		if (strcmp(def->roles[i].name, name) == 0)
			return &def->roles[i];
	return NULL;
}

const struct csdef_endpoint *csdef_endpoint(const struct csdef_role *role, const char *name)
{
	for (size_t i = 0; i < role->n_endpoints; i++)
		if (strcmp(role->endpoints[i].name, name) == 0)
			return &role->endpoints[i];
	return NULL;
}

bool csdef_has_internal(const struct csdef_role *role)
{
	for (size_t i = 0; i < role->n_endpoints; i++)
		if (role->endpoints[i].internal)
			return true;
	return false;
}

const char *csdef_protocol_name(enum csdef_protocol p)
{
	return p == CSDEF_HTTP ? "http" : "tcp";
}
