// SPDX-License-Identifier: Apache-2.0
// The resident side of the WGSL back end: reads requests on descriptor 0, compiles them with naga, answers on descriptor 3.
// Runs confined in a tool host's tree, with one thread of its own; everything is synchronous, one request at a time.
//
//   request  u32 size | u32 flags | source
//   answer   u32 size | u32 n | n × (string name, u64 begin_ns, u64 end_ns) | string kind | string text | bytes SPIR-V or WGSL
//
// Strings and bytes have their length before them (base/wire.h); times are CLOCK_MONOTONIC. kind is "" when it compiled.
import { readSync, writeSync } from 'node:fs';
import { NagaError, parseSpirv, parseWgsl, validate, writeSpirv, writeWgsl } from 'naga-wasm';

const REQUESTS = 0;
const ANSWERS = 3;
const CHECK_ONLY = 1;
const DEBUG_INFO = 2;
const TO_WGSL = 4; // the source is SPIR-V

function readExactly(size) {
	const bytes = Buffer.allocUnsafe(size);
	for (let at = 0; at < size;) {
		const n = readSync(REQUESTS, bytes, at, size - at, null);
		if (n === 0)
			process.exit(0); // the host is gone
		at += n;
	}
	return bytes;
}

function writeAll(bytes) {
	for (let at = 0; at < bytes.length;)
		at += writeSync(ANSWERS, bytes, at);
}

function u32(value) {
	const b = Buffer.allocUnsafe(4);
	b.writeUInt32LE(value);
	return b;
}

function u64(value) {
	const b = Buffer.allocUnsafe(8);
	b.writeBigUInt64LE(value);
	return b;
}

function string(text) {
	const bytes = Buffer.from(text, 'utf8');
	return Buffer.concat([u32(bytes.length), bytes]);
}

// What a compile is made of. Handles hold memory of the WebAssembly module, so they are given back whatever happens.
function compile(source, flags, phases) {
	const timed = (name, work) => {
		const begin = process.hrtime.bigint();
		try {
			return work();
		} finally {
			phases.push({ name, begin, end: process.hrtime.bigint() });
		}
	};
	const toWgsl = Boolean(flags & TO_WGSL);
	const module = timed('parse', () => toWgsl ? parseSpirv(source) : parseWgsl(source.toString('utf8')));
	try {
		const info = timed('validate', () => validate(module));
		try {
			if (flags & CHECK_ONLY)
				return Buffer.alloc(0);
			if (toWgsl)
				return Buffer.from(timed('generate', () => writeWgsl(module, info)), 'utf8');
			const words = timed('generate', () => writeSpirv(module, info, { flags: { debug: Boolean(flags & DEBUG_INFO) } }));
			return Buffer.from(words.buffer, words.byteOffset, words.byteLength);
		} finally {
			info.free();
		}
	} finally {
		module.free();
	}
}

// After a panic nothing of the module's state can be trusted: the answer is given, and this process ends.
function answer(source, flags) {
	const phases = [];
	let kind = '', text = '', made = Buffer.alloc(0);
	try {
		made = compile(source, flags, phases);
	} catch (error) {
		kind = error instanceof NagaError ? error.kind : 'crash';
		text = error instanceof NagaError ? error.formatted : String(error.message ?? error);
	}
	const body = Buffer.concat([
		u32(phases.length),
		...phases.flatMap((p) => [string(p.name), u64(p.begin), u64(p.end)]),
		string(kind), string(text), u32(made.length), made,
	]);
	return { bytes: Buffer.concat([u32(body.length), body]), ends: kind === 'crash' };
}

// Before the first request: what is compiled once in a process, some 25 ms.
const warm = Buffer.from(`@group(0) @binding(0) var<storage, read_write> a: array<vec4f>;
struct V { @builtin(position) p: vec4f, @location(0) c: vec2f }
@vertex fn v(@builtin(vertex_index) i: u32) -> V { return V(vec4f(f32(i), 0.0, 0.0, 1.0), vec2f(f32(i % 2u))); }
@fragment fn f(in: V) -> @location(0) vec4f { var s = vec4f(0.0); for (var i = 0; i < 4; i++) { s += sin(in.c.xyxy); } return s; }
@compute @workgroup_size(64) fn c(@builtin(global_invocation_id) id: vec3u) { a[id.x] = a[id.x] * 2.0; }`);
for (let i = 0; i < 3; i++)
	answer(warm, 0);
answer(compile(warm, 0, []), TO_WGSL);

for (;;) {
	const request = readExactly(readExactly(4).readUInt32LE());
	const { bytes, ends } = answer(request.subarray(4), request.readUInt32LE(0));
	writeAll(bytes);
	if (ends)
		process.exit(70);
}
