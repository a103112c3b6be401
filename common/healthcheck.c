/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "healthcheck.h"

#include <jansson.h>
#include <stdio.h>
#include <string.h>
#include <uv.h>

#include "probe.h"
#include "tokens.h"

#define ANSWER_SIZE 1024

struct healthcheck {
	int status; /* of the probe */
	char answer[ANSWER_SIZE];
};

static void on_answer(int status, const char *last, void *arg)
{
	struct healthcheck *h = arg;

	h->status = status;
	snprintf(h->answer, sizeof(h->answer), "%s", last);
}

/* One attempt. 0 when the loop could be made and the probe told its outcome. */
static int ask(struct healthcheck *h, const struct probe_spec *spec)
{
	uv_loop_t loop;

	if (uv_loop_init(&loop) != 0)
		return ERR_SYS;
	struct probe *probe = probe_start(&loop, spec);
	if (probe)
		uv_run(&loop, UV_RUN_DEFAULT);
	else
		snprintf(h->answer, sizeof(h->answer), "no memory to ask");
	uv_loop_close(&loop);
	return 0;
}

/* The reason in the answer's body, else its status line. */
static void tell_why(const char *program, const char *instance, const char *answer)
{
	const char *body = strstr(answer, "\r\n\r\n"), *detail = NULL;
	json_t *json = body ? json_loads(body, JSON_DISABLE_EOF_CHECK, NULL) : NULL;

	if (strncmp(answer, "HTTP/1.1 401", 12) == 0)
		detail = "it asks for a token before it says so: expected the setting ProbeToken";
	else if (json)
		detail = json_string_value(json_object_get(json, "detail"));
	if (detail)
		fprintf(stderr, "%s: %s is not ready: %s\n", program, instance, detail);
	else
		fprintf(stderr, "%s: %s is not ready: it answers %.*s\n", program, instance,
			(int)strcspn(answer, "\r\n"), answer);
	json_decref(json);
}

static int find_endpoint(const char *program, const struct startup *s, const char *name, struct roleenv_endpoint *at)
{
	char variable[128];

	if (roleenv_endpoint(s->roleenv, name, at) != 0) {
		fprintf(stderr, "%s: %s: expected the role %s to have an endpoint %s, which tells readiness\n", program,
			s->csdef->definition, roleenv_role(s->roleenv), name);
		return ERR_NOT_FOUND;
	}
	if (address_wildcard(at->address))
		snprintf(at->address, sizeof(at->address), "%s", strchr(at->address, ':') ? "::1" : "127.0.0.1");
	if (at->port)
		return 0;
	config_env_name(variable, sizeof(variable), "ENDPOINT_", name);
	fprintf(stderr,
		"%s: expected the port of %s to be told, as to the instance itself, by the environment variable %s\n",
		program, name, variable);
	return ERR_INVALID;
}

int healthcheck(const char *program, const struct startup *s)
{
	bool web = csdef_role(s->csdef, roleenv_role(s->roleenv))->kind == CSDEF_WEB;
	const char *name = web ? HEALTHCHECK_WEB : HEALTHCHECK_WORKER, *instance = roleenv_instance(s->roleenv);
	const char *token = web ? config_str(s->config, CONFIG_PROBE_TOKEN) : "";
	struct healthcheck h = { .status = ERR_SYS, .answer = "an event loop cannot be made" };
	struct roleenv_endpoint at;
	char question[128 + TOKENS_LENGTH_MAX];

	if (find_endpoint(program, s, name, &at) != 0)
		return 1;
	snprintf(question, sizeof(question),
		 "GET /readyz HTTP/1.1\r\nHost: localhost\r\n%s%.*s%sConnection: close\r\n\r\n",
		 *token ? "Authorization: Bearer " : "", TOKENS_LENGTH_MAX, token, *token ? "\r\n" : "");
	struct probe_spec spec = { .address = at.address,
				   .port = (uint16_t)at.port,
				   .question = question,
				   .answer = "HTTP/1.1 200",
				   .whole = true,
				   .on_done = on_answer,
				   .arg = &h };
	if (ask(&h, &spec) == 0 && h.status == ERR_OK) {
		printf("%s is ready\n", instance);
		return fflush(stdout) != 0;
	}
	if (h.status == ERR_PROTOCOL)
		tell_why(program, instance, h.answer);
	else
		fprintf(stderr, "%s: %s is not ready: %s port %u: %s\n", program, instance, at.address, at.port,
			h.answer);
	return 1;
}
