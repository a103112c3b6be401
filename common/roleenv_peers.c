/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "roleenv_peers.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "address.h"
#include "clock.h"
#include "jsonload.h"

#define SLOT sizeof(void *) /* of the list of pointers */

/* What the public struct points to lives in the parsed entry. */
struct entry {
	struct roleenv_peer peer; /* first: an entry is found from its peer */
	json_t *root;
	const char **queues; /* behind the endpoints */
	struct roleenv_peer_endpoint endpoints[];
};

static void entry_free(struct roleenv_peer *peer)
{
	struct entry *e = (struct entry *)peer;

	json_decref(e->root);
	free(e);
}

static const char *text_of(const json_t *root, const char *key)
{
	const char *s = json_string_value(json_object_get(root, key));

	return s ? s : "";
}

static unsigned count_of(const json_t *root, const char *key)
{
	json_int_t n = json_integer_value(json_object_get(root, key));

	return n > 0 && n <= UINT32_MAX ? (unsigned)n : 0;
}

static int by_name(const void *a, const void *b)
{
	return strcmp(((const struct roleenv_peer_endpoint *)a)->name, ((const struct roleenv_peer_endpoint *)b)->name);
}

static int take_endpoints(struct entry *e, json_t *endpoints)
{
	char address[ADDRESS_SIZE];
	const char *name;
	json_t *value;
	unsigned port;

	json_object_foreach(endpoints, name, value)
	{
		const char *at = json_string_value(value);
		if (!at || address_parse(at, address, &port) != 0 || port == 0)
			return ERR_INVALID;
		e->endpoints[e->peer.n_endpoints++] = (struct roleenv_peer_endpoint){ name, at };
	}
	qsort(e->endpoints, e->peer.n_endpoints, sizeof(*e->endpoints), by_name);
	e->peer.endpoints = e->endpoints;
	return 0;
}

static int take_queues(struct entry *e, json_t *queues)
{
	size_t i;
	json_t *value;

	json_array_foreach(queues, i, value)
	{
		if (!json_is_string(value))
			return ERR_INVALID;
		e->queues[e->peer.n_queues++] = json_string_value(value);
	}
	e->peer.queues = e->queues;
	return 0;
}

/* With room for its lists. */
static struct entry *entry_new(size_t endpoints, size_t queues)
{
	struct entry *e;

	e = calloc(1, sizeof(*e) + endpoints * sizeof(*e->endpoints) + queues * sizeof(*e->queues));
	if (e)
		e->queues = (const char **)(e->endpoints + endpoints);
	return e;
}

static int entry_decode(json_t *root, struct entry **out)
{
	json_t *endpoints = json_object_get(root, "endpoints"), *queues = json_object_get(root, "queues");
	const char *instance = text_of(root, "instance"), *role = text_of(root, "role"),
		   *started = text_of(root, "started_at");

	if (!*instance || !*role || (endpoints && !json_is_object(endpoints)) || (queues && !json_is_array(queues)))
		return ERR_INVALID;
	struct entry *e = entry_new(json_object_size(endpoints), json_array_size(queues));
	if (!e)
		return ERR_NOMEM;
	e->root = json_incref(root);
	e->peer.instance = instance;
	e->peer.role = role;
	e->peer.host = text_of(root, "host");
	e->peer.state = text_of(root, "state");
	e->peer.pid = json_integer_value(json_object_get(root, "pid"));
	e->peer.running = count_of(root, "running");
	e->peer.capacity = count_of(root, "capacity");
	if ((*started && clock_parse(started, strlen(started), &e->peer.started_at_us) != 0) ||
	    take_endpoints(e, endpoints) != 0 || take_queues(e, queues) != 0) {
		entry_free(&e->peer);
		return ERR_INVALID;
	}
	*out = e;
	return 0;
}

int roleenv_peers_add(struct roleenv_peers *p, const char *json)
{
	json_t *root = jsonload(json, strlen(json), JSON_REJECT_DUPLICATES, NULL);
	struct entry *e = NULL;
	int rc = json_is_object(root) ? entry_decode(root, &e) : ERR_INVALID;

	json_decref(root);
	if (rc != 0)
		return rc;
	struct roleenv_peer **list = reallocarray(p->list, p->n + 1, SLOT);
	if (!list) {
		entry_free(&e->peer);
		return ERR_NOMEM;
	}
	p->list = list;
	p->list[p->n++] = &e->peer;
	return 0;
}

static int by_instance(const void *a, const void *b)
{
	return strcmp((*(struct roleenv_peer *const *)a)->instance, (*(struct roleenv_peer *const *)b)->instance);
}

void roleenv_peers_sort(struct roleenv_peers *p)
{
	size_t kept = 0;

	if (p->n == 0)
		return;
	qsort(p->list, p->n, SLOT, by_instance);
	for (size_t i = 1; i < p->n; i++) {
		if (by_instance(&p->list[kept], &p->list[i]) == 0)
			entry_free(p->list[kept]);
		else
			kept++;
		p->list[kept] = p->list[i];
	}
	p->n = kept + 1;
}

void roleenv_peers_clear(struct roleenv_peers *p)
{
	for (size_t i = 0; i < p->n; i++)
		entry_free(p->list[i]);
	free(p->list);
	p->list = NULL;
	p->n = 0;
}

void roleenv_peers_remove(struct roleenv_peers *p, size_t i)
{
	entry_free(p->list[i]);
	p->n--;
	memmove(p->list + i, p->list + i + 1, (p->n - i) * SLOT);
}

static bool same_endpoints(const struct roleenv_peer *a, const struct roleenv_peer *b)
{
	if (a->n_endpoints != b->n_endpoints)
		return false;
	for (size_t i = 0; i < a->n_endpoints; i++)
		if (strcmp(a->endpoints[i].name, b->endpoints[i].name) != 0 ||
		    strcmp(a->endpoints[i].at, b->endpoints[i].at) != 0)
			return false;
	return true;
}

void roleenv_peers_compare(const struct roleenv_peers *before, const struct roleenv_peers *after, const char *self,
			   roleenv_change_cb *cb, void *arg)
{
	size_t i = 0, k = 0;

	while (i < before->n || k < after->n) {
		int order = i == before->n ? 1 : k == after->n ? -1 : by_instance(&before->list[i], &after->list[k]);
		const struct roleenv_peer *peer = order < 0 ? before->list[i] : after->list[k];
		const struct roleenv_peer *old = order <= 0 ? before->list[i++] : NULL;
		k += order >= 0;
		if (strcmp(peer->instance, self) == 0)
			continue;
		if (!old)
			cb(arg, ROLEENV_JOINED, peer);
		else if (order < 0)
			cb(arg, ROLEENV_LEFT, peer);
		else if (!same_endpoints(old, peer))
			cb(arg, ROLEENV_CHANGED, peer);
	}
}

const char *roleenv_peer_at(const struct roleenv_peer *peer, const char *endpoint)
{
	for (size_t i = 0; i < peer->n_endpoints; i++)
		if (strcmp(peer->endpoints[i].name, endpoint) == 0)
			return peer->endpoints[i].at;
	return NULL;
}
