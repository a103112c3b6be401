/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "web.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "clock.h"
#include "healthcheck.h"
#include "listener.h"
#include "log.h"
#include "reactor.h"

#define ENDPOINT HEALTHCHECK_WEB
#define REACTORS_MAX 64
#define SPARE_FDS 64              /* files besides the connections */
#define PROBED_LATELY_US 10000000 /* a load balancer watches /readyz */
#define LEAVE_MS 1500             /* until it has noticed that this instance leaves */
#define HURRY_BEFORE_MS 1000      /* of the drain time's end: waits are answered as they stand */
#define BREAK_GRACE_MS 2000
#define LOOK_MS 10

struct web {
	const struct startup *startup;
	struct auth *auth;
	struct limit *limit;
	struct peers *peers;
	struct reactor *reactors[REACTORS_MAX];
	pthread_t threads[REACTORS_MAX];
	unsigned count;
	unsigned running;
	sigset_t signals; /* all that is received */
	sigset_t ends;    /* those that hurry an end */
};

/* ---- opening ---- */

static unsigned reactor_count(const struct config *config)
{
	long cores = sysconf(_SC_NPROCESSORS_ONLN);
	unsigned n = (unsigned)config_int(config, CONFIG_REACTORS);
	if (n == 0)
		n = cores > 2 ? (unsigned)cores / 2 : 1; /* the others are for Redis and the workers */
	return n < REACTORS_MAX ? n : REACTORS_MAX;
}

/* Each connection is a file: at the limit the library would busy itself with accept(2) failing. */
static int check_files(const struct config *config, struct errinfo *info)
{
	struct rlimit limit;
	rlim_t want = (rlim_t)config_int(config, CONFIG_CONNECTIONS) + SPARE_FDS;
	if (getrlimit(RLIMIT_NOFILE, &limit))
		return errinfo_set(info, ERR_SYS, "getrlimit: %s", strerror(errno));
	if (limit.rlim_cur >= want)
		return 0;
	limit.rlim_cur = want < limit.rlim_max ? want : limit.rlim_max;
	if (limit.rlim_cur < want || setrlimit(RLIMIT_NOFILE, &limit))
		return errinfo_set(
		    info, ERR_SYS,
		    "Connections: %lld need %llu open files, the limit is %llu: raise it (ulimit -n) or lower "
		    "the setting",
		    (long long)config_int(config, CONFIG_CONNECTIONS), (unsigned long long)want,
		    (unsigned long long)limit.rlim_max);
	return 0;
}

/* Without authentication, whoever reaches the port may submit. */
static int check_open(const struct web *w, const struct roleenv_endpoint *at, struct errinfo *info)
{
	if (at->loopback || auth_required(w->auth) || config_bool(w->startup->config, CONFIG_ALLOW_ANONYMOUS))
		return 0;
	return errinfo_set(info, ERR_INVALID,
			   "%s is to listen on %s, which others can reach, and there is no authentication: expected "
			   "AuthTokensFile, or a loopback address, or AllowAnonymous=true if that is meant",
			   ENDPOINT, at->address);
}

/* What the reactors share. */
static int open_shared(struct web *w, struct errinfo *info)
{
	const struct config *config = w->startup->config;
	unsigned per_second = (unsigned)config_int(config, CONFIG_RATE_LIMIT_PER_SECOND);
	uint64_t seed;
	if (!(w->auth = auth_open(config, info)) || !(w->peers = peers_new(config, info)))
		return info->code;
	if (!per_second)
		return 0;
	if (getrandom(&seed, sizeof seed, 0) != sizeof seed)
		return errinfo_set(info, ERR_SYS, "getrandom: %s", strerror(errno));
	w->limit = limit_new(per_second, (unsigned)config_int(config, CONFIG_RATE_LIMIT_BURST), seed, clock_mono_us());
	return w->limit ? 0 : errinfo_set(info, ERR_NOMEM, "out of memory");
}

static int open_reactors(struct web *w, struct roleenv_endpoint *at, struct errinfo *info)
{
	int fds[REACTORS_MAX];
	uint64_t boot;
	unsigned n = reactor_count(w->startup->config);
	if (getrandom(&boot, sizeof boot, 0) != sizeof boot)
		return errinfo_set(info, ERR_SYS, "getrandom: %s", strerror(errno));
	int rc = listener_open(at->address, &at->port, fds, n, info);
	if (rc)
		return rc;
	for (unsigned i = 0; i < n; i++) {
		const struct reactor_options options = { .config = w->startup->config,
							 .auth = w->auth,
							 .limit = w->limit,
							 .peers = w->peers,
							 .roleenv = i ? NULL : w->startup->roleenv,
							 .shared_env = w->startup->roleenv,
							 .instance = roleenv_instance(w->startup->roleenv),
							 .no = i,
							 .reactors = n,
							 .boot = boot,
							 .listen_fd = fds[i] };
		struct reactor *r = rc ? NULL : reactor_new(&options, info);
		if (r) {
			w->reactors[w->count++] = r;
		} else {
			if (rc)
				close(fds[i]); /* an earlier one failed */
			rc = info->code;
		}
	}
	return rc;
}

static void on_recycle(void *arg)
{
	(void)arg;
	kill(getpid(), SIGTERM);
}

struct web *web_open(const struct startup *startup, struct errinfo *info)
{
	struct roleenv_endpoint at;
	struct web *w = calloc(1, sizeof *w);
	if (!w)
		log_fatal("out of memory");
	w->startup = startup;
	sigemptyset(&w->ends);
	sigaddset(&w->ends, SIGTERM);
	sigaddset(&w->ends, SIGINT);
	w->signals = w->ends;
	sigaddset(&w->signals, SIGHUP);
	sigaddset(&w->signals, SIGUSR1);
	sigaddset(&w->signals, SIGUSR2);
	pthread_sigmask(SIG_BLOCK, &w->signals, NULL); /* taken by sigtimedwait() in the main thread alone */
	signal(SIGPIPE, SIG_IGN);
	if (roleenv_endpoint(startup->roleenv, ENDPOINT, &at)) {
		errinfo_set(info, ERR_NOT_FOUND, "service.csdef: role %s has no endpoint %s",
			    roleenv_role(startup->roleenv), ENDPOINT);
	} else if (open_shared(w, info) == 0 && check_open(w, &at, info) == 0 &&
		   check_files(startup->config, info) == 0 && open_reactors(w, &at, info) == 0) {
		roleenv_bound(startup->roleenv, ENDPOINT, at.port);
		roleenv_on_recycle(startup->roleenv, on_recycle, NULL);
		log_info("%s listens on %s port %u with %u reactor%s", ENDPOINT, at.address, at.port, w->count,
			 w->count == 1 ? "" : "s");
		if (!auth_required(w->auth) && !at.loopback)
			log_warn("AllowAnonymous: whoever reaches %s may submit jobs and read all of them", at.address);
		return w;
	}
	web_close(w);
	return NULL;
}

/* ---- running and draining ---- */

static void *run_reactor(void *arg)
{
	reactor_run(arg);
	return NULL;
}

static void order(struct web *w, enum reactor_order what)
{
	for (unsigned i = 0; i < w->count; i++)
		reactor_order(w->reactors[i], what);
}

static bool all_ended(const struct web *w)
{
	for (unsigned i = 0; i < w->count; i++)
		if (!reactor_ended(w->reactors[i]))
			return false;
	return true;
}

/* Until all reactors have ended (true), or for ms, or until another signal (*hurried). */
static bool wait_ended(struct web *w, uint64_t ms, bool *hurried)
{
	const struct timespec look = { 0, LOOK_MS * 1000000L };
	uint64_t end_us = clock_mono_us() + ms * 1000;
	while (!all_ended(w)) {
		if (*hurried || clock_mono_us() >= end_us)
			return false;
		if (sigtimedwait(&w->ends, NULL, &look) > 0)
			*hurried = true;
	}
	return true;
}

static bool is_watched(const struct web *w)
{
	uint64_t now_us = clock_mono_us();
	for (unsigned i = 0; i < w->count; i++) {
		uint64_t at_us = atomic_load(&w->reactors[i]->probed_us);
		if (at_us && now_us - at_us < PROBED_LATELY_US)
			return true;
	}
	return false;
}

/* Out of rotation first, when somebody watches; then no new connections; then waits are cut short; then all is. */
static void drain(struct web *w)
{
	uint64_t drain_ms = (uint64_t)config_int(w->startup->config, CONFIG_DRAIN_SECONDS) * 1000, left_ms = drain_ms;
	bool hurried = false;
	order(w, REACTOR_LEAVE);
	if (is_watched(w)) {
		uint64_t leave_ms = LEAVE_MS < drain_ms / 2 ? LEAVE_MS : drain_ms / 2;
		wait_ended(w, leave_ms, &hurried);
		left_ms -= leave_ms;
	}
	order(w, REACTOR_DRAIN);
	uint64_t hurry_ms = HURRY_BEFORE_MS < left_ms / 2 ? HURRY_BEFORE_MS : left_ms / 2;
	if (wait_ended(w, left_ms - hurry_ms, &hurried))
		return;
	order(w, REACTOR_HURRY);
	if (wait_ended(w, hurry_ms, &hurried))
		return;
	log_warn("%s: cutting the connections that are left", hurried ? "second signal" : "the drain time is over");
	order(w, REACTOR_BREAK);
}

/* A thread that does not come back must not keep the process. */
static void join_all(struct web *w)
{
	struct timespec until;
	clock_gettime(CLOCK_REALTIME, &until);
	until.tv_sec += BREAK_GRACE_MS / 1000;
	order(w, all_ended(w) ? REACTOR_DRAIN : REACTOR_BREAK);
	for (; w->running; w->running--) {
		pthread_t thread = w->threads[w->running - 1];
		if (pthread_timedjoin_np(thread, NULL, &until) == 0)
			continue;
		order(w, REACTOR_BREAK);
		until.tv_sec += BREAK_GRACE_MS / 1000;
		if (pthread_timedjoin_np(thread, NULL, &until)) {
			log_error("a reactor does not end");
			_exit(1);
		}
	}
}

/* Reactors look at it when they are called. */
static void set_busy(struct web *w, bool busy)
{
	roleenv_set_busy(w->startup->roleenv, busy);
	log_info(busy ? "busy: out of rotation" : "not busy any more: in rotation again");
	order(w, REACTOR_RUN);
}

int web_run(struct web *w)
{
	siginfo_t info = { 0 };
	for (; w->running < w->count; w->running++)
		if (pthread_create(&w->threads[w->running], NULL, run_reactor, w->reactors[w->running]))
			log_fatal("cannot start a thread: %s", strerror(errno));
	while (info.si_signo != SIGTERM && info.si_signo != SIGINT) {
		if (sigwaitinfo(&w->signals, &info) < 0)
			continue; /* interrupted, by a debugger */
		if (info.si_signo == SIGHUP)
			roleenv_request_recycle(w->startup->roleenv); /* which sends SIGTERM */
		else if (info.si_signo == SIGUSR1 || info.si_signo == SIGUSR2)
			set_busy(w, info.si_signo == SIGUSR1);
	}
	log_info("%s: stopping, at most %lld s",
		 roleenv_recycling(w->startup->roleenv) ? "recycle"
		 : info.si_signo == SIGINT              ? "SIGINT"
							: "SIGTERM",
		 (long long)config_int(w->startup->config, CONFIG_DRAIN_SECONDS));
	return 0;
}

void web_stop(struct web *w)
{
	drain(w);
	join_all(w);
	log_info("stopped");
}

void web_close(struct web *w)
{
	for (unsigned i = 0; i < w->count; i++)
		reactor_free(w->reactors[i]);
	limit_free(w->limit);
	peers_free(w->peers);
	auth_close(w->auth);
	free(w);
}
