/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Any bytes as the body of a submission, one or an array, with and without a catalogue: what is refused has a place or
 * reasons, in JSON; what is accepted makes a record that reads back the same, a job object that is JSON, and a
 * submission that, put together from that object, is accepted as the same again. */
#include <jansson.h>
#include <stdio.h>
#include <string.h>

#include "buf.h"
#include "catalog.h"
#include "err.h"
#include "fuzz.h"
#include "job.h"
#include "job_json.h"

#define NOW_US UINT64_C(1795000000000000)
#define ID "01a204a5-3f42-741e-8002-cf51adeb0f2e"
#define FLAGS (JSON_DECODE_INT_AS_REAL | JSON_ALLOW_NUL)

static const struct catalog *operations(void)
{
	static const char text[] =
	    "{\"operations\":[{\"name\":\"square\",\"parameters\":{\"prefixItems\":[{\"type\":[\"number\",\"string\"],"
	    "\"title\":\"x\"}],\"minItems\":1,\"items\":false,\"properties\":{\"x\":{\"type\":[\"number\",\"string\"]}}"
	    ","
	    "\"required\":[\"x\"],\"additionalProperties\":false}},{\"name\":\"add\",\"parameters\":{\"prefixItems\":["
	    "{\"type\":\"number\"},{\"type\":\"number\"}],\"minItems\":2,\"items\":{\"type\":\"number\"}}}]}";
	static struct catalog *catalog;
	struct errinfo info;
	if (!catalog) {
		catalog = catalog_new();
		expect(catalog && catalog_add(catalog, text, sizeof text - 1, &info) == 0);
	}
	return catalog;
}

/* jansson passes over a zero byte behind a number. */
static bool is_json(const char *p, size_t n)
{
	json_t *tree = memchr(p, '\0', n) ? NULL : json_loadb(p, n, FLAGS, NULL);
	json_decref(tree);
	return tree != NULL;
}

static void expect_fault(const struct job_json_fault *f, size_t size)
{
	struct buf list = BUF_INIT;
	if (f->json.code) {
		expect(f->json.line >= 1 && f->json.column >= 1 && f->json.text[0]);
		expect(f->json.position >= 0 && (size_t)f->json.position <= size);
		return;
	}
	expect(f->n_errors > 0);
	buf_byte(&list, '[');
	buf_append(&list, f->errors.data, f->errors.len);
	buf_byte(&list, ']');
	expect(is_json(list.data, list.len));
	buf_fini(&list);
}

static bool same(struct span a, struct span b)
{
	return a.n == b.n && memcmp(a.p, b.p, a.n) == 0;
}

static bool same_wishes(const struct job *a, const struct job *b)
{
	return same(a->op, b->op) && same(a->args, b->args) && a->priority == b->priority &&
	       a->max_attempts == b->max_attempts && a->result_ttl_s == b->result_ttl_s &&
	       a->timeout_ms == b->timeout_ms && a->expires_in_us == b->expires_in_us && a->delay_us == b->delay_us &&
	       a->cache == b->cache;
}

/* The same wishes in the words of a client. */
static void expect_accepted_again(const struct submission *s, const struct job_json_rules *rules)
{
	struct buf text = BUF_INIT;
	struct submission again = { 0 };
	struct job_json_fault fault = { 0 };
	buf_puts(&text, "{\"op\":");
	buf_json_string(&text, s->op, strlen(s->op));
	buf_puts(&text, ",\"args\":");
	buf_append(&text, s->args.data, s->args.len);
	buf_printf(&text, ",\"queue\":\"%s\",\"priority\":\"%s\",\"timeout_ms\":%u,\"max_attempts\":%u", s->queue,
		   job_priority_name(s->job.priority), s->job.timeout_ms, s->job.max_attempts);
	buf_printf(&text, ",\"result_ttl_s\":%u,\"expires_in_ms\":%llu,\"delay_ms\":%llu,\"cache\":\"%s\"}",
		   s->job.result_ttl_s, (unsigned long long)s->job.expires_in_us / 1000,
		   (unsigned long long)s->job.delay_us / 1000, s->job.cache == 'u' ? "use" : "bypass");
	expect(job_json_read(text.data, text.len, rules, &again, &fault) == 0);
	expect(same_wishes(&again.job, &s->job) && strcmp(again.queue, s->queue) == 0);
	submission_fini(&again);
	job_json_fault_fini(&fault);
	buf_fini(&text);
}

static void expect_accepted(const struct submission *s, const struct job_json_rules *rules)
{
	struct buf record = BUF_INIT, face = BUF_INIT;
	struct job j;
	expect(s->op[0] && strlen(s->op) <= JOB_OP_MAX && keys_queue_valid(s->queue, strlen(s->queue)));
	expect(s->job.timeout_ms >= 1 && s->job.timeout_ms <= rules->timeout_max_ms);
	expect(s->job.max_attempts >= 1 && s->job.max_attempts <= JOB_JSON_ATTEMPTS_MAX);
	expect(s->job.result_ttl_s >= 1 && s->job.result_ttl_s <= JOB_JSON_TTL_MAX_S);
	expect(s->job.delay_us <= JOB_JSON_DELAY_MAX_MS * UINT64_C(1000) && !(s->job.delay_us && s->run_at_us));
	expect(is_json(s->args.data, s->args.len));
	expect(job_record_encode(&record, &s->job) == 0);
	expect(job_record_decode(record.data, record.len, &j) == 0 && same_wishes(&j, &s->job));
	job_json(&face, ID, s->queue, &j);
	expect(is_json(face.data, face.len));
	expect_accepted_again(s, rules);
	buf_fini(&record);
	buf_fini(&face);
}

static void read_one(const char *p, size_t n, const struct job_json_rules *rules)
{
	struct submission s = { 0 };
	struct job_json_fault fault = { 0 };
	if (job_json_read(p, n, rules, &s, &fault) == 0)
		expect_accepted(&s, rules);
	else
		expect_fault(&fault, n);
	submission_fini(&s);
	job_json_fault_fini(&fault);
}

/* Each item as if it had come alone. */
static void read_many(const char *p, size_t n, const struct job_json_rules *rules)
{
	struct submission s = { 0 };
	struct job_json_fault fault = { 0 };
	struct job_json_body body;
	if (job_json_open(&body, p, n, rules, &fault) != 0) {
		expect(fault.json.code);
		expect_fault(&fault, n);
		job_json_fault_fini(&fault);
		return;
	}
	for (size_t i = 0; i < body.n; i++) {
		struct span text;
		if (job_json_next(&body, &text, &s, &fault) == 0)
			expect_accepted(&s, rules);
		else
			expect_fault(&fault, n);
		expect(text.p >= p && text.p + text.n <= p + n);
	}
	job_json_close(&body);
	submission_fini(&s);
	job_json_fault_fini(&fault);
}

FUZZ_TARGET(submission)
{
	struct job_json_rules rules = { .depth = 32, .timeout_max_ms = 60000, .now_us = NOW_US };
	for (int i = 0; i < 2; i++) {
		rules.catalog = i ? operations() : NULL;
		read_one((const char *)data, size, &rules);
		read_many((const char *)data, size, &rules);
	}
	return 0;
}
