/* SPDX-License-Identifier: GPL-3.0-or-later */
/* GET /v1/workers: every live instance, workers and web roles, as the registry has them now. */
#include "handlers/handlers.h"
#include "instances.h"
#include "response.h"

static void answer(struct request *r, const struct instances *live)
{
	struct buf out = BUF_INIT;
	buf_puts(&out, "{\"workers\":[");
	for (size_t i = 0; i < live->n; i++) {
		if (i)
			buf_byte(&out, ',');
		instances_json(&out, &live->list[i]);
	}
	buf_puts(&out, "]}\n");
	if (out.failed)
		response_unavailable(r, ERR_NOMEM);
	else
		response_json(r, 200, out.data, out.len);
	buf_fini(&out);
}

static void on_instances(void *arg, int status, const struct instances *live)
{
	struct request *r = arg;
	if (!r->http)
		; /* answered or gone */
	else if (status || !live)
		response_unavailable(r, status);
	else
		answer(r, live);
	request_unref(r);
}

void handle_workers(struct request *r)
{
	request_ref(r);
	int rc = instances_read(rlinks_at(r->reactor->links, KEYS_REG), on_instances, r);
	if (rc)
		on_instances(r, rc, NULL);
	else
		request_due_call(r);
}
