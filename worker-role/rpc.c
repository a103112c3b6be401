/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "rpc.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "err.h"
#include "exact_json.h"
#include "op.h"

#define BATCH_LOOP_NS 2e6 /* what a batch may compute on the loop; the rest of it goes to other threads */

/* One call that is not answered at once. */
struct member {
	struct rpc *rpc;
	struct executor_job *job; /* NULL: answered */
	char *id;                 /* JSON; NULL for a notification */
	struct buf reply;
};

struct rpc {
	rpc_done_cb *done;
	void *arg;
	bool batch;
	size_t count, pending;
	double expected; /* bytes of the replies that take longer */
	struct member members[];
};

static struct rpc_stats stats;

/* ---- replies ---- */

static const char *code_title(enum rpc_code code)
{
	switch (code) {
	case RPC_PARSE_ERROR:
		return "Parse error";
	case RPC_INVALID_REQUEST:
		return "Invalid request";
	case RPC_UNKNOWN_METHOD:
		return "Method not found";
	case RPC_INVALID_PARAMS:
		return "Invalid params";
	case RPC_INTERNAL:
		return "Internal error";
	case RPC_FAILED:
		return "Operation failed";
	case RPC_LIMIT:
		return "Limit exceeded";
	case RPC_BUSY:
		return "Busy";
	case RPC_UNAUTHORIZED:
		return "Unauthorized";
	case RPC_LINE_TOO_LONG:
		return "Line too long";
	}
	return "Error";
}

static void put_result(struct buf *out, const char *id, const struct buf *json)
{
	stats.succeeded++;
	buf_puts(out, "{\"jsonrpc\":\"2.0\",\"result\":");
	buf_append(out, json->data, json->len);
	buf_puts(out, ",\"id\":");
	buf_puts(out, id);
	buf_byte(out, '}');
}

static void begin_error(struct buf *out, enum rpc_code code, const char *title)
{
	buf_printf(out, "{\"jsonrpc\":\"2.0\",\"error\":{\"code\":%d,\"message\":\"%s\",\"data\":", (int)code, title);
}

static void end_error(struct buf *out, const char *id)
{
	buf_puts(out, "},\"id\":");
	buf_puts(out, id);
	buf_byte(out, '}');
}

/* An error of the protocol: data has a sentence only. */
static void put_error(struct buf *out, const char *id, enum rpc_code code, const char *detail)
{
	stats.refused++;
	begin_error(out, code, code_title(code));
	buf_puts(out, "{\"detail\":");
	buf_json_string(out, detail, strlen(detail));
	buf_byte(out, '}');
	end_error(out, id);
}

static enum rpc_code failure_code(const struct op_failure *f)
{
	switch (f->error) {
	case OP_UNKNOWN_NAME: /* of an operation, or within an argument that is an expression */
		return f->count || f->position >= 0 ? RPC_INVALID_PARAMS : RPC_UNKNOWN_METHOD;
	case OP_PARSE_ERROR:
	case OP_ARITY:
	case OP_INVALID_ARGUMENT:
		return RPC_INVALID_PARAMS;
	case OP_LIMIT_EXCEEDED:
	case OP_TIMEOUT:
		return RPC_LIMIT;
	case OP_INTERNAL_ERROR:
	case OP_WORKER_LOST:
		return RPC_INTERNAL;
	default:
		return RPC_FAILED;
	}
}

static void put_failure(struct buf *out, const char *id, const struct op_failure *f)
{
	enum rpc_code code = failure_code(f);

	*(code == RPC_FAILED || code == RPC_LIMIT ? &stats.failed : &stats.refused) += 1;
	begin_error(out, code, code == RPC_FAILED || code == RPC_LIMIT ? op_error_title(f->error) : code_title(code));
	op_failure_json(out, f);
	end_error(out, id);
}

void rpc_put_error_for(struct buf *out, const char *id, enum rpc_code code, const char *detail)
{
	put_error(out, id, code, detail);
	buf_byte(out, '\n');
}

void rpc_put_error(struct buf *out, enum rpc_code code, const char *detail)
{
	rpc_put_error_for(out, "null", code, detail);
}

/* ---- one call ---- */

/* A request that was looked at: op and params are set when it is to be called. */
struct request {
	struct buf id;     /* JSON; "null" where none can be told */
	bool notification; /* no reply, whatever happens */
	const struct op *op;
	json_t *params;
	uint32_t timeout_ms; /* 0: the operation's */
};

/* An extension of ours: JSON-RPC knows no time-outs, and positional params have no place for one. */
static bool take_timeout(const json_t *v, uint32_t *out)
{
	const json_t *ms = json_object_get(v, "timeout_ms");

	if (!ms)
		return true;
	if (!json_is_integer(ms) || json_integer_value(ms) < 1 || json_integer_value(ms) > OP_TIMEOUT_MAX_MS)
		return false;
	*out = (uint32_t)json_integer_value(ms);
	return true;
}

/* False, with the reply appended to out unless none is wanted, when it is not to be called. */
static bool check_request(json_t *v, struct request *r, struct buf *out)
{
	const char *detail = NULL, *version, *name;
	size_t n, name_len = 0;
	json_t *id = json_object_get(v, "id"), *method = json_object_get(v, "method");

	r->params = json_object_get(v, "params");
	version = exact_json_string(json_object_get(v, "jsonrpc"), &n);
	name = exact_json_string(method, &name_len);
	bool id_good = !id || json_is_null(id) || json_is_integer(id) || json_is_string(id);
	if (id && id_good)
		exact_json_dump(&r->id, id);
	else
		buf_puts(&r->id, "null");
	if (!json_is_object(v))
		detail = "expected a request object, or an array of them";
	else if (!version || n != 3 || memcmp(version, "2.0", 3) != 0)
		detail = "expected \"jsonrpc\":\"2.0\"";
	else if (!id_good)
		detail = "expected \"id\" to be a string, a number or null";
	else if (!name)
		detail = "expected \"method\", the name of an operation";
	else if (r->params && !json_is_array(r->params) && !json_is_object(r->params))
		detail = "expected \"params\" to be an array or an object";
	else if (!take_timeout(v, &r->timeout_ms))
		detail = "expected \"timeout_ms\" to be an integer from 1 to 60,000";
	if (detail) {
		put_error(out, buf_cstr(&r->id), RPC_INVALID_REQUEST, detail);
		return false;
	}
	r->notification = !id;
	r->op = op_find(name, name_len);
	if (!r->op && !r->notification) {
		struct op_failure f;
		op_fail_unknown(&f, name, name_len);
		put_failure(out, buf_cstr(&r->id), &f);
	}
	return r->op != NULL;
}

static void run_here(struct request *r, struct op_call *call, struct buf *out)
{
	struct buf json = BUF_INIT;
	struct op_failure f;
	int rc = op_call_run(call, &json, &f);

	op_call_fini(call);
	if (!r->notification && rc == 0)
		put_result(out, buf_cstr(&r->id), &json);
	else if (!r->notification)
		put_failure(out, buf_cstr(&r->id), &f);
	buf_fini(&json);
}

/* True when *call is prepared but not to be run here. *budget_ns: what may still be computed on the loop. */
static bool begin_call(json_t *v, struct request *r, struct op_call *call, double *budget_ns, struct buf *out)
{
	struct op_failure f;

	if (!check_request(v, r, out))
		return false;
	if (op_call_prepare_decoded(call, r->op, r->params, r->timeout_ms, &f) != 0) {
		if (!r->notification)
			put_failure(out, buf_cstr(&r->id), &f);
		return false;
	}
	*budget_ns -= call->cost.ns;
	if (call->path == OP_IN_LOOP && *budget_ns < 0)
		call->path = OP_HEAVY;
	if (call->path != OP_IN_LOOP)
		return true;
	run_here(r, call, out);
	return false;
}

static void on_result(void *arg, const struct executor_result *result)
{
	struct member *m = arg;
	struct rpc *rpc = m->rpc;

	m->job = NULL;
	if (m->id && result->ok)
		put_result(&m->reply, m->id, result->json);
	else if (m->id)
		put_failure(&m->reply, m->id, result->failure);
	if (--rpc->pending == 0)
		rpc->done(rpc->arg);
}

/* Hands a prepared call to the executor; what it refuses is answered at once. */
static void submit_call(struct member *m, struct request *r, struct op_call *call, struct executor *executor)
{
	int rc = ERR_NOMEM;

	if (!r->notification) {
		m->id = strdup(buf_cstr(&r->id));
		if (!m->id)
			goto refused;
	}
	if (m->rpc->expected + call->cost.bytes > RPC_BATCH_REPLY_MAX) {
		rc = ERR_TOO_BIG;
		goto refused;
	}
	m->rpc->expected += call->cost.bytes;
	m->rpc->pending++;
	rc = executor_run_or_wait(executor, call, 0, on_result, m, &m->job);
	if (rc == 0)
		return;
	m->rpc->pending--;
refused:
	op_call_fini(call);
	if (r->notification)
		return;
	if (rc == ERR_NOMEM)
		put_error(&m->reply, buf_cstr(&r->id), RPC_INTERNAL, "out of memory");
	else if (rc == ERR_TOO_BIG)
		put_error(&m->reply, buf_cstr(&r->id), RPC_LIMIT,
			  "the results of this batch are too large together, ask for fewer at a time");
	else
		put_error(&m->reply, buf_cstr(&r->id), RPC_BUSY,
			  rc == ERR_CLOSED ? "this worker is stopping, another one will take the call"
					   : "too many calls wait for their turn, try again later");
}

/* ---- a line ---- */

static struct rpc *rpc_new(size_t count, bool batch, rpc_done_cb *done, void *arg)
{
	struct rpc *rpc = calloc(1, sizeof *rpc + count * sizeof *rpc->members);

	if (!rpc)
		return NULL;
	rpc->done = done;
	rpc->arg = arg;
	rpc->batch = batch;
	rpc->count = count;
	for (size_t i = 0; i < count; i++)
		rpc->members[i].rpc = rpc;
	return rpc;
}

static void rpc_free(struct rpc *rpc)
{
	for (size_t i = 0; i < rpc->count; i++) {
		free(rpc->members[i].id);
		buf_fini(&rpc->members[i].reply);
	}
	free(rpc);
}

size_t rpc_expected(const struct rpc *rpc)
{
	return (size_t)rpc->expected;
}

void rpc_take(struct rpc *rpc, struct buf *out)
{
	const char *before = rpc->batch ? "[" : "";
	bool any = false;

	for (size_t i = 0; i < rpc->count; i++) {
		const struct buf *reply = &rpc->members[i].reply;
		if (reply->failed)
			out->failed = true;
		if (reply->len == 0)
			continue;
		buf_puts(out, before);
		buf_append(out, reply->data, reply->len);
		before = ",";
		any = true;
	}
	if (any)
		buf_puts(out, rpc->batch ? "]\n" : "\n");
	rpc_free(rpc);
}

void rpc_cancel(struct rpc *rpc)
{
	rpc->pending++; /* so that done does not run */
	for (size_t i = 0; i < rpc->count; i++)
		if (rpc->members[i].job)
			executor_cancel(rpc->members[i].job);
	rpc_free(rpc);
}

static struct rpc *answer_single(json_t *v, struct executor *executor, struct buf *out, rpc_done_cb *done, void *arg)
{
	struct request r = { .id = BUF_INIT };
	struct op_call call;
	double budget_ns = BATCH_LOOP_NS;
	size_t before = out->len;
	struct rpc *rpc = NULL;

	if (begin_call(v, &r, &call, &budget_ns, out)) {
		rpc = rpc_new(1, false, done, arg);
		if (rpc) {
			submit_call(&rpc->members[0], &r, &call, executor);
			if (rpc->pending == 0) {
				rpc_take(rpc, out);
				rpc = NULL;
			}
		} else {
			op_call_fini(&call);
			if (!r.notification)
				rpc_put_error(out, RPC_INTERNAL, "out of memory");
		}
	} else if (out->len > before) {
		buf_byte(out, '\n');
	}
	buf_fini(&r.id);
	return rpc;
}

static struct rpc *answer_batch(json_t *v, struct executor *executor, struct buf *out, rpc_done_cb *done, void *arg)
{
	size_t count = json_array_size(v);
	double budget_ns = BATCH_LOOP_NS;
	struct op_call call;

	if (count == 0) {
		rpc_put_error(out, RPC_INVALID_REQUEST, "expected at least one request in the batch");
		return NULL;
	}
	struct rpc *rpc = rpc_new(count, true, done, arg);
	if (!rpc) {
		rpc_put_error(out, RPC_INTERNAL, "out of memory");
		return NULL;
	}
	for (size_t i = 0; i < count; i++) {
		struct member *m = &rpc->members[i];
		struct request r = { .id = BUF_INIT };
		if (begin_call(json_array_get(v, i), &r, &call, &budget_ns, &m->reply))
			submit_call(m, &r, &call, executor);
		buf_fini(&r.id);
	}
	if (rpc->pending > 0)
		return rpc;
	rpc_take(rpc, out);
	return NULL;
}

struct rpc *rpc_answer(const char *line, size_t n, struct executor *executor, struct buf *out, rpc_done_cb *done,
		       void *arg)
{
	struct errinfo info;
	struct rpc *rpc = NULL;
	json_t *v = exact_json_load(line, n, OP_DEPTH_MAX, &info);

	if (!v && info.code == ERR_NOMEM) {
		rpc_put_error(out, RPC_INTERNAL, "out of memory");
	} else if (!v) {
		char detail[sizeof info.text + 64];
		snprintf(detail, sizeof detail, "%s, at byte %ld", info.text, info.position);
		rpc_put_error(out, RPC_PARSE_ERROR, detail);
	} else if (json_is_array(v)) {
		rpc = answer_batch(v, executor, out, done, arg);
	} else {
		rpc = answer_single(v, executor, out, done, arg);
	}
	json_decref(v);
	return rpc;
}

const struct rpc_stats *rpc_stats(void)
{
	return &stats;
}
