/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <errno.h>
#include <fcntl.h>
#include <hiredis/hiredis.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "rlink.h"
#include "rurl.h"
#include "sentinel.h"

struct rsync {
	redisContext *context;
	redisReply *reply; /* of the last call */
};

static const struct rreply *fail(struct rsync *s, struct errinfo *info)
{
	errinfo_set(info, ERR_UNKNOWN, "Redis: %s", s->context->errstr[0] ? s->context->errstr : "connection lost");
	return NULL;
}

static const struct rreply *take(struct rsync *s, void *reply, struct errinfo *info)
{
	if (s->reply)
		freeReplyObject(s->reply);
	s->reply = reply;
	return reply ? (const struct rreply *)reply : fail(s, info);
}

/* What a sentinel said may be out of date. */
static int expect_master(struct rsync *s, const struct rurl *u, struct errinfo *info)
{
	const struct rreply *r = rsync_words(s, info, "ROLE", NULL);
	const char *role = rreply_str(rreply_at(r, 0), NULL);
	if (!r)
		return ERR_UNAVAILABLE;
	if (strcmp(role, "master") == 0)
		return 0;
	return errinfo_set(info, ERR_UNAVAILABLE,
			   "expected a master at %s port %u, where the sentinels say that \"%s\" is, got %s", u->host,
			   u->port, u->master, *role ? role : rreply_str(r, NULL));
}

static int greet(struct rsync *s, const struct rurl *u, struct errinfo *info)
{
	const struct rreply *r;
	if (u->password[0]) {
		r = u->user[0] ? rsync_words(s, info, "AUTH", u->user, u->password, NULL)
			       : rsync_words(s, info, "AUTH", u->password, NULL);
		if (!r)
			return ERR_UNAVAILABLE;
		if (rreply_type(r) == RREPLY_ERROR)
			return errinfo_set(info, ERR_UNAVAILABLE, "Redis refused the password: %s",
					   rreply_str(r, NULL));
	}
	if (u->db) {
		char db[16];
		snprintf(db, sizeof db, "%u", u->db);
		r = rsync_words(s, info, "SELECT", db, NULL);
		if (!r)
			return ERR_UNAVAILABLE;
		if (rreply_type(r) == RREPLY_ERROR)
			return errinfo_set(info, ERR_UNAVAILABLE, "Redis: SELECT %s: %s", db, rreply_str(r, NULL));
	}
	return u->sentinel_count ? expect_master(s, u, info) : 0;
}

struct rsync *rsync_open(const char *url, unsigned timeout_ms, struct errinfo *info)
{
	struct rurl u;
	return rurl_parse(url, &u, info) ? NULL : rsync_open_at(&u, timeout_ms, info);
}

struct rsync *rsync_open_at(const struct rurl *at, unsigned timeout_ms, struct errinfo *info)
{
	struct rurl u = *at;
	struct rurl_host master;
	if (u.node_count) {
		errinfo_set(info, ERR_INVALID, "expected the URL of one Redis, got that of a cluster");
		return NULL;
	}
	if (u.sentinel_count && sentinel_find(&u, timeout_ms, &master, info))
		return NULL;
	if (u.sentinel_count) {
		memcpy(u.host, master.host, sizeof u.host);
		u.port = master.port;
	}
	struct timeval limit = { .tv_sec = timeout_ms / 1000, .tv_usec = (suseconds_t)(timeout_ms % 1000) * 1000 };
	struct rsync *s = calloc(1, sizeof *s);
	if (!s) {
		errinfo_set(info, ERR_NOMEM, "out of memory");
		return NULL;
	}
	s->context = u.path[0] ? redisConnectUnixWithTimeout(u.path, limit)
			       : redisConnectWithTimeout(u.host, (int)u.port, limit);
	if (!s->context || s->context->err) {
		errinfo_set(info, ERR_UNAVAILABLE, "cannot reach Redis at %s: %s", u.path[0] ? u.path : u.host,
			    s->context ? s->context->errstr : "out of memory");
		rsync_close(s);
		return NULL;
	}
	fcntl(s->context->fd, F_SETFD, FD_CLOEXEC); /* the library leaves it open across exec */
	redisSetTimeout(s->context, limit);
	if (greet(s, &u, info)) {
		rsync_close(s);
		return NULL;
	}
	return s;
}

void rsync_close(struct rsync *s)
{
	if (!s)
		return;
	if (s->reply)
		freeReplyObject(s->reply);
	if (s->context)
		redisFree(s->context);
	free(s);
}

const struct rreply *rsync_call(struct rsync *s, struct rcmd *cmd, struct errinfo *info)
{
	size_t len;
	const char *bytes = rcmd_bytes(cmd, &len);
	void *reply = NULL;
	if (!bytes) {
		errinfo_set(info, ERR_NOMEM, "out of memory for a Redis command");
		return NULL;
	}
	if (redisAppendFormattedCommand(s->context, bytes, len) != REDIS_OK ||
	    redisGetReply(s->context, &reply) != REDIS_OK)
		return fail(s, info);
	return take(s, reply, info);
}

const struct rreply *rsync_words(struct rsync *s, struct errinfo *info, ...)
{
	struct rcmd cmd;
	rcmd_init(&cmd);
	va_list words;
	va_start(words, info);
	for (const char *w = va_arg(words, const char *); w; w = va_arg(words, const char *))
		rcmd_str(&cmd, w);
	va_end(words);
	const struct rreply *reply = rsync_call(s, &cmd, info);
	rcmd_fini(&cmd);
	return reply;
}
