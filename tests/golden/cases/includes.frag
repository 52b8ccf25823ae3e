#version 450
// golden: --include shapes.inc --include numbers.inc --define RADIUS=0.5 --define UNUSED
#include "shapes.inc"
layout(location = 0) out float inside;
void main()
{
	inside = circle(vec2(ONE), RADIUS);
}
