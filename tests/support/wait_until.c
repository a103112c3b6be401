/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "wait_until.h"

#include <time.h>

#include "clock.h"

bool wait_until(wait_condition *condition, void *arg, unsigned deadline_ms)
{
	static const struct timespec step = { 0, 5000000 };
	uint64_t deadline = clock_mono_us() + deadline_ms * 1000ULL;

	while (!condition(arg)) {
		if (clock_mono_us() >= deadline)
			return condition(arg);
		(void)nanosleep(&step, NULL);
	}
	return true;
}
