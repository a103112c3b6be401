/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The queue: every transition of a job as one call, each of them one atomic function in Redis (lua/, a file each).
 * A call may be asked again after a lost link: the answer is the same and nothing happens twice. Callbacks run once, on
 * the loop of the link. No call blocks. What a reply lends (spans, records) is borrowed for the callback.
 *
 * Life of a job:  enqueue -> [delayed ->] queued -> claim(batch) -> start -> finish | fail | release
 * and on the side: cancel, extend (a batch's lease), reap (batches whose lease ran out; due and expired jobs). */
#ifndef SQUARE_QUEUE_H
#define SQUARE_QUEUE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "buf.h"
#include "durability.h"
#include "id.h"
#include "job.h"
#include "keys.h"
#include "rlink.h"

#define QUEUE_BATCH_MAX 64       /* jobs of one claim */
#define QUEUE_LEASE_US 10000000  /* a batch not extended for 10 s is somebody else's */
#define QUEUE_REPLY_MAX 10000    /* entries of a reply list; older ones are dropped, they are hints */
#define QUEUE_RESULT_MAX 1048576 /* bytes of a result */
#define QUEUE_PROGRESS_MAX 1024  /* bytes of a progress object */
#define QUEUE_SHARDS_MAX 64      /* of one queue */
#define QUEUE_LIVE_MAX 1000000   /* default bound of live jobs of a queue */
#define QUEUE_PEEK_MAX 1024      /* ids of one peek */
#define QUEUE_LIST_MAX 200       /* jobs of one page */
#define QUEUE_LIST_KEY_SIZE 64

/* ---- both roles ---- */

/* Makes a fresh link fit for queue calls, then calls rlink_greeted; call it from rlink_options.on_greet. Loads the
 * function library if Redis has none or an older one. Refuses (and the link keeps trying) a Redis older than 7.0, and
 * unless allow_volatile (then it warns) one that may evict jobs, would forget them at a restart (no appendonly file,
 * or a default user without the right to read it back), or leaves it to the kernel when they reach the disk
 * (appendfsync no). */
void queue_greet(struct rlink *link, bool allow_volatile);
/* The same, and keeps what this Redis promises in *learnt, which must outlive the link. */
void queue_greet_durable(struct rlink *link, bool allow_volatile, struct durability *learnt);

/* ---- web role ---- */

/* Submissions of one loop turn to one tag become one call. One queue_submitter per reactor. */
struct queue_submitter;
enum queue_verdict {
	QUEUE_ACCEPTED,
	QUEUE_ACCEPTED_DONE,   /* a stored result answered it: it is done already ("hit") */
	QUEUE_ACCEPTED_JOINED, /* it waits for the result of a job that asks the same ("join"); else as accepted */
	QUEUE_REPLAYED,
	QUEUE_REFUSED_FULL,
	QUEUE_KEY_REUSED,
	QUEUE_DUPLICATE_ID
};
/* status 0: verdict stands, created_at is the time of acceptance (Redis), id the accepted id, or the first one of the
 * key when replayed. ERR_UNAVAILABLE: not accepted. ERR_UNKNOWN/ERR_TIMEOUT: perhaps accepted. ERR_REPLICAS: accepted,
 * but fewer replicas have it than a promise takes. */
typedef void queue_submit_cb(void *arg, int status, enum queue_verdict verdict, const char *id, uint64_t created_at_us);
/* live_max: bound of live jobs per queue. deadline_ms: longest time until cb, whatever Redis does.
 * Verdicts are told as they come. */
struct queue_submitter *queue_submitter_new(uv_loop_t *loop, struct rlink *link, uint64_t live_max,
					    unsigned deadline_ms);
/* The same, but a verdict is told only when the death of the Redis process cannot take the job away any more, and when
 * durability->replicas replicas have it (queue_gate.c). While only its disk is slow, that may take 3 s. durability: as
 * learnt by the greeting of this link; borrowed; its `replicas` does not change. The link should be the submitter's
 * own: WAIT blocks what is behind it. */
struct queue_submitter *queue_submitter_new_durable(uv_loop_t *loop, struct rlink *link,
						    const struct durability *durability, uint64_t live_max,
						    unsigned deadline_ms);
/* Whether the last WAIT found too few replicas, so that submissions are refused; and how many it found. */
bool queue_submitter_short(const struct queue_submitter *s, unsigned *answered);
/* Whether what is submitted now would be sent. When it would not, the replicas are counted again meanwhile. */
bool queue_submitter_takes(struct queue_submitter *s);
/* What a submitter counts when it is asked to; all are there. */
struct queue_submitter_meter {
	struct metrics_value *verdict[QUEUE_DUPLICATE_ID + 1]; /* counters: submissions by enum queue_verdict */
	struct metrics_value *unavailable, *unknown;           /* counters: not accepted; perhaps accepted */
	struct metrics_value *sizes;                           /* histogram: submissions of one call */
};
void queue_submitter_measure(struct queue_submitter *s, const struct queue_submitter_meter *meter); /* copied */
void queue_submitter_free(struct queue_submitter *s); /* cb of what is open: ERR_CLOSED; not from within a cb */
/* The same when it is only the link that goes: ERR_UNAVAILABLE for what was never sent, which may be submitted again
 * elsewhere; ERR_UNKNOWN for what was. */
void queue_submitter_free_unlinked(struct queue_submitter *s);
struct queue_submit {
	const char *tag;        /* borrowed for the call, like all below */
	const char *id;         /* text, ID_TEXT_LEN */
	struct job job;         /* wishes, op, args, reply, trace */
	uint64_t run_at_us;     /* 0: by job.delay_us */
	const char *idem_hash;  /* hex digest of scope and Idempotency-Key; NULL when there is none */
	const char *idem_print; /* hex fingerprint of the body */
	const char *cache_hash; /* hex digest of the canonical operation, arguments and options, of a job that may be
				   answered by another's result; NULL: it computes */
	uint32_t cache_s;       /* how old that result may be */
	uint64_t until_us; /* clock_mono_us() by which cb is to run, if that is before the submitter's deadline; or 0 */
};
/* 0: cb will run. Else ERR_UNAVAILABLE, ERR_TOO_BIG or ERR_NOMEM and cb will not. Sent by queue_submitter_flush(),
 * which the owner calls at the end of its loop turn (uv_prepare), or earlier when 256 jobs or 256 KiB wait. */
int queue_submit(struct queue_submitter *s, const struct queue_submit *job, queue_submit_cb *cb, void *arg);
void queue_submitter_flush(struct queue_submitter *s);

/* record is NULL when the job is unknown (status ERR_NOT_FOUND). job is decoded from record. */
typedef void queue_job_cb(void *arg, int status, const struct job *job);
int queue_get(struct rlink *link, const char *tag, const char *id, queue_job_cb *cb, void *arg);
/* Like queue_get, and unless the job is done the reply list `receiver` of this tag will get its final record. */
int queue_watch(struct rlink *link, const char *tag, const char *id, const char *receiver, queue_job_cb *cb, void *arg);

/* Reads an entry of a reply list: the id (text, zero-terminated) followed by the record. 0 or ERR_INVALID. */
int queue_reply_decode(const char *entry, size_t n, char id[ID_TEXT_SIZE], struct job *job);

/* Registers a tag and tells its index for ids. */
typedef void queue_register_cb(void *arg, int status, unsigned index);
int queue_register(struct rlink *link, const char *tag, queue_register_cb *cb, void *arg);
/* The same, of a queue that is to have so many shards (1..QUEUE_SHARDS_MAX). keyed: how many it began with, which
 * stays: an idempotency key belongs to one of these (lua/register.lua). */
typedef void queue_register_shard_cb(void *arg, int status, unsigned index, unsigned keyed);
int queue_register_shard(struct rlink *link, const char *tag, unsigned shards, queue_register_shard_cb *cb, void *arg);

/* code: 'c' cancelled now, 'a' asked (it runs; its worker is told), 'd' done already, '0' unknown (status
 * ERR_NOT_FOUND). job: as it is now; NULL unless status is 0. */
typedef void queue_cancel_cb(void *arg, int status, char code, const struct job *job);
int queue_cancel(struct rlink *link, const char *tag, const char *id, queue_cancel_cb *cb, void *arg);

/* Runs a job again that ended dead, failed, cancelled or expired, with fresh attempts and at the tail of its list (or
 * where the entry of its first wait still stands); nobody but who watches it anew is told of its end.
 * code: 'k' it is queued; 'l' it is live, or succeeded; 'F' the queue is full; '0' unknown (status ERR_NOT_FOUND).
 * Asked again it says 'l'. job as for queue_cancel. */
int queue_retry(struct rlink *link, const char *tag, const char *id, uint64_t live_max, queue_cancel_cb *cb, void *arg);

/* Runs dead jobs again, the oldest first, up to max (1..512) of them, and up to some MiB, in this call. moved: how many
 * were; more: some are left. A full queue stops it: then more is true, and a call that could move none has status
 * ERR_FULL. */
typedef void queue_redrive_cb(void *arg, int status, unsigned moved, bool more);
int queue_redrive(struct rlink *link, const char *tag, unsigned max, uint64_t live_max, queue_redrive_cb *cb,
		  void *arg);

/* A paused queue accepts, and gives nothing out. paused: as it is now. */
typedef void queue_pause_cb(void *arg, int status, bool paused);
int queue_pause(struct rlink *link, const char *tag, bool paused, queue_pause_cb *cb, void *arg);

/* What a queue holds and has done. Rates are means over about the last 10 s. */
struct queue_figures {
	uint64_t now_us;
	uint64_t queued, running, delayed, dead;
	uint64_t oldest_us; /* by the heads of the lists: how long the next job has been waiting; 0 when none waits */
	bool paused;
	uint64_t succeeded, failed, died, cancelled, expired; /* jobs ended that way, ever */
	uint64_t enqueued, finished;                          /* ever; run again counts again */
	uint64_t run_us;                                      /* spent by ended attempts, ever */
	double enqueued_per_s, finished_per_s;
	double busy; /* seconds of running per second, by ended attempts */
};
typedef void queue_figures_cb(void *arg, int status, const struct queue_figures *f);
int queue_figures(struct rlink *link, const char *tag, queue_figures_cb *cb, void *arg);

/* A page of a queue's jobs, the latest first. section: 'r' running, 'q' queued, 'd' delayed (the latest to run first),
 * 'x' dead, 'a' finished of any kind, or s, f, c, e finished that way (of the most recent 1,000). before: NULL, or the
 * `key` of the last job of a page of this section, of this queue or of another one: jobs may come, go and move between
 * pages. limit: 1..QUEUE_LIST_MAX; a page also ends when it has a MiB of records. ERR_INVALID, and no callback: the
 * section, the limit or the key is none.
 * Queued jobs are ordered by their list (high, normal, low, then those who wait for another job's result), then by the
 * time since which they may run; the order between two queues is that of the keys. */
struct queue_listed {
	const char *id;
	char key[QUEUE_LIST_KEY_SIZE]; /* where the job stands in its section: the merge order (as text, descending) */
	struct job job;
};
struct queue_page {
	bool more; /* there may be another page */
	size_t n;
	const struct queue_listed *jobs;
};
typedef void queue_list_cb(void *arg, int status, const struct queue_page *page);
int queue_list(struct rlink *link, const char *tag, char section, const char *before, unsigned limit, queue_list_cb *cb,
	       void *arg);

/* What is cheap to know of many jobs: `looks` has one 4-character entry a job, in order: state (enum job_state, or '0'
 * when there is none), then 3 characters that change with every change a reader could see (attempt, started, progress,
 * cancel asked). n: 1..QUEUE_PEEK_MAX. */
#define QUEUE_LOOK 4
typedef void queue_peek_cb(void *arg, int status, const char *looks, size_t n);
int queue_peek(struct rlink *link, const char *tag, const char *const *ids, size_t n, queue_peek_cb *cb, void *arg);

/* ---- worker role ---- */

struct queue_claimed {
	const char *id;
	struct span record;
	struct job job; /* without an operation when the record cannot be read */
};
struct queue_claim {
	uint64_t now_us;      /* Redis TIME */
	uint64_t next_due_us; /* when the next delayed job is due; 0: none */
	bool more;            /* jobs are still waiting */
	bool paused;
	size_t n;
	const struct queue_claimed *jobs;
};
typedef void queue_claim_cb(void *arg, int status, const struct queue_claim *claim);
/* max: 1..QUEUE_BATCH_MAX. start: the jobs are presumed to have started at once, which saves the call of queue_start()
 * for short ones; what is not run after all is released, uncharged. Should the worker die, none of them is charged, as
 * nobody can tell which ones ran: each becomes a suspect (JOB_FLAG_SUSPECT). A suspect that is claimed never counts as
 * started: it takes a queue_start() with `show`, and nothing else may run before its answer and its end, so that it is
 * charged for what it does. Asking again with the same batch gives the same jobs. */
int queue_claim(struct rlink *link, const char *tag, const char *batch, unsigned max, bool start, queue_claim_cb *cb,
		void *arg);

/* verdicts: one character a job, in order. */
typedef void queue_verdicts_cb(void *arg, int status, const char *verdicts, size_t n);
/* 's' started, 'c' cancel was asked (do not run; finish it as cancelled), '-' lost.
 * show: they run as soon as the answer comes: the attempt counts, and started_at is written where readers see it (for
 * jobs that run longer than a blink, and for suspects). Without: short ones, which run one after the other and do not
 * wait for the answer; they are presumed to have started, as with queue_claim(). */
int queue_start(struct rlink *link, const char *tag, const char *batch, bool show, const char *const *ids, size_t n,
		queue_verdicts_cb *cb, void *arg);

struct queue_outcome {
	const char *id;
	/* 's' succeeded, 'f' failed, 'c' cancelled; with retryable: 'r', failed but worth another attempt, 'w', the
	 * same but it took its process with it: worth one more only, even if more are allowed */
	char kind;
	uint64_t run_us;
	struct span json; /* the result, or the error object */
};
/* 'k' stored, 'm' stored earlier by this same batch, '-' fenced or unknown; with retryable also 'd' will be retried,
 * 'x' dead. All outcomes of one call are retryable, or none is. */
int queue_finish(struct rlink *link, const char *tag, const char *batch, bool retryable,
		 const struct queue_outcome *outcomes, size_t n, queue_verdicts_cb *cb, void *arg);

/* json: the progress object of a running job, at most QUEUE_PROGRESS_MAX bytes. A hint: nobody answers for it. */
int queue_progress(struct rlink *link, const char *tag, const char *batch, const char *id, struct span json);

/* One answer per batch: "ok", "lost", or "cancel ID ID ...". */
typedef void queue_extend_cb(void *arg, int status, const struct rreply *answers);
int queue_extend(struct rlink *link, const char *tag, const char *const *batches, size_t n, queue_extend_cb *cb,
		 void *arg);

/* Gives jobs back to the head of their queue, no attempt charged. 'k' given back, '-' not ours. */
int queue_release(struct rlink *link, const char *tag, const char *batch, const char *const *ids, size_t n,
		  queue_verdicts_cb *cb, void *arg);

struct queue_reaped {
	uint64_t now_us, next_due_us;
	unsigned requeued, retried, died, cancelled, expired, promoted, rearmed, isolated;
	unsigned leases;  /* batches alive after the call */
	uint64_t waiting; /* jobs that could be claimed now */
	bool more;        /* the call's bound was reached: ask again at once */
};
typedef void queue_reap_cb(void *arg, int status, const struct queue_reaped *reaped);
/* instance, boot: batches of this instance name with another boot are reaped at once (their process is dead). */
int queue_reap(struct rlink *link, const char *tag, const char *instance, const char *boot, queue_reap_cb *cb,
	       void *arg);

/* Which of many shards have anything to do, read at once: for those that lie mostly quiet. n: 1..QUEUE_LOOK_MAX tags,
 * of whatever slots, that the Redis of this link serves. A verdict each: 'w' jobs wait that could be claimed now, 'l'
 * something is alive but not that (leases, delayed jobs, a paused queue), '-' nothing is, '?' that Redis does not serve
 * it. */
#define QUEUE_LOOK_MAX 512
int queue_look(struct rlink *link, const char *const *tags, size_t n, queue_verdicts_cb *cb, void *arg);

#endif
