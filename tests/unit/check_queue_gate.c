/* SPDX-License-Identifier: GPL-3.0-or-later */
/* When verdicts are told: the submitter against a server whose answers a test writes down, so that each state of the
 * appendonly file and of the replicas can be had at will. The server runs on the same loop. */
#include <check.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "buf.h"
#include "loop_until.h"
#include "queue.h"
#include "suite_run.h"

#define DEADLINE_MS 10000
#define LONG_MS 8000

/* ---- the server ---- */

static struct server {
	char dir[40], socket[60], url[80];
	uv_loop_t loop;
	uv_pipe_t listener;
	uv_pipe_t *client;
	struct buf in;
	/* what it says */
	const char *enqueued;                        /* the reply to FCALL */
	bool aof, write_ok, fsync_runs, silent_wait; /* blocked in WAIT: nothing behind it is answered */
	bool silent, silent_role;                    /* INFO, ROLE are not answered */
	unsigned base, size, held, replicas;
	/* what it was asked */
	unsigned connections, fcalls, infos, waits, roles;
} server;

static void on_written(uv_write_t *w, int status)
{
	(void)status;
	free(w);
}

static void say(const char *text)
{
	size_t n = strlen(text);
	uv_write_t *w = malloc(sizeof *w + n);
	memcpy(w + 1, text, n);
	uv_buf_t buf = uv_buf_init((char *)(w + 1), (unsigned)n);
	uv_write(w, (uv_stream_t *)server.client, &buf, 1, on_written);
}

static void say_info(void)
{
	char text[600], reply[700];
	int n = snprintf(text, sizeof text, "# Persistence\r\naof_enabled:%d\r\naof_last_write_status:%s\r\n",
			 server.aof, server.write_ok ? "ok" : "err");
	if (server.aof)
		n += snprintf(text + n, sizeof text - (size_t)n,
			      "aof_current_size:%u\r\naof_base_size:%u\r\naof_buffer_length:%u\r\n"
			      "aof_pending_bio_fsync:%d\r\n",
			      server.size, server.base, server.held, server.fsync_runs);
	snprintf(reply, sizeof reply, "$%d\r\n%s\r\n", n, text);
	say(reply);
}

static void say_replicas(void)
{
	char text[20];
	snprintf(text, sizeof text, ":%u\r\n", server.replicas);
	say(text);
}

static void say_role(void)
{
	say("*1\r\n$6\r\nmaster\r\n");
}

static void answer(const char *command)
{
	if (strcmp(command, "FCALL") == 0) {
		server.fcalls++;
		say(server.enqueued);
	} else if (strcmp(command, "INFO") == 0) {
		server.infos++;
		if (!server.silent_wait && !server.silent)
			say_info();
	} else if (strcmp(command, "WAIT") == 0) {
		server.waits++;
		if (!server.silent_wait)
			say_replicas();
	} else if (strcmp(command, "ROLE") == 0) {
		server.roles++;
		if (!server.silent_role)
			say_role();
	} else {
		say("+OK\r\n");
	}
}

/* A number of RESP behind its first character, and past its line. NULL: there is more to come. */
static const char *number(const char *p, const char *end, long *n)
{
	const char *line = p < end ? memchr(p, '\n', (size_t)(end - p)) : NULL;
	*n = line ? strtol(p + 1, NULL, 10) : 0;
	return line ? line + 1 : NULL;
}

/* The first command in what came, its name copied. How many bytes it has; 0: not all of it is there. */
static size_t one_command(char name[16])
{
	const char *begin = server.in.data, *end = begin + server.in.len, *p;
	long words, length;
	p = number(begin, end, &words);
	for (long i = 0; p && i < words; i++) {
		p = number(p, end, &length);
		if (p && i == 0)
			snprintf(name, 16, "%.*s", (int)length, p);
		p = p && p + length + 2 <= end ? p + length + 2 : NULL;
	}
	return p ? (size_t)(p - begin) : 0;
}

static void on_alloc(uv_handle_t *handle, size_t size, uv_buf_t *buf)
{
	static char room[65536];
	(void)handle, (void)size;
	*buf = uv_buf_init(room, sizeof room);
}

static void on_freed(uv_handle_t *handle)
{
	free(handle);
}

static void drop(void)
{
	if (server.client)
		uv_close((uv_handle_t *)server.client, on_freed);
	server.client = NULL;
	buf_clear(&server.in);
}

static void on_data(uv_stream_t *stream, ssize_t n, const uv_buf_t *buf)
{
	char name[16];
	size_t taken;
	if (stream != (uv_stream_t *)server.client)
		return;
	if (n < 0) {
		drop();
		return;
	}
	buf_append(&server.in, buf->base, (size_t)n);
	while (server.client && server.in.len && (taken = one_command(name))) {
		memmove(server.in.data, server.in.data + taken, server.in.len - taken);
		server.in.len -= taken;
		answer(name);
	}
}

static void on_connection(uv_stream_t *listener, int status)
{
	ck_assert_int_eq(status, 0);
	drop();
	server.client = malloc(sizeof *server.client);
	uv_pipe_init(&server.loop, server.client, 0);
	ck_assert_int_eq(uv_accept(listener, (uv_stream_t *)server.client), 0);
	uv_read_start((uv_stream_t *)server.client, on_alloc, on_data);
	server.connections++;
}

/* ---- the submitter ---- */

static struct rlink *l;
static struct queue_submitter *submitter;
static struct durability durability;
static struct idgen idgen;
static uv_prepare_t prepare;

static void on_prepare(uv_prepare_t *p)
{
	(void)p;
	queue_submitter_flush(submitter);
}

static bool is_up(void *arg)
{
	(void)arg;
	return rlink_up(l);
}

static void start(unsigned replicas, unsigned deadline_ms)
{
	memset(&server, 0, sizeof server);
	server.enqueued = "*1\r\n:1000\r\n";
	server.aof = server.write_ok = true;
	strcpy(server.dir, "/tmp/square-gate-XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(server.dir));
	snprintf(server.socket, sizeof server.socket, "%s/s", server.dir);
	snprintf(server.url, sizeof server.url, "unix://%s", server.socket);
	uv_loop_init(&server.loop);
	uv_pipe_init(&server.loop, &server.listener, 0);
	ck_assert_int_eq(uv_pipe_bind(&server.listener, server.socket), 0);
	ck_assert_int_eq(uv_listen((uv_stream_t *)&server.listener, 8, on_connection), 0);
	const struct rlink_options options = { .url = server.url, .name = "check" };
	durability = (struct durability){ .aof = true, .fsync = DURABILITY_EVERYSEC, .replicas = replicas };
	idgen_init(&idgen);
	l = rlink_new(&server.loop, &options, NULL);
	submitter = queue_submitter_new_durable(&server.loop, l, &durability, 1000, deadline_ms);
	ck_assert_ptr_nonnull(submitter);
	uv_prepare_init(&server.loop, &prepare);
	uv_prepare_start(&prepare, on_prepare);
	ck_assert(loop_until(&server.loop, is_up, NULL, DEADLINE_MS));
}

static void stop(void)
{
	queue_submitter_free(submitter);
	rlink_free(l);
	uv_close((uv_handle_t *)&prepare, NULL);
	uv_close((uv_handle_t *)&server.listener, NULL);
	drop();
	ck_assert(loop_finish(&server.loop));
	buf_fini(&server.in);
	unlink(server.socket);
	rmdir(server.dir);
}

struct outcome {
	unsigned told;
	int status;
	enum queue_verdict verdict;
	char id[ID_TEXT_SIZE];
	uint64_t at;
};

static void on_submitted(void *arg, int status, enum queue_verdict verdict, const char *id, uint64_t at)
{
	struct outcome *o = arg;
	*o = (struct outcome){ o->told + 1, status, verdict, "", at };
	snprintf(o->id, sizeof o->id, "%s", id);
}

static void submit(struct outcome *o)
{
	struct id raw = id_make(&idgen, 1);
	char id[ID_TEXT_SIZE];
	id_format(&raw, id);
	*o = (struct outcome){ 0 };
	const struct queue_submit job = { .tag = "{jq:math:0}",
					  .id = id,
					  .job = { .priority = JOB_NORMAL,
						   .max_attempts = 3,
						   .result_ttl_s = 60,
						   .timeout_ms = 1000,
						   .cache = 'b',
						   .op = { "square", 6 },
						   .args = { "[12]", 4 } } };
	ck_assert_int_eq(queue_submit(submitter, &job, on_submitted, o), 0);
}

static bool is_told(void *arg)
{
	return ((struct outcome *)arg)->told > 0;
}

static void expect(struct outcome *o, int status)
{
	ck_assert(loop_until(&server.loop, is_told, o, DEADLINE_MS));
	ck_assert_uint_eq(o->told, 1);
	ck_assert_int_eq(o->status, status);
}

static bool has_count(void *arg)
{
	const unsigned *const *pair = arg;
	return *pair[0] >= *pair[1];
}

/* Until the server has been asked so many more of these. */
static void wait_for(unsigned *count, unsigned more)
{
	unsigned wanted = *count + more;
	const unsigned *pair[] = { count, &wanted };
	ck_assert(loop_until(&server.loop, has_count, pair, DEADLINE_MS));
}

/* ---- the file ---- */

START_TEST(test_told_when_no_fsync_runs)
{
	struct outcome o;
	start(0, LONG_MS);
	server.held = 50;
	submit(&o);
	expect(&o, 0);
	ck_assert_uint_eq(o.at, 1000);
	ck_assert_uint_eq(server.infos, 1);
	ck_assert_uint_eq(server.waits, 0);
	stop();
}
END_TEST

START_TEST(test_held_until_written)
{
	struct outcome o, later;
	start(0, LONG_MS);
	server.fsync_runs = true;
	server.size = 100;
	server.held = 50;
	submit(&o);
	wait_for(&server.infos, 3);
	ck_assert_uint_eq(o.told, 0);
	server.size = 149;
	server.held = 20;
	submit(&later); /* at 169 */
	wait_for(&server.infos, 3);
	ck_assert_uint_eq(o.told, 0);
	server.size = 168;
	expect(&o, 0);
	wait_for(&server.infos, 2);
	ck_assert_uint_eq(later.told, 0);
	server.size = 169;
	expect(&later, 0);
	ck_assert_uint_eq(server.fcalls, 2);
	stop();
}
END_TEST

START_TEST(test_held_until_fsync_ends)
{
	struct outcome o;
	start(0, LONG_MS);
	server.fsync_runs = true;
	server.held = 50;
	submit(&o);
	wait_for(&server.infos, 3);
	ck_assert_uint_eq(o.told, 0);
	server.fsync_runs = false;
	expect(&o, 0);
	stop();
}
END_TEST

START_TEST(test_held_across_rewrite)
{
	struct outcome o;
	start(0, LONG_MS);
	server.fsync_runs = true;
	server.size = 100;
	server.held = 50;
	submit(&o);
	wait_for(&server.infos, 2);
	server.base = 800;
	server.size = 900;
	wait_for(&server.infos, 3);
	ck_assert_uint_eq(o.told, 0);
	server.size = 950;
	expect(&o, 0);
	stop();
}
END_TEST

START_TEST(test_verdicts_are_kept)
{
	static const char first[] = "01a204a9-ac0b-777b-8000-fcb4f7644901";
	struct outcome o[4];
	start(0, LONG_MS);
	server.enqueued = "*5\r\n:7\r\n$37\r\nR01a204a9-ac0b-777b-8000-fcb4f7644901\r\n$1\r\nF\r\n$4\r\nA123\r\n"
			  "$1\r\n?\r\n";
	server.fsync_runs = true;
	server.held = 50;
	for (int i = 0; i < 4; i++)
		submit(&o[i]);
	wait_for(&server.infos, 2);
	server.fsync_runs = false;
	expect(&o[3], ERR_PROTOCOL);
	ck_assert_int_eq(o[0].verdict, QUEUE_REPLAYED);
	ck_assert_str_eq(o[0].id, first);
	ck_assert_int_eq(o[1].verdict, QUEUE_REFUSED_FULL);
	ck_assert_int_eq(o[2].verdict, QUEUE_ACCEPTED);
	ck_assert_uint_eq(o[2].at, 123);
	stop();
}
END_TEST

/* As long as Redis answers, who waits is not told "perhaps". */
START_TEST(test_deadline_put_off)
{
	struct outcome o;
	start(0, 500);
	server.fsync_runs = true;
	server.held = 50;
	submit(&o);
	wait_for(&server.infos, 100); /* one in 10 ms */
	ck_assert_uint_eq(o.told, 0);
	server.fsync_runs = false;
	expect(&o, 0);
	stop();
}
END_TEST

/* But not for ever; and what is sent meanwhile has its own time. */
START_TEST(test_deadline_while_held)
{
	struct outcome o, silent;
	start(0, 500);
	server.fsync_runs = true;
	server.held = 50;
	submit(&o);
	expect(&o, ERR_TIMEOUT);
	server.fsync_runs = false;
	submit(&o);
	expect(&o, 0);
	server.silent = true;
	submit(&silent);
	expect(&silent, ERR_TIMEOUT);
	stop();
}
END_TEST

START_TEST(test_write_failed)
{
	struct outcome o;
	start(0, LONG_MS);
	server.write_ok = false;
	submit(&o);
	expect(&o, ERR_UNKNOWN);
	stop();
}
END_TEST

/* What another connection says of its file is nothing to what was answered on this one: the job is given anew. */
START_TEST(test_link_lost_while_held)
{
	struct outcome o;
	start(0, LONG_MS);
	server.enqueued = "*2\r\n:7\r\n$37\r\nR01a204a9-ac0b-777b-8000-fcb4f7644901\r\n";
	server.fsync_runs = true;
	server.held = 50;
	submit(&o);
	wait_for(&server.infos, 1 + (unsigned)_i % 4);
	drop();
	server.enqueued = "*1\r\n:8\r\n";
	server.fsync_runs = false;
	expect(&o, 0);
	ck_assert_uint_eq(server.fcalls, 2);
	ck_assert_uint_eq(server.connections, 2);
	ck_assert_int_eq(o.verdict, QUEUE_ACCEPTED); /* the answer of the second time */
	ck_assert_uint_eq(o.at, 8);
	stop();
}
END_TEST

static bool never(void *arg)
{
	(void)arg;
	return false;
}

/* Nor is it asked while it is greeted: nobody knows yet that it is another one. */
START_TEST(test_link_greeted_while_held)
{
	struct outcome o;
	start(0, LONG_MS);
	server.fsync_runs = true;
	server.held = 50;
	submit(&o);
	wait_for(&server.infos, 4); /* from now on each 10 ms */
	server.silent_role = true;
	drop();
	server.fsync_runs = false;
	wait_for(&server.roles, 1);
	unsigned infos = server.infos;
	loop_until(&server.loop, never, NULL, 50);
	ck_assert_uint_eq(server.infos, infos);
	ck_assert_uint_eq(o.told, 0);
	say_role();
	expect(&o, 0);
	ck_assert_uint_eq(server.fcalls, 2);
	stop();
}
END_TEST

START_TEST(test_appendonly_switched_off)
{
	struct outcome o;
	start(0, LONG_MS);
	server.aof = false;
	submit(&o);
	wait_for(&server.connections, 1);
	ck_assert_uint_eq(o.told, 0);
	server.aof = true;
	expect(&o, 0);
	stop();
}
END_TEST

START_TEST(test_freed_while_held)
{
	struct outcome o;
	start(_i % 2 ? 1 : 0, LONG_MS);
	server.replicas = 1;
	server.fsync_runs = true;
	server.held = 50;
	submit(&o);
	wait_for(&server.infos, 1 + (unsigned)_i / 2);
	stop();
	ck_assert_uint_eq(o.told, 1);
	ck_assert_int_eq(o.status, ERR_CLOSED);
}
END_TEST

/* Only the link goes: what never left may be given to another one, what did is perhaps accepted. */
START_TEST(test_link_goes)
{
	struct outcome o;
	start(0, LONG_MS);
	server.fsync_runs = true;
	server.held = 50;
	submit(&o);
	if (_i)
		wait_for(&server.infos, 1);
	queue_submitter_free_unlinked(submitter);
	submitter = NULL;
	ck_assert_uint_eq(o.told, 1);
	ck_assert_int_eq(o.status, _i ? ERR_UNKNOWN : ERR_UNAVAILABLE);
	stop();
	ck_assert_uint_eq(o.told, 1);
}
END_TEST

/* ---- replicas ---- */

START_TEST(test_replicas_have_it)
{
	struct outcome o;
	unsigned answered;
	start(2, LONG_MS);
	server.replicas = 2;
	submit(&o);
	expect(&o, 0);
	ck_assert_uint_eq(server.waits, 1);
	ck_assert(!queue_submitter_short(submitter, &answered));
	ck_assert_uint_eq(answered, 2);
	stop();
}
END_TEST

START_TEST(test_replicas_and_file)
{
	struct outcome o;
	start(1, LONG_MS);
	server.replicas = 1;
	server.fsync_runs = true;
	server.held = 50;
	submit(&o);
	wait_for(&server.infos, 3);
	ck_assert_uint_eq(o.told, 0);
	ck_assert_uint_eq(server.waits, 1); /* it is on the replicas: only the file is asked about */
	server.fsync_runs = false;
	expect(&o, 0);
	stop();
}
END_TEST

START_TEST(test_too_few_replicas)
{
	struct outcome o;
	unsigned answered;
	start(2, LONG_MS);
	durability.aof = _i % 2;
	server.replicas = 1;
	submit(&o);
	expect(&o, ERR_REPLICAS);
	ck_assert(queue_submitter_short(submitter, &answered));
	ck_assert_uint_eq(answered, 1);
	submit(&o);
	expect(&o, ERR_UNAVAILABLE);
	ck_assert_uint_eq(server.fcalls, 1); /* it was not even sent */
	server.replicas = 2;
	submit(&o);
	expect(&o, 0);
	ck_assert_uint_eq(server.fcalls, 2);
	ck_assert(!queue_submitter_short(submitter, &answered));
	stop();
}
END_TEST

/* While WAIT blocks the link, submissions gather and leave together. */
START_TEST(test_group_commit)
{
	struct outcome o[20];
	start(1, LONG_MS);
	server.replicas = 1;
	server.silent_wait = true;
	submit(&o[0]);
	wait_for(&server.waits, 1);
	for (int i = 1; i < 20; i++)
		submit(&o[i]);
	for (int i = 0; i < 5; i++)
		uv_run(&server.loop, UV_RUN_NOWAIT);
	ck_assert_uint_eq(server.fcalls, 1);
	server.silent_wait = false;
	say_replicas();
	say_info(); /* that was asked behind it */
	expect(&o[0], 0);
	expect(&o[19], ERR_OK);
	ck_assert_uint_eq(server.fcalls, 2);
	stop();
}
END_TEST

int main(void)
{
	signal(SIGPIPE, SIG_IGN);
	Suite *s = suite_create("queue_gate");
	TCase *core = tcase_create("core"), *faults = tcase_create("faults");
	tcase_set_timeout(core, 60);
	tcase_set_timeout(faults, 60);
	tcase_add_test(core, test_told_when_no_fsync_runs);
	tcase_add_test(core, test_held_until_written);
	tcase_add_test(core, test_held_until_fsync_ends);
	tcase_add_test(core, test_held_across_rewrite);
	tcase_add_test(core, test_verdicts_are_kept);
	tcase_add_test(core, test_replicas_have_it);
	tcase_add_test(core, test_replicas_and_file);
	tcase_add_test(core, test_group_commit);
	tcase_add_test(faults, test_deadline_put_off);
	tcase_add_test(faults, test_deadline_while_held);
	tcase_add_test(faults, test_write_failed);
	tcase_add_loop_test(faults, test_link_lost_while_held, 0, 4);
	tcase_add_test(faults, test_link_greeted_while_held);
	tcase_add_test(faults, test_appendonly_switched_off);
	tcase_add_loop_test(faults, test_freed_while_held, 0, 4);
	tcase_add_loop_test(faults, test_link_goes, 0, 2);
	tcase_add_loop_test(faults, test_too_few_replicas, 0, 2);
	suite_add_tcase(s, core);
	suite_add_tcase(s, faults);
	return suite_run(s);
}
