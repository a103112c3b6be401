/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The first line as a JSON Schema, the rest as a value: compiling and checking end, whoever asks only for the verdict
 * gets the same as who asks for the reasons, and reasons are told exactly when the value is refused. */
#include <jansson.h>
#include <string.h>

#include "fuzz.h"
#include "schema.h"

#define FLAGS (JSON_DECODE_ANY | JSON_DECODE_INT_AS_REAL | JSON_ALLOW_NUL)

static void on_error(void *arg, const char *pointer, const char *detail)
{
	expect(pointer[0] == '\0' || pointer[0] == '/');
	expect(detail[0] != '\0');
	++*(unsigned *)arg;
}

static void use_arity(const struct schema *s)
{
	struct schema_arity arity;
	schema_arity(s, &arity);
	expect(arity.named <= 1000000);
	for (size_t i = 0; i < 4; i++)
		expect(schema_title(s, i) != NULL);
}

FUZZ_TARGET(schema)
{
	const char *text = (const char *)data, *end = size ? memchr(text, '\n', size) : NULL;
	if (!end)
		return 0;
	json_t *schema_tree = json_loadb(text, (size_t)(end - text), FLAGS, NULL);
	json_t *value = json_loadb(end + 1, size - (size_t)(end - text) - 1, FLAGS, NULL);
	struct schema *s = schema_tree ? schema_new(schema_tree) : NULL;
	unsigned errors = 0;
	json_decref(schema_tree); /* not needed any more, as schema.h says */
	if (s && value) {
		bool good = schema_check(s, value, on_error, &errors);
		expect(good == (errors == 0));
		expect(schema_check(s, value, NULL, NULL) == good);
	}
	if (s)
		use_arity(s);
	schema_free(s);
	json_decref(value);
	return 0;
}
