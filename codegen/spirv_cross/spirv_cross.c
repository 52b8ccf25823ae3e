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

/* What each language's text is written for, where the library's own defaults are older than anything in use. */
static int set_options(struct cross *c, enum spvscope_product product, const char *what)
{
	spvc_compiler_options o;
	int r = cross_check(c, spvc_compiler_create_compiler_options(c->compiler, &o), what);

	if (r != CODEGEN_GOOD)
		return r;
	switch (product) {
	case SPVSCOPE_PRODUCT_GLSL:
		spvc_compiler_options_set_uint(o, SPVC_COMPILER_OPTION_GLSL_VERSION, 450);
		spvc_compiler_options_set_bool(o, SPVC_COMPILER_OPTION_GLSL_ES, SPVC_FALSE);
		spvc_compiler_options_set_bool(o, SPVC_COMPILER_OPTION_GLSL_VULKAN_SEMANTICS,
			c->run->job->env != SPVSCOPE_ENV_OPENGL_4_5);
		break;
	case SPVSCOPE_PRODUCT_HLSL:
		spvc_compiler_options_set_uint(o, SPVC_COMPILER_OPTION_HLSL_SHADER_MODEL, 60);
		break;
	default:
		spvc_compiler_options_set_uint(o, SPVC_COMPILER_OPTION_MSL_VERSION, 30000);
		break;
	}
	return cross_check(c, spvc_compiler_install_compiler_options(c->compiler, o), what);
}

static int translate(struct cross *c, enum spvscope_product product)
{
	static const struct {
		spvc_backend backend;
		const char *what;
	} languages[SPVSCOPE_N_PRODUCTS] = {
		[SPVSCOPE_PRODUCT_GLSL] = { SPVC_BACKEND_GLSL, "it cannot be written as GLSL" },
		[SPVSCOPE_PRODUCT_HLSL] = { SPVC_BACKEND_HLSL, "it cannot be written as HLSL" },
		[SPVSCOPE_PRODUCT_MSL] = { SPVC_BACKEND_MSL, "it cannot be written as MSL" },
	};
	const char *what = languages[product].what, *text;
	int r = make_compiler(c, languages[product].backend, what);

	if (r == CODEGEN_GOOD)
		r = set_options(c, product, what);
	if (r == CODEGEN_GOOD)
		r = cross_check(c, spvc_compiler_compile(c->compiler, &text), what);
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
