/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "math/special.h"

#include <flint/flint.h>

bool special_is_real(acb_srcptr z)
{
	return arb_is_zero(acb_imagref(z));
}

bool special_is_negative(acb_srcptr z)
{
	return special_is_real(z) && arb_is_negative(acb_realref(z));
}

bool special_is_integer(acb_srcptr z)
{
	return acb_is_int(z);
}

bool special_is_pole(acb_srcptr z)
{
	return arb_is_nonpositive(acb_realref(z)) && special_is_integer(z);
}

bool special_meets_left(acb_srcptr z, slong end)
{
	arb_t limit;
	bool right;

	arb_init(limit);
	arb_set_si(limit, end);
	right = arb_gt(acb_realref(z), limit);
	arb_clear(limit);
	return !right && arb_contains_zero(acb_imagref(z));
}

bool special_meets_right(acb_srcptr z, slong end)
{
	arb_t limit;
	bool left;

	arb_init(limit);
	arb_set_si(limit, end);
	left = arb_lt(acb_realref(z), limit);
	arb_clear(limit);
	return !left && arb_contains_zero(acb_imagref(z));
}

int special_undefined(acb_t out)
{
	acb_indeterminate(out);
	return 0;
}

int special_fail(struct op_failure *f, const char *sentence, acb_srcptr z)
{
	char *re = arb_get_str(acb_realref(z), 10, ARB_STR_NO_RADIUS);
	char *im = arb_get_str(acb_imagref(z), 10, ARB_STR_NO_RADIUS);

	if (special_is_real(z))
		op_fail(f, OP_DOMAIN_ERROR, "%s, but got %.80s", sentence, re);
	else
		op_fail(f, OP_DOMAIN_ERROR, "%s, but got %.80s + %.80s i", sentence, re, im);
	flint_free(re);
	flint_free(im);
	return -1;
}
