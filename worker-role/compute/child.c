/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "compute/child.h"

#include <jansson.h>
#include <string.h>
#include <unistd.h>

#include "compute/ipc.h"
#include "compute/memory.h"
#include "exact_json.h"
#include "math/engines.h"
#include "math/progress.h"
#include "op.h"

static void reply(enum ipc_kind kind, const void *data, size_t n)
{
	if (ipc_write(CHILD_SOCKET, kind, data, n, -1) != 0)
		_exit(0); /* the worker is gone, or does not want it any more */
}

static void say_ready(void)
{
	struct ipc_ready ready = { memory_rss_kib() };

	reply(IPC_READY, &ready, sizeof ready);
}

/* A hint: when the worker does not read, it is dropped. */
static void on_progress(void *arg, double ratio, const char *note)
{
	char payload[sizeof(struct ipc_progress) + IPC_NOTE_MAX];
	struct ipc_progress progress = { ratio };
	size_t n = strnlen(note, IPC_NOTE_MAX);

	(void)arg;
	memcpy(payload, &progress, sizeof progress);
	memcpy(payload + sizeof progress, note, n);
	(void)ipc_write_now(CHILD_SOCKET, IPC_PROGRESS, payload, sizeof progress + n);
}

/* Operations report a failed allocation of their own in these words. */
static bool is_out_of_memory(const struct op_failure *f)
{
	static const char words[] = "out of memory";

	return f->error == OP_INTERNAL_ERROR && strncmp(f->detail, words, sizeof words - 1) == 0;
}

static int gather(struct op_call *call, const char *results, size_t n, struct buf *json, struct op_failure *f)
{
	struct errinfo info;
	json_t *all = exact_json_load(results, n, OP_DEPTH_MAX + 2, &info);

	if (!all && info.code == ERR_NOMEM)
		return op_fail(f, OP_INTERNAL_ERROR, "out of memory for the results of the parts");
	if (!json_is_array(all)) {
		json_decref(all);
		return op_fail(f, OP_INTERNAL_ERROR, "expected an array of the results of all parts");
	}
	int rc = call->op->split->gather(call, all, json, f);
	json_decref(all);
	return rc;
}

/* Whether the call is worth splitting, and how. What is wrong with it shows when it is run whole. */
static bool plan(struct op_call *call, struct op_plan *out)
{
	struct op_failure ignored;

	*out = (struct op_plan){ 0 };
	op_failure_init(&ignored);
	return call->op->split && call->op->split->plan(call, out, &ignored) == 0 && out->units >= 2 &&
	       out->least >= 1 && out->ns >= OP_SPLIT_NS;
}

static int run_task(const struct ipc_request *r, struct op_call *call, const char *results, size_t n, struct buf *json,
		    struct op_plan *planned, struct op_failure *f)
{
	const struct op_split *split = call->op->split;
	bool part = r->task == IPC_TASK_PART, fits = r->part.from < r->part.to && r->part.to <= r->part.units;

	if (r->task == IPC_TASK_PLAN && plan(call, planned))
		return 0;
	if (r->task == IPC_TASK_WHOLE || r->task == IPC_TASK_PLAN)
		return op_call_run(call, json, f);
	op_failure_init(f);
	if (!split || (part && !fits))
		return op_fail(f, OP_INTERNAL_ERROR, "%s has no such part", call->op->name);
	int rc = part ? split->part(call, &r->part, json, f) : gather(call, results, n, json, f);
	if (rc == 0 && json->failed)
		return op_fail(f, OP_INTERNAL_ERROR, "out of memory for the result of %s", call->op->name);
	if (rc == 0 && json->len > OP_RESULT_MAX)
		return op_fail_limit(f, OP_RESULT_MAX, (double)json->len, "bytes", "the result is too large");
	return rc;
}

static int compute(const char *data, size_t n, struct buf *json, struct op_plan *planned, struct op_failure *f)
{
	struct ipc_request request;
	struct op_call call;

	memcpy(&request, data, sizeof request);
	const char *op = data + sizeof request, *args = op + request.op_len, *results = args + request.args_len;
	if (op_call_prepare_confined(&call, op, request.op_len, args, request.args_len, request.timeout_ms, f) != 0)
		return -1;
	int rc = run_task(&request, &call, results, (size_t)(data + n - results), json, planned, f);
	op_call_fini(&call);
	return rc;
}

static void serve(const struct ipc_frame *frame)
{
	static struct op_failure f;
	struct op_plan planned = { 0 };
	struct buf json = BUF_INIT;

	progress_listen(on_progress, NULL);
	int rc = compute(frame->data, frame->n, &json, &planned, &f);
	if (rc == 0 && json.len == 0) {
		reply(IPC_PLAN, &planned, sizeof planned);
	} else if (rc == 0) {
		reply(IPC_RESULT, json.data, json.len);
	} else if (is_out_of_memory(&f)) {
		memory_exhausted(0);
	} else {
		buf_clear(&json);
		ipc_put_failure(&json, &f);
		if (json.failed)
			memory_exhausted(sizeof f);
		reply(IPC_FAILURE, json.data, json.len);
	}
	buf_fini(&json);
	engines_tidy();
}

static bool is_request(const struct ipc_frame *frame)
{
	struct ipc_request request;

	if (frame->kind != IPC_REQUEST || frame->n < sizeof request)
		return false;
	memcpy(&request, frame->data, sizeof request);
	size_t rest = frame->n - sizeof request;
	return request.task < IPC_TASK_END && request.op_len <= rest && request.args_len <= rest - request.op_len;
}

void child_run(const struct sandbox *sandbox)
{
	struct ipc_reader reader = { .waiting = true };
	struct ipc_frame frame;
	struct errinfo info;

	memory_open(CHILD_SOCKET + 1);
	memory_guard(CHILD_SOCKET, sandbox->options.memory_mib);
	if (sandbox_enter(sandbox, CHILD_SOCKET + 1, &info) != 0) {
		reply(IPC_TROUBLE, info.text, strlen(info.text));
		_exit(1);
	}
	say_ready();
	while (ipc_read(&reader, CHILD_SOCKET, &frame) == IPC_FRAME && is_request(&frame)) {
		serve(&frame);
		say_ready();
	}
	_exit(0);
}
