/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Real numbers as decimals in JSON, rounded to nearest, only when every digit is certain. digits: significant ones;
 * up to OP_PRECISION_DOUBLE (0 too) the result is the correctly rounded double as a JSON number, and a string of
 * OP_PRECISION_DOUBLE digits where it is out of the range of doubles; above, a string. Strings are plain decimals for
 * exponents from -7 to 20 (or as many as there are digits), else like "1.5e-30". */
#ifndef SQUARE_DECIMAL_H
#define SQUARE_DECIMAL_H

#include <arb.h>
#include <flint/fmpq.h>
#include <stdbool.h>
#include <stdint.h>

#include "buf.h"

void decimal_put_double(struct buf *json, double v); /* finite; the shortest decimal that is this double; -0 is 0 */
/* Appends x if all numbers of the ball round alike: true. settle: rounds its middle when they do not. Zeros at the end
 * are left out when x is exact. */
bool decimal_put_arb(struct buf *json, const arb_t x, uint32_t digits, bool settle);
void decimal_put_fmpq(struct buf *json, const fmpq_t q, uint32_t digits); /* zeros at the end left out if exact */

#endif
