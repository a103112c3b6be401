/* SPDX-License-Identifier: GPL-3.0-or-later */
/* One fuzz target a file: FUZZ_TARGET(name) begins the function that libFuzzer feeds with bytes. It also has a name of
 * its own, fuzz_NAME, under which check_fuzz_corpus.c, an ordinary test, runs the kept corpus through all of them. */
#ifndef SQUARE_TESTS_FUZZ_H
#define SQUARE_TESTS_FUZZ_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

/* Weak, so that several targets fit into one program. */
#define FUZZ_TARGET(name)                                                                                         \
	int fuzz_##name(const uint8_t *data, size_t size);                                                        \
	int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) __attribute__((weak, alias("fuzz_" #name))); \
	int fuzz_##name(const uint8_t *data, size_t size)

/* A property that must hold for every input. */
static inline void expect(bool holds)
{
	if (!holds)
		abort();
}

#endif
