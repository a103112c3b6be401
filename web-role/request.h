/* SPDX-License-Identifier: GPL-3.0-or-later */
/* One request on its way through the reactor: what handlers share between a request's arrival and its answer. Kept on a
 * free list. It lives until it is answered (or its client is gone) and every callback that was promised has run, each
 * of which holds a reference. The reactor's thread. */
#ifndef SQUARE_REQUEST_H
#define SQUARE_REQUEST_H

#include "job_json.h"
#include "policy.h"
#include "reactor.h"
#include "router.h"
#include "spread.h"

#define REQUEST_ID_SIZE 65
#define REQUEST_CLIENT_SIZE 46

struct request {
	struct reactor *reactor;
	struct http_request *http; /* NULL: answered, or the client is gone */
	struct request *next_free;
	unsigned refs;
	struct router_match match;
	char id[REQUEST_ID_SIZE]; /* X-Request-Id */
	enum policy_origin origin;
	uint64_t began_us;
	const char *principal;            /* the token's name; "" while there is no authentication, or no token */
	char client[REQUEST_CLIENT_SIZE]; /* the client's address as text */
	char trace_id[33];                /* of a valid traceparent; else "" */

	/* while it is parked */
	struct deadline deadline;
	void (*on_due)(struct request *r); /* runs once when the deadline comes */
	void (*then)(struct request *r);   /* runs once what the path names was found (handlers/find.h) */
	struct gate_entry gate;
	bool refreshed; /* the registry was asked once for what was not known */

	/* the job it is about */
	char job_id[ID_TEXT_SIZE];
	struct tag *tag;         /* its shard */
	struct tag_queue *queue; /* or a queue as a whole */
	struct spread spread;
	struct submission submission;
	struct job_json_fault fault;

	/* waiting for its end */
	struct waiter waiter;
	uint64_t wait_us;  /* how long the client wants to wait; 0: it does not */
	uint64_t until_us; /* when the wait ends */
	bool watching;     /* the client's leaving is noticed */
	bool unlisted;     /* our reply list will not hear of its end */
	bool streaming;    /* the head of its answer is sent, the rest goes on */
	bool submits;      /* a submission: its answer says what it is worth */
	bool unpromised;   /* this request submitted the job, and whether Redis has it is not settled yet */
	bool ended;        /* the job has ended meanwhile: read it when that is settled */
	bool accepted;     /* this request submitted the job, and Redis has it */
	bool replayed;     /* the job is the first one of an idempotency key, submitted by an earlier request */
	uint64_t created_us;

	/* what a handler keeps beside, with how it ends */
	struct request_extra *extra;
};

struct request_extra {
	void (*settle)(struct request_extra *extra);  /* answered, or the client is gone: stop waiting */
	void (*release)(struct request_extra *extra); /* the last reference is gone: free it */
};

/* The HTTP server's callbacks; arg is the reactor. */
void request_on_head(void *arg, struct http_request *http);
void request_on_http(void *arg, struct http_request *http);
void request_on_refused(void *arg, struct http_request *http, unsigned status, const char *detail);
void request_on_gone(void *arg, struct http_request *http);

static inline const struct http_head *request_head(const struct request *r)
{
	return http_request_head(r->http);
}

void request_ref(struct request *r);
void request_unref(struct request *r);
/* Calls on_due then, unless it is answered before. Replaces what was set. */
void request_due(struct request *r, uint64_t at_us, void (*on_due)(struct request *r));
/* Parked for a call of Redis: answered 503 if it takes too long. */
void request_due_call(struct request *r);
/* The same for what takes many calls: it may take its time as long as Redis answers. */
void request_due_calls(struct request *r);
/* For an on_due of such a request: true when Redis has answered anything lately, so that it is due again later. */
bool request_goes_on(struct request *r);
/* Sends the answer and lets go of the request: r must not be used any more by a caller without a reference. */
void request_reply(struct request *r, const struct http_reply *reply);
/* The end of a request that was answered otherwise, as a stream: it waits for nothing any more, and r->http is NULL.
 * Then comes request_unref(). */
void request_settle(struct request *r);
/* Frees the requests kept for reuse. */
void request_free_spares(struct reactor *reactor);

#endif
