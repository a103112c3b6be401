/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The network between the roles and Redis: connections that break at any byte (row 6), and one that swallows all
 * without a sign (row 7). Each role has a proxy of its own before Redis. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "clock.h"
#include "cut.h"
#include "load.h"
#include "log.h"
#include "oracle.h"
#include "pause.h"
#include "probe.h"
#include "proxy.h"
#include "row_common.h"
#include "rows.h"
#include "sanitized.h"
#include "wait_until.h"
#include "world.h"

enum {
	WEBS = 2,
	WORKERS = 3,
	READY_MS = 30000,
	SETTLE_MS = 60000,
	LEAK_KIB = SANITIZED ? 256 << 10 : 24 << 10, /* beyond what the load itself lets a role grow */
	LEAK_FILES = 4,
	NOTICE_MS = 5000,
	HOLE_MS = 15000,
	PATIENCE_MS = 400, /* with a call that does not come */
	GAP_MS = 500       /* at most, between the cuts of one role's connections */
};

/* ---- a world behind proxies ---- */

struct net {
	struct chaos_run *run;
	bool tcp;
	struct proxy *proxies[2][WORLD_INSTANCES];
	struct world *world;
	struct oracle *oracle;
	struct load *load;
};

static const char *route(void *arg, const char *redis_socket, enum world_role role, unsigned index)
{
	struct net *n = arg;
	struct proxy **p = &n->proxies[role][index];

	if (!*p)
		*p = proxy_start(redis_socket);
	return n->tcp ? proxy_tcp_url(*p) : proxy_url(*p);
}

static void net_open(struct net *n, struct chaos_run *r, bool tcp, const struct load_options *load)
{
	const struct world_options options = { .webs = WEBS, .workers = WORKERS, .route = route, .route_arg = n };

	*n = (struct net){ .run = r, .tcp = tcp };
	n->world = world_start(r, &options);
	n->oracle = oracle_new(r);
	n->load = load_start(r, n->world, n->oracle, load);
}

static void net_each(struct net *n, void (*what)(struct proxy *p))
{
	for (int role = 0; role < 2; role++)
		for (unsigned i = 0; i < WORLD_INSTANCES; i++)
			if (n->proxies[role][i])
				what(n->proxies[role][i]);
}

/* The load ends, everything is looked at. */
static void net_settle(struct net *n)
{
	net_each(n, proxy_heal);
	if (!world_wait_ready(n->world, READY_MS))
		chaos_fail(n->run, "expected every web role to be ready within %d s of the healing", READY_MS / 1000);
	load_stop(n->load);
	n->load = NULL;
	(void)oracle_settle(n->oracle, n->world, SETTLE_MS);
}

static void net_close(struct net *n)
{
	world_stop(n->world);
	oracle_free(n->oracle);
	net_each(n, proxy_stop);
}

/* ---- row 6: cuts ---- */

struct size_of_roles {
	unsigned files[2][WORLD_INSTANCES];
	long kib[2][WORLD_INSTANCES];
};

static void measure(struct net *n, struct size_of_roles *s)
{
	for (int role = 0; role < 2; role++)
		for (unsigned i = 0; i < world_count(n->world, (enum world_role)role); i++) {
			s->files[role][i] = world_files(n->world, (enum world_role)role, i);
			s->kib[role][i] = world_kib(n->world, (enum world_role)role, i);
		}
}

struct shrink {
	struct net *net;
	const struct size_of_roles *before;
	char who[120]; /* keeps too many */
};

static bool files_are_back(void *arg)
{
	struct shrink *q = arg;
	struct size_of_roles now = { 0 };

	measure(q->net, &now);
	for (int role = 0; role < 2; role++)
		for (unsigned i = 0; i < world_count(q->net->world, (enum world_role)role); i++)
			if (now.files[role][i] > q->before->files[role][i] + LEAK_FILES) {
				(void)snprintf(q->who, sizeof q->who, "%s has %u, it had %u",
					       world_instance((enum world_role)role, i), now.files[role][i],
					       q->before->files[role][i]);
				return false;
			}
	return true;
}

static void check_leaks(struct net *n, const struct size_of_roles *before)
{
	struct shrink shrink = { n, before, "" };
	struct size_of_roles now = { 0 };
	long most_kib = 0;

	if (!wait_until(files_are_back, &shrink, READY_MS))
		chaos_fail(n->run, "expected no role to keep more than %d descriptors above those it began with: %s",
			   LEAK_FILES, shrink.who);
	measure(n, &now);
	for (int role = 0; role < 2; role++)
		for (unsigned i = 0; i < world_count(n->world, (enum world_role)role); i++) {
			long grown = now.kib[role][i] - before->kib[role][i];
			most_kib = grown > most_kib ? grown : most_kib;
			if (grown > LEAK_KIB)
				chaos_fail(n->run, "expected %s to grow by at most %d KiB, it grew by %ld KiB to %ld",
					   world_instance((enum world_role)role, i), LEAK_KIB, grown, now.kib[role][i]);
		}
	chaos_note(n->run, "after the cuts no role kept a descriptor more, the largest grew by %ld KiB", most_kib);
}

/* What each role says to Redis under this load; NULL: whatever comes next. */
static const char *const web_calls[] = { "sq_enqueue", "sq_enqueue", "GET", "sq_presence", NULL, NULL };
static const char *const worker_calls[] = { "sq_claim", "sq_finish", "sq_start", "sq_reap", "sq_extend", NULL, NULL };

/* One proxy's next fault, and when another one is tried: not every call comes at every time. */
struct cutter {
	struct proxy *proxy;
	enum world_role role;
	uint64_t next_us;
};

/* Any connection of this role, in any of its calls, at any byte. */
static void arm(struct chaos_run *r, struct cutter *c)
{
	bool web = c->role == WORLD_WEB;
	uint64_t call =
	    chaos_below(r, web ? sizeof web_calls / sizeof *web_calls : sizeof worker_calls / sizeof *worker_calls);
	struct proxy_fault fault = { .command = web ? web_calls[call] : worker_calls[call], .wrap = true };

	fault.side = chaos_below(r, 2) ? PROXY_REPLY : PROXY_REQUEST;
	fault.offset = (size_t)chaos_below(r, 1u << 20);
	fault.action = chaos_below(r, 2) ? PROXY_RESET : PROXY_CLOSE;
	fault.skip = (unsigned)chaos_below(r, 3);
	proxy_strike(c->proxy, &fault);
	c->next_us = clock_mono_us() + PATIENCE_MS * 1000;
}

/* Whether it has cut since it was asked last. */
static bool cutter_turn(struct chaos_run *r, struct cutter *c)
{
	uint64_t now_us = clock_mono_us();
	enum proxy_outcome outcome = proxy_outcome(c->proxy, NULL);

	if (outcome == PROXY_STRUCK) {
		proxy_heal(c->proxy);
		c->next_us = now_us + chaos_below(r, GAP_MS) * 1000;
	} else if (now_us >= c->next_us) {
		arm(r, c);
	}
	return outcome == PROXY_STRUCK;
}

static unsigned cut_at_random(struct net *n, unsigned done, unsigned trials)
{
	struct cutter cutters[WEBS + WORKERS];
	unsigned made = 0;
	uint64_t deadline_us = clock_mono_us() + (20000 + trials * 2000ull) * 1000;

	for (unsigned i = 0; i < WEBS + WORKERS; i++) {
		enum world_role role = i < WEBS ? WORLD_WEB : WORLD_WORKER;
		cutters[i] = (struct cutter){ n->proxies[role][i < WEBS ? i : i - WEBS], role, 0 };
	}
	while (made < trials && !chaos_failed(n->run) && clock_mono_us() < deadline_us) {
		for (unsigned i = 0; i < WEBS + WORKERS; i++)
			if (cutter_turn(n->run, &cutters[i])) {
				made++;
				ledger_add(chaos_ledger(n->run), LEDGER_FAULTS, 1);
			}
		chaos_progress(n->run, done + made, done + trials);
		pause_ms(5);
	}
	return made;
}

static void cut_roles(struct chaos_run *r, unsigned done, unsigned trials)
{
	const struct load_options load = { .rate = 400, .threads = 3, .computing = true };
	struct size_of_roles before;
	struct net n;

	net_open(&n, r, true, &load);
	unsigned made = cut_at_random(&n, done, trials / 5);
	measure(&n, &before); /* what a role opens and keeps, it has by now: what grows later, grows with the cuts */
	made += cut_at_random(&n, done + made, trials - made);
	if (made < trials)
		chaos_fail(r, "expected %u cuts under load, came %u", trials, made);
	net_settle(&n);
	check_leaks(&n, &before);
	chaos_note(r, "then the programs' own connections cut %u times at random bytes under %u jobs/s", made,
		   load.rate);
	net_close(&n);
}

void row_network_cut(struct chaos_run *r)
{
	log_open(false, LOG_ERROR, "chaos"); /* a link that is cut says so each time */
	struct redis_private *redis = redis_private_start(NULL);
	unsigned done = cut_sweep(r, redis_private_socket(redis));

	if (!chaos_failed(r))
		done += cut_greetings(r, redis_private_socket(redis), chaos_long(r) ? 5000 : 12);
	redis_private_stop(redis);
	if (!chaos_failed(r))
		cut_roles(r, done, chaos_trials(r));
}

/* ---- row 7: a black hole ---- */

/* Who is behind it, and when he has noticed. */
struct hole {
	struct net *net;
	bool web[WEBS], worker[WORKERS];
	uint64_t since_us;
	uint64_t web_us[WEBS], worker_us[WORKERS]; /* how long it took; 0: not yet */
	unsigned losses[WORKERS];                  /* that his log told of before */
};

/* How often a role has told that a link was lost. */
static unsigned count_losses(struct net *n, unsigned worker)
{
	char *log = world_log(n->world, WORLD_WORKER, worker);
	unsigned found = 0;

	for (const char *at = log; (at = strstr(at, "redis: link ")); at += 12) {
		const char *end = strchr(at, '\n'), *lost = strstr(at, " lost: ");
		found += lost && end && lost < end;
	}
	free(log);
	return found;
}

static void hole_begin(struct hole *h, struct net *n, bool total)
{
	*h = (struct hole){ .net = n };
	for (unsigned i = 0; i < WORKERS; i++) {
		h->worker[i] = total || i < WORKERS - 1;
		h->losses[i] = count_losses(n, i);
	}
	for (unsigned i = 0; i < WEBS; i++)
		h->web[i] = total || i == 0;
	h->since_us = clock_mono_us();
	for (unsigned i = 0; i < WEBS; i++)
		if (h->web[i])
			proxy_black_hole(n->proxies[WORLD_WEB][i]);
	for (unsigned i = 0; i < WORKERS; i++)
		if (h->worker[i])
			proxy_black_hole(n->proxies[WORLD_WORKER][i]);
	ledger_add(chaos_ledger(n->run), LEDGER_FAULTS, 1);
}

static void note(const struct hole *h, uint64_t *took_us)
{
	*took_us = clock_mono_us() - h->since_us;
	ledger_time(chaos_ledger(h->net->run), LEDGER_NOTICE, (double)*took_us / 1000);
}

/* Whether all who are behind it have noticed. Whoever is not, must not lose his readiness. */
static bool all_noticed(void *arg)
{
	struct hole *h = arg;
	bool all = true;

	for (unsigned i = 0; i < WEBS; i++) {
		bool ready = world_ready(h->net->world, i);
		if (!h->web[i] && !ready)
			chaos_fail(h->net->run, "expected %s, whose network is whole, to stay ready, it is not",
				   world_instance(WORLD_WEB, i));
		if (h->web[i] && !h->web_us[i] && !ready)
			note(h, &h->web_us[i]);
		all = all && (!h->web[i] || h->web_us[i]);
	}
	for (unsigned i = 0; i < WORKERS; i++) {
		if (h->worker[i] && !h->worker_us[i] && count_losses(h->net, i) > h->losses[i])
			note(h, &h->worker_us[i]);
		all = all && (!h->worker[i] || h->worker_us[i]);
	}
	return all;
}

/* A submission to a web role behind the hole: a refusal that says when to come back, soon. */
static void ask_behind(struct net *n, unsigned web)
{
	const struct probe probe = { n->run, n->world, n->oracle };
	long status = probe_submit(&probe, web);

	if (status != 503)
		chaos_fail(n->run, "expected 503 from %s behind the black hole, came %ld",
			   world_instance(WORLD_WEB, web), status);
}

static void fall_into(struct net *n, bool total, unsigned length_ms)
{
	struct hole h;
	const struct ledger *ledger = chaos_ledger(n->run);

	oracle_excuse(n->oracle, 1); /* what somebody out of reach had started is started again, by lease */
	hole_begin(&h, n, total);
	uint64_t before = ledger_get(ledger, LEDGER_ACKNOWLEDGED);
	if (!wait_until(all_noticed, &h, NOTICE_MS + 5000))
		chaos_fail(n->run, "expected everybody behind the black hole to notice it, somebody has not in %d s",
			   (NOTICE_MS + 5000) / 1000);
	for (unsigned i = 0; i < WEBS; i++)
		if (h.web[i])
			ask_behind(n, i);
	while (clock_mono_us() < h.since_us + length_ms * 1000ull)
		pause_ms(20);
	uint64_t during = ledger_get(ledger, LEDGER_ACKNOWLEDGED) - before;
	if (!total && during < length_ms / 20)
		chaos_fail(n->run, "expected the others to go on, %llu jobs were acknowledged meanwhile",
			   (unsigned long long)during);
	net_each(n, proxy_heal);
	oracle_mark(n->oracle, clock_wall_us());
}

struct resumption {
	struct net *net;
};

static bool everybody_resumed(void *arg)
{
	const struct resumption *q = arg;

	return oracle_resumed(q->net->oracle, q->net->world);
}

void row_network_black_hole(struct chaos_run *r)
{
	const struct load_options load = { .rate = 200, .threads = 4, .computing = true, .request_ms = 2000 };
	struct net n;
	struct resumption resumption = { &n };

	net_open(&n, r, true, &load);
	for (unsigned i = 0; i < chaos_trials(r) && !chaos_failed(r); i++) {
		pause_ms(500);
		fall_into(&n, i % 2 == 1, HOLE_MS);
		if (!wait_until(everybody_resumed, &resumption, READY_MS))
			chaos_fail(r, "expected everybody to resume within %d s of the healing", READY_MS / 1000);
		chaos_progress(r, i + 1, chaos_trials(r));
	}
	net_settle(&n);
	double most_ms = ledger_percentile(chaos_ledger(r), LEDGER_NOTICE, 100);
	if (most_ms > NOTICE_MS)
		chaos_late(r, "expected the black hole to be noticed within %d ms, it took up to %.0f ms", NOTICE_MS,
			   most_ms);
	chaos_note(r, "holes of %d s; odd ones swallow one web role and two workers of three, even ones everybody",
		   HOLE_MS / 1000);
	net_close(&n);
}
