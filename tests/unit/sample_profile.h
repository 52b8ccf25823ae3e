/* SPDX-License-Identifier: Apache-2.0 */
/* A small profile and span tree whose flame graphs can be counted by hand.
 *
 *   spans: 0 request ─┬─ 1 parse          samples: 3 × main;compile;parse     span 1
 *                     └─ 2 opt ── 3 pass           1 × main;compile           span 0
 *                                                  2 × main;compile;opt;pass  span 3
 *                                                  1 × opt;pass (truncated)   span 2
 *                                                  1 × no stack, no span (bad read)
 *
 * sample_waits() adds two intervals off the CPU and a page fault, in span 1 of another process.
 *
 * compile stands there with two lines of one file, which are one frame once merged. */
#ifndef SPVSCOPE_TESTS_SAMPLE_PROFILE_H
#define SPVSCOPE_TESTS_SAMPLE_PROFILE_H

#include "api/profile.h"
#include "bpf/protocol.h"
#include "codegen/trace/tree.h"

static inline uint32_t sample_stack(struct profile *p, uint32_t parent, const char *name, const char *file,
	uint32_t line)
{
	int64_t frame = profile_add_frame(p, name, "libglslang.so", file, line);
	return (uint32_t)profile_add_stack(p, parent, (uint32_t)frame);
}

static inline void sample_take(struct profile *p, unsigned n, uint32_t stack, uint32_t span, uint16_t result)
{
	for (unsigned i = 0; i < n; i++)
		profile_add_sample(p, &(struct profile_sample){
			.time_ns = 1000 * (p->n_samples + 1), .stack = stack, .span = span, .result = result,
			.run = (uint32_t)(p->n_samples / 4), .flags = p->n_samples % 2 ? ANALYZER_SAMPLE_IN_KERNEL : 0});
}

static inline struct profile *sample_profile(void)
{
	struct profile *p = profile_new();
	uint32_t main_ = sample_stack(p, PROFILE_NO_STACK, "main", "", 0);
	uint32_t compile1 = sample_stack(p, main_, "compile", "c.cpp", 10);
	uint32_t compile2 = sample_stack(p, main_, "compile", "c.cpp", 20);
	uint32_t parse = sample_stack(p, compile1, "parse(a; b)", "p.cpp", 5);
	uint32_t opt = sample_stack(p, compile2, "opt", "", 0);
	uint32_t pass = sample_stack(p, opt, "pass", "", 0);
	uint32_t lone_opt = sample_stack(p, PROFILE_NO_STACK, "opt", "", 0);
	uint32_t lone_pass = sample_stack(p, lone_opt, "pass", "", 0);
	sample_take(p, 3, parse, 1, ANALYZER_RESULT_COMPLETE);
	sample_take(p, 1, compile1, 0, ANALYZER_RESULT_COMPLETE);
	sample_take(p, 2, pass, 3, ANALYZER_RESULT_COMPLETE);
	sample_take(p, 1, lone_pass, 2, ANALYZER_RESULT_TRUNCATED);
	sample_take(p, 1, PROFILE_NO_STACK, PROFILE_NO_SPAN, ANALYZER_RESULT_BAD_READ);
	p->frequency_hz = 4999;
	p->lost[PROFILE_ON_CPU] = 9;
	return p;
}

static inline void sample_waits(struct profile *p)
{
	uint32_t main_ = sample_stack(p, PROFILE_NO_STACK, "main", "", 0);
	struct profile_sample s = {.time_ns = 100, .weight_ns = 3000, .span = 1, .pid = 70, .tid = 71, .kind = PROFILE_OFF_CPU};

	s.stack = sample_stack(p, main_, "[blocked: futex]", "", 0);
	profile_add_sample(p, &s);
	s.stack = sample_stack(p, main_, "[runnable: woken]", "", 0);
	s.weight_ns = 500;
	s.result = ANALYZER_RESULT_NO_ROW;
	profile_add_sample(p, &s);
	s = (struct profile_sample){.time_ns = 9, .stack = main_, .span = 1, .kind = PROFILE_FAULTS};
	profile_add_sample(p, &s);
	p->lost[PROFILE_OFF_CPU] = 2;
}

static inline struct trace_tree *sample_profile_tree(void)
{
	struct trace_tree *t = trace_tree_new();
	trace_tree_add(t, TRACE_NO_SPAN, SPVSCOPE_LEVEL_INFO, "request", 0, 10000);
	trace_tree_add(t, 0, SPVSCOPE_LEVEL_INFO, "parse", 0, 4000);
	trace_tree_add(t, 0, SPVSCOPE_LEVEL_INFO, "opt", 5000, 5000);
	trace_tree_add(t, 2, SPVSCOPE_LEVEL_DEBUG, "pass", 5000, 1000);
	return t;
}

#endif
