/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "durability.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *const names[] = {
	[DURABILITY_UNKNOWN] = "unknown",
	[DURABILITY_NO] = "no",
	[DURABILITY_EVERYSEC] = "everysec",
	[DURABILITY_ALWAYS] = "always",
};

void durability_learn(struct durability *d, const char *info)
{
	d->aof = strstr(info, "aof_enabled:1") != NULL;
	d->evicts = strstr(info, "maxmemory_policy:noeviction") == NULL;
}

enum durability_fsync durability_fsync_of(const char *text)
{
	for (int i = DURABILITY_NO; i <= DURABILITY_ALWAYS; i++)
		if (strcmp(text, names[i]) == 0)
			return (enum durability_fsync)i;
	return DURABILITY_UNKNOWN;
}

const char *durability_fsync_name(enum durability_fsync fsync)
{
	return names[fsync];
}

static bool is_volatile(const struct durability *d)
{
	return !d->aof || d->evicts;
}

void durability_text(const struct durability *d, char out[DURABILITY_TEXT_SIZE])
{
	int n = snprintf(out, DURABILITY_TEXT_SIZE, "%s", is_volatile(d) ? "volatile" : names[d->fsync]);
	if (d->replicas)
		snprintf(out + n, DURABILITY_TEXT_SIZE - (size_t)n, ";replicas=%u", d->replicas);
}

void durability_json(const struct durability *d, struct buf *out)
{
	buf_printf(out, "{\"appendfsync\":\"%s\",\"replicas\":%u,\"survives\":[\"role-crash\"",
		   d->aof ? names[d->fsync] : "off", d->replicas);
	if (!is_volatile(d))
		buf_puts(out, ",\"redis-crash\"");
	if (!is_volatile(d) && d->fsync == DURABILITY_ALWAYS)
		buf_puts(out, ",\"machine-crash\"");
	if (!d->evicts && d->replicas)
		buf_puts(out, ",\"master-loss\"");
	buf_puts(out, "]}");
}

/* The text behind "\nname:", searched from `text` on; NULL when there is none. */
static const char *field(const char *text, const char *name)
{
	const char *at = text ? strstr(text, name) : NULL;
	return at ? at + strlen(name) : NULL;
}

/* The fields are looked for in the order in which Redis has written them since 4.0, so that the text is passed once. */
bool durability_sample_read(struct durability_sample *s, const char *text)
{
	const char *enabled = field(text, "\naof_enabled:"), *status = field(enabled, "\naof_last_write_status:");
	const char *size = field(status, "\naof_current_size:"), *base = field(size, "\naof_base_size:");
	const char *held = field(base, "\naof_buffer_length:"), *fsyncs = field(held, "\naof_pending_bio_fsync:");
	*s = (struct durability_sample){ 0 };
	if (!status)
		return false;
	s->aof = *enabled == '1';
	s->write_ok = strncmp(status, "ok", 2) == 0;
	if (!s->aof)
		return true;
	if (!fsyncs)
		return false;
	s->written = strtoull(size, NULL, 10);
	s->base = strtoull(base, NULL, 10);
	s->held = strtoull(held, NULL, 10);
	s->fsync_runs = strtoull(fsyncs, NULL, 10) != 0;
	return true;
}

bool durability_written(struct durability_mark *mark, const struct durability_sample *now)
{
	if (!now->fsync_runs)
		return true;
	if (mark->set && mark->base == now->base)
		return now->written >= mark->position;
	/* The first look, or the file was rewritten in between and is measured anew. */
	*mark = (struct durability_mark){ true, now->base, now->written + now->held };
	return now->held == 0;
}
