/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "rsyncs.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "rslots.h"
#include "rurl.h"

#define NOBODY 0xffff

struct rsyncs {
	struct rsync **links;
	struct rurl_host *places; /* of the links, in a cluster */
	size_t n;
	bool clustered;
	bool borrowed;                /* the one link is */
	unsigned short slots[RSLOTS]; /* the number of its link, or NOBODY */
};

static bool make_room(struct rsyncs *s)
{
	struct rsync **links = realloc(s->links, (s->n + 1) * sizeof *links);
	if (links)
		s->links = links;
	struct rurl_host *places = links ? realloc(s->places, (s->n + 1) * sizeof *places) : NULL;
	if (places)
		s->places = places;
	return places != NULL;
}

/* The number of the link to a place, opened if need be. Negative with *info filled. */
static int link_to(struct rsyncs *s, const struct rurl *u, const struct rurl_host *place, unsigned timeout_ms,
		   struct errinfo *info)
{
	struct rurl at = { .port = place->port };
	for (size_t i = 0; i < s->n; i++)
		if (s->places[i].port == place->port && strcmp(s->places[i].host, place->host) == 0)
			return (int)i;
	if (!make_room(s))
		return errinfo_set(info, ERR_NOMEM, "out of memory");
	memcpy(at.host, place->host, sizeof at.host);
	memcpy(at.user, u->user, sizeof at.user);
	memcpy(at.password, u->password, sizeof at.password);
	struct rsync *link = rsync_open_at(&at, timeout_ms, info);
	if (!link)
		return ERR_UNAVAILABLE;
	s->links[s->n] = link;
	s->places[s->n] = *place;
	return (int)s->n++;
}

/* One range of CLUSTER SLOTS: first, last, [host, port, ...] of the master, replicas. */
static int take_range(struct rsyncs *s, const struct rurl *u, const struct rreply *range, const char *from,
		      unsigned timeout_ms, struct errinfo *info)
{
	int64_t first = rreply_int(rreply_at(range, 0)), last = rreply_int(rreply_at(range, 1));
	const struct rreply *master = rreply_at(range, 2);
	const char *host = rreply_str(rreply_at(master, 0), NULL);
	int64_t port = rreply_int(rreply_at(master, 1));
	struct rurl_host place = { .port = (unsigned)port };
	if (first < 0 || last >= RSLOTS || first > last || port < 1 || port > 65535 ||
	    strlen(host) >= sizeof place.host)
		return errinfo_set(info, ERR_PROTOCOL,
				   "expected CLUSTER SLOTS to tell ranges of slots and their nodes");
	snprintf(place.host, sizeof place.host, "%s", *host && strcmp(host, "?") != 0 ? host : from);
	int link = link_to(s, u, &place, timeout_ms, info);
	for (int64_t slot = first; link >= 0 && slot <= last; slot++)
		s->slots[slot] = (unsigned short)link;
	return link < 0 ? link : 0;
}

static const struct rreply *ask_map(struct rsync *node, struct errinfo *info)
{
	const struct rreply *r = rsync_words(node, info, "CLUSTER", "SLOTS", NULL);
	if (r && (rreply_type(r) != RREPLY_ARRAY || rreply_count(r) == 0)) {
		errinfo_set(info, ERR_UNAVAILABLE, "expected a map of slots from a node of the cluster, got %s",
			    rreply_type(r) == RREPLY_ERROR ? rreply_str(r, NULL) : "an empty one");
		return NULL;
	}
	return r;
}

/* Nodes are asked until one tells the map; then each master must be there. */
static int open_cluster(struct rsyncs *s, const struct rurl *u, unsigned timeout_ms, struct errinfo *info)
{
	const struct rreply *map = NULL;
	struct rsync *node = NULL;
	const char *from = "";
	int rc = 0;
	s->clustered = true;
	for (unsigned i = 0; i < u->node_count && !map; i++) {
		struct rurl at = { .port = u->nodes[i].port };
		memcpy(at.host, u->nodes[i].host, sizeof at.host);
		memcpy(at.user, u->user, sizeof at.user);
		memcpy(at.password, u->password, sizeof at.password);
		rsync_close(node);
		from = u->nodes[i].host;
		node = rsync_open_at(&at, timeout_ms, info);
		map = node ? ask_map(node, info) : NULL;
	}
	if (!map)
		rc = ERR_UNAVAILABLE;
	for (size_t i = 0; i < rreply_count(map) && !rc; i++)
		rc = take_range(s, u, rreply_at(map, i), from, timeout_ms, info);
	rsync_close(node);
	return rc;
}

static struct rsyncs *rsyncs_new(void)
{
	struct rsyncs *s = calloc(1, sizeof *s);
	for (size_t i = 0; s && i < RSLOTS; i++)
		s->slots[i] = NOBODY;
	return s;
}

struct rsyncs *rsyncs_of(struct rsync *link)
{
	struct rsyncs *s = rsyncs_new();
	if (!s || !make_room(s)) {
		rsyncs_close(s);
		return NULL;
	}
	s->links[s->n++] = link;
	s->borrowed = true;
	return s;
}

struct rsyncs *rsyncs_open(const char *url, unsigned timeout_ms, struct errinfo *info)
{
	struct rurl u;
	struct rsyncs *s;
	if (rurl_parse(url, &u, info))
		return NULL;
	if (!u.node_count) {
		struct rsync *link = rsync_open_at(&u, timeout_ms, info);
		s = link ? rsyncs_of(link) : NULL;
		if (s)
			s->borrowed = false;
		else if (link)
			errinfo_set(info, ERR_NOMEM, "out of memory");
		if (!s)
			rsync_close(link);
		return s;
	}
	s = rsyncs_new();
	if (s && open_cluster(s, &u, timeout_ms, info) == 0)
		return s;
	if (!s)
		errinfo_set(info, ERR_NOMEM, "out of memory");
	rsyncs_close(s);
	return NULL;
}

void rsyncs_close(struct rsyncs *s)
{
	if (!s)
		return;
	for (size_t i = 0; i < s->n && !s->borrowed; i++)
		rsync_close(s->links[i]);
	free(s->links);
	free(s->places);
	free(s);
}

struct rsync *rsyncs_at(const struct rsyncs *s, const char *tag)
{
	unsigned short i = s->clustered ? s->slots[rslots_of(tag)] : 0;
	return i == NOBODY ? NULL : s->links[i];
}

struct rsync *rsyncs_each(const struct rsyncs *s, size_t i)
{
	return i < s->n ? s->links[i] : NULL;
}
