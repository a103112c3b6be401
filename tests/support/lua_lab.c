/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "lua_lab.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lua_library.h"
#include "must.h"

static void broken(const char *what, const char *why)
{
	fprintf(stderr, "lua_lab: %s: %s\n", what, why);
	exit(1);
}

/* ---- the library ---- */

static char *read_file(const char *path)
{
	FILE *f = fopen(path, "rb");
	struct buf b = BUF_INIT;
	char chunk[4096];
	size_t n;

	if (!f)
		broken(path, "expected to read it; is SOURCE_DIR the root of the tree?");
	while ((n = fread(chunk, 1, sizeof chunk, f)) > 0)
		buf_append(&b, chunk, n);
	fclose(f);
	return buf_take(&b, NULL);
}

/* The build joins the files with lines `-- name`; the text between "-- clock.lua" and "-- record.lua" goes. */
char *lua_lab_text(bool virtual_clock)
{
	const char *root = getenv("SOURCE_DIR");
	const char *from = strstr(lua_library, "\n-- clock.lua\n"), *to = strstr(lua_library, "\n-- record.lua\n");
	struct buf b = BUF_INIT;
	char path[512];

	if (!virtual_clock)
		return must_strndup(lua_library, lua_library_len);
	if (!from || !to)
		broken("lua_library", "expected the marks of clock.lua and record.lua in it");
	snprintf(path, sizeof path, "%s/tests/lua/clock.lua", root ? root : ".");
	char *clock = read_file(path);
	buf_append(&b, lua_library, (size_t)(from + 1 - lua_library));
	buf_puts(&b, clock);
	buf_puts(&b, to);
	free(clock);
	return buf_take(&b, NULL);
}

const char *lua_lab_load(struct lua_lab *lab, const char *text)
{
	const struct rreply *r = rsync_words(lab->link, NULL, "FUNCTION", "LOAD", "REPLACE", text, NULL);

	if (!r)
		broken("FUNCTION LOAD", "the link is gone");
	return rreply_type(r) == RREPLY_ERROR ? rreply_str(r, NULL) : NULL;
}

struct lua_lab *lua_lab_new(bool virtual_clock, const char *const *more)
{
	struct lua_lab *lab = must_calloc(1, sizeof *lab);
	struct errinfo info = { 0 };
	char *text = lua_lab_text(virtual_clock);

	lab->redis = redis_private_start(more);
	lab->link = rsync_open(redis_private_url(lab->redis), 20000, &info);
	if (!lab->link)
		broken("Redis", info.text);
	const char *error = lua_lab_load(lab, text);
	if (error)
		broken("the library", error);
	free(text);
	lua_lab_reset(lab);
	return lab;
}

void lua_lab_free(struct lua_lab *lab)
{
	if (!lab)
		return;
	rsync_close(lab->link);
	redis_private_stop(lab->redis);
	free(lab);
}

void lua_lab_reset(struct lua_lab *lab)
{
	lab_do(lab, "FLUSHALL");
	lua_lab_clock(lab, LAB_START_US);
}

void lua_lab_clock(struct lua_lab *lab, uint64_t now_us)
{
	char text[24];

	snprintf(text, sizeof text, "%llu", (unsigned long long)now_us);
	lab_do(lab, "SET", "{jq:vclock}", text);
	lab->now_us = now_us;
}

/* ---- calls ---- */

const struct rreply *lua_lab_command(struct lua_lab *lab, const char *const *words)
{
	struct rcmd cmd;

	rcmd_init(&cmd);
	for (size_t i = 0; words[i]; i++)
		rcmd_str(&cmd, words[i]);
	const struct rreply *r = rsync_call(lab->link, &cmd, NULL);
	rcmd_fini(&cmd);
	if (!r)
		broken(words[0], "the link is gone");
	if (rreply_type(r) == RREPLY_ERROR)
		broken(words[0], rreply_str(r, NULL));
	return r;
}

struct lua_call *lua_call_new(const char *function, const char *key)
{
	struct lua_call *c = must_calloc(1, sizeof *c);

	snprintf(c->function, sizeof c->function, "%s", function);
	snprintf(c->key, sizeof c->key, "%s", key);
	return c;
}

void lua_call_free(struct lua_call *c)
{
	if (!c)
		return;
	for (size_t i = 0; i < c->n; i++)
		buf_fini(&c->args[i]);
	free(c->args);
	free(c);
}

void lua_call_arg(struct lua_call *c, const void *p, size_t n)
{
	c->args = must_realloc(c->args, c->n + 1, sizeof *c->args);
	buf_init(&c->args[c->n]);
	buf_append(&c->args[c->n], p, n);
	buf_cstr(&c->args[c->n]);
	c->n++;
}

void lua_call_str(struct lua_call *c, const char *s)
{
	lua_call_arg(c, s, strlen(s));
}

void lua_call_uint(struct lua_call *c, uint64_t v)
{
	char text[24];

	lua_call_arg(c, text, (size_t)snprintf(text, sizeof text, "%llu", (unsigned long long)v));
}

const struct rreply *lua_lab_call(struct lua_lab *lab, const struct lua_call *c)
{
	struct rcmd cmd;

	rcmd_init(&cmd);
	rcmd_fcall(&cmd, c->function, c->key);
	for (size_t i = 0; i < c->n; i++)
		rcmd_arg(&cmd, c->args[i].data, c->args[i].len);
	const struct rreply *r = rsync_call(lab->link, &cmd, NULL);
	rcmd_fini(&cmd);
	if (!r)
		broken(c->function, "the link is gone");
	return r;
}

const struct rreply *lua_lab_words(struct lua_lab *lab, const char *const *words)
{
	struct lua_call *c = lua_call_new(words[0], LAB_TAG);

	for (size_t i = 1; words[i]; i++)
		lua_call_str(c, words[i]);
	const struct rreply *r = lua_lab_call(lab, c);
	lua_call_free(c);
	return r;
}

static void print_string(struct buf *out, const char *s, size_t n)
{
	struct job job;

	if (job_record_decode(s, n, &job) == 0)
		buf_printf(out, "J1:%c:%u:%.*s", job.state, job.attempt, (int)job.batch.n, job.batch.p);
	else
		buf_append(out, s, n);
}

void lua_reply_print(struct buf *out, const struct rreply *r)
{
	size_t n;
	const char *s = rreply_str(r, &n);

	switch (rreply_type(r)) {
	case RREPLY_NIL:
		buf_puts(out, "nil");
		break;
	case RREPLY_INTEGER:
		buf_int(out, rreply_int(r));
		break;
	case RREPLY_STRING:
	case RREPLY_STATUS:
		print_string(out, s, n);
		break;
	case RREPLY_ERROR:
		buf_byte(out, '!');
		buf_append(out, s, n);
		break;
	case RREPLY_ARRAY:
		buf_byte(out, '[');
		for (size_t i = 0; i < rreply_count(r); i++) {
			if (i)
				buf_byte(out, ' ');
			lua_reply_print(out, rreply_at(r, i));
		}
		buf_byte(out, ']');
		break;
	}
}

/* ---- jobs ---- */

void lua_lab_record(struct buf *out, const struct job *job)
{
	struct job j = *job;

	j.op = (struct span){ "square", 6 };
	if (!j.args.p)
		j.args = (struct span){ "{\"x\":7}", 7 };
	j.trace = (struct span){ "0af7651916cd43dd8448eb211c80319c", 32 };
	j.cache = 'b';
	j.timeout_ms = 1000;
	if (job_record_encode(out, &j))
		broken("record", "expected job_record_encode to take it");
}

void lua_lab_id(char out[ID_TEXT_SIZE], unsigned number)
{
	snprintf(out, ID_TEXT_SIZE, "0190a8d1-7c00-7000-8000-%012x", number);
}

unsigned lua_lab_number(const char *id)
{
	return (unsigned)strtoul(id + 24, NULL, 16);
}
