/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "row_common.h"

void row_expect_p99(struct chaos_run *r, enum ledger_time what, unsigned ms)
{
	const struct ledger *l = chaos_ledger(r);
	double p99 = ledger_percentile(l, what, 99);

	if (ledger_times(l, what) == 0)
		chaos_fail(r, "expected a sample of: %s; the fault met no job", ledger_time_name(what));
	else if (p99 > ms)
		chaos_late(r, "%s: expected a p99 of at most %u ms, came %.0f ms of %llu samples",
			   ledger_time_name(what), ms, p99, (unsigned long long)ledger_times(l, what));
}
