/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "math/rootfind.h"

#include "math/progress.h"

#define SIGN_BITS_MAX 5000 /* what no ball of this many bits separates from 0 counts as 0, as in certify() */
#define ROUNDS_MAX 200000
#define GRID_BITS_FIRST 2
#define PROOF_BITS 64 /* narrower by this, the values at a root have at least halved */

/* The sign at x: exactly 0 only if that is a rational fact; 2: cannot be told. */
static int sign_at_arf(const struct univariate *u, const arf_t x, slong prec)
{
	struct op_failure f;
	fmpq_t q, y;
	arb_t ball, value;
	int sign = 2;

	arb_init(ball);
	arb_init(value);
	arb_set_arf(ball, x);
	for (slong bits = prec; sign == 2 && bits <= 4 * prec; bits *= 2) {
		if (!univariate_real(u, ball, bits, value, &f))
			break;
		sign = arb_is_zero(value) ? 0 : arb_is_positive(value) ? 1 : arb_is_negative(value) ? -1 : 2;
	}
	if (sign == 2 && arf_bits(x) < 4096) {
		fmpq_init(q);
		fmpq_init(y);
		arf_get_fmpq(q, x);
		if (univariate_rational(u, q, y, &f) == 0)
			sign = fmpq_sgn(y);
		fmpq_clear(q);
		fmpq_clear(y);
	}
	arb_clear(ball);
	arb_clear(value);
	return sign;
}

/* The sign at an end that may be irrational: 0 too when no ball tells it from 0. Fails where there is no real value. */
static int sign_at_bound(const struct univariate *u, const struct bound *b, int *sign, struct op_failure *f)
{
	arb_t x, y;
	fmpq_t exact;
	int rc = 0;

	arb_init(x);
	arb_init(y);
	fmpq_init(exact);
	*sign = 2;
	if (b->rational && univariate_rational(u, b->q, exact, f) == 0)
		*sign = fmpq_sgn(exact);
	else if (b->rational && !expr_is_irrational(f) && f->error != OP_LIMIT_EXCEEDED)
		rc = -1;
	for (slong prec = 128; *sign == 2 && rc == 0; prec *= 2) {
		rc = bound_arb(b, x, prec, f) == 0 && univariate_real(u, x, prec, y, f) ? 0 : -1;
		if (rc == 0 && prec > SIGN_BITS_MAX && !arb_is_finite(y))
			rc = op_fail(f, OP_DOMAIN_ERROR, "the function has no real value at an end of the bracket");
		else if (arb_is_positive(y) || arb_is_negative(y))
			*sign = arb_is_positive(y) ? 1 : -1;
		else if (prec > SIGN_BITS_MAX)
			*sign = 0;
	}
	arb_clear(x);
	arb_clear(y);
	fmpq_clear(exact);
	return rc;
}

/* The bracket in binary numbers inside [a, b], next to its ends, with the signs found there. */
static int place_bracket(struct rootfind *r, const struct bound *a, const struct bound *b, struct op_failure *f)
{
	arb_t x;
	int rc = -1;

	arb_init(x);
	for (slong prec = 128; prec <= 2048 && rc != 0; prec *= 2) {
		if (bound_arb(a, x, prec, f) != 0)
			break;
		arb_get_ubound_arf(r->low, x, prec + 8);
		if (bound_arb(b, x, prec, f) != 0)
			break;
		arb_get_lbound_arf(r->high, x, prec + 8);
		if (arf_cmp(r->low, r->high) < 0 && sign_at_arf(r->u, r->low, prec) == r->sign &&
		    sign_at_arf(r->u, r->high, prec) == -r->sign)
			rc = 0;
	}
	arb_clear(x);
	return rc == 0 ? 0
		       : op_fail(f, OP_DID_NOT_CONVERGE, "the signs next to the ends of the bracket cannot be told");
}

int rootfind_init(struct rootfind *r, const struct univariate *u, const struct bound *a, const struct bound *b,
		  struct op_failure *f)
{
	int left = 0, right = 0;

	*r = (struct rootfind){ .u = u };
	arf_init(r->low);
	arf_init(r->high);
	if (sign_at_bound(u, a, &left, f) != 0 || sign_at_bound(u, b, &right, f) != 0)
		return -1;
	r->sign = left;
	r->end = left == 0 ? a : right == 0 ? b : NULL;
	if (r->end)
		return 0;
	if (left == right)
		return op_fail(f, OP_NO_SIGN_CHANGE,
			       "expected values of opposite sign at the ends of the bracket, got two "
			       "%s ones",
			       left > 0 ? "positive" : "negative");
	return place_bracket(r, a, b, f);
}

void rootfind_clear(struct rootfind *r)
{
	arf_clear(r->low);
	arf_clear(r->high);
}

/* Narrow enough for prec bits relative to the root, or to a root that is 0. */
static bool is_narrow(const struct rootfind *r, slong prec)
{
	arf_t width;
	arf_srcptr large = arf_cmpabs(r->low, r->high) > 0 ? r->low : r->high;
	fmpz_t e;
	bool narrow;

	arf_init(width);
	fmpz_init(e);
	arf_sub(width, r->high, r->low, 64, ARF_RND_UP);
	arf_abs_bound_lt_2exp_fmpz(e, large);
	if (arf_sgn(r->low) != arf_sgn(r->high))
		fmpz_zero(e);
	narrow = arf_cmpabs_2exp_si(width, fmpz_get_si(e) - prec) <= 0;
	arf_clear(width);
	fmpz_clear(e);
	return narrow;
}

/* Sets the sign-changing half: x has sign `sign`. */
static void cut_at(struct rootfind *r, const arf_t x, int sign)
{
	if (sign == 0) {
		arf_set(r->low, x);
		arf_set(r->high, x);
		r->exact = true;
	} else {
		arf_set(sign == r->sign ? r->low : r->high, x);
	}
}

/* x = low + (high - low) numerator / 2^bits */
static void grid_point(const struct rootfind *r, const fmpz_t numerator, slong bits, arf_t x)
{
	arf_sub(x, r->high, r->low, ARF_PREC_EXACT, ARF_RND_DOWN);
	arf_mul_fmpz(x, x, numerator, ARF_PREC_EXACT, ARF_RND_DOWN);
	arf_mul_2exp_si(x, x, -bits);
	arf_add(x, r->low, x, ARF_PREC_EXACT, ARF_RND_DOWN);
}

/* Which of 2^bits equal parts the secant through the ends hits. */
static bool guess_part(const struct rootfind *r, slong bits, slong prec, fmpz_t part)
{
	struct op_failure f;
	arb_t x, a, b;
	bool known;

	arb_init(x);
	arb_init(a);
	arb_init(b);
	arb_set_arf(x, r->low);
	known = univariate_real(r->u, x, prec, a, &f);
	arb_set_arf(x, r->high);
	known = known && univariate_real(r->u, x, prec, b, &f);
	arb_sub(b, a, b, prec);
	arb_div(a, a, b, prec);
	arb_mul_2exp_si(a, a, bits);
	known = known && arb_is_finite(a);
	if (known)
		arf_get_fmpz(part, arb_midref(a), ARF_RND_FLOOR);
	arb_clear(x);
	arb_clear(a);
	arb_clear(b);
	return known && fmpz_sgn(part) >= 0 && (slong)fmpz_bits(part) <= bits;
}

static bool bisect(struct rootfind *r, slong prec)
{
	static const int at[] = { 8, 7, 9, 5, 11, 3 }; /* sixteenths: elsewhere if a value cannot be told from 0 */
	arf_t x;
	fmpz_t k;
	int sign = 2;

	arf_init(x);
	fmpz_init(k);
	for (size_t i = 0; i < sizeof at / sizeof *at && sign == 2; i++) {
		fmpz_set_si(k, at[i]);
		grid_point(r, k, 4, x);
		sign = sign_at_arf(r->u, x, prec);
	}
	if (sign != 2)
		cut_at(r, x, sign);
	arf_clear(x);
	fmpz_clear(k);
	return sign != 2;
}

/* Narrows the bracket to the guessed part if the root is there; true then. Otherwise it may still have narrowed. */
static bool refine(struct rootfind *r, slong bits, slong prec)
{
	arf_t x, y;
	fmpz_t part;
	bool hit = false;

	arf_init(x);
	arf_init(y);
	fmpz_init(part);
	if (guess_part(r, bits, prec, part)) {
		grid_point(r, part, bits, x);
		fmpz_add_ui(part, part, 1);
		grid_point(r, part, bits, y);
		bool left_inside = arf_cmp(x, r->low) > 0, right_inside = arf_cmp(y, r->high) < 0;
		int left = left_inside ? sign_at_arf(r->u, x, prec) : r->sign;
		int right = right_inside ? sign_at_arf(r->u, y, prec) : -r->sign;
		if (left != 2 && left_inside)
			cut_at(r, x, left);
		if (right != 2 && right_inside && !r->exact)
			cut_at(r, y, right);
		hit = r->exact || (left == r->sign && right == -r->sign);
	}
	arf_clear(x);
	arf_clear(y);
	fmpz_clear(part);
	return hit;
}

/* The larger |f| at the ends. */
static void end_size(const struct rootfind *r, slong prec, mag_t out)
{
	struct op_failure f;
	arb_t x, y;
	mag_t m;

	arb_init(x);
	arb_init(y);
	mag_init(m);
	mag_zero(out);
	for (int i = 0; i < 2; i++) {
		arb_set_arf(x, i == 0 ? r->low : r->high);
		if (!univariate_real(r->u, x, prec, y, &f))
			arb_indeterminate(y);
		arb_get_mag(m, y);
		mag_max(out, out, m);
	}
	arb_clear(x);
	arb_clear(y);
	mag_clear(m);
}

static int narrow_to(struct rootfind *r, slong target, struct op_failure *f)
{
	slong bits = GRID_BITS_FIRST, prec = 2 * target + 64;

	for (long round = 0; !r->exact && !is_narrow(r, target); round++) {
		if (refine(r, bits, prec)) {
			bits = bits * 2 <= target + 8 ? bits * 2 : bits;
			continue;
		}
		bits = bits > GRID_BITS_FIRST ? bits / 2 : bits;
		if (!r->exact && !bisect(r, prec))
			return op_fail(f, OP_DID_NOT_CONVERGE, "the function cannot be told from 0 around %.15g",
				       arf_get_d(r->low, ARF_RND_NEAR));
		if (round > ROUNDS_MAX)
			return op_fail(f, OP_DID_NOT_CONVERGE, "the bracket does not get narrower");
		if (round % 64 == 63)
			progress_report(0, "narrowing the bracket");
	}
	return 0;
}

int rootfind_run(struct rootfind *r, slong prec, arb_t out, struct op_failure *f)
{
	mag_t wide, narrow;
	int rc;

	if (r->end)
		return bound_arb(r->end, out, prec, f);
	mag_init(wide);
	mag_init(narrow);
	rc = narrow_to(r, prec, f);
	if (rc == 0 && !r->exact && !r->proven) {
		/* Towards a root the values at both ends die away; at a pole or a jump one of them does not. */
		slong reached = prec;
		while (is_narrow(r, reached))
			reached += PROOF_BITS / 4;
		end_size(r, 2 * reached + 64, wide);
		rc = narrow_to(r, reached + PROOF_BITS, f);
		end_size(r, 2 * (reached + PROOF_BITS) + 64, narrow);
		mag_mul_2exp_si(narrow, narrow, 1);
		r->proven = r->exact || mag_cmp(narrow, wide) <= 0;
		if (rc == 0 && !r->proven)
			rc =
			    op_fail(f, OP_NO_SOLUTION, "the sign changes near %.15g at a pole or a jump, not at a root",
				    arf_get_d(r->low, ARF_RND_NEAR));
	}
	if (rc == 0)
		arb_set_interval_arf(out, r->low, r->high, prec + 64);
	mag_clear(wide);
	mag_clear(narrow);
	return rc;
}
