/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A length of time in tests: the pace of a load or of a hostile client, how long a fault lasts. Whoever waits for
 * something to happen uses wait_until.h. */
#ifndef SQUARE_TESTS_PAUSE_H
#define SQUARE_TESTS_PAUSE_H

#include <stdint.h>

/* Blocks the thread; less when a signal comes. */
void pause_us(uint64_t us);
void pause_ms(unsigned ms);

#endif
