/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Numeric IP addresses as text, with and without a port. No name is ever resolved here. */
#ifndef SQUARE_ADDRESS_H
#define SQUARE_ADDRESS_H

#include <stdbool.h>

#define ADDRESS_SIZE 46 /* the longest numeric address and its zero */

/* Reads "127.0.0.1:80" or "[::1]:80"; the address goes out without brackets. Port 0 is taken. 0, or ERR_INVALID with
 * the outputs untouched. */
int address_parse(const char *s, char address[ADDRESS_SIZE], unsigned *port);
bool address_valid(const char *address);    /* IPv4 or IPv6, no brackets */
bool address_loopback(const char *address); /* reachable from this host alone */
bool address_wildcard(const char *address); /* 0.0.0.0 or ::, all addresses of this host */
/* The first address of this host by which others may reach it, IPv4 if there is one; else 127.0.0.1. */
void address_own(char out[ADDRESS_SIZE]);

#endif
