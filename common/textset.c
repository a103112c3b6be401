/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "textset.h"

#include <stdlib.h>
#include <string.h>

#include "err.h"

#define FIRST_SIZE 256 /* a power of two; never more than half full */

void textset_init(struct textset *s)
{
	*s = (struct textset){ NULL, 0, 0 };
}

void textset_fini(struct textset *s)
{
	free(s->slots);
	textset_init(s);
}

void textset_clear(struct textset *s)
{
	if (s->size)
		memset(s->slots, 0, s->size * sizeof *s->slots);
	s->used = 0;
}

/* The finaliser of MurmurHash3: every bit of the input moves every bit of the output. */
static uint64_t mix(uint64_t h)
{
	h = (h ^ (h >> 33)) * 0xff51afd7ed558ccdull;
	h = (h ^ (h >> 33)) * 0xc4ceb9fe1a85ec53ull;
	return h ^ (h >> 33);
}

/* Two chains over words of eight bytes, each stirred on its own. */
static void digest(const char *p, size_t n, uint64_t out[2])
{
	uint64_t a = 0x9e3779b97f4a7c15ull ^ n, b = 0xd1b54a32d192ed03ull + n;

	for (size_t i = 0; i < n; i += 8) {
		uint64_t word = 0;
		memcpy(&word, p + i, n - i < 8 ? n - i : 8);
		a = mix(a ^ word);
		b = mix(b + word * 0xaf251af3b0f025b5ull);
	}
	out[0] = a;
	out[1] = b | 1; /* never a free slot */
}

static uint64_t *find(const struct textset *s, const uint64_t key[2])
{
	size_t at = key[0] & (s->size - 1);

	while (s->slots[at][1] && (s->slots[at][0] != key[0] || s->slots[at][1] != key[1]))
		at = (at + 1) & (s->size - 1);
	return s->slots[at];
}

static int grow(struct textset *s)
{
	struct textset more = { NULL, s->used, s->size ? s->size * 2 : FIRST_SIZE };

	more.slots = calloc(more.size, sizeof *more.slots);
	if (!more.slots)
		return ERR_NOMEM;
	for (size_t i = 0; i < s->size; i++)
		if (s->slots[i][1])
			memcpy(find(&more, s->slots[i]), s->slots[i], sizeof *s->slots);
	free(s->slots);
	*s = more;
	return 0;
}

int textset_add(struct textset *s, const char *p, size_t n)
{
	uint64_t key[2];

	if (s->used * 2 >= s->size && grow(s))
		return ERR_NOMEM;
	digest(p, n, key);
	uint64_t *slot = find(s, key);
	if (slot[1])
		return 0;
	memcpy(slot, key, sizeof key);
	s->used++;
	return 1;
}

bool textset_has(const struct textset *s, const char *p, size_t n)
{
	uint64_t key[2];

	if (!s->size)
		return false;
	digest(p, n, key);
	return find(s, key)[1] != 0;
}
