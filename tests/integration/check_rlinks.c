/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Sets of links, against a real cluster of six and against a single server: where calls go, and what happens to them
 * while slots move and masters die. */
#include <check.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "clock.h"
#include "keys.h"
#include "loop_until.h"
#include "proc.h"
#include "redis_cluster.h"
#include "redis_private.h"
#include "rlinks.h"
#include "wait_until.h"

#define DEADLINE_MS 20000
#define TAGS 6

static struct redis_cluster *cluster;
static struct redis_private *single;
static unsigned single_port;
static uv_loop_t loop;
static struct rslots *slots;
static struct rlinks *links;
static struct {
	unsigned added, gone, ups, downs, moved;
	bool doubts; /* whenever a link is added: the map's next turn comes before the link is up */
} seen;

static void on_added(void *arg, struct rlink *link)
{
	ck_assert_ptr_eq(arg, &seen);
	ck_assert_ptr_null(rlink_kept(link));
	rlink_keep(link, &seen);
	seen.added++;
	if (seen.doubts)
		rslots_doubt(slots);
}

static void on_gone(void *arg, struct rlink *link)
{
	(void)arg;
	ck_assert_ptr_eq(rlink_kept(link), &seen);
	seen.gone++;
}

static void on_state(void *arg, struct rlink *link, bool up)
{
	(void)arg;
	ck_assert_int_eq(rlink_up(link), up);
	seen.ups += up;
	seen.downs += !up;
}

static void on_moved(void *arg)
{
	(void)arg;
	seen.moved++;
}

static void tag_of(char tag[KEYS_TAG_SIZE], unsigned shard)
{
	keys_tag(tag, "links", shard);
}

static void open_links(const char *url, bool blocking)
{
	struct errinfo info;
	const struct rlinks_options options = { .name = "check",
						.blocking = blocking,
						.on_added = on_added,
						.on_gone = on_gone,
						.on_state = on_state,
						.on_moved = on_moved,
						.arg = &seen };
	memset(&seen, 0, sizeof seen);
	uv_loop_init(&loop);
	slots = rslots_new(&loop, url, "check", &info);
	ck_assert_msg(slots != NULL, "%s", info.text);
	links = rlinks_new(slots, &options, &info);
	ck_assert_msg(links != NULL, "%s", info.text);
}

static void close_links(void)
{
	rlinks_free(links);
	rslots_free(slots);
	ck_assert(loop_finish(&loop));
	ck_assert_uint_eq(seen.added, seen.gone);
}

/* ---- asking ---- */

struct answer {
	struct rlink *by;
	bool there;
	int status;
	char text[100];
	int64_t number;
};

static void on_answer(void *arg, int status, const struct rreply *reply)
{
	struct answer *a = arg;
	ck_assert(!a->there);
	a->there = true;
	a->status = status;
	a->number = rreply_int(reply);
	(void)snprintf(a->text, sizeof a->text, "%s", rreply_str(reply, NULL));
}

static bool is_there(void *arg)
{
	return ((struct answer *)arg)->there;
}

/* Gives a command of up to four words, the second of them a key; the answer comes later. */
static int give(struct answer *a, bool follows, const char *const words[4])
{
	struct rcmd cmd;
	*a = (struct answer){ .there = false };
	rcmd_init(&cmd);
	for (int i = 0; i < 4 && words[i]; i++)
		rcmd_str(&cmd, words[i]);
	cmd.follows = follows;
	cmd.taken_by = &a->by;
	int rc = rlink_send(rlinks_at(links, words[1]), &cmd, on_answer, a);
	rcmd_fini(&cmd);
	return rc;
}

static struct answer ask(bool follows, const char *word, const char *key, const char *more)
{
	struct answer a;
	a.status = give(&a, follows, (const char *const[4]){ word, key, more });
	if (a.status)
		return a;
	ck_assert(loop_until(&loop, is_there, &a, DEADLINE_MS));
	return a;
}

/* Whether each tag's link is up, and leads to the node that the cluster says. */
static bool all_up(void *arg)
{
	char tag[KEYS_TAG_SIZE];
	(void)arg;
	for (unsigned i = 0; i < TAGS; i++) {
		tag_of(tag, i);
		if (!rlink_up(rlinks_at(links, tag)))
			return false;
	}
	return true;
}

static void assert_all_served(void)
{
	char tag[KEYS_TAG_SIZE], key[KEYS_NAME_SIZE];
	ck_assert(loop_until(&loop, all_up, NULL, DEADLINE_MS));
	for (unsigned i = 0; i < TAGS; i++) {
		tag_of(tag, i);
		(void)snprintf(key, sizeof key, "%s:x", tag);
		struct answer a = ask(false, "SET", key, "1");
		ck_assert_msg(a.status == 0, "%s: %s", key, a.text);
	}
}

/* ---- a cluster ---- */

START_TEST(test_link_for_each_master)
{
	open_links(redis_cluster_url(cluster), false);
	char tag[KEYS_TAG_SIZE];
	tag_of(tag, 0);
	ck_assert(!rslots_known(slots));
	ck_assert(!rlink_up(rlinks_at(links, tag)));
	ck_assert_ptr_nonnull(strstr(rlink_error(rlinks_at(links, tag)), "map of the cluster is not known yet"));
	assert_all_served();
	ck_assert_uint_eq(seen.added, REDIS_CLUSTER_MASTERS);
	ck_assert_uint_eq(rlinks_up(links), REDIS_CLUSTER_MASTERS);
	ck_assert_uint_ge(seen.moved, 1);
	for (unsigned i = 0; i < TAGS; i++) {
		struct rlink_stats stats;
		char key[KEYS_NAME_SIZE];
		tag_of(tag, i);
		(void)snprintf(key, sizeof key, "%s:x", tag);
		struct rlink *link = rlinks_at(links, tag);
		ck_assert_ptr_eq(link, rlinks_at(links, key));
		rlink_stats(link, &stats);
		ck_assert_uint_eq(stats.errors, 0); /* no redirection was needed */
	}
	close_links();
}
END_TEST

/* A blocking command takes keys of one slot. */
START_TEST(test_blocking_link_for_each_slot)
{
	char a[KEYS_TAG_SIZE], b[KEYS_TAG_SIZE], other[KEYS_NAME_SIZE];
	open_links(redis_cluster_url(cluster), true);
	ck_assert(loop_until(&loop, all_up, NULL, DEADLINE_MS));
	ck_assert_uint_eq(seen.added, TAGS);
	tag_of(a, 0);
	tag_of(b, 1);
	(void)snprintf(other, sizeof other, "%s:other", a);
	ck_assert_ptr_ne(rlinks_at(links, a), rlinks_at(links, b));
	ck_assert_ptr_eq(rlinks_at(links, a), rlinks_at(links, other));
	close_links();
}
END_TEST

static bool is_moved(void *arg)
{
	char *key = arg;
	struct answer a = ask(false, "EXISTS", key, NULL);
	return a.status == 0;
}

/* Until it has learnt better, a call for a slot that has moved is refused; then the next one is right. */
static bool is_agreed(void *arg)
{
	return redis_cluster_master_of(cluster, arg) != REDIS_CLUSTER_NOBODY;
}

/* Every node has heard of the moves before. */
static int master_of(char *tag)
{
	ck_assert(wait_until(is_agreed, tag, DEADLINE_MS));
	return redis_cluster_master_of(cluster, tag);
}

static void move_back(char *tag, int to)
{
	ck_assert_int_ne(master_of(tag), to);
	redis_cluster_move(cluster, tag, to);
	ck_assert_int_eq(master_of(tag), to);
}

START_TEST(test_moved_slot)
{
	char tag[KEYS_TAG_SIZE], key[KEYS_NAME_SIZE];
	tag_of(tag, 0);
	(void)snprintf(key, sizeof key, "%s:x", tag);
	open_links(redis_cluster_url(cluster), false);
	assert_all_served();
	const struct rlink *before = rlinks_at(links, tag);
	int from = master_of(tag), to = (from + 1) % REDIS_CLUSTER_MASTERS;
	redis_cluster_move(cluster, tag, to);
	struct answer a = ask(false, "EXISTS", key, NULL);
	ck_assert_int_eq(a.status, ERR_UNAVAILABLE);
	ck_assert_msg(strncmp(a.text, "MOVED ", 6) == 0, "%s", a.text);
	ck_assert(rlinks_shifting(links, tag));
	ck_assert(loop_until(&loop, is_moved, key, DEADLINE_MS));
	ck_assert_ptr_ne(rlinks_at(links, tag), before);
	close_links();
	move_back(tag, from);
}
END_TEST

/* A read that follows is answered all along, wherever its key is; whatever changes something is refused. */
START_TEST(test_slot_on_the_move)
{
	struct redis_cluster_move move;
	char tag[KEYS_TAG_SIZE], key[KEYS_NAME_SIZE];
	tag_of(tag, 1);
	open_links(redis_cluster_url(cluster), false);
	assert_all_served();
	(void)snprintf(key, sizeof key, "%s:x", tag);
	ck_assert_int_eq(ask(false, "SET", key, "here").status, 0);
	int from = master_of(tag), to = (from + 1) % REDIS_CLUSTER_MASTERS;
	redis_cluster_move_begin(cluster, &move, tag, to);
	struct answer a = ask(true, "GET", key, NULL);
	ck_assert_str_eq(a.text, "here"); /* still at the source */
	ck_assert_ptr_eq(a.by, rlinks_at(links, tag));
	while (redis_cluster_move_some(cluster, &move, 10))
		;
	a = ask(false, "GET", key, NULL);
	ck_assert_int_eq(a.status, ERR_UNAVAILABLE);
	ck_assert_msg(strncmp(a.text, "ASK ", 4) == 0, "%s", a.text);
	ck_assert_ptr_eq(a.by, rlinks_at(links, tag));
	ck_assert_int_eq(ask(false, "SET", key, "twice").status, ERR_UNAVAILABLE);
	a = ask(true, "GET", key, NULL);
	ck_assert_int_eq(a.status, 0);
	ck_assert_str_eq(a.text, "here");
	ck_assert_ptr_ne(a.by, rlinks_at(links, tag)); /* who has answered it is not who was asked */
	(void)snprintf(key, sizeof key, "%s:none", tag);
	a = ask(true, "GET", key, NULL);
	ck_assert_int_eq(a.status, 0);
	ck_assert_str_eq(a.text, "");
	redis_cluster_move_end(cluster, &move);
	(void)snprintf(key, sizeof key, "%s:x", tag);
	a = ask(true, "GET", key, NULL); /* the map is behind: it follows that too */
	ck_assert_int_eq(a.status, 0);
	ck_assert_str_eq(a.text, "here");
	close_links();
	move_back(tag, from);
}
END_TEST

/* With the first answer of a promoted replica the link to it is up; what was in flight is not known. */
START_TEST(test_master_dies)
{
	char tag[KEYS_TAG_SIZE], key[KEYS_NAME_SIZE];
	struct answer a;
	tag_of(tag, 2);
	(void)snprintf(key, sizeof key, "%s:list", tag);
	open_links(redis_cluster_url(cluster), false);
	assert_all_served();
	int master = master_of(tag);
	ck_assert_int_eq(give(&a, false, (const char *const[4]){ "BLPOP", key, "0" }), 0);
	redis_cluster_kill(cluster, master);
	ck_assert(loop_until(&loop, is_there, &a, DEADLINE_MS));
	ck_assert_int_eq(a.status, ERR_UNKNOWN);
	ck_assert(!rlink_up(rlinks_at(links, tag)));
	assert_all_served();
	ck_assert_uint_eq(seen.added, REDIS_CLUSTER_MASTERS + 1);
	redis_cluster_restart(cluster, master);
	ck_assert(redis_cluster_wait_whole(cluster, DEADLINE_MS));
	assert_all_served();
	close_links();
}
END_TEST

START_TEST(test_free_with_calls_in_flight)
{
	char tag[KEYS_TAG_SIZE], key[KEYS_NAME_SIZE];
	struct answer a;
	tag_of(tag, 0);
	(void)snprintf(key, sizeof key, "%s:list", tag);
	open_links(redis_cluster_url(cluster), false);
	assert_all_served();
	ck_assert_int_eq(give(&a, false, (const char *const[4]){ "BLPOP", key, "0" }), 0);
	close_links();
	ck_assert(a.there);
	ck_assert_int_eq(a.status, ERR_CLOSED);
}
END_TEST

/* ---- nodes that serve nothing ---- */

struct node {
	struct redis_private *redis;
	struct rsync *aside;
	unsigned port, bus_port;
	char id[64];
};

static void start_node(struct node *n)
{
	char port[8], bus_port[8];
	n->port = proc_free_port();
	n->bus_port = proc_free_port();
	(void)snprintf(port, sizeof port, "%u", n->port);
	(void)snprintf(bus_port, sizeof bus_port, "%u", n->bus_port);
	n->redis = redis_private_start((const char *const[]){
	    "--port", port, "--cluster-port", bus_port, "--bind", "127.0.0.1", "--cluster-enabled", "yes",
	    "--cluster-announce-ip", "127.0.0.1", "--cluster-require-full-coverage", "no", NULL });
	n->aside = rsync_open(redis_private_url(n->redis), DEADLINE_MS, NULL);
	ck_assert_ptr_nonnull(n->aside);
	(void)snprintf(n->id, sizeof n->id, "%s",
		       rreply_str(rsync_words(n->aside, NULL, "CLUSTER", "MYID", NULL), NULL));
}

static void stop_node(struct node *n)
{
	rsync_close(n->aside);
	redis_private_stop(n->redis);
}

static bool is_done(const struct rreply *reply)
{
	return strcmp(rreply_str(reply, NULL), "OK") == 0;
}

static void open_links_of(const struct node *n)
{
	char url[60];
	(void)snprintf(url, sizeof url, "redis+cluster://127.0.0.1:%u", n->port);
	open_links(url, false);
	ck_assert(loop_until(&loop, all_up, NULL, DEADLINE_MS));
}

static bool is_distrusted(void *arg)
{
	(void)arg;
	return strstr(rslots_error(slots), "names no master") != NULL;
}

static bool is_trusted(void *arg)
{
	(void)arg;
	return !rslots_error(slots)[0];
}

/* What a node says that has forgotten its cluster is no map: the one before stands. */
START_TEST(test_forgetful_node)
{
	struct node node;
	start_node(&node);
	ck_assert(is_done(rsync_words(node.aside, NULL, "CLUSTER", "ADDSLOTSRANGE", "0", "16383", NULL)));
	open_links_of(&node);
	const struct rlink *link = rlinks_at(links, KEYS_REG);
	ck_assert(is_done(rsync_words(node.aside, NULL, "CLUSTER", "RESET", NULL)));
	ck_assert(loop_until(&loop, is_distrusted, NULL, DEADLINE_MS));
	ck_assert_ptr_eq(rlinks_at(links, KEYS_REG), link);
	ck_assert_uint_eq(rslots_map_masters(rslots_map(slots)), 1);
	ck_assert(is_done(rsync_words(node.aside, NULL, "CLUSTER", "ADDSLOTSRANGE", "0", "16383", NULL)));
	ck_assert(loop_until(&loop, is_trusted, NULL, DEADLINE_MS));
	ck_assert_ptr_eq(rlinks_at(links, KEYS_REG), link);
	close_links();
	stop_node(&node);
}
END_TEST

static unsigned turns;
static uint64_t turned_us;

static void on_turn(void *arg, bool changed)
{
	(void)arg;
	(void)changed;
	turns++;
	turned_us = clock_mono_us();
}

static bool is_well(const void *arg)
{
	(void)arg;
	return true;
}

static bool has_turned(void *arg)
{
	return turns >= *(unsigned *)arg;
}

/* So long after a turn that the next doubt brings another one at once. */
static bool is_rested(void *arg)
{
	(void)arg;
	return clock_mono_us() - turned_us > 60000;
}

struct pair_of_nodes {
	struct node from, to;
	char slot[8];
};

static bool serves(const struct node *n)
{
	const char *info = rreply_str(rsync_words(n->aside, NULL, "CLUSTER", "INFO", NULL), NULL);
	return strstr(info, "cluster_state:ok") != NULL;
}

static bool is_migrating(void *arg)
{
	const struct pair_of_nodes *p = arg;
	return serves(&p->from) && serves(&p->to) &&
	       is_done(rsync_words(p->from.aside, NULL, "CLUSTER", "SETSLOT", p->slot, "MIGRATING", p->to.id, NULL)) &&
	       is_done(rsync_words(p->to.aside, NULL, "CLUSTER", "SETSLOT", p->slot, "IMPORTING", p->from.id, NULL));
}

/* The first slot of a node that is new moves there: it serves none yet, and its link is needed all the same. */
START_TEST(test_slot_moves_to_an_empty_node)
{
	struct pair_of_nodes p;
	struct rslots_listener listener = { .on_turn = on_turn, .is_well = is_well };
	char tag[KEYS_TAG_SIZE], port[8], bus_port[8];
	start_node(&p.from);
	start_node(&p.to);
	tag_of(tag, 0);
	(void)snprintf(p.slot, sizeof p.slot, "%u", rslots_of(tag));
	(void)snprintf(port, sizeof port, "%u", p.to.port);
	(void)snprintf(bus_port, sizeof bus_port, "%u", p.to.bus_port);
	ck_assert(is_done(rsync_words(p.from.aside, NULL, "CLUSTER", "ADDSLOTSRANGE", "0", "16383", NULL)));
	ck_assert(is_done(rsync_words(p.from.aside, NULL, "CLUSTER", "MEET", "127.0.0.1", port, bus_port, NULL)));
	ck_assert(wait_until(is_migrating, &p, DEADLINE_MS));
	open_links_of(&p.from);
	turned_us = clock_mono_us();
	rslots_listen(slots, &listener);
	seen.doubts = true;
	for (int i = 0; i < 10; i++) {
		unsigned two_more = turns + 2;
		ck_assert(loop_until(&loop, is_rested, NULL, DEADLINE_MS));
		struct answer a = ask(true, "GET", tag, NULL);
		ck_assert_msg(a.status == 0, "%d: %s", a.status, a.text);
		ck_assert_ptr_ne(a.by, rlinks_at(links, tag));
		rslots_doubt(slots);
		ck_assert(loop_until(&loop, has_turned, &two_more, DEADLINE_MS));
	}
	ck_assert_uint_eq(seen.added, 2);
	ck_assert_uint_eq(seen.gone, 0);
	rslots_unlisten(slots, &listener);
	close_links();
	stop_node(&p.from);
	stop_node(&p.to);
}
END_TEST

static bool is_explained(void *arg)
{
	const char *words = arg;
	return strstr(rlink_error(rlinks_at(links, KEYS_REG)), words) != NULL;
}

START_TEST(test_nobody_answers)
{
	char unanswered[] = "the last node that was asked: Connection refused";
	open_links("redis+cluster://127.0.0.1:1,127.0.0.1:2", false);
	ck_assert(loop_until(&loop, is_explained, unanswered, DEADLINE_MS));
	ck_assert(!rlinks_any_up(links));
	close_links();
}
END_TEST

/* ---- one server ---- */

START_TEST(test_one_server_has_one_link)
{
	char a[KEYS_TAG_SIZE], b[KEYS_TAG_SIZE];
	for (int blocking = 0; blocking < 2; blocking++) {
		open_links(redis_private_url(single), blocking);
		tag_of(a, 0);
		tag_of(b, 1);
		ck_assert(rslots_known(slots));
		ck_assert(!rlinks_clustered(links));
		ck_assert_ptr_eq(rlinks_at(links, a), rlinks_at(links, b));
		ck_assert_ptr_eq(rlinks_each(links, 0), rlinks_at(links, a));
		ck_assert_ptr_null(rlinks_each(links, 1));
		assert_all_served();
		close_links();
		ck_assert_uint_eq(seen.added, 1);
	}
}
END_TEST

/* It is no cluster: that is said. */
START_TEST(test_one_server_is_no_cluster)
{
	char url[60], unable[] = "cluster support disabled";
	(void)snprintf(url, sizeof url, "redis+cluster://127.0.0.1:%u", single_port);
	open_links(url, false);
	ck_assert(loop_until(&loop, is_explained, unable, DEADLINE_MS));
	close_links();
}
END_TEST

int main(void)
{
	char port[8];
	signal(SIGPIPE, SIG_IGN);
	cluster = redis_cluster_start(NULL);
	single_port = proc_free_port();
	(void)snprintf(port, sizeof port, "%u", single_port);
	single = redis_private_start((const char *const[]){ "--port", port, "--bind", "127.0.0.1", NULL });
	Suite *s = suite_create("rlinks");
	TCase *core = tcase_create("core"), *faults = tcase_create("faults");
	tcase_add_test(core, test_link_for_each_master);
	tcase_add_test(core, test_blocking_link_for_each_slot);
	tcase_add_test(core, test_moved_slot);
	tcase_add_test(core, test_slot_on_the_move);
	tcase_add_test(core, test_one_server_has_one_link);
	tcase_add_test(faults, test_free_with_calls_in_flight);
	tcase_add_test(core, test_slot_moves_to_an_empty_node);
	tcase_add_test(faults, test_forgetful_node);
	tcase_add_test(faults, test_nobody_answers);
	tcase_add_test(faults, test_one_server_is_no_cluster);
	tcase_add_test(faults, test_master_dies);
	suite_add_tcase(s, core);
	suite_add_tcase(s, faults);
	SRunner *sr = srunner_create(s);
	srunner_set_fork_status(sr, CK_NOFORK); /* the nodes are this process' */
	srunner_run_all(sr, CK_ENV);
	int failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	redis_private_stop(single);
	redis_cluster_stop(cluster);
	return failed != 0;
}
