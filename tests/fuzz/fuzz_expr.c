/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Any bytes as an expression: read or refused with a message and a position inside the text; what is read prints as
 * text that reads back to the same print, simplifies, differentiates and compiles. Nothing large is computed. */
#include <stdlib.h>
#include <string.h>

#include "fuzz.h"
#include "math/expr.h"
#include "math/expr_tree.h"

#define NODES_MAX 2000 /* beyond: only read and printed, for speed */

static void use(struct expr *e)
{
	const char *const names[] = { "x", "y" };
	const double values[] = { 0.5, 2 };
	struct op_failure f;
	fmpq_poly_t poly;
	struct buf text = BUF_INIT;
	struct expr *other;
	struct expr_code *code;

	if ((other = expr_derivative(e, "x", &f)) != NULL)
		expr_print(&text, other);
	else
		expect(f.detail[0] != '\0');
	expr_free(other);
	other = expr_simplify(expr_copy(e));
	expr_print(&text, other);
	expr_free(other);
	fmpq_poly_init(poly);
	if (expr_tree_size(e) < 12 && expr_polynomial(e, "x", poly, &f) != 0)
		expect(f.detail[0] != '\0');
	fmpq_poly_clear(poly);
	if (expr_tree_size(e) < 12 && (code = expr_compile(e, names, 2, &f)) != NULL) {
		(void)expr_code_run(code, values);
		expr_code_free(code);
	}
	buf_fini(&text);
}

FUZZ_TARGET(expr)
{
	struct op_failure f;
	struct buf first = BUF_INIT, second = BUF_INIT;
	struct expr *e = expr_parse((const char *)data, size, &f), *again;

	if (!e) {
		expect(f.detail[0] != '\0' && f.error < OP_ERROR_COUNT && f.position <= (long)size);
		return 0;
	}
	expr_print(&first, e);
	if (first.len <= EXPR_BYTES_MAX && (again = expr_parse(first.data, first.len, &f)) != NULL) {
		expr_print(&second, again);
		expect(first.len == second.len && memcmp(first.data, second.data, first.len) == 0);
		expr_free(again);
	} else {
		expect(first.len > EXPR_BYTES_MAX || f.error == OP_LIMIT_EXCEEDED); /* 1e9999 is longer in digits */
	}
	if (expr_tree_size(e) < NODES_MAX && first.len < 4096)
		use(e);
	buf_fini(&first);
	buf_fini(&second);
	expr_free(e);
	return 0;
}
