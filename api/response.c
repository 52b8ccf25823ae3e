/* SPDX-License-Identifier: Apache-2.0 */
/* Writes the answer of POST /v1/compile: as JSON, as JSON without the big parts, and diagnostics as text. Everything that
 * came from a worker or a source is quoted here. Runs in the front. */
#include "api/response.h"

#include <inttypes.h>
#include <nettle/sha2.h>
#include <string.h>

#include "api/base64.h"
#include "api/json_check.h"
#include "api/text_position.h"

void compile_outcome_done(struct compile_outcome *o)
{
	spvscope_result_done(&o->result);
	*o = (struct compile_outcome){ 0 };
}

/* `, "key": ` before every value but the first of its object, which writes its own. */
static void key(struct strbuf *out, const char *name)
{
	strbuf_printf(out, ", \"%s\": ", name);
}

static void string_or_null(struct strbuf *out, const char *s)
{
	if (s && s[0])
		strbuf_json_string(out, s, strlen(s));
	else
		strbuf_puts(out, "null");
}

static void string(struct strbuf *out, const char *s)
{
	strbuf_json_string(out, s ? s : "", s ? strlen(s) : 0);
}

static void number(struct strbuf *out, const char *name, uint64_t value)
{
	strbuf_printf(out, ", \"%s\": %" PRIu64, name, value);
}

static void number_or_null(struct strbuf *out, const char *name, bool is_known, uint64_t value)
{
	if (is_known) {
		number(out, name, value);
		return;
	}
	key(out, name);
	strbuf_puts(out, "null");
}

/* The text that a diagnostic's line and columns are about: the source, or the file of that name. */
static const struct spvscope_file *text_of(const struct spvscope_job *job, const char *file)
{
	if (!file || (job->source.name && strcmp(file, job->source.name) == 0))
		return &job->source;
	for (size_t i = 0; i < job->n_files; i++)
		if (strcmp(job->files[i].name, file) == 0)
			return &job->files[i];
	return NULL;
}

/* Both columns 0: the whole line. */
static void range(struct strbuf *out, const struct compile_request *request, const char *file, uint32_t line, uint32_t from,
	uint32_t to, struct text_cursor *cursor)
{
	const struct spvscope_file *text = text_of(&request->job, file);

	if (text && text_cursor_line(cursor, (const char *)text->data, text->size, line)) {
		if (from == 0 && to == 0)
			to = (uint32_t)cursor->line_len;
		from = text_cursor_column(cursor, from, request->position_encoding);
		to = text_cursor_column(cursor, to, request->position_encoding);
	}
	if (to < from)
		to = from;
	line -= line > 0;
	strbuf_printf(out,
		"{\"start\": {\"line\": %" PRIu32 ", \"character\": %" PRIu32 "}, \"end\": {\"line\": %" PRIu32
		", \"character\": %" PRIu32 "}}",
		line, from, line, to);
}

/* Of source read to place the diagnostics of one answer, on the loop's thread: some 100 ms at most. */
#define POSITION_BUDGET_BYTES (64u << 20)

static void related_information(const struct compile_outcome *o, const struct spvscope_diagnostic *d,
	struct text_cursor *cursor, struct strbuf *out)
{
	key(out, "relatedInformation");
	strbuf_putc(out, '[');
	for (size_t i = 0; i < d->n_related; i++) {
		const struct spvscope_related *r = &d->related[i];

		strbuf_puts(out, i ? ", {\"location\": {\"file\": " : "{\"location\": {\"file\": ");
		string_or_null(out, r->file ? r->file : o->request->job.source.name);
		key(out, "range");
		range(out, o->request, r->file, r->line, r->column_begin, r->column_end, cursor);
		strbuf_putc(out, '}');
		key(out, "message");
		string(out, r->message);
		strbuf_putc(out, '}');
	}
	strbuf_putc(out, ']');
}

static void diagnostics(const struct compile_outcome *o, struct strbuf *out)
{
	struct text_cursor cursor = { .budget_bytes = POSITION_BUDGET_BYTES };
	/* One of their own: they are in other files, and must not cost the diagnostics their places. */
	struct text_cursor related_cursor = { .budget_bytes = POSITION_BUDGET_BYTES / 4 };

	key(out, "diagnostics");
	strbuf_putc(out, '[');
	for (size_t i = 0; i < o->result.n_diagnostics; i++) {
		const struct spvscope_diagnostic *d = &o->result.diagnostics[i];

		strbuf_puts(out, i ? ", {\"range\": " : "{\"range\": ");
		range(out, o->request, d->file, d->line, d->column_begin, d->column_end, &cursor);
		number(out, "severity", d->severity);
		key(out, "code");
		string_or_null(out, d->code);
		key(out, "source");
		string(out, d->source);
		key(out, "message");
		string(out, d->message);
		key(out, "file");
		string_or_null(out, d->file ? d->file : o->request->job.source.name);
		related_information(o, d, &related_cursor, out);
		strbuf_putc(out, '}');
	}
	strbuf_putc(out, ']');
	if (o->result.diagnostics_cut)
		strbuf_puts(out, ", \"diagnostics_cut\": true");
}

static void spirv(const struct compile_outcome *o, bool with_bytes, struct strbuf *out)
{
	size_t size = o->result.n_spirv_words * sizeof(uint32_t);
	uint8_t digest[SHA256_DIGEST_SIZE];
	struct sha256_ctx ctx;

	if (!size || !(o->request->job.emit & SPVSCOPE_EMIT_SPIRV))
		return;
	sha256_init(&ctx);
	sha256_update(&ctx, size, (const uint8_t *)o->result.spirv);
	sha256_digest(&ctx, sizeof digest, digest);
	key(out, "spirv");
	strbuf_putc(out, '{');
	if (with_bytes) {
		strbuf_puts(out, "\"base64\": \"");
		base64_encode(o->result.spirv, size, out);
		strbuf_puts(out, "\", ");
	}
	strbuf_printf(out, "\"size_bytes\": %zu, \"sha256\": \"", size);
	for (size_t i = 0; i < sizeof digest; i++)
		strbuf_printf(out, "%02x", digest[i]);
	strbuf_puts(out, "\"}");
}

static void products(const struct compile_outcome *o, bool with_bytes, struct strbuf *out)
{
	uint32_t emit = o->request->job.emit;

	spirv(o, with_bytes, out);
	if (with_bytes && o->result.disassembly && (emit & SPVSCOPE_EMIT_DISASSEMBLY)) {
		key(out, "disassembly");
		string(out, o->result.disassembly);
	}
	if (o->result.preprocessed && (emit & SPVSCOPE_EMIT_PREPROCESSED)) {
		key(out, "preprocessed");
		string(out, o->result.preprocessed);
	}
	for (unsigned i = 0; i < SPVSCOPE_N_PRODUCTS; i++) {
		enum spvscope_product p = (enum spvscope_product)i;
		const char *text = o->result.products[p];

		if (!text || !(emit & spvscope_product_bit(p)))
			continue;
		key(out, spvscope_product_name(p));
		if (!spvscope_product_is_json(p))
			string(out, text);
		else if (json_is_whole(text, strlen(text)))
			strbuf_puts(out, text);
		else
			strbuf_puts(out, "null");
	}
	if (emit & SPVSCOPE_EMIT_DEPENDENCIES) {
		key(out, "dependencies");
		strbuf_putc(out, '[');
		for (size_t i = 0; i < o->result.n_dependencies; i++) {
			if (i)
				strbuf_puts(out, ", ");
			string(out, o->result.dependencies[i]);
		}
		strbuf_putc(out, ']');
	}
}

static const char *kind_name(enum analyzer_kind kind)
{
	return kind == ANALYZER_RELEASE ? "release" : kind == ANALYZER_DEBUG ? "debug" : "off";
}

/* Why stacks are not whole; only the reasons that there were. */
static void truncated_by(const struct analyzer_counters *c, struct strbuf *out)
{
	static const char *const words[ANALYZER_N_RESULTS] = {
		[ANALYZER_RESULT_TRUNCATED] = "frame_pointers", [ANALYZER_RESULT_TOO_DEEP] = "too_deep",
		[ANALYZER_RESULT_BAD_READ] = "bad_read", [ANALYZER_RESULT_NO_MAPPING] = "no_mapping",
		[ANALYZER_RESULT_NO_ROW] = "no_row", [ANALYZER_RESULT_UNSUPPORTED] = "unsupported",
		[ANALYZER_RESULT_ANONYMOUS] = "anonymous_code", [ANALYZER_RESULT_BROKEN] = "broken",
		[ANALYZER_RESULT_NO_TABLE] = "no_table", [ANALYZER_RESULT_LOCKED] = "locked",
	};
	const char *before = "";

	key(out, "truncated_by");
	strbuf_putc(out, '{');
	for (size_t i = 0; i < ANALYZER_N_RESULTS; i++) {
		if (!words[i] || !c->results[i])
			continue;
		strbuf_printf(out, "%s\"%s\": %" PRIu64, before, words[i], c->results[i]);
		before = ", ";
	}
	strbuf_putc(out, '}');
}

/* Which spans the samples got, and how that was found out. */
static void joins(const struct span_joins *j, bool attached, struct strbuf *out)
{
	key(out, "spans");
	if (!attached) {
		strbuf_puts(out, "null");
		return;
	}
	strbuf_printf(out,
		"{\"by_id\": %" PRIu64 ", \"by_time\": %" PRIu64 ", \"unreadable\": %" PRIu64 ", \"at_change\": %" PRIu64
		", \"disagreeing\": %" PRIu64 "}",
		j->by_id, j->by_time, j->unreadable, j->at_change, j->disagreeing);
}

static void analyzer(const struct compile_outcome *o, struct strbuf *out)
{
	static const char *const states[] = {
		[ANALYZER_STATE_OFF] = "off", [ANALYZER_STATE_ATTACHED] = "attached",
		[ANALYZER_STATE_UNAVAILABLE] = "unavailable", [ANALYZER_STATE_LOST] = "lost",
	};
	const struct analyzer_counters *c = &o->analyzer.counters;
	bool attached = o->analyzer.state == ANALYZER_STATE_ATTACHED || o->analyzer.state == ANALYZER_STATE_LOST;

	key(out, "analyzer");
	strbuf_printf(out, "{\"kind\": \"%s\", \"state\": \"%s\"", kind_name(o->analyzer.kind), states[o->analyzer.state]);
	key(out, "reason");
	string_or_null(out, o->analyzer.reason);
	key(out, "object");
	string_or_null(out, o->analyzer.object != ANALYZER_OFF ? kind_name(o->analyzer.object) : NULL);
	strbuf_printf(out, ", \"runs\": {\"profiled\": %" PRIu32 ", \"clean\": %" PRIu32 "}", o->analyzer.n_profiled_runs,
		o->analyzer.n_clean_runs);
	number(out, "samples", c->samples);
	number(out, "complete", c->complete);
	number(out, "truncated", c->truncated);
	number(out, "lost", c->lost);
	truncated_by(c, out);
	number_or_null(out, "expected", attached, c->expected);
	joins(&o->analyzer.joins, attached, out);
	number_or_null(out, "events", attached, c->events);
	number_or_null(out, "lost_events", attached, c->lost_events);
	number_or_null(out, "on_cpu_ns", attached, c->on_cpu_ns);
	number_or_null(out, "runnable_ns", attached, c->runnable_ns);
	number_or_null(out, "blocked_ns", attached, c->blocked_ns);
	number_or_null(out, "stolen_ns", attached, c->stolen_ns);
	number_or_null(out, "intervals", attached, c->intervals);
	number_or_null(out, "lost_intervals", attached, c->lost_intervals);
	number_or_null(out, "lost_stacks", attached, c->lost_stacks);
	number_or_null(out, "unseen_switches", attached, c->unseen_switches);
	number_or_null(out, "forks", attached, c->forks);
	number_or_null(out, "lost_forks", attached, c->lost_forks);
	number_or_null(out, "debug_overlap_ns", attached, c->debug_overlap_ns);
	number_or_null(out, "frequency_hz", attached, o->analyzer.frequency_hz);
	number_or_null(out, "attach_ns", attached, o->analyzer.attach_ns);
	number_or_null(out, "detach_ns", attached, o->analyzer.detach_ns);
	key(out, "slowdown");
	if (attached && o->analyzer.slowdown > 0)
		strbuf_printf(out, "%.3f", o->analyzer.slowdown);
	else
		strbuf_puts(out, "null");
	strbuf_putc(out, '}');
}

static void failure(const struct compile_outcome *o, struct strbuf *out)
{
	key(out, "failure");
	if (!o->failure.is_set) {
		strbuf_puts(out, "null");
		return;
	}
	strbuf_puts(out, "{\"stage\": ");
	string_or_null(out, o->failure.stage);
	key(out, "span");
	string_or_null(out, o->failure.span);
	key(out, "signal");
	string_or_null(out, o->failure.signal);
	key(out, "message");
	string(out, o->failure.message);
	key(out, "stack");
	strbuf_puts(out, o->failure.stack ? o->failure.stack : "null");
	key(out, "stack_kind");
	string_or_null(out, !o->failure.stack ? NULL : o->failure.stack_is_exact ? "exact" : "last-sample");
	key(out, "stack_complete");
	strbuf_puts(out, !o->failure.stack ? "null" : o->failure.stack_is_whole ? "true" : "false");
	key(out, "stack_reason");
	string_or_null(out, o->failure.stack ? NULL : o->analyzer.kind == ANALYZER_OFF ?
		"no analyzer was attached; ask again with \"analyzer\": {\"kind\": \"release\"}" :
		"the analyzer took no sample of this run");
	key(out, "export");
	if (o->kept || o->traced)
		strbuf_printf(out, "\"/v1/failures/%s\"", o->cached_from.id[0] ? o->cached_from.id : o->id);
	else
		strbuf_puts(out, "null");
	strbuf_putc(out, '}');
}

const char *compile_cache_name(enum compile_cache c)
{
	static const char *const names[COMPILE_N_CACHES] = {
		[COMPILE_CACHE_BYPASS] = "bypass", [COMPILE_CACHE_MISS] = "miss",
		[COMPILE_CACHE_HIT] = "hit", [COMPILE_CACHE_SHARED] = "shared",
	};

	return names[c];
}

/* Written for each hit, so without printf. */
static void plain_number(struct strbuf *out, uint64_t value)
{
	char digits[20];
	size_t at = sizeof digits;

	do
		digits[--at] = (char)('0' + value % 10);
	while (value /= 10);
	strbuf_append(out, digits + at, sizeof digits - at);
}

static void id_member(struct strbuf *out, const char *before, const char *id)
{
	strbuf_puts(out, before);
	strbuf_append(out, id, COMPILE_ID_CHARS);
}

/* No text of a stranger is in here: response_json_find_result relies on that. */
void response_json_identity(const struct response_identity *i, struct strbuf *out)
{
	id_member(out, "{\"id\": \"", i->id);
	strbuf_puts(out, "\", \"cache\": \"");
	strbuf_puts(out, compile_cache_name(i->cache));
	if (i->from_id) {
		id_member(out, "\", \"cached_from\": {\"id\": \"", i->from_id);
		if (i->from_trace_id)
			id_member(out, "\", \"trace_id\": \"", i->from_trace_id);
		strbuf_puts(out, i->from_trace_id ? "\", \"started_unix_ns\": " : "\", \"trace_id\": null, \"started_unix_ns\": ");
		plain_number(out, i->from_started_unix_ns);
		strbuf_puts(out, i->kept ? "}, \"kept\": true" : "}, \"kept\": false");
	} else {
		strbuf_puts(out, i->kept ? "\", \"cached_from\": null, \"kept\": true" : "\", \"cached_from\": null, \"kept\": false");
	}
	strbuf_puts(out, ", \"duration_ns\": ");
	plain_number(out, i->duration_ns);
	if (!i->trace_id) {
		strbuf_puts(out, ", \"trace\": null, ");
		return;
	}
	id_member(out, ", \"trace\": {\"id\": \"", i->trace_id);
	id_member(out, "\", \"url\": \"/v1/traces/", i->trace_id);
	id_member(out, "\", \"viewer_url\": \"/#trace=", i->trace_id);
	strbuf_puts(out, "\", \"spans\": ");
	plain_number(out, i->n_spans);
	strbuf_puts(out, ", \"dropped\": ");
	plain_number(out, i->n_dropped);
	strbuf_puts(out, "}, ");
}

void response_json_identity_of(const struct compile_outcome *o, struct strbuf *out)
{
	bool is_copy = o->cache == COMPILE_CACHE_HIT || o->cache == COMPILE_CACHE_SHARED;

	response_json_identity(&(struct response_identity){
		.id = o->id,
		.trace_id = o->traced ? o->trace_id : NULL,
		.cache = o->cache,
		.from_id = is_copy ? o->cached_from.id : NULL,
		.from_trace_id = o->cached_from.trace_id[0] ? o->cached_from.trace_id : NULL,
		.from_started_unix_ns = o->cached_from.started_unix_ns,
		.kept = o->kept,
		.duration_ns = o->duration_ns,
		.n_spans = o->n_spans,
		.n_dropped = o->n_dropped,
	}, out);
}

void response_json_result(const struct compile_outcome *o, bool with_bytes, struct strbuf *out)
{
	const struct spvscope_job *job = &o->request->job;
	enum spvscope_language language = o->result.language ? o->result.language : job->language;
	enum spvscope_stage stage = o->result.stage ? o->result.stage : job->stage;

	strbuf_printf(out, "\"status\": \"%s\"", spvscope_status_name(o->result.status));
	key(out, "name");
	string_or_null(out, job->source.name);
	key(out, "language");
	string_or_null(out, language ? spvscope_language_name(language) : NULL);
	key(out, "stage");
	string_or_null(out, stage ? spvscope_stage_name(stage) : NULL);
	diagnostics(o, out);
	products(o, with_bytes, out);
	analyzer(o, out);
	failure(o, out);
	strbuf_puts(out, "}\n");
}

const char *response_json_find_result(const char *json)
{
	return strstr(json, "\"status\": \"");
}

static void write_json(const struct compile_outcome *o, bool with_bytes, struct strbuf *out)
{
	response_json_identity_of(o, out);
	response_json_result(o, with_bytes, out);
}

void response_json(const struct compile_outcome *o, struct strbuf *out)
{
	write_json(o, true, out);
}

void response_json_without_bytes(const struct compile_outcome *o, struct strbuf *out)
{
	write_json(o, false, out);
}

/* One line, whatever the text holds: control characters become spaces. */
static void one_line(struct strbuf *out, const char *s)
{
	for (; *s; s++)
		strbuf_putc(out, (unsigned char)*s < 0x20 || *s == 0x7f ? ' ' : *s);
}

static void text_line_of(const char *file, uint32_t line, uint32_t begin, uint32_t end, const char *word, const char *message,
	struct strbuf *out)
{
	one_line(out, file);
	if (line) {
		strbuf_printf(out, ":%" PRIu32, line);
		if (begin || end)
			strbuf_printf(out, ":%" PRIu32, begin + 1);
	}
	strbuf_printf(out, ": %s: ", word);
	one_line(out, message ? message : "");
	strbuf_putc(out, '\n');
}

static void text_diagnostic(const struct spvscope_diagnostic *d, const char *name, struct strbuf *out)
{
	static const char *const words[] = { "error", "error", "warning", "note", "note" };

	text_line_of(d->file ? d->file : name, d->line, d->column_begin, d->column_end,
		words[(unsigned)d->severity <= 4 ? d->severity : 0], d->message, out);
	for (size_t i = 0; i < d->n_related; i++) {
		const struct spvscope_related *r = &d->related[i];

		text_line_of(r->file ? r->file : name, r->line, r->column_begin, r->column_end, "note", r->message, out);
	}
}

void response_text_diagnostics(const struct compile_outcome *o, struct strbuf *out)
{
	static const char *const verdicts[SPVSCOPE_N_STATUSES] = {
		[SPVSCOPE_STATUS_CRASHED] = "the compiler crashed",
		[SPVSCOPE_STATUS_TIMED_OUT] = "the compile took longer than limits.wall_ms",
		[SPVSCOPE_STATUS_OUT_OF_MEMORY] = "the compile needed more than limits.memory_bytes",
		[SPVSCOPE_STATUS_CANCELLED] = "the compile was cancelled",
	};
	const char *name = o->request->job.source.name ? o->request->job.source.name : "<source>";

	for (size_t i = 0; i < o->result.n_diagnostics; i++)
		text_diagnostic(&o->result.diagnostics[i], name, out);
	if (o->result.diagnostics_cut)
		strbuf_printf(out, "%s: note: more diagnostics were left out\n", name);
	if (o->result.status >= SPVSCOPE_N_STATUSES || !verdicts[o->result.status])
		return;
	one_line(out, name);
	strbuf_printf(out, ": error: %s: %s", spvscope_status_name(o->result.status), verdicts[o->result.status]);
	if (o->failure.is_set) {
		strbuf_printf(out, " in %s", o->failure.stage[0] ? o->failure.stage : "worker");
		if (o->failure.signal[0])
			strbuf_printf(out, " (%s)", o->failure.signal);
	}
	strbuf_putc(out, '\n');
}
