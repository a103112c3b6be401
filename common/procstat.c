/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "procstat.h"

#include <dirent.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#define STAT_CHARS 4096

/* Fields of /proc/PID/stat behind the name, counted as proc(5) does from 1; the third is the first of these. */
enum { FIELD_UTIME = 14, FIELD_STIME = 15, FIELD_START = 22, FIELD_VSIZE = 23, FIELD_RSS = 24, FIELDS = 25 };

/* The first bytes of a file as text; "" when it cannot be read. */
static void read_text(const char *path, char text[STAT_CHARS])
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n = fd < 0 ? 0 : read(fd, text, STAT_CHARS - 1);

	text[n > 0 ? n : 0] = '\0';
	if (fd >= 0)
		close(fd);
}

static bool read_stat(pid_t pid, unsigned long long field[FIELDS])
{
	char path[40], text[STAT_CHARS];

	snprintf(path, sizeof path, "/proc/%ld/stat", (long)pid);
	read_text(path, text);
	const char *p = strrchr(text, ')'); /* the name may have blanks and parentheses itself */
	if (!p)
		return false;
	p += strspn(p, ") ");
	for (int i = 3; i < FIELDS; i++) {
		field[i] = strtoull(p, NULL, 10);
		p += strcspn(p, " ");
		p += strspn(p, " ");
	}
	return true;
}

uint64_t procstat_resident_bytes(pid_t pid)
{
	unsigned long long field[FIELDS];

	return read_stat(pid, field) ? field[FIELD_RSS] * (uint64_t)sysconf(_SC_PAGESIZE) : 0;
}

/* Seconds of the epoch at which the machine was started; 0 when nobody says. It stands behind lines that grow with the
 * number of processors, so the file is read by lines. */
static double boot_time(void)
{
	char *line = NULL;
	size_t size = 0;
	double seconds = 0;
	FILE *f = fopen("/proc/stat", "re");

	while (f && getline(&line, &size, f) > 0)
		if (strncmp(line, "btime ", 6) == 0) {
			seconds = strtod(line + 6, NULL);
			break;
		}
	free(line);
	if (f)
		fclose(f);
	return seconds;
}

static unsigned open_files(void)
{
	DIR *d = opendir("/proc/self/fd");
	unsigned n = 0;

	if (!d)
		return 0;
	for (const struct dirent *e; (e = readdir(d));)
		n += e->d_name[0] != '.';
	closedir(d);
	return n - 1; /* but this one */
}

static void put(struct buf *out, const char *name, const char *type, const char *help, double value)
{
	buf_printf(out, "# HELP %s %s\n# TYPE %s %s\n%s %.15g\n", name, help, name, type, name, value);
}

void procstat_render(struct buf *out)
{
	unsigned long long field[FIELDS];
	double ticks = (double)sysconf(_SC_CLK_TCK), boot = boot_time();
	struct rlimit files;
	unsigned open = open_files();

	buf_printf(out,
		   "# HELP square_build_info The version that runs.\n# TYPE square_build_info gauge\n"
		   "square_build_info{version=\"%s\"} 1\n",
		   SQUARE_VERSION);
	if (read_stat(getpid(), field)) {
		put(out, "process_cpu_seconds_total", "counter", "Processor time used, user and system.",
		    (double)(field[FIELD_UTIME] + field[FIELD_STIME]) / ticks);
		put(out, "process_resident_memory_bytes", "gauge", "Memory in RAM.",
		    (double)field[FIELD_RSS] * (double)sysconf(_SC_PAGESIZE));
		put(out, "process_virtual_memory_bytes", "gauge", "Address space in use.", (double)field[FIELD_VSIZE]);
		if (boot > 0)
			put(out, "process_start_time_seconds", "gauge", "When it started, in seconds of the epoch.",
			    boot + (double)field[FIELD_START] / ticks);
	}
	if (open)
		put(out, "process_open_fds", "gauge", "Open files.", open);
	if (getrlimit(RLIMIT_NOFILE, &files) == 0 && files.rlim_cur != RLIM_INFINITY)
		put(out, "process_max_fds", "gauge", "The limit of open files.", (double)files.rlim_cur);
}
