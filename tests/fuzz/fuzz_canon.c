/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Any bytes as JSON: the canonical text of a value is that value, in jansson's eyes too, and its own canonical text;
 * what jansson takes is not refused, and the other way round. */
#include <jansson.h>
#include <string.h>

#include "buf.h"
#include "canon.h"
#include "err.h"
#include "fuzz.h"

#define FLAGS (JSON_DECODE_ANY | JSON_DECODE_INT_AS_REAL | JSON_ALLOW_NUL | JSON_REJECT_DUPLICATES)

static json_t *load(const char *p, size_t n, enum json_error_code *why)
{
	json_error_t e;
	json_t *tree = json_loadb(p, n, FLAGS, &e);
	*why = tree ? json_error_unknown : json_error_code(&e);
	if (tree && memchr(p, '\0', n)) { /* it passes over a zero byte behind a number */
		json_decref(tree);
		tree = NULL;
	}
	return tree;
}

/* canon() keeps numbers that no double holds, and names with a zero character, which jansson does not. */
static bool is_limit_of_jansson(enum json_error_code why)
{
	return why == json_error_numeric_overflow || why == json_error_null_byte_in_key;
}

static void expect_same_value(const struct buf *canonical, const json_t *tree)
{
	enum json_error_code why;
	json_t *again = load(canonical->data, canonical->len, &why);
	expect(again && json_equal(again, tree));
	json_decref(again);
}

static void expect_stable(const struct buf *canonical, const struct canon_options *o)
{
	struct buf again = BUF_INIT;
	expect(canon_text(&again, (struct span){ canonical->data, canonical->len }, o) == 0);
	expect(again.len == canonical->len && memcmp(again.data, canonical->data, again.len) == 0);
	buf_fini(&again);
}

FUZZ_TARGET(canon)
{
	static const struct canon_options options[] = { { NULL, false }, { NULL, true }, { "a", false } };
	const struct span text = { (const char *)data, size };
	enum json_error_code why;
	json_t *tree = load(text.p, text.n, &why);
	int first = 0;
	for (size_t i = 0; i < sizeof options / sizeof *options; i++) {
		struct buf canonical = BUF_INIT;
		int rc = canon_text(&canonical, text, &options[i]);
		first = i ? first : rc;
		expect(rc == first || options[i].without); /* what is left out may be there twice */
		expect(rc == 0 || rc == ERR_INVALID || rc == ERR_TOO_BIG);
		if (rc == 0)
			expect_stable(&canonical, &options[i]);
		if (rc == 0 && tree && !options[i].without)
			expect_same_value(&canonical, tree);
		buf_fini(&canonical);
	}
	expect(tree ? first != ERR_INVALID : first != 0 || is_limit_of_jansson(why));
	json_decref(tree);
	return 0;
}
