/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Processes for tests. Whatever is started here dies with the test that started it. Blocking. */
#ifndef SQUARE_TESTS_PROC_H
#define SQUARE_TESTS_PROC_H

#include <stdbool.h>
#include <sys/types.h>

/* env: NAME=value entries on top of this process' own (NAME alone removes it), NULL-terminated; NULL for none.
 * out_fd, err_fd: where its output goes; -1: stays. Ends the test program when the system refuses. */
pid_t proc_spawn(const char *const *argv, const char *const *env, int in_fd, int out_fd, int err_fd);
/* Its exit status (128 + the signal's number when a signal ended it), or -1 when it did not end in time. */
int proc_wait(pid_t pid, unsigned deadline_ms);
bool proc_alive(pid_t pid); /* there, and not only as an unread exit status */

struct proc_result {
	int status;      /* as of proc_wait */
	char *out, *err; /* all it wrote, zero-terminated */
};

/* Runs to the end. input: for its standard input, NULL for none. A process that does not end in time is killed. */
void proc_run(const char *const *argv, const char *const *env, const char *input, unsigned deadline_ms,
	      struct proc_result *result);
/* The same for a line of shell. */
void proc_shell(const char *line, unsigned deadline_ms, struct proc_result *result);
void proc_result_fini(struct proc_result *result);

/* How many processes have `text` in their command line or environment, this one left out. */
unsigned proc_count(const char *text);

/* A port of 127.0.0.1 that is free, and that the kernel does not hand out by itself in the meantime. */
unsigned proc_free_port(void);

const char *proc_program(const char *name); /* BUILD_DIR/bin/NAME; the next call overwrites it */
const char *proc_source(const char *name);  /* SOURCE_DIR/NAME; the next call overwrites it */

#endif
