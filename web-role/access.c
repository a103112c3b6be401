/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "access.h"

#include <string.h>
#include <strings.h>

#include "clock.h"
#include "request.h"

#define TARGET_BYTES 256 /* of path and query in a line */
#define CUT_MARK "\xe2\x80\xa6"

enum { ACCESS_NONE, ACCESS_ERRORS, ACCESS_ALL }; /* as CONFIG_ACCESS_LOG */

static bool is_wanted(const struct request *r, unsigned status, enum log_level *level)
{
	int64_t which = config_int(r->reactor->config, CONFIG_ACCESS_LOG);
	bool probe = r->match.route && r->match.route->flags & (ROUTE_OPEN | ROUTE_PROBE);
	*level = status >= 500 ? LOG_WARN : probe && status < 400 ? LOG_DEBUG : LOG_INFO;
	return which != ACCESS_NONE && (which == ACCESS_ALL || status >= 400) && log_enabled(*level);
}

/* Some clients send a token in the query (RFC 6750 2.3). It does not count here, and is not for a log. */
static bool has_secret(struct http_text query)
{
	for (size_t i = 0; i + 6 <= query.n; i++)
		if (strncasecmp(query.p + i, "token=", 6) == 0)
			return true;
	return false;
}

static void put(char *out, size_t *len, const char *p, size_t n)
{
	size_t room = TARGET_BYTES - *len;
	size_t take = n < room ? n : room;
	memcpy(out + *len, p, take);
	*len += take;
	if (take == n)
		return;
	memcpy(out + TARGET_BYTES, CUT_MARK, sizeof CUT_MARK - 1);
	*len = TARGET_BYTES + sizeof CUT_MARK - 1;
}

/* "POST /v1/jobs?wait=5": printable ASCII, the head's check has seen to it; a refused one is escaped by the log. */
static void put_target(const struct http_head *h, char out[TARGET_BYTES + sizeof CUT_MARK])
{
	const char *method = http_method_name(h->method);
	size_t len = 0;
	if (!*method)
		method = "?";
	put(out, &len, method, strlen(method));
	put(out, &len, " ", 1);
	if (h->path.n)
		put(out, &len, h->path.p, h->path.n);
	if (h->query.n && len < TARGET_BYTES) {
		bool secret = has_secret(h->query);
		put(out, &len, "?", 1);
		if (len <= TARGET_BYTES)
			put(out, &len, secret ? CUT_MARK : h->query.p, secret ? sizeof CUT_MARK - 1 : h->query.n);
	}
	out[len] = '\0';
}

void access_log(struct request *r, unsigned status, size_t bytes)
{
	char target[TARGET_BYTES + sizeof CUT_MARK];
	enum log_level level;
	if (!is_wanted(r, status, &level))
		return;
	const struct log_ids ids = { .request = r->id, .job = r->tag ? r->job_id : NULL, .trace = r->trace_id };
	const struct log_field fields[] = {
		{ "client", r->client, 0 },
		{ "token", r->principal, 0 },
		{ "status", NULL, status },
		{ "bytes", NULL, http_request_head(r->http)->method == HTTP_HEAD ? 0 : bytes },
		{ "us", NULL, clock_mono_us() - r->began_us },
	};
	put_target(http_request_head(r->http), target);
	log_batch_add(&r->reactor->log, level, &ids, fields, sizeof fields / sizeof *fields, target);
}
