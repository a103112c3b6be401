/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "op_ask.h"

#include <check.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "exact_json.h"
#include "math/engines.h"
#include "op.h"

void op_ask_setup(void)
{
	engines_init();
}

void op_ask_teardown(void)
{
	engines_tidy();
	engines_fini();
}

bool op_ask(const char *op, const char *args, struct buf *json, struct op_failure *f)
{
	struct op_failure own;
	struct op_call c;

	f = f ? f : &own;
	buf_clear(json);
	int rc = op_call_prepare_confined(&c, op, strlen(op), args, strlen(args), 0, f);
	if (rc == 0) {
		rc = op_call_run(&c, json, f);
		op_call_fini(&c);
	}
	if (rc != 0)
		op_failure_json(json, f);
	return rc == 0;
}

void op_expect(const char *op, const char *args, const char *result)
{
	struct buf json = BUF_INIT;
	bool ok = op_ask(op, args, &json, NULL);

	ck_assert_msg(ok && strcmp(buf_cstr(&json), result) == 0, "%s%s: expected %s, got %s", op, args, result,
		      buf_cstr(&json));
	buf_fini(&json);
}

void op_expect_pointer(const char *op, const char *args, const char *type, const char *pointer)
{
	struct buf json = BUF_INIT;
	struct op_failure f;
	bool ok = op_ask(op, args, &json, &f);

	ck_assert_msg(!ok && strcmp(op_error_name(f.error), type) == 0, "%s%s: expected %s, got %s", op, args, type,
		      buf_cstr(&json));
	if (pointer)
		ck_assert_msg(f.count > 0 && strcmp(f.at[0].pointer, pointer) == 0,
			      "%s%s: expected the pointer \"%s\", got %s", op, args, pointer, buf_cstr(&json));
	json_t *v = json_loadb(json.data, json.len, JSON_REJECT_DUPLICATES, NULL);
	ck_assert_msg(v && json_string_length(json_object_get(v, "detail")) > 0, "%s%s: %s", op, args, buf_cstr(&json));
	json_decref(v);
	buf_fini(&json);
}

void op_expect_error(const char *op, const char *args, const char *type)
{
	op_expect_pointer(op, args, type, NULL);
}

json_t *op_answer(const char *op, const char *args)
{
	struct buf json = BUF_INIT;
	struct errinfo info;
	bool ok = op_ask(op, args, &json, NULL);

	ck_assert_msg(ok, "%s%s: %s", op, args, buf_cstr(&json));
	json_t *v = exact_json_load(json.data, json.len, 64, &info);
	ck_assert_msg(v != NULL, "%s%s: not JSON: %s", op, args, buf_cstr(&json));
	buf_fini(&json);
	return v;
}

static bool near(const json_t *a, const json_t *b, double error)
{
	const char *key;
	json_t *v;
	size_t i;

	if (json_is_number(a) && json_is_number(b))
		return fabs(json_number_value(a) - json_number_value(b)) <= error * fmax(1, fabs(json_number_value(b)));
	if (json_typeof(a) != json_typeof(b) || json_array_size(a) != json_array_size(b) ||
	    json_object_size(a) != json_object_size(b))
		return false;
	json_array_foreach(b, i, v)
	{
		if (!near(json_array_get(a, i), v, error))
			return false;
	}
	json_object_foreach((json_t *)(uintptr_t)b, key, v)
	{
		if (!near(json_object_get(a, key), v, error))
			return false;
	}
	return !json_is_string(a) || json_equal((json_t *)(uintptr_t)a, (json_t *)(uintptr_t)b);
}

void op_expect_near(const char *op, const char *args, const char *result, double error)
{
	struct buf json = BUF_INIT;
	bool ok = op_ask(op, args, &json, NULL);
	json_t *got = ok ? json_loadb(json.data, json.len, JSON_DECODE_ANY, NULL) : NULL;
	json_t *wanted = json_loads(result, JSON_DECODE_ANY, NULL);

	ck_assert_ptr_nonnull(wanted);
	ck_assert_msg(got && near(got, wanted, error), "%s%s: expected about %s, got %s", op, args, result,
		      buf_cstr(&json));
	json_decref(got);
	json_decref(wanted);
	buf_fini(&json);
}

void op_expect_examples(const struct op_family *family)
{
	for (size_t i = 0; i < family->count; i++) {
		const struct op *op = &family->ops[i];
		ck_assert_msg(op->example_count >= 2, "%s has fewer than two examples", op->name);
		for (size_t k = 0; k < op->example_count; k++) {
			const struct op_example *e = &op->examples[k];
			if (e->result)
				op_expect(op->name, e->args, e->result);
			else
				op_expect_error(op->name, e->args, e->error);
		}
	}
}
