/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Rational matrices on their way to an operation and back, and random ones (the same in every run): for tests of linear
 * algebra. */
#ifndef SQUARE_TESTS_OP_MATRIX_H
#define SQUARE_TESTS_OP_MATRIX_H

#include <flint/fmpq_mat.h>
#include <jansson.h>
#include <stdbool.h>

#include "buf.h"

/* As a checked fixture around each test: op_ask.h's, and the random numbers. */
void op_matrix_setup(void);
void op_matrix_teardown(void);

void op_matrix_put(struct buf *out, const fmpq_mat_t a); /* appends an array of rows of strings */
/* The answer of op([a]), or op([a, b]) if b is not NULL: a new reference. */
json_t *op_matrix_ask(const char *op, const fmpq_mat_struct *a, const fmpq_mat_struct *b);
void op_matrix_rational(fmpq_t out, const json_t *v);
/* Decodes an array of rows; initialises out; release: takes the reference. */
void op_matrix_get(fmpq_mat_t out, json_t *v, bool release);

/* These initialise a. Entries from -20 to 20; over 1 to 9 unless integers. */
void op_matrix_random(fmpq_mat_t a, slong rows, slong cols, bool integers);
/* n x n, of rank r at most, and nearly always. */
void op_matrix_deficient(fmpq_mat_t a, slong n, slong r);

#endif
