/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Arithmetic, fourth part: digits. */
#include <arb.h>
#include <flint/fmpz.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "cost.h"
#include "math/answer.h"
#include "math/arg.h"
#include "ops/operand.h"

#define DECIMALS_MAX 1000000
#define DECIMALS_DEFAULT 50
#define BITS_PER_DIGIT 3.3219280948873626
#define TEXT_MAX 1000000 /* characters to convert */

/* ---- digit_sum, digit_count ---- */

static int digits_estimate(struct op_call *c, struct op_cost *cost, struct op_failure *f)
{
	(void)f;
	cost->ns = cost_print(operand_top_digits(c, 0)) + 2 * operand_top_digits(c, 0);
	return 0;
}

/* Counts and adds up the decimal digits of the absolute value. */
static int look_at_digits(struct op_call *c, struct op_failure *f, size_t *count, int64_t *sum)
{
	struct buf text = BUF_INIT;

	number_put_digits(&text, operand_load_integer(c, 0));
	*count = 0;
	*sum = 0;
	for (size_t i = 0; i < text.len; i++)
		if (text.data[i] != '-') {
			*sum += text.data[i] - '0';
			(*count)++;
		}
	int rc = text.failed ? op_fail(f, OP_INTERNAL_ERROR, "out of memory for the digits") : 0;
	buf_fini(&text);
	return rc;
}

static int digit_sum_run(struct op_call *c, struct buf *json, struct op_failure *f)
{
	size_t count;
	int64_t sum;

	if (look_at_digits(c, f, &count, &sum) != 0)
		return -1;
	buf_int(json, sum);
	return 0;
}

static int digit_count_run(struct op_call *c, struct buf *json, struct op_failure *f)
{
	size_t count;
	int64_t sum;

	if (look_at_digits(c, f, &count, &sum) != 0)
		return -1;
	buf_uint(json, count);
	return 0;
}

/* ---- base_convert ---- */

static int digit_value(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'z')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'Z')
		return c - 'A' + 10;
	return 99;
}

static int check_text(struct op_call *c, const char *s, size_t n, slong base, struct op_failure *f)
{
	size_t at = n > 0 && (s[0] == '-' || s[0] == '+');

	if (n > TEXT_MAX) {
		op_fail_limit(f, TEXT_MAX, (double)n, "characters", "the text is too long");
		return arg_locate(c, 0, f);
	}
	if (at == n)
		return arg_fail(c, 0, f, OP_INVALID_ARGUMENT, "base_convert: expected at least one digit");
	for (; at < n; at++)
		if (digit_value(s[at]) >= base) {
			arg_fail(
			    c, 0, f, OP_INVALID_ARGUMENT,
			    "base_convert: expected digits of base %ld, with a sign before them or not, got another "
			    "character at byte %zu",
			    (long)base, at);
			return op_fail_position(f, at);
		}
	return 0;
}

static int base_convert_compute(struct op_call *c, struct buf *json, struct op_failure *f)
{
	size_t n;
	const char *s = arg_text(c, 0, &n);
	slong from, to;
	fmpz_t v;

	if (arg_long(c, 1, 2, 36, &from, f) != 0 || arg_long(c, 2, 2, 36, &to, f) != 0 ||
	    check_text(c, s, n, from, f) != 0)
		return -1;
	double length = (double)n * log((double)from) / log((double)to);
	if (length > OP_RESULT_MAX + 64)
		return op_fail_limit(f, OP_RESULT_MAX, length, "bytes", "the result is too long");
	fmpz_init(v);
	fmpz_set_str(v, s[0] == '+' ? s + 1 : s, (int)from);
	char *text = fmpz_get_str(NULL, (int)to, v);
	buf_json_string(json, text, strlen(text));
	flint_free(text);
	fmpz_clear(v);
	return 0;
}

/* ---- digits_of ---- */

typedef void constant(arb_t out, slong prec);

/* Constants with the measured seconds of a million decimals, on one ordinary core. */
static const struct {
	const char *name;
	constant *value; /* NULL: (1 + sqrt 5) / 2 */
	double seconds;
} constants[] = {
	{ "pi", arb_const_pi, 0.8 },
	{ "e", arb_const_e, 0.3 },
	{ "gamma", arb_const_euler, 15 },
	{ "catalan", arb_const_catalan, 6 },
	{ "zeta3", arb_const_apery, 3 },
	{ "ln2", arb_const_log2, 2 },
	{ "phi", NULL, 0.3 },
};
#define CONSTANTS (sizeof constants / sizeof *constants)

/* out = floor(sqrt(n) 10^decimals). */
static void scaled_root(fmpz_t out, const fmpz_t n, slong decimals)
{
	fmpz_t scale;

	fmpz_init(scale);
	fmpz_ui_pow_ui(scale, 10, 2 * (ulong)decimals);
	fmpz_mul(out, n, scale);
	fmpz_sqrt(out, out);
	fmpz_clear(scale);
}

/* floor((1 + sqrt 5)/2 10^decimals); sqrt 5 is irrational, so its floor does. */
static void scaled_phi(fmpz_t out, slong decimals)
{
	fmpz_t five, ten;

	fmpz_init_set_ui(five, 5);
	fmpz_init(ten);
	fmpz_ui_pow_ui(ten, 10, (ulong)decimals);
	scaled_root(out, five, decimals);
	fmpz_add(out, out, ten);
	fmpz_fdiv_q_2exp(out, out, 1);
	fmpz_clear(ten);
	fmpz_clear(five);
}

/* floor(value 10^decimals), with bits until only one integer is possible. */
static int scaled_constant(fmpz_t out, constant *value, slong decimals, struct op_failure *f)
{
	slong prec = (slong)((double)decimals * BITS_PER_DIGIT) + 64;
	fmpz_t scale;
	arb_t x;
	bool done = false;

	arb_init(x);
	fmpz_init(scale);
	fmpz_ui_pow_ui(scale, 10, (ulong)decimals);
	for (int attempt = 0; attempt < 8 && !done; attempt++, prec += 256) {
		value(x, prec);
		arb_mul_fmpz(x, x, scale, prec);
		arb_floor(x, x, prec);
		done = arb_get_unique_fmpz(out, x) != 0;
	}
	fmpz_clear(scale);
	arb_clear(x);
	return done ? 0 : op_fail(f, OP_DID_NOT_CONVERGE, "digits_of: a decimal cannot be told");
}

/* "sqrt(n)": n into out. */
static bool read_root(const char *s, size_t n, fmpz_t out)
{
	char digits[NUMBER_LITERAL_MAX + 1];
	size_t len = n - 6;

	if (n < 7 || len > NUMBER_LITERAL_MAX || strncmp(s, "sqrt(", 5) != 0 || s[n - 1] != ')')
		return false;
	memcpy(digits, s + 5, len);
	digits[len] = '\0';
	return strspn(digits, "0123456789") == len && fmpz_set_str(out, digits, 10) == 0;
}

/* out = floor(constant 10^decimals). */
static int scaled_value(struct op_call *c, fmpz_t out, slong decimals, struct op_failure *f)
{
	size_t n, i = 0;
	const char *s = arg_text(c, 0, &n);
	fmpz_t root;
	int rc = 0;

	while (i < CONSTANTS && strcmp(constants[i].name, s) != 0)
		i++;
	fmpz_init(root);
	if (i == CONSTANTS && !read_root(s, n, root))
		rc =
		    arg_fail(c, 0, f, OP_INVALID_ARGUMENT,
			     "digits_of: expected pi, e, gamma, catalan, zeta3, ln2, phi or sqrt(n) with an integer n");
	double share = ((double)decimals + 100) / 1e6;
	if (rc == 0)
		rc = answer_check_cost(c, (i < CONSTANTS ? constants[i].seconds : 0.3) * 1e9 * pow(share, 1.15), 0, f);
	if (rc == 0 && i == CONSTANTS)
		scaled_root(out, root, decimals);
	else if (rc == 0 && !constants[i].value)
		scaled_phi(out, decimals);
	else if (rc == 0)
		rc = scaled_constant(out, constants[i].value, decimals, f);
	fmpz_clear(root);
	return rc;
}

/* text: the digits of floor(value 10^decimals), without leading zeros. Puts the decimals from number `from` on (1 is
 * the first one); 0: the whole value. */
static void put_decimals(struct buf *json, const char *text, size_t decimals, size_t from)
{
	size_t len = strlen(text), whole = len > decimals ? len - decimals : 0;
	size_t zeros = len < decimals ? decimals - len : 0; /* right behind the point */

	buf_byte(json, '"');
	if (from == 0) {
		buf_append(json, whole ? text : "0", whole ? whole : 1);
		if (decimals)
			buf_byte(json, '.');
		from = 1;
	}
	for (size_t k = from; k <= zeros; k++)
		buf_byte(json, '0');
	size_t skip = from - 1 > zeros ? from - 1 - zeros : 0;
	buf_append(json, text + whole + skip, len - whole - skip);
	buf_byte(json, '"');
}

static int digits_of_compute(struct op_call *c, struct buf *json, struct op_failure *f)
{
	slong count = DECIMALS_DEFAULT, from = 0;
	fmpz_t v;

	if (op_call_given(c, 1) && arg_long(c, 1, 0, DECIMALS_MAX, &count, f) != 0)
		return -1;
	if (op_call_given(c, 2) && arg_long(c, 2, 1, DECIMALS_MAX, &from, f) != 0)
		return -1;
	slong decimals = from ? from + count - 1 : count;
	if (decimals > DECIMALS_MAX) {
		op_fail_limit(f, DECIMALS_MAX, (double)decimals, "digits",
			      "the last decimal lies too far behind the point");
		return arg_locate(c, 2, f);
	}
	fmpz_init(v);
	int rc = scaled_value(c, v, decimals, f);
	if (rc == 0) {
		char *text = fmpz_get_str(NULL, 10, v);
		put_decimals(json, strcmp(text, "0") == 0 ? "" : text, (size_t)decimals, (size_t)from);
		flint_free(text);
	}
	fmpz_clear(v);
	return rc;
}

/* ---- decimal_expansion ----
 * p/q with q = 2^a 5^b r, r prime to 10, has max(a,b) decimals before the period, which is as long as the order of 10
 * modulo r. */

/* How long it is; 0 for r = 1, -1 when longer than max. */
static long period_length(const mpz_t r, long max)
{
	long k = 0;

	if (mpz_cmp_ui(r, 1) == 0)
		return 0;
	if (mpz_fits_ulong_p(r)) {
		unsigned long m = mpz_get_ui(r);
		unsigned __int128 power = 1;
		do {
			power = power * 10 % m;
			k++;
		} while (power != 1 && k <= max);
	} else {
		mpz_t power;
		mpz_init_set_ui(power, 1);
		do {
			mpz_mul_ui(power, power, 10);
			mpz_tdiv_r(power, power, r);
			k++;
		} while (mpz_cmp_ui(power, 1) != 0 && k <= max);
		mpz_clear(power);
	}
	return k > max ? -1 : k;
}

/* Decimals in front of the period, and r. */
static long prefix_length(mpz_t r, const mpz_t q)
{
	mpz_t p;

	mpz_init_set_ui(p, 2);
	long twos = (long)mpz_remove(r, q, p);
	mpz_set_ui(p, 5);
	long fives = (long)mpz_remove(r, r, p);
	mpz_clear(p);
	return twos > fives ? twos : fives;
}

/* rest/q < 1: its first n decimals, zero-padded, as a JSON string. Leaves rest as what remains. */
static void put_expansion(struct buf *json, mpz_t rest, const mpz_t q, long n)
{
	mpz_t digits;
	struct buf text = BUF_INIT;

	mpz_init(digits);
	mpz_ui_pow_ui(digits, 10, (unsigned long)n);
	mpz_mul(digits, digits, rest);
	mpz_fdiv_qr(digits, rest, digits, q);
	buf_byte(json, '"');
	if (n > 0) {
		number_put_digits(&text, digits);
		for (size_t k = text.len; k < (size_t)n; k++)
			buf_byte(json, '0');
		buf_append(json, text.data, text.len);
		json->failed = json->failed || text.failed;
	}
	buf_byte(json, '"');
	buf_fini(&text);
	mpz_clear(digits);
}

static int put_parts(struct buf *json, mpq_t x, struct op_failure *f)
{
	bool negative = mpq_sgn(x) < 0;
	mpz_t whole, rest, r;
	int rc = 0;

	mpz_inits(whole, rest, r, NULL);
	mpq_abs(x, x);
	mpz_fdiv_qr(whole, rest, mpq_numref(x), mpq_denref(x));
	long prefix = prefix_length(r, mpq_denref(x));
	long period = prefix <= DECIMALS_MAX ? period_length(r, DECIMALS_MAX - prefix) : 0;
	if (prefix > DECIMALS_MAX || period < 0)
		rc = op_fail_limit(f, DECIMALS_MAX, prefix > DECIMALS_MAX ? (double)prefix : DECIMALS_MAX + 1.0,
				   "digits", "prefix and period are too long");
	if (negative)
		mpz_neg(whole, whole);
	buf_puts(json, "{\"integer\":");
	if (negative && mpz_sgn(whole) == 0)
		buf_puts(json, "\"-0\"");
	else if (rc == 0)
		rc = operand_put_integer(json, whole, f);
	if (rc == 0) {
		buf_puts(json, ",\"prefix\":");
		put_expansion(json, rest, mpq_denref(x), prefix);
		buf_puts(json, ",\"period\":");
		put_expansion(json, rest, mpq_denref(x), period);
		buf_byte(json, '}');
	}
	mpz_clears(whole, rest, r, NULL);
	return rc;
}

static int decimal_expansion_compute(struct op_call *c, struct buf *json, struct op_failure *f)
{
	fmpq_t q;
	mpq_t x;
	int rc;

	fmpq_init(q);
	mpq_init(x);
	rc = arg_fmpq(c, 0, q, f);
	fmpq_get_mpq(x, q);
	if (rc == 0)
		rc = put_parts(json, x, f);
	mpq_clear(x);
	fmpq_clear(q);
	return rc;
}

/* ---- the table ---- */

#define LIST(a) (a), sizeof(a) / sizeof *(a)
#define FAMILY "arithmetic"
#define BETWEEN(n, s, o, lo, hi)                                                                                     \
	{                                                                                                            \
		.name = (n), .summary = (s), .kind = OP_KIND_INTEGER, .optional = (o), .bounded = true, .min = (lo), \
		.max = (hi)                                                                                          \
	}

static const struct op_parameter integer_parameters[] = {
	{ .name = "n", .summary = "an integer; its sign does not matter", .kind = OP_KIND_INTEGER },
};
static const struct op_example digit_sum_examples[] = {
	{ "[12345]", "15", NULL },
	{ "[-99]", "18", NULL },
	{ "[1.5]", NULL, "invalid-argument" },
};
static const struct op_example digit_count_examples[] = {
	{ "[12345]", "5", NULL },
	{ "[0]", "1", NULL },
	{ "[\"-1e100\"]", "101", NULL },
};
static const struct op_parameter convert_parameters[] = {
	{ .name = "text",
	  .summary = "an integer in the digits 0-9 and a-z (or A-Z), a sign before them or not",
	  .kind = OP_KIND_TEXT },
	BETWEEN("from", "its base", false, 2, 36),
	BETWEEN("to", "the base wanted", false, 2, 36),
};
static const struct op_example convert_examples[] = {
	{ "[\"ff\",16,10]", "\"255\"", NULL },         { "[\"-255\",10,2]", "\"-11111111\"", NULL },
	{ "[\"ZZ\",36,16]", "\"50f\"", NULL },         { "[\"12\",2,10]", NULL, "invalid-argument" },
	{ "[\"12\",10,1]", NULL, "invalid-argument" },
};
static const struct op_parameter digits_of_parameters[] = {
	{ .name = "constant",
	  .summary = "pi, e, gamma, catalan, zeta3, ln2, phi, or sqrt(n) with an integer n from 0 on",
	  .kind = OP_KIND_TEXT },
	BETWEEN("count", "how many decimals; 50 if not given", true, 0, DECIMALS_MAX),
	BETWEEN("from",
		"the number of the first decimal wanted, 1 being right behind the point; if not given, the value "
		"with its integer part",
		true, 1, DECIMALS_MAX),
};
static const struct op_example digits_of_examples[] = {
	{ "[\"pi\",20]", "\"3.14159265358979323846\"", NULL },
	{ "[\"pi\",6,762]", "\"999999\"", NULL },
	{ "[\"sqrt(2)\",10]", "\"1.4142135623\"", NULL },
	{ "[\"phi\",5,1]", "\"61803\"", NULL },
	{ "[\"tau\"]", NULL, "invalid-argument" },
	{ "[\"pi\",10,1000000]", NULL, "limit-exceeded" },
};
static const struct op_parameter expansion_parameters[] = {
	{ .name = "q", .summary = "a rational number", .kind = OP_KIND_NUMBER },
};
static const struct op_example expansion_examples[] = {
	{ "[\"1/7\"]", "{\"integer\":0,\"prefix\":\"\",\"period\":\"142857\"}", NULL },
	{ "[\"-22/12\"]", "{\"integer\":-1,\"prefix\":\"8\",\"period\":\"3\"}", NULL },
	{ "[0.125]", "{\"integer\":0,\"prefix\":\"125\",\"period\":\"\"}", NULL },
	{ "[\"-1/3\"]", "{\"integer\":\"-0\",\"prefix\":\"\",\"period\":\"3\"}", NULL },
	{ "[\"pi\"]", NULL, "invalid-argument" },
};

static const struct op ops[] = {
	{ "base_convert", FAMILY, "An integer written in one base, in another one.",
	  "a string, with lower-case letters", "bases 2 to 36, texts of 1,000,000 characters", LIST(convert_parameters),
	  LIST(convert_examples), .compute = base_convert_compute },
	{ "digits_of", FAMILY, "Decimals of a constant, not rounded but cut off.",
	  "a string: \"3.14159...\", or, with `from`, the decimals alone",
	  "to decimal 1,000,000; gamma and catalan take more than the default time from about 350,000 and 800,000 on",
	  LIST(digits_of_parameters), LIST(digits_of_examples), .compute = digits_of_compute },
	{ "digit_sum", FAMILY, "The sum of the decimal digits of n.", "an integer", "none but the size of the argument",
	  LIST(integer_parameters), LIST(digit_sum_examples), .estimate = digits_estimate, .run = digit_sum_run },
	{ "digit_count", FAMILY, "How many decimal digits n has; 0 has one.", "an integer",
	  "none but the size of the argument", LIST(integer_parameters), LIST(digit_count_examples),
	  .estimate = digits_estimate, .run = digit_count_run },
	{ "decimal_expansion", FAMILY,
	  "A rational number as a decimal: integer part, the decimals before the period, and the period. The integer "
	  "part "
	  "is cut off towards zero, and \"-0\" for a number between -1 and 0.",
	  "{\"integer\": an integer, \"prefix\": a string of digits, \"period\": a string of digits}",
	  "1,000,000 decimals in prefix and period together", LIST(expansion_parameters), LIST(expansion_examples),
	  .compute = decimal_expansion_compute },
};

const struct op_family op_digits = { LIST(ops) };
