// SPDX-License-Identifier: Apache-2.0
// Writes large.frag: node tests/bench/corpus/generate.mjs > tests/bench/corpus/large.frag
// Layers of noise, materials and lights, each a function of its own, as in the shaders that engines put together.
const layers = 90;
const out = ['#version 450', '// Written by generate.mjs.', 'layout(location = 0) in vec3 position;',
  'layout(location = 1) in vec3 normal;', 'layout(location = 0) out vec4 colour;',
  `layout(set = 0, binding = 0) uniform Scene { vec4 lights[${layers}]; vec4 eye; } scene;`, ''];

for (let i = 0; i < layers; i++) {
  const a = (12.9898 + i * 0.37).toFixed(4), b = (78.233 + i * 1.13).toFixed(4), c = (43758.5453 - i * 7.1).toFixed(4);
  out.push(
    `float hash_${i}(vec2 p) { return fract(sin(dot(p, vec2(${a}, ${b}))) * ${c}); }`,
    `float noise_${i}(vec2 p)`,
    '{',
    '\tvec2 cell = floor(p), f = fract(p);',
    '\tvec2 u = f * f * (3.0 - 2.0 * f);',
    `\tfloat low = mix(hash_${i}(cell), hash_${i}(cell + vec2(1.0, 0.0)), u.x);`,
    `\tfloat high = mix(hash_${i}(cell + vec2(0.0, 1.0)), hash_${i}(cell + vec2(1.0, 1.0)), u.x);`,
    '\treturn mix(low, high, u.y);',
    '}',
    `vec3 layer_${i}(vec3 n, vec3 view, vec3 base)`,
    '{',
    `\tvec4 light = scene.lights[${i}];`,
    '\tvec3 half_way = normalize(light.xyz + view);',
    '\tfloat diffuse = max(dot(n, light.xyz), 0.0);',
    `\tfloat shine = pow(max(dot(n, half_way), 0.0), ${(8 + i).toFixed(1)});`,
    `\tfor (int octave = 0; octave < ${2 + (i % 4)}; octave++)`,
    `\t\tdiffuse *= 0.5 + noise_${i}(base.xy * float(octave + 1));`,
    '\tif (diffuse < 0.01)',
    '\t\treturn base;',
    '\treturn mix(base, base * diffuse + shine, light.w);',
    '}', '');
}
out.push('void main()', '{', '\tvec3 n = normalize(normal), view = normalize(scene.eye.xyz - position);',
  '\tvec3 sum = vec3(0.5);');
for (let i = 0; i < layers; i++) out.push(`\tsum = layer_${i}(n, view, sum);`);
out.push('\tcolour = vec4(sum, 1.0);', '}', '');
process.stdout.write(out.join('\n'));
