/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The service family: for trying the queue. */
#include "exact_json.h"
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

#define LIST(a) (a), sizeof(a) / sizeof *(a)

static const struct op ops[] = {
	{ "sleep", "service", "Waits, and gives back how long.", "the number of milliseconds, an integer",
	  "0 to 60,000 ms, and no longer than the call's time-out", LIST(sleep_parameters), LIST(sleep_examples),
	  sleep_estimate, sleep_run },
	{ "echo", "service", "Gives its argument back unchanged, to the last digit.", "the value", "1 MiB",
	  LIST(echo_parameters), LIST(echo_examples), echo_estimate, echo_run },
};

const struct op_family op_service = { LIST(ops) };
