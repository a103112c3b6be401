/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A strict reader of Prometheus text (format 0.0.4), written apart from what it checks: names and labels as the format
 * wants them, a HELP and a TYPE once before each family, a family's samples together, no series twice, counters not
 * below zero, histograms that add up. */
#ifndef SQUARE_TESTS_SCRAPE_H
#define SQUARE_TESTS_SCRAPE_H

#include <stddef.h>

struct scrape;

/* NULL, with a sentence and the line in why, when the text is not valid. */
struct scrape *scrape_parse(const char *text, char *why, size_t size);
void scrape_free(struct scrape *s); /* NULL does nothing */
/* Of the samples with this name and all the labels, given as `name="value"` and ended by NULL: their sum, and how many
 * there are. */
double scrape_sum(const struct scrape *s, const char *name, ...) __attribute__((sentinel));
size_t scrape_count(const struct scrape *s, const char *name, ...) __attribute__((sentinel));

#endif
