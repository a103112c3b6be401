/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Reading a submission. jansson decides what is JSON; a scan before it bounds depth and literals, which jansson does
 * not, and finds the text of the arguments, which goes into the record as it stands, compacted: a tree would round
 * what a double cannot hold. */
#include <ctype.h>
#include <jansson.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "clock.h"
#include "job_json.h"
#include "job_json_scan.h"
#include "json_pointer.h"
#include "jsonload.h"

void submission_fini(struct submission *s)
{
	buf_fini(&s->args);
	buf_fini(&s->key);
}

void job_json_fault_fini(struct job_json_fault *f)
{
	buf_fini(&f->errors);
}

void job_json_complain(struct job_json_fault *f, const char *pointer, const char *fmt, ...)
{
	char text[320];
	va_list args;
	if (f->n_errors++ >= JOB_JSON_ERRORS_MAX)
		return;
	va_start(args, fmt);
	vsnprintf(text, sizeof text, fmt, args);
	va_end(args);
	if (f->errors.len)
		buf_byte(&f->errors, ',');
	buf_puts(&f->errors, "{\"pointer\":");
	buf_json_string(&f->errors, pointer, strlen(pointer));
	buf_puts(&f->errors, ",\"detail\":");
	buf_json_string(&f->errors, text, strlen(text));
	buf_byte(&f->errors, '}');
}

/* ---- where in the text ---- */

/* jansson's position is behind the token it read last; people look for its beginning. Inside a string it already is
 * the place of what is wrong there. */
static size_t error_position(const json_error_t *e, const char *body, size_t n)
{
	size_t at = e->position < 0 ? 0 : (size_t)e->position > n ? n : (size_t)e->position;
	enum json_error_code code = json_error_code(e);
	if (code == json_error_premature_end_of_input)
		return n;
	if (code == json_error_invalid_utf8 || strncmp(e->text, "unexpected newline", 18) == 0 ||
	    strncmp(e->text, "control character", 17) == 0)
		return at;
	if (strncmp(e->text, "invalid escape", 14) == 0)
		return at ? at - 1 : 0;
	const char *near = strstr(e->text, " near '"), *end = strrchr(e->text, '\'');
	size_t token = near && end > near + 7 ? (size_t)(end - near) - 7 : 0;
	if (token)
		return at > token ? at - token : 0;
	while (at && isalnum((unsigned char)body[at - 1]))
		at--;
	return at;
}

static int syntax_error(struct errinfo *info, const json_error_t *e, const char *body, size_t n)
{
	char text[sizeof e->text + 100];
	bool huge = json_error_code(e) == json_error_numeric_overflow;
	if (n == 0)
		snprintf(text, sizeof text, "expected a JSON object, the body is empty");
	else if (json_error_code(e) == json_error_null_byte_in_key)
		snprintf(text, sizeof text, "expected a member's name without the character \\u0000");
	else
		snprintf(text, sizeof text, "%s%s", e->text,
			 huge ? ": too large for a bare number, write it as a string, in quotes, to keep all digits"
			      : "");
	return job_json_locate(info, body, error_position(e, body, n), text);
}

/* ---- the members ---- */

struct reading {
	const struct job_json_rules *rules;
	struct submission *out;
	struct job_json_fault *fault;
	bool has_delay, has_run_at;
};

static const char *kind_of(const json_t *v)
{
	switch (json_typeof(v)) {
	case JSON_OBJECT:
		return "an object";
	case JSON_ARRAY:
		return "an array";
	case JSON_STRING:
		return "a string";
	case JSON_INTEGER:
	case JSON_REAL:
		return "a number";
	case JSON_NULL:
		return "null";
	default:
		return json_is_true(v) ? "true" : "false";
	}
}

static bool read_text(struct reading *r, const char *pointer, const json_t *v, const char *expected)
{
	if (json_is_string(v))
		return true;
	job_json_complain(r->fault, pointer, "expected %s, got %s", expected, kind_of(v));
	return false;
}

/* Any JSON number whose value is an integer is that integer: 2.0 is 2. */
static uint64_t read_integer(struct reading *r, const char *pointer, const json_t *v, uint64_t min, uint64_t max)
{
	double value = json_number_value(v);
	if (!json_is_number(v))
		job_json_complain(r->fault, pointer, "expected an integer from %llu to %llu, got %s",
				  (unsigned long long)min, (unsigned long long)max, kind_of(v));
	else if (value != floor(value) || value < (double)min || value > (double)max)
		job_json_complain(r->fault, pointer, "expected an integer from %llu to %llu, got %.15g",
				  (unsigned long long)min, (unsigned long long)max, value);
	else
		return (uint64_t)value;
	return min;
}

static void read_op(struct reading *r, const json_t *v)
{
	size_t n = json_string_length(v);
	if (!read_text(r, "/op", v, "the name of an operation, a string"))
		return;
	if (n == 0)
		job_json_complain(r->fault, "/op", "expected the name of an operation, got an empty string");
	else if (strlen(json_string_value(v)) < n)
		job_json_complain(r->fault, "/op", "expected the name of an operation, got one with a NUL inside");
	else if (n > JOB_OP_MAX)
		job_json_complain(r->fault, "/op", "expected a name of at most %d characters, got %zu", JOB_OP_MAX, n);
	else
		snprintf(r->out->op, sizeof r->out->op, "%s", json_string_value(v));
}

static void read_args(struct reading *r, const json_t *v)
{
	if (!json_is_array(v) && !json_is_object(v))
		job_json_complain(r->fault, "/args", "expected an array (by position) or an object (by name), got %s",
				  kind_of(v));
}

static void read_queue(struct reading *r, const json_t *v)
{
	if (!read_text(r, "/queue", v, "the name of a queue, a string"))
		return;
	if (keys_queue_valid(json_string_value(v), json_string_length(v)))
		snprintf(r->out->queue, sizeof r->out->queue, "%s", json_string_value(v));
	else
		job_json_complain(
		    r->fault, "/queue",
		    "expected 1 to %d of a-z, 0-9, '_' and '-', the first a letter or digit, got \"%.80s\"",
		    KEYS_QUEUE_MAX, json_string_value(v));
}

static void read_priority(struct reading *r, const json_t *v)
{
	const char *expected = "\"high\", \"normal\" or \"low\"";
	if (read_text(r, "/priority", v, expected) &&
	    job_priority_parse(json_string_value(v), json_string_length(v), &r->out->job.priority))
		job_json_complain(r->fault, "/priority", "expected %s, got \"%.80s\"", expected, json_string_value(v));
}

static void read_delay(struct reading *r, const json_t *v)
{
	r->has_delay = true;
	r->out->job.delay_us = read_integer(r, "/delay_ms", v, 0, JOB_JSON_DELAY_MAX_MS) * 1000;
}

static void read_run_at(struct reading *r, const json_t *v)
{
	const char *expected = "an RFC 3339 time such as \"2026-11-22T15:04:05Z\"";
	r->has_run_at = true;
	if (!read_text(r, "/run_at", v, expected))
		return;
	if (clock_parse(json_string_value(v), json_string_length(v), &r->out->run_at_us))
		job_json_complain(r->fault, "/run_at", "expected %s, got \"%.80s\"", expected, json_string_value(v));
	else if (r->out->run_at_us > r->rules->now_us + JOB_JSON_DELAY_MAX_MS * UINT64_C(1000))
		job_json_complain(r->fault, "/run_at", "expected a time within 30 days from now, got %.80s",
				  json_string_value(v));
}

static void read_expires(struct reading *r, const json_t *v)
{
	r->out->job.expires_in_us = read_integer(r, "/expires_in_ms", v, 0, JOB_JSON_DELAY_MAX_MS) * 1000;
}

static void read_timeout(struct reading *r, const json_t *v)
{
	r->out->job.timeout_ms = (uint32_t)read_integer(r, "/timeout_ms", v, 1, r->rules->timeout_max_ms);
}

static void read_attempts(struct reading *r, const json_t *v)
{
	r->out->job.max_attempts = (unsigned)read_integer(r, "/max_attempts", v, 1, JOB_JSON_ATTEMPTS_MAX);
}

static void read_ttl(struct reading *r, const json_t *v)
{
	r->out->job.result_ttl_s = (uint32_t)read_integer(r, "/result_ttl_s", v, 1, JOB_JSON_TTL_MAX_S);
}

static bool is_text(const json_t *v, const char *text)
{
	return json_string_length(v) == strlen(text) && memcmp(json_string_value(v), text, strlen(text)) == 0;
}

/* "use" allows an earlier result to be given and demands none. */
static void read_cache(struct reading *r, const json_t *v)
{
	const char *expected = "\"bypass\" or \"use\"";
	if (!read_text(r, "/cache", v, expected))
		return;
	if (!is_text(v, "use") && !is_text(v, "bypass"))
		job_json_complain(r->fault, "/cache", "expected %s, got \"%.80s\"", expected, json_string_value(v));
	r->out->job.cache = is_text(v, "use") ? 'u' : 'b';
}

static void read_key(struct reading *r, const json_t *v)
{
	const char *text = json_string_value(v);
	size_t n = json_string_length(v), characters = 0;
	if (!read_text(r, "/idempotency_key", v, "a string"))
		return;
	for (size_t i = 0; i < n; i++)
		characters += ((unsigned char)text[i] & 0xc0) != 0x80;
	if (characters < 1 || characters > JOB_JSON_KEY_MAX)
		job_json_complain(r->fault, "/idempotency_key", "expected 1 to %d characters, got %zu",
				  JOB_JSON_KEY_MAX, characters);
	else
		buf_append(&r->out->key, text, n);
}

static const struct member {
	const char *name;
	void (*read)(struct reading *r, const json_t *v);
	bool direct; /* goes with a direct call too */
} members[] = {
	{ "op", read_op, true },
	{ "args", read_args, true },
	{ "queue", read_queue, false },
	{ "priority", read_priority, false },
	{ "delay_ms", read_delay, false },
	{ "run_at", read_run_at, false },
	{ "timeout_ms", read_timeout, true },
	{ "expires_in_ms", read_expires, false },
	{ "max_attempts", read_attempts, false },
	{ "result_ttl_s", read_ttl, false },
	{ "cache", read_cache, false },
	{ "idempotency_key", read_key, false },
};

static void read_member(struct reading *r, const char *name, const json_t *v)
{
	for (size_t i = 0; i < sizeof members / sizeof *members; i++)
		if (strcmp(name, members[i].name) == 0 && (members[i].direct || !r->rules->direct)) {
			members[i].read(r, v);
			return;
		}
	char pointer[300];
	json_pointer_member(pointer, sizeof pointer, name);
	if (r->rules->direct) {
		job_json_complain(r->fault, pointer, "unknown member; a direct call has op, args and timeout_ms");
		return;
	}
	job_json_complain(r->fault, pointer,
			  "unknown member; known are op, args, queue, priority, delay_ms, run_at, timeout_ms, "
			  "expires_in_ms, max_attempts, result_ttl_s, cache and idempotency_key");
}

/* ---- against the catalogue ---- */

static void on_bad_argument(void *arg, const char *pointer, const char *detail)
{
	char full[200];
	snprintf(full, sizeof full, "/args%s", pointer);
	job_json_complain(arg, full, "%s", detail);
}

static void check_operation(struct reading *r, const json_t *args)
{
	const char *name = r->out->op;
	const struct catalog_op *op = catalog_find(r->rules->catalog, name, strlen(name));
	if (op) {
		if (!args || json_is_array(args) || json_is_object(args))
			catalog_check(op, args, on_bad_argument, r->fault);
		return;
	}
	const char *near = catalog_near(r->rules->catalog, name);
	r->fault->unknown_op = r->fault->n_errors == 0;
	job_json_complain(r->fault, "/op", "no live worker knows the operation \"%s\"%s%s%s", name,
			  near ? "; did you mean \"" : "", near ? near : "", near ? "\"?" : "");
}

static void read_tree(struct reading *r, json_t *tree)
{
	const char *name;
	json_t *value;
	if (!json_is_object(tree)) {
		job_json_complain(r->fault, "", "expected an object such as {\"op\":\"square\",\"args\":[12]}, got %s",
				  kind_of(tree));
		return;
	}
	json_object_foreach(tree, name, value)
	{
		read_member(r, name, value);
	}
	if (!json_object_get(tree, "op"))
		job_json_complain(r->fault, "/op", "expected the name of an operation, it is missing");
	if (r->has_delay && r->has_run_at)
		job_json_complain(r->fault, "/run_at", "expected delay_ms or run_at, not both");
	if (r->out->op[0] && r->rules->catalog)
		check_operation(r, json_object_get(tree, "args"));
}

/* ---- the whole ---- */

static void begin(struct submission *s, const struct job_json_rules *rules)
{
	snprintf(s->queue, sizeof s->queue, "%s", JOB_JSON_DEFAULT_QUEUE);
	s->op[0] = '\0';
	buf_clear(&s->args);
	buf_clear(&s->key);
	s->run_at_us = 0;
	s->job = (struct job){ .state = JOB_QUEUED,
			       .priority = JOB_NORMAL,
			       .max_attempts = JOB_JSON_ATTEMPTS,
			       .timeout_ms = rules->timeout_max_ms < JOB_JSON_TIMEOUT_MS ? rules->timeout_max_ms
											 : JOB_JSON_TIMEOUT_MS,
			       .result_ttl_s = JOB_JSON_TTL_S,
			       .cache = 'b',
			       .batch = { "", 0 },
			       .reply = { "", 0 },
			       .trace = { "", 0 } };
}

static int finish(struct submission *s, struct span args)
{
	if (args.p)
		job_json_compact(&s->args, args);
	else
		buf_puts(&s->args, "[]");
	s->job.op = (struct span){ s->op, strlen(s->op) };
	s->job.args = (struct span){ s->args.data, s->args.len };
	return s->args.failed || s->key.failed ? ERR_NOMEM : 0;
}

static void fault_clear(struct job_json_fault *f)
{
	f->json.code = 0;
	buf_clear(&f->errors);
	f->n_errors = 0;
	f->unknown_op = false;
}

int job_json_open(struct job_json_body *b, const char *body, size_t n, const struct job_json_rules *rules,
		  struct job_json_fault *fault)
{
	json_error_t error;
	fault_clear(fault);
	*b = (struct job_json_body){ .rules = rules, .n = 1 };
	if (job_json_scan(body, n, rules->depth, &b->args, &fault->json))
		return ERR_INVALID;
	b->tree = jsonload(body, n, JSON_REJECT_DUPLICATES | JSON_DECODE_ANY | JSON_DECODE_INT_AS_REAL | JSON_ALLOW_NUL,
			   &error);
	if (!b->tree) {
		if (jsonload_no_memory(&error))
			return ERR_NOMEM;
		syntax_error(&fault->json, &error, body, n);
		return ERR_INVALID;
	}
	b->many = json_is_array(b->tree);
	b->rest = (struct span){ body, n };
	if (b->many) {
		const char *bracket = memchr(body, '[', n);
		b->rest = (struct span){ bracket, n - (size_t)(bracket - body) };
		b->n = json_array_size(b->tree);
	}
	return 0;
}

void job_json_close(struct job_json_body *b)
{
	json_decref(b->tree);
	b->tree = NULL;
}

/* The value itself, whether it stands alone or in an array. */
static int read_one(const struct job_json_rules *rules, json_t *tree, struct span args, struct submission *out,
		    struct job_json_fault *fault)
{
	struct reading r = { rules, out, fault, false, false };
	fault_clear(fault);
	begin(out, rules);
	read_tree(&r, tree);
	if (fault->n_errors > JOB_JSON_ERRORS_MAX) {
		unsigned more = fault->n_errors - JOB_JSON_ERRORS_MAX;
		fault->n_errors = 0; /* there is room for this one */
		job_json_complain(fault, "", "and %u more", more);
		fault->n_errors = JOB_JSON_ERRORS_MAX + more;
	}
	if (fault->n_errors)
		return fault->errors.failed ? ERR_NOMEM : ERR_INVALID;
	return finish(out, args);
}

int job_json_next(struct job_json_body *b, struct span *text, struct submission *out, struct job_json_fault *fault)
{
	struct span whole = b->rest, args = b->args;
	json_t *tree = b->tree;
	if (b->many) {
		tree = json_array_get(b->tree, b->at++);
		whole = job_json_item(&b->rest, &args);
	}
	if (text)
		*text = whole;
	return read_one(b->rules, tree, args, out, fault);
}

int job_json_read(const char *body, size_t n, const struct job_json_rules *rules, struct submission *out,
		  struct job_json_fault *fault)
{
	struct job_json_body b;
	int rc = job_json_open(&b, body, n, rules, fault);
	if (rc)
		return rc;
	rc = read_one(rules, b.tree, b.args, out, fault);
	job_json_close(&b);
	return rc;
}
