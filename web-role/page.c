/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "page.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void page_init(struct page *p, size_t entries_max, size_t bytes_max)
{
	*p = (struct page){ .entries_max = entries_max, .bytes_max = bytes_max };
}

void page_fini(struct page *p)
{
	for (size_t i = 0; i < p->n; i++)
		free(p->entries[i]);
	p->n = 0;
}

void page_begin(struct page *p)
{
	p->first = p->n;
	p->more = false;
	p->floor[0] = '\0';
}

/* An entry that moves while the page is made may be met again in a later section. */
bool page_wants(const struct page *p, const char *key, const char *id)
{
	if (strcmp(key, p->floor) < 0)
		return false;
	for (size_t i = 0; i < p->n; i++)
		if (strcmp(p->entries[i]->id, id) == 0)
			return false;
	return true;
}

void page_cut(struct page *p, const char *key)
{
	p->more = true;
	if (strcmp(key, p->floor) > 0)
		snprintf(p->floor, sizeof p->floor, "%s", key);
}

static void drop_last(struct page *p)
{
	struct page_entry *e = p->entries[--p->n];
	p->bytes -= e->n;
	free(e);
}

int page_add(struct page *p, const char *key, const char *id, const char *json, size_t n)
{
	struct page_entry *e = malloc(sizeof *e + n);
	if (!e)
		return ERR_NOMEM;
	snprintf(e->key, sizeof e->key, "%s", key);
	snprintf(e->id, sizeof e->id, "%s", id);
	e->n = n;
	memcpy(e->json, json, n);
	size_t at = p->n++;
	for (; at > p->first && strcmp(p->entries[at - 1]->key, key) < 0; at--)
		p->entries[at] = p->entries[at - 1];
	p->entries[at] = e;
	p->bytes += n;
	while (p->n > p->entries_max || (p->bytes > p->bytes_max && p->n > 1)) {
		page_cut(p, p->entries[p->n - 1]->key);
		drop_last(p);
	}
	return 0;
}

void page_end(struct page *p)
{
	while (p->n > p->first && strcmp(p->entries[p->n - 1]->key, p->floor) < 0)
		drop_last(p);
}

bool page_full(const struct page *p)
{
	return p->n >= p->entries_max || p->bytes >= p->bytes_max;
}

const char *page_last(const struct page *p)
{
	return p->n > p->first ? p->entries[p->n - 1]->key : "";
}
