/* SPDX-License-Identifier: Apache-2.0 */
/* The fields of a compile request that are more than a word or a number. Runs in the front. */
#include "api/request_fields.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "api/base64.h"
#include "api/errors.h"
#include "base/cleanup.h"

static int take_source(struct compile_request *r, uint8_t *data, size_t size)
{
	free(r->job.source.data);
	r->job.source.data = data;
	r->job.source.size = size;
	return 0;
}

/* A NUL-terminated copy of bytes. NULL when out of memory. */
static uint8_t *copy_bytes(const void *data, size_t size)
{
	uint8_t *copy = malloc(size + 1);

	if (copy) {
		memcpy(copy, data, size);
		copy[size] = '\0';
	}
	return copy;
}

static int check_source_size(size_t size, const char *where, struct diag *d)
{
	if (size > REQUEST_MAX_SOURCE_BYTES)
		return diag_set(d, API_ERROR_OUT_OF_RANGE, where, "is %zu bytes long; at most %u are taken", size,
			REQUEST_MAX_SOURCE_BYTES);
	return 0;
}

int field_source_json(struct compile_request *r, const struct request_field *f, json_t *v, struct diag *d)
{
	if (!json_is_string(v))
		return field_wrong_type(d, f->path, "a string", v);
	if (r->job.source.data)
		return diag_set(d, API_ERROR_CONFLICTING_FIELDS, f->path, "give one of source and source_base64");
	if (check_source_size(json_string_length(v), f->path, d) < 0)
		return -EINVAL;
	uint8_t *copy = copy_bytes(json_string_value(v), json_string_length(v));
	return copy ? take_source(r, copy, json_string_length(v)) : -ENOMEM;
}

static int decode(json_t *v, const char *where, uint8_t **ret, size_t *ret_size, struct diag *d)
{
	size_t bad_at;

	if (!json_is_string(v))
		return field_wrong_type(d, where, "a string", v);
	int result = base64_decode(json_string_value(v), json_string_length(v), ret, ret_size, &bad_at);
	if (result == -EINVAL)
		return diag_set(d, API_ERROR_BAD_BASE64, where,
			"is not base64 with padding and without white space: wrong at byte %zu of %zu", bad_at,
			json_string_length(v));
	return result;
}

int field_source_base64_json(struct compile_request *r, const struct request_field *f, json_t *v, struct diag *d)
{
	_cleanup_free_ uint8_t *data = NULL;
	size_t size;

	if (r->job.source.data)
		return diag_set(d, API_ERROR_CONFLICTING_FIELDS, f->path, "give one of source and source_base64");
	int result = decode(v, f->path, &data, &size, d);
	if (result < 0)
		return result;
	if (check_source_size(size, f->path, d) < 0)
		return -EINVAL;
	return take_source(r, TAKE_PTR(data), size);
}

static int add_file(struct compile_request *r, const char *name, json_t *v, size_t *total, struct diag *d)
{
	struct spvscope_file *file = &r->job.files[r->job.n_files];
	_cleanup_free_ uint8_t *data = NULL;
	char where[sizeof d->where];
	size_t size;

	snprintf(where, sizeof where, "files[\"%.100s\"]", name);
	if (name[0] == '\0' || strlen(name) > REQUEST_MAX_NAME_BYTES)
		return diag_set(d, API_ERROR_OUT_OF_RANGE, where, "a file's name has 1 to %d bytes",
			REQUEST_MAX_NAME_BYTES);
	if (json_is_object(v)) {
		json_t *base64 = json_object_get(v, "base64");

		if (!base64 || json_object_size(v) != 1)
			return diag_set(d, API_ERROR_UNKNOWN_FIELD, where,
				"must be the text itself, or an object of one field: base64");
		int result = decode(base64, where, &data, &size, d);
		if (result < 0)
			return result;
	} else if (json_is_string(v)) {
		size = json_string_length(v);
		data = copy_bytes(json_string_value(v), size);
		if (!data)
			return -ENOMEM;
	} else {
		return field_wrong_type(d, where, "a string or {\"base64\": …}", v);
	}
	*total += size;
	if (*total > REQUEST_MAX_SOURCE_BYTES)
		return diag_set(d, API_ERROR_OUT_OF_RANGE, "files", "hold more than %u bytes together",
			REQUEST_MAX_SOURCE_BYTES);
	file->name = strdup(name);
	if (!file->name)
		return -ENOMEM;
	file->data = TAKE_PTR(data);
	file->size = size;
	r->job.n_files++;
	return 0;
}

int field_files_json(struct compile_request *r, const struct request_field *f, json_t *v, struct diag *d)
{
	size_t total = 0;
	const char *name;
	json_t *file;

	if (!json_is_object(v))
		return field_wrong_type(d, f->path, "an object of file names", v);
	if (json_object_size(v) > f->max)
		return diag_set(d, API_ERROR_TOO_MANY, f->path, "has %zu files; at most %llu are taken",
			json_object_size(v), (unsigned long long)f->max);
	if (json_object_size(v) == 0)
		return 0;
	r->job.files = calloc(json_object_size(v), sizeof *r->job.files);
	if (!r->job.files)
		return -ENOMEM;
	json_object_foreach (v, name, file) {
		int result = add_file(r, name, file, &total, d);

		if (result < 0)
			return result;
	}
	return 0;
}

int field_spirv_version_text(struct compile_request *r, const struct request_field *f, const char *text, struct diag *d)
{
	if (strncmp(text, "1.", 2) != 0 || text[2] < '0' || text[2] > '6' || text[3] != '\0')
		return field_unknown_word(d, f->path, text, "1.0, 1.1, 1.2, 1.3, 1.4, 1.5, 1.6");
	r->job.spirv_version = 0x10000u | (uint32_t)(text[2] - '0') << 8;
	return 0;
}

int field_spirv_version_json(struct compile_request *r, const struct request_field *f, json_t *v, struct diag *d)
{
	if (!json_is_string(v))
		return field_wrong_type(d, f->path, "a string such as \"1.6\"", v);
	return field_spirv_version_text(r, f, json_string_value(v), d);
}

static bool is_identifier(const char *s)
{
	if (!((*s >= 'a' && *s <= 'z') || (*s >= 'A' && *s <= 'Z') || *s == '_'))
		return false;
	for (; *s; s++)
		if (!((*s >= 'a' && *s <= 'z') || (*s >= 'A' && *s <= 'Z') || (*s >= '0' && *s <= '9') || *s == '_'))
			return false;
	return true;
}

static int add_define(struct compile_request *r, const char *name, const char *value, struct diag *d)
{
	struct spvscope_job *job = &r->job;
	char where[sizeof d->where];

	snprintf(where, sizeof where, "defines[\"%.100s\"]", name);
	if (!is_identifier(name) || strlen(name) > 256)
		return diag_set(d, API_ERROR_UNKNOWN_VALUE, where,
			"a define's name is a letter or _ and then letters, digits and _, up to 256");
	/* A line's end would let a value write further lines of source. */
	if (value && strpbrk(value, "\r\n"))
		return diag_set(d, API_ERROR_UNKNOWN_VALUE, where, "a define's value must be one line");
	if (job->n_defines == REQUEST_MAX_DEFINES)
		return diag_set(d, API_ERROR_TOO_MANY, "defines", "at most %d are taken", REQUEST_MAX_DEFINES);
	for (size_t i = 0; i < job->n_defines; i++)
		if (strcmp(job->defines[i].name, name) == 0)
			return diag_set(d, API_ERROR_DUPLICATE_FIELD, where, "is defined twice");

	struct spvscope_define *grown = reallocarray(job->defines, job->n_defines + 1, sizeof *grown);
	if (!grown)
		return -ENOMEM;
	job->defines = grown;
	struct spvscope_define *define = &grown[job->n_defines];
	*define = (struct spvscope_define){ .name = strdup(name), .value = value ? strdup(value) : NULL };
	job->n_defines++; /* counted even when half-made, so that it is freed */
	return define->name && (define->value || !value) ? 0 : -ENOMEM;
}

int field_defines_json(struct compile_request *r, const struct request_field *f, json_t *v, struct diag *d)
{
	const char *name;
	json_t *value;

	if (!json_is_object(v))
		return field_wrong_type(d, f->path, "an object of names", v);
	if (json_object_size(v) > f->max)
		return diag_set(d, API_ERROR_TOO_MANY, f->path, "has %zu; at most %llu are taken", json_object_size(v),
			(unsigned long long)f->max);
	json_object_foreach (v, name, value) {
		if (!json_is_string(value) && !json_is_null(value)) {
			char where[sizeof d->where];

			snprintf(where, sizeof where, "defines[\"%.100s\"]", name);
			return field_wrong_type(d, where, "a string or null", value);
		}
		int result = add_define(r, name, json_string_value(value), d);
		if (result < 0)
			return result;
	}
	return 0;
}

int field_define_text(struct compile_request *r, const struct request_field *f, const char *text, struct diag *d)
{
	(void)f;
	_cleanup_free_ char *name = strdup(text);
	if (!name)
		return -ENOMEM;
	char *value = strchr(name, '=');
	if (value)
		*value++ = '\0';
	return add_define(r, name, value, d);
}

static int add_pass(struct compile_request *r, const char *flag, struct diag *d)
{
	struct spvscope_job *job = &r->job;

	if (strlen(flag) > 256 || !spvscope_pass_flag_is_well_formed(flag))
		return diag_set(d, API_ERROR_UNKNOWN_VALUE, "optimize.passes",
			"'%.60s' is not of the form --name or --name=value", flag);
	if (job->n_passes == REQUEST_MAX_PASSES)
		return diag_set(d, API_ERROR_TOO_MANY, "optimize.passes", "at most %d are taken", REQUEST_MAX_PASSES);
	char **grown = reallocarray(job->passes, job->n_passes + 1, sizeof *grown);
	if (!grown)
		return -ENOMEM;
	job->passes = grown;
	grown[job->n_passes] = strdup(flag);
	if (!grown[job->n_passes])
		return -ENOMEM;
	job->n_passes++;
	job->optimize = SPVSCOPE_OPTIMIZE_PASSES;
	return 0;
}

int field_pass_text(struct compile_request *r, const struct request_field *f, const char *text, struct diag *d)
{
	if (r->job.optimize != SPVSCOPE_OPTIMIZE_NONE && r->job.optimize != SPVSCOPE_OPTIMIZE_PASSES)
		return diag_set(d, API_ERROR_CONFLICTING_FIELDS, f->query, "give a recipe with optimize, or passes, not both");
	return add_pass(r, text, d);
}

const char *const optimize_words[SPVSCOPE_OPTIMIZE_PASSES] = {
	[SPVSCOPE_OPTIMIZE_NONE] = "none", [SPVSCOPE_OPTIMIZE_SIZE] = "size",
	[SPVSCOPE_OPTIMIZE_PERFORMANCE] = "performance",
};

int field_optimize_text(struct compile_request *r, const struct request_field *f, const char *text, struct diag *d)
{
	if (r->job.n_passes)
		return diag_set(d, API_ERROR_CONFLICTING_FIELDS, f->path, "give a recipe with optimize, or passes, not both");
	for (size_t i = 0; i < ARRAY_SIZE(optimize_words); i++)
		if (strcmp(text, optimize_words[i]) == 0) {
			r->job.optimize = (enum spvscope_optimize)i;
			return 0;
		}
	return field_unknown_word(d, f->path, text, "none, size, performance, or an object {\"passes\": […]} in JSON");
}

int field_optimize_json(struct compile_request *r, const struct request_field *f, json_t *v, struct diag *d)
{
	json_t *passes, *flag;
	size_t i;

	if (json_is_string(v))
		return field_optimize_text(r, f, json_string_value(v), d);
	if (!json_is_object(v))
		return field_wrong_type(d, f->path, "a word or {\"passes\": […]}", v);
	passes = json_object_get(v, "passes");
	if (!passes || json_object_size(v) != 1)
		return diag_set(d, API_ERROR_UNKNOWN_FIELD, f->path, "as an object has one field: passes");
	if (!json_is_array(passes))
		return field_wrong_type(d, "optimize.passes", "an array of strings", passes);
	json_array_foreach (passes, i, flag) {
		if (!json_is_string(flag))
			return field_wrong_type(d, "optimize.passes", "an array of strings", flag);
		int result = add_pass(r, json_string_value(flag), d);
		if (result < 0)
			return result;
	}
	r->job.optimize = SPVSCOPE_OPTIMIZE_PASSES;
	return 0;
}

const struct emit_word emit_words[] = {
	{ "spirv", SPVSCOPE_EMIT_SPIRV },
	{ "disassembly", SPVSCOPE_EMIT_DISASSEMBLY },
	{ "dependencies", SPVSCOPE_EMIT_DEPENDENCIES },
	{ "preprocessed", SPVSCOPE_EMIT_PREPROCESSED },
	{ "reflection", 1u << (SPVSCOPE_EMIT_FIRST_PRODUCT + SPVSCOPE_PRODUCT_REFLECTION) },
	{ "line_map", 1u << (SPVSCOPE_EMIT_FIRST_PRODUCT + SPVSCOPE_PRODUCT_LINE_MAP) },
	{ "glsl", 1u << (SPVSCOPE_EMIT_FIRST_PRODUCT + SPVSCOPE_PRODUCT_GLSL) },
	{ "hlsl", 1u << (SPVSCOPE_EMIT_FIRST_PRODUCT + SPVSCOPE_PRODUCT_HLSL) },
	{ "msl", 1u << (SPVSCOPE_EMIT_FIRST_PRODUCT + SPVSCOPE_PRODUCT_MSL) },
	{ "wgsl", 1u << (SPVSCOPE_EMIT_FIRST_PRODUCT + SPVSCOPE_PRODUCT_WGSL) },
	{ NULL, 0 },
};

static int add_emit(struct compile_request *r, const char *word, size_t len, struct diag *d)
{
	for (const struct emit_word *row = emit_words; row->word; row++)
		if (strlen(row->word) == len && memcmp(row->word, word, len) == 0) {
			r->job.emit |= row->bit;
			return 0;
		}
	return diag_set(d, API_ERROR_UNKNOWN_VALUE, "emit",
		"'%.*s' is not one of: spirv, disassembly, dependencies, preprocessed, reflection, line_map, glsl, hlsl, msl, wgsl",
		(int)(len < 40 ? len : 40), word);
}

int field_emit_json(struct compile_request *r, const struct request_field *f, json_t *v, struct diag *d)
{
	json_t *word;
	size_t i;

	if (!json_is_array(v))
		return field_wrong_type(d, f->path, "an array of words", v);
	r->job.emit = 0;
	json_array_foreach (v, i, word) {
		if (!json_is_string(word))
			return field_wrong_type(d, f->path, "an array of words", word);
		if (add_emit(r, json_string_value(word), json_string_length(word), d) < 0)
			return -EINVAL;
	}
	return 0;
}

int field_emit_text(struct compile_request *r, const struct request_field *f, const char *text, struct diag *d)
{
	(void)f;
	r->job.emit = 0;
	while (*text) {
		size_t len = strcspn(text, ",");

		if (add_emit(r, text, len, d) < 0)
			return -EINVAL;
		text += len + (text[len] == ',');
	}
	return 0;
}

int field_level_text(struct compile_request *r, const struct request_field *f, const char *text, struct diag *d)
{
	enum spvscope_level level;

	if (trace_level_parse(text, &level) < 0 || level == SPVSCOPE_LEVEL_ERROR || level == SPVSCOPE_LEVEL_WARN)
		return field_unknown_word(d, f->path, text, "off, info, debug");
	r->has_trace_level = true;
	r->trace_level = level;
	return 0;
}

int field_level_json(struct compile_request *r, const struct request_field *f, json_t *v, struct diag *d)
{
	if (!json_is_string(v))
		return field_wrong_type(d, f->path, "a string", v);
	return field_level_text(r, f, json_string_value(v), d);
}

int field_filter_text(struct compile_request *r, const struct request_field *f, const char *text, struct diag *d)
{
	struct trace_filter scratch;
	char error[256];

	if (strlen(text) > f->max)
		return diag_set(d, API_ERROR_OUT_OF_RANGE, f->path, "is %zu bytes long; at most %llu are taken",
			strlen(text), (unsigned long long)f->max);
	trace_filter_init(&scratch, SPVSCOPE_LEVEL_INFO);
	if (trace_filter_parse(&scratch, text, error, sizeof error) < 0)
		return diag_set(d, API_ERROR_BAD_FILTER, f->path, "%s", error);
	char *copy = strdup(text);
	if (!copy)
		return -ENOMEM;
	free(r->trace_filter);
	r->trace_filter = copy;
	return 0;
}

int field_filter_json(struct compile_request *r, const struct request_field *f, json_t *v, struct diag *d)
{
	if (!json_is_string(v))
		return field_wrong_type(d, f->path, "a string", v);
	return field_filter_text(r, f, json_string_value(v), d);
}
