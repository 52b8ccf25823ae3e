/* SPDX-License-Identifier: Apache-2.0 */
/* Decodes compile requests by the table of request_fields.c, from JSON or from query parameters. Runs in the front. */
#include "api/request.h"

#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "api/errors.h"
#include "api/request_fields.h"
#include "base/cleanup.h"

void compile_request_init(struct compile_request *r)
{
	r->job.env = SPVSCOPE_ENV_VULKAN_1_3;
	r->job.validate = true;
	r->job.emit = SPVSCOPE_EMIT_SPIRV;
	r->job.options.client_version = 100;
	r->analyzer.kind = ANALYZER_OFF;
	r->analyzer.frequency_hz = 4999;
	r->analyzer.min_samples = 500;
	r->analyzer.budget_ms = 500;
	r->wall_ms = 10000;
	r->memory_bytes = 1ull << 30;
	r->position_encoding = POSITION_UTF16;
}

void compile_request_done(struct compile_request *r)
{
	spvscope_job_done(&r->job);
	free(r->trace_filter);
	free(r->document.session);
	free(r->document.uri);
	free(r->traceparent);
	*r = (struct compile_request){ 0 };
}

/* How many letters two names differ by, up to 4: for "did you mean". */
static unsigned distance(const char *a, const char *b)
{
	enum { MAX = 24 };
	size_t la = strlen(a), lb = strlen(b);
	unsigned row[MAX + 1];

	if (la > MAX || lb > MAX)
		return 4;
	for (size_t j = 0; j <= lb; j++)
		row[j] = (unsigned)j;
	for (size_t i = 1; i <= la; i++) {
		unsigned diagonal = row[0];

		row[0] = (unsigned)i;
		for (size_t j = 1; j <= lb; j++) {
			unsigned best = diagonal + (a[i - 1] != b[j - 1]);

			diagonal = row[j];
			best = best < row[j] + 1 ? best : row[j] + 1;
			row[j] = best < row[j - 1] + 1 ? best : row[j - 1] + 1;
		}
	}
	return row[lb] < 4 ? row[lb] : 4;
}

/* The nearest name in the table: of fields by their whole path, their last part too, or of parameters. */
static const char *nearest(const char *name, bool is_query)
{
	const char *best = NULL;
	unsigned best_distance = 4;

	for (size_t i = 0; i < n_request_fields; i++) {
		const char *full = is_query ? request_fields[i].query : request_fields[i].path;

		if (!full)
			continue;
		const char *last = strrchr(full, '.'), *typed = strrchr(name, '.');
		unsigned d = distance(name, full);
		unsigned d_last = distance(typed ? typed + 1 : name, last ? last + 1 : full);

		d = d < d_last ? d : d_last;
		if (d < best_distance) {
			best_distance = d;
			best = full;
		}
	}
	return best;
}

static int unknown_field(struct diag *d, const char *path)
{
	const char *near = nearest(path, false);

	if (near)
		return diag_set(d, API_ERROR_UNKNOWN_FIELD, path, "there is no field '%.80s'; did you mean '%s'?", path, near);
	return diag_set(d, API_ERROR_UNKNOWN_FIELD, path, "there is no field '%.80s'; /openapi.json lists them all", path);
}

static const struct request_field *find_path(const char *path, bool *ret_is_group)
{
	size_t len = strlen(path);

	*ret_is_group = false;
	for (size_t i = 0; i < n_request_fields; i++) {
		const char *p = request_fields[i].path;

		if (!p || strncmp(p, path, len) != 0)
			continue;
		if (p[len] == '\0')
			return &request_fields[i];
		*ret_is_group |= p[len] == '.';
	}
	return NULL;
}

/* The one field whose default is another for some languages. */
static void note_given(struct compile_request *r, const struct request_field *f)
{
	if (f->words && f->offset == offsetof(struct compile_request, job.env))
		r->has_env = true;
}

static int set_json(struct compile_request *r, const struct request_field *f, json_t *v, struct diag *d)
{
	char number[32];

	note_given(r, f);
	switch (f->type) {
	case FIELD_CUSTOM:
		return f->set_json(r, f, v, d);
	case FIELD_TEXT:
	case FIELD_WORD:
		if (!json_is_string(v))
			return field_wrong_type(d, f->path, "a string", v);
		return field_set_text(r, f, f->path, json_string_value(v), json_string_length(v), d);
	case FIELD_BOOL:
	case FIELD_FLAG:
		if (!json_is_boolean(v))
			return field_wrong_type(d, f->path, "true or false", v);
		return field_set_text(r, f, f->path, json_is_true(v) ? "true" : "false", 0, d);
	case FIELD_NUMBER32:
	case FIELD_NUMBER64:
		break;
	}
	if (!json_is_integer(v))
		return field_wrong_type(d, f->path, "a whole number", v);
	if (json_integer_value(v) < 0)
		return diag_set(d, API_ERROR_OUT_OF_RANGE, f->path, "must be between %llu and %llu, not %lld",
			(unsigned long long)f->min, (unsigned long long)f->max, (long long)json_integer_value(v));
	snprintf(number, sizeof number, "%lld", (long long)json_integer_value(v));
	return field_set_text(r, f, f->path, number, strlen(number), d);
}

/* Groups are one level deep ("target.env"), so this calls itself at most once. */
static int walk(struct compile_request *r, json_t *object, const char *group, struct diag *d)
{
	const char *key;
	json_t *value;

	json_object_foreach (object, key, value) {
		char path[160];
		bool is_group;
		int result;

		snprintf(path, sizeof path, "%s%s%.100s", group, group[0] ? "." : "", key);
		const struct request_field *f = find_path(path, &is_group);
		if (f)
			result = set_json(r, f, value, d);
		else if (!is_group || group[0])
			result = unknown_field(d, path);
		else if (!json_is_object(value))
			result = field_wrong_type(d, path, "an object", value);
		else
			result = walk(r, value, path, d);
		if (result < 0)
			return result;
	}
	return 0;
}

#define BYTE_ORDER_MARK_BYTES 3

static bool has_byte_order_mark(const char *text, size_t len)
{
	return len >= BYTE_ORDER_MARK_BYTES && memcmp(text, "\xef\xbb\xbf", BYTE_ORDER_MARK_BYTES) == 0;
}

/* Before the parser, which recurses. Brackets in strings don't count. */
static bool is_too_deep(const char *body, size_t len)
{
	unsigned depth = 0;
	bool in_string = false;

	for (size_t i = 0; i < len; i++) {
		if (in_string) {
			if (body[i] == '\\')
				i++;
			else if (body[i] == '"')
				in_string = false;
			continue;
		}
		switch (body[i]) {
		case '"':
			in_string = true;
			break;
		case '{':
		case '[':
			if (++depth > REQUEST_MAX_JSON_DEPTH)
				return true;
			break;
		case '}':
		case ']':
			depth -= depth > 0;
			break;
		default:
			break;
		}
	}
	return false;
}

/* The parser's words, but where they are about itself. */
static int tell_bad_json(const json_error_t *error, struct diag *d)
{
	const char *says = error->text;
	enum api_error code = API_ERROR_BAD_JSON;

	switch (json_error_code(error)) {
	case json_error_out_of_memory:
		return -ENOMEM;
	case json_error_duplicate_key:
		code = API_ERROR_DUPLICATE_FIELD;
		break;
	case json_error_null_character:
	case json_error_null_byte_in_key:
		says = "no text here has a \\u0000; bytes come as base64";
		break;
	case json_error_invalid_utf8:
		says = "this is not UTF-8; other bytes come as base64";
		break;
	default:
		break;
	}
	return diag_set(d, code, "", "line %d, column %d: %s", error->line, error->column, says);
}

int request_parse_json(const char *body, size_t len, json_t **ret, struct diag *d)
{
	json_error_t error;

	if (len == 0)
		return diag_set(d, API_ERROR_BAD_JSON, "", "the body is empty");
	if (has_byte_order_mark(body, len)) /* RFC 8259, section 8.1, leaves it to whoever reads */
		return diag_set(d, API_ERROR_BAD_JSON, "", "JSON begins without a byte order mark");
	if (is_too_deep(body, len))
		return diag_set(d, API_ERROR_TOO_DEEP, "", "the JSON nests deeper than %d levels", REQUEST_MAX_JSON_DEPTH);
	json_t *root = json_loadb(body, len, JSON_REJECT_DUPLICATES | JSON_DECODE_ANY, &error);
	if (!root)
		return tell_bad_json(&error, d);
	if (!json_is_object(root)) {
		field_wrong_type(d, "", "an object", root);
		json_decref(root);
		return -EINVAL;
	}
	*ret = root;
	return 0;
}

int compile_request_from_tree(json_t *root, struct compile_request *ret, struct diag *d)
{
	int result = walk(ret, root, "", d);

	return result < 0 ? result : compile_request_finish(ret, d);
}

int compile_request_from_json(const char *body, size_t len, struct compile_request *ret, struct diag *d)
{
	_cleanup_(json_decrefp) json_t *root = NULL;
	int result = request_parse_json(body, len, &root, d);

	return result < 0 ? result : compile_request_from_tree(root, ret, d);
}

int compile_request_set_query(struct compile_request *r, const char *key, const char *value, struct diag *d)
{
	for (size_t i = 0; i < n_request_fields; i++)
		if (request_fields[i].query && strcmp(request_fields[i].query, key) == 0) {
			note_given(r, &request_fields[i]);
			return field_set_text(r, &request_fields[i], key, value, strlen(value), d);
		}

	const char *near = nearest(key, true);
	if (near)
		return diag_set(d, API_ERROR_BAD_QUERY, key, "there is no parameter '%.80s'; did you mean '%s'?", key, near);
	return diag_set(d, API_ERROR_BAD_QUERY, key, "there is no parameter '%.80s'; /openapi.json lists them all", key);
}

int compile_request_set_source(struct compile_request *r, const char *body, size_t len, struct diag *d)
{
	if (len > REQUEST_MAX_SOURCE_BYTES)
		return diag_set(d, API_ERROR_OUT_OF_RANGE, "source", "is %zu bytes long; at most %u are taken", len,
			REQUEST_MAX_SOURCE_BYTES);
	uint8_t *copy = malloc(len + 1);
	if (!copy)
		return -ENOMEM;
	if (len)
		memcpy(copy, body, len);
	copy[len] = '\0';
	free(r->job.source.data);
	r->job.source.data = copy;
	r->job.source.size = len;
	return 0;
}

/* The highest SPIR-V that an environment takes; Vulkan 1.1 takes 1.4 by an extension. */
static int check_version(const struct spvscope_job *job, struct diag *d)
{
	static const uint32_t highest[SPVSCOPE_N_ENVS] = {
		[SPVSCOPE_ENV_VULKAN_1_0] = 0x10000, [SPVSCOPE_ENV_VULKAN_1_1] = 0x10400,
		[SPVSCOPE_ENV_VULKAN_1_2] = 0x10500, [SPVSCOPE_ENV_VULKAN_1_3] = 0x10600,
		[SPVSCOPE_ENV_OPENGL_4_5] = 0x10600, [SPVSCOPE_ENV_UNIVERSAL] = 0x10600,
		[SPVSCOPE_ENV_OPENCL_1_2] = 0x10000, [SPVSCOPE_ENV_OPENCL_2_0] = 0x10000,
		[SPVSCOPE_ENV_OPENCL_2_1] = 0x10000, [SPVSCOPE_ENV_OPENCL_2_2] = 0x10200,
	};

	if (job->spirv_version <= highest[job->env])
		return 0;
	return diag_set(d, API_ERROR_CONFLICTING_FIELDS, "target.spirv", "%s takes SPIR-V up to 1.%u, not 1.%u",
		spvscope_env_name(job->env), highest[job->env] >> 8 & 0xff, job->spirv_version >> 8 & 0xff);
}

static bool is_opencl(enum spvscope_language language)
{
	return language == SPVSCOPE_LANGUAGE_OPENCL_C || language == SPVSCOPE_LANGUAGE_OPENCL_CPP;
}

static int check_source(const struct spvscope_job *job, struct diag *d)
{
	const uint8_t *nul = memchr(job->source.data, 0, job->source.size);

	if (job->language == SPVSCOPE_LANGUAGE_SPIRV) {
		if (job->source.size % 4 != 0)
			return diag_set(d, API_ERROR_BAD_SOURCE, "source",
				"is %zu bytes long, and SPIR-V is words of four; in JSON it needs source_base64",
				job->source.size);
		return 0;
	}
	if (nul)
		return diag_set(d, API_ERROR_BAD_SOURCE, "source", "has a NUL byte at %zu, and %s is text",
			(size_t)(nul - job->source.data), spvscope_language_name(job->language));
	return 0;
}

static void list_languages(uint32_t languages, struct strbuf *out)
{
	for (unsigned l = 0; l < SPVSCOPE_N_LANGUAGES; l++)
		if (languages & 1u << l)
			strbuf_printf(out, "%s%s", out->len ? ", " : "", spvscope_language_name((enum spvscope_language)l));
}

/* What means nothing for the language is refused: whoever sets it expects something of it. */
static int check_languages(const struct compile_request *r, struct diag *d)
{
	struct compile_request defaults = { 0 };

	compile_request_init(&defaults); /* owns nothing */
	for (size_t i = 0; i < n_request_fields; i++) {
		const struct request_field *f = &request_fields[i];
		_cleanup_strbuf_ struct strbuf languages = { 0 };

		if (!f->languages || f->languages & 1u << r->job.language || request_field_is_default(r, &defaults, f))
			continue;
		list_languages(f->languages, &languages);
		return diag_set(d, API_ERROR_CONFLICTING_FIELDS, f->path, "is for %s, and this is %s",
			languages.failed ? "other languages" : languages.data, spvscope_language_name(r->job.language));
	}
	return 0;
}

static int check_focus(const struct spvscope_job *job, struct diag *d)
{
	if (!job->focus || (job->source.name && strcmp(job->focus, job->source.name) == 0))
		return 0;
	for (size_t i = 0; i < job->n_files; i++)
		if (strcmp(job->files[i].name, job->focus) == 0)
			return 0;
	return diag_set(d, API_ERROR_CONFLICTING_FIELDS, "focus", "is neither name nor a name of files");
}

/* Once the language is known. */
static int check_options(struct compile_request *r, struct diag *d)
{
	if (check_languages(r, d) < 0 || check_focus(&r->job, d) < 0)
		return -EINVAL;
	if (r->job.options.flags & SPVSCOPE_OPTION_PREPROCESS_ONLY)
		r->job.emit |= SPVSCOPE_EMIT_PREPROCESSED;
	return 0;
}

/* What some editors put before a text is no part of it, and compilers stumble over it. */
static void leave_out_byte_order_mark(struct spvscope_file *f)
{
	if (!has_byte_order_mark((const char *)f->data, f->size))
		return;
	f->size -= BYTE_ORDER_MARK_BYTES;
	memmove(f->data, f->data + BYTE_ORDER_MARK_BYTES, f->size);
}

int compile_request_finish(struct compile_request *r, struct diag *d)
{
	struct spvscope_job *job = &r->job;

	leave_out_byte_order_mark(&job->source);
	for (size_t i = 0; i < job->n_files; i++)
		leave_out_byte_order_mark(&job->files[i]);
	if (!job->source.data)
		return diag_set(d, API_ERROR_MISSING_FIELD, "source", "give the source in source or source_base64");
	if (job->source.size == 0)
		return diag_set(d, API_ERROR_MISSING_FIELD, "source", "the source is empty");
	if (!r->document.session != !r->document.uri)
		return diag_set(d, API_ERROR_MISSING_FIELD, r->document.uri ? "document.session" : "document.uri",
			"a document has a session and a uri");
	if (job->entry_point && job->entry_point[0] == '\0')
		return diag_set(d, API_ERROR_OUT_OF_RANGE, "entry_point", "is empty; leave it out for main");

	int guess = spvscope_job_guess(job);
	if (!r->has_env && is_opencl(job->language))
		job->env = SPVSCOPE_ENV_OPENCL_2_2;
	if (check_version(job, d) < 0)
		return -EINVAL;
	if (guess == 1)
		return diag_set(d, API_ERROR_LANGUAGE_UNKNOWN, "language",
			"cannot be told from the name or the source; give one of: %s", spvscope_language_words());
	if (guess == 2)
		return diag_set(d, API_ERROR_STAGE_UNKNOWN, "stage",
			"cannot be told from the name or a #pragma shader_stage; give one of: %s", spvscope_stage_words());
	if (guess == 0 && check_options(r, d) < 0)
		return -EINVAL;
	if (guess < 0)
		return guess;
	if (job->language == SPVSCOPE_LANGUAGE_OTHER && !job->backend)
		return diag_set(d, API_ERROR_MISSING_FIELD, "backend", "language other is one that the back end named here knows");
	return check_source(job, d);
}
