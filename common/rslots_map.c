/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "rslots_map.h"

#include <stdlib.h>
#include <string.h>

/* CRC-16/XMODEM: polynomial 0x1021, begins with 0, nothing reflected. */
static unsigned crc16(const char *p, size_t n)
{
	unsigned crc = 0;
	for (size_t i = 0; i < n; i++) {
		crc ^= (unsigned)(unsigned char)p[i] << 8;
		for (int bit = 0; bit < 8; bit++)
			crc = crc & 0x8000 ? (crc << 1 ^ 0x1021) & 0xffff : crc << 1 & 0xffff;
	}
	return crc;
}

unsigned rslots_of(const char *key)
{
	const char *open = strchr(key, '{'), *close = open ? strchr(open + 1, '}') : NULL;
	bool tagged = close && close != open + 1;
	return tagged ? crc16(open + 1, (size_t)(close - open - 1)) % RSLOTS : crc16(key, strlen(key)) % RSLOTS;
}

void rslots_map_init(struct rslots_map *m)
{
	*m = (struct rslots_map){ .n = 0 };
	for (unsigned slot = 0; slot < RSLOTS; slot++)
		m->of[slot] = RSLOTS_NOBODY;
}

void rslots_map_fini(struct rslots_map *m)
{
	free(m->nodes);
	m->nodes = NULL;
	m->n = m->cap = 0;
}

unsigned rslots_map_masters(const struct rslots_map *m)
{
	unsigned masters = 0;
	for (unsigned i = 0; i < m->n; i++)
		masters += m->nodes[i].slots > 0;
	return masters;
}

/* ---- nodes ---- */

static bool is_free(const struct rslots_node *node)
{
	return node->slots == 0 && node->refs == 0;
}

static int add_node(struct rslots_map *m)
{
	unsigned i = 0;
	while (i < m->n && m->nodes[i].at.port)
		i++;
	if (i < m->n)
		return (int)i;
	if (m->n == RSLOTS_NODES_MAX)
		return RSLOTS_NOBODY;
	if (m->n == m->cap) {
		unsigned cap = m->cap ? m->cap * 2 : 8;
		struct rslots_node *more = realloc(m->nodes, cap * sizeof *more);
		if (!more)
			return RSLOTS_NOBODY;
		m->nodes = more;
		m->cap = cap;
	}
	return (int)m->n++;
}

int rslots_map_node(struct rslots_map *m, const char *host, unsigned port)
{
	for (unsigned i = 0; i < m->n; i++)
		if (m->nodes[i].at.port == port && strcmp(m->nodes[i].at.host, host) == 0)
			return (int)i;
	int i = strlen(host) < sizeof m->nodes[0].at.host ? add_node(m) : RSLOTS_NOBODY;
	if (i == RSLOTS_NOBODY)
		return i;
	m->nodes[i] = (struct rslots_node){ .at.port = port };
	memcpy(m->nodes[i].at.host, host, strlen(host) + 1);
	return i;
}

/* Those that nothing leads to any more make room. */
static void forget_nodes(struct rslots_map *m)
{
	for (unsigned i = 0; i < m->n; i++)
		if (is_free(&m->nodes[i]))
			m->nodes[i].at.port = 0;
}

bool rslots_map_move(struct rslots_map *m, unsigned slot, int node)
{
	int before = m->of[slot];
	if (before == node)
		return false;
	if (before != RSLOTS_NOBODY)
		m->nodes[before].slots--;
	if (node != RSLOTS_NOBODY)
		m->nodes[node].slots++;
	m->of[slot] = (int16_t)node;
	return true;
}

/* ---- the reply of CLUSTER SLOTS: [first, last, [host, port, …] of the master, …] each ---- */

static bool is_host(const char *host, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (host[i] <= ' ' || host[i] == 0x7f)
			return false;
	return n < sizeof((struct rurl_host *)0)->host && strlen(host) == n;
}

/* Whose slots these are, which may be nobody's. */
static int read_master(struct rslots_map *m, const struct rreply *master, const char *from, int *node)
{
	size_t n;
	const char *host = rreply_str(rreply_at(master, 0), &n);
	int64_t port = rreply_int(rreply_at(master, 1));
	enum rreply_type type = rreply_type(rreply_at(master, 0));
	if (rreply_count(master) < 2 || (type != RREPLY_STRING && type != RREPLY_NIL) || !is_host(host, n) ||
	    rreply_type(rreply_at(master, 1)) != RREPLY_INTEGER || port < 0 || port > 65535)
		return ERR_PROTOCOL;
	*node = RSLOTS_NOBODY;
	if (strcmp(host, "?") == 0 || port == 0)
		return 0; /* the node does not know it itself */
	*node = rslots_map_node(m, n ? host : from, (unsigned)port);
	return *node == RSLOTS_NOBODY ? ERR_NOMEM : 0;
}

static int read_range(struct rslots_map *m, const struct rreply *range, const char *from, int16_t *of)
{
	const struct rreply *first = rreply_at(range, 0), *last = rreply_at(range, 1);
	int64_t low = rreply_int(first), high = rreply_int(last);
	int node;
	if (rreply_count(range) < 3 || rreply_type(first) != RREPLY_INTEGER || rreply_type(last) != RREPLY_INTEGER ||
	    low < 0 || low > high || high >= RSLOTS)
		return ERR_PROTOCOL;
	int rc = read_master(m, rreply_at(range, 2), from, &node);
	for (int64_t slot = low; !rc && slot <= high; slot++)
		of[slot] = (int16_t)node;
	return rc;
}

int rslots_map_take(struct rslots_map *m, const struct rreply *reply, const char *from)
{
	int rc = rreply_type(reply) == RREPLY_ARRAY ? 0 : ERR_PROTOCOL;
	bool changed = false;
	int16_t *of = rc ? NULL : malloc(sizeof m->of);
	if (!rc && !of)
		rc = ERR_NOMEM;
	for (unsigned slot = 0; !rc && slot < RSLOTS; slot++)
		of[slot] = RSLOTS_NOBODY;
	for (size_t i = 0; !rc && i < rreply_count(reply); i++)
		rc = read_range(m, rreply_at(reply, i), from, of);
	for (unsigned slot = 0; !rc && slot < RSLOTS; slot++)
		changed |= rslots_map_move(m, slot, of[slot]);
	forget_nodes(m);
	free(of);
	return rc ? rc : changed;
}

/* ---- redirections ---- */

int rslots_redirect(const char *error, unsigned *slot, struct rurl_host *to)
{
	const char *p = strncmp(error, "MOVED ", 6) == 0 ? error + 6
			: strncmp(error, "ASK ", 4) == 0 ? error + 4
							 : NULL;
	char *end;
	if (!p || *p < '0' || *p > '9')
		return ERR_INVALID;
	unsigned long number = strtoul(p, &end, 10);
	const char *host = end + 1, *colon = strrchr(end, ':');
	if (number >= RSLOTS || *end != ' ' || !colon || colon < host || colon[1] < '0' || colon[1] > '9' ||
	    !is_host(host, strlen(host)))
		return ERR_INVALID;
	unsigned long port = strtoul(colon + 1, &end, 10);
	if (*end || port < 1 || port > 65535)
		return ERR_INVALID;
	*slot = (unsigned)number;
	to->port = (unsigned)port;
	memcpy(to->host, host, (size_t)(colon - host));
	to->host[colon - host] = '\0';
	return 0;
}
