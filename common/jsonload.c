/* SPDX-License-Identifier: GPL-3.0-or-later */
/* When memory runs out, jansson 2.14 may give up without a word, or say that a token is invalid; and where its buffer
 * for a token cannot grow it leaves out a character and goes on: a digit of a number, a letter of a name. So its
 * allocations go through here, where one that fails is noted, and then no tree is given out. */
#include "jsonload.h"

#include <stdlib.h>
#include <string.h>

static _Thread_local bool ran_out;

static void *allocate(size_t n)
{
	void *p = malloc(n);
	ran_out |= !p;
	return p;
}

/* Before main(), as another thread may be in jansson at any later time. */
__attribute__((constructor)) static void install(void)
{
	json_set_alloc_funcs(allocate, free);
}

json_t *jsonload(const char *text, size_t n, size_t flags, json_error_t *error)
{
	json_error_t own;
	if (!error)
		error = &own;
	memset(error, 0, sizeof *error); /* jansson leaves the code alone when it has nothing to say */
	ran_out = false;
	json_t *tree = json_loadb(text, n, flags, error);
	if (ran_out) {
		json_decref(tree);
		tree = NULL;
		memset(error->text, 0, sizeof error->text);
		memcpy(error->text, "out of memory", sizeof "out of memory");
		error->text[JSON_ERROR_TEXT_LENGTH - 1] = json_error_out_of_memory;
	}
	return tree;
}

bool jsonload_no_memory(const json_error_t *error)
{
	return json_error_code(error) == json_error_out_of_memory;
}
