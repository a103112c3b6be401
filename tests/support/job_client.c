/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "job_client.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "http_client.h"
#include "wait_until.h"

long job_client_submit(unsigned port, const char *body, struct job_list *list)
{
	struct http_answer answer;
	long status;

	http_client_post(port, "/v1/jobs", body, &answer);
	status = answer.status;
	if (status == 200 || status == 202) {
		if (list->n == list->max) {
			list->max = list->max ? 2 * list->max : 64;
			list->ids = realloc(list->ids, list->max * sizeof(*list->ids));
			if (!list->ids)
				abort();
		}
		(void)snprintf(list->ids[list->n++], JOB_CLIENT_ID, "%s", http_answer_text(&answer, "id"));
	}
	http_answer_fini(&answer);
	return status;
}

long job_client_get(unsigned port, const char *id, char *state, char *result_text, size_t size)
{
	struct http_answer answer;
	char path[80], *text = NULL;
	long status;

	(void)snprintf(path, sizeof(path), "/v1/jobs/%s", id);
	http_client_get(port, path, &answer);
	status = answer.status;
	(void)snprintf(state, 16, "%s", http_answer_text(&answer, "state"));
	if (result_text) {
		text = json_dumps(json_object_get(answer.json, "result"), JSON_ENCODE_ANY | JSON_COMPACT);
		(void)snprintf(result_text, size, "%s", text ? text : "");
		free(text);
	}
	http_answer_fini(&answer);
	return status;
}

struct job_client_count {
	unsigned port;
	const struct job_list *list;
	const char *result;
	bool *done;
	size_t n_done, good;
};

static bool job_client_all_done(void *arg)
{
	struct job_client_count *c = arg;
	char state[16], result[256];

	for (size_t i = 0; i < c->list->n; i++) {
		if (c->done[i])
			continue;
		(void)job_client_get(c->port, c->list->ids[i], state, result, sizeof(result));
		if (strcmp(state, "queued") == 0 || strcmp(state, "running") == 0 || strcmp(state, "delayed") == 0 ||
		    !state[0])
			return false;
		c->done[i] = true;
		c->n_done++;
		if (strcmp(state, "succeeded") == 0 && (!c->result || strcmp(result, c->result) == 0))
			c->good++;
		else
			(void)fprintf(stderr, "job %s: %s %s\n", c->list->ids[i], state, result);
	}
	return true;
}

size_t job_client_wait_all(unsigned port, const struct job_list *list, const char *result, unsigned deadline_ms)
{
	struct job_client_count c = { port, list, result, calloc(list->n + 1, sizeof(bool)), 0, 0 };

	if (!c.done)
		abort();
	if (!wait_until(job_client_all_done, &c, deadline_ms))
		(void)fprintf(stderr, "only %zu of %zu jobs are done after %u ms\n", c.n_done, list->n, deadline_ms);
	free(c.done);
	return c.good;
}

void job_list_fini(struct job_list *list)
{
	free(list->ids);
	*list = (struct job_list){ NULL, 0, 0 };
}
