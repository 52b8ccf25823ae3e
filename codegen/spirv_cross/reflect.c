/* SPDX-License-Identifier: Apache-2.0 */
/* What a module asks of those who use it, as JSON; the form is in README.md. Runs in the worker, on the compiling
 * thread. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "codegen/spirv_cross/private.h"

static const char cannot[] = "it cannot be reflected";

enum spvscope_stage cross_stage(SpvExecutionModel model)
{
	static const struct {
		SpvExecutionModel model;
		enum spvscope_stage stage;
	} rows[] = {
		{ SpvExecutionModelVertex, SPVSCOPE_STAGE_VERTEX },
		{ SpvExecutionModelTessellationControl, SPVSCOPE_STAGE_TESS_CONTROL },
		{ SpvExecutionModelTessellationEvaluation, SPVSCOPE_STAGE_TESS_EVAL },
		{ SpvExecutionModelGeometry, SPVSCOPE_STAGE_GEOMETRY },
		{ SpvExecutionModelFragment, SPVSCOPE_STAGE_FRAGMENT },
		{ SpvExecutionModelGLCompute, SPVSCOPE_STAGE_COMPUTE },
		{ SpvExecutionModelTaskNV, SPVSCOPE_STAGE_TASK },
		{ SpvExecutionModelMeshNV, SPVSCOPE_STAGE_MESH },
		{ SpvExecutionModelTaskEXT, SPVSCOPE_STAGE_TASK },
		{ SpvExecutionModelMeshEXT, SPVSCOPE_STAGE_MESH },
		{ SpvExecutionModelRayGenerationKHR, SPVSCOPE_STAGE_RAYGEN },
		{ SpvExecutionModelIntersectionKHR, SPVSCOPE_STAGE_INTERSECT },
		{ SpvExecutionModelAnyHitKHR, SPVSCOPE_STAGE_ANYHIT },
		{ SpvExecutionModelClosestHitKHR, SPVSCOPE_STAGE_CLOSESTHIT },
		{ SpvExecutionModelMissKHR, SPVSCOPE_STAGE_MISS },
		{ SpvExecutionModelCallableKHR, SPVSCOPE_STAGE_CALLABLE },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		if (rows[i].model == model)
			return rows[i].stage;
	return SPVSCOPE_STAGE_NONE;
}

/* The service's own word for a stage; OpenCL's kernels have none. */
static const char *stage_word(SpvExecutionModel model)
{
	enum spvscope_stage stage = cross_stage(model);

	if (stage != SPVSCOPE_STAGE_NONE)
		return spvscope_stage_name(stage);
	return model == SpvExecutionModelKernel ? "kernel" : "unknown";
}

/* Decorations of a variable that are there or null. */
static void write_numbers(struct cross *c, spvc_variable_id id, struct strbuf *out, const char *first, SpvDecoration a,
	const char *second, SpvDecoration b)
{
	const struct {
		const char *key;
		SpvDecoration decoration;
	} rows[] = { { first, a }, { second, b } };

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		strbuf_printf(out, ", \"%s\": ", rows[i].key);
		if (spvc_compiler_has_decoration(c->compiler, id, rows[i].decoration))
			strbuf_printf(out, "%u", spvc_compiler_get_decoration(c->compiler, id, rows[i].decoration));
		else
			strbuf_puts(out, "null");
	}
}

static const char *builtin_word(unsigned builtin, char *number, size_t size)
{
	static const struct {
		SpvBuiltIn builtin;
		const char *word;
	} rows[] = {
		{ SpvBuiltInPosition, "Position" },
		{ SpvBuiltInPointSize, "PointSize" },
		{ SpvBuiltInClipDistance, "ClipDistance" },
		{ SpvBuiltInCullDistance, "CullDistance" },
		{ SpvBuiltInVertexId, "VertexId" },
		{ SpvBuiltInInstanceId, "InstanceId" },
		{ SpvBuiltInPrimitiveId, "PrimitiveId" },
		{ SpvBuiltInInvocationId, "InvocationId" },
		{ SpvBuiltInLayer, "Layer" },
		{ SpvBuiltInViewportIndex, "ViewportIndex" },
		{ SpvBuiltInTessLevelOuter, "TessLevelOuter" },
		{ SpvBuiltInTessLevelInner, "TessLevelInner" },
		{ SpvBuiltInTessCoord, "TessCoord" },
		{ SpvBuiltInPatchVertices, "PatchVertices" },
		{ SpvBuiltInFragCoord, "FragCoord" },
		{ SpvBuiltInPointCoord, "PointCoord" },
		{ SpvBuiltInFrontFacing, "FrontFacing" },
		{ SpvBuiltInSampleId, "SampleId" },
		{ SpvBuiltInSamplePosition, "SamplePosition" },
		{ SpvBuiltInSampleMask, "SampleMask" },
		{ SpvBuiltInFragDepth, "FragDepth" },
		{ SpvBuiltInHelperInvocation, "HelperInvocation" },
		{ SpvBuiltInNumWorkgroups, "NumWorkgroups" },
		{ SpvBuiltInWorkgroupSize, "WorkgroupSize" },
		{ SpvBuiltInWorkgroupId, "WorkgroupId" },
		{ SpvBuiltInLocalInvocationId, "LocalInvocationId" },
		{ SpvBuiltInGlobalInvocationId, "GlobalInvocationId" },
		{ SpvBuiltInLocalInvocationIndex, "LocalInvocationIndex" },
		{ SpvBuiltInVertexIndex, "VertexIndex" },
		{ SpvBuiltInInstanceIndex, "InstanceIndex" },
		{ SpvBuiltInSubgroupSize, "SubgroupSize" },
		{ SpvBuiltInSubgroupLocalInvocationId, "SubgroupLocalInvocationId" },
		{ SpvBuiltInSubgroupId, "SubgroupId" },
		{ SpvBuiltInNumSubgroups, "NumSubgroups" },
		{ SpvBuiltInBaseVertex, "BaseVertex" },
		{ SpvBuiltInBaseInstance, "BaseInstance" },
		{ SpvBuiltInDrawIndex, "DrawIndex" },
		{ SpvBuiltInDeviceIndex, "DeviceIndex" },
		{ SpvBuiltInViewIndex, "ViewIndex" },
		{ SpvBuiltInLaunchIdKHR, "LaunchIdKHR" },
		{ SpvBuiltInLaunchSizeKHR, "LaunchSizeKHR" },
		{ SpvBuiltInHitTNV, "HitTNV" },
		{ SpvBuiltInRayTmaxKHR, "RayTmaxKHR" },
		{ SpvBuiltInRayTminKHR, "RayTminKHR" },
		{ SpvBuiltInWorldRayOriginKHR, "WorldRayOriginKHR" },
		{ SpvBuiltInWorldRayDirectionKHR, "WorldRayDirectionKHR" },
		{ SpvBuiltInInstanceCustomIndexKHR, "InstanceCustomIndexKHR" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		if (rows[i].builtin == builtin)
			return rows[i].word;
	snprintf(number, size, "%u", builtin);
	return number;
}

static void write_variables(struct cross *c, spvc_resources resources, spvc_resource_type type, struct strbuf *out,
	bool *is_first)
{
	const spvc_reflected_resource *list;
	size_t n;

	if (spvc_resources_get_resource_list_for_type(resources, type, &list, &n) != SPVC_SUCCESS)
		return;
	for (size_t i = 0; i < n; i++) {
		spvc_type t = spvc_compiler_get_type_handle(c->compiler, list[i].type_id);

		cross_write_name(out, *is_first ? "{\"name\": " : ", {\"name\": ", list[i].name);
		*is_first = false;
		cross_write_type(c, t, out);
		write_numbers(c, list[i].id, out, "location", SpvDecorationLocation, "component", SpvDecorationComponent);
		strbuf_puts(out, ", \"builtin\": null");
		if (spvc_type_get_basetype(t) == SPVC_BASETYPE_STRUCT)
			cross_write_struct(c, t, 0, out);
		strbuf_putc(out, '}');
	}
}

static void write_builtins(struct cross *c, spvc_resources resources, spvc_builtin_resource_type type, struct strbuf *out,
	bool *is_first)
{
	const spvc_reflected_builtin_resource *list;
	char number[16];
	size_t n;

	if (spvc_resources_get_builtin_resource_list_for_type(resources, type, &list, &n) != SPVC_SUCCESS)
		return;
	for (size_t i = 0; i < n; i++) {
		cross_write_name(out, *is_first ? "{\"name\": " : ", {\"name\": ", list[i].resource.name);
		*is_first = false;
		cross_write_type(c, spvc_compiler_get_type_handle(c->compiler, list[i].value_type_id), out);
		strbuf_printf(out, ", \"location\": null, \"component\": null, \"builtin\": \"%s\"}",
			builtin_word(list[i].builtin, number, sizeof(number)));
	}
}

static void write_interface(struct cross *c, spvc_resources resources, const char *key, spvc_resource_type type,
	spvc_builtin_resource_type builtins, struct strbuf *out)
{
	bool is_first = true;

	strbuf_printf(out, ", \"%s\": [", key);
	write_variables(c, resources, type, out, &is_first);
	write_builtins(c, resources, builtins, out, &is_first);
	strbuf_putc(out, ']');
}

/* Size and members of a buffer's block; the size leaves out an array at its end that has none. */
static void write_block(struct cross *c, spvc_type_id base, struct strbuf *out)
{
	spvc_type type = spvc_compiler_get_type_handle(c->compiler, base);
	size_t size = 0;

	if (spvc_compiler_get_declared_struct_size(c->compiler, type, &size) == SPVC_SUCCESS)
		strbuf_printf(out, ", \"size_bytes\": %zu", size);
	else
		strbuf_puts(out, ", \"size_bytes\": null");
	cross_write_struct(c, type, 0, out);
}

static void write_bindings(struct cross *c, spvc_resources resources, struct strbuf *out)
{
	static const struct {
		spvc_resource_type type;
		const char *kind;
		bool is_block;
	} rows[] = {
		{ SPVC_RESOURCE_TYPE_UNIFORM_BUFFER, "uniform_buffer", true },
		{ SPVC_RESOURCE_TYPE_STORAGE_BUFFER, "storage_buffer", true },
		{ SPVC_RESOURCE_TYPE_SAMPLED_IMAGE, "combined_image_sampler", false },
		{ SPVC_RESOURCE_TYPE_SEPARATE_IMAGE, "sampled_image", false },
		{ SPVC_RESOURCE_TYPE_SEPARATE_SAMPLERS, "sampler", false },
		{ SPVC_RESOURCE_TYPE_STORAGE_IMAGE, "storage_image", false },
		{ SPVC_RESOURCE_TYPE_SUBPASS_INPUT, "input_attachment", false },
		{ SPVC_RESOURCE_TYPE_ATOMIC_COUNTER, "atomic_counter", false },
		{ SPVC_RESOURCE_TYPE_ACCELERATION_STRUCTURE, "acceleration_structure", false },
		{ SPVC_RESOURCE_TYPE_SHADER_RECORD_BUFFER, "shader_record", true },
	};
	const spvc_reflected_resource *list;
	const char *before = "";
	size_t n;

	strbuf_puts(out, ", \"bindings\": [");
	for (size_t k = 0; k < ARRAY_SIZE(rows); k++) {
		if (spvc_resources_get_resource_list_for_type(resources, rows[k].type, &list, &n) != SPVC_SUCCESS)
			continue;
		for (size_t i = 0; i < n; i++) {
			spvc_type t = spvc_compiler_get_type_handle(c->compiler, list[i].type_id);

			strbuf_printf(out, "%s{\"kind\": \"%s\"", before, rows[k].kind);
			before = ", ";
			cross_write_name(out, ", \"name\": ", list[i].name);
			write_numbers(c, list[i].id, out, "set", SpvDecorationDescriptorSet, "binding", SpvDecorationBinding);
			cross_write_type(c, t, out);
			cross_write_image(c, t, out);
			if (rows[k].is_block)
				write_block(c, list[i].base_type_id, out);
			strbuf_putc(out, '}');
		}
	}
	strbuf_putc(out, ']');
}

static void write_push_constants(struct cross *c, spvc_resources resources, struct strbuf *out)
{
	const spvc_reflected_resource *list;
	size_t n = 0;

	strbuf_puts(out, ", \"push_constants\": [");
	if (spvc_resources_get_resource_list_for_type(resources, SPVC_RESOURCE_TYPE_PUSH_CONSTANT, &list, &n) !=
		SPVC_SUCCESS)
		n = 0;
	for (size_t i = 0; i < n; i++) {
		cross_write_name(out, i ? ", {\"name\": " : "{\"name\": ", list[i].name);
		write_block(c, list[i].base_type_id, out);
		strbuf_putc(out, '}');
	}
	strbuf_putc(out, ']');
}

static bool has_mode(struct cross *c, SpvExecutionMode wanted)
{
	const SpvExecutionMode *modes;
	size_t n;

	if (spvc_compiler_get_execution_modes(c->compiler, &modes, &n) != SPVC_SUCCESS)
		return false;
	for (size_t i = 0; i < n; i++)
		if (modes[i] == wanted)
			return true;
	return false;
}

static void write_workgroup_size(struct cross *c, struct strbuf *out)
{
	spvc_specialization_constant xyz[3] = {};
	spvc_constant_id whole;

	strbuf_puts(out, ", \"workgroup_size\": ");
	if (!has_mode(c, SpvExecutionModeLocalSize) && !has_mode(c, SpvExecutionModeLocalSizeId)) {
		strbuf_puts(out, "null");
		return;
	}
	whole = spvc_compiler_get_work_group_size_specialization_constants(c->compiler, &xyz[0], &xyz[1], &xyz[2]);
	strbuf_puts(out, "{\"size\": [");
	for (unsigned i = 0; i < 3; i++) {
		unsigned size = spvc_compiler_get_execution_mode_argument_by_index(c->compiler, SpvExecutionModeLocalSize, i);

		/* A constant of the module has the last word over the execution mode. */
		if (whole)
			size = spvc_constant_get_scalar_u32(spvc_compiler_get_constant_handle(c->compiler, whole), 0, i);
		if (xyz[i].id)
			size = spvc_constant_get_scalar_u32(spvc_compiler_get_constant_handle(c->compiler, xyz[i].id), 0, 0);
		strbuf_printf(out, "%s%u", i ? ", " : "", size);
	}
	strbuf_puts(out, "], \"constant_ids\": [");
	for (unsigned i = 0; i < 3; i++) {
		strbuf_puts(out, i ? ", " : "");
		if (xyz[i].id)
			strbuf_printf(out, "%u", xyz[i].constant_id);
		else
			strbuf_puts(out, "null");
	}
	strbuf_puts(out, "]}");
}

static int write_entry_point(struct cross *c, const spvc_entry_point *e, struct strbuf *out)
{
	spvc_resources resources;
	int r = cross_check(c, spvc_compiler_set_entry_point(c->compiler, e->name, e->execution_model), cannot);

	if (r == CODEGEN_GOOD)
		r = cross_check(c, spvc_compiler_create_shader_resources(c->compiler, &resources), cannot);
	if (r != CODEGEN_GOOD)
		return r;
	cross_write_name(out, "{\"name\": ", e->name);
	strbuf_printf(out, ", \"stage\": \"%s\"", stage_word(e->execution_model));
	write_workgroup_size(c, out);
	write_interface(c, resources, "inputs", SPVC_RESOURCE_TYPE_STAGE_INPUT, SPVC_BUILTIN_RESOURCE_TYPE_STAGE_INPUT, out);
	write_interface(c, resources, "outputs", SPVC_RESOURCE_TYPE_STAGE_OUTPUT, SPVC_BUILTIN_RESOURCE_TYPE_STAGE_OUTPUT,
		out);
	write_bindings(c, resources, out);
	write_push_constants(c, resources, out);
	strbuf_putc(out, '}');
	return CODEGEN_GOOD;
}

/* The value as JSON has it; what JSON has no number for is null. */
static void write_default(struct cross *c, spvc_type type, spvc_constant k, struct strbuf *out)
{
	double number = 0;

	(void)c;
	strbuf_puts(out, ", \"default\": ");
	switch (spvc_type_get_basetype(type)) {
	case SPVC_BASETYPE_BOOLEAN:
		strbuf_puts(out, spvc_constant_get_scalar_u32(k, 0, 0) ? "true" : "false");
		return;
	case SPVC_BASETYPE_INT8:
		strbuf_printf(out, "%d", spvc_constant_get_scalar_i8(k, 0, 0));
		return;
	case SPVC_BASETYPE_INT16:
		strbuf_printf(out, "%d", spvc_constant_get_scalar_i16(k, 0, 0));
		return;
	case SPVC_BASETYPE_INT32:
		strbuf_printf(out, "%d", spvc_constant_get_scalar_i32(k, 0, 0));
		return;
	case SPVC_BASETYPE_UINT8:
	case SPVC_BASETYPE_UINT16:
	case SPVC_BASETYPE_UINT32:
		strbuf_printf(out, "%u", spvc_constant_get_scalar_u32(k, 0, 0));
		return;
	case SPVC_BASETYPE_FP16:
		number = (double)spvc_constant_get_scalar_fp16(k, 0, 0);
		break;
	case SPVC_BASETYPE_FP32:
		number = (double)spvc_constant_get_scalar_fp32(k, 0, 0);
		break;
	case SPVC_BASETYPE_FP64:
		number = spvc_constant_get_scalar_fp64(k, 0, 0);
		break;
	default: /* 64-bit integers: the library's C interface has no way to them */
		strbuf_puts(out, "null");
		return;
	}
	if (number - number == 0)
		strbuf_printf(out, "%.17g", number);
	else
		strbuf_puts(out, "null");
}

static bool is_repeated(const spvc_specialization_constant *list, size_t i)
{
	for (size_t k = 0; k < i; k++)
		if (list[k].constant_id == list[i].constant_id)
			return true;
	return false;
}

static int write_constants(struct cross *c, struct strbuf *out)
{
	const spvc_specialization_constant *list;
	size_t n;
	int r = cross_check(c, spvc_compiler_get_specialization_constants(c->compiler, &list, &n), cannot);

	if (r != CODEGEN_GOOD)
		return r;
	strbuf_puts(out, "], \"specialization_constants\": [");
	for (size_t i = 0; i < n; i++) {
		if (is_repeated(list, i)) /* glslang writes those of the workgroup's size twice */
			continue;
		spvc_constant k = spvc_compiler_get_constant_handle(c->compiler, list[i].id);
		spvc_type type = spvc_compiler_get_type_handle(c->compiler, spvc_constant_get_type(k));

		strbuf_printf(out, "%s{\"id\": %u", i ? ", " : "", list[i].constant_id);
		cross_write_name(out, ", \"name\": ", spvc_compiler_get_name(c->compiler, list[i].id));
		cross_write_type(c, type, out);
		write_default(c, type, k, out);
		strbuf_putc(out, '}');
	}
	strbuf_puts(out, "]}");
	return CODEGEN_GOOD;
}

int cross_reflect(struct cross *c, struct strbuf *out)
{
	const spvc_entry_point *list;
	size_t n;
	int r = cross_check(c, spvc_compiler_get_entry_points(c->compiler, &list, &n), cannot);

	strbuf_puts(out, "{\"entry_points\": [");
	for (size_t i = 0; i < n && r == CODEGEN_GOOD; i++) {
		if (i)
			strbuf_puts(out, ", ");
		r = write_entry_point(c, &list[i], out);
	}
	if (r == CODEGEN_GOOD)
		r = write_constants(c, out);
	return r == CODEGEN_GOOD && out->failed ? -ENOMEM : r;
}
