/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <check.h>
#include <errno.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "buf.h"
#include "clock.h"
#include "err.h"
#include "log.h"
#include "suite_run.h"

/* Standard error leads into a pipe while a line is written; a pipe keeps what fits into it without a reader. */
static int pipe_out, saved_stderr;

static void capture(void)
{
	int fds[2];

	ck_assert_int_eq(pipe(fds), 0);
	saved_stderr = dup(STDERR_FILENO);
	ck_assert_int_ge(saved_stderr, 0);
	ck_assert_int_ge(dup2(fds[1], STDERR_FILENO), 0);
	close(fds[1]);
	pipe_out = fds[0];
}

/* What was written; the line count is the number of writes' newlines. */
static char *captured(void)
{
	static char text[16384];
	size_t n = 0;
	ssize_t got;

	dup2(saved_stderr, STDERR_FILENO);
	close(saved_stderr);
	while ((got = read(pipe_out, text + n, sizeof(text) - 1 - n)) > 0)
		n += (size_t)got;
	text[n] = '\0';
	close(pipe_out);
	return text;
}

static const struct log_ids ids = { .request = "r-1", .job = "0190", .trace = NULL };

/* The line without its time, which is checked for its form. */
static const char *behind_time(const char *line)
{
	uint64_t us;

	ck_assert_uint_gt(strlen(line), CLOCK_TEXT_SIZE);
	ck_assert_int_eq(clock_parse(line, CLOCK_TEXT_SIZE - 1, &us), 0);
	ck_assert_int_eq(line[CLOCK_TEXT_SIZE - 1], ' ');
	return line + CLOCK_TEXT_SIZE;
}

START_TEST(test_write_as_text)
{
	capture();
	log_open(false, LOG_INFO, "WebRole_IN_0");
	log_write(LOG_WARN, &ids, "queue %s is %d", "math", 7);
	ck_assert_str_eq(behind_time(captured()), "WARN  WebRole_IN_0 request=r-1 job=0190 queue math is 7\n");
}
END_TEST

START_TEST(test_write_before_open)
{
	capture();
	log_info("early");
	log_debug("not shown");
	ck_assert_str_eq(behind_time(captured()), "INFO  early\n");
}
END_TEST

START_TEST(test_write_as_json)
{
	uint64_t us;

	capture();
	log_open(true, LOG_DEBUG, "WorkerRole_IN_1");
	log_write(LOG_DEBUG, &ids, "%s", "a\"b\\c\nd\x01\xff\xc2\x9b\xe2\x82\xac");
	json_t *line = json_loads(captured(), 0, NULL);
	ck_assert_ptr_nonnull(line);
	const char *time = json_string_value(json_object_get(line, "time"));
	ck_assert_ptr_nonnull(time);
	ck_assert_int_eq(clock_parse(time, strlen(time), &us), 0);
	ck_assert_str_eq(json_string_value(json_object_get(line, "level")), "debug");
	ck_assert_str_eq(json_string_value(json_object_get(line, "instance")), "WorkerRole_IN_1");
	ck_assert_str_eq(json_string_value(json_object_get(line, "request")), "r-1");
	ck_assert_str_eq(json_string_value(json_object_get(line, "job")), "0190");
	ck_assert_ptr_null(json_object_get(line, "trace"));
	ck_assert_str_eq(json_string_value(json_object_get(line, "message")),
			 "a\"b\\c\nd\x01\xef\xbf\xbd\xc2\x9b\xe2\x82\xac");
	json_decref(line);
}
END_TEST

START_TEST(test_write_escapes_what_could_forge_a_line)
{
	const struct log_ids forged = { .request = "x job=1\n", .job = NULL, .trace = NULL };

	capture();
	log_open(false, LOG_INFO, "I");
	log_write(LOG_INFO, &forged, "%s", "one\ntwo\r\x1b[31m\xc2\x9b\\\xff\t\"q\" \xe2\x82\xac");
	ck_assert_str_eq(behind_time(captured()),
			 "INFO  I request=x\\x20job=1\\n one\\ntwo\\r\\x1b[31m\\x9b\\\\\\xff\\t\"q\" \xe2\x82\xac\n");
}
END_TEST

/* Every length around the cut, with a character of three bytes and an escape of six at the end. */
START_TEST(test_write_cuts_long_lines)
{
	static const char *const ends[] = { "x", "\xe2\x82\xac", "\x01" };
	bool as_json = _i % 2;
	const char *end = ends[_i / 2];
	char message[4096];

	for (size_t n = 1900; n < 2100; n += 7) {
		memset(message, 'm', n);
		message[n] = '\0';
		while (strlen(message) < 3000)
			strcat(message, end);
		capture();
		log_open(as_json, LOG_INFO, "I");
		log_info("%s", message);
		const char *line = captured();
		size_t len = strlen(line);
		ck_assert_uint_le(len, 2048);
		ck_assert_uint_gt(len, 2000);
		ck_assert_ptr_eq(strchr(line, '\n'), line + len - 1);
		ck_assert_ptr_nonnull(strstr(line, "\xe2\x80\xa6"));
		for (size_t at = 0, k; at < len; at += k) {
			k = buf_utf8_len(line + at, len - at);
			ck_assert_uint_gt(k, 0);
		}
		if (as_json) {
			json_t *parsed = json_loads(line, 0, NULL);
			ck_assert_ptr_nonnull(parsed);
			json_decref(parsed);
		}
	}
}
END_TEST

START_TEST(test_write_cuts_long_ids_and_keeps_the_message)
{
	char *longer = malloc(100001);
	const struct log_ids long_ids = { longer, longer, longer };

	memset(longer, '\x01', 100000);
	longer[100000] = '\0';
	capture();
	log_open(false, LOG_INFO, "I");
	log_write(LOG_INFO, &long_ids, "the message");
	ck_assert_ptr_nonnull(strstr(captured(), " the message\n"));
	free(longer);
}
END_TEST

START_TEST(test_write_keeps_errno)
{
	capture();
	errno = EDOM;
	log_error("x");
	ck_assert_int_eq(errno, EDOM);
	close(STDERR_FILENO);
	log_error("nobody hears it");
	ck_assert_int_eq(errno, EDOM);
	captured();
}
END_TEST

static const struct log_field fields[] = {
	{ "client", "127.0.0.1", 0 }, { "token", "", 0 }, { "status", NULL, 0 }, { "bytes", NULL, INT64_MAX }
};

START_TEST(test_batch_add_as_text)
{
	static struct log_batch batch;

	capture();
	log_open(false, LOG_INFO, "I");
	log_batch_add(&batch, LOG_INFO, &ids, fields, 4, "GET /a b");
	log_batch_add(&batch, LOG_DEBUG, &ids, fields, 4, "not shown");
	log_batch_add(&batch, LOG_WARN, NULL, NULL, 0, "second\n");
	log_batch_flush(&batch);
	log_batch_flush(&batch);
	const char *first = behind_time(captured()), *second = strchr(first, '\n');
	ck_assert_int_eq(strncmp(first,
				 "INFO  I request=r-1 job=0190 client=127.0.0.1 status=0 "
				 "bytes=9223372036854775807 GET /a b\n",
				 (size_t)(second + 1 - first)),
			 0);
	ck_assert_str_eq(behind_time(second + 1), "WARN  I second\\n\n");
}
END_TEST

START_TEST(test_batch_add_as_json)
{
	static struct log_batch batch;

	capture();
	log_open(true, LOG_INFO, "I");
	log_batch_add(&batch, LOG_INFO, &ids, fields, 4, "GET /\"");
	log_batch_flush(&batch);
	json_t *line = json_loads(captured(), 0, NULL);
	ck_assert_ptr_nonnull(line);
	ck_assert_str_eq(json_string_value(json_object_get(line, "request")), "r-1");
	ck_assert_str_eq(json_string_value(json_object_get(line, "client")), "127.0.0.1");
	ck_assert_ptr_null(json_object_get(line, "token"));
	ck_assert(json_is_integer(json_object_get(line, "status")));
	ck_assert_int_eq(json_integer_value(json_object_get(line, "status")), 0);
	ck_assert_str_eq(json_string_value(json_object_get(line, "message")), "GET /\"");
	json_decref(line);
}
END_TEST

/* More than a batch holds: no line is lost or cut in two. */
START_TEST(test_batch_add_beyond_its_room)
{
	static struct log_batch batch;
	char path[] = "/tmp/square-log.XXXXXX", line[256], expected[64];
	int fd = mkstemp(path), saved = dup(STDERR_FILENO);
	FILE *in = fdopen(fd, "r");

	ck_assert_ptr_nonnull(in);
	unlink(path);
	dup2(fd, STDERR_FILENO);
	log_open(false, LOG_INFO, "I");
	for (int i = 0; i < 2000; i++) {
		snprintf(line, sizeof(line), "line %d %.*s", i, i % 100,
			 "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"
			 "xxxxxxx");
		log_batch_add(&batch, LOG_INFO, NULL, NULL, 0, line);
	}
	log_batch_flush(&batch);
	dup2(saved, STDERR_FILENO);
	rewind(in);
	for (int i = 0; i < 2000; i++) {
		ck_assert_ptr_nonnull(fgets(line, sizeof(line), in));
		snprintf(expected, sizeof(expected), "INFO  I line %d ", i);
		ck_assert_int_eq(strncmp(behind_time(line), expected, strlen(expected)), 0);
	}
	ck_assert_ptr_null(fgets(line, sizeof(line), in));
	fclose(in);
}
END_TEST

START_TEST(test_level_parse_and_enabled)
{
	static const char *const names[] = { "error", "warn", "info", "debug" };
	enum log_level level = LOG_WARN;

	for (int i = 0; i < 4; i++) {
		ck_assert_int_eq(log_level_parse(names[i], &level), 0);
		ck_assert_int_eq((int)level, i);
		log_open(false, level, "");
		for (int k = 0; k < 4; k++)
			ck_assert_int_eq(log_enabled((enum log_level)k), k <= i);
	}
	ck_assert_int_eq(log_level_parse("loud", &level), ERR_INVALID);
	ck_assert_int_eq((int)level, LOG_DEBUG);
}
END_TEST

START_TEST(test_fatal_exits_with_1)
{
	int status;
	pid_t child;

	capture();
	child = fork();
	if (child == 0)
		log_fatal("cannot %s", "go on");
	ck_assert_int_eq(waitpid(child, &status, 0), child);
	ck_assert(WIFEXITED(status));
	ck_assert_int_eq(WEXITSTATUS(status), 1);
	ck_assert_str_eq(behind_time(captured()), "ERROR cannot go on\n");
}
END_TEST

int main(void)
{
	Suite *s = suite_create("log");
	TCase *core = tcase_create("core"), *limits = tcase_create("limits"), *faults = tcase_create("faults");

	tcase_add_test(core, test_write_before_open);
	tcase_add_test(core, test_write_as_text);
	tcase_add_test(core, test_write_as_json);
	tcase_add_test(core, test_batch_add_as_text);
	tcase_add_test(core, test_batch_add_as_json);
	tcase_add_test(limits, test_batch_add_beyond_its_room);
	tcase_add_test(core, test_level_parse_and_enabled);
	tcase_add_test(core, test_fatal_exits_with_1);
	tcase_add_loop_test(limits, test_write_cuts_long_lines, 0, 6);
	tcase_add_test(limits, test_write_cuts_long_ids_and_keeps_the_message);
	tcase_add_test(faults, test_write_escapes_what_could_forge_a_line);
	tcase_add_test(faults, test_write_keeps_errno);
	suite_add_tcase(s, core);
	suite_add_tcase(s, limits);
	suite_add_tcase(s, faults);
	return suite_run(s);
}
