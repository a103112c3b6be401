/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The service family: for trying the queue, and what it is for when all goes wrong. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "exact_json.h"
#include "math/arg.h"
#include "math/progress.h"
#include "op.h"

#define SLEEP_MAX_MS 60000
#define ECHO_DUMP_NS 2000

static const struct op_parameter sleep_parameters[] = {
	{ .name = "ms",
	  .summary = "milliseconds to wait",
	  .kind = OP_KIND_INTEGER,
	  .bounded = true,
	  .min = 0,
	  .max = SLEEP_MAX_MS },
};

static const struct op_example sleep_examples[] = {
	{ "[5]", "5", NULL },
	{ "{\"ms\":0}", "0", NULL },
	{ "[-1]", NULL, "invalid-argument" },
	{ "[60001]", NULL, "limit-exceeded" },
};

static int sleep_estimate(struct op_call *c, struct op_cost *cost, struct op_failure *f)
{
	int64_t ms = 0;

	(void)f;
	number_int64(op_call_number(c, 0), &ms);
	cost->delay_ms = (uint32_t)ms;
	return 0;
}

/* The waiting was done by a timer before. */
static int sleep_run(struct op_call *c, struct buf *json, struct op_failure *f)
{
	(void)f;
	buf_uint(json, c->cost.delay_ms);
	return 0;
}

static const struct op_parameter echo_parameters[] = {
	{ .name = "value", .summary = "any JSON value", .kind = OP_KIND_ANY },
};

static const struct op_example echo_examples[] = {
	{ "[\"hello\"]", "\"hello\"", NULL },
	{ "{\"value\":{\"a\":[1,2.50,null,true]}}", "{\"a\":[1,2.50,null,true]}", NULL },
	{ "[]", NULL, "arity" },
};

/* Values are as long as their request, so this is bounded. */
static int echo_estimate(struct op_call *c, struct op_cost *cost, struct op_failure *f)
{
	(void)c;
	(void)f;
	cost->ns = ECHO_DUMP_NS;
	return 0;
}

static int echo_run(struct op_call *c, struct buf *json, struct op_failure *f)
{
	(void)f;
	exact_json_dump(json, op_call_value(c, 0)->any);
	return 0;
}

/* ---- crash: each kind really does it ---- */

enum crash { SEGFAULT, ABORT, LOOP, MEMORY, OUTPUT, FORK, EXEC, OPEN, EXIT };
static const char *const crash_kinds[] = { "segfault", "abort", "loop", "memory", "output",
					   "fork",     "exec",  "open", "exit",   NULL };

static const struct op_parameter crash_parameters[] = {
	{ .name = "kind", .summary = "how", .kind = OP_KIND_TEXT, .choices = crash_kinds },
};

static const struct op_example crash_examples[] = {
	{ "[\"gently\"]", NULL, "invalid-argument" },
	{ "[]", NULL, "arity" },
};

static void crash_loop(void)
{
	for (volatile unsigned long turn = 0;; turn++)
		if (turn % 1000000 == 0)
			progress_report((double)(turn / 1000000 % 100) / 100, "going round in circles");
}

/* Takes memory and uses it, until there is none. */
static int crash_memory(struct op_failure *f)
{
	enum { PIECE = 1 << 20 };
	char *piece;

	while ((piece = malloc(PIECE)) != NULL)
		for (size_t i = 0; i < PIECE; i += 4096)
			((volatile char *)piece)[i] = 1;
	return op_fail(f, OP_INTERNAL_ERROR, "out of memory, as was asked for");
}

static int crash_output(struct buf *json, struct op_failure *f)
{
	static const char piece[65536] = { '[' };

	while (!json->failed)
		buf_append(json, piece, sizeof piece);
	return op_fail(f, OP_INTERNAL_ERROR, "out of memory for the result");
}

/* What the sandbox does not let happen: none of these returns in a child that is confined. */
static const char *crash_forbidden(enum crash kind)
{
	static char program[] = "/bin/true";
	char *const argv[] = { program, NULL }, *const environment[] = { NULL };
	pid_t pid;
	int fd;

	switch (kind) {
	case FORK:
		pid = fork();
		if (pid == 0)
			_exit(0);
		if (pid > 0)
			waitpid(pid, NULL, 0);
		return pid > 0 ? "a process was made" : "no process could be made";
	case EXEC:
		execve(program, argv, environment);
		return "no program could be started";
	default:
		fd = open("/etc/passwd", O_RDONLY | O_CLOEXEC);
		if (fd >= 0)
			close(fd);
		return fd >= 0 ? "a file was opened" : "no file could be opened";
	}
}

static int crash_compute(struct op_call *c, struct buf *json, struct op_failure *f)
{
	enum crash kind = (enum crash)arg_choice(c, 0);
	volatile char *volatile nowhere = NULL;

	switch (kind) {
	case SEGFAULT:
		*nowhere = 1; // NOLINT(clang-analyzer-core.NullDereference): this is what was asked for
		break;
	case ABORT:
		abort();
	case LOOP:
		crash_loop();
		break;
	case MEMORY:
		return crash_memory(f);
	case OUTPUT:
		return crash_output(json, f);
	case EXIT:
		_exit(0);
	default:
		return op_fail(f, OP_INTERNAL_ERROR, "not confined: %s", crash_forbidden(kind));
	}
	return op_fail(f, OP_INTERNAL_ERROR, "still there");
}

static const struct op ops[] = {
	{ .name = "sleep",
	  .family = "service",
	  .summary = "Waits, and gives back how long.",
	  .result = "the number of milliseconds, an integer",
	  .limits = "0 to 60,000 ms, and no longer than the call's time-out",
	  .parameters = sleep_parameters,
	  .parameter_count = 1,
	  .examples = sleep_examples,
	  .example_count = sizeof sleep_examples / sizeof *sleep_examples,
	  .estimate = sleep_estimate,
	  .run = sleep_run },
	{ .name = "echo",
	  .family = "service",
	  .summary = "Gives its argument back unchanged, to the last digit.",
	  .result = "the value",
	  .limits = "1 MiB",
	  .parameters = echo_parameters,
	  .parameter_count = 1,
	  .examples = echo_examples,
	  .example_count = sizeof echo_examples / sizeof *echo_examples,
	  .estimate = echo_estimate,
	  .run = echo_run },
	{ .name = "crash",
	  .family = "service",
	  .summary = "Misbehaves, for trying what becomes of the job and of everybody else.",
	  .result = "none",
	  .limits = "those of every job",
	  .parameters = crash_parameters,
	  .parameter_count = 1,
	  .examples = crash_examples,
	  .example_count = sizeof crash_examples / sizeof *crash_examples,
	  .compute = crash_compute,
	  .test_only = true },
};

const struct op_family op_service = { ops, sizeof ops / sizeof *ops };
