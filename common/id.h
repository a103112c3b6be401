/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Job ids: UUID version 7 (RFC 9562): 48 bits of milliseconds, 12 bits of counter that keep one generator's ids
 * ascending within a millisecond, then 12 bits that name the queue's registered tag (so that any instance computes a
 * job's key from its id alone) and 50 random bits. A generator belongs to one thread. */
#ifndef SQUARE_ID_H
#define SQUARE_ID_H

#include <stddef.h>
#include <stdint.h>

#define ID_TEXT_LEN 36
#define ID_TEXT_SIZE (ID_TEXT_LEN + 1)
#define ID_TAG_MAX 4095

struct id {
	uint8_t b[16];
};

struct idgen {
	uint64_t last_ms;
	uint16_t counter;
	uint64_t random[2]; /* state of the generator, seeded by getrandom(2) */
};

void idgen_init(struct idgen *g);
/* tag: 0..ID_TAG_MAX. Ids of one generator are strictly ascending as text, even if the wall clock steps back. */
struct id id_make(struct idgen *g, unsigned tag);
void id_format(const struct id *id, char out[ID_TEXT_SIZE]); /* lower-case text */
/* Canonical 8-4-4-4-12 text of a version 7 UUID, either case. 0, or ERR_INVALID with *id untouched. */
int id_parse(const char *s, size_t n, struct id *id);
unsigned id_tag(const struct id *id);

#endif
