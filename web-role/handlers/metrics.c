/* SPDX-License-Identifier: GPL-3.0-or-later */
/* GET /metrics: the whole service as Prometheus text. This process as it is now; the other instances as they told last
 * by way of Redis, some seconds ago; the queues as they are. What Redis does not tell in time is left out, and
 * square_redis_up says so: a scrape that fails would hide why.
 *
 * Who scrapes through the load balancer hears of this process from another one the next time. So what is told here is
 * told to Redis first: a counter that went back would count as one that began anew. (What reactor 0 tells by its
 * presence may cross this on its way, which shows only to who asks two instances within PRESENCE_METRICS_US.) */
#include <stdlib.h>
#include <string.h>

#include "clock.h"
#include "exposition.h"
#include "handlers/handlers.h"
#include "keys.h"
#include "log.h"
#include "response.h"

#define CONTENT_TYPE "text/plain; version=0.0.4; charset=utf-8"
#define INSTANCE_LABEL "role_instance" /* `instance` is the name Prometheus itself gives to what it scrapes */

struct scrape {
	struct request_extra extra; /* first */
	struct request *request;
	struct exposition *all;
	unsigned pending; /* answers of Redis to come */
	bool lacking;     /* one of them was an error */
};

static void release(struct request_extra *extra)
{
	struct scrape *s = (struct scrape *)extra;
	exposition_free(s->all);
	free(s);
}

static void settle(struct request_extra *extra)
{
	(void)extra; /* what comes from Redis later finds a request without a client */
}

static void answer(struct scrape *s)
{
	struct request *r = s->request;
	const char *instance = r->reactor->options.instance;
	struct buf out = BUF_INIT;
	buf_printf(&out,
		   "# HELP square_redis_up Whether Redis answered this scrape, and in time.\n"
		   "# TYPE square_redis_up gauge\nsquare_redis_up %d\n",
		   !s->pending && !s->lacking);
	exposition_add(s->all, out.data, out.len, INSTANCE_LABEL, instance);
	buf_clear(&out);
	exposition_render(s->all, &out);
	if (out.failed)
		response_unavailable(r, ERR_NOMEM);
	else
		response_text(r, 200, CONTENT_TYPE, out.data, out.len);
	buf_fini(&out);
}

/* An answer of Redis is dealt with. */
static void one_less(struct scrape *s, int status)
{
	struct request *r = s->request;
	s->lacking = s->lacking || status;
	s->pending--;
	if (r->http && !s->pending)
		answer(s);
	request_unref(r);
}

static void on_late(struct request *r)
{
	if (!request_goes_on(r))
		answer((struct scrape *)r->extra);
}

/* ---- the other instances ---- */

/* The reply of HGETALL alternates instances and texts. */
static void on_instances(void *arg, int status, const struct rreply *reply)
{
	struct scrape *s = arg;
	const char *own = s->request->reactor->options.instance;
	for (size_t i = 0; s->request->http && !status && i + 1 < rreply_count(reply); i += 2) {
		size_t n;
		const char *instance = rreply_str(rreply_at(reply, i), NULL);
		const char *text = rreply_str(rreply_at(reply, i + 1), &n);
		if (strcmp(instance, own) == 0)
			continue;
		size_t left_out = exposition_add(s->all, text, n, INSTANCE_LABEL, instance);
		if (left_out)
			log_warn("metrics of %s: %zu lines that are not valid are left out", instance, left_out);
	}
	one_less(s, status);
}

/* An instance that leaves tells nothing any more: it would stand there for ever. */
static void tell_own(const struct reactor *r, const struct buf *own)
{
	struct rcmd cmd;
	if (r->leaving || own->failed || own->len > PRESENCE_METRICS_MAX)
		return;
	rcmd_init(&cmd);
	rcmd_str(&cmd, "HSET");
	rcmd_str(&cmd, KEYS_REG_MET);
	rcmd_str(&cmd, r->options.instance);
	rcmd_arg(&cmd, own->data, own->len);
	(void)rlink_send(rlinks_at(r->links, KEYS_REG), &cmd, NULL, NULL);
	rcmd_fini(&cmd);
}

static int ask_instances(struct scrape *s)
{
	struct rcmd cmd;
	rcmd_init(&cmd);
	rcmd_str(&cmd, "HGETALL");
	rcmd_str(&cmd, KEYS_REG_MET);
	int rc = rlink_send(rlinks_at(s->request->reactor->links, KEYS_REG), &cmd, on_instances, s);
	rcmd_fini(&cmd);
	return rc;
}

/* ---- the queues ---- */

static void head(struct buf *out, const char *name, const char *type, const char *help)
{
	buf_printf(out, "# HELP %s %s\n# TYPE %s %s\n", name, help, name, type);
}

static double oldest_s(const struct figures_queue *q)
{
	return (double)q->now.oldest_us / 1e6;
}
static double paused(const struct figures_queue *q)
{
	return q->now.paused;
}
static double workers(const struct figures_queue *q)
{
	return q->workers;
}
static double desired(const struct figures_queue *q)
{
	return q->desired_workers;
}
static double enqueued(const struct figures_queue *q)
{
	return (double)q->now.enqueued;
}
static double run_s(const struct figures_queue *q)
{
	return (double)q->now.run_us / 1e6;
}

/* Families with one sample a queue. */
static const struct {
	const char *name, *type, *help;
	double (*value)(const struct figures_queue *q);
} plain[] = {
	{ "square_queue_oldest_seconds", "gauge", "How long the job that is next has been waiting.", oldest_s },
	{ "square_queue_paused", "gauge", "Whether the queue gives nothing out.", paused },
	{ "square_queue_workers", "gauge", "Live instances that serve the queue.", workers },
	{ "square_queue_desired_workers", "gauge", "Instances that the queue should have.", desired },
	{ "square_queue_enqueued_total", "counter", "Jobs that entered the queue, those run again once more.",
	  enqueued },
	{ "square_queue_run_seconds_total", "counter", "Time that ended attempts spent running.", run_s },
};

/* Families with several: `%s{queue="…",LABEL="…"}`. Names of queues need no escaping. */
static void put_split(struct buf *out, const char *name, const char *label, const char *const *values,
		      const uint64_t *numbers, size_t n, const char *queue)
{
	for (size_t i = 0; i < n; i++)
		buf_printf(out, "%s{queue=\"%s\",%s=\"%s\"} %llu\n", name, queue, label, values[i],
			   (unsigned long long)numbers[i]);
}

static void put_queues(struct buf *out, const struct figures_list *list)
{
	static const char *const states[] = { "queued", "running", "delayed", "dead" };
	static const char *const outcomes[] = { "succeeded", "failed", "dead", "cancelled", "expired" };
	head(out, "square_queue_jobs", "gauge", "Jobs that a queue holds.");
	for (size_t i = 0; i < list->n; i++) {
		const struct queue_figures *f = &list->queues[i].now;
		const uint64_t numbers[] = { f->queued, f->running, f->delayed, f->dead };
		put_split(out, "square_queue_jobs", "state", states, numbers, 4, list->queues[i].name);
	}
	head(out, "square_queue_finished_total", "counter", "Jobs that reached a final state, by how they ended.");
	for (size_t i = 0; i < list->n; i++) {
		const struct queue_figures *f = &list->queues[i].now;
		const uint64_t numbers[] = { f->succeeded, f->failed, f->died, f->cancelled, f->expired };
		put_split(out, "square_queue_finished_total", "outcome", outcomes, numbers, 5, list->queues[i].name);
	}
	for (size_t k = 0; k < sizeof plain / sizeof *plain; k++) {
		head(out, plain[k].name, plain[k].type, plain[k].help);
		for (size_t i = 0; i < list->n; i++)
			buf_printf(out, "%s{queue=\"%s\"} %.15g\n", plain[k].name, list->queues[i].name,
				   plain[k].value(&list->queues[i]));
	}
}

static void on_queues(void *arg, int status, const struct figures_list *list)
{
	struct scrape *s = arg;
	struct buf text = BUF_INIT;
	if (!status && s->request->http) {
		put_queues(&text, list);
		exposition_add(s->all, text.data, text.len, NULL, NULL);
		buf_fini(&text);
	}
	one_less(s, status);
}

/* ---- the request ---- */

static struct scrape *scrape_new(struct request *r)
{
	struct scrape *s = calloc(1, sizeof *s);
	if (s)
		s->all = exposition_new();
	if (!s || !s->all) {
		free(s);
		return NULL;
	}
	s->extra = (struct request_extra){ settle, release };
	s->request = r;
	r->extra = &s->extra;
	return s;
}

void handle_metrics(struct request *r)
{
	struct scrape *s = scrape_new(r);
	struct buf own = BUF_INIT;
	if (!s) {
		response_unavailable(r, ERR_NOMEM);
		return;
	}
	meters_render(&own);
	exposition_add(s->all, own.data, own.len, INSTANCE_LABEL, r->reactor->options.instance);
	tell_own(r->reactor, &own);
	buf_fini(&own);
	s->pending = 3; /* the two calls, and this one */
	for (int i = 0; i < 3; i++)
		request_ref(r);
	int queues = figures_all(r->reactor->figures, on_queues, s), instances = ask_instances(s);
	if (!queues || !instances)
		request_due(r, clock_mono_us() + r->reactor->call_us, on_late);
	if (queues)
		one_less(s, queues);
	if (instances)
		one_less(s, instances);
	one_less(s, 0);
}
