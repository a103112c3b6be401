/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "op_failure.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "err.h"

static const struct {
	const char *name, *title;
	bool retryable;
} kinds[OP_ERROR_COUNT] = {
	[OP_PARSE_ERROR] = { "parse-error", "Text that cannot be read", false },
	[OP_UNKNOWN_NAME] = { "unknown-name", "Unknown name", false },
	[OP_ARITY] = { "arity", "Wrong number of arguments", false },
	[OP_INVALID_ARGUMENT] = { "invalid-argument", "Invalid argument", false },
	[OP_DOMAIN_ERROR] = { "domain-error", "Outside the domain", false },
	[OP_DIMENSION_MISMATCH] = { "dimension-mismatch", "Sizes that do not match", false },
	[OP_DIVISION_BY_ZERO] = { "division-by-zero", "Division by zero", false },
	[OP_SINGULAR] = { "singular", "Singular", false },
	[OP_NOT_INVERTIBLE] = { "not-invertible", "Not invertible", false },
	[OP_NO_SOLUTION] = { "no-solution", "No solution", false },
	[OP_NO_SIGN_CHANGE] = { "no-sign-change", "No change of sign", false },
	[OP_DID_NOT_CONVERGE] = { "did-not-converge", "Did not converge", false },
	[OP_OVERFLOW] = { "overflow", "Overflow", false },
	[OP_LIMIT_EXCEEDED] = { "limit-exceeded", "Limit exceeded", false },
	[OP_TIMEOUT] = { "timeout", "Out of time", false },
	[OP_WORKER_LOST] = { "worker-lost", "Worker lost", true },
	[OP_INTERNAL_ERROR] = { "internal-error", "Internal error", true },
	[OP_CANCELLED] = { "cancelled", "Cancelled", false },
};

const char *op_error_name(enum op_error error)
{
	return kinds[error].name;
}

const char *op_error_title(enum op_error error)
{
	return kinds[error].title;
}

bool op_error_retryable(enum op_error error)
{
	return kinds[error].retryable;
}

int op_error_parse(const char *name, size_t n, enum op_error *out)
{
	for (int i = 0; i < OP_ERROR_COUNT; i++)
		if (strlen(kinds[i].name) == n && memcmp(kinds[i].name, name, n) == 0) {
			*out = (enum op_error)i;
			return 0;
		}
	return ERR_NOT_FOUND;
}

void op_failure_init(struct op_failure *f)
{
	f->error = OP_INTERNAL_ERROR;
	f->detail[0] = '\0';
	f->unit[0] = '\0';
	f->position = -1;
	f->limit = f->estimate = 0;
	f->count = 0;
}

int op_fail(struct op_failure *f, enum op_error error, const char *fmt, ...)
{
	va_list ap;

	op_failure_init(f);
	f->error = error;
	va_start(ap, fmt);
	vsnprintf(f->detail, sizeof f->detail, fmt, ap);
	va_end(ap);
	return -1;
}

/* 369693100 -> "369,693,100"; from 10^15 on, where a double no longer counts, "1.2e+30". */
static void format_amount(double v, char *out, size_t size)
{
	char plain[32];
	size_t n = 0;

	if (!(v < 1e15)) {
		snprintf(out, size, "%.3g", v);
		return;
	}
	int len = snprintf(plain, sizeof plain, "%.0f", v);
	for (int i = 0; i < len && n + 2 < size; i++) {
		if (i > 0 && (len - i) % 3 == 0)
			out[n++] = ',';
		out[n++] = plain[i];
	}
	out[n] = '\0';
}

int op_fail_limit(struct op_failure *f, double limit, double estimate, const char *unit, const char *what)
{
	char wanted[40], allowed[40];

	if (!(estimate <= 1e300)) /* infinity is not JSON */
		estimate = 1e300;
	format_amount(estimate, wanted, sizeof wanted);
	format_amount(limit, allowed, sizeof allowed);
	op_fail(f, OP_LIMIT_EXCEEDED, "%s: %s %s estimated, the limit is %s", what, wanted, unit, allowed);
	f->limit = limit;
	f->estimate = estimate;
	snprintf(f->unit, sizeof f->unit, "%s", unit);
	return -1;
}

int op_fail_position(struct op_failure *f, size_t position)
{
	f->position = (long)position;
	return -1;
}

int op_fail_locate(struct op_failure *f, const char *pointer)
{
	if (f->count > 0)
		return -1;
	snprintf(f->at[0].pointer, sizeof f->at[0].pointer, "%s", pointer);
	snprintf(f->at[0].detail, sizeof f->at[0].detail, "%.*s", (int)sizeof f->at[0].detail - 1, f->detail);
	f->count = 1;
	return -1;
}

int op_fail_at(struct op_failure *f, enum op_error error, const char *pointer, const char *fmt, ...)
{
	char detail[sizeof f->at[0].detail];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(detail, sizeof detail, fmt, ap);
	va_end(ap);
	if (f->count == 0) {
		f->error = error;
		snprintf(f->detail, sizeof f->detail, "%s%s%s", pointer, *pointer ? ": " : "", detail);
	}
	if (f->count < OP_FAILURE_POINTERS) {
		snprintf(f->at[f->count].pointer, sizeof f->at[0].pointer, "%s", pointer);
		memcpy(f->at[f->count].detail, detail, sizeof detail);
	}
	f->count++;
	return -1;
}

static void put_amount(struct buf *out, const char *member, double v)
{
	buf_printf(out, v < 1e15 ? ",\"%s\":%.0f" : ",\"%s\":%.17g", member, v);
}

static void put_pointers(struct buf *out, const struct op_failure *f)
{
	size_t shown = f->count < OP_FAILURE_POINTERS ? f->count : OP_FAILURE_POINTERS;

	buf_puts(out, ",\"pointer\":");
	buf_json_string(out, f->at[0].pointer, strlen(f->at[0].pointer));
	buf_puts(out, ",\"errors\":[");
	for (size_t i = 0; i < shown; i++) {
		buf_puts(out, i ? ",{\"pointer\":" : "{\"pointer\":");
		buf_json_string(out, f->at[i].pointer, strlen(f->at[i].pointer));
		buf_puts(out, ",\"detail\":");
		buf_json_string(out, f->at[i].detail, strlen(f->at[i].detail));
		buf_byte(out, '}');
	}
	buf_byte(out, ']');
	if (f->count > shown)
		buf_printf(out, ",\"more_errors\":%zu", f->count - shown);
}

void op_failure_json(struct buf *out, const struct op_failure *f)
{
	buf_printf(out, "{\"type\":\"%s\",\"title\":\"%s\",\"detail\":", op_error_name(f->error),
		   op_error_title(f->error));
	buf_json_string(out, f->detail, strlen(f->detail));
	buf_puts(out, op_error_retryable(f->error) ? ",\"retryable\":true" : ",\"retryable\":false");
	if (f->position >= 0)
		buf_printf(out, ",\"position\":%ld", f->position);
	if (f->count)
		put_pointers(out, f);
	if (f->unit[0]) {
		put_amount(out, "limit", f->limit);
		put_amount(out, "estimate", f->estimate);
		buf_printf(out, ",\"unit\":\"%s\"", f->unit);
	}
	buf_byte(out, '}');
}
