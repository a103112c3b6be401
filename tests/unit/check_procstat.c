/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <check.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "procstat.h"
#include "scrape.h"
#include "suite_run.h"

static struct scrape *render(void)
{
	struct buf text = BUF_INIT;
	char why[300];
	procstat_render(&text);
	struct scrape *s = scrape_parse(buf_cstr(&text), why, sizeof why);
	ck_assert_msg(s != NULL, "%s", why);
	buf_fini(&text);
	return s;
}

static double value(const char *name)
{
	struct scrape *s = render();
	ck_assert_msg(scrape_count(s, name, NULL) == 1, "%s", name);
	double v = scrape_sum(s, name, NULL);
	scrape_free(s);
	return v;
}

START_TEST(test_render_is_plausible)
{
	double now = (double)time(NULL);
	ck_assert_double_eq(value("square_build_info"), 1);
	ck_assert_double_gt(value("process_resident_memory_bytes"), 100e3);
	ck_assert_double_gt(value("process_virtual_memory_bytes"), value("process_resident_memory_bytes"));
	ck_assert_double_gt(value("process_start_time_seconds"), now - 3600);
	ck_assert_double_lt(value("process_start_time_seconds"), now + 60);
	ck_assert_double_ge(value("process_max_fds"), value("process_open_fds"));
}
END_TEST

START_TEST(test_render_counts_open_files)
{
	double before = value("process_open_fds");
	int fds[5];
	for (int i = 0; i < 5; i++)
		fds[i] = open("/dev/null", O_RDONLY);
	ck_assert_double_eq(value("process_open_fds"), before + 5);
	for (int i = 0; i < 5; i++)
		close(fds[i]);
	ck_assert_double_eq(value("process_open_fds"), before);
}
END_TEST

START_TEST(test_render_counts_processor_time)
{
	double before = value("process_cpu_seconds_total");
	struct timespec used;
	do
		clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &used);
	while ((double)used.tv_sec + (double)used.tv_nsec / 1e9 < before + 0.1);
	ck_assert_double_ge(value("process_cpu_seconds_total"), before + 0.05);
}
END_TEST

START_TEST(test_resident_bytes_follow_memory)
{
	size_t n = 64u << 20;
	uint64_t before = procstat_resident_bytes(getpid());
	char *p = mmap(NULL, n, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	ck_assert_ptr_ne(p, MAP_FAILED);
	memset(p, 1, n);
	ck_assert_uint_ge(procstat_resident_bytes(getpid()), before + n / 10 * 9);
	munmap(p, n);
}
END_TEST

/* The name of a process may have all that a naive reader stumbles over. */
START_TEST(test_resident_bytes_of_a_strange_name)
{
	prctl(PR_SET_NAME, "a) S 1 (b", 0, 0, 0);
	ck_assert_uint_gt(procstat_resident_bytes(getpid()), 100000);
	ck_assert_double_gt(value("process_resident_memory_bytes"), 100e3);
}
END_TEST

START_TEST(test_resident_bytes_of_nobody)
{
	pid_t pid = fork();
	if (pid == 0)
		_exit(0);
	ck_assert_int_eq(waitpid(pid, NULL, 0), pid);
	ck_assert_uint_eq(procstat_resident_bytes(pid), 0);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("procstat");
	TCase *core = tcase_create("core"), *faults = tcase_create("faults");
	tcase_add_test(core, test_render_is_plausible);
	tcase_add_test(core, test_render_counts_open_files);
	tcase_add_test(core, test_render_counts_processor_time);
	tcase_add_test(core, test_resident_bytes_follow_memory);
	tcase_add_test(faults, test_resident_bytes_of_a_strange_name);
	tcase_add_test(faults, test_resident_bytes_of_nobody);
	suite_add_tcase(s, core);
	suite_add_tcase(s, faults);
	return suite_run(s);
}
