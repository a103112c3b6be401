/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What happens on a fresh link before it counts as up: is this a Redis that keeps what it accepts, and has it our
 * functions? Whoever comes first loads them; a newer library than ours stays. Two processes that load at the same time
 * load the same text, which is harmless. */
#include <stdlib.h>
#include <string.h>

#include "log.h"
#include "lua_library.h"
#include "queue.h"

/* The version our own library declares: the number in the line `local VERSION = N`. */
static long own_version(void)
{
	const char *line = strstr(lua_library, "local VERSION = ");
	return line ? strtol(line + strlen("local VERSION = "), NULL, 10) : 0;
}

struct greeting {
	struct rlink *link;
	bool allow_volatile;
	long major;                /* of Redis' version */
	struct durability *learnt; /* NULL: nobody wants to know */
	bool library_exists;       /* Redis said so when we tried to load ours */
};

static void end(struct greeting *g, int status)
{
	struct rlink *link = g->link;
	free(g);
	rlink_greeted(link, status);
}

static void refuse(struct greeting *g, const char *why)
{
	struct rlink *link = g->link;
	free(g);
	log_error("redis: %s", why);
	rlink_drop(link, why);
}

static void ask_version(struct greeting *g);

static void on_loaded(void *arg, int status, const struct rreply *reply)
{
	struct greeting *g = arg;
	if (status == ERR_PROTOCOL && strstr(rreply_str(reply, NULL), "already exists")) {
		g->library_exists = true;
		ask_version(g); /* somebody else was faster: which version has it now? */
		return;
	}
	if (status == ERR_PROTOCOL)
		log_error("redis: cannot load the function library: %s", rreply_str(reply, NULL));
	else if (!status)
		log_info("redis: function library version %ld loaded", own_version());
	end(g, status);
}

/* Replaces only what is known to be older: of two that find no library and load at once, the second is told so. */
static void load(struct greeting *g, bool replace)
{
	struct rcmd cmd;
	rcmd_init(&cmd);
	rcmd_str(&cmd, "FUNCTION");
	rcmd_str(&cmd, "LOAD");
	if (replace)
		rcmd_str(&cmd, "REPLACE");
	rcmd_arg(&cmd, lua_library, lua_library_len);
	int rc = rlink_send(g->link, &cmd, on_loaded, g);
	rcmd_fini(&cmd);
	if (rc)
		end(g, rc);
}

static void on_version(void *arg, int status, const struct rreply *reply)
{
	struct greeting *g = arg;
	bool missing = reply && strncmp(rreply_str(reply, NULL), "ERR Function not found", 22) == 0;
	if (status && !missing)
		end(g, status);
	else if (missing || rreply_int(reply) < own_version())
		load(g, !missing || g->library_exists);
	else
		end(g, 0);
}

/* Without a key: in a cluster each key has its node, and this is for any. */
static void ask_version(struct greeting *g)
{
	struct rcmd cmd;
	rcmd_init(&cmd);
	rcmd_str(&cmd, "FCALL");
	rcmd_str(&cmd, "sq_version");
	rcmd_str(&cmd, "0");
	int rc = rlink_send(g->link, &cmd, on_version, g);
	rcmd_fini(&cmd);
	if (rc)
		end(g, rc);
}

/* Tells what makes this Redis unfit to keep jobs; NULL when nothing does. */
static const char *unfit(const char *info, bool *may_be_allowed)
{
	const char *version = strstr(info, "redis_version:");
	*may_be_allowed = false;
	if (strstr(info, "loading:1"))
		return "Redis is still loading its data";
	if (!version || strtol(version + 14, NULL, 10) < 7)
		return "Redis 7.0 or newer is needed (redis_version in INFO)";
	*may_be_allowed = true;
	if (!strstr(info, "maxmemory_policy:noeviction"))
		return "Redis may evict jobs: set maxmemory-policy noeviction, or AllowVolatileRedis to run all the "
		       "same";
	if (!strstr(info, "aof_enabled:1"))
		return "Redis would forget jobs when it restarts: set appendonly yes, or AllowVolatileRedis to run all "
		       "the same";
	return NULL;
}

/* Refusing is an end of the greeting. */
static bool pass(struct greeting *g, const char *why, bool may_be_allowed)
{
	if (why && !(g->allow_volatile && may_be_allowed)) {
		refuse(g, why);
		return false;
	}
	if (why)
		log_warn("redis: %s", why);
	return true;
}

/* Redis reads its append-only file back with the rights of its default user, and drops each transaction in it that this
 * user could not do: all that our functions wrote (redis/redis issue 14541, in all of 7.0; mended in some later ones,
 * which cannot be told from here). So the usual `user default off` alone loses every job at the next restart. */
static void on_reader(void *arg, int status, const struct rreply *reply)
{
	static const char forgetful[] =
	    "Redis would drop the jobs when it restarts, as it reads its appendonly file with the rights of its "
	    "default "
	    "user, who may not write: allow that user everything and set it off (ACL SETUSER default off resetpass "
	    "allkeys allchannels allcommands), or AllowVolatileRedis to run all the same";
	struct greeting *g = arg;
	if (status && status != ERR_PROTOCOL) {
		end(g, status);
		return;
	}
	bool known = !status; /* else we may not ask */
	if (known && strcmp(rreply_str(reply, NULL), "OK") != 0) {
		if (g->major > 7)
			log_warn("redis: unless it is mended in this version: %s", forgetful);
		else if (!pass(g, forgetful, true))
			return;
	}
	ask_version(g);
}

static void ask_reader(struct greeting *g)
{
	static const char *const words[] = { "ACL", "DRYRUN", "default", "SET", KEYS_REG, "x" };
	struct rcmd cmd;
	rcmd_init(&cmd);
	for (size_t i = 0; i < sizeof words / sizeof *words; i++)
		rcmd_str(&cmd, words[i]);
	int rc = rlink_send(g->link, &cmd, on_reader, g);
	rcmd_fini(&cmd);
	if (rc)
		end(g, rc);
}

/* Who may not ask goes by what a killed process keeps: that is the same under each policy (queue_gate.c). */
static void on_policy(void *arg, int status, const struct rreply *reply)
{
	static const char unsynced[] = "Redis would lose the jobs of the last half minute with its machine: set "
				       "appendfsync everysec or always, or AllowVolatileRedis to run all the same";
	struct greeting *g = arg;
	if (status && status != ERR_PROTOCOL) {
		end(g, status);
		return;
	}
	enum durability_fsync fsync = durability_fsync_of(rreply_str(rreply_at(reply, 1), NULL));
	if (status)
		log_info("redis: CONFIG GET appendfsync is refused: when jobs reach its disk is not known");
	if (g->learnt)
		g->learnt->fsync = fsync;
	if (fsync == DURABILITY_NO && !pass(g, unsynced, true))
		return;
	ask_reader(g);
}

static void ask_policy(struct greeting *g)
{
	struct rcmd cmd;
	rcmd_init(&cmd);
	rcmd_str(&cmd, "CONFIG");
	rcmd_str(&cmd, "GET");
	rcmd_str(&cmd, "appendfsync");
	int rc = rlink_send(g->link, &cmd, on_policy, g);
	rcmd_fini(&cmd);
	if (rc)
		end(g, rc);
}

static void on_info(void *arg, int status, const struct rreply *reply)
{
	struct greeting *g = arg;
	const char *info = rreply_str(reply, NULL);
	bool may_be_allowed;
	if (status) {
		end(g, status);
		return;
	}
	const char *why = unfit(info, &may_be_allowed);
	if (!pass(g, why, may_be_allowed))
		return;
	const char *version = strstr(info, "redis_version:");
	g->major = version ? strtol(version + strlen("redis_version:"), NULL, 10) : 0;
	if (g->learnt)
		durability_learn(g->learnt, info);
	if (strstr(info, "aof_enabled:1"))
		ask_policy(g);
	else
		ask_version(g);
}

void queue_greet(struct rlink *link, bool allow_volatile)
{
	queue_greet_durable(link, allow_volatile, NULL);
}

void queue_greet_durable(struct rlink *link, bool allow_volatile, struct durability *learnt)
{
	struct greeting *g = malloc(sizeof *g);
	if (!g) {
		rlink_greeted(link, ERR_NOMEM);
		return;
	}
	*g = (struct greeting){ .link = link, .allow_volatile = allow_volatile, .learnt = learnt };
	struct rcmd cmd;
	rcmd_init(&cmd);
	rcmd_str(&cmd, "INFO");
	rcmd_str(&cmd, "server");
	rcmd_str(&cmd, "memory");
	rcmd_str(&cmd, "persistence");
	int rc = rlink_send(link, &cmd, on_info, g);
	rcmd_fini(&cmd);
	if (rc)
		end(g, rc);
}
