/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "rurl.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FORMS "expected redis://[user:password@]host[:port][/db] or unix://[user:password@]/path[?db=n]"

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

static int read_tcp(const char *rest, struct rurl *u)
{
	const char *end = rest + strcspn(rest, "/");
	if (*end == '/' && end[1] != '\0' && read_number(end + 1, strlen(end + 1), 999999, &u->db))
		return ERR_INVALID;
	if (read_userinfo(&rest, end, u))
		return ERR_INVALID;
	const char *host_end = end;
	if (*rest == '[') { /* an IPv6 address */
		rest++;
		host_end = memchr(rest, ']', (size_t)(end - rest));
		if (!host_end || (host_end + 1 != end && host_end[1] != ':'))
			return ERR_INVALID;
		if (host_end + 1 != end && read_number(host_end + 2, (size_t)(end - host_end - 2), 65535, &u->port))
			return ERR_INVALID;
	} else {
		const char *colon = memchr(rest, ':', (size_t)(end - rest));
		if (colon) {
			host_end = colon;
			if (read_number(colon + 1, (size_t)(end - colon - 1), 65535, &u->port))
				return ERR_INVALID;
		}
	}
	if (host_end == rest || u->port == 0)
		return ERR_INVALID;
	return copy_decoded(u->host, sizeof u->host, rest, (size_t)(host_end - rest));
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

int rurl_parse(const char *url, struct rurl *out, struct errinfo *info)
{
	struct rurl u = { .port = 6379 };
	int rc;
	if (strncmp(url, "redis://", 8) == 0)
		rc = read_tcp(url + 8, &u);
	else if (strncmp(url, "unix://", 7) == 0)
		rc = read_unix(url + 7, &u);
	else if (strncmp(url, "rediss://", 9) == 0)
		return errinfo_set(info, ERR_INVALID, "TLS to Redis (rediss://) is not supported; " FORMS);
	else
		rc = ERR_INVALID;
	if (rc) {
		const char *at = strrchr(url, '@'); /* what comes before may hold a password */
		return errinfo_set(info, ERR_INVALID, FORMS ", got \"%s%s\"", at ? "…" : "", at ? at : url);
	}
	*out = u;
	return 0;
}
