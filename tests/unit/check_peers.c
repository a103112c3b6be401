/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Who is at the other end: the count of each address against a plain model, and whose word is taken. */
#include <arpa/inet.h>
#include <check.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "config.h"
#include "peers.h"
#include "suite_run.h"

union peer {
	struct sockaddr any;
	struct sockaddr_in v4;
	struct sockaddr_in6 v6;
};

static union peer peer_of(const char *address)
{
	union peer p = { 0 };
	if (inet_pton(AF_INET, address, &p.v4.sin_addr) == 1)
		p.v4.sin_family = AF_INET;
	else if (inet_pton(AF_INET6, address, &p.v6.sin6_addr) == 1)
		p.v6.sin6_family = AF_INET6;
	else
		ck_abort_msg("no address: %s", address);
	return p;
}

static struct config *config;

static struct peers *make(const char *most, const char *trusted)
{
	char connections[64], proxies[128];
	struct errinfo info = { 0 };
	snprintf(connections, sizeof connections, "AddressConnections=%s", most);
	snprintf(proxies, sizeof proxies, "TrustedProxies=%s", trusted);
	const char *const sets[] = { connections, proxies, "Connections=1000" };
	const struct config_sources sources = { .sets = sets, .n_sets = 3 };
	config = config_load(CONFIG_WEB, &sources, &info);
	ck_assert_msg(config != NULL, "%s", info.text);
	struct peers *p = peers_new(config, &info);
	ck_assert_msg(p != NULL, "%s", info.text);
	return p;
}

static void finish(struct peers *p)
{
	peers_free(p);
	config_free(config);
}

static bool enter(struct peers *p, const char *address)
{
	union peer a = peer_of(address);
	return peers_enter(p, &a.any);
}

static void leave(struct peers *p, const char *address)
{
	union peer a = peer_of(address);
	peers_leave(p, &a.any);
}

START_TEST(test_peers_enter_up_to_the_limit)
{
	struct peers *p = make("3", "");
	for (int i = 0; i < 3; i++)
		ck_assert(enter(p, "192.0.2.1"));
	ck_assert(!enter(p, "192.0.2.1"));
	ck_assert(enter(p, "192.0.2.2"));
	ck_assert(!enter(p, "::ffff:192.0.2.1")); /* the same by another name */
	leave(p, "192.0.2.1");
	ck_assert(enter(p, "192.0.2.1"));
	ck_assert(!enter(p, "192.0.2.1"));
	finish(p);
}
END_TEST

START_TEST(test_peers_enter_without_a_limit)
{
	struct peers *p = make("0", "");
	for (int i = 0; i < 5000; i++)
		ck_assert(enter(p, "2001:db8::1"));
	finish(p);
}
END_TEST

START_TEST(test_peers_enter_of_trusted_ones)
{
	struct peers *p = make("1", "127.0.0.1, ::1");
	union peer v4 = peer_of("127.0.0.1"), v6 = peer_of("::1"), other = peer_of("127.0.0.2");
	ck_assert(peers_trusted(p, &v4.any));
	ck_assert(peers_trusted(p, &v6.any));
	ck_assert(!peers_trusted(p, &other.any));
	for (int i = 0; i < 10; i++) {
		ck_assert(peers_enter(p, &v4.any));
		ck_assert(peers_enter(p, &v6.any));
	}
	ck_assert(peers_enter(p, &other.any));
	ck_assert(!peers_enter(p, &other.any));
	finish(p);
}
END_TEST

/* The last address that is within, and the first that is not, on either side. */
static const struct within {
	const char *network, *in[2], *out[2];
} withins[] = {
	{ "10.0.0.0/8", { "10.0.0.0", "10.255.255.255" }, { "9.255.255.255", "11.0.0.0" } },
	{ "172.16.0.0/12", { "172.16.0.1", "172.31.255.255" }, { "172.15.255.255", "172.32.0.0" } },
	{ "192.0.2.7/32", { "192.0.2.7", "::ffff:192.0.2.7" }, { "192.0.2.6", "192.0.2.8" } },
	{ "192.0.2.7/31", { "192.0.2.6", "192.0.2.7" }, { "192.0.2.5", "192.0.2.8" } },
	{ "0.0.0.0/0", { "192.0.2.7", "255.255.255.255" }, { "::1", "2001:db8::1" } },
	{ "2001:db8::/33", { "2001:db8::1", "2001:db8:7fff::1" }, { "2001:db8:8000::", "2001:db7::1" } },
	{ "198.51.100.1,fd00::/8", { "198.51.100.1", "fdff::1" }, { "fe00::1", "198.51.100.2" } },
};

START_TEST(test_peers_trusted_networks)
{
	const struct within *w = &withins[_i];
	struct peers *p = make("1", w->network);
	for (int i = 0; i < 2; i++) {
		union peer in = peer_of(w->in[i]), out = peer_of(w->out[i]);
		ck_assert_msg(peers_trusted(p, &in.any), "%s is within %s", w->in[i], w->network);
		ck_assert_msg(!peers_trusted(p, &out.any), "%s is not within %s", w->out[i], w->network);
	}
	finish(p);
}
END_TEST

START_TEST(test_peers_enter_of_what_has_no_address)
{
	struct peers *p = make("1", "");
	struct sockaddr none = { .sa_family = AF_UNIX };
	char client[PEERS_ADDRESS_SIZE] = "x";
	ck_assert(peers_enter(p, &none));
	ck_assert(peers_enter(p, NULL));
	peers_leave(p, &none);
	peers_client(p, NULL, (struct http_text){ NULL, 0 }, client);
	ck_assert_str_eq(client, "");
	finish(p);
}
END_TEST

static void name_of(unsigned which, char address[32])
{
	if (which & 1)
		snprintf(address, 32, "2001:db8::%x", which);
	else
		snprintf(address, 32, "10.9.%u.%u", which / 256, which % 256);
}

/* Random comings and goings of 600 addresses, at most 900 at once; every answer as a plain array has it. */
START_TEST(test_peers_against_a_model)
{
	enum { ADDRESSES = 600, STEPS = 200000, MOST = 2, FEW = 900 };
	struct peers *p = make("2", "");
	unsigned count[ADDRESSES] = { 0 }, all = 0;
	unsigned seed = 4711;
	char address[32];
	for (int i = 0; i < STEPS; i++) {
		unsigned which = (unsigned)rand_r(&seed) % ADDRESSES;
		name_of(which, address);
		if (rand_r(&seed) % 2 && count[which]) {
			leave(p, address);
			count[which]--;
			all--;
		} else if (all < FEW) {
			bool taken = count[which] < MOST;
			ck_assert_int_eq(enter(p, address), taken);
			count[which] += taken;
			all += taken;
		}
	}
	for (unsigned which = 0; which < ADDRESSES; which++)
		for (name_of(which, address); count[which]; count[which]--)
			leave(p, address);
	for (int i = 0; i < MOST; i++)
		ck_assert(enter(p, "10.9.0.2"));
	ck_assert(!enter(p, "10.9.0.2"));
	finish(p);
}
END_TEST

static struct peers *shared;

static void *come_and_go(void *arg)
{
	union peer a = peer_of(arg), same = peer_of("198.51.100.1");
	for (int i = 0; i < 20000; i++) {
		ck_assert(peers_enter(shared, &a.any));
		bool in = peers_enter(shared, &same.any);
		peers_leave(shared, &a.any);
		if (in)
			peers_leave(shared, &same.any);
	}
	return NULL;
}

START_TEST(test_peers_of_several_threads)
{
	static char names[3][16] = { "10.0.0.1", "10.0.0.2", "10.0.0.3" };
	pthread_t threads[3];
	shared = make("2", "");
	for (int i = 0; i < 3; i++)
		ck_assert_int_eq(pthread_create(&threads[i], NULL, come_and_go, names[i]), 0);
	for (int i = 0; i < 3; i++)
		ck_assert_int_eq(pthread_join(threads[i], NULL), 0);
	ck_assert(enter(shared, "198.51.100.1"));
	ck_assert(enter(shared, "198.51.100.1"));
	ck_assert(!enter(shared, "198.51.100.1"));
	finish(shared);
}
END_TEST

static const struct {
	const char *peer, *forwarded, *client;
} named[] = {
	{ "192.0.2.255", NULL, "192.0.2.255" },
	{ "1.20.100.9", NULL, "1.20.100.9" },
	{ "0.0.0.0", NULL, "0.0.0.0" },
	{ "::ffff:192.0.2.7", NULL, "192.0.2.7" },
	{ "2001:db8::1", NULL, "2001:db8::1" },
	{ "192.0.2.1", "198.51.100.1", "192.0.2.1" }, /* not trusted */
	{ "127.0.0.1", "198.51.100.1", "198.51.100.1" },
	{ "127.0.0.1", "10.0.0.1, 2001:db8::9 \t", "2001:db8::9" },
	{ "127.0.0.1", "10.0.0.1,198.51.100.1", "198.51.100.1" },
	{ "127.0.0.1", "", "127.0.0.1" },
	{ "127.0.0.1", "198.51.100.1,", "127.0.0.1" },
	{ "127.0.0.1", "unknown", "127.0.0.1" },
	{ "127.0.0.1", "198.51.100.1:4711", "127.0.0.1" },
	{ "127.0.0.1", "0000:0000:0000:0000:0000:0000:0000:0000:0000:0000", "127.0.0.1" },
	{ "127.0.0.1", NULL, "127.0.0.1" },
};

START_TEST(test_peers_client)
{
	struct peers *p = make("1", "127.0.0.1");
	union peer peer = peer_of(named[_i].peer);
	const char *forwarded = named[_i].forwarded;
	char client[PEERS_ADDRESS_SIZE];
	peers_client(p, &peer.any, (struct http_text){ forwarded, forwarded ? strlen(forwarded) : 0 }, client);
	ck_assert_str_eq(client, named[_i].client);
	finish(p);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("peers");
	TCase *core = tcase_create("core"), *limits = tcase_create("limits");
	tcase_add_test(core, test_peers_enter_up_to_the_limit);
	tcase_add_test(core, test_peers_enter_without_a_limit);
	tcase_add_test(core, test_peers_enter_of_trusted_ones);
	tcase_add_loop_test(core, test_peers_trusted_networks, 0, sizeof withins / sizeof *withins);
	tcase_add_test(core, test_peers_enter_of_what_has_no_address);
	tcase_add_loop_test(core, test_peers_client, 0, (int)(sizeof named / sizeof *named));
	tcase_add_test(limits, test_peers_against_a_model);
	tcase_add_test(limits, test_peers_of_several_threads);
	tcase_set_timeout(limits, 60);
	suite_add_tcase(s, core);
	suite_add_tcase(s, limits);
	return suite_run(s);
}
