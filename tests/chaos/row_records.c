/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Records that are not ours, or not whole (row 11): under load something under the queue's keys is corrupted, or put
 * there by somebody else. That job may be lost, nobody else's is; the service goes on, and says what it found. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "client.h"
#include "clock.h"
#include "http_client.h"
#include "load.h"
#include "lua_check.h"
#include "probe.h"
#include "rows.h"
#include "wait_until.h"

enum { WAIT_MS = 20000, SETTLE_MS = 60000, ISOLATE_MS = 30000, NEIGHBOUR_MS = 10000 };

struct forger {
	struct probe probe;
	struct rsync *link;
	struct client *client;
	char id[ORACLE_ID_SIZE], key[100]; /* of the victim */
	char garbage[64];                  /* of this trial */
};

#define T WORLD_TAG

/* ---- victims: jobs of nobody's ledger ---- */

/* The oracle only knows that it may be there. */
static void note_victim(struct forger *f, const char *body)
{
	const struct oracle_spec spec = { .body = body, .end = ORACLE_ANY };
	size_t job = oracle_submission(f->probe.oracle, &spec);

	oracle_sent(f->probe.oracle, job, 0);
	oracle_unknown(f->probe.oracle, job, 0);
}

/* Its body says in which state it will be. */
static bool submit_victim(struct forger *f, const char *body)
{
	struct http_answer answer;

	note_victim(f, body);
	http_client_call(world_port(f->probe.world, 0), "POST", "/v1/jobs", NULL, body, WAIT_MS, &answer);
	bool there = answer.status == 202 || answer.status == 200;
	(void)snprintf(f->id, sizeof f->id, "%s", http_answer_text(&answer, "id"));
	(void)snprintf(f->key, sizeof f->key, T ":j:%s", f->id);
	http_answer_fini(&answer);
	return there;
}

static bool is_in_state(struct forger *f, char state)
{
	const struct rreply *r = probe_do(f->link, "GETRANGE", f->key, "2", "2");

	return rreply_str(r, NULL)[0] == state;
}

static bool is_running(void *arg)
{
	return is_in_state(arg, 'r');
}

static bool is_succeeded(void *arg)
{
	return is_in_state(arg, 's');
}

static bool is_accepted(void *arg)
{
	return submit_victim(arg, "{\"op\":\"square\",\"args\":[3],\"delay_ms\":400}");
}

static bool is_accepted_long(void *arg)
{
	return submit_victim(arg, "{\"op\":\"sleep\",\"args\":[700]}");
}

static bool is_accepted_short(void *arg)
{
	return submit_victim(arg, "{\"op\":\"square\",\"args\":[3]}");
}

static void victim_delayed(struct forger *f)
{
	if (!wait_until(is_accepted, f, WAIT_MS))
		chaos_fail(f->probe.run, "expected a delayed job to be accepted");
}

static void victim_running(struct forger *f)
{
	if (!wait_until(is_accepted_long, f, WAIT_MS) || !wait_until(is_running, f, WAIT_MS))
		chaos_fail(f->probe.run, "expected a job to run");
}

static void victim_done(struct forger *f)
{
	if (!wait_until(is_accepted_short, f, WAIT_MS) || !wait_until(is_succeeded, f, WAIT_MS))
		chaos_fail(f->probe.run, "expected a job to be done");
}

/* One that stands in a list, as if accepted, and has no record that can be read. */
static void victim_queued(struct forger *f)
{
	(void)snprintf(f->id, sizeof f->id, "01a204a9-ac0b-777b-8000-%012llx",
		       (unsigned long long)chaos_random(f->probe.run) & 0xffffffffffffull);
	(void)snprintf(f->key, sizeof f->key, T ":j:%s", f->id);
	note_victim(f, "{}");
	(void)probe_do(f->link, "SET", f->key, "J1q no record");
	(void)probe_do(f->link, "HINCRBY", T ":st", "live", "1");
	(void)probe_do(f->link, "RPUSH", T ":w:normal", f->id);
}

static void victim_none(struct forger *f)
{
	f->id[0] = '\0';
}

/* ---- what is done to them ---- */

static const char script_cut[] = "local v = redis.call('get', KEYS[1]) "
				 "return redis.call('set', KEYS[1], string.sub(v, 1, #v / 2), 'keepttl')";
static const char script_garbage[] = "return redis.call('set', KEYS[1], ARGV[1], 'keepttl')";
static const char script_magic[] = "return redis.call('setrange', KEYS[1], 0, 'X9')";
static const char script_length[] = "return redis.call('setrange', KEYS[1], 70, '\\255\\255')";
static const char script_list[] =
    "local ttl = redis.call('pttl', KEYS[1]) redis.call('del', KEYS[1]) redis.call('rpush', KEYS[1], ARGV[1]) "
    "if ttl > 0 then redis.call('pexpire', KEYS[1], ttl) end return 1";
static const char script_hash[] =
    "local ttl = redis.call('pttl', KEYS[1]) redis.call('del', KEYS[1]) redis.call('hset', KEYS[1], ARGV[1], 'x') "
    "if ttl > 0 then redis.call('pexpire', KEYS[1], ttl) end return 1";
/* Not the victim's key, but structures of the queue. */
static const char script_entries[] = "redis.call('rpush', ARGV[2] .. ':w:high', ARGV[1]) "
				     "redis.call('rpush', ARGV[2] .. ':w:normal', '', ARGV[1]) "
				     "redis.call('lpush', ARGV[2] .. ':w:low', ARGV[1]) return 1";
static const char script_lease[] = "redis.call('zadd', ARGV[2] .. ':lease', 1, ARGV[1]) "
				   "redis.call('zadd', ARGV[2] .. ':lease', 2, 'x.y.1') "
				   "return redis.call('set', ARGV[2] .. ':b:x.y.1', 'no hash', 'px', 20000)";
static const char script_hints[] =
    "for _, k in ipairs({':mk', ':recent', ':dead', ':rate'}) do redis.call('del', ARGV[2] .. k) "
    "redis.call('hset', ARGV[2] .. k, ARGV[1], 'x') redis.call('pexpire', ARGV[2] .. k, 1500) end return 1";
static const char script_replies[] =
    "for _, k in ipairs(redis.call('keys', ARGV[2] .. ':r:*')) do redis.call('del', k) "
    "redis.call('set', k, ARGV[1], 'px', 1500) end return 1";
static const char script_reply_text[] =
    "for _, i in ipairs(redis.call('hkeys', '{jq:reg}:inst')) do local k = ARGV[2] .. ':r:' .. i "
    "redis.call('rpush', k, ARGV[1], '') redis.call('expire', k, 60) end return 1";
static const char script_cache[] = "redis.call('hset', ARGV[2] .. ':cache', ARGV[1], ARGV[1]) "
				   "redis.call('expire', ARGV[2] .. ':cache', 1000) return 1";
static const char script_registry[] =
    "redis.call('hset', '{jq:reg}:inst', ARGV[1], ARGV[1], 'Foreign_IN_0', '{\"role\":7}') "
    "redis.call('zadd', '{jq:reg}:seen', 1, ARGV[1], 1, 'Foreign_IN_0') "
    "redis.call('hset', '{jq:reg}:met', ARGV[1], ARGV[1]) return 1";

struct forgery {
	const char *name;
	void (*victim)(struct forger *f);
	char state;         /* in which the victim must be still; 0: any */
	const char *script; /* KEYS[1] the victim's record, ARGV random bytes and the tag; NULL: the victim is it */
	bool isolated;      /* the victim's id must be put aside */
};

static const struct forgery forgeries[] = {
	{ "delayed job, record cut in two", victim_delayed, 'd', script_cut, true },
	{ "delayed job, random bytes", victim_delayed, 'd', script_garbage, true },
	{ "delayed job, another magic", victim_delayed, 'd', script_magic, true },
	{ "delayed job, a length that leads out", victim_delayed, 'd', script_length, true },
	{ "delayed job, a list instead", victim_delayed, 'd', script_list, true },
	{ "queued job, no record", victim_queued, 0, NULL, true },
	{ "queued job, a hash instead", victim_queued, 0, script_hash, true },
	{ "running job, record cut in two", victim_running, 'r', script_cut, true },
	{ "running job, random bytes", victim_running, 'r', script_garbage, true },
	{ "running job, a list instead", victim_running, 'r', script_list, true },
	{ "finished job, record cut in two", victim_done, 0, script_cut, false },
	{ "finished job, random bytes", victim_done, 0, script_garbage, false },
	{ "finished job, a hash instead", victim_done, 0, script_hash, false },
	{ "foreign ids in the waiting lists", victim_none, 0, script_entries, false },
	{ "foreign leases, a batch that is none", victim_none, 0, script_lease, false },
	{ "hints of other types", victim_none, 0, script_hints, false },
	{ "reply lists of another type", victim_none, 0, script_replies, false },
	{ "foreign text in the reply lists", victim_none, 0, script_reply_text, false },
	{ "foreign fields among the reusable results", victim_none, 0, script_cache, false },
	{ "foreign fields in the registry", victim_none, 0, script_registry, false },
};
enum { FORGERIES = sizeof forgeries / sizeof *forgeries };

/* ---- a trial ---- */

static void draw_garbage(struct forger *f)
{
	for (size_t i = 0; i + 1 < sizeof f->garbage; i++)
		f->garbage[i] = (char)(1 + chaos_below(f->probe.run, 255));
	f->garbage[sizeof f->garbage - 1] = '\0';
}

static bool is_isolated(void *arg)
{
	struct forger *f = arg;

	return rreply_type(probe_do(f->link, "LPOS", T ":bad", f->id)) == RREPLY_INTEGER;
}

struct trial {
	struct forger *forger;
	const struct forgery *what;
};

struct page {
	struct client *client;
	unsigned web;
	const char *path, *text;
	long status;
};

/* 503 is no answer about the page: a Redis that is late on a busy machine. */
static bool is_answered(void *arg)
{
	struct page *p = arg;

	p->status = client_ask(p->client, p->web, "GET", p->path, WAIT_MS, &p->text);
	return p->status != 503;
}

static void check_page(struct forger *f, const struct forgery *what, unsigned web, const char *path)
{
	struct page page = { f->client, web, path, NULL, 0 };

	if (!wait_until(is_answered, &page, WAIT_MS) || page.status != 200)
		chaos_fail(f->probe.run, "%s: expected 200 for %s, came %ld %.200s", what->name, path, page.status,
			   page.text);
}

/* A job beside it ends well, and the pages that show many jobs can be read. */
static void check_neighbours(struct forger *f, const struct forgery *what)
{
	static const char *const pages[] = { "/v1/jobs?state=succeeded", "/v1/jobs?state=queued", "/v1/queues/math",
					     "/v1/workers", "/metrics" };
	const struct oracle_spec spec = { "{\"op\":\"add\",\"args\":[40,2]}", "42", .keyed = true };
	size_t job = oracle_submission(f->probe.oracle, &spec);
	bool final = false;

	if (!client_deliver(f->client, 0, job, NEIGHBOUR_MS))
		chaos_fail(f->probe.run, "%s: expected a job beside it to be accepted", what->name);
	else if (client_read(f->client, 1, job, NEIGHBOUR_MS / 1000.0, WAIT_MS, &final) != 200 || !final)
		chaos_fail(f->probe.run, "%s: expected a job beside it to end within %d s", what->name,
			   NEIGHBOUR_MS / 1000);
	for (size_t i = 0; i < sizeof pages / sizeof *pages; i++)
		check_page(f, what, i % 2, pages[i]);
}

/* Whoever asks for the victim itself gets an answer, of whatever kind. */
static void ask_for_victim(struct forger *f, const struct forgery *what)
{
	char path[80];
	struct page page = { f->client, 0, path, NULL, 0 };

	(void)snprintf(path, sizeof path, "/v1/jobs/%s", f->id);
	(void)wait_until(is_answered, &page, WAIT_MS);
	if (page.status != 200 && page.status != 404 && page.status != 500)
		chaos_fail(f->probe.run, "%s: expected an answer about the job itself, came %ld %.200s", what->name,
			   page.status, page.text);
}

/* On a busy machine a victim may be over before its record is spoilt: then another one is taken. */
static bool spoil(void *arg)
{
	struct trial *t = arg;
	struct forger *f = t->forger;
	const char state[2] = { t->what->state, '\0' };
	struct buf script = BUF_INIT;

	t->what->victim(f);
	if (!t->what->script || chaos_failed(f->probe.run))
		return true;
	buf_printf(&script,
		   "if ARGV[3] ~= '' and redis.call('getrange', KEYS[1], 2, 2) ~= ARGV[3] then return 'late' end %s",
		   t->what->script);
	const struct rreply *r = probe_do(f->link, "EVAL", buf_cstr(&script), "1", f->key, f->garbage, T, state);
	bool spoilt = strcmp(rreply_str(r, NULL), "late") != 0;
	buf_fini(&script);
	return spoilt;
}

static void forge(struct forger *f, const struct forgery *what)
{
	struct trial trial = { f, what };

	draw_garbage(f);
	if (!wait_until(spoil, &trial, WAIT_MS))
		chaos_fail(f->probe.run, "%s: expected a job to be in that state long enough", what->name);
	ledger_add(chaos_ledger(f->probe.run), LEDGER_FAULTS, 1);
	check_neighbours(f, what);
	if (f->id[0])
		ask_for_victim(f, what);
	if (what->isolated && !wait_until(is_isolated, f, ISOLATE_MS))
		chaos_fail(f->probe.run, "%s: expected job %s to be put aside within %d s", what->name, f->id,
			   ISOLATE_MS / 1000);
}

/* The records that were spoilt on purpose, and what nobody cleans up, go, so that the rest can be checked. */
static void clean_up(struct forger *f)
{
	static const char script[] =
	    "for _, k in ipairs({':mk', ':recent', ':dead', ':rate'}) do "
	    "if redis.call('type', ARGV[1] .. k).ok == 'hash' then redis.call('del', ARGV[1] .. k) end end "
	    "for _, k in ipairs(redis.call('keys', ARGV[1] .. ':r:*')) do "
	    "if redis.call('type', k).ok ~= 'list' then redis.call('del', k) end end "
	    "return redis.call('del', ARGV[1] .. ':b:x.y.1')";

	(void)probe_do(f->link, "EVAL", script, "0", T);
}

void row_redis_corrupt(struct chaos_run *r)
{
	const struct load_options load = { .rate = 200, .threads = 2, .computing = true };
	struct world *w = world_start(r, &(struct world_options){ 0 });
	struct forger f = { .probe = { r, w, oracle_new(r) } };

	f.link = world_link(w);
	f.client = client_new(w, f.probe.oracle);
	struct load *l = load_start(r, w, f.probe.oracle, &load);
	for (unsigned i = 0; i < chaos_trials(r) && !chaos_failed(r); i++) {
		forge(&f, &forgeries[i % FORGERIES]);
		chaos_progress(r, i + 1, chaos_trials(r));
	}
	load_stop(l);
	clean_up(&f);
	(void)oracle_settle(f.probe.oracle, w, SETTLE_MS);
	chaos_note(r, "%d kinds of forgery in turn, under %u jobs/s", FORGERIES, load.rate);
	client_free(f.client);
	rsync_close(f.link);
	world_stop(w);
	oracle_free(f.probe.oracle);
}
