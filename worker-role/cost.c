/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "cost.h"

#include <math.h>

/* limbs(larger) * sqrt(limbs(smaller)): n^1.5 when balanced, linear in the larger operand otherwise. */
static double volume(double digits_a, double digits_b)
{
	double a = fmax(digits_a, digits_b) / COST_DIGITS_PER_LIMB + 1;
	double b = fmin(digits_a, digits_b) / COST_DIGITS_PER_LIMB + 1;

	return a * sqrt(b);
}

double cost_mul(double digits_a, double digits_b)
{
	return 50 + 8 * volume(digits_a, digits_b);
}

double cost_div(double digits_a, double digits_b)
{
	if (digits_a < digits_b)
		return 100;
	return 100 + 18 * volume(digits_a, digits_b);
}

/* One division brings the larger operand down to the smaller. */
double cost_gcd(double digits_a, double digits_b)
{
	double small = fmin(digits_a, digits_b);

	return 300 + cost_div(fmax(digits_a, digits_b), small) + 100 * volume(small, small);
}

double cost_sqrt(double digits)
{
	return 100 + 6 * volume(digits, digits);
}

double cost_print(double digits)
{
	return 100 + 20 * volume(digits, digits);
}

double cost_read(double digits)
{
	return 100 + 15 * volume(digits, digits);
}

double cost_power(double digits)
{
	return 400 + 12 * volume(digits, digits);
}
