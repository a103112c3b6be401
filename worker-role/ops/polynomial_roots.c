/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <math.h>

#include "math/answer.h"
#include "math/arg.h"
#include "math/roots.h"
#include "ops/polynomial.h"

static int check_roots(struct op_call *c, double degree, double bits, struct op_failure *f)
{
	double limbs = ((double)certify_bits(c) + bits + degree) / 64 + 2;

	if (degree > ROOTS_DEGREE_MAX) {
		op_fail_limit(f, ROOTS_DEGREE_MAX, degree, "degrees", "the polynomial's degree");
		return arg_locate(c, 0, f);
	}
	return answer_check_cost(c, degree * degree * (1000 + 200 * pow(limbs, 1.5)), 0, f);
}

static int exact_roots(struct op_call *c, acb_ptr out, size_t n, slong prec, void *arg, struct op_failure *f)
{
	(void)c, (void)n, (void)f;
	roots_refine(arg, prec);
	roots_get(out, arg, prec);
	return 0;
}

static int put_roots(struct op_call *c, struct buf *json, size_t n, certify_fn *fn, void *arg, struct op_failure *f)
{
	struct certified v;

	if (certify(c, n, fn, arg, &v, f) != 0)
		return -1;
	certified_put_vector(json, &v, 0, n);
	certified_fini(&v);
	return 0;
}

static int roots_of_rational(struct op_call *c, struct buf *json, struct op_failure *f)
{
	struct roots r;
	fmpq_poly_t p;
	int rc;

	fmpq_poly_init(p);
	rc = polynomial_read(c, 0, POLYNOMIAL_DEGREE_MAX, p, f);
	if (rc == 0 && fmpq_poly_is_zero(p))
		rc = arg_fail(c, 0, f, OP_DOMAIN_ERROR, "every number is a root of the zero polynomial");
	if (rc == 0)
		rc = check_roots(c, (double)fmpq_poly_degree(p), polynomial_top_bits(p), f);
	if (rc == 0) {
		roots_init(&r, p);
		rc = put_roots(c, json, (size_t)roots_total(&r), exact_roots, &r, f);
		roots_fini(&r);
	}
	fmpq_poly_clear(p);
	return rc;
}

struct enclosed {
	acb_ptr before; /* NULL: not isolated yet */
	bool real;
};

#define ENCLOSED_BITS_MAX 16384 /* beyond what the digits need: then there is a multiple root */

static int enclosed_roots(struct op_call *c, acb_ptr out, size_t n, slong prec, void *arg, struct op_failure *f)
{
	struct enclosed *e = arg;
	acb_poly_t p;
	int rc;

	acb_poly_init(p);
	rc = polynomial_read_balls(c, p, prec, f);
	if (rc == 0 && roots_enclosed(out, p, e->real, e->before, prec)) {
		if (!e->before)
			e->before = _acb_vec_init((slong)n);
		_acb_vec_set(e->before, out, (slong)n);
	} else if (rc == 0 && prec > certify_bits(c) + ENCLOSED_BITS_MAX) {
		rc = arg_fail(c, 0, f, OP_DID_NOT_CONVERGE,
			      "the roots cannot be told apart: multiple ones are found for rational coefficients only");
	} else if (rc == 0) {
		_acb_vec_indeterminate(out, (slong)n);
	}
	acb_poly_clear(p);
	return rc;
}

/* Coefficients that are not all rational. Leading zeros are left out where they are exactly that. */
static int roots_of_balls(struct op_call *c, struct buf *json, struct op_failure *f)
{
	struct enclosed e = { NULL, true };
	acb_poly_t p;
	slong degree;
	int rc;

	acb_poly_init(p);
	rc = polynomial_read_balls(c, p, 64, f);
	degree = acb_poly_degree(p);
	for (slong k = 0; k <= degree; k++)
		e.real = e.real && acb_is_real(p->coeffs + k);
	acb_poly_clear(p);
	if (rc == 0)
		rc = check_roots(c, (double)degree, 64, f);
	if (rc == 0)
		rc = put_roots(c, json, (size_t)degree, enclosed_roots, &e, f);
	if (e.before)
		_acb_vec_clear(e.before, degree);
	return rc;
}

int polynomial_roots(struct op_call *c, struct buf *json, struct op_failure *f)
{
	return polynomial_has_balls(c) ? roots_of_balls(c, json, f) : roots_of_rational(c, json, f);
}
