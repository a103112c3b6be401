/* SPDX-License-Identifier: GPL-3.0-or-later */
/* chaos [options]: runs the rows of the fault table, each in a process of its own, and prints the ledger. Exit 0: every
 * promise was kept; 1: one was missed; 2: the words were wrong. */
#include <errno.h>
#include <getopt.h>
#include <limits.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "clock.h"
#include "pause.h"
#include "report.h"

enum { ROWS_MAX = 64, TICK_MS = 100, LINE_MS = 5000, LINE_MAX_WIDTH = 400, LIMIT_S = 300, LIMIT_LONG_S = 4 * 3600 };

static struct {
	bool lengthy, patient, rows[1000];
	bool some; /* rows are named */
	unsigned trials, jobs;
	uint64_t seed;
	const char *json;
} options = { .jobs = 3 };

static const char usage[] =
    "Usage: chaos [options]\n"
    "Runs the fault table on the programs of BUILD_DIR/bin and a private Redis, and prints the ledger.\n"
    "  --long         the long run: 1,000 kills of workers, 200 of Redis and of web roles, and so on\n"
    "  --patient      for a machine that others slow down at will: promises in time are noted, not judged, and a row\n"
    "                 that missed its promise with nothing lost, wrong or double is run once more, alone\n"
    "  --row N[,N]    these rows only\n"
    "  --trials N     so many trials of each row\n"
    "  --seed N       of all random choices; the clock's if not given\n"
    "  --jobs N       rows at a time (3)\n"
    "  --json FILE    the ledger as JSON, too\n"
    "  --list         the rows, their trials and what they promise\n"
    "  --help         this text\n"
    "Exit status: 0 every promise was kept, 1 one was missed, 2 the options are wrong.\n";

static _Noreturn void refuse(const char *expected, const char *came)
{
	(void)fprintf(stderr, "chaos: expected %s, came \"%s\"; chaos --help lists the options\n", expected, came);
	exit(2);
}

static unsigned long long number(const char *text, unsigned long long max, const char *expected)
{
	char *end;

	errno = 0;
	unsigned long long n = strtoull(text, &end, 10);
	if (text[0] < '0' || text[0] > '9' || *end || errno || n > max)
		refuse(expected, text);
	return n;
}

static void take_rows(char *text)
{
	for (char *rest = NULL, *one = strtok_r(text, ",", &rest); one; one = strtok_r(NULL, ",", &rest)) {
		unsigned long long n = number(one, 999, "numbers of rows, separated by commas");
		bool there = false;
		for (unsigned i = 0; i < chaos_row_count; i++)
			there = there || chaos_rows[i].number == n;
		if (!there)
			refuse("a row of the table (chaos --list)", one);
		options.rows[n] = options.some = true;
	}
}

static void take_options(int argc, char **argv)
{
	static const struct option names[] = {
		{ "long", no_argument, NULL, 'l' },       { "patient", no_argument, NULL, 'p' },
		{ "row", required_argument, NULL, 'r' },  { "trials", required_argument, NULL, 't' },
		{ "seed", required_argument, NULL, 's' }, { "jobs", required_argument, NULL, 'j' },
		{ "json", required_argument, NULL, 'o' }, { "list", no_argument, NULL, 'L' },
		{ "help", no_argument, NULL, 'h' },       { NULL, 0, NULL, 0 },
	};

	options.seed = clock_wall_us();
	for (int c; (c = getopt_long(argc, argv, "h", names, NULL)) != -1;) {
		if (c == 'l')
			options.lengthy = true;
		else if (c == 'p')
			options.patient = true;
		else if (c == 'r')
			take_rows(optarg);
		else if (c == 't')
			options.trials = (unsigned)number(optarg, 1000000, "a number of trials up to 1,000,000");
		else if (c == 's')
			options.seed = number(optarg, UINT64_MAX, "a seed, a whole number");
		else if (c == 'j')
			options.jobs = (unsigned)number(optarg, ROWS_MAX, "a number of rows at a time, up to 64");
		else if (c == 'o')
			options.json = optarg;
		else if (c == 'L' || c == 'h') {
			c == 'L' ? report_list(stdout) : (void)fputs(usage, stdout);
			exit(0);
		} else {
			(void)fputs(usage, stderr);
			exit(2);
		}
	}
	if (optind < argc)
		refuse("no further words", argv[optind]);
	options.jobs = options.jobs ? options.jobs : 1;
}

/* ---- where things are ---- */

/* BUILD_DIR is where this program was built, SOURCE_DIR where it was called, unless somebody says otherwise. */
static void find_folders(void)
{
	char path[PATH_MAX] = "";

	if (readlink("/proc/self/exe", path, sizeof path - 1) > 0) {
		for (int i = 0; i < 3 && strrchr(path, '/'); i++)
			*strrchr(path, '/') = '\0';
		(void)setenv("BUILD_DIR", path, 0);
	}
	if (getcwd(path, sizeof path))
		(void)setenv("SOURCE_DIR", path, 0);
	(void)snprintf(path, sizeof path, "%s/service.csdef", getenv("SOURCE_DIR"));
	if (access(path, R_OK) != 0)
		refuse("SOURCE_DIR, or else the working directory, to hold service.csdef", getenv("SOURCE_DIR"));
	(void)snprintf(path, sizeof path, "%s/bin/worker-role", getenv("BUILD_DIR"));
	if (access(path, X_OK) != 0)
		refuse("BUILD_DIR to hold bin/worker-role", getenv("BUILD_DIR"));
}

static void allow_files(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) == 0) {
		limit.rlim_cur = limit.rlim_max;
		(void)setrlimit(RLIMIT_NOFILE, &limit);
	}
}

/* ---- rows as processes ---- */

static void start_row(struct chaos_run *r)
{
	pid_t parent = getpid();

	r->out_fd = memfd_create("row", MFD_CLOEXEC);
	r->started_us = clock_mono_us();
	(void)fflush(NULL);
	pid_t pid = fork(); /* *r is shared: only the harness writes who it is */
	if (pid > 0)
		r->pid = pid;
	if (pid > 0)
		return;
	if (pid < 0 || r->out_fd < 0) {
		perror("chaos: no process for a row");
		_exit(2);
	}
	if (prctl(PR_SET_PDEATHSIG, SIGKILL) != 0 || getppid() != parent || dup2(r->out_fd, 1) < 0 ||
	    dup2(r->out_fd, 2) < 0)
		_exit(126);
	(void)signal(SIGPIPE, SIG_IGN);
	r->row->run(r);
	exit(0);
}

static void show_output(const struct chaos_run *r)
{
	char block[65536];
	ssize_t n;

	(void)fprintf(stderr, "\n---- row %u (%s) printed\n", r->row->number, r->row->name);
	for (off_t at = 0; (n = pread(r->out_fd, block, sizeof block, at)) > 0; at += n)
		(void)fwrite(block, 1, (size_t)n, stderr);
	(void)fprintf(stderr, "---- row %u: %s\n", r->row->number, r->why);
}

static void end_row(struct chaos_run *r, int status)
{
	r->ended_us = clock_mono_us();
	r->finished = true;
	chaos_run_judge(r, status);
	if (chaos_failed(r))
		show_output(r);
	(void)close(r->out_fd);
}

static bool look_after(struct chaos_run *r)
{
	uint64_t limit_us = (options.lengthy ? LIMIT_LONG_S : LIMIT_S) * 1000000ULL;
	int status;

	if (!r->pid || r->finished)
		return false;
	if (clock_mono_us() - r->started_us > limit_us) {
		chaos_fail(r, "expected the row to end within %llu s", (unsigned long long)limit_us / 1000000);
		(void)kill(r->pid, SIGKILL);
	}
	if (waitpid(r->pid, &status, WNOHANG) != r->pid)
		return true;
	end_row(r, status);
	return false;
}

static void show_progress(struct chaos_run *const *runs, size_t n)
{
	static uint64_t shown_us;
	bool terminal = isatty(2);
	uint64_t now_us = clock_mono_us();
	struct winsize size;
	char line[LINE_MAX_WIDTH];
	size_t width = sizeof line;

	if (!terminal && shown_us && now_us - shown_us < LINE_MS * 1000ULL)
		return;
	shown_us = now_us;
	if (terminal && ioctl(2, TIOCGWINSZ, &size) == 0 && size.ws_col > 20 && size.ws_col < sizeof line)
		width = size.ws_col;
	report_progress(line, width, runs, n, now_us);
	(void)fprintf(stderr, terminal ? "\r\033[K%s" : "%s\n", line);
}

static void run_all(struct chaos_run *const *runs, size_t n)
{
	size_t next = 0, busy;

	do {
		busy = 0;
		for (size_t i = 0; i < next; i++)
			busy += look_after(runs[i]);
		for (; busy < options.jobs && next < n; next++, busy++)
			start_row(runs[next]);
		show_progress(runs, n);
		if (busy)
			pause_ms(TICK_MS);
	} while (busy);
	if (isatty(2))
		(void)fputs("\r\033[K", stderr);
}

static struct chaos_run *prepare(const struct chaos_row *row)
{
	struct chaos_run *r = chaos_run_new(row, options.lengthy, options.trials, options.seed);

	r->patient = options.patient;
	return r;
}

/* A row that missed its promise though its ledger is clean may have been kept from its fault (the load met no kill, a
 * process came too late): with patience it is run once more, alone. What is lost, wrong or double is never tried again.
 */
static void run_again(struct chaos_run **runs, size_t n)
{
	char text[200];

	for (size_t i = 0; i < n; i++) {
		if (!chaos_failed(runs[i]) || ledger_violated(runs[i]->ledger, text, sizeof text))
			continue;
		(void)fprintf(stderr, "row %u is run again, alone: %s\n", runs[i]->row->number, runs[i]->why);
		struct chaos_run *again = prepare(runs[i]->row);
		chaos_note(again, "run a second time, after: %.120s", runs[i]->why);
		chaos_run_free(runs[i]);
		runs[i] = again;
		run_all(&again, 1);
	}
}

int main(int argc, char **argv)
{
	struct chaos_run *runs[ROWS_MAX];
	size_t n = 0;
	bool kept = true;

	take_options(argc, argv);
	find_folders();
	allow_files();
	for (unsigned i = 0; i < chaos_row_count && n < ROWS_MAX; i++)
		if (!options.some || options.rows[chaos_rows[i].number])
			runs[n++] = prepare(&chaos_rows[i]);
	run_all(runs, n);
	if (options.patient)
		run_again(runs, n);
	report_print(stdout, runs, n);
	(void)printf("seed %llu\n", (unsigned long long)options.seed);
	if (options.json && !report_write(options.json, runs, n, options.seed)) {
		(void)fprintf(stderr, "chaos: cannot write %s\n", options.json);
		kept = false;
	}
	for (size_t i = 0; i < n; i++) {
		kept = kept && !chaos_failed(runs[i]);
		chaos_run_free(runs[i]);
	}
	return kept ? 0 : 1;
}
