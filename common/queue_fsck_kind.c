/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The words for what `square fsck` finds: one line a kind, by the code that lua/fsck.lua gives it. */
#include <string.h>

#include "queue_fsck.h"

/* clang-format off */
static const struct queue_fsck_kind kinds[] = {
	/* jobs in no place */
	{ "queued-lost", "job", "queued, and in none of the lists", "put at the tail of its list", NULL, true },
	{ "running-lost", "job", "running, and not in its batch", "queued again, or retried if it had started", NULL, true },
	{ "delayed-lost", "job", "delayed, and not among the delayed jobs", "put there", NULL, true },
	{ "follower-lost", "job", "waits for another job's result, and is not in that job's list", "queued to compute by itself", NULL, true },
	/* jobs in two places, or in a wrong one */
	{ "wrong-list", "job", "stands in a list of another priority", "put in its own list alone", NULL, true },
	{ "listed-twice", "job", "stands in its list more than once", "left there once", NULL, true },
	{ "live-listed", "job", "stands in a list of queued jobs, and is not queued there", "taken out of the list", NULL, true },
	{ "delayed-not", "job", "stands among the delayed jobs, and is not delayed", "taken out of them", NULL, true },
	{ "mark-not-its", "job", "stands in a batch that is not its own", "taken out of the batch", NULL, true },
	{ "joined-not", "job", "stands among the jobs that wait for another's result, and does not", "taken out of them", NULL, true },
	{ "follower-not-its", "job", "stands in the list of a job that it does not wait for", "taken out of the list", NULL, true },
	{ "follows-twice", "job", "stands in the list of the job it waits for more than once", "left there once", NULL, false },
	{ "joined-missing", "job", "waits for another job's result, and is not counted among those that do", "counted among them", NULL, true },
	/* records */
	{ "malformed", "job", "its record is not one of ours", "put aside (T:bad) with a time to live", NULL, true },
	{ "mark-no-record", "job", "stands in a batch, and has no record", "taken out of the batch", NULL, true },
	{ "delayed-no-record", "job", "stands among the delayed jobs, and has no record", "taken out of them", NULL, true },
	{ "final-no-ttl", "job", "has ended, and has no time to live", "given its time to live", NULL, false },
	{ "live-ttl", "job", "is live, and has a time to live", "made to stay", NULL, false },
	{ "live-tombstone", "job", "is live, and flagged as ended in its list", "unflagged", NULL, false },
	{ "tombstone-missing", "job", "has ended, and its flag says that an entry stands in a list: none does", "unflagged", NULL, false },
	{ "tombstone-unflagged", "job", "has ended, and an entry of it stands in a list without its flag", "flagged", NULL, true },
	{ "delayed-time", "job", "delayed, and not until the time in its record", "put at that time", NULL, false },
	{ "expiry-missing", "job", "waits, and does not stand among the expiries with its time", "put there", NULL, false },
	{ "expiry-not", "job", "stands among the expiries, and cannot expire", "taken out of them", NULL, false },
	{ "cancel-differs", "job", "its record and its batch differ on whether it is to be cancelled", "to be cancelled in both", NULL, false },
	{ "mark-wrong", "job", "its mark in the batch is none of ours", "marked as started", NULL, false },
	{ "attempts", "job", "is live after its last attempt", NULL, "left: it ends with its next attempt", false },
	{ "led-nobody", "job", "flagged as followed by others, and nobody does", "unflagged", NULL, false },
	{ "led-unflagged", "job", "followed by others, and not flagged so", "flagged", NULL, false },
	{ "led-final", "job", "has ended, and others still wait for its result", "their leader no more: they end as it did, or run", NULL, true },
	{ "leader-gone", "job", "has no record, and others wait for its result", "their leader no more: they run", NULL, true },
	/* batches and leases */
	{ "batch-no-lease", "batch", "has no lease, and would never be taken back", "given a lease from now on", NULL, true },
	{ "lease-no-batch", "batch", "has a lease, and does not exist", "rid of its lease", NULL, false },
	/* counters */
	{ "live-counter", "counter", "does not count the live jobs", "set right", NULL, false },
	{ "run-counter", "counter", "does not count the running jobs", "set right", NULL, false },
	/* keys */
	{ "bound", "key", "is longer than its bound", "cut to it", "left: nothing of it can be spared", false },
	{ "key-no-ttl", "key", "has no time to live, or too long a one", "given its time to live", NULL, false },
	{ "key-ttl", "key", "has a time to live, and must not", "made to stay", NULL, false },
	{ "foreign-key", "key", "is of a type that is not ours", "deleted, as it holds but hints", "left: rename or delete it by hand", false },
	{ "unknown-key", "key", "is none of ours", NULL, "left: rename or delete it by hand", false },
	{ "idem-malformed", "key", "is not what an idempotency key holds", NULL, "left: delete it by hand, whoever uses the key again has a new job then", false },
	/* the registry */
	{ "presence-stale", "instance", "not heard of for a minute, and still in the registry", "forgotten", NULL, false },
	{ "presence-unseen", "instance", "in the registry, and was never heard of", "forgotten", NULL, false },
	{ "tag-wrong", "tag", "registered, and not a queue's tag with an index of its own", NULL, "left: ids of jobs may carry the index", false },
	{ "tag-shared", "tag", "has an index that another one has", NULL, "left: jobs of one of them cannot be found by their ids", false },
	{ "unregistered", "tag", "has keys, and is not registered", NULL, "left: it may be another service's, or of a queue whose registration is lost", false },
};
/* clang-format on */

const struct queue_fsck_kind *queue_fsck_kind_at(size_t i)
{
	return i < sizeof kinds / sizeof *kinds ? &kinds[i] : NULL;
}

const struct queue_fsck_kind *queue_fsck_kind(const char *code)
{
	for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
		if (strcmp(kinds[i].code, code) == 0)
			return &kinds[i];
	return NULL;
}
