/* SPDX-License-Identifier: Apache-2.0 */
/* Functions with stack frames, for a test that reads what the compiler wrote about them. */
#include <stdio.h>
#include <stdlib.h>

static __attribute__((noinline)) unsigned long inner(volatile unsigned long *words, unsigned long n)
{
	unsigned long sum = 0, product = 1;

	for (unsigned long i = 0; i < n; i++) {
		sum += words[i] * product;
		product = product * 31 + (unsigned long)rand();
	}
	return sum ^ product;
}

static __attribute__((noinline)) unsigned long outer(unsigned long n)
{
	volatile unsigned long words[64];
	unsigned long sum = 0;

	for (unsigned long i = 0; i < 64; i++)
		words[i] = i * n;
	for (unsigned long i = 0; i < n; i++)
		sum += inner(words, i % 64);
	return sum;
}

int main(int argc, char **argv)
{
	(void)argv;
	printf("%lu\n", outer((unsigned long)argc));
	return 0;
}
