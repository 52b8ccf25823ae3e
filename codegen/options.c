/* SPDX-License-Identifier: Apache-2.0 */
/* The words that options have on the wire. Pure tables, used by the front and by workers, from any thread. */
#include "base/cleanup.h"
#include "spvscope/codegen.h"

static const char *const resources[SPVSCOPE_N_RESOURCES] = {
	[SPVSCOPE_RESOURCE_SAMPLER] = "sampler",
	[SPVSCOPE_RESOURCE_TEXTURE] = "texture",
	[SPVSCOPE_RESOURCE_IMAGE] = "image",
	[SPVSCOPE_RESOURCE_UBO] = "ubo",
	[SPVSCOPE_RESOURCE_SSBO] = "ssbo",
	[SPVSCOPE_RESOURCE_UAV] = "uav",
};

static const char *const backings[SPVSCOPE_N_BACKINGS] = {
	[SPVSCOPE_BACKING_UNIFORM] = "uniform",
	[SPVSCOPE_BACKING_BUFFER] = "buffer",
	[SPVSCOPE_BACKING_PUSH_CONSTANT] = "push_constant",
};

/* Members of glslang's TBuiltInResource, as its configuration files call them. */
static const char *const limits[] = {
	"MaxLights", "MaxClipPlanes", "MaxTextureUnits", "MaxTextureCoords", "MaxVertexAttribs",
	"MaxVertexUniformComponents", "MaxVaryingFloats", "MaxVertexTextureImageUnits",
	"MaxCombinedTextureImageUnits", "MaxTextureImageUnits", "MaxFragmentUniformComponents", "MaxDrawBuffers",
	"MaxVertexUniformVectors", "MaxVaryingVectors", "MaxFragmentUniformVectors", "MaxVertexOutputVectors",
	"MaxFragmentInputVectors", "MinProgramTexelOffset", "MaxProgramTexelOffset", "MaxClipDistances",
	"MaxComputeWorkGroupCountX", "MaxComputeWorkGroupCountY", "MaxComputeWorkGroupCountZ",
	"MaxComputeWorkGroupSizeX", "MaxComputeWorkGroupSizeY", "MaxComputeWorkGroupSizeZ",
	"MaxComputeUniformComponents", "MaxComputeTextureImageUnits", "MaxComputeImageUniforms",
	"MaxComputeAtomicCounters", "MaxComputeAtomicCounterBuffers", "MaxVaryingComponents",
	"MaxVertexOutputComponents", "MaxGeometryInputComponents", "MaxGeometryOutputComponents",
	"MaxFragmentInputComponents", "MaxImageUnits", "MaxCombinedImageUnitsAndFragmentOutputs",
	"MaxCombinedShaderOutputResources", "MaxImageSamples", "MaxVertexImageUniforms",
	"MaxTessControlImageUniforms", "MaxTessEvaluationImageUniforms", "MaxGeometryImageUniforms",
	"MaxFragmentImageUniforms", "MaxCombinedImageUniforms", "MaxGeometryTextureImageUnits",
	"MaxGeometryOutputVertices", "MaxGeometryTotalOutputComponents", "MaxGeometryUniformComponents",
	"MaxGeometryVaryingComponents", "MaxTessControlInputComponents", "MaxTessControlOutputComponents",
	"MaxTessControlTextureImageUnits", "MaxTessControlUniformComponents",
	"MaxTessControlTotalOutputComponents", "MaxTessEvaluationInputComponents",
	"MaxTessEvaluationOutputComponents", "MaxTessEvaluationTextureImageUnits",
	"MaxTessEvaluationUniformComponents", "MaxTessPatchComponents", "MaxPatchVertices", "MaxTessGenLevel",
	"MaxViewports", "MaxVertexAtomicCounters", "MaxTessControlAtomicCounters",
	"MaxTessEvaluationAtomicCounters", "MaxGeometryAtomicCounters", "MaxFragmentAtomicCounters",
	"MaxCombinedAtomicCounters", "MaxAtomicCounterBindings", "MaxVertexAtomicCounterBuffers",
	"MaxTessControlAtomicCounterBuffers", "MaxTessEvaluationAtomicCounterBuffers",
	"MaxGeometryAtomicCounterBuffers", "MaxFragmentAtomicCounterBuffers", "MaxCombinedAtomicCounterBuffers",
	"MaxAtomicCounterBufferSize", "MaxTransformFeedbackBuffers", "MaxTransformFeedbackInterleavedComponents",
	"MaxCullDistances", "MaxCombinedClipAndCullDistances", "MaxSamples", "MaxMeshOutputVerticesNV",
	"MaxMeshOutputPrimitivesNV", "MaxMeshWorkGroupSizeX_NV", "MaxMeshWorkGroupSizeY_NV",
	"MaxMeshWorkGroupSizeZ_NV", "MaxTaskWorkGroupSizeX_NV", "MaxTaskWorkGroupSizeY_NV",
	"MaxTaskWorkGroupSizeZ_NV", "MaxMeshViewCountNV", "MaxMeshOutputVerticesEXT",
	"MaxMeshOutputPrimitivesEXT", "MaxMeshWorkGroupSizeX_EXT", "MaxMeshWorkGroupSizeY_EXT",
	"MaxMeshWorkGroupSizeZ_EXT", "MaxTaskWorkGroupSizeX_EXT", "MaxTaskWorkGroupSizeY_EXT",
	"MaxTaskWorkGroupSizeZ_EXT", "MaxMeshViewCountEXT", "MaxDualSourceDrawBuffersEXT",
	"nonInductiveForLoops", "whileLoops", "doWhileLoops", "generalUniformIndexing",
	"generalAttributeMatrixVectorIndexing", "generalVaryingIndexing", "generalSamplerIndexing",
	"generalVariableIndexing", "generalConstantMatrixVectorIndexing",
};

const char *spvscope_resource_name(enum spvscope_resource r)
{
	return (unsigned)r < SPVSCOPE_N_RESOURCES ? resources[r] : "unknown";
}

const char *spvscope_backing_name(enum spvscope_backing b)
{
	return (unsigned)b < SPVSCOPE_N_BACKINGS ? backings[b] : "unknown";
}

const char *spvscope_limit_name(size_t idx)
{
	return idx < ARRAY_SIZE(limits) ? limits[idx] : NULL;
}
