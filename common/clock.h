/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The two clocks of a process and RFC 3339 times. Microseconds everywhere. The queue's own clock is Redis TIME. */
#ifndef SQUARE_CLOCK_H
#define SQUARE_CLOCK_H

#include <stddef.h>
#include <stdint.h>

#define CLOCK_TEXT_SIZE 25 /* "2026-11-22T15:04:05.123Z" and its zero */

uint64_t clock_mono_us(void); /* monotonic, for deadlines and durations */
uint64_t clock_wall_us(void); /* since 1970, for people and ids */

/* Writes RFC 3339 UTC with milliseconds (rounded down); `wall_us` before the year 10000. */
void clock_format(uint64_t wall_us, char out[CLOCK_TEXT_SIZE]);

/* Reads an RFC 3339 time with any offset and 0 to 9 digits of fraction. 0, or ERR_INVALID with *wall_us untouched. */
int clock_parse(const char *s, size_t n, uint64_t *wall_us);

#endif
