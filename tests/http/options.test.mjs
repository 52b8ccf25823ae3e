// SPDX-License-Identifier: Apache-2.0
// Every option of glslc and glslangValidator: the table in api/docs/options.md has it, and where a field carries it, a
// source compiled with the option by the tool and with the field by the service gives the same SPIR-V.
import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { after, before, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { Service } from './service.mjs';

const table = readFileSync(resolve(fileURLToPath(new URL('.', import.meta.url)), '../../api/docs/options.md'), 'utf8');
const HEAD = '#version 450\n#extension GL_GOOGLE_include_directive : enable\n';
const sources = {
	frag: `${HEAD}layout(location = 0) in vec4 v;\nlayout(location = 0) out vec4 c;\nlayout(binding = 1) uniform U { vec4 tint; } u;\n` +
		'#ifdef SHINE\n#define GAIN SHINE\n#else\n#define GAIN 2.0\n#endif\nfloat unused(float x) { return x * 3.0; }\n' +
		'void main() { c = clamp(v * u.tint * GAIN, min(v.x, v.y), max(v.z, v.w)); }\n',
	vert: `${HEAD}layout(location = 0) in vec4 p;\nvoid main() { gl_Position = p; }\n`,
	loose: `${HEAD}layout(binding = 3) uniform Q { vec4 q; };\nuniform U { vec4 tint; } u;\nuniform sampler2D s;\n` +
		'layout(rgba8) uniform image2D picture;\nbuffer B { vec4 b; };\nin vec4 v;\nout vec4 c;\n' +
		'void main() { c = v * u.tint * q + texture(s, v.xy) + b + imageLoad(picture, ivec2(v.xy)); }\n',
	separate: `${HEAD}layout(set = 0, binding = 0) uniform texture2D t;\nlayout(set = 0, binding = 1) uniform sampler s;\n` +
		'layout(location = 0) out vec4 c;\nvoid main() { c = texture(sampler2D(t, s), vec2(0.5)); }\n',
	image: `${HEAD}layout(binding = 0, rgba8) uniform image2D i;\nlayout(local_size_x = 1) in;\n` +
		'void main() { imageStore(i, ivec2(0), vec4(1)); }\n',
	block: `${HEAD}layout(binding = 0) uniform B { vec2 a; vec3 b; float c; } b;\nlayout(location = 0) out vec4 c;\n` +
		'void main() { c = vec4(b.b, b.c); }\n',
	limits: `${HEAD}layout(location = 0) out vec4 c;\nvoid main() { c = vec4(gl_MaxDrawBuffers + gl_MaxViewports); }\n`,
	versioned: '#extension GL_GOOGLE_include_directive : enable\nlayout(location = 0) out highp vec4 c;\nvoid main() { c = vec4(1); }\n',
	client: `${HEAD}layout(location = 0) out vec4 c;\nvoid main() { c = vec4(VULKAN); }\n`,
	relaxed: `${HEAD}uniform vec4 loose;\nlayout(location = 0) out vec4 c;\nvoid main() { c = loose; }\n`,
	warns: `${HEAD}#extension GL_NOWHERE_at_all : warn\nvoid main() {}\n`,
	glvert: `${HEAD}layout(location = 0) in vec4 p;\nlayout(location = 2) uniform vec4 k;\nuniform vec4 z;\nvoid main() { gl_Position = p * k + z; }\n`,
	hlsl: 'Texture2D t : register(t1);\nSamplerState s : register(s2);\ncbuffer C : register(b3) { float4 tint; };\n' +
		'RWTexture2D<float4> w : register(u4);\n' +
		'float4 main(float4 p : SV_Position, float2 uv : TEXCOORD0) : SV_Target { w[uint2(uv)] = p; return t.Sample(s, uv) * tint; }\n' +
		'float4 other(float4 p : SV_Position) : SV_Target { return p * tint; }\n',
	hlslvert: 'float4 main(float4 p : POSITION) : SV_Position { return p; }\n',
	half: 'cbuffer C { min16float h; half4 g; };\nfloat4 main() : SV_Target { return g * h; }\n',
	samplers: 'Texture2D t[2];\nSamplerState s;\nfloat4 main(float2 uv : TEXCOORD0) : SV_Target { return t[0].Sample(s, uv) + t[1].Sample(s, uv); }\n',
	dx9: 'sampler2D s;\nfloat4 main(float2 uv : TEXCOORD0) : COLOR0 { return tex2D(s, uv); }\n',
};
const V = ['--target-env', 'vulkan1.3'], T = ['--target-env=vulkan1.3'];
const frag = { stage: 'fragment', language: 'glsl' };
const hlsl = { stage: 'fragment', language: 'hlsl' };
const auto = { auto_map_bindings: true, auto_map_locations: true };
const AUTO = ['--amb', '--aml'];

// [option as the table has it, source, arguments of the tool, fields of the request, extra]
const glslangValidator = [
	['-C', 'frag', ['-C'], frag],
	['-D', 'hlsl', ['-D', '-e', 'main'], { ...hlsl, auto_map_bindings: true }, { args: ['--amb'] }],
	['-D<name[=def]> \\| --define-macro <name[=def]> \\| --D <name[=def]>', 'frag', ['-DSHINE=4.0'], { ...frag, defines: { SHINE: '4.0' } }],
	['-G[ver]', 'glvert', ['-G'], { stage: 'vertex', language: 'glsl', target: { env: 'opengl4.5' }, ...auto }, { env: [], args: AUTO }],
	['-I<dir>', 'frag', ['-I/nowhere'], frag],
	['-Od', 'hlsl', ['-D', '-e', 'main', '-Od', '--amb'], { ...hlsl, auto_map_bindings: true, hlsl: { skip_legalization: true } }],
	['-Os', 'frag', ['-Os'], { ...frag, optimize: 'size' }],
	['-R', 'relaxed', ['-R', '--amb'], { ...frag, relaxed_rules: true, auto_map_bindings: true }],
	['-S <stage>', 'frag', [], frag],
	['-U<name> \\| --undef-macro <name> \\| --U <name>', 'frag', ['-DSHINE=4.0', '-USHINE'], { ...frag, defines: { SHINE: '4.0' }, undefines: ['SHINE'] }],
	['-V[ver]', 'client', ['-V100'], { ...frag, client_version: 100 }],
	['--client {vulkan<ver>\\|opengl<ver>}', 'client', ['--client', 'vulkan100'], { ...frag, client_version: 100 }],
	['-c', 'limits', [], { ...frag, resource_limits: { MaxDrawBuffers: 7, MaxViewports: 5 } }, { conf: { MaxDrawBuffers: 7, MaxViewports: 5 } }],
	['-d', 'versioned', ['-d', '-S', 'frag', '--glsl-version', '450'], { ...frag, glsl_version: '450' }],
	['-e <name> \\| --entry-point <name>', 'hlsl', ['-D', '-e', 'other', '--amb'], { ...hlsl, entry_point: 'other', auto_map_bindings: true }],
	['-f{hlsl_functionality1}', 'hlsl', ['-D', '-e', 'main', '-fhlsl_functionality1', '--amb'], { ...hlsl, hlsl: { functionality1: true }, auto_map_bindings: true }],
	['-g', 'frag', ['-g'], { ...frag, debug_info: 'line' }],
	['-gV', 'frag', ['-gV'], { ...frag, debug_info: 'nonsemantic' }],
	['-gVS', 'frag', ['-gVS'], { ...frag, debug_info: 'full' }],
	['-l', 'frag', ['-l'], frag],
	['-r \\| --relaxed-errors', 'frag', ['-r'], { ...frag, relaxed_errors: true }],
	['-w \\| --suppress-warnings', 'frag', ['-w'], { ...frag, warnings: 'off' }],
	['-u<name>:<loc>', 'glvert', ['-G', '-uz:9', ...AUTO], { stage: 'vertex', language: 'glsl', target: { env: 'opengl4.5' }, ...auto, uniform_locations: { z: 9 } }, { env: [] }],
	['--uniform-base <base>', 'glvert', ['-G', '--uniform-base', '20', ...AUTO], { stage: 'vertex', language: 'glsl', target: { env: 'opengl4.5' }, ...auto, uniform_base: 20 }, { env: [] }],
	['--auto-map-bindings \\| --amb', 'loose', AUTO, { ...frag, ...auto }],
	['--auto-map-locations \\| --aml', 'loose', AUTO, { ...frag, ...auto }],
	['--auto-sampled-textures', 'separate', ['--auto-sampled-textures'], { ...frag, auto_combined_image_sampler: true }],
	['--enhanced-msgs', 'frag', ['--enhanced-msgs'], { ...frag, enhanced_messages: true }],
	['--flatten-uniform-arrays \\| --fua', 'samplers', ['-D', '-e', 'main', '--fua', '--amb'], { ...hlsl, flatten_uniform_arrays: true, auto_map_bindings: true }],
	['--glsl-version {100 \\| 110 \\| … \\| 460}', 'versioned', ['--glsl-version', '450'], { ...frag, glsl_version: '450' }],
	['--hlsl-offsets', 'block', ['--hlsl-offsets'], { ...frag, hlsl: { offsets: true } }],
	['--hlsl-iomap', 'hlsl', ['-D', '-e', 'main', '--hlsl-iomap', '--amb'], { ...hlsl, hlsl: { iomap: true }, auto_map_bindings: true }],
	['--hlsl-enable-16bit-types', 'half', ['-D', '-e', 'main', '--hlsl-enable-16bit-types', '--amb'], { ...hlsl, hlsl: { types_16bit: true }, auto_map_bindings: true }],
	['--hlsl-dx9-compatible', 'dx9', ['-D', '-e', 'main', '--hlsl-dx9-compatible', '--amb'], { ...hlsl, hlsl: { dx9_compatible: true }, auto_map_bindings: true }],
	['--hlsl-dx-position-w', 'hlsl', ['-D', '-e', 'main', '--hlsl-dx-position-w', '--amb'], { ...hlsl, hlsl: { dx_position_w: true }, auto_map_bindings: true }],
	['--invert-y \\| --iy', 'vert', ['--iy'], { stage: 'vertex', language: 'glsl', invert_y: true }],
	['--keep-uncalled \\| --ku', 'frag', ['--ku'], { ...frag, keep_uncalled: true }],
	['--nan-clamp', 'frag', ['--nan-clamp'], { ...frag, nan_clamp: true }],
	['--no-storage-format \\| --nsf', 'image', ['--nsf'], { stage: 'compute', language: 'glsl', no_storage_format: true }],
	['--resource-set-binding [stage] name set binding', 'hlsl', ['-D', '-e', 'main', '--rsb', 'frag', 't1', '3', '9', '--hlsl-iomap', '--amb'],
		{ ...hlsl, resource_bindings: [{ name: 't1', set: 3, binding: 9, stage: 'frag' }], hlsl: { iomap: true }, auto_map_bindings: true }],
	['--resource-set-binding [stage] set', 'loose', ['--rsb', '4', ...AUTO], { ...frag, ...auto, resource_bindings: [{ set: 4 }] }],
	['--set-block-backing name {uniform\\|buffer\\|push_constant}', 'relaxed', ['-R', '--sbs', 'gl_DefaultUniformBlock', 'push_constant'],
		{ ...frag, relaxed_rules: true, block_backing: { gl_DefaultUniformBlock: 'push_constant' } }],
	['--set-default-uniform-block name set binding', 'relaxed', ['-R', '--sdub', 'Mine', '2', '7'],
		{ ...frag, relaxed_rules: true, default_uniform_block: { name: 'Mine', set: 2, binding: 7 } }],
	['--set-atomic-counter-block name set', 'relaxed', ['-R', '--sacb', 'Atoms', '2', '--amb'],
		{ ...frag, relaxed_rules: true, auto_map_bindings: true, atomic_counter_block: { name: 'Atoms', set: 2 } }],
	...['image', 'sampler', 'ssbo', 'texture', 'uav', 'UBO'].flatMap((kind) => {
		const resource = kind.toLowerCase(), base = { resource, base: 20 };
		const [source, request, args] = kind === 'uav' ? ['hlsl', { ...hlsl, auto_map_bindings: true }, ['-D', '-e', 'main', '--amb']] :
			['loose', { ...frag, ...auto }, AUTO];
		return [
			[`--shift-${kind}-binding [stage] num`, source, [...args, `--shift-${kind}-binding`, 'frag', '20'],
				{ ...request, binding_bases: [{ ...base, stage: 'frag' }] }],
			[`--shift-${kind}-binding [stage] [num set]...`, source, [...args, `--shift-${kind}-binding`, '20', '0'],
				{ ...request, binding_bases: [{ ...base, set: 0 }] }],
		];
	}),
	['--spirv-val', 'frag', ['--spirv-val'], { ...frag, validate: true }],
	['--source-entrypoint <name>', 'hlsl', ['-D', '-e', 'renamed', '--sep', 'other', '--amb'], { ...hlsl, entry_point: 'renamed', source_entry_point: 'other', auto_map_bindings: true }],
	['--target-env {…}', 'frag', ['--target-env', 'spirv1.4'], { ...frag, target: { env: 'vulkan1.1', spirv: '1.4' } }, { env: ['--target-env', 'vulkan1.1'] }],
];
const glslc = [
	['-c', 'frag', [], frag],
	['-Dmacro[=defn]', 'frag', ['-DSHINE=4.0'], { ...frag, defines: { SHINE: '4.0' } }],
	['-fauto-bind-uniforms', 'loose', ['-fauto-bind-uniforms', '-fauto-map-locations'], { ...frag, ...auto }],
	['-fauto-map-locations', 'loose', ['-fauto-bind-uniforms', '-fauto-map-locations'], { ...frag, ...auto }],
	['-fauto-combined-image-sampler', 'separate', ['-fauto-combined-image-sampler'], { ...frag, auto_combined_image_sampler: true }],
	['-fentry-point=<name>', 'hlsl', ['-fentry-point=other', '-fauto-bind-uniforms'], { ...hlsl, entry_point: 'other', auto_map_bindings: true }],
	['-fhlsl-16bit-types', 'half', ['-fhlsl-16bit-types', '-fauto-bind-uniforms'], { ...hlsl, hlsl: { types_16bit: true }, auto_map_bindings: true }],
	['-fhlsl_functionality1, -fhlsl-functionality1', 'hlsl', ['-fhlsl-functionality1', '-fauto-bind-uniforms'], { ...hlsl, hlsl: { functionality1: true }, auto_map_bindings: true }],
	['-fhlsl-iomap', 'hlsl', ['-fhlsl-iomap', '-fauto-bind-uniforms'], { ...hlsl, hlsl: { iomap: true }, auto_map_bindings: true }],
	['-fhlsl-offsets', 'block', ['-fhlsl-offsets'], { ...frag, hlsl: { offsets: true } }],
	['-finvert-y', 'vert', ['-finvert-y'], { stage: 'vertex', language: 'glsl', invert_y: true }],
	['-flimit=<settings>', 'limits', ['-flimit=MaxDrawBuffers 7 MaxViewports 5'], { ...frag, resource_limits: { MaxDrawBuffers: 7, MaxViewports: 5 } }],
	['-fnan-clamp', 'frag', ['-fnan-clamp'], { ...frag, nan_clamp: true }],
	['-fresource-set-binding [stage] <reg0> <set0> <binding0>', 'hlsl', ['-fresource-set-binding', 'frag', 't1', '3', '9', '-fhlsl-iomap', '-fauto-bind-uniforms'],
		{ ...hlsl, resource_bindings: [{ name: 't1', set: 3, binding: 9, stage: 'frag' }], hlsl: { iomap: true }, auto_map_bindings: true }],
	...[['cbuffer', 'ubo'], ['image'], ['sampler'], ['ssbo'], ['texture'], ['uav'], ['ubo']].map(([kind, resource = kind]) => {
		const [source, request] = kind === 'uav' ? ['hlsl', { ...hlsl, auto_map_bindings: true }] : ['loose', { ...frag, ...auto }];
		return [`-f${kind}-binding-base [stage] <value>`, source, ['-fauto-bind-uniforms', '-fauto-map-locations', `-f${kind}-binding-base`, 'frag', '20'],
			{ ...request, auto_map_locations: true, binding_bases: [{ resource, base: 20, stage: 'frag' }] }];
	}),
	['-fshader-stage=<stage>', 'frag', [], frag],
	['-g', 'frag', ['-g'], { ...frag, debug_info: 'line', entry_point: 'main' }],
	['-I <value>', 'frag', ['-I', '/nowhere'], frag],
	['-O', 'frag', ['-O'], { ...frag, optimize: { passes: ['--strip-debug', '-O'] } }],
	['-Os', 'frag', ['-Os'], { ...frag, optimize: { passes: ['--strip-debug', '-Os'] } }],
	['-O0', 'frag', ['-O0'], { ...frag, optimize: 'none' }],
	['-std=<value>', 'versioned', ['-std=450core'], { ...frag, glsl_version: '450core' }],
	['--target-env=<environment>', 'frag', ['--target-env=vulkan1.1'], { ...frag, target: { env: 'vulkan1.1' } }, { env: [] }],
	['--target-spv=<spirv-version>', 'frag', ['--target-env=vulkan1.1', '--target-spv=spv1.4'], { ...frag, target: { env: 'vulkan1.1', spirv: '1.4' } }, { env: [] }],
	['-w', 'frag', ['-w'], { ...frag, warnings: 'off' }],
	['-Werror', 'frag', ['-Werror'], { ...frag, warnings: 'error' }],
	['-x <language>', 'hlsl', ['-fauto-bind-uniforms'], { ...hlsl, auto_map_bindings: true }],
];

let service, folder;
before(async () => {
	service = await Service.start();
	folder = mkdtempSync(join(tmpdir(), 'spvscope-options-'));
});
after(async () => {
	await service.close();
	rmSync(folder, { recursive: true });
});

/** The assembly with ids numbered by first appearance; the header, which names the generator, is left out. */
function normalize(file) {
	const ids = new Map();
	return execFileSync('spirv-dis', ['--raw-id', '--no-header', '--no-color', file], { encoding: 'utf8', maxBuffer: 1 << 26 })
		.replace(/^ *OpSourceExtension .*\n/gm, '') // glslc has a preamble of its own
		.replace(/^ *OpModuleProcessed "(source-entrypoint|entry-point) main"\n/gm, '') // which tool says the default aloud
		.replace(/%\w+/g, (id) => {
			if (!ids.has(id))
				ids.set(id, `%${ids.size + 1}`);
			return ids.get(id);
		});
}

const brief = { vertex: 'vert', fragment: 'frag', compute: 'comp' };

function byTool(tool, source, args, request, extra) {
	const input = join(folder, 'a.txt'), output = join(folder, 'tool.spv');
	writeFileSync(input, sources[source]);
	const stage = brief[request.stage];
	const all = tool === 'glslc' ? [...(extra.env ?? T), `-fshader-stage=${stage}`, '-x', request.language, ...args, input, '-o', output] :
		[...(extra.env ?? ['-V', ...V]), '-S', stage, ...args, ...(extra.args ?? []), input, '-o', output];
	if (extra.conf) {
		const conf = execFileSync('glslangValidator', ['-c'], { encoding: 'utf8' }).split('\n')
			.map((line) => (line.split(' ')[0] in extra.conf ? `${line.split(' ')[0]} ${extra.conf[line.split(' ')[0]]}` : line));
		writeFileSync(join(folder, 'a.conf'), conf.join('\n'));
		all.unshift(join(folder, 'a.conf'));
	}
	rmSync(output, { force: true });
	const run = spawnSync(tool, all, { encoding: 'utf8' });
	assert.equal(run.status, 0, `${tool} ${all.join(' ')}\n${run.stdout}${run.stderr}`);
	return normalize(output);
}

async function byService(source, request) {
	const output = join(folder, 'service.spv');
	const { body } = await service.compile({ name: join(folder, 'a.txt'), source: sources[source], emit: ['spirv'], ...request });
	assert.equal(body.status, 'ok', JSON.stringify(body.diagnostics ?? body));
	writeFileSync(output, Buffer.from(body.spirv.base64, 'base64'));
	return normalize(output);
}

for (const [tool, cases] of Object.entries({ glslangValidator, glslc })) {
	for (const [option, source, args, request, extra = {}] of cases) {
		test(`${tool} ${option.replaceAll('\\', '')} on ${source} is ${JSON.stringify(request)}`, async () => {
			assert.equal(await byService(source, request), byTool(tool, source, args, request, extra));
		});
	}
	test(`the table has every option of ${tool}, and those with a field are tried`, () => {
		const section = table.split('\n## ').find((s) => s.startsWith(tool));
		const rows = section.split('\n').filter((l) => l.startsWith('| `')).map((l) => l.split(/(?<!\\)\|/).map((c) => c.trim()));
		const listed = new Map(rows.map((r) => [r[1].replaceAll('`', ''), `${r[2]} ${r[3]}`]));
		for (const [option] of cases)
			assert.ok(listed.get(option)?.includes('`'), `${option} is tried, and the table names no field for it`);
		for (const [option, field] of listed)
			assert.ok(!field.startsWith('`') || /not compared/.test(field) || cases.some((c) => c[0] === option), `${option} is ${field}, and is not tried`);
		const help = spawnSync(tool, [tool === 'glslc' ? '--help' : '-h'], { encoding: 'utf8' }).stdout;
		const words = [...help.matchAll(/^ {2}(-[^\n]*?)(?: {2,}.*)?$/gm)].map((m) => m[1].split(/[ <[{=]/)[0].replace(/,$/, ''));
		for (const word of words)
			assert.ok([...listed.keys()].some((o) => o.split(/[ <[{=|,\\]+/).includes(word)), `${word} of ${tool} is not in the table`);
	});
}

test('warnings are kept, left out, or errors', async () => {
	const severities = async (warnings) => {
		const { body } = await service.compile({ ...frag, source: sources.warns, warnings });
		return [body.status, ...body.diagnostics.map((d) => d.severity)];
	};
	assert.deepEqual(await severities('keep'), ['ok', 2]);
	assert.deepEqual(await severities('off'), ['ok']);
	assert.deepEqual(await severities('error'), ['failed', 1]);
});

test('preprocessing alone gives the text, and no SPIR-V', async () => {
	const { body } = await service.compile({ ...frag, source: '#version 450\n#define N 3\nint n = N;\nnonsense\n', preprocess_only: true });
	assert.equal(body.status, 'ok');
	assert.match(body.preprocessed, /int n = 3;/);
	assert.equal(body.spirv, undefined);
});

test('the disassembler and the validator do as they are told', async () => {
	const plain = await service.compile({ ...frag, source: sources.frag, emit: ['disassembly'] });
	assert.match(plain.body.disassembly, /^; SPIR-V[^]*OpName %main/);
	const told = await service.compile({ ...frag, source: sources.frag, emit: ['disassembly'],
		disassembler: { numbers: true, no_header: true, no_indent: true, offsets: true } });
	assert.match(told.body.disassembly, /^OpCapability Shader ; 0x00000014$/m);
	assert.match(told.body.disassembly, /^OpName %\d+ "main"/m);
	const limited = await service.compile({ ...frag, source: sources.frag, validator: { max_id_bound: 10 } });
	assert.equal(limited.body.status, 'failed');
	assert.equal(limited.body.diagnostics[0].source, 'spirv-val');
	const layout = { language: 'glsl', stage: 'fragment', target: { env: 'vulkan1.0' }, source: `#version 450
#extension GL_EXT_scalar_block_layout : require
layout(binding = 0, std430) uniform B { float a; float b[2]; } b;
layout(location = 0) out vec4 c;
void main() { c = vec4(b.b[1]); }
` };
	// The source says what it needs; its module, coming alone, does not.
	const { body } = await service.compile(layout);
	const module = { language: 'spirv', target: { env: 'vulkan1.0' }, source_base64: body.spirv.base64 };
	assert.equal((await service.compile(module)).body.status, 'failed');
	for (const rule of ['skip_block_layout', 'scalar_block_layout', 'uniform_buffer_standard_layout'])
		assert.equal((await service.compile({ ...module, validator: { [rule]: true } })).body.status, 'ok', rule);
});

test('a header is checked in the source that includes it', async () => {
	const request = { name: 'main.frag', source: '#version 450\n#include "a.h"\nvoid main() { wrong; }\n', focus: 'a.h',
		files: { 'a.h': 'float f() { return missing; }\n', 'b.h': '' } };
	const { body } = await service.compile(request);
	assert.deepEqual(body.diagnostics.map((d) => d.file), ['a.h', 'main.frag']);
	const unread = await service.compile({ ...request, focus: 'b.h' });
	assert.deepEqual([unread.body.diagnostics[0].code, unread.body.diagnostics[0].file], ['focus-not-read', 'b.h']);
	assert.equal((await service.compile({ ...request, focus: 'c.h' })).status, 400);
});

test('/v1/languages serves the table of options', async () => {
	const { options } = await (await fetch(`${service.url}/v1/languages`)).json();
	const iomap = options.find((o) => o.field === 'hlsl.iomap');
	assert.deepEqual([iomap.parameter, iomap.type, iomap.default, iomap.languages], ['hlsl_iomap', 'boolean', false, ['glsl', 'hlsl']]);
	assert.ok(options.every((o) => o.description), options.find((o) => !o.description)?.field);
	assert.deepEqual(options.find((o) => o.field === 'warnings').words, ['keep', 'off', 'error']);
	const wrong = await service.compile({ ...frag, source: 'x', hlsl: { dx9_compatible: true } });
	assert.equal(wrong.status, 400);
	assert.deepEqual([wrong.body.error.where, wrong.body.error.message], ['hlsl.dx9_compatible', 'is for hlsl, and this is glsl']);
});
