/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <jansson.h>
#include <stdio.h>
#include <string.h>

#include "args.h"
#include "call.h"
#include "command.h"

static void submit_body(struct buf *body, const struct options *o, int argc, char **argv)
{
	buf_puts(body, "{\"op\":");
	buf_json_string(body, argv[0], strlen(argv[0]));
	buf_puts(body, ",\"args\":");
	args_json(body, argc - 1, argv + 1);
	if (o->queue) {
		buf_puts(body, ",\"queue\":");
		buf_json_string(body, o->queue, strlen(o->queue));
	}
	if (o->timeout_ms > 0)
		buf_printf(body, ",\"timeout_ms\":%ld", o->timeout_ms);
	buf_byte(body, '}');
}

/* Without --wait: the id, and where the job is to be asked for. */
static int submit_tell(const struct options *o, struct call_reply *reply)
{
	json_t *job = json_loadb(reply->body.data ? reply->body.data : "", reply->body.len, JSON_ALLOW_NUL, NULL);
	const char *id = json_string_value(json_object_get(job, "id"));
	size_t base = strlen(o->url);
	int status = EXIT_DONE;

	while (base > 0 && o->url[base - 1] == '/')
		base--;
	if (reply->status >= 400)
		status = call_problem(reply);
	else if (!id)
		status = call_follow(o, reply, false); /* which says what is wrong with the answer */
	else if (o->json)
		call_show_json(&reply->body);
	else
		(void)printf("%s\n%.*s/v1/jobs/%s\n", id, (int)base, o->url, id);
	json_decref(job);
	call_reply_fini(reply);
	return status;
}

static int submit_exec(const struct options *o, int argc, char **argv)
{
	double wait_s = o->wait_s < 60 ? o->wait_s : 60;
	char path[64] = "/v1/jobs", what[80];
	struct buf body = BUF_INIT;
	struct call_reply reply;
	int status;

	submit_body(&body, o, argc, argv);
	if (body.failed) {
		(void)fprintf(stderr, "square: out of memory\n");
		return EXIT_UNREACHABLE;
	}
	if (o->wait_s > 0)
		(void)snprintf(path, sizeof(path), "/v1/jobs?wait=%.3f", wait_s);
	(void)snprintf(what, sizeof(what), "the result of %.60s", argv[0]);
	status = call_http(o, "POST", path, &body, o->wait_s > 0 ? wait_s : 0, what, &reply);
	buf_fini(&body);
	if (status != EXIT_DONE)
		return status;
	return o->wait_s < 0 ? submit_tell(o, &reply) : call_follow(o, &reply, true);
}

const struct command command_submit = {
	.name = "submit",
	.usage = "OP [ARG...] [--wait SECONDS] [--queue NAME] [--timeout-ms N] [--json]",
	.help = "put a job on the queue; with --wait, print its result",
	.takes = OPTION_WAIT | OPTION_QUEUE | OPTION_TIMEOUT | OPTION_JSON | OPTION_SERVICE,
	.min_args = 1,
	.max_args = COMMAND_ANY,
	.exec = submit_exec,
};
