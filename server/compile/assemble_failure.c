/* SPDX-License-Identifier: Apache-2.0 */
/* What is told of a compile that crashed, hung or ran out of memory: the stage, the innermost span, the stack. Runs on the
 * assembler's thread. */
#include <stdio.h>
#include <string.h>

#include "server/compile/assemble.h"

/* What an open span's name says about where the worker died. */
static void tell_open_spans(struct assembly *a, const struct trace_tree *t)
{
	static const char codegen[] = "codegen::";
	struct compile_outcome *o = &a->outcome;

	snprintf(o->failure.stage, sizeof(o->failure.stage), "worker");
	for (size_t i = 0; t && i < t->n_spans; i++) {
		const struct trace_span *s = &t->spans[i];

		if (!s->open)
			continue;
		snprintf(o->failure.span, sizeof(o->failure.span), "%s", s->name);
		if (s->level <= SPVSCOPE_LEVEL_INFO && strncmp(s->name, codegen, sizeof(codegen) - 1) == 0)
			snprintf(o->failure.stage, sizeof(o->failure.stage), "%s", s->name);
	}
}

/* A worker that lived to tell of its own crash has closed its spans: then the last stage it began is the one. */
static void tell_last_stage(struct assembly *a, const struct trace_tree *t)
{
	struct compile_outcome *o = &a->outcome;

	snprintf(o->failure.stage, sizeof(o->failure.stage), "worker");
	for (size_t i = 0; t && i < t->n_spans; i++) {
		const struct trace_span *s = &t->spans[i];

		snprintf(o->failure.span, sizeof(o->failure.span), "%s", s->name);
		if (s->level <= SPVSCOPE_LEVEL_INFO && strncmp(s->name, "codegen::", 9) == 0)
			snprintf(o->failure.stage, sizeof(o->failure.stage), "%s", s->name);
	}
}

void assembly_tell_failure(struct assembly *a, const struct trace_tree *t)
{
	struct compile_outcome *o = &a->outcome;
	enum spvscope_status *status = &o->result.status;

	if (a->died && t && t->out_of_memory && *status == SPVSCOPE_STATUS_CRASHED) {
		*status = SPVSCOPE_STATUS_OUT_OF_MEMORY;
		snprintf(o->failure.message, sizeof(o->failure.message),
			"the compiler needed more than the limit of %llu bytes",
			(unsigned long long)a->request.memory_bytes);
	}
	if (*status != SPVSCOPE_STATUS_CRASHED && *status != SPVSCOPE_STATUS_TIMED_OUT &&
	    *status != SPVSCOPE_STATUS_OUT_OF_MEMORY)
		return;
	o->failure.is_set = true;
	if (a->died)
		tell_open_spans(a, t);
	else
		tell_last_stage(a, t);
	if (!o->failure.message[0])
		snprintf(o->failure.message, sizeof(o->failure.message), "the compile ended as %s in %s",
			spvscope_status_name(*status), o->failure.stage);
}

/* Where the signal came to it that ended it; or else where it was when it was last looked at, at most one period of the
 * sampler before its end. Innermost first. */
void assembly_tell_stack(struct assembly *a, struct record *rec)
{
	const struct profile *p = rec->profile;
	struct compile_outcome *o = &a->outcome;
	uint32_t stack = a->death.is_told ? a->death.stack : PROFILE_NO_STACK;
	struct strbuf out = {0};
	const char *before = "[";

	if (!p || !o->failure.is_set)
		return;
	o->failure.stack_is_exact = a->death.is_told;
	o->failure.stack_is_whole = a->death.is_whole;
	for (size_t i = p->n_samples; stack == PROFILE_NO_STACK && i-- > 0;)
		if (p->samples[i].kind == PROFILE_ON_CPU && p->samples[i].stack != PROFILE_NO_STACK) {
			stack = p->samples[i].stack;
			o->failure.stack_is_whole = p->samples[i].result == ANALYZER_RESULT_COMPLETE;
		}
	if (stack == PROFILE_NO_STACK)
		return;
	for (uint32_t at = stack; at != PROFILE_NO_STACK; at = p->stacks[at].parent) {
		const char *name = p->strings[p->frames[p->stacks[at].frame].name];

		strbuf_puts(&out, before);
		strbuf_json_string(&out, name, strlen(name));
		before = ", ";
	}
	strbuf_putc(&out, ']');
	rec->failure_stack = strbuf_take(&out, NULL);
	o->failure.stack = rec->failure_stack;
}
