/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "member.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "config.h"
#include "haproxy.h"
#include "haproxy_host.h"
#include "log.h"
#include "program.h"
#include "users.h"

/* ---- their files ---- */

static int member_write_redis(const struct rundir *dir, const char *socket, struct errinfo *info)
{
	struct buf conf = BUF_INIT;
	int rc;

	buf_printf(&conf,
		   "port 0\n"
		   "unixsocket %s\n"
		   "unixsocketperm 700\n"
		   "aclfile %s/redis/users.acl\n"
		   "dir %s/redis\n"
		   "daemonize no\n"
		   "always-show-logo no\n"
		   "save \"\"\n"
		   "appendonly yes\n"
		   "appendfsync everysec\n"
		   "aof-load-truncated yes\n"
		   "auto-aof-rewrite-min-size 256mb\n" /* jobs come and go: small rewrites only cost */
		   "rdbcompression no\n"
		   "latency-tracking no\n"
		   "maxmemory-policy noeviction\n"
		   "maxclients 10000\n",
		   socket, rundir_path(dir), rundir_path(dir));
	rc = rundir_write(dir, "redis/redis.conf", &conf, info);
	buf_fini(&conf);
	return rc;
}

/* Who may do what in Redis, and for each user a file with the URL to come by. */
static int member_write_users(const struct rundir *dir, const char *socket, const struct users *users,
			      struct errinfo *info)
{
	struct buf text = BUF_INIT;
	char name[64];
	int rc;

	users_render(users, &text);
	rc = rundir_write(dir, "redis/users.acl", &text, info);
	for (size_t i = 0; rc == ERR_OK && i < users->n; i++) {
		(void)snprintf(name, sizeof(name), "redis/%s.url", users->all[i].name);
		buf_clear(&text);
		users_url(&users->all[i], socket, &text);
		rc = rundir_write(dir, name, &text, info);
	}
	if (text.data)
		explicit_bzero(text.data, text.cap);
	buf_fini(&text);
	return rc;
}

static int member_prepare_redis(struct members *m, const struct rundir *dir, struct errinfo *info)
{
	struct users users;
	int rc;

	users_make(&users);
	m->socket = rundir_file(dir, "redis/redis.sock");
	m->admin_url_file = rundir_file(dir, "redis/" USERS_ADMIN ".url");
	if (asprintf(&m->redis_question, "AUTH " USERS_ADMIN " %s\r\nPING\r\n",
		     users_find(&users, USERS_ADMIN)->password) < 0)
		log_fatal("no memory for a question");
	rc = member_write_redis(dir, m->socket, info);
	if (rc == ERR_OK)
		rc = member_write_users(dir, m->socket, &users, info);
	users_wipe(&users);
	return rc;
}

static int member_write_haproxy(const struct rundir *dir, const struct plan *plan, struct errinfo *info)
{
	struct buf conf = BUF_INIT;
	int rc;

	haproxy_render(plan, haproxy_host_connections(), haproxy_host_threads(), &conf);
	rc = rundir_write(dir, "haproxy.cfg", &conf, info);
	buf_fini(&conf);
	return rc;
}

/* ---- their command lines ---- */

struct member_context {
	struct members *m;
	uv_loop_t *loop;
	const struct plan *plan;
	const struct rundir *dir;
	child_cb *on_event;
	void *arg;
	char *redis, *haproxy, *web, *worker; /* programs */
	char *log_dir;
};

static void member_add(struct member_context *x, enum member_kind kind, const char *name, char *const *argv,
		       char *const *env)
{
	struct child_spec spec = { .name = name,
				   .log_dir = x->log_dir,
				   .argv = argv,
				   .env = env,
				   .death_signal =
				       kind == MEMBER_REDIS ? SIGTERM : SIGKILL, /* its last writes to its log */
				   .on_event = x->on_event,
				   .arg = x->arg };
	struct member *one = &x->m->all[x->m->n++];

	one->kind = kind;
	one->child = child_new(x->loop, &spec);
	if (!one->child)
		log_fatal("no memory to prepare %s", name);
}

static char *member_env(const char *name, const char *value)
{
	char *entry = NULL;

	if (asprintf(&entry, "%s=%s", name, value) < 0)
		log_fatal("no memory for the environment of an instance");
	return entry;
}

/* What roleenv.h documents: the instance's name, an address for each endpoint, and where Redis is. And what a web role
 * must know of the balancer, unless its settings say so. */
static char **member_environment(const struct member_context *x, const struct plan_role *role, unsigned index)
{
	const struct plan_instance *in = &role->instances[index];
	char **env = calloc(role->def->n_endpoints + 6, sizeof(*env)), name[128], at[140], *url_file, *local;
	size_t n = 0;

	if (!env)
		log_fatal("no memory for the environment of an instance");
	env[n++] = member_env("SQUARE_ROLE_INSTANCE", in->id);
	for (size_t e = 0; e < role->def->n_endpoints; e++) {
		config_env_name(name, sizeof(name), "ENDPOINT_", role->def->endpoints[e].name);
		(void)snprintf(at, sizeof(at), "127.0.0.1:%u", in->ports[e].port);
		env[n++] = member_env(name, at);
	}
	url_file = rundir_file(x->dir,
			       role->def->kind == CSDEF_WEB ? "redis/" USERS_WEB ".url" : "redis/" USERS_WORKER ".url");
	env[n++] = member_env("SQUARE_REDIS_URL_FILE", url_file);
	free(url_file);
	if (role->def->n_storage > 0 && !getenv("SQUARE_LOCAL_ROOT")) {
		local = rundir_file(x->dir, "local");
		env[n++] = member_env("SQUARE_LOCAL_ROOT", local);
		free(local);
	}
	if (role->def->kind == CSDEF_WEB && !role->told_proxies)
		env[n++] = member_env("SQUARE_TRUSTED_PROXIES", "127.0.0.1");
	if (role->probe_token && !role->told_probe_token)
		env[n] = member_env("SQUARE_PROBE_TOKEN", role->probe_token);
	return env;
}

static void member_add_instance(struct member_context *x, const struct plan_role *role, unsigned index)
{
	const struct csdef *def = x->plan->def;
	char *argv[] = {
		role->def->kind == CSDEF_WEB ? x->web : x->worker,        (char *)"--definition", def->definition,
		def->configuration[0] ? (char *)"--configuration" : NULL, def->configuration,     NULL
	};
	char **env = member_environment(x, role, index);

	member_add(x, MEMBER_INSTANCE, role->instances[index].id, argv, env);
	x->m->all[x->m->n - 1].role = role;
	x->m->all[x->m->n - 1].index = index;
	for (char **p = env; *p; p++)
		free(*p);
	free(env);
}

static void member_add_all(struct member_context *x)
{
	char *redis_conf = rundir_file(x->dir, "redis/redis.conf"), *haproxy_conf = rundir_file(x->dir, "haproxy.cfg");
	char *redis_argv[] = { x->redis, redis_conf, NULL };
	char *haproxy_argv[] = { x->haproxy, (char *)"-db", (char *)"-f", haproxy_conf, NULL };
	size_t count = 2;

	for (size_t i = 0; i < x->plan->n_roles; i++)
		count += x->plan->roles[i].n_instances;
	x->m->all = calloc(count, sizeof(*x->m->all));
	if (!x->m->all)
		log_fatal("no memory for %zu processes", count);
	member_add(x, MEMBER_REDIS, "redis", redis_argv, NULL);
	for (size_t i = 0; i < x->plan->n_roles; i++)
		for (unsigned k = 0; k < x->plan->roles[i].n_instances; k++)
			member_add_instance(x, &x->plan->roles[i], k);
	member_add(x, MEMBER_BALANCER, "haproxy", haproxy_argv, NULL);
	free(redis_conf);
	free(haproxy_conf);
}

int members_prepare(struct members *m, uv_loop_t *loop, const struct plan *plan, const struct rundir *dir,
		    child_cb *on_event, void *arg, struct errinfo *info)
{
	struct member_context x = { .m = m, .loop = loop, .plan = plan, .dir = dir, .on_event = on_event, .arg = arg };
	int rc = ERR_NOT_FOUND;

	x.log_dir = rundir_file(dir, "log");
	if ((x.redis = program_find("redis-server", "redis-server", info)) &&
	    (x.haproxy = program_find("haproxy", "haproxy", info)) && (x.web = program_sibling("web-role", info)) &&
	    (x.worker = program_sibling("worker-role", info)))
		rc = member_prepare_redis(m, dir, info);
	if (rc == ERR_OK)
		rc = member_write_haproxy(dir, plan, info);
	if (rc == ERR_OK)
		member_add_all(&x);
	free(x.redis);
	free(x.haproxy);
	free(x.web);
	free(x.worker);
	free(x.log_dir);
	return rc;
}

struct member *members_of(struct members *m, const struct child *c)
{
	for (size_t i = 0; i < m->n; i++)
		if (m->all[i].child == c)
			return &m->all[i];
	return NULL;
}

void members_free(struct members *m)
{
	for (size_t i = 0; i < m->n; i++)
		child_free(m->all[i].child);
	free(m->all);
	free(m->socket);
	free(m->admin_url_file);
	if (m->redis_question)
		explicit_bzero(m->redis_question, strlen(m->redis_question));
	free(m->redis_question);
	*m = (struct members){ 0 };
}
