/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The table of settings, and the texts that are made from it. A new setting: its name in enum config_id, its line
 * here, and its name in service.csdef for the roles that have it. */
#include <arpa/inet.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "config.h"
#include "keys.h"
#include "rurl.h"

#define BOTH (CONFIG_WEB | CONFIG_WORKER)

static int check_url(const char *value, struct errinfo *info)
{
	struct rurl url;

	return rurl_parse(value, &url, info);
}

static int check_queue(const char *value, struct errinfo *info)
{
	char got[ERR_QUOTE_SIZE];

	if (keys_queue_valid(value, strlen(value)))
		return 0;
	err_quote(got, value, strlen(value));
	return errinfo_set(info, ERR_INVALID,
			   "expected names of queues, each of 1 to %d characters of a-z 0-9 _ -, got %s",
			   KEYS_QUEUE_MAX, got);
}

static int check_host(const char *value, struct errinfo *info)
{
	char got[ERR_QUOTE_SIZE];

	if (!value[strspn(value, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-_")])
		return 0;
	err_quote(got, value, strlen(value));
	return errinfo_set(info, ERR_INVALID, "expected names of hosts without a port, got %s", got);
}

static int check_origin(const char *value, struct errinfo *info)
{
	size_t scheme = strncmp(value, "https://", 8) == 0 ? 8 : strncmp(value, "http://", 7) == 0 ? 7 : 0;
	char got[ERR_QUOTE_SIZE];

	if (scheme && value[scheme] && !strpbrk(value + scheme, "/?#@ "))
		return 0;
	err_quote(got, value, strlen(value));
	return errinfo_set(info, ERR_INVALID, "expected origins such as https://example.org:8443 (no path), got %s",
			   got);
}

static int check_network(const char *value, struct errinfo *info)
{
	unsigned char parsed[16];
	char got[ERR_QUOTE_SIZE], address[64] = "";
	size_t n = strcspn(value, "/");
	unsigned long bits = 0;
	char *end = NULL;

	if (n < sizeof(address))
		memcpy(address, value, n);
	if (value[n] && value[n + 1] >= '0' && value[n + 1] <= '9')
		bits = strtoul(value + n + 1, &end, 10);
	if ((end ? !*end : !value[n]) && ((inet_pton(AF_INET, address, parsed) == 1 && bits <= 32) ||
					  (inet_pton(AF_INET6, address, parsed) == 1 && bits <= 128)))
		return 0;
	err_quote(got, value, strlen(value));
	return errinfo_set(info, ERR_INVALID,
			   "expected IP addresses, or networks such as 10.0.0.0/8, without a port, got %s", got);
}

static const struct config_option table[CONFIG_COUNT] = {
	[CONFIG_REDIS_URL] = { "RedisUrl", "redis://127.0.0.1:6379",
			       "Where Redis is: redis://[user:password@]host[:port][/db], unix:///path[?db=n], "
			       "redis+sentinel://[user:password@]host[:port][,host[:port]...]/master[/db], or "
			       "redis+cluster://[user:password@]host[:port][,host[:port]...].",
			       "", CONFIG_STRING, BOTH, .secret = true, .check = check_url },
	[CONFIG_ALLOW_VOLATILE_REDIS] = { "AllowVolatileRedis", "false",
					  "Start even if Redis may lose what it acknowledged (no appendonly file, "
					  "appendfsync no, or an eviction policy).",
					  "", CONFIG_BOOL, BOTH, .max = 1 },
	[CONFIG_QUEUES] = { "Queues", "math",
			    "The queues: a worker serves them, the web role has them ready from the start.", "",
			    CONFIG_LIST, BOTH, .min = 1, .max = 64, .check = check_queue },
	[CONFIG_SHARDS] = { "Shards", "1",
			    "Parts that each queue is kept in, which the nodes of a Redis Cluster share: new jobs go "
			    "to so "
			    "many of them, workers serve all that ever were.",
			    "", CONFIG_INT, BOTH, .min = 1, .max = 64 },
	[CONFIG_AUTH_TOKENS_FILE] = { "AuthTokensFile", "",
				      "File of tokens that requests must carry, a `name:scope[,scope]:sha256-hex` a "
				      "line; empty: no authentication.",
				      "", CONFIG_STRING, BOTH, .secret = false },
	[CONFIG_DRAIN_SECONDS] = { "DrainSeconds", "10",
				   "After SIGTERM, the time to finish what is in hand before the process ends.",
				   "seconds", CONFIG_INT, BOTH, .min = 0, .max = 3600 },
	[CONFIG_LOG_FORMAT] = { "LogFormat", "text", "Form of the log lines on standard error.", "", CONFIG_ENUM, BOTH,
				.choices = { "text", "json" } },
	[CONFIG_LOG_LEVEL] = { "LogLevel", "info", "The least important lines that are written.", "", CONFIG_ENUM, BOTH,
			       .choices = { "error", "warn", "info", "debug" } },

	[CONFIG_REACTORS] = { "Reactors", "0",
			      "Threads that serve HTTP, each with its own loop and links; 0: one for every two cores.",
			      "", CONFIG_INT, CONFIG_WEB, .min = 0, .max = 256 },
	[CONFIG_CONNECTIONS] = { "Connections", "10000", "HTTP connections open at once, in the whole process.", "",
				 CONFIG_INT, CONFIG_WEB, .min = 1, .max = 1000000 },
	[CONFIG_HEAD_LIMIT_BYTES] = { "HeadLimitBytes", "8192", "Size of a request's line and headers.", "bytes",
				      CONFIG_INT, CONFIG_WEB, .min = 1024, .max = 65536 },
	[CONFIG_BODY_LIMIT_BYTES] = { "BodyLimitBytes", "1048576", "Size of a request's body.", "bytes", CONFIG_INT,
				      CONFIG_WEB, .min = 1024, .max = 67108864 },
	[CONFIG_JSON_DEPTH] = { "JsonDepth", "32", "Levels of nesting in a JSON body.", "", CONFIG_INT, CONFIG_WEB,
				.min = 4, .max = 512 },
	[CONFIG_HEAD_SECONDS] = { "HeadSeconds", "5", "Time for a request's head to arrive.", "seconds", CONFIG_INT,
				  CONFIG_WEB, .min = 1, .max = 300 },
	[CONFIG_BODY_SECONDS] = { "BodySeconds", "30", "Time for a request's body to arrive.", "seconds", CONFIG_INT,
				  CONFIG_WEB, .min = 1, .max = 3600 },
	[CONFIG_IDLE_SECONDS] = { "IdleSeconds", "75", "An HTTP connection without a request is closed after this.",
				  "seconds", CONFIG_INT, CONFIG_WEB, .min = 1, .max = 3600 },
	[CONFIG_WAIT_MAX_SECONDS] = { "WaitMaxSeconds", "60", "The longest wait that a client is granted.", "seconds",
				      CONFIG_INT, CONFIG_WEB, .min = 0, .max = 600 },
	[CONFIG_TIMEOUT_MAX_MS] = { "TimeoutMaxMs", "60000", "The longest timeout_ms that a job may ask for.", "ms",
				    CONFIG_INT, CONFIG_WEB, .min = 1, .max = 3600000 },
	[CONFIG_ENQUEUE_DEADLINE_MS] = { "EnqueueDeadlineMs", "250",
					 "A submission that Redis does not answer within this is answered 503; while "
					 "Redis waits for its disk, it takes up to 3 s.",
					 "ms", CONFIG_INT, CONFIG_WEB, .min = 10, .max = 10000 },
	[CONFIG_LIVE_JOBS_MAX] = { "LiveJobsMax", "1000000", "Jobs not finished yet that one queue may hold.", "",
				   CONFIG_INT, CONFIG_WEB, .min = 1, .max = 1000000000 },
	[CONFIG_DURABLE_REPLICAS] = { "DurableReplicas", "0",
				      "Replicas of Redis that must have a job before it is acknowledged; with too few "
				      "of them, submissions are answered 503.",
				      "", CONFIG_INT, CONFIG_WEB, .min = 0, .max = 10 },
	[CONFIG_ALLOWED_HOSTS] = { "AllowedHosts", "",
				   "Names that the Host header may carry, besides loopback names and IP addresses.", "",
				   CONFIG_LIST, CONFIG_WEB, .min = 0, .max = 64, .check = check_host },
	[CONFIG_ALLOWED_ORIGINS] = { "AllowedOrigins", "",
				     "Origins, besides its own, whose pages may call the service.", "", CONFIG_LIST,
				     CONFIG_WEB, .min = 0, .max = 64, .check = check_origin },
	[CONFIG_ALLOW_ANONYMOUS] = { "AllowAnonymous", "false",
				     "Serve everybody who can connect, on addresses other than loopback too.", "",
				     CONFIG_BOOL, BOTH, .max = 1 },
	[CONFIG_TRUSTED_PROXIES] = { "TrustedProxies", "",
				     "Addresses of load balancers, or networks such as 10.0.0.0/8 in which they are, "
				     "whose X-Forwarded-For tells the client's address.",
				     "", CONFIG_LIST, CONFIG_WEB, .min = 0, .max = 64, .check = check_network },
	[CONFIG_PROBE_TOKEN] = { "ProbeToken", "",
				 "A token that may ask /readyz and nothing else, for the load balancer's checks.", "",
				 CONFIG_STRING, CONFIG_WEB, .secret = true },
	[CONFIG_ADDRESS_CONNECTIONS] = { "AddressConnections", "64",
					 "HTTP connections that one client address may have open, balancers excepted; "
					 "0: any number.",
					 "", CONFIG_INT, CONFIG_WEB, .min = 0, .max = 1000000 },
	[CONFIG_RATE_LIMIT_PER_SECOND] = { "RateLimitPerSecond", "0",
					   "Requests per second of one token, or without tokens of one address, at "
					   "this instance; 0: any number.",
					   "", CONFIG_INT, CONFIG_WEB, .min = 0, .max = 1000000 },
	[CONFIG_RATE_LIMIT_BURST] = { "RateLimitBurst", "100",
				      "Requests that a token may make at once before its rate counts.", "", CONFIG_INT,
				      CONFIG_WEB, .min = 1, .max = 1000000 },
	[CONFIG_CACHE_SECONDS] = { "CacheSeconds", "3600",
				   "How long a result may be given to jobs that ask with cache \"use\".", "seconds",
				   CONFIG_INT, CONFIG_WEB, .min = 1, .max = 604800 },
	[CONFIG_ACCESS_LOG] = { "AccessLog", "all", "Requests that get a line in the log.", "", CONFIG_ENUM, CONFIG_WEB,
				.choices = { "none", "errors", "all" } },

	[CONFIG_WORKER_SLOTS] = { "WorkerSlots", "16", "Timed jobs in hand at once.", "", CONFIG_INT, CONFIG_WORKER,
				  .min = 1, .max = 64 },
	[CONFIG_CLAIM_MAX] = { "ClaimMax", "64", "Jobs taken from Redis in one call.", "", CONFIG_INT, CONFIG_WORKER,
			       .min = 1, .max = 64 },
	[CONFIG_COMPUTE_CHILDREN] = { "ComputeChildren", "0",
				      "Processes that compute, each one job at a time; 0: one for every core.", "",
				      CONFIG_INT, CONFIG_WORKER, .min = 0, .max = 256 },
	[CONFIG_COMPUTE_MEMORY_MIB] = { "ComputeMemoryMib", "512", "Memory that one computed job may use.", "MiB",
					CONFIG_INT, CONFIG_WORKER, .min = 64, .max = 65536 },
	[CONFIG_TCP_CONNECTIONS] = { "TcpConnections", "10000", "Connections to the TCP endpoint open at once.", "",
				     CONFIG_INT, CONFIG_WORKER, .min = 1, .max = 1000000 },
	[CONFIG_TCP_IDLE_SECONDS] = { "TcpIdleSeconds", "240", "A TCP connection that is silent this long is closed.",
				      "seconds", CONFIG_INT, CONFIG_WORKER, .min = 1, .max = 86400 },
	[CONFIG_ENABLE_TEST_OPERATIONS] = { "EnableTestOperations", "false",
					    "Offer crash(kind), for trying what becomes of jobs that misbehave.", "",
					    CONFIG_BOOL, CONFIG_WORKER, .max = 1 },
};

const struct config_option *config_option(enum config_id id)
{
	return &table[id];
}

const struct config_option *config_option_find(const char *name)
{
	for (int i = 0; i < CONFIG_COUNT; i++)
		if (strcmp(table[i].name, name) == 0)
			return &table[i];
	return NULL;
}

static int lower(char c)
{
	return c >= 'A' && c <= 'Z' ? c + 32 : c;
}

/* Edits (insert, delete, replace) that make a into b, case ignored; names are short. */
static size_t distance(const char *a, const char *b)
{
	size_t row[CONFIG_NAME_MAX + 1], n = strlen(b);

	for (size_t j = 0; j <= n; j++)
		row[j] = j;
	for (size_t i = 1; a[i - 1]; i++) {
		size_t diagonal = row[0];
		row[0] = i;
		for (size_t j = 1; j <= n; j++) {
			size_t best = diagonal + (lower(a[i - 1]) != lower(b[j - 1]));
			diagonal = row[j];
			if (row[j] + 1 < best)
				best = row[j] + 1;
			if (row[j - 1] + 1 < best)
				best = row[j - 1] + 1;
			row[j] = best;
		}
	}
	return row[n];
}

const struct config_option *config_option_near(const char *name)
{
	const struct config_option *near = NULL;
	size_t len = strlen(name), best = len / 3 > 1 ? len / 3 + 1 : 2; /* a third wrong is no typing error */

	if (len > CONFIG_NAME_MAX)
		return NULL;
	for (int i = 0; i < CONFIG_COUNT; i++) {
		size_t d = distance(name, table[i].name);
		if (d < best) {
			best = d;
			near = &table[i];
		}
	}
	return near;
}

static int is_upper(char c)
{
	return c >= 'A' && c <= 'Z';
}

void config_env_name(char *out, size_t size, const char *middle, const char *name)
{
	size_t used = (size_t)snprintf(out, size, "SQUARE_%s", middle);

	for (size_t i = 0; name[i] && used + 2 < size; i++) {
		/* A word begins at a capital behind a small letter or digit, and at the last capital of a run (HTTPIn).
		 */
		if (i > 0 && is_upper(name[i]) && name[i - 1] != '_' &&
		    (!is_upper(name[i - 1]) || (name[i + 1] && !is_upper(name[i + 1]) && name[i + 1] != '_')))
			out[used++] = '_';
		out[used++] = (char)(name[i] >= 'a' && name[i] <= 'z' ? name[i] - 32 : name[i]);
	}
	if (used < size)
		out[used] = '\0';
}

/* "text or json", "10 to 10000 ms", "true or false", "names, comma separated" */
static void put_values(struct buf *out, const struct config_option *o)
{
	switch (o->type) {
	case CONFIG_STRING:
		buf_puts(out, "text");
		break;
	case CONFIG_LIST:
		buf_puts(out, "a list, comma separated");
		break;
	case CONFIG_BOOL:
		buf_puts(out, "true or false");
		break;
	case CONFIG_INT:
		buf_printf(out, "%" PRId64 " to %" PRId64 "%s%s", o->min, o->max, *o->unit ? " " : "", o->unit);
		break;
	case CONFIG_ENUM:
		for (int i = 0; o->choices[i]; i++)
			buf_printf(out, "%s%s", i == 0 ? "" : o->choices[i + 1] ? ", " : " or ", o->choices[i]);
		break;
	}
}

void config_help(struct buf *out, unsigned roles)
{
	for (int i = 0; i < CONFIG_COUNT; i++) {
		const struct config_option *o = &table[i];
		if (!(o->roles & roles))
			continue;
		buf_printf(out, "  %s: ", o->name);
		put_values(out, o);
		buf_printf(out, "; default %s\n      %s\n", *o->initial ? o->initial : "empty", o->help);
	}
}

void config_markdown(struct buf *out)
{
	char env[CONFIG_NAME_MAX + 32];

	buf_puts(out, "| Setting | Environment variable | Role | Values | Default | Meaning |\n"
		      "|---|---|---|---|---|---|\n");
	for (int i = 0; i < CONFIG_COUNT; i++) {
		const struct config_option *o = &table[i];
		config_env_name(env, sizeof(env), "", o->name);
		buf_printf(out, "| `%s` | `%s` | %s | ", o->name, env,
			   o->roles == BOTH         ? "both"
			   : o->roles == CONFIG_WEB ? "web"
						    : "worker");
		put_values(out, o);
		buf_printf(out, *o->initial ? " | `%s` | %s |\n" : " | %s | %s |\n", *o->initial ? o->initial : "empty",
			   o->help);
	}
}
