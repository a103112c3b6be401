/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Reading INFO persistence, the rule by which something executed counts as written, and the words for clients; and the
 * greeting that learns the policy, against real servers. */
#include <check.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "durability.h"
#include "loop_until.h"
#include "queue.h"
#include "redis_private.h"
#include "suite_run.h"

#define DEADLINE_MS 10000

/* ---- the sample ---- */

#define HEAD "# Persistence\r\nloading:0\r\nasync_loading:0\r\nrdb_last_bgsave_status:ok\r\n"
#define ON HEAD "aof_enabled:1\r\naof_rewrite_in_progress:0\r\n"
#define SIZES "aof_current_size:1234\r\naof_base_size:88\r\naof_pending_rewrite:0\r\naof_buffer_length:56\r\n"

START_TEST(test_sample_read)
{
	struct durability_sample s;
	ck_assert(durability_sample_read(&s, ON "aof_last_write_status:ok\r\nmodule_fork_in_progress:0\r\n" SIZES
						"aof_pending_bio_fsync:1\r\naof_delayed_fsync:3\r\n"));
	ck_assert(s.aof && s.write_ok && s.fsync_runs);
	ck_assert_uint_eq(s.written, 1234);
	ck_assert_uint_eq(s.base, 88);
	ck_assert_uint_eq(s.held, 56);
	ck_assert(durability_sample_read(&s, ON "aof_last_write_status:err\r\n" SIZES "aof_pending_bio_fsync:0\r\n"));
	ck_assert(s.aof && !s.write_ok && !s.fsync_runs);
	ck_assert(durability_sample_read(&s, HEAD "aof_enabled:0\r\naof_last_write_status:ok\r\n"));
	ck_assert(!s.aof);
}
END_TEST

static const char *const unreadable[] = {
	"", "-ERR", HEAD, ON, ON "aof_last_write_status:ok\r\n", ON "aof_last_write_status:ok\r\n" SIZES,
};

START_TEST(test_sample_unreadable)
{
	struct durability_sample s;
	ck_assert(!durability_sample_read(&s, unreadable[_i]));
}
END_TEST

static struct durability_sample sample(bool runs, uint64_t base, uint64_t written, uint64_t held)
{
	return (struct durability_sample){ true, true, runs, base, written, held };
}

static bool is_written(struct durability_mark *m, struct durability_sample s)
{
	return durability_written(m, &s);
}

START_TEST(test_written)
{
	struct durability_mark m = { 0 };
	ck_assert(is_written(&m, sample(false, 0, 100, 50))); /* the end of this turn writes it */
	ck_assert(!m.set);
	ck_assert(is_written(&m, sample(true, 0, 100, 0))); /* it is written */
	m.set = false;
	ck_assert(!is_written(&m, sample(true, 0, 100, 50)));
	ck_assert(!is_written(&m, sample(true, 0, 149, 1)));
	ck_assert(!is_written(&m, sample(true, 0, 149, 999))); /* what others hold back is nothing to us */
	ck_assert(is_written(&m, sample(true, 0, 150, 999)));
	ck_assert(is_written(&m, sample(false, 0, 149, 1)));
}
END_TEST

/* A rewrite changes the file's size by what it likes. */
START_TEST(test_written_across_rewrite)
{
	struct durability_mark m = { 0 };
	ck_assert(!is_written(&m, sample(true, 0, 100, 50)));
	ck_assert(!is_written(&m, sample(true, 700, 1000, 50)));
	ck_assert(!is_written(&m, sample(true, 700, 1049, 1)));
	ck_assert(is_written(&m, sample(true, 700, 1050, 0)));
}
END_TEST

/* ---- the greeting ---- */

static struct greeted {
	uv_loop_t loop;
	struct rlink *link;
	struct durability learnt;
	bool allow_volatile;
} greeted;

static void on_greet(struct rlink *link, void *arg)
{
	(void)arg;
	queue_greet_durable(link, greeted.allow_volatile, &greeted.learnt);
}

static bool is_up(void *arg)
{
	(void)arg;
	return rlink_up(greeted.link);
}

static bool is_refused(void *arg)
{
	(void)arg;
	return strstr(rlink_error(greeted.link), "appendfsync") != NULL;
}

static void greet(const char *url, bool allow_volatile)
{
	struct rlink_options options = { .url = url, .name = "check", .on_greet = on_greet };
	memset(&greeted, 0, sizeof greeted);
	greeted.allow_volatile = allow_volatile;
	uv_loop_init(&greeted.loop);
	greeted.link = rlink_new(&greeted.loop, &options, NULL);
	ck_assert_ptr_nonnull(greeted.link);
}

static void bye(void)
{
	rlink_free(greeted.link);
	ck_assert(loop_finish(&greeted.loop));
}

static void learn(const char *const *more, const char *url_user, const char *expected)
{
	struct redis_private *redis = redis_private_start(more);
	char url[200], got[DURABILITY_TEXT_SIZE];
	snprintf(url, sizeof url, "unix://%s%s", url_user, redis_private_socket(redis));
	greet(url, true);
	ck_assert(loop_until(&greeted.loop, is_up, NULL, DEADLINE_MS));
	durability_text(&greeted.learnt, got);
	ck_assert_str_eq(got, expected);
	bye();
	redis_private_stop(redis);
}

START_TEST(test_greet_learns)
{
	learn(NULL, "", "everysec");
	learn((const char *const[]){ "--appendfsync", "always", NULL }, "", "always");
	learn((const char *const[]){ "--appendfsync", "no", NULL }, "", "no");
	learn((const char *const[]){ "--appendonly", "no", NULL }, "", "volatile");
	learn((const char *const[]){ "--maxmemory-policy", "allkeys-lru", NULL }, "", "volatile");
	learn((const char *const[]){ "--rename-command", "CONFIG", "", NULL }, "", "unknown");
}
END_TEST

START_TEST(test_greet_refuses_fsync_no)
{
	struct redis_private *redis = redis_private_start((const char *const[]){ "--appendfsync", "no", NULL });
	greet(redis_private_url(redis), false);
	ck_assert(loop_until(&greeted.loop, is_refused, NULL, DEADLINE_MS));
	ck_assert(!rlink_up(greeted.link));
	bye();
	redis_private_stop(redis);
}
END_TEST

int main(void)
{
	signal(SIGPIPE, SIG_IGN);
	Suite *s = suite_create("durability");
	TCase *core = tcase_create("core"), *limits = tcase_create("limits"), *faults = tcase_create("faults");
	tcase_set_timeout(core, 60);
	tcase_set_timeout(faults, 60);
	tcase_add_test(core, test_sample_read);
	tcase_add_test(core, test_written);
	tcase_add_test(core, test_written_across_rewrite);
	tcase_add_test(core, test_greet_learns);
	tcase_add_loop_test(limits, test_sample_unreadable, 0, sizeof unreadable / sizeof *unreadable);
	tcase_add_test(faults, test_greet_refuses_fsync_no);
	suite_add_tcase(s, core);
	suite_add_tcase(s, limits);
	suite_add_tcase(s, faults);
	return suite_run(s);
}
