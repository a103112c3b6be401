/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "math/progress.h"

#include <stddef.h>

#include "clock.h"

#define INTERVAL_US 100000

static progress_cb *listener;
static void *listener_arg;
static double last_ratio;
static uint64_t last_us;

void progress_listen(progress_cb *cb, void *arg)
{
	listener = cb;
	listener_arg = arg;
	last_ratio = -1;
	last_us = clock_mono_us(); /* what ends before the first interval is over never speaks */
}

void progress_report(double ratio, const char *note)
{
	if (!listener || ratio == last_ratio)
		return;
	uint64_t now_us = clock_mono_us();
	if (now_us - last_us < INTERVAL_US)
		return;
	last_us = now_us;
	last_ratio = ratio;
	listener(listener_arg, ratio < 0 ? 0 : ratio > 1 ? 1 : ratio, note);
}
