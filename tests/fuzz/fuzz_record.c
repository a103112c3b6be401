/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Any bytes as the record of a job, which a foreign hand may have written into Redis: it is refused, or its parts lie
 * inside it, its face is JSON whenever its arguments and its outcome are, and its wishes survive being written again.
 */
#include <jansson.h>
#include <string.h>

#include "buf.h"
#include "fuzz.h"
#include "job.h"
#include "job_json.h"

static bool is_json(struct span s)
{
	/* jansson passes over a zero byte behind a number */
	json_t *tree = memchr(s.p, '\0', s.n)
			   ? NULL
			   : json_loadb(s.p, s.n, JSON_DECODE_ANY | JSON_ALLOW_NUL | JSON_DECODE_INT_AS_REAL, NULL);
	json_decref(tree);
	return tree != NULL;
}

static void expect_inside(struct span s, const uint8_t *data, size_t size)
{
	expect(s.n <= size);
	expect(s.n == 0 || ((const uint8_t *)s.p >= data && (const uint8_t *)s.p + s.n <= data + size));
}

static bool same(struct span a, struct span b)
{
	return a.n == b.n && memcmp(a.p, b.p, a.n) == 0;
}

static void expect_face(const struct job *j)
{
	struct buf face = BUF_INIT;
	job_json(&face, "01a204a5-3f42-741e-8002-cf51adeb0f2e", "math", j);
	bool good = is_json(j->args) && (j->outcome.n == 0 || is_json(j->outcome));
	expect(!good || is_json((struct span){ face.data, face.len }));
	buf_fini(&face);
}

static void expect_wishes(const struct job *j)
{
	struct buf record = BUF_INIT;
	struct job again;
	if (job_record_encode(&record, j) == 0) {
		expect(job_record_decode(record.data, record.len, &again) == 0);
		expect(same(again.op, j->op) && same(again.args, j->args) && same(again.trace, j->trace));
		expect(again.priority == j->priority && again.timeout_ms == j->timeout_ms && again.cache == j->cache);
		expect(again.max_attempts == j->max_attempts && again.result_ttl_s == j->result_ttl_s);
		expect(again.expires_in_us == j->expires_in_us && again.delay_us == j->delay_us);
	}
	buf_fini(&record);
}

FUZZ_TARGET(record)
{
	struct job j;
	if (job_record_decode((const char *)data, size, &j) != 0)
		return 0;
	expect_inside(j.batch, data, size);
	expect_inside(j.reply, data, size);
	expect_inside(j.op, data, size);
	expect_inside(j.trace, data, size);
	expect_inside(j.args, data, size);
	expect_inside(j.outcome, data, size);
	expect(job_state_name(j.state) && job_priority_name(j.priority));
	struct span worker = job_worker(&j);
	expect_inside(worker, data, size);
	expect_face(&j);
	expect_wishes(&j);
	return 0;
}
