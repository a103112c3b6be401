/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A lane: its links, its calls, and what the queue looks like. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "buf.h"
#include "cut.h"
#include "loop_until.h"
#include "lua_check.h"

_Noreturn void cut_give_up(const char *what, const char *why)
{
	(void)fprintf(stderr, "cut: %s: %s\n", what, why);
	abort();
}

/* ---- lanes ---- */

struct rlink *cut_link(const struct cut_lane *l)
{
	return l->links[l->way];
}

static void on_greet(struct rlink *link, void *arg)
{
	(void)arg;
	queue_greet(link, false);
}

static void on_prepare(uv_prepare_t *prepare)
{
	struct cut_lane *l = prepare->data;

	for (unsigned i = 0; i < 2; i++)
		queue_submitter_flush(l->submitters[i]);
}

bool cut_is_up(void *arg)
{
	const struct cut_lane *l = arg;

	return rlink_up(cut_link(l));
}

static bool is_answered(void *arg)
{
	return ((struct cut_lane *)arg)->open == 0;
}

static void open_way(struct cut_lane *l, unsigned way, const char *url)
{
	struct errinfo info = { 0 };
	const struct rlink_options options = { .url = url,
					       .name = way == CUT_DIRECT ? "direct" : "cut",
					       .command_timeout_ms = CUT_DEADLINE_MS,
					       .on_greet = on_greet };

	l->links[way] = rlink_new(&l->loop, &options, &info);
	if (!l->links[way])
		cut_give_up("link", info.text);
	l->submitters[way] = queue_submitter_new(&l->loop, l->links[way], 1000, CUT_DEADLINE_MS);
	if (!l->submitters[way])
		cut_give_up("submitter", "no memory");
	l->way = way;
	if (!loop_until(&l->loop, cut_is_up, l, CUT_DEADLINE_MS))
		cut_give_up("expected the link to come up", rlink_error(l->links[way]));
}

void cut_open(struct cut_lane *l, struct chaos_run *run, const char *redis_socket, unsigned number)
{
	char queue[40], url[140];
	struct errinfo info = { 0 };

	*l = (struct cut_lane){ .run = run, .number = number };
	(void)snprintf(queue, sizeof queue, "cut%02u", number);
	(void)snprintf(url, sizeof url, "unix://%s", redis_socket);
	keys_tag(l->tag, queue, 0);
	idgen_init(&l->idgen);
	(void)uv_loop_init(&l->loop);
	l->proxy = proxy_start(redis_socket);
	l->sync = rsync_open(url, CUT_DEADLINE_MS, &info);
	if (!l->sync)
		cut_give_up("link", info.text);
	open_way(l, CUT_PROXIED, proxy_url(l->proxy));
	open_way(l, CUT_DIRECT, url);
	l->prepare.data = l;
	(void)uv_prepare_init(&l->loop, &l->prepare);
	(void)uv_prepare_start(&l->prepare, on_prepare);
}

static bool has_no_call(void *arg)
{
	const struct cut_lane *l = arg;
	struct rlink_stats stats;

	rlink_stats(l->links[CUT_PROXIED], &stats);
	return stats.in_flight == 0;
}

void cut_close(struct cut_lane *l)
{
	struct rlink_stats stats;
	struct proxy_stats network;

	/* questions that nobody waits for, as INFO behind a call, may be on their way still */
	(void)loop_until(&l->loop, has_no_call, l, CUT_DEADLINE_MS);
	rlink_stats(l->links[CUT_PROXIED], &stats);
	proxy_stats(l->proxy, &network);
	if (stats.in_flight)
		chaos_fail(l->run, "expected no call in flight in the end, came %u", stats.in_flight);
	if (network.open > 1)
		chaos_fail(l->run, "expected one connection in the end, came %u", network.open);
	(void)uv_prepare_stop(&l->prepare);
	uv_close((uv_handle_t *)&l->prepare, NULL);
	for (unsigned i = 0; i < 2; i++) {
		queue_submitter_free(l->submitters[i]);
		rlink_free(l->links[i]);
	}
	if (!loop_finish(&l->loop))
		chaos_fail(l->run, "expected no handle to be open in the end");
	rsync_close(l->sync);
	proxy_stop(l->proxy);
}

/* ---- calls ---- */

void cut_reset(struct cut_lane *l)
{
	static const char script[] = "local keys = redis.call('keys', ARGV[1] .. '*') "
				     "if #keys > 0 then redis.call('del', unpack(keys)) end return 1";
	struct errinfo info = { 0 };
	const struct rreply *r = rsync_words(l->sync, &info, "EVAL", script, "0", l->tag, NULL);

	if (!r || rreply_type(r) != RREPLY_INTEGER)
		cut_give_up("expected the queue to be emptied", r ? rreply_str(r, NULL) : info.text);
	for (unsigned i = 0; i < CUT_JOBS; i++) {
		struct id id = id_make(&l->idgen, 1);
		id_format(&id, l->ids[i]);
	}
}

int cut_ask(struct cut_lane *l, int (*ask)(struct cut_lane *l))
{
	l->answer[0] = '\0';
	l->status = 0;
	int rc = ask(l);
	if (rc)
		return rc;
	return loop_until(&l->loop, is_answered, l, CUT_DEADLINE_MS) ? l->status : ERR_TIMEOUT;
}

void cut_prepare(struct cut_lane *l, int (*ask)(struct cut_lane *l))
{
	l->way = CUT_DIRECT;
	int rc = cut_ask(l, ask);
	if (rc)
		cut_give_up("a call before the trial", err_text(rc));
}

static void put_key_size(struct buf *out, const struct lua_state *st, const char *name)
{
	const struct lua_key *key = lua_state_key(st, name);

	buf_printf(out, " %s=%zu", name, key ? key->size : 0);
}

char *cut_state(struct cut_lane *l, const char **why)
{
	static const char *const keys[] = { "w:high", "w:normal", "w:low", "d",  "x",       "lease", "recent",
					    "dead",   "bad",      "r:web", "mk", "r:other", "joined" };
	static const char *const counts[] = { "live", "run", "us", "n:s", "n:f", "n:x", "n:c", "n:e", "paused" };
	struct buf out = BUF_INIT;
	struct lua_state st;
	struct errinfo info = { 0 };

	if (lua_state_read(&st, l->sync, l->tag, &info))
		cut_give_up("reading the queue", info.text);
	const char *violated = lua_state_check(&st);
	*why = violated ? strdup(violated) : NULL;
	buf_printf(&out, "%zu jobs:", st.job_count);
	for (unsigned i = 0; i < CUT_JOBS; i++) {
		const struct lua_job *job = lua_state_job(&st, l->ids[i]);
		if (job && job->readable)
			buf_printf(&out, " %u:%c attempt %u flags %u '%.*s'", i, job->job.state, job->job.attempt,
				   job->job.flags, (int)job->job.outcome.n, job->job.outcome.p);
	}
	for (size_t i = 0; i < sizeof keys / sizeof *keys; i++)
		put_key_size(&out, &st, keys[i]);
	for (size_t i = 0; i < sizeof counts / sizeof *counts; i++)
		buf_printf(&out, " %s=%lld", counts[i], (long long)lua_state_count(&st, counts[i]));
	lua_state_fini(&st);
	char *text = buf_take(&out, NULL);
	if (!text)
		abort();
	return text;
}
