/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The load balancer honours what an instance says of itself: a busy worker gets no new connection, keeps those it has,
 * and gets new ones when it is busy no more; one that is recycled is back. And the local resources of a definition of
 * one's own. The local fabric with its real HAProxy. */
#include <check.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "fabric_run.h"
#include "http_client.h"
#include "proc.h"
#include "readfile.h"
#include "suite_run.h"
#include "wait_until.h"

#define SOON_MS 20000
#define CROWD 8
#define ONE "WorkerRole_IN_0"

/* Asks on a connection that stays open. */
static bool squares(int fd)
{
	char answer[8] = "";

	return send(fd, "12\n", 3, MSG_NOSIGNAL) == 3 && recv(fd, answer, sizeof answer - 1, 0) == 4 &&
	       strcmp(answer, "144\n") == 0;
}

/* How many connections stand at a local port, by the kernel's table: "local_address rem_address st", hexadecimal. */
static unsigned established(unsigned port)
{
	char line[256];
	unsigned at, state, n = 0;
	FILE *in = fopen("/proc/net/tcp", "re");

	ck_assert_ptr_nonnull(in);
	while (fgets(line, sizeof line, in))
		n += sscanf(line, " %*u: %*x:%x %*x:%*x %x", &at, &state) == 2 && at == port && state == 1;
	(void)fclose(in);
	return n;
}

struct crowd {
	struct fabric_run *f;
	unsigned port;   /* of one worker, behind the balancer */
	unsigned before; /* connections that stood there already */
	bool some;       /* expected: some come there; else: none */
};

/* Opens several connections at once, which the balancer spreads over all workers in rotation. */
static bool spreads_as_expected(void *arg)
{
	const struct crowd *c = arg;
	int fds[CROWD];
	bool good = true;

	for (size_t i = 0; i < CROWD; i++) {
		fds[i] = tcp_client_connect(fabric_run_tcp(c->f), SOON_MS);
		good = good && fds[i] >= 0 && squares(fds[i]);
	}
	bool some = established(c->port) > c->before;
	for (size_t i = 0; i < CROWD; i++)
		if (fds[i] >= 0)
			close(fds[i]);
	ck_assert_msg(good, "a call was not answered while a worker went out of rotation or came back");
	return some == c->some;
}

START_TEST(test_busy_worker_gets_no_connection)
{
	struct fabric_run *f = fabric_run_start(NULL);
	struct crowd c = { f, fabric_run_port_of(f, ONE, "SquareEndpoint"), 0, true };
	int kept[CROWD];

	ck_assert(wait_until(spreads_as_expected, &c, SOON_MS));
	for (size_t i = 0; i < CROWD; i++) {
		kept[i] = tcp_client_connect(fabric_run_tcp(f), SOON_MS);
		ck_assert(kept[i] >= 0 && squares(kept[i]));
	}
	ck_assert_uint_gt(established(c.port), 0);
	(void)kill(fabric_run_pid_of(f, ONE), SIGUSR1);
	c.some = false;
	c.before = CROWD; /* the kept ones at most */
	ck_assert_msg(wait_until(spreads_as_expected, &c, SOON_MS), "the busy worker stays in rotation");
	for (size_t i = 0; i < CROWD; i++) {
		ck_assert_msg(squares(kept[i]), "a connection that the worker had is lost");
		close(kept[i]);
	}
	c.before = 0;
	ck_assert_msg(wait_until(spreads_as_expected, &c, SOON_MS), "the busy worker gets connections");
	(void)kill(fabric_run_pid_of(f, ONE), SIGUSR2);
	c.some = true;
	ck_assert_msg(wait_until(spreads_as_expected, &c, SOON_MS), "the worker does not come back into rotation");
	ck_assert_int_eq(fabric_run_stop(f), 0);
}
END_TEST

/* Recycled: no call fails meanwhile, and another process of the same name serves afterwards. */
START_TEST(test_recycled_worker_is_back)
{
	struct fabric_run *f = fabric_run_start(NULL);
	struct crowd c = { f, fabric_run_port_of(f, ONE, "SquareEndpoint"), 0, true };
	pid_t old = fabric_run_pid_of(f, ONE);

	ck_assert(wait_until(spreads_as_expected, &c, SOON_MS));
	(void)kill(old, SIGHUP);
	c.some = false;
	ck_assert(wait_until(spreads_as_expected, &c, SOON_MS));
	ck_assert_int_ne(fabric_run_wait_new(f, ONE, old, SOON_MS), 0);
	c.some = true;
	ck_assert(wait_until(spreads_as_expected, &c, SOON_MS));
	ck_assert_int_eq(fabric_run_stop(f), 0);
}
END_TEST

/* The definition's text with LocalResources in the worker role, as files in a folder. */
static void write_definition(const char *dir)
{
	static const char resources[] =
	    "<LocalResources><LocalStorage name=\"Scratch\" sizeInMB=\"1\"/></LocalResources>\n  ";
	char path[300];
	struct errinfo info;
	char *text = readfile(proc_source("service.csdef"), 1 << 20, NULL, &info);
	char *at = text ? strstr(text, "</WorkerRole>") : NULL;

	ck_assert_ptr_nonnull(at);
	(void)snprintf(path, sizeof path, "%.200s/service.csdef", dir);
	FILE *out = fopen(path, "we");
	ck_assert_ptr_nonnull(out);
	(void)fprintf(out, "%.*s%s%s", (int)(at - text), text, resources, at);
	ck_assert_int_eq(fclose(out), 0);
	free(text);
}

START_TEST(test_local_resources_are_made)
{
	char dir[] = "/tmp/square-test.XXXXXX", definition[300], configuration[300], path[600];
	const char *const env[] = { "WEB_INSTANCES=0", "WORKER_INSTANCES=2", NULL };

	ck_assert_ptr_nonnull(mkdtemp(dir));
	write_definition(dir);
	(void)snprintf(definition, sizeof definition, "%s/service.csdef", dir);
	(void)snprintf(configuration, sizeof configuration, "%s", proc_source("service.cscfg"));
	struct fabric_run *f = fabric_run_start_with(definition, configuration, NULL, env);
	for (int i = 0; i < 2; i++) {
		(void)snprintf(path, sizeof path, "%.400s/local/WorkerRole_IN_%d/Scratch", fabric_run_dir(f), i);
		ck_assert_msg(access(path, W_OK) == 0, "%s is not there", path);
	}
	ck_assert_int_eq(fabric_run_stop(f), 0);
	(void)unlink(definition);
	(void)rmdir(dir);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("rotation");
	TCase *core = tcase_create("core");

	tcase_set_timeout(core, 180);
	tcase_add_test(core, test_busy_worker_gets_no_connection);
	tcase_add_test(core, test_recycled_worker_is_back);
	tcase_add_test(core, test_local_resources_are_made);
	suite_add_tcase(s, core);
	return suite_run(s);
}
