/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "clock.h"
#include "oracle_log.h"

static void *must(void *p)
{
	if (!p) {
		perror("oracle");
		abort();
	}
	return p;
}

struct oracle *oracle_new(struct chaos_run *r)
{
	struct oracle *o = must(calloc(1, sizeof *o));

	o->run = r;
	o->ledger = chaos_ledger(r);
	o->slot_count = 1024;
	o->slots = must(calloc(o->slot_count, sizeof *o->slots));
	(void)pthread_mutex_init(&o->lock, NULL);
	return o;
}

void oracle_free(struct oracle *o)
{
	if (!o)
		return;
	for (size_t i = 0; i < o->n; i++) {
		struct oracle_job *j = oracle_job(o, i);
		free(j->body);
		free(j->result);
		free(j->final);
	}
	for (size_t i = 0; i < ORACLE_BLOCKS; i++)
		free(o->blocks[i]);
	free(o->slots);
	free(o->orphans);
	(void)pthread_mutex_destroy(&o->lock);
	free(o);
}

static void lock(struct oracle *o)
{
	(void)pthread_mutex_lock(&o->lock);
}

static void unlock(struct oracle *o)
{
	(void)pthread_mutex_unlock(&o->lock);
}

struct oracle_job *oracle_job(const struct oracle *o, size_t job)
{
	return &o->blocks[job / ORACLE_BLOCK][job % ORACLE_BLOCK];
}

/* ---- ids ---- */

static size_t slot_of(const struct oracle *o, const char *id)
{
	uint64_t h = 14695981039346656037ULL; /* FNV-1a */

	for (const char *p = id; *p; p++)
		h = (h ^ (unsigned char)*p) * 1099511628211ULL;
	size_t at = h & (o->slot_count - 1);
	while (o->slots[at] && strcmp(oracle_job(o, o->slots[at] - 1)->id, id) != 0)
		at = (at + 1) & (o->slot_count - 1);
	return at;
}

struct oracle_job *oracle_by_id(const struct oracle *o, const char *id)
{
	unsigned slot = o->slots[slot_of(o, id)];

	return slot ? oracle_job(o, slot - 1) : NULL;
}

static void remember_id(struct oracle *o, size_t job)
{
	if (2 * (o->slot_used + 1) > o->slot_count) {
		unsigned *old = o->slots;
		size_t n = o->slot_count;
		o->slot_count *= 2;
		o->slots = must(calloc(o->slot_count, sizeof *o->slots));
		for (size_t i = 0; i < n; i++)
			if (old[i])
				o->slots[slot_of(o, oracle_job(o, old[i] - 1)->id)] = old[i];
		free(old);
	}
	o->slots[slot_of(o, oracle_job(o, job)->id)] = (unsigned)job + 1;
	o->slot_used++;
}

/* ---- submissions ---- */

size_t oracle_submission(struct oracle *o, const struct oracle_spec *spec)
{
	uint64_t key = spec->keyed ? chaos_random(o->run) : 0;

	lock(o);
	size_t job = o->n, block = job / ORACLE_BLOCK;
	if (block >= ORACLE_BLOCKS) {
		(void)fprintf(stderr, "oracle: expected at most %u jobs in one trial\n", ORACLE_BLOCK * ORACLE_BLOCKS);
		abort();
	}
	if (!o->blocks[block])
		o->blocks[block] = must(calloc(ORACLE_BLOCK, sizeof **o->blocks));
	struct oracle_job *j = oracle_job(o, job);
	j->body = must(strdup(spec->body));
	j->result = spec->result ? must(strdup(spec->result)) : NULL;
	j->end = spec->end;
	j->lengthy = spec->lengthy;
	j->worker = -1;
	if (spec->keyed)
		(void)snprintf(j->key, sizeof j->key, "%016llx-%zu", (unsigned long long)key, job);
	o->n++;
	unlock(o);
	return job;
}

size_t oracle_count(const struct oracle *o)
{
	struct oracle *mutable = (struct oracle *)o;

	lock(mutable);
	size_t n = o->n;
	unlock(mutable);
	return n;
}

const char *oracle_body(const struct oracle *o, size_t job)
{
	return oracle_job(o, job)->body;
}

const char *oracle_key(const struct oracle *o, size_t job)
{
	return oracle_job(o, job)->key;
}

const char *oracle_id(const struct oracle *o, size_t job)
{
	return oracle_job(o, job)->id;
}

void oracle_sent(struct oracle *o, size_t job, unsigned web)
{
	(void)job;
	(void)web;
	ledger_add(o->ledger, LEDGER_SUBMITTED, 1);
}

void oracle_acknowledged(struct oracle *o, size_t job, unsigned web, const char *id)
{
	struct oracle_job *j = oracle_job(o, job);
	char before[ORACLE_ID_SIZE] = "";
	bool first;

	lock(o);
	first = !j->id[0];
	if (first) {
		j->acknowledged_us = clock_wall_us();
		j->web = web;
		(void)snprintf(j->id, sizeof j->id, "%s", id);
		if (oracle_by_id(o, id))
			chaos_fail(o->run, "expected an id of its own for each job, %s came twice", id);
		else
			remember_id(o, job);
	}
	(void)snprintf(before, sizeof before, "%s", j->id);
	o->last_acknowledged[web] = clock_wall_us();
	unlock(o);
	ledger_add(o->ledger, first ? LEDGER_ACKNOWLEDGED : LEDGER_REPLAYED, 1);
	if (strcmp(before, id) != 0) {
		ledger_add(o->ledger, LEDGER_DUPLICATE, 1);
		chaos_fail(o->run, "expected job %s for the key %s, came %s", before, j->key, id);
	}
}

static void not_acknowledged(struct oracle *o, size_t job, enum ledger_count how)
{
	lock(o);
	o->loose += !oracle_job(o, job)->key[0];
	unlock(o);
	ledger_add(o->ledger, how, 1);
}

/* A refusal may be the answer to what reached Redis after all, too late: it is no promise, in neither direction. */
void oracle_refused(struct oracle *o, size_t job, unsigned web)
{
	(void)web;
	not_acknowledged(o, job, LEDGER_REFUSED);
}

void oracle_unknown(struct oracle *o, size_t job, unsigned web)
{
	(void)web;
	not_acknowledged(o, job, LEDGER_UNKNOWN);
}

void oracle_unexpected(struct oracle *o, size_t job, long status, const char *text)
{
	not_acknowledged(o, job, LEDGER_UNKNOWN);
	chaos_fail(o->run, "expected 200, 202, 429 or 503 for %s, came %ld %.400s", oracle_job(o, job)->body, status,
		   text);
}

/* ---- reads ---- */

static const char *text_of(const json_t *job, const char *name)
{
	const char *text = json_string_value(json_object_get(job, name));

	return text ? text : "";
}

static enum oracle_end end_of(const char *state)
{
	if (strcmp(state, "succeeded") == 0)
		return ORACLE_SUCCEEDS;
	if (strcmp(state, "cancelled") == 0)
		return ORACLE_CANCELLED;
	return strcmp(state, "failed") == 0 ? ORACLE_FAILS : ORACLE_DIES;
}

static int worker_of(const json_t *job)
{
	const char *name = text_of(job, "worker"), *number = strrchr(name, '_');
	long index = number ? strtol(number + 1, NULL, 10) : -1;

	return index < WORLD_INSTANCES ? (int)index : -1;
}

static void judge(struct oracle *o, struct oracle_job *j, const json_t *job)
{
	char *result = json_dumps(json_object_get(job, "result"), JSON_COMPACT | JSON_SORT_KEYS | JSON_ENCODE_ANY);
	bool right = j->end == ORACLE_ANY || j->ended == j->end;

	if (right && j->result && j->ended == ORACLE_SUCCEEDS)
		right = result && strcmp(result, j->result) == 0;
	free(result);
	if (right)
		return;
	ledger_add(o->ledger, LEDGER_WRONG, 1);
	chaos_fail(o->run, "expected %s to end with %s, came %.500s", j->body, j->result ? j->result : "its known end",
		   j->final);
}

/* Under the lock. */
static void note_final(struct oracle *o, struct oracle_job *j, const json_t *job)
{
	const char *finished = text_of(job, "finished_at");

	j->ended = end_of(text_of(job, "state"));
	j->attempt = (unsigned)json_integer_value(json_object_get(job, "attempt"));
	j->worker = worker_of(job);
	if (clock_parse(finished, strlen(finished), &j->finished_us) != 0)
		chaos_fail(o->run, "expected the time of its end in a final job, came %.500s", j->final);
	if (j->worker >= 0 && j->finished_us > o->last_done[j->worker])
		o->last_done[j->worker] = j->finished_us;
	judge(o, j, job);
}

/* An array's item or an answer to a wait may be written otherwise, and must say the same. */
static bool same_value(const char *text, const json_t *job)
{
	json_t *other = json_loads(text, 0, NULL);
	bool same = json_equal(other, job);

	json_decref(other);
	return same;
}

/* Under the lock. */
static void compare(struct oracle *o, struct oracle_job *j, unsigned web, const json_t *job, const char *text)
{
	bool final = json_is_true(json_object_get(job, "done"));

	if (strcmp(text_of(job, "id"), j->id) != 0) {
		ledger_add(o->ledger, LEDGER_WRONG, 1);
		chaos_fail(o->run, "expected job %s, came %.500s", j->id, text);
	} else if (!j->final && final) {
		j->final = must(strdup(text));
		j->final_web = web;
		note_final(o, j, job);
	} else if (j->final && !same_value(j->final, job)) {
		ledger_add(o->ledger, LEDGER_DUPLICATE, 1);
		chaos_fail(o->run, "expected the final answer to stay %.500s, web role %u says %.500s", j->final, web,
			   text);
	} else if (j->final && web != j->final_web) {
		j->confirmed = true;
	}
}

bool oracle_read(struct oracle *o, size_t job, unsigned web, const char *object)
{
	struct oracle_job *j = oracle_job(o, job);
	json_t *parsed = NULL;

	ledger_add(o->ledger, LEDGER_READS, 1);
	lock(o);
	bool same = j->final && strcmp(j->final, object) == 0; /* nearly always; and cheaper than to take it apart */
	if (same)
		j->confirmed = j->confirmed || web != j->final_web;
	unlock(o);
	if (same)
		return true;
	parsed = json_loads(object, 0, NULL);
	if (json_is_object(parsed)) {
		lock(o);
		compare(o, j, web, parsed, object);
		unlock(o);
	} else {
		chaos_fail(o->run, "expected a job object, came %.400s", object);
	}
	bool final = json_is_true(json_object_get(parsed, "done"));
	json_decref(parsed);
	return final;
}

/* ---- faults ---- */

static void add_orphan(struct oracle *o, const struct oracle_orphan *one)
{
	lock(o);
	if (o->orphan_count == o->orphan_max) {
		o->orphan_max = o->orphan_max ? 2 * o->orphan_max : 256;
		o->orphans = must(reallocarray(o->orphans, o->orphan_max, sizeof *o->orphans));
	}
	o->orphans[o->orphan_count++] = *one;
	unlock(o);
}

static const struct rreply *ask(struct rsync *link, const char *command, const char *a, const char *b, const char *c)
{
	struct errinfo info = { 0 };
	const struct rreply *r = rsync_words(link, &info, command, a, b, c, NULL);

	if (!r || rreply_type(r) == RREPLY_ERROR) {
		(void)fprintf(stderr, "oracle: %s: %s\n", command, r ? rreply_str(r, NULL) : info.text);
		abort();
	}
	return r;
}

/* One script, so that it is one moment; the pings before let Redis read what the dead had written. */
size_t oracle_orphans(struct oracle *o, struct rsync *link, const char *instance, uint64_t when_us,
		      enum ledger_time kind)
{
	static const char in_hand[] =
	    "local out, own = {}, ARGV[1] .. '.' "
	    "for _, b in ipairs(redis.call('zrange', '" WORLD_TAG ":lease', 0, -1)) do "
	    "if string.sub(b, 1, #own) == own then local all = redis.call('hgetall', '" WORLD_TAG ":b:' .. b) "
	    "for _, v in ipairs(all) do out[#out + 1] = v end end end return out";
	size_t n = 0;

	for (int i = 0; i < 3; i++)
		(void)ask(link, "PING", NULL, NULL, NULL);
	const struct rreply *r = ask(link, "EVAL", in_hand, "0", instance);
	for (size_t i = 0; i + 1 < rreply_count(r); i += 2, n++) {
		struct oracle_orphan one = { .when_us = when_us, .kind = kind };
		(void)snprintf(one.id, sizeof one.id, "%s", rreply_str(rreply_at(r, i), NULL));
		one.started = rreply_str(rreply_at(r, i + 1), NULL)[0] == 's';
		add_orphan(o, &one);
	}
	return n;
}

void oracle_excuse(struct oracle *o, unsigned attempts)
{
	lock(o);
	o->excused += attempts;
	unlock(o);
}

void oracle_redis_dies(struct oracle *o)
{
	lock(o);
	o->excused++;
	unlock(o);
}

void oracle_mark(struct oracle *o, uint64_t when_us)
{
	lock(o);
	if (o->mark_count < ORACLE_MARKS)
		o->marks[o->mark_count++] = when_us;
	unlock(o);
}

bool oracle_resumed(struct oracle *o, struct world *w)
{
	bool all = true;

	lock(o);
	uint64_t since = o->mark_count ? o->marks[o->mark_count - 1] : 0;
	for (unsigned i = 0; i < world_count(w, WORLD_WEB); i++)
		all = all && o->last_acknowledged[i] > since;
	for (unsigned i = 0; i < world_count(w, WORLD_WORKER); i++)
		all = all && o->last_done[i] > since;
	unlock(o);
	return all;
}
