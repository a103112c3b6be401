/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "lua_schedule_step.h"

#include <stdio.h>
#include <string.h>

/* ---- chance (splitmix64) ---- */

static uint64_t chance(struct schedule *s)
{
	uint64_t z = s->random += 0x9e3779b97f4a7c15ull;

	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ull;
	z = (z ^ (z >> 27)) * 0x94d049bb133111ebull;
	return z ^ (z >> 31);
}

unsigned schedule_below(struct schedule *s, unsigned n)
{
	return (unsigned)(chance(s) % n);
}

bool schedule_percent(struct schedule *s, unsigned p)
{
	return schedule_below(s, 100) < p;
}

/* ---- telling ---- */

static const char *trace_line(struct schedule *s, const char *line)
{
	char *at = s->trace[s->trace_count++ % TRACE];

	snprintf(at, TRACE_BYTES, "%6u %+.6f s  %s", s->step, (double)(int64_t)(s->model.now - LAB_START_US) / 1e6,
		 line);
	return at;
}

void schedule_fail(struct schedule *s, const char *why)
{
	struct buf b = BUF_INIT;

	if (s->failure)
		return;
	buf_printf(&b, "%s\n(SCHEDULE_SEED=%llu, step %u) the last steps:\n", why, (unsigned long long)s->seed,
		   s->step);
	unsigned first = s->trace_count > TRACE ? s->trace_count - TRACE : 0;
	for (unsigned i = first; i < s->trace_count; i++)
		buf_printf(&b, "%s\n", s->trace[i % TRACE]);
	s->failure = buf_take(&b, NULL);
}

static void print_call(struct buf *out, const struct lua_call *c)
{
	struct job job;

	buf_puts(out, c->function);
	for (size_t i = 0; i < c->n; i++) {
		buf_byte(out, ' ');
		if (job_record_decode(c->args[i].data, c->args[i].len, &job) == 0)
			buf_printf(out, "<%c delay %llu expires_in %llu max %u reply %.*s>", job.priority,
				   (unsigned long long)job.delay_us, (unsigned long long)job.expires_in_us,
				   job.max_attempts, (int)job.reply.n, job.reply.p);
		else if (c->args[i].len == ID_TEXT_LEN)
			buf_printf(out, "#%x", lua_lab_number(c->args[i].data));
		else
			buf_puts(out, c->args[i].len ? buf_cstr(&c->args[i]) : "''");
	}
}

/* ---- one step ---- */

static void check_keys(struct schedule *s)
{
	struct lua_state st;
	struct errinfo info = { 0 };

	if (s->step % s->look)
		return;
	if (lua_state_read(&st, s->lab->link, LAB_TAG, &info)) {
		schedule_fail(s, info.text);
	} else {
		const char *why = lua_state_check(&st);
		why = why ? why : model_compare(&s->model, &st);
		if (why)
			schedule_fail(s, why);
	}
	lua_state_fini(&st);
}

static void call_done(struct schedule *s, const struct lua_call *c, struct buf *expect, const struct rreply *reply)
{
	struct buf line = BUF_INIT, came = BUF_INIT;

	print_call(&line, c);
	buf_puts(&line, " -> ");
	lua_reply_print(&came, reply);
	buf_append(&line, came.data, came.len);
	trace_line(s, buf_cstr(&line));
	if (strcmp(buf_cstr(&came), buf_cstr(expect)) != 0) {
		buf_clear(&line);
		buf_printf(&line, "%s answered\n  %s\nexpected\n  %s", c->function, buf_cstr(&came), buf_cstr(expect));
		schedule_fail(s, buf_cstr(&line));
	}
	buf_fini(&line);
	buf_fini(&came);
}

void schedule_call(struct schedule *s, const struct lua_call *c)
{
	struct buf expect = BUF_INIT;

	lua_lab_clock(s->lab, s->model.now);
	s->calls++;
	model_call(&s->model, c, &expect);
	call_done(s, c, &expect, lua_lab_call(s->lab, c));
	buf_fini(&expect);
	if (!s->failure)
		check_keys(s);
}

/* Makes the call and keeps it, to be repeated one day. */
void schedule_perform(struct schedule *s, struct lua_call *c)
{
	unsigned at = schedule_below(s, CALLS);

	schedule_call(s, c);
	lua_call_free(s->past[at]);
	s->past[at] = c;
}

struct lua_call *schedule_call_new(const char *function)
{
	return lua_call_new(function, LAB_TAG);
}

void schedule_add_id(struct schedule *s, struct lua_call *c, unsigned number)
{
	lua_call_str(c, model_job(&s->model, number)->id);
}

void schedule_note(struct schedule *s, const char *what, const char *which)
{
	char line[200];

	snprintf(line, sizeof line, "%s %s", what, which);
	trace_line(s, line);
	check_keys(s);
}
