/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "proxy.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "clock.h"
#include "must.h"
#include "proxy_state.h"

/* ---- start and end ---- */

static int listen_unix(struct proxy *p, const char *redis_socket)
{
	static atomic_uint count;
	unsigned number = atomic_fetch_add(&count, 1);
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	p->redis.sun_family = p->own.sun_family = AF_UNIX;
	if ((size_t)snprintf(p->own.sun_path, sizeof p->own.sun_path, "%s.p%u", redis_socket, number) >=
	    sizeof p->own.sun_path)
		proxy_die("proxy: path of the socket");
	(void)snprintf(p->redis.sun_path, sizeof p->redis.sun_path, "%s", redis_socket);
	(void)snprintf(p->url, sizeof p->url, "unix://%s", p->own.sun_path);
	(void)unlink(p->own.sun_path);
	if (fd < 0 || bind(fd, (struct sockaddr *)&p->own, sizeof p->own) || listen(fd, 128))
		proxy_die("proxy: unix socket");
	return fd;
}

static int listen_tcp(struct proxy *p)
{
	struct sockaddr_in any = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t size = sizeof any;
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0 || bind(fd, (struct sockaddr *)&any, size) || listen(fd, 128) ||
	    getsockname(fd, (struct sockaddr *)&any, &size))
		proxy_die("proxy: port");
	(void)snprintf(p->tcp_url, sizeof p->tcp_url, "redis://127.0.0.1:%u", ntohs(any.sin_port));
	return fd;
}

struct proxy *proxy_start(const char *redis_socket)
{
	struct proxy *p = must_calloc(1, sizeof *p);
	pthread_condattr_t monotonic;
	p->unix_listener = listen_unix(p, redis_socket);
	p->tcp_listener = listen_tcp(p);
	p->wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	pthread_condattr_init(&monotonic);
	pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
	pthread_mutex_init(&p->lock, NULL);
	pthread_cond_init(&p->changed, &monotonic);
	pthread_condattr_destroy(&monotonic);
	if (p->wake < 0 || pthread_create(&p->thread, NULL, proxy_serve, p))
		proxy_die("proxy: thread");
	return p;
}

/* Takes the lock for a change, and gives it back with the thread awake. */
static void control_begin(struct proxy *p)
{
	pthread_mutex_lock(&p->lock);
}

static void control_end(struct proxy *p)
{
	static const uint64_t one = 1;
	if (write(p->wake, &one, sizeof one) < 0 && errno != EAGAIN)
		proxy_die("proxy: eventfd");
	pthread_mutex_unlock(&p->lock);
}

void proxy_stop(struct proxy *p)
{
	if (!p)
		return;
	control_begin(p);
	p->stopping = true;
	control_end(p);
	pthread_join(p->thread, NULL);
	for (struct conn *c = p->conns; c; c = c->next)
		proxy_end_conn(p, c, PROXY_CLOSE);
	proxy_bury(p);
	close(p->unix_listener);
	close(p->tcp_listener);
	close(p->wake);
	(void)unlink(p->own.sun_path);
	pthread_cond_destroy(&p->changed);
	pthread_mutex_destroy(&p->lock);
	free(p->fds);
	free(p);
}

const char *proxy_url(const struct proxy *p)
{
	return p->url;
}

const char *proxy_tcp_url(const struct proxy *p)
{
	return p->tcp_url;
}

/* ---- control ---- */

/* A fault that waits for a reply waits no more. */
static void disarm(struct proxy *p)
{
	for (struct conn *c = p->conns; c; c = c->next)
		c->strike_at = UINT64_MAX;
	p->taken = false;
	p->length = 0;
}

void proxy_strike(struct proxy *p, const struct proxy_fault *fault)
{
	control_begin(p);
	disarm(p);
	p->fault = *fault;
	if (fault->command) {
		(void)snprintf(p->command, sizeof p->command, "%s", fault->command);
		p->fault.command = p->command;
	}
	p->outcome = PROXY_ARMED;
	control_end(p);
}

enum proxy_outcome proxy_outcome(struct proxy *p, size_t *length)
{
	pthread_mutex_lock(&p->lock);
	enum proxy_outcome outcome = p->outcome;
	if (length)
		*length = p->length;
	pthread_mutex_unlock(&p->lock);
	return outcome;
}

enum proxy_outcome proxy_await(struct proxy *p, unsigned deadline_ms)
{
	uint64_t until_us = clock_mono_us() + deadline_ms * 1000ull;
	const struct timespec until = { (time_t)(until_us / 1000000), (long)(until_us % 1000000) * 1000 };
	pthread_mutex_lock(&p->lock);
	while (p->outcome == PROXY_ARMED && pthread_cond_timedwait(&p->changed, &p->lock, &until) == 0)
		;
	enum proxy_outcome outcome = p->outcome;
	pthread_mutex_unlock(&p->lock);
	return outcome;
}

void proxy_cut_all(struct proxy *p, enum proxy_action action)
{
	control_begin(p);
	for (struct conn *c = p->conns; c; c = c->next) {
		p->stats.cuts += !c->dead;
		proxy_end_conn(p, c, action);
	}
	control_end(p);
}

void proxy_delay(struct proxy *p, unsigned each_way_ms)
{
	control_begin(p);
	p->delay_ms = each_way_ms;
	control_end(p);
}

void proxy_black_hole(struct proxy *p)
{
	control_begin(p);
	p->hole = true;
	control_end(p);
}

void proxy_heal(struct proxy *p)
{
	control_begin(p);
	disarm(p);
	for (struct conn *c = p->conns; c; c = c->next) {
		c->held = c->struck = false;
		c->up.pass = c->down.pass = SIZE_MAX;
	}
	p->outcome = PROXY_NONE;
	p->delay_ms = 0;
	p->hole = false;
	control_end(p);
}

void proxy_stats(struct proxy *p, struct proxy_stats *out)
{
	pthread_mutex_lock(&p->lock);
	*out = p->stats;
	pthread_mutex_unlock(&p->lock);
}
