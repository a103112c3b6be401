/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The text of an event (HTML, 9.2.5): whatever is in the data, it is one event, and a reader gets the data back. */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "stream.h"
#include "suite_run.h"

static const struct {
	const char *id, *data, *text;
} cases[] = {
	{ NULL, "{}", "event: e\ndata: {}\n\n" },
	{ "7f", "{}", "id: 7f\nevent: e\ndata: {}\n\n" },
	{ NULL, "", "event: e\ndata: \n\n" },
	{ NULL, "{}\n", "event: e\ndata: {}\n\n" },
	{ NULL, "{}\r\n", "event: e\ndata: {}\n\n" },
	{ NULL, "{\n\"a\":1}", "event: e\ndata: {\ndata: \"a\":1}\n\n" },
	{ NULL, "{\r\"a\":\n\n1}", "event: e\ndata: {\ndata: \"a\":\ndata: \ndata: 1}\n\n" },
	{ NULL, "data: x", "event: e\ndata: data: x\n\n" },
};

START_TEST(test_stream_event_is_one_event)
{
	struct buf out = BUF_INIT;
	stream_event(&out, "e", cases[_i].id, cases[_i].data, strlen(cases[_i].data));
	ck_assert_str_eq(buf_cstr(&out), cases[_i].text);
	const char *end = strstr(out.data, "\n\n");
	ck_assert_ptr_eq(end, out.data + out.len - 2);
	buf_fini(&out);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("stream");
	TCase *core = tcase_create("core");
	tcase_add_loop_test(core, test_stream_event_is_one_event, 0, (int)(sizeof cases / sizeof *cases));
	suite_add_tcase(s, core);
	return suite_run(s);
}
