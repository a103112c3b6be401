/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The walks through the lists, from tail to head, and what they tell of jobs and counters. */
#include <stdio.h>
#include <string.h>

#include "queue_fsck_walk.h"

enum {
	TRIES = 8,       /* walks to judge the counters */
	ANCHOR_TRIES = 5 /* walks to find out about jobs that were missed */
};

/* ---- walks ---- */

/* One page. *last: the id nearest to the head of the page before, "" for none: from it on to the tail all was seen. */
static int read_page(struct fsck *f, struct fsck_shard *s, const struct rreply *r, struct buf *last, bool collect)
{
	const struct rreply *ids = rreply_at(r, 0);
	size_t fresh = rreply_count(ids), kinds_len;
	const char *kinds = rreply_str(rreply_at(r, 1), &kinds_len);

	if (kinds_len != fresh)
		return errinfo_set(f->info, ERR_PROTOCOL, "expected a kind for each of %zu entries, got %zu", fresh,
				   kinds_len);
	for (size_t i = fresh; i-- > 0 && last->len;) {
		size_t n;
		const char *id = rreply_str(rreply_at(ids, i), &n);
		if (n == last->len && memcmp(id, last->data, n) == 0) {
			fresh = i;
			break;
		}
	}
	for (size_t i = 0; i < fresh; i++) {
		size_t n;
		const char *id = rreply_str(rreply_at(ids, i), &n);
		int rc = textset_add(&f->listed, id, n);
		s->tombstones += kinds[i] == 't';
		if (rc < 0 || (collect && (rc == 0 || kinds[i] == '!') && fsck_texts_add(&s->suspects, id, n)))
			return fsck_no_memory(f);
		if (i == 0) {
			buf_clear(last);
			buf_append(last, id, n);
		}
	}
	return last->failed ? fsck_no_memory(f) : 0;
}

/* Reads the three lists. collect: what is suspicious there is kept. */
static int walk_lists(struct fsck *f, struct fsck_shard *s, bool collect)
{
	struct buf last = BUF_INIT;
	int rc = 0;

	textset_clear(&f->listed);
	s->tombstones = 0;
	f->told = 0;
	for (unsigned list = 1; list <= 3 && !rc; list++) {
		size_t skip = 0, n = 0;
		buf_clear(&last);
		do {
			struct rcmd cmd;
			rcmd_init(&cmd);
			rcmd_fcall(&cmd, "sq_fsck_list", s->tag);
			rcmd_uint(&cmd, list);
			rcmd_uint(&cmd, skip);
			const struct rreply *r = fsck_ask(f, &cmd);
			n = rreply_count(rreply_at(r, 0));
			rc = r ? read_page(f, s, r, &last, collect) : ERR_UNKNOWN;
			skip += n;
			fsck_progress(f, "entries of lists", f->listed.used, 0);
		} while (!rc && n);
	}
	buf_fini(&last);
	return rc;
}

/* Of the jobs that must stand in a list, keeps those that were not seen there. */
static int drop_listed(struct fsck *f, struct fsck_texts *t)
{
	struct fsck_texts missing = { BUF_INIT, 0 };
	const char *id = NULL;
	int rc = 0;

	for (size_t i = 0; i < t->n && !rc; i++) {
		id = fsck_texts_next(t, id);
		if (!textset_has(&f->listed, id, strlen(id)))
			rc = fsck_texts_add(&missing, id, strlen(id));
	}
	buf_fini(&t->bytes);
	*t = missing;
	return rc ? fsck_no_memory(f) : 0;
}

/* Asks the keys of the jobs once more: those that still must stand in a list are `waiting` then. */
static int ask_again(struct fsck *f, struct fsck_shard *s)
{
	const char *id = NULL;
	int rc = 0;

	for (size_t i = 0; i < s->waiting.n && !rc; i++) {
		char name[KEYS_NAME_SIZE];
		id = fsck_texts_next(&s->waiting, id);
		int n = snprintf(name, sizeof name, "j:%s", id);
		rc = fsck_texts_add(&s->names, name, n < (int)sizeof name ? (size_t)n : sizeof name - 1);
	}
	fsck_texts_clear(&s->waiting);
	return rc ? fsck_no_memory(f) : fsck_check_names(f, s);
}

static int judge(struct fsck *f, struct fsck_shard *s, struct fsck_texts *ids)
{
	const char *id = NULL;
	size_t left = ids->n;
	int rc = 0;

	if (left)
		id = fsck_texts_next(ids, NULL);
	while (left && !rc) {
		struct rcmd cmd = fsck_call(f, "sq_fsck_job", s->tag);
		const char *p = id;
		for (size_t i = 0; i < left && i < FSCK_NAMES; i++, p = fsck_texts_next(ids, p))
			rcmd_str(&cmd, p);
		const struct rreply *r = fsck_ask(f, &cmd);
		size_t done = (size_t)rreply_int(rreply_at(r, 1));
		if (!r || done < 1 || done > left)
			return r ? errinfo_set(f->info, ERR_PROTOCOL, "expected jobs to be judged, got none")
				 : ERR_UNKNOWN;
		rc = fsck_tell_all(f, s, s->tag, rreply_at(r, 0));
		fsck_progress(f, "jobs to be judged", ids->n - left, ids->n);
		for (left -= done; done && left; done--)
			id = fsck_texts_next(ids, id);
	}
	fsck_texts_clear(ids);
	return rc;
}

/* Asks for each job that was missed whether it is near the head of its list; on the way to be judged: those of short
 * lists. *pairs: job, anchor, job, anchor... of the others that are not. */
static int find_anchors(struct fsck *f, struct fsck_shard *s, struct fsck_texts *pairs)
{
	const char *id = NULL;
	size_t left = s->waiting.n;
	int rc = 0;

	if (left)
		id = fsck_texts_next(&s->waiting, NULL);
	while (left && !rc) {
		struct rcmd cmd = fsck_call(f, "sq_fsck_near", s->tag);
		const char *p = id;
		for (size_t i = 0; i < left && i < FSCK_NAMES; i++, p = fsck_texts_next(&s->waiting, p))
			rcmd_str(&cmd, p);
		const struct rreply *r = fsck_ask(f, &cmd);
		size_t done = rreply_count(r);
		if (!r || done < 1 || done > left)
			return r ? errinfo_set(f->info, ERR_PROTOCOL, "expected an answer for each job, got none")
				 : ERR_UNKNOWN;
		for (size_t i = 0; i < done && !rc; i++) {
			size_t n;
			const char *answer = rreply_str(rreply_at(r, i), &n);
			if (strcmp(answer, "!") == 0)
				rc = fsck_texts_add(&s->suspects, id, strlen(id));
			else if (n)
				rc = fsck_texts_add(pairs, id, strlen(id)) || fsck_texts_add(pairs, answer, n)
					 ? ERR_NOMEM
					 : 0;
			if (--left)
				id = fsck_texts_next(&s->waiting, id);
		}
		rc = rc ? fsck_no_memory(f) : 0;
		fsck_progress(f, "jobs to be looked for", s->waiting.n - left, s->waiting.n);
	}
	fsck_texts_clear(&s->waiting);
	return rc;
}

static int tell_lost(struct fsck *f, struct fsck_shard *s, struct fsck_texts *ids)
{
	const char *id = NULL;
	int rc = 0;

	for (size_t i = 0; i < ids->n && !rc;) {
		struct rcmd cmd = fsck_call(f, "sq_fsck_lost", s->tag);
		for (size_t k = 0; k < FSCK_NAMES && i < ids->n; k++, i++) {
			id = fsck_texts_next(ids, id);
			rcmd_str(&cmd, id);
		}
		const struct rreply *r = fsck_ask(f, &cmd);
		rc = r ? fsck_tell_all(f, s, s->tag, rreply_at(r, 0)) : ERR_UNKNOWN;
	}
	return rc;
}

/* Of the pairs, after a walk: a job that was not seen, while its anchor was, is lost. Without the anchor nobody knows
 * (it was claimed): the job is to be looked for once more. */
static int sort_pairs(struct fsck *f, struct fsck_shard *s, const struct fsck_texts *pairs, struct fsck_texts *lost)
{
	const char *id = NULL, *anchor = NULL;
	int rc = 0;

	for (size_t i = 0; i + 1 < pairs->n && !rc; i += 2) {
		id = fsck_texts_next(pairs, anchor);
		anchor = fsck_texts_next(pairs, id);
		if (!textset_has(&f->listed, id, strlen(id))) {
			bool certain = textset_has(&f->listed, anchor, strlen(anchor));
			rc = fsck_texts_add(certain ? lost : &s->waiting, id, strlen(id));
		}
	}
	return rc ? fsck_no_memory(f) : 0;
}

/* Jobs that two walks have missed. */
static int check_missed(struct fsck *f, struct fsck_shard *s)
{
	int rc = 0;

	for (int i = 0; i < ANCHOR_TRIES && s->waiting.n && !rc; i++) {
		struct fsck_texts pairs = { BUF_INIT, 0 }, lost = { BUF_INIT, 0 };
		rc = find_anchors(f, s, &pairs);
		rc = rc || !pairs.n ? rc : walk_lists(f, s, false);
		rc = rc ? rc : sort_pairs(f, s, &pairs, &lost);
		rc = rc ? rc : tell_lost(f, s, &lost);
		buf_fini(&pairs.bytes);
		buf_fini(&lost.bytes);
	}
	f->sum->unknown += s->waiting.n;
	fsck_texts_clear(&s->waiting);
	return rc;
}

/* A job that moves between two looks need not be seen: so whoever was not seen is looked for twice, at least. */
int fsck_check_lists(struct fsck *f, struct fsck_shard *s)
{
	int rc = walk_lists(f, s, true);

	f->sum->entries += f->listed.used;
	rc = rc ? rc : drop_listed(f, &s->waiting);
	if (!rc && s->waiting.n) {
		rc = ask_again(f, s);
		rc = rc ? rc : walk_lists(f, s, false);
		rc = rc ? rc : drop_listed(f, &s->waiting);
	}
	rc = rc ? rc : check_missed(f, s);
	return rc ? rc : judge(f, s, &s->suspects);
}

/* ---- the counters ---- */

struct figures {
	char text[3][24]; /* as sq_fsck_count tells them: difference, cancelled, expired */
	bool judged;
};

static int ask_count(struct fsck *f, struct fsck_shard *s, const struct figures *before, struct figures *now)
{
	struct rcmd cmd = fsck_call(f, "sq_fsck_count", s->tag);

	if (before) {
		rcmd_uint(&cmd, s->tombstones);
		for (size_t i = 0; i < 3; i++)
			rcmd_str(&cmd, before->text[i]);
	}
	const struct rreply *r = fsck_ask(f, &cmd);
	if (!r)
		return ERR_UNKNOWN;
	for (size_t i = 0; i < 3; i++)
		snprintf(now->text[i], sizeof now->text[i], "%s", rreply_str(rreply_at(r, 1 + i), NULL));
	now->judged = rreply_int(rreply_at(r, 4)) != 0;
	return fsck_tell_all(f, s, s->tag, rreply_at(r, 0));
}

/* Jobs that are not where they count make every sum wrong: then there is nothing to say about the counters. */
int fsck_check_counters(struct fsck *f, struct fsck_shard *s)
{
	struct figures before, after = { .judged = false };
	int rc = 0;

	for (int i = 0; i < TRIES && !s->displaced && !after.judged && !rc; i++) {
		rc = ask_count(f, s, NULL, &before);
		rc = rc ? rc : walk_lists(f, s, false);
		rc = rc ? rc : ask_count(f, s, &before, &after);
	}
	f->sum->unjudged += !after.judged;
	f->sum->tombstones += s->tombstones;
	return rc;
}
