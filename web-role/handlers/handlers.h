/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The handlers of the routes. Each ends its request by one of response.h, at once or from a callback, or makes a stream
 * of it (stream.h). */
#ifndef SQUARE_HANDLERS_H
#define SQUARE_HANDLERS_H

struct request;
void handle_submit(struct request *r);
void handle_jobs(struct request *r);
void handle_job(struct request *r);
void handle_result(struct request *r);
void handle_cancel(struct request *r);
void handle_retry(struct request *r);
void handle_job_events(struct request *r);
void handle_queues(struct request *r);
void handle_queue(struct request *r);
void handle_queue_patch(struct request *r);
void handle_redrive(struct request *r);
void handle_workers(struct request *r);
void handle_events(struct request *r);
void handle_operations(struct request *r);
void handle_operation(struct request *r);
void handle_direct(struct request *r);
void handle_v4(struct request *r);
void handle_metrics(struct request *r);
void handle_openapi(struct request *r);
void handle_livez(struct request *r);
void handle_readyz(struct request *r);

#endif
