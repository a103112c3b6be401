/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The data suite of submissions, tests/data/json: each file of valid/ is taken, each of invalid/ is refused with
 * exactly what its .expect file says. A new case is a new file. CHECK_UPDATE=1 rewrites the .expect files; read them
 * then. */
#include <check.h>
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "job_json.h"
#include "suite_run.h"

#define NOW_US UINT64_C(1795374268226000) /* 2026-11-22T19:04:28.226Z */
#define CASES_MAX 200

struct cases {
	int n;
	char names[CASES_MAX][64];
};
static struct cases valid, invalid;

static void data_path(char out[512], const char *folder, const char *name)
{
	const char *source = getenv("SOURCE_DIR");
	snprintf(out, 512, "%s/tests/data/json/%s/%s", source ? source : ".", folder, name);
}

static int is_json(const struct dirent *entry)
{
	size_t n = strlen(entry->d_name);
	return n > 5 && strcmp(entry->d_name + n - 5, ".json") == 0;
}

static void list(struct cases *c, const char *folder)
{
	struct dirent **found;
	char path[512];
	data_path(path, folder, "");
	int n = scandir(path, &found, is_json, alphasort);
	if (n <= 0 || n > CASES_MAX) {
		fprintf(stderr, "%s: expected 1 to %d cases, got %d\n", path, CASES_MAX, n);
		exit(1);
	}
	for (int i = 0; i < n; i++) {
		snprintf(c->names[i], sizeof c->names[i], "%.*s", (int)strlen(found[i]->d_name) - 5, found[i]->d_name);
		free(found[i]);
	}
	free(found);
	c->n = n;
}

/* The whole file; its size in *n. */
static char *slurp(const char *folder, const char *name, const char *ending, size_t *n)
{
	char file[128], path[512];
	static char text[65536];
	snprintf(file, sizeof file, "%s%s", name, ending);
	data_path(path, folder, file);
	FILE *f = fopen(path, "r");
	ck_assert_msg(f != NULL, "%s is missing", path);
	*n = fread(text, 1, sizeof text - 1, f);
	fclose(f);
	text[*n] = '\0';
	return text;
}

/* What a client would be told, one thing a line. */
static void tell(struct buf *out, const struct job_json_fault *fault)
{
	if (fault->json.code)
		buf_printf(out, "malformed: line %d, column %d, position %ld: %s\n", fault->json.line,
			   fault->json.column, fault->json.position, fault->json.text);
	const char *errors = fault->errors.len ? fault->errors.data : "";
	for (size_t i = 0; i < fault->errors.len; i++) {
		bool last =
		    errors[i] == '}' && (i + 1 == fault->errors.len || strncmp(errors + i, "},{\"pointer\"", 12) == 0);
		buf_byte(out, errors[i]);
		if (last) {
			buf_byte(out, '\n');
			i++; /* the comma */
		}
	}
}

static int read_case(const char *folder, const char *name, struct buf *told)
{
	static const struct job_json_rules rules = { .depth = 32, .timeout_max_ms = 60000, .now_us = NOW_US };
	struct submission submission = { 0 };
	struct job_json_fault fault = { 0 };
	size_t n;
	const char *body = slurp(folder, name, ".json", &n);
	char *exact = malloc(n ? n : 1); /* so that a read past the end is noticed */
	memcpy(exact, body, n);
	int rc = job_json_read(exact, n, &rules, &submission, &fault);
	tell(told, &fault);
	free(exact);
	submission_fini(&submission);
	job_json_fault_fini(&fault);
	return rc;
}

START_TEST(test_valid)
{
	struct buf told = BUF_INIT;
	int rc = read_case("valid", valid.names[_i], &told);
	ck_assert_msg(rc == 0, "%s: %s", valid.names[_i], buf_cstr(&told));
	buf_fini(&told);
}
END_TEST

START_TEST(test_invalid)
{
	struct buf told = BUF_INIT;
	const char *name = invalid.names[_i];
	size_t n;
	ck_assert_msg(read_case("invalid", name, &told) == ERR_INVALID, "%s was taken", name);
	if (getenv("CHECK_UPDATE")) {
		char file[128], path[512];
		snprintf(file, sizeof file, "%s.expect", name);
		data_path(path, "invalid", file);
		FILE *f = fopen(path, "w");
		ck_assert_ptr_nonnull(f);
		fputs(buf_cstr(&told), f);
		fclose(f);
	}
	const char *expected = slurp("invalid", name, ".expect", &n);
	ck_assert_msg(strcmp(buf_cstr(&told), expected) == 0, "%s: expected\n%sgot\n%s", name, expected,
		      buf_cstr(&told));
	buf_fini(&told);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("json_data");
	TCase *core = tcase_create("core"), *faults = tcase_create("faults");
	list(&valid, "valid");
	list(&invalid, "invalid");
	tcase_add_loop_test(core, test_valid, 0, valid.n);
	tcase_add_loop_test(faults, test_invalid, 0, invalid.n);
	suite_add_tcase(s, core);
	suite_add_tcase(s, faults);
	return suite_run(s);
}
