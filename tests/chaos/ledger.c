/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "ledger.h"

#include <math.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

struct samples {
	atomic_ullong n;
	_Atomic float at[LEDGER_SAMPLES];
	_Atomic float max;
};

struct ledger {
	atomic_ullong counts[LEDGER_COUNTS];
	atomic_ullong trials;
	struct samples times[LEDGER_TIMES];
};

static const struct {
	const char *name;
	const char *violation; /* of those that must be 0 */
} counts[LEDGER_COUNTS] = {
	[LEDGER_SUBMITTED] = { "submitted", NULL },
	[LEDGER_ACKNOWLEDGED] = { "acknowledged", NULL },
	[LEDGER_REPLAYED] = { "replayed", NULL },
	[LEDGER_REFUSED] = { "refused", NULL },
	[LEDGER_UNKNOWN] = { "unknown", NULL },
	[LEDGER_SUCCEEDED] = { "succeeded", NULL },
	[LEDGER_FAILED] = { "failed", NULL },
	[LEDGER_CANCELLED] = { "cancelled", NULL },
	[LEDGER_RERUN] = { "re-run", NULL },
	[LEDGER_READS] = { "reads", NULL },
	[LEDGER_FAULTS] = { "faults", NULL },
	[LEDGER_DUPLICATE] = { "duplicates", "results that changed or keys with two jobs" },
	[LEDGER_LOST] = { "lost", "lost jobs" },
	[LEDGER_WRONG] = { "wrong", "jobs with another end than the known one" },
	[LEDGER_CHARGED] = { "charged", "attempts charged without a start" },
	[LEDGER_CORRUPT] = { "corrupt", "violated invariants of the queue" },
	[LEDGER_UNASKED] = { "unasked", "processes that ended unasked" },
};

static const char *const times[LEDGER_TIMES] = {
	[LEDGER_BY_LEASE] = "recovery by lease",
	[LEDGER_BY_EXIT] = "recovery after an exit",
	[LEDGER_BY_RERUN] = "re-run of a killed job",
	[LEDGER_RESUME] = "resumed after Redis",
	[LEDGER_RESTART] = "restart of a role",
	[LEDGER_NOTICE] = "fault noticed",
	[LEDGER_OVERSHOOT] = "beyond the limit",
	[LEDGER_BY_RESTART] = "recovery by a restart",
	[LEDGER_BY_BACKOFF] = "recovery of the hit again",
	[LEDGER_LATENCY] = "latency meanwhile",
};

struct ledger *ledger_new(void)
{
	struct ledger *l =
	    mmap(NULL, sizeof *l, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	if (l == MAP_FAILED) {
		perror("ledger: mmap");
		abort();
	}
	return l;
}

void ledger_free(struct ledger *l)
{
	if (l)
		(void)munmap(l, sizeof *l);
}

void ledger_add(struct ledger *l, enum ledger_count what, uint64_t n)
{
	atomic_fetch_add(&l->counts[what], n);
}

uint64_t ledger_get(const struct ledger *l, enum ledger_count what)
{
	return atomic_load(&l->counts[what]);
}

void ledger_time(struct ledger *l, enum ledger_time what, double ms)
{
	struct samples *s = &l->times[what];
	unsigned long long i = atomic_fetch_add(&s->n, 1);
	float value = (float)ms, max = atomic_load(&s->max);

	if (i < LEDGER_SAMPLES)
		atomic_store(&s->at[i], value);
	while (value > max && !atomic_compare_exchange_weak(&s->max, &max, value))
		;
}

uint64_t ledger_times(const struct ledger *l, enum ledger_time what)
{
	return atomic_load(&l->times[what].n);
}

static int ascending(const void *a, const void *b)
{
	float x = *(const float *)a, y = *(const float *)b;

	return (x > y) - (x < y);
}

double ledger_percentile(const struct ledger *l, enum ledger_time what, double percent)
{
	const struct samples *s = &l->times[what];
	uint64_t n = atomic_load(&s->n), kept = n < LEDGER_SAMPLES ? n : LEDGER_SAMPLES;

	if (!n)
		return 0;
	if (percent >= 100)
		return (double)atomic_load(&s->max);
	float *sorted = calloc(kept, sizeof *sorted);
	if (!sorted)
		abort();
	for (uint64_t i = 0; i < kept; i++)
		sorted[i] = atomic_load(&s->at[i]);
	qsort(sorted, kept, sizeof *sorted, ascending);
	double rank = ceil(percent / 100 * (double)kept);
	double value = (double)sorted[rank < 1 ? 0 : (uint64_t)rank - 1];
	free(sorted);
	return value;
}

void ledger_set_trials(struct ledger *l, uint64_t n)
{
	atomic_store(&l->trials, n);
}

uint64_t ledger_trials(const struct ledger *l)
{
	return atomic_load(&l->trials);
}

double ledger_bound(const struct ledger *l)
{
	uint64_t n = ledger_trials(l);

	return n < 3 ? 1 : 3 / (double)n;
}

bool ledger_violated(const struct ledger *l, char *text, size_t size)
{
	for (int i = 0; i < LEDGER_COUNTS; i++)
		if (counts[i].violation && ledger_get(l, i)) {
			(void)snprintf(text, size, "expected 0 %s, came %llu", counts[i].violation,
				       (unsigned long long)ledger_get(l, i));
			return true;
		}
	return false;
}

const char *ledger_count_name(enum ledger_count what)
{
	return counts[what].name;
}

const char *ledger_time_name(enum ledger_time what)
{
	return times[what];
}

json_t *ledger_json(const struct ledger *l)
{
	json_t *all = json_object(), *durations = json_object();

	for (int i = 0; i < LEDGER_COUNTS; i++)
		(void)json_object_set_new(all, counts[i].name, json_integer((json_int_t)ledger_get(l, i)));
	for (int i = 0; i < LEDGER_TIMES; i++)
		if (ledger_times(l, i))
			(void)json_object_set_new(durations, times[i],
						  json_pack("{s:I,s:f,s:f,s:f}", "n", (json_int_t)ledger_times(l, i),
							    "p50_ms", ledger_percentile(l, i, 50), "p99_ms",
							    ledger_percentile(l, i, 99), "max_ms",
							    ledger_percentile(l, i, 100)));
	(void)json_object_set_new(all, "times", durations);
	(void)json_object_set_new(all, "trials", json_integer((json_int_t)ledger_trials(l)));
	(void)json_object_set_new(all, "bound", json_real(ledger_bound(l)));
	return all;
}
