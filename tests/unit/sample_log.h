/* SPDX-License-Identifier: Apache-2.0 */
/* A span log with something of everything in it, for tests that read, damage or export one. */
#ifndef SPVSCOPE_TESTS_SAMPLE_LOG_H
#define SPVSCOPE_TESTS_SAMPLE_LOG_H

#include <stdint.h>
#include <string.h>

#include "codegen/trace/span_log.h"
#include "codegen/trace/writer.h"

#define SAMPLE_LOG_RUN 42

/* Fills log, at least 8 KiB, and returns how many bytes of it are in use. */
static inline size_t sample_log_write(void *log, size_t size)
{
	struct trace_writer *w = trace_writer_new(log, size, NULL);
	const struct spvscope_tracer *t = trace_writer_tracer(w);
	struct spvscope_usage from, to;
	struct trace_filter filter;

	trace_filter_init(&filter, SPVSCOPE_LEVEL_DEBUG);
	trace_writer_start(w, SAMPLE_LOG_RUN, &filter);
	uint32_t compile = t->begin(t->ctx, SPVSCOPE_LEVEL_INFO, "codegen::compile");
	t->attr_str(t->ctx, compile, "backend", "glslang", 7);
	uint32_t parse = t->begin(t->ctx, SPVSCOPE_LEVEL_INFO, "codegen::glslang::parse");
	t->event(t->ctx, SPVSCOPE_LEVEL_ERROR, "codegen::glslang::parse", "no such name: x", 15);
	t->end(t->ctx, parse);
	uint32_t opt = t->begin(t->ctx, SPVSCOPE_LEVEL_INFO, "codegen::opt");
	for (uint64_t i = 0; i < 4; i++) {
		t->usage(t->ctx, &from);
		t->usage(t->ctx, &to);
		uint32_t pass = t->add(t->ctx, SPVSCOPE_LEVEL_DEBUG, "codegen::opt::pass", &from, &to);
		t->attr_u64(t->ctx, pass, "ir.bytes_after", 1000 - i);
	}
	t->end(t->ctx, opt);
	t->begin(t->ctx, SPVSCOPE_LEVEL_INFO, "codegen::validate"); /* dies in it */
	trace_writer_free(w);
	return (size_t)((struct span_log_header *)log)->used;
}

/* A small generator with a seed of its own: the same bytes everywhere (xorshift64*). */
static inline uint64_t sample_random(uint64_t *state)
{
	*state ^= *state >> 12;
	*state ^= *state << 25;
	*state ^= *state >> 27;
	return *state * 0x2545f4914f6cdd1dull;
}

/* Changes up to eight bytes of data somewhere. */
static inline void sample_damage(uint8_t *data, size_t size, uint64_t *seed)
{
	static const uint8_t favourites[] = {0, 1, 0x7f, 0x80, 0xff};
	for (uint64_t n = sample_random(seed) % 8 + 1; n > 0; n--) {
		uint8_t *at = &data[sample_random(seed) % size];
		switch (sample_random(seed) % 3) {
		case 0:
			*at ^= (uint8_t)(1u << sample_random(seed) % 8);
			break;
		case 1:
			*at = favourites[sample_random(seed) % sizeof(favourites)];
			break;
		default:
			*at = (uint8_t)sample_random(seed);
		}
	}
}

#endif
