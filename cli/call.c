/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "call.h"

#include <curl/curl.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "args.h"
#include "clock.h"
#include "tokens.h"

#define CALL_BODY_MAX (256UL * 1024 * 1024)
#define CALL_SHOW_AFTER_US 1000000
#define CALL_GRACE_S 10.0 /* for the way there and back, on top of the time asked for */

struct call_progress {
	const char *what;
	uint64_t begin_us;
	unsigned shown_s;
};

static size_t on_call_body(char *data, size_t size, size_t n, void *arg)
{
	struct buf *body = arg;

	if (body->len + size * n > CALL_BODY_MAX)
		return 0;
	buf_append(body, data, size * n);
	return body->failed ? 0 : size * n;
}

static int on_call_progress(void *arg, curl_off_t down, curl_off_t down_now, curl_off_t up, curl_off_t up_now)
{
	struct call_progress *p = arg;
	uint64_t age_us = clock_mono_us() - p->begin_us;

	(void)down, (void)down_now, (void)up, (void)up_now;
	if (age_us >= CALL_SHOW_AFTER_US && age_us / 1000000 != p->shown_s) {
		p->shown_s = (unsigned)(age_us / 1000000);
		(void)fprintf(stderr, "\rwaiting for %s: %u s ", p->what, p->shown_s);
	}
	return 0;
}

static int call_failed(const struct options *o, CURLcode code, const char *detail)
{
	const char *text = detail[0] ? detail : curl_easy_strerror(code);

	if (code == CURLE_URL_MALFORMAT || code == CURLE_UNSUPPORTED_PROTOCOL) {
		(void)fprintf(stderr, "square: expected a URL such as http://127.0.0.1:8080, got \"%s\"\n", o->url);
		return EXIT_USAGE;
	}
	if (code == CURLE_OPERATION_TIMEDOUT) {
		(void)fprintf(stderr, "square: %s did not answer in time: %s\n", o->url, text);
		return EXIT_UNREACHABLE;
	}
	(void)fprintf(stderr, "square: cannot reach %s: %s\n", o->url, text);
	if (code == CURLE_COULDNT_CONNECT)
		(void)fprintf(
		    stderr,
		    "square: is the service running? ./dev run starts it; --url or SQUARE_URL say where it is\n");
	return EXIT_UNREACHABLE;
}

static struct curl_slist *call_headers(const char *token, bool has_body)
{
	struct curl_slist *list = curl_slist_append(NULL, "Accept: application/json");
	char authorization[sizeof("Authorization: Bearer ") + TOKENS_LENGTH_MAX];

	(void)snprintf(authorization, sizeof(authorization), "Authorization: Bearer %s", token);
	if (list && *token)
		list = curl_slist_append(list, authorization);
	if (list && has_body)
		list = curl_slist_append(list, "Content-Type: application/json");
	return list ? curl_slist_append(list, "Expect:") : NULL;
}

static void call_prepare(CURL *curl, const char *url, double patience_s, struct buf *into, char *detail)
{
	curl_easy_setopt(curl, CURLOPT_URL, url);
	curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "http,https");
	curl_easy_setopt(curl, CURLOPT_USERAGENT, "square/" SQUARE_VERSION);
	curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT_MS, 5000L);
	curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS, (long)((patience_s + CALL_GRACE_S) * 1000));
	curl_easy_setopt(curl, CURLOPT_ERRORBUFFER, detail);
	curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, on_call_body);
	curl_easy_setopt(curl, CURLOPT_WRITEDATA, into);
}

int call_http(const struct options *o, const char *method, const char *path, const struct buf *body, double patience_s,
	      const char *waiting_for, struct call_reply *reply)
{
	struct call_progress progress = { waiting_for, clock_mono_us(), 0 };
	struct curl_slist *headers = call_headers(o->token, body != NULL);
	char detail[CURL_ERROR_SIZE] = "";
	struct buf url = BUF_INIT;
	size_t base = strlen(o->url);
	CURL *curl = curl_easy_init();
	CURLcode code;

	buf_init(&reply->body);
	while (base > 0 && o->url[base - 1] == '/')
		base--;
	buf_append(&url, o->url, base);
	buf_puts(&url, path);
	if (!curl || !headers || url.failed) {
		(void)fprintf(stderr, "square: out of memory\n");
		exit(EXIT_UNREACHABLE);
	}
	call_prepare(curl, buf_cstr(&url), patience_s, &reply->body, detail);
	curl_easy_setopt(curl, CURLOPT_HTTPHEADER, headers);
	curl_easy_setopt(curl, CURLOPT_CUSTOMREQUEST, method);
	if (body) {
		curl_easy_setopt(curl, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)body->len);
		curl_easy_setopt(curl, CURLOPT_POSTFIELDS, body->data);
	}
	if (waiting_for && isatty(STDERR_FILENO)) {
		curl_easy_setopt(curl, CURLOPT_NOPROGRESS, 0L);
		curl_easy_setopt(curl, CURLOPT_XFERINFOFUNCTION, on_call_progress);
		curl_easy_setopt(curl, CURLOPT_XFERINFODATA, &progress);
	}
	code = curl_easy_perform(curl);
	if (progress.shown_s > 0)
		(void)fputs("\r\033[K", stderr);
	curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &reply->status);
	curl_easy_cleanup(curl);
	curl_slist_free_all(headers);
	buf_fini(&url);
	if (code == CURLE_OK)
		return EXIT_DONE;
	buf_fini(&reply->body);
	return call_failed(o, code, detail);
}

void call_reply_fini(struct call_reply *reply)
{
	buf_fini(&reply->body);
}

int call_problem(const struct call_reply *reply)
{
	json_t *problem = json_loadb(reply->body.data ? reply->body.data : "", reply->body.len, JSON_ALLOW_NUL, NULL),
	       *one;
	const char *title = json_string_value(json_object_get(problem, "title"));
	const char *detail = json_string_value(json_object_get(problem, "detail"));
	int status = reply->status < 500 ? EXIT_REFUSED : EXIT_UNREACHABLE;
	size_t i;

	(void)fprintf(stderr, "square: %s (%ld): %s%s%s\n",
		      status == EXIT_REFUSED ? "the service refuses this" : "the service cannot do this now",
		      reply->status, title ? title : "no reason given", detail ? ": " : "", detail ? detail : "");
	json_array_foreach(json_object_get(problem, "errors"), i, one)
	{
		const char *pointer = json_string_value(json_object_get(one, "pointer"));
		const char *text = json_string_value(json_object_get(one, "detail"));
		if (text)
			(void)fprintf(stderr, "  %s: %s\n", pointer && *pointer ? pointer : "/", text);
	}
	json_decref(problem);
	return status;
}

/* ---- a job ---- */

static const char *call_text(json_t *job, const char *name)
{
	const char *text = json_string_value(json_object_get(job, name));

	return text ? text : "";
}

static void call_show_member(const struct buf *body, const char *name)
{
	struct buf text = BUF_INIT;
	struct span value = args_member(body->data, body->len, name);

	if (value.p) {
		args_show(&text, value);
		(void)printf("%-9s %s\n", name, buf_cstr(&text));
	}
	buf_fini(&text);
}

static void call_show_whole(const struct buf *body)
{
	static const char *const names[] = { "id",      "op",     "args",       "queue",      "state",
					     "attempt", "worker", "created_at", "started_at", "finished_at",
					     "result",  "error",  "progress" };

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		call_show_member(body, names[i]);
}

static void call_show_result(const struct buf *body)
{
	struct buf text = BUF_INIT;

	args_show(&text, args_member(body->data, body->len, "result"));
	buf_byte(&text, '\n');
	(void)fwrite(text.data, 1, text.len, stdout);
	buf_fini(&text);
}

void call_show_json(const struct buf *body)
{
	(void)fwrite(body->data, 1, body->len, stdout);
	if (body->len == 0 || body->data[body->len - 1] != '\n')
		(void)fputc('\n', stdout);
}

/* The job stands as it stands: shows it, and says with the exit status how it ended. */
static int call_tell(const struct options *o, const struct buf *body, json_t *job, bool brief)
{
	const char *state = call_text(job, "state");
	json_t *error = json_object_get(job, "error");
	bool done = json_is_true(json_object_get(job, "done")), good = strcmp(state, "succeeded") == 0;

	if (o->json)
		call_show_json(body);
	else if (!brief)
		call_show_whole(body);
	else if (good)
		call_show_result(body);
	if (!done) {
		if (brief)
			(void)fprintf(stderr, "square: job %s is %s; \"square get %s --wait 60\" asks again\n",
				      call_text(job, "id"), state, call_text(job, "id"));
		return EXIT_UNFINISHED;
	}
	if (!good && brief)
		(void)fprintf(stderr, "square: job %s %s: %s: %s\n", call_text(job, "id"), state,
			      call_text(error, "type"), call_text(error, "detail"));
	return good ? EXIT_DONE : EXIT_ENDED;
}

static int call_bad_answer(const struct options *o, struct call_reply *reply)
{
	(void)fprintf(
	    stderr,
	    "square: expected a job as JSON from %s, got something else (status %ld); is that a Square service?\n",
	    o->url, reply->status);
	call_reply_fini(reply);
	return EXIT_UNREACHABLE;
}

int call_follow(const struct options *o, struct call_reply *reply, bool brief)
{
	uint64_t begin_us = clock_mono_us();

	for (;;) {
		json_t *job = NULL;
		double left = o->wait_s - (double)(clock_mono_us() - begin_us) / 1e6;
		char path[160], what[80];
		int status;

		if (reply->status >= 400) {
			status = call_problem(reply);
			call_reply_fini(reply);
			return status;
		}
		job = json_loadb(reply->body.data ? reply->body.data : "", reply->body.len, JSON_ALLOW_NUL, NULL);
		if (!json_is_object(job) || strlen(call_text(job, "id")) > 64) {
			json_decref(job);
			return call_bad_answer(o, reply);
		}
		if (left <= 0 || json_is_true(json_object_get(job, "done"))) {
			status = call_tell(o, &reply->body, job, brief);
			json_decref(job);
			call_reply_fini(reply);
			return status;
		}
		left = left < 60 ? left : 60;
		(void)snprintf(path, sizeof(path), "/v1/jobs/%s?wait=%.3f", call_text(job, "id"), left);
		(void)snprintf(what, sizeof(what), "job %s", call_text(job, "id"));
		json_decref(job);
		call_reply_fini(reply);
		status = call_http(o, "GET", path, NULL, left, what, reply);
		if (status != EXIT_DONE)
			return status;
	}
}
