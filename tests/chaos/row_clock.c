/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The wall clock jumps by an hour and back (row 16): that of Redis, which is the queue's, and those of the web roles
 * and of the workers. tests/preload/clock_shift.c stands before all of them, each kind with a shift of its own. The
 * monotonic clock stays, as it does when an administrator sets the time. */
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "client.h"
#include "clock.h"
#include "pause.h"
#include "probe.h"
#include "row_common.h"
#include "rows.h"
#include "sanitized.h"

enum { SUBMITTERS = 4, PAUSE_MS = 12, HOLD_MS = 1000, DELIVER_MS = 30000, SETTLE_MS = 60000, CLOCKS = 3 };

/* ---- the clocks ---- */

static const char *const owners[CLOCKS] = { "Redis", "the web roles", "the workers" };
static int64_t *shifts[CLOCKS]; /* in seconds; files that those who are shifted have mapped */
static char files[CLOCKS][60];

static int64_t *map_file(const char *path)
{
	int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	void *map = MAP_FAILED;

	if (fd >= 0 && ftruncate(fd, sizeof(int64_t)) == 0)
		map = mmap(NULL, sizeof(int64_t), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (map == MAP_FAILED) {
		perror("clock: the file of a shift");
		abort();
	}
	close(fd);
	return map;
}

/* For whoever is started from now on: Redis, and with files of their own the roles. */
static void put_before_clock(const char *library, const char *dir)
{
	for (unsigned i = 0; i < CLOCKS; i++) {
		(void)snprintf(files[i], sizeof files[i], "%s/%u", dir, i);
		shifts[i] = map_file(files[i]);
	}
	(void)setenv("LD_PRELOAD", library, 1);
	(void)setenv("CLOCK_SHIFT_FILE", files[0], 1);
}

static void remove_files(const char *dir)
{
	for (unsigned i = 0; i < CLOCKS; i++) {
		(void)munmap(shifts[i], sizeof *shifts[i]);
		(void)unlink(files[i]);
	}
	(void)rmdir(dir);
}

/* ---- load: results must outlive an hour ---- */

struct submitter {
	pthread_t thread;
	struct chaos_run *run;
	struct world *world;
	struct oracle *oracle;
	unsigned number;
	atomic_bool *leaving;
};

/* Some take a moment. None is delayed: a delay is kept by the wall clock of Redis, and moves with it, as it must. */
static size_t draw(struct chaos_run *r, struct oracle *o)
{
	static const char wishes[] = "\"result_ttl_s\":86400,\"max_attempts\":100";
	uint64_t kind = chaos_below(r, 20);
	long long a = (long long)chaos_below(r, 1000000);
	char body[200], result[40];
	struct oracle_spec spec = { .body = body, .result = result };

	spec.keyed = chaos_below(r, 2) != 0;
	(void)snprintf(result, sizeof result, "%lld", kind < 4 ? a % 400 : a * a);
	if (kind < 4)
		(void)snprintf(body, sizeof body, "{\"op\":\"sleep\",\"args\":[%lld],%s}", a % 400, wishes);
	else
		(void)snprintf(body, sizeof body, "{\"op\":\"square\",\"args\":[%lld],%s}", a, wishes);
	return oracle_submission(o, &spec);
}

static void *submit_often(void *arg)
{
	struct submitter *s = arg;
	struct client *c = client_new(s->world, s->oracle);

	for (unsigned i = s->number; !atomic_load(s->leaving) && !chaos_failed(s->run); i++) {
		size_t job = draw(s->run, s->oracle);
		bool keyed = oracle_key(s->oracle, job)[0] != '\0', final;
		if (client_deliver(c, i % world_count(s->world, WORLD_WEB), job, DELIVER_MS))
			(void)client_read(c, (i + 1) % world_count(s->world, WORLD_WEB), job, 0, DELIVER_MS, &final);
		else if (keyed)
			chaos_fail(s->run, "expected a job to be acknowledged within %d s whatever the clock says",
				   DELIVER_MS / 1000);
		pause_ms(PAUSE_MS);
	}
	client_free(c);
	return NULL;
}

/* ---- the row ---- */

static void jump(struct chaos_run *r, unsigned trial)
{
	static const int offsets[] = { 3600, 0, -3600, 0 };
	unsigned clocks = SANITIZED ? 1 : CLOCKS;
	unsigned which = trial / 4 % clocks;

	__atomic_store_n(shifts[which], offsets[trial % 4], __ATOMIC_SEQ_CST);
	ledger_add(chaos_ledger(r), LEDGER_FAULTS, 1);
	pause_ms(HOLD_MS);
}

/* Jobs that ended because their time had run out, as the queue counts them. */
static void check_expired(struct chaos_run *r, struct world *w)
{
	struct rsync *link = world_link(w);
	long long expired = (long long)rreply_int(probe_do(link, "HGET", WORLD_TAG ":st", "n:e"));
	long long dead = (long long)rreply_int(probe_do(link, "HGET", WORLD_TAG ":st", "n:x"));

	rsync_close(link);
	if (expired || dead)
		chaos_fail(r, "expected no job to expire or die because a clock jumps, %lld did expire, %lld die",
			   expired, dead);
}

/* What was given a time to live while the clock was ahead has that much more of it: here it is the row that cuts it. */
static void shorten_lives(struct world *w)
{
	static const char script[] =
	    "for _, p in ipairs({{':i:*', 86400000}, {':r:*', 60000}, {':k:*', 60000}, {':cache', 604800000}}) do "
	    "for _, k in ipairs(redis.call('keys', ARGV[1] .. p[1])) do "
	    "if redis.call('pttl', k) > p[2] then redis.call('pexpire', k, p[2]) end end end return 1";
	struct rsync *link = world_link(w);

	(void)probe_do(link, "EVAL", script, "0", WORLD_TAG);
	rsync_close(link);
}

static void check_reruns(struct chaos_run *r)
{
	uint64_t again = ledger_get(chaos_ledger(r), LEDGER_RERUN),
		 all = ledger_get(chaos_ledger(r), LEDGER_ACKNOWLEDGED);

	if (again * 100 > all)
		chaos_fail(r, "expected at most 1 %% of the jobs to run again, %llu of %llu did",
			   (unsigned long long)again, (unsigned long long)all);
}

static void run_under_load(struct chaos_run *r, struct world *w, struct oracle *o)
{
	struct submitter submitters[SUBMITTERS];
	atomic_bool leaving = false;
	unsigned trials = chaos_trials(r);

	for (unsigned i = 0; i < SUBMITTERS; i++) {
		submitters[i] =
		    (struct submitter){ .run = r, .world = w, .oracle = o, .number = i, .leaving = &leaving };
		if (pthread_create(&submitters[i].thread, NULL, submit_often, &submitters[i]))
			abort();
	}
	pause_ms(HOLD_MS);
	for (unsigned i = 0; i < trials && !chaos_failed(r); i++) {
		jump(r, i);
		chaos_progress(r, i + 1, trials);
	}
	for (unsigned i = 0; i < CLOCKS; i++)
		__atomic_store_n(shifts[i], 0, __ATOMIC_SEQ_CST);
	atomic_store(&leaving, true);
	for (unsigned i = 0; i < SUBMITTERS; i++)
		(void)pthread_join(submitters[i].thread, NULL);
}

void row_redis_clock(struct chaos_run *r)
{
	char library[PATH_MAX], dir[] = "/tmp/square-clock-XXXXXX", web[90], worker[90];
	const char *const alone[] = { "LD_PRELOAD", NULL }; /* sanitizers must be loaded first */
	const char *const web_env[] = { web, NULL }, *const worker_env[] = { worker, NULL };
	const struct world_options options = { .web = SANITIZED ? alone : web_env,
					       .worker = SANITIZED ? alone : worker_env };

	(void)snprintf(library, sizeof library, "%s/tests/preload/clock_shift.so", getenv("BUILD_DIR"));
	if (access(library, R_OK) != 0) {
		chaos_fail(r, "expected the library %s, which make chaos builds, it is not there", library);
		return;
	}
	if (!mkdtemp(dir))
		abort();
	put_before_clock(library, dir);
	(void)snprintf(web, sizeof web, "CLOCK_SHIFT_FILE=%s", files[1]);
	(void)snprintf(worker, sizeof worker, "CLOCK_SHIFT_FILE=%s", files[2]);
	struct world *w = world_start(r, &options);
	struct oracle *o = oracle_new(r);
	oracle_excuse(o, 1); /* how many used it is checked below */
	run_under_load(r, w, o);
	check_expired(r, w);
	shorten_lives(w);
	(void)oracle_settle(o, w, SETTLE_MS);
	check_reruns(r);
	chaos_note(r, "jumps of +1 h, back, -1 h, back, in turn of the clocks of %s%s%s%s%s", owners[0],
		   SANITIZED ? " (sanitizers allow no other)" : ", of ", SANITIZED ? "" : owners[1],
		   SANITIZED ? "" : ", of ", SANITIZED ? "" : owners[2]);
	world_stop(w);
	oracle_free(o);
	remove_files(dir);
}
