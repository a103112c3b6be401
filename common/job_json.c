/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "job_json.h"

#include <string.h>

#include "clock.h"

#define PUT(out, text) buf_append(out, text, sizeof(text) - 1)

static void put_time(struct buf *out, const char *name, uint64_t at_us)
{
	char text[CLOCK_TEXT_SIZE];
	if (!at_us)
		return;
	clock_format(at_us, text);
	buf_puts(out, name);
	buf_append(out, text, CLOCK_TEXT_SIZE - 1);
	buf_byte(out, '"');
}

/* Milliseconds with as many decimals as there are, 1234567 us: 1234.567. */
static void put_ms(struct buf *out, uint64_t us)
{
	unsigned rest = (unsigned)(us % 1000);
	buf_uint(out, us / 1000);
	if (!rest)
		return;
	char digits[4] = { '.', (char)('0' + rest / 100), (char)('0' + rest / 10 % 10), (char)('0' + rest % 10) };
	size_t n = sizeof digits;
	while (digits[n - 1] == '0')
		n--;
	buf_append(out, digits, n);
}

static uint64_t span_us(uint64_t from, uint64_t to)
{
	return to > from ? to - from : 0;
}

static void put_end(struct buf *out, const struct job *j)
{
	if (j->state == JOB_SUCCEEDED) {
		PUT(out, ",\"result\":");
		buf_append(out, j->outcome.n ? j->outcome.p : "null", j->outcome.n ? j->outcome.n : 4);
	} else if (j->outcome.n) {
		PUT(out, ",\"error\":");
		buf_append(out, j->outcome.p, j->outcome.n);
	}
	/* How long it waited is counted from when it might first have run. */
	PUT(out, ",\"timing\":{\"queue_ms\":");
	put_ms(out, span_us(j->run_at, j->started_at ? j->started_at : j->finished_at));
	if (j->started_at) {
		PUT(out, ",\"run_ms\":");
		put_ms(out, span_us(j->started_at, j->finished_at));
	}
	buf_byte(out, '}');
}

static void put_links(struct buf *out, const char *id)
{
	static const char *const parts[] = { ",\"links\":{\"self\":\"/v1/jobs/", "\",\"result\":\"/v1/jobs/",
					     "/result\",\"events\":\"/v1/jobs/" };
	for (size_t i = 0; i < 3; i++) {
		buf_puts(out, parts[i]);
		buf_puts(out, id);
	}
	PUT(out, "/events\"}}\n");
}

static void put_state(struct buf *out, const struct job *j)
{
	bool running = j->state == JOB_RUNNING;
	PUT(out, ",\"priority\":\"");
	buf_puts(out, job_priority_name(j->priority));
	PUT(out, "\",\"state\":\"");
	buf_puts(out, job_state_name(j->state));
	if (job_state_done(j->state))
		PUT(out, "\",\"done\":true,\"attempt\":");
	else
		PUT(out, "\",\"done\":false,\"attempt\":");
	buf_uint(out, j->attempt + (running && j->started_at ? 1 : 0));
	PUT(out, ",\"max_attempts\":");
	buf_uint(out, j->max_attempts);
	if (running && (j->flags & JOB_FLAG_CANCEL_ASKED))
		PUT(out, ",\"cancel_requested\":true");
	if (running && j->outcome.n) {
		PUT(out, ",\"progress\":");
		buf_append(out, j->outcome.p, j->outcome.n);
	}
}

void job_json(struct buf *out, const char *id, const char *queue, const struct job *j)
{
	struct span worker = job_worker(j);
	PUT(out, "{\"id\":\"");
	buf_puts(out, id);
	PUT(out, "\",\"op\":");
	buf_json_string(out, j->op.p, j->op.n);
	if (j->args.n) {
		PUT(out, ",\"args\":");
		buf_append(out, j->args.p, j->args.n);
	}
	PUT(out, ",\"queue\":\"");
	buf_puts(out, queue);
	buf_byte(out, '"');
	put_state(out, j);
	put_time(out, ",\"created_at\":\"", j->created_at);
	put_time(out, ",\"run_at\":\"", j->run_at);
	put_time(out, ",\"started_at\":\"", j->started_at);
	put_time(out, ",\"finished_at\":\"", j->finished_at);
	put_time(out, ",\"expires_at\":\"", j->expires_at);
	if (worker.n && j->started_at) {
		PUT(out, ",\"worker\":");
		buf_json_string(out, worker.p, worker.n);
	}
	if (job_state_done(j->state))
		put_end(out, j);
	if (j->cache == 'u') {
		PUT(out, ",\"cache\":\"");
		buf_puts(out, j->flags & JOB_FLAG_HIT ? "hit" : j->flags & JOB_FLAG_JOINED ? "join" : "miss");
		buf_byte(out, '"');
	}
	if (j->trace.n) {
		PUT(out, ",\"trace_id\":");
		buf_json_string(out, j->trace.p, j->trace.n);
	}
	put_links(out, id);
}
