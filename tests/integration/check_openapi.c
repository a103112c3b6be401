/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The OpenAPI document against the real service, both ways: every route is described and nothing else is; and each
 * answer that is described is got from the service, and is as described. Four services: one that works, and for the
 * answers that need it, one without Redis, one that asks for tokens, one that has had enough. */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "apidoc.h"
#include "http_exchange.h"
#include "redis_private.h"
#include "role_run.h"
#include "routes.h"
#include "suite_run.h"
#include "wait_until.h"

#define SOON_MS 20000
#define ANY_ID "019ab1c2-7d3e-7000-8a10-4f2b9c0d1e2f"

static struct redis_private *redis;
static struct role_run *web, *worker, *lonely, *guarded, *weary;
static json_t *doc;
static json_t *seen; /* "GET /livez 200 application/json" of what was got and was as described */

/* ---- asking ---- */

static struct http_exchange got;

static const char *header(void *arg, const char *name)
{
	return http_exchange_header(arg, name);
}

static unsigned exchange(const struct role_run *to, const char *method, const char *target, const char *version,
			 const char *more, const char *body)
{
	http_exchange(&got, role_run_port(to), method, target, version, more, body);
	return got.status;
}

static unsigned ask(const char *method, const char *target, const char *more, const char *body)
{
	return exchange(web, method, target, "HTTP/1.1", more, body);
}

/* ---- the services ---- */

static bool square_is_known(void *arg)
{
	(void)arg;
	return ask("GET", "/v1/operations/square", "", NULL) == 200 &&
	       ask("POST", "/v1/direct", "", "{\"op\":\"square\",\"args\":[2]}") == 200;
}

static void write_tokens(char *setting, size_t size)
{
	char path[300];
	snprintf(path, sizeof path, "%s/tokens", redis_private_dir(redis));
	snprintf(setting, size, "SQUARE_AUTH_TOKENS_FILE=%s", path);
	FILE *out = fopen(path, "we");
	ck_assert(out && fchmod(fileno(out), 0600) == 0);
	/* a token that nobody has */
	fprintf(out, "nobody:submit,read,metrics:%064d\n", 7);
	ck_assert_int_eq(fclose(out), 0);
}

static void set_up(void)
{
	char tokens[340];
	struct buf why = BUF_INIT;
	redis = redis_private_start(NULL);
	write_tokens(tokens, sizeof tokens);
	worker = role_run_start("worker-role", "WorkerRole_IN_0", redis_private_url(redis),
				(const char *const[]){ "SQUARE_DRAIN_SECONDS=1", NULL });
	web = role_run_start("web-role", "WebRole_IN_0", redis_private_url(redis), NULL);
	lonely = role_run_start("web-role", "WebRole_IN_1", NULL, NULL);
	guarded = role_run_start("web-role", "WebRole_IN_2", NULL, (const char *const[]){ tokens, NULL });
	weary = role_run_start("web-role", "WebRole_IN_3", NULL,
			       (const char *const[]){ "SQUARE_RATE_LIMIT_PER_SECOND=1", "SQUARE_RATE_LIMIT_BURST=1",
						      NULL });
	ck_assert(wait_until(square_is_known, NULL, SOON_MS));
	ck_assert_uint_eq(ask("GET", "/openapi.json", "", NULL), 200);
	doc = apidoc_load(got.body.data, got.body.len, &why);
	ck_assert_msg(doc != NULL, "%s", buf_cstr(&why));
	seen = json_object();
	buf_fini(&why);
}

static void tear_down(void)
{
	struct role_run *all[] = { web, worker, lonely, guarded, weary };
	for (size_t i = 0; i < sizeof all / sizeof *all; i++)
		ck_assert_int_eq(role_run_stop(all[i]), 0);
	redis_private_stop(redis);
	json_decref(doc);
	json_decref(seen);
	http_exchange_fini(&got);
}

/* ---- the answer is one that is described ---- */

static void expect_described(const char *method, const char *path)
{
	struct buf why = BUF_INIT;
	char name[300], type[100];
	const char *media, *came = http_exchange_header(&got, "Content-Type");
	snprintf(type, sizeof type, "%s", came ? came : "");
	const struct apidoc_answer answer = { got.status, type, buf_cstr(&got.body), header, &got };
	bool good = apidoc_describes(apidoc_operation(doc, path, method), &answer, &media, &why);
	ck_assert_msg(good, "%s %s: %s\n%s\n%.1500s", method, path, buf_cstr(&why), buf_cstr(&got.head),
		      buf_cstr(&got.body));
	snprintf(name, sizeof name, "%s %s %u %s", method, path, got.status, media);
	json_object_set_new(seen, name, json_true());
	buf_fini(&why);
}

/* ---- one request for each answer that is an operation's own ---- */

/* In a target: a job made for this request. */
static const struct {
	const char *name, *body;
	const char *state;
} jobs[] = {
	{ "{done}", "{\"op\":\"square\",\"args\":[12]}", "succeeded" },
	{ "{failed}", "{\"op\":\"div\",\"args\":[1,0]}", "failed" },
	{ "{delayed}", "{\"op\":\"square\",\"args\":[12],\"delay_ms\":3600000}", "delayed" },
	{ "{running}", "{\"op\":\"sleep\",\"args\":[50000],\"timeout_ms\":60000}", "running" },
};

#define DONE "{\"op\":\"square\",\"args\":[12]}"

static const struct request {
	const char *method, *path;
	unsigned status;
	const char *target; /* "" the path as it stands */
	const char *headers, *body;
} requests[] = {
	{ "POST", "/v1/jobs", 200, "/v1/jobs?wait=30", "Idempotency-Key: first\r\n", DONE },
	{ "POST", "/v1/jobs", 200, "", "Idempotency-Key: first\r\n", DONE },
	{ "POST", "/v1/jobs", 200, "/v1/jobs?wait=30", "", "[" DONE ",{\"op\":\"div\",\"args\":[1,0]}]" },
	{ "POST", "/v1/jobs", 202, "", "traceparent: 00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01\r\n",
	  DONE },
	{ "POST", "/v1/jobs", 202, "", "Prefer: wait=0.01\r\n", "{\"op\":\"sleep\",\"args\":[2000]}" },
	{ "POST", "/v1/jobs", 202, "", "", "[" DONE ",{\"op\":\"square\"},{\"op\":\"squar\",\"args\":[1]},7]" },
	{ "POST", "/v1/jobs", 400, "", "", "{\"op\":" },
	{ "POST", "/v1/jobs", 415, "", "Content-Type: text/html\r\n", DONE },
	{ "POST", "/v1/jobs", 422, "", "", "{\"op\":\"square\",\"args\":[],\"prority\":\"low\"}" },
	{ "POST", "/v1/jobs", 422, "", "", "{\"op\":\"squar\",\"args\":[1]}" },
	{ "POST", "/v1/jobs", 422, "", "Idempotency-Key: first\r\n", "{\"op\":\"square\",\"args\":[13]}" },
	{ "GET", "/v1/jobs", 200, "/v1/jobs?limit=2", "", NULL },
	{ "GET", "/v1/jobs", 200, "/v1/jobs?state=succeeded", "", NULL },
	{ "GET", "/v1/jobs", 200, "/v1/jobs?queue=math&state=failed&limit=200", "", NULL },
	{ "GET", "/v1/jobs", 400, "/v1/jobs?limit=201", "", NULL },
	{ "GET", "/v1/jobs", 404, "/v1/jobs?queue=nobody", "", NULL },
	{ "GET", "/v1/jobs/{id}", 200, "/v1/jobs/{done}", "", NULL },
	{ "GET", "/v1/jobs/{id}", 200, "/v1/jobs/{failed}", "", NULL },
	{ "GET", "/v1/jobs/{id}", 200, "/v1/jobs/{delayed}?wait=0.01", "", NULL },
	{ "GET", "/v1/jobs/{id}", 200, "/v1/jobs/{running}", "", NULL },
	{ "GET", "/v1/jobs/{id}", 400, "/v1/jobs/{done}?wait=soon", "", NULL },
	{ "DELETE", "/v1/jobs/{id}", 200, "/v1/jobs/{delayed}", "", NULL },
	{ "DELETE", "/v1/jobs/{id}", 200, "/v1/jobs/{running}?wait=20", "", NULL },
	{ "DELETE", "/v1/jobs/{id}", 202, "/v1/jobs/{running}", "", NULL },
	{ "DELETE", "/v1/jobs/{id}", 409, "/v1/jobs/{done}", "", NULL },
	{ "GET", "/v1/jobs/{id}/result", 200, "/v1/jobs/{done}/result", "", NULL },
	{ "GET", "/v1/jobs/{id}/result", 200, "/v1/jobs/{done}/result?wait=20", "", NULL },
	{ "GET", "/v1/jobs/{id}/result", 202, "/v1/jobs/{running}/result?wait=0.01", "", NULL },
	{ "GET", "/v1/jobs/{id}/result", 202, "/v1/jobs/{delayed}/result", "", NULL },
	{ "GET", "/v1/jobs/{id}/result", 409, "/v1/jobs/{failed}/result", "", NULL },
	{ "GET", "/v1/jobs/{id}/events", 200, "/v1/jobs/{done}/events", "", NULL },
	{ "GET", "/v1/jobs/{id}/events", 200, "/v1/jobs/{delayed}/events", "", NULL },
	{ "POST", "/v1/jobs/{id}/retry", 202, "/v1/jobs/{failed}/retry", "", NULL },
	{ "POST", "/v1/jobs/{id}/retry", 200, "/v1/jobs/{failed}/retry?wait=20", "", NULL },
	{ "POST", "/v1/jobs/{id}/retry", 409, "/v1/jobs/{done}/retry", "", NULL },
	{ "GET", "/v1/queues", 200, "", "", NULL },
	{ "GET", "/v1/queues/{queue}", 200, "/v1/queues/math", "", NULL },
	{ "PATCH", "/v1/queues/{queue}", 200, "/v1/queues/math", "", "{\"paused\":false}" },
	{ "PATCH", "/v1/queues/{queue}", 400, "/v1/queues/math", "", "{\"paused\"" },
	{ "PATCH", "/v1/queues/{queue}", 415, "/v1/queues/math", "Content-Type: text/html\r\n", "{\"paused\":false}" },
	{ "PATCH", "/v1/queues/{queue}", 422, "/v1/queues/math", "", "{\"paused\":1,\"other\":2}" },
	{ "POST", "/v1/queues/{queue}/redrive", 202, "/v1/queues/math/redrive", "", NULL },
	{ "GET", "/v1/workers", 200, "", "", NULL },
	{ "GET", "/v1/events", 200, "", "", NULL },
	{ "GET", "/v1/events", 404, "/v1/events?queue=nobody", "", NULL },
	{ "GET", "/v1/operations", 200, "", "", NULL },
	{ "GET", "/v1/operations/{op}", 200, "/v1/operations/square", "", NULL },
	{ "POST", "/v1/direct", 200, "", "", DONE },
	{ "POST", "/v1/direct", 400, "", "", "{" },
	{ "POST", "/v1/direct", 415, "", "Content-Type: text/html\r\n", DONE },
	{ "POST", "/v1/direct", 422, "", "", "{\"op\":\"div\",\"args\":[1,0]}" },
	{ "POST", "/v1/direct", 422, "", "", "{\"op\":\"factorial\",\"args\":[100000000]}" },
	{ "POST", "/v1/direct", 422, "", "", "{\"op\":\"sleep\",\"args\":[500],\"timeout_ms\":10}" },
	{ "POST", "/v1/direct", 422, "", "", "{\"op\":\"squar\",\"argz\":[1]}" },
	{ "GET", "/v4/", 200, "/v4/?expr=2*(7-3)", "", NULL },
	{ "GET", "/v4/", 400, "/v4/?expr=2*(", "", NULL },
	{ "POST", "/v4/", 200, "", "", "{\"expr\":[\"2*(7-2)\",\"sqrt(4)\"],\"precision\":14}" },
	{ "POST", "/v4/", 400, "", "", "{\"expr\":\"2*(\"}" },
	{ "GET", "/v4", 200, "/v4?expr=1%2b1", "", NULL },
	{ "GET", "/v4", 400, "/v4", "", NULL },
	{ "POST", "/v4", 200, "", "", "{\"expr\":\"1+1\"}" },
	{ "POST", "/v4", 400, "", "", "{}" },
	{ "GET", "/metrics", 200, "", "", NULL },
	{ "GET", "/openapi.json", 200, "", "", NULL },
	{ "GET", "/livez", 200, "", "", NULL },
	{ "GET", "/readyz", 200, "", "", NULL },
};
#define REQUESTS (sizeof requests / sizeof *requests)

struct awaited {
	const char *path, *state;
};

static bool has_state(void *arg)
{
	const struct awaited *a = arg;
	ask("GET", a->path, "", NULL);
	json_t *job = json_loads(buf_cstr(&got.body), 0, NULL);
	const char *state = json_string_value(json_object_get(job, "state"));
	bool is = state && strcmp(state, a->state) == 0;
	json_decref(job);
	return is;
}

/* Writes the target with a job of its own in it. */
static void make_target(const struct request *q, char *out, size_t size)
{
	const char *target = q->target[0] ? q->target : q->path;
	snprintf(out, size, "%s", target);
	for (size_t i = 0; i < sizeof jobs / sizeof *jobs; i++) {
		const char *at = strstr(target, jobs[i].name);
		char path[120];
		if (!at)
			continue;
		ck_assert_uint_eq(ask("POST", "/v1/jobs", "", jobs[i].body), 202);
		snprintf(path, sizeof path, "%s", http_exchange_header(&got, "Location"));
		ck_assert(wait_until(has_state, &(struct awaited){ path, jobs[i].state }, SOON_MS));
		snprintf(out, size, "%.*s%s%s", (int)(at - target), target, path + strlen("/v1/jobs/"),
			 at + strlen(jobs[i].name));
		return;
	}
}

/* The client comes again with what it got: an entity tag, or the id of the last event of all. */
static void come_again(const struct request *q, const char *target)
{
	char more[340];
	const char *id = strstr(buf_cstr(&got.body), "\nid: ");
	if (http_exchange_header(&got, "ETag")) {
		snprintf(more, sizeof more, "If-None-Match: %s\r\n", got.value);
		ck_assert_uint_eq(ask("GET", target, more, NULL), 304);
	} else if (id && strstr(buf_cstr(&got.body), "\"done\":true")) {
		snprintf(more, sizeof more, "Last-Event-ID: %.*s\r\n", (int)strcspn(id + 5, "\r\n"), id + 5);
		ck_assert_uint_eq(ask("GET", target, more, NULL), 204);
	} else {
		return;
	}
	expect_described("GET", q->path);
}

static void get_own_answers(void)
{
	char target[300];
	for (size_t i = 0; i < REQUESTS; i++) {
		const struct request *q = &requests[i];
		make_target(q, target, sizeof target);
		unsigned status = ask(q->method, target, q->headers, q->body);
		ck_assert_msg(status == q->status, "%s %s: expected %u, got %u %.1500s", q->method, target, q->status,
			      status, buf_cstr(&got.body));
		expect_described(q->method, q->path);
		if (strcmp(q->method, "GET") == 0)
			come_again(q, target);
	}
}

/* ---- the answers that any request may get ---- */

/* A request for each operation, good as far as it may go without a job. */
static const struct request *first_request(const char *method, const char *path)
{
	for (size_t i = 0; i < REQUESTS; i++)
		if (strcmp(requests[i].method, method) == 0 && strcmp(requests[i].path, path) == 0)
			return &requests[i];
	ck_abort_msg("there is no request for %s %s", method, path);
	return NULL;
}

static void make_static_target(const struct request *q, char *out, size_t size)
{
	const char *target = q->target[0] ? q->target : q->path, *open = strchr(target, '{');
	if (open)
		snprintf(out, size, "%.*s" ANY_ID "%s", (int)(open - target), target, strchr(open, '}') + 1);
	else
		snprintf(out, size, "%s", target);
}

/* Where a path's name stands, one that nobody has. */
static void make_unknown_target(const struct request *q, char *out, size_t size)
{
	const char *open = strchr(q->path, '{');
	if (open)
		snprintf(out, size, "%.*snobody%s", (int)(open - q->path), q->path, strchr(open, '}') + 1);
	else
		make_static_target(q, out, size);
}

static void too_often(const char *method, const char *target, const struct request *q)
{
	for (int i = 0; i < 100 && got.status != 429; i++)
		exchange(weary, method, target, "HTTP/1.1", q->headers, q->body);
}

/* False: no way is known here to have this status. */
static bool provoke(const struct request *q, unsigned status)
{
	static char long_line[9000];
	char target[300];
	make_static_target(q, target, sizeof target);
	switch (status) {
	case 400:
		ask(q->method, target, "Transfer-Encoding: gzip\r\n", NULL);
		break;
	case 401:
		exchange(guarded, q->method, target, "HTTP/1.1", q->headers, q->body);
		break;
	case 403:
		ask(q->method, target, "Origin: https://elsewhere.example\r\n", q->body);
		break;
	case 404:
		make_unknown_target(q, target, sizeof target);
		ask(q->method, target, q->headers, q->body);
		break;
	case 413:
		ask(q->method, target, "Content-Length: 999999999\r\n", NULL);
		break;
	case 417:
		ask(q->method, target, "Expect: a-wonder\r\n", q->body);
		break;
	case 429:
		too_often(q->method, target, q);
		break;
	case 431:
		snprintf(long_line, sizeof long_line, "X-Long: %0*d\r\n", (int)sizeof long_line - 20, 0);
		ask(q->method, target, long_line, q->body);
		break;
	case 503:
		exchange(lonely, q->method, target, "HTTP/1.1", q->headers, q->body);
		break;
	case 505:
		exchange(web, q->method, target, "HTTP/1.7", q->headers, q->body);
		break;
	default:
		return false;
	}
	return true;
}

struct expired_key {
	const char *headers, *body;
};

static bool has_expired(void *arg)
{
	const struct expired_key *k = arg;
	return ask("POST", "/v1/jobs", k->headers, k->body) == 404;
}

/* A key whose job is gone, before the key is. */
static void outlive_a_job(void)
{
	struct expired_key k = { "Idempotency-Key: short\r\n", "{\"op\":\"square\",\"args\":[2],\"result_ttl_s\":1}" };
	ck_assert(wait_until(has_expired, &k, SOON_MS));
	expect_described("POST", "/v1/jobs");
}

/* What is described and was not seen: provoked, and looked at. */
static void get_common_answers(const char *method, const char *path, const json_t *operation)
{
	const char *status;
	json_t *one;
	char upper[20], name[300];
	size_t n = 0;
	for (; method[n] && n + 1 < sizeof upper; n++)
		upper[n] = (char)(method[n] - 'a' + 'A');
	upper[n] = '\0';
	json_object_foreach(json_object_get(operation, "responses"), status, one)
	{
		const char *media = NULL;
		json_t *content = json_object_get(one, "content"), *form;
		unsigned wanted = (unsigned)strtoul(status, NULL, 10);
		bool missing = false;
		if (!content) {
			snprintf(name, sizeof name, "%s %s %s ", upper, path, status);
			missing = !json_object_get(seen, name);
		}
		json_object_foreach(content, media, form)
		{
			snprintf(name, sizeof name, "%s %s %s %s", upper, path, status, media);
			missing = missing || !json_object_get(seen, name);
		}
		if (!missing)
			continue;
		ck_assert_msg(provoke(first_request(upper, path), wanted), "nothing is known to provoke %s", name);
		ck_assert_msg(got.status == wanted, "%s %s: expected %u, got %u %.1500s", upper, path, wanted,
			      got.status, buf_cstr(&got.body));
		expect_described(upper, path);
		json_object_foreach(content, media, form)
		{
			snprintf(name, sizeof name, "%s %s %s %s", upper, path, status, media);
			ck_assert_msg(json_object_get(seen, name) != NULL, "no answer was of the kind %s", name);
		}
	}
}

START_TEST(test_every_answer_described_is_given)
{
	const char *path, *method;
	json_t *item, *operation;
	get_own_answers();
	outlive_a_job();
	json_object_foreach(json_object_get(doc, "paths"), path, item)
	{
		json_object_foreach(item, method, operation)
		{
			if (apidoc_is_method(method))
				get_common_answers(method, path, operation);
		}
	}
}
END_TEST

/* ---- the document ---- */

static const char *scope_of(const struct route *r)
{
	return r->flags & ROUTE_SUBMIT    ? "submit"
	       : r->flags & ROUTE_READ    ? "read"
	       : r->flags & ROUTE_ADMIN   ? "admin"
	       : r->flags & ROUTE_METRICS ? "metrics"
					  : "";
}

START_TEST(test_every_route_is_described)
{
	size_t n, described = 0;
	const struct route *table = routes_table(&n);
	const char *path, *method, *scope;
	json_t *item, *operation;
	for (size_t i = 0; i < n; i++) {
		operation = apidoc_operation(doc, table[i].pattern, http_method_name(table[i].method));
		ck_assert_msg(operation != NULL, "%s %s is not described", http_method_name(table[i].method),
			      table[i].pattern);
		scope = json_string_value(json_object_get(operation, "x-scope"));
		ck_assert_msg(strcmp(scope ? scope : "", scope_of(&table[i])) == 0, "%s %s: its scope is \"%s\"",
			      http_method_name(table[i].method), table[i].pattern, scope_of(&table[i]));
		const json_t *security = json_object_get(operation, "security");
		ck_assert_msg(!(table[i].flags & ROUTE_OPEN) == !(security && json_array_size(security) == 0),
			      "%s: whether a token is asked for", table[i].pattern);
	}
	json_object_foreach(json_object_get(doc, "paths"), path, item)
	{
		json_object_foreach(item, method, operation)
		{
			described += apidoc_is_method(method);
		}
	}
	ck_assert_uint_eq(described, n);
}
END_TEST

static void expect_parameter(const char *path, const json_t *item, const char *name, size_t n)
{
	const json_t *one;
	size_t i;
	json_array_foreach(json_object_get(item, "parameters"), i, one)
	{
		const char *given = json_string_value(json_object_get(one, "name"));
		if (strlen(given) == n && memcmp(given, name, n) == 0 && json_is_true(json_object_get(one, "required")))
			return;
	}
	ck_abort_msg("%s: its parameter %.*s is not described", path, (int)n, name);
}

START_TEST(test_the_document_is_one)
{
	const char *path;
	json_t *item;
	const json_t *info = json_object_get(doc, "info");
	ck_assert_str_eq(json_string_value(json_object_get(doc, "openapi")), "3.1.0");
	ck_assert_str_eq(json_string_value(json_object_get(info, "version")), SQUARE_VERSION);
	ck_assert_str_eq(json_string_value(json_object_get(json_array_get(json_object_get(doc, "servers"), 0), "url")),
			 "/");
	json_object_foreach(json_object_get(doc, "paths"), path, item)
	{
		for (const char *open = strchr(path, '{'); open; open = strchr(open + 1, '{'))
			expect_parameter(path, item, open + 1, strcspn(open + 1, "}"));
	}
}
END_TEST

/* Wherever an example stands beside its schema. */
static size_t check_examples(const char *where, const json_t *node)
{
	const json_t *schema = json_object_get(node, "schema"), *named;
	json_t *example = json_object_get(node, "example"), *one;
	struct buf why = BUF_INIT;
	const char *name;
	size_t n = 0, i;
	if (schema && example)
		ck_assert_msg(apidoc_fits(schema, example, &why), "%s: the example: %s", where, buf_cstr(&why));
	n += schema && example;
	json_object_foreach(schema ? json_object_get(node, "examples") : NULL, name, one)
	{
		named = json_object_get(one, "value");
		ck_assert_msg(apidoc_fits(schema, named, &why), "%s: %s: %s", where, name, buf_cstr(&why));
		n++;
	}
	json_object_foreach((json_t *)node, name, one)
	{
		if (strcmp(name, "example") != 0 && strcmp(name, "examples") != 0)
			n += check_examples(name[0] == '/' ? name : where, one);
	}
	json_array_foreach(node, i, one)
	{
		n += check_examples(where, one);
	}
	buf_fini(&why);
	return n;
}

START_TEST(test_examples_are_as_described)
{
	ck_assert_uint_gt(check_examples("", json_object_get(doc, "paths")), 50);
}
END_TEST

static void expect_taken(const char *method, const char *path, const json_t *example)
{
	const struct request *q = first_request(method, path);
	char target[300], *body = json_dumps(example, 0);
	if (strchr(path, '{'))
		make_static_target(q, target, sizeof target);
	else
		snprintf(target, sizeof target, "%s", path);
	unsigned status = ask(method, target, "", body);
	ck_assert_msg(status == 200 || status == 202, "%s %s: the example %s: %u %.1500s", method, target, body, status,
		      buf_cstr(&got.body));
	expect_described(method, path);
	if (strcmp(method, "PATCH") == 0) /* paused: the further ones would wait */
		ck_assert_uint_eq(ask(method, target, "", "{\"paused\":false}"), 200);
	free(body);
}

/* What the document gives as a request's body is taken. */
START_TEST(test_examples_are_taken)
{
	const char *path, *method, *name;
	json_t *item, *operation, *one;
	json_object_foreach(json_object_get(doc, "paths"), path, item)
	{
		json_object_foreach(item, method, operation)
		{
			const json_t *media =
			    json_object_get(json_object_get(json_object_get(operation, "requestBody"), "content"),
					    "application/json");
			char upper[20] = "";
			for (size_t i = 0; method[i] && i + 1 < sizeof upper; i++)
				upper[i] = (char)(method[i] - ('a' - 'A'));
			if (!apidoc_is_method(method) || !media)
				continue;
			one = json_object_get(media, "example");
			if (one)
				expect_taken(upper, path, one);
			json_object_foreach(json_object_get(media, "examples"), name, one)
			{
				expect_taken(upper, path, json_object_get(one, "value"));
			}
		}
	}
}
END_TEST

int main(void)
{
	Suite *s = suite_create("openapi");
	TCase *core = tcase_create("core");
	tcase_add_test(core, test_the_document_is_one);
	tcase_add_test(core, test_every_route_is_described);
	tcase_add_test(core, test_examples_are_as_described);
	tcase_add_test(core, test_examples_are_taken);
	tcase_add_test(core, test_every_answer_described_is_given);
	tcase_set_timeout(core, 120);
	tcase_add_unchecked_fixture(core, set_up, tear_down);
	suite_add_tcase(s, core);
	return suite_run(s);
}
