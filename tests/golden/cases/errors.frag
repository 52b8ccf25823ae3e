#version 450
// golden: --include broken.inc
#include "broken.inc"
#include "missing.inc"
layout(location = 0) out vec4 colour;
void main()
{
	colour = vec4(undeclared, 0, 0, 1);
	/* é */ float x = nosuch(1);
	colour.q = vec2(1);
}
