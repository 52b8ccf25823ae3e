/* SPDX-License-Identifier: Apache-2.0 */
/* The span tree of one request: what the front measured, and inside it the spans of the run that stands for all. Every
 * span log is hostile; nothing else is. Runs on the assembler's thread, or on the loop's when that one is far behind. */
#include "server/compile/assemble.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "codegen/trace/span_log.h"

#define SIZES_SPAN      "codegen::opt-sizes"
#define SIZES_PREFIX    "ir."
#define CLEAN_MAX_CELLS (4u << 20) /* spans times clean runs whose durations are compared: 32 MiB of numbers */

void assembly_drop_samples(struct assembly *a)
{
	free((void *)a->samples.data);
	fd_close(a->samples.fd);
	a->samples = (struct analyzer_handover){.fd = -1};
}

void assembly_done(struct assembly *a)
{
	compile_outcome_done(&a->outcome);
	compile_request_done(&a->request);
	for (size_t i = 0; i < a->n_runs; i++)
		free(a->runs[i].log);
	free(a->runs);
	a->runs = NULL;
	a->n_runs = a->runs_capacity = 0;
	assembly_drop_samples(a);
	image_unref(TAKE_PTR(a->image));
	record_unref(TAKE_PTR(a->record));
}

static int by_value(const void *x, const void *y)
{
	uint64_t a = *(const uint64_t *)x, b = *(const uint64_t *)y;

	return (a > b) - (a < b);
}

static uint64_t run_ns(const struct assembly_run *r)
{
	return r->end_ns - r->start_ns;
}

/* Neither profiled nor longer than its compile. */
static bool is_clean(const struct assembly_run *r)
{
	return !r->profiled && !r->set_apart;
}

static uint64_t median_run_ns(const struct assembly *a, bool profiled)
{
	uint64_t *all = calloc(a->n_runs + 1, sizeof(*all)), median = 0;
	size_t n = 0;

	if (!all)
		return 0;
	for (size_t i = 0; i < a->n_runs; i++)
		if (profiled ? a->runs[i].profiled : is_clean(&a->runs[i]))
			all[n++] = run_ns(&a->runs[i]);
	qsort(all, n, sizeof(*all), by_value);
	if (n)
		median = all[n / 2];
	free(all);
	return median;
}

/* The run whose spans are shown: of several clean ones, which the profiler did not disturb, the median. */
static size_t representative_run(const struct assembly *a)
{
	uint64_t median_ns;

	if (a->n_runs < 2)
		return 0;
	median_ns = median_run_ns(a, false);
	for (size_t i = 0; i < a->n_runs; i++)
		if (is_clean(&a->runs[i]) && a->runs[i].log && run_ns(&a->runs[i]) == median_ns)
			return i;
	return 0;
}

/* The front's own spans, in the order of their beginning. Whether they are there depends on what the request needed. */
enum own_span { OWN_CACHE, OWN_QUEUE, OWN_FORK, OWN_ATTACH, OWN_REPEAT, OWN_DETACH, N_OWN_SPANS };

static const char *const own_span_names[N_OWN_SPANS] = {
	[OWN_CACHE] = "server::cache",
	[OWN_QUEUE] = "server::queue",
	[OWN_FORK] = "worker::fork",
	[OWN_ATTACH] = "analyzer::attach",
	[OWN_REPEAT] = "server::repeat",
	[OWN_DETACH] = "analyzer::detach",
};

struct interval {
	uint64_t from_ns, to_ns;
};

static bool own_interval(const struct assembly *a, enum own_span which, struct interval *ret)
{
	const struct assembly_run *last = a->n_runs ? &a->runs[a->n_runs - 1] : NULL;

	switch (which) {
	case OWN_CACHE:
		*ret = (struct interval){a->received_ns, a->cache_looked_ns};
		return a->cache_looked_ns;
	case OWN_QUEUE:
		*ret = (struct interval){a->cache_looked_ns ? a->cache_looked_ns : a->received_ns, a->fork_ns ? a->fork_ns : a->dispatched_ns};
		return true;
	case OWN_FORK:
		*ret = (struct interval){a->fork_ns, a->ready_ns};
		return a->fork_ns;
	case OWN_ATTACH:
		*ret = (struct interval){a->attach_ns, a->attached_ns};
		return a->attach_ns;
	case OWN_REPEAT:
		if (a->n_runs > 1)
			*ret = (struct interval){a->runs[0].sent_ns, last->received_ns};
		return a->n_runs > 1;
	case OWN_DETACH:
		*ret = (struct interval){a->detach_ns, a->detached_ns};
		return a->detach_ns;
	default:
		return false;
	}
}

/* BEGIN and ADDED records of a log, as far as it makes sense. */
static uint64_t count_logged_spans(const uint8_t *log, size_t size)
{
	uint64_t n = 0;
	struct span_log_record r;

	for (size_t at = sizeof(struct span_log_header); size >= at + sizeof(r); at += r.size) {
		memcpy(&r, log + at, sizeof(r));
		if (r.size < sizeof(r) || r.size % 8 || r.size > size - at)
			break;
		n += r.type == SPAN_LOG_BEGIN || r.type == SPAN_LOG_ADDED;
	}
	return n;
}

uint64_t assembly_count_spans(const struct assembly *a, uint64_t *ret_dropped)
{
	const struct assembly_run *run = a->n_runs ? &a->runs[representative_run(a)] : NULL;
	uint64_t n = 1; /* the root */
	struct interval unused;

	*ret_dropped = 0;
	for (int i = 0; i < N_OWN_SPANS; i++)
		n += own_interval(a, i, &unused);
	if (run && run->log && run->log_size >= sizeof(struct span_log_header)) {
		const struct span_log_header *h = run->log;

		if (h->run_id == run->run_id) {
			n += count_logged_spans(run->log, run->log_size);
			*ret_dropped = h->dropped;
		}
	}
	return n;
}

/* NULL when there is nothing to read. */
static struct trace_tree *read_run(const struct assembly_run *run)
{
	struct trace_tree *t;

	if (!run->log || trace_tree_read(run->log, run->log_size, run->run_id, run->received_ns, &t) < 0)
		return NULL;
	return t;
}

/* Brings an interval between lo and hi, keeping it one. */
static void clamp(uint64_t lo, uint64_t hi, uint64_t *from_ns, uint64_t *to_ns)
{
	*from_ns = *from_ns < lo ? lo : *from_ns > hi ? hi : *from_ns;
	*to_ns = *to_ns < *from_ns ? *from_ns : *to_ns > hi ? hi : *to_ns;
}

/* The worker wrote these times: each span is brought inside its parent, and the topmost inside the run. */
static void confine_run(struct trace_tree *t, uint32_t first, const struct assembly_run *run)
{
	for (size_t i = first; i < t->n_spans; i++) {
		struct trace_span *s = &t->spans[i];
		const struct trace_span *parent = s->parent_idx != TRACE_NO_SPAN && s->parent_idx >= first
			? &t->spans[s->parent_idx] : NULL;
		uint64_t lo = parent ? parent->start_ns : run->sent_ns;
		uint64_t hi = parent ? parent->start_ns + parent->duration_ns : run->received_ns;
		uint64_t end_ns = s->duration_ns > UINT64_MAX - s->start_ns ? UINT64_MAX : s->start_ns + s->duration_ns;

		clamp(lo, hi, &s->start_ns, &end_ns);
		s->duration_ns = end_ns - s->start_ns;
		s->pid = s->tid = (uint32_t)run->pid; /* as the kernel says; a worker has one thread */
	}
}

static int64_t add_own(struct trace_tree *t, const char *name, uint64_t from_ns, uint64_t to_ns)
{
	int64_t idx = trace_tree_add(t, t->n_spans ? 0 : TRACE_NO_SPAN, SPVSCOPE_LEVEL_INFO, name, from_ns,
		to_ns - from_ns);

	if (idx >= 0)
		t->spans[idx].pid = t->spans[idx].tid = (uint32_t)getpid();
	return idx;
}

static int describe_root(const struct assembly *a, struct trace_tree *t)
{
	const struct spvscope_job *job = &a->request.job;
	const struct spvscope_result *result = &a->outcome.result;
	int r = 0;

	if (job->source.name)
		r = trace_tree_attr_str(t, 0, "name", job->source.name);
	if (r >= 0)
		r = trace_tree_attr_str(t, 0, "language", spvscope_language_name(job->language));
	if (r >= 0 && job->stage)
		r = trace_tree_attr_str(t, 0, "stage", spvscope_stage_name(job->stage));
	if (r >= 0)
		r = trace_tree_attr_str(t, 0, "status", spvscope_status_name(result->status));
	if (r >= 0)
		r = trace_tree_attr_u64(t, 0, "source_bytes", job->source.size);
	if (r >= 0 && result->n_spirv_words)
		r = trace_tree_attr_u64(t, 0, "spirv_bytes", result->n_spirv_words * sizeof(uint32_t));
	if (r >= 0)
		r = trace_tree_attr_u64(t, 0, "worker_runs_before", a->worker_runs);
	return r;
}

static int describe_repeat(const struct assembly *a, struct trace_tree *t, uint32_t idx)
{
	int r = trace_tree_attr_u64(t, idx, "profiled", a->outcome.analyzer.n_profiled_runs);

	return r < 0 ? r : trace_tree_attr_u64(t, idx, "clean", a->outcome.analyzer.n_clean_runs);
}

/* Root, own spans, and the representative run's spans below `server::repeat` or the root. *ret_run_root is the first of
 * these, TRACE_NO_SPAN when there are none. */
static int build_tree(const struct assembly *a, const struct trace_tree *run_tree, size_t representative,
	struct trace_tree *t, uint32_t *ret_run_root)
{
	uint64_t cursor = a->received_ns, end_ns = a->finished_ns;
	int64_t idx = add_own(t, "server::request", a->received_ns, end_ns);
	int r = idx < 0 ? (int)idx : describe_root(a, t);

	*ret_run_root = TRACE_NO_SPAN;
	for (int i = 0; i < N_OWN_SPANS && r >= 0; i++) {
		uint32_t parent = 0;
		struct interval at;

		if (own_interval(a, i, &at)) {
			clamp(cursor, end_ns, &at.from_ns, &at.to_ns);
			cursor = at.to_ns;
			idx = add_own(t, own_span_names[i], at.from_ns, at.to_ns);
			if (idx < 0)
				return (int)idx;
			if (i == OWN_CACHE)
				r = trace_tree_attr_str(t, (uint32_t)idx, "result", "miss");
			parent = i == OWN_REPEAT ? (uint32_t)idx : 0;
		}
		if (i != OWN_REPEAT)
			continue;
		if (parent)
			r = describe_repeat(a, t, parent);
		if (r >= 0 && run_tree && run_tree->n_spans) {
			r = trace_tree_graft(t, parent, run_tree, ret_run_root);
			if (r >= 0)
				confine_run(t, *ret_run_root, &a->runs[representative]);
			if (!parent && a->n_runs && cursor < a->runs[0].received_ns)
				cursor = a->runs[0].received_ns;
		}
	}
	return r;
}

/* How long each span of the shown run took in every clean one. */
static int compare_clean_runs(const struct assembly *a, struct trace_tree *t, uint32_t run_root,
	const struct trace_tree *shown)
{
	size_t n_spans = shown->n_spans, n_clean = 0, max_runs = n_spans ? CLEAN_MAX_CELLS / n_spans : 0;
	_cleanup_free_ uint64_t *ns = NULL;
	_cleanup_free_ uint32_t *n_seen = calloc(n_spans + 1, sizeof(*n_seen));
	_cleanup_free_ uint32_t *map = calloc(n_spans + 1, sizeof(*map));

	for (size_t i = 0; i < a->n_runs; i++)
		n_clean += is_clean(&a->runs[i]) && a->runs[i].log;
	if (n_clean > max_runs)
		n_clean = max_runs;
	if (!n_clean)
		return 0;
	ns = calloc(n_spans * n_clean, sizeof(*ns));
	if (!ns || !n_seen || !map)
		return -ENOMEM;
	for (size_t i = 0, used = 0; i < a->n_runs && used < n_clean; i++) {
		struct trace_tree *run_tree = is_clean(&a->runs[i]) ? read_run(&a->runs[i]) : NULL;

		if (!run_tree)
			continue;
		used++;
		if (trace_tree_match(shown, run_tree, map) == 0)
			for (size_t s = 0; s < n_spans; s++) {
				/* A span that is missing there is matched with an ancestor, which has another name. */
				if (map[s] == TRACE_NO_SPAN ||
				    strcmp(shown->spans[s].name, run_tree->spans[map[s]].name) != 0)
					continue;
				ns[s * n_clean + n_seen[s]++] = run_tree->spans[map[s]].duration_ns;
			}
		trace_tree_free(run_tree);
	}
	for (size_t s = 0; s < n_spans; s++) {
		uint64_t *all = ns + s * n_clean;

		if (!n_seen[s])
			continue;
		qsort(all, n_seen[s], sizeof(*all), by_value);
		t->spans[run_root + s].clean = (struct trace_clean){
			.n_runs = n_seen[s],
			.min_ns = all[0],
			.median_ns = all[n_seen[s] / 2],
			.max_ns = all[n_seen[s] - 1],
		};
	}
	return 0;
}

/* ---- pass sizes ---- */

/* Of repeated runs one measured what the passes did to the module's size, which took it time behind its compile. It is
 * set apart, and its tree returned; where it is the only clean one, that time is taken from it. NULL: nothing to carry. */
static struct trace_tree *set_measuring_run_apart(struct assembly *a)
{
	struct assembly_run *run = NULL;
	struct trace_tree *t = NULL;
	bool has_others = false;

	for (size_t i = 0; a->n_runs > 1 && i < a->n_runs; i++) {
		if (a->runs[i].measures)
			run = &a->runs[i];
		else
			has_others |= !a->runs[i].profiled && a->runs[i].log;
	}
	if (run)
		t = read_run(run);
	for (size_t i = 0; t && i < t->n_spans; i++) {
		uint64_t ns = t->spans[i].duration_ns;

		if (strcmp(t->spans[i].name, SIZES_SPAN) != 0)
			continue;
		run->set_apart = has_others;
		if (has_others)
			return t;
		run->end_ns -= ns < run_ns(run) ? ns : run_ns(run);
		break;
	}
	trace_tree_free(t);
	return NULL;
}

static bool is_size(const struct trace_attr *attr)
{
	return strncmp(attr->key, SIZES_PREFIX, sizeof(SIZES_PREFIX) - 1) == 0;
}

/* Gives the shown run's spans, from run_root on, the sizes of the run that measured them, where they have none. */
static int carry_sizes(struct trace_tree *t, uint32_t run_root, const struct trace_tree *shown,
	const struct trace_tree *measured)
{
	_cleanup_free_ uint32_t *to_shown = calloc(measured->n_spans + 1, sizeof(*to_shown));
	_cleanup_free_ bool *has_sizes = calloc(shown->n_spans + 1, sizeof(*has_sizes));
	int r = to_shown && has_sizes ? trace_tree_match(measured, shown, to_shown) : -ENOMEM;

	for (size_t i = 0; r >= 0 && i < shown->n_attrs; i++)
		if (is_size(&shown->attrs[i]))
			has_sizes[shown->attrs[i].span_idx] = true;
	for (size_t i = 0; r >= 0 && i < measured->n_attrs; i++) {
		const struct trace_attr *attr = &measured->attrs[i];
		uint32_t s = to_shown[attr->span_idx];

		/* A span that is missing there is matched with an ancestor, which has another name. */
		if (!is_size(attr) || s == TRACE_NO_SPAN || has_sizes[s] ||
		    strcmp(measured->spans[attr->span_idx].name, shown->spans[s].name) != 0)
			continue;
		r = attr->text ? trace_tree_attr_str(t, run_root + s, attr->key, attr->text)
			       : trace_tree_attr_u64(t, run_root + s, attr->key, attr->value);
	}
	return r;
}

/* ---- the record ---- */

static char *copy_string(const char *s, bool *failed)
{
	char *copy = s ? strdup(s) : NULL;

	*failed |= s && !copy;
	return copy;
}

static void *copy_bytes(const void *data, size_t size, bool *failed)
{
	/* A NUL behind, so that sources can be read as strings too. */
	uint8_t *copy = malloc(size + 1);

	if (!copy) {
		*failed = true;
		return NULL;
	}
	if (size)
		memcpy(copy, data, size);
	copy[size] = '\0';
	return copy;
}

static int fill_record(struct assembly *a, struct record *rec)
{
	static const char *const kinds[] = {"off", "release", "debug"};
	const struct compile_outcome *o = &a->outcome;
	const struct spvscope_job *job = &a->request.job;
	bool failed = false;

	memcpy(rec->id, o->id, sizeof(rec->id));
	memcpy(rec->trace_id, o->trace_id, sizeof(rec->trace_id));
	rec->started_unix_ns = o->started_unix_ns;
	rec->duration_ns = o->duration_ns;
	rec->origin_ns = a->received_ns;
	rec->name = copy_string(job->source.name, &failed);
	rec->language = copy_string(spvscope_language_name(job->language), &failed);
	rec->stage = job->stage ? copy_string(spvscope_stage_name(job->stage), &failed) : NULL;
	rec->status = copy_string(spvscope_status_name(o->result.status), &failed);
	rec->analyzer = copy_string(kinds[a->request.analyzer.kind % ARRAY_SIZE(kinds)], &failed);
	rec->traceparent = copy_string(a->request.traceparent, &failed);
	rec->source = copy_bytes(job->source.data, job->source.size, &failed);
	rec->source_size = job->source.size;
	if (o->result.n_spirv_words) {
		rec->spirv_size = o->result.n_spirv_words * sizeof(uint32_t);
		rec->spirv = copy_bytes(o->result.spirv, rec->spirv_size, &failed);
	}
	rec->disassembly = copy_string(o->result.disassembly, &failed);
	return failed ? -ENOMEM : 0;
}

static int fill_request(struct assembly *a, struct record *rec)
{
	_cleanup_strbuf_ struct strbuf sb = {0};

	request_json(&a->request, REQUEST_WITHOUT_SOURCE, &sb);
	rec->request = strbuf_take(&sb, NULL);
	return rec->request ? 0 : -ENOMEM;
}

/* Last, since it tells the counts. Who reads the stored answer finds it on disk, so there it says "kept". */
static int fill_response(struct assembly *a, struct record *rec)
{
	_cleanup_strbuf_ struct strbuf sb = {0};

	a->outcome.kept = a->keep;
	response_json_without_bytes(&a->outcome, &sb);
	a->outcome.kept = false;
	rec->response = strbuf_take(&sb, NULL);
	return rec->response ? 0 : -ENOMEM;
}

static void tell_slowdown(struct assembly *a)
{
	uint64_t clean_ns = median_run_ns(a, false), profiled_ns = median_run_ns(a, true);

	if (a->n_runs > 1 && clean_ns && profiled_ns)
		a->outcome.analyzer.slowdown = (double)profiled_ns / (double)clean_ns;
}

static int make_record(struct assembly *a, const struct trace_tree *shown, size_t representative,
	const struct trace_tree *measured)
{
	struct record *rec = record_new();
	uint32_t run_root;
	int r;

	if (!rec)
		return -ENOMEM;
	a->record = rec;
	r = fill_record(a, rec);
	if (r >= 0)
		r = fill_request(a, rec);
	rec->tree = trace_tree_new();
	if (r < 0 || !rec->tree)
		return -ENOMEM;
	r = build_tree(a, shown, representative, rec->tree, &run_root);
	if (r >= 0 && run_root != TRACE_NO_SPAN && a->n_runs > 1)
		r = compare_clean_runs(a, rec->tree, run_root, shown);
	if (r >= 0 && run_root != TRACE_NO_SPAN && measured)
		r = carry_sizes(rec->tree, run_root, shown, measured);
	if (r >= 0 && (a->samples.len || a->samples.fd >= 0))
		r = assemble_samples(a, rec->tree, run_root, representative);
	if (r < 0)
		return r;
	assembly_tell_stack(a, rec);
	rec->n_spans = rec->tree->n_spans;
	a->outcome.n_spans = rec->tree->n_spans;
	a->outcome.n_dropped = rec->tree->dropped;
	return fill_response(a, rec);
}

int assembly_finish(struct assembly *a)
{
	struct trace_tree *measured = set_measuring_run_apart(a);
	size_t representative = representative_run(a);
	struct trace_tree *shown = a->n_runs ? read_run(&a->runs[representative]) : NULL;
	int r = 0;

	assembly_tell_failure(a, shown);
	tell_slowdown(a);
	if (a->wants_record)
		r = make_record(a, shown, representative, measured);
	if (r < 0) {
		a->outcome.failure.stack = NULL; /* the record's */
		record_unref(TAKE_PTR(a->record));
	}
	trace_tree_free(shown);
	trace_tree_free(measured);
	return r;
}
