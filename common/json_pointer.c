/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "json_pointer.h"

void json_pointer_member(char *out, size_t size, const char *name)
{
	size_t n = 0;
	out[n++] = '/';
	for (; *name && n + 3 < size; name++) {
		if (*name == '~' || *name == '/') {
			out[n++] = '~';
			out[n++] = *name == '~' ? '0' : '1';
		} else {
			out[n++] = *name;
		}
	}
	out[n] = '\0';
}
