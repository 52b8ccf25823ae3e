/* SPDX-License-Identifier: Apache-2.0 */
/* The table itself and the plain field types. Runs in the front. */
#include "api/request_fields.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "api/errors.h"
#include "base/cleanup.h"

/* A list of words whose place is their value: the enums whose names are the contract's alone. */
#define WORDS(name, first, ...)                                                                    \
	static const char *const name##_texts[] = { __VA_ARGS__ };                                 \
	static int name##_parse(const char *text, unsigned *ret)                                   \
	{                                                                                          \
		for (unsigned i = 0; i < ARRAY_SIZE(name##_texts); i++)                            \
			if (strcmp(text, name##_texts[i]) == 0) {                                  \
				*ret = i + (first);                                                \
				return 0;                                                          \
			}                                                                          \
		return -EINVAL;                                                                    \
	}                                                                                          \
	static const char *name##_name(unsigned value)                                             \
	{                                                                                          \
		return name##_texts[value - (first)];                                              \
	}

WORDS(debug_info, SPVSCOPE_DEBUG_INFO_NONE, "none", "line", "full", "nonsemantic")
WORDS(warnings, SPVSCOPE_WARNINGS_KEEP, "keep", "off", "error")
WORDS(analyzer_kind, ANALYZER_OFF, "off", "release", "debug")
WORDS(isolation, ISOLATION_WORKER, "worker", "request")
WORDS(position_encoding, POSITION_UTF16, "utf-16", "utf-8", "utf-32")

static const char *debug_info_list(void)
{
	return "none, line, full, nonsemantic";
}
static const char *warnings_list(void)
{
	return "keep, off, error";
}
static const char *analyzer_kind_list(void)
{
	return "off, release, debug";
}
static const char *isolation_list(void)
{
	return "worker, request";
}
static const char *position_encoding_list(void)
{
	return "utf-8, utf-16, utf-32";
}

static int language_parse(const char *text, unsigned *ret)
{
	enum spvscope_language l;
	int r = spvscope_language_parse(text, &l);

	if (r >= 0)
		*ret = l;
	return r;
}

static int stage_parse(const char *text, unsigned *ret)
{
	enum spvscope_stage s;
	int r = spvscope_stage_parse(text, &s);

	if (r >= 0)
		*ret = s;
	return r;
}

static int env_parse(const char *text, unsigned *ret)
{
	enum spvscope_env e;
	int r = spvscope_env_parse(text, &e);

	if (r >= 0)
		*ret = e;
	return r;
}

static const char *language_name(unsigned value)
{
	return spvscope_language_name((enum spvscope_language)value);
}

static const char *stage_name(unsigned value)
{
	return spvscope_stage_name((enum spvscope_stage)value);
}

static const char *env_name(unsigned value)
{
	return spvscope_env_name((enum spvscope_env)value);
}

static const struct field_words language_words = { language_parse, language_name, spvscope_language_words };
static const struct field_words stage_words = { stage_parse, stage_name, spvscope_stage_words };
static const struct field_words env_words = { env_parse, env_name, spvscope_env_words };
static const struct field_words debug_info_words = { debug_info_parse, debug_info_name, debug_info_list };
static const struct field_words warnings_words = { warnings_parse, warnings_name, warnings_list };
static const struct field_words analyzer_kind_words = { analyzer_kind_parse, analyzer_kind_name, analyzer_kind_list };
static const struct field_words isolation_words = { isolation_parse, isolation_name, isolation_list };
static const struct field_words position_encoding_words = { position_encoding_parse, position_encoding_name,
	position_encoding_list };

#define GLSL_ONLY  (1u << SPVSCOPE_LANGUAGE_GLSL)
#define HLSL_ONLY  (1u << SPVSCOPE_LANGUAGE_HLSL)
#define GLSL_HLSL  (GLSL_ONLY | HLSL_ONLY)
#define ANY_LANGUAGE 0
#define AT(member) offsetof(struct compile_request, member)
#define MAX_EXACT  9007199254740991ull /* the largest integer that every JSON reader keeps */

/* A row of one bit of the options, false unless it is said; of one of the validator's limits; of a list of settings. */
#define FLAG(path, query, bit, which)                                                              \
	{ path, query, FIELD_FLAG, AT(job.options.flags), .flag = SPVSCOPE_OPTION_##bit,           \
		.default_json = "false", .languages = which }
#define VALIDATOR_LIMIT(name, i)                                                                   \
	{ "validator." name, "validator_" name, FIELD_NUMBER32, AT(job.options.validator_limits[i]), 1, UINT32_MAX }
#define SETTINGS(path, which)                                                                      \
	{ path, NULL, FIELD_CUSTOM, .max = REQUEST_MAX_SETTINGS, .set_json = field_settings_json,  \
		.write = field_settings_write, .languages = which }

const struct request_field request_fields[] = {
	/* path, query, type, offset, min, max, default, words */
	{ "language", "language", FIELD_WORD, AT(job.language), .words = &language_words },
	{ "backend", "backend", FIELD_TEXT, AT(job.backend), 1, 64 },
	{ "stage", "stage", FIELD_WORD, AT(job.stage), .words = &stage_words },
	{ "source", NULL, FIELD_CUSTOM, .max = REQUEST_MAX_SOURCE_BYTES, .set_json = field_source_json },
	{ "source_base64", NULL, FIELD_CUSTOM, .set_json = field_source_base64_json },
	{ "name", "name", FIELD_TEXT, AT(job.source.name), 0, REQUEST_MAX_NAME_BYTES },
	{ "files", NULL, FIELD_CUSTOM, .max = REQUEST_MAX_FILES, .set_json = field_files_json,
		.write = field_files_write },
	{ "entry_point", "entry_point", FIELD_TEXT, AT(job.entry_point), 0, 256, "\"main\"" },
	{ "target.env", "target", FIELD_WORD, AT(job.env), .default_json = "\"vulkan1.3\"", .words = &env_words },
	{ "target.spirv", "spirv", FIELD_CUSTOM, .set_json = field_spirv_version_json,
		.set_text = field_spirv_version_text, .write = field_spirv_version_write },
	{ "defines", "define", FIELD_CUSTOM, .max = REQUEST_MAX_DEFINES, .may_repeat = true,
		.set_json = field_defines_json, .set_text = field_define_text,
		.write = field_defines_write },
	{ "optimize", "optimize", FIELD_CUSTOM, .default_json = "\"none\"", .set_json = field_optimize_json,
		.set_text = field_optimize_text, .write = field_optimize_write },
	{ "debug_info", "debug_info", FIELD_WORD, AT(job.debug_info), .default_json = "\"none\"",
		.words = &debug_info_words },
	{ "source_entry_point", "source_entry_point", FIELD_TEXT, AT(job.source_entry_point), 0, 256,
		.languages = GLSL_HLSL },
	{ "focus", "focus", FIELD_TEXT, AT(job.focus), 0, REQUEST_MAX_NAME_BYTES },
	{ "undefines", "undefine", FIELD_CUSTOM, .max = REQUEST_MAX_SETTINGS, .may_repeat = true,
		.set_json = field_settings_json, .set_text = field_undefine_text, .write = field_settings_write,
		.languages = GLSL_HLSL },
	{ "glsl_version", "glsl_version", FIELD_CUSTOM, .set_json = field_glsl_version_json,
		.set_text = field_glsl_version_text, .write = field_glsl_version_write, .languages = GLSL_ONLY },
	{ "client_version", "client_version", FIELD_NUMBER32, AT(job.options.client_version), 1, 999, "100",
		.languages = GLSL_HLSL },
	{ "warnings", "warnings", FIELD_WORD, AT(job.options.warnings), .default_json = "\"keep\"",
		.words = &warnings_words },
	{ "uniform_base", "uniform_base", FIELD_NUMBER32, AT(job.options.uniform_base), 0, 65535, "0",
		.languages = GLSL_HLSL },
	{ "validate", "validate", FIELD_BOOL, AT(job.validate), .default_json = "true" },
	{ "auto_map_bindings", "auto_map_bindings", FIELD_BOOL, AT(job.auto_map_bindings), .default_json = "false",
		.languages = GLSL_HLSL },
	{ "auto_map_locations", "auto_map_locations", FIELD_BOOL, AT(job.auto_map_locations), .default_json = "false",
		.languages = GLSL_HLSL },
	FLAG("stop_at_first_error", "stop_at_first_error", FIRST_ERROR_ONLY, GLSL_HLSL),
	FLAG("enhanced_messages", "enhanced_messages", ENHANCED_MESSAGES, GLSL_ONLY),
	FLAG("relaxed_errors", "relaxed_errors", RELAXED_ERRORS, GLSL_ONLY),
	FLAG("relaxed_rules", "relaxed_rules", RELAXED_RULES, GLSL_ONLY),
	FLAG("preprocess_only", "preprocess_only", PREPROCESS_ONLY, GLSL_HLSL),
	FLAG("auto_combined_image_sampler", "auto_combined_image_sampler", AUTO_COMBINED_IMAGE_SAMPLER, GLSL_HLSL),
	FLAG("flatten_uniform_arrays", "flatten_uniform_arrays", FLATTEN_UNIFORM_ARRAYS, HLSL_ONLY),
	FLAG("invert_y", "invert_y", INVERT_Y, GLSL_HLSL),
	FLAG("nan_clamp", "nan_clamp", NAN_CLAMP, GLSL_HLSL),
	FLAG("no_storage_format", "no_storage_format", NO_STORAGE_FORMAT, GLSL_HLSL),
	FLAG("keep_uncalled", "keep_uncalled", KEEP_UNCALLED, GLSL_HLSL),
	FLAG("hlsl.iomap", "hlsl_iomap", HLSL_IOMAP, GLSL_HLSL),
	FLAG("hlsl.offsets", "hlsl_offsets", HLSL_OFFSETS, GLSL_HLSL),
	FLAG("hlsl.types_16bit", "hlsl_types_16bit", HLSL_16BIT_TYPES, HLSL_ONLY),
	FLAG("hlsl.functionality1", "hlsl_functionality1", HLSL_FUNCTIONALITY1, GLSL_HLSL),
	FLAG("hlsl.dx9_compatible", "hlsl_dx9_compatible", HLSL_DX9_COMPATIBLE, HLSL_ONLY),
	FLAG("hlsl.dx_position_w", "hlsl_dx_position_w", HLSL_DX_POSITION_W, HLSL_ONLY),
	FLAG("hlsl.skip_legalization", "hlsl_skip_legalization", HLSL_NO_LEGALIZATION, HLSL_ONLY),
	FLAG("validator.relax_logical_pointer", "validator_relax_logical_pointer", VAL_RELAX_LOGICAL_POINTER, ANY_LANGUAGE),
	FLAG("validator.relax_block_layout", "validator_relax_block_layout", VAL_RELAX_BLOCK_LAYOUT, ANY_LANGUAGE),
	FLAG("validator.uniform_buffer_standard_layout", "validator_uniform_buffer_standard_layout", VAL_UNIFORM_BUFFER_STANDARD_LAYOUT, ANY_LANGUAGE),
	FLAG("validator.scalar_block_layout", "validator_scalar_block_layout", VAL_SCALAR_BLOCK_LAYOUT, ANY_LANGUAGE),
	FLAG("validator.workgroup_scalar_block_layout", "validator_workgroup_scalar_block_layout", VAL_WORKGROUP_SCALAR_BLOCK_LAYOUT, ANY_LANGUAGE),
	FLAG("validator.skip_block_layout", "validator_skip_block_layout", VAL_SKIP_BLOCK_LAYOUT, ANY_LANGUAGE),
	FLAG("validator.relax_struct_store", "validator_relax_struct_store", VAL_RELAX_STRUCT_STORE, ANY_LANGUAGE),
	FLAG("validator.allow_localsizeid", "validator_allow_localsizeid", VAL_ALLOW_LOCALSIZEID, ANY_LANGUAGE),
	FLAG("validator.before_hlsl_legalization", "validator_before_hlsl_legalization", VAL_BEFORE_HLSL_LEGALIZATION, ANY_LANGUAGE),
	VALIDATOR_LIMIT("max_struct_members", 0),
	VALIDATOR_LIMIT("max_struct_depth", 1),
	VALIDATOR_LIMIT("max_local_variables", 2),
	VALIDATOR_LIMIT("max_global_variables", 3),
	VALIDATOR_LIMIT("max_switch_branches", 4),
	VALIDATOR_LIMIT("max_function_args", 5),
	VALIDATOR_LIMIT("max_control_flow_nesting_depth", 6),
	VALIDATOR_LIMIT("max_access_chain_indexes", 7),
	VALIDATOR_LIMIT("max_id_bound", 8),
	FLAG("disassembler.numbers", "disassembler_numbers", DIS_NUMBERS, ANY_LANGUAGE),
	FLAG("disassembler.no_header", "disassembler_no_header", DIS_NO_HEADER, ANY_LANGUAGE),
	FLAG("disassembler.no_indent", "disassembler_no_indent", DIS_NO_INDENT, ANY_LANGUAGE),
	FLAG("disassembler.offsets", "disassembler_offsets", DIS_OFFSETS, ANY_LANGUAGE),
	FLAG("disassembler.comments", "disassembler_comments", DIS_COMMENTS, ANY_LANGUAGE),
	SETTINGS("binding_bases", GLSL_HLSL),
	SETTINGS("resource_bindings", GLSL_HLSL),
	SETTINGS("resource_limits", GLSL_HLSL),
	SETTINGS("uniform_locations", GLSL_ONLY),
	SETTINGS("block_backing", GLSL_ONLY),
	SETTINGS("default_uniform_block", GLSL_ONLY),
	SETTINGS("atomic_counter_block", GLSL_ONLY),
	{ "emit", "emit", FIELD_CUSTOM, .default_json = "[\"spirv\"]", .set_json = field_emit_json,
		.set_text = field_emit_text, .write = field_emit_write },
	{ "trace.level", "trace", FIELD_CUSTOM, .set_json = field_level_json, .set_text = field_level_text, .write = field_level_write },
	{ "trace.filter", "filter", FIELD_CUSTOM, .max = TRACE_FILTER_MAX_BYTES, .set_json = field_filter_json,
		.set_text = field_filter_text, .write = field_filter_write },
	{ "analyzer.kind", "analyzer", FIELD_WORD, AT(analyzer.kind), .default_json = "\"off\"",
		.words = &analyzer_kind_words },
	{ "analyzer.frequency_hz", "frequency_hz", FIELD_NUMBER32, AT(analyzer.frequency_hz), 1, 50000, "4999" },
	{ "analyzer.min_samples", "min_samples", FIELD_NUMBER32, AT(analyzer.min_samples), 0, 1000000, "500" },
	{ "analyzer.budget_ms", "budget_ms", FIELD_NUMBER32, AT(analyzer.budget_ms), 0, 60000, "500" },
	{ "limits.wall_ms", "wall_ms", FIELD_NUMBER64, AT(wall_ms), 1, 600000, "10000" },
	{ "limits.memory_bytes", "memory_bytes", FIELD_NUMBER64, AT(memory_bytes), 16ull << 20, 16ull << 30,
		"1073741824" },
	{ "document.session", NULL, FIELD_TEXT, AT(document.session), 0, 128 },
	{ "document.uri", NULL, FIELD_TEXT, AT(document.uri), 0, 4096 },
	{ "document.version", NULL, FIELD_NUMBER64, AT(document.version), 0, MAX_EXACT },
	{ "isolation", "isolation", FIELD_WORD, AT(isolation), .words = &isolation_words },
	{ "keep", "keep", FIELD_BOOL, AT(keep), .default_json = "false" },
	{ "position_encoding", "position_encoding", FIELD_WORD, AT(position_encoding), .default_json = "\"utf-16\"",
		.words = &position_encoding_words },
	{ "check_only", "check_only", FIELD_BOOL, AT(job.check_only), .default_json = "false" },
	/* Of the query alone: JSON has {"passes": […]} in "optimize". */
	{ NULL, "pass", FIELD_CUSTOM, .max = REQUEST_MAX_PASSES, .may_repeat = true, .set_text = field_pass_text },
};
const size_t n_request_fields = ARRAY_SIZE(request_fields);

int field_unknown_word(struct diag *d, const char *where, const char *text, const char *words)
{
	return diag_set(d, API_ERROR_UNKNOWN_VALUE, where, "'%.40s' is not one of: %s", text, words);
}

int field_wrong_type(struct diag *d, const char *where, const char *wanted, const json_t *got)
{
	static const char *const names[] = {
		[JSON_OBJECT] = "an object", [JSON_ARRAY] = "an array", [JSON_STRING] = "a string",
		[JSON_INTEGER] = "a whole number", [JSON_REAL] = "a number with a fraction or an exponent",
		[JSON_TRUE] = "true", [JSON_FALSE] = "false", [JSON_NULL] = "null",
	};

	return diag_set(d, API_ERROR_WRONG_TYPE, where, "must be %s, not %s", wanted, names[json_typeof(got)]);
}

static int set_string(struct compile_request *r, const struct request_field *f, const char *where, const char *text,
	size_t len, struct diag *d)
{
	char **slot = (char **)((char *)r + f->offset);

	if (len > f->max)
		return diag_set(d, API_ERROR_OUT_OF_RANGE, where, "is %zu bytes long; at most %llu are taken", len,
			(unsigned long long)f->max);
	for (size_t i = 0; i < len; i++)
		if ((unsigned char)text[i] < 0x20 || text[i] == 0x7f)
			return diag_set(d, API_ERROR_UNKNOWN_VALUE, where, "has a control character at byte %zu", i);
	char *copy = strndup(text, len);
	if (!copy)
		return -ENOMEM;
	free(*slot);
	*slot = copy;
	return 0;
}

static int parse_bool(const char *where, const char *text, bool *ret, struct diag *d)
{
	if (strcmp(text, "true") == 0 || strcmp(text, "1") == 0 || text[0] == '\0')
		*ret = true;
	else if (strcmp(text, "false") == 0 || strcmp(text, "0") == 0)
		*ret = false;
	else
		return field_unknown_word(d, where, text, "true, false, 1, 0");
	return 0;
}

static int set_flag(struct compile_request *r, const struct request_field *f, const char *where, const char *text,
	struct diag *d)
{
	uint64_t *slot = (uint64_t *)(void *)((char *)r + f->offset);
	bool value = false;

	if (parse_bool(where, text, &value, d) < 0)
		return -EINVAL;
	*slot = value ? *slot | f->flag : *slot & ~f->flag;
	return 0;
}

static int set_number(struct compile_request *r, const struct request_field *f, const char *where, const char *text,
	struct diag *d)
{
	char *end;

	errno = 0;
	unsigned long long v = strtoull(text, &end, 10);
	if (text[0] < '0' || text[0] > '9' || *end != '\0')
		return diag_set(d, API_ERROR_WRONG_TYPE, where, "must be a whole number, not '%.40s'", text);
	if (errno == ERANGE || v < f->min || v > f->max)
		return diag_set(d, API_ERROR_OUT_OF_RANGE, where, "must be between %llu and %llu, not %.40s",
			(unsigned long long)f->min, (unsigned long long)f->max, text);
	if (f->type == FIELD_NUMBER32)
		*(uint32_t *)((char *)r + f->offset) = (uint32_t)v;
	else
		*(uint64_t *)((char *)r + f->offset) = v;
	return 0;
}

int field_set_text(struct compile_request *r, const struct request_field *f, const char *where, const char *text,
	size_t len, struct diag *d)
{
	switch (f->type) {
	case FIELD_TEXT:
		return set_string(r, f, where, text, len, d);
	case FIELD_WORD: {
		unsigned value;

		if (f->words->parse(text, &value) < 0)
			return field_unknown_word(d, where, text, f->words->list());
		*(unsigned *)((char *)r + f->offset) = value;
		return 0;
	}
	case FIELD_BOOL:
		return parse_bool(where, text, (bool *)((char *)r + f->offset), d);
	case FIELD_FLAG:
		return set_flag(r, f, where, text, d);
	case FIELD_NUMBER32:
	case FIELD_NUMBER64:
		return set_number(r, f, where, text, d);
	case FIELD_CUSTOM:
		break;
	}
	return f->set_text(r, f, text, d);
}
