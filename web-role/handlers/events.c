/* SPDX-License-Identifier: GPL-3.0-or-later */
/* GET /v1/events: the live feed, of all queues or of one. */
#include <stdlib.h>
#include <string.h>

#include "feed.h"
#include "handlers/find.h"
#include "handlers/handlers.h"
#include "response.h"

void handle_events(struct request *r)
{
	char queue[ROUTER_PARAM_SIZE] = "";
	int n = http_query_get(request_head(r)->query, "queue", queue, sizeof queue);
	if (n == ERR_NOT_FOUND)
		queue[0] = '\0';
	else if (n < 0) {
		response_problem(r, PROBLEM_BAD_REQUEST, "expected `queue` to be the name of a queue, once", "");
		return;
	} else if (!keys_queue_valid(queue, (size_t)n)) {
		find_answer_no_queue(r, queue);
		return;
	}
	if (reactor_cut_off(r->reactor)) {
		response_unavailable(r, ERR_UNAVAILABLE);
		return;
	}
	struct feed_reader *reader = calloc(1, sizeof *reader);
	if (!reader) {
		response_unavailable(r, ERR_NOMEM);
		return;
	}
	memcpy(reader->queue, queue, strlen(queue) + 1);
	feed_subscribe(r->reactor->feed, reader, r);
}
