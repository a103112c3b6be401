/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "math/resolve.h"

#include <flint/fmpq.h>

#include "math/expr.h"

static void set_rational(struct op_value *v, const fmpq_t q)
{
	slong small = 0;

	if (fmpz_is_one(fmpq_denref(q)) && fmpz_fits_si(fmpq_numref(q)))
		small = fmpz_get_si(fmpq_numref(q));
	if (small != 0 || fmpq_is_zero(q)) {
		number_set_small(&v->number, small);
	} else {
		v->number = (struct number){ .form = NUMBER_LOADED };
		mpq_init(v->number.q);
		fmpq_get_mpq(v->number.q, q);
	}
	v->rational = true;
}

int resolve_expression(struct op_value *v, const char *s, size_t n, struct op_failure *f)
{
	v->expr = expr_parse(s, n, f);
	return v->expr ? 0 : -1;
}

int resolve_number(struct op_value *v, const char *s, size_t n, struct op_failure *f)
{
	fmpq_t q;
	int rc = resolve_expression(v, s, n, f);

	if (rc == 0)
		rc = expr_check_names(v->expr, NULL, 0, f);
	if (rc != 0)
		return rc;
	fmpq_init(q);
	if (expr_rational(v->expr, NULL, q, f) == 0)
		set_rational(v, q);
	else if (!expr_is_irrational(f))
		rc = -1;
	fmpq_clear(q);
	return rc;
}

void resolve_free(struct op_value *v)
{
	expr_free(v->expr);
	v->expr = NULL;
}
