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
	bool library_exists; /* Redis said so when we tried to load ours */
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

static void ask_version(struct greeting *g)
{
	struct rcmd cmd;
	rcmd_init(&cmd);
	rcmd_fcall(&cmd, "sq_version", KEYS_REG);
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

static void on_info(void *arg, int status, const struct rreply *reply)
{
	struct greeting *g = arg;
	if (status) {
		end(g, status);
		return;
	}
	bool may_be_allowed;
	const char *why = unfit(rreply_str(reply, NULL), &may_be_allowed);
	if (why && !(g->allow_volatile && may_be_allowed)) {
		refuse(g, why);
		return;
	}
	if (why)
		log_warn("redis: %s", why);
	ask_version(g);
}

void queue_greet(struct rlink *link, bool allow_volatile)
{
	struct greeting *g = malloc(sizeof *g);
	if (!g) {
		rlink_greeted(link, ERR_NOMEM);
		return;
	}
	*g = (struct greeting){ link, allow_volatile, false };
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
