/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "math/function_real.h"

#include <math.h>

#define REAL(name, value)                                      \
	double function_real_##name(const double *x, size_t n) \
	{                                                      \
		(void)n;                                       \
		return value;                                  \
	}
REAL(exp, exp(x[0]))
REAL(sin, sin(x[0]))
REAL(cos, cos(x[0]))
REAL(tan, tan(x[0]))
REAL(sec, 1 / cos(x[0]))
REAL(csc, x[0] == 0 ? NAN : 1 / sin(x[0]))
REAL(cot, x[0] == 0 ? NAN : 1 / tan(x[0]))
REAL(sinh, sinh(x[0]))
REAL(cosh, cosh(x[0]))
REAL(tanh, tanh(x[0]))
REAL(sech, 1 / cosh(x[0]))
REAL(csch, x[0] == 0 ? NAN : 1 / sinh(x[0]))
REAL(coth, x[0] == 0 ? NAN : 1 / tanh(x[0]))
REAL(log, x[0] == 0 ? NAN : n == 2 ? log(x[0]) / log(x[1]) : log(x[0]))
REAL(log2, x[0] == 0 ? NAN : log2(x[0]))
REAL(log10, x[0] == 0 ? NAN : log10(x[0]))
REAL(sqrt, sqrt(x[0]))
REAL(cbrt, cbrt(x[0]))
REAL(asin, asin(x[0]))
REAL(acos, acos(x[0]))
REAL(atan, atan(x[0]))
REAL(atan2, x[0] == 0 && x[1] == 0 ? NAN : atan2(x[0] + 0.0, x[1]))
REAL(asinh, asinh(x[0]))
REAL(acosh, acosh(x[0]))
REAL(atanh, fabs(x[0]) == 1 ? NAN : atanh(x[0]))
REAL(abs, fabs(x[0]))
REAL(identity, x[0])
REAL(zero, x[0] * 0)
REAL(arg, x[0] > 0 ? 0 : x[0] < 0 ? M_PI : NAN)
REAL(sign, isnan(x[0]) ? x[0] : x[0] > 0 ? 1 : x[0] < 0 ? -1 : 0)
REAL(floor, floor(x[0]))
REAL(ceil, ceil(x[0]))
REAL(trunc, trunc(x[0]))
REAL(frac, x[0] - floor(x[0]))

double function_real_round(const double *x, size_t n)
{
	if (n == 1)
		return round(x[0]);
	double scale = pow(10, x[1]);
	return x[1] == rint(x[1]) ? round(x[0] * scale) / scale : NAN;
}

double function_real_root(const double *x, size_t n)
{
	if (n == 1)
		return sqrt(x[0]);
	if (x[1] < 1 || x[1] != rint(x[1]))
		return NAN;
	if (x[1] == 3)
		return cbrt(x[0]);
	return x[0] < 0 && fmod(x[1], 2) == 1 ? -pow(-x[0], 1 / x[1]) : pow(x[0], 1 / x[1]);
}

double function_real_min(const double *x, size_t n)
{
	double best = x[0];

	for (size_t i = 1; i < n; i++)
		best = isnan(best) || isnan(x[i]) ? NAN : fmin(best, x[i]);
	return best;
}

double function_real_max(const double *x, size_t n)
{
	double best = x[0];

	for (size_t i = 1; i < n; i++)
		best = isnan(best) || isnan(x[i]) ? NAN : fmax(best, x[i]);
	return best;
}

double function_real_hypot(const double *x, size_t n)
{
	double length = 0;

	for (size_t i = 0; i < n; i++)
		length = hypot(length, x[i]);
	return length;
}
