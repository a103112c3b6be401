/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The elementary functions in doubles, for the loops that need them fast (struct function, real). NaN outside the
 * domain and on poles. */
#ifndef SQUARE_FUNCTION_REAL_H
#define SQUARE_FUNCTION_REAL_H

#include <stddef.h>

double function_real_exp(const double *x, size_t n);
double function_real_sin(const double *x, size_t n);
double function_real_cos(const double *x, size_t n);
double function_real_tan(const double *x, size_t n);
double function_real_sec(const double *x, size_t n);
double function_real_csc(const double *x, size_t n);
double function_real_cot(const double *x, size_t n);
double function_real_sinh(const double *x, size_t n);
double function_real_cosh(const double *x, size_t n);
double function_real_tanh(const double *x, size_t n);
double function_real_sech(const double *x, size_t n);
double function_real_csch(const double *x, size_t n);
double function_real_coth(const double *x, size_t n);
double function_real_log(const double *x, size_t n);
double function_real_log2(const double *x, size_t n);
double function_real_log10(const double *x, size_t n);
double function_real_sqrt(const double *x, size_t n);
double function_real_cbrt(const double *x, size_t n);
double function_real_asin(const double *x, size_t n);
double function_real_acos(const double *x, size_t n);
double function_real_atan(const double *x, size_t n);
double function_real_atan2(const double *x, size_t n);
double function_real_asinh(const double *x, size_t n);
double function_real_acosh(const double *x, size_t n);
double function_real_atanh(const double *x, size_t n);
double function_real_abs(const double *x, size_t n);
double function_real_identity(const double *x, size_t n);
double function_real_zero(const double *x, size_t n);
double function_real_arg(const double *x, size_t n);
double function_real_sign(const double *x, size_t n);
double function_real_floor(const double *x, size_t n);
double function_real_ceil(const double *x, size_t n);
double function_real_trunc(const double *x, size_t n);
double function_real_frac(const double *x, size_t n);
double function_real_round(const double *x, size_t n);
double function_real_root(const double *x, size_t n);
double function_real_min(const double *x, size_t n);
double function_real_max(const double *x, size_t n);
double function_real_hypot(const double *x, size_t n);

#endif
