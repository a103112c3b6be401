/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The n-th allocation fails, for every n, in all that reads or writes what clients, peers and files send: it succeeds
 * or says that memory ran out, never that the input was wrong; nothing is left allocated, nothing crashes, and the same
 * call works as soon as there is memory again. What is read at start-up may end the process instead (must.h), in order:
 * by abort(). */
#include <check.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "buf.h"
#include "canon.h"
#include "catalog.h"
#include "compute/ipc.h"
#include "config.h"
#include "csdef.h"
#include "err.h"
#include "exact_json.h"
#include "job_json.h"
#include "math/expr.h"
#include "nth.h"
#include "op.h"
#include "op_failure.h"
#include "problem.h"
#include "proc.h"
#include "rcmd.h"
#include "rpc.h"
#include "schema.h"
#include "suite_run.h"
#include "tcp_session.h"
#include "tokens.h"

#define MOST 20000 /* allocations of one case, far more than any has */

/* What one run of a case found. No Check in it: that allocates by itself. */
struct trial {
	bool ok;            /* it did what it does when there is memory */
	const char *broken; /* what should have held */
};
#define HOLDS(t, condition) ((t)->broken = (condition) || (t)->broken ? (t)->broken : #condition)

struct nth_case {
	const char *name;
	void (*run)(struct trial *t);
	bool may_abort;
};

/* ---- submissions ---- */

static const char body[] =
    "{\"op\":\"square\",\"args\":[12.50,\"\\u00e4\\u20ac\",{\"a\":[1,2,3]}],\"queue\":\"math\",\"priority\":\"high\","
    "\"max_attempts\":3,\"timeout_ms\":1000,\"idempotency_key\":\"an idempotency key that is not short at all\"}";
static const char broken_body[] = "{\"op\":17,\"args\":\"x\",\"queue\":\"\",\"priority\":\"soon\",\"colour\":\"blue\","
				  "\"max_attempts\":0,\"a member whose name is as long as this one\":[1,2,3]}";
static const struct job_json_rules rules = { .depth = 32, .timeout_max_ms = 60000, .now_us = 1795000000000000u };

static void run_submission(struct trial *t)
{
	struct submission s = { 0 };
	struct job_json_fault fault = { 0 };
	struct buf record = BUF_INIT, face = BUF_INIT;
	struct job j;
	int rc = job_json_read(body, sizeof body - 1, &rules, &s, &fault);
	HOLDS(t, rc == 0 || rc == ERR_NOMEM);
	if (rc == 0) {
		HOLDS(t, strcmp(s.op, "square") == 0 && s.args.len > 0 && !s.args.failed && !s.key.failed &&
			     s.key.len == 43);
		int encoded = job_record_encode(&record, &s.job);
		HOLDS(t, encoded == 0 || encoded == ERR_NOMEM);
		if (encoded == 0) {
			HOLDS(t, job_record_decode(record.data, record.len, &j) == 0 && j.op.n == 6);
			job_json(&face, "01a204a5-3f42-741e-8002-cf51adeb0f2e", "math", &j);
			t->ok = !face.failed;
		}
	}
	submission_fini(&s);
	job_json_fault_fini(&fault);
	buf_fini(&record);
	buf_fini(&face);
}

static void run_broken_submission(struct trial *t)
{
	struct submission s = { 0 };
	struct job_json_fault fault = { 0 };
	int rc = job_json_read(broken_body, sizeof broken_body - 1, &rules, &s, &fault);
	HOLDS(t, rc == ERR_INVALID || rc == ERR_NOMEM);
	HOLDS(t, rc != ERR_INVALID || fault.n_errors > 0);
	HOLDS(t, rc != ERR_INVALID || fault.json.code == 0); /* it is JSON, whatever else it is */
	t->ok = rc == ERR_INVALID && !fault.errors.failed;
	submission_fini(&s);
	job_json_fault_fini(&fault);
}

static void run_array(struct trial *t)
{
	struct submission s = { 0 };
	struct job_json_fault fault = { 0 };
	struct job_json_body open;
	struct span text;
	char array[sizeof body * 2 + 4];
	int n = snprintf(array, sizeof array, "[%s,%s]", body, body);
	int rc = job_json_open(&open, array, (size_t)n, &rules, &fault);
	HOLDS(t, rc == 0 || rc == ERR_NOMEM);
	if (rc == 0) {
		HOLDS(t, open.many && open.n == 2);
		t->ok = true;
		for (size_t i = 0; i < open.n; i++) {
			rc = job_json_next(&open, &text, &s, &fault);
			HOLDS(t, rc == 0 || rc == ERR_NOMEM);
			t->ok = t->ok && rc == 0;
		}
		job_json_close(&open);
	}
	submission_fini(&s);
	job_json_fault_fini(&fault);
}

static void run_canon(struct trial *t)
{
	struct buf out = BUF_INIT;
	int rc = canon_text(&out, (struct span){ body, sizeof body - 1 }, NULL);
	HOLDS(t, rc == 0 || rc == ERR_NOMEM);
	HOLDS(t, rc != 0 || !out.failed);
	t->ok = rc == 0;
	buf_fini(&out);
}

static void run_problem(struct trial *t)
{
	struct buf out = BUF_INIT;
	problem_json(&out, PROBLEM_INVALID_SUBMISSION,
		     "a detail that is long enough for more than one growth of the buffer", "req-1",
		     "\"errors\":[{\"pointer\":\"/op\",\"detail\":\"expected a string, got 17\"}]");
	t->ok = !out.failed;
	HOLDS(t, out.failed || out.data[out.len - 2] == '}');
	buf_fini(&out);
}

/* ---- the catalogue ---- */

static void run_catalog(struct trial *t)
{
	static const char some[] =
	    "{\"operations\":[{\"name\":\"square\",\"parameters\":{\"prefixItems\":[{\"type\":[\"number\",\"string\"],"
	    "\"title\":\"x\"}],\"minItems\":1,\"items\":false,\"properties\":{\"x\":{\"enum\":[1,\"2\",[3]]}},"
	    "\"required\":[\"x\"],\"additionalProperties\":false}},{\"name\":\"add\",\"parameters\":{\"anyOf\":[true]}}"
	    "]}";
	struct errinfo info = { 0 };
	struct buf list = BUF_INIT;
	struct catalog *c = catalog_new();
	if (!c)
		return;
	int rc = catalog_add(c, some, sizeof some - 1, &info);
	HOLDS(t, rc == 0 || rc == ERR_NOMEM);
	HOLDS(t, rc != 0 || (catalog_count(c) == 2 && catalog_find(c, "square", 6)));
	catalog_list(c, &list);
	t->ok = rc == 0 && !list.failed;
	catalog_free(c);
	buf_fini(&list);
}

static void run_schema(struct trial *t)
{
	static const char text[] =
	    "{\"prefixItems\":[{\"type\":[\"number\",\"string\"],\"title\":\"x\"},{\"enum\":[1,\"a\"]}],"
	    "\"minItems\":1,\"items\":{\"anyOf\":[{\"type\":\"null\"},{\"const\":[1,2]}]},"
	    "\"properties\":{\"x\":{\"type\":\"object\"}},\"required\":[\"x\"]}";
	json_t *tree = json_loads(text, JSON_DECODE_INT_AS_REAL, NULL);
	json_t *value = json_loads("[1,\"a\",null]", JSON_DECODE_INT_AS_REAL, NULL);
	struct schema *s = tree && value ? schema_new(tree) : NULL;
	json_decref(tree);
	if (s) {
		HOLDS(t, schema_check(s, value, NULL, NULL));
		t->ok = true;
	}
	schema_free(s);
	json_decref(value);
}

/* ---- commands ---- */

static void run_command(struct trial *t)
{
	struct rcmd cmd;
	size_t n = 0;
	rcmd_init(&cmd);
	rcmd_fcall(&cmd, "sq_enqueue", "{jq:math:0}");
	for (int i = 0; i < 50; i++)
		rcmd_str(&cmd, "an argument that makes the buffer grow");
	const char *bytes = rcmd_bytes(&cmd, &n);
	t->ok = bytes != NULL;
	HOLDS(t, bytes != NULL || cmd.wire.failed);
	HOLDS(t, !bytes || memcmp(bytes + n - 2, "\r\n", 2) == 0);
	rcmd_fini(&cmd);
}

/* ---- files ---- */

static char tokens_path[] = "/tmp/square-nth.XXXXXX";

static void run_tokens(struct trial *t)
{
	struct errinfo info = { 0 };
	struct tokens *tokens = NULL;
	int rc = tokens_load(tokens_path, &tokens, &info);
	HOLDS(t, rc == 0 || rc == ERR_NOMEM || rc == ERR_SYS); /* (fopen says ENOMEM by errno) */
	HOLDS(t, rc == 0 || info.text[0]);
	t->ok = rc == 0;
	tokens_free(tokens);
}

static void run_csdef(struct trial *t)
{
	static char definition[300], configuration[300];
	struct errinfo info = { 0 };
	(void)snprintf(definition, sizeof definition, "%s", proc_source("service.csdef"));
	(void)snprintf(configuration, sizeof configuration, "%s", proc_source("service.cscfg"));
	struct csdef *def = csdef_load(definition, configuration, &info);
	HOLDS(t, def || info.text[0]);
	t->ok = def != NULL;
	csdef_free(def);
}

static void run_config(struct trial *t)
{
	static const char *const sets[] = { "Queues=a, b,c", "LogLevel=debug" };
	const struct config_sources in = { .sets = sets, .n_sets = 2 };
	struct errinfo info = { 0 };
	struct config *cfg = config_load(CONFIG_WEB, &in, &info);
	HOLDS(t, cfg || info.text[0]);
	t->ok = cfg != NULL;
	config_free(cfg);
}

/* ---- the worker's readers ---- */

static void run_exact_json(struct trial *t)
{
	static const char text[] = "[1,2.5e400,\"text\",{\"a\":123456789012345678901234567890,\"b\":[true,null]}]";
	struct errinfo info = { 0 };
	struct buf out = BUF_INIT;
	json_t *v = exact_json_load(text, sizeof text - 1, 32, &info);
	HOLDS(t, v || info.code == ERR_NOMEM);
	if (v) {
		exact_json_dump(&out, v);
		HOLDS(t, out.failed || (out.len == sizeof text - 1 && memcmp(out.data, text, out.len) == 0));
		t->ok = !out.failed;
	}
	json_decref(v);
	buf_fini(&out);
}

static void run_call(struct trial *t)
{
	struct op_call call;
	struct op_failure f;
	if (op_call_prepare(&call, "square", 6, "[12]", 4, 1000, &f) == 0) {
		t->ok = true;
		op_call_fini(&call);
	} else {
		HOLDS(t, f.detail[0] && f.error == OP_INTERNAL_ERROR);
	}
}

static void run_lines(struct trial *t)
{
	struct tcp_session *s = tcp_session_new(NULL, NULL, NULL);
	if (!s)
		return;
	(void)tcp_session_feed(s, "12\n1.5\n", 7);
	struct buf *out = tcp_session_output(s);
	HOLDS(t, out->failed || out->len == 0 || out->len == 4 ||
		     (out->len == 9 && memcmp(out->data, "144\n2.25\n", 9) == 0) || tcp_session_refused(s));
	t->ok = !out->failed && out->len == 9;
	tcp_session_free(s);
}

static void run_rpc_error(struct trial *t)
{
	struct buf out = BUF_INIT;
	static const char line[] =
	    "{\"jsonrpc\":\"2.0\",\"method\":\"nobody knows me\",\"params\":[1,2],\"id\":\"seven\"}";
	struct rpc *rpc = rpc_answer(line, sizeof line - 1, NULL, &out, NULL, NULL);
	HOLDS(t, !rpc);
	HOLDS(t, out.failed || out.len > 0); /* a request with an id is answered, or the buffer says why not */
	t->ok = !out.failed && memmem(out.data, out.len, "\"seven\"", 7) != NULL;
	buf_fini(&out);
}

static void run_frames(struct trial *t)
{
	struct ipc_reader r = { .max = 1 << 20 };
	struct ipc_frame frame;
	static char data[100000];
	int ends[2];
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends))
		return;
	HOLDS(t, ipc_write(ends[0], IPC_RESULT, data, sizeof data, -1) == 0);
	enum ipc_status status = ipc_read(&r, ends[1], &frame);
	HOLDS(t, status == IPC_FRAME || status == IPC_BROKEN);
	HOLDS(t, status != IPC_FRAME || frame.n == sizeof data);
	t->ok = status == IPC_FRAME;
	ipc_reader_fini(&r);
	close(ends[0]);
	close(ends[1]);
}

static void run_expression(struct trial *t)
{
	struct op_failure f;
	struct buf out = BUF_INIT;
	struct expr *e = expr_parse("sin(x)^2+[1,2]*3-sum(k,k,1,10)", 30, &f);
	HOLDS(t, e || f.detail[0]);
	if (e)
		expr_print(&out, e);
	t->ok = e && !out.failed;
	expr_free(e);
	buf_fini(&out);
}

static const struct nth_case cases[] = {
	{ "a submission", run_submission, false },
	{ "a submission with faults", run_broken_submission, false },
	{ "an array of submissions", run_array, false },
	{ "the canonical text", run_canon, false },
	{ "a problem", run_problem, false },
	{ "a catalogue", run_catalog, false },
	{ "a schema", run_schema, false },
	{ "a command", run_command, false },
	{ "the tokens", run_tokens, false },
	{ "the service definition", run_csdef, true },
	{ "the settings", run_config, true },
	{ "exact JSON", run_exact_json, false },
	{ "a call", run_call, false },
	{ "lines of numbers", run_lines, false },
	{ "an RPC that fails", run_rpc_error, false },
	{ "frames", run_frames, false },
	{ "an expression", run_expression, true }, /* in compute children only: the worker is told, and tries again */
};

/* ---- all n ---- */

static void setup(void)
{
	static const char text[] = "# those who may\nalice:submit,read:"
				   "0000000000000000000000000000000000000000000000000000000000000001\n";
	strcpy(tokens_path, "/tmp/square-nth.XXXXXX");
	int fd = mkstemp(tokens_path);
	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(write(fd, text, sizeof text - 1), (ssize_t)sizeof text - 1);
	close(fd);
	ck_assert_msg(nth_works() || nth_is_left_out(), "expected the first allocation to fail, it did not");
}

static void teardown(void)
{
	unlink(tokens_path);
}

/* True when the n-th allocation was one of this run. */
static bool fails_at(const struct nth_case *c, unsigned long n, struct trial *t)
{
	*t = (struct trial){ 0 };
	long live = nth->live;
	nth_arm(n);
	c->run(t);
	bool failed = nth_disarm();
	if (nth->live != live && !t->broken)
		t->broken = "everything that was allocated is freed";
	return failed;
}

/* In a process of its own: 0 when nothing failed and all went well, 1 when it failed and said so, 2 when it aborted. */
static int status_apart(const struct nth_case *c, unsigned long n)
{
	struct trial t;
	int status;
	(void)fflush(NULL);
	pid_t pid = fork();
	if (pid == 0) {
		bool failed = fails_at(c, n, &t);
		if (t.broken)
			(void)fprintf(stderr, "%s: does not hold: %s\n", c->name, t.broken);
		_exit(t.broken ? 99 : !failed && !t.ok ? 98 : failed);
	}
	ck_assert_int_gt(pid, 0);
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	if (WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT)
		return 2;
	ck_assert_msg(WIFEXITED(status) && WEXITSTATUS(status) <= 1, "%s, allocation %lu: status %#x", c->name, n,
		      status);
	return WEXITSTATUS(status);
}

START_TEST(test_nth_allocation_fails)
{
	const struct nth_case *c = &cases[_i];
	struct trial t;
	unsigned long n = 0;

	if (c->may_abort) {
		do
			n++;
		while (n < MOST && status_apart(c, n) != 0);
	} else {
		(void)fails_at(c, 0, &t); /* what is allocated once, and kept, is there from now on */
		ck_assert_msg(t.ok && (!t.broken || nth->live), "%s: fails though there is memory", c->name);
		bool failed;
		do {
			failed = fails_at(c, ++n, &t);
			ck_assert_msg(!t.broken, "%s, allocation %lu: expected to hold: %s", c->name, n, t.broken);
			ck_assert_msg(failed || t.ok, "%s: fails though there is memory", c->name);
		} while (failed && n < MOST);
	}
	ck_assert_uint_lt(n, MOST);
	ck_assert_msg(n > 1 || !nth_works(), "%s: expected at least one allocation, got none", c->name);
	(void)fails_at(c, 0, &t);
	ck_assert_msg(t.ok && !t.broken, "%s: does not work any more: %s", c->name, t.broken ? t.broken : "");
}
END_TEST

int main(void)
{
	Suite *s = suite_create("nth_codecs");
	TCase *faults = tcase_create("faults");
	tcase_add_checked_fixture(faults, setup, teardown);
	tcase_add_loop_test(faults, test_nth_allocation_fails, 0, sizeof cases / sizeof *cases);
	suite_add_tcase(s, faults);
	return suite_run(s);
}
