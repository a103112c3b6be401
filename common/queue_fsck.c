/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The walk, for all queues at once through the keyspace, then queue by queue:
 *
 * 1. SCAN names every key that is there all the time. Its function judges a running, delayed or following job at once,
 *    because its place is found by its record; of a queued one it only says that it must stand in a list.
 * 2. The sorted sets, entry by entry: what stands there and should not.
 * 3. The lists, from tail to head: entries leave at the head and come at both ends, so none that stood there all the
 *    time is missed. A queued job that was not seen has mostly been claimed meanwhile: its key is asked again, and the
 *    lists are read once more. Of whoever is still missing a last walk makes it certain, see sq_fsck_near.
 * 4. The counters, which need the number of tombstones of a walk during which nothing changed it; see sq_fsck_count.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "keys.h"
#include "lua_library.h"
#include "queue_fsck_walk.h"

enum {
	SCAN_COUNT = 400,
	PROGRESS = 4096 /* keys or entries between two reports */
};

int fsck_no_memory(struct fsck *f)
{
	return errinfo_set(f->info, ERR_NOMEM, "out of memory");
}

/* What follows a zero byte is cut: no name of ours has one. */
int fsck_texts_add(struct fsck_texts *t, const char *s, size_t n)
{
	n = strnlen(s, n);
	buf_append(&t->bytes, s, n);
	buf_byte(&t->bytes, '\0');
	t->n++;
	return t->bytes.failed ? ERR_NOMEM : 0;
}

void fsck_texts_clear(struct fsck_texts *t)
{
	buf_clear(&t->bytes);
	t->n = 0;
}

/* The text behind s, which is one of them or NULL (the first). */
const char *fsck_texts_next(const struct fsck_texts *t, const char *s)
{
	return s ? s + strlen(s) + 1 : t->bytes.data;
}

void fsck_progress(struct fsck *f, const char *doing, uint64_t done, uint64_t of)
{
	if (f->o->on_progress && (done < f->told || done - f->told >= PROGRESS)) {
		f->told = done;
		f->o->on_progress(f->o->arg, doing, done, of);
	}
}

int fsck_turn_to(struct fsck *f, const char *tag)
{
	f->link = rsyncs_at(f->links, tag);
	return f->link ? 0 : errinfo_set(f->info, ERR_UNAVAILABLE, "no master of the cluster has the slot of %s", tag);
}

/* Sends cmd (and frees it). NULL with *info filled when there is no answer, or an error. */
const struct rreply *fsck_ask(struct fsck *f, struct rcmd *cmd)
{
	const struct rreply *r = rsync_call(f->link, cmd, f->info);

	rcmd_fini(cmd);
	if (r && rreply_type(r) == RREPLY_ERROR) {
		const char *error = rreply_str(r, NULL);
		bool moving = strncmp(error, "ASK ", 4) == 0 || strncmp(error, "MOVED ", 6) == 0;
		errinfo_set(f->info, ERR_UNAVAILABLE, "Redis: %s%s", error,
			    moving ? ": the cluster moves a slot; check again when it has" : "");
		return NULL;
	}
	return r;
}

struct rcmd fsck_call(struct fsck *f, const char *function, const char *key)
{
	struct rcmd cmd;

	rcmd_init(&cmd);
	rcmd_fcall(&cmd, function, key);
	rcmd_str(&cmd, f->o->repair ? "1" : "0");
	return cmd;
}

/* ---- findings ---- */

static int tell(struct fsck *f, struct fsck_shard *s, const char *tag, const char *const part[4])
{
	struct queue_fsck_finding found = { queue_fsck_kind(part[0]), tag, part[1], part[2], part[3][0] != '-',
					    part[3][0] == '1' };
	struct buf name = BUF_INIT;

	if (!found.kind)
		return errinfo_set(f->info, ERR_PROTOCOL,
				   "expected a finding that this program knows, got %s: is "
				   "Redis' function library newer?",
				   part[0]);
	buf_printf(&name, "%s %s %s", tag, part[0], part[1]);
	int fresh = name.failed ? ERR_NOMEM : textset_add(&f->reported, name.data, name.len);
	buf_fini(&name);
	if (fresh < 0)
		return fsck_no_memory(f);
	if (fresh || found.mended) {
		f->sum->findings++;
		f->sum->mended += found.mended;
		if (s && found.kind->moves && !found.mended)
			s->displaced++;
		f->o->on_found(f->o->arg, &found);
	}
	return 0;
}

/* The findings of a reply: four texts each. The reply stands. */
int fsck_tell_all(struct fsck *f, struct fsck_shard *s, const char *tag, const struct rreply *list)
{
	int rc = 0;

	for (size_t i = 0; i + 3 < rreply_count(list) && !rc; i += 4) {
		const char *part[4];
		for (size_t k = 0; k < 4; k++)
			part[k] = rreply_str(rreply_at(list, i + k), NULL);
		rc = tell(f, s, tag, part);
	}
	return rc;
}

static int keep_all(struct fsck *f, struct fsck_texts *t, const struct rreply *list)
{
	for (size_t i = 0; i < rreply_count(list); i++) {
		size_t n;
		const char *id = rreply_str(rreply_at(list, i), &n);
		if (fsck_texts_add(t, id, n))
			return fsck_no_memory(f);
	}
	return 0;
}

/* ---- the keys ---- */

/* Has the names checked that wait to be, and forgets them. */
int fsck_check_names(struct fsck *f, struct fsck_shard *s)
{
	const char *name = NULL;
	size_t left = s->names.n;
	int rc = 0;

	if (left)
		name = fsck_texts_next(&s->names, NULL);
	while (left && !rc) {
		struct rcmd cmd = fsck_call(f, "sq_fsck_keys", s->tag);
		const char *p = name;
		for (size_t i = 0; i < left && i < FSCK_NAMES; i++, p = fsck_texts_next(&s->names, p))
			rcmd_str(&cmd, p);
		const struct rreply *r = fsck_ask(f, &cmd);
		size_t done = (size_t)rreply_int(rreply_at(r, 3));
		if (!r || done < 1 || done > left) {
			rc = r ? errinfo_set(f->info, ERR_PROTOCOL, "expected keys to be checked, got none")
			       : ERR_UNKNOWN;
			break;
		}
		rc = fsck_tell_all(f, s, s->tag, rreply_at(r, 0));
		rc = rc ? rc : keep_all(f, &s->waiting, rreply_at(r, 1));
		rc = rc ? rc : keep_all(f, &s->suspects, rreply_at(r, 2));
		f->sum->keyless += (uint64_t)rreply_int(rreply_at(r, 4));
		for (left -= done; done && left; done--)
			name = fsck_texts_next(&s->names, name);
	}
	fsck_texts_clear(&s->names);
	return rc;
}

static struct fsck_shard *find_shard(struct fsck *f, const char *tag, size_t n)
{
	for (size_t i = 0; i < f->n_shards; i++)
		if (strncmp(f->shards[i].tag, tag, n) == 0 && f->shards[i].tag[n] == '\0')
			return &f->shards[i];
	return NULL;
}

/* A key that belongs to no queue which is checked. */
static int check_stray(struct fsck *f, const char *key, size_t tag_len)
{
	static const char *const known[] = { KEYS_REG_TAGS, KEYS_REG_INST,    KEYS_REG_SEEN,
					     KEYS_REG_CAT,  KEYS_REG_MET,     KEYS_REG_EPOCH,
					     KEYS_REG_PEER, KEYS_REG ":topo", KEYS_REG ":keyed" };
	char tag[KEYS_TAG_SIZE];

	if (f->o->n_queues)
		return 0; /* not asked for */
	if (tag_len == strlen(KEYS_REG) && strncmp(key, KEYS_REG, tag_len) == 0) {
		for (size_t i = 0; i < sizeof known / sizeof *known; i++)
			if (strcmp(key, known[i]) == 0)
				return 0;
		const char *const part[4] = { "unknown-key", key + tag_len + (key[tag_len] == ':'), "", "-" };
		return tell(f, NULL, KEYS_REG, part);
	}
	snprintf(tag, sizeof tag, "%.*s", (int)tag_len, key);
	const char *const part[4] = { "unregistered", tag, "", "-" };
	return tell(f, NULL, KEYS_REG, part);
}

static int sort_key(struct fsck *f, const char *key, size_t n)
{
	const char *brace = memchr(key, '}', n);
	size_t tag_len = brace ? (size_t)(brace - key) + 1 : n;
	struct fsck_shard *s = find_shard(f, key, tag_len);

	if (!s || tag_len == n || key[tag_len] != ':')
		return check_stray(f, key, tag_len);
	f->sum->keys++;
	if (memchr(key, '\0', n)) {
		const char *const part[4] = { "unknown-key", key + tag_len + 1, "its name has a zero byte", "-" };
		return tell(f, s, s->tag, part);
	}
	f->sum->jobs += strncmp(key + tag_len, ":j:", 3) == 0;
	return fsck_texts_add(&s->names, key + tag_len + 1, n - tag_len - 1) ? fsck_no_memory(f) : 0;
}

/* Through the keyspace of one node. */
static int scan_keys(struct fsck *f)
{
	char cursor[24] = "0", count[24];
	uint64_t of = 0;
	int rc = 0;

	snprintf(count, sizeof count, "%d", SCAN_COUNT);
	const struct rreply *r = rsync_words(f->link, f->info, "DBSIZE", NULL);
	of = f->sum->keys + (uint64_t)rreply_int(r);
	f->told = 0;
	do {
		struct rcmd cmd;
		rcmd_init(&cmd);
		const char *const words[] = { "SCAN", cursor, "MATCH", "{jq:*", "COUNT", count };
		for (size_t i = 0; i < sizeof words / sizeof *words; i++)
			rcmd_str(&cmd, words[i]);
		r = fsck_ask(f, &cmd);
		if (!r)
			return ERR_UNKNOWN;
		const struct rreply *keys = rreply_at(r, 1);
		for (size_t i = 0; i < rreply_count(keys) && !rc; i++) {
			size_t n;
			const char *key = rreply_str(rreply_at(keys, i), &n);
			rc = sort_key(f, key, n);
		}
		snprintf(cursor, sizeof cursor, "%s", rreply_str(rreply_at(r, 0), NULL));
		bool last = strcmp(cursor, "0") == 0;
		for (size_t i = 0; i < f->n_shards && !rc; i++)
			if (f->shards[i].names.n >= FSCK_NAMES || last)
				rc = fsck_check_names(f, &f->shards[i]);
		fsck_progress(f, "keys", f->sum->keys, of);
	} while (!rc && strcmp(cursor, "0") != 0);
	return rc;
}

/* ---- the sorted sets ---- */

static int check_set(struct fsck *f, struct fsck_shard *s, const char *set)
{
	char cursor[24] = "0";
	int rc = 0;

	do {
		struct rcmd cmd = fsck_call(f, "sq_fsck_set", s->tag);
		rcmd_str(&cmd, set);
		rcmd_str(&cmd, cursor);
		const struct rreply *r = fsck_ask(f, &cmd);
		if (!r)
			return ERR_UNKNOWN;
		rc = fsck_tell_all(f, s, s->tag, rreply_at(r, 0));
		snprintf(cursor, sizeof cursor, "%s", rreply_str(rreply_at(r, 1), NULL));
	} while (!rc && strcmp(cursor, "0") != 0);
	return rc;
}

/* ---- the whole ---- */

/* A Redis without our functions, or with older ones, gets ours, as from any role that comes first. */
static int load_library(struct fsck *f)
{
	const char *line = strstr(lua_library, "local VERSION = ");
	long own = line ? strtol(line + strlen("local VERSION = "), NULL, 10) : 0;
	const struct rreply *r = rsync_words(f->link, f->info, "FCALL", "sq_version", "0", NULL);

	if (!r)
		return ERR_UNKNOWN;
	bool missing = rreply_type(r) == RREPLY_ERROR && strstr(rreply_str(r, NULL), "Function not found");
	if (rreply_type(r) == RREPLY_ERROR && !missing)
		return errinfo_set(f->info, ERR_UNAVAILABLE, "Redis: %s", rreply_str(r, NULL));
	if (!missing && rreply_int(r) >= own)
		return 0;
	struct rcmd cmd;
	rcmd_init(&cmd);
	rcmd_str(&cmd, "FUNCTION");
	rcmd_str(&cmd, "LOAD");
	rcmd_str(&cmd, "REPLACE");
	rcmd_arg(&cmd, lua_library, lua_library_len);
	f->sum->loaded = own;
	return fsck_ask(f, &cmd) ? 0 : ERR_UNKNOWN;
}

static bool is_wanted(const struct queue_fsck_options *o, const char *tag)
{
	char queue[KEYS_QUEUE_MAX + 1];
	unsigned shard;

	if (keys_tag_parse(tag, queue, &shard))
		return false;
	for (size_t i = 0; i < o->n_queues; i++)
		if (strcmp(o->queues[i], queue) == 0)
			return true;
	return o->n_queues == 0;
}

static int find_queues(struct fsck *f, const struct rreply *tags)
{
	char queue[KEYS_QUEUE_MAX + 1];
	unsigned shard;

	f->shards = calloc(rreply_count(tags) + 1, sizeof *f->shards);
	if (!f->shards)
		return fsck_no_memory(f);
	for (size_t i = 0; i < rreply_count(tags); i++) {
		const char *tag = rreply_str(rreply_at(tags, i), NULL);
		if (is_wanted(f->o, tag) && strlen(tag) < KEYS_TAG_SIZE)
			snprintf(f->shards[f->n_shards++].tag, KEYS_TAG_SIZE, "%s", tag);
	}
	f->sum->queues = f->n_shards;
	for (size_t i = 0; i < f->o->n_queues; i++) {
		bool found = false;
		for (size_t k = 0; k < f->n_shards && !found; k++)
			found =
			    keys_tag_parse(f->shards[k].tag, queue, &shard) == 0 && strcmp(queue, f->o->queues[i]) == 0;
		if (!found)
			return errinfo_set(f->info, ERR_NOT_FOUND,
					   "expected a queue that this Redis has, got \"%.80s\"", f->o->queues[i]);
	}
	return 0;
}

static int check_registry(struct fsck *f)
{
	struct rcmd cmd = fsck_call(f, "sq_fsck_registry", KEYS_REG);
	int rc = fsck_turn_to(f, KEYS_REG);
	const struct rreply *r = rc ? NULL : fsck_ask(f, &cmd);

	if (rc)
		rcmd_fini(&cmd);
	else
		rc = r ? 0 : ERR_UNKNOWN;
	if (!rc && !f->o->n_queues)
		rc = fsck_tell_all(f, NULL, KEYS_REG, rreply_at(r, 0));
	return rc ? rc : find_queues(f, rreply_at(r, 1));
}

static int check_shard(struct fsck *f, struct fsck_shard *s)
{
	static const char *const sets[] = { "lease", "d", "x", "joined" };
	int rc = fsck_turn_to(f, s->tag);

	for (size_t i = 0; i < sizeof sets / sizeof *sets && !rc; i++)
		rc = check_set(f, s, sets[i]);
	rc = rc ? rc : fsck_check_lists(f, s);
	return rc ? rc : fsck_check_counters(f, s);
}

/* One node after the other. */
static int on_each_node(struct fsck *f, int (*what)(struct fsck *f))
{
	int rc = 0;

	for (size_t i = 0; !rc && (f->link = rsyncs_each(f->links, i)); i++)
		rc = what(f);
	return rc;
}

int queue_fsck(struct rsyncs *links, const struct queue_fsck_options *options, struct queue_fsck_summary *sum,
	       struct errinfo *info)
{
	struct fsck f = { .links = links, .o = options, .sum = sum, .info = info };
	int rc;

	*sum = (struct queue_fsck_summary){ 0 };
	textset_init(&f.reported);
	textset_init(&f.listed);
	while (rsyncs_each(links, sum->nodes))
		sum->nodes++;
	rc = on_each_node(&f, load_library);
	rc = rc ? rc : check_registry(&f);
	rc = rc ? rc : on_each_node(&f, scan_keys);
	for (size_t i = 0; i < f.n_shards && !rc; i++)
		rc = check_shard(&f, &f.shards[i]);
	for (size_t i = 0; i < f.n_shards; i++) {
		buf_fini(&f.shards[i].names.bytes);
		buf_fini(&f.shards[i].waiting.bytes);
		buf_fini(&f.shards[i].suspects.bytes);
	}
	free(f.shards);
	textset_fini(&f.reported);
	textset_fini(&f.listed);
	return rc;
}
