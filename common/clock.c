/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "clock.h"

#include <time.h>

#include "err.h"

#define DAY_S 86400
#define YEAR_10000_S INT64_C(253402300800)

static uint64_t now_us(clockid_t which)
{
	struct timespec ts;

	clock_gettime(which, &ts); /* cannot fail for these two clocks */
	return (uint64_t)ts.tv_sec * 1000000 + (uint64_t)ts.tv_nsec / 1000;
}

uint64_t clock_mono_us(void)
{
	return now_us(CLOCK_MONOTONIC);
}

uint64_t clock_wall_us(void)
{
	return now_us(CLOCK_REALTIME);
}

/* The two conversions between days since 1970 and the proleptic Gregorian calendar count in eras of 400 years that
 * begin on the first of March. Not gmtime_r/timegm: those take the C library's time zone lock. */
static int64_t days_from_civil(int64_t y, unsigned m, unsigned d)
{
	y -= m <= 2;
	int64_t era = y / 400; /* years here are never negative */
	unsigned year = (unsigned)(y - era * 400);
	unsigned day = (153 * (m > 2 ? m - 3 : m + 9) + 2) / 5 + d - 1;
	return era * 146097 + (int64_t)(year * 365 + year / 4 - year / 100 + day) - 719468;
}

static void civil_from_days(int64_t days, unsigned *y, unsigned *m, unsigned *d)
{
	days += 719468;
	int64_t era = days / 146097;
	unsigned doe = (unsigned)(days - era * 146097);
	unsigned yoe = (doe - doe / 1460 + doe / 36524 - doe / 146096) / 365;
	unsigned doy = doe - (365 * yoe + yoe / 4 - yoe / 100);
	unsigned mp = (5 * doy + 2) / 153;

	*d = doy - (153 * mp + 2) / 5 + 1;
	*m = mp < 10 ? mp + 3 : mp - 9;
	*y = yoe + (unsigned)era * 400 + (*m <= 2);
}

static void put_digits(char *out, unsigned v, int count)
{
	while (count-- > 0) {
		out[count] = (char)('0' + v % 10);
		v /= 10;
	}
}

void clock_format(uint64_t wall_us, char out[CLOCK_TEXT_SIZE])
{
	static const char blank[CLOCK_TEXT_SIZE] = "0000-00-00T00:00:00.000Z";
	uint64_t s = wall_us / 1000000;
	unsigned y, m, d, rest = (unsigned)(s % DAY_S);

	civil_from_days((int64_t)(s / DAY_S), &y, &m, &d);
	for (int i = 0; i < CLOCK_TEXT_SIZE; i++)
		out[i] = blank[i];
	put_digits(out, y, 4);
	put_digits(out + 5, m, 2);
	put_digits(out + 8, d, 2);
	put_digits(out + 11, rest / 3600, 2);
	put_digits(out + 14, rest / 60 % 60, 2);
	put_digits(out + 17, rest % 60, 2);
	put_digits(out + 20, (unsigned)(wall_us % 1000000 / 1000), 3);
}

struct scan {
	const char *p;
	const char *end;
	int failed;
};

static unsigned scan_digits(struct scan *s, int count)
{
	unsigned v = 0;

	while (count-- > 0) {
		if (s->p == s->end || *s->p < '0' || *s->p > '9') {
			s->failed = 1;
			return 0;
		}
		v = v * 10 + (unsigned)(*s->p++ - '0');
	}
	return v;
}

static void scan_one_of(struct scan *s, char a, char b)
{
	if (s->p == s->end || (*s->p != a && *s->p != b))
		s->failed = 1;
	else
		s->p++;
}

/* ".123456789" as microseconds, rounded down; nothing there is 0. */
static unsigned scan_fraction(struct scan *s)
{
	unsigned us = 0, digits = 0;

	if (s->p == s->end || *s->p != '.')
		return 0;
	for (s->p++; s->p != s->end && *s->p >= '0' && *s->p <= '9'; s->p++, digits++)
		if (digits < 6)
			us = us * 10 + (unsigned)(*s->p - '0');
	if (digits == 0 || digits > 9)
		s->failed = 1;
	for (; digits < 6; digits++)
		us *= 10;
	return us;
}

/* "Z" or "+hh:mm": seconds that local time is ahead of UTC. */
static int scan_offset(struct scan *s)
{
	if (s->p == s->end || (*s->p != '+' && *s->p != '-')) {
		scan_one_of(s, 'Z', 'z');
		return 0;
	}
	int sign = *s->p++ == '-' ? -1 : 1;
	unsigned h = scan_digits(s, 2);
	scan_one_of(s, ':', ':');
	unsigned m = scan_digits(s, 2);
	if (h > 23 || m > 59)
		s->failed = 1;
	return sign * (int)(h * 3600 + m * 60);
}

static unsigned days_of_month(unsigned y, unsigned m)
{
	static const unsigned char days[] = { 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31 };

	return m == 2 && y % 4 == 0 && (y % 100 != 0 || y % 400 == 0) ? 29 : days[m - 1];
}

int clock_parse(const char *str, size_t n, uint64_t *wall_us)
{
	struct scan s = { str, str + n, 0 };
	unsigned y = scan_digits(&s, 4);
	scan_one_of(&s, '-', '-');
	unsigned m = scan_digits(&s, 2);
	scan_one_of(&s, '-', '-');
	unsigned d = scan_digits(&s, 2);
	scan_one_of(&s, 'T', 't');
	unsigned hour = scan_digits(&s, 2);
	scan_one_of(&s, ':', ':');
	unsigned min = scan_digits(&s, 2);
	scan_one_of(&s, ':', ':');
	unsigned sec = scan_digits(&s, 2);
	unsigned us = scan_fraction(&s);
	int offset = scan_offset(&s);

	if (s.failed || s.p != s.end || m < 1 || m > 12 || d < 1 || d > days_of_month(y, m))
		return ERR_INVALID;
	if (hour > 23 || min > 59 || sec > 60)
		return ERR_INVALID;
	int64_t t = days_from_civil(y, m, d) * DAY_S + (int64_t)(hour * 3600 + min * 60 + sec) - offset;
	/* A leap second stands at the end of a UTC day only; it is the first moment of the next one here. */
	if (sec == 60 && t % DAY_S != 0)
		return ERR_INVALID;
	if (t < 0 || t >= YEAR_10000_S)
		return ERR_INVALID;
	*wall_us = (uint64_t)t * 1000000 + us;
	return 0;
}
