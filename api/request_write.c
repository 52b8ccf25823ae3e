/* SPDX-License-Identifier: Apache-2.0 */
/* Encodes a compile request as the body that it came from, by the table of request_fields.c. Runs in the front, on the
 * thread that makes a record. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "api/base64.h"
#include "api/request_fields.h"
#include "base/cleanup.h"

static void leave_group(struct request_writer *w)
{
	if (w->group_len)
		strbuf_putc(w->out, '}');
	w->group_len = 0;
}

/* Key and colon of a field's member; groups ("target.env") open and end on the way. */
void request_writer_key(struct request_writer *w, const char *path)
{
	const char *dot = strchr(path, '.');
	size_t group_len = dot ? (size_t)(dot - path) : 0;
	bool is_in = group_len && group_len == w->group_len && strncmp(path, w->group, group_len) == 0;

	if (!is_in)
		leave_group(w);
	if (!w->is_first)
		strbuf_puts(w->out, ", ");
	w->is_first = false;
	if (group_len && !is_in) {
		strbuf_printf(w->out, "\"%.*s\": {", (int)group_len, path);
		w->group = path;
		w->group_len = group_len;
	}
	strbuf_printf(w->out, "\"%s\": ", dot ? dot + 1 : path);
}

static void string(struct request_writer *w, const char *s)
{
	strbuf_json_string(w->out, s, strlen(s));
}

static void write_number(const struct request_field *f, uint64_t value, uint64_t default_value, struct request_writer *w)
{
	if (value == default_value)
		return;
	request_writer_key(w, f->path);
	strbuf_printf(w->out, "%" PRIu64, value);
}

static void write_field(const struct compile_request *r, const struct compile_request *defaults,
	const struct request_field *f, struct request_writer *w)
{
	const void *value = (const char *)r + f->offset, *usual = (const char *)defaults + f->offset;

	switch (f->type) {
	case FIELD_TEXT:
		if (!*(char *const *)value)
			return;
		request_writer_key(w, f->path);
		string(w, *(char *const *)value);
		return;
	case FIELD_WORD:
		if (*(const unsigned *)value == *(const unsigned *)usual)
			return;
		request_writer_key(w, f->path);
		string(w, f->words->name(*(const unsigned *)value));
		return;
	case FIELD_BOOL:
		if (*(const bool *)value == *(const bool *)usual)
			return;
		request_writer_key(w, f->path);
		strbuf_puts(w->out, *(const bool *)value ? "true" : "false");
		return;
	case FIELD_FLAG:
		if (!(*(const uint64_t *)value & f->flag))
			return;
		request_writer_key(w, f->path);
		strbuf_puts(w->out, "true");
		return;
	case FIELD_NUMBER32:
		write_number(f, *(const uint32_t *)value, *(const uint32_t *)usual, w);
		return;
	case FIELD_NUMBER64:
		write_number(f, *(const uint64_t *)value, *(const uint64_t *)usual, w);
		return;
	case FIELD_CUSTOM:
		if (f->write)
			f->write(r, f, w);
		return;
	}
}

bool request_field_is_default(const struct compile_request *r, const struct compile_request *defaults,
	const struct request_field *f)
{
	_cleanup_strbuf_ struct strbuf out = { 0 };
	struct request_writer w = { .out = &out, .is_first = true };

	if (f->type == FIELD_FLAG)
		return !(*(const uint64_t *)(const void *)((const char *)r + f->offset) & f->flag);
	if (f->path)
		write_field(r, defaults, f, &w);
	return out.len == 0 && !out.failed;
}

static void write_source(const struct spvscope_file *source, struct request_writer *w)
{
	if (strbuf_is_json_text(source->data, source->size)) {
		request_writer_key(w, "source");
		strbuf_json_string(w->out, (const char *)source->data, source->size);
		return;
	}
	request_writer_key(w, "source_base64");
	strbuf_putc(w->out, '"');
	base64_encode(source->data, source->size, w->out);
	strbuf_putc(w->out, '"');
}

void request_json(const struct compile_request *r, enum request_parts parts, struct strbuf *out)
{
	struct request_writer w = { .out = out, .is_first = true };
	struct compile_request defaults = { 0 };

	compile_request_init(&defaults); /* owns nothing */
	strbuf_putc(out, '{');
	for (size_t i = 0; i < n_request_fields; i++)
		if (request_fields[i].path)
			write_field(r, &defaults, &request_fields[i], &w);
	leave_group(&w);
	if (parts == REQUEST_WHOLE)
		write_source(&r->job.source, &w);
	strbuf_putc(out, '}');
}

void field_files_write(const struct compile_request *r, const struct request_field *f, struct request_writer *w)
{
	if (!r->job.n_files)
		return;
	request_writer_key(w, f->path);
	for (size_t i = 0; i < r->job.n_files; i++) {
		const struct spvscope_file *file = &r->job.files[i];

		strbuf_puts(w->out, i ? ", " : "{");
		string(w, file->name);
		strbuf_puts(w->out, ": ");
		if (strbuf_is_json_text(file->data, file->size)) {
			strbuf_json_string(w->out, (const char *)file->data, file->size);
			continue;
		}
		strbuf_puts(w->out, "{\"base64\": \"");
		base64_encode(file->data, file->size, w->out);
		strbuf_puts(w->out, "\"}");
	}
	strbuf_putc(w->out, '}');
}

void field_spirv_version_write(const struct compile_request *r, const struct request_field *f, struct request_writer *w)
{
	uint32_t version = r->job.spirv_version;

	if (!version)
		return;
	request_writer_key(w, f->path);
	strbuf_printf(w->out, "\"%" PRIu32 ".%" PRIu32 "\"", version >> 16, version >> 8 & 0xff);
}

void field_defines_write(const struct compile_request *r, const struct request_field *f, struct request_writer *w)
{
	if (!r->job.n_defines)
		return;
	request_writer_key(w, f->path);
	for (size_t i = 0; i < r->job.n_defines; i++) {
		const struct spvscope_define *define = &r->job.defines[i];

		strbuf_puts(w->out, i ? ", " : "{");
		string(w, define->name);
		strbuf_puts(w->out, ": ");
		if (define->value)
			string(w, define->value);
		else
			strbuf_puts(w->out, "null");
	}
	strbuf_putc(w->out, '}');
}

void field_optimize_write(const struct compile_request *r, const struct request_field *f, struct request_writer *w)
{
	const struct spvscope_job *job = &r->job;

	if (job->optimize == SPVSCOPE_OPTIMIZE_NONE)
		return;
	request_writer_key(w, f->path);
	if (job->optimize != SPVSCOPE_OPTIMIZE_PASSES) {
		string(w, optimize_words[job->optimize]);
		return;
	}
	strbuf_puts(w->out, "{\"passes\": [");
	for (size_t i = 0; i < job->n_passes; i++) {
		if (i)
			strbuf_puts(w->out, ", ");
		string(w, job->passes[i]);
	}
	strbuf_puts(w->out, "]}");
}

void field_emit_write(const struct compile_request *r, const struct request_field *f, struct request_writer *w)
{
	bool is_first = true;

	if (r->job.emit == SPVSCOPE_EMIT_SPIRV)
		return;
	request_writer_key(w, f->path);
	strbuf_putc(w->out, '[');
	for (const struct emit_word *row = emit_words; row->word; row++) {
		if (!(r->job.emit & row->bit))
			continue;
		if (!is_first)
			strbuf_puts(w->out, ", ");
		is_first = false;
		string(w, row->word);
	}
	strbuf_putc(w->out, ']');
}

void field_level_write(const struct compile_request *r, const struct request_field *f, struct request_writer *w)
{
	if (!r->has_trace_level)
		return;
	request_writer_key(w, f->path);
	string(w, trace_level_name(r->trace_level));
}

void field_filter_write(const struct compile_request *r, const struct request_field *f, struct request_writer *w)
{
	if (!r->trace_filter)
		return;
	request_writer_key(w, f->path);
	string(w, r->trace_filter);
}
