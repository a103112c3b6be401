/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What GMP's operations cost, as nanoseconds from decimal digits: fitted to measurements from 20 to 10^6 digits on one
 * ordinary core (mul 8 ns, division 18, gcd 100, printing 20, reading 15, each times limbs^1.5), and on the high side.
 * They decide where a call runs and whether it is refused, nothing finer. Pure functions. */
#ifndef SQUARE_COST_H
#define SQUARE_COST_H

#define COST_DIGITS_PER_LIMB 19.27

double cost_mul(double digits_a, double digits_b);
double cost_div(double digits_a, double digits_b);
double cost_gcd(double digits_a, double digits_b);
double cost_sqrt(double digits);
double cost_print(double digits);
double cost_read(double digits);  /* of text, or the power of ten of an exponent */
double cost_power(double digits); /* of a result that is built by squarings or a product tree */

#endif
