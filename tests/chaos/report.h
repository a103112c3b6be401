/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The ledger of all rows, for people and for programs. */
#ifndef SQUARE_TESTS_CHAOS_REPORT_H
#define SQUARE_TESTS_CHAOS_REPORT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "chaos_run.h"

void report_list(FILE *out); /* the table of rows */
/* One line on the rows that run now, at most `width` characters. */
void report_progress(char *line, size_t width, struct chaos_run *const *runs, size_t n, uint64_t now_us);
void report_print(FILE *out, struct chaos_run *const *runs, size_t n);
/* Writes the same as JSON. False when the file cannot be written. */
bool report_write(const char *path, struct chaos_run *const *runs, size_t n, uint64_t seed);

#endif
