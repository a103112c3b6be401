/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "id.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/random.h>

#include "clock.h"
#include "err.h"

#define COUNTER_MAX 0xfff
#define COUNTER_SEED 0x7ff /* a fresh millisecond begins in the lower half: room for 2,048 more */
#define MS_MASK ((UINT64_C(1) << 48) - 1)
#define RANDOM_MASK ((UINT64_C(1) << 50) - 1)

void idgen_init(struct idgen *g)
{
	char *p = (char *)g->random;
	size_t got = 0;

	while (got < sizeof(g->random)) {
		ssize_t n = getrandom(p + got, sizeof(g->random) - got, 0);
		if (n > 0)
			got += (size_t)n;
		else if (errno != EINTR)
			abort(); /* no ids without randomness; cannot happen on Linux >= 3.17 */
	}
	if (g->random[0] == 0 && g->random[1] == 0)
		g->random[0] = 1; /* the one state that xoroshiro never leaves */
	g->last_ms = 0;
	g->counter = 0;
}

static uint64_t rotate(uint64_t x, int k)
{
	return (x << k) | (x >> (64 - k));
}

/* xoroshiro128++ (Blackman and Vigna): the ids need to be different, not secret. */
static uint64_t next_random(struct idgen *g)
{
	uint64_t a = g->random[0], b = g->random[1];
	uint64_t out = rotate(a + b, 17) + a;

	b ^= a;
	g->random[0] = rotate(a, 49) ^ b ^ (b << 21);
	g->random[1] = rotate(b, 28);
	return out;
}

struct id id_make(struct idgen *g, unsigned tag)
{
	uint64_t now_ms = clock_wall_us() / 1000;
	struct id id;

	if (now_ms > g->last_ms) {
		g->last_ms = now_ms;
		g->counter = (uint16_t)(next_random(g) & COUNTER_SEED);
	} else if (g->counter < COUNTER_MAX) {
		g->counter++;
	} else {
		/* The millisecond is full (or the wall clock stepped back): borrow from the next one. */
		g->last_ms++;
		g->counter = 0;
	}
	uint64_t high = (g->last_ms & MS_MASK) << 16 | UINT64_C(7) << 12 | g->counter;
	uint64_t low = UINT64_C(2) << 62 | (uint64_t)(tag & ID_TAG_MAX) << 50 | (next_random(g) & RANDOM_MASK);
	for (int i = 0; i < 8; i++) {
		id.b[i] = (uint8_t)(high >> (56 - 8 * i));
		id.b[8 + i] = (uint8_t)(low >> (56 - 8 * i));
	}
	return id;
}

void id_format(const struct id *id, char out[ID_TEXT_SIZE])
{
	static const char hex[] = "0123456789abcdef";
	char *p = out;

	for (int i = 0; i < 16; i++) {
		if (i == 4 || i == 6 || i == 8 || i == 10)
			*p++ = '-';
		*p++ = hex[id->b[i] >> 4];
		*p++ = hex[id->b[i] & 15];
	}
	*p = '\0';
}

static int hex_value(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c |= 0x20;
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

int id_parse(const char *s, size_t n, struct id *id)
{
	struct id out;

	if (n != ID_TEXT_LEN)
		return ERR_INVALID;
	for (int i = 0; i < 16; i++) {
		if ((i == 4 || i == 6 || i == 8 || i == 10) && *s++ != '-')
			return ERR_INVALID;
		int high = hex_value(s[0]), low = hex_value(s[1]);
		if (high < 0 || low < 0)
			return ERR_INVALID;
		out.b[i] = (uint8_t)(high << 4 | low);
		s += 2;
	}
	if (out.b[6] >> 4 != 7 || out.b[8] >> 6 != 2)
		return ERR_INVALID;
	*id = out;
	return 0;
}

unsigned id_tag(const struct id *id)
{
	return (unsigned)(id->b[8] & 0x3f) << 6 | (unsigned)id->b[9] >> 2;
}
