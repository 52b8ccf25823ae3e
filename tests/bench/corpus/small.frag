#version 450
// A lit, textured surface with fog: about the size of most shaders that are written.
layout(location = 0) in vec3 position;
layout(location = 1) in vec3 normal;
layout(location = 2) in vec2 uv;
layout(location = 0) out vec4 colour;

layout(set = 0, binding = 0) uniform Scene {
	vec4 sun; // direction, strength
	vec4 eye; // position, fog density
	vec4 fog;
} scene;
layout(set = 0, binding = 1) uniform sampler2D albedo;

float specular(vec3 n, vec3 light, vec3 view, float shine)
{
	vec3 half_way = normalize(light + view);
	return pow(max(dot(n, half_way), 0.0), shine);
}

void main()
{
	vec3 n = normalize(normal);
	vec3 light = normalize(scene.sun.xyz);
	vec3 to_eye = scene.eye.xyz - position;
	vec3 base = texture(albedo, uv).rgb;
	float diffuse = max(dot(n, light), 0.0) * scene.sun.w;
	vec3 lit = base * (0.1 + diffuse) + specular(n, light, normalize(to_eye), 32.0);
	float fogged = 1.0 - exp(-length(to_eye) * scene.eye.w);
	colour = vec4(mix(lit, scene.fog.rgb, fogged), 1.0);
}
