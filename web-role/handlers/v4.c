/* SPDX-License-Identifier: GPL-3.0-or-later */
/* GET and POST /v4/: expressions in, text out, as the clients of the public mathjs service ask and expect it, errors
 * included. Each expression is one job of the operation `evaluate` in the default queue; the request waits for all of
 * them (crowd.h), however the client asks, and the first failure is the answer. */
#include <jansson.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "clock.h"
#include "handlers/crowd.h"
#include "handlers/handlers.h"
#include "jsonload.h"
#include "queue.h"
#include "response.h"
#include "v4_text.h"

#define OPERATION "evaluate"
#define DIGITS 14             /* where the client names no precision */
#define DIGITS_MAX 1000000000 /* what is too much is for the operation to say, below it has to be a number */
#define EXPRESSIONS_MAX 1000
#define EXPRESSION_SIZE 65537 /* in a query: the head is smaller */
#define WAIT_MS 30000
#define TIMEOUT_MS 20000
#define RESULT_TTL_S 60 /* nobody comes for it later */

struct v4_item {
	struct crowd_item wait;
	struct spread spread;
	struct buf args, text; /* as JSON; the result */
};

struct v4 {
	struct crowd crowd;
	bool many; /* an array was asked for, so an array is the answer */
	unsigned digits;
	size_t n, pending;
	struct v4_item items[];
};

/* ---- answers ---- */

static bool is_get(const struct request *r)
{
	return request_head(r)->method != HTTP_POST;
}

/* status: 400, or 503 when the fault is ours. Ends the request. */
static void __attribute__((format(printf, 3, 4))) fail(struct request *r, unsigned status, const char *fmt, ...)
{
	char text[600];
	struct buf body = BUF_INIT;
	va_list args;
	va_start(args, fmt);
	vsnprintf(text, sizeof text, fmt, args);
	va_end(args);
	if (is_get(r)) {
		response_text(r, status, "text/plain; charset=utf-8", text, strlen(text));
		return;
	}
	buf_puts(&body, "{\"result\":null,\"error\":");
	buf_json_string(&body, text, strlen(text));
	buf_puts(&body, "}\n");
	if (body.failed)
		response_unavailable(r, ERR_NOMEM);
	else
		response_json(r, status, body.data, body.len);
	buf_fini(&body);
}

static void fail_unavailable(struct request *r, int status)
{
	fail(r, 503, "Error: the expression cannot be evaluated now: %s", err_text(status));
}

static void answer(struct v4 *v)
{
	struct request *r = v->crowd.r;
	struct buf body = BUF_INIT;
	bool failed = false;
	for (size_t i = 0; i < v->n; i++) {
		(void)buf_cstr(&v->items[i].text); /* so that there is one, or it has failed */
		failed |= v->items[i].text.failed;
	}
	if (failed) {
		fail(r, 503, "Error: no memory for the results");
		return;
	}
	if (is_get(r)) {
		response_text(r, 200, "text/plain; charset=utf-8", v->items[0].text.data, v->items[0].text.len);
		return;
	}
	buf_puts(&body, v->many ? "{\"result\":[" : "{\"result\":");
	for (size_t i = 0; i < v->n; i++) {
		if (i)
			buf_byte(&body, ',');
		buf_json_string(&body, v->items[i].text.data, v->items[i].text.len);
	}
	buf_puts(&body, v->many ? "],\"error\":null}\n" : ",\"error\":null}\n");
	if (body.failed)
		fail(r, 503, "Error: no memory for the results");
	else
		response_json(r, 200, body.data, body.len);
	buf_fini(&body);
}

/* The sentence alone: where it went wrong in the arguments and in the text is told apart from it. */
static const char *sentence(const json_t *error)
{
	const json_t *at = json_array_get(json_object_get(error, "errors"), 0);
	const char *detail = json_string_value(json_object_get(at ? at : error, "detail"));
	char place[40];
	int n = snprintf(place, sizeof place,
			 "position %lld: ", (long long)json_integer_value(json_object_get(error, "position")));
	return detail && strncmp(detail, place, (size_t)n) == 0 ? detail + n : detail;
}

/* Why a job has no result, as those clients read it: "SyntaxError: … (char 3)". */
static void fail_job(struct request *r, const struct job *job)
{
	json_t *error = jsonload(job->outcome.p, job->outcome.n, 0, NULL);
	const char *type = json_string_value(json_object_get(error, "type")), *detail = sentence(error);
	const json_t *position = json_object_get(error, "position");
	const char *kind = type && strcmp(type, "parse-error") == 0 ? "SyntaxError" : "Error";
	if (!detail)
		fail(r, 400, "Error: the evaluation ended as %s", job_state_name(job->state));
	else if (json_is_integer(position))
		fail(r, 400, "%s: %.500s (char %lld)", kind, detail, (long long)json_integer_value(position) + 1);
	else
		fail(r, 400, "%s: %.500s", kind, detail);
	json_decref(error);
}

/* ---- the end of a job ---- */

static void on_end(struct crowd_item *wait, const struct job *job)
{
	struct v4_item *item = (struct v4_item *)wait;
	struct v4 *v = (struct v4 *)wait->crowd;
	struct request *r = v->crowd.r;
	if (job->state != JOB_SUCCEEDED)
		fail_job(r, job);
	else if (v4_text(&item->text, job->outcome.p, job->outcome.n, v->digits) || item->text.failed)
		fail(r, 503, "Error: the result cannot be written as text");
	else if (--v->pending == 0)
		answer(v);
}

static void on_look(struct crowd_item *wait, int status, const struct job *job)
{
	(void)wait, (void)status, (void)job; /* not done, or gone: the wait's end tells */
}

static void on_over(struct crowd *c)
{
	fail(c->r, 400, "Error: there was no result within %d s", WAIT_MS / 1000);
}

static const struct crowd_kind for_all = { on_end, on_look, on_over };

/* ---- giving the jobs to Redis ---- */

static int submit(struct v4_item *item);

/* Redis has refused it, and did nothing: another shard may take it at once. */
static bool goes_again(struct v4_item *item, int status, enum queue_verdict verdict)
{
	struct request *r = item->wait.crowd->r;
	if (!spread_again(r->reactor, &item->spread, item->wait.tag, status, verdict) || item->spread.pauses)
		return false;
	crowd_leave(&item->wait);
	return submit(item) == 0;
}

static void on_submitted(void *arg, int status, enum queue_verdict verdict, const char *id, uint64_t created_us)
{
	struct v4_item *item = arg;
	struct request *r = item->wait.crowd->r;
	(void)id, (void)created_us;
	if (!r->http || goes_again(item, status, verdict))
		; /* answered by an end that was faster, or the client has left; or on its way */
	else if (status)
		fail_unavailable(r, status);
	else if (verdict != QUEUE_ACCEPTED)
		fail(r, 503, "Error: the queue is full");
	request_unref(r);
}

/* 0, or an error, when nothing was answered yet. */
static int submit(struct v4_item *item)
{
	struct crowd *crowd = item->wait.crowd;
	struct request *r = crowd->r;
	struct reactor *re = r->reactor;
	uint32_t most_ms = (uint32_t)config_int(re->config, CONFIG_TIMEOUT_MAX_MS);
	struct queue_submit s = { .id = item->wait.id, .until_us = item->spread.until_us };
	struct tag *tag = spread_pick(re, r->queue, &s, &item->spread);
	if (!tag)
		return ERR_UNAVAILABLE;
	struct id id = id_make(&re->ids, tag->index);
	s.tag = tag->text;
	s.job = (struct job){ .state = JOB_QUEUED,
			      .priority = JOB_NORMAL,
			      .max_attempts = JOB_JSON_ATTEMPTS,
			      .timeout_ms = most_ms < TIMEOUT_MS ? most_ms : TIMEOUT_MS,
			      .result_ttl_s = RESULT_TTL_S,
			      .expires_in_us = WAIT_MS * UINT64_C(1000),
			      .cache = 'b',
			      .op = { OPERATION, sizeof OPERATION - 1 },
			      .args = { item->args.data, item->args.len },
			      .batch = { "", 0 },
			      .reply = { re->receiver, strlen(re->receiver) },
			      .trace = { r->trace_id, strlen(r->trace_id) } };
	replies_listen(re->replies, tag);
	crowd_enter(crowd, &item->wait, &id, tag);
	request_ref(r);
	int rc = reactor_submit(re, &s, on_submitted, item);
	if (rc)
		request_unref(r);
	return rc;
}

static void submit_all(struct request *r)
{
	struct v4 *v = (struct v4 *)r->extra;
	int rc = 0;
	request_ref(r); /* a submission may be answered at once */
	crowd_begin(&v->crowd, WAIT_MS * UINT64_C(1000));
	for (size_t i = 0; i < v->n && r->http && !rc; i++)
		rc = submit(&v->items[i]);
	if (rc && r->http)
		rc == ERR_TOO_BIG ? fail(r, 400, "Error: the expression is too long for a job's record")
				  : fail_unavailable(r, rc);
	request_unref(r);
}

static void on_tag(void *arg, int status)
{
	struct request *r = arg;
	if (r->http) {
		deadlines_clear(&r->reactor->deadlines, &r->deadline);
		r->queue = tags_registered(r->reactor->tags, JOB_JSON_DEFAULT_QUEUE);
		if (status || !r->queue)
			fail_unavailable(r, status ? status : ERR_UNAVAILABLE);
		else
			submit_all(r);
	}
	request_unref(r);
}

static void on_late(struct request *r)
{
	fail_unavailable(r, ERR_TIMEOUT);
}

static void find_queue(struct request *r)
{
	r->queue = tags_registered(r->reactor->tags, JOB_JSON_DEFAULT_QUEUE);
	if (r->queue) {
		submit_all(r);
		return;
	}
	request_ref(r);
	int rc = tags_register(r->reactor->tags, JOB_JSON_DEFAULT_QUEUE, &r->gate, on_tag, r);
	if (rc)
		on_tag(r, rc);
	else
		request_due(r, clock_mono_us() + r->reactor->call_us, on_late);
}

/* ---- reading ---- */

static void release(struct request_extra *extra)
{
	struct v4 *v = (struct v4 *)extra;
	for (size_t i = 0; i < v->n; i++) {
		buf_fini(&v->items[i].args);
		buf_fini(&v->items[i].text);
	}
	free(v);
}

static struct v4 *v4_new(struct request *r, size_t n, unsigned digits)
{
	struct v4 *v = calloc(1, sizeof *v + n * sizeof *v->items);
	if (!v) {
		fail(r, 503, "Error: no memory for the expressions");
		return NULL;
	}
	crowd_init(&v->crowd, r, &for_all, release);
	v->n = v->pending = n;
	for (size_t i = 0; i < n; i++)
		v->items[i].wait.crowd = &v->crowd;
	v->digits = digits;
	return v;
}

static void set_expression(struct v4 *v, size_t i, const char *text, size_t n)
{
	struct v4_item *item = &v->items[i];
	buf_puts(&item->args, "{\"expr\":");
	buf_json_string(&item->args, text, n);
	buf_printf(&item->args, ",\"precision\":%u}", v->digits);
}

/* Everything is read: on to the queue. */
static void begin(struct v4 *v)
{
	struct request *r = v->crowd.r;
	const struct catalog *c = catalog_reader_now(r->reactor->catalog);
	bool failed = false;
	for (size_t i = 0; i < v->n; i++)
		failed |= v->items[i].args.failed;
	if (failed)
		fail(r, 503, "Error: no memory for the expressions");
	else if (reactor_cut_off(r->reactor))
		fail_unavailable(r, ERR_UNAVAILABLE);
	else if (c && !catalog_find(c, OPERATION, sizeof OPERATION - 1))
		fail(r, 503, "Error: no live worker evaluates expressions");
	else
		find_queue(r);
}

static void read_query(struct request *r)
{
	static _Thread_local char text[EXPRESSION_SIZE]; /* one request is read at a time */
	struct http_text query = request_head(r)->query;
	unsigned long digits = DIGITS;
	int n = http_query_get(query, "precision", text, sizeof text);
	if (n > 0 && n <= 9) /* as many digits fit */
		digits = strspn(text, "0123456789") == (size_t)n ? strtoul(text, NULL, 10) : 0;
	if (n != ERR_NOT_FOUND && (n <= 0 || n > 9 || digits == 0)) {
		fail(r, 400, "Error: expected `precision` to be a number of digits, such as 14");
		return;
	}
	n = http_query_get(query, "expr", text, sizeof text);
	if (n == ERR_NOT_FOUND)
		fail(r, 400, "Error: Required query parameter \"expr\" missing in url.");
	else if (n < 0)
		fail(r, 400, "Error: expected one `expr`, percent-encoded, such as expr=2*(7-3)");
	else {
		struct v4 *v = v4_new(r, 1, (unsigned)digits);
		if (!v)
			return;
		set_expression(v, 0, text, (size_t)n);
		begin(v);
	}
}

static bool all_strings(const json_t *list)
{
	const json_t *one;
	size_t i;
	json_array_foreach(list, i, one)
	{
		if (!json_is_string(one))
			return false;
	}
	return true;
}

static void read_expressions(struct request *r, const json_t *expr, unsigned digits)
{
	bool many = json_is_array(expr);
	size_t n = many ? json_array_size(expr) : 1;
	struct v4 *v;
	if (many ? !all_strings(expr) : !json_is_string(expr)) {
		fail(r, 400, "Error: expected `expr` to be a string or an array of strings");
		return;
	}
	if (n > EXPRESSIONS_MAX) {
		fail(r, 400, "Error: expected at most %d expressions, got %zu", EXPRESSIONS_MAX, n);
		return;
	}
	v = v4_new(r, n, digits);
	if (!v)
		return;
	v->many = many;
	for (size_t i = 0; i < n; i++) {
		const json_t *one = many ? json_array_get(expr, i) : expr;
		set_expression(v, i, json_string_value(one), json_string_length(one));
	}
	if (n)
		begin(v);
	else
		answer(v);
}

static void read_body(struct request *r)
{
	json_error_t error;
	size_t n;
	const char *body = http_request_body(r->http, &n);
	json_t *tree = jsonload(body, n, JSON_REJECT_DUPLICATES | JSON_DECODE_INT_AS_REAL | JSON_ALLOW_NUL, &error);
	const json_t *expr = json_object_get(tree, "expr"), *precision = json_object_get(tree, "precision");
	double digits = precision && !json_is_null(precision) ? json_number_value(precision) : DIGITS;
	if (!tree && jsonload_no_memory(&error))
		fail(r, 503, "Error: this instance has no memory for the request");
	else if (!tree)
		fail(r, 400, "Error: expected a JSON object such as {\"expr\":\"2*(7-3)\"}: line %d, column %d: %s",
		     error.line, error.column, error.text);
	else if (!expr)
		fail(r, 400, "Error: Required field \"expr\" missing in JSON body.");
	else if (!(digits >= 1 && digits < DIGITS_MAX && digits == (unsigned)digits))
		fail(r, 400, "Error: expected `precision` to be a number of digits, such as 14");
	else
		read_expressions(r, expr, (unsigned)digits);
	json_decref(tree);
}

void handle_v4(struct request *r)
{
	policy_trace_id(request_head(r), r->trace_id);
	if (is_get(r))
		read_query(r);
	else if (!policy_content_allowed(request_head(r)))
		fail(r, 400, "Error: expected a Content-Type of application/json in UTF-8, or none");
	else
		read_body(r);
}
