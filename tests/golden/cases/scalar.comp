#version 450
#extension GL_EXT_scalar_block_layout : require
layout(local_size_x = 1) in;
layout(scalar, binding = 0) buffer B { vec3 a; float b; vec3 c[2]; };
void main()
{
	c[0] = a * b;
}
