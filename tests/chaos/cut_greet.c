/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What a link says before it is up, cut. */
#include <stdio.h>

#include "cut.h"
#include "ledger.h"
#include "loop_until.h"

static void on_figures(void *arg, int status, const struct queue_figures *f)
{
	struct cut_lane *l = arg;

	(void)f;
	l->status = status;
	l->open--;
}

/* Needs the library, and the reply tells the link that Redis is of use again. */
static int ask_figures(struct cut_lane *l)
{
	int rc = queue_figures(cut_link(l), l->tag, on_figures, l);

	l->open += rc == 0;
	return rc;
}

/* Cuts the message of this number at this byte, of a link that begins anew. Whether there was such a message; *length
 * is that of the message, when it was long enough not to be cut too. */
static enum proxy_outcome greet_cut(struct cut_lane *l, enum proxy_side side, unsigned message, size_t offset,
				    size_t *length)
{
	const struct proxy_fault fault = { .side = side, .skip = message, .offset = offset };
	struct errinfo info = { 0 };

	if (!rsync_words(l->sync, &info, "FUNCTION", "FLUSH", NULL))
		cut_give_up("FUNCTION FLUSH", info.text);
	proxy_cut_all(l->proxy, PROXY_CLOSE);
	proxy_strike(l->proxy, &fault);
	l->way = CUT_PROXIED;
	while (rlink_up(cut_link(l)))
		(void)uv_run(&l->loop, UV_RUN_ONCE);
	if (!loop_until(&l->loop, cut_is_up, l, CUT_DEADLINE_MS))
		chaos_fail(l->run, "greeting, message %u, byte %zu of its %s: expected the link to come up, came %s",
			   message, offset, side == PROXY_REQUEST ? "request" : "reply", rlink_error(cut_link(l)));
	enum proxy_outcome outcome = proxy_outcome(l->proxy, length);
	proxy_heal(l->proxy);
	int rc = cut_ask(l, ask_figures);
	if (rc)
		chaos_fail(l->run, "greeting, message %u, byte %zu of its %s: expected a link of use, came %s", message,
			   offset, side == PROXY_REQUEST ? "request" : "reply", err_text(rc));
	return outcome;
}

unsigned cut_greetings(struct chaos_run *r, const char *redis_socket, unsigned per_message)
{
	struct cut_lane lane;
	size_t length = 0;
	unsigned trials = 0, messages = 0;

	cut_open(&lane, r, redis_socket, 99);
	for (int side = PROXY_REQUEST; side <= PROXY_REPLY; side++) {
		unsigned message = 0;
		while (!chaos_failed(r) &&
		       greet_cut(&lane, (enum proxy_side)side, message, SIZE_MAX, &length) == PROXY_MISSED) {
			size_t step = length / per_message + 1;
			for (size_t at = 0; at < length && !chaos_failed(r); at += step, trials++)
				(void)greet_cut(&lane, (enum proxy_side)side, message, at, NULL);
			message++;
		}
		messages += message;
	}
	if (messages < 8)
		chaos_fail(r, "expected a greeting of some messages both ways, came %u", messages);
	cut_close(&lane);
	ledger_add(chaos_ledger(r), LEDGER_FAULTS, trials);
	return trials;
}
