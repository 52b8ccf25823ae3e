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

static void log_stack(struct sampling *s, const uint64_t *ips, uint32_t n_ips, uint32_t program_pid)
{
	strbuf_putc(&s->log, '[');
	for (uint32_t i = 0; i < n_ips; i++) {
		struct symbol symbol = {.name = "[unknown]"};

		sampling_name(s, ips[i], i > 0, program_pid, &symbol);
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
	r = sampling_add_stack(s, ips, in->n_ips, at->program_pid, UINT32_MAX, &out.stack, &outermost);
	if (r < 0)
		return r;
	if (!outermost)
		out.result = ANALYZER_RESULT_TRUNCATED;
	out.time_ns = since(s->a->runs[at->run].start_ns, in->time_ns);
	out.run = s->views[at->run].number;
	return profile_add_sample(s->profile, &out);
}

static void begin_entry(struct sampling *s, uint64_t time_ns, uint32_t pid, uint32_t tid, const char *name, size_t name_len)
{
	strbuf_printf(&s->log, "%s{\"time_ns\":%llu,\"pid\":%u,\"tid\":%u,\"name\":", s->n_logged++ ? "," : "",
		(unsigned long long)since(s->a->received_ns, time_ns), pid, tid);
	strbuf_json_string(&s->log, name, name_len);
	strbuf_puts(&s->log, ",\"text\":");
}

static void log_event(struct sampling *s, const struct analyzer_event *in, const uint64_t *ips, const struct place *at)
{
	if (s->log.len >= LOG_MAX_BYTES)
		return;
	begin_entry(s, in->time_ns, in->pid, in->tid, in->name, strnlen(in->name, sizeof(in->name)));
	strbuf_json_string(&s->log, in->text, strnlen(in->text, sizeof(in->text)));
	if (at->run != NO_RUN)
		strbuf_printf(&s->log, ",\"run\":%u", s->views[at->run].number);
	if (at->span != PROFILE_NO_SPAN)
		strbuf_printf(&s->log, ",\"span\":%u", at->span + 1); /* ids are indexes plus one */
	strbuf_puts(&s->log, ",\"stack\":");
	log_stack(s, ips, in->n_ips, at->program_pid);
	strbuf_putc(&s->log, '}');
}

void sampling_end_log(struct sampling *s)
{
	static const char name[] = "log-cut";
	char text[64];

	if (s->n_logged == s->n_events)
		return;
	snprintf(text, sizeof(text), "%llu more events found no room here", (unsigned long long)(s->n_events - s->n_logged));
	begin_entry(s, s->a->detached_ns, 0, 0, name, sizeof(name) - 1);
	strbuf_json_string(&s->log, text, strlen(text));
	strbuf_puts(&s->log, ",\"stack\":[]}");
}

/* The run whose events stand on the shown spans: the shown one, and where that was not profiled, the first that was. */
static bool is_run_of_span_events(const struct sampling *s, size_t run)
{
	return run != NO_RUN && s->a->runs[run].profiled &&
	       (run == s->representative || (!s->a->runs[s->representative].profiled && s->views[run].number == 0));
}

/* On its span. An event of another run than the one shown says so and when it was; it stands as far into the span as it was
 * into its own run's, or at the end of a span that took less. */
static int put_on_span(struct sampling *s, const struct analyzer_event *in, const struct place *at)
{
	const struct trace_span *shown = &s->tree->spans[at->span], *own = &s->views[at->run].tree->spans[at->local];
	uint64_t into_ns = since(own->start_ns, in->time_ns), time_ns = in->time_ns;
	char name[sizeof(in->name) + 16], text[sizeof(in->text) + 64];
	int n = snprintf(text, sizeof(text), "%.*s", (int)sizeof(in->text), in->text);

	if (at->run != s->representative) {
		snprintf(text + n, sizeof(text) - (size_t)n, " (profiled run %u, %.1f us into the span)",
			s->views[at->run].number, (double)into_ns / 1000);
		time_ns = shown->start_ns + (into_ns < shown->duration_ns ? into_ns : shown->duration_ns);
	}
	snprintf(name, sizeof(name), "analyzer::%.*s", (int)sizeof(in->name), in->name);
	return trace_tree_event(s->tree, at->span, SPVSCOPE_LEVEL_DEBUG, time_ns, name, text);
}

int sampling_take_event(struct sampling *s, const struct analyzer_event *in, const uint64_t *ips)
{
	struct place at;
	int r = sampling_place(s, in->time_ns, in->pid, in->tid, in->span_state, in->span_id, false, &at);

	if (r >= 0)
		r = take_fault(s, in, ips, &at);
	if (r < 0)
		return r;
	log_event(s, in, ips, &at);
	s->n_events++;
	if (!s->a->wants_span_events || !is_run_of_span_events(s, at.run) || at.span == PROFILE_NO_SPAN)
		return 0;
	if (s->n_span_events++ < LOG_MAX_SPAN_EVENTS)
		return put_on_span(s, in, &at);
	s->tree->dropped++;
	return 0;
}
