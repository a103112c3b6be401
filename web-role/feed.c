/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A turn: figures of all queues; then, of queues where jobs finished since the last turn, the newest of those; then the
 * instances. Each is one answer of Redis or some; the events go out when the last is there. */
#include "feed.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "clock.h"
#include "figures.h"
#include "handlers/find.h"
#include "instances.h"
#include "job_json.h"
#include "log.h"
#include "response.h"

#define FRESH_US 1500000 /* figures that are no older will do for a new reader */

struct feed_shard {
	struct feed_queue *queue;
	char newest[QUEUE_LIST_KEY_SIZE]; /* jobs with greater keys are news */
};

/* What the feed knows of a queue since it was last read. */
struct feed_queue {
	struct feed_queue *next;
	struct feed *feed;
	const struct tag_queue *of;
	uint64_t finished;  /* ever, when it was last looked at */
	uint64_t accounted; /* of these and later ones, those that had an event or were counted as skipped */
	uint64_t fresh;     /* of this turn */
	unsigned pages;     /* of its shards, that this turn waits for */
	uint64_t seen;      /* on these */
	bool lacks;         /* one of them did not come */
	struct feed_shard shards[QUEUE_SHARDS_MAX];
	struct buf json; /* the queue object */
	bool there;      /* in this turn */
	bool owes_begin; /* its figures were not whole since the feed has been read: what is history is not known yet */
};

struct feed_job {
	char key[QUEUE_LIST_KEY_SIZE];
	const struct feed_queue *queue;
	struct buf event;
};

struct feed {
	struct reactor *reactor;
	uv_timer_t timer;
	struct feed_reader *readers, *cursor;
	struct feed_queue *queues;
	struct feed_job jobs[FEED_JOBS]; /* of this turn, the newest first */
	unsigned n_jobs;
	unsigned pending; /* answers this turn waits for */
	bool collecting, ended;
	bool readable; /* this turn's figures came */
	bool queues_changed, workers_changed, has_workers;
	uint64_t redis_us; /* the time of Redis at the last figures */
	uint64_t queues_print, workers_print;
	uint64_t read_us;   /* when the figures were there */
	uint64_t told_us;   /* when they were last told to all */
	struct buf all;     /* the event of all queues, of this turn */
	struct buf workers; /* {"workers":[…]} */
};

/* ---- texts ---- */

static uint64_t print_of(uint64_t hash, const char *p, size_t n)
{
	for (size_t i = 0; i < n; i++)
		hash = (hash ^ (unsigned char)p[i]) * 1099511628211u;
	return hash;
}
#define PRINT_BEGIN 14695981039346656037u /* FNV-1a: it tells texts of ours apart, it guards nothing */

static bool is_for(const struct feed_reader *reader, const struct feed_queue *q)
{
	return !reader->queue[0] || strcmp(reader->queue, q->of->name) == 0;
}

/* reader: NULL for all queues. */
static void put_queues(struct buf *out, const struct feed *f, const struct feed_reader *reader)
{
	struct buf json = BUF_INIT;
	bool any = false;
	buf_puts(&json, "{\"queues\":[");
	for (const struct feed_queue *q = f->queues; q; q = q->next) {
		if (!q->there || (reader && !is_for(reader, q)))
			continue;
		if (any)
			buf_byte(&json, ',');
		any = true;
		buf_append(&json, q->json.data, q->json.len);
	}
	buf_puts(&json, "]}");
	stream_event(out, "queues", NULL, json.data ? json.data : "", json.len);
	out->failed = out->failed || json.failed;
	buf_fini(&json);
}

/* ---- the turn's end: telling ---- */

/* True when it was taken. An event that could not be made for want of memory was not. */
static bool send_event(struct feed_reader *reader, const struct buf *event)
{
	return !event->failed && stream_write(&reader->stream, event->data, event->len) == 0;
}

static void tell_skipped(struct feed_reader *reader)
{
	struct buf event = BUF_INIT;
	char json[40];
	snprintf(json, sizeof json, "{\"n\":%llu}", (unsigned long long)reader->skipped);
	stream_event(&event, "skipped", NULL, json, strlen(json));
	if (send_event(reader, &event))
		reader->skipped = 0;
	buf_fini(&event);
}

static void tell_jobs(struct feed *f, struct feed_reader *reader)
{
	uint64_t finished = 0;
	for (const struct feed_queue *q = f->queues; q; q = q->next)
		if (q->there && is_for(reader, q))
			finished += q->fresh;
	uint64_t told = 0;
	for (unsigned i = f->n_jobs; i-- > 0;)
		if (is_for(reader, f->jobs[i].queue))
			told += send_event(reader, &f->jobs[i].event);
	if (finished > told)
		reader->skipped += finished - told;
	if (reader->skipped)
		tell_skipped(reader);
}

static void tell_queues(const struct feed *f, struct feed_reader *reader)
{
	struct buf event = BUF_INIT;
	if (!reader->queue[0]) {
		send_event(reader, &f->all);
		return;
	}
	put_queues(&event, f, reader);
	send_event(reader, &event);
	buf_fini(&event);
}

/* Told when it changes, so whoever did not take it is told again. */
static void tell_workers(const struct feed *f, struct feed_reader *reader)
{
	struct buf event = BUF_INIT;
	stream_event(&event, "workers", NULL, f->workers.data, f->workers.len);
	reader->lacks_workers = !send_event(reader, &event);
	buf_fini(&event);
}

static void tell(struct feed *f, struct feed_reader *reader)
{
	if (f->queues_changed)
		tell_queues(f, reader);
	if (f->workers_changed || reader->lacks_workers)
		tell_workers(f, reader);
	tell_jobs(f, reader);
}

static bool has_queue(const struct feed *f, const struct feed_reader *reader)
{
	for (const struct feed_queue *q = f->queues; q; q = q->next)
		if (q->there && is_for(reader, q))
			return true;
	return !reader->queue[0];
}

/* The present figures. */
static void begin(struct feed *f, struct feed_reader *reader)
{
	struct buf events = BUF_INIT;
	if (!has_queue(f, reader)) {
		find_answer_no_queue(reader->stream.r, reader->queue);
		return;
	}
	put_queues(&events, f, reader);
	if (f->has_workers)
		stream_event(&events, "workers", NULL, f->workers.data, f->workers.len);
	if (events.failed)
		response_unavailable(reader->stream.r, ERR_NOMEM);
	else if (stream_begin(&reader->stream, events.data, events.len) == 0 && f->ended)
		stream_end(&reader->stream);
	buf_fini(&events);
}

static struct feed_reader *next_reader(struct feed *f)
{
	struct feed_reader *reader = f->cursor;
	if (reader)
		f->cursor = reader->next;
	return reader;
}

static void forget_jobs(struct feed *f)
{
	while (f->n_jobs)
		buf_fini(&f->jobs[--f->n_jobs].event);
}

static void tell_all(struct feed *f)
{
	uint64_t now_us = clock_mono_us();
	f->queues_changed = f->queues_changed || now_us - f->told_us >= FEED_QUEUES_S * UINT64_C(1000000);
	buf_clear(&f->all);
	if (f->queues_changed) {
		f->told_us = now_us;
		put_queues(&f->all, f, NULL);
	}
	f->cursor = f->readers;
	for (struct feed_reader *reader; (reader = next_reader(f));)
		if (reader->stream.begun)
			tell(f, reader);
		else if (f->readable)
			begin(f, reader);
	f->queues_changed = f->workers_changed = false;
}

static void tell_unread(struct feed *f, int status)
{
	f->cursor = f->readers;
	for (struct feed_reader *reader; (reader = next_reader(f));)
		if (!reader->stream.begun)
			response_unavailable(reader->stream.r, status);
}

static void end_turn(struct feed *f)
{
	if (--f->pending)
		return;
	f->collecting = false;
	tell_all(f);
	forget_jobs(f);
}

/* ---- finished jobs ---- */

/* Keeps the newest of all queues: the place of a key in the list, FEED_JOBS when it is older than all of a full one. */
static unsigned place_of(const struct feed *f, const char *key)
{
	unsigned at = f->n_jobs;
	while (at && strcmp(f->jobs[at - 1].key, key) < 0)
		at--;
	return at;
}

static void keep_job(struct feed *f, const struct feed_queue *q, const struct queue_listed *listed)
{
	unsigned at = place_of(f, listed->key);
	if (at == FEED_JOBS)
		return;
	if (f->n_jobs == FEED_JOBS)
		buf_fini(&f->jobs[--f->n_jobs].event);
	memmove(&f->jobs[at + 1], &f->jobs[at], (f->n_jobs - at) * sizeof *f->jobs);
	f->n_jobs++;
	struct feed_job *job = &f->jobs[at];
	struct buf json = BUF_INIT;
	memcpy(job->key, listed->key, sizeof job->key);
	job->queue = q;
	buf_init(&job->event);
	job_json(&json, listed->id, q->of->name, &listed->job);
	stream_event(&job->event, "job", NULL, json.data ? json.data : "", json.len);
	job->event.failed = job->event.failed || json.failed;
	buf_fini(&json);
}

/* The pages of all its shards are there. What stood on one that did not come is found in the next turn; else some may
 * have finished after the figures. */
static void account(struct feed_queue *q)
{
	if (q->lacks || q->seen > q->fresh)
		q->fresh = q->seen;
	q->accounted += q->fresh;
}

static void on_page(void *arg, int status, const struct queue_page *page)
{
	struct feed_shard *shard = arg;
	struct feed_queue *q = shard->queue;
	struct feed *f = q->feed;
	char newest[QUEUE_LIST_KEY_SIZE];
	memcpy(newest, shard->newest, sizeof newest);
	q->lacks = q->lacks || status;
	for (size_t i = 0; !status && i < page->n && strcmp(page->jobs[i].key, shard->newest) > 0; i++, q->seen++) {
		keep_job(f, q, &page->jobs[i]);
		if (strcmp(page->jobs[i].key, newest) > 0)
			memcpy(newest, page->jobs[i].key, sizeof newest);
	}
	memcpy(shard->newest, newest, sizeof newest);
	if (--q->pages == 0)
		account(q);
	end_turn(f);
}

/* ---- figures ---- */

static struct feed_queue *queue_of(struct feed *f, const char *name)
{
	struct feed_queue **at = &f->queues, *q;
	for (; *at && strcmp((*at)->of->name, name) < 0; at = &(*at)->next)
		;
	if (*at && strcmp((*at)->of->name, name) == 0)
		return *at;
	const struct tag_queue *of = tags_find(f->reactor->tags, name);
	q = of ? calloc(1, sizeof *q) : NULL;
	if (!q)
		return NULL;
	q->feed = f;
	q->of = of;
	q->next = *at;
	*at = q;
	return q;
}

static void begin_shards(struct feed_queue *q, bool anew, uint64_t at_us)
{
	for (unsigned i = 0; i < QUEUE_SHARDS_MAX; i++) {
		struct feed_shard *shard = &q->shards[i];
		shard->queue = q;
		if (anew || !shard->newest[0])
			snprintf(shard->newest, sizeof shard->newest, "%016llu", (unsigned long long)at_us);
	}
}

/* What finished before the feed was read, or while it was not, is no news. Of a queue that is new all is. Without one
 * of its shards nobody knows how many there are: the next turn may. */
static void take_figures(struct feed *f, struct feed_queue *q, const struct figures_queue *now, bool resumed)
{
	q->owes_begin = q->owes_begin || resumed;
	bool begins = !now->shards_missing && (q->owes_begin || now->now.finished < q->finished);
	begin_shards(q, begins, begins ? now->now.now_us : f->redis_us);
	q->there = true;
	if (!now->shards_missing)
		q->finished = now->now.finished;
	if (begins) {
		q->accounted = q->finished;
		q->owes_begin = false;
	}
	q->fresh = !q->owes_begin && q->finished > q->accounted ? q->finished - q->accounted : 0;
	buf_clear(&q->json);
	figures_json(&q->json, now);
	f->queues_print = print_of(f->queues_print, q->json.data, q->json.len);
}

static void ask_for_jobs(struct feed *f, struct feed_queue *q)
{
	const struct reactor *r = f->reactor;
	q->seen = 0;
	q->lacks = false;
	for (unsigned i = 0; q->there && q->fresh && i < q->of->n; i++) {
		const struct tag *tag = tags_shard(q->of, i);
		if (!tag)
			continue;
		int rc = queue_list(reactor_link(r, tag), tag->text, 'a', NULL, FEED_JOBS, on_page, &q->shards[i]);
		q->lacks = q->lacks || rc;
		q->pages += rc == 0;
		f->pending += rc == 0;
	}
	if (!q->pages)
		q->fresh = 0;
}

static void on_figures(void *arg, int status, const struct figures_list *list)
{
	struct feed *f = arg;
	uint64_t before = f->queues_print, now_us = clock_mono_us();
	bool resumed = now_us - f->read_us > UINT64_C(10000) * FEED_TURN_MS;
	f->readable = !status;
	if (status) {
		for (struct feed_queue *q = f->queues; q; q = q->next)
			q->fresh = 0;
		tell_unread(f, status);
		end_turn(f);
		return;
	}
	for (struct feed_queue *q = f->queues; q; q = q->next)
		q->there = false;
	f->queues_print = PRINT_BEGIN;
	for (size_t i = 0; i < list->n; i++) {
		struct feed_queue *q = queue_of(f, list->queues[i].name);
		if (q)
			take_figures(f, q, &list->queues[i], resumed);
	}
	f->read_us = now_us;
	if (list->n)
		f->redis_us = list->queues[0].now.now_us;
	f->queues_changed = f->queues_print != before;
	for (struct feed_queue *q = f->queues; q; q = q->next)
		ask_for_jobs(f, q);
	end_turn(f);
}

/* ---- instances ---- */

static void on_instances(void *arg, int status, const struct instances *live)
{
	struct feed *f = arg;
	uint64_t print = PRINT_BEGIN;
	struct buf json = BUF_INIT;
	buf_puts(&json, "{\"workers\":[");
	for (size_t i = 0; !status && i < live->n; i++) {
		const struct roleenv_peer *peer = live->list[i].peer;
		print = print_of(print, peer->instance, strlen(peer->instance) + 1);
		print = print_of(print, peer->state, strlen(peer->state) + 1);
		print = print_of(print, (const char *)&peer->pid, sizeof peer->pid);
		if (i)
			buf_byte(&json, ',');
		instances_json(&json, &live->list[i]);
	}
	buf_puts(&json, "]}");
	if (!status && !json.failed) {
		f->workers_changed = f->workers_changed || !f->has_workers || print != f->workers_print;
		f->workers_print = print;
		f->has_workers = true;
		buf_fini(&f->workers);
		f->workers = json;
	} else {
		buf_fini(&json);
	}
	end_turn(f);
}

/* ---- turns ---- */

static void collect(struct feed *f)
{
	if (f->collecting)
		return;
	f->collecting = true;
	f->pending = 1;
	if (instances_read(rlinks_at(f->reactor->links, KEYS_REG), on_instances, f) == 0)
		f->pending++;
	int rc = figures_all(f->reactor->figures, on_figures, f);
	if (rc)
		on_figures(f, rc, NULL);
}

static void on_timer(uv_timer_t *timer)
{
	collect(timer->data);
}

static void on_settle(struct stream *stream)
{
	struct feed_reader *reader = (struct feed_reader *)(void *)stream;
	struct feed *f = stream->r->reactor->feed;
	if (!reader->link)
		return;
	if (f->cursor == reader)
		f->cursor = reader->next;
	*reader->link = reader->next;
	if (reader->next)
		reader->next->link = reader->link;
	reader->link = NULL;
	if (!f->readers)
		uv_timer_stop(&f->timer);
}

void feed_subscribe(struct feed *f, struct feed_reader *reader, struct request *r)
{
	static const struct stream_kind kind = { on_settle, NULL };
	stream_init(&reader->stream, r, &kind);
	reader->next = f->readers;
	reader->link = &f->readers;
	if (reader->next)
		reader->next->link = &reader->next;
	f->readers = reader;
	if (!uv_is_active((uv_handle_t *)&f->timer))
		uv_timer_start(&f->timer, on_timer, FEED_TURN_MS, FEED_TURN_MS);
	if (f->has_workers && has_queue(f, reader) && clock_mono_us() - f->read_us < FRESH_US) {
		begin(f, reader);
		return;
	}
	request_due_calls(r);
	collect(f);
}

void feed_end(struct feed *f)
{
	f->ended = true;
	f->cursor = f->readers;
	for (struct feed_reader *reader; (reader = next_reader(f));)
		if (reader->stream.begun)
			stream_end(&reader->stream);
}

struct feed *feed_new(struct reactor *r)
{
	struct feed *f = calloc(1, sizeof *f);
	if (!f)
		return NULL;
	f->reactor = r;
	f->timer.data = f;
	uv_timer_init(&r->loop, &f->timer);
	return f;
}

void feed_close(struct feed *f)
{
	if (f)
		uv_close((uv_handle_t *)&f->timer, NULL);
}

void feed_free(struct feed *f)
{
	while (f && f->queues) {
		struct feed_queue *q = f->queues;
		f->queues = q->next;
		buf_fini(&q->json);
		free(q);
	}
	if (f) {
		forget_jobs(f);
		buf_fini(&f->workers);
		buf_fini(&f->all);
	}
	free(f);
}
