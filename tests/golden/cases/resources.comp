#version 450
// golden: --emit reflection --emit glsl --emit hlsl --emit msl
layout(local_size_x_id = 7, local_size_y = 4, local_size_z = 2) in;
layout(constant_id = 3) const float GAIN = 0.5;
layout(constant_id = 4) const bool FLIP = true;
layout(constant_id = 5) const int N = 4;
struct Light { vec3 direction; float power; };
layout(set = 1, binding = 2, std140) uniform Scene { mat4 view; Light lights[3]; layout(row_major) mat3x2 uv; } scene;
layout(set = 0, binding = 0, std430) buffer Out { uint count; vec4 data[]; } result;
layout(set = 0, binding = 1) uniform sampler2DArray textures[2];
layout(set = 0, binding = 3, rgba8) uniform image2D picture;
layout(push_constant) uniform Push { vec2 offset; layout(offset = 32) int step; } push;
shared float cache[N];

void main()
{
	vec4 c = texture(textures[0], vec3(push.offset, 0.0)) * GAIN;

	cache[gl_LocalInvocationIndex % N] = scene.lights[1].power;
	barrier();
	result.data[gl_GlobalInvocationID.x] = scene.view * c + vec4(scene.uv * vec3(1.0), cache[0], 0.0);
	if (FLIP)
		imageStore(picture, ivec2(gl_GlobalInvocationID.xy) * push.step, c);
	result.count = 1;
}
