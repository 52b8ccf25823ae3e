/* SPDX-License-Identifier: Apache-2.0 */
/* What a fuzz target defines: the function that libFuzzer calls, and an input that is worth damaging. */
#ifndef SPVSCOPE_TESTS_FUZZ_H
#define SPVSCOPE_TESTS_FUZZ_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

/* What must hold whatever goes in. */
#define FUZZ_CHECK(condition)                                                                    \
	do {                                                                                     \
		if (!(condition)) {                                                              \
			fprintf(stderr, "%s:%d: not so: %s\n", __FILE__, __LINE__, #condition);  \
			abort();                                                                 \
		}                                                                                \
	} while (0)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
/* Fills buf with a sound input and returns its length. */
size_t fuzz_seed(uint8_t *buf, size_t size);

#endif
