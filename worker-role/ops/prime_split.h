/* SPDX-License-Identifier: GPL-3.0-or-later */
/* prime_count and primes_between in parts (op.h, struct op_split): stretches of the sieve, and of the interval. What
 * the whole calls are made of is in op_primes.c. */
#ifndef SQUARE_PRIME_SPLIT_H
#define SQUARE_PRIME_SPLIT_H

#include <gmp.h>
#include <stdint.h>

#include "op.h"

double prime_split_weigh_count(struct op_call *c);
int prime_split_plan_count(struct op_call *c, struct op_plan *plan, struct op_failure *f);
int prime_split_part_count(struct op_call *c, const struct op_part *part, struct buf *json, struct op_failure *f);
int prime_split_gather_count(struct op_call *c, const struct json_t *results, struct buf *json, struct op_failure *f);

double prime_split_weigh_between(struct op_call *c);
int prime_split_plan_between(struct op_call *c, struct op_plan *plan, struct op_failure *f);
int prime_split_part_between(struct op_call *c, const struct op_part *part, struct buf *json, struct op_failure *f);
int prime_split_gather_between(struct op_call *c, const struct json_t *results, struct buf *json, struct op_failure *f);

/* ---- in op_primes.c ---- */
/* The integer part of the argument, 0 for what is less; checked. */
int prime_split_read_count(struct op_call *c, int64_t *out, struct op_failure *f);
/* The ends, checked, from not less than 0. */
int prime_split_read_between(struct op_call *c, mpz_t from, mpz_t to, struct op_failure *f);
double prime_split_between_ns(const mpz_t from, const mpz_t to); /* estimated */
/* Appends the primes of [from, to] as an array. */
int prime_split_list(const mpz_t from, const mpz_t to, struct buf *json, struct op_failure *f);

#endif
