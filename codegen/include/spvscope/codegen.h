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
	SPVSCOPE_LANGUAGE_OPENCL_C,
	SPVSCOPE_LANGUAGE_OPENCL_CPP, /* C++ for OpenCL */
	SPVSCOPE_LANGUAGE_WGSL,
	SPVSCOPE_LANGUAGE_OTHER,      /* known to the back end that the job names, and to nobody else here */
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
	SPVSCOPE_ENV_OPENCL_1_2,
	SPVSCOPE_ENV_OPENCL_2_0,
	SPVSCOPE_ENV_OPENCL_2_1,
	SPVSCOPE_ENV_OPENCL_2_2,
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
	SPVSCOPE_DEBUG_INFO_FULL,        /* NonSemantic.Shader.DebugInfo.100 with the source */
	SPVSCOPE_DEBUG_INFO_NONSEMANTIC, /* the same without */
	SPVSCOPE_N_DEBUG_INFOS,
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
	SPVSCOPE_PRODUCT_WGSL,
	SPVSCOPE_N_PRODUCTS,
};

static inline uint32_t spvscope_product_bit(enum spvscope_product p)
{
	return 1u << (SPVSCOPE_EMIT_FIRST_PRODUCT + (unsigned)p);
}

/* Bits of spvscope_options.flags; what each means in full is told by the field that sets it (api/request_fields.c). */
#define SPVSCOPE_OPTION_INVERT_Y                     (UINT64_C(1) << 0) /* writes gl_Position.y negated at the end of a vertex shader */
#define SPVSCOPE_OPTION_NAN_CLAMP                    (UINT64_C(1) << 1) /* min, max and clamp prefer the operand that is not NaN */
#define SPVSCOPE_OPTION_AUTO_COMBINED_IMAGE_SAMPLER  (UINT64_C(1) << 2) /* textures become combined image samplers, samplers go */
#define SPVSCOPE_OPTION_FLATTEN_UNIFORM_ARRAYS       (UINT64_C(1) << 3) /* arrays of textures and samplers become single ones */
#define SPVSCOPE_OPTION_NO_STORAGE_FORMAT            (UINT64_C(1) << 4) /* storage images get the format Unknown */
#define SPVSCOPE_OPTION_KEEP_UNCALLED                (UINT64_C(1) << 5) /* functions that nothing calls stay */
#define SPVSCOPE_OPTION_RELAXED_RULES                (UINT64_C(1) << 6) /* GLSL of OpenGL is taken for Vulkan: loose uniforms, atomic counters */
#define SPVSCOPE_OPTION_RELAXED_ERRORS               (UINT64_C(1) << 7) /* glslang overlooks some errors */
#define SPVSCOPE_OPTION_FIRST_ERROR_ONLY             (UINT64_C(1) << 8) /* nothing is told behind the first error */
#define SPVSCOPE_OPTION_ENHANCED_MESSAGES            (UINT64_C(1) << 9) /* glslang words syntax errors for people */
#define SPVSCOPE_OPTION_HLSL_IOMAP                   (UINT64_C(1) << 10) /* bindings by HLSL's registers */
#define SPVSCOPE_OPTION_HLSL_OFFSETS                 (UINT64_C(1) << 11) /* blocks packed by HLSL's rules */
#define SPVSCOPE_OPTION_HLSL_16BIT_TYPES             (UINT64_C(1) << 12) /* half and min16 types have 16 bits */
#define SPVSCOPE_OPTION_HLSL_FUNCTIONALITY1          (UINT64_C(1) << 13) /* SPV_GOOGLE_hlsl_functionality1 */
#define SPVSCOPE_OPTION_HLSL_DX9_COMPATIBLE          (UINT64_C(1) << 14) /* DirectX 9's samplers and semantics */
#define SPVSCOPE_OPTION_HLSL_DX_POSITION_W           (UINT64_C(1) << 15) /* DirectX's w of SV_Position */
#define SPVSCOPE_OPTION_HLSL_NO_LEGALIZATION         (UINT64_C(1) << 16) /* what the front end made is not legalized */
#define SPVSCOPE_OPTION_PREPROCESS_ONLY              (UINT64_C(1) << 17) /* nothing behind the preprocessor */
#define SPVSCOPE_OPTION_VAL_RELAX_LOGICAL_POINTER    (UINT64_C(1) << 18)
#define SPVSCOPE_OPTION_VAL_RELAX_BLOCK_LAYOUT       (UINT64_C(1) << 19)
#define SPVSCOPE_OPTION_VAL_UNIFORM_BUFFER_STANDARD_LAYOUT (UINT64_C(1) << 20)
#define SPVSCOPE_OPTION_VAL_SCALAR_BLOCK_LAYOUT      (UINT64_C(1) << 21)
#define SPVSCOPE_OPTION_VAL_WORKGROUP_SCALAR_BLOCK_LAYOUT (UINT64_C(1) << 22)
#define SPVSCOPE_OPTION_VAL_SKIP_BLOCK_LAYOUT        (UINT64_C(1) << 23)
#define SPVSCOPE_OPTION_VAL_RELAX_STRUCT_STORE       (UINT64_C(1) << 24)
#define SPVSCOPE_OPTION_VAL_ALLOW_LOCALSIZEID        (UINT64_C(1) << 25)
#define SPVSCOPE_OPTION_VAL_BEFORE_HLSL_LEGALIZATION (UINT64_C(1) << 26)
#define SPVSCOPE_OPTION_DIS_NUMBERS                  (UINT64_C(1) << 27) /* ids are numbers */
#define SPVSCOPE_OPTION_DIS_NO_HEADER                (UINT64_C(1) << 28)
#define SPVSCOPE_OPTION_DIS_NO_INDENT                (UINT64_C(1) << 29)
#define SPVSCOPE_OPTION_DIS_OFFSETS                  (UINT64_C(1) << 30) /* each line tells where it is in the module, in bytes */
#define SPVSCOPE_OPTION_DIS_COMMENTS                 (UINT64_C(1) << 31) /* between functions and blocks */
#define SPVSCOPE_OPTION_VAL_ANY (UINT64_C(511) << 18) /* all of SPVSCOPE_OPTION_VAL_… */

enum spvscope_warnings {
	SPVSCOPE_WARNINGS_KEEP = 0,
	SPVSCOPE_WARNINGS_OFF,
	SPVSCOPE_WARNINGS_ERROR,
	SPVSCOPE_N_WARNINGS,
};

enum spvscope_profile {
	SPVSCOPE_PROFILE_NONE = 0,
	SPVSCOPE_PROFILE_CORE,
	SPVSCOPE_PROFILE_COMPATIBILITY,
	SPVSCOPE_PROFILE_ES,
	SPVSCOPE_N_PROFILES,
};

/* Of the validator; in the order of spv_validator_limit. */
#define SPVSCOPE_N_VALIDATOR_LIMITS 9

/* Zeroes are the defaults. */
struct spvscope_options {
	uint64_t flags;                   /* SPVSCOPE_OPTION_… */
	enum spvscope_warnings warnings;
	uint32_t glsl_version;            /* in the place of the source's #version; 0: that */
	enum spvscope_profile glsl_profile;
	uint32_t client_version;          /* value of the macro VULKAN or GL_SPIRV; 0: 100 */
	uint32_t uniform_base;            /* first location of uniforms */
	uint32_t validator_limits[SPVSCOPE_N_VALIDATOR_LIMITS]; /* 0: the validator's own */
};

enum spvscope_resource {
	SPVSCOPE_RESOURCE_SAMPLER = 0,
	SPVSCOPE_RESOURCE_TEXTURE,
	SPVSCOPE_RESOURCE_IMAGE,
	SPVSCOPE_RESOURCE_UBO,
	SPVSCOPE_RESOURCE_SSBO,
	SPVSCOPE_RESOURCE_UAV,
	SPVSCOPE_N_RESOURCES,
};

enum spvscope_backing {
	SPVSCOPE_BACKING_UNIFORM = 0,
	SPVSCOPE_BACKING_BUFFER,
	SPVSCOPE_BACKING_PUSH_CONSTANT,
	SPVSCOPE_N_BACKINGS,
};

/* An option that is about something by name, or that there may be several of. */
enum spvscope_setting_kind {
	SPVSCOPE_SETTING_UNDEFINE = 0,      /* name */
	SPVSCOPE_SETTING_BINDING_BASE,      /* numbers: enum spvscope_resource, base, set */
	SPVSCOPE_SETTING_RESOURCE_BINDING,  /* name (NULL: every resource), numbers: set, binding */
	SPVSCOPE_SETTING_RESOURCE_LIMIT,    /* name, numbers: value, as int32_t */
	SPVSCOPE_SETTING_UNIFORM_LOCATION,  /* name, numbers: location */
	SPVSCOPE_SETTING_BLOCK_BACKING,     /* name, numbers: enum spvscope_backing */
	SPVSCOPE_SETTING_DEFAULT_BLOCK,     /* name, numbers: set, binding */
	SPVSCOPE_SETTING_ATOMIC_BLOCK,      /* name, numbers: set */
	SPVSCOPE_N_SETTING_KINDS,
};

#define SPVSCOPE_ANY_NUMBER UINT32_MAX /* where a number was left out */

struct spvscope_setting {
	enum spvscope_setting_kind kind;
	enum spvscope_stage stage; /* none: for every stage */
	char *name;
	uint32_t numbers[3];
};

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
	char *backend;                /* which of those that take the language; NULL: the language's own */
	struct spvscope_file source;  /* its name is what diagnostics and includes are relative to; may be NULL */
	struct spvscope_file *files;  /* includes and unsaved buffers */
	size_t n_files;
	char *entry_point;            /* NULL: main */
	char *source_entry_point;     /* the function's name in the source; NULL: entry_point */
	char *focus;                  /* the file whose diagnostics are wanted first; NULL: none in particular */
	struct spvscope_options options;
	struct spvscope_setting *settings;
	size_t n_settings;
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
	bool absent_cut;                /* more than SPVSCOPE_MAX_ABSENT, or of dependencies than SPVSCOPE_MAX_DEPENDENCIES */
};

#define SPVSCOPE_MAX_DIAGNOSTICS 1000
#define SPVSCOPE_MAX_ABSENT      256
#define SPVSCOPE_MAX_DEPENDENCIES 1024
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
/* The words of options, and a resource limit that glslang knows by that name. */
const char *spvscope_resource_name(enum spvscope_resource r);
const char *spvscope_backing_name(enum spvscope_backing b);
const char *spvscope_limit_name(size_t idx); /* NULL behind the last */
/* Comma-separated list of all valid words, for error messages. */
const char *spvscope_language_words(void);
const char *spvscope_stage_words(void);
const char *spvscope_env_words(void);

/* Fills in job->language and job->stage where they are none: from the name ("a.frag", "a.frag.glsl", "b.hlsl",
 * "c.spvasm", "d.spv", "e.cl", "f.wgsl"), from the SPIR-V magic, from `#pragma shader_stage(fragment)`. What cannot be told
 * stays none: 0 when both are known (or the language needs no stage), 1 when the language is missing, 2 when the stage
 * is. A job that names a back end is never short of either: that may tell by itself. */
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
