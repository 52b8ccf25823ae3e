// SPDX-License-Identifier: Apache-2.0
// The viewer's model code against cases worked out by hand.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { loadModel } from './support/model.mjs';

const { again, curl, draft, flame, format, route, search, spans, text, ticks, tokens, traces } = await loadModel();

// main ─ parse ─ scan        samples by stack: parse 1, scan 3 (one of them in the kernel), opt 2, and one of scan
//     └─ opt                  alone, whose stack was truncated
function profileJson() {
  return {
    format: 'spvscope-columns', version: 1, kind: 'on-cpu', unit: 'samples', frequency_hz: 4999,
    strings: ['', 'main', 'parse', 'scan', 'opt', 'worker', 'libglslang.so'],
    frames: { name: [1, 2, 3, 4], module: [5, 6, 6, 5], file: [0, 0, 0, 0], line: [0, 0, 0, 0] },
    stacks: { parent: [-1, 0, 1, 0, -1], frame: [0, 1, 2, 3, 2] },
    samples: {
      stack: [1, 2, 2, 2, 3, 3, 4], span: [2, 3, 3, 2, 4, 4, 3], run: [0, 0, 0, 0, 1, 1, 1],
      time_ns: [1, 2, 3, 4, 1, 2, 3], result: [0, 0, 0, 0, 0, 0, 1], in_kernel: [0, 0, 1, 0, 0, 0, 0],
    },
    total: 7, complete: 6, truncated: 1, lost: 0,
  };
}
const boxes = (p, t) => Array.from({ length: t.n }, (_, i) => [p.fnName[t.fn[i]], t.depth[i], t.x[i], t.total[i], t.self[i]]);

test('equal stacks become one box, the heaviest on the left, truncated ones under a box of their own', () => {
  const p = flame.decodeProfile(profileJson());
  assert.deepEqual(boxes(p, flame.mergeProfile(p, null)), [
    ['all samples', 0, 0, 7, 0],
    ['main', 1, 0, 6, 0],
    ['[truncated]', 1, 6, 1, 0],
    ['parse', 2, 0, 4, 1],
    ['opt', 2, 4, 2, 2],
    ['scan', 2, 6, 1, 1],
    ['scan', 3, 0, 3, 2],
    ['[kernel]', 4, 0, 1, 1],
  ]);
});

test('a span limits the flame graph to the samples of its subtree', () => {
  const p = flame.decodeProfile(profileJson());
  const t = flame.mergeProfile(p, { lo: 2, hi: 4 });
  assert.equal(t.total[0], 5);
  assert.deepEqual(boxes(p, t).map((b) => b[0]), ['all samples', 'main', '[truncated]', 'parse', 'scan', 'scan', '[kernel]']);
  assert.deepEqual(boxes(p, flame.mergeProfile(p, { lo: 9, hi: 10 })), [['all samples', 0, 0, 0, 0]]);
});

test('from the other end, what ran is on top and its callers below', () => {
  const p = flame.decodeProfile(profileJson());
  assert.deepEqual(boxes(p, flame.mergeCallers(p, null)), [
    ['all samples', 0, 0, 7, 0],
    ['scan', 1, 0, 3, 0],
    ['opt', 1, 3, 2, 0],
    ['parse', 1, 5, 1, 0],
    ['[kernel]', 1, 6, 1, 0],
    ['parse', 2, 0, 2, 0],
    ['[truncated]', 2, 2, 1, 1],
    ['main', 2, 3, 2, 2],
    ['main', 2, 5, 1, 1],
    ['scan', 2, 6, 1, 0],
    ['main', 3, 0, 2, 2],
    ['parse', 3, 6, 1, 0],
    ['main', 4, 6, 1, 1],
  ]);
  assert.equal(flame.mergeCallers(p, { lo: 4, hi: 5 }).total[0], 2);
});

test('functions are summed over all boxes, recursion once', () => {
  const p = flame.decodeProfile(profileJson());
  const rows = flame.functionTable(flame.mergeProfile(p, null), p).map((r) => [p.fnName[r.fn], r.self, r.total]);
  assert.deepEqual(rows, [['scan', 3, 4], ['opt', 2, 2], ['parse', 1, 4], ['[kernel]', 1, 1], ['main', 0, 6], ['[truncated]', 0, 1]]);
  const j = profileJson();
  j.frames.name[2] = 2; // scan is parse again: parse calls itself
  const recursive = flame.decodeProfile(j);
  const parse = flame.functionTable(flame.mergeProfile(recursive, null), recursive).find((r) => recursive.fnName[r.fn] === 'parse');
  assert.deepEqual([parse.self, parse.total], [4, 5]);
});

test('modules are weighed by their own samples', () => {
  const p = flame.decodeProfile(profileJson());
  assert.deepEqual(flame.moduleShares(flame.mergeProfile(p, null), p),
    [{ module: 'libglslang.so', self: 4 }, { module: 'worker', self: 2 }, { module: '[kernel]', self: 1 }]);
});

test('boxes are found by place and by path', () => {
  const p = flame.decodeProfile(profileJson());
  const t = flame.mergeProfile(p, null);
  assert.equal(p.fnName[t.fn[flame.boxAt(t, 2, 4.5)]], 'opt');
  assert.equal(p.fnName[t.fn[flame.boxAt(t, 2, 6.2)]], 'scan');
  assert.equal(flame.boxAt(t, 3, 5), -1);
  assert.equal(flame.boxAt(t, 9, 0), -1);
  const path = flame.pathTo(t, flame.boxAt(t, 3, 0)).map((i) => t.fn[i]);
  const within = flame.mergeProfile(p, { lo: 2, hi: 3 });
  assert.equal(p.fnName[within.fn[flame.findPath(within, path)]], 'scan');
  const without = flame.mergeProfile(p, { lo: 4, hi: 5 });
  assert.equal(p.fnName[without.fn[flame.findPath(without, path)]], 'main', 'as deep as it goes');
});

test('columns that do not hold together are refused', () => {
  const broken = (change) => {
    const j = profileJson();
    change(j);
    return () => flame.decodeProfile(j);
  };
  assert.throws(broken((j) => { j.version = 2; }), /version 2/);
  assert.throws(broken((j) => { j.stacks.parent[0] = 3; }), /before its parent/);
  assert.throws(broken((j) => { j.stacks.frame[1] = 99; }), /no frame 99/);
  assert.throws(broken((j) => { j.samples.stack[0] = 99; }), /no stack 99/);
});

test('search counts a sample once however often its stack matches', () => {
  const p = flame.decodeProfile(profileJson());
  const t = flame.mergeProfile(p, null);
  const of = (q) => { const r = search.search(t, p, q); return r && [r.boxes, r.samples]; };
  assert.deepEqual(of('SCAN'), [2, 4]);
  assert.deepEqual(of('/^(parse|scan)$/'), [3, 5]);
  assert.deepEqual(of('glslang'), [3, 5], 'libraries are searched too');
  assert.deepEqual(of('nothing'), [0, 0]);
  assert.equal(of('/(/'), null);
  assert.equal(of('  '), null);
});

test('half a million boxes are merged and laid out in under three seconds', () => {
  const n = 500000;
  const parent = Array.from({ length: n }, (_, i) => (i === 0 ? -1 : (i - 1) >> 2));
  const j = {
    ...profileJson(), strings: ['', ...Array.from({ length: 1000 }, (_, i) => `f${i}`)],
    frames: { name: Array.from({ length: 1000 }, (_, i) => i + 1), module: Array(1000).fill(0) },
    stacks: { parent, frame: parent.map((_, i) => (i * 7) % 1000) },
    samples: { stack: Array.from({ length: n }, (_, i) => i), span: Array(n).fill(1) }, total: n,
  };
  const begun = performance.now();
  const p = flame.decodeProfile(j);
  const t = flame.mergeProfile(p, null);
  const took = performance.now() - begun;
  assert.equal(flame.mergeCallers(p, null).total[0], n);
  assert.equal(t.total[0], n);
  assert.ok(t.n > 400000, `${t.n} boxes`);
  assert.ok(took < 3000, `${took.toFixed(0)} ms`);
});

const SPANS = [{
  id: 1, name: 'server::request', level: 'info', start_ns: 0, duration_ns: 1000, cpu_ns: 900,
  children: [
    { id: 2, name: 'codegen::parse', level: 'info', start_ns: 100, duration_ns: 300,
      events: [{ time_ns: 120, level: 'error', name: 'codegen::parse', message: 'no' }],
      children: [{ id: 3, name: 'codegen::parse::include', level: 'debug', start_ns: 150, duration_ns: 100 }] },
    { id: 4, name: 'codegen::opt', level: 'info', start_ns: 350, duration_ns: 400, open: true },
  ],
}];

test('spans become columns in pre-order, a subtree a range', () => {
  const t = spans.decodeSpans(SPANS);
  assert.deepEqual([...t.id], [1, 2, 3, 4]);
  assert.deepEqual([...t.parent], [-1, 0, 1, 0]);
  assert.deepEqual([...t.depth], [0, 1, 2, 1]);
  assert.deepEqual([...t.end], [4, 3, 3, 4]);
  assert.deepEqual([...t.hasError], [0, 1, 0, 0]);
  assert.deepEqual([...t.open], [0, 0, 0, 1]);
  assert.deepEqual(t.families, ['server', 'codegen::parse', 'codegen::opt']);
  assert.equal(t.totalNs, 1000);
  assert.deepEqual([...spans.visibleRows(t, new Set([1]))], [0, 1, 3]);
  assert.deepEqual([...spans.visibleRows(t, new Set([0]))], [0]);
  assert.equal(spans.labelOf(t, 2), 'include');
  assert.equal(spans.labelOf(t, 1), 'codegen::parse');
  assert.deepEqual(spans.pathOf(t, 2), [0, 1, 2]);
});

test('own time leaves out the children, and what two of them share only once', () => {
  const t = spans.decodeSpans(SPANS);
  assert.equal(spans.selfNs(t, 0), 1000 - 650); // 100–400 and 350–750 cover 100–750
  assert.equal(spans.selfNs(t, 1), 200);
  assert.equal(spans.selfNs(t, 2), 100);
  assert.deepEqual(spans.slowestSpans(t, 2), [3, 0]);
});

test('a tree deeper than the engine\'s stack is read', () => {
  const root = { id: 1, name: 'a', level: 'info', start_ns: 0, duration_ns: 1, children: [] };
  let at = root;
  for (let id = 2; id <= 50000; id++) {
    const next = { id, name: 'a', level: 'info', start_ns: 0, duration_ns: 1, children: [] };
    at.children.push(next);
    at = next;
  }
  const t = spans.decodeSpans([root]);
  assert.equal(t.n, 50000);
  assert.equal(t.end[0], 50000);
  assert.equal(spans.decodeSpans([]).n, 0);
});

test('ticks are round and of one unit', () => {
  assert.deepEqual(ticks.ticks(0, 1.6e6, 4).map((t) => t.label), ['0', '0.5 ms', '1.0 ms', '1.5 ms']);
  assert.deepEqual(ticks.ticks(101000, 104000, 4).map((t) => t.label), ['101 µs', '102 µs', '103 µs', '104 µs']);
  assert.deepEqual(ticks.ticks(0, 10, 3).map((t) => t.label), ['0', '5 ns', '10 ns']);
  assert.deepEqual(ticks.ticks(5, 5, 3), []);
  assert.equal(ticks.niceStep(1000, 10), 100);
  assert.equal(ticks.niceStep(1001, 10), 200);
});

test('quantities read as people write them', () => {
  assert.deepEqual([0, 812, 1240, 104000, 999600, 1.6e6, 2.1e9, 184e9].map(format.formatNs),
    ['0 ns', '812 ns', '1.24 µs', '104 µs', '1.00 ms', '1.60 ms', '2.10 s', '3 min 4 s']);
  assert.deepEqual([0, 1023, 1024, 2112, 1048576].map(format.formatBytes), ['0 B', '1023 B', '1 KiB', '2.06 KiB', '1 MiB']);
  assert.deepEqual([0, 0.0004, 0.1234, 0.9997, 1].map(format.formatShare), ['0 %', '< 0.1 %', '12.3 %', '> 99.9 %', '100 %']);
  assert.equal(format.plural(1, 'sample'), '1 sample');
  assert.equal(format.plural(4999, 'sample'), '4,999 samples');
});

test('the interval of a share is Wilson\'s', () => {
  const near = (got, want) => got.forEach((x, i) => assert.ok(Math.abs(x - want[i]) < 5e-4, `${got}`));
  near(format.wilson95(10, 100), [0.0552, 0.1744]);
  near(format.wilson95(0, 20), [0, 0.1611]);
  near(format.wilson95(20, 20), [0.8389, 1]);
  assert.deepEqual(format.wilson95(0, 0), [0, 1]);
});

test('signatures are shortened without losing the function', () => {
  const cases = {
    'spvtools::opt::Instruction::ForEachInId(std::function<void (unsigned int*)> const&)': 'spvtools::opt::Instruction::ForEachInId',
    'void spvtools::opt::Pass::Walk<int>(int)': 'spvtools::opt::Pass::Walk',
    '(anonymous namespace)::compile(char const*)': '(anon)::compile',
    'std::vector<int, std::allocator<int> >::operator[](unsigned long)': 'std::vector::operator[]',
    'glslang::TFn::operator()(int) const': 'glslang::TFn::operator()',
    malloc: 'malloc',
    '[kernel]': '[kernel]',
    '<img src=x onerror=alert(1)>': '<img src=x onerror=alert(1)>',
  };
  for (const [name, want] of Object.entries(cases)) assert.equal(format.shortName(name), want);
});

test('diagnostics stand below their lines and underline their ranges', () => {
  const source = '#version 450\r\nvoid main() {\n  x = 1;\n}';
  const starts = text.lineStarts(source);
  assert.equal(text.nLines(starts), 4);
  assert.equal(text.lineAt(source, starts, 0), '#version 450');
  assert.equal(text.lineAt(source, starts, 3), '}');
  const at = (a, b, c, d) => ({ start: { line: a, character: b }, end: { line: c, character: d } });
  const diagnostics = [
    { severity: 1, message: "'x' : undeclared\nsecond line", range: at(2, 2, 2, 3) },
    { severity: 2, message: 'far away', range: at(99, 0, 99, 0) },
  ];
  assert.deepEqual(text.codeRows(4, diagnostics).map((r) => ('message' in r ? r.message : r.line)),
    [0, 1, 2, "'x' : undeclared", 'second line', 3, 'far away']);
  assert.deepEqual(text.marksOf(2, 8, diagnostics), [{ from: 2, to: 3, severity: 1 }]);
  assert.deepEqual(text.marksOf(1, 5, [{ severity: 1, message: '', range: at(0, 3, 2, 1) }]), [{ from: 0, to: 5, severity: 1 }]);
  assert.deepEqual(text.marksOf(0, 5, [{ severity: 1, message: '', range: at(0, 9, 0, 9) }]), [{ from: 4, to: 5, severity: 1 }],
    'behind the end: the last character');
  assert.deepEqual(text.marksOf(0, 0, [{ severity: 1, message: '', range: at(0, 0, 0, 0) }]), []);
});

test('a line is cut where tokens and marks begin and end', () => {
  const got = text.pieces('  x = 1;', [{ from: 6, to: 7, kind: 'number' }], [{ from: 2, to: 7, severity: 2 }, { from: 2, to: 3, severity: 1 }]);
  assert.deepEqual(got.map((p) => [p.text, p.kind, p.severity]), [['  ', '', 0], ['x', '', 1], [' = ', '', 2], ['1', 'number', 2], [';', '', 0]]);
  assert.equal(text.pieces('', [], []).length, 0);
});

test('words are told apart, also inside comments that span lines', () => {
  const source = 'int a; /* one\ntwo */ float b; // end\n"no /* comment"\nvec3 c;';
  const starts = text.lineStarts(source);
  const inside = tokens.commentLines(source, starts);
  assert.deepEqual([...inside.subarray(0, 4)], [0, 1, 0, 0]);
  const kinds = (k) => tokens.tokensOf(text.lineAt(source, starts, k), 'c', inside[k] === 1)
    .map((t) => [text.lineAt(source, starts, k).slice(t.from, t.to), t.kind]);
  assert.deepEqual(kinds(1), [['two */', 'comment'], ['float', 'type'], ['// end', 'comment']]);
  assert.deepEqual(kinds(3), [['vec3', 'type']]);
  assert.deepEqual(tokens.tokensOf('%4 = OpTypeInt 32 0 ; x', 'spirv', false).map((t) => t.kind), ['id', 'word', 'number', 'number', 'comment']);
});

test('live events and pages make one list, newest first', () => {
  const row = (id, t, status = 'ok') => ({ id: `t${id}`, compilation_id: id, name: id, language: 'glsl', stage: null, status, analyzer: 'off',
    started_unix_ns: t, duration_ns: 1, spans: 1, samples: 0, kept: false });
  let rows = traces.mergeRows([], [row('a', 1), row('b', 2)]);
  const event = { id: 'c', trace_id: 'tc', name: 'c', language: 'glsl', stage: 'vertex', status: 'running', analyzer: 'off', started_unix_ns: 3,
    duration_ns: 0, spans: 0, samples: 0, kept: false };
  rows = traces.applyEvent(rows, 'start', event);
  assert.deepEqual(rows.map((r) => [r.compilation_id, r.status]), [['c', 'running'], ['b', 'ok'], ['a', 'ok']]);
  rows = traces.applyEvent(rows, 'end', { ...event, status: 'failed', spans: 7 });
  assert.deepEqual([rows[0].status, rows[0].spans, rows.length], ['failed', 7, 3]);
  rows = traces.applyEvent(rows, 'start', event);
  assert.equal(rows[0].status, 'failed', 'an end is not taken back');
  assert.equal(traces.applyEvent(rows, 'end', { ...event, trace_id: null }).length, 2, 'without a trace there is nothing to open');
  const filter = (f) => traces.filterRows(rows, { status: '', language: '', text: '', ...f }).map((r) => r.compilation_id);
  assert.deepEqual(filter({ status: 'ok' }), ['b', 'a']);
  assert.deepEqual(filter({ text: ' VERTEX ' }), ['c']);
  assert.deepEqual(filter({ language: 'hlsl' }), []);
});

test('the fragment holds what is on the screen', () => {
  const r = { view: 'trace', id: 'abc', span: 9, query: 'a&b=c', pane: '' };
  assert.deepEqual(route.parseRoute(route.formatRoute(r)), r);
  assert.deepEqual(route.parseRoute('/#trace=ff'.slice(1)), { view: 'trace', id: 'ff', span: 0, query: '', pane: '' });
  assert.equal(route.parseRoute('').view, 'list');
  assert.equal(route.parseRoute('#compile').view, 'compile');
  assert.deepEqual(route.parseRoute(route.formatRoute({ view: 'compile', from: 'ff' })), { view: 'compile', from: 'ff' });
  assert.equal(route.parseRoute('#status=failed').status, 'failed');
});

const FULL = {
  language: 'glsl', stage: 'fragment', name: 'dir/a.frag', source: 'void main() {}', entry_point: 'start', target: { env: 'vulkan1.1', spirv: '1.4' },
  defines: { A: '1', B: null, C: '', ODD: 'x y; z' }, optimize: { passes: ['--merge-return', '--loop-unroll-partial=3'] }, debug_info: 'line', validate: false,
  emit: ['spirv', 'preprocessed'], trace: { level: 'debug', filter: 'info' }, analyzer: { kind: 'release', min_samples: 0 }, limits: { wall_ms: 9 },
  isolation: 'request', keep: true, position_encoding: 'utf-8',
};

test('a request goes through the form and comes back', () => {
  for (const request of [FULL, { ...FULL, files: { 'b.h': 'x\n', c: { base64: 'AA==' } } }, { source: 'x', language: 'hlsl' }, { source: 'x' },
    { source: 'x', emit: ['spirv', 'disassembly'], optimize: 'size', analyzer: { kind: 'debug' } }, { source: 'x', emit: [] },
    { source: 'x', optimize: { passes: ['--a=b c'] }, trace: { filter: 'info' }, check_only: true }]) {
    assert.deepEqual(draft.requestOfDraft(draft.draftOf(request, request.source)), request);
  }
  const first = draft.draftOf({ source: 'x' }, 'x');
  assert.throws(() => draft.requestOfDraft({ ...first, further: '{' }), /no JSON/);
  assert.throws(() => draft.requestOfDraft({ ...first, further: '[]' }), /one JSON object/);
  assert.deepEqual(draft.requestOfDraft({ ...first, further: '{"trace": {"level": "debug"}}' }), { source: 'x', trace: { level: 'debug' } });
});

test('a trace is profiled again as it was asked for, under the other analyzer', () => {
  const { source, ...request } = FULL;
  const trace = { source, kept: false, request: { ...request, document: { session: 's', uri: 'u', version: 3 } } };
  const { keep: _, ...rest } = FULL;
  assert.deepEqual(JSON.parse(JSON.stringify(again.profiledRequest(trace, 'debug'))), { ...rest, analyzer: { kind: 'debug', min_samples: 0 } });
  const bytes = again.originalRequest({ source: null, kept: true, request: { language: 'spirv', source_base64: 'AA==' } });
  assert.deepEqual(bytes, { language: 'spirv', source_base64: 'AA==' });
  assert.equal(again.profiledRequest({ source, kept: true, request: null }, 'debug'), null);
});

test('the command line has every field, as parameters or in a body', () => {
  const line = curl.curlCommand('http://h', FULL);
  const q = new URL(/'(http.*)'$/.exec(line)[1]).searchParams;
  assert.deepEqual(q.getAll('define'), ['A=1', 'B', 'C=', 'ODD=x y; z']);
  assert.deepEqual(q.getAll('pass'), ['--merge-return', '--loop-unroll-partial=3']);
  for (const [key, value] of Object.entries({ spirv: '1.4', target: 'vulkan1.1', filter: 'info', trace: 'debug', min_samples: '0', wall_ms: '9', validate: 'false',
    entry_point: 'start', emit: 'spirv,preprocessed', analyzer: 'release', isolation: 'request', keep: 'true', position_encoding: 'utf-8', debug_info: 'line' }))
    assert.equal(q.get(key), value, key);
  const body = curl.curlCommand('http://h', { ...FULL, files: { 'b.h': "it's\nEND\n" } });
  assert.deepEqual(JSON.parse(/<<'END'\n([\s\S]*)\nEND$/.exec(body)[1]), { ...FULL, files: { 'b.h': "it's\nEND\n" } });
});

test('the command line asks for what the form asks for, and quotes it', () => {
  const line = curl.curlCommand('http://127.0.0.1:7230', {
    source: 'x', name: "a/it's.frag", optimize: 'performance', defines: { A: '1', B: null },
    emit: ['spirv', 'disassembly'], trace: { level: 'debug' },
  });
  assert.equal(line, "curl --data-binary '@it'\\''s.frag' \\\n"
    + "  'http://127.0.0.1:7230/v1/compile?name=a/it%27s.frag&optimize=performance&define=A%3D1&define=B&emit=spirv,disassembly&trace=debug'");
  assert.deepEqual({ ...curl.parseDefines('USE_FOG=1 FAST -DX=a b') }, { USE_FOG: '1', FAST: null, X: 'a', b: null });
  assert.deepEqual({ ...curl.parseDefines('__proto__=1') }, { ['__proto__']: '1' });
  assert.equal(curl.parseDefines('  '), undefined);
});
