/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Is the schedule worth anything? Each row breaks the library in one line, as a person might; the schedule has to
 * notice every one of them. */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lua_schedule.h"

static const struct mutant {
	const char *file, *from, *to;
} mutants[] = {
	/* the record */
	{ "record.lua", ".. sub(rec, 4, 38) .. ZERO8 ..", ".. sub(rec, 4, 46) .." },
	{ "record.lua", "attempt = attempt + 1", "attempt = attempt" },
	{ "record.lua", "max(at - run_us, run_at, created)", "at - run_us" },
	{ "record.lua", "expires_in > 0 and run_at + expires_in or 0", "expires_in > 0 and run_at or 0" },
	{ "record.lua", "BACKOFF_US * 2 ^ (attempt - 1)", "BACKOFF_US * 2 ^ attempt" },
	{ "record.lua", "char(flags + 1)", "char(flags)" },
	{ "record.lua", "char(flags) .. sub(rec, 6, 6)", "sub(rec, 5, 6)" },
	{ "record.lua", "sub(record_silent(rec, outcome), 55)", "sub(rec, 55)" },
	/* moves */
	{ "place.lua", "crashed and record_crashed(rec) then", "crashed then" },
	{ "place.lua", "record_under(record_silent(rec, outcome_at), ", "record_under(rec, " },
	{ "place.lua", "if attempt + 1 >= allowed or", "if attempt + 1 > allowed or" },
	{ "place.lua", "reply_at, 'q', '')", "reply_at, 'd', '')" },
	{ "place.lua", "record_retry(rec, outcome_at, attempt + 1,", "record_retry(rec, outcome_at, attempt," },
	{ "place.lua", "if was_running or call('TTL', key) == -1 then", "if was_running then" },
	{ "place.lua", "call('EXPIRE', sets[2 * i - 1], text)", "call('TTL', sets[2 * i - 1])" },
	{ "place.lua", "if call('HLEN', key) == #ids then", "if call('HLEN', key) >= #ids then" },
	{ "place.lua", "reversed[k] = head[n + 1 - k]", "reversed[k] = head[k]" },
	{ "place.lua", "key, marks) > MARKERS_MAX then", "key, marks) > 2 * MARKERS_MAX then" },
	{ "place.lua", "fresh = fresh + #c.delayed / 2", "fresh = fresh" },
	{ "place.lua", "call('ZREM', T .. ':lease', batch)", "call('ZSCORE', T .. ':lease', batch)" },
	{ "place.lua", "call('SETRANGE', names[i], 2, 'q')", "call('SETRANGE', names[i], 2, 'd')" },
	{ "place.lua", "add(c, TAIL[byte(recs[i], 4)], ids[i])", "add(c, 'head' .. sub(recs[i], 4, 4), ids[i])" },
	{ "place.lua", "char(flags - 1)", "char(flags)" },
	{ "place.lua", "call('EXPIRE', key, REPLY_TTL_S)", "call('TTL', key)" },
	{ "place.lua", "string.gmatch(sub(rec, reply_at + 1, reply_at + names), '[^,]+')",
	  "string.gmatch(sub(rec, reply_at + 1, reply_at + names), '.+')" },
	/* enqueue */
	{ "enqueue.lua", "== j.print and 'R'", "~= j.print and 'R'" },
	{ "enqueue.lua", "live + c.live >= live_max", "live + c.live > live_max" },
	{ "enqueue.lua", "<= live_max and", "<= live_max + 1 and" },
	{ "enqueue.lua", "call('HINCRBY', st, 'live', -n)", "call('HINCRBY', st, 'live', 1 - n)" },
	{ "enqueue.lua", "call('MSETNX', unpack(sets)) == 1", "call('MSET', unpack(sets)).ok" },
	{ "enqueue.lua", "'\\0\\0\\0\\0' .. sub(rec, 9, 14) .. slate", "sub(rec, 5, 14) .. slate" },
	{ "enqueue.lua", "seen[id] = true", "seen[id] = false" },
	{ "enqueue.lua", "j.delayed = j.run_at > at", "j.delayed = false" },
	/* claim */
	{ "claim.lua", "3, high, normal, low,", "3, low, normal, high," },
	{ "claim.lua", "expires_at <= c.at then", "expires_at <= 0 then" },
	{ "claim.lua", "elseif not paused then", "else" },
	{ "claim.lua", "call('ZADD', lease, 'NX', deadline, batch) == 1", "call('ZADD', lease, deadline, batch)" },
	{ "claim.lua", "call('DEL', T .. ':mk')", "call('LLEN', T .. ':mk')" },
	{ "claim.lua", "if state == 'q' and not seen[id] then", "if state and not seen[id] then" },
	/* start, finish, fail, release, extend */
	{ "start.lua", "elseif sub(mark, -1) == '!' then", "elseif mark == '!' then" },
	{ "start.lua", "and sub(recs[i], 39, 46) == ZERO8 then", "then" },
	{ "finish.lua", "return reply and IS_FINAL[state] and record_batch(rec, reply) == batch",
	  "return reply and IS_FINAL[state]" },
	{ "finish.lua", "kind ~= 'c' or sub(mark, 1, 1) == 's'", "true" },
	{ "finish.lua", "elseif not mark then", "elseif not rec then" },
	{ "fail.lua", "if not reply or record_batch(rec, reply) ~= batch then", "if not reply then" },
	{ "fail.lua", "(state == 'd' or state == 'q') and 'd' or '-'", "state == 'd' and 'd' or '-'" },
	{ "fail.lua", "elseif sub(mark, -1) == '!' then", "elseif mark == '!' then" },
	{ "release.lua", "elseif sub(mark, -1) == '!' then", "elseif mark == '!' then" },
	{ "extend.lua", "if sub(all[k + 1], -1) == '!' then", "if all[k + 1] == '!' then" },
	{ "extend.lua", "leases[#leases + 1] = deadline", "leases[#leases + 1] = deadline - lease_us" },
	{ "fail.lua", "argv[4 * i - 1] == 'w')", "false)" },
	{ "progress.lua", "if marks[i] and state == 'r' and", "if state and" },
	/* reap */
	{ "reap.lua", "elseif not started then", "elseif started then" },
	{ "reap.lua", "if at < last or at - last > CLOCK_GAP_US then", "if at < last then" },
	{ "reap.lua", "if at < last or at - last > CLOCK_GAP_US then", "if at - last > CLOCK_GAP_US then" },
	{ "reap.lua", "'+inf', at + lease_us)", "'+inf', at + 2 * lease_us)" },
	{ "reap.lua", "if its_boot and its_boot ~= boot then", "if its_boot and its_boot == boot then" },
	{ "reap.lua", "c.run = c.run - 1", "c.run = c.run" },
	{ "reap.lua", "local before = instance .. '.'", "local before = instance" },
	{ "reap.lua", "if state == 'd' then", "if state == 'x' then" },
	{ "reap.lua", "record_tombstone(rec)", "rec" },
	{ "reap.lua", "if not id or state == 'q' then", "if not id or state then" },
	{ "reap.lua", "isolate(c, id, true)", "count(c, 'isolated')" },
	/* cancel, watch, pause */
	{ "cancel.lua", "call('HSET', key, id, mark .. '!')", "call('HSET', key, id, 'c!')" },
	{ "cancel.lua", "call('ZREM', T .. ':d', id)", "call('ZSCORE', T .. ':d', id)" },
	{ "cancel.lua", "elseif IS_FINAL[state] then", "elseif not state then" },
	{ "watch.lua", "if not reply or IS_FINAL[state] then", "if not reply then" },
	{ "pause.lua", "push_markers(T, waiting)", "push_markers(T, 0)" },
};

enum { MUTANTS = sizeof mutants / sizeof *mutants, STEPS = 4000, SEED = 7 };

/* The part of the library that came from one file, between its mark and the next. */
static char *section(char *text, const char *file, char **end)
{
	char mark[64];

	snprintf(mark, sizeof mark, "\n-- %s\n", file);
	char *from = strstr(text, mark);
	ck_assert_msg(from, "expected a part %s in the library", file);
	from += strlen(mark);
	*end = from;
	while ((*end = strstr(*end, "\n-- ")) != NULL) {
		size_t n = strcspn(*end + 4, "\n");
		if (n > 4 && memcmp(*end + 4 + n - 4, ".lua", 4) == 0 && !memchr(*end + 4, ' ', n))
			break;
		++*end;
	}
	if (!*end)
		*end = text + strlen(text);
	return from;
}

static char *mutate(const struct mutant *m)
{
	char *text = lua_lab_text(true), *end, *from = section(text, m->file, &end), *at = strstr(from, m->from);
	struct buf b = BUF_INIT;

	ck_assert_msg(at && at < end, "%s: expected `%s` in it", m->file, m->from);
	char *second = strstr(at + 1, m->from);
	ck_assert_msg(!second || second >= end, "%s: expected `%s` in it once only", m->file, m->from);
	buf_append(&b, text, (size_t)(at - text));
	buf_puts(&b, m->to);
	buf_puts(&b, at + strlen(m->from));
	free(text);
	return buf_take(&b, NULL);
}

static struct lua_lab *lab;

static void start_lab(void)
{
	lab = lua_lab_new(true, NULL);
}

static void stop_lab(void)
{
	lua_lab_free(lab);
}

/* True when the schedule noticed. */
static bool killed(const struct mutant *m)
{
	struct lua_schedule_stats stats;
	char *text = mutate(m);
	const char *error = lua_lab_load(lab, text);

	ck_assert_msg(!error, "%s, `%s`: the mutant does not even load: %s", m->file, m->to, error);
	free(text);
	char *failure = lua_schedule(lab, SEED, STEPS, &stats);
	printf("  %-12s %-46.46s  %s", m->file, m->from, failure ? "killed" : "SURVIVED");
	if (failure)
		printf(" in step %u: %.*s", stats.steps,
		       (int)(strcspn(failure, "\n") < 70 ? strcspn(failure, "\n") : 70), failure);
	printf("\n");
	fflush(stdout);
	free(failure);
	return stats.steps && failure;
}

START_TEST(test_schedule_notices_every_mutant)
{
	int dead = 0;

	for (int i = 0; i < MUTANTS; i++)
		dead += killed(&mutants[i]);
	printf("mutants: %d of %d killed\n", dead, MUTANTS);
	fflush(stdout);
	ck_assert_int_eq(dead, MUTANTS);
}
END_TEST

/* The control: unbroken, the same schedule passes. */
START_TEST(test_schedule_passes_the_library_itself)
{
	char *text = lua_lab_text(true);

	ck_assert_ptr_null(lua_lab_load(lab, text));
	free(text);
	char *failure = lua_schedule(lab, SEED, STEPS, NULL);
	ck_assert_msg(!failure, "%s", failure);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("mutants");
	TCase *core = tcase_create("core");

	tcase_add_unchecked_fixture(core, start_lab, stop_lab);
	tcase_set_timeout(core, 900);
	tcase_add_test(core, test_schedule_notices_every_mutant);
	tcase_add_test(core, test_schedule_passes_the_library_itself);
	suite_add_tcase(suite, core);
	SRunner *sr = srunner_create(suite);
	srunner_run_all(sr, CK_ENV);
	int failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed != 0;
}
