/* SPDX-License-Identifier: GPL-3.0-or-later */
/* POST /v1/direct: the call goes as one line to the TCP endpoint of a live worker, and its reply comes back. No queue,
 * nothing stored: Redis may be away. Operations are pure, so a call that a worker would not take, or was lost with, is
 * given to another one: each is asked once, and two may be lost over one call. */
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "auth.h"
#include "clock.h"
#include "directory.h"
#include "handlers/fault.h"
#include "handlers/handlers.h"
#include "jsonload.h"
#include "log.h"
#include "response.h"
#include "tcp_caller.h"

#define ENDPOINT "SquareEndpoint"
#define WORKERS_MAX 1024
#define LINE_MAX_BYTES 65536 /* of the endpoint's protocol */
#define LOSSES_MAX 2
#define SETTLE_US 100000 /* most calls end sooner; only then the client's leaving is worth watching for */
#define LOOK_US 250000   /* between two looks whether this instance is stopping */
#define SLACK_US 250000  /* the worker's own verdict on a time-out is to be heard first */

/* The codes of JSON-RPC that tell whose fault it was (worker-role/rpc.h). */
enum {
	RPC_UNKNOWN_METHOD = -32601,
	RPC_INVALID_REQUEST = -32600,
	RPC_PARSE_ERROR = -32700,
	RPC_BUSY = -32002,
	RPC_UNAUTHORIZED = -32003
};

struct direct {
	struct request_extra extra; /* first: the request knows it by this */
	struct request *r;
	struct tcp_call call;
	struct buf line;
	struct buf tried; /* addresses, each with a blank before and behind */
	char at[ADDRESS_SIZE + 10];
	char worker[ROLEENV_INSTANCE_MAX + 1]; /* being asked */
	uint64_t sent_us, until_us;
	unsigned losses, busy, refused;
	bool looked;    /* the registry was read anew for this call */
	bool once_more; /* those that were tried may be tried again, when no other is left */
};

static void ask_one(struct direct *d);

/* ---- its end ---- */

static void settle(struct request_extra *extra)
{
	tcp_caller_cancel(&((struct direct *)extra)->call);
}

static void release(struct request_extra *extra)
{
	struct direct *d = (struct direct *)extra;
	buf_fini(&d->line);
	buf_fini(&d->tried);
	free(d);
}

static void answer_no_worker(struct direct *d)
{
	const char *detail = "no live worker is known";
	if (d->losses)
		detail = "the worker was lost over this call, and so was, or there is not, another one to ask";
	else if (d->busy)
		detail = "every worker that could be reached has as many calls waiting as it may";
	else if (d->refused)
		detail = "the workers do not know this token: expected the same AuthTokensFile in both roles";
	else if (d->tried.len)
		detail = "none of the workers that are known could be reached";
	response_problem(d->r, PROBLEM_NO_WORKER, detail, "");
}

static void answer_timeout(struct direct *d)
{
	char more[200], detail[80];
	snprintf(detail, sizeof detail, "no result within the time-out of %u ms", d->r->submission.job.timeout_ms);
	snprintf(more, sizeof more,
		 "\"error\":{\"type\":\"timeout\",\"title\":\"Out of time\",\"detail\":\"%s\",\"retryable\":false}",
		 detail);
	response_problem(d->r, PROBLEM_OPERATION_FAILED, detail, more);
}

/* The text of the result is passed on as it stands, so that no digit is lost. */
static void answer_result(struct direct *d, const char *result, size_t n)
{
	struct buf json = BUF_INIT;
	uint64_t us = clock_mono_us() - d->sent_us;
	buf_puts(&json, "{\"result\":");
	buf_append(&json, result, n);
	buf_puts(&json, ",\"worker\":");
	buf_json_string(&json, d->worker, strlen(d->worker));
	buf_printf(&json, ",\"run_ms\":%llu.%03llu}\n", (unsigned long long)(us / 1000),
		   (unsigned long long)(us % 1000));
	if (json.failed)
		response_problem(d->r, PROBLEM_NO_WORKER, "this instance has no memory for the result", "");
	else
		response_json(d->r, 200, json.data, json.len);
	buf_fini(&json);
}

/* data: of the JSON-RPC error, {"type","title","detail","retryable",…} like a job's error. */
static void answer_failure(struct direct *d, const json_t *data)
{
	struct buf more = BUF_INIT;
	const char *detail = json_string_value(json_object_get(data, "detail"));
	char *error = json_dumps(data, JSON_COMPACT);
	buf_puts(&more, "\"error\":");
	buf_puts(&more, error ? error : "null");
	if (error && !more.failed)
		response_problem(d->r, PROBLEM_OPERATION_FAILED, detail ? detail : "the operation failed",
				 buf_cstr(&more));
	else
		response_problem(d->r, PROBLEM_NO_WORKER, "this instance has no memory for the answer", "");
	buf_fini(&more);
	free(error);
}

static void answer_unknown_operation(struct direct *d, const json_t *data)
{
	struct job_json_fault *f = &d->r->fault;
	const char *detail = json_string_value(json_object_get(data, "detail"));
	buf_clear(&f->errors);
	f->n_errors = 0;
	f->json.code = 0;
	f->unknown_op = true;
	job_json_complain(f, "/op", "%.300s", detail ? detail : "the worker does not know it");
	fault_answer(d->r);
}

/* ---- a worker's answer ---- */

static void on_error(struct direct *d, const json_t *error)
{
	const json_t *data = json_object_get(error, "data");
	bool told = json_is_string(json_object_get(data, "type"));
	json_int_t code = json_integer_value(json_object_get(error, "code"));
	if (code == RPC_UNKNOWN_METHOD) {
		answer_unknown_operation(d, data);
	} else if (code == RPC_UNAUTHORIZED) {
		d->refused++;
		ask_one(d);
	} else if (told) {
		answer_failure(d, data);
	} else if (code == RPC_PARSE_ERROR || code == RPC_INVALID_REQUEST) {
		struct log_ids ids = { .request = d->r->id, .trace = d->r->trace_id };
		const char *detail = json_string_value(json_object_get(data, "detail"));
		log_write(LOG_ERROR, &ids, "direct: %s does not understand the call: %s", d->worker,
			  detail ? detail : "it does not say why");
		response_problem(d->r, PROBLEM_INTERNAL, "the worker's answer does not fit the question", "");
	} else { /* busy, or out of memory */
		d->busy++;
		ask_one(d);
	}
}

/* The reply is taken apart at its frame, which is what a worker writes; what stands between is passed on. */
static void on_reply(struct direct *d, const char *text, size_t n)
{
	static const char head[] = "{\"jsonrpc\":\"2.0\",\"result\":", tail[] = ",\"id\":1}";
	size_t head_n = sizeof head - 1, tail_n = sizeof tail - 1;
	if (n > head_n + tail_n && memcmp(text, head, head_n) == 0 && memcmp(text + n - tail_n, tail, tail_n) == 0) {
		answer_result(d, text + head_n, n - head_n - tail_n);
		return;
	}
	json_t *reply = jsonload(text, n, 0, NULL), *error = json_object_get(reply, "error");
	if (json_is_object(error)) {
		on_error(d, error);
	} else if (n > 6 && memcmp(text, "error:", 6) == 0) { /* it takes no more connections */
		d->busy++;
		ask_one(d);
	} else {
		struct log_ids ids = { .request = d->r->id, .trace = d->r->trace_id };
		char quoted[ERR_QUOTE_SIZE];
		err_quote(quoted, text, n);
		log_write(LOG_ERROR, &ids, "direct: %s answered what is no JSON-RPC: %s", d->worker, quoted);
		response_problem(d->r, PROBLEM_INTERNAL, "the worker's answer does not fit the question", "");
	}
	json_decref(reply);
}

static void note_tried(struct direct *d)
{
	buf_printf(&d->tried, " %s ", d->at);
}

static void on_end(void *arg, enum tcp_call_end end, const char *text, size_t n)
{
	struct direct *d = arg;
	switch (end) {
	case TCP_CALL_REPLIED:
		note_tried(d);
		on_reply(d, text, n);
		return;
	case TCP_CALL_REFUSED:
		d->refused++;
		note_tried(d);
		break;
	case TCP_CALL_UNREACHED:
		note_tried(d);
		break;
	case TCP_CALL_LOST:
		/* A connection that was there before may have been closed before the call came: then little is known
		 * of the worker yet. */
		d->once_more = d->call.reused;
		d->call.fresh = true;
		d->losses++;
		note_tried(d);
		break;
	}
	if (d->losses < LOSSES_MAX)
		ask_one(d);
	else
		answer_no_worker(d);
}

/* ---- choosing a worker ---- */

static bool was_tried(const struct direct *d, const char *at)
{
	char word[sizeof d->at + 2];
	int n = snprintf(word, sizeof word, " %s ", at);
	return d->tried.len && memmem(d->tried.data, d->tried.len, word, (size_t)n);
}

/* Of two, each picked at random, the one that has less to do: nearly as even as asking all, and no herd. */
static const struct roleenv_peer *pick(struct direct *d, const struct roleenv_peer **peers, size_t n)
{
	struct reactor *re = d->r->reactor;
	uint64_t dice = (re->options.boot ^ (re->requests + d->tried.len)) * UINT64_C(0x9e3779b97f4a7c15);
	dice ^= dice >> 29;
	size_t i = (size_t)((dice >> 32) % n), k = (size_t)((dice & 0xffffffff) % n);
	const struct roleenv_peer *a = peers[i], *b = peers[k == i ? (i + 1) % n : k];
	unsigned load_a = tcp_caller_load(re->caller, roleenv_peer_at(a, ENDPOINT));
	unsigned load_b = tcp_caller_load(re->caller, roleenv_peer_at(b, ENDPOINT));
	if (load_a != load_b)
		return load_a < load_b ? a : b;
	return b->running < a->running ? b : a;
}

static void on_directory(void *arg, int status)
{
	struct request *r = arg;
	(void)status; /* what could not be read leaves what was known */
	if (r->http) {
		deadlines_clear(&r->reactor->deadlines, &r->deadline);
		ask_one((struct direct *)r->extra);
	}
	request_unref(r);
}

static void on_directory_late(struct request *r)
{
	answer_no_worker((struct direct *)r->extra);
}

/* A worker may have come, or come back elsewhere, since the registry was read. */
static void look_again(struct direct *d)
{
	struct request *r = d->r;
	if (d->looked) {
		answer_no_worker(d);
		return;
	}
	d->looked = true;
	if (d->tried.len)
		directory_stale(r->reactor->directory);
	request_ref(r);
	if (directory_refresh(r->reactor->directory, &r->gate, on_directory, r)) {
		request_unref(r);
		answer_no_worker(d);
		return;
	}
	request_due(r, clock_mono_us() + r->reactor->call_us, on_directory_late);
}

/* The client's own token, which it has been let in with. */
static void give_token(struct direct *d)
{
	if (!d->r->principal[0])
		return;
	struct http_text token = auth_bearer(request_head(d->r)->field[HTTP_AUTHORIZATION]);
	d->call.token = token.p;
	d->call.token_n = token.n;
}

static void on_look(struct request *r);

static void arm(struct direct *d)
{
	struct request *r = d->r;
	uint64_t next_us = clock_mono_us() + (r->watching ? LOOK_US : SETTLE_US);
	request_due(r, next_us < d->until_us ? next_us : d->until_us, on_look);
}

static void on_look(struct request *r)
{
	struct direct *d = (struct direct *)r->extra;
	if (clock_mono_us() >= d->until_us) {
		answer_timeout(d);
		return;
	}
	if (r->reactor->order >= REACTOR_HURRY) {
		response_problem(r, PROBLEM_STOPPING, "this instance is stopping, and gave the call up", "");
		return;
	}
	if (!r->watching)
		http_request_watch(r->http);
	r->watching = true;
	arm(d);
}

static void ask_one(struct direct *d)
{
	const struct roleenv_peer *peers[WORKERS_MAX];
	struct reactor *re = d->r->reactor;
	for (;;) {
		size_t n = directory_ready(re->directory, ENDPOINT, peers, WORKERS_MAX), left = 0;
		for (size_t i = 0; i < n && i < WORKERS_MAX; i++)
			if (!was_tried(d, roleenv_peer_at(peers[i], ENDPOINT)))
				peers[left++] = peers[i];
		if (left == 0 && d->once_more) {
			d->once_more = false;
			buf_clear(&d->tried);
			continue;
		}
		if (left == 0) {
			look_again(d);
			return;
		}
		const struct roleenv_peer *peer = pick(d, peers, left);
		snprintf(d->at, sizeof d->at, "%s", roleenv_peer_at(peer, ENDPOINT));
		snprintf(d->worker, sizeof d->worker, "%s", peer->instance);
		d->sent_us = clock_mono_us();
		if (tcp_caller_send(re->caller, &d->call) == 0) {
			arm(d);
			return;
		}
		note_tried(d);
	}
}

/* ---- reading ---- */

static void put_line(struct direct *d)
{
	const struct submission *s = &d->r->submission;
	buf_puts(&d->line, "{\"jsonrpc\":\"2.0\",\"method\":");
	buf_json_string(&d->line, s->op, strlen(s->op));
	buf_puts(&d->line, ",\"params\":");
	buf_append(&d->line, s->args.data, s->args.len);
	buf_printf(&d->line, ",\"timeout_ms\":%u,\"id\":1}\n", s->job.timeout_ms);
}

static void begin(struct request *r)
{
	struct direct *d = calloc(1, sizeof *d);
	if (!d) {
		response_problem(r, PROBLEM_NO_WORKER, "this instance has no memory for the call", "");
		return;
	}
	d->extra = (struct request_extra){ settle, release };
	d->r = r;
	r->extra = &d->extra;
	put_line(d);
	if (d->line.failed) {
		response_problem(r, PROBLEM_NO_WORKER, "this instance has no memory for the call", "");
	} else if (d->line.len - 1 > LINE_MAX_BYTES) {
		char detail[160];
		snprintf(
		    detail, sizeof detail,
		    "expected a call of at most %d bytes, as the line that it becomes, got %zu; a job may be larger",
		    LINE_MAX_BYTES, d->line.len - 1);
		response_problem(r, PROBLEM_TOO_LARGE, detail, "");
	} else {
		d->until_us = clock_mono_us() + r->submission.job.timeout_ms * UINT64_C(1000) + SLACK_US;
		d->call.at = d->at;
		d->call.line = d->line.data;
		d->call.line_n = d->line.len;
		d->call.cb = on_end;
		d->call.arg = d;
		give_token(d);
		directory_refresh(r->reactor->directory, NULL, NULL, NULL);
		ask_one(d);
	}
}

static void read_call(struct request *r);

static void on_catalogue(void *arg, int status)
{
	struct request *r = arg;
	(void)status; /* what was not read leaves what was known */
	if (r->http) {
		deadlines_clear(&r->reactor->deadlines, &r->deadline);
		read_call(r);
	}
	request_unref(r);
}

/* An operation that no worker had when the catalogue was read may have come since. */
static bool ask_catalogue(struct request *r)
{
	struct reactor *re = r->reactor;
	if (r->refreshed)
		return false;
	r->refreshed = true;
	request_ref(r);
	if (catalog_reader_refresh(re->catalog, &r->gate, on_catalogue, r)) {
		request_unref(r);
		return false;
	}
	request_due(r, clock_mono_us() + re->call_us, fault_answer); /* what was known stands */
	return true;
}

static void read_call(struct request *r)
{
	struct reactor *re = r->reactor;
	struct job_json_rules rules = { .depth = (unsigned)config_int(re->config, CONFIG_JSON_DEPTH),
					.timeout_max_ms = (uint32_t)config_int(re->config, CONFIG_TIMEOUT_MAX_MS),
					.now_us = clock_wall_us(),
					.catalog = catalog_reader_now(re->catalog),
					.direct = true };
	size_t n;
	const char *body = http_request_body(r->http, &n);
	int rc = job_json_read(body, n, &rules, &r->submission, &r->fault);
	if (rc == ERR_NOMEM)
		response_problem(r, PROBLEM_NO_WORKER, "this instance has no memory for the call", "");
	else if (rc && !(r->fault.unknown_op && ask_catalogue(r)))
		fault_answer(r);
	else if (!rc)
		begin(r);
}

void handle_direct(struct request *r)
{
	if (!policy_content_allowed(request_head(r)))
		response_problem(
		    r, PROBLEM_UNSUPPORTED_MEDIA_TYPE,
		    "expected a Content-Type of application/json in UTF-8, or none, and no Content-Encoding", "");
	else
		read_call(r);
}
