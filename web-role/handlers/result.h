/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The answer to who asks for nothing but a job's result. The reactor's thread. */
#ifndef SQUARE_RESULT_H
#define SQUARE_RESULT_H

#include "request.h"

/* 200 with the bare result; 202 with the job while it is not done; 409 when it ended otherwise. */
void result_answer(struct request *r, const struct job *job);

#endif
