/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "math/function.h"

#include <string.h>

static const struct function *const tables[] = { function_elementary, function_special, NULL };

const struct function *function_at(size_t i)
{
	for (const struct function *const *table = tables; *table; table++)
		for (const struct function *f = *table; f->name; f++)
			if (i-- == 0)
				return f;
	return NULL;
}

const struct function *function_find(const char *name)
{
	const struct function *f;

	for (size_t i = 0; (f = function_at(i)) != NULL; i++)
		if (strcmp(f->name, name) == 0)
			return f;
	return NULL;
}
