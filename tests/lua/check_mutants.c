/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Is the schedule worth anything? Each row breaks the library in one line, as a person might; the schedule has to
 * notice every one of them. */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lua_schedule.h"
#include "suite_run.h"

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
	{ "record.lua", "char(flags) .. suspect", "sub(rec, 5, 5) .. suspect" },
	{ "record.lua", "sub(record_silent(rec, outcome), 55)", "sub(rec, 55)" },
	/* moves */
	{ "place.lua", "kind == 'w' and record_crashed(rec) then", "kind == 'w' then" },
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
	{ "enqueue.lua", "live + c.live < live_max)", "live + c.live <= live_max)" },
	{ "enqueue.lua", "<= live_max and", "<= live_max + 1 and" },
	{ "enqueue.lua", "text_of(-n))", "text_of(1 - n))" },
	{ "enqueue.lua", "call('MSETNX', unpack(sets)) == 1", "call('MSET', unpack(sets)).ok" },
	{ "enqueue.lua", "'\\0\\0\\0\\0' .. sub(rec, 9, 14) .. slate", "sub(rec, 5, 14) .. slate" },
	{ "enqueue.lua", "seen[id] = true", "seen[id] = false" },
	{ "enqueue.lua", "j.delayed = j.run_at > at", "j.delayed = false" },
	/* claim */
	{ "claim.lua", "3, high, normal, low,", "3, low, normal, high," },
	{ "claim.lua", "expires_at <= c.at then", "expires_at <= 0 then" },
	{ "claim.lua", "elseif not paused then", "else" },
	{ "claim.lua", "call('ZADD', lease, 'NX', deadline, batch) == 1", "call('ZADD', lease, deadline, batch)" },
	{ "claim.lua", "if call('ZCARD', lease) == 1 then", "if call('ZCARD', lease) == 2 then" },
	{ "claim.lua", "call('DEL', T .. ':mk')", "call('LLEN', T .. ':mk')" },
	{ "claim.lua", "if state == 'q' and not seen[id] then", "if state and not seen[id] then" },
	{ "claim.lua", "c.wary and record_is_suspect(rec) and 'c' or c.mark", "c.mark" },
	{ "claim.lua", "c.wary and record_is_suspect(rec) and", "record_is_suspect(rec) and" },
	{ "claim.lua", "(start == '1' or start == '2') and", "start == '1' and" },
	/* start, finish, fail, release, extend */
	{ "start.lua", "(show or mark == 's') and 's'", "show and 's'" },
	{ "start.lua", "(show or mark == 's') and 's' or 'p'", "'s'" },
	{ "fail.lua", "sub(mark, 1, 1) ~= 'c', run_us", "sub(mark, 1, 1) == 's', run_us" },
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
	{ "fail.lua", "json, argv[4 * i - 1])", "json, 'r')" },
	{ "progress.lua", "if marks[i] and state == 'r' and", "if state and" },
	/* reap */
	{ "reap.lua", "elseif not started then", "elseif started then" },
	{ "reap.lua", "if at < last or at - last > CLOCK_GAP_US then", "if at < last then" },
	{ "reap.lua", "if at < last or at - last > CLOCK_GAP_US then", "if at - last > CLOCK_GAP_US then" },
	{ "reap.lua", "'+inf', anew)", "'+inf', anew + lease_us)" },
	{ "reap.lua", "rearm(T, '-inf', '(' .. format('%.0f', anew), anew)", "rearm(T, '-inf', at, anew)" },
	{ "reap.lua", "if its_boot and its_boot ~= boot then", "if its_boot and its_boot == boot then" },
	{ "reap.lua", "c.run = c.run - 1", "c.run = c.run" },
	{ "reap.lua", "local before = instance .. '.'", "local before = instance" },
	{ "reap.lua", "if state == 'd' then", "if state == 'x' then" },
	{ "reap.lua", "record_tombstone(rec)", "rec" },
	{ "reap.lua", "if not id or state == 'q' then", "if not id or state then" },
	{ "reap.lua", "isolate(c, id, true)", "count(c, 'isolated')" },
	{ "reap.lua", "first == 'p' and record_is_suspect(rec or '')", "first == 'p'" },
	{ "reap.lua", "first == 's' or first == 'p' and record_is_suspect(rec or '')", "first == 's'" },
	{ "reap.lua", "first == 'p' and record_suspected(rec) or rec", "rec" },
	{ "reap.lua", "first == 'p' and record_suspected(rec) or rec", "record_suspected(rec)" },
	{ "reap.lua", "'c', first == 's', 0,", "'c', first ~= 'c', 0," },
	{ "reap.lua", "0, ERROR_LOST, 'l')", "0, ERROR_LOST, 'r')" },
	{ "record.lua", "kind == 'l' and sub(rec, 6, 6) or", "sub(rec, 6, 6) or" },
	{ "record.lua", "sub(rec, 4, 5) .. bytes_of(ATTEMPTS, '<xH', attempt)",
	  "sub(rec, 4, 6) .. bytes_of(ATTEMPTS, '<H', attempt)" },
	/* cancel, watch, pause */
	{ "cancel.lua", "call('HSET', key, id, mark .. '!')", "call('HSET', key, id, 'c!')" },
	{ "cancel.lua", "call('ZREM', T .. ':d', id)", "call('ZSCORE', T .. ':d', id)" },
	{ "cancel.lua", "elseif IS_FINAL[state] then", "elseif not state then" },
	{ "watch.lua", "if not reply or IS_FINAL[state] then", "if not reply then" },
	{ "pause.lua", "push_markers(T, waiting)", "push_markers(T, 0)" },
	/* retry, redrive */
	{ "record.lua", "'\\0\\0\\0\\0' .. sub(rec, 9, 22) .. pack('<i8i8', at, expires_at)",
	  "sub(rec, 5, 22) .. pack('<i8i8', at, expires_at)" },
	{ "record.lua", "expires_in > 0 and at + expires_in or 0",
	  "expires_in > 0 and unpack_bytes('<i8', rec, 31) or 0" },
	{ "record.lua", "sub(rec, 55, 70) .. '\\0\\0' .. sub(rec, envelope, outcome - 1) .. '\\0\\0\\0\\0'",
	  "sub(rec, 55, 70) .. '\\0' .. sub(rec, reply, outcome - 1) .. '\\0\\0\\0\\0'" },
	{ "place.lua", "if byte(rec, 5) % 2 == 0 then", "if true then" },
	{ "place.lua", "c.fresh = (c.fresh or 0) + 1", "c.fresh = c.fresh" },
	{ "place.lua", "redis.pcall('ZREM', T .. ':dead', unpack(ids))", "redis.pcall('ZCARD', T .. ':dead')" },
	{ "place.lua", "redis.pcall('LREM', recent, 1, ids[1])", "redis.pcall('LLEN', recent)" },
	{ "place.lua", "if not revived[all[i]] then", "if all[i] then" },
	{ "retry.lua", "elseif not IS_FINAL[state] or state == 's' then", "elseif not IS_FINAL[state] then" },
	{ "retry.lua", ">= live_max then", "> live_max then" },
	{ "redrive.lua", "moved >= room or", "moved > room or" },
	{ "redrive.lua", "stale[#stale + 1] = id", "stale[1] = stale[1] or id" },
	/* reuse of results */
	{ "record.lua", "(flags % 2 == 1 or record_joined(rec)) and rec or", "flags % 2 == 1 and rec or" },
	{ "place.lua", "char(flags - LED) .. sub(rec, 6), reply_at", "char(flags) .. sub(rec, 6), reply_at" },
	{ "place.lua", "add(c, 'left', leader, id)", "add(c, 'left', id, id)" },
	{ "place.lua", "call('ZREM', T .. ':joined', pairs[i + 1])", "call('ZCARD', T .. ':joined')" },
	{ "place.lua", "c.led[#c.led + 1] = {id = id, state = state, json = json}",
	  "c.led[1] = {id = id, state = state, json = json}" },
	{ "place.lua", "c.led[#c.led + 1] = {id = id}", "c.led[#c.led + 1] = nil" },
	{ "cache.lua", "call('SETRANGE', T .. ':j:' .. leader, 4, char(flags + LED))",
	  "call('STRLEN', T .. ':j:' .. leader)" },
	{ "cache.lua", "call('RPUSH', key, question, id)", "call('RPUSH', key, id)" },
	{ "cache.lua", "<= max_age_us then", "<= 3600000000 then" },
	{ "cache.lua", "isolate(c, ids[i], false)", "count(c, 'isolated')" },
	{ "cache.lua", "call('ZREM', c.T .. ':joined', unpack(ids))", "call('ZCARD', c.T .. ':joined')" },
	{ "cache.lua", "local flags = byte(leader.rec, 5) - JOINED", "local flags = byte(leader.rec, 5)" },
	{ "cache.lua", "flags = flags + LED", "flags = flags" },
	{ "cache.lua", "call('SETRANGE', j.key, 71, leader.id)", "call('STRLEN', j.key)" },
	{ "cache.lua", "add(c, TAIL[byte(j.rec, 4)], j.id)", "add(c, 'tailn', j.id)" },
	{ "cache.lua", "byte(jobs[i].rec, 5) - JOINED", "byte(jobs[i].rec, 5)" },
	{ "cache.lua", "if led.state == 'f' then", "if led.state == 'c' then" },
	{ "cache.lua", "while led.state == 's' and", "while led.state and" },
	{ "cache.lua", "'s', false, 0, led.json)", "'s', true, 0, led.json)" },
	{ "cache.lua", "if jobs[next_one] then", "if jobs[next_one + 1] then" },
	{ "cache.lua", "own(T, question, jobs[next_one].id)", "own(T, question, led.id)" },
	{ "cache.lua", "(call('HGET', T .. ':cache', question) or led.id) == led.id then", "true then" },
	{ "cache.lua", "add(c, 'unexpire', j.id)", "count(c, 'unexpired')" },
	{ "enqueue.lua", "if question and question ~= '' and not j.delayed then",
	  "if question and question ~= '' then" },
	{ "enqueue.lua", "sub(j.rec, 1, 4) .. char(HIT) .. sub(j.rec, 6)", "j.rec" },
	{ "enqueue.lua", "c.live = c.live + 1\n\tc.copied", "c.copied" },
	{ "enqueue.lua", "code = floor(flags / HIT) % 2 == 1 and 'H' or record_joined(head) and 'J' or 'A'",
	  "code = 'A'" },
	{ "reap.lua", "- call('ZCARD', T .. ':joined'))", "- 0)" },
	/* figures, list, peek */
	{ "place.lua", "call('HINCRBY', key, 'us', text_of(floor(c.us)))",
	  "call('HINCRBY', key, 'us', text_of(c.us - c.us % 2))" },
	{ "figures.lua", "ended = ended + (i > 3 and all[i] or 0)", "ended = ended + (i > 4 and all[i] or 0)" },
	{ "figures.lua", "/ elapsed * (1 - keep)", "/ elapsed * keep" },
	{ "figures.lua", "if elapsed >= 0 and elapsed * 1000000 < RATE_US then",
	  "if elapsed * 1000000 < RATE_US then" },
	{ "figures.lua", "since = min(since, max(created, run_at))", "since = min(since, created)" },
	{ "list.lua", "if not p.before or id < p.before then", "if not p.before or id <= p.before then" },
	{ "list.lua", "call('ZREVRANK', key, id) + 1", "call('ZREVRANK', key, id)" },
	{ "list.lua", "w.size - 1 - at) + 1, false", "w.size - 1 - at), false" },
	{ "list.lua", "time = last - 1 -- keys", "time = last -- keys" },
	{ "list.lua", "for rank = min(from, 3), 1, -1 do", "for rank = min(from, 3), 2, -1 do" },
	{ "list.lua", "state == section or section ==", "section ==" },
	{ "peek.lua", "% 16 * 4", "% 16 * 2" },
	{ "peek.lua", "if state == 'r' then", "if state == 'd' then" },
};

enum { MUTANTS = sizeof mutants / sizeof *mutants, STEPS = 12000, SEED = 7, LOOK = 5 };

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
	char *failure = lua_schedule(lab, SEED, STEPS, LOOK, &stats);
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
	char *failure = lua_schedule(lab, SEED, STEPS, LOOK, NULL);
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
	return suite_run(suite);
}
