/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "math/approach.h"

#define LEVELS 4   /* distances 2^-e, 2^-2e, 2^-4e, 2^-8e */
#define AROUND 4   /* points at each, so that an oscillation cannot hide */
#define GROWTH 1.2 /* of |f| from level to level that means infinity: log x doubles */

/* What one side does. */
enum course { COURSE_NONE, COURSE_UNDEFINED, COURSE_FINITE, COURSE_INFINITE };

struct side {
	enum course course;
	int sign; /* of an infinite limit */
	arb_t value;
};

/* The values at level `level` on the side `direction`; false where one is not real. */
static bool sample(const struct univariate *u, const struct bound *at, int direction, slong e, slong prec, arb_ptr out)
{
	static const ulong around[AROUND] = { 2, 3, 5, 7 }; /* their roots: no period fits */
	struct op_failure f;
	slong bits = 4 * (e + prec) + 64;
	arb_t d, x;
	bool real = true;

	arb_init(d);
	arb_init(x);
	for (int i = 0; i < AROUND && real; i++) {
		arb_sqrt_ui(d, around[i], bits);
		if (direction < 0)
			arb_neg(d, d);
		arb_mul_2exp_si(d, d, at->infinite != 0 ? e : -e);
		if (at->infinite == 0) {
			real = bound_arb(at, x, bits, &f) == 0;
			arb_add(x, x, d, bits);
		} else {
			arb_set(x, d);
		}
		real = real && univariate_real(u, x, bits, out + i, &f) && arb_is_finite(out + i);
	}
	arb_clear(d);
	arb_clear(x);
	return real;
}

static bool grows(arb_srcptr v)
{
	arb_t t, last;
	bool grows = true;

	arb_init(t);
	arb_init(last);
	for (int level = 0; level < LEVELS && grows; level++) {
		arb_srcptr now = v + (slong)level * AROUND;
		for (int i = 0; i < AROUND && grows; i++) {
			grows = arb_is_positive(now + i) == arb_is_positive(v) &&
				arb_is_negative(now + i) == arb_is_negative(v) && !arb_contains_zero(now + i);
			arb_abs(t, now + i);
			if (level > 0)
				grows = grows && arb_gt(t, last);
		}
		arb_abs(last, now);
		if (level + 1 < LEVELS) {
			arb_set_d(t, GROWTH);
			arb_mul(last, last, t, 64);
		}
	}
	arb_clear(t);
	arb_clear(last);
	return grows;
}

/* The finest value, if the finest two levels lie within 2^-prec of each other (relatively above 1). */
static bool settles(arb_srcptr v, slong prec, arb_t out)
{
	arb_srcptr fine = v + (slong)(LEVELS - 1) * AROUND;
	arb_t d;
	mag_t spread, m, scale;

	arb_init(d);
	mag_init(spread);
	mag_init(m);
	mag_init(scale);
	for (slong i = (slong)(LEVELS - 2) * AROUND; i < (slong)LEVELS * AROUND; i++) {
		arb_sub(d, v + i, fine, 2 * prec + 64);
		arb_get_mag(m, d);
		mag_max(spread, spread, m);
	}
	arb_get_mag_lower(scale, fine);
	if (mag_cmp_2exp_si(scale, 0) < 0)
		mag_one(scale);
	mag_mul_2exp_si(scale, scale, -prec);
	bool settled = mag_cmp(spread, scale) <= 0;
	arb_set(out, fine);
	arb_add_error_mag(out, spread);
	arb_clear(d);
	mag_clear(spread);
	mag_clear(m);
	mag_clear(scale);
	return settled;
}

/* At first near enough for functions that tend fast; much nearer where that is not yet enough. */
static void follow(const struct univariate *u, const struct bound *at, int direction, slong prec, struct side *s)
{
	arb_ptr v = _arb_vec_init((slong)LEVELS * AROUND);

	s->course = COURSE_NONE;
	for (slong e = prec; e <= 16 * prec && s->course == COURSE_NONE; e *= 4) {
		bool real = true;
		for (int level = 0; level < LEVELS && real; level++)
			real = sample(u, at, direction, (e / 8) << level, prec, v + (slong)level * AROUND);
		if (!real)
			s->course = COURSE_UNDEFINED;
		else if (settles(v, prec, s->value))
			s->course = COURSE_FINITE;
		else if (grows(v)) {
			s->course = COURSE_INFINITE;
			s->sign = arb_is_positive(v) ? 1 : -1;
		}
	}
	_arb_vec_clear(v, (slong)LEVELS * AROUND);
}

static int take_side(const struct side *s, arb_t out, int *infinite, struct op_failure *f)
{
	*infinite = s->course == COURSE_INFINITE ? s->sign : 0;
	arb_set(out, s->value);
	if (s->course == COURSE_UNDEFINED)
		return op_fail(f, OP_DOMAIN_ERROR, "the function is not real next to that point");
	if (s->course == COURSE_NONE)
		return op_fail(f, OP_DID_NOT_CONVERGE,
			       "there is no limit, or the function tends to it too slowly to be told");
	return 0;
}

static int join_sides(const struct side *left, const struct side *right, arb_t out, int *infinite, struct op_failure *f)
{
	if (left->course == COURSE_UNDEFINED)
		return take_side(right, out, infinite, f);
	if (right->course == COURSE_UNDEFINED || left->course == COURSE_NONE)
		return take_side(left, out, infinite, f);
	if (right->course == COURSE_NONE)
		return take_side(right, out, infinite, f);
	if (left->course != right->course || (left->course == COURSE_INFINITE && left->sign != right->sign) ||
	    (left->course == COURSE_FINITE && !arb_overlaps(left->value, right->value)))
		return op_fail(f, OP_NO_SOLUTION, "the limits from the left and from the right differ");
	take_side(left, out, infinite, f);
	if (left->course == COURSE_FINITE)
		arb_union(out, left->value, right->value, arf_bits(arb_midref(left->value)) + 64);
	return 0;
}

int approach_limit(const struct univariate *u, const struct bound *at, enum approach_side side, slong prec, arb_t out,
		   int *infinite, struct op_failure *f)
{
	struct side left = { .course = COURSE_NONE }, right = { .course = COURSE_NONE };
	int rc;

	arb_init(left.value);
	arb_init(right.value);
	if (at->infinite != 0) {
		follow(u, at, at->infinite, prec, &right);
		rc = take_side(&right, out, infinite, f);
	} else if (side == APPROACH_BOTH) {
		follow(u, at, -1, prec, &left);
		follow(u, at, 1, prec, &right);
		rc = join_sides(&left, &right, out, infinite, f);
	} else {
		follow(u, at, side == APPROACH_LEFT ? -1 : 1, prec, &right);
		rc = take_side(&right, out, infinite, f);
	}
	arb_clear(left.value);
	arb_clear(right.value);
	return rc;
}
