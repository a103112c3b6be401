/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "keys.h"

#include <stdio.h>
#include <string.h>

#include "err.h"

static bool is_word(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
}

bool keys_queue_valid(const char *name, size_t n)
{
	if (n == 0 || n > KEYS_QUEUE_MAX || !is_word(name[0]))
		return false;
	for (size_t i = 1; i < n; i++)
		if (!is_word(name[i]) && name[i] != '_' && name[i] != '-')
			return false;
	return true;
}

void keys_tag(char out[KEYS_TAG_SIZE], const char *queue, unsigned shard)
{
	snprintf(out, KEYS_TAG_SIZE, "{jq:%s:%u}", queue, shard);
}

int keys_tag_parse(const char *tag, char *queue, unsigned *shard)
{
	if (strncmp(tag, "{jq:", 4) != 0)
		return ERR_INVALID;
	const char *name = tag + 4, *colon = strchr(name, ':');
	if (!colon || !keys_queue_valid(name, (size_t)(colon - name)))
		return ERR_INVALID;
	unsigned value = 0;
	const char *p = colon + 1;
	for (; *p >= '0' && *p <= '9' && p < colon + 5; p++)
		value = value * 10 + (unsigned)(*p - '0');
	if (p == colon + 1 || strcmp(p, "}") != 0)
		return ERR_INVALID;
	memcpy(queue, name, (size_t)(colon - name));
	queue[colon - name] = '\0';
	*shard = value;
	return 0;
}

void keys_job(char out[KEYS_NAME_SIZE], const char *tag, const char *id)
{
	snprintf(out, KEYS_NAME_SIZE, "%s:j:%s", tag, id);
}

void keys_reply(char out[KEYS_NAME_SIZE], const char *tag, const char *receiver)
{
	snprintf(out, KEYS_NAME_SIZE, "%s:r:%s", tag, receiver);
}

void keys_markers(char out[KEYS_NAME_SIZE], const char *tag)
{
	snprintf(out, KEYS_NAME_SIZE, "%s:mk", tag);
}

void keys_cancels(char out[KEYS_NAME_SIZE], const char *tag, const char *instance, const char *boot)
{
	snprintf(out, KEYS_NAME_SIZE, "%s:k:%s.%s", tag, instance, boot);
}
