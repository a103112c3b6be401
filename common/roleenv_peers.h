/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The part of the role environment that knows the others: entries of the registry made into a sorted list, and the
 * difference of two lists. Used by roleenv.c, and by whoever shows the registry as it is. */
#ifndef SQUARE_ROLEENV_PEERS_H
#define SQUARE_ROLEENV_PEERS_H

#include <stddef.h>

#include "roleenv.h"

struct roleenv_peers {
	struct roleenv_peer **list; /* sorted by instance, each once */
	size_t n;
};

/* Adds the instance of an entry. 0; ERR_INVALID when the entry cannot be read; ERR_NOMEM. Sort afterwards. */
int roleenv_peers_add(struct roleenv_peers *p, const char *json);
void roleenv_peers_sort(struct roleenv_peers *p); /* the last added of equal instances stays */
void roleenv_peers_clear(struct roleenv_peers *p);
void roleenv_peers_remove(struct roleenv_peers *p, size_t i); /* keeps the order */
/* Calls cb for every difference, except of the instance `self`. */
void roleenv_peers_compare(const struct roleenv_peers *before, const struct roleenv_peers *after, const char *self,
			   roleenv_change_cb *cb, void *arg);

#endif
