/* SPDX-License-Identifier: Apache-2.0 */
/* Life of SPIRV-Cross' objects, and its translators. Runs in the worker, on the compiling thread. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "codegen/kernel_reflect.h"
#include "codegen/spirv_cross/private.h"

static void destroy_context(spvc_context *context)
{
	if (*context)
		spvc_context_destroy(*context);
}

int cross_refuse(struct cross *c, const char *what)
{
	return run_refuse(c->run, "spirv-cross", "spirv-cross", "%s: %s", what,
		spvc_context_get_last_error_string(c->context));
}

int cross_check(struct cross *c, spvc_result r, const char *what)
{
	if (r == SPVC_SUCCESS)
		return CODEGEN_GOOD;
	return r == SPVC_ERROR_OUT_OF_MEMORY ? -ENOMEM : cross_refuse(c, what);
}

static int make_compiler(struct cross *c, spvc_backend backend, const char *what)
{
	const struct spvscope_result *result = c->run->result;
	spvc_parsed_ir ir;
	int r = cross_check(c, spvc_context_parse_spirv(c->context, result->spirv, result->n_spirv_words, &ir), what);

	if (r != CODEGEN_GOOD)
		return r;
	return cross_check(c, spvc_context_create_compiler(c->context, backend, ir, SPVC_CAPTURE_MODE_TAKE_OWNERSHIP,
		&c->compiler), what);
}

#define STAGE_BIT(stage) (1u << SPVSCOPE_STAGE_##stage)

/* The stages that the library writes. Of others it makes text that no compiler takes, and says nothing. */
static const struct language {
	spvc_backend backend;
	const char *name, *what;
	uint32_t stages;
} languages[SPVSCOPE_N_PRODUCTS] = {
	[SPVSCOPE_PRODUCT_GLSL] = { SPVC_BACKEND_GLSL, "GLSL", "it cannot be written as GLSL", ~0u },
	[SPVSCOPE_PRODUCT_HLSL] = { SPVC_BACKEND_HLSL, "HLSL", "it cannot be written as HLSL",
		STAGE_BIT(VERTEX) | STAGE_BIT(FRAGMENT) | STAGE_BIT(COMPUTE) | STAGE_BIT(MESH) },
	[SPVSCOPE_PRODUCT_MSL] = { SPVC_BACKEND_MSL, "MSL", "it cannot be written as MSL",
		STAGE_BIT(VERTEX) | STAGE_BIT(TESS_CONTROL) | STAGE_BIT(TESS_EVAL) | STAGE_BIT(FRAGMENT) | STAGE_BIT(COMPUTE) },
};

static bool is_traced(enum spvscope_stage stage)
{
	return stage >= SPVSCOPE_STAGE_RAYGEN && stage <= SPVSCOPE_STAGE_CALLABLE;
}

/* What is not of 32 bits is read from a buffer as of shader model 6.2, with a compiler's native 16-bit types. */
static bool has_wide_or_narrow_types(struct cross *c)
{
	const SpvCapability *list;
	size_t n;

	if (spvc_compiler_get_declared_capabilities(c->compiler, &list, &n) != SPVC_SUCCESS)
		return false;
	for (size_t i = 0; i < n; i++)
		if (list[i] == SpvCapabilityFloat64 || list[i] == SpvCapabilityInt64 || list[i] == SpvCapabilityFloat16 ||
			list[i] == SpvCapabilityInt16 || list[i] == SpvCapabilityStorageBuffer16BitAccess)
			return true;
	return false;
}

/* What each language's text is written for, where the library's own defaults are older than anything in use. */
static int set_options(struct cross *c, enum spvscope_product product, enum spvscope_stage stage)
{
	const char *what = languages[product].what;
	spvc_compiler_options o;
	bool wide;
	int r = cross_check(c, spvc_compiler_create_compiler_options(c->compiler, &o), what);

	if (r != CODEGEN_GOOD)
		return r;
	switch (product) {
	case SPVSCOPE_PRODUCT_GLSL:
		spvc_compiler_options_set_uint(o, SPVC_COMPILER_OPTION_GLSL_VERSION, is_traced(stage) ? 460 : 450);
		spvc_compiler_options_set_bool(o, SPVC_COMPILER_OPTION_GLSL_ES, SPVC_FALSE);
		spvc_compiler_options_set_bool(o, SPVC_COMPILER_OPTION_GLSL_VULKAN_SEMANTICS,
			c->run->job->env != SPVSCOPE_ENV_OPENGL_4_5);
		break;
	case SPVSCOPE_PRODUCT_HLSL:
		wide = has_wide_or_narrow_types(c);
		spvc_compiler_options_set_uint(o, SPVC_COMPILER_OPTION_HLSL_SHADER_MODEL, wide ? 62 : 60);
		spvc_compiler_options_set_bool(o, SPVC_COMPILER_OPTION_HLSL_ENABLE_16BIT_TYPES, wide);
		break;
	default:
		spvc_compiler_options_set_uint(o, SPVC_COMPILER_OPTION_MSL_VERSION, 30000);
		break;
	}
	return cross_check(c, spvc_compiler_install_compiler_options(c->compiler, o), what);
}

static int translate(struct cross *c, enum spvscope_product product)
{
	const struct language *l = &languages[product];
	const char *text;
	int r = make_compiler(c, l->backend, l->what);

	if (r != CODEGEN_GOOD)
		return r;
	enum spvscope_stage stage = cross_stage(spvc_compiler_get_execution_model(c->compiler));
	/* Of kernels, which have no stage, the library says why it cannot. */
	if (stage != SPVSCOPE_STAGE_NONE && !(l->stages & (1u << stage)))
		return run_refuse(c->run, "spirv-cross", "spirv-cross", "%s: SPIRV-Cross writes no %s shaders as %s", l->what,
			spvscope_stage_name(stage), l->name);
	r = set_options(c, product, stage);
	if (r == CODEGEN_GOOD)
		r = cross_check(c, spvc_compiler_compile(c->compiler, &text), l->what);
	if (r != CODEGEN_GOOD)
		return r;
	c->run->result->products[product] = strdup(text);
	return c->run->result->products[product] ? CODEGEN_GOOD : -ENOMEM;
}

static int reflect(struct cross *c)
{
	const struct spvscope_result *result = c->run->result;
	_cleanup_strbuf_ struct strbuf out = {};
	int r;

	if (kernel_module(result->spirv, result->n_spirv_words)) { /* not this library's */
		r = kernel_reflect(result->spirv, result->n_spirv_words, &out);
		r = r == -EBADMSG ? run_refuse(c->run, "spvscope", "reflection", "the module is no row of whole instructions") :
		    r == 0        ? CODEGEN_GOOD :
				    r;
	} else {
		r = make_compiler(c, SPVC_BACKEND_NONE, "it cannot be reflected");
		if (r == CODEGEN_GOOD)
			r = cross_reflect(c, &out);
	}
	if (r != CODEGEN_GOOD)
		return r;
	c->run->result->products[SPVSCOPE_PRODUCT_REFLECTION] = strbuf_take(&out, NULL);
	return c->run->result->products[SPVSCOPE_PRODUCT_REFLECTION] ? CODEGEN_GOOD : -ENOMEM;
}

/* Each has a context of its own, which keeps everything until it ends. */
static int make(struct codegen_run *run, enum spvscope_product product)
{
	_cleanup_(destroy_context) spvc_context context = NULL;
	struct cross c = { .run = run };

	if (spvc_context_create(&context) != SPVC_SUCCESS)
		return -ENOMEM;
	c.context = context;
	return product == SPVSCOPE_PRODUCT_REFLECTION ? reflect(&c) : translate(&c, product);
}

int spirv_cross_products(struct codegen_run *run)
{
	static const struct {
		enum spvscope_product product;
		const char *span;
	} rows[] = {
		{ SPVSCOPE_PRODUCT_REFLECTION, "codegen::reflect" },
		{ SPVSCOPE_PRODUCT_GLSL, "codegen::translate::glsl" },
		{ SPVSCOPE_PRODUCT_HLSL, "codegen::translate::hlsl" },
		{ SPVSCOPE_PRODUCT_MSL, "codegen::translate::msl" },
	};
	int r = CODEGEN_GOOD;

	for (size_t i = 0; i < ARRAY_SIZE(rows) && r == CODEGEN_GOOD; i++) {
		const char *outer, *text;

		if (!(run->job->emit & spvscope_product_bit(rows[i].product)))
			continue;
		uint32_t span = stage_begin(run, rows[i].span, &outer);
		span_str(run, span, "backend", "spirv-cross");
		r = make(run, rows[i].product);
		text = run->result->products[rows[i].product];
		if (text)
			span_u64(run, span, "text.bytes", strlen(text));
		stage_end(run, span, outer);
	}
	return r;
}

const char *spirv_cross_version(void)
{
	return spvc_get_commit_revision_and_timestamp();
}
