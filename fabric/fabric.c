/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "fabric.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "clock.h"
#include "log.h"
#include "member.h"
#include "probe.h"
#include "report.h"

#define FABRIC_START_MS 30000
#define FABRIC_START_EXITS 3      /* a process that ends this often before all is ready will not get better */
#define FABRIC_KILL_AFTER_MS 2000 /* past the drain time, which a role keeps by itself */
#define FABRIC_REDIS_STOP_MS 10000

enum fabric_phase {
	FABRIC_START_REDIS,
	FABRIC_START_ROLES,
	FABRIC_START_BALANCER,
	FABRIC_READY,
	FABRIC_STOP_ROLES,
	FABRIC_STOP_BALANCER,
	FABRIC_STOP_REDIS,
	FABRIC_DONE
};

/* A question that must be answered before the start goes on. */
struct fabric_wait {
	struct fabric *fabric;
	struct probe *probe;
	char what[128];
};

struct fabric {
	uv_loop_t loop;
	uv_signal_t signals[4];
	size_t n_signals;
	const struct plan *plan;
	struct rundir *dir;
	struct members members;
	enum fabric_phase phase;
	struct fabric_wait *waits;
	size_t n_waits, left;
	int ready_fd, status;
	uint64_t begin_us;
};

static void fabric_stop(struct fabric *f, int status);
static void fabric_advance(struct fabric *f);

/* ---- what others may read ---- */

static void fabric_report(struct fabric *f)
{
	const char *phase = f->phase < FABRIC_READY ? "starting" : f->phase == FABRIC_READY ? "ready" : "stopping";
	pid_t *pids = calloc(f->members.n, sizeof(*pids));
	struct buf text = BUF_INIT;
	struct errinfo info;

	for (size_t i = 0; pids && i < f->members.n; i++)
		pids[i] = child_pid(f->members.all[i].child);
	if (pids)
		rundir_record(f->dir, pids, f->members.n);
	free(pids);
	report_state(f->plan, f->dir, &f->members, phase, &text);
	if (rundir_write(f->dir, "state.json", &text, &info) != ERR_OK)
		log_warn("%s", info.text);
	buf_fini(&text);
}

static void fabric_welcome(struct fabric *f)
{
	struct buf text = BUF_INIT;

	report_welcome(f->plan, f->dir, &text);
	(void)fwrite(text.data, 1, text.len, stdout);
	(void)fflush(stdout);
	buf_fini(&text);
	if (f->ready_fd >= 0) {
		(void)dprintf(f->ready_fd, "ready\n");
		(void)close(f->ready_fd);
		f->ready_fd = -1;
	}
}

/* ---- waiting for answers ---- */

static void fabric_drop_waits(struct fabric *f)
{
	for (size_t i = 0; i < f->n_waits; i++)
		probe_cancel(f->waits[i].probe);
	free(f->waits);
	f->waits = NULL;
	f->n_waits = f->left = 0;
}

static void fabric_new_waits(struct fabric *f, size_t max)
{
	fabric_drop_waits(f);
	f->waits = calloc(max ? max : 1, sizeof(*f->waits));
	if (!f->waits)
		log_fatal("no memory for %zu probes", max);
}

static void on_fabric_answer(int status, const char *last, void *arg)
{
	struct fabric_wait *w = arg;
	struct fabric *f = w->fabric;

	w->probe = NULL;
	if (status != ERR_OK) {
		log_error("%s is not ready after %d s: %s; see the logs in %s/log", w->what, FABRIC_START_MS / 1000,
			  last, rundir_path(f->dir));
		fabric_stop(f, 1);
	} else if (--f->left == 0) {
		fabric_advance(f);
	}
}

static void fabric_wait_for(struct fabric *f, const struct probe_spec *question, const char *what)
{
	struct fabric_wait *w = &f->waits[f->n_waits++];
	struct probe_spec spec = *question;

	w->fabric = f;
	(void)snprintf(w->what, sizeof(w->what), "%s", what);
	spec.deadline_ms = FABRIC_START_MS;
	spec.on_done = on_fabric_answer;
	spec.arg = w;
	w->probe = probe_start(&f->loop, &spec);
	if (!w->probe)
		log_fatal("no memory to wait for %s", what);
	f->left++;
}

static void fabric_wait_endpoint(struct fabric *f, const struct plan_input *in, uint16_t port, const char *where)
{
	static const char refusal[] = "{\"jsonrpc\":\"2.0\",\"error\":{\"code\":-32003";
	bool is_http = in->endpoint->protocol == CSDEF_HTTP;
	struct probe_spec spec = { .port = port,
				   .question = is_http ? in->role->probe_question : "1\n",
				   .answer = is_http                   ? "HTTP/1.1 200"
					     : in->role->authenticates ? refusal
								       : "1" };
	char what[128];

	(void)snprintf(what, sizeof(what), "%s of %s, port %u,", in->endpoint->name, where, port);
	fabric_wait_for(f, &spec, what);
}

/* ---- the phases of the start ---- */

static void fabric_start_kind(struct fabric *f, enum member_kind kind)
{
	for (size_t i = 0; i < f->members.n; i++)
		if (f->members.all[i].kind == kind)
			child_start(f->members.all[i].child);
}

static void fabric_start_redis(struct fabric *f)
{
	struct probe_spec spec = { .unix_path = f->members.socket,
				   .question = f->members.redis_question,
				   .preface = "+OK\r\n", /* to AUTH */
				   .answer = "+PONG",
				   .but_patience = "-LOADING" };

	f->phase = FABRIC_START_REDIS;
	fabric_start_kind(f, MEMBER_REDIS);
	fabric_new_waits(f, 1);
	fabric_wait_for(f, &spec, "the private Redis");
}

static void fabric_start_roles(struct fabric *f)
{
	size_t max = 0;

	f->phase = FABRIC_START_ROLES;
	fabric_start_kind(f, MEMBER_INSTANCE);
	for (size_t i = 0; i < f->plan->n_inputs; i++)
		max += f->plan->inputs[i].role->n_instances;
	fabric_new_waits(f, max);
	for (size_t i = 0; i < f->plan->n_inputs; i++)
		for (unsigned k = 0; k < f->plan->inputs[i].role->n_instances; k++)
			fabric_wait_endpoint(f, &f->plan->inputs[i], plan_port(&f->plan->inputs[i], k),
					     f->plan->inputs[i].role->instances[k].id);
	if (f->left == 0)
		fabric_advance(f);
}

static void fabric_start_balancer(struct fabric *f)
{
	f->phase = FABRIC_START_BALANCER;
	fabric_start_kind(f, MEMBER_BALANCER);
	fabric_new_waits(f, f->plan->n_inputs);
	for (size_t i = 0; i < f->plan->n_inputs; i++)
		if (f->plan->inputs[i].role->n_instances > 0)
			fabric_wait_endpoint(f, &f->plan->inputs[i], f->plan->inputs[i].open.port, "the load balancer");
	if (f->left == 0)
		fabric_advance(f);
}

static void fabric_advance(struct fabric *f)
{
	if (f->phase == FABRIC_START_REDIS) {
		fabric_start_roles(f);
	} else if (f->phase == FABRIC_START_ROLES) {
		fabric_start_balancer(f);
	} else if (f->phase == FABRIC_START_BALANCER) {
		f->phase = FABRIC_READY;
		fabric_drop_waits(f);
		log_info("ready after %.2f s", (double)(clock_mono_us() - f->begin_us) / 1e6);
		fabric_welcome(f);
	}
	fabric_report(f);
}

/* ---- the phases of the stop ---- */

static bool fabric_kind_stopped(const struct fabric *f, enum member_kind kind)
{
	for (size_t i = 0; i < f->members.n; i++)
		if (f->members.all[i].kind == kind && !f->members.all[i].stopped)
			return false;
	return true;
}

static void fabric_stop_kind(struct fabric *f, enum member_kind kind)
{
	for (size_t i = 0; i < f->members.n; i++) {
		struct member *one = &f->members.all[i];
		if (one->kind != kind || one->stopped)
			continue;
		if (kind == MEMBER_INSTANCE)
			child_stop(one->child, SIGTERM, one->role->drain_s * 1000ULL + FABRIC_KILL_AFTER_MS);
		else
			child_stop(one->child, SIGTERM,
				   kind == MEMBER_REDIS ? FABRIC_REDIS_STOP_MS : FABRIC_KILL_AFTER_MS);
	}
}

static void fabric_stop_next(struct fabric *f)
{
	static const enum member_kind kinds[] = { MEMBER_INSTANCE, MEMBER_BALANCER, MEMBER_REDIS };

	/* child_stop() of something that does not run comes back here before it returns: hence the loop. */
	while (f->phase >= FABRIC_STOP_ROLES && f->phase < FABRIC_DONE &&
	       fabric_kind_stopped(f, kinds[f->phase - FABRIC_STOP_ROLES])) {
		f->phase++;
		if (f->phase < FABRIC_DONE)
			fabric_stop_kind(f, kinds[f->phase - FABRIC_STOP_ROLES]);
		else
			uv_stop(&f->loop);
	}
}

static void fabric_stop(struct fabric *f, int status)
{
	if (f->phase >= FABRIC_STOP_ROLES)
		return;
	f->status = status;
	f->phase = FABRIC_STOP_ROLES;
	fabric_drop_waits(f);
	log_info("stopping: instances drain, then the load balancer and Redis end");
	fabric_stop_kind(f, MEMBER_INSTANCE);
	fabric_stop_next(f);
	fabric_report(f);
}

static void fabric_kill(struct fabric *f)
{
	log_warn("interrupted again: everything is ended at once");
	f->status = 130;
	for (size_t i = 0; i < f->members.n; i++)
		if (!f->members.all[i].stopped)
			child_stop(f->members.all[i].child, SIGKILL, 0);
}

/* ---- events ---- */

static void on_fabric_child(struct child *c, enum child_event event, void *arg)
{
	struct fabric *f = arg;
	struct member *one = members_of(&f->members, c);

	if (event == CHILD_STOPPED) {
		one->stopped = true;
		fabric_stop_next(f);
	} else if (event == CHILD_EXITED && f->phase < FABRIC_READY && child_restarts(c) + 1 >= FABRIC_START_EXITS) {
		log_error("%s cannot be started; its log is %s", child_name(c), child_log_path(c));
		fabric_stop(f, 1);
	}
	fabric_report(f);
}

static void on_fabric_signal(uv_signal_t *handle, int signum)
{
	struct fabric *f = handle->data;

	if (signum == SIGCHLD) {
		for (size_t i = 0; i < f->members.n; i++)
			child_reap(f->members.all[i].child);
	} else if (f->phase < FABRIC_STOP_ROLES) {
		fabric_stop(f, 0);
	} else if (signum == SIGINT) {
		fabric_kill(f);
	}
}

/* ---- the whole ---- */

static void fabric_watch_signals(struct fabric *f)
{
	static const int numbers[] = { SIGCHLD, SIGTERM, SIGINT, SIGHUP };

	for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++) {
		uv_signal_t *s = &f->signals[f->n_signals++];
		if (uv_signal_init(&f->loop, s) != 0 || uv_signal_start(s, on_fabric_signal, numbers[i]) != 0)
			log_fatal("cannot watch signal %d", numbers[i]);
		s->data = f;
	}
	(void)signal(SIGPIPE, SIG_IGN);
}

static void fabric_close(struct fabric *f)
{
	fabric_drop_waits(f);
	members_free(&f->members);
	for (size_t i = 0; i < f->n_signals; i++)
		uv_close((uv_handle_t *)&f->signals[i], NULL);
	(void)uv_run(&f->loop, UV_RUN_DEFAULT);
	(void)uv_loop_close(&f->loop);
}

int fabric_run(const struct plan *plan, struct rundir *dir, int ready_fd)
{
	struct fabric f = { .plan = plan, .dir = dir, .ready_fd = ready_fd, .begin_us = clock_mono_us() };
	struct errinfo info;

	if (uv_loop_init(&f.loop) != 0)
		log_fatal("cannot make an event loop");
	if (members_prepare(&f.members, &f.loop, plan, dir, on_fabric_child, &f, &info) != ERR_OK) {
		log_error("%s", info.text);
		f.status = 1;
	} else {
		fabric_watch_signals(&f);
		fabric_start_redis(&f);
		(void)uv_run(&f.loop, UV_RUN_DEFAULT);
		log_info("stopped");
	}
	fabric_close(&f);
	return f.status;
}
