/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "lua_check.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "must.h"
#include "queue.h"

enum {
	MARKERS_MAX = 64,
	HINTS_MAX = 64,
	RECENT_MAX = 1000,
	BAD_MAX = 1000,
	DEAD_MAX = 10000,
	CACHE_MAX = 100000,
	FOLLOW_MAX = 1000
};
enum {
	REPLY_TTL_MS = 60000,
	HINT_TTL_MS = 60000,
	IDEM_TTL_MS = 86400000,
	RECORD_TTL_MS = 604800000,
	CACHE_TTL_MS = 604800000
};

static const char *violation(struct lua_state *st, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

static const char *violation(struct lua_state *st, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(st->why, sizeof st->why, fmt, ap);
	va_end(ap);
	return st->why;
}

/* ---- reading ---- */

/* clang-format off */
/* Every key with all it holds; of the two long ones, recent and dead, the beginning and the count. */
static const char SNAPSHOT[] =
	"local tag, out, jobs = ARGV[1], {}, {}\n"
	"local long = {recent = 63, dead = 63}\n"
	"local read = {list = {'LRANGE', 'LLEN'}, zset = {'ZRANGE', 'ZCARD', 'WITHSCORES'}}\n"
	"for _, key in ipairs(redis.call('KEYS', tag .. '*')) do\n"
	"  local name = string.sub(key, #tag + 1)\n"
	"  if string.sub(name, 1, 2) == 'j:' then\n"
	"    jobs[#jobs + 1] = key\n"
	"  else\n"
	"    local kind, size, value = redis.call('TYPE', key).ok\n"
	"    if read[kind] then\n"
	"      size = redis.call(read[kind][2], key)\n"
	"      value = redis.call(read[kind][1], key, 0, long[name] or -1, unpack(read[kind], 3))\n"
	"    elseif kind == 'hash' then\n"
	"      value = redis.call('HGETALL', key)\n"
	"      size = #value / 2\n"
	"    else\n"
	"      value = redis.call('GET', key)\n"
	"      size = #value\n"
	"    end\n"
	"    out[#out + 1] = {name, kind, redis.call('PTTL', key), size, value}\n"
	"  end\n"
	"end\n"
	"local records = {}\n"
	"for from = 1, #jobs, 1000 do\n" /* as many as a call takes */
	"  local some = redis.call('MGET', unpack(jobs, from, math.min(from + 999, #jobs)))\n"
	"  for i = 1, math.min(1000, #jobs - from + 1) do records[from + i - 1] = some[i] end\n"
	"end\n"
	"for i, key in ipairs(jobs) do\n"
	"  out[#out + 1] = {string.sub(key, #tag + 1), records[i] and 'string' or redis.call('TYPE', key).ok,\n"
	"    redis.call('PTTL', key), 0, records[i]}\n"
	"end\n"
	"return out\n";
/* clang-format on */

static int by_name(const void *a, const void *b)
{
	return strcmp(((const struct lua_key *)a)->name, ((const struct lua_key *)b)->name);
}

static int by_id(const void *a, const void *b)
{
	return strcmp(((const struct lua_job *)a)->id, ((const struct lua_job *)b)->id);
}

static void read_key(struct lua_state *st, const struct rreply *r)
{
	struct lua_key key = { rreply_str(rreply_at(r, 0), NULL), rreply_str(rreply_at(r, 1), NULL)[0],
			       rreply_int(rreply_at(r, 2)), (size_t)rreply_int(rreply_at(r, 3)), rreply_at(r, 4) };

	st->keys[st->key_count++] = key;
	if (strncmp(key.name, "j:", 2) != 0)
		return;
	struct lua_job *job = &st->jobs[st->job_count++];
	*job = (struct lua_job){ .id = key.name + 2, .ttl_ms = key.ttl_ms };
	job->record.p = rreply_str(key.value, &job->record.n);
	job->readable = key.type == 's' && job_record_decode(job->record.p, job->record.n, &job->job) == 0;
}

int lua_state_read(struct lua_state *st, struct rsync *link, const char *tag, struct errinfo *info)
{
	char prefix[KEYS_NAME_SIZE];

	*st = (struct lua_state){ 0 };
	snprintf(prefix, sizeof prefix, "%s:", tag);
	const struct rreply *r = rsync_words(link, info, "EVAL_RO", SNAPSHOT, "0", prefix, NULL);
	if (!r)
		return ERR_UNKNOWN;
	if (rreply_type(r) != RREPLY_ARRAY)
		return errinfo_set(info, ERR_PROTOCOL, "expected the keys of %s, came: %s", tag, rreply_str(r, NULL));
	st->keys = must_calloc(rreply_count(r), sizeof *st->keys);
	st->jobs = must_calloc(rreply_count(r), sizeof *st->jobs);
	for (size_t i = 0; i < rreply_count(r); i++)
		read_key(st, rreply_at(r, i));
	qsort(st->keys, st->key_count, sizeof *st->keys, by_name);
	qsort(st->jobs, st->job_count, sizeof *st->jobs, by_id);
	return 0;
}

void lua_state_fini(struct lua_state *st)
{
	free(st->keys);
	free(st->jobs);
	st->keys = NULL;
	st->jobs = NULL;
}

const struct lua_key *lua_state_key(const struct lua_state *st, const char *name)
{
	struct lua_key key = { .name = name };

	return st->key_count ? bsearch(&key, st->keys, st->key_count, sizeof key, by_name) : NULL;
}

struct lua_job *lua_state_job(const struct lua_state *st, const char *id)
{
	struct lua_job job = { .id = id };

	return st->job_count ? bsearch(&job, st->jobs, st->job_count, sizeof job, by_id) : NULL;
}

/* The value that follows `field` in a flat list of pairs; NULL when it is not there. */
static const struct rreply *pair(const struct lua_key *key, const char *field)
{
	for (size_t i = 0; key && i + 1 < rreply_count(key->value); i += 2)
		if (strcmp(rreply_str(rreply_at(key->value, i), NULL), field) == 0)
			return rreply_at(key->value, i + 1);
	return NULL;
}

int64_t lua_state_count(const struct lua_state *st, const char *field)
{
	return rreply_int(pair(lua_state_key(st, "st"), field));
}

/* ---- places ---- */

static const char *element(const struct lua_key *key, size_t i)
{
	return rreply_str(rreply_at(key->value, i), NULL);
}

/* Entries that name a record nobody can read count as live until they are isolated: they did when they came. */
static const char *check_list(struct lua_state *st, const char *name, enum job_priority priority)
{
	const struct lua_key *key = lua_state_key(st, name);

	for (size_t i = 0; key && i < rreply_count(key->value); i++) {
		struct lua_job *job = lua_state_job(st, element(key, i));
		if (!job)
			continue; /* a tombstone whose record's time ran out */
		if (!job->readable) {
			st->live++;
			continue;
		}
		if (job->job.state == JOB_QUEUED) {
			job->places++;
			st->live++;
			if (job->job.priority != priority)
				return violation(st, "job %s of priority %c stands in %s", job->id, job->job.priority,
						 name);
			if (job->job.flags & JOB_FLAG_JOINED)
				return violation(st, "job %s follows another one and stands in %s", job->id, name);
			if (job->job.flags & JOB_FLAG_TOMBSTONE)
				return violation(st, "queued job %s is flagged as a tombstone", job->id);
		} else {
			job->tombstones++;
			if (!job_state_done(job->job.state))
				return violation(st, "job %s, state %c, stands in %s", job->id, job->job.state, name);
		}
	}
	return NULL;
}

static const char *check_delayed(struct lua_state *st)
{
	const struct lua_key *key = lua_state_key(st, "d");

	for (size_t i = 0; key && i + 1 < rreply_count(key->value); i += 2) {
		struct lua_job *job = lua_state_job(st, element(key, i));
		st->live++;
		if (!job)
			return violation(st, "delayed job %s has no record", element(key, i));
		if (!job->readable)
			continue;
		job->places++;
		if (job->job.state != JOB_DELAYED)
			return violation(st, "job %s, state %c, stands among the delayed", job->id, job->job.state);
		if (strtod(element(key, i + 1), NULL) != (double)job->job.run_at)
			return violation(st, "job %s: run_at and its score differ", job->id);
	}
	return NULL;
}

static const char *check_mark(struct lua_state *st, const char *batch, const char *id, const char *mark)
{
	struct lua_job *job = lua_state_job(st, id);
	bool asked = mark[1] == '!';

	st->live++;
	st->running++;
	if ((mark[0] != 'c' && mark[0] != 'p' && mark[0] != 's') || (mark[1] && strcmp(mark + 1, "!") != 0))
		return violation(st, "batch %s: mark '%s' of job %s", batch, mark, id);
	if (!job)
		return violation(st, "job %s of batch %s has no record", id, batch);
	if (!job->readable)
		return NULL;
	job->places++;
	if (job->job.state != JOB_RUNNING)
		return violation(st, "job %s, state %c, stands in batch %s", id, job->job.state, batch);
	if (job->job.batch.n != strlen(batch) || memcmp(job->job.batch.p, batch, job->job.batch.n) != 0)
		return violation(st, "job %s stands in batch %s, its record says %.*s", id, batch,
				 (int)job->job.batch.n, job->job.batch.p);
	if (asked != ((job->job.flags & JOB_FLAG_CANCEL_ASKED) != 0))
		return violation(st, "job %s: mark '%s' and the record's cancel flag differ", id, mark);
	return NULL;
}

static const char *check_batches(struct lua_state *st)
{
	const struct lua_key *leases = lua_state_key(st, "lease");
	const char *why = NULL;
	size_t batches = 0;

	for (size_t k = 0; k < st->key_count && !why; k++) {
		const struct lua_key *key = &st->keys[k];
		if (strncmp(key->name, "b:", 2) != 0)
			continue;
		batches++;
		if (!pair(leases, key->name + 2))
			return violation(st, "batch %s has no lease", key->name + 2);
		for (size_t i = 0; i + 1 < rreply_count(key->value) && !why; i += 2)
			why = check_mark(st, key->name + 2, element(key, i), element(key, i + 1));
	}
	if (!why && leases && batches != rreply_count(leases->value) / 2)
		return violation(st, "%zu batches, %zu leases", batches, rreply_count(leases->value) / 2);
	return why;
}

static const char *check_expiry(struct lua_state *st)
{
	const struct lua_key *key = lua_state_key(st, "x");

	for (size_t i = 0; key && i + 1 < rreply_count(key->value); i += 2) {
		struct lua_job *job = lua_state_job(st, element(key, i));
		if (!job)
			return violation(st, "expiry of job %s, which has no record", element(key, i));
		if (!job->readable)
			continue;
		job->in_expiry = true;
		if (job->job.state != JOB_QUEUED && job->job.state != JOB_DELAYED)
			return violation(st, "job %s, state %c, stands among the expiries", job->id, job->job.state);
		if (strtod(element(key, i + 1), NULL) != (double)job->job.expires_at)
			return violation(st, "job %s: expires_at and its score differ", job->id);
	}
	return NULL;
}

/* ---- those who wait for another job's result ---- */

static const char *check_follower(struct lua_state *st, const char *leader, const char *id)
{
	struct lua_job *job = lua_state_job(st, id);
	const struct rreply *score = pair(lua_state_key(st, "joined"), id);

	st->live++;
	if (!score)
		return violation(st, "job %s follows %s and is not among the joined", id, leader);
	if (!job)
		return violation(st, "job %s follows %s and has no record", id, leader);
	if (!job->readable)
		return NULL;
	job->places++;
	job->follows = true;
	if (job->job.state != JOB_QUEUED || !(job->job.flags & JOB_FLAG_JOINED))
		return violation(st, "job %s, state %c, flags %u, follows %s", id, job->job.state, job->job.flags,
				 leader);
	if (job->job.batch.n != strlen(leader) || memcmp(job->job.batch.p, leader, job->job.batch.n) != 0)
		return violation(st, "job %s follows %s, its record says %.*s", id, leader, (int)job->job.batch.n,
				 job->job.batch.p);
	if (strtod(rreply_str(score, NULL), NULL) != (double)job->job.created_at)
		return violation(st, "job %s: created_at and its score among the joined differ", id);
	return NULL;
}

/* Who follows, follows somebody who will end. */
static const char *check_followers(struct lua_state *st)
{
	const struct lua_key *joined = lua_state_key(st, "joined");
	const char *why = NULL;
	size_t n = 0;

	for (size_t k = 0; k < st->key_count && !why; k++) {
		const struct lua_key *key = &st->keys[k];
		if (strncmp(key->name, "f:", 2) != 0)
			continue;
		const struct lua_job *leader = lua_state_job(st, key->name + 2);
		if (leader && leader->readable &&
		    (job_state_done(leader->job.state) || !(leader->job.flags & JOB_FLAG_LED)))
			return violation(st, "job %s, state %c, flags %u, is followed", leader->id, leader->job.state,
					 leader->job.flags);
		for (size_t i = 1; i < rreply_count(key->value) && !why; i++, n++)
			why = check_follower(st, key->name + 2, element(key, i));
	}
	if (!why && joined && n != rreply_count(joined->value) / 2)
		return violation(st, "%zu jobs follow, %zu are among the joined", n, rreply_count(joined->value) / 2);
	return why;
}

static const char *check_reuse(struct lua_state *st, const struct lua_job *job)
{
	const struct job *j = &job->job;
	bool led = (j->flags & JOB_FLAG_LED) != 0, joined = (j->flags & JOB_FLAG_JOINED) != 0;
	char name[ID_TEXT_SIZE + 2];

	snprintf(name, sizeof name, "f:%s", job->id);
	if (led != (lua_state_key(st, name) != NULL))
		return violation(st, "job %s: flags %u, and its list of followers is %s", job->id, j->flags,
				 led ? "not there" : "there");
	if (job_state_done(j->state) ? led : joined != job->follows || (j->flags & JOB_FLAG_HIT))
		return violation(st, "job %s, state %c: flags %u, follows: %d", job->id, j->state, j->flags,
				 job->follows);
	return NULL;
}

/* ---- jobs, counters, bounds ---- */

static const char *check_final(struct lua_state *st, const struct lua_job *job)
{
	const struct job *j = &job->job;

	if (job->places)
		return violation(st, "job %s is final (%c) and stands in %u places", job->id, j->state, job->places);
	if (job->ttl_ms <= 0 || job->ttl_ms > RECORD_TTL_MS)
		return violation(st, "final job %s has a time to live of %lld ms", job->id, (long long)job->ttl_ms);
	if (!j->finished_at || !j->outcome.n)
		return violation(st, "final job %s has no time of its end, or no outcome", job->id);
	if (j->attempt > j->max_attempts)
		return violation(st, "job %s: %u attempts of %u", job->id, j->attempt, j->max_attempts);
	if (j->flags & JOB_FLAG_SUSPECT)
		return violation(st, "final job %s is a suspect", job->id);
	if (((j->flags & JOB_FLAG_TOMBSTONE) != 0) != (job->tombstones > 0))
		return violation(st, "final job %s: %u entries in lists, flags %u", job->id, job->tombstones, j->flags);
	return NULL;
}

static const char *check_live(struct lua_state *st, const struct lua_job *job)
{
	const struct job *j = &job->job;
	bool waits = j->state != JOB_RUNNING;

	if (job->places != 1)
		return violation(st, "job %s, state %c, stands in %u places", job->id, j->state, job->places);
	if (job->ttl_ms != -1)
		return violation(st, "live job %s has a time to live of %lld ms", job->id, (long long)job->ttl_ms);
	if ((j->outcome.n && j->state != JOB_RUNNING) || j->outcome.n > QUEUE_PROGRESS_MAX || j->finished_at)
		return violation(st, "live job %s has an outcome", job->id); /* a running one has its progress there */
	if (j->attempt >= j->max_attempts)
		return violation(st, "live job %s: %u attempts of %u", job->id, j->attempt, j->max_attempts);
	if (job->in_expiry != (waits && j->expires_at > 0))
		return violation(st, "job %s, state %c: expires_at %llu, among the expiries: %d", job->id, j->state,
				 (unsigned long long)j->expires_at, job->in_expiry);
	return NULL;
}

static const char *check_jobs(struct lua_state *st)
{
	const char *why = NULL;

	for (size_t i = 0; i < st->job_count && !why; i++)
		if (st->jobs[i].readable) {
			why = job_state_done(st->jobs[i].job.state) ? check_final(st, &st->jobs[i])
								    : check_live(st, &st->jobs[i]);
			why = why ? why : check_reuse(st, &st->jobs[i]);
		}
	return why;
}

/* The kinds of keys there are: how many elements each may have, and its time to live (0: has none). */
static const struct {
	const char *name;
	bool prefix;
	char type;
	size_t max;
	int64_t ttl_ms;
} kinds[] = {
	{ "w:high", false, 'l', SIZE_MAX, 0 },
	{ "w:normal", false, 'l', SIZE_MAX, 0 },
	{ "w:low", false, 'l', SIZE_MAX, 0 },
	{ "d", false, 'z', SIZE_MAX, 0 },
	{ "x", false, 'z', SIZE_MAX, 0 },
	{ "b:", true, 'h', QUEUE_BATCH_MAX, 0 },
	{ "lease", false, 'z', SIZE_MAX, 0 },
	{ "i:", true, 's', 256, IDEM_TTL_MS },
	{ "r:", true, 'l', QUEUE_REPLY_MAX, REPLY_TTL_MS },
	{ "k:", true, 'l', HINTS_MAX, HINT_TTL_MS },
	{ "mk", false, 'l', MARKERS_MAX, 0 },
	{ "recent", false, 'l', RECENT_MAX, 0 },
	{ "dead", false, 'z', DEAD_MAX + QUEUE_BATCH_MAX, 0 },
	{ "bad", false, 'l', BAD_MAX, 0 },
	{ "st", false, 'h', 16, 0 },
	{ "clk", false, 's', 20, 0 },
	{ "rate", false, 's', 200, 0 },
	{ "cache", false, 'h', CACHE_MAX, CACHE_TTL_MS },
	{ "f:", true, 'l', FOLLOW_MAX + 1, 0 },
	{ "joined", false, 'z', SIZE_MAX, 0 },
};

static const char *check_key(struct lua_state *st, const struct lua_key *key)
{
	for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
		size_t n = strlen(kinds[i].name);
		if (strncmp(key->name, kinds[i].name, n) != 0 || (!kinds[i].prefix && key->name[n]))
			continue;
		if (key->type != kinds[i].type || key->size > kinds[i].max)
			return violation(st, "key %s: type %c, %zu elements", key->name, key->type, key->size);
		if (kinds[i].ttl_ms ? key->ttl_ms < 0 || key->ttl_ms > kinds[i].ttl_ms : key->ttl_ms != -1)
			return violation(st, "key %s has a time to live of %lld ms", key->name, (long long)key->ttl_ms);
		return NULL;
	}
	return violation(st, "unknown key %s", key->name);
}

static const char *check_keys(struct lua_state *st)
{
	const char *why = NULL;

	for (size_t i = 0; i < st->key_count && !why; i++)
		if (strncmp(st->keys[i].name, "j:", 2) != 0)
			why = check_key(st, &st->keys[i]);
	return why;
}

static const char *check_counters(struct lua_state *st)
{
	int64_t live = lua_state_count(st, "live"), running = lua_state_count(st, "run");

	if (live != (int64_t)st->live)
		return violation(st, "counter live is %lld, %llu jobs are live", (long long)live,
				 (unsigned long long)st->live);
	if (running != (int64_t)st->running)
		return violation(st, "counter run is %lld, %llu jobs are running", (long long)running,
				 (unsigned long long)st->running);
	return NULL;
}

const char *lua_state_check(struct lua_state *st)
{
	const char *why = check_keys(st);

	why = why ? why : check_list(st, "w:high", JOB_HIGH);
	why = why ? why : check_list(st, "w:normal", JOB_NORMAL);
	why = why ? why : check_list(st, "w:low", JOB_LOW);
	why = why ? why : check_delayed(st);
	why = why ? why : check_batches(st);
	why = why ? why : check_followers(st);
	why = why ? why : check_expiry(st);
	why = why ? why : check_jobs(st);
	return why ? why : check_counters(st);
}

const char *lua_check_invariants(struct rsync *link, const char *tag)
{
	static char why[320];
	struct lua_state st;
	struct errinfo info = { 0 };
	const char *found = info.text;

	if (lua_state_read(&st, link, tag, &info) == 0)
		found = lua_state_check(&st);
	if (found)
		snprintf(why, sizeof why, "%s", found);
	lua_state_fini(&st);
	return found ? why : NULL;
}
