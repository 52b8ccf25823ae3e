/* SPDX-License-Identifier: Apache-2.0 */
/* One compile as a back end sees it: a typed job goes in, a result comes out, and everything that happens on the way is
 * told to the tracer. Strings are UTF-8 and NUL-terminated unless a length stands beside them. */
#ifndef SPVSCOPE_CODEGEN_H
#define SPVSCOPE_CODEGEN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "spvscope/trace.h"

#ifdef __cplusplus
extern "C" {
#endif

enum spvscope_language {
	SPVSCOPE_LANGUAGE_NONE = 0, /* to be guessed */
	SPVSCOPE_LANGUAGE_GLSL,
	SPVSCOPE_LANGUAGE_HLSL,
	SPVSCOPE_LANGUAGE_SPIRV_ASM,
	SPVSCOPE_LANGUAGE_SPIRV,
	SPVSCOPE_N_LANGUAGES,
};

enum spvscope_stage {
	SPVSCOPE_STAGE_NONE = 0, /* to be guessed; SPIR-V needs none */
	SPVSCOPE_STAGE_VERTEX,
	SPVSCOPE_STAGE_TESS_CONTROL,
	SPVSCOPE_STAGE_TESS_EVAL,
	SPVSCOPE_STAGE_GEOMETRY,
	SPVSCOPE_STAGE_FRAGMENT,
	SPVSCOPE_STAGE_COMPUTE,
	SPVSCOPE_STAGE_TASK,
	SPVSCOPE_STAGE_MESH,
	SPVSCOPE_STAGE_RAYGEN,
	SPVSCOPE_STAGE_INTERSECT,
	SPVSCOPE_STAGE_ANYHIT,
	SPVSCOPE_STAGE_CLOSESTHIT,
	SPVSCOPE_STAGE_MISS,
	SPVSCOPE_STAGE_CALLABLE,
	SPVSCOPE_N_STAGES,
};

enum spvscope_env {
	SPVSCOPE_ENV_VULKAN_1_0 = 0,
	SPVSCOPE_ENV_VULKAN_1_1,
	SPVSCOPE_ENV_VULKAN_1_2,
	SPVSCOPE_ENV_VULKAN_1_3,
	SPVSCOPE_ENV_OPENGL_4_5,
	SPVSCOPE_ENV_UNIVERSAL, /* for SPIR-V input: no client's rules */
	SPVSCOPE_N_ENVS,
};

enum spvscope_optimize {
	SPVSCOPE_OPTIMIZE_NONE = 0,
	SPVSCOPE_OPTIMIZE_SIZE,
	SPVSCOPE_OPTIMIZE_PERFORMANCE,
	SPVSCOPE_OPTIMIZE_PASSES, /* job->passes, in their order */
};

enum spvscope_debug_info {
	SPVSCOPE_DEBUG_INFO_NONE = 0,
	SPVSCOPE_DEBUG_INFO_LINE,
	SPVSCOPE_DEBUG_INFO_FULL,
};

/* Bits of job->emit. SPIR-V is always made unless check_only. */
#define SPVSCOPE_EMIT_SPIRV        1u
#define SPVSCOPE_EMIT_DISASSEMBLY  2u
#define SPVSCOPE_EMIT_PREPROCESSED 4u
#define SPVSCOPE_EMIT_DEPENDENCIES 8u
/* From here on a bit is 1u << (SPVSCOPE_EMIT_FIRST_PRODUCT + enum spvscope_product). */
#define SPVSCOPE_EMIT_FIRST_PRODUCT 8

/* What is made from the SPIR-V when it is asked for; all of it text. Words and forms in names.c. */
enum spvscope_product {
	SPVSCOPE_PRODUCT_REFLECTION = 0,
	SPVSCOPE_PRODUCT_LINE_MAP,
	SPVSCOPE_PRODUCT_GLSL,
	SPVSCOPE_PRODUCT_HLSL,
	SPVSCOPE_PRODUCT_MSL,
	SPVSCOPE_N_PRODUCTS,
};

static inline uint32_t spvscope_product_bit(enum spvscope_product p)
{
	return 1u << (SPVSCOPE_EMIT_FIRST_PRODUCT + (unsigned)p);
}

struct spvscope_file {
	char *name;
	uint8_t *data; /* NUL-terminated behind size bytes */
	size_t size;
};

struct spvscope_define {
	char *name;
	char *value; /* NULL: defined with nothing behind it */
};

/* All pointers are owned by the job (spvscope_job_done frees them). */
struct spvscope_job {
	enum spvscope_language language;
	enum spvscope_stage stage;
	struct spvscope_file source;  /* its name is what diagnostics and includes are relative to; may be NULL */
	struct spvscope_file *files;  /* includes and unsaved buffers */
	size_t n_files;
	char *entry_point;            /* NULL: main */
	enum spvscope_env env;
	uint32_t spirv_version;       /* 0x10600 is 1.6; 0: the environment's own highest */
	struct spvscope_define *defines;
	size_t n_defines;
	enum spvscope_optimize optimize;
	char **passes;                /* spirv-opt flags */
	size_t n_passes;
	enum spvscope_debug_info debug_info;
	bool validate;
	bool auto_map_bindings, auto_map_locations;
	bool check_only;              /* diagnostics only: nothing is generated */
	uint32_t emit;                /* SPVSCOPE_EMIT_… */
};

enum spvscope_status {
	SPVSCOPE_STATUS_OK = 0,
	SPVSCOPE_STATUS_FAILED,        /* the source is wrong; diagnostics say how */
	SPVSCOPE_STATUS_CRASHED,       /* the compiler died or broke its own rules */
	SPVSCOPE_STATUS_TIMED_OUT,
	SPVSCOPE_STATUS_OUT_OF_MEMORY, /* of the job's own limit */
	SPVSCOPE_STATUS_CANCELLED,
	SPVSCOPE_N_STATUSES,
};

/* As in the Language Server Protocol. */
enum spvscope_severity {
	SPVSCOPE_SEVERITY_ERROR = 1,
	SPVSCOPE_SEVERITY_WARNING = 2,
	SPVSCOPE_SEVERITY_INFORMATION = 3,
	SPVSCOPE_SEVERITY_HINT = 4,
};

/* Another place that a diagnostic has to do with, and why. */
struct spvscope_related {
	char *file; /* as a diagnostic's */
	uint32_t line, column_begin, column_end;
	char *message;
};

struct spvscope_diagnostic {
	enum spvscope_severity severity;
	char *file;    /* NULL: the source itself */
	uint32_t line; /* from 1; 0: not known */
	uint32_t column_begin, column_end; /* bytes in that line, from 0, end exclusive; both 0: the whole line */
	char *source;  /* who says it: "glslang", "spirv-val", "spirv-opt", "spirv-as" */
	char *code;    /* stable and short, or NULL */
	char *message; /* the compiler's own words, without the place */
	struct spvscope_related *related; /* the macro that it came out of; the way to an included file, innermost first */
	size_t n_related;
};

struct spvscope_result {
	enum spvscope_status status;
	enum spvscope_language language; /* what was compiled, after guessing */
	enum spvscope_stage stage;
	struct spvscope_diagnostic *diagnostics;
	size_t n_diagnostics;
	bool diagnostics_cut;           /* more than SPVSCOPE_MAX_DIAGNOSTICS */
	uint32_t *spirv;
	size_t n_spirv_words;
	char *disassembly;              /* NULL: not asked for or not made */
	char *preprocessed;
	char *products[SPVSCOPE_N_PRODUCTS]; /* likewise */
	char **dependencies;            /* names of `files` that were read, in order of first use */
	size_t n_dependencies;
	char **absent;                  /* paths that includes led to and that are none of `files` */
	size_t n_absent;
	bool absent_cut;                /* more than SPVSCOPE_MAX_ABSENT */
};

#define SPVSCOPE_MAX_DIAGNOSTICS 1000
#define SPVSCOPE_MAX_ABSENT      256
#define SPVSCOPE_MAX_RELATED     64 /* of one diagnostic */

/* Zeroes, then frees nothing; a zeroed struct is a valid empty one. */
void spvscope_job_done(struct spvscope_job *job);
void spvscope_result_done(struct spvscope_result *result);
/* Takes ownership of nothing: the texts are copied. 0 or -ENOMEM; beyond the limit it sets diagnostics_cut. */
int spvscope_result_diagnose(struct spvscope_result *result, enum spvscope_severity severity, const char *source,
	const char *code, const char *file, uint32_t line, uint32_t column_begin, uint32_t column_end,
	const char *message);
/* Adds a related place to the diagnostic that was added last; the texts are copied. 0 or -ENOMEM; nothing happens when
 * there is none, or when diagnostics were cut. */
int spvscope_result_relate(struct spvscope_result *result, const struct spvscope_related *related);

/* Runs the whole pipeline on the calling thread: preprocess, parse, link, generate, optimize, validate, disassemble.
 * Every stage is a span, every diagnostic an event. result must be zeroed; it is filled in whatever happens, and what a
 * wrong source leads to is a status, not an error. Negative errno only for our own trouble (-ENOMEM; status is then
 * out_of_memory too). After out_of_memory or crashed the process should be given up: the compiler's own state is not
 * known. */
int spvscope_compile(const struct spvscope_job *job, const struct spvscope_tracer *tracer,
	struct spvscope_result *result);

/* Builds the compilers' tables ahead of the first job, one step a call: steps 0 … spvscope_warm_steps()-1, each some
 * 30–150 ms, ordered by how often they are needed. */
unsigned spvscope_warm_steps(void);
int spvscope_warm(unsigned step);

/* Names on the wire, tables in names.c. The parsers take the short forms too ("frag", "comp", "vert", "tesc") and
 * return -EINVAL for what they don't know. */
const char *spvscope_language_name(enum spvscope_language l);
const char *spvscope_stage_name(enum spvscope_stage s);
const char *spvscope_env_name(enum spvscope_env e);
const char *spvscope_status_name(enum spvscope_status s);
int spvscope_language_parse(const char *text, enum spvscope_language *ret);
int spvscope_stage_parse(const char *text, enum spvscope_stage *ret);
int spvscope_env_parse(const char *text, enum spvscope_env *ret);
/* "reflection", "glsl" …: as a product is called in `emit` and in answers. */
const char *spvscope_product_name(enum spvscope_product p);
/* A JSON document rather than a text. */
bool spvscope_product_is_json(enum spvscope_product p);
/* Comma-separated list of all valid words, for error messages. */
const char *spvscope_language_words(void);
const char *spvscope_stage_words(void);
const char *spvscope_env_words(void);

/* Fills in job->language and job->stage where they are none: from the name ("a.frag", "a.frag.glsl", "b.hlsl",
 * "c.spvasm", "d.spv"), from the SPIR-V magic, from `#pragma shader_stage(fragment)`. What cannot be told stays none:
 * 0 when both are known (or the language needs no stage), 1 when the language is missing, 2 when the stage is. */
int spvscope_job_guess(struct spvscope_job *job);
/* Does this name a pass that the optimizer library takes? For the front, which does not run compilers: a table check of
 * the flag's form ("--name" or "--name=value"), at most 256 of them. */
bool spvscope_pass_flag_is_well_formed(const char *flag);

/* A line of versions: "glslang 12.0.0 SPIRV-Tools v2023.1". Asks the libraries. */
const char *spvscope_compiler_versions(void);

#ifdef __cplusplus
}
#endif
#endif
