/* SPDX-License-Identifier: Apache-2.0 */
/* What the programs tell of a session becomes its records, as they are handed over. Analyzer process, main thread. */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "bpf/event_text.h"
#include "bpf/session_private.h"

static_assert(ANALYZER_STACK_FRAMES == ANALYZER_MAX_FRAMES, "what is walked is handed over");
static_assert((int)THREAD_SPAN_N_STATES == (int)ANALYZER_N_SPAN_STATES, "and so is what was said of the span");

void session_decide(struct session *session, const char *name, uint64_t time_ns, const char *fmt, ...)
{
	struct analyzer_event *event;
	va_list ap;

	if (object_kind(session->object) != ANALYZER_DEBUG)
		return;
	event = gather_append(&session->gathered, ANALYZER_RECORD_EVENT, sizeof(*event), 0, time_ns);
	if (!event) {
		session->n_refused_events++;
		return;
	}
	event->pid = event->tid = (uint32_t)session->pid;
	event->kind = ANALYZER_EVENT_DECISION;
	snprintf(event->name, sizeof(event->name), "%s", name);
	va_start(ap, fmt);
	vsnprintf(event->text, sizeof(event->text), fmt, ap);
	va_end(ap);
}

/* How a walk ended, by enum unwind_end: as the front is told, and as a person is. */
static const struct stack_end {
	enum analyzer_result result;
	const char *words; /* NULL: nothing to explain */
} stack_ends[UNWIND_N_ENDS] = {
	[UNWIND_GOES_ON] = {ANALYZER_RESULT_BROKEN, "it has no end"},
	[UNWIND_COMPLETE] = {ANALYZER_RESULT_COMPLETE, NULL},
	[UNWIND_NO_MAPPING] = {ANALYZER_RESULT_NO_MAPPING, "an address in nothing that the process has mapped with code"},
	[UNWIND_NO_ROW] = {ANALYZER_RESULT_NO_ROW, "a place between functions, as the image's unwind table has it"},
	[UNWIND_UNSUPPORTED] = {ANALYZER_RESULT_UNSUPPORTED, "a rule that the unwind tables cannot hold"},
	[UNWIND_ANONYMOUS_CODE] = {ANALYZER_RESULT_ANONYMOUS, "code that is in no file"},
	[UNWIND_BAD_READ] = {ANALYZER_RESULT_BAD_READ, "the stack could not be read"},
	[UNWIND_BROKEN] = {ANALYZER_RESULT_BROKEN, "the caller's frame would not lie above"},
	[UNWIND_TOO_DEEP] = {ANALYZER_RESULT_TOO_DEEP, "the deepest that is walked"},
	[UNWIND_FRAME_POINTERS] = {ANALYZER_RESULT_TRUNCATED, NULL},
	[UNWIND_BETWEEN_PROGRAMS] = {ANALYZER_RESULT_COMPLETE, NULL}, /* there is no frame to miss */
	[UNWIND_NO_TABLE] = {ANALYZER_RESULT_NO_TABLE, "an image that no unwind table was made for"},
	[UNWIND_LOCKED] = {ANALYZER_RESULT_LOCKED, "an address in nothing that was known, while the mappings were being changed"},
};

static enum analyzer_result result_of(uint32_t stack_end)
{
	return stack_ends[stack_end < UNWIND_N_ENDS ? stack_end : UNWIND_GOES_ON].result;
}

static void take_sample(struct session *session, const struct ring_sample *from)
{
	const struct stack_end *end = &stack_ends[from->stack_end < UNWIND_N_ENDS ? from->stack_end : UNWIND_GOES_ON];
	uint32_t n_ips = from->head.n_ips;
	struct analyzer_sample *to;

	to = gather_append(&session->gathered, ANALYZER_RECORD_SAMPLE, sizeof(*to), n_ips, from->head.time_ns);
	if (!to) {
		session->n_refused_samples++;
		return;
	}
	to->pid = from->head.pid;
	to->tid = from->head.tid;
	to->result = end->result;
	to->flags = from->in_kernel ? ANALYZER_SAMPLE_IN_KERNEL : 0;
	to->n_ips = n_ips;
	to->span_id = from->head.span_id;
	to->span_state = from->head.span_state;
	memcpy(to->ips, from->ips, n_ips * sizeof(*to->ips));
	session->n_results[end->result]++;
	if (end->words)
		session_decide(session, "stack-end", from->head.time_ns, "uncertain, %u frames: %s", n_ips, end->words);
}

static void take_death(struct session *session, const struct ring_death *from)
{
	uint32_t n_ips = from->head.n_ips;
	struct analyzer_death *to;

	to = gather_append(&session->gathered, ANALYZER_RECORD_DEATH, sizeof(*to), n_ips, from->head.time_ns);
	if (!to) {
		session->n_refused_deaths++;
		return;
	}
	to->pid = from->head.pid;
	to->tid = from->head.tid;
	to->result = result_of(from->stack_end);
	to->signal = (uint16_t)from->signal;
	to->n_ips = n_ips;
	to->span_id = from->head.span_id;
	to->span_state = from->head.span_state;
	memcpy(to->ips, from->ips, n_ips * sizeof(*to->ips));
}

static void take_event(struct session *session, const struct ring_event *from)
{
	uint32_t n_ips = from->head.n_ips;
	struct analyzer_event *to;

	to = gather_append(&session->gathered, ANALYZER_RECORD_EVENT, sizeof(*to), n_ips, from->head.time_ns);
	if (!to) {
		session->n_refused_events++;
		return;
	}
	to->pid = from->head.pid;
	to->tid = from->head.tid;
	to->kind = from->kind;
	to->n_ips = n_ips;
	to->span_id = from->head.span_id;
	to->span_state = from->head.span_state;
	event_text(from, to);
	memcpy(to->ips, from->ips, n_ips * sizeof(*to->ips));
}

static void take_mapping(struct session *session, const struct ring_mapping *from)
{
	struct analyzer_mapping *to;

	to = gather_append(&session->gathered, ANALYZER_RECORD_MAPPING, sizeof(*to), 0, from->head.time_ns);
	if (!to)
		return;
	to->pid = from->head.pid;
	to->tid = from->head.tid;
	to->start = from->start;
	to->end = from->end;
	to->file_offset = from->file_offset;
	to->image = from->image;
	memcpy(to->name, from->name, sizeof(to->name));
}

void session_note(struct session *session, const struct ring_head *record)
{
	switch (record->type) {
	case RING_SAMPLE:
		take_sample(session, (const void *)record);
		break;
	case RING_DEATH:
		take_death(session, (const void *)record);
		break;
	case RING_EVENT:
		take_event(session, (const void *)record);
		break;
	case RING_OFF:
		off_cpu_left(&session->off_cpu, &session->gathered, (const void *)record,
			result_of(((const struct ring_off *)record)->stack_end));
		break;
	case RING_ON:
		off_cpu_came_back(&session->off_cpu, &session->gathered, (const void *)record);
		break;
	case RING_MAPPING:
		take_mapping(session, (const void *)record);
		break;
	case RING_STOLEN:
		off_cpu_stolen(&session->off_cpu, &session->gathered, (const void *)record);
		break;
	}
}
