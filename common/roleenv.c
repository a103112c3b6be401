/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "roleenv.h"

#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "address.h"
#include "clock.h"
#include "local_storage.h"
#include "log.h"
#include "must.h"
#include "roleenv_peers.h"

#define HOST_SIZE 65
#define IN "_IN_"
#define INSTANCE_VARIABLE "SQUARE_ROLE_INSTANCE"
#define ADVERTISE_VARIABLE "SQUARE_ADVERTISE_ADDRESS"

static const char word[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-";

struct own_endpoint {
	const char *name; /* the definition's */
	struct roleenv_endpoint at;
	bool wildcard;
	bool bound;
};

struct roleenv {
	const struct csdef *def;
	const struct csdef_role *role;
	const struct config *config;
	char instance[ROLEENV_INSTANCE_MAX + 1];
	char host[HOST_SIZE];
	char advertised[ADDRESS_SIZE]; /* in place of a wildcard */
	uint64_t started_at_us;
	struct own_endpoint *endpoints; /* role->n_endpoints of them */
	struct local_storage *local;
	atomic_bool busy, recycling;
	void (*recycle_hook)(void *arg);
	void *recycle_arg;
	struct roleenv_peers peers;
	bool told; /* the registry has been seen once */
	roleenv_change_cb *on_changed;
	void *changed_arg;
};

/* ---- which instance ---- */

static void list_roles(const struct csdef *def, enum csdef_kind kind, bool all, char *out, size_t size)
{
	size_t used = 0;

	*out = '\0';
	for (size_t i = 0; i < def->n_roles && used < size; i++)
		if (all || def->roles[i].kind == kind)
			used += (size_t)snprintf(out + used, size - used, "%s%s", used ? ", " : "", def->roles[i].name);
}

void roleenv_default_instance(char *instance, const char *role, const char *host)
{
	size_t prefix = strlen(role) + strlen(IN), room, n;

	snprintf(instance, ROLEENV_INSTANCE_MAX + 1, "%s" IN "0", role);
	if (!host || !*host || prefix >= ROLEENV_INSTANCE_MAX)
		return;
	/* Of a long name the end is kept: that is where Kubernetes puts what is unique. */
	room = ROLEENV_INSTANCE_MAX - prefix;
	n = strlen(host);
	host += n > room ? n - room : 0;
	snprintf(instance + prefix, room + 1, "%s", host);
	for (char *p = instance + prefix; *p; p++)
		if (!strchr(word, *p))
			*p = '-';
}

static const char *container_host(char host[HOST_SIZE])
{
	const char *named = getenv("container"); /* podman, systemd-nspawn */

	if (access("/.dockerenv", F_OK) != 0 && access("/run/.containerenv", F_OK) != 0 &&
	    !getenv("KUBERNETES_SERVICE_HOST") && !(named && *named))
		return NULL;
	if (gethostname(host, HOST_SIZE) != 0)
		return NULL;
	host[HOST_SIZE - 1] = '\0';
	return host;
}

/* The role whose name, _IN_ and something make the instance; the longest name if several do. */
static const struct csdef_role *role_of(const struct csdef *def, const char *instance)
{
	const struct csdef_role *best = NULL;
	size_t best_len = 0, len = strlen(instance);

	if (len > ROLEENV_INSTANCE_MAX || strspn(instance, word) != len)
		return NULL;
	for (size_t i = 0; i < def->n_roles; i++) {
		const char *name = def->roles[i].name;
		size_t n = strlen(name);
		if (n >= best_len && strncmp(instance, name, n) == 0 && strncmp(instance + n, IN, strlen(IN)) == 0 &&
		    instance[n + strlen(IN)]) {
			best = &def->roles[i];
			best_len = n;
		}
	}
	return best;
}

static const struct csdef_role *only_role(enum csdef_kind kind, const struct csdef *def, struct errinfo *info)
{
	const char *kind_name = kind == CSDEF_WEB ? "WebRole" : "WorkerRole";
	const struct csdef_role *found = NULL;
	char names[160];

	for (size_t i = 0; i < def->n_roles; i++) {
		if (def->roles[i].kind != kind)
			continue;
		if (found) {
			list_roles(def, kind, false, names, sizeof(names));
			errinfo_set(info, ERR_INVALID,
				    "%s defines several roles of the kind %s (%s): expected the environment "
				    "variable " INSTANCE_VARIABLE " to say which this is, such as %s" IN "0",
				    def->definition, kind_name, names, found->name);
			return NULL;
		}
		found = &def->roles[i];
	}
	if (!found)
		errinfo_set(info, ERR_INVALID, "%s: expected a %s for this program, got none", def->definition,
			    kind_name);
	return found;
}

int roleenv_place(enum csdef_kind kind, const struct csdef *def, char *instance, const struct csdef_role **role,
		  struct errinfo *info)
{
	const char *given = getenv(INSTANCE_VARIABLE);
	char host[HOST_SIZE], names[160], got[ERR_QUOTE_SIZE];
	const struct csdef_role *found;

	if (!given || !*given) {
		if (!(found = only_role(kind, def, info)))
			return ERR_INVALID;
		if (strlen(found->name) + sizeof(IN) > ROLEENV_INSTANCE_MAX)
			return errinfo_set(info, ERR_INVALID, "%s: expected a shorter role name than %s",
					   def->definition, found->name);
		roleenv_default_instance(instance, found->name, container_host(host));
		*role = found;
		return 0;
	}
	err_quote(got, given, strlen(given));
	found = role_of(def, given);
	list_roles(def, kind, false, names, sizeof(names));
	if (!found || found->kind != kind)
		return errinfo_set(info, ERR_INVALID,
				   "environment variable " INSTANCE_VARIABLE ": expected ROLE" IN
				   "NUMBER (at most %d letters, digits, _ or -) with a %s of %s (%s), "
				   "got %s",
				   ROLEENV_INSTANCE_MAX, kind == CSDEF_WEB ? "WebRole" : "WorkerRole", def->definition,
				   names, got);
	memcpy(instance, given, strlen(given) + 1); /* role_of() has measured it */
	*role = found;
	return 0;
}

/* ---- endpoints ---- */

static int place_endpoint(struct own_endpoint *own, const struct csdef_endpoint *e, struct errinfo *info)
{
	char variable[128], got[ERR_QUOTE_SIZE];
	const char *given;

	own->name = e->name;
	own->at = (struct roleenv_endpoint){ "127.0.0.1", e->local_port, e->internal ? 0 : e->port,
					     e->protocol, e->internal,   true };
	config_env_name(variable, sizeof(variable), "ENDPOINT_", e->name);
	given = getenv(variable);
	if (given && *given && address_parse(given, own->at.address, &own->at.port) != 0) {
		err_quote(got, given, strlen(given));
		return errinfo_set(info, ERR_INVALID,
				   "environment variable %s: expected a numeric address and a port, such as "
				   "127.0.0.1:41873, [::1]:41873 or 0.0.0.0:0 (0: any free port), got %s",
				   variable, got);
	}
	own->at.loopback = address_loopback(own->at.address);
	own->wildcard = address_wildcard(own->at.address);
	return 0;
}

static int settle_advertised(struct roleenv *env, struct errinfo *info)
{
	const char *given = getenv(ADVERTISE_VARIABLE);
	char got[ERR_QUOTE_SIZE];

	if (!given || !*given) {
		address_own(env->advertised);
		return 0;
	}
	if (address_valid(given) && !address_wildcard(given)) {
		snprintf(env->advertised, sizeof(env->advertised), "%s", given);
		return 0;
	}
	err_quote(got, given, strlen(given));
	return errinfo_set(info, ERR_INVALID,
			   "environment variable " ADVERTISE_VARIABLE
			   ": expected a numeric address by which others reach this host, got %s",
			   got);
}

struct roleenv *roleenv_new(const struct csdef *def, const struct csdef_role *role, const char *instance,
			    const struct config *config, struct errinfo *info)
{
	struct roleenv *env = must_calloc(1, sizeof(*env));

	env->def = def;
	env->role = role;
	env->config = config;
	env->started_at_us = clock_wall_us();
	snprintf(env->instance, sizeof(env->instance), "%s", instance);
	if (gethostname(env->host, sizeof(env->host)) != 0)
		snprintf(env->host, sizeof(env->host), "localhost");
	env->host[sizeof(env->host) - 1] = '\0';
	env->endpoints = must_calloc(role->n_endpoints, sizeof(*env->endpoints));
	for (size_t i = 0; i < role->n_endpoints; i++)
		if (place_endpoint(&env->endpoints[i], &role->endpoints[i], info) != 0)
			goto fail;
	if (settle_advertised(env, info) != 0)
		goto fail;
	roleenv_update(env, NULL, 0);
	return env;
fail:
	roleenv_free(env);
	return NULL;
}

void roleenv_free(struct roleenv *env)
{
	if (!env)
		return;
	roleenv_peers_clear(&env->peers);
	local_storage_close(env->local);
	free(env->endpoints);
	free(env);
}

const char *roleenv_instance(const struct roleenv *env)
{
	return env->instance;
}

const char *roleenv_role(const struct roleenv *env)
{
	return env->role->name;
}

const char *roleenv_setting(const struct roleenv *env, const char *name)
{
	if (!env->config)
		return NULL;
	for (int i = 0; i < CONFIG_COUNT; i++) {
		enum config_id id = (enum config_id)i;
		if (strcmp(config_option(id)->name, name) == 0 && *config_origin(env->config, id))
			return config_str(env->config, id);
	}
	return NULL;
}

static struct own_endpoint *find_endpoint(const struct roleenv *env, const char *name)
{
	for (size_t i = 0; i < env->role->n_endpoints; i++)
		if (strcmp(env->endpoints[i].name, name) == 0)
			return &env->endpoints[i];
	return NULL;
}

int roleenv_endpoint(const struct roleenv *env, const char *name, struct roleenv_endpoint *out)
{
	const struct own_endpoint *e = find_endpoint(env, name);

	if (!e)
		return ERR_NOT_FOUND;
	*out = e->at;
	return 0;
}

int roleenv_bound(struct roleenv *env, const char *name, unsigned port)
{
	struct own_endpoint *e = find_endpoint(env, name);

	if (!e)
		return ERR_NOT_FOUND;
	e->at.port = port;
	e->bound = true;
	return 0;
}

/* ---- local resources ---- */

int roleenv_make_local(struct roleenv *env, struct errinfo *info)
{
	return env->local ? 0 : local_storage_open(env->role, env->instance, &env->local, info);
}

int roleenv_local_resource(const struct roleenv *env, const char *name, struct roleenv_local *out)
{
	const char *path = local_storage_path(env->local, name);

	for (size_t i = 0; path && i < env->role->n_storage; i++)
		if (strcmp(env->role->storage[i].name, name) == 0) {
			*out = (struct roleenv_local){ path, env->role->storage[i].size_mb };
			return 0;
		}
	return ERR_NOT_FOUND;
}

/* ---- life cycle ---- */

void roleenv_set_busy(struct roleenv *env, bool busy)
{
	atomic_store(&env->busy, busy);
}

bool roleenv_busy(const struct roleenv *env)
{
	return atomic_load(&env->busy);
}

void roleenv_on_recycle(struct roleenv *env, void (*hook)(void *arg), void *arg)
{
	env->recycle_hook = hook;
	env->recycle_arg = arg;
}

void roleenv_request_recycle(struct roleenv *env)
{
	if (!atomic_exchange(&env->recycling, true) && env->recycle_hook)
		env->recycle_hook(env->recycle_arg);
}

bool roleenv_recycling(const struct roleenv *env)
{
	return atomic_load(&env->recycling);
}

/* ---- presence, own and others' ---- */

static void put_text(struct buf *out, const char *key, const char *value)
{
	buf_printf(out, "\"%s\":", key);
	buf_json_string(out, value, strlen(value));
	buf_byte(out, ',');
}

/* Which queues a worker serves, so that readers can tell who works for which. */
static void put_queues(const struct roleenv *env, struct buf *out)
{
	if (!env->config || env->role->kind != CSDEF_WORKER)
		return;
	buf_puts(out, ",\"queues\":[");
	for (size_t i = 0; i < config_list_count(env->config, CONFIG_QUEUES); i++) {
		const char *name = config_list_at(env->config, CONFIG_QUEUES, i);
		if (i)
			buf_byte(out, ',');
		buf_json_string(out, name, strlen(name));
	}
	buf_byte(out, ']');
}

void roleenv_presence_json(const struct roleenv *env, struct buf *out, unsigned running, unsigned capacity,
			   const char *state)
{
	char started[CLOCK_TEXT_SIZE];
	bool first = true;

	clock_format(env->started_at_us, started);
	buf_byte(out, '{');
	put_text(out, "instance", env->instance);
	put_text(out, "role", env->role->name);
	put_text(out, "host", env->host);
	buf_printf(out, "\"pid\":%ld,", (long)getpid());
	put_text(out, "started_at", started);
	buf_puts(out, "\"endpoints\":{");
	for (size_t i = 0; i < env->role->n_endpoints; i++) {
		const struct own_endpoint *e = &env->endpoints[i];
		const char *address = e->wildcard ? env->advertised : e->at.address;
		bool v6 = strchr(address, ':') != NULL;
		if (!e->bound)
			continue;
		buf_printf(out, "%s\"%s\":\"%s%s%s:%u\"", first ? "" : ",", e->name, v6 ? "[" : "", address,
			   v6 ? "]" : "", e->at.port);
		first = false;
	}
	buf_printf(out, "},\"running\":%u,\"capacity\":%u,\"state\":", running, capacity);
	if (roleenv_busy(env) && strcmp(state, "ready") == 0)
		state = "busy";
	buf_json_string(out, state, strlen(state));
	put_queues(env, out);
	buf_byte(out, '}');
}

/* Others are visible if their role declares an InternalEndpoint; the registry may hold roles of another definition. */
static bool visible(const struct roleenv *env, const struct roleenv_peer *peer)
{
	const struct csdef_role *role = csdef_role(env->def, peer->role);

	return strcmp(peer->instance, env->instance) == 0 || (role && csdef_has_internal(role));
}

/* This instance is live whether the registry knows it already or not. */
static void add_self(const struct roleenv *env, struct roleenv_peers *peers)
{
	struct buf own = BUF_INIT;

	for (size_t i = 0; i < peers->n; i++)
		if (strcmp(peers->list[i]->instance, env->instance) == 0)
			return;
	roleenv_presence_json(env, &own, 0, 0, "starting");
	roleenv_peers_add(peers, buf_cstr(&own));
	buf_fini(&own);
}

static void on_difference(void *arg, enum roleenv_change change, const struct roleenv_peer *peer)
{
	const struct roleenv *env = arg;

	if (env->told)
		log_info("%s %s", peer->instance,
			 change == ROLEENV_JOINED ? "has joined"
			 : change == ROLEENV_LEFT ? "has left"
						  : "has other endpoints now");
	if (env->on_changed)
		env->on_changed(env->changed_arg, change, peer);
}

size_t roleenv_update(struct roleenv *env, const char *const *jsons, size_t n)
{
	struct roleenv_peers before = env->peers, after = { NULL, 0 };
	size_t unread = 0;

	for (size_t i = 0; i < n; i++)
		unread += roleenv_peers_add(&after, jsons[i]) != 0;
	add_self(env, &after);
	roleenv_peers_sort(&after);
	for (size_t i = 0; i < after.n;) {
		if (visible(env, after.list[i]))
			i++;
		else
			roleenv_peers_remove(&after, i);
	}
	env->peers = after;
	roleenv_peers_compare(&before, &after, env->instance, on_difference, env);
	env->told = env->told || n > 0;
	roleenv_peers_clear(&before);
	return unread;
}

void roleenv_on_changed(struct roleenv *env, roleenv_change_cb *cb, void *arg)
{
	env->on_changed = cb;
	env->changed_arg = arg;
}

size_t roleenv_instances(const struct roleenv *env, const char *role, const struct roleenv_peer **out, size_t max)
{
	size_t found = 0;

	for (size_t i = 0; i < env->peers.n; i++) {
		if (role && strcmp(env->peers.list[i]->role, role) != 0)
			continue;
		if (found < max)
			out[found] = env->peers.list[i];
		found++;
	}
	return found;
}
