/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "locator.h"

#include <netdb.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "log.h"
#include "sentinel.h"

#define WATCH_MS 500 /* between two questions whether the master is still there */

struct locator {
	uv_loop_t *loop;
	const struct rurl *where;
	struct sentinel *sentinel; /* NULL: the URL says itself where Redis is */
	struct rurl_host at;       /* what the URL or a sentinel said last; no host yet: nobody */
	uv_getaddrinfo_t resolver;
	uv_timer_t watch;
	unsigned refs; /* the timer, and the resolver's request */
	bool resolving, closed;
	locator_cb *cb; /* of the search under way; NULL: none */
	locator_moved_cb *moved;
	void *arg;
	char error[256];
};

static void unref(struct locator *l)
{
	if (--l->refs == 0)
		free(l);
}

static void finish(struct locator *l, int status, const char *address)
{
	locator_cb *cb = l->cb;
	l->cb = NULL;
	if (cb && !l->closed)
		cb(l->arg, status, address, l->at.port);
}

static void fail(struct locator *l, const char *why)
{
	(void)snprintf(l->error, sizeof l->error, "%s", why);
	finish(l, ERR_UNAVAILABLE, NULL);
}

/* ---- names ---- */

static void on_resolved(uv_getaddrinfo_t *request, int status, struct addrinfo *found)
{
	struct locator *l = request->data;
	char why[320], address[INET6_ADDRSTRLEN] = "";
	if (status == 0 && found->ai_family == AF_INET6)
		uv_ip6_name((const struct sockaddr_in6 *)(const void *)found->ai_addr, address, sizeof address);
	else if (status == 0)
		uv_ip4_name((const struct sockaddr_in *)(const void *)found->ai_addr, address, sizeof address);
	uv_freeaddrinfo(found);
	l->resolving = false;
	if (address[0]) {
		finish(l, 0, address);
	} else {
		(void)snprintf(why, sizeof why, "host %s: %s", l->at.host, uv_strerror(status));
		fail(l, why);
	}
	unref(l);
}

static void resolve(struct locator *l)
{
	struct in6_addr numeric;
	const struct addrinfo hints = { .ai_socktype = SOCK_STREAM };
	if (l->where->path[0] || uv_inet_pton(AF_INET, l->at.host, &numeric) == 0 ||
	    uv_inet_pton(AF_INET6, l->at.host, &numeric) == 0) {
		finish(l, 0, l->at.host);
		return;
	}
	int rc = uv_getaddrinfo(l->loop, &l->resolver, on_resolved, l->at.host, NULL, &hints);
	l->resolving = rc == 0;
	if (rc)
		fail(l, uv_strerror(rc));
	else
		l->refs++;
}

/* ---- sentinels ---- */

static bool is_elsewhere(const struct locator *l, const char *host, unsigned port)
{
	return strcmp(host, l->at.host) != 0 || port != l->at.port;
}

static void settle(struct locator *l, const char *host, unsigned port)
{
	if (is_elsewhere(l, host, port))
		log_debug("redis: the sentinels name %s port %u as master \"%s\"", host, port, l->where->master);
	(void)snprintf(l->at.host, sizeof l->at.host, "%s", host);
	l->at.port = port;
	resolve(l);
}

/* One question serves both: whoever searches while the watch's is open takes its answer. */
static void on_told(void *arg, int status, const char *host, unsigned port)
{
	struct locator *l = arg;
	char why[320];
	if (l->cb && status) {
		fail(l, sentinel_error(l->sentinel));
	} else if (l->cb) {
		settle(l, host, port);
	} else if (!status && uv_is_active((uv_handle_t *)&l->watch) && is_elsewhere(l, host, port)) {
		(void)snprintf(why, sizeof why, "master \"%.60s\" is at %.60s port %u now", l->where->master, host,
			       port);
		l->moved(l->arg, why);
	}
}

static void on_watch(uv_timer_t *timer)
{
	struct locator *l = timer->data;
	sentinel_ask(l->sentinel, on_told, l);
}

/* ---- for the link ---- */

struct locator *locator_new(uv_loop_t *loop, const struct rurl *where, unsigned seed, locator_moved_cb *moved,
			    void *arg)
{
	struct locator *l = calloc(1, sizeof *l);
	if (!l)
		return NULL;
	if (where->sentinel_count && !(l->sentinel = sentinel_new(loop, where, 0, seed))) {
		free(l);
		return NULL;
	}
	l->loop = loop;
	l->where = where;
	l->moved = moved;
	l->arg = arg;
	memcpy(l->at.host, where->host, sizeof l->at.host);
	l->at.port = where->port;
	uv_timer_init(loop, &l->watch);
	l->watch.data = l->resolver.data = l;
	l->refs = 1;
	return l;
}

static void on_watch_closed(uv_handle_t *timer)
{
	unref(timer->data);
}

void locator_free(struct locator *l)
{
	if (!l)
		return;
	l->closed = true;
	if (l->resolving)
		uv_cancel((uv_req_t *)&l->resolver);
	if (l->sentinel)
		sentinel_free(l->sentinel);
	uv_close((uv_handle_t *)&l->watch, on_watch_closed);
}

void locator_find(struct locator *l, locator_cb *cb)
{
	l->cb = cb;
	if (l->sentinel)
		sentinel_ask(l->sentinel, on_told, l);
	else
		resolve(l);
}

void locator_watch(struct locator *l, bool watching)
{
	if (!l->sentinel)
		return;
	if (watching)
		uv_timer_start(&l->watch, on_watch, WATCH_MS, WATCH_MS);
	else
		uv_timer_stop(&l->watch);
}

void locator_doubt(struct locator *l)
{
	if (l->sentinel)
		sentinel_doubt(l->sentinel);
}

bool locator_changes(const struct locator *l)
{
	return l->sentinel != NULL;
}

void locator_place(const struct locator *l, char *out, size_t size)
{
	if (l->where->path[0])
		(void)snprintf(out, size, "%s", l->where->path);
	else if (!l->sentinel)
		(void)snprintf(out, size, "%s:%u", l->at.host, l->at.port);
	else if (l->at.host[0])
		(void)snprintf(out, size, "master \"%s\" at %s:%u", l->where->master, l->at.host, l->at.port);
	else
		(void)snprintf(out, size, "master \"%s\"", l->where->master);
}

const char *locator_error(const struct locator *l)
{
	return l->error;
}
