/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "client.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "buf.h"
#include "clock.h"
#include "pause.h"
#include "raw_client.h"

enum { CONNECT_MS = 2000, RETRY_MS = 10 };

struct line {
	struct raw_client raw;
	bool open;
};

struct client {
	struct world *w;
	struct oracle *o;
	struct line lines[WORLD_INSTANCES];
	struct raw_answer answer;
	struct buf request, body;
};

struct client *client_new(struct world *w, struct oracle *o)
{
	struct client *c = calloc(1, sizeof *c);

	if (!c)
		abort();
	c->w = w;
	c->o = o;
	return c;
}

static void hang_up(struct line *l)
{
	if (l->open)
		raw_close(&l->raw);
	l->open = false;
}

void client_free(struct client *c)
{
	if (!c)
		return;
	for (unsigned i = 0; i < WORLD_INSTANCES; i++)
		hang_up(&c->lines[i]);
	raw_answer_fini(&c->answer);
	buf_fini(&c->request);
	buf_fini(&c->body);
	free(c);
}

/* ---- one exchange ---- */

static struct line *line_to(struct client *c, unsigned web)
{
	struct line *l = &c->lines[web];

	if (l->open)
		raw_listen(&l->raw, 0); /* the other side may have left meanwhile */
	if (l->open && l->raw.ended)
		hang_up(l);
	if (!l->open)
		l->open = raw_connect(&l->raw, world_port(c->w, web), NULL, 0, CONNECT_MS);
	return l->open ? l : NULL;
}

/* Sends c->request and hears the answer. */
static long exchange(struct client *c, unsigned web, unsigned deadline_ms)
{
	struct line *l = line_to(c, web);
	const char *connection;

	if (c->request.failed)
		abort();
	if (!l)
		return 0;
	/* what was sent to somebody who then left may have an answer all the same: a refusal to go on */
	(void)raw_send(&l->raw, c->request.data, c->request.len, deadline_ms);
	if (raw_hear(&l->raw, &c->answer, deadline_ms) != RAW_ANSWER) {
		hang_up(l);
		return 0;
	}
	connection = raw_header(&c->answer, "Connection");
	if (connection && strcmp(connection, "close") == 0)
		hang_up(l);
	return (long)c->answer.status;
}

static void put_request(struct client *c, const char *method, const char *path, const char *header, const char *value)
{
	buf_clear(&c->request);
	buf_printf(&c->request, "%s %s HTTP/1.1\r\nHost: localhost\r\n", method, path);
	if (header)
		buf_printf(&c->request, "%s: %s\r\n", header, value);
	if (c->body.len)
		buf_printf(&c->request, "Content-Type: application/json\r\nContent-Length: %zu\r\n", c->body.len);
	buf_puts(&c->request, "\r\n");
	if (c->body.len)
		buf_append(&c->request, c->body.data, c->body.len);
}

long client_ask(struct client *c, unsigned web, const char *method, const char *path, unsigned deadline_ms,
		const char **text)
{

	buf_clear(&c->body);
	put_request(c, method, path, NULL, NULL);
	long status = exchange(c, web, deadline_ms);
	if (text)
		*text = status ? buf_cstr(&c->answer.body) : "";
	return status;
}

/* ---- submissions ---- */

/* An array's items carry their keys themselves. */
static void put_bodies(struct client *c, const size_t *jobs, size_t n)
{
	buf_clear(&c->body);
	for (size_t i = 0; n > 1 && i < n; i++) {
		const char *body = oracle_body(c->o, jobs[i]), *key = oracle_key(c->o, jobs[i]);
		buf_puts(&c->body, i ? "," : "[");
		if (*key)
			buf_printf(&c->body, "{\"idempotency_key\":\"%s\",%s", key, body + 1);
		else
			buf_puts(&c->body, body);
	}
	buf_puts(&c->body, n > 1 ? "]" : oracle_body(c->o, jobs[0]));
}

/* One of an answer: a job, or the problem it has. */
static void take_item(struct client *c, unsigned web, size_t job, const json_t *item, long status, const char *text)
{
	const char *id = json_string_value(json_object_get(item, "id"));
	char *object;

	if (!id) {
		if (status == 503 || status == 429)
			oracle_refused(c->o, job, web);
		else
			oracle_unexpected(c->o, job, status, text);
		return;
	}
	oracle_acknowledged(c->o, job, web, id);
	if (!json_is_true(json_object_get(item, "done")))
		return;
	object = json_dumps(item, JSON_COMPACT);
	if (!object)
		abort();
	(void)oracle_read(c->o, job, web, object);
	free(object);
}

static void take_answer(struct client *c, unsigned web, const size_t *jobs, size_t n, long status)
{
	const char *text = buf_cstr(&c->answer.body);
	json_t *all = json_loads(text, 0, NULL), *items = json_object_get(all, "items");

	for (size_t i = 0; i < n; i++) {
		const json_t *item = items ? json_array_get(items, i) : n == 1 ? all : NULL;
		json_t *own = json_object_get(item, "status");
		take_item(c, web, jobs[i], item, own ? (long)json_integer_value(own) : status, text);
	}
	json_decref(all);
}

long client_submit(struct client *c, unsigned web, const size_t *jobs, size_t n, double wait_s, unsigned deadline_ms)
{
	const char *key = n == 1 && *oracle_key(c->o, jobs[0]) ? oracle_key(c->o, jobs[0]) : NULL;
	char path[60];

	(void)snprintf(path, sizeof path, wait_s > 0 ? "/v1/jobs?wait=%.3f" : "/v1/jobs", wait_s);
	put_bodies(c, jobs, n);
	put_request(c, "POST", path, key ? "Idempotency-Key" : NULL, key);
	if (!line_to(c, web))
		return 0; /* nothing was sent: no submission */
	for (size_t i = 0; i < n; i++)
		oracle_sent(c->o, jobs[i], web);
	long status = exchange(c, web, deadline_ms);
	if (status)
		take_answer(c, web, jobs, n, status);
	for (size_t i = 0; !status && i < n; i++)
		oracle_unknown(c->o, jobs[i], web);
	return status;
}

bool client_deliver(struct client *c, unsigned first_web, size_t job, unsigned deadline_ms)
{
	uint64_t now_us = clock_mono_us(), end_us = now_us + deadline_ms * 1000ULL;
	unsigned webs = world_count(c->w, WORLD_WEB);

	for (unsigned web = first_web; now_us < end_us; web = (web + 1) % webs) {
		bool there = line_to(c, web) != NULL;
		long status = there ? client_submit(c, web, &job, 1, 0, (unsigned)((end_us - now_us) / 1000)) : 0;
		if (oracle_id(c->o, job)[0])
			return true;
		if (there && status == 0 && !oracle_key(c->o, job)[0])
			return false;
		pause_ms(RETRY_MS);
		now_us = clock_mono_us();
	}
	return false;
}

long client_read(struct client *c, unsigned web, size_t job, double wait_s, unsigned deadline_ms, bool *final)
{
	char path[100];

	*final = false;
	(void)snprintf(path, sizeof path, wait_s > 0 ? "/v1/jobs/%s?wait=%.3f" : "/v1/jobs/%s", oracle_id(c->o, job),
		       wait_s);
	buf_clear(&c->body);
	put_request(c, "GET", path, NULL, NULL);
	long status = exchange(c, web, deadline_ms);
	if (status == 200)
		*final = oracle_read(c->o, job, web, buf_cstr(&c->answer.body));
	return status;
}

const char *client_header(struct client *c, const char *name)
{
	return raw_header(&c->answer, name);
}
