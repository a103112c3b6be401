/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What a reactor counts of its requests, and the figures of all reactors of the process together. A meter belongs to
 * the thread of its reactor, but for meters_render(). Labels that come from clients are drawn from what is known (the
 * route's pattern, the methods we have names for), so that nobody can make their number grow. */
#ifndef SQUARE_METER_H
#define SQUARE_METER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <uv.h>

#include "buf.h"
#include "metrics.h"
#include "queue.h"

struct meter;
struct reactor;
struct request;

/* Joins the process' meters. Call it right after uv_loop_init(). no: the reactor's number. Aborts when memory runs out,
 * as registering metrics does. */
struct meter *meter_new(uv_loop_t *loop, unsigned no);
void meter_free(struct meter *m); /* leaves them; NULL does nothing */

struct metrics_value *meter_redis_seconds(const struct meter *m); /* for rlink_options.seconds */
void meter_submitter(const struct meter *m, struct queue_submitter *s);

/* An answer is about to be sent; r->http is still there. bytes: of its body. A request that was made to wait, and a
 * stream, do not count into the time of answers, but apart. */
void meter_request(struct request *r, unsigned status, size_t bytes);
/* The head of a stream is sent; then each piece of it; then it ends, by us or by the client. */
void meter_stream_began(struct request *r, unsigned status);
void meter_stream_sent(struct request *r, size_t bytes);
void meter_stream_ended(struct request *r);
void meter_reply_list(struct meter *m); /* an entry of a reply list came */
void meter_gone(struct request *r);     /* its client left */
/* Once a turn of the loop, when the turn's work is done. */
void meter_turn(struct meter *m, const struct reactor *r);

/* Appends the metrics of this process as Prometheus text. Any thread, while the meters are there. */
void meters_render(struct buf *out);

#endif
