/* SPDX-License-Identifier: GPL-3.0-or-later */
/* One page of a listing, merged from the pages of several sources, section by section. Entries have keys that fall
 * within a section. What is held is bounded, however much the sources send: of the entries seen so far the best are
 * kept, and what was dropped, or was not sent by a source whose own page was cut, is remembered as a floor. Below it
 * the merge is not complete, so that the page ends there. No I/O; one thread at a time. */
#ifndef SQUARE_PAGE_H
#define SQUARE_PAGE_H

#include <stdbool.h>
#include <stddef.h>

#include "id.h"
#include "queue.h"

#define PAGE_ENTRIES_MAX QUEUE_LIST_MAX

struct page_entry {
	char key[QUEUE_LIST_KEY_SIZE];
	char id[ID_TEXT_SIZE];
	size_t n;
	char json[]; /* n bytes */
};

struct page {
	size_t entries_max, bytes_max; /* a page has one entry at least, however large */
	struct page_entry *entries[PAGE_ENTRIES_MAX + 1];
	size_t n, bytes;
	/* the section that is being filled */
	size_t first; /* of its entries */
	bool more;    /* it does not end with this page */
	char floor[QUEUE_LIST_KEY_SIZE];
};

void page_init(struct page *p, size_t entries_max, size_t bytes_max); /* 1..PAGE_ENTRIES_MAX */
void page_fini(struct page *p);
void page_begin(struct page *p); /* the next section; its entries come behind what there is */
/* Whether an entry may still come onto the page; one that is on it already need not come again. */
bool page_wants(const struct page *p, const char *key, const char *id);
/* Puts an entry in its place; json is copied. 0, or ERR_NOMEM. */
int page_add(struct page *p, const char *key, const char *id, const char *json, size_t n);
/* A source has sent its entries down to this key, and may have more. */
void page_cut(struct page *p, const char *key);
/* Everything came that was asked for: drops what stands below the floor. */
void page_end(struct page *p);
bool page_full(const struct page *p);
/* The last key of the section, "" when it has no entry. */
const char *page_last(const struct page *p);

#endif
