/* SPDX-License-Identifier: Apache-2.0 */
/* What the debug analyzer said: a log of JSON objects, events on the shown spans, and page faults as a flame graph. Runs
 * on the assembler's thread. */
#include <stdio.h>
#include <string.h>

#include "server/compile/assemble_samples.h"

#define LOG_MAX_BYTES       (8u << 20)
#define LOG_MAX_SPAN_EVENTS 2000u /* events that also become events of their span */

static uint64_t since(uint64_t from_ns, uint64_t time_ns)
{
	return time_ns > from_ns ? time_ns - from_ns : 0;
}

static void log_stack(struct sampling *s, const uint64_t *ips, uint32_t n_ips, bool named)
{
	strbuf_putc(&s->log, '[');
	for (uint32_t i = 0; i < n_ips; i++) {
		struct symbol symbol = {.name = "[unknown]"};

		if (named && s->a->image)
			image_lookup(s->a->image, ips[i], i > 0, &symbol);
		if (i)
			strbuf_putc(&s->log, ',');
		strbuf_json_string(&s->log, symbol.name, strlen(symbol.name));
	}
	strbuf_putc(&s->log, ']');
}

/* A page fault counts in the flame graph of its kind, if it happened in a profiled run. */
static int take_fault(struct sampling *s, const struct analyzer_event *in, const uint64_t *ips, const struct place *at)
{
	struct profile_sample out = {
		.kind = PROFILE_FAULTS,
		.result = ANALYZER_RESULT_COMPLETE,
		.span = at->span,
		.pid = in->pid,
		.tid = in->tid,
		.flags = at->by_id ? 0 : PROFILE_SAMPLE_SPAN_BY_TIME,
	};
	bool outermost;
	int r;

	if (strncmp(in->name, "page-fault", sizeof(in->name)) != 0 || at->run == NO_RUN)
		return 0;
	r = sampling_add_stack(s, ips, in->n_ips, at->same_program, UINT32_MAX, &out.stack, &outermost);
	if (r < 0)
		return r;
	if (!outermost)
		out.result = ANALYZER_RESULT_TRUNCATED;
	out.time_ns = since(s->a->runs[at->run].start_ns, in->time_ns);
	out.run = sampling_number_of_run(s, at->run);
	return profile_add_sample(s->profile, &out);
}

static void log_event(struct sampling *s, const struct analyzer_event *in, const uint64_t *ips, const struct place *at)
{
	if (s->log.len >= LOG_MAX_BYTES)
		return;
	strbuf_printf(&s->log, "%s{\"time_ns\":%llu,\"pid\":%u,\"tid\":%u,\"name\":", s->n_events ? "," : "",
		(unsigned long long)since(s->a->received_ns, in->time_ns), in->pid, in->tid);
	strbuf_json_string(&s->log, in->name, strnlen(in->name, sizeof(in->name)));
	strbuf_puts(&s->log, ",\"text\":");
	strbuf_json_string(&s->log, in->text, strnlen(in->text, sizeof(in->text)));
	if (at->run != NO_RUN)
		strbuf_printf(&s->log, ",\"run\":%u", sampling_number_of_run(s, at->run));
	if (at->span != PROFILE_NO_SPAN)
		strbuf_printf(&s->log, ",\"span\":%u", at->span + 1); /* ids are indexes plus one */
	strbuf_puts(&s->log, ",\"stack\":");
	log_stack(s, ips, in->n_ips, at->same_program);
	strbuf_putc(&s->log, '}');
}

int sampling_take_event(struct sampling *s, const struct analyzer_event *in, const uint64_t *ips)
{
	size_t name_len = strnlen(in->name, sizeof(in->name)), text_len = strnlen(in->text, sizeof(in->text));
	char name[sizeof(in->name) + 16], text[sizeof(in->text) + 1];
	struct place at;
	int r = sampling_place(s, in->time_ns, in->pid, in->tid, in->span_state, in->span_id, false, &at);

	if (r >= 0)
		r = take_fault(s, in, ips, &at);
	if (r < 0)
		return r;
	log_event(s, in, ips, &at);
	s->n_events++;
	/* On the span itself only when the run shown is the one it happened in: its time means nothing in another. */
	if (!s->a->wants_span_events || at.run != s->representative || at.span == PROFILE_NO_SPAN ||
	    s->n_span_events >= LOG_MAX_SPAN_EVENTS)
		return 0;
	s->n_span_events++;
	snprintf(name, sizeof(name), "analyzer::%.*s", (int)name_len, in->name);
	snprintf(text, sizeof(text), "%.*s", (int)text_len, in->text);
	return trace_tree_event(s->tree, at.span, SPVSCOPE_LEVEL_DEBUG, in->time_ns, name, text);
}
