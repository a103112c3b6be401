/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "presence.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "clock.h"
#include "keys.h"
#include "log.h"

#define DUE_SLACK_MS 10 /* beyond the time when one that is late counts as gone */

struct presence {
	uv_timer_t timer;
	struct rlinks *links;
	struct presence_options options;
	struct buf json, metrics;
	uint64_t epoch, answered_us;
	uint64_t metrics_us; /* when metrics were told last; 0: not yet */
	bool heard;          /* an epoch was seen */
	bool view_owed;      /* the set has changed since it was last read */
	bool calling;        /* an announcement is in flight */
	bool reading;        /* HGETALL is in flight */
	bool with_catalogue; /* Redis asked for it */
	bool leaving, closed, timer_open;
	unsigned in_flight;
	void (*on_left)(void *arg);
	void *left_arg;
};

static void forget(struct presence *p)
{
	if (!p->closed || p->in_flight || p->timer_open)
		return;
	buf_fini(&p->json);
	buf_fini(&p->metrics);
	free(p);
}

static struct rlink *link_of(const struct presence *p)
{
	return rlinks_at(p->links, KEYS_REG);
}

static int ask(struct presence *p, struct rcmd *cmd, rlink_reply_cb *cb)
{
	int rc = rlink_send(link_of(p), cmd, cb, p);
	rcmd_fini(cmd);
	if (!rc)
		p->in_flight++;
	return rc;
}

/* ---- the view of the others ---- */

/* The reply of HGETALL alternates names and entries. */
static void on_instances(void *arg, int status, const struct rreply *reply)
{
	struct presence *p = arg;
	p->in_flight--;
	p->reading = false;
	p->view_owed = p->view_owed || status;
	size_t n = rreply_count(reply) / 2;
	const char **jsons = status || p->closed || n == 0 ? NULL : malloc(n * sizeof *jsons);
	if (jsons) {
		for (size_t i = 0; i < n; i++)
			jsons[i] = rreply_str(rreply_at(reply, 2 * i + 1), NULL);
		size_t bad = roleenv_update(p->options.env, jsons, n);
		if (bad)
			log_warn("presence: %zu unreadable entries in %s", bad, KEYS_REG_INST);
		free(jsons);
	}
	forget(p);
}

/* What could not be read now is read after the next announcement. */
static void read_instances(struct presence *p)
{
	struct rcmd cmd;
	if (!p->options.env || !p->view_owed || p->reading)
		return;
	rcmd_init(&cmd);
	rcmd_str(&cmd, "HGETALL");
	rcmd_str(&cmd, KEYS_REG_INST);
	p->reading = ask(p, &cmd, on_instances) == 0;
	p->view_owed = !p->reading;
}

static void on_epoch(struct presence *p, uint64_t epoch)
{
	bool changed = !p->heard || epoch != p->epoch;
	p->answered_us = clock_mono_us();
	p->heard = true;
	p->epoch = epoch;
	p->view_owed = p->view_owed || changed;
	read_instances(p);
	if (changed && p->options.on_changed)
		p->options.on_changed(p->options.arg, epoch);
}

/* ---- announcing ---- */

static void announce(struct presence *p);
static void on_timer(uv_timer_t *timer);

/* Somebody is late, and gone unless heard of within due_us: the next call is made just then. */
static void look_again(struct presence *p, int64_t due_us)
{
	uint64_t due_ms = due_us > 0 ? (uint64_t)due_us / 1000 + DUE_SLACK_MS : 0;
	if (due_ms && due_ms < uv_timer_get_due_in(&p->timer))
		uv_timer_start(&p->timer, on_timer, due_ms, p->options.interval_ms);
}

static void on_announced(void *arg, int status, const struct rreply *reply)
{
	struct presence *p = arg;
	p->in_flight--;
	p->calling = false;
	if (status == ERR_PROTOCOL)
		log_error("presence: %s", rreply_str(reply, NULL));
	if (!status && !p->closed && !p->leaving) {
		on_epoch(p, (uint64_t)rreply_int(rreply_at(reply, 1)));
		look_again(p, rreply_int(rreply_at(reply, 3)));
		bool wanted = rreply_int(rreply_at(reply, 2)) != 0;
		bool again = wanted && !p->with_catalogue;
		p->with_catalogue = wanted;
		if (again)
			announce(p);
	}
	forget(p);
}

/* What others react to, as one word: the entry without its load, and the catalogue's digest, hashed (FNV-1a). */
static void topology(const struct presence *p, const char *state, char out[17])
{
	struct buf b = BUF_INIT;
	uint64_t hash = 14695981039346656037u;
	roleenv_presence_json(p->options.env, &b, 0, 0, state);
	buf_puts(&b, p->options.digest ? p->options.digest : "");
	for (size_t i = 0; i < b.len; i++)
		hash = (hash ^ (unsigned char)b.data[i]) * 1099511628211u;
	buf_fini(&b);
	snprintf(out, 17, "%016llx", (unsigned long long)hash);
}

/* The text of the metrics when it is time to tell them again, else an empty one, which changes nothing. */
static void collect_metrics(struct presence *p)
{
	uint64_t now_us = clock_mono_us();
	struct buf *text = &p->metrics;
	buf_clear(text);
	if (!p->options.on_metrics || (p->metrics_us && now_us - p->metrics_us < PRESENCE_METRICS_US))
		return;
	p->options.on_metrics(p->options.arg, text);
	if (text->failed) {
		buf_clear(text);
		return;
	}
	p->metrics_us = now_us;
	if (text->len > PRESENCE_METRICS_MAX) {
		const char *end = memrchr(text->data, '\n', PRESENCE_METRICS_MAX);
		log_warn("presence: %zu bytes of metrics, the last ones beyond %d are left out", text->len,
			 PRESENCE_METRICS_MAX);
		text->len = end ? (size_t)(end + 1 - text->data) : 0;
	}
}

static void announce(struct presence *p)
{
	struct presence_load load = { 0, 0, "ready" };
	struct rcmd cmd;
	char word[17];
	if (p->options.on_load)
		p->options.on_load(p->options.arg, &load);
	buf_clear(&p->json);
	roleenv_presence_json(p->options.env, &p->json, load.running, load.capacity, load.state);
	topology(p, load.state, word);
	rcmd_init(&cmd);
	rcmd_fcall(&cmd, "sq_presence", KEYS_REG);
	rcmd_str(&cmd, roleenv_instance(p->options.env));
	rcmd_arg(&cmd, p->json.data, p->json.len);
	rcmd_uint(&cmd, PRESENCE_TTL_US);
	rcmd_str(&cmd, word);
	rcmd_str(&cmd, p->options.digest ? p->options.digest : "");
	rcmd_str(&cmd, p->with_catalogue && p->options.catalogue ? p->options.catalogue : "");
	collect_metrics(p);
	rcmd_arg(&cmd, p->metrics.data, p->metrics.len);
	p->calling = ask(p, &cmd, on_announced) == 0;
}

static void on_heard(void *arg, int status, const struct rreply *reply)
{
	struct presence *p = arg;
	p->in_flight--;
	p->calling = false;
	if (!status && !p->closed)
		on_epoch(p, (uint64_t)rreply_int(reply));
	forget(p);
}

static void listen_only(struct presence *p)
{
	struct rcmd cmd;
	rcmd_init(&cmd);
	rcmd_str(&cmd, "GET");
	rcmd_str(&cmd, KEYS_REG_EPOCH);
	p->calling = ask(p, &cmd, on_heard) == 0;
}

void presence_announce(struct presence *p)
{
	if (p->calling || p->leaving || !rlink_up(link_of(p)))
		return;
	if (p->options.env)
		announce(p);
	else
		listen_only(p);
}

static void on_timer(uv_timer_t *timer)
{
	presence_announce(timer->data);
}

struct presence *presence_new(uv_loop_t *loop, struct rlinks *links, const struct presence_options *options)
{
	struct presence *p = calloc(1, sizeof *p);
	if (!p)
		return NULL;
	p->links = links;
	p->options = *options;
	if (!p->options.interval_ms)
		p->options.interval_ms = PRESENCE_EVERY_MS;
	uv_timer_init(loop, &p->timer);
	p->timer.data = p;
	p->timer_open = true;
	uv_timer_start(&p->timer, on_timer, 0, p->options.interval_ms);
	return p;
}

/* ---- leaving ---- */

static void on_left(void *arg, int status, const struct rreply *reply)
{
	struct presence *p = arg;
	(void)status, (void)reply;
	p->in_flight--;
	if (p->on_left && !p->closed)
		p->on_left(p->left_arg);
	forget(p);
}

void presence_leave(struct presence *p, void (*done)(void *arg), void *arg)
{
	struct rcmd cmd;
	p->leaving = true;
	p->on_left = done;
	p->left_arg = arg;
	uv_timer_stop(&p->timer);
	rcmd_init(&cmd);
	if (p->options.env) {
		rcmd_fcall(&cmd, "sq_presence", KEYS_REG);
		rcmd_str(&cmd, roleenv_instance(p->options.env));
		rcmd_str(&cmd, ""); /* no entry: withdrawn */
		rcmd_uint(&cmd, PRESENCE_TTL_US);
		for (int i = 0; i < 3; i++)
			rcmd_str(&cmd, "");
		if (ask(p, &cmd, on_left) == 0)
			return;
	}
	rcmd_fini(&cmd);
	done(arg);
}

static void on_timer_closed(uv_handle_t *timer)
{
	struct presence *p = timer->data;
	p->timer_open = false;
	forget(p);
}

void presence_free(struct presence *p)
{
	if (!p || p->closed)
		return;
	p->closed = true;
	uv_close((uv_handle_t *)&p->timer, on_timer_closed);
}

uint64_t presence_answered_us(const struct presence *p)
{
	return p->answered_us;
}
