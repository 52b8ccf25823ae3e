#version 450
// golden: --debug line --emit line_map --include shapes.inc --include numbers.inc
#include "shapes.inc"
layout(location = 0) in vec2 uv;
layout(location = 0) out vec4 colour;

void main()
{
	float a = uv.x * 2.0;
	float b = uv.y + a;
	for (int i = 0; i < 3; i++)
		b += a * circle(uv, b);
	colour = vec4(a, b, 0.0, 1.0);
}
