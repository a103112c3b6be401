/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Instances announce themselves, see each other come and go, and hand over their catalogue once. Real Redis. */
#include <check.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "clock.h"
#include "csdef.h"
#include "keys.h"
#include "loop_until.h"
#include "presence.h"
#include "queue.h"
#include "redis_private.h"
#include "suite_run.h"

#define DEADLINE_MS 10000

/* One instance: its environment, link and presence. */
struct instance {
	struct roleenv *env;
	struct rslots *slots;
	struct rlinks *links;
	struct presence *presence;
	unsigned changes; /* on_changed of presence */
	char last[64];    /* the last change of the role environment, "joined WorkerRole_IN_1" */
	bool left;
	const char *state;
	size_t metrics_bytes; /* of the text it tells; 0: none */
	unsigned asked;       /* for it */
};

static struct redis_private *redis;
static uv_loop_t loop;
static struct csdef *def;

static void on_greet(struct rlink *link, void *arg)
{
	(void)arg;
	queue_greet(link, false);
}

static void on_state(void *arg, struct rlink *link, bool up)
{
	(void)link;
	struct instance *i = arg;
	if (up && i->presence)
		presence_announce(i->presence);
}

static void on_load(void *arg, struct presence_load *load)
{
	const struct instance *i = arg;
	*load = (struct presence_load){ 1, 2, i->state };
}

/* Lines of 64 bytes, the first one says how many were asked for. */
static void on_metrics(void *arg, struct buf *text)
{
	struct instance *i = arg;
	i->asked++;
	for (size_t n = 0; n < i->metrics_bytes; n += 64)
		buf_printf(text, "metric %-56u\n", i->asked);
}

static void on_changed(void *arg, uint64_t epoch)
{
	struct instance *i = arg;
	(void)epoch;
	i->changes++;
}

static void on_peer(void *arg, enum roleenv_change change, const struct roleenv_peer *peer)
{
	struct instance *i = arg;
	snprintf(i->last, sizeof i->last, "%s %s",
		 change == ROLEENV_JOINED ? "joined"
		 : change == ROLEENV_LEFT ? "left"
					  : "changed",
		 peer->instance);
}

static void on_left(void *arg)
{
	((struct instance *)arg)->left = true;
}

static void instance_open(struct instance *i, const char *name, const char *digest, const char *catalogue)
{
	struct errinfo info = { 0 };
	memset(i, 0, sizeof *i);
	i->state = "ready";
	i->env = roleenv_new(def, &def->roles[1], name, NULL, &info);
	ck_assert_msg(i->env != NULL, "%s", info.text);
	roleenv_bound(i->env, "SquareEndpoint", 4000);
	roleenv_on_changed(i->env, on_peer, i);
	const struct rlinks_options links = { .name = name, .on_greet = on_greet, .on_state = on_state, .arg = i };
	i->slots = rslots_new(&loop, redis_private_url(redis), name, &info);
	ck_assert_msg(i->slots != NULL, "%s", info.text);
	i->links = rlinks_new(i->slots, &links, &info);
	ck_assert_msg(i->links != NULL, "%s", info.text);
	struct presence_options presence = { .env = i->env,
					     .interval_ms = 50,
					     .digest = digest,
					     .catalogue = catalogue,
					     .on_load = on_load,
					     .on_metrics = on_metrics,
					     .on_changed = on_changed,
					     .arg = i };
	i->presence = presence_new(&loop, i->links, &presence);
	ck_assert_ptr_nonnull(i->presence);
}

static void instance_close(struct instance *i)
{
	presence_free(i->presence);
	rlinks_free(i->links);
	rslots_free(i->slots);
}

static void setup(void)
{
	char definition[512];
	struct errinfo info = { 0 };
	signal(SIGPIPE, SIG_IGN);
	snprintf(definition, sizeof definition, "%s/service.csdef", getenv("SOURCE_DIR") ? getenv("SOURCE_DIR") : ".");
	def = csdef_load(definition, NULL, &info);
	ck_assert_msg(def != NULL, "%s", info.text);
	redis = redis_private_start(NULL);
	uv_loop_init(&loop);
}

static void teardown(void)
{
	redis_private_stop(redis);
	csdef_free(def);
}

static bool answered(void *arg)
{
	return presence_answered_us(((struct instance *)arg)->presence) > 0;
}

static bool has_last(void *arg)
{
	return ((struct instance *)arg)->last[0] != '\0';
}

static bool has_left(void *arg)
{
	return ((struct instance *)arg)->left;
}

START_TEST(test_announce_and_see_each_other)
{
	static struct instance a, b;
	instance_open(&a, "WorkerRole_IN_0", NULL, NULL);
	ck_assert(loop_until(&loop, answered, &a, DEADLINE_MS));
	instance_open(&b, "WorkerRole_IN_1", NULL, NULL);
	ck_assert(loop_until(&loop, has_last, &a, DEADLINE_MS));
	ck_assert_str_eq(a.last, "joined WorkerRole_IN_1");
	const struct roleenv_peer *peers[4];
	ck_assert(loop_until(&loop, has_last, &b, DEADLINE_MS));
	ck_assert_uint_eq(roleenv_instances(b.env, "WorkerRole", peers, 4), 2);
	ck_assert_str_eq(peers[0]->instance, "WorkerRole_IN_0");
	ck_assert_str_eq(roleenv_peer_at(peers[0], "SquareEndpoint"), "127.0.0.1:4000");
	a.last[0] = '\0';
	roleenv_bound(b.env, "SquareEndpoint", 4001); /* a changed endpoint is news to the others */
	ck_assert(loop_until(&loop, has_last, &a, DEADLINE_MS));
	ck_assert_str_eq(a.last, "changed WorkerRole_IN_1");
	a.last[0] = '\0';
	presence_leave(b.presence, on_left, &b);
	ck_assert(loop_until(&loop, has_left, &b, DEADLINE_MS));
	ck_assert(loop_until(&loop, has_last, &a, DEADLINE_MS));
	ck_assert_str_eq(a.last, "left WorkerRole_IN_1");
	instance_close(&a);
	instance_close(&b);
	ck_assert(loop_finish(&loop));
	roleenv_free(a.env);
	roleenv_free(b.env);
}
END_TEST

static bool changed_again(void *arg)
{
	return ((struct instance *)arg)->changes > 1;
}

START_TEST(test_catalogue_is_stored_once)
{
	static struct instance a, b;
	struct rsync *s = rsync_open(redis_private_url(redis), 5000, NULL);
	instance_open(&a, "WorkerRole_IN_0", "d1", "{\"operations\":[]}");
	ck_assert(loop_until(&loop, answered, &a, DEADLINE_MS));
	instance_open(&b, "WorkerRole_IN_1", "d2", "{\"operations\":[1]}");
	ck_assert(loop_until(&loop, changed_again, &a, DEADLINE_MS));
	ck_assert(loop_until(&loop, answered, &b, DEADLINE_MS));
	/* The catalogue follows in a second call, when Redis has asked for it. */
	for (int i = 0; i < 1000 && rreply_count(rsync_words(s, NULL, "HKEYS", KEYS_REG_CAT, NULL)) < 3; i++)
		uv_run(&loop, UV_RUN_ONCE);
	ck_assert_str_eq(rreply_str(rsync_words(s, NULL, "HGET", KEYS_REG_CAT, "d1", NULL), NULL),
			 "{\"operations\":[]}");
	ck_assert_str_eq(rreply_str(rsync_words(s, NULL, "HGET", KEYS_REG_CAT, "d2", NULL), NULL),
			 "{\"operations\":[1]}");
	instance_close(&a);
	instance_close(&b);
	ck_assert(loop_finish(&loop));
	roleenv_free(a.env);
	roleenv_free(b.env);
	rsync_close(s);
}
END_TEST

START_TEST(test_returns_with_redis)
{
	static struct instance a;
	instance_open(&a, "WorkerRole_IN_0", NULL, NULL);
	ck_assert(loop_until(&loop, answered, &a, DEADLINE_MS));
	redis_private_kill(redis);
	redis_private_restart(redis);
	struct rsync *s = rsync_open(redis_private_url(redis), 5000, NULL);
	rsync_words(s, NULL, "DEL", KEYS_REG_INST, KEYS_REG_SEEN, KEYS_REG ":topo", NULL);
	for (int i = 0; i < 10000 && rreply_int(rsync_words(s, NULL, "HLEN", KEYS_REG_INST, NULL)) == 0; i++)
		uv_run(&loop, UV_RUN_ONCE);
	ck_assert_int_eq(rreply_int(rsync_words(s, NULL, "HLEN", KEYS_REG_INST, NULL)), 1);
	rsync_close(s);
	instance_close(&a);
	ck_assert(loop_finish(&loop));
	roleenv_free(a.env);
}
END_TEST

static bool changed_twice(void *arg)
{
	return ((struct instance *)arg)->changes >= 2;
}

/* Somebody joins, and reading the set fails just then: it is read again, or the newcomer would stay unseen. */
START_TEST(test_view_is_read_again)
{
	static struct instance a, b;
	struct rsync *s = rsync_open(redis_private_url(redis), 5000, NULL);
	instance_open(&a, "WorkerRole_IN_0", NULL, NULL);
	ck_assert(loop_until(&loop, answered, &a, DEADLINE_MS));
	rsync_words(s, NULL, "ACL", "SETUSER", "default", "-hgetall", NULL);
	instance_open(&b, "WorkerRole_IN_1", NULL, NULL);
	ck_assert(loop_until(&loop, changed_twice, &a, DEADLINE_MS));
	ck_assert_str_eq(a.last, "");
	rsync_words(s, NULL, "ACL", "SETUSER", "default", "+hgetall", NULL);
	ck_assert(loop_until(&loop, has_last, &a, DEADLINE_MS));
	ck_assert_str_eq(a.last, "joined WorkerRole_IN_1");
	ck_assert_uint_eq(a.changes, 2);
	instance_close(&a);
	instance_close(&b);
	ck_assert(loop_finish(&loop));
	roleenv_free(a.env);
	roleenv_free(b.env);
	rsync_close(s);
}
END_TEST

/* ---- metrics ---- */

/* The text that stands in Redis for a name, its length in *n; borrowed until the next call. */
static const char *metrics_of(struct rsync *s, const char *name, size_t *n)
{
	return rreply_str(rsync_words(s, NULL, "HGET", KEYS_REG_MET, name, NULL), n);
}

START_TEST(test_metrics_stand_while_present)
{
	static struct instance a, b;
	size_t n;
	uint64_t began_us = clock_mono_us();
	struct rsync *s = rsync_open(redis_private_url(redis), 5000, NULL);
	instance_open(&a, "WorkerRole_IN_0", NULL, NULL);
	a.metrics_bytes = 128; /* nobody is asked before the loop runs */
	instance_open(&b, "WorkerRole_IN_1", NULL, NULL);
	ck_assert(loop_until(&loop, has_last, &a, DEADLINE_MS));
	ck_assert(loop_until(&loop, answered, &b, DEADLINE_MS));
	const char *text = metrics_of(s, "WorkerRole_IN_0", &n);
	ck_assert_uint_eq(n, 128);
	ck_assert_int_eq(strncmp(text, "metric ", 7), 0);
	ck_assert_int_eq(rreply_type(rsync_words(s, NULL, "HGET", KEYS_REG_MET, "WorkerRole_IN_1", NULL)), RREPLY_NIL);
	/* It announces itself every 50 ms, its metrics are told less often. */
	ck_assert_uint_ge(a.asked, 1);
	ck_assert_uint_le(a.asked, 1 + (clock_mono_us() - began_us) / PRESENCE_METRICS_US);
	presence_leave(a.presence, on_left, &a);
	ck_assert(loop_until(&loop, has_left, &a, DEADLINE_MS));
	ck_assert_int_eq(rreply_int(rsync_words(s, NULL, "EXISTS", KEYS_REG_MET, NULL)), 0);
	instance_close(&a);
	instance_close(&b);
	ck_assert(loop_finish(&loop));
	roleenv_free(a.env);
	roleenv_free(b.env);
	rsync_close(s);
}
END_TEST

START_TEST(test_metrics_are_cut)
{
	static struct instance a;
	size_t n;
	struct rsync *s = rsync_open(redis_private_url(redis), 5000, NULL);
	instance_open(&a, "WorkerRole_IN_0", NULL, NULL);
	a.metrics_bytes = PRESENCE_METRICS_MAX + 640;
	ck_assert(loop_until(&loop, answered, &a, DEADLINE_MS));
	const char *text = metrics_of(s, "WorkerRole_IN_0", &n);
	ck_assert_uint_eq(n, PRESENCE_METRICS_MAX);
	ck_assert_int_eq(text[n - 1], '\n');
	instance_close(&a);
	ck_assert(loop_finish(&loop));
	roleenv_free(a.env);
	rsync_close(s);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("presence");
	TCase *core = tcase_create("core"), *faults = tcase_create("faults");
	tcase_add_checked_fixture(core, setup, teardown);
	tcase_add_checked_fixture(faults, setup, teardown);
	tcase_add_test(core, test_announce_and_see_each_other);
	tcase_add_test(core, test_catalogue_is_stored_once);
	tcase_add_test(core, test_metrics_stand_while_present);
	tcase_add_test(faults, test_metrics_are_cut);
	tcase_add_test(faults, test_returns_with_redis);
	tcase_add_test(faults, test_view_is_read_again);
	suite_add_tcase(s, core);
	suite_add_tcase(s, faults);
	return suite_run(s);
}
