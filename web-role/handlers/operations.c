/* SPDX-License-Identifier: GPL-3.0-or-later */
/* GET /v1/operations and /v1/operations/{op}: the catalogue as the workers publish it, from this reactor's copy, which
 * is read anew whenever the workers change. */
#include <stdio.h>
#include <string.h>

#include "handlers/handlers.h"
#include "response.h"

static void answer_unknown_operation(struct request *r, const struct catalog *c, const char *name)
{
	const char *near = c ? catalog_near(c, name) : NULL;
	char detail[300], quoted[ERR_QUOTE_SIZE];
	err_quote(quoted, name, strlen(name));
	snprintf(detail, sizeof detail, "no live worker knows the operation %.150s%s%s%s", quoted,
		 near ? "; did you mean \"" : "", near ? near : "", near ? "\"?" : "");
	response_problem(r, PROBLEM_NOT_FOUND, detail, "");
}

static void answer(struct request *r)
{
	struct catalog_reader *reader = r->reactor->catalog;
	const struct catalog *c = catalog_reader_now(reader);
	const struct buf *all = catalog_reader_text(reader);
	const struct catalog_op *op;
	const char *name = r->match.param[0];
	if (!all) {
		response_unavailable(r, ERR_UNAVAILABLE);
	} else if (r->match.route->handle == handle_operations) {
		response_document(r, all->data, all->len, catalog_reader_tag(reader));
	} else if (!(op = c ? catalog_find(c, name, strlen(name)) : NULL)) {
		answer_unknown_operation(r, c, name);
	} else {
		struct buf one = BUF_INIT;
		size_t n;
		const char *json = catalog_op_json(op, &n);
		buf_append(&one, json, n);
		buf_byte(&one, '\n');
		if (one.failed)
			response_unavailable(r, ERR_NOMEM);
		else
			response_document(r, one.data, one.len, catalog_reader_tag(reader));
		buf_fini(&one);
	}
}

static void on_catalogue(void *arg, int status)
{
	struct request *r = arg;
	if (!r->http)
		; /* answered or gone */
	else if (status && !catalog_reader_text(r->reactor->catalog))
		response_unavailable(r, status);
	else
		answer(r);
	request_unref(r);
}

/* Once Redis was read there is an answer, though Redis may be away by now. */
static void find_and_answer(struct request *r)
{
	if (catalog_reader_text(r->reactor->catalog)) {
		answer(r);
		return;
	}
	request_ref(r);
	int rc = catalog_reader_refresh(r->reactor->catalog, &r->gate, on_catalogue, r);
	if (rc)
		on_catalogue(r, rc == ERR_NOT_FOUND ? ERR_UNAVAILABLE : rc);
	else
		request_due_call(r);
}

void handle_operations(struct request *r)
{
	find_and_answer(r);
}

void handle_operation(struct request *r)
{
	find_and_answer(r);
}
