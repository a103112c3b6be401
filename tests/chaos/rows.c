/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The fault table. */
#include "rows.h"

const struct chaos_row chaos_rows[] = {
	{ 1, "worker killed (-9) under load", "0 lost, 1 result each; p99 recovery <= 12 s; nothing charged unstarted",
	  20, 1000, row_kill_worker },
	{ 2, "compute child killed (-9)", "only its job, re-run <= 1 s", 20, 200, row_compute_killed },
	{ 3, "worker stopped beyond its lease", "its late results are fenced", 20, 200, row_compute_stopped },
	{ 4, "Redis killed (-9) under load", "0 acknowledged lost; all resume <= 2 s, no process restarted", 20, 200,
	  row_kill_redis },
	{ 5, "Redis away, LOADING", "503 + Retry-After meanwhile; re-runs <= 1 %", 7, 20, row_kill_redis_away },
	{ 6, "connection cut at every byte", "0 lost, duplicated or leaked", 100, 1000, row_network_cut },
	{ 7, "network black hole", "noticed <= 5 s; heals by itself", 2, 20, row_network_black_hole },
	{ 8, "web role killed around the 202", "1 job per key; results readable elsewhere", 20, 200,
	  row_clients_web_killed },
	{ 9, "AOF disk full, maxmemory, READONLY", "503, heals by itself; a full Redis is drained", 6, 60,
	  row_redis_full },
	{ 10, "hints deleted every 100 ms", "<= 1 s extra latency, 0 lost", 200, 5000, row_redis_hints },
	{ 11, "corrupt or foreign records", "that record isolated, the rest proceeds", 20, 1000, row_redis_corrupt },
	{ 12, "1,000 submissions of one key", "1 job", 20, 200, row_clients_one_key },
	{ 13, "poison jobs", "dead or killed at their limit + 100 ms; neighbours untouched", 20, 200, row_poison },
	{ 14, "SIGTERM under load", "exit 0 within the drain time, nothing charged", 20, 200, row_kill_term },
	{ 15, "slow clients, idle connections", "closed at the limits; others' p99 <= 2x", 1, 5, row_slow },
	{ 16, "wall clock off by an hour", "0 lost, no mass expiry, re-runs <= 1 %", 24, 240, row_redis_clock },
	{ 18, "soak, everything mixed", "0 lost; memory and descriptors flat", 20, 1000, row_soak },
};
const unsigned chaos_row_count = sizeof chaos_rows / sizeof *chaos_rows;
