// SPDX-License-Identifier: Apache-2.0
// What was done to a profile before it is merged, step by step: focus on a function, drop one, collapse a library.
// Each step makes a smaller profile out of a profile. Pure.

import type { Profile } from './profile';
import type { Step } from './route';

const GONE = -2; // the sample is not part of the result

/** Where each stack goes: the index of a stack of the result, -1 for none at all, GONE. */
interface Mapping {
  to: Int32Array;
  parent: number[];
  fn: number[];
}

export function applyStep(p: Profile, step: Step): Profile {
  const m: Mapping = { to: new Int32Array(p.stackFn.length), parent: [], fn: [] };
  const fnName = p.fnName.slice();
  const fnModule = p.fnModule.slice();
  const fnFile = p.fnFile.slice();
  if (step.kind === 'focus') focus(p, fnName.map((name) => name === step.name), m);
  else if (step.kind === 'drop') drop(p, fnName.map((name) => name === step.name), m);
  else {
    const box = fnName.push(`[${step.name.split('/').pop()}]`) - 1;
    fnModule.push(step.name);
    fnFile.push('');
    collapse(p, p.fnModule.map((module) => module === step.name), box, m);
  }
  return select({ ...p, fnName, fnModule, fnFile }, m, step.kind === 'focus');
}

export const applySteps = (p: Profile, steps: readonly Step[]): Profile => steps.reduce(applyStep, p);

function add(m: Mapping, parent: number, fn: number): number {
  m.parent.push(parent);
  return m.fn.push(fn) - 1;
}

/** Only what happened in the function; its outermost call becomes the outermost frame. */
function focus(p: Profile, is: boolean[], m: Mapping): void {
  for (let k = 0; k < m.to.length; k++) {
    const up = p.stackParent[k]!;
    const parent = up >= 0 ? m.to[up]! : GONE;
    const fn = p.stackFn[k]!;
    if (parent >= 0) m.to[k] = add(m, parent, fn);
    else m.to[k] = is[fn] ? add(m, -1, fn) : GONE;
  }
}

/** Without the samples that have the function anywhere. */
function drop(p: Profile, is: boolean[], m: Mapping): void {
  for (let k = 0; k < m.to.length; k++) {
    const up = p.stackParent[k]!;
    const parent = up >= 0 ? m.to[up]! : -1;
    m.to[k] = parent === GONE || is[p.stackFn[k]!] ? GONE : add(m, parent, p.stackFn[k]!);
  }
}

/** Calls within the library become one box. */
function collapse(p: Profile, is: boolean[], box: number, m: Mapping): void {
  for (let k = 0; k < m.to.length; k++) {
    const up = p.stackParent[k]!;
    const parent = up >= 0 ? m.to[up]! : -1;
    if (!is[p.stackFn[k]!]) m.to[k] = add(m, parent, p.stackFn[k]!);
    else m.to[k] = parent >= 0 && m.fn[parent] === box ? parent : add(m, parent, box);
  }
}

function select(p: Profile, m: Mapping, whole: boolean): Profile {
  const kept: number[] = [];
  const stacks: number[] = [];
  for (let s = 0; s < p.n; s++) {
    const k = p.sampleStack[s]!;
    const to = k < 0 ? (whole ? GONE : -1) : m.to[k]!;
    if (to === GONE) continue;
    kept.push(s);
    stacks.push(to);
  }
  const pick = <T extends Uint8Array | Uint16Array | Uint32Array | Float64Array>(a: T): T => (a as Float64Array).constructor === Float64Array
    ? Float64Array.from(kept, (s) => a[s]!) as T : new (a.constructor as { new(x: number[]): T })(kept.map((s) => a[s]!));
  return {
    ...p, stackParent: Int32Array.from(m.parent), stackFn: Int32Array.from(m.fn), sampleStack: Int32Array.from(stacks),
    sampleSpan: pick(p.sampleSpan), sampleInKernel: pick(p.sampleInKernel), sampleRun: pick(p.sampleRun), sampleTime: pick(p.sampleTime),
    // Below a function in focus a stack is whole, however it ends further out.
    sampleResult: whole ? new Uint8Array(kept.length) : pick(p.sampleResult),
    sampleWeight: p.sampleWeight && pick(p.sampleWeight), sampleLane: p.sampleLane && pick(p.sampleLane), n: kept.length,
  };
}
