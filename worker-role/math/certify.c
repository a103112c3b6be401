/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Certified results (answer.h): the working precision is doubled until every digit asked for is proven, as in Ziv's
 * strategy for correct rounding (ACM TOMS 17, 1991), on balls. */
#include <stdlib.h>
#include <string.h>

#include "math/answer.h"
#include "math/decimal.h"

#define GUARD_BITS 32
#define BITS_PER_DIGIT 3.3219280948873626
/* A value that no precision up to here separates from a rounding boundary lies on it. */
#define SETTLE_BITS 4096
#define VAST_EXPONENT 1000000000000
#define BOUND_BITS 1048576 /* of working precision beyond what the digits need */

slong certify_bits(const struct op_call *c)
{
	double bits = c->precision * BITS_PER_DIGIT + 1;

	return c->precision <= OP_PRECISION_DOUBLE ? 53 : (slong)bits;
}

/* Whether the part may count as 0: it contains 0 and is narrower than 2^-CERTIFY_ZERO_BITS. */
static bool is_nothing(const arb_t x)
{
	mag_t bound;
	bool nothing = false;

	if (!arb_contains_zero(x))
		return false;
	mag_init(bound);
	arb_get_mag(bound, x);
	nothing = mag_cmp_2exp_si(bound, -CERTIFY_ZERO_BITS) < 0;
	mag_clear(bound);
	return nothing;
}

/* Beyond 2^VAST_EXPONENT, or as near to 0: nobody's decimals. */
static bool is_vast(const arb_t x)
{
	slong exponent = arf_abs_bound_lt_2exp_si(arb_midref(x));

	return arb_is_finite(x) && !arb_contains_zero(x) && (exponent > VAST_EXPONENT || exponent < -VAST_EXPONENT);
}

static int check_size(struct op_call *c, acb_srcptr z, size_t n, struct op_failure *f)
{
	for (size_t i = 0; i < n; i++)
		if (is_vast(acb_realref(z + i)) || is_vast(acb_imagref(z + i)))
			return op_fail(f, OP_OVERFLOW, "%s: the result is beyond 2^%ld, or as near to 0", c->op->name,
				       (long)VAST_EXPONENT);
	return 0;
}

/* Appends one part; false: more bits are needed. */
static bool put_part(struct op_call *c, struct buf *json, const arb_t x, slong bits)
{
	if (!arb_is_finite(x))
		return false;
	if (arb_is_zero(x) || is_nothing(x)) {
		buf_byte(json, '0');
		return true;
	}
	return decimal_put_arb(json, x, c->precision, arb_rel_accuracy_bits(x) > bits + SETTLE_BITS);
}

/* The JSON text of a leaf; NULL: more bits are needed (or memory ran out: the next round says so). */
static char *leaf_text(struct op_call *c, const acb_t z, slong bits)
{
	struct buf json = BUF_INIT;
	bool real = arb_is_zero(acb_imagref(z)) || is_nothing(acb_imagref(z)), done;

	if (!real)
		buf_puts(&json, "{\"re\":");
	done = put_part(c, &json, acb_realref(z), bits);
	if (!real && done) {
		buf_puts(&json, ",\"im\":");
		done = put_part(c, &json, acb_imagref(z), bits);
		buf_byte(&json, '}');
	}
	if (!done) {
		buf_fini(&json);
		return NULL;
	}
	return buf_take(&json, NULL);
}

/* Writes what is certain now; true when all leaves are there. */
static bool settle_leaves(struct op_call *c, struct certified *out, acb_srcptr z, slong bits)
{
	bool all = true;

	for (size_t i = 0; i < out->n; i++) {
		if (!out->text[i])
			out->text[i] = leaf_text(c, z + i, bits);
		all = all && out->text[i];
	}
	return all;
}

int certify(struct op_call *c, size_t n, certify_fn *fn, void *arg, struct certified *out, struct op_failure *f)
{
	slong bits = certify_bits(c), most = 4 * bits + BOUND_BITS;
	acb_ptr z = _acb_vec_init((slong)n);
	bool done = false;
	int rc = 0;

	out->n = n;
	out->text = calloc(n + 1, sizeof *out->text);
	if (!out->text) {
		_acb_vec_clear(z, (slong)n);
		return op_fail(f, OP_INTERNAL_ERROR, "out of memory for %zu results", n);
	}
	for (slong prec = bits + GUARD_BITS; rc == 0 && !done; prec *= 2) {
		if (prec > most)
			rc = op_fail(f, OP_DID_NOT_CONVERGE, "%s: its digits cannot be told apart with %ld bits",
				     c->op->name, (long)most);
		else
			rc = fn(c, z, n, prec, arg, f);
		if (rc == 0)
			rc = check_size(c, z, n, f);
		done = rc == 0 && settle_leaves(c, out, z, bits);
	}
	_acb_vec_clear(z, (slong)n);
	if (rc != 0)
		certified_fini(out);
	return rc;
}

void certified_put(struct buf *json, const struct certified *v, size_t i)
{
	buf_puts(json, v->text[i]);
}

void certified_put_vector(struct buf *json, const struct certified *v, size_t first, size_t n)
{
	buf_byte(json, '[');
	for (size_t i = 0; i < n; i++) {
		if (i)
			buf_byte(json, ',');
		certified_put(json, v, first + i);
	}
	buf_byte(json, ']');
}

void certified_put_mat(struct buf *json, const struct certified *v, size_t first, size_t rows, size_t cols)
{
	buf_byte(json, '[');
	for (size_t i = 0; i < rows; i++) {
		if (i)
			buf_byte(json, ',');
		certified_put_vector(json, v, first + i * cols, cols);
	}
	buf_byte(json, ']');
}

void certified_fini(struct certified *v)
{
	for (size_t i = 0; v->text && i < v->n; i++)
		free(v->text[i]);
	free(v->text);
	v->text = NULL;
}

int answer_certified(struct op_call *c, struct buf *json, certify_fn *fn, void *arg, struct op_failure *f)
{
	struct certified v;

	if (certify(c, 1, fn, arg, &v, f) != 0)
		return -1;
	certified_put(json, &v, 0);
	certified_fini(&v);
	return 0;
}
