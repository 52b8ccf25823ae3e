#version 450
// golden: --auto-map on --env opengl4.5
in vec4 position;
uniform mat4 transform;
out vec3 colour;
void main()
{
	gl_Position = transform * position;
	colour = position.xyz;
}
