/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "rcmd.h"

#include <stdio.h>
#include <string.h>

#include "err.h"

/* The head `*COUNT\r\n` is written last, right before the arguments, into room kept for it. */
#define HEAD_ROOM 16

void rcmd_init(struct rcmd *c)
{
	buf_init(&c->wire);
	c->argc = 0;
	c->follows = false;
	c->taken_by = NULL;
}

void rcmd_fini(struct rcmd *c)
{
	buf_fini(&c->wire);
	c->argc = 0;
}

int rcmd_copy(struct rcmd *to, const struct rcmd *from)
{
	rcmd_init(to);
	buf_append(&to->wire, from->wire.data, from->wire.len);
	to->argc = from->argc;
	to->follows = from->follows;
	to->taken_by = from->taken_by;
	if (!to->wire.failed && !from->wire.failed)
		return 0;
	rcmd_fini(to);
	return ERR_NOMEM;
}

void rcmd_clear(struct rcmd *c)
{
	buf_clear(&c->wire);
	c->argc = 0;
	c->follows = false;
	c->taken_by = NULL;
}

void rcmd_arg(struct rcmd *c, const void *p, size_t n)
{
	static const char room[HEAD_ROOM];
	if (c->argc == 0 && c->wire.len == 0)
		buf_append(&c->wire, room, sizeof room);
	if (buf_reserve(&c->wire, n + 32))
		return;
	buf_byte(&c->wire, '$');
	buf_uint(&c->wire, n);
	buf_append(&c->wire, "\r\n", 2);
	buf_append(&c->wire, p, n);
	buf_append(&c->wire, "\r\n", 2);
	c->argc++;
}

void rcmd_str(struct rcmd *c, const char *s)
{
	rcmd_arg(c, s, strlen(s));
}

void rcmd_uint(struct rcmd *c, uint64_t v)
{
	char digits[24];
	int n = snprintf(digits, sizeof digits, "%llu", (unsigned long long)v);
	rcmd_arg(c, digits, (size_t)n);
}

void rcmd_fcall(struct rcmd *c, const char *function, const char *key)
{
	rcmd_clear(c);
	rcmd_arg(c, "FCALL", 5);
	rcmd_str(c, function);
	rcmd_arg(c, "1", 1);
	rcmd_str(c, key);
}

const char *rcmd_bytes(struct rcmd *c, size_t *len)
{
	if (c->argc == 0 || buf_reserve(&c->wire, 1))
		return NULL;
	c->wire.data[c->wire.len] = '\0'; /* hiredis looks one byte behind a command of one word */
	char head[HEAD_ROOM];
	int n = snprintf(head, sizeof head, "*%u\r\n", c->argc);
	char *start = c->wire.data + HEAD_ROOM - n;
	memcpy(start, head, (size_t)n);
	*len = c->wire.len - (size_t)(HEAD_ROOM - n);
	return start;
}
