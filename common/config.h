/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The settings. One table (config_table.c) is parser, validator, defaults, help text and documentation. A value comes
 * from the first of: the command line (--set Name=value), the environment (RedisUrl: SQUARE_REDIS_URL), a file that the
 * environment names (SQUARE_REDIS_URL_FILE), service.cscfg, the table's default. An environment variable that is set
 * to nothing counts as not set. Loaded once at start; read-only and shared by all threads after that. */
#ifndef SQUARE_CONFIG_H
#define SQUARE_CONFIG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "buf.h"
#include "err.h"

enum config_id {
	/* both roles */
	CONFIG_REDIS_URL,
	CONFIG_ALLOW_VOLATILE_REDIS,
	CONFIG_QUEUES,
	CONFIG_SHARDS,
	CONFIG_AUTH_TOKENS_FILE,
	CONFIG_DRAIN_SECONDS,
	CONFIG_LOG_FORMAT, /* config_int: 0 text, 1 json */
	CONFIG_LOG_LEVEL,  /* config_int: an enum log_level */
	/* web role */
	CONFIG_REACTORS,
	CONFIG_CONNECTIONS,
	CONFIG_HEAD_LIMIT_BYTES,
	CONFIG_BODY_LIMIT_BYTES,
	CONFIG_JSON_DEPTH,
	CONFIG_HEAD_SECONDS,
	CONFIG_BODY_SECONDS,
	CONFIG_IDLE_SECONDS,
	CONFIG_WAIT_MAX_SECONDS,
	CONFIG_TIMEOUT_MAX_MS,
	CONFIG_ENQUEUE_DEADLINE_MS,
	CONFIG_LIVE_JOBS_MAX,
	CONFIG_DURABLE_REPLICAS,
	CONFIG_ALLOWED_HOSTS,
	CONFIG_ALLOWED_ORIGINS,
	CONFIG_ALLOW_ANONYMOUS,
	CONFIG_TRUSTED_PROXIES,
	CONFIG_PROBE_TOKEN,
	CONFIG_ADDRESS_CONNECTIONS,
	CONFIG_RATE_LIMIT_PER_SECOND,
	CONFIG_RATE_LIMIT_BURST,
	CONFIG_CACHE_SECONDS,
	CONFIG_ACCESS_LOG, /* config_int: 0 none, 1 errors, 2 all */
	/* worker role */
	CONFIG_WORKER_SLOTS,
	CONFIG_CLAIM_MAX,
	CONFIG_COMPUTE_CHILDREN,
	CONFIG_COMPUTE_MEMORY_MIB,
	CONFIG_TCP_CONNECTIONS,
	CONFIG_TCP_IDLE_SECONDS,
	CONFIG_ENABLE_TEST_OPERATIONS,
	CONFIG_COUNT
};

enum config_role { CONFIG_WEB = 1, CONFIG_WORKER = 2 }; /* bits of config_option.roles */
enum config_type { CONFIG_STRING, CONFIG_INT, CONFIG_BOOL, CONFIG_ENUM, CONFIG_LIST };

#define CONFIG_CHOICES 4
#define CONFIG_NAME_MAX 63

/* A body this far beyond BodyLimitBytes is still read (and dropped) before its 413: who closes while the client sends
 * resets the connection, and most clients then never see the answer. The web role and the balancer agree on it. */
#define CONFIG_BODY_SWALLOW_BYTES (16u << 20)

struct config_option {
	const char *name; /* as in service.csdef */
	const char *initial;
	const char *help; /* one line */
	const char *unit; /* of a number, "" when it is a plain count */
	enum config_type type;
	unsigned roles; /* enum config_role bits */
	bool secret; /* may hold a password: shown without what is before '@', or not at all when it is no URL; never in
			an error */
	int64_t min, max;
	const char *choices[CONFIG_CHOICES + 1]; /* of CONFIG_ENUM, ends with NULL */
	/* More than the type can say; for a list, called once for each item. May be NULL. 0, or ERR_INVALID with a text
	 * of the form "expected …, got …". */
	int (*check)(const char *value, struct errinfo *info);
};

const struct config_option *config_option(enum config_id id);
/* NULL when there is none of this name. */
const struct config_option *config_option_find(const char *name);
/* The option whose name is nearest to a mistyped one, NULL when none is near. */
const struct config_option *config_option_near(const char *name);
/* "SQUARE_" + middle + the name in upper snake case: ("", "RedisUrl") -> SQUARE_REDIS_URL,
 * ("ENDPOINT_", "HttpIn") -> SQUARE_ENDPOINT_HTTP_IN. Cut to size. */
void config_env_name(char *out, size_t size, const char *middle, const char *name);

/* A value of service.cscfg, with its place; all borrowed for the call. */
struct config_given {
	const char *name, *value, *file;
	int line, column;
};
struct config_sources {
	const char *const *sets; /* the Name=value of each --set; later ones win */
	size_t n_sets;
	char *const *environ; /* ends with NULL; NULL: no environment */
	const struct config_given *given;
	size_t n_given;
};

struct config;
/* Settles every option of the role. Values are copied. NULL with *info telling the place, what was expected and what
 * came; `line` and `column` are set when the place is in a file. */
struct config *config_load(enum config_role role, const struct config_sources *sources, struct errinfo *info);
void config_free(struct config *cfg);

const char *config_str(const struct config *cfg, enum config_id id); /* the text of any option; owned by cfg */
int64_t config_int(const struct config *cfg, enum config_id id);     /* a number, a bool (0, 1) or a choice's index */
bool config_bool(const struct config *cfg, enum config_id id);
size_t config_list_count(const struct config *cfg, enum config_id id);
const char *config_list_at(const struct config *cfg, enum config_id id, size_t i);
bool config_list_has(const struct config *cfg, enum config_id id, const char *item); /* ASCII case is ignored */
/* "default", "service.cscfg:7:7", "environment variable SQUARE_…", "command line": where the value came from. */
const char *config_origin(const struct config *cfg, enum config_id id);

/* What a person should know though it stops nothing (an unknown SQUARE_ variable); NULL past the last one. */
const char *config_warning(const struct config *cfg, size_t i);

/* Appends `Name = value (where from)` lines of the role's options, passwords hidden. */
void config_show(const struct config *cfg, struct buf *out);
void config_help(struct buf *out, unsigned roles); /* for --help */
void config_markdown(struct buf *out);             /* docs/configuration.md */

#endif
