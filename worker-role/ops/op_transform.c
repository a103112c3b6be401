/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The transforms: the discrete Fourier transform and its inverse, certified at any length (mixed radix and Bluestein,
 * acb_dft), and exact convolution by polynomial multiplication. */
#include <acb_dft.h>
#include <acb_poly.h>
#include <math.h>
#include <stdlib.h>

#include "math/answer.h"
#include "math/arg.h"
#include "math/signal.h"
#include "op.h"

#define TRANSFORM_MAX 65536
#define MIXED_RADIX_MAX 60 /* largest prime factor of a length that acb_dft() takes apart */

/* ---- fft, ifft ---- */

struct transform {
	struct signal signal;
	bool inverse;
	unsigned char *re_zero, *im_zero;
};

/* Makes the parts that are proven to vanish exactly 0. */
static void transform_zeros(const struct transform *t, acb_ptr w)
{
	slong n = t->signal.n;

	for (slong k = 0; k < n; k++) {
		acb_srcptr mirror = w + (n - k) % n;
		if (t->re_zero[k] == SIGNAL_ZERO ||
		    (t->re_zero[k] == SIGNAL_EITHER && !arb_contains_zero(acb_realref(mirror))))
			arb_zero(acb_realref(w + k));
		if (t->im_zero[k] == SIGNAL_ZERO ||
		    (t->im_zero[k] == SIGNAL_EITHER && !arb_contains_zero(acb_imagref(mirror))))
			arb_zero(acb_imagref(w + k));
	}
}

/* Bluestein's algorithm: j k = (j^2 + k^2 - (k-j)^2)/2 makes the transform a convolution with c_m = exp(-pi i m^2/n).
 * Arb 2.23 has it too, but loses memory in every call beyond 128 bits. */
static void transform_bluestein(acb_ptr out, acb_srcptr v, slong n, slong prec)
{
	acb_ptr unit = _acb_vec_init(2 * n), a = _acb_vec_init(n), b = _acb_vec_init(2 * n - 1);
	acb_ptr product = _acb_vec_init(3 * n - 2);

	_acb_vec_unit_roots(unit, 2 * n, 2 * n, prec); /* of exp(+…): conj(c_m) is the (m^2 mod 2n)-th */
	for (slong j = 0; j < n; j++) {
		acb_srcptr u = unit + (slong)((ulong)j * (ulong)j % (ulong)(2 * n));
		acb_conj(a + j, u);
		acb_mul(a + j, a + j, v + j, prec);
		acb_set(b + n - 1 + j, u);
		acb_set(b + n - 1 - j, u);
	}
	_acb_poly_mul(product, b, 2 * n - 1, a, n, prec);
	for (slong k = 0; k < n; k++) {
		acb_conj(out + k, unit + (slong)((ulong)k * (ulong)k % (ulong)(2 * n)));
		acb_mul(out + k, out + k, product + n - 1 + k, prec);
	}
	_acb_vec_clear(unit, 2 * n);
	_acb_vec_clear(a, n);
	_acb_vec_clear(b, 2 * n - 1);
	_acb_vec_clear(product, 3 * n - 2);
}

static slong largest_prime_factor(slong n)
{
	slong largest = 1;

	for (slong p = 2; p * p <= n; p++)
		while (n % p == 0) {
			n /= p;
			largest = p;
		}
	return n > largest ? n : largest;
}

static int transform_balls(struct op_call *c, acb_ptr out, size_t leaves, slong prec, void *arg, struct op_failure *f)
{
	struct transform *t = arg;
	slong n = t->signal.n;
	acb_ptr v = _acb_vec_init(n);
	fmpz_t scale;
	int rc = signal_balls(&t->signal, v, prec, f);

	(void)c;
	(void)leaves;
	fmpz_init_set_si(scale, t->inverse ? n : 1);
	if (rc == 0) {
		if (largest_prime_factor(n) > MIXED_RADIX_MAX)
			transform_bluestein(out, v, n, prec);
		else
			acb_dft(out, v, n, prec);
		if (_acb_vec_is_real(v, n)) {
			arb_zero(acb_imagref(out));
			arb_zero(acb_imagref(out + (n % 2 == 0 ? n / 2 : 0)));
		}
		if (t->signal.exact) {
			transform_zeros(t, out);
			fmpz_mul(scale, scale, t->signal.den);
		}
		if (!fmpz_is_one(scale))
			_acb_vec_scalar_div_fmpz(out, out, n, scale, prec);
		/* exp(+…) at k is exp(-…) at n-k */
		for (slong k = 1; t->inverse && k < n - k; k++)
			acb_swap(out + k, out + n - k);
	}
	fmpz_clear(scale);
	_acb_vec_clear(v, n);
	return rc;
}

static int transform_answer(struct op_call *c, struct buf *json, struct transform *t, struct op_failure *f)
{
	double n = (double)t->signal.n, bits = (double)certify_bits(c);
	struct certified result;
	int rc;

	/* measured: 60 ns a butterfly of 128 bits, three transforms of twice the length at a prime length */
	if (answer_check_cost(c, n * (log2(n) + 1) * 360 * pow(bits / 64, 1.5), n * bits * 0.6, f) != 0)
		return -1;
	t->re_zero = calloc(2 * (size_t)t->signal.n, 1);
	if (!t->re_zero)
		return op_fail(f, OP_INTERNAL_ERROR, "out of memory for %ld numbers", (long)t->signal.n);
	t->im_zero = t->re_zero + t->signal.n;
	if (t->signal.exact)
		signal_zeros(&t->signal, t->re_zero, t->im_zero);
	rc = certify(c, (size_t)t->signal.n, transform_balls, t, &result, f);
	if (rc == 0) {
		certified_put_vector(json, &result, 0, (size_t)t->signal.n);
		certified_fini(&result);
	}
	free(t->re_zero);
	return rc;
}

static int transform_compute(struct op_call *c, struct buf *json, bool inverse, struct op_failure *f)
{
	struct transform t = { .inverse = inverse };
	int rc = signal_read(&t.signal, c, 0, TRANSFORM_MAX, f);

	if (rc == 0)
		rc = transform_answer(c, json, &t, f);
	signal_clear(&t.signal);
	return rc;
}

static int fft_compute(struct op_call *c, struct buf *json, struct op_failure *f)
{
	return transform_compute(c, json, false, f);
}

static int ifft_compute(struct op_call *c, struct buf *json, struct op_failure *f)
{
	return transform_compute(c, json, true, f);
}

/* ---- convolve ---- */

struct convolution {
	struct signal a, b;
	slong n;
	fmpz_poly_t re, im; /* when both are exact, over den */
	fmpz_t den;
};

static void convolution_multiply(struct convolution *v)
{
	fmpz_poly_t t;

	fmpz_poly_init(t);
	fmpz_poly_mul(v->re, v->a.re, v->b.re);
	fmpz_poly_mul(t, v->a.im, v->b.im);
	fmpz_poly_sub(v->re, v->re, t);
	fmpz_poly_mul(v->im, v->a.re, v->b.im);
	fmpz_poly_mul(t, v->a.im, v->b.re);
	fmpz_poly_add(v->im, v->im, t);
	fmpz_mul(v->den, v->a.den, v->b.den);
	fmpz_poly_clear(t);
}

static void convolution_at(const struct convolution *v, slong k, fmpq_t re, fmpq_t im)
{
	fmpz_poly_get_coeff_fmpz(fmpq_numref(re), v->re, k);
	fmpz_set(fmpq_denref(re), v->den);
	fmpq_canonicalise(re);
	fmpz_poly_get_coeff_fmpz(fmpq_numref(im), v->im, k);
	fmpz_set(fmpq_denref(im), v->den);
	fmpq_canonicalise(im);
}

/* {"re","im"} where the imaginary part is not 0. */
static int convolution_put_exact(const struct convolution *v, slong k, struct buf *json, struct op_failure *f)
{
	fmpq_t re, im;
	int rc;

	fmpq_init(re);
	fmpq_init(im);
	convolution_at(v, k, re, im);
	bool real = fmpq_is_zero(im);
	buf_puts(json, real ? "" : "{\"re\":");
	rc = answer_fmpq(json, re, f);
	if (rc == 0 && !real) {
		answer_member(json, "im");
		rc = answer_fmpq(json, im, f);
		buf_byte(json, '}');
	}
	fmpq_clear(re);
	fmpq_clear(im);
	return rc;
}

static int convolution_balls(struct op_call *c, acb_ptr out, size_t n, slong prec, void *arg, struct op_failure *f)
{
	struct convolution *v = arg;
	fmpq_t re, im;
	acb_ptr a = _acb_vec_init(v->a.n), b = _acb_vec_init(v->b.n);
	int rc = 0;

	(void)c;
	fmpq_init(re);
	fmpq_init(im);
	for (size_t k = 0; k < n && v->a.exact && v->b.exact; k++) {
		convolution_at(v, (slong)k, re, im);
		arb_set_fmpq(acb_realref(out + k), re, prec);
		arb_set_fmpq(acb_imagref(out + k), im, prec);
	}
	if (!v->a.exact || !v->b.exact) {
		rc = signal_balls(&v->a, a, prec, f) == 0 && signal_balls(&v->b, b, prec, f) == 0 ? 0 : -1;
		if (rc == 0 && v->a.exact)
			_acb_vec_scalar_div_fmpz(a, a, v->a.n, v->a.den, prec);
		if (rc == 0 && v->b.exact)
			_acb_vec_scalar_div_fmpz(b, b, v->b.n, v->b.den, prec);
		if (rc == 0 && v->a.n >= v->b.n)
			_acb_poly_mul(out, a, v->a.n, b, v->b.n, prec);
		else if (rc == 0)
			_acb_poly_mul(out, b, v->b.n, a, v->a.n, prec);
	}
	fmpq_clear(re);
	fmpq_clear(im);
	_acb_vec_clear(a, v->a.n);
	_acb_vec_clear(b, v->b.n);
	return rc;
}

static int convolution_answer(struct op_call *c, struct buf *json, struct convolution *v, struct op_failure *f)
{
	bool exact = v->a.exact && v->b.exact;
	struct certified result;
	int rc = 0;

	v->n = v->a.n + v->b.n - 1;
	if (exact)
		convolution_multiply(v);
	if (c->exact == 1 && !exact)
		return op_fail(f, OP_DOMAIN_ERROR, "expected rational numbers, which an exact convolution needs");
	if (exact && (c->exact == 1 || (c->exact < 0 && c->precision == 0))) {
		buf_byte(json, '[');
		for (slong k = 0; k < v->n && rc == 0; k++) {
			if (k > 0)
				buf_byte(json, ',');
			rc = convolution_put_exact(v, k, json, f);
		}
		buf_byte(json, ']');
		return rc;
	}
	if (answer_check_cost(c, (double)v->n * (double)certify_bits(c) * 40,
			      (double)v->n * (double)certify_bits(c) * 0.6, f) != 0)
		return -1;
	rc = certify(c, (size_t)v->n, convolution_balls, v, &result, f);
	if (rc == 0) {
		certified_put_vector(json, &result, 0, (size_t)v->n);
		certified_fini(&result);
	}
	return rc;
}

static int convolve_compute(struct op_call *c, struct buf *json, struct op_failure *f)
{
	struct convolution v;
	int rc;

	fmpz_poly_init(v.re);
	fmpz_poly_init(v.im);
	fmpz_init(v.den);
	rc = signal_read(&v.a, c, 0, TRANSFORM_MAX, f);
	if (rc == 0) {
		rc = signal_read(&v.b, c, 1, TRANSFORM_MAX, f);
		if (rc == 0)
			rc = convolution_answer(c, json, &v, f);
		signal_clear(&v.b);
	}
	signal_clear(&v.a);
	fmpz_poly_clear(v.re);
	fmpz_poly_clear(v.im);
	fmpz_clear(v.den);
	return rc;
}

/* ---- the table ---- */

#define LIST(a) (a), sizeof(a) / sizeof *(a)
#define VECTOR(n, s)                                                \
	{                                                           \
		.name = (n), .summary = (s), .kind = OP_KIND_VECTOR \
	}
#define PRECISION                                                                                                \
	{                                                                                                        \
		.name = "precision", .summary = "significant decimal digits of each part (default 15: doubles)", \
		.kind = OP_KIND_PRECISION                                                                        \
	}
#define LIMITS "1 to 65,536 numbers, complex ones too; results up to 1 MiB"

static const struct op_parameter fft_parameters[] = { VECTOR("x", "the sequence, of any length"), PRECISION };
static const struct op_example fft_examples[] = {
	{ "[[1,0,0,0]]", "[1,1,1,1]", NULL },
	{ "[[1,2,3,4]]", "[10,{\"re\":-2,\"im\":2},-2,{\"re\":-2,\"im\":-2}]", NULL },
	{ "[[]]", NULL, "invalid-argument" },
};

static const struct op_parameter ifft_parameters[] = { VECTOR("x", "the transform, of any length"), PRECISION };
static const struct op_example ifft_examples[] = {
	{ "[[1,1,1,1]]", "[1,0,0,0]", NULL },
	{ "[[10,{\"re\":-2,\"im\":2},-2,{\"re\":-2,\"im\":-2}]]", "[1,2,3,4]", NULL },
};

static const struct op_parameter convolve_parameters[] = {
	VECTOR("a", "a sequence"),
	VECTOR("b", "another one"),
	PRECISION,
	{ .name = "exact", .summary = "true: rationals or an error; false: doubles", .kind = OP_KIND_EXACT },
};
static const struct op_example convolve_examples[] = {
	{ "[[1,2,3],[0,1,0.5]]", "[0,1,\"5/2\",4,\"3/2\"]", NULL },
	{ "[[1,-1],[1,1]]", "[1,0,-1]", NULL },
	{ "[[],[1]]", NULL, "invalid-argument" },
};

static const struct op ops[] = {
	{ .name = "fft",
	  .family = "transforms",
	  .summary = "The discrete Fourier transform, the sum of x[j] exp(-2 pi i j k / n): negative exponent, "
		     "unscaled. Certified at every length.",
	  .result =
	      "an array of n numbers, each part correctly rounded; {\"re\",\"im\"} where the imaginary part is not 0",
	  .limits = LIMITS,
	  LIST(fft_parameters),
	  LIST(fft_examples),
	  .compute = fft_compute },
	{ .name = "ifft",
	  .family = "transforms",
	  .summary = "The inverse of fft: the sum of x[j] exp(2 pi i j k / n), divided by n.",
	  .result =
	      "an array of n numbers, each part correctly rounded; {\"re\",\"im\"} where the imaginary part is not 0",
	  .limits = LIMITS,
	  LIST(ifft_parameters),
	  LIST(ifft_examples),
	  .compute = ifft_compute },
	{ .name = "convolve",
	  .family = "transforms",
	  .summary = "The linear convolution of two sequences: the sums of a[i] b[k-i]. Exact for rational numbers.",
	  .result = "an array of len(a) + len(b) - 1 numbers",
	  .limits = LIMITS,
	  LIST(convolve_parameters),
	  LIST(convolve_examples),
	  .compute = convolve_compute },
};

const struct op_family op_transform = { LIST(ops) };
