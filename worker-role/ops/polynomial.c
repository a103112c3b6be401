/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "ops/polynomial.h"

#include <math.h>
#include <stdlib.h>

#include "math/arg.h"

int polynomial_read(struct op_call *c, size_t i, slong most, fmpq_poly_t p, struct op_failure *f)
{
	if (arg_polynomial(c, i, p, f) != 0)
		return -1;
	if (fmpq_poly_degree(p) <= most)
		return 0;
	op_fail_limit(f, (double)most, (double)fmpq_poly_degree(p), "degrees", "the polynomial's degree");
	return arg_locate(c, i, f);
}

/* Of the largest numerator over the common denominator, and of that. */
double polynomial_top_bits(const fmpq_poly_t p)
{
	return (double)labs(_fmpz_vec_max_bits(p->coeffs, fmpq_poly_length(p)));
}

double polynomial_bits(const fmpq_poly_t p)
{
	return polynomial_top_bits(p) + (double)fmpz_bits(p->den);
}

double polynomial_terms(const fmpq_poly_t p)
{
	return fmax(1, (double)fmpq_poly_length(p));
}

/* The coefficients as balls, whatever they are. */
int polynomial_read_balls(struct op_call *c, acb_poly_t p, slong prec, struct op_failure *f)
{
	size_t rows, cols;
	acb_t z;
	int rc = 0;

	arg_shape(c, 0, &rows, &cols);
	acb_init(z);
	acb_poly_zero(p);
	for (size_t k = rows; k-- > 0 && rc == 0;) {
		rc = arg_acb_at(c, 0, k, 0, z, prec, f);
		if (rc == 0)
			acb_poly_set_coeff_acb(p, (slong)k, z);
	}
	acb_clear(z);
	return rc;
}

bool polynomial_has_balls(struct op_call *c)
{
	return arg_is_array(c, 0) && !arg_is_rational(c, 0);
}
