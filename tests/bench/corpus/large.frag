#version 450
// Written by generate.mjs.
layout(location = 0) in vec3 position;
layout(location = 1) in vec3 normal;
layout(location = 0) out vec4 colour;
layout(set = 0, binding = 0) uniform Scene { vec4 lights[90]; vec4 eye; } scene;

float hash_0(vec2 p) { return fract(sin(dot(p, vec2(12.9898, 78.2330))) * 43758.5453); }
float noise_0(vec2 p)
{
	vec2 cell = floor(p), f = fract(p);
	vec2 u = f * f * (3.0 - 2.0 * f);
	float low = mix(hash_0(cell), hash_0(cell + vec2(1.0, 0.0)), u.x);
	float high = mix(hash_0(cell + vec2(0.0, 1.0)), hash_0(cell + vec2(1.0, 1.0)), u.x);
	return mix(low, high, u.y);
}
vec3 layer_0(vec3 n, vec3 view, vec3 base)
{
	vec4 light = scene.lights[0];
	vec3 half_way = normalize(light.xyz + view);
	float diffuse = max(dot(n, light.xyz), 0.0);
	float shine = pow(max(dot(n, half_way), 0.0), 8.0);
	for (int octave = 0; octave < 2; octave++)
		diffuse *= 0.5 + noise_0(base.xy * float(octave + 1));
	if (diffuse < 0.01)
		return base;
	return mix(base, base * diffuse + shine, light.w);
}

float hash_1(vec2 p) { return fract(sin(dot(p, vec2(13.3598, 79.3630))) * 43751.4453); }
float noise_1(vec2 p)
{
	vec2 cell = floor(p), f = fract(p);
	vec2 u = f * f * (3.0 - 2.0 * f);
	float low = mix(hash_1(cell), hash_1(cell + vec2(1.0, 0.0)), u.x);
	float high = mix(hash_1(cell + vec2(0.0, 1.0)), hash_1(cell + vec2(1.0, 1.0)), u.x);
	return mix(low, high, u.y);
}
vec3 layer_1(vec3 n, vec3 view, vec3 base)
{
	vec4 light = scene.lights[1];
	vec3 half_way = normalize(light.xyz + view);
	float diffuse = max(dot(n, light.xyz), 0.0);
	float shine = pow(max(dot(n, half_way), 0.0), 9.0);
	for (int octave = 0; octave < 3; octave++)
		diffuse *= 0.5 + noise_1(base.xy * float(octave + 1));
	if (diffuse < 0.01)
		return base;
	return mix(base, base * diffuse + shine, light.w);
}

float hash_2(vec2 p) { return fract(sin(dot(p, vec2(13.7298, 80.4930))) * 43744.3453); }
float noise_2(vec2 p)
{
	vec2 cell = floor(p), f = fract(p);
	vec2 u = f * f * (3.0 - 2.0 * f);
	float low = mix(hash_2(cell), hash_2(cell + vec2(1.0, 0.0)), u.x);
	float high = mix(hash_2(cell + vec2(0.0, 1.0)), hash_2(cell + vec2(1.0, 1.0)), u.x);
	return mix(low, high, u.y);
}
vec3 layer_2(vec3 n, vec3 view, vec3 base)
{
	vec4 light = scene.lights[2];
	vec3 half_way = normalize(light.xyz + view);
	float diffuse = max(dot(n, light.xyz), 0.0);
	float shine = pow(max(dot(n, half_way), 0.0), 10.0);
	for (int octave = 0; octave < 4; octave++)
		diffuse *= 0.5 + noise_2(base.xy * float(octave + 1));
	if (diffuse < 0.01)
		return base;
	return mix(base, base * diffuse + shine, light.w);
}

float hash_3(vec2 p) { return fract(sin(dot(p, vec2(14.0998, 81.6230))) * 43737.2453); }
float noise_3(vec2 p)
{
	vec2 cell = floor(p), f = fract(p);
	vec2 u = f * f * (3.0 - 2.0 * f);
	float low = mix(hash_3(cell), hash_3(cell + vec2(1.0, 0.0)), u.x);
	float high = mix(hash_3(cell + vec2(0.0, 1.0)), hash_3(cell + vec2(1.0, 1.0)), u.x);
	return mix(low, high, u.y);
}
vec3 layer_3(vec3 n, vec3 view, vec3 base)
{
	vec4 light = scene.lights[3];
	vec3 half_way = normalize(light.xyz + view);
	float diffuse = max(dot(n, light.xyz), 0.0);
	float shine = pow(max(dot(n, half_way), 0.0), 11.0);
	for (int octave = 0; octave < 5; octave++)
		diffuse *= 0.5 + noise_3(base.xy * float(octave + 1));
	if (diffuse < 0.01)
		return base;
	return mix(base, base * diffuse + shine, light.w);
}

float hash_4(vec2 p) { return fract(sin(dot(p, vec2(14.4698, 82.7530))) * 43730.1453); }
float noise_4(vec2 p)
{
	vec2 cell = floor(p), f = fract(p);
	vec2 u = f * f * (3.0 - 2.0 * f);
	float low = mix(hash_4(cell), hash_4(cell + vec2(1.0, 0.0)), u.x);
	float high = mix(hash_4(cell + vec2(0.0, 1.0)), hash_4(cell + vec2(1.0, 1.0)), u.x);
	return mix(low, high, u.y);
}
vec3 layer_4(vec3 n, vec3 view, vec3 base)
{
	vec4 light = scene.lights[4];
	vec3 half_way = normalize(light.xyz + view);
	float diffuse = max(dot(n, light.xyz), 0.0);
	float shine = pow(max(dot(n, half_way), 0.0), 12.0);
	for (int octave = 0; octave < 2; octave++)
		diffuse *= 0.5 + noise_4(base.xy * float(octave + 1));
	if (diffuse < 0.01)
		return base;
	return mix(base, base * diffuse + shine, light.w);
}

float hash_5(vec2 p) { return fract(sin(dot(p, vec2(14.8398, 83.8830))) * 43723.0453); }
float noise_5(vec2 p)
{
	vec2 cell = floor(p), f = fract(p);
	vec2 u = f * f * (3.0 - 2.0 * f);
	float low = mix(hash_5(cell), hash_5(cell + vec2(1.0, 0.0)), u.x);
	float high = mix(hash_5(cell + vec2(0.0, 1.0)), hash_5(cell + vec2(1.0, 1.0)), u.x);
	return mix(low, high, u.y);
}
vec3 layer_5(vec3 n, vec3 view, vec3 base)
{
	vec4 light = scene.lights[5];
	vec3 half_way = normalize(light.xyz + view);
	float diffuse = max(dot(n, light.xyz), 0.0);
	float shine = pow(max(dot(n, half_way), 0.0), 13.0);
	for (int octave = 0; octave < 3; octave++)
		diffuse *= 0.5 + noise_5(base.xy * float(octave + 1));
	if (diffuse < 0.01)
		return base;
	return mix(base, base * diffuse + shine, light.w);
}

float hash_6(vec2 p) { return fract(sin(dot(p, vec2(15.2098, 85.0130))) * 43715.9453); }
float noise_6(vec2 p)
{
	vec2 cell = floor(p), f = fract(p);
	vec2 u = f * f * (3.0 - 2.0 * f);
	float low = mix(hash_6(cell), hash_6(cell + vec2(1.0, 0.0)), u.x);
	float high = mix(hash_6(cell + vec2(0.0, 1.0)), hash_6(cell + vec2(1.0, 1.0)), u.x);
	return mix(low, high, u.y);
}
vec3 layer_6(vec3 n, vec3 view, vec3 base)
{
	vec4 light = scene.lights[6];
	vec3 half_way = normalize(light.xyz + view);
	float diffuse = max(dot(n, light.xyz), 0.0);
	float shine = pow(max(dot(n, half_way), 0.0), 14.0);
	for (int octave = 0; octave < 4; octave++)
		diffuse *= 0.5 + noise_6(base.xy * float(octave + 1));
	if (diffuse < 0.01)
		return base;
	return mix(base, base * diffuse + shine, light.w);
}

float hash_7(vec2 p) { return fract(sin(dot(p, vec2(15.5798, 86.1430))) * 43708.8453); }
float noise_7(vec2 p)
{
	vec2 cell = floor(p), f = fract(p);
	vec2 u = f * f * (3.0 - 2.0 * f);
	float low = mix(hash_7(cell), hash_7(cell + vec2(1.0, 0.0)), u.x);
	float high = mix(hash_7(cell + vec2(0.0, 1.0)), hash_7(cell + vec2(1.0, 1.0)), u.x);
	return mix(low, high, u.y);
}
vec3 layer_7(vec3 n, vec3 view, vec3 base)
{
	vec4 light = scene.lights[7];
	vec3 half_way = normalize(light.xyz + view);
	float diffuse = max(dot(n, light.xyz), 0.0);
	float shine = pow(max(dot(n, half_way), 0.0), 15.0);
	for (int octave = 0; octave < 5; octave++)
		diffuse *= 0.5 + noise_7(base.xy * float(octave + 1));
	if (diffuse < 0.01)
		return base;
	return mix(base, base * diffuse + shine, light.w);
}

float hash_8(vec2 p) { return fract(sin(dot(p, vec2(15.9498, 87.2730))) * 43701.7453); }
float noise_8(vec2 p)
{
	vec2 cell = floor(p), f = fract(p);
	vec2 u = f * f * (3.0 - 2.0 * f);
	float low = mix(hash_8(cell), hash_8(cell + vec2(1.0, 0.0)), u.x);
	float high = mix(hash_8(cell + vec2(0.0, 1.0)), hash_8(cell + vec2(1.0, 1.0)), u.x);
	return mix(low, high, u.y);
}
vec3 layer_8(vec3 n, vec3 view, vec3 base)
{
	vec4 light = scene.lights[8];
	vec3 half_way = normalize(light.xyz + view);
	float diffuse = max(dot(n, light.xyz), 0.0);
	float shine = pow(max(dot(n, half_way), 0.0), 16.0);
	for (int octave = 0; octave < 2; octave++)
		diffuse *= 0.5 + noise_8(base.xy * float(octave + 1));
	if (diffuse < 0.01)
		return base;
	return mix(base, base * diffuse + shine, light.w);
}

float hash_9(vec2 p) { return fract(sin(dot(p, vec2(16.3198, 88.4030))) * 43694.6453); }
float noise_9(vec2 p)
{
	vec2 cell = floor(p), f = fract(p);
	vec2 u = f * f * (3.0 - 2.0 * f);
	float low = mix(hash_9(cell), hash_9(cell + vec2(1.0, 0.0)), u.x);
	float high = mix(hash_9(cell + vec2(0.0, 1.0)), hash_9(cell + vec2(1.0, 1.0)), u.x);
	return mix(low, high, u.y);
}
vec3 layer_9(vec3 n, vec3 view, vec3 base)
{
	vec4 light = scene.lights[9];
	vec3 half_way = normalize(light.xyz + view);
	float diffuse = max(dot(n, light.xyz), 0.0);
	float shine = pow(max(dot(n, half_way), 0.0), 17.0);
	for (int octave = 0; octave < 3; octave++)
		diffuse *= 0.5 + noise_9(base.xy * float(octave + 1));
	if (diffuse < 0.01)
		return base;
	return mix(base, base * diffuse + shine, light.w);
}

float hash_10(vec2 p) { return fract(sin(dot(p, vec2(16.6898, 89.5330))) * 43687.5453); }
float noise_10(vec2 p)
{
	vec2 cell = floor(p), f = fract(p);
	vec2 u = f * f * (3.0 - 2.0 * f);
	float low = mix(hash_10(cell), hash_10(cell + vec2(1.0, 0.0)), u.x);
	float high = mix(hash_10(cell + vec2(0.0, 1.0)), hash_10(cell + vec2(1.0, 1.0)), u.x);
	return mix(low, high, u.y);
}
vec3 layer_10(vec3 n, vec3 view, vec3 base)
{
	vec4 light = scene.lights[10];
	vec3 half_way = normalize(light.xyz + view);
	float diffuse = max(dot(n, light.xyz), 0.0);
	float shine = pow(max(dot(n, half_way), 0.0), 18.0);
	for (int octave = 0; octave < 4; octave++)
		diffuse *= 0.5 + noise_10(base.xy * float(octave + 1));
	if (diffuse < 0.01)
		return base;
	return mix(base, base * diffuse + shine, light.w);
}

float hash_11(vec2 p) { return fract(sin(dot(p, vec2(17.0598, 90.6630))) * 43680.4453); }
float noise_11(vec2 p)
{
	vec2 cell = floor(p), f = fract(p);
	vec2 u = f * f * (3.0 - 2.0 * f);
	float low = mix(hash_11(cell), hash_11(cell + vec2(1.0, 0.0)), u.x);
	float high = mix(hash_11(cell + vec2(0.0, 1.0)), hash_11(cell + vec2(1.0, 1.0)), u.x);
	return mix(low, high, u.y);
}
vec3 layer_11(vec3 n, vec3 view, vec3 base)
{
	vec4 light = scene.lights[11];
	vec3 half_way = normalize(light.xyz + view);
	float diffuse = max(dot(n, light.xyz), 0.0);
	float shine = pow(max(dot(n, half_way), 0.0), 19.0);
	for (int octave = 0; octave < 5; octave++)
		diffuse *= 0.5 + noise_11(base.xy * float(octave + 1));
	if (diffuse < 0.01)
		return base;
	return mix(base, base * diffuse + shine, light.w);
}

float hash_12(vec2 p) { return fract(sin(dot(p, vec2(17.4298, 91.7930))) * 43673.3453); }
float noise_12(vec2 p)
{
	vec2 cell = floor(p), f = fract(p);
	vec2 u = f * f * (3.0 - 2.0 * f);
	float low = mix(hash_12(cell), hash_12(cell + vec2(1.0, 0.0)), u.x);
	float high = mix(hash_12(cell + vec2(0.0, 1.0)), hash_12(cell + vec2(1.0, 1.0)), u.x);
	return mix(low, high, u.y);
}
vec3 layer_12(vec3 n, vec3 view, vec3 base)
{
	vec4 light = scene.lights[12];
	vec3 half_way = normalize(light.xyz + view);
	float diffuse = max(dot(n, light.xyz), 0.0);
	float shine = pow(max(dot(n, half_way), 0.0), 20.0);
	for (int octave = 0; octave < 2; octave++)
		diffuse *= 0.5 + noise_12(base.xy * float(octave + 1));
	if (diffuse < 0.01)
		return base;
	return mix(base, base * diffuse + shine, light.w);
}

float hash_13(vec2 p) { return fract(sin(dot(p, vec2(17.7998, 92.9230))) * 43666.2453); }
float noise_13(vec2 p)
{
	vec2 cell = floor(p), f = fract(p);
	vec2 u = f * f * (3.0 - 2.0 * f);
	float low = mix(hash_13(cell), hash_13(cell + vec2(1.0, 0.0)), u.x);
	float high = mix(hash_13(cell + vec2(0.0, 1.0)), hash_13(cell + vec2(1.0, 1.0)), u.x);
	return mix(low, high, u.y);
}
vec3 layer_13(vec3 n, vec3 view, vec3 base)
{
	vec4 light = scene.lights[13];
	vec3 half_way = normalize(light.xyz + view);
	float diffuse = max(dot(n, light.xyz), 0.0);
	float shine = pow(max(dot(n, half_way), 0.0), 21.0);
	for (int octave = 0; octave < 3; octave++)
		diffuse *= 0.5 + noise_13(base.xy * float(octave + 1));
	if (diffuse < 0.01)
		return base;
	return mix(base, base * diffuse + shine, light.w);
}

float hash_14(vec2 p) { return fract(sin(dot(p, vec2(18.1698, 94.0530))) * 43659.1453); }
float noise_14(vec2 p)
{
	vec2 cell = floor(p), f = fract(p);
	vec2 u = f * f * (3.0 - 2.0 * f);
	float low = mix(hash_14(cell), hash_14(cell + vec2(1.0, 0.0)), u.x);
	float high = mix(hash_14(cell + vec2(0.0, 1.0)), hash_14(cell + vec2(1.0, 1.0)), u.x);
	return mix(low, high, u.y);
}
vec3 layer_14(vec3 n, vec3 view, vec3 base)
{
	vec4 light = scene.lights[14];
	vec3 half_way = normalize(light.xyz + view);
	float diffuse = max(dot(n, light.xyz), 0.0);
	float shine = pow(max(dot(n, half_way), 0.0), 22.0);
	for (int octave = 0; octave < 4; octave++)
		diffuse *= 0.5 + noise_14(base.xy * float(octave + 1));
	if (diffuse < 0.01)
		return base;
	return mix(base, base * diffuse + shine, light.w);
}

float hash_15(vec2 p) { return fract(sin(dot(p, vec2(18.5398, 95.1830))) * 43652.0453); }
float noise_15(vec2 p)
{
	vec2 cell = floor(p), f = fract(p);
	vec2 u = f * f * (3.0 - 2.0 * f);
	float low = mix(hash_15(cell), hash_15(cell + vec2(1.0, 0.0)), u.x);
	float high = mix(hash_15(cell + vec2(0.0, 1.0)), hash_15(cell + vec2(1.0, 1.0)), u.x);
	return mix(low, high, u.y);
}
vec3 layer_15(vec3 n, vec3 view, vec3 base)
{
	vec4 light = scene.lights[15];
	vec3 half_way = normalize(light.xyz + view);
	float diffuse = max(dot(n, light.xyz), 0.0);
	float shine = pow(max(dot(n, half_way), 0.0), 23.0);
	for (int octave = 0; octave < 5; octave++)
		diffuse *= 0.5 + noise_15(base.xy * float(octave + 1));
	if (diffuse < 0.01)
		return base;
	return mix(base, base * diffuse + shine, light.w);
}

float hash_16(vec2 p) { return fract(sin(dot(p, vec2(18.9098, 96.3130))) * 43644.9453); }
float noise_16(vec2 p)
{
	vec2 cell = floor(p), f = fract(p);
	vec2 u = f * f * (3.0 - 2.0 * f);
	float low = mix(hash_16(cell), hash_16(cell + vec2(1.0, 0.0)), u.x);
	float high = mix(hash_16(cell + vec2(0.0, 1.0)), hash_16(cell + vec2(1.0, 1.0)), u.x);
	return mix(low, high, u.y);
}
vec3 layer_16(vec3 n, vec3 view, vec3 base)
{
	vec4 light = scene.lights[16];
	vec3 half_way = normalize(light.xyz + view);
	float diffuse = max(dot(n, light.xyz), 0.0);
	float shine = pow(max(dot(n, half_way), 0.0), 24.0);
	for (int octave = 0; octave < 2; octave++)
		diffuse *= 0.5 + noise_16(base.xy * float(octave + 1));
	if (diffuse < 0.01)
		return base;
	return mix(base, base * diffuse + shine, light.w);
}

float hash_17(vec2 p) { return fract(sin(dot(p, vec2(19.2798, 97.4430))) * 43637.8453); }
float noise_17(vec2 p)
{
	vec2 cell = floor(p), f = fract(p);
	vec2 u = f * f * (3.0 - 2.0 * f);
	float low = mix(hash_17(cell), hash_17(cell + vec2(1.0, 0.0)), u.x);
	float high = mix(hash_17(cell + vec2(0.0, 1.0)), hash_17(cell + vec2(1.0, 1.0)), u.x);
	return mix(low, high, u.y);
}
vec3 layer_17(vec3 n, vec3 view, vec3 base)
{
	vec4 light = scene.lights[17];
	vec3 half_way = normalize(light.xyz + view);
	float diffuse = max(dot(n, light.xyz), 0.0);
	float shine = pow(max(dot(n, half_way), 0.0), 25.0);
	for (int octave = 0; octave < 3; octave++)
		diffuse *= 0.5 + noise_17(base.xy * float(octave + 1));
	if (diffuse < 0.01)
		return base;
	return mix(base, base * diffuse + shine, light.w);
}

float hash_18(vec2 p) { return fract(sin(dot(p, vec2(19.6498, 98.5730))) * 43630.7453); }
float noise_18(vec2 p)
{
	vec2 cell = floor(p), f = fract(p);
	vec2 u = f * f * (3.0 - 2.0 * f);
	float low = mix(hash_18(cell), hash_18(cell + vec2(1.0, 0.0)), u.x);
	float high = mix(hash_18(cell + vec2(0.0, 1.0)), hash_18(cell + vec2(1.0, 1.0)), u.x);
	return mix(low, high, u.y);
}
vec3 layer_18(vec3 n, vec3 view, vec3 base)
{
	vec4 light = scene.lights[18];
	vec3 half_way = normalize(light.xyz + view);
	float diffuse = max(dot(n, light.xyz), 0.0);
	float shine = pow(max(dot(n, half_way), 0.0), 26.0);
	for (int octave = 0; octave < 4; octave++)
		diffuse *= 0.5 + noise_18(base.xy * float(octave + 1));
	if (diffuse < 0.01)
		return base;
	return mix(base, base * diffuse + shine, light.w);
}

float hash_19(vec2 p) { return fract(sin(dot(p, vec2(20.0198, 99.7030))) * 43623.6453); }
float noise_19(vec2 p)
{
	vec2 cell = floor(p), f = fract(p);
	vec2 u = f * f * (3.0 - 2.0 * f);
	float low = mix(hash_19(cell), hash_19(cell + vec2(1.0, 0.0)), u.x);
	float high = mix(hash_19(cell + vec2(0.0, 1.0)), hash_19(cell + vec2(1.0, 1.0)), u.x);
	return mix(low, high, u.y);
}
vec3 layer_19(vec3 n, vec3 view, vec3 base)
{
	vec4 light = scene.lights[19];
	vec3 half_way = normalize(light.xyz + view);
	float diffuse = max(dot(n, light.xyz), 0.0);
	float shine = pow(max(dot(n, half_way), 0.0), 27.0);
	for (int octave = 0; octave < 5; octave++)
		diffuse *= 0.5 + noise_19(base.xy * float(octave + 1));
	if (diffuse < 0.01)
		return base;
	return mix(base, base * diffuse + shine, light.w);
}

float hash_20(vec2 p) { return fract(sin(dot(p, vec2(20.3898, 100.8330))) * 43616.5453); }
float noise_20(vec2 p)
{
	vec2 cell = floor(p), f = fract(p);
	vec2 u = f * f * (3.0 - 2.0 * f);
	float low = mix(hash_20(cell), hash_20(cell + vec2(1.0, 0.0)), u.x);
	float high = mix(hash_20(cell + vec2(0.0, 1.0)), hash_20(cell + vec2(1.0, 1.0)), u.x);
	return mix(low, high, u.y);
}
vec3 layer_20(vec3 n, vec3 view, vec3 base)
{
	vec4 light = scene.lights[20];
	vec3 half_way = normalize(light.xyz + view);
	float diffuse = max(dot(n, light.xyz), 0.0);
	float shine = pow(max(dot(n, half_way), 0.0), 28.0);
	for (int octave = 0; octave < 2; octave++)
		diffuse *= 0.5 + noise_20(base.xy * float(octave + 1));
	if (diffuse < 0.01)
		return base;
	return mix(base, base * diffuse + shine, light.w);
}

float hash_21(vec2 p) { return fract(sin(dot(p, vec2(20.7598, 101.9630))) * 43609.4453); }
float noise_21(vec2 p)
{
	vec2 cell = floor(p), f = fract(p);
	vec2 u = f * f * (3.0 - 2.0 * f);
	float low = mix(hash_21(cell), hash_21(cell + vec2(1.0, 0.0)), u.x);
	float high = mix(hash_21(cell + vec2(0.0, 1.0)), hash_21(cell + vec2(1.0, 1.0)), u.x);
	return mix(low, high, u.y);
}
vec3 layer_21(vec3 n, vec3 view, vec3 base)
{
	vec4 light = scene.lights[21];
	vec3 half_way = normalize(light.xyz + view);
	float diffuse = max(dot(n, light.xyz), 0.0);
	float shine = pow(max(dot(n, half_way), 0.0), 29.0);
	for (int octave = 0; octave < 3; octave++)
		diffuse *= 0.5 + noise_21(base.xy * float(octave + 1));
	if (diffuse < 0.01)
		return base;
	return mix(base, base * diffuse + shine, light.w);
}

float hash_22(vec2 p) { return fract(sin(dot(p, vec2(21.1298, 103.0930))) * 43602.3453); }
float noise_22(vec2 p)
{
	vec2 cell = floor(p), f = fract(p);
	vec2 u = f * f * (3.0 - 2.0 * f);
	float low = mix(hash_22(cell), hash_22(cell + vec2(1.0, 0.0)), u.x);
	float high = mix(hash_22(cell + vec2(0.0, 1.0)), hash_22(cell + vec2(1.0, 1.0)), u.x);
	return mix(low, high, u.y);
}
vec3 layer_22(vec3 n, vec3 view, vec3 base)
{
	vec4 light = scene.lights[22];
	vec3 half_way = normalize(light.xyz + view);
	float diffuse = max(dot(n, light.xyz), 0.0);
	float shine = pow(max(dot(n, half_way), 0.0), 30.0);
	for (int octave = 0; octave < 4; octave++)
		diffuse *= 0.5 + noise_22(base.xy * float(octave + 1));
	if (diffuse < 0.01)
		return base;
	return mix(base, base * diffuse + shine, light.w);
}

float hash_23(vec2 p) { return fract(sin(dot(p, vec2(21.4998, 104.2230))) * 43595.2453); }
float noise_23(vec2 p)
{
	vec2 cell = floor(p), f = fract(p);
	vec2 u = f * f * (3.0 - 2.0 * f);
	float low = mix(hash_23(cell), hash_23(cell + vec2(1.0, 0.0)), u.x);
	float high = mix(hash_23(cell + vec2(0.0, 1.0)), hash_23(cell + vec2(1.0, 1.0)), u.x);
	return mix(low, high, u.y);
}
vec3 layer_23(vec3 n, vec3 view, vec3 base)
{
	vec4 light = scene.lights[23];
	vec3 half_way = normalize(light.xyz + view);
	float diffuse = max(dot(n, light.xyz), 0.0);
	float shine = pow(max(dot(n, half_way), 0.0), 31.0);
	for (int octave = 0; octave < 5; octave++)
		diffuse *= 0.5 + noise_23(base.xy * float(octave + 1));
	if (diffuse < 0.01)
		return base;
	return mix(base, base * diffuse + shine, light.w);
}

float hash_24(vec2 p) { return fract(sin(dot(p, vec2(21.8698, 105.3530))) * 43588.1453); }
float noise_24(vec2 p)
{
	vec2 cell = floor(p), f = fract(p);
	vec2 u = f * f * (3.0 - 2.0 * f);
	float low = mix(hash_24(cell), hash_24(cell + vec2(1.0, 0.0)), u.x);
	float high = mix(hash_24(cell + vec2(0.0, 1.0)), hash_24(cell + vec2(1.0, 1.0)), u.x);
	return mix(low, high, u.y);
}
vec3 layer_24(vec3 n, vec3 view, vec3 base)
{
	vec4 light = scene.lights[24];
	vec3 half_way = normalize(light.xyz + view);
	float diffuse = max(dot(n, light.xyz), 0.0);
	float shine = pow(max(dot(n, half_way), 0.0), 32.0);
	for (int octave = 0; octave < 2; octave++)
		diffuse *= 0.5 + noise_24(base.xy * float(octave + 1));
	if (diffuse < 0.01)
		return base;
	return mix(base, base * diffuse + shine, light.w);
}

float hash_25(vec2 p) { return fract(sin(dot(p, vec2(22.2398, 106.4830))) * 43581.0453); }
float noise_25(vec2 p)
{
	vec2 cell = floor(p), f = fract(p);
	vec2 u = f * f * (3.0 - 2.0 * f);
	float low = mix(hash_25(cell), hash_25(cell + vec2(1.0, 0.0)), u.x);
	float high = mix(hash_25(cell + vec2(0.0, 1.0)), hash_25(cell + vec2(1.0, 1.0)), u.x);
	return mix(low, high, u.y);
}
vec3 layer_25(vec3 n, vec3 view, vec3 base)
{
	vec4 light = scene.lights[25];
	vec3 half_way = normalize(light.xyz + view);
	float diffuse = max(dot(n, light.xyz), 0.0);
	float shine = pow(max(dot(n, half_way), 0.0), 33.0);
	for (int octave = 0; octave < 3; octave++)
		diffuse *= 0.5 + noise_25(base.xy * float(octave + 1));
	if (diffuse < 0.01)
		return base;
	return mix(base, base * diffuse + shine, light.w);
}

float hash_26(vec2 p) { return fract(sin(dot(p, vec2(22.6098, 107.6130))) * 43573.9453); }
float noise_26(vec2 p)
{
	vec2 cell = floor(p), f = fract(p);
	vec2 u = f * f * (3.0 - 2.0 * f);
	float low = mix(hash_26(cell), hash_26(cell + vec2(1.0, 0.0)), u.x);
	float high = mix(hash_26(cell + vec2(0.0, 1.0)), hash_26(cell + vec2(1.0, 1.0)), u.x);
	return mix(low, high, u.y);
}
vec3 layer_26(vec3 n, vec3 view, vec3 base)
{
	vec4 light = scene.lights[26];
	vec3 half_way = normalize(light.xyz + view);
	float diffuse = max(dot(n, light.xyz), 0.0);
	float shine = pow(max(dot(n, half_way), 0.0), 34.0);
	for (int octave = 0; octave < 4; octave++)
		diffuse *= 0.5 + noise_26(base.xy * float(octave + 1));
	if (diffuse < 0.01)
		return base;
	return mix(base, base * diffuse + shine, light.w);
}

float hash_27(vec2 p) { return fract(sin(dot(p, vec2(22.9798, 108.7430))) * 43566.8453); }
float noise_27(vec2 p)
{
	vec2 cell = floor(p), f = fract(p);
	vec2 u = f * f * (3.0 - 2.0 * f);
	float low = mix(hash_27(cell), hash_27(cell + vec2(1.0, 0.0)), u.x);
	float high = mix(hash_27(cell + vec2(0.0, 1.0)), hash_27(cell + vec2(1.0, 1.0)), u.x);
	return mix(low, high, u.y);
}
vec3 layer_27(vec3 n, vec3 view, vec3 base)
{
	vec4 light = scene.lights[27];
	vec3 half_way = normalize(light.xyz + view);
	float diffuse = max(dot(n, light.xyz), 0.0);
	float shine = pow(max(dot(n, half_way), 0.0), 35.0);
	for (int octave = 0; octave < 5; octave++)
		diffuse *= 0.5 + noise_27(base.xy * float(octave + 1));
	if (diffuse < 0.01)
		return base;
	return mix(base, base * diffuse + shine, light.w);
}

float hash_28(vec2 p) { return fract(sin(dot(p, vec2(23.3498, 109.8730))) * 43559.7453); }
float noise_28(vec2 p)
{
	vec2 cell = floor(p), f = fract(p);
	vec2 u = f * f * (3.0 - 2.0 * f);
	float low = mix(hash_28(cell), hash_28(cell + vec2(1.0, 0.0)), u.x);
	float high = mix(hash_28(cell + vec2(0.0, 1.0)), hash_28(cell + vec2(1.0, 1.0)), u.x);
	return mix(low, high, u.y);
}
vec3 layer_28(vec3 n, vec3 view, vec3 base)
{
	vec4 light = scene.lights[28];
	vec3 half_way = normalize(light.xyz + view);
	float diffuse = max(dot(n, light.xyz), 0.0);
	float shine = pow(max(dot(n, half_way), 0.0), 36.0);
	for (int octave = 0; octave < 2; octave++)
		diffuse *= 0.5 + noise_28(base.xy * float(octave + 1));
	if (diffuse < 0.01)
		return base;
	return mix(base, base * diffuse + shine, light.w);
}

float hash_29(vec2 p) { return fract(sin(dot(p, vec2(23.7198, 111.0030))) * 43552.6453); }
float noise_29(vec2 p)
{
	vec2 cell = floor(p), f = fract(p);
	vec2 u = f * f * (3.0 - 2.0 * f);
	float low = mix(hash_29(cell), hash_29(cell + vec2(1.0, 0.0)), u.x);
	float high = mix(hash_29(cell + vec2(0.0, 1.0)), hash_29(cell + vec2(1.0, 1.0)), u.x);
	return mix(low, high, u.y);
}
vec3 layer_29(vec3 n, vec3 view, vec3 base)
{
	vec4 light = scene.lights[29];
	vec3 half_way = normalize(light.xyz + view);
	float diffuse = max(dot(n, light.xyz), 0.0);
	float shine = pow(max(dot(n, half_way), 0.0), 37.0);
	for (int octave = 0; octave < 3; octave++)
		diffuse *= 0.5 + noise_29(base.xy * float(octave + 1));
	if (diffuse < 0.01)
		return base;
	return mix(base, base * diffuse + shine, light.w);
}

float hash_30(vec2 p) { return fract(sin(dot(p, vec2(24.0898, 112.1330))) * 43545.5453); }
float noise_30(vec2 p)
{
	vec2 cell = floor(p), f = fract(p);
	vec2 u = f * f * (3.0 - 2.0 * f);
	float low = mix(hash_30(cell), hash_30(cell + vec2(1.0, 0.0)), u.x);
	float high = mix(hash_30(cell + vec2(0.0, 1.0)), hash_30(cell + vec2(1.0, 1.0)), u.x);
	return mix(low, high, u.y);
}
vec3 layer_30(vec3 n, vec3 view, vec3 base)
{
	vec4 light = scene.lights[30];
	vec3 half_way = normalize(light.xyz + view);
	float diffuse = max(dot(n, light.xyz), 0.0);
	float shine = pow(max(dot(n, half_way), 0.0), 38.0);
	for (int octave = 0; octave < 4; octave++)
		diffuse *= 0.5 + noise_30(base.xy * float(octave + 1));
	if (diffuse < 0.01)
		return base;
	return mix(base, base * diffuse + shine, light.w);
}

float hash_31(vec2 p) { return fract(sin(dot(p, vec2(24.4598, 113.2630))) * 43538.4453); }
float noise_31(vec2 p)
{
	vec2 cell = floor(p), f = fract(p);
	vec2 u = f * f * (3.0 - 2.0 * f);
	float low = mix(hash_31(cell), hash_31(cell + vec2(1.0, 0.0)), u.x);
	float high = mix(hash_31(cell + vec2(0.0, 1.0)), hash_31(cell + vec2(1.0, 1.0)), u.x);
	return mix(low, high, u.y);
}
vec3 layer_31(vec3 n, vec3 view, vec3 base)
{
	vec4 light = scene.lights[31];
	vec3 half_way = normalize(light.xyz + view);
	float diffuse = max(dot(n, light.xyz), 0.0);
	float shine = pow(max(dot(n, half_way), 0.0), 39.0);
	for (int octave = 0; octave < 5; octave++)
		diffuse *= 0.5 + noise_31(base.xy * float(octave + 1));
	if (diffuse < 0.01)
		return base;
	return mix(base, base * diffuse + shine, light.w);
}

float hash_32(vec2 p) { return fract(sin(dot(p, vec2(24.8298, 114.3930))) * 43531.3453); }
float noise_32(vec2 p)
{
	vec2 cell = floor(p), f = fract(p);
	vec2 u = f * f * (3.0 - 2.0 * f);
	float low = mix(hash_32(cell), hash_32(cell + vec2(1.0, 0.0)), u.x);
	float high = mix(hash_32(cell + vec2(0.0, 1.0)), hash_32(cell + vec2(1.0, 1.0)), u.x);
	return mix(low, high, u.y);
}
vec3 layer_32(vec3 n, vec3 view, vec3 base)
{
	vec4 light = scene.lights[32];
	vec3 half_way = normalize(light.xyz + view);
	float diffuse = max(dot(n, light.xyz), 0.0);
	float shine = pow(max(dot(n, half_way), 0.0), 40.0);
	for (int octave = 0; octave < 2; octave++)
		diffuse *= 0.5 + noise_32(base.xy * float(octave + 1));
	if (diffuse < 0.01)
		return base;
	return mix(base, base * diffuse + shine, light.w);
}

float hash_33(vec2 p) { return fract(sin(dot(p, vec2(25.1998, 115.5230))) * 43524.2453); }
float noise_33(vec2 p)
{
	vec2 cell = floor(p), f = fract(p);
	vec2 u = f * f * (3.0 - 2.0 * f);
	float low = mix(hash_33(cell), hash_33(cell + vec2(1.0, 0.0)), u.x);
	float high = mix(hash_33(cell + vec2(0.0, 1.0)), hash_33(cell + vec2(1.0, 1.0)), u.x);
	return mix(low, high, u.y);
}
vec3 layer_33(vec3 n, vec3 view, vec3 base)
{
	vec4 light = scene.lights[33];
	vec3 half_way = normalize(light.xyz + view);
	float diffuse = max(dot(n, light.xyz), 0.0);
	float shine = pow(max(dot(n, half_way), 0.0), 41.0);
	for (int octave = 0; octave < 3; octave++)
		diffuse *= 0.5 + noise_33(base.xy * float(octave + 1));
	if (diffuse < 0.01)
		return base;
	return mix(base, base * diffuse + shine, light.w);
}

float hash_34(vec2 p) { return fract(sin(dot(p, vec2(25.5698, 116.6530))) * 43517.1453); }
float noise_34(vec2 p)
{
	vec2 cell = floor(p), f = fract(p);
	vec2 u = f * f * (3.0 - 2.0 * f);
	float low = mix(hash_34(cell), hash_34(cell + vec2(1.0, 0.0)), u.x);
	float high = mix(hash_34(cell + vec2(0.0, 1.0)), hash_34(cell + vec2(1.0, 1.0)), u.x);
	return mix(low, high, u.y);
}
vec3 layer_34(vec3 n, vec3 view, vec3 base)
{
	vec4 light = scene.lights[34];
	vec3 half_way = normalize(light.xyz + view);
	float diffuse = max(dot(n, light.xyz), 0.0);
	float shine = pow(max(dot(n, half_way), 0.0), 42.0);
	for (int octave = 0; octave < 4; octave++)
		diffuse *= 0.5 + noise_34(base.xy * float(octave + 1));
	if (diffuse < 0.01)
		return base;
	return mix(base, base * diffuse + shine, light.w);
}

float hash_35(vec2 p) { return fract(sin(dot(p, vec2(25.9398, 117.7830))) * 43510.0453); }
float noise_35(vec2 p)
{
	vec2 cell = floor(p), f = fract(p);
	vec2 u = f * f * (3.0 - 2.0 * f);
	float low = mix(hash_35(cell), hash_35(cell + vec2(1.0, 0.0)), u.x);
	float high = mix(hash_35(cell + vec2(0.0, 1.0)), hash_35(cell + vec2(1.0, 1.0)), u.x);
	return mix(low, high, u.y);
}
vec3 layer_35(vec3 n, vec3 view, vec3 base)
{
	vec4 light = scene.lights[35];
	vec3 half_way = normalize(light.xyz + view);
	float diffuse = max(dot(n, light.xyz), 0.0);
	float shine = pow(max(dot(n, half_way), 0.0), 43.0);
	for (int octave = 0; octave < 5; octave++)
		diffuse *= 0.5 + noise_35(base.xy * float(octave + 1));
	if (diffuse < 0.01)
		return base;
	return mix(base, base * diffuse + shine, light.w);
}

float hash_36(vec2 p) { return fract(sin(dot(p, vec2(26.3098, 118.9130))) * 43502.9453); }
float noise_36(vec2 p)
{
	vec2 cell = floor(p), f = fract(p);
	vec2 u = f * f * (3.0 - 2.0 * f);
	float low = mix(hash_36(cell), hash_36(cell + vec2(1.0, 0.0)), u.x);
	float high = mix(hash_36(cell + vec2(0.0, 1.0)), hash_36(cell + vec2(1.0, 1.0)), u.x);
	return mix(low, high, u.y);
}
vec3 layer_36(vec3 n, vec3 view, vec3 base)
{
	vec4 light = scene.lights[36];
	vec3 half_way = normalize(light.xyz + view);
	float diffuse = max(dot(n, light.xyz), 0.0);
	float shine = pow(max(dot(n, half_way), 0.0), 44.0);
	for (int octave = 0; octave < 2; octave++)
		diffuse *= 0.5 + noise_36(base.xy * float(octave + 1));
	if (diffuse < 0.01)
		return base;
	return mix(base, base * diffuse + shine, light.w);
}

float hash_37(vec2 p) { return fract(sin(dot(p, vec2(26.6798, 120.0430))) * 43495.8453); }
float noise_37(vec2 p)
{
	vec2 cell = floor(p), f = fract(p);
	vec2 u = f * f * (3.0 - 2.0 * f);
	float low = mix(hash_37(cell), hash_37(cell + vec2(1.0, 0.0)), u.x);
	float high = mix(hash_37(cell + vec2(0.0, 1.0)), hash_37(cell + vec2(1.0, 1.0)), u.x);
	return mix(low, high, u.y);
}
vec3 layer_37(vec3 n, vec3 view, vec3 base)
{
	vec4 light = scene.lights[37];
	vec3 half_way = normalize(light.xyz + view);
	float diffuse = max(dot(n, light.xyz), 0.0);
	float shine = pow(max(dot(n, half_way), 0.0), 45.0);
	for (int octave = 0; octave < 3; octave++)
		diffuse *= 0.5 + noise_37(base.xy * float(octave + 1));
	if (diffuse < 0.01)
		return base;
	return mix(base, base * diffuse + shine, light.w);
}

float hash_38(vec2 p) { return fract(sin(dot(p, vec2(27.0498, 121.1730))) * 43488.7453); }
float noise_38(vec2 p)
{
	vec2 cell = floor(p), f = fract(p);
	vec2 u = f * f * (3.0 - 2.0 * f);
	float low = mix(hash_38(cell), hash_38(cell + vec2(1.0, 0.0)), u.x);
	float high = mix(hash_38(cell + vec2(0.0, 1.0)), hash_38(cell + vec2(1.0, 1.0)), u.x);
	return mix(low, high, u.y);
}
vec3 layer_38(vec3 n, vec3 view, vec3 base)
{
	vec4 light = scene.lights[38];
	vec3 half_way = normalize(light.xyz + view);
	float diffuse = max(dot(n, light.xyz), 0.0);
	float shine = pow(max(dot(n, half_way), 0.0), 46.0);
	for (int octave = 0; octave < 4; octave++)
		diffuse *= 0.5 + noise_38(base.xy * float(octave + 1));
	if (diffuse < 0.01)
		return base;
	return mix(base, base * diffuse + shine, light.w);
}

float hash_39(vec2 p) { return fract(sin(dot(p, vec2(27.4198, 122.3030))) * 43481.6453); }
float noise_39(vec2 p)
{
	vec2 cell = floor(p), f = fract(p);
	vec2 u = f * f * (3.0 - 2.0 * f);
	float low = mix(hash_39(cell), hash_39(cell + vec2(1.0, 0.0)), u.x);
	float high = mix(hash_39(cell + vec2(0.0, 1.0)), hash_39(cell + vec2(1.0, 1.0)), u.x);
	return mix(low, high, u.y);
}
vec3 layer_39(vec3 n, vec3 view, vec3 base)
{
	vec4 light = scene.lights[39];
	vec3 half_way = normalize(light.xyz + view);
	float diffuse = max(dot(n, light.xyz), 0.0);
	float shine = pow(max(dot(n, half_way), 0.0), 47.0);
	for (int octave = 0; octave < 5; octave++)
		diffuse *= 0.5 + noise_39(base.xy * float(octave + 1));
	if (diffuse < 0.01)
		return base;
	return mix(base, base * diffuse + shine, light.w);
}

float hash_40(vec2 p) { return fract(sin(dot(p, vec2(27.7898, 123.4330))) * 43474.5453); }
float noise_40(vec2 p)
{
	vec2 cell = floor(p), f = fract(p);
	vec2 u = f * f * (3.0 - 2.0 * f);
	float low = mix(hash_40(cell), hash_40(cell + vec2(1.0, 0.0)), u.x);
	float high = mix(hash_40(cell + vec2(0.0, 1.0)), hash_40(cell + vec2(1.0, 1.0)), u.x);
	return mix(low, high, u.y);
}
vec3 layer_40(vec3 n, vec3 view, vec3 base)
{
	vec4 light = scene.lights[40];
	vec3 half_way = normalize(light.xyz + view);
	float diffuse = max(dot(n, light.xyz), 0.0);
	float shine = pow(max(dot(n, half_way), 0.0), 48.0);
	for (int octave = 0; octave < 2; octave++)
		diffuse *= 0.5 + noise_40(base.xy * float(octave + 1));
	if (diffuse < 0.01)
		return base;
	return mix(base, base * diffuse + shine, light.w);
}

float hash_41(vec2 p) { return fract(sin(dot(p, vec2(28.1598, 124.5630))) * 43467.4453); }
float noise_41(vec2 p)
{
	vec2 cell = floor(p), f = fract(p);
	vec2 u = f * f * (3.0 - 2.0 * f);
	float low = mix(hash_41(cell), hash_41(cell + vec2(1.0, 0.0)), u.x);
	float high = mix(hash_41(cell + vec2(0.0, 1.0)), hash_41(cell + vec2(1.0, 1.0)), u.x);
	return mix(low, high, u.y);
}
vec3 layer_41(vec3 n, vec3 view, vec3 base)
{
	vec4 light = scene.lights[41];
	vec3 half_way = normalize(light.xyz + view);
	float diffuse = max(dot(n, light.xyz), 0.0);
	float shine = pow(max(dot(n, half_way), 0.0), 49.0);
	for (int octave = 0; octave < 3; octave++)
		diffuse *= 0.5 + noise_41(base.xy * float(octave + 1));
	if (diffuse < 0.01)
		return base;
	return mix(base, base * diffuse + shine, light.w);
}

float hash_42(vec2 p) { return fract(sin(dot(p, vec2(28.5298, 125.6930))) * 43460.3453); }
float noise_42(vec2 p)
{
	vec2 cell = floor(p), f = fract(p);
	vec2 u = f * f * (3.0 - 2.0 * f);
	float low = mix(hash_42(cell), hash_42(cell + vec2(1.0, 0.0)), u.x);
	float high = mix(hash_42(cell + vec2(0.0, 1.0)), hash_42(cell + vec2(1.0, 1.0)), u.x);
	return mix(low, high, u.y);
}
vec3 layer_42(vec3 n, vec3 view, vec3 base)
{
	vec4 light = scene.lights[42];
	vec3 half_way = normalize(light.xyz + view);
	float diffuse = max(dot(n, light.xyz), 0.0);
	float shine = pow(max(dot(n, half_way), 0.0), 50.0);
	for (int octave = 0; octave < 4; octave++)
		diffuse *= 0.5 + noise_42(base.xy * float(octave + 1));
	if (diffuse < 0.01)
		return base;
	return mix(base, base * diffuse + shine, light.w);
}

float hash_43(vec2 p) { return fract(sin(dot(p, vec2(28.8998, 126.8230))) * 43453.2453); }
float noise_43(vec2 p)
{
	vec2 cell = floor(p), f = fract(p);
	vec2 u = f * f * (3.0 - 2.0 * f);
	float low = mix(hash_43(cell), hash_43(cell + vec2(1.0, 0.0)), u.x);
	float high = mix(hash_43(cell + vec2(0.0, 1.0)), hash_43(cell + vec2(1.0, 1.0)), u.x);
	return mix(low, high, u.y);
}
vec3 layer_43(vec3 n, vec3 view, vec3 base)
{
	vec4 light = scene.lights[43];
	vec3 half_way = normalize(light.xyz + view);
	float diffuse = max(dot(n, light.xyz), 0.0);
	float shine = pow(max(dot(n, half_way), 0.0), 51.0);
	for (int octave = 0; octave < 5; octave++)
		diffuse *= 0.5 + noise_43(base.xy * float(octave + 1));
	if (diffuse < 0.01)
		return base;
	return mix(base, base * diffuse + shine, light.w);
}

float hash_44(vec2 p) { return fract(sin(dot(p, vec2(29.2698, 127.9530))) * 43446.1453); }
float noise_44(vec2 p)
{
	vec2 cell = floor(p), f = fract(p);
	vec2 u = f * f * (3.0 - 2.0 * f);
	float low = mix(hash_44(cell), hash_44(cell + vec2(1.0, 0.0)), u.x);
	float high = mix(hash_44(cell + vec2(0.0, 1.0)), hash_44(cell + vec2(1.0, 1.0)), u.x);
	return mix(low, high, u.y);
}
vec3 layer_44(vec3 n, vec3 view, vec3 base)
{
	vec4 light = scene.lights[44];
	vec3 half_way = normalize(light.xyz + view);
	float diffuse = max(dot(n, light.xyz), 0.0);
	float shine = pow(max(dot(n, half_way), 0.0), 52.0);
	for (int octave = 0; octave < 2; octave++)
		diffuse *= 0.5 + noise_44(base.xy * float(octave + 1));
	if (diffuse < 0.01)
		return base;
	return mix(base, base * diffuse + shine, light.w);
}

float hash_45(vec2 p) { return fract(sin(dot(p, vec2(29.6398, 129.0830))) * 43439.0453); }
float noise_45(vec2 p)
{
	vec2 cell = floor(p), f = fract(p);
	vec2 u = f * f * (3.0 - 2.0 * f);
	float low = mix(hash_45(cell), hash_45(cell + vec2(1.0, 0.0)), u.x);
	float high = mix(hash_45(cell + vec2(0.0, 1.0)), hash_45(cell + vec2(1.0, 1.0)), u.x);
	return mix(low, high, u.y);
}
vec3 layer_45(vec3 n, vec3 view, vec3 base)
{
	vec4 light = scene.lights[45];
	vec3 half_way = normalize(light.xyz + view);
	float diffuse = max(dot(n, light.xyz), 0.0);
	float shine = pow(max(dot(n, half_way), 0.0), 53.0);
	for (int octave = 0; octave < 3; octave++)
		diffuse *= 0.5 + noise_45(base.xy * float(octave + 1));
	if (diffuse < 0.01)
		return base;
	return mix(base, base * diffuse + shine, light.w);
}

float hash_46(vec2 p) { return fract(sin(dot(p, vec2(30.0098, 130.2130))) * 43431.9453); }
float noise_46(vec2 p)
{
	vec2 cell = floor(p), f = fract(p);
	vec2 u = f * f * (3.0 - 2.0 * f);
	float low = mix(hash_46(cell), hash_46(cell + vec2(1.0, 0.0)), u.x);
	float high = mix(hash_46(cell + vec2(0.0, 1.0)), hash_46(cell + vec2(1.0, 1.0)), u.x);
	return mix(low, high, u.y);
}
vec3 layer_46(vec3 n, vec3 view, vec3 base)
{
	vec4 light = scene.lights[46];
	vec3 half_way = normalize(light.xyz + view);
	float diffuse = max(dot(n, light.xyz), 0.0);
	float shine = pow(max(dot(n, half_way), 0.0), 54.0);
	for (int octave = 0; octave < 4; octave++)
		diffuse *= 0.5 + noise_46(base.xy * float(octave + 1));
	if (diffuse < 0.01)
		return base;
	return mix(base, base * diffuse + shine, light.w);
}

float hash_47(vec2 p) { return fract(sin(dot(p, vec2(30.3798, 131.3430))) * 43424.8453); }
float noise_47(vec2 p)
{
	vec2 cell = floor(p), f = fract(p);
	vec2 u = f * f * (3.0 - 2.0 * f);
	float low = mix(hash_47(cell), hash_47(cell + vec2(1.0, 0.0)), u.x);
	float high = mix(hash_47(cell + vec2(0.0, 1.0)), hash_47(cell + vec2(1.0, 1.0)), u.x);
	return mix(low, high, u.y);
}
vec3 layer_47(vec3 n, vec3 view, vec3 base)
{
	vec4 light = scene.lights[47];
	vec3 half_way = normalize(light.xyz + view);
	float diffuse = max(dot(n, light.xyz), 0.0);
	float shine = pow(max(dot(n, half_way), 0.0), 55.0);
	for (int octave = 0; octave < 5; octave++)
		diffuse *= 0.5 + noise_47(base.xy * float(octave + 1));
	if (diffuse < 0.01)
		return base;
	return mix(base, base * diffuse + shine, light.w);
}

float hash_48(vec2 p) { return fract(sin(dot(p, vec2(30.7498, 132.4730))) * 43417.7453); }
float noise_48(vec2 p)
{
	vec2 cell = floor(p), f = fract(p);
	vec2 u = f * f * (3.0 - 2.0 * f);
	float low = mix(hash_48(cell), hash_48(cell + vec2(1.0, 0.0)), u.x);
	float high = mix(hash_48(cell + vec2(0.0, 1.0)), hash_48(cell + vec2(1.0, 1.0)), u.x);
	return mix(low, high, u.y);
}
vec3 layer_48(vec3 n, vec3 view, vec3 base)
{
	vec4 light = scene.lights[48];
	vec3 half_way = normalize(light.xyz + view);
	float diffuse = max(dot(n, light.xyz), 0.0);
	float shine = pow(max(dot(n, half_way), 0.0), 56.0);
	for (int octave = 0; octave < 2; octave++)
		diffuse *= 0.5 + noise_48(base.xy * float(octave + 1));
	if (diffuse < 0.01)
		return base;
	return mix(base, base * diffuse + shine, light.w);
}

float hash_49(vec2 p) { return fract(sin(dot(p, vec2(31.1198, 133.6030))) * 43410.6453); }
float noise_49(vec2 p)
{
	vec2 cell = floor(p), f = fract(p);
	vec2 u = f * f * (3.0 - 2.0 * f);
	float low = mix(hash_49(cell), hash_49(cell + vec2(1.0, 0.0)), u.x);
	float high = mix(hash_49(cell + vec2(0.0, 1.0)), hash_49(cell + vec2(1.0, 1.0)), u.x);
	return mix(low, high, u.y);
}
vec3 layer_49(vec3 n, vec3 view, vec3 base)
{
	vec4 light = scene.lights[49];
	vec3 half_way = normalize(light.xyz + view);
	float diffuse = max(dot(n, light.xyz), 0.0);
	float shine = pow(max(dot(n, half_way), 0.0), 57.0);
	for (int octave = 0; octave < 3; octave++)
		diffuse *= 0.5 + noise_49(base.xy * float(octave + 1));
	if (diffuse < 0.01)
		return base;
	return mix(base, base * diffuse + shine, light.w);
}

float hash_50(vec2 p) { return fract(sin(dot(p, vec2(31.4898, 134.7330))) * 43403.5453); }
float noise_50(vec2 p)
{
	vec2 cell = floor(p), f = fract(p);
	vec2 u = f * f * (3.0 - 2.0 * f);
	float low = mix(hash_50(cell), hash_50(cell + vec2(1.0, 0.0)), u.x);
	float high = mix(hash_50(cell + vec2(0.0, 1.0)), hash_50(cell + vec2(1.0, 1.0)), u.x);
	return mix(low, high, u.y);
}
vec3 layer_50(vec3 n, vec3 view, vec3 base)
{
	vec4 light = scene.lights[50];
	vec3 half_way = normalize(light.xyz + view);
	float diffuse = max(dot(n, light.xyz), 0.0);
	float shine = pow(max(dot(n, half_way), 0.0), 58.0);
	for (int octave = 0; octave < 4; octave++)
		diffuse *= 0.5 + noise_50(base.xy * float(octave + 1));
	if (diffuse < 0.01)
		return base;
	return mix(base, base * diffuse + shine, light.w);
}

float hash_51(vec2 p) { return fract(sin(dot(p, vec2(31.8598, 135.8630))) * 43396.4453); }
float noise_51(vec2 p)
{
	vec2 cell = floor(p), f = fract(p);
	vec2 u = f * f * (3.0 - 2.0 * f);
	float low = mix(hash_51(cell), hash_51(cell + vec2(1.0, 0.0)), u.x);
	float high = mix(hash_51(cell + vec2(0.0, 1.0)), hash_51(cell + vec2(1.0, 1.0)), u.x);
	return mix(low, high, u.y);
}
vec3 layer_51(vec3 n, vec3 view, vec3 base)
{
	vec4 light = scene.lights[51];
	vec3 half_way = normalize(light.xyz + view);
	float diffuse = max(dot(n, light.xyz), 0.0);
	float shine = pow(max(dot(n, half_way), 0.0), 59.0);
	for (int octave = 0; octave < 5; octave++)
		diffuse *= 0.5 + noise_51(base.xy * float(octave + 1));
	if (diffuse < 0.01)
		return base;
	return mix(base, base * diffuse + shine, light.w);
}

float hash_52(vec2 p) { return fract(sin(dot(p, vec2(32.2298, 136.9930))) * 43389.3453); }
float noise_52(vec2 p)
{
	vec2 cell = floor(p), f = fract(p);
	vec2 u = f * f * (3.0 - 2.0 * f);
	float low = mix(hash_52(cell), hash_52(cell + vec2(1.0, 0.0)), u.x);
	float high = mix(hash_52(cell + vec2(0.0, 1.0)), hash_52(cell + vec2(1.0, 1.0)), u.x);
	return mix(low, high, u.y);
}
vec3 layer_52(vec3 n, vec3 view, vec3 base)
{
	vec4 light = scene.lights[52];
	vec3 half_way = normalize(light.xyz + view);
	float diffuse = max(dot(n, light.xyz), 0.0);
	float shine = pow(max(dot(n, half_way), 0.0), 60.0);
	for (int octave = 0; octave < 2; octave++)
		diffuse *= 0.5 + noise_52(base.xy * float(octave + 1));
	if (diffuse < 0.01)
		return base;
	return mix(base, base * diffuse + shine, light.w);
}

float hash_53(vec2 p) { return fract(sin(dot(p, vec2(32.5998, 138.1230))) * 43382.2453); }
float noise_53(vec2 p)
{
	vec2 cell = floor(p), f = fract(p);
	vec2 u = f * f * (3.0 - 2.0 * f);
	float low = mix(hash_53(cell), hash_53(cell + vec2(1.0, 0.0)), u.x);
	float high = mix(hash_53(cell + vec2(0.0, 1.0)), hash_53(cell + vec2(1.0, 1.0)), u.x);
	return mix(low, high, u.y);
}
vec3 layer_53(vec3 n, vec3 view, vec3 base)
{
	vec4 light = scene.lights[53];
	vec3 half_way = normalize(light.xyz + view);
	float diffuse = max(dot(n, light.xyz), 0.0);
	float shine = pow(max(dot(n, half_way), 0.0), 61.0);
	for (int octave = 0; octave < 3; octave++)
		diffuse *= 0.5 + noise_53(base.xy * float(octave + 1));
	if (diffuse < 0.01)
		return base;
	return mix(base, base * diffuse + shine, light.w);
}

float hash_54(vec2 p) { return fract(sin(dot(p, vec2(32.9698, 139.2530))) * 43375.1453); }
float noise_54(vec2 p)
{
	vec2 cell = floor(p), f = fract(p);
	vec2 u = f * f * (3.0 - 2.0 * f);
	float low = mix(hash_54(cell), hash_54(cell + vec2(1.0, 0.0)), u.x);
	float high = mix(hash_54(cell + vec2(0.0, 1.0)), hash_54(cell + vec2(1.0, 1.0)), u.x);
	return mix(low, high, u.y);
}
vec3 layer_54(vec3 n, vec3 view, vec3 base)
{
	vec4 light = scene.lights[54];
	vec3 half_way = normalize(light.xyz + view);
	float diffuse = max(dot(n, light.xyz), 0.0);
	float shine = pow(max(dot(n, half_way), 0.0), 62.0);
	for (int octave = 0; octave < 4; octave++)
		diffuse *= 0.5 + noise_54(base.xy * float(octave + 1));
	if (diffuse < 0.01)
		return base;
	return mix(base, base * diffuse + shine, light.w);
}

float hash_55(vec2 p) { return fract(sin(dot(p, vec2(33.3398, 140.3830))) * 43368.0453); }
float noise_55(vec2 p)
{
	vec2 cell = floor(p), f = fract(p);
	vec2 u = f * f * (3.0 - 2.0 * f);
	float low = mix(hash_55(cell), hash_55(cell + vec2(1.0, 0.0)), u.x);
	float high = mix(hash_55(cell + vec2(0.0, 1.0)), hash_55(cell + vec2(1.0, 1.0)), u.x);
	return mix(low, high, u.y);
}
vec3 layer_55(vec3 n, vec3 view, vec3 base)
{
	vec4 light = scene.lights[55];
	vec3 half_way = normalize(light.xyz + view);
	float diffuse = max(dot(n, light.xyz), 0.0);
	float shine = pow(max(dot(n, half_way), 0.0), 63.0);
	for (int octave = 0; octave < 5; octave++)
		diffuse *= 0.5 + noise_55(base.xy * float(octave + 1));
	if (diffuse < 0.01)
		return base;
	return mix(base, base * diffuse + shine, light.w);
}

float hash_56(vec2 p) { return fract(sin(dot(p, vec2(33.7098, 141.5130))) * 43360.9453); }
float noise_56(vec2 p)
{
	vec2 cell = floor(p), f = fract(p);
	vec2 u = f * f * (3.0 - 2.0 * f);
	float low = mix(hash_56(cell), hash_56(cell + vec2(1.0, 0.0)), u.x);
	float high = mix(hash_56(cell + vec2(0.0, 1.0)), hash_56(cell + vec2(1.0, 1.0)), u.x);
	return mix(low, high, u.y);
}
vec3 layer_56(vec3 n, vec3 view, vec3 base)
{
	vec4 light = scene.lights[56];
	vec3 half_way = normalize(light.xyz + view);
	float diffuse = max(dot(n, light.xyz), 0.0);
	float shine = pow(max(dot(n, half_way), 0.0), 64.0);
	for (int octave = 0; octave < 2; octave++)
		diffuse *= 0.5 + noise_56(base.xy * float(octave + 1));
	if (diffuse < 0.01)
		return base;
	return mix(base, base * diffuse + shine, light.w);
}

float hash_57(vec2 p) { return fract(sin(dot(p, vec2(34.0798, 142.6430))) * 43353.8453); }
float noise_57(vec2 p)
{
	vec2 cell = floor(p), f = fract(p);
	vec2 u = f * f * (3.0 - 2.0 * f);
	float low = mix(hash_57(cell), hash_57(cell + vec2(1.0, 0.0)), u.x);
	float high = mix(hash_57(cell + vec2(0.0, 1.0)), hash_57(cell + vec2(1.0, 1.0)), u.x);
	return mix(low, high, u.y);
}
vec3 layer_57(vec3 n, vec3 view, vec3 base)
{
	vec4 light = scene.lights[57];
	vec3 half_way = normalize(light.xyz + view);
	float diffuse = max(dot(n, light.xyz), 0.0);
	float shine = pow(max(dot(n, half_way), 0.0), 65.0);
	for (int octave = 0; octave < 3; octave++)
		diffuse *= 0.5 + noise_57(base.xy * float(octave + 1));
	if (diffuse < 0.01)
		return base;
	return mix(base, base * diffuse + shine, light.w);
}

float hash_58(vec2 p) { return fract(sin(dot(p, vec2(34.4498, 143.7730))) * 43346.7453); }
float noise_58(vec2 p)
{
	vec2 cell = floor(p), f = fract(p);
	vec2 u = f * f * (3.0 - 2.0 * f);
	float low = mix(hash_58(cell), hash_58(cell + vec2(1.0, 0.0)), u.x);
	float high = mix(hash_58(cell + vec2(0.0, 1.0)), hash_58(cell + vec2(1.0, 1.0)), u.x);
	return mix(low, high, u.y);
}
vec3 layer_58(vec3 n, vec3 view, vec3 base)
{
	vec4 light = scene.lights[58];
	vec3 half_way = normalize(light.xyz + view);
	float diffuse = max(dot(n, light.xyz), 0.0);
	float shine = pow(max(dot(n, half_way), 0.0), 66.0);
	for (int octave = 0; octave < 4; octave++)
		diffuse *= 0.5 + noise_58(base.xy * float(octave + 1));
	if (diffuse < 0.01)
		return base;
	return mix(base, base * diffuse + shine, light.w);
}

float hash_59(vec2 p) { return fract(sin(dot(p, vec2(34.8198, 144.9030))) * 43339.6453); }
float noise_59(vec2 p)
{
	vec2 cell = floor(p), f = fract(p);
	vec2 u = f * f * (3.0 - 2.0 * f);
	float low = mix(hash_59(cell), hash_59(cell + vec2(1.0, 0.0)), u.x);
	float high = mix(hash_59(cell + vec2(0.0, 1.0)), hash_59(cell + vec2(1.0, 1.0)), u.x);
	return mix(low, high, u.y);
}
vec3 layer_59(vec3 n, vec3 view, vec3 base)
{
	vec4 light = scene.lights[59];
	vec3 half_way = normalize(light.xyz + view);
	float diffuse = max(dot(n, light.xyz), 0.0);
	float shine = pow(max(dot(n, half_way), 0.0), 67.0);
	for (int octave = 0; octave < 5; octave++)
		diffuse *= 0.5 + noise_59(base.xy * float(octave + 1));
	if (diffuse < 0.01)
		return base;
	return mix(base, base * diffuse + shine, light.w);
}

float hash_60(vec2 p) { return fract(sin(dot(p, vec2(35.1898, 146.0330))) * 43332.5453); }
float noise_60(vec2 p)
{
	vec2 cell = floor(p), f = fract(p);
	vec2 u = f * f * (3.0 - 2.0 * f);
	float low = mix(hash_60(cell), hash_60(cell + vec2(1.0, 0.0)), u.x);
	float high = mix(hash_60(cell + vec2(0.0, 1.0)), hash_60(cell + vec2(1.0, 1.0)), u.x);
	return mix(low, high, u.y);
}
vec3 layer_60(vec3 n, vec3 view, vec3 base)
{
	vec4 light = scene.lights[60];
	vec3 half_way = normalize(light.xyz + view);
	float diffuse = max(dot(n, light.xyz), 0.0);
	float shine = pow(max(dot(n, half_way), 0.0), 68.0);
	for (int octave = 0; octave < 2; octave++)
		diffuse *= 0.5 + noise_60(base.xy * float(octave + 1));
	if (diffuse < 0.01)
		return base;
	return mix(base, base * diffuse + shine, light.w);
}

float hash_61(vec2 p) { return fract(sin(dot(p, vec2(35.5598, 147.1630))) * 43325.4453); }
float noise_61(vec2 p)
{
	vec2 cell = floor(p), f = fract(p);
	vec2 u = f * f * (3.0 - 2.0 * f);
	float low = mix(hash_61(cell), hash_61(cell + vec2(1.0, 0.0)), u.x);
	float high = mix(hash_61(cell + vec2(0.0, 1.0)), hash_61(cell + vec2(1.0, 1.0)), u.x);
	return mix(low, high, u.y);
}
vec3 layer_61(vec3 n, vec3 view, vec3 base)
{
	vec4 light = scene.lights[61];
	vec3 half_way = normalize(light.xyz + view);
	float diffuse = max(dot(n, light.xyz), 0.0);
	float shine = pow(max(dot(n, half_way), 0.0), 69.0);
	for (int octave = 0; octave < 3; octave++)
		diffuse *= 0.5 + noise_61(base.xy * float(octave + 1));
	if (diffuse < 0.01)
		return base;
	return mix(base, base * diffuse + shine, light.w);
}

float hash_62(vec2 p) { return fract(sin(dot(p, vec2(35.9298, 148.2930))) * 43318.3453); }
float noise_62(vec2 p)
{
	vec2 cell = floor(p), f = fract(p);
	vec2 u = f * f * (3.0 - 2.0 * f);
	float low = mix(hash_62(cell), hash_62(cell + vec2(1.0, 0.0)), u.x);
	float high = mix(hash_62(cell + vec2(0.0, 1.0)), hash_62(cell + vec2(1.0, 1.0)), u.x);
	return mix(low, high, u.y);
}
vec3 layer_62(vec3 n, vec3 view, vec3 base)
{
	vec4 light = scene.lights[62];
	vec3 half_way = normalize(light.xyz + view);
	float diffuse = max(dot(n, light.xyz), 0.0);
	float shine = pow(max(dot(n, half_way), 0.0), 70.0);
	for (int octave = 0; octave < 4; octave++)
		diffuse *= 0.5 + noise_62(base.xy * float(octave + 1));
	if (diffuse < 0.01)
		return base;
	return mix(base, base * diffuse + shine, light.w);
}

float hash_63(vec2 p) { return fract(sin(dot(p, vec2(36.2998, 149.4230))) * 43311.2453); }
float noise_63(vec2 p)
{
	vec2 cell = floor(p), f = fract(p);
	vec2 u = f * f * (3.0 - 2.0 * f);
	float low = mix(hash_63(cell), hash_63(cell + vec2(1.0, 0.0)), u.x);
	float high = mix(hash_63(cell + vec2(0.0, 1.0)), hash_63(cell + vec2(1.0, 1.0)), u.x);
	return mix(low, high, u.y);
}
vec3 layer_63(vec3 n, vec3 view, vec3 base)
{
	vec4 light = scene.lights[63];
	vec3 half_way = normalize(light.xyz + view);
	float diffuse = max(dot(n, light.xyz), 0.0);
	float shine = pow(max(dot(n, half_way), 0.0), 71.0);
	for (int octave = 0; octave < 5; octave++)
		diffuse *= 0.5 + noise_63(base.xy * float(octave + 1));
	if (diffuse < 0.01)
		return base;
	return mix(base, base * diffuse + shine, light.w);
}

float hash_64(vec2 p) { return fract(sin(dot(p, vec2(36.6698, 150.5530))) * 43304.1453); }
float noise_64(vec2 p)
{
	vec2 cell = floor(p), f = fract(p);
	vec2 u = f * f * (3.0 - 2.0 * f);
	float low = mix(hash_64(cell), hash_64(cell + vec2(1.0, 0.0)), u.x);
	float high = mix(hash_64(cell + vec2(0.0, 1.0)), hash_64(cell + vec2(1.0, 1.0)), u.x);
	return mix(low, high, u.y);
}
vec3 layer_64(vec3 n, vec3 view, vec3 base)
{
	vec4 light = scene.lights[64];
	vec3 half_way = normalize(light.xyz + view);
	float diffuse = max(dot(n, light.xyz), 0.0);
	float shine = pow(max(dot(n, half_way), 0.0), 72.0);
	for (int octave = 0; octave < 2; octave++)
		diffuse *= 0.5 + noise_64(base.xy * float(octave + 1));
	if (diffuse < 0.01)
		return base;
	return mix(base, base * diffuse + shine, light.w);
}

float hash_65(vec2 p) { return fract(sin(dot(p, vec2(37.0398, 151.6830))) * 43297.0453); }
float noise_65(vec2 p)
{
	vec2 cell = floor(p), f = fract(p);
	vec2 u = f * f * (3.0 - 2.0 * f);
	float low = mix(hash_65(cell), hash_65(cell + vec2(1.0, 0.0)), u.x);
	float high = mix(hash_65(cell + vec2(0.0, 1.0)), hash_65(cell + vec2(1.0, 1.0)), u.x);
	return mix(low, high, u.y);
}
vec3 layer_65(vec3 n, vec3 view, vec3 base)
{
	vec4 light = scene.lights[65];
	vec3 half_way = normalize(light.xyz + view);
	float diffuse = max(dot(n, light.xyz), 0.0);
	float shine = pow(max(dot(n, half_way), 0.0), 73.0);
	for (int octave = 0; octave < 3; octave++)
		diffuse *= 0.5 + noise_65(base.xy * float(octave + 1));
	if (diffuse < 0.01)
		return base;
	return mix(base, base * diffuse + shine, light.w);
}

float hash_66(vec2 p) { return fract(sin(dot(p, vec2(37.4098, 152.8130))) * 43289.9453); }
float noise_66(vec2 p)
{
	vec2 cell = floor(p), f = fract(p);
	vec2 u = f * f * (3.0 - 2.0 * f);
	float low = mix(hash_66(cell), hash_66(cell + vec2(1.0, 0.0)), u.x);
	float high = mix(hash_66(cell + vec2(0.0, 1.0)), hash_66(cell + vec2(1.0, 1.0)), u.x);
	return mix(low, high, u.y);
}
vec3 layer_66(vec3 n, vec3 view, vec3 base)
{
	vec4 light = scene.lights[66];
	vec3 half_way = normalize(light.xyz + view);
	float diffuse = max(dot(n, light.xyz), 0.0);
	float shine = pow(max(dot(n, half_way), 0.0), 74.0);
	for (int octave = 0; octave < 4; octave++)
		diffuse *= 0.5 + noise_66(base.xy * float(octave + 1));
	if (diffuse < 0.01)
		return base;
	return mix(base, base * diffuse + shine, light.w);
}

float hash_67(vec2 p) { return fract(sin(dot(p, vec2(37.7798, 153.9430))) * 43282.8453); }
float noise_67(vec2 p)
{
	vec2 cell = floor(p), f = fract(p);
	vec2 u = f * f * (3.0 - 2.0 * f);
	float low = mix(hash_67(cell), hash_67(cell + vec2(1.0, 0.0)), u.x);
	float high = mix(hash_67(cell + vec2(0.0, 1.0)), hash_67(cell + vec2(1.0, 1.0)), u.x);
	return mix(low, high, u.y);
}
vec3 layer_67(vec3 n, vec3 view, vec3 base)
{
	vec4 light = scene.lights[67];
	vec3 half_way = normalize(light.xyz + view);
	float diffuse = max(dot(n, light.xyz), 0.0);
	float shine = pow(max(dot(n, half_way), 0.0), 75.0);
	for (int octave = 0; octave < 5; octave++)
		diffuse *= 0.5 + noise_67(base.xy * float(octave + 1));
	if (diffuse < 0.01)
		return base;
	return mix(base, base * diffuse + shine, light.w);
}

float hash_68(vec2 p) { return fract(sin(dot(p, vec2(38.1498, 155.0730))) * 43275.7453); }
float noise_68(vec2 p)
{
	vec2 cell = floor(p), f = fract(p);
	vec2 u = f * f * (3.0 - 2.0 * f);
	float low = mix(hash_68(cell), hash_68(cell + vec2(1.0, 0.0)), u.x);
	float high = mix(hash_68(cell + vec2(0.0, 1.0)), hash_68(cell + vec2(1.0, 1.0)), u.x);
	return mix(low, high, u.y);
}
vec3 layer_68(vec3 n, vec3 view, vec3 base)
{
	vec4 light = scene.lights[68];
	vec3 half_way = normalize(light.xyz + view);
	float diffuse = max(dot(n, light.xyz), 0.0);
	float shine = pow(max(dot(n, half_way), 0.0), 76.0);
	for (int octave = 0; octave < 2; octave++)
		diffuse *= 0.5 + noise_68(base.xy * float(octave + 1));
	if (diffuse < 0.01)
		return base;
	return mix(base, base * diffuse + shine, light.w);
}

float hash_69(vec2 p) { return fract(sin(dot(p, vec2(38.5198, 156.2030))) * 43268.6453); }
float noise_69(vec2 p)
{
	vec2 cell = floor(p), f = fract(p);
	vec2 u = f * f * (3.0 - 2.0 * f);
	float low = mix(hash_69(cell), hash_69(cell + vec2(1.0, 0.0)), u.x);
	float high = mix(hash_69(cell + vec2(0.0, 1.0)), hash_69(cell + vec2(1.0, 1.0)), u.x);
	return mix(low, high, u.y);
}
vec3 layer_69(vec3 n, vec3 view, vec3 base)
{
	vec4 light = scene.lights[69];
	vec3 half_way = normalize(light.xyz + view);
	float diffuse = max(dot(n, light.xyz), 0.0);
	float shine = pow(max(dot(n, half_way), 0.0), 77.0);
	for (int octave = 0; octave < 3; octave++)
		diffuse *= 0.5 + noise_69(base.xy * float(octave + 1));
	if (diffuse < 0.01)
		return base;
	return mix(base, base * diffuse + shine, light.w);
}

float hash_70(vec2 p) { return fract(sin(dot(p, vec2(38.8898, 157.3330))) * 43261.5453); }
float noise_70(vec2 p)
{
	vec2 cell = floor(p), f = fract(p);
	vec2 u = f * f * (3.0 - 2.0 * f);
	float low = mix(hash_70(cell), hash_70(cell + vec2(1.0, 0.0)), u.x);
	float high = mix(hash_70(cell + vec2(0.0, 1.0)), hash_70(cell + vec2(1.0, 1.0)), u.x);
	return mix(low, high, u.y);
}
vec3 layer_70(vec3 n, vec3 view, vec3 base)
{
	vec4 light = scene.lights[70];
	vec3 half_way = normalize(light.xyz + view);
	float diffuse = max(dot(n, light.xyz), 0.0);
	float shine = pow(max(dot(n, half_way), 0.0), 78.0);
	for (int octave = 0; octave < 4; octave++)
		diffuse *= 0.5 + noise_70(base.xy * float(octave + 1));
	if (diffuse < 0.01)
		return base;
	return mix(base, base * diffuse + shine, light.w);
}

float hash_71(vec2 p) { return fract(sin(dot(p, vec2(39.2598, 158.4630))) * 43254.4453); }
float noise_71(vec2 p)
{
	vec2 cell = floor(p), f = fract(p);
	vec2 u = f * f * (3.0 - 2.0 * f);
	float low = mix(hash_71(cell), hash_71(cell + vec2(1.0, 0.0)), u.x);
	float high = mix(hash_71(cell + vec2(0.0, 1.0)), hash_71(cell + vec2(1.0, 1.0)), u.x);
	return mix(low, high, u.y);
}
vec3 layer_71(vec3 n, vec3 view, vec3 base)
{
	vec4 light = scene.lights[71];
	vec3 half_way = normalize(light.xyz + view);
	float diffuse = max(dot(n, light.xyz), 0.0);
	float shine = pow(max(dot(n, half_way), 0.0), 79.0);
	for (int octave = 0; octave < 5; octave++)
		diffuse *= 0.5 + noise_71(base.xy * float(octave + 1));
	if (diffuse < 0.01)
		return base;
	return mix(base, base * diffuse + shine, light.w);
}

float hash_72(vec2 p) { return fract(sin(dot(p, vec2(39.6298, 159.5930))) * 43247.3453); }
float noise_72(vec2 p)
{
	vec2 cell = floor(p), f = fract(p);
	vec2 u = f * f * (3.0 - 2.0 * f);
	float low = mix(hash_72(cell), hash_72(cell + vec2(1.0, 0.0)), u.x);
	float high = mix(hash_72(cell + vec2(0.0, 1.0)), hash_72(cell + vec2(1.0, 1.0)), u.x);
	return mix(low, high, u.y);
}
vec3 layer_72(vec3 n, vec3 view, vec3 base)
{
	vec4 light = scene.lights[72];
	vec3 half_way = normalize(light.xyz + view);
	float diffuse = max(dot(n, light.xyz), 0.0);
	float shine = pow(max(dot(n, half_way), 0.0), 80.0);
	for (int octave = 0; octave < 2; octave++)
		diffuse *= 0.5 + noise_72(base.xy * float(octave + 1));
	if (diffuse < 0.01)
		return base;
	return mix(base, base * diffuse + shine, light.w);
}

float hash_73(vec2 p) { return fract(sin(dot(p, vec2(39.9998, 160.7230))) * 43240.2453); }
float noise_73(vec2 p)
{
	vec2 cell = floor(p), f = fract(p);
	vec2 u = f * f * (3.0 - 2.0 * f);
	float low = mix(hash_73(cell), hash_73(cell + vec2(1.0, 0.0)), u.x);
	float high = mix(hash_73(cell + vec2(0.0, 1.0)), hash_73(cell + vec2(1.0, 1.0)), u.x);
	return mix(low, high, u.y);
}
vec3 layer_73(vec3 n, vec3 view, vec3 base)
{
	vec4 light = scene.lights[73];
	vec3 half_way = normalize(light.xyz + view);
	float diffuse = max(dot(n, light.xyz), 0.0);
	float shine = pow(max(dot(n, half_way), 0.0), 81.0);
	for (int octave = 0; octave < 3; octave++)
		diffuse *= 0.5 + noise_73(base.xy * float(octave + 1));
	if (diffuse < 0.01)
		return base;
	return mix(base, base * diffuse + shine, light.w);
}

float hash_74(vec2 p) { return fract(sin(dot(p, vec2(40.3698, 161.8530))) * 43233.1453); }
float noise_74(vec2 p)
{
	vec2 cell = floor(p), f = fract(p);
	vec2 u = f * f * (3.0 - 2.0 * f);
	float low = mix(hash_74(cell), hash_74(cell + vec2(1.0, 0.0)), u.x);
	float high = mix(hash_74(cell + vec2(0.0, 1.0)), hash_74(cell + vec2(1.0, 1.0)), u.x);
	return mix(low, high, u.y);
}
vec3 layer_74(vec3 n, vec3 view, vec3 base)
{
	vec4 light = scene.lights[74];
	vec3 half_way = normalize(light.xyz + view);
	float diffuse = max(dot(n, light.xyz), 0.0);
	float shine = pow(max(dot(n, half_way), 0.0), 82.0);
	for (int octave = 0; octave < 4; octave++)
		diffuse *= 0.5 + noise_74(base.xy * float(octave + 1));
	if (diffuse < 0.01)
		return base;
	return mix(base, base * diffuse + shine, light.w);
}

float hash_75(vec2 p) { return fract(sin(dot(p, vec2(40.7398, 162.9830))) * 43226.0453); }
float noise_75(vec2 p)
{
	vec2 cell = floor(p), f = fract(p);
	vec2 u = f * f * (3.0 - 2.0 * f);
	float low = mix(hash_75(cell), hash_75(cell + vec2(1.0, 0.0)), u.x);
	float high = mix(hash_75(cell + vec2(0.0, 1.0)), hash_75(cell + vec2(1.0, 1.0)), u.x);
	return mix(low, high, u.y);
}
vec3 layer_75(vec3 n, vec3 view, vec3 base)
{
	vec4 light = scene.lights[75];
	vec3 half_way = normalize(light.xyz + view);
	float diffuse = max(dot(n, light.xyz), 0.0);
	float shine = pow(max(dot(n, half_way), 0.0), 83.0);
	for (int octave = 0; octave < 5; octave++)
		diffuse *= 0.5 + noise_75(base.xy * float(octave + 1));
	if (diffuse < 0.01)
		return base;
	return mix(base, base * diffuse + shine, light.w);
}

float hash_76(vec2 p) { return fract(sin(dot(p, vec2(41.1098, 164.1130))) * 43218.9453); }
float noise_76(vec2 p)
{
	vec2 cell = floor(p), f = fract(p);
	vec2 u = f * f * (3.0 - 2.0 * f);
	float low = mix(hash_76(cell), hash_76(cell + vec2(1.0, 0.0)), u.x);
	float high = mix(hash_76(cell + vec2(0.0, 1.0)), hash_76(cell + vec2(1.0, 1.0)), u.x);
	return mix(low, high, u.y);
}
vec3 layer_76(vec3 n, vec3 view, vec3 base)
{
	vec4 light = scene.lights[76];
	vec3 half_way = normalize(light.xyz + view);
	float diffuse = max(dot(n, light.xyz), 0.0);
	float shine = pow(max(dot(n, half_way), 0.0), 84.0);
	for (int octave = 0; octave < 2; octave++)
		diffuse *= 0.5 + noise_76(base.xy * float(octave + 1));
	if (diffuse < 0.01)
		return base;
	return mix(base, base * diffuse + shine, light.w);
}

float hash_77(vec2 p) { return fract(sin(dot(p, vec2(41.4798, 165.2430))) * 43211.8453); }
float noise_77(vec2 p)
{
	vec2 cell = floor(p), f = fract(p);
	vec2 u = f * f * (3.0 - 2.0 * f);
	float low = mix(hash_77(cell), hash_77(cell + vec2(1.0, 0.0)), u.x);
	float high = mix(hash_77(cell + vec2(0.0, 1.0)), hash_77(cell + vec2(1.0, 1.0)), u.x);
	return mix(low, high, u.y);
}
vec3 layer_77(vec3 n, vec3 view, vec3 base)
{
	vec4 light = scene.lights[77];
	vec3 half_way = normalize(light.xyz + view);
	float diffuse = max(dot(n, light.xyz), 0.0);
	float shine = pow(max(dot(n, half_way), 0.0), 85.0);
	for (int octave = 0; octave < 3; octave++)
		diffuse *= 0.5 + noise_77(base.xy * float(octave + 1));
	if (diffuse < 0.01)
		return base;
	return mix(base, base * diffuse + shine, light.w);
}

float hash_78(vec2 p) { return fract(sin(dot(p, vec2(41.8498, 166.3730))) * 43204.7453); }
float noise_78(vec2 p)
{
	vec2 cell = floor(p), f = fract(p);
	vec2 u = f * f * (3.0 - 2.0 * f);
	float low = mix(hash_78(cell), hash_78(cell + vec2(1.0, 0.0)), u.x);
	float high = mix(hash_78(cell + vec2(0.0, 1.0)), hash_78(cell + vec2(1.0, 1.0)), u.x);
	return mix(low, high, u.y);
}
vec3 layer_78(vec3 n, vec3 view, vec3 base)
{
	vec4 light = scene.lights[78];
	vec3 half_way = normalize(light.xyz + view);
	float diffuse = max(dot(n, light.xyz), 0.0);
	float shine = pow(max(dot(n, half_way), 0.0), 86.0);
	for (int octave = 0; octave < 4; octave++)
		diffuse *= 0.5 + noise_78(base.xy * float(octave + 1));
	if (diffuse < 0.01)
		return base;
	return mix(base, base * diffuse + shine, light.w);
}

float hash_79(vec2 p) { return fract(sin(dot(p, vec2(42.2198, 167.5030))) * 43197.6453); }
float noise_79(vec2 p)
{
	vec2 cell = floor(p), f = fract(p);
	vec2 u = f * f * (3.0 - 2.0 * f);
	float low = mix(hash_79(cell), hash_79(cell + vec2(1.0, 0.0)), u.x);
	float high = mix(hash_79(cell + vec2(0.0, 1.0)), hash_79(cell + vec2(1.0, 1.0)), u.x);
	return mix(low, high, u.y);
}
vec3 layer_79(vec3 n, vec3 view, vec3 base)
{
	vec4 light = scene.lights[79];
	vec3 half_way = normalize(light.xyz + view);
	float diffuse = max(dot(n, light.xyz), 0.0);
	float shine = pow(max(dot(n, half_way), 0.0), 87.0);
	for (int octave = 0; octave < 5; octave++)
		diffuse *= 0.5 + noise_79(base.xy * float(octave + 1));
	if (diffuse < 0.01)
		return base;
	return mix(base, base * diffuse + shine, light.w);
}

float hash_80(vec2 p) { return fract(sin(dot(p, vec2(42.5898, 168.6330))) * 43190.5453); }
float noise_80(vec2 p)
{
	vec2 cell = floor(p), f = fract(p);
	vec2 u = f * f * (3.0 - 2.0 * f);
	float low = mix(hash_80(cell), hash_80(cell + vec2(1.0, 0.0)), u.x);
	float high = mix(hash_80(cell + vec2(0.0, 1.0)), hash_80(cell + vec2(1.0, 1.0)), u.x);
	return mix(low, high, u.y);
}
vec3 layer_80(vec3 n, vec3 view, vec3 base)
{
	vec4 light = scene.lights[80];
	vec3 half_way = normalize(light.xyz + view);
	float diffuse = max(dot(n, light.xyz), 0.0);
	float shine = pow(max(dot(n, half_way), 0.0), 88.0);
	for (int octave = 0; octave < 2; octave++)
		diffuse *= 0.5 + noise_80(base.xy * float(octave + 1));
	if (diffuse < 0.01)
		return base;
	return mix(base, base * diffuse + shine, light.w);
}

float hash_81(vec2 p) { return fract(sin(dot(p, vec2(42.9598, 169.7630))) * 43183.4453); }
float noise_81(vec2 p)
{
	vec2 cell = floor(p), f = fract(p);
	vec2 u = f * f * (3.0 - 2.0 * f);
	float low = mix(hash_81(cell), hash_81(cell + vec2(1.0, 0.0)), u.x);
	float high = mix(hash_81(cell + vec2(0.0, 1.0)), hash_81(cell + vec2(1.0, 1.0)), u.x);
	return mix(low, high, u.y);
}
vec3 layer_81(vec3 n, vec3 view, vec3 base)
{
	vec4 light = scene.lights[81];
	vec3 half_way = normalize(light.xyz + view);
	float diffuse = max(dot(n, light.xyz), 0.0);
	float shine = pow(max(dot(n, half_way), 0.0), 89.0);
	for (int octave = 0; octave < 3; octave++)
		diffuse *= 0.5 + noise_81(base.xy * float(octave + 1));
	if (diffuse < 0.01)
		return base;
	return mix(base, base * diffuse + shine, light.w);
}

float hash_82(vec2 p) { return fract(sin(dot(p, vec2(43.3298, 170.8930))) * 43176.3453); }
float noise_82(vec2 p)
{
	vec2 cell = floor(p), f = fract(p);
	vec2 u = f * f * (3.0 - 2.0 * f);
	float low = mix(hash_82(cell), hash_82(cell + vec2(1.0, 0.0)), u.x);
	float high = mix(hash_82(cell + vec2(0.0, 1.0)), hash_82(cell + vec2(1.0, 1.0)), u.x);
	return mix(low, high, u.y);
}
vec3 layer_82(vec3 n, vec3 view, vec3 base)
{
	vec4 light = scene.lights[82];
	vec3 half_way = normalize(light.xyz + view);
	float diffuse = max(dot(n, light.xyz), 0.0);
	float shine = pow(max(dot(n, half_way), 0.0), 90.0);
	for (int octave = 0; octave < 4; octave++)
		diffuse *= 0.5 + noise_82(base.xy * float(octave + 1));
	if (diffuse < 0.01)
		return base;
	return mix(base, base * diffuse + shine, light.w);
}

float hash_83(vec2 p) { return fract(sin(dot(p, vec2(43.6998, 172.0230))) * 43169.2453); }
float noise_83(vec2 p)
{
	vec2 cell = floor(p), f = fract(p);
	vec2 u = f * f * (3.0 - 2.0 * f);
	float low = mix(hash_83(cell), hash_83(cell + vec2(1.0, 0.0)), u.x);
	float high = mix(hash_83(cell + vec2(0.0, 1.0)), hash_83(cell + vec2(1.0, 1.0)), u.x);
	return mix(low, high, u.y);
}
vec3 layer_83(vec3 n, vec3 view, vec3 base)
{
	vec4 light = scene.lights[83];
	vec3 half_way = normalize(light.xyz + view);
	float diffuse = max(dot(n, light.xyz), 0.0);
	float shine = pow(max(dot(n, half_way), 0.0), 91.0);
	for (int octave = 0; octave < 5; octave++)
		diffuse *= 0.5 + noise_83(base.xy * float(octave + 1));
	if (diffuse < 0.01)
		return base;
	return mix(base, base * diffuse + shine, light.w);
}

float hash_84(vec2 p) { return fract(sin(dot(p, vec2(44.0698, 173.1530))) * 43162.1453); }
float noise_84(vec2 p)
{
	vec2 cell = floor(p), f = fract(p);
	vec2 u = f * f * (3.0 - 2.0 * f);
	float low = mix(hash_84(cell), hash_84(cell + vec2(1.0, 0.0)), u.x);
	float high = mix(hash_84(cell + vec2(0.0, 1.0)), hash_84(cell + vec2(1.0, 1.0)), u.x);
	return mix(low, high, u.y);
}
vec3 layer_84(vec3 n, vec3 view, vec3 base)
{
	vec4 light = scene.lights[84];
	vec3 half_way = normalize(light.xyz + view);
	float diffuse = max(dot(n, light.xyz), 0.0);
	float shine = pow(max(dot(n, half_way), 0.0), 92.0);
	for (int octave = 0; octave < 2; octave++)
		diffuse *= 0.5 + noise_84(base.xy * float(octave + 1));
	if (diffuse < 0.01)
		return base;
	return mix(base, base * diffuse + shine, light.w);
}

float hash_85(vec2 p) { return fract(sin(dot(p, vec2(44.4398, 174.2830))) * 43155.0453); }
float noise_85(vec2 p)
{
	vec2 cell = floor(p), f = fract(p);
	vec2 u = f * f * (3.0 - 2.0 * f);
	float low = mix(hash_85(cell), hash_85(cell + vec2(1.0, 0.0)), u.x);
	float high = mix(hash_85(cell + vec2(0.0, 1.0)), hash_85(cell + vec2(1.0, 1.0)), u.x);
	return mix(low, high, u.y);
}
vec3 layer_85(vec3 n, vec3 view, vec3 base)
{
	vec4 light = scene.lights[85];
	vec3 half_way = normalize(light.xyz + view);
	float diffuse = max(dot(n, light.xyz), 0.0);
	float shine = pow(max(dot(n, half_way), 0.0), 93.0);
	for (int octave = 0; octave < 3; octave++)
		diffuse *= 0.5 + noise_85(base.xy * float(octave + 1));
	if (diffuse < 0.01)
		return base;
	return mix(base, base * diffuse + shine, light.w);
}

float hash_86(vec2 p) { return fract(sin(dot(p, vec2(44.8098, 175.4130))) * 43147.9453); }
float noise_86(vec2 p)
{
	vec2 cell = floor(p), f = fract(p);
	vec2 u = f * f * (3.0 - 2.0 * f);
	float low = mix(hash_86(cell), hash_86(cell + vec2(1.0, 0.0)), u.x);
	float high = mix(hash_86(cell + vec2(0.0, 1.0)), hash_86(cell + vec2(1.0, 1.0)), u.x);
	return mix(low, high, u.y);
}
vec3 layer_86(vec3 n, vec3 view, vec3 base)
{
	vec4 light = scene.lights[86];
	vec3 half_way = normalize(light.xyz + view);
	float diffuse = max(dot(n, light.xyz), 0.0);
	float shine = pow(max(dot(n, half_way), 0.0), 94.0);
	for (int octave = 0; octave < 4; octave++)
		diffuse *= 0.5 + noise_86(base.xy * float(octave + 1));
	if (diffuse < 0.01)
		return base;
	return mix(base, base * diffuse + shine, light.w);
}

float hash_87(vec2 p) { return fract(sin(dot(p, vec2(45.1798, 176.5430))) * 43140.8453); }
float noise_87(vec2 p)
{
	vec2 cell = floor(p), f = fract(p);
	vec2 u = f * f * (3.0 - 2.0 * f);
	float low = mix(hash_87(cell), hash_87(cell + vec2(1.0, 0.0)), u.x);
	float high = mix(hash_87(cell + vec2(0.0, 1.0)), hash_87(cell + vec2(1.0, 1.0)), u.x);
	return mix(low, high, u.y);
}
vec3 layer_87(vec3 n, vec3 view, vec3 base)
{
	vec4 light = scene.lights[87];
	vec3 half_way = normalize(light.xyz + view);
	float diffuse = max(dot(n, light.xyz), 0.0);
	float shine = pow(max(dot(n, half_way), 0.0), 95.0);
	for (int octave = 0; octave < 5; octave++)
		diffuse *= 0.5 + noise_87(base.xy * float(octave + 1));
	if (diffuse < 0.01)
		return base;
	return mix(base, base * diffuse + shine, light.w);
}

float hash_88(vec2 p) { return fract(sin(dot(p, vec2(45.5498, 177.6730))) * 43133.7453); }
float noise_88(vec2 p)
{
	vec2 cell = floor(p), f = fract(p);
	vec2 u = f * f * (3.0 - 2.0 * f);
	float low = mix(hash_88(cell), hash_88(cell + vec2(1.0, 0.0)), u.x);
	float high = mix(hash_88(cell + vec2(0.0, 1.0)), hash_88(cell + vec2(1.0, 1.0)), u.x);
	return mix(low, high, u.y);
}
vec3 layer_88(vec3 n, vec3 view, vec3 base)
{
	vec4 light = scene.lights[88];
	vec3 half_way = normalize(light.xyz + view);
	float diffuse = max(dot(n, light.xyz), 0.0);
	float shine = pow(max(dot(n, half_way), 0.0), 96.0);
	for (int octave = 0; octave < 2; octave++)
		diffuse *= 0.5 + noise_88(base.xy * float(octave + 1));
	if (diffuse < 0.01)
		return base;
	return mix(base, base * diffuse + shine, light.w);
}

float hash_89(vec2 p) { return fract(sin(dot(p, vec2(45.9198, 178.8030))) * 43126.6453); }
float noise_89(vec2 p)
{
	vec2 cell = floor(p), f = fract(p);
	vec2 u = f * f * (3.0 - 2.0 * f);
	float low = mix(hash_89(cell), hash_89(cell + vec2(1.0, 0.0)), u.x);
	float high = mix(hash_89(cell + vec2(0.0, 1.0)), hash_89(cell + vec2(1.0, 1.0)), u.x);
	return mix(low, high, u.y);
}
vec3 layer_89(vec3 n, vec3 view, vec3 base)
{
	vec4 light = scene.lights[89];
	vec3 half_way = normalize(light.xyz + view);
	float diffuse = max(dot(n, light.xyz), 0.0);
	float shine = pow(max(dot(n, half_way), 0.0), 97.0);
	for (int octave = 0; octave < 3; octave++)
		diffuse *= 0.5 + noise_89(base.xy * float(octave + 1));
	if (diffuse < 0.01)
		return base;
	return mix(base, base * diffuse + shine, light.w);
}

void main()
{
	vec3 n = normalize(normal), view = normalize(scene.eye.xyz - position);
	vec3 sum = vec3(0.5);
	sum = layer_0(n, view, sum);
	sum = layer_1(n, view, sum);
	sum = layer_2(n, view, sum);
	sum = layer_3(n, view, sum);
	sum = layer_4(n, view, sum);
	sum = layer_5(n, view, sum);
	sum = layer_6(n, view, sum);
	sum = layer_7(n, view, sum);
	sum = layer_8(n, view, sum);
	sum = layer_9(n, view, sum);
	sum = layer_10(n, view, sum);
	sum = layer_11(n, view, sum);
	sum = layer_12(n, view, sum);
	sum = layer_13(n, view, sum);
	sum = layer_14(n, view, sum);
	sum = layer_15(n, view, sum);
	sum = layer_16(n, view, sum);
	sum = layer_17(n, view, sum);
	sum = layer_18(n, view, sum);
	sum = layer_19(n, view, sum);
	sum = layer_20(n, view, sum);
	sum = layer_21(n, view, sum);
	sum = layer_22(n, view, sum);
	sum = layer_23(n, view, sum);
	sum = layer_24(n, view, sum);
	sum = layer_25(n, view, sum);
	sum = layer_26(n, view, sum);
	sum = layer_27(n, view, sum);
	sum = layer_28(n, view, sum);
	sum = layer_29(n, view, sum);
	sum = layer_30(n, view, sum);
	sum = layer_31(n, view, sum);
	sum = layer_32(n, view, sum);
	sum = layer_33(n, view, sum);
	sum = layer_34(n, view, sum);
	sum = layer_35(n, view, sum);
	sum = layer_36(n, view, sum);
	sum = layer_37(n, view, sum);
	sum = layer_38(n, view, sum);
	sum = layer_39(n, view, sum);
	sum = layer_40(n, view, sum);
	sum = layer_41(n, view, sum);
	sum = layer_42(n, view, sum);
	sum = layer_43(n, view, sum);
	sum = layer_44(n, view, sum);
	sum = layer_45(n, view, sum);
	sum = layer_46(n, view, sum);
	sum = layer_47(n, view, sum);
	sum = layer_48(n, view, sum);
	sum = layer_49(n, view, sum);
	sum = layer_50(n, view, sum);
	sum = layer_51(n, view, sum);
	sum = layer_52(n, view, sum);
	sum = layer_53(n, view, sum);
	sum = layer_54(n, view, sum);
	sum = layer_55(n, view, sum);
	sum = layer_56(n, view, sum);
	sum = layer_57(n, view, sum);
	sum = layer_58(n, view, sum);
	sum = layer_59(n, view, sum);
	sum = layer_60(n, view, sum);
	sum = layer_61(n, view, sum);
	sum = layer_62(n, view, sum);
	sum = layer_63(n, view, sum);
	sum = layer_64(n, view, sum);
	sum = layer_65(n, view, sum);
	sum = layer_66(n, view, sum);
	sum = layer_67(n, view, sum);
	sum = layer_68(n, view, sum);
	sum = layer_69(n, view, sum);
	sum = layer_70(n, view, sum);
	sum = layer_71(n, view, sum);
	sum = layer_72(n, view, sum);
	sum = layer_73(n, view, sum);
	sum = layer_74(n, view, sum);
	sum = layer_75(n, view, sum);
	sum = layer_76(n, view, sum);
	sum = layer_77(n, view, sum);
	sum = layer_78(n, view, sum);
	sum = layer_79(n, view, sum);
	sum = layer_80(n, view, sum);
	sum = layer_81(n, view, sum);
	sum = layer_82(n, view, sum);
	sum = layer_83(n, view, sum);
	sum = layer_84(n, view, sum);
	sum = layer_85(n, view, sum);
	sum = layer_86(n, view, sum);
	sum = layer_87(n, view, sum);
	sum = layer_88(n, view, sum);
	sum = layer_89(n, view, sum);
	colour = vec4(sum, 1.0);
}
