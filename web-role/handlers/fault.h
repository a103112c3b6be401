/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The answer to a body that job_json_read() found fault with. */
#ifndef SQUARE_FAULT_H
#define SQUARE_FAULT_H

#include "problem.h"
#include "request.h"

#define FAULT_DETAIL_SIZE 400
/* 400 malformed-json with its place, or 422 with all errors. more: further members of the problem are appended. */
enum problem fault_problem(const struct job_json_fault *f, char detail[FAULT_DETAIL_SIZE], struct buf *more);
/* Answers with that, of r->fault. */
void fault_answer(struct request *r);

#endif
