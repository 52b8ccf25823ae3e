/* SPDX-License-Identifier: Apache-2.0 */
/* What a fuzz target defines: the function that libFuzzer calls, and an input that is worth damaging. */
#ifndef SPVSCOPE_TESTS_FUZZ_H
#define SPVSCOPE_TESTS_FUZZ_H

#include <stddef.h>
#include <stdint.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
/* Fills buf with a sound input and returns its length. */
size_t fuzz_seed(uint8_t *buf, size_t size);

#endif
