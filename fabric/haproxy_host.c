/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "haproxy_host.h"

#include <sched.h>
#include <sys/resource.h>

#define CONNECTIONS 20000

/* HAProxy needs two descriptors a connection, and refuses to start when its limit is too low for its maxconn. */
unsigned haproxy_host_connections(void)
{
	struct rlimit limit;
	rlim_t fit;

	if (getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_max == RLIM_INFINITY)
		return CONNECTIONS;
	fit = limit.rlim_max > 1000 ? (limit.rlim_max - 500) / 2 : 200;
	return fit < CONNECTIONS ? (unsigned)fit : CONNECTIONS;
}

/* Like the reactors of the web role: the instances need the other half. */
unsigned haproxy_host_threads(void)
{
	cpu_set_t cores;
	int n = sched_getaffinity(0, sizeof(cores), &cores) == 0 ? CPU_COUNT(&cores) : 1;

	return n < 4 ? 1 : (unsigned)n / 2;
}
