/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The table is open addressing with linear probing. It has at most one entry a connection, so twice the setting
 * Connections is room enough for ever. An entry goes when its count is 0, and those behind it move up. */
#include "peers.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#define TRUSTED_MOST 64 /* as the setting allows */

struct address {
	uint64_t half[2]; /* IPv6; an IPv4 address is mapped into it */
};

struct network {
	struct address base;
	unsigned bits; /* of the base that count, of 128 */
};

struct entry {
	struct address address;
	unsigned count; /* 0: free */
};

struct peers {
	pthread_mutex_t lock;
	unsigned most; /* connections of one address; 0: any number */
	uint64_t seed;
	size_t mask, used;
	struct entry *table;
	size_t n_trusted;
	struct network trusted[TRUSTED_MOST];
};

static bool address_of(const struct sockaddr *peer, struct address *a)
{
	unsigned char bytes[16] = { [10] = 0xff, [11] = 0xff };
	if (peer && peer->sa_family == AF_INET)
		memcpy(bytes + 12, &((const struct sockaddr_in *)(const void *)peer)->sin_addr, 4);
	else if (peer && peer->sa_family == AF_INET6)
		memcpy(bytes, &((const struct sockaddr_in6 *)(const void *)peer)->sin6_addr, 16);
	else
		return false;
	memcpy(a, bytes, sizeof *a);
	return true;
}

static bool same(const struct address *a, const struct address *b)
{
	return a->half[0] == b->half[0] && a->half[1] == b->half[1];
}

/* ---- opening ---- */

/* An address, or a network such as 10.0.0.0/8. */
static void trust(struct peers *p, const char *text)
{
	struct sockaddr_in v4 = { .sin_family = AF_INET };
	struct sockaddr_in6 v6 = { .sin6_family = AF_INET6 };
	const struct sockaddr *at = (const struct sockaddr *)(const void *)&v6;
	size_t n = strcspn(text, "/");
	char address[INET6_ADDRSTRLEN];
	if (n >= sizeof address || p->n_trusted == TRUSTED_MOST)
		return; /* the setting's check has refused it */
	memcpy(address, text, n);
	address[n] = '\0';
	if (inet_pton(AF_INET, address, &v4.sin_addr) == 1)
		at = (const struct sockaddr *)(const void *)&v4;
	else if (inet_pton(AF_INET6, address, &v6.sin6_addr) != 1)
		return; /* likewise */
	struct network *net = &p->trusted[p->n_trusted++];
	address_of(at, &net->base);
	net->bits = text[n] ? (unsigned)strtoul(text + n + 1, NULL, 10) + (at->sa_family == AF_INET ? 96 : 0) : 128;
}

struct peers *peers_new(const struct config *config, struct errinfo *info)
{
	size_t room = 64, want = 2 * (size_t)config_int(config, CONFIG_CONNECTIONS);
	struct peers *p = calloc(1, sizeof *p);
	while (room < want)
		room *= 2;
	if (p)
		p->table = calloc(room, sizeof *p->table);
	if (!p || !p->table) {
		free(p);
		errinfo_set(info, ERR_NOMEM, "out of memory");
		return NULL;
	}
	pthread_mutex_init(&p->lock, NULL);
	p->mask = room - 1;
	p->most = (unsigned)config_int(config, CONFIG_ADDRESS_CONNECTIONS);
	if (getrandom(&p->seed, sizeof p->seed, GRND_NONBLOCK) != sizeof p->seed)
		p->seed = (uint64_t)(uintptr_t)p;
	for (size_t i = 0; i < config_list_count(config, CONFIG_TRUSTED_PROXIES); i++)
		trust(p, config_list_at(config, CONFIG_TRUSTED_PROXIES, i));
	return p;
}

void peers_free(struct peers *p)
{
	if (!p)
		return;
	pthread_mutex_destroy(&p->lock);
	free(p->table);
	free(p);
}

/* ---- counting ---- */

static uint64_t mix(uint64_t x)
{
	x = (x ^ x >> 32) * UINT64_C(0xd6e8feb86659fd93);
	x = (x ^ x >> 32) * UINT64_C(0xd6e8feb86659fd93);
	return x ^ x >> 32;
}

static size_t home(const struct peers *p, const struct address *a)
{
	return mix(mix(a->half[0] ^ p->seed) ^ a->half[1]) & p->mask;
}

/* Its entry, or the free one where it would be. */
static size_t find(const struct peers *p, const struct address *a)
{
	size_t i = home(p, a);
	while (p->table[i].count && !same(&p->table[i].address, a))
		i = (i + 1) & p->mask;
	return i;
}

/* Knuth, TAOCP 6.4, algorithm R: what follows moves into the gap unless it is at home behind it. */
static void remove_at(struct peers *p, size_t gap)
{
	for (size_t i = (gap + 1) & p->mask; p->table[i].count; i = (i + 1) & p->mask) {
		size_t want = home(p, &p->table[i].address);
		if (((i - want) & p->mask) < ((i - gap) & p->mask))
			continue;
		p->table[gap] = p->table[i];
		gap = i;
	}
	p->table[gap].count = 0;
	p->used--;
}

static bool is_within(const struct network *net, const struct address *a)
{
	unsigned char base[16], bytes[16];
	size_t whole = net->bits / 8;
	memcpy(base, &net->base, sizeof base);
	memcpy(bytes, a, sizeof bytes);
	return memcmp(base, bytes, whole) == 0 &&
	       (net->bits % 8 == 0 || (base[whole] ^ bytes[whole]) >> (8 - net->bits % 8) == 0);
}

static bool is_trusted(const struct peers *p, const struct address *a)
{
	for (size_t i = 0; i < p->n_trusted; i++)
		if (is_within(&p->trusted[i], a))
			return true;
	return false;
}

bool peers_trusted(const struct peers *p, const struct sockaddr *peer)
{
	struct address a;
	return p->n_trusted && address_of(peer, &a) && is_trusted(p, &a);
}

bool peers_enter(struct peers *p, const struct sockaddr *peer)
{
	struct address a;
	bool taken = true;
	if (!p->most || !address_of(peer, &a) || is_trusted(p, &a))
		return true;
	pthread_mutex_lock(&p->lock);
	struct entry *e = &p->table[find(p, &a)];
	if (e->count < p->most && p->used < p->mask) { /* one entry stays free: it ends every search */
		e->address = a;
		p->used += e->count++ == 0;
	} else {
		taken = false;
	}
	pthread_mutex_unlock(&p->lock);
	return taken;
}

void peers_leave(struct peers *p, const struct sockaddr *peer)
{
	struct address a;
	if (!p->most || !address_of(peer, &a) || is_trusted(p, &a))
		return;
	pthread_mutex_lock(&p->lock);
	size_t i = find(p, &a);
	if (p->table[i].count && --p->table[i].count == 0)
		remove_at(p, i);
	pthread_mutex_unlock(&p->lock);
}

/* ---- naming ---- */

/* Much faster than inet_ntop(), and it is done for each request. */
static char *put_byte(char *out, unsigned value)
{
	if (value >= 100)
		*out++ = (char)('0' + value / 100);
	if (value >= 10)
		*out++ = (char)('0' + value / 10 % 10);
	*out++ = (char)('0' + value % 10);
	return out;
}

static void put_v4(const unsigned char bytes[4], char *out)
{
	for (int i = 0; i < 4; i++) {
		out = put_byte(out, bytes[i]);
		*out++ = i < 3 ? '.' : '\0';
	}
}

static struct http_text last_element(struct http_text list)
{
	const char *comma = list.n ? memrchr(list.p, ',', list.n) : NULL;
	if (comma)
		list = (struct http_text){ comma + 1, (size_t)(list.p + list.n - comma - 1) };
	while (list.n && (list.p[0] == ' ' || list.p[0] == '\t'))
		list.p++, list.n--;
	while (list.n && (list.p[list.n - 1] == ' ' || list.p[list.n - 1] == '\t'))
		list.n--;
	return list;
}

static bool forwarded_address(struct http_text list, char out[PEERS_ADDRESS_SIZE])
{
	unsigned char parsed[16];
	char text[PEERS_ADDRESS_SIZE];
	struct http_text last = last_element(list);
	if (last.n == 0 || last.n >= sizeof text)
		return false;
	memcpy(text, last.p, last.n);
	text[last.n] = '\0';
	if (inet_pton(AF_INET, text, parsed) != 1 && inet_pton(AF_INET6, text, parsed) != 1)
		return false;
	memcpy(out, text, last.n + 1);
	return true;
}

void peers_client(const struct peers *p, const struct sockaddr *peer, struct http_text forwarded_for,
		  char out[PEERS_ADDRESS_SIZE])
{
	struct address a;
	unsigned char bytes[16];
	static const unsigned char mapped[12] = { [10] = 0xff, [11] = 0xff };
	out[0] = '\0';
	if (!address_of(peer, &a))
		return;
	if (forwarded_for.p && is_trusted(p, &a) && forwarded_address(forwarded_for, out))
		return;
	memcpy(bytes, &a, sizeof bytes);
	if (memcmp(bytes, mapped, sizeof mapped) == 0)
		put_v4(bytes + 12, out);
	else
		inet_ntop(AF_INET6, bytes, out, PEERS_ADDRESS_SIZE);
}
