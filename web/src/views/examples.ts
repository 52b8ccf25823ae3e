// SPDX-License-Identifier: Apache-2.0
// Small sources to begin with.

export interface Example {
  title: string;
  name: string;
  language: string;
  stage: string;
  source: string;
  optional?: boolean; // of a language that not every installation has
}

export const EXAMPLES: Example[] = [
  {
    title: 'GLSL fragment: fog over a texture', name: 'fog.frag', language: 'glsl', stage: 'fragment',
    source: `#version 450

layout(binding = 0) uniform sampler2D albedo;
layout(location = 0) in vec2 uv;
layout(location = 1) in float depth;
layout(location = 0) out vec4 colour;

const vec3 FOG = vec3(0.62, 0.71, 0.80);

float fog_amount(float d)
{
    return 1.0 - exp(-0.04 * d * d);
}

void main()
{
    vec4 texel = texture(albedo, uv);
    colour = vec4(mix(texel.rgb, FOG, clamp(fog_amount(depth), 0.0, 1.0)), texel.a);
}
`,
  },
  {
    title: 'GLSL compute: sums of blocks', name: 'sum.comp', language: 'glsl', stage: 'compute',
    source: `#version 450

layout(local_size_x = 64) in;
layout(std430, binding = 0) readonly buffer Values { float values[]; };
layout(std430, binding = 1) writeonly buffer Sums { float sums[]; };

shared float part[64];

void main()
{
    uint i = gl_LocalInvocationID.x;
    part[i] = values[gl_GlobalInvocationID.x];
    barrier();
    for (uint step = 32; step > 0; step >>= 1) {
        if (i < step)
            part[i] += part[i + step];
        barrier();
    }
    if (i == 0)
        sums[gl_WorkGroupID.x] = part[0];
}
`,
  },
  {
    title: 'GLSL with two mistakes', name: 'mistakes.frag', language: 'glsl', stage: 'fragment',
    source: `#version 450

layout(location = 0) in vec3 normal;
layout(location = 0) out vec4 colour;

void main()
{
    float light = dot(normal, vec2(0.0, 1.0));
    colour = vec4(lihgt);
}
`,
  },
  {
    title: 'HLSL pixel shader', name: 'tint.hlsl', language: 'hlsl', stage: 'fragment',
    source: `Texture2D image : register(t0);
SamplerState linear_sampler : register(s1);

cbuffer Settings : register(b2)
{
    float4 tint;
};

float4 main(float2 uv : TEXCOORD0) : SV_Target
{
    return image.Sample(linear_sampler, uv) * tint;
}
`,
  },
  {
    title: 'SPIR-V assembly', name: 'empty.spvasm', language: 'spirv-asm', stage: '',
    source: `; A compute shader that does nothing.
               OpCapability Shader
               OpMemoryModel Logical GLSL450
               OpEntryPoint GLCompute %main "main"
               OpExecutionMode %main LocalSize 1 1 1
       %void = OpTypeVoid
    %fn_void = OpTypeFunction %void
       %main = OpFunction %void None %fn_void
      %begin = OpLabel
               OpReturn
               OpFunctionEnd
`,
  },
  {
    title: 'WGSL: a triangle', name: 'triangle.wgsl', language: 'wgsl', stage: 'vertex', optional: true,
    source: `@vertex
fn main(@builtin(vertex_index) i: u32) -> @builtin(position) vec4<f32> {
    let x = f32(i32(i) - 1);
    let y = f32(i32(i & 1u) * 2 - 1);
    return vec4<f32>(x, y, 0.0, 1.0);
}
`,
  },
  {
    title: 'OpenCL C: a sum of two arrays', name: 'add.cl', language: 'opencl-c', stage: '', optional: true,
    source: `kernel void add(global const float *a, global const float *b, global float *sum)
{
    size_t i = get_global_id(0);

    sum[i] = a[i] + b[i];
}
`,
  },
];
