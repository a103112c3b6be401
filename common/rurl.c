/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "rurl.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SENTINEL "redis+sentinel://"
#define CLUSTER "redis+cluster://"
#define FORMS                                                                                               \
	"expected redis://[user:password@]host[:port][/db], unix://[user:password@]/path[?db=n], " SENTINEL \
	"[user:password@]host[:port][,host[:port]...]/master[/db] "                                         \
	"or " CLUSTER "[user:password@]host[:port][,host[:port]...]"
#define STRING_OF(x) #x
#define STRING(x) STRING_OF(x)

static int hex_value(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c = (char)(c | 0x20);
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* Copies s[0..n) with %XX decoded. ERR_INVALID when it does not fit or an escape is broken. */
static int copy_decoded(char *out, size_t size, const char *s, size_t n)
{
	size_t used = 0;
	for (size_t i = 0; i < n; i++) {
		char c = s[i];
		if (c == '%') {
			int high = n - i > 2 ? hex_value(s[i + 1]) : -1;
			int low = n - i > 2 ? hex_value(s[i + 2]) : -1;
			if (high < 0 || low < 0)
				return ERR_INVALID;
			c = (char)(high * 16 + low);
			i += 2;
		}
		if (used + 1 >= size || c == '\0')
			return ERR_INVALID;
		out[used++] = c;
	}
	out[used] = '\0';
	return 0;
}

static int read_number(const char *s, size_t n, unsigned max, unsigned *out)
{
	unsigned long v = 0;
	if (n == 0 || n > 6)
		return ERR_INVALID;
	for (size_t i = 0; i < n; i++) {
		if (s[i] < '0' || s[i] > '9')
			return ERR_INVALID;
		v = v * 10 + (unsigned long)(s[i] - '0');
	}
	if (v > max)
		return ERR_INVALID;
	*out = (unsigned)v;
	return 0;
}

/* Takes `user:password@` from the front of *rest, whose authority part ends before `end`. */
static int read_userinfo(const char **rest, const char *end, struct rurl *u)
{
	const char *at = NULL;
	for (const char *p = *rest; p < end; p++)
		if (*p == '@')
			at = p;
	if (!at)
		return 0;
	const char *colon = memchr(*rest, ':', (size_t)(at - *rest));
	const char *user_end = colon ? colon : at;
	if (copy_decoded(u->user, sizeof u->user, *rest, (size_t)(user_end - *rest)))
		return ERR_INVALID;
	if (colon && copy_decoded(u->password, sizeof u->password, colon + 1, (size_t)(at - colon - 1)))
		return ERR_INVALID;
	*rest = at + 1;
	return 0;
}

/* Reads `host[:port]`, an IPv6 address in brackets, that ends at `end`. *port is kept when none is given. */
static int read_host(const char *rest, const char *end, struct rurl_host *out)
{
	const char *host_end = end;
	if (*rest == '[') {
		rest++;
		host_end = memchr(rest, ']', (size_t)(end - rest));
		if (!host_end || (host_end + 1 != end && host_end[1] != ':'))
			return ERR_INVALID;
		if (host_end + 1 != end && read_number(host_end + 2, (size_t)(end - host_end - 2), 65535, &out->port))
			return ERR_INVALID;
	} else {
		const char *colon = memchr(rest, ':', (size_t)(end - rest));
		if (colon) {
			host_end = colon;
			if (read_number(colon + 1, (size_t)(end - colon - 1), 65535, &out->port))
				return ERR_INVALID;
		}
	}
	if (host_end <= rest || out->port == 0)
		return ERR_INVALID;
	return copy_decoded(out->host, sizeof out->host, rest, (size_t)(host_end - rest));
}

static int read_tcp(const char *rest, struct rurl *u)
{
	struct rurl_host at = { .port = u->port };
	const char *end = rest + strcspn(rest, "/");
	if (*end == '/' && end[1] != '\0' && read_number(end + 1, strlen(end + 1), 999999, &u->db))
		return ERR_INVALID;
	if (read_userinfo(&rest, end, u) || read_host(rest, end, &at))
		return ERR_INVALID;
	memcpy(u->host, at.host, sizeof u->host);
	u->port = at.port;
	return 0;
}

static int read_unix(const char *rest, struct rurl *u)
{
	const char *slash = strchr(rest, '/');
	if (!slash || read_userinfo(&rest, slash, u) || *rest != '/')
		return ERR_INVALID;
	const char *query = strchr(rest, '?');
	size_t n = query ? (size_t)(query - rest) : strlen(rest);
	if (query && (strncmp(query, "?db=", 4) != 0 || read_number(query + 4, strlen(query + 4), 999999, &u->db)))
		return ERR_INVALID;
	return copy_decoded(u->path, sizeof u->path, rest, n);
}

/* ---- several hosts ---- */

/* Reads `host[:port][,host[:port]...]`, which ends at `end`. The number of them; ERR_INVALID; ERR_TOO_BIG for more than
 * max. */
static int read_hosts(const char *rest, const char *end, unsigned port, struct rurl_host *out, unsigned max)
{
	unsigned n = 0;
	while (rest <= end) {
		const char *comma = memchr(rest, ',', (size_t)(end - rest)), *stop = comma ? comma : end;
		if (n == max)
			return ERR_TOO_BIG;
		out[n].port = port;
		if (stop == rest || read_host(rest, stop, &out[n++]))
			return ERR_INVALID;
		rest = stop + 1;
	}
	return (int)n;
}

/* ---- sentinels ---- */

#define USERINFO "expected user:password@, at most 127 and 511 bytes, escapes as %XX"

static int read_sentinels(const char *rest, const char *end, struct rurl *u, const char **expected)
{
	int n = read_hosts(rest, end, 26379, u->sentinels, RURL_SENTINELS_MAX);
	*expected = n == ERR_TOO_BIG ? "expected at most " STRING(RURL_SENTINELS_MAX) " sentinels"
				     : "expected the sentinels as host[:port][,host[:port]...] behind "
				       "redis+sentinel://[user:password@]";
	u->sentinel_count = n > 0 ? (unsigned)n : 0;
	return n > 0 ? 0 : ERR_INVALID;
}

/* `sentinel_user=…&sentinel_password=…`, in any order. */
static int read_query(const char *rest, struct rurl *u)
{
	static const char user[] = "sentinel_user=", password[] = "sentinel_password=";
	while (*rest) {
		size_t n = strcspn(rest, "&");
		int rc = ERR_INVALID;
		if (strncmp(rest, user, sizeof user - 1) == 0)
			rc = copy_decoded(u->sentinel_user, sizeof u->sentinel_user, rest + sizeof user - 1,
					  n - (sizeof user - 1));
		else if (strncmp(rest, password, sizeof password - 1) == 0)
			rc = copy_decoded(u->sentinel_password, sizeof u->sentinel_password, rest + sizeof password - 1,
					  n - (sizeof password - 1));
		if (rc)
			return rc;
		rest += n + (rest[n] == '&');
	}
	return u->sentinel_user[0] && !u->sentinel_password[0] ? ERR_INVALID : 0;
}

static int read_sentinel(const char *rest, struct rurl *u, const char **expected)
{
	const char *end = rest + strcspn(rest, "/?");
	if (read_userinfo(&rest, end, u)) {
		*expected = USERINFO;
		return ERR_INVALID;
	}
	if (read_sentinels(rest, end, u, expected))
		return ERR_INVALID;
	*expected = "expected the name that the sentinels have for the master, as in redis+sentinel://host/mymaster";
	if (*end != '/')
		return ERR_INVALID;
	const char *name = end + 1, *name_end = name + strcspn(name, "/?");
	if (name_end == name || copy_decoded(u->master, sizeof u->master, name, (size_t)(name_end - name)))
		return ERR_INVALID;
	*expected = "expected the number of a database behind the master's name, as in "
		    "redis+sentinel://host/mymaster/0";
	rest = name_end + strcspn(name_end, "?");
	if (rest - name_end > 1 && read_number(name_end + 1, (size_t)(rest - name_end - 1), 999999, &u->db))
		return ERR_INVALID;
	*expected = "expected [?[sentinel_user=USER&]sentinel_password=PASSWORD] at the end";
	return *rest == '?' ? read_query(rest + 1, u) : 0;
}

/* ---- a cluster ---- */

static int read_cluster(const char *rest, struct rurl *u, const char **expected)
{
	const char *end = rest + strcspn(rest, "/?");
	if (read_userinfo(&rest, end, u)) {
		*expected = USERINFO;
		return ERR_INVALID;
	}
	int n = read_hosts(rest, end, 6379, u->nodes, RURL_NODES_MAX);
	*expected = n == ERR_TOO_BIG
			? "expected at most " STRING(RURL_NODES_MAX) " nodes (the others are found by them)"
			: "expected nodes of a cluster as host[:port][,host[:port]...] behind "
			  "redis+cluster://[user:password@]";
	if (n <= 0)
		return ERR_INVALID;
	u->node_count = (unsigned)n;
	*expected = "expected nothing behind the nodes: a cluster has but one database";
	return *end && strcmp(end, "/") != 0 ? ERR_INVALID : 0;
}

/* How much of a URL without @ may be told: behind the first colon may be a password whose @host was forgotten, unless a
 * port is there. */
static int tellable(const char *url)
{
	const char *scheme = strstr(url, "://"), *colon = strchr(scheme ? scheme + 3 : url, ':');
	size_t digits = colon ? strspn(colon + 1, "0123456789") : 0;
	bool port = colon && digits <= 5 && (colon[1 + digits] == '\0' || (colon[1 + digits] == '/' && digits > 0));
	return (int)(colon && !port ? (size_t)(colon + 1 - url) : strlen(url));
}

/* What came, without anything that may be a password: they stand before the last @, and behind the first ?. */
static int refuse(const char *url, const char *expected, struct errinfo *info)
{
	const char *at = strrchr(url, '@'), *query = strchr(url, '?');
	if (!at && !query)
		return errinfo_set(info, ERR_INVALID, "%s, got \"%.*s%s\"", expected, tellable(url), url,
				   url[tellable(url)] ? "…" : "");
	if (strncmp(url, SENTINEL, strlen(SENTINEL)) != 0 || !query)
		return errinfo_set(info, ERR_INVALID, "%s, got \"%s%s\"", expected, at ? "…" : "", at ? at : url);
	const char *from = at && at < query ? at : at ? query : url;
	return errinfo_set(info, ERR_INVALID, "%s, got \"%s%.*s?…\"", expected, from == url ? "" : "…",
			   (int)(query - from), from);
}

int rurl_parse(const char *url, struct rurl *out, struct errinfo *info)
{
	struct rurl u = { .port = 6379 };
	const char *expected = FORMS;
	int rc;
	if (strncmp(url, "redis://", 8) == 0)
		rc = read_tcp(url + 8, &u);
	else if (strncmp(url, "unix://", 7) == 0)
		rc = read_unix(url + 7, &u);
	else if (strncmp(url, SENTINEL, strlen(SENTINEL)) == 0)
		rc = read_sentinel(url + strlen(SENTINEL), &u, &expected);
	else if (strncmp(url, CLUSTER, strlen(CLUSTER)) == 0)
		rc = read_cluster(url + strlen(CLUSTER), &u, &expected);
	else if (strncmp(url, "rediss://", 9) == 0)
		return errinfo_set(info, ERR_INVALID, "TLS to Redis (rediss://) is not supported; " FORMS);
	else
		rc = ERR_INVALID;
	if (rc)
		return refuse(url, expected, info);
	*out = u;
	return 0;
}
