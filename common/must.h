/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Memory at start-up, where running out of it aborts. Never for what a client's input sizes. */
#ifndef SQUARE_MUST_H
#define SQUARE_MUST_H

#include <stdlib.h>
#include <string.h>

static inline void *must_calloc(size_t n, size_t size)
{
	void *p = calloc(n ? n : 1, size);

	if (!p)
		abort();
	return p;
}

/* Room for at least n elements of `size`, the new ones not cleared. */
static inline void *must_realloc(void *p, size_t n, size_t size)
{
	p = reallocarray(p, n ? n : 1, size);
	if (!p)
		abort();
	return p;
}

static inline char *must_strndup(const char *s, size_t n)
{
	char *p = strndup(s, n);

	if (!p)
		abort();
	return p;
}

static inline char *must_strdup(const char *s)
{
	return must_strndup(s, strlen(s));
}

#endif
