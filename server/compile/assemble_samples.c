/* SPDX-License-Identifier: Apache-2.0 */
/* Names and spans for what the analyzer handed over: samples become a profile, debug events a log. The hand-over is
 * read with the same distrust as anything that came by socket. Runs on the assembler's thread. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include "base/cleanup.h"
#include "server/compile/assemble.h"

#define LOG_MAX_BYTES       (8u << 20)
#define LOG_MAX_SPAN_EVENTS 2000u /* events that also become events of their span */
#define NO_RUN              SIZE_MAX

static_assert(ANALYZER_MAX_FRAMES + 2 <= PROFILE_MAX_DEPTH, "a stack with [kernel] and [truncated] has room");

/* Frames by address: a profile's few thousand addresses recur in every sample. */
struct frame_cache {
	struct frame_cell {
		uint64_t key; /* address, with the top bit set for return addresses; 0: empty */
		uint32_t frame;
		bool outermost;
		bool is_code;  /* in a program or library, as far as is known */
	} *cells;
	size_t n_cells, n_used; /* n_cells is a power of two */
};

struct run_view {
	struct trace_tree *tree; /* its own spans; NULL: none */
	uint32_t *to_shown;      /* span of tree → span of the shown run's tree */
};

struct sampling {
	struct assembly *a;
	struct trace_tree *tree; /* the record's */
	uint32_t run_root;
	size_t representative;
	struct profile *profile;
	struct frame_cache cache;
	struct run_view *views;  /* one a run */
	uint32_t kernel_frame;
	struct strbuf log;
	uint64_t n_results[ANALYZER_N_RESULTS];
	uint64_t n_events, n_span_events;
	size_t run;              /* of the last record: the next one is mostly in the same */
};

static int cache_grow(struct frame_cache *c)
{
	struct frame_cache bigger = {.n_cells = c->n_cells ? c->n_cells * 2 : 4096, .n_used = c->n_used};

	bigger.cells = calloc(bigger.n_cells, sizeof(*bigger.cells));
	if (!bigger.cells)
		return -ENOMEM;
	for (size_t i = 0; i < c->n_cells; i++) {
		size_t at = (c->cells[i].key * 0x9e3779b97f4a7c15u >> 20) & (bigger.n_cells - 1);

		if (!c->cells[i].key)
			continue;
		while (bigger.cells[at].key)
			at = (at + 1) & (bigger.n_cells - 1);
		bigger.cells[at] = c->cells[i];
	}
	free(c->cells);
	*c = bigger;
	return 0;
}

static int64_t name_frame(struct sampling *s, uint64_t address, bool is_return_address, struct frame_cell *ret)
{
	struct symbol symbol;
	char unnamed[32];

	ret->is_code = true;
	if (!s->a->image || !image_lookup(s->a->image, address, is_return_address, &symbol)) {
		snprintf(unnamed, sizeof(unnamed), "0x%llx", (unsigned long long)address);
		return profile_add_frame(s->profile, unnamed, "[unknown]", NULL, 0);
	}
	ret->outermost = symbol.outermost;
	ret->is_code = symbol.module[0] != '[' || strcmp(symbol.module, "[vdso]") == 0;
	return profile_add_frame(s->profile, symbol.name, symbol.module, symbol.file, symbol.line);
}

static int frame_at(struct sampling *s, uint64_t address, bool is_return_address, const struct frame_cell **ret)
{
	uint64_t key = address | (uint64_t)is_return_address << 63;
	struct frame_cache *c = &s->cache;
	struct frame_cell cell = {0};
	int64_t frame;
	size_t at;

	if (c->n_used * 2 >= c->n_cells && cache_grow(c) < 0)
		return -ENOMEM;
	key = key ? key : 1;
	at = (key * 0x9e3779b97f4a7c15u >> 20) & (c->n_cells - 1);
	while (c->cells[at].key && c->cells[at].key != key)
		at = (at + 1) & (c->n_cells - 1);
	if (!c->cells[at].key) {
		frame = name_frame(s, address, is_return_address, &cell);
		if (frame < 0)
			return (int)frame;
		cell.key = key;
		cell.frame = (uint32_t)frame;
		c->cells[at] = cell;
		c->n_used++;
	}
	*ret = &c->cells[at];
	return 0;
}

/* The run that a moment belongs to: the profiled one that it lies in, or else the one that it follows. */
static size_t run_at(struct sampling *s, uint64_t time_ns)
{
	const struct assembly *a = s->a;
	size_t best = NO_RUN;

	if (s->run != NO_RUN && time_ns >= a->runs[s->run].sent_ns && time_ns <= a->runs[s->run].received_ns)
		return s->run;
	for (size_t i = 0; i < a->n_runs; i++) {
		if (!a->runs[i].profiled)
			continue;
		if (best != NO_RUN && time_ns < a->runs[i].sent_ns)
			break;
		best = i;
	}
	return s->run = best;
}

static int view_run(struct sampling *s, size_t run)
{
	const struct assembly_run *r = &s->a->runs[run];
	const struct assembly_run *shown_run = &s->a->runs[s->representative];
	struct run_view *v = &s->views[run];
	struct trace_tree *shown;
	int error;

	if (v->tree || !r->log || s->run_root == TRACE_NO_SPAN)
		return 0;
	if (trace_tree_read(r->log, r->log_size, r->run_id, r->received_ns, &v->tree) < 0) {
		v->tree = NULL;
		return 0;
	}
	v->to_shown = calloc(v->tree->n_spans + 1, sizeof(*v->to_shown));
	if (!v->to_shown)
		return -ENOMEM;
	if (run == s->representative) {
		for (size_t i = 0; i < v->tree->n_spans; i++)
			v->to_shown[i] = (uint32_t)i;
		return 0;
	}
	error = trace_tree_read(shown_run->log, shown_run->log_size, shown_run->run_id, shown_run->received_ns, &shown);
	if (error < 0)
		return error;
	error = trace_tree_match(v->tree, shown, v->to_shown);
	trace_tree_free(shown);
	return error;
}

/* The record's span that was active; PROFILE_NO_SPAN when the moment lies in none. */
static uint32_t span_at(struct sampling *s, size_t run, uint64_t time_ns)
{
	struct run_view *v = &s->views[run];
	uint32_t span;

	if (!v->tree || !v->to_shown)
		return PROFILE_NO_SPAN;
	span = trace_tree_innermost(v->tree, TRACE_NO_SPAN, time_ns);
	if (span == TRACE_NO_SPAN || v->to_shown[span] == TRACE_NO_SPAN)
		return PROFILE_NO_SPAN;
	return s->run_root + v->to_shown[span];
}

/* How many of the frames are callers indeed. Where code was built without frame pointers the chain leads into data
 * sooner or later, and what lies behind such a link means nothing. */
static int count_frames(struct sampling *s, const uint64_t *ips, uint32_t n_ips, uint32_t *ret)
{
	const struct frame_cell *cell = NULL;
	uint32_t n = n_ips < ANALYZER_MAX_FRAMES ? n_ips : ANALYZER_MAX_FRAMES;

	for (uint32_t i = 0; i < n; i++) {
		int r = frame_at(s, ips[i], i > 0, &cell);

		if (r < 0)
			return r;
		if (!cell->is_code && i > 0)
			n = i;
	}
	*ret = n;
	return 0;
}

/* Outermost first, as the profile's stacks grow. *ret_stack is the innermost node. */
static int add_stack(struct sampling *s, const struct analyzer_sample *in, const uint64_t *ips, uint32_t *ret_stack,
	bool *ret_complete)
{
	int64_t stack = PROFILE_NO_STACK;
	const struct frame_cell *cell = NULL;
	uint32_t n_frames = 0;
	int r = count_frames(s, ips, in->n_ips, &n_frames);

	*ret_complete = false;
	for (uint32_t i = n_frames; r >= 0 && i-- > 0;) {
		r = frame_at(s, ips[i], i > 0, &cell);
		if (r < 0)
			break;
		if (i == n_frames - 1)
			*ret_complete = cell->outermost;
		stack = profile_add_stack(s->profile, (uint32_t)stack, cell->frame);
		r = stack < 0 ? (int)stack : 0;
	}
	if (r >= 0 && (in->flags & ANALYZER_SAMPLE_IN_KERNEL || !n_frames)) {
		stack = profile_add_stack(s->profile, (uint32_t)stack, s->kernel_frame);
		r = stack < 0 ? (int)stack : 0;
	}
	if (r < 0)
		return r;
	*ret_stack = (uint32_t)stack;
	return 0;
}

static uint64_t since(uint64_t from_ns, uint64_t time_ns)
{
	return time_ns > from_ns ? time_ns - from_ns : 0;
}

static int take_sample(struct sampling *s, const struct analyzer_sample *in, const uint64_t *ips)
{
	struct profile_sample out = {.flags = in->flags & ANALYZER_SAMPLE_IN_KERNEL, .result = in->result};
	size_t run = run_at(s, in->time_ns);
	bool complete;
	int r;

	if (run == NO_RUN)
		return 0;
	r = view_run(s, run);
	if (r >= 0)
		r = add_stack(s, in, ips, &out.stack, &complete);
	if (r < 0)
		return r;
	/* Where there were no unwind tables, the symbols alone can tell. */
	if (complete && out.result == ANALYZER_RESULT_TRUNCATED)
		out.result = ANALYZER_RESULT_COMPLETE;
	else if (out.result >= ANALYZER_N_RESULTS)
		out.result = ANALYZER_RESULT_TRUNCATED;
	s->n_results[out.result]++;
	out.time_ns = since(s->a->runs[run].start_ns, in->time_ns);
	out.span = span_at(s, run, in->time_ns);
	for (size_t i = 0; i < run; i++)
		out.run += s->a->runs[i].profiled;
	return profile_add_sample(s->profile, &out);
}

static void log_stack(struct sampling *s, const uint64_t *ips, uint32_t n_ips)
{
	strbuf_putc(&s->log, '[');
	for (uint32_t i = 0; i < n_ips; i++) {
		struct symbol symbol = {.name = "[unknown]"};

		if (s->a->image)
			image_lookup(s->a->image, ips[i], i > 0, &symbol);
		if (i)
			strbuf_putc(&s->log, ',');
		strbuf_json_string(&s->log, symbol.name, strlen(symbol.name));
	}
	strbuf_putc(&s->log, ']');
}

static int take_event(struct sampling *s, const struct analyzer_event *in, const uint64_t *ips)
{
	size_t name_len = strnlen(in->name, sizeof(in->name)), text_len = strnlen(in->text, sizeof(in->text));
	size_t run = run_at(s, in->time_ns);
	uint32_t span = PROFILE_NO_SPAN;
	char name[sizeof(in->name) + 16], text[sizeof(in->text) + 1];
	int r;

	if (run != NO_RUN) {
		r = view_run(s, run);
		if (r < 0)
			return r;
		span = span_at(s, run, in->time_ns);
	}
	if (s->log.len < LOG_MAX_BYTES) {
		strbuf_printf(&s->log, "%s{\"time_ns\":%llu,\"pid\":%u,\"tid\":%u,\"name\":", s->n_events ? "," : "",
			(unsigned long long)since(s->a->received_ns, in->time_ns), in->pid, in->tid);
		strbuf_json_string(&s->log, in->name, name_len);
		strbuf_puts(&s->log, ",\"text\":");
		strbuf_json_string(&s->log, in->text, text_len);
		if (span != PROFILE_NO_SPAN)
			strbuf_printf(&s->log, ",\"span\":%u", span + 1); /* ids are indexes plus one */
		strbuf_puts(&s->log, ",\"stack\":");
		log_stack(s, ips, in->n_ips);
		strbuf_putc(&s->log, '}');
	}
	s->n_events++;
	/* On the span itself only when the run shown is the one it happened in: its time means nothing in another. */
	if (!s->a->wants_span_events || run != s->representative || span == PROFILE_NO_SPAN ||
	    s->n_span_events >= LOG_MAX_SPAN_EVENTS)
		return 0;
	s->n_span_events++;
	snprintf(name, sizeof(name), "analyzer::%.*s", (int)name_len, in->name);
	snprintf(text, sizeof(text), "%.*s", (int)text_len, in->text);
	return trace_tree_event(s->tree, span, SPVSCOPE_LEVEL_DEBUG, in->time_ns, name, text);
}

/* Calls the right taker for each whole record; the first one that makes no sense ends the reading. */
static int take_records(struct sampling *s, const uint8_t *data, size_t size)
{
	int r = 0;

	for (size_t at = 0; r >= 0 && size - at >= sizeof(struct analyzer_record);) {
		const struct analyzer_record *head = (const void *)(data + at);
		size_t left = size - at;

		if (head->size < sizeof(*head) || head->size % 8 || head->size > left)
			break;
		if (head->type == ANALYZER_RECORD_SAMPLE && head->size >= sizeof(struct analyzer_sample)) {
			const struct analyzer_sample *in = (const void *)head;

			if (in->n_ips > (head->size - sizeof(*in)) / sizeof(uint64_t))
				break;
			r = take_sample(s, in, in->ips);
		} else if (head->type == ANALYZER_RECORD_EVENT && head->size >= sizeof(struct analyzer_event)) {
			const struct analyzer_event *in = (const void *)head;

			if (in->n_ips > (head->size - sizeof(*in)) / sizeof(uint64_t))
				break;
			r = take_event(s, in, in->ips);
		}
		at += head->size;
	}
	return r;
}

static int take_all(struct sampling *s, const void *data, size_t size)
{
	int64_t frame;
	int r;

	s->views = calloc(s->a->n_runs + 1, sizeof(*s->views));
	s->profile = profile_new();
	if (!s->views || !s->profile)
		return -ENOMEM;
	frame = profile_add_frame(s->profile, "[kernel]", "[kernel]", NULL, 0);
	if (frame < 0)
		return (int)frame;
	s->kernel_frame = (uint32_t)frame;
	s->profile->frequency_hz = s->a->outcome.analyzer.frequency_hz;
	s->profile->lost[PROFILE_ON_CPU] = s->a->outcome.analyzer.counters.lost;
	strbuf_putc(&s->log, '[');
	r = take_records(s, data, size);
	strbuf_putc(&s->log, ']');
	return r;
}

static void hand_out(struct sampling *s)
{
	struct analyzer_counters *counters = &s->a->outcome.analyzer.counters;
	struct record *rec = s->a->record;

	counters->samples = s->profile->n_samples;
	counters->complete = s->profile->complete;
	counters->truncated = s->profile->truncated;
	memcpy(counters->results, s->n_results, sizeof(counters->results));
	rec->n_samples = s->profile->n_samples;
	rec->profile = TAKE_PTR(s->profile);
	if (s->n_events)
		rec->log = strbuf_take(&s->log, NULL);
}

int assemble_samples(struct assembly *a, struct trace_tree *tree, uint32_t run_root, size_t representative)
{
	struct sampling s = {
		.a = a,
		.tree = tree,
		.run_root = run_root,
		.representative = representative,
		.run = NO_RUN,
	};
	struct stat st;
	void *data;
	int r, seals = fcntl(a->samples_fd, F_GET_SEALS);

	/* What could still shrink or change under our eyes is not read. */
	if (seals < 0 || (seals & (F_SEAL_WRITE | F_SEAL_SHRINK)) != (F_SEAL_WRITE | F_SEAL_SHRINK) ||
	    fstat(a->samples_fd, &st) < 0 || st.st_size <= 0 || st.st_size > ANALYZER_HANDOVER_MAX_BYTES)
		return 0;
	data = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_SHARED, a->samples_fd, 0);
	if (data == MAP_FAILED)
		return -errno;
	r = take_all(&s, data, (size_t)st.st_size);
	munmap(data, (size_t)st.st_size);
	if (r >= 0)
		hand_out(&s);
	for (size_t i = 0; s.views && i < a->n_runs; i++) {
		trace_tree_free(s.views[i].tree);
		free(s.views[i].to_shown);
	}
	free(s.views);
	profile_free(s.profile);
	free(s.cache.cells);
	strbuf_done(&s.log);
	return r;
}
