/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The leases of batches: one heartbeat for all of them, and what its answers tell: that a batch is lost, or that the
 * cancel of a running job was asked for. */
#include <stdlib.h>
#include <string.h>

#include "batch_parts.h"
#include "clock.h"
#include "log.h"

static void batch_lose(struct batch *b)
{
	log_warn("batch %s was lost: its lease ran out, its jobs are somebody else's", b->id);
	b->lost = true;
	b->in_flight++;
	for (size_t i = 0; i < b->n; i++) {
		struct entry *e = &b->entries[i];
		if (e->run)
			executor_cancel(e->run); /* its callback lets the entry go */
		else
			batch_entry_gone(e);
	}
	b->in_flight--;
	batch_settle(b);
}

static struct entry *find(struct batch *b, const char *id, size_t n)
{
	for (size_t i = 0; i < b->n; i++)
		if (n == ID_TEXT_LEN && memcmp(b->entries[i].id, id, n) == 0)
			return &b->entries[i];
	return NULL;
}

/* "cancel ID ID ...": jobs that run are stopped; those about to start learn it from the verdict of their start. */
static void batch_cancel(struct batch *b, const char *ids)
{
	while (*ids) {
		size_t n = strcspn(ids, " ");
		struct entry *e = find(b, ids, n);
		if (e && e->run)
			executor_cancel(e->run);
		ids += n + (ids[n] == ' ');
	}
}

void batch_cancel_job(struct batch_owner *o, const char *batch, const char *id)
{
	for (struct batch *b = o->batches; b; b = b->next)
		if (strcmp(b->id, batch) == 0) {
			batch_cancel(b, id);
			batch_settle(b);
			return;
		}
}

struct beat {
	size_t n;
	struct batch *batches[256];
};

static void on_extended(void *arg, int status, const struct rreply *answers)
{
	struct beat *beat = arg;
	for (size_t i = 0; i < beat->n; i++) {
		struct batch *b = beat->batches[i];
		const char *answer = status ? "" : rreply_str(rreply_at(answers, i), NULL);
		b->in_flight--;
		if (strcmp(answer, "lost") == 0 && b->left)
			batch_lose(b);
		else if (strncmp(answer, "cancel ", 7) == 0)
			batch_cancel(b, answer + 7), batch_settle(b);
		else
			batch_settle(b);
	}
	free(beat);
}

/* Extends the first leases from b on. Where to go on, NULL at the end. */
static struct batch *beat_some(struct batch_owner *o, struct batch *b, unsigned tag, uint64_t before_us)
{
	const char *ids[256];
	struct beat *beat = malloc(sizeof *beat);
	if (!beat)
		return NULL;
	beat->n = 0;
	for (; b && beat->n < 256; b = b->next)
		if (b->tag == tag && b->left && b->claimed_us <= before_us) {
			ids[beat->n] = b->id;
			beat->batches[beat->n++] = b;
		}
	if (beat->n == 0 ||
	    queue_extend(rlinks_at(o->links, o->tag(o, tag)), o->tag(o, tag), ids, beat->n, on_extended, beat)) {
		free(beat);
		return NULL;
	}
	for (size_t i = 0; i < beat->n; i++)
		beat->batches[i]->in_flight++;
	return b;
}

void batch_heartbeat(struct batch_owner *o, uint64_t min_age_us)
{
	uint64_t now_us = clock_mono_us();
	for (unsigned tag = 0; o->tag(o, tag); tag++)
		for (struct batch *b = o->batches; b;)
			b = beat_some(o, b, tag, now_us - min_age_us);
}
