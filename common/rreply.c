/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Views of a hiredis reply, so that nobody outside the Redis link sees one. `struct rreply` is never defined: a pointer
 * to it is a pointer to the library's reply. */
#include <hiredis/hiredis.h>
#include <stdlib.h>

#include "rlink.h"

static const redisReply *raw(const struct rreply *r)
{
	return (const redisReply *)(const void *)r;
}

enum rreply_type rreply_type(const struct rreply *r)
{
	if (!r)
		return RREPLY_NIL;
	switch (raw(r)->type) {
	case REDIS_REPLY_STRING:
		return RREPLY_STRING;
	case REDIS_REPLY_STATUS:
		return RREPLY_STATUS;
	case REDIS_REPLY_INTEGER:
		return RREPLY_INTEGER;
	case REDIS_REPLY_ARRAY:
		return RREPLY_ARRAY;
	case REDIS_REPLY_ERROR:
		return RREPLY_ERROR;
	default:
		return RREPLY_NIL;
	}
}

const char *rreply_str(const struct rreply *r, size_t *len)
{
	enum rreply_type type = rreply_type(r);
	bool text = type == RREPLY_STRING || type == RREPLY_STATUS || type == RREPLY_ERROR;
	if (len)
		*len = text ? (size_t)raw(r)->len : 0;
	return text ? raw(r)->str : "";
}

int64_t rreply_int(const struct rreply *r)
{
	switch (rreply_type(r)) {
	case RREPLY_INTEGER:
		return raw(r)->integer;
	case RREPLY_STRING:
	case RREPLY_STATUS:
		return strtoll(raw(r)->str, NULL, 10);
	default:
		return 0;
	}
}

size_t rreply_count(const struct rreply *r)
{
	return rreply_type(r) == RREPLY_ARRAY ? raw(r)->elements : 0;
}

const struct rreply *rreply_at(const struct rreply *r, size_t i)
{
	return i < rreply_count(r) ? (const struct rreply *)(const void *)raw(r)->element[i] : NULL;
}
