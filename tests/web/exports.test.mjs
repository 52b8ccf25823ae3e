// SPDX-License-Identifier: Apache-2.0
// The model code against what the service exports of real traces: what is merged, limited, turned around and compared here
// has the numbers that its tree and its folded stacks have. The folded stacks are counted the plain way.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { loadModel } from './support/model.mjs';
import { startService } from './support/service.mjs';
import { busyShader, traced } from './support/sources.mjs';

const { compare, flame, functions, orders, profile, route, search, steps } = await loadModel();
let service;
let base;
let to;

async function load(answer) {
  const flameOf = async (query) => fetch(`${service.url}/v1/traces/${answer.trace.id}/flame?${query}`);
  const folded = async (query = '') => (await (await flameOf(`format=folded${query}`)).text()).split('\n').filter(Boolean)
    .map((line) => ({ stack: line.slice(0, line.lastIndexOf(' ')).split(';'), n: Number(line.slice(line.lastIndexOf(' ') + 1)) }));
  const { spans } = await (await fetch(`${service.url}/v1/traces/${answer.trace.id}`)).json();
  return { spans, folded, p: profile.decodeProfile(await (await flameOf('format=columns')).json()), tree: await (await flameOf('format=tree')).json() };
}

before(async () => {
  service = await startService();
  const answers = [await traced(service), await traced(service, { source: busyShader(40) })];
  if (answers.some((a) => a.analyzer.state !== 'attached')) return;
  [base, to] = [await load(answers[0]), await load(answers[1])];
});
after(async () => service?.stop());

const sampled = (t) => base !== undefined || (t.skip('no analyzer here'), false);
const plain = (name) => name.replace(/;/g, ':').replace(/[\r\n]+/g, ' '); // as folded stacks have it
const sum = (list) => list.reduce((n, { n: x }) => n + x, 0);

/** Path → weight of each box that weight ended in, as folded stacks tell it. */
function selves(t, p) {
  const path = [];
  const out = new Map();
  for (let i = 0; i < t.n; i++) {
    path[i] = i ? [...path[t.parent[i]], plain(p.fnName[t.fn[i]])] : [];
    if (i && t.self[i]) out.set(path[i].join(';'), (out.get(path[i].join(';')) ?? 0) + t.self[i]);
  }
  return out;
}
const byPath = (list, key = (stack) => stack) => {
  const out = new Map();
  for (const { stack, n } of list) {
    const path = key(stack);
    if (path) out.set(path.join(';'), (out.get(path.join(';')) ?? 0) + n);
  }
  return out;
};
const same = (ours, theirs) => assert.deepEqual([...ours].sort(), [...theirs].sort());

test('merged stacks have the boxes of the tree, each with its own and its whole weight', (t) => {
  if (!sampled(t)) return;
  const whole = flame.mergeProfile(base.p, null);
  const ours = [];
  for (let i = 0; i < whole.n; i++) ours.push(`${whole.depth[i]} ${i ? base.p.fnName[whole.fn[i]] : ''} ${whole.self[i]} ${whole.total[i]}`);
  const theirs = [];
  const walk = (node, depth) => {
    theirs.push(`${depth} ${depth ? node.name : ''} ${node.self} ${node.total}`);
    for (const child of node.children ?? []) walk(child, depth + 1);
  };
  walk(base.tree, 0);
  assert.deepEqual(ours.sort(), theirs.sort());
  assert.ok(ours.length > 50, `${ours.length} boxes`);
});

test('each span has the stacks that the service tells of it', async (t) => {
  if (!sampled(t)) return;
  const list = [];
  const walk = (s) => {
    list.push(s);
    (s.children ?? []).forEach(walk);
  };
  base.spans.forEach(walk);
  const some = list.filter((s) => /^codegen::(?:compile|parse|opt|validate)$/.test(s.name));
  assert.ok(some.length >= 4);
  for (const s of some) {
    const within = new Set();
    const add = (x) => { within.add(x.id); (x.children ?? []).forEach(add); };
    add(s);
    const keep = profile.chooseSamples(base.p, { lo: s.id, hi: Math.max(...within) + 1 }, null, null);
    same(selves(flame.mergeProfile(base.p, keep), base.p), byPath(await base.folded(`&span=${s.id}`)));
  }
});

test('from the other end, every stack is there the other way around', async (t) => {
  if (!sampled(t)) return;
  same(selves(orders.mergeCallers(base.p, null), base.p), byPath(await base.folded(), (stack) => [...stack].reverse()));
});

test('a sandwich has what is above and below the outermost call', async (t) => {
  if (!sampled(t)) return;
  const folded = await base.folded();
  const top = functions.functionTable(flame.mergeProfile(base.p, null), base.p).filter((r) => base.p.fnModule[r.fn]).slice(0, 5);
  assert.equal(top.length, 5);
  for (const { fn, self, total } of top) {
    const name = plain(base.p.fnName[fn]);
    const at = (stack) => stack.indexOf(name);
    assert.equal(total, sum(folded.filter(({ stack }) => at(stack) >= 0)), name);
    assert.equal(self, sum(folded.filter(({ stack }) => stack[stack.length - 1] === name)), name);
    const { callees, callers } = functions.sandwich(base.p, null, fn);
    const below = byPath(folded, (stack) => (at(stack) < 0 ? null : stack.slice(at(stack) + 1)));
    const above = byPath(folded, (stack) => (at(stack) < 0 ? null : stack.slice(0, at(stack)).reverse()));
    below.delete('');
    above.delete('');
    same(selves(callees, base.p), below);
    same(selves(callers, base.p), above);
  }
});

test('focus, drop and search count what the folded stacks count', async (t) => {
  if (!sampled(t)) return;
  const folded = await base.folded();
  const name = base.p.fnName.find((f) => /PassManager::Run/.test(f));
  const holds = ({ stack }) => stack.includes(plain(name));
  const after = (step) => flame.mergeProfile(steps.applySteps(base.p, [route.parseStep(step)]), null).total[0];
  assert.equal(after(`f:${name}`), sum(folded.filter(holds)));
  assert.equal(after(`d:${name}`), sum(folded.filter((row) => !holds(row))));
  const whole = flame.mergeProfile(base.p, null);
  const { samples } = search.search(whole, base.p, '/PassManager::Run|yyparse/', null);
  assert.equal(samples, sum(folded.filter(({ stack }) => stack.some((f) => /PassManager::Run|yyparse/i.test(f)))));
});

test('a difference has the stacks of both, with the weight of each', async (t) => {
  if (!sampled(t)) return;
  const d = compare.diffFlames(base.p, to.p, 1, 1);
  const path = [];
  const totals = [new Map(), new Map()];
  for (let i = 0; i < d.tree.n; i++) {
    path[i] = i ? [...path[d.tree.parent[i]], plain(d.profile.fnName[d.tree.fn[i]])] : [];
    [d.base, d.to].forEach((weights, k) => i && weights[i] && totals[k].set(path[i].join(';'), (totals[k].get(path[i].join(';')) ?? 0) + weights[i]));
  }
  for (const [k, side] of [base, to].entries()) {
    const theirs = new Map();
    for (const { stack, n } of await side.folded()) {
      for (let i = 1; i <= stack.length; i++) theirs.set(stack.slice(0, i).join(';'), (theirs.get(stack.slice(0, i).join(';')) ?? 0) + n);
    }
    same(totals[k], theirs);
  }
  assert.deepEqual([d.baseTotal, d.toTotal], [base.p.n, to.p.n]);
});
