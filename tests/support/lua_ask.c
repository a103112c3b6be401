/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "lua_ask.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lua_check.h"
#include "queue.h"

struct lua_lab *ask_lab;
char ask_ids[8][ID_TEXT_SIZE];

void ask_start(void)
{
	ask_lab = lua_lab_new(true, NULL);
	for (unsigned i = 0; i < 8; i++)
		lua_lab_id(ask_ids[i], i);
}

void ask_stop(void)
{
	lua_lab_free(ask_lab);
}

void ask_clean(void)
{
	lab_do(ask_lab, "CONFIG", "SET", "maxmemory", "0");
	lua_lab_reset(ask_lab);
}

/* ---- asking ---- */

const char *ask_text(const struct rreply *r)
{
	static struct buf text;

	buf_clear(&text);
	lua_reply_print(&text, r);
	return buf_cstr(&text);
}

/* The reply with the time taken out of its beginning, and ids shortened to #number. */
const char *ask_brief(const struct rreply *r)
{
	static struct buf out;
	const char *s = ask_text(r);
	char now[24];

	buf_clear(&out);
	snprintf(now, sizeof now, "%llu", (unsigned long long)ask_lab->now_us);
	while (*s) {
		if (strncmp(s, now, strlen(now)) == 0) {
			buf_puts(&out, "now");
			s += strlen(now);
		} else if (strncmp(s, "0190a8d1-7c00-7000-8000-", 24) == 0) {
			buf_printf(&out, "#%x", lua_lab_number(s));
			s += ID_TEXT_LEN;
		} else {
			buf_byte(&out, *s++);
		}
	}
	return buf_cstr(&out);
}

void ask_holds(void)
{
	const char *why = lua_check_invariants(ask_lab->link, LAB_TAG);

	ck_assert_msg(!why, "%s", why);
}

const struct job ask_plain = { .priority = JOB_NORMAL, .max_attempts = 3, .result_ttl_s = 3600 };

/* One job, by the answer it gets. */
const char *ask_enqueue_job(unsigned number, const struct job *job, const char *opts, const char *live_max)
{
	struct lua_call *c = lua_call_new("sq_enqueue", LAB_TAG);
	struct buf record = BUF_INIT;

	lua_lab_record(&record, job);
	lua_call_str(c, live_max);
	lua_call_str(c, ask_ids[number]);
	lua_call_str(c, opts);
	lua_call_arg(c, record.data, record.len);
	const char *answer = ask_brief(lua_lab_call(ask_lab, c));
	lua_call_free(c);
	buf_fini(&record);
	return answer;
}

void ask_enqueue(unsigned number)
{
	ck_assert_str_eq(ask_enqueue_job(number, &ask_plain, "", "100"), "[now]");
}

void ask_later(uint64_t us)
{
	lua_lab_clock(ask_lab, ask_lab->now_us + us);
}

struct job ask_read_job(unsigned number)
{
	static struct buf record;
	struct job job;
	char key[KEYS_NAME_SIZE];
	size_t n;

	keys_job(key, LAB_TAG, ask_ids[number]);
	const char *s = rreply_str(lab_do(ask_lab, "GET", key), &n);
	buf_clear(&record);
	buf_append(&record, s, n);
	ck_assert_int_eq(job_record_decode(record.data, record.len, &job), 0);
	return job;
}

/* Enqueues and claims job 0 under batch B. */
void ask_running(const char *batch)
{
	ask_enqueue(0);
	lab_call(ask_lab, "sq_claim", batch, "1", "10000000");
	lab_call(ask_lab, "sq_start", batch, "1", ask_ids[0]);
	ck_assert_int_eq(ask_read_job(0).state, JOB_RUNNING);
}

void ask_tick(void)
{
	lab_call(ask_lab, "sq_reap", "10000000", "", "", "64");
}

/* Seconds pass as they do while a reaper is alive. */
void ask_live_through(unsigned seconds)
{
	for (unsigned i = 0; i < seconds; i++) {
		ask_later(1000000);
		ask_tick();
	}
}

/* A call on {jq:reg}, as text. */
const char *ask_registry(const char *const *words)
{
	struct lua_call *c = lua_call_new(words[0], KEYS_REG);

	for (size_t i = 1; words[i]; i++)
		lua_call_str(c, words[i]);
	const char *answer = ask_brief(lua_lab_call(ask_lab, c));
	lua_call_free(c);
	return answer;
}
