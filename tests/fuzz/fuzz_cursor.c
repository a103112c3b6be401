/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Any bytes as the cursor of a listing, which comes back from a client: refused, or exactly what encoding would give.
 */
#include <ctype.h>
#include <string.h>

#include "cursor.h"
#include "err.h"
#include "fuzz.h"

FUZZ_TARGET(cursor)
{
	char section = 0, key[CURSOR_KEY_SIZE], text[CURSOR_SIZE];
	int rc = cursor_decode((const char *)data, size, &section, key);
	expect(rc == 0 || (rc == ERR_INVALID && section == 0));
	if (rc)
		return 0;
	expect(isgraph((unsigned char)section) && memchr(key, '\0', sizeof key));
	for (const char *c = key; *c; c++)
		expect(isgraph((unsigned char)*c));
	cursor_encode(text, section, key);
	expect(strlen(text) == size && memcmp(text, data, size) == 0);
	return 0;
}
