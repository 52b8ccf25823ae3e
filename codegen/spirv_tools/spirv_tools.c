/* SPDX-License-Identifier: Apache-2.0 */
/* SPIRV-Tools through its C interface: the back end for SPIR-V input (assembly and binaries), and validation and
 * disassembly for all. Runs in the worker, on the compiling thread. */
#include <ctype.h>
#include <errno.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <spirv-tools/libspirv.h>

#include "base/cleanup.h"
#include "codegen/environment.h"
#include "codegen/spirv_lines.h"
#include "codegen/spirv_tools/asm_lines.h"
#include "codegen/spirv_tools/spirv_tools.h"

#define SPIRV_MAGIC         0x07230203u
#define SPIRV_MAGIC_SWAPPED 0x03022307u
#define SPIRV_HEADER_WORDS  5u

static const spv_target_env universal_envs[] = {
	SPV_ENV_UNIVERSAL_1_0, SPV_ENV_UNIVERSAL_1_1, SPV_ENV_UNIVERSAL_1_2, SPV_ENV_UNIVERSAL_1_3,
	SPV_ENV_UNIVERSAL_1_4, SPV_ENV_UNIVERSAL_1_5, SPV_ENV_UNIVERSAL_1_6,
};

int spirv_target_env(const struct spvscope_job *job)
{
	uint32_t minor = job->spirv_version >> 8 & 0xff;

	switch (job->env) {
	case SPVSCOPE_ENV_VULKAN_1_0:
		return SPV_ENV_VULKAN_1_0;
	case SPVSCOPE_ENV_VULKAN_1_1:
		return minor == 4 ? SPV_ENV_VULKAN_1_1_SPIRV_1_4 : SPV_ENV_VULKAN_1_1;
	case SPVSCOPE_ENV_VULKAN_1_2:
		return SPV_ENV_VULKAN_1_2;
	case SPVSCOPE_ENV_VULKAN_1_3:
		return SPV_ENV_VULKAN_1_3;
	case SPVSCOPE_ENV_OPENGL_4_5:
		return SPV_ENV_OPENGL_4_5;
	case SPVSCOPE_ENV_OPENCL_1_2:
		return SPV_ENV_OPENCL_1_2;
	case SPVSCOPE_ENV_OPENCL_2_0:
		return SPV_ENV_OPENCL_2_0;
	case SPVSCOPE_ENV_OPENCL_2_1:
		return SPV_ENV_OPENCL_2_1;
	case SPVSCOPE_ENV_OPENCL_2_2:
		return SPV_ENV_OPENCL_2_2;
	default:
		return job->spirv_version && minor < ARRAY_SIZE(universal_envs) ? universal_envs[minor] :
										  SPV_ENV_UNIVERSAL_1_6;
	}
}

/* One for each environment, made when first wanted and never freed: making one copies the whole grammar. NULL when out
 * of memory. */
static spv_context context_for(const struct spvscope_job *job)
{
	static _Atomic(spv_context) contexts[SPV_ENV_MAX];
	int env = spirv_target_env(job);
	spv_context context = atomic_load(&contexts[env]);

	if (context)
		return context;
	spv_context made = spvContextCreate((spv_target_env)env), none = NULL;
	if (!made)
		return NULL;
	if (atomic_compare_exchange_strong(&contexts[env], &none, made))
		return made;
	spvContextDestroy(made);
	return none;
}

int spirv_prepare(const struct spvscope_job *job)
{
	return context_for(job) ? 0 : -ENOMEM;
}

const char *spirv_tools_version(void)
{
	return spvSoftwareVersionString();
}

static void destroy_diagnostic(spv_diagnostic *d)
{
	spvDiagnosticDestroy(*d);
}

static void destroy_binary(spv_binary *b)
{
	spvBinaryDestroy(*b);
}

static void destroy_text(spv_text *t)
{
	spvTextDestroy(*t);
}

static void destroy_options(spv_validator_options *o)
{
	spvValidatorOptionsDestroy(*o);
}

/* The end of the token that begins at column of a line. */
static uint32_t token_end(const char *line, size_t len, uint32_t column)
{
	uint32_t end = column;

	while (end < len && !isspace((unsigned char)line[end]))
		end++;
	return end;
}

static int diagnose_assembly(struct codegen_run *run, const spv_diagnostic d)
{
	const struct spvscope_file *source = &run->job->source;
	struct spvscope_diagnostic out = {
		.severity = SPVSCOPE_SEVERITY_ERROR,
		.source = (char *)"spirv-as",
		.code = (char *)"assembly",
		.message = d && d->error ? d->error : (char *)"the assembler gave no reason",
	};
	const char *line;
	size_t len;

	if (d && asm_line((const char *)source->data, source->size, d->position.line, &line, &len)) {
		out.line = (uint32_t)d->position.line + 1;
		if (d->position.column < len) {
			out.column_begin = (uint32_t)d->position.column;
			out.column_end = token_end(line, len, out.column_begin);
		}
	}
	return run_diagnose(run, &out);
}

static int keep_words(struct spvscope_result *result, const uint32_t *words, size_t n_words)
{
	uint32_t *copy = malloc(n_words ? n_words * sizeof(*copy) : 1);

	if (!copy)
		return -ENOMEM;
	if (n_words)
		memcpy(copy, words, n_words * sizeof(*copy));
	free(result->spirv);
	result->spirv = copy;
	result->n_spirv_words = n_words;
	return CODEGEN_GOOD;
}

static int assemble(struct codegen_run *run)
{
	const struct spvscope_file *source = &run->job->source;
	_cleanup_(destroy_diagnostic) spv_diagnostic d = NULL;
	_cleanup_(destroy_binary) spv_binary binary = NULL;
	spv_context context = context_for(run->job);

	if (!context)
		return -ENOMEM;
	spv_result_t r = spvTextToBinary(context, (const char *)source->data, source->size, &binary, &d);
	if (r == SPV_ERROR_OUT_OF_MEMORY)
		return -ENOMEM;
	if (r != SPV_SUCCESS || !binary)
		return diagnose_assembly(run, d);
	return keep_words(run->result, binary->code, binary->wordCount);
}

static bool is_named(const struct codegen_run *run)
{
	return !(run->job->options.flags & SPVSCOPE_OPTION_DIS_NUMBERS) &&
		spirv_naming_cost(run->result->spirv, run->result->n_spirv_words) <= SPIRV_NAMING_COST_LIMIT;
}

/* The library's words go to *ret_why, malloc'ed, when it refuses the module. */
static int disassemble(struct codegen_run *run, char **ret_why)
{
	static const struct {
		uint64_t flag;
		uint32_t option;
	} rows[] = {
		{ SPVSCOPE_OPTION_DIS_NO_HEADER, SPV_BINARY_TO_TEXT_OPTION_NO_HEADER },
		{ SPVSCOPE_OPTION_DIS_OFFSETS, SPV_BINARY_TO_TEXT_OPTION_SHOW_BYTE_OFFSET },
		{ SPVSCOPE_OPTION_DIS_COMMENTS, SPV_BINARY_TO_TEXT_OPTION_COMMENT },
	};
	uint64_t flags = run->job->options.flags;
	uint32_t options = flags & SPVSCOPE_OPTION_DIS_NO_INDENT ? 0 : SPV_BINARY_TO_TEXT_OPTION_INDENT;
	_cleanup_(destroy_diagnostic) spv_diagnostic d = NULL;
	_cleanup_(destroy_text) spv_text text = NULL;
	spv_context context = context_for(run->job);

	if (!context)
		return -ENOMEM;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		if (flags & rows[i].flag)
			options |= rows[i].option;
	if (is_named(run))
		options |= SPV_BINARY_TO_TEXT_OPTION_FRIENDLY_NAMES;
	spv_result_t r = spvBinaryToText(context, run->result->spirv, run->result->n_spirv_words, options, &text, &d);
	if (r == SPV_ERROR_OUT_OF_MEMORY)
		return -ENOMEM;
	if (r != SPV_SUCCESS || !text) {
		*ret_why = strdup(d && d->error ? d->error : "no reason was given");
		return *ret_why ? CODEGEN_WRONG : -ENOMEM;
	}
	free(run->result->disassembly);
	run->result->disassembly = strndup(text->str, text->length);
	return run->result->disassembly ? CODEGEN_GOOD : -ENOMEM;
}

void spirv_place_in_source(const struct codegen_run *run, const uint32_t *words, size_t n_words, size_t number,
	struct spvscope_diagnostic *d)
{
	const char *name = run->job->source.name;
	struct spirv_place place;

	if (number == 0)
		return;
	if (run->result->language == SPVSCOPE_LANGUAGE_SPIRV_ASM) {
		d->line = asm_instruction_line((const char *)run->job->source.data, run->job->source.size, number);
		return;
	}
	if (spirv_place_of(words, n_words, number, &place) < 0 || !place.file)
		return;
	if (strcmp(place.file, name ? name : CODEGEN_UNNAMED) != 0)
		d->file = (char *)place.file;
	d->line = place.line;
	if (place.column_end > place.column_begin && place.column_begin > 0) {
		d->column_begin = place.column_begin - 1;
		d->column_end = place.column_end - 1;
	}
}

/* The instruction's own line of the disassembly as a related place, in text. The text stays in the result when it was
 * asked for: it is what the place is in. */
static int place_in_disassembly(struct codegen_run *run, size_t number, struct strbuf *text, struct spvscope_related *ret)
{
	const char *all, *line;
	size_t len;
	_cleanup_free_ char *why = NULL;

	if (disassemble(run, &why) == -ENOMEM)
		return -ENOMEM;
	all = run->result->disassembly;
	if (!all)
		return 0;
	*ret = (struct spvscope_related){
		.file = (char *)"<disassembly>",
		.line = asm_instruction_line(all, strlen(all), number),
		.message = (char *)"",
	};
	if (ret->line && asm_line(all, strlen(all), ret->line - 1, &line, &len)) {
		while (len > 0 && isspace((unsigned char)*line)) {
			line++;
			len--;
			ret->column_begin++;
		}
		strbuf_append(text, line, len < 512 ? len : 512);
		ret->column_end = ret->column_begin + (uint32_t)len;
		ret->message = text->data;
	}
	if (!(run->job->emit & SPVSCOPE_EMIT_DISASSEMBLY))
		free(TAKE_PTR(run->result->disassembly));
	return text->failed ? -ENOMEM : ret->line ? 1 : 0;
}

/* "[VUID-…] message" begins with the rule that was broken, which makes a good code. */
static int diagnose_module(struct codegen_run *run, const char *source, const spv_diagnostic d)
{
	_cleanup_strbuf_ struct strbuf text = {};
	struct spvscope_related related = {};
	char code[96] = "";
	struct spvscope_diagnostic out = {
		.severity = SPVSCOPE_SEVERITY_ERROR,
		.source = (char *)source,
		.code = (char *)"invalid-module",
		.message = d && d->error ? d->error : (char *)"the module is invalid; no reason was given",
	};

	if (sscanf(out.message, "[%95[^] ]]", code) == 1 && strncmp(code, "VUID-", 5) == 0)
		out.code = code;
	if (d)
		spirv_place_in_source(run, run->result->spirv, run->result->n_spirv_words, d->position.index, &out);
	if (!d || d->position.index == 0 || run->result->language == SPVSCOPE_LANGUAGE_SPIRV_ASM)
		return run_diagnose(run, &out);
	int r = place_in_disassembly(run, d->position.index, &text, &related);
	if (r < 0)
		return r;
	out.related = &related;
	out.n_related = (size_t)r;
	return run_diagnose(run, &out);
}

static spv_result_t count_instruction(void *ctx, const spv_parsed_instruction_t *instruction)
{
	(void)instruction;
	++*(uint64_t *)ctx;
	return SPV_SUCCESS;
}

/* Takes a binary in, in either byte order, and looks whether each instruction is well formed. */
static int read_binary(struct codegen_run *run, uint32_t span)
{
	const struct spvscope_file *source = &run->job->source;
	_cleanup_(destroy_diagnostic) spv_diagnostic d = NULL;
	spv_context context = context_for(run->job);
	uint64_t n_instructions = 0;
	uint32_t *words;

	if (!context)
		return -ENOMEM;
	if (source->size % sizeof(uint32_t) || source->size < SPIRV_HEADER_WORDS * sizeof(uint32_t))
		return run_refuse(run, "spirv-val", "size",
			"%zu bytes are no SPIR-V module: it is a row of 4-byte words, %u of them the header",
			source->size, SPIRV_HEADER_WORDS);
	int r = keep_words(run->result, (const uint32_t *)(const void *)source->data, source->size / sizeof(uint32_t));
	if (r < 0)
		return r;
	words = run->result->spirv;
	if (words[0] == SPIRV_MAGIC_SWAPPED)
		for (size_t i = 0; i < run->result->n_spirv_words; i++)
			words[i] = __builtin_bswap32(words[i]);
	if (words[0] != SPIRV_MAGIC)
		return run_refuse(run, "spirv-val", "magic",
			"the first word is 0x%08x, not SPIR-V's magic number 0x%08x", words[0], SPIRV_MAGIC);
	spv_result_t parsed = spvBinaryParse(context, &n_instructions, words, run->result->n_spirv_words, NULL,
		count_instruction, &d);
	span_u64(run, span, "ir.instructions", n_instructions);
	if (parsed == SPV_ERROR_OUT_OF_MEMORY)
		return -ENOMEM;
	return parsed == SPV_SUCCESS ? CODEGEN_GOOD : diagnose_module(run, "spirv-val", d);
}

static int compile(struct codegen_run *run)
{
	bool is_text = run->result->language == SPVSCOPE_LANGUAGE_SPIRV_ASM;
	struct environment env;
	const char *outer;

	if (environment_of(run, &env) != CODEGEN_GOOD)
		return CODEGEN_WRONG;
	uint32_t span = stage_begin(run, is_text ? "codegen::assemble" : "codegen::parse", &outer);
	span_str(run, span, "backend", "spirv-tools");
	span_u64(run, span, "source.bytes", run->job->source.size);
	int r = is_text ? assemble(run) : read_binary(run, span);
	span_u64(run, span, "spirv.bytes", run->result->n_spirv_words * sizeof(uint32_t));
	stage_end(run, span, outer);
	return r;
}

const struct codegen_backend codegen_spirv_tools = {
	.name = "spirv-tools",
	.languages = 1u << SPVSCOPE_LANGUAGE_SPIRV_ASM | 1u << SPVSCOPE_LANGUAGE_SPIRV,
	.compile = compile,
};

static void set_rules(uint64_t flags, spv_validator_options options)
{
	static const struct {
		uint64_t flag;
		void (*set)(spv_validator_options options, bool value);
	} rows[] = {
		{ SPVSCOPE_OPTION_VAL_RELAX_LOGICAL_POINTER, spvValidatorOptionsSetRelaxLogicalPointer },
		{ SPVSCOPE_OPTION_VAL_RELAX_BLOCK_LAYOUT, spvValidatorOptionsSetRelaxBlockLayout },
		{ SPVSCOPE_OPTION_VAL_UNIFORM_BUFFER_STANDARD_LAYOUT, spvValidatorOptionsSetUniformBufferStandardLayout },
		{ SPVSCOPE_OPTION_VAL_SCALAR_BLOCK_LAYOUT, spvValidatorOptionsSetScalarBlockLayout },
		{ SPVSCOPE_OPTION_VAL_WORKGROUP_SCALAR_BLOCK_LAYOUT, spvValidatorOptionsSetWorkgroupScalarBlockLayout },
		{ SPVSCOPE_OPTION_VAL_SKIP_BLOCK_LAYOUT, spvValidatorOptionsSetSkipBlockLayout },
		{ SPVSCOPE_OPTION_VAL_RELAX_STRUCT_STORE, spvValidatorOptionsSetRelaxStoreStruct },
		{ SPVSCOPE_OPTION_VAL_ALLOW_LOCALSIZEID, spvValidatorOptionsSetAllowLocalSizeId },
		{ SPVSCOPE_OPTION_VAL_BEFORE_HLSL_LEGALIZATION, spvValidatorOptionsSetBeforeHlslLegalization },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		if (flags & rows[i].flag)
			rows[i].set(options, true);
}

static void set_limits(const uint32_t limits[SPVSCOPE_N_VALIDATOR_LIMITS], spv_validator_options options)
{
	for (unsigned i = 0; i < SPVSCOPE_N_VALIDATOR_LIMITS; i++)
		if (limits[i])
			spvValidatorOptionsSetUniversalLimit(options, (spv_validator_limit)i, limits[i]);
}

static int validate(struct codegen_run *run)
{
	_cleanup_(destroy_options) spv_validator_options options = spvValidatorOptionsCreate();
	_cleanup_(destroy_diagnostic) spv_diagnostic d = NULL;
	spv_context context = context_for(run->job);
	const struct spv_const_binary_t binary = { run->result->spirv, run->result->n_spirv_words };

	if (!options || !context)
		return -ENOMEM;
	/* Quadratic with equal names: 9.5 s for 80 KB. */
	spvValidatorOptionsSetFriendlyNames(options, false);
	/* What the source asked for by layout(scalar) or HLSL's packing. */
	spvValidatorOptionsSetScalarBlockLayout(options, run->scalar_layout);
	spvValidatorOptionsSetWorkgroupScalarBlockLayout(options, run->scalar_layout);
	spvValidatorOptionsSetRelaxBlockLayout(options, run->relaxed_layout);
	if (run->job->options.flags & SPVSCOPE_OPTION_VAL_ANY)
		set_rules(run->job->options.flags, options);
	set_limits(run->job->options.validator_limits, options);
	spv_result_t r = spvValidateWithOptions(context, options, (spv_const_binary)&binary, &d);
	if (r == SPV_ERROR_OUT_OF_MEMORY)
		return -ENOMEM;
	return r == SPV_SUCCESS ? CODEGEN_GOOD : diagnose_module(run, "spirv-val", d);
}

int spirv_validate(struct codegen_run *run, const char *what)
{
	const char *outer;
	uint32_t span = stage_begin(run, "codegen::validate", &outer);

	span_str(run, span, "module", what);
	span_u64(run, span, "spirv.bytes", run->result->n_spirv_words * sizeof(uint32_t));
	int r = validate(run);
	stage_end(run, span, outer);
	return r;
}

int spirv_disassemble(struct codegen_run *run)
{
	const char *outer;
	uint32_t span = stage_begin(run, "codegen::disassemble", &outer);
	_cleanup_free_ char *why = NULL;
	int r = disassemble(run, &why);

	if (why)
		r = run_refuse(run, "spirv-dis", "disassembly", "%s", why);
	if (run->result->disassembly) {
		span_str(run, span, "ids", is_named(run) ? "names" : "numbers");
		span_u64(run, span, "text.bytes", strlen(run->result->disassembly));
	}
	stage_end(run, span, outer);
	return r;
}
