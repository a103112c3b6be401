/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Jobs for tests, by HTTP: submit, ask, wait for all. Blocking. */
#ifndef SQUARE_TESTS_JOB_CLIENT_H
#define SQUARE_TESTS_JOB_CLIENT_H

#include <stdbool.h>
#include <stddef.h>

#define JOB_CLIENT_ID 40

struct job_list {
	char (*ids)[JOB_CLIENT_ID];
	size_t n, max;
};

/* POSTs a submission. The HTTP status (0: no answer); with 200 or 202 the job's id is added to the list. */
long job_client_submit(unsigned port, const char *body, struct job_list *list);
/* The state of a job into `state` (at least 16 bytes), "" when there is no answer; result_text: its result as JSON text
 * (at most size bytes), "" when it has none. The HTTP status. */
long job_client_get(unsigned port, const char *id, char *state, char *result_text, size_t size);
/* Waits until all are done; how many of them have succeeded with this result (as JSON text; NULL: any). */
size_t job_client_wait_all(unsigned port, const struct job_list *list, const char *result, unsigned deadline_ms);
void job_list_fini(struct job_list *list);

#endif
