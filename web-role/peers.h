/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Who is at the other end of the connections: how many each address has open, and which addresses are load balancers
 * whose word about their clients is taken (setting TrustedProxies). One for the process, shared by its reactors; the
 * table has a mutex, held for some comparisons when a connection opens and closes. Any thread. */
#ifndef SQUARE_PEERS_H
#define SQUARE_PEERS_H

#include <stdbool.h>
#include <sys/socket.h>

#include "config.h"
#include "http_head.h"

#define PEERS_ADDRESS_SIZE 46 /* an address as text */

struct peers;
/* Settings: AddressConnections, TrustedProxies, Connections. NULL with *info when memory runs out. */
struct peers *peers_new(const struct config *config, struct errinfo *info);
void peers_free(struct peers *p);

/* False: the address has as many connections as it may, and this one does not count. */
bool peers_enter(struct peers *p, const struct sockaddr *peer);
/* For each that peers_enter() took. */
void peers_leave(struct peers *p, const struct sockaddr *peer);
bool peers_trusted(const struct peers *p, const struct sockaddr *peer);

/* Whose request it is, as text: the peer's address, or what a trusted one says in the last element of X-Forwarded-For
 * when that is an address. "" for a peer that has none. */
void peers_client(const struct peers *p, const struct sockaddr *peer, struct http_text forwarded_for,
		  char out[PEERS_ADDRESS_SIZE]);

#endif
