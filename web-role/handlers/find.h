/* SPDX-License-Identifier: GPL-3.0-or-later */
/* From what a path names to where it lives: a job's queue by its id, a queue by its name. What this reactor does not
 * know yet is looked up in the registry, as another instance may have registered it. The reactor's thread. */
#ifndef SQUARE_FIND_H
#define SQUARE_FIND_H

#include "request.h"

/* The path's first parameter is a job id: calls then(r) with r->job_id and r->tag set, now or later (not when the
 * client is gone by then). Else answers: 404 for what can be no job, 503 while Redis is away. */
void find_job(struct request *r, void (*then)(struct request *r));
/* The same for the name of a queue; r->queue is set, with all of its shards. Queues of the setting Queues are there
 * before their first job. */
void find_queue(struct request *r, void (*then)(struct request *r));

void find_answer_no_job(struct request *r);
void find_answer_no_queue(struct request *r, const char *name);

#endif
