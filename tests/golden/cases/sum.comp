#version 460
// golden: --optimize performance --env vulkan1.2
layout(local_size_x = 64) in;
layout(std430, binding = 0) buffer Numbers { float numbers[]; };
float twice(float x) { return x + x; }
void main()
{
	uint i = gl_GlobalInvocationID.x;
	for (int k = 0; k < 2; k++)
		numbers[i] = twice(numbers[i]);
}
