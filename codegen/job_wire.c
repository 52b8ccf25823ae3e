/* SPDX-License-Identifier: Apache-2.0 */
/* Jobs and results as bytes. The front encodes jobs and decodes what workers return; a worker does the reverse. A count
 * is believed only as far as the bytes behind it could hold that many elements, so that no few bytes can ask for a
 * large allocation. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/wire.h"
#include "codegen/job_wire.h"

#define JOB_WIRE_VERSION    0x6a6f6203u /* "job", then the version of this layout */
#define RESULT_WIRE_VERSION 0x72657304u /* "res", likewise */

/* Least bytes that an element takes on the wire: its length words. */
#define STRING_LEAST_BYTES     4u
#define FILE_LEAST_BYTES       8u
#define DEFINE_LEAST_BYTES     8u
#define SETTING_LEAST_BYTES    24u
#define DIAGNOSTIC_LEAST_BYTES 36u
#define RELATED_LEAST_BYTES    20u

static void put_file(struct strbuf *out, const struct spvscope_file *f)
{
	wire_put_string(out, f->name);
	wire_put_bytes(out, f->data, f->size);
}

/* A copy with a NUL behind it; false when there is no memory for it. */
static bool get_file(struct wire_reader *r, struct spvscope_file *ret)
{
	size_t size;

	ret->name = wire_get_string(r);
	const void *data = wire_get_bytes(r, &size);
	if (r->bad)
		return true;
	ret->data = malloc(size + 1);
	if (!ret->data)
		return false;
	if (size)
		memcpy(ret->data, data, size);
	ret->data[size] = '\0';
	ret->size = size;
	return true;
}

/* Reads a count and makes room for that many zeroed elements. NULL with *ret_n 0 when there are none or the reader has
 * gone bad; *no_memory is set when that is the reason. */
static void *get_array(struct wire_reader *r, size_t least_bytes, size_t element_size, size_t max, size_t *ret_n,
	bool *no_memory)
{
	uint32_t n = wire_get_u32(r);

	*ret_n = 0;
	if (r->bad)
		return NULL;
	if (n > max || n > (size_t)(r->end - r->at) / least_bytes) {
		r->bad = true;
		return NULL;
	}
	if (n == 0)
		return NULL;
	void *array = calloc(n, element_size);
	if (!array)
		*no_memory = true;
	else
		*ret_n = n;
	return array;
}

/* An enum that must be below limit. */
static unsigned get_enum(struct wire_reader *r, unsigned limit)
{
	uint32_t v = wire_get_u32(r);

	if (v >= limit) {
		r->bad = true;
		return 0;
	}
	return v;
}

static int verdict(const struct wire_reader *r, bool no_memory)
{
	if (no_memory)
		return -ENOMEM;
	return r->bad || r->at != r->end ? -EBADMSG : 0;
}

enum {
	JOB_FLAG_VALIDATE = 1,
	JOB_FLAG_AUTO_MAP_BINDINGS = 2,
	JOB_FLAG_AUTO_MAP_LOCATIONS = 4,
	JOB_FLAG_CHECK_ONLY = 8,
};

static void put_options(const struct spvscope_job *job, struct strbuf *out)
{
	const struct spvscope_options *o = &job->options;

	wire_put_u64(out, o->flags);
	wire_put_u32(out, o->warnings);
	wire_put_u32(out, o->glsl_version);
	wire_put_u32(out, o->glsl_profile);
	wire_put_u32(out, o->client_version);
	wire_put_u32(out, o->uniform_base);
	for (size_t i = 0; i < SPVSCOPE_N_VALIDATOR_LIMITS; i++)
		wire_put_u32(out, o->validator_limits[i]);
	wire_put_u32(out, (uint32_t)job->n_settings);
	for (size_t i = 0; i < job->n_settings; i++) {
		const struct spvscope_setting *s = &job->settings[i];

		wire_put_u32(out, s->kind);
		wire_put_u32(out, s->stage);
		wire_put_string(out, s->name);
		for (size_t k = 0; k < ARRAY_SIZE(s->numbers); k++)
			wire_put_u32(out, s->numbers[k]);
	}
}

static void get_options(struct wire_reader *r, struct spvscope_job *job, bool *no_memory)
{
	struct spvscope_options *o = &job->options;

	o->flags = wire_get_u64(r);
	o->warnings = (enum spvscope_warnings)get_enum(r, SPVSCOPE_N_WARNINGS);
	o->glsl_version = wire_get_u32(r);
	o->glsl_profile = (enum spvscope_profile)get_enum(r, SPVSCOPE_N_PROFILES);
	o->client_version = wire_get_u32(r);
	o->uniform_base = wire_get_u32(r);
	for (size_t i = 0; i < SPVSCOPE_N_VALIDATOR_LIMITS; i++)
		o->validator_limits[i] = wire_get_u32(r);
	job->settings = get_array(r, SETTING_LEAST_BYTES, sizeof(*job->settings), SIZE_MAX, &job->n_settings, no_memory);
	for (size_t i = 0; i < job->n_settings && !r->bad; i++) {
		struct spvscope_setting *s = &job->settings[i];

		s->kind = (enum spvscope_setting_kind)get_enum(r, SPVSCOPE_N_SETTING_KINDS);
		s->stage = (enum spvscope_stage)get_enum(r, SPVSCOPE_N_STAGES);
		s->name = wire_get_string(r);
		for (size_t k = 0; k < ARRAY_SIZE(s->numbers); k++)
			s->numbers[k] = wire_get_u32(r);
		if (!s->name && s->kind != SPVSCOPE_SETTING_BINDING_BASE && s->kind != SPVSCOPE_SETTING_RESOURCE_BINDING)
			r->bad = true;
	}
}

void job_encode(const struct spvscope_job *job, struct strbuf *out)
{
	wire_put_u32(out, JOB_WIRE_VERSION);
	wire_put_u32(out, job->language);
	wire_put_u32(out, job->stage);
	wire_put_u32(out, job->env);
	wire_put_u32(out, job->spirv_version);
	wire_put_u32(out, job->optimize);
	wire_put_u32(out, job->debug_info);
	wire_put_u32(out, job->emit);
	wire_put_u32(out, (job->validate ? JOB_FLAG_VALIDATE : 0u) |
			(job->auto_map_bindings ? JOB_FLAG_AUTO_MAP_BINDINGS : 0u) |
			(job->auto_map_locations ? JOB_FLAG_AUTO_MAP_LOCATIONS : 0u) |
			(job->check_only ? JOB_FLAG_CHECK_ONLY : 0u));
	wire_put_string(out, job->backend);
	wire_put_string(out, job->entry_point);
	wire_put_string(out, job->source_entry_point);
	wire_put_string(out, job->focus);
	put_options(job, out);
	put_file(out, &job->source);
	wire_put_u32(out, (uint32_t)job->n_files);
	for (size_t i = 0; i < job->n_files; i++)
		put_file(out, &job->files[i]);
	wire_put_u32(out, (uint32_t)job->n_defines);
	for (size_t i = 0; i < job->n_defines; i++) {
		wire_put_string(out, job->defines[i].name);
		wire_put_string(out, job->defines[i].value);
	}
	wire_put_u32(out, (uint32_t)job->n_passes);
	for (size_t i = 0; i < job->n_passes; i++)
		wire_put_string(out, job->passes[i]);
}

static void get_job_lists(struct wire_reader *r, struct spvscope_job *job, bool *no_memory)
{
	job->files = get_array(r, FILE_LEAST_BYTES, sizeof(*job->files), SIZE_MAX, &job->n_files, no_memory);
	for (size_t i = 0; i < job->n_files && !r->bad; i++) {
		if (!get_file(r, &job->files[i]))
			*no_memory = true;
		if (!job->files[i].name)
			r->bad = true;
	}
	job->defines = get_array(r, DEFINE_LEAST_BYTES, sizeof(*job->defines), SIZE_MAX, &job->n_defines, no_memory);
	for (size_t i = 0; i < job->n_defines && !r->bad; i++) {
		job->defines[i].name = wire_get_string(r);
		job->defines[i].value = wire_get_string(r);
		if (!job->defines[i].name)
			r->bad = true;
	}
	job->passes = get_array(r, STRING_LEAST_BYTES, sizeof(*job->passes), SIZE_MAX, &job->n_passes, no_memory);
	for (size_t i = 0; i < job->n_passes && !r->bad; i++) {
		job->passes[i] = wire_get_string(r);
		if (!job->passes[i])
			r->bad = true;
	}
}

int job_decode(const void *data, size_t size, struct spvscope_job *ret)
{
	struct wire_reader r;
	bool no_memory = false;

	wire_reader_init(&r, data, size);
	if (wire_get_u32(&r) != JOB_WIRE_VERSION)
		return -EBADMSG;
	ret->language = (enum spvscope_language)get_enum(&r, SPVSCOPE_N_LANGUAGES);
	ret->stage = (enum spvscope_stage)get_enum(&r, SPVSCOPE_N_STAGES);
	ret->env = (enum spvscope_env)get_enum(&r, SPVSCOPE_N_ENVS);
	ret->spirv_version = wire_get_u32(&r);
	ret->optimize = (enum spvscope_optimize)get_enum(&r, SPVSCOPE_OPTIMIZE_PASSES + 1);
	ret->debug_info = (enum spvscope_debug_info)get_enum(&r, SPVSCOPE_N_DEBUG_INFOS);
	ret->emit = wire_get_u32(&r);
	uint32_t flags = wire_get_u32(&r);
	ret->validate = flags & JOB_FLAG_VALIDATE;
	ret->auto_map_bindings = flags & JOB_FLAG_AUTO_MAP_BINDINGS;
	ret->auto_map_locations = flags & JOB_FLAG_AUTO_MAP_LOCATIONS;
	ret->check_only = flags & JOB_FLAG_CHECK_ONLY;
	ret->backend = wire_get_string(&r);
	ret->entry_point = wire_get_string(&r);
	ret->source_entry_point = wire_get_string(&r);
	ret->focus = wire_get_string(&r);
	get_options(&r, ret, &no_memory);
	if (!get_file(&r, &ret->source))
		no_memory = true;
	if (!no_memory)
		get_job_lists(&r, ret, &no_memory);
	int v = verdict(&r, no_memory);
	if (v < 0)
		spvscope_job_done(ret);
	return v;
}

static void put_strings(struct strbuf *out, char *const *strings, size_t n)
{
	wire_put_u32(out, (uint32_t)n);
	for (size_t i = 0; i < n; i++)
		wire_put_string(out, strings[i]);
}

/* None of them may be NULL. */
static char **get_strings(struct wire_reader *r, size_t max, size_t *ret_n, bool *no_memory)
{
	char **strings = get_array(r, STRING_LEAST_BYTES, sizeof(*strings), max, ret_n, no_memory);

	for (size_t i = 0; i < *ret_n && !r->bad; i++) {
		strings[i] = wire_get_string(r);
		if (!strings[i])
			r->bad = true;
	}
	return strings;
}

void result_encode(const struct spvscope_result *result, struct strbuf *out)
{
	wire_put_u32(out, RESULT_WIRE_VERSION);
	wire_put_u32(out, result->status);
	wire_put_u32(out, result->language);
	wire_put_u32(out, result->stage);
	wire_put_u32(out, result->diagnostics_cut);
	wire_put_u32(out, (uint32_t)result->n_diagnostics);
	for (size_t i = 0; i < result->n_diagnostics; i++) {
		const struct spvscope_diagnostic *d = &result->diagnostics[i];

		wire_put_u32(out, d->severity);
		wire_put_u32(out, d->line);
		wire_put_u32(out, d->column_begin);
		wire_put_u32(out, d->column_end);
		wire_put_string(out, d->file);
		wire_put_string(out, d->source);
		wire_put_string(out, d->code);
		wire_put_string(out, d->message);
		wire_put_u32(out, (uint32_t)d->n_related);
		for (size_t k = 0; k < d->n_related; k++) {
			wire_put_u32(out, d->related[k].line);
			wire_put_u32(out, d->related[k].column_begin);
			wire_put_u32(out, d->related[k].column_end);
			wire_put_string(out, d->related[k].file);
			wire_put_string(out, d->related[k].message);
		}
	}
	wire_put_bytes(out, result->spirv, result->n_spirv_words * sizeof(uint32_t));
	wire_put_string(out, result->disassembly);
	wire_put_string(out, result->preprocessed);
	for (size_t i = 0; i < SPVSCOPE_N_PRODUCTS; i++)
		wire_put_string(out, result->products[i]);
	put_strings(out, result->dependencies, result->n_dependencies);
	put_strings(out, result->absent, result->n_absent);
	wire_put_u32(out, result->absent_cut);
}

static void get_related(struct wire_reader *r, struct spvscope_diagnostic *d, bool *no_memory)
{
	d->related = get_array(r, RELATED_LEAST_BYTES, sizeof(*d->related), SPVSCOPE_MAX_RELATED, &d->n_related, no_memory);
	for (size_t i = 0; i < d->n_related && !r->bad; i++) {
		struct spvscope_related *related = &d->related[i];

		related->line = wire_get_u32(r);
		related->column_begin = wire_get_u32(r);
		related->column_end = wire_get_u32(r);
		related->file = wire_get_string(r);
		related->message = wire_get_string(r);
		if (related->column_begin > related->column_end || !related->message)
			r->bad = true;
	}
}

static void get_diagnostics(struct wire_reader *r, struct spvscope_result *result, bool *no_memory)
{
	result->diagnostics = get_array(r, DIAGNOSTIC_LEAST_BYTES, sizeof(*result->diagnostics), SPVSCOPE_MAX_DIAGNOSTICS,
		&result->n_diagnostics, no_memory);
	for (size_t i = 0; i < result->n_diagnostics && !r->bad; i++) {
		struct spvscope_diagnostic *d = &result->diagnostics[i];

		d->severity = (enum spvscope_severity)get_enum(r, SPVSCOPE_SEVERITY_HINT + 1);
		d->line = wire_get_u32(r);
		d->column_begin = wire_get_u32(r);
		d->column_end = wire_get_u32(r);
		d->file = wire_get_string(r);
		d->source = wire_get_string(r);
		d->code = wire_get_string(r);
		d->message = wire_get_string(r);
		get_related(r, d, no_memory);
		if (d->severity < SPVSCOPE_SEVERITY_ERROR || d->column_begin > d->column_end || !d->source ||
			!d->message)
			r->bad = true;
	}
}

static void get_spirv(struct wire_reader *r, struct spvscope_result *result, bool *no_memory)
{
	size_t size;
	const void *data = wire_get_bytes(r, &size);

	if (size % sizeof(uint32_t))
		r->bad = true;
	if (r->bad || size == 0)
		return;
	result->spirv = malloc(size);
	if (!result->spirv) {
		*no_memory = true;
		return;
	}
	memcpy(result->spirv, data, size);
	result->n_spirv_words = size / sizeof(uint32_t);
}

int result_decode(const void *data, size_t size, struct spvscope_result *ret)
{
	struct wire_reader r;
	bool no_memory = false;

	wire_reader_init(&r, data, size);
	if (wire_get_u32(&r) != RESULT_WIRE_VERSION)
		return -EBADMSG;
	ret->status = (enum spvscope_status)get_enum(&r, SPVSCOPE_N_STATUSES);
	ret->language = (enum spvscope_language)get_enum(&r, SPVSCOPE_N_LANGUAGES);
	ret->stage = (enum spvscope_stage)get_enum(&r, SPVSCOPE_N_STAGES);
	ret->diagnostics_cut = get_enum(&r, 2);
	get_diagnostics(&r, ret, &no_memory);
	get_spirv(&r, ret, &no_memory);
	ret->disassembly = wire_get_string(&r);
	ret->preprocessed = wire_get_string(&r);
	for (size_t i = 0; i < SPVSCOPE_N_PRODUCTS; i++)
		ret->products[i] = wire_get_string(&r);
	ret->dependencies = get_strings(&r, SPVSCOPE_MAX_DEPENDENCIES, &ret->n_dependencies, &no_memory);
	ret->absent = get_strings(&r, SPVSCOPE_MAX_ABSENT, &ret->n_absent, &no_memory);
	ret->absent_cut = get_enum(&r, 2);
	int v = verdict(&r, no_memory);
	if (v < 0)
		spvscope_result_done(ret);
	return v;
}
