/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "pause.h"

#include <time.h>

void pause_us(uint64_t us)
{
	const struct timespec t = { (time_t)(us / 1000000), (long)(us % 1000000) * 1000 };

	(void)nanosleep(&t, NULL);
}

void pause_ms(unsigned ms)
{
	pause_us(ms * 1000ULL);
}
