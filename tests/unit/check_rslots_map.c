/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The map of a cluster's slots: the hash, what nodes say of it, and what must not be believed. */
#include <check.h>
#include <hiredis/hiredis.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "keys.h"
#include "rslots_map.h"
#include "suite_run.h"

static struct rslots_map map;

static void setup(void)
{
	rslots_map_init(&map);
}

static void teardown(void)
{
	rslots_map_fini(&map);
}

/* As the library would hand it over. */
static int take(const char *wire)
{
	redisReader *reader = redisReaderCreate();
	void *reply = NULL;
	ck_assert_int_eq(redisReaderFeed(reader, wire, strlen(wire)), REDIS_OK);
	ck_assert_int_eq(redisReaderGetReply(reader, &reply), REDIS_OK);
	ck_assert_ptr_nonnull(reply);
	int rc = rslots_map_take(&map, reply, "asked");
	freeReplyObject(reply);
	redisReaderFree(reader);
	return rc;
}

static const char *host_of(unsigned slot)
{
	return map.of[slot] == RSLOTS_NOBODY ? "" : map.nodes[map.of[slot]].at.host;
}

static unsigned port_of(unsigned slot)
{
	return map.of[slot] == RSLOTS_NOBODY ? 0 : map.nodes[map.of[slot]].at.port;
}

/* ---- the hash ---- */

static const struct {
	const char *key;
	unsigned slot; /* as CLUSTER KEYSLOT of Redis 7.0.15 says */
} slots[] = {
	{ "123456789", 0x31c3 }, /* the check value of CRC-16/XMODEM */
	{ "", 0 },
	{ "foo", 12182 },
	{ "somekey", 11058 },
	{ "foo{hash_tag}", 2515 },
	{ "bar{hash_tag}", 2515 },
	{ "{user1000}.following", 3443 },
	{ "foo{}{bar}", 8363 },
	{ "foo{{bar}}zap", 4015 },
	{ "foo{bar}{zap}", 5061 },
	{ KEYS_REG, 13433 },
	{ KEYS_REG_TAGS, 13433 },
	{ "{jq:math:0}", 3636 },
	{ "{jq:math:1}", 7701 },
	{ "{jq:math:2}", 11894 },
	{ "{jq:math:3}", 15959 },
	{ "{jq:math:3}:w:normal", 15959 },
};

START_TEST(test_slot_of_a_key)
{
	ck_assert_uint_eq(rslots_of(slots[_i].key), slots[_i].slot);
}
END_TEST

/* ---- CLUSTER SLOTS ---- */

#define MASTER(host, port) "*3\r\n$" host "\r\n:" port "\r\n$2\r\nid\r\n"
#define A "9\r\n127.0.0.1"
#define B "3\r\n::1"

START_TEST(test_take_a_map)
{
	ck_assert_int_eq(take("*2\r\n*4\r\n:0\r\n:8191\r\n" MASTER(A, "7001")
				  MASTER(A, "7004") "*3\r\n:8192\r\n:16383\r\n" MASTER(B, "7002")),
			 1);
	ck_assert_uint_eq(rslots_map_masters(&map), 2);
	ck_assert_str_eq(host_of(0), "127.0.0.1");
	ck_assert_uint_eq(port_of(8191), 7001);
	ck_assert_str_eq(host_of(8192), "::1");
	ck_assert_uint_eq(port_of(16383), 7002);
}
END_TEST

START_TEST(test_take_tells_what_has_changed)
{
	static const char one[] = "*1\r\n*3\r\n:0\r\n:16383\r\n" MASTER(A, "7001");
	ck_assert_int_eq(take(one), 1);
	ck_assert_int_eq(take(one), 0);
	int before = map.of[5];
	map.nodes[before].refs++;
	ck_assert_int_eq(take("*1\r\n*3\r\n:0\r\n:16383\r\n" MASTER(A, "7002")), 1);
	ck_assert_int_ne(map.of[5], before);
	ck_assert_uint_eq(map.nodes[before].at.port, 7001); /* stands: somebody holds it */
	ck_assert_uint_eq(map.nodes[before].slots, 0);
	ck_assert_int_eq(take(one), 1);
	ck_assert_int_eq(map.of[5], before);
	map.nodes[before].refs--;
}
END_TEST

START_TEST(test_take_a_map_with_holes)
{
	ck_assert_int_eq(take("*2\r\n*3\r\n:10\r\n:10\r\n" MASTER(A, "7001") "*3\r\n:12\r\n:13\r\n" MASTER(A, "7001")),
			 1);
	ck_assert_int_eq(map.of[9], RSLOTS_NOBODY);
	ck_assert_uint_eq(port_of(10), 7001);
	ck_assert_int_eq(map.of[11], RSLOTS_NOBODY);
	ck_assert_uint_eq(port_of(13), 7001);
	ck_assert_int_eq(take("*0\r\n"), 1);
	ck_assert_int_eq(map.of[10], RSLOTS_NOBODY);
	ck_assert_uint_eq(rslots_map_masters(&map), 0);
}
END_TEST

/* A node that does not know its own name leaves it open; one that knows nothing of another says so. */
START_TEST(test_take_hosts_left_open)
{
	ck_assert_int_eq(take("*3\r\n*3\r\n:0\r\n:0\r\n" MASTER(
			     "0\r\n", "7001") "*3\r\n:1\r\n:1\r\n*3\r\n$-1\r\n:7001\r\n$2\r\nid\r\n"
					      "*3\r\n:2\r\n:2\r\n" MASTER("1\r\n?", "7001")),
			 1);
	ck_assert_str_eq(host_of(0), "asked");
	ck_assert_str_eq(host_of(1), "asked");
	ck_assert_int_eq(map.of[2], RSLOTS_NOBODY);
}
END_TEST

static const char *const hostile[] = {
	"-ERR This instance has cluster support disabled\r\n",
	"+OK\r\n",
	"$-1\r\n",
	":1\r\n",
	"*1\r\n:1\r\n",
	"*1\r\n*0\r\n",
	"*1\r\n*2\r\n:0\r\n:1\r\n",
	"*1\r\n*3\r\n:0\r\n:1\r\n:7001\r\n",
	"*1\r\n*3\r\n:0\r\n:1\r\n*0\r\n",
	"*1\r\n*3\r\n:0\r\n:1\r\n*1\r\n$1\r\nh\r\n",
	"*1\r\n*3\r\n:-1\r\n:1\r\n" MASTER(A, "7001"),
	"*1\r\n*3\r\n:0\r\n:16384\r\n" MASTER(A, "7001"),
	"*1\r\n*3\r\n:0\r\n:9223372036854775807\r\n" MASTER(A, "7001"),
	"*1\r\n*3\r\n:2\r\n:1\r\n" MASTER(A, "7001"),
	"*1\r\n*3\r\n$1\r\n0\r\n:1\r\n" MASTER(A, "7001"),
	"*1\r\n*3\r\n:0\r\n:1\r\n" MASTER(A, "65536"),
	"*1\r\n*3\r\n:0\r\n:1\r\n" MASTER(A, "-1"),
	"*1\r\n*3\r\n:0\r\n:1\r\n*3\r\n:5\r\n:7001\r\n$2\r\nid\r\n",
	"*1\r\n*3\r\n:0\r\n:1\r\n" MASTER("3\r\na b", "7001"),
	"*1\r\n*3\r\n:0\r\n:1\r\n" MASTER("3\r\na\nb", "7001"),
	/* the first range is good, and must not count */
	"*2\r\n*3\r\n:0\r\n:16383\r\n" MASTER(A, "7009") "*3\r\n:1\r\n:0\r\n" MASTER(A, "7001"),
};

START_TEST(test_hostile_map_changes_nothing)
{
	ck_assert_int_eq(take("*1\r\n*3\r\n:0\r\n:16383\r\n" MASTER(A, "7001")), 1);
	ck_assert_int_eq(take(hostile[_i]), ERR_PROTOCOL);
	for (unsigned slot = 0; slot < RSLOTS; slot++)
		ck_assert_uint_eq(port_of(slot), 7001);
	ck_assert_uint_eq(rslots_map_masters(&map), 1);
}
END_TEST

START_TEST(test_long_host_is_refused)
{
	char wire[600], host[301];
	memset(host, 'h', sizeof host - 1);
	host[sizeof host - 1] = '\0';
	(void)snprintf(wire, sizeof wire, "*1\r\n*3\r\n:0\r\n:1\r\n*3\r\n$300\r\n%s\r\n:7001\r\n$2\r\nid\r\n", host);
	ck_assert_int_eq(take(wire), ERR_PROTOCOL);
}
END_TEST

/* Nodes that have come and gone make room for others, for as long as the process runs. */
START_TEST(test_nodes_are_bounded)
{
	char wire[100];
	for (unsigned i = 0; i < 3 * RSLOTS_NODES_MAX; i++) {
		(void)snprintf(wire, sizeof wire, "*1\r\n*3\r\n:0\r\n:0\r\n*3\r\n$1\r\nh\r\n:%u\r\n$2\r\nid\r\n",
			       i + 1);
		ck_assert_int_eq(take(wire), 1);
		ck_assert_uint_eq(port_of(0), i + 1);
	}
	ck_assert_uint_lt(map.n, 4);
}
END_TEST

START_TEST(test_more_nodes_than_there_may_be)
{
	for (unsigned i = 0; i < RSLOTS_NODES_MAX; i++)
		ck_assert_int_ne(rslots_map_node(&map, "h", i + 1), RSLOTS_NOBODY);
	ck_assert_int_eq(rslots_map_node(&map, "h", RSLOTS_NODES_MAX + 1), RSLOTS_NOBODY);
	ck_assert_int_ne(rslots_map_node(&map, "h", 1), RSLOTS_NOBODY);
}
END_TEST

/* ---- redirections ---- */

static const struct {
	const char *error;
	int rc;
	unsigned slot;
	const char *host;
	unsigned port;
} redirections[] = {
	{ "MOVED 3999 127.0.0.1:6381", 0, 3999, "127.0.0.1", 6381 },
	{ "ASK 16383 node-3.example:7000", 0, 16383, "node-3.example", 7000 },
	{ "MOVED 0 ::1:6381", 0, 0, "::1", 6381 },
	{ "MOVED 1 :6381", 0, 1, "", 6381 },
	{ "MOVED 16384 127.0.0.1:6381", ERR_INVALID, 0, "", 0 },
	{ "MOVED -1 127.0.0.1:6381", ERR_INVALID, 0, "", 0 },
	{ "MOVED x 127.0.0.1:6381", ERR_INVALID, 0, "", 0 },
	{ "MOVED 1", ERR_INVALID, 0, "", 0 },
	{ "MOVED 1 ", ERR_INVALID, 0, "", 0 },
	{ "MOVED 1 host", ERR_INVALID, 0, "", 0 },
	{ "MOVED 1 host:", ERR_INVALID, 0, "", 0 },
	{ "MOVED 1 host:0", ERR_INVALID, 0, "", 0 },
	{ "MOVED 1 host:65536", ERR_INVALID, 0, "", 0 },
	{ "MOVED 1 host:6381x", ERR_INVALID, 0, "", 0 },
	{ "MOVED 1 a b:6381", ERR_INVALID, 0, "", 0 },
	{ "TRYAGAIN Multiple keys request during rehashing of slot", ERR_INVALID, 0, "", 0 },
	{ "CLUSTERDOWN Hash slot not served", ERR_INVALID, 0, "", 0 },
	{ "", ERR_INVALID, 0, "", 0 },
};

START_TEST(test_redirection)
{
	struct rurl_host to = { "untouched", 1 };
	unsigned slot = 77;
	ck_assert_int_eq(rslots_redirect(redirections[_i].error, &slot, &to), redirections[_i].rc);
	if (redirections[_i].rc)
		return;
	ck_assert_uint_eq(slot, redirections[_i].slot);
	ck_assert_str_eq(to.host, redirections[_i].host);
	ck_assert_uint_eq(to.port, redirections[_i].port);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("rslots_map");
	TCase *core = tcase_create("core"), *limits = tcase_create("limits");
	tcase_add_checked_fixture(core, setup, teardown);
	tcase_add_checked_fixture(limits, setup, teardown);
	tcase_add_loop_test(core, test_slot_of_a_key, 0, sizeof slots / sizeof *slots);
	tcase_add_test(core, test_take_a_map);
	tcase_add_test(core, test_take_tells_what_has_changed);
	tcase_add_test(core, test_take_a_map_with_holes);
	tcase_add_test(core, test_take_hosts_left_open);
	tcase_add_loop_test(core, test_redirection, 0, sizeof redirections / sizeof *redirections);
	tcase_add_loop_test(limits, test_hostile_map_changes_nothing, 0, sizeof hostile / sizeof *hostile);
	tcase_add_test(limits, test_long_host_is_refused);
	tcase_add_test(limits, test_nodes_are_bounded);
	tcase_add_test(limits, test_more_nodes_than_there_may_be);
	suite_add_tcase(s, core);
	suite_add_tcase(s, limits);
	return suite_run(s);
}
