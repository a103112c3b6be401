/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Any bytes as a number: what is read and not long has a sign, a size and digits that fit together, and an integer
 * reads back from its digits. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "err.h"
#include "fuzz.h"
#include "number.h"

#define DIGITS_MAX 5000 /* longer ones are only scanned */

FUZZ_TARGET(number)
{
	struct number x, again;
	struct buf digits = BUF_INIT;
	int rc = number_scan((const char *)data, size, &x), sign;

	expect(rc == 0 || rc == ERR_INVALID || rc == ERR_TOO_BIG);
	if (rc != 0 || number_written_digits(&x) > DIGITS_MAX)
		return 0;
	sign = number_sign(&x);
	double bound = number_digits(&x);
	number_load(&x);
	expect((mpq_sgn(x.q) > 0) - (mpq_sgn(x.q) < 0) == sign);
	expect((double)mpz_sizeinbase(mpq_numref(x.q), 10) <= bound + 2);
	if (number_is_integer(&x)) {
		number_put_digits(&digits, mpq_numref(x.q));
		if (digits.len <= NUMBER_LITERAL_MAX) {
			expect(number_scan(digits.data, digits.len, &again) == 0);
			number_load(&again);
			expect(mpq_equal(x.q, again.q));
			number_fini(&again);
		}
	}
	number_fini(&x);
	buf_fini(&digits);
	return 0;
}
