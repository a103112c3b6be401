/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The map is followed by asking, because a cluster tells nobody of its changes. Any node will do as the scout, a
 * replica too; each tells what it has heard of the others. A node that was cut off from them tells of what was, so
 * while something is wrong (a link is down, a node refused a call as not its own) the scout is another one every half
 * second. The alternative, to ask over the links that there are, would leave nobody to ask when the one that is up is
 * the one that was cut off. */
#include "rslots.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "clock.h"
#include "log.h"

#define TURN_MS 1000
#define TURN_TROUBLED_MS 250
#define TURN_LEAST_US 50000    /* between two questions, whatever is wrong */
#define SCOUT_US 500000        /* it has so long to be of use while something is wrong */
#define SCOUT_SILENT_US 200000 /* and so long to come up */
#define DOUBT_US 1000000
#define SCOUT_TIMEOUT_MS 1000
#define COMPLAIN_US 2000000

struct rslots {
	uv_loop_t *loop;
	struct rurl where;
	char name[96];
	struct rslots_map map;
	struct rslots_listener *first, *cursor; /* cursor: who is told next */
	uv_timer_t timer;
	bool known, changed, asking, closed, complained;
	uint64_t doubt_until_us, turned_us, answered_us, born_us;

	struct rlink *scout;
	struct rurl_host scout_at;
	uint64_t scout_us; /* since when it is the one */
	unsigned turn;     /* counts scouts: whose turn it is */
	char error[400];
};

static void on_timer(uv_timer_t *timer);

bool rslots_clustered(const struct rslots *s)
{
	return s->where.node_count > 0;
}

bool rslots_known(const struct rslots *s)
{
	return s->known;
}

const char *rslots_error(const struct rslots *s)
{
	return s->error;
}

uv_loop_t *rslots_loop(const struct rslots *s)
{
	return s->loop;
}

const struct rslots_map *rslots_map(const struct rslots *s)
{
	return &s->map;
}

static void turn_in(struct rslots *s, uint64_t ms)
{
	if (!s->closed)
		uv_timer_start(&s->timer, on_timer, ms, 0);
}

/* ---- asking ---- */

/* A node that has forgotten its cluster, or has not heard of it yet, knows of no master at all. */
static bool names_a_master(const struct rreply *map)
{
	for (size_t i = 0; i < rreply_count(map); i++) {
		const struct rreply *master = rreply_at(rreply_at(map, i), 2);
		if (rreply_int(rreply_at(master, 1)) > 0 && strcmp(rreply_str(rreply_at(master, 0), NULL), "?") != 0)
			return true;
	}
	return false;
}

/* The map that there is stands, and the next turn asks another node. */
static void distrust_scout(struct rslots *s)
{
	snprintf(s->error, sizeof s->error, "%.200s port %u told a map that names no master of any slot",
		 s->scout_at.host, s->scout_at.port);
	s->scout_us = 0;
	s->doubt_until_us = clock_mono_us() + DOUBT_US;
	if (uv_timer_get_due_in(&s->timer) > TURN_TROUBLED_MS)
		turn_in(s, TURN_TROUBLED_MS);
}

static void on_slots(void *arg, int status, const struct rreply *reply)
{
	struct rslots *s = arg;
	if (status == ERR_CLOSED)
		return; /* another scout has its place */
	s->asking = false;
	if (status) {
		snprintf(s->error, sizeof s->error, "%.200s port %u does not tell the map of its cluster: %.80s",
			 s->scout_at.host, s->scout_at.port, reply ? rreply_str(reply, NULL) : err_text(status));
		return;
	}
	if (rreply_type(reply) == RREPLY_ARRAY && !names_a_master(reply)) {
		distrust_scout(s);
		return;
	}
	int rc = rslots_map_take(&s->map, reply, s->scout_at.host);
	if (rc < 0) {
		snprintf(s->error, sizeof s->error, "%.200s port %u told a map that cannot be read: %s",
			 s->scout_at.host, s->scout_at.port, err_text(rc));
		return;
	}
	s->answered_us = clock_mono_us();
	s->error[0] = '\0';
	s->complained = false;
	if (!rc && s->known)
		return;
	log_write(s->known ? LOG_INFO : LOG_DEBUG, NULL, "redis: the cluster's map has changed, it has %u masters",
		  rslots_map_masters(&s->map));
	s->known = s->changed = true;
	turn_in(s, 0);
}

static void ask(struct rslots *s)
{
	struct rcmd cmd;
	if (s->asking || !s->scout || !rlink_up(s->scout))
		return;
	rcmd_init(&cmd);
	rcmd_str(&cmd, "CLUSTER");
	rcmd_str(&cmd, "SLOTS");
	s->asking = rlink_send(s->scout, &cmd, on_slots, s) == 0;
	rcmd_fini(&cmd);
}

static void on_scout_state(void *arg, bool up)
{
	struct rslots *s = arg;
	if (up)
		ask(s);
	else
		s->asking = false;
}

/* Masters by the map, then the nodes that the URL names: one after the other. */
static struct rurl_host next_place(struct rslots *s)
{
	const struct rslots_node *nodes[RSLOTS_NODES_MAX];
	unsigned n = 0;
	for (unsigned i = 0; i < s->map.n; i++)
		if (s->map.nodes[i].slots)
			nodes[n++] = &s->map.nodes[i];
	unsigned i = s->turn++ % (n + s->where.node_count);
	return i < n ? nodes[i]->at : s->where.nodes[i - n];
}

void rslots_place(const struct rslots *s, int node, struct rurl *out)
{
	*out = s->where;
	if (!rslots_clustered(s))
		return;
	out->node_count = 0;
	memcpy(out->host, s->map.nodes[node].at.host, sizeof out->host);
	out->port = s->map.nodes[node].at.port;
}

static void send_scout(struct rslots *s)
{
	struct errinfo info;
	struct rurl at = s->where;
	if (s->scout && !rlink_up(s->scout) && rlink_error(s->scout)[0])
		snprintf(s->error, sizeof s->error, "%.200s port %u, the last node that was asked: %.120s",
			 s->scout_at.host, s->scout_at.port, rlink_error(s->scout));
	s->scout_at = next_place(s);
	at.node_count = 0;
	memcpy(at.host, s->scout_at.host, sizeof at.host);
	at.port = s->scout_at.port;
	const struct rlink_options options = { .at = &at,
					       .name = s->name,
					       .connect_timeout_ms = SCOUT_TIMEOUT_MS,
					       .command_timeout_ms = SCOUT_TIMEOUT_MS,
					       .any_role = true,
					       .quiet = true,
					       .on_state = on_scout_state,
					       .arg = s };
	rlink_free(s->scout);
	s->asking = false;
	s->scout_us = clock_mono_us();
	s->scout = rlink_new(s->loop, &options, &info);
}

/* ---- turns ---- */

static bool is_well(const struct rslots *s, uint64_t now_us)
{
	bool well =
	    s->known && rslots_map_masters(&s->map) && now_us >= s->doubt_until_us && s->scout && rlink_up(s->scout);
	for (const struct rslots_listener *l = s->first; well && l; l = l->next)
		well = l->is_well(l->arg);
	return well;
}

static void complain(struct rslots *s, uint64_t now_us)
{
	uint64_t since_us = s->answered_us ? s->answered_us : s->born_us;
	if (s->complained || now_us - since_us < COMPLAIN_US)
		return;
	log_warn("redis: link %s: no node of the cluster has told its map for 2 s: %s", s->name, s->error);
	s->complained = true;
}

static void on_timer(uv_timer_t *timer)
{
	struct rslots *s = timer->data;
	uint64_t now_us = clock_mono_us();
	bool changed = s->changed, well = is_well(s, now_us);
	s->turned_us = now_us;
	s->changed = false;
	turn_in(s, well ? TURN_MS : TURN_TROUBLED_MS);
	if (!s->scout || (!well && now_us - s->scout_us > (rlink_up(s->scout) ? SCOUT_US : SCOUT_SILENT_US)))
		send_scout(s);
	else
		ask(s);
	complain(s, now_us);
	s->cursor = s->first;
	for (struct rslots_listener *l; (l = s->cursor);) {
		s->cursor = l->next;
		l->on_turn(l->arg, changed);
	}
}

void rslots_doubt(struct rslots *s)
{
	uint64_t now_us = clock_mono_us();
	if (!rslots_clustered(s) || s->closed)
		return;
	s->doubt_until_us = now_us + DOUBT_US;
	if (now_us - s->turned_us >= TURN_LEAST_US)
		turn_in(s, 0);
	else if (uv_timer_get_due_in(&s->timer) > TURN_LEAST_US / 1000)
		turn_in(s, TURN_LEAST_US / 1000);
}

void rslots_moved(struct rslots *s, unsigned slot, const struct rurl_host *to)
{
	int node = to->host[0] ? rslots_map_node(&s->map, to->host, to->port) : RSLOTS_NOBODY;
	if (node != RSLOTS_NOBODY && rslots_map_move(&s->map, slot, node))
		s->changed = true;
	rslots_doubt(s);
	if (s->changed)
		turn_in(s, 0);
}

/* ---- for the sets of links ---- */

void rslots_listen(struct rslots *s, struct rslots_listener *l)
{
	l->next = s->first;
	s->first = l;
}

void rslots_unlisten(struct rslots *s, const struct rslots_listener *l)
{
	struct rslots_listener **at = &s->first;
	while (*at && *at != l)
		at = &(*at)->next;
	if (*at)
		*at = l->next;
	if (s->cursor == l)
		s->cursor = l->next;
}

int rslots_ref_at(struct rslots *s, const struct rurl_host *at)
{
	int node = rslots_map_node(&s->map, at->host, at->port);
	if (node != RSLOTS_NOBODY)
		s->map.nodes[node].refs++;
	return node;
}

void rslots_ref(struct rslots *s, int node)
{
	if (node != RSLOTS_NOBODY)
		s->map.nodes[node].refs++;
}

void rslots_unref(struct rslots *s, int node)
{
	if (node != RSLOTS_NOBODY)
		s->map.nodes[node].refs--;
}

struct rslots *rslots_new(uv_loop_t *loop, const char *url, const char *name, struct errinfo *info)
{
	struct rslots *s = calloc(1, sizeof *s);
	if (!s) {
		errinfo_set(info, ERR_NOMEM, "out of memory");
		return NULL;
	}
	if (rurl_parse(url, &s->where, info)) {
		free(s);
		return NULL;
	}
	s->loop = loop;
	s->known = !rslots_clustered(s);
	s->born_us = clock_mono_us();
	snprintf(s->name, sizeof s->name, "%.80s-map", name);
	rslots_map_init(&s->map);
	uv_timer_init(loop, &s->timer);
	uv_unref((uv_handle_t *)&s->timer);
	s->timer.data = s;
	if (rslots_clustered(s))
		turn_in(s, 0);
	return s;
}

static void on_closed(uv_handle_t *timer)
{
	struct rslots *s = timer->data;
	rslots_map_fini(&s->map);
	free(s);
}

void rslots_free(struct rslots *s)
{
	if (!s)
		return;
	s->closed = true;
	rlink_free(s->scout);
	uv_close((uv_handle_t *)&s->timer, on_closed);
}
