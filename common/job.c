/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "job.h"

#include <string.h>

#include "err.h"

/* One row a state: its name, whether it is final, and the states it may move to. */
static const struct {
	enum job_state state;
	bool done;
	const char *name;
	const char *next;
} states[] = {
	{ JOB_DELAYED, false, "delayed", "qce" },    { JOB_QUEUED, false, "queued", "rce" },
	{ JOB_RUNNING, false, "running", "qdsfxc" }, { JOB_SUCCEEDED, true, "succeeded", "" },
	{ JOB_FAILED, true, "failed", "q" },         { JOB_DEAD, true, "dead", "q" },
	{ JOB_CANCELLED, true, "cancelled", "q" },   { JOB_EXPIRED, true, "expired", "q" },
};

static const struct {
	enum job_priority priority;
	const char *name;
} priorities[] = { { JOB_HIGH, "high" }, { JOB_NORMAL, "normal" }, { JOB_LOW, "low" } };

#define COUNT(a) (sizeof(a) / sizeof *(a))

const char *job_state_name(enum job_state s)
{
	for (size_t i = 0; i < COUNT(states); i++)
		if (states[i].state == s)
			return states[i].name;
	return NULL;
}

int job_state_parse(const char *s, size_t n, enum job_state *out)
{
	for (size_t i = 0; i < COUNT(states); i++)
		if (strlen(states[i].name) == n && memcmp(states[i].name, s, n) == 0) {
			*out = states[i].state;
			return 0;
		}
	return ERR_INVALID;
}

const char *job_priority_name(enum job_priority p)
{
	for (size_t i = 0; i < COUNT(priorities); i++)
		if (priorities[i].priority == p)
			return priorities[i].name;
	return NULL;
}

int job_priority_parse(const char *s, size_t n, enum job_priority *out)
{
	for (size_t i = 0; i < COUNT(priorities); i++)
		if (strlen(priorities[i].name) == n && memcmp(priorities[i].name, s, n) == 0) {
			*out = priorities[i].priority;
			return 0;
		}
	return ERR_INVALID;
}

bool job_state_done(enum job_state s)
{
	for (size_t i = 0; i < COUNT(states); i++)
		if (states[i].state == s)
			return states[i].done;
	return false;
}

bool job_state_may(enum job_state from, enum job_state to)
{
	for (size_t i = 0; i < COUNT(states); i++)
		if (states[i].state == from)
			return strchr(states[i].next, (char)to) != NULL;
	return false;
}

struct span job_worker(const struct job *j)
{
	const char *dot = j->batch.n ? memchr(j->batch.p, '.', j->batch.n) : NULL;
	return dot ? (struct span){ j->batch.p, (size_t)(dot - j->batch.p) } : (struct span){ "", 0 };
}

/* ---- the record ---- */

static void put(struct buf *b, uint64_t v, unsigned bytes)
{
	char raw[8];
	for (unsigned i = 0; i < bytes; i++)
		raw[i] = (char)(v >> (8 * i) & 0xff);
	buf_append(b, raw, bytes);
}

static void put_short(struct buf *b, struct span s)
{
	put(b, s.n, 1);
	buf_append(b, s.p, s.n);
}

int job_record_encode(struct buf *out, const struct job *j)
{
	if (j->op.n > JOB_OP_MAX || j->trace.n > JOB_TRACE_MAX || j->reply.n > 250 || j->args.n > UINT32_MAX - 1024)
		return ERR_TOO_BIG;
	if (buf_reserve(out, JOB_RECORD_FIXED + 32 + j->reply.n + j->op.n + j->trace.n + j->args.n))
		return ERR_NOMEM;
	buf_append(out, "J1", 2);
	buf_byte(out, JOB_QUEUED);
	buf_byte(out, (char)j->priority);
	put(out, 0, 2); /* flags */
	put(out, 0, 2); /* attempt */
	put(out, j->max_attempts, 2);
	put(out, j->result_ttl_s, 4);
	for (int i = 0; i < 5; i++) /* created, run, expires, started, finished: Redis fills them in */
		put(out, 0, 8);
	put(out, j->expires_in_us, 8);
	put(out, j->delay_us, 8);
	put_short(out, (struct span){ "", 0 });
	put_short(out, j->reply);
	put(out, 1 + j->op.n + 4 + 1 + 1 + j->trace.n + j->args.n, 4);
	put_short(out, j->op);
	put(out, j->timeout_ms, 4);
	buf_byte(out, j->cache);
	put_short(out, j->trace);
	buf_append(out, j->args.p, j->args.n);
	put(out, 0, 4);
	return out->failed ? ERR_NOMEM : 0;
}

/* A cursor over a record; `bad` sticks, so that one check at the end is enough. */
struct reader {
	const unsigned char *p;
	size_t left;
	bool bad;
};

static uint64_t get(struct reader *r, unsigned bytes)
{
	if (r->left < bytes) {
		r->bad = true;
		return 0;
	}
	uint64_t v = 0;
	for (unsigned i = 0; i < bytes; i++)
		v |= (uint64_t)r->p[i] << (8 * i);
	r->p += bytes;
	r->left -= bytes;
	return v;
}

static struct span get_span(struct reader *r, size_t n)
{
	struct span s = { (const char *)r->p, n };
	if (r->left < n) {
		r->bad = true;
		return (struct span){ "", 0 };
	}
	r->p += n;
	r->left -= n;
	return s;
}

static void read_envelope(struct span envelope, struct job *j, bool *bad)
{
	struct reader r = { (const unsigned char *)envelope.p, envelope.n, false };
	j->op = get_span(&r, get(&r, 1));
	j->timeout_ms = (uint32_t)get(&r, 4);
	j->cache = (char)get(&r, 1);
	j->trace = get_span(&r, get(&r, 1));
	j->args = get_span(&r, r.left);
	if (r.bad || j->op.n == 0)
		*bad = true;
}

int job_record_decode(const char *record, size_t n, struct job *j)
{
	struct reader r = { (const unsigned char *)record, n, false };
	struct job out = { 0 };
	if (n < JOB_RECORD_FIXED || memcmp(get_span(&r, 2).p, "J1", 2) != 0)
		return ERR_INVALID;
	out.state = (enum job_state)get(&r, 1);
	out.priority = (enum job_priority)get(&r, 1);
	out.flags = (unsigned)get(&r, 2);
	out.attempt = (unsigned)get(&r, 2);
	out.max_attempts = (unsigned)get(&r, 2);
	out.result_ttl_s = (uint32_t)get(&r, 4);
	out.created_at = get(&r, 8);
	out.run_at = get(&r, 8);
	out.expires_at = get(&r, 8);
	out.started_at = get(&r, 8);
	out.finished_at = get(&r, 8);
	out.expires_in_us = get(&r, 8);
	out.delay_us = get(&r, 8);
	out.batch = get_span(&r, get(&r, 1));
	out.reply = get_span(&r, get(&r, 1));
	struct span envelope = get_span(&r, get(&r, 4));
	out.outcome = get_span(&r, get(&r, 4));
	read_envelope(envelope, &out, &r.bad);
	if (r.bad || r.left != 0 || !job_state_name(out.state) || !job_priority_name(out.priority))
		return ERR_INVALID;
	*j = out;
	return 0;
}
