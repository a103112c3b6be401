/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The probes: /livez says that the process runs, /readyz that it can do its work. */
#include <string.h>

#include "clock.h"
#include "handlers/handlers.h"
#include "response.h"

void handle_livez(struct request *r)
{
	static const char alive[] = "{\"status\":\"alive\"}\n";
	response_json(r, 200, alive, sizeof alive - 1);
}

void handle_readyz(struct request *r)
{
	struct buf ready = BUF_INIT;
	char why[300];
	atomic_store_explicit(&r->reactor->probed_us, clock_mono_us(), memory_order_relaxed);
	if (r->reactor->leaving)
		response_problem(r, PROBLEM_STOPPING, "this instance is leaving, another one serves", "");
	else if (roleenv_recycling(r->reactor->options.shared_env))
		response_problem(r, PROBLEM_STOPPING, "this instance is about to be started anew", "");
	else if (r->reactor->busy)
		response_problem(r, PROBLEM_STOPPING, "this instance is busy: it takes no new work for now", "");
	else if (reactor_ready(r->reactor, why, sizeof why))
		response_problem(r, PROBLEM_QUEUE_UNAVAILABLE, why, "");
	else {
		buf_puts(&ready, "{\"status\":\"ready\",\"durability\":");
		durability_json(&r->reactor->durability, &ready);
		if (rslots_clustered(r->reactor->slots)) {
			buf_puts(&ready, ",\"shards\":");
			reactor_shards_json(r->reactor, &ready);
		}
		buf_puts(&ready, "}\n");
		if (ready.failed)
			response_unavailable(r, ERR_NOMEM);
		else
			response_json(r, 200, ready.data, ready.len);
	}
	buf_fini(&ready);
}
