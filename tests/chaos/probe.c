/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "probe.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "clock.h"
#include "http_client.h"
#include "ledger.h"
#include "pause.h"
#include "rlink.h"

enum { ANSWER_MS = 10000, STEP_MS = 50 };

static void take_refusal(const struct probe *p, unsigned web, const struct http_answer *answer)
{
	const char *again = http_answer_header(answer, "Retry-After");

	if (!again || strcmp(http_answer_text(answer, "type"), "/problems/queue-unavailable") != 0)
		chaos_fail(p->run, "expected a 503 of %s to be a queue-unavailable with Retry-After, came %.300s",
			   world_instance(WORLD_WEB, web), answer->body);
}

long probe_submit(const struct probe *p, unsigned web)
{
	static const struct oracle_spec spec = { .body = "{\"op\":\"square\",\"args\":[12]}", .result = "144" };
	size_t job = oracle_submission(p->oracle, &spec);
	struct http_answer answer;
	uint64_t before_us = clock_mono_us();

	oracle_sent(p->oracle, job, web);
	http_client_call(world_port(p->world, web), "POST", "/v1/jobs", NULL, spec.body, ANSWER_MS, &answer);
	long status = answer.status;
	if (status == 503) {
		oracle_refused(p->oracle, job, web);
		take_refusal(p, web, &answer);
		ledger_time(chaos_ledger(p->run), LEDGER_LATENCY, (double)(clock_mono_us() - before_us) / 1000);
	} else if (status == 200 || status == 202) {
		oracle_acknowledged(p->oracle, job, web, http_answer_text(&answer, "id"));
	} else if (status == 0) {
		oracle_unknown(p->oracle, job, web);
	} else {
		oracle_unexpected(p->oracle, job, status, answer.body);
	}
	http_answer_fini(&answer);
	return status;
}

bool probe_all_refused(void *arg)
{
	const struct probe *p = arg;

	for (unsigned i = 0; i < world_count(p->world, WORLD_WEB); i++)
		if (probe_submit(p, i) != 503)
			return false;
	return true;
}

bool probe_all_accepted(void *arg)
{
	const struct probe *p = arg;

	for (unsigned i = 0; i < world_count(p->world, WORLD_WEB); i++)
		if (probe_submit(p, i) != 202)
			return false;
	return true;
}

void probe_refused_for(const struct probe *p, unsigned ms)
{
	uint64_t end_us = clock_mono_us() + ms * 1000ull;

	while (clock_mono_us() < end_us && !chaos_failed(p->run)) {
		for (unsigned i = 0; i < world_count(p->world, WORLD_WEB); i++) {
			long status = probe_submit(p, i);
			if (status != 503)
				chaos_fail(p->run, "expected 503 from %s while the fault lasts, came %ld",
					   world_instance(WORLD_WEB, i), status);
		}
		pause_ms(STEP_MS);
	}
}

const struct rreply *probe_command(struct rsync *link, const char *const *words)
{
	struct errinfo info = { 0 };
	struct rcmd cmd;

	rcmd_init(&cmd);
	for (const char *const *w = words; *w; w++)
		rcmd_str(&cmd, *w);
	const struct rreply *r = rsync_call(link, &cmd, &info);
	rcmd_fini(&cmd);
	if (!r || rreply_type(r) == RREPLY_ERROR) {
		(void)fprintf(stderr, "probe: %s %s: %s\n", words[0], words[1] ? words[1] : "",
			      r ? rreply_str(r, NULL) : info.text);
		abort();
	}
	return r;
}

long long probe_live(struct rsync *link)
{
	return (long long)rreply_int(probe_do(link, "HGET", WORLD_TAG ":st", "live"));
}
