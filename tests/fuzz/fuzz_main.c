/* SPDX-License-Identifier: Apache-2.0 */
/* Runs a fuzz target without a fuzzer: PROGRAM [rounds [seed]] damages the target's own seed inputs, the same way
 * each time; PROGRAM FILE… replays files. Under clang's -fsanitize=fuzzer this file is left out. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/fuzz/fuzz.h"
#include "tests/unit/sample_log.h"

#define INPUT_MAX (1u << 20)

static int replay(const char *path)
{
	static uint8_t bytes[INPUT_MAX];
	FILE *f = fopen(path, "rb");
	if (!f) {
		perror(path);
		return 1;
	}
	size_t size = fread(bytes, 1, sizeof(bytes), f);
	fclose(f);
	return LLVMFuzzerTestOneInput(bytes, size);
}

/* Damage, and now and then a cut or a repeated piece. The input lies at the end of its allocation, so that a sanitizer
 * sees the first byte read beyond it. */
static void run_once(const uint8_t *whole, size_t size, uint64_t *seed)
{
	size_t n = size;
	if (sample_random(seed) % 8 == 0)
		n = sample_random(seed) % (size + 1);
	uint8_t *copy = malloc(n + 1);
	if (!copy)
		abort();
	memcpy(copy, whole, n);
	if (n > 1) {
		sample_damage(copy, n, seed);
		if (sample_random(seed) % 8 == 0) {
			size_t from = sample_random(seed) % n, to = sample_random(seed) % n;
			size_t len = n - (from > to ? from : to);
			memmove(copy + to, copy + from, len);
		}
	}
	uint8_t *exact = realloc(copy, n ? n : 1);
	LLVMFuzzerTestOneInput(exact, n);
	free(exact);
}

int main(int argc, char **argv)
{
	static uint8_t whole[INPUT_MAX];
	char *end = NULL;
	unsigned long rounds = argc > 1 ? strtoul(argv[1], &end, 10) : 20000;

	if (end && *end) {
		int r = 0;
		for (int i = 1; i < argc; i++)
			r |= replay(argv[i]);
		return r;
	}
	uint64_t seed = (argc > 2 ? strtoull(argv[2], NULL, 10) : 0) + 0x9e3779b97f4a7c15ull;
	size_t size = fuzz_seed(whole, sizeof(whole));
	LLVMFuzzerTestOneInput(whole, size);
	for (unsigned long i = 0; i < rounds; i++)
		run_once(whole, size, &seed);
	printf("%lu rounds\n", rounds);
	return 0;
}
