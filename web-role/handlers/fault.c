/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "handlers/fault.h"

#include <stdio.h>

#include "response.h"

enum problem fault_problem(const struct job_json_fault *f, char detail[FAULT_DETAIL_SIZE], struct buf *more)
{
	if (f->json.code) {
		buf_printf(more, "\"line\":%d,\"column\":%d,\"position\":%ld", f->json.line, f->json.column,
			   f->json.position);
		snprintf(detail, FAULT_DETAIL_SIZE, "line %d, column %d: %s", f->json.line, f->json.column,
			 f->json.text);
		return PROBLEM_MALFORMED_JSON;
	}
	buf_puts(more, "\"errors\":[");
	buf_append(more, f->errors.data, f->errors.len);
	buf_byte(more, ']');
	snprintf(detail, FAULT_DETAIL_SIZE, "%u thing%s wrong with the body, see errors", f->n_errors,
		 f->n_errors == 1 ? " is" : "s are");
	return f->unknown_op ? PROBLEM_UNKNOWN_OPERATION : PROBLEM_INVALID_SUBMISSION;
}

void fault_answer(struct request *r)
{
	struct buf more = BUF_INIT;
	char detail[FAULT_DETAIL_SIZE];
	enum problem p = fault_problem(&r->fault, detail, &more);
	response_problem(r, p, detail, buf_cstr(&more));
	buf_fini(&more);
}
