#version 310 es
// golden: --env vulkan1.0 --debug line
precision mediump float;
layout(location = 0) out vec4 colour;
void main()
{
	colour = vec4(gl_FragCoord.xy, 0.0, 1.0);
}
