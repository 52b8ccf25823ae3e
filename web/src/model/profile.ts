// SPDX-License-Identifier: Apache-2.0
// The service's sample columns, checked, with frames folded into functions. Pure; holds for hundreds of thousands of stacks.

import type { FlameJson } from '../api';
import type { SpanTable } from './spans';

/** A function is a name and a module: one box, whatever the line. */
export interface Profile {
  kind: string;
  unit: string;
  frequencyHz: number;
  fnName: string[];
  fnModule: string[];
  fnFile: string[];
  fnRoot: number;       // made here: everything
  fnTruncated: number;  // made here: above stacks that do not reach the outermost frame
  fnKernel: number;     // made here: below stacks that were interrupted in the kernel
  stackParent: Int32Array;
  stackFn: Int32Array;
  sampleStack: Int32Array;
  sampleSpan: Uint32Array;
  sampleResult: Uint8Array;
  sampleInKernel: Uint8Array;
  sampleRun: Uint32Array;
  nRuns: number;
  sampleTime: Float64Array;          // ns since its own run began
  sampleWeight: Float64Array | null; // null: each counts one
  sampleCount?: Uint32Array | undefined; // of an outline: how many samples each of them stands for
  own?: Float64Array | undefined;        // of an outline: of each function, what the weights of its stacks do not tell
  sampleLane: Uint16Array | null;    // thread; null: there is but one
  laneFn: number[];
  n: number;
  total: number;
  complete: number;
  truncated: number;
  lost: number;
}

type Numbers = ArrayLike<number>;
const EMPTY: Numbers = [];
const numbers = (a: unknown): Numbers => (Array.isArray(a) || ArrayBuffer.isView(a) ? a as Numbers : EMPTY);
/* What came in bytes is taken as it lies: half a million numbers are not copied. */
const ints = (a: Numbers): Int32Array => (a instanceof Int32Array ? a : new Int32Array(a));
const bytes = (a: Numbers): Uint8Array => (a instanceof Uint8Array ? a : new Uint8Array(a));
const floats = (a: Numbers): Float64Array => (a instanceof Float64Array ? a : new Float64Array(a));
function unsigned(a: Numbers): Uint32Array {
  const { buffer, byteOffset, length } = ints(a);
  return new Uint32Array(buffer, byteOffset, length);
}

/** Names of functions, each known once by name and module. */
export class Functions {
  readonly name: string[] = [];
  readonly module: string[] = [];
  readonly file: string[] = [];
  #known = new Map<string, Map<string, number>>(); // by module, then by name

  of(name: string, module: string, file = ''): number {
    let known = this.#known.get(module);
    if (!known) this.#known.set(module, known = new Map());
    let fn = known.get(name);
    if (fn === undefined) {
      fn = this.name.push(name) - 1;
      this.module.push(module);
      this.file.push(file);
      known.set(name, fn);
    }
    return fn;
  }
}

interface Names {
  functions: Functions;
  fnOfFrame: Int32Array;
}

/** The functions that frames are of, behind those that are made here. */
export function namesOf(j: FlameJson): Names {
  if (!/^spvscope-(?:columns|packed)$/.test(j.format)) throw new Error('this is no flame graph in columns');
  if (j.version !== 1) throw new Error(`flame columns of version ${j.version}; this page reads version 1`);
  const functions = new Functions();
  for (const made of ['all samples', '[truncated]', '[kernel]']) functions.of(made, '');
  const [names, modules, files] = [numbers(j.frames.name), numbers(j.frames.module), numbers(j.frames.file)];
  const fnOfFrame = new Int32Array(names.length);
  for (let i = 0; i < names.length; i++) {
    fnOfFrame[i] = functions.of(j.strings[names[i]!] || '[unknown]', j.strings[modules[i]!] ?? '', j.strings[files[i]!] ?? '');
  }
  return { functions, fnOfFrame };
}

const common = (j: FlameJson, { functions }: Names) => ({
  kind: j.kind, unit: j.unit, frequencyHz: j.frequency_hz, fnName: functions.name, fnModule: functions.module, fnFile: functions.file,
  fnRoot: 0, fnTruncated: 1, fnKernel: 2, total: j.total, complete: j.complete, truncated: j.truncated, lost: j.lost,
});

/** Of a large profile, stacks that can be seen in a picture of the whole, and for all samples a few that stand for many: enough
 * to paint it before it is decoded. Without spans and times. */
export function decodeOutline(j: FlameJson, names: Names): Profile | null {
  const { outline_stacks: stacks, outline_samples: samples, outline_own: own } = j;
  if (!stacks || !samples || !own) return null;
  const stackParent = ints(stacks.parent);
  const stackFn = stackFunctions(stackParent, ints(stacks.frame), names.fnOfFrame);
  const sampleStack = ints(samples.stack);
  const n = sampleStack.length;
  const none = new Uint32Array(n);
  const ofFn = new Float64Array(names.functions.name.length);
  const { weight } = own;
  for (let i = 0; i < weight.length; i++) ofFn[names.fnOfFrame[i] ?? 2]! += weight[i]!;
  for (let s = 0; s < n; s++) if (sampleStack[s]! < 0 && !samples.in_kernel[s]) ofFn[1]! += samples.weight[s]!;
  checkSamples(sampleStack, stackFn.length, none);
  return {
    ...common(j, names), stackParent, stackFn, sampleStack, sampleSpan: none, sampleResult: bytes(samples.result), sampleInKernel: bytes(samples.in_kernel),
    sampleRun: none, nRuns: 1, sampleTime: new Float64Array(n), sampleWeight: j.samples.weight ? floats(samples.weight) : null,
    sampleCount: unsigned(samples.count), own: ofFn, sampleLane: null, laneFn: [], n,
  };
}

/** Takes what came in bytes for its own: functions stand where the frames of stacks stood. */
export function decodeProfile(j: FlameJson, names: Names = namesOf(j)): Profile {
  const { functions, fnOfFrame } = names;
  const stackParent = ints(numbers(j.stacks.parent));
  const stackFn = stackFunctions(stackParent, ints(numbers(j.stacks.frame)), fnOfFrame);
  const sampleStack = ints(numbers(j.samples.stack));
  const n = sampleStack.length;
  const column = (a: unknown): Numbers => (numbers(a).length === n ? numbers(a) : new Uint8Array(n));
  const weight = numbers(j.samples.weight);
  const sampleRun = unsigned(column(j.samples.run));
  return {
    ...common(j, names), stackParent, stackFn, sampleStack,
    sampleSpan: unsigned(column(j.samples.span)),
    sampleResult: bytes(column(j.samples.result)),
    sampleInKernel: bytes(column(j.samples.in_kernel)),
    sampleRun, nRuns: checkSamples(sampleStack, stackFn.length, sampleRun),
    sampleTime: floats(column(j.samples.time_ns)),
    sampleWeight: weight.length === n && n ? floats(weight) : null,
    ...lanesOf(j, sampleRun, sampleStack, stackParent, stackFn, functions),
    n,
  };
}

/** In place. */
function stackFunctions(parent: Int32Array, frames: Int32Array, fnOfFrame: Int32Array): Int32Array {
  const [n, nFrames] = [frames.length, fnOfFrame.length];
  if (parent.length !== n) throw new Error('stack columns differ in length');
  for (let i = 0; i < n; i++) {
    const frame = frames[i]!;
    if (parent[i]! >= i || parent[i]! < -1) throw new Error(`stack ${i} stands before its parent`);
    if (frame < 0 || frame >= nFrames) throw new Error(`stack ${i} has no frame ${frame}`);
    frames[i] = fnOfFrame[frame]!;
  }
  return frames;
}

/** How many runs they are of. */
function checkSamples(stack: Int32Array, nStacks: number, run: Uint32Array): number {
  let runs = 1;
  for (let s = 0; s < stack.length; s++) {
    if (stack[s]! >= nStacks) throw new Error(`a sample has no stack ${stack[s]}`);
    if (run[s]! >= runs) runs = run[s]! + 1;
  }
  return runs;
}

const MAX_LANES = 65535;
const NO_PROGRAM = /^(\[|l(d|ib))/; // the kernel, the loader, libraries

/** Threads, where the samples of one run are of more than one. Runs may be of different processes, so the first thread
 * of one is the same lane as the first of another. A process is called after the program at the bottom of its stacks. */
function lanesOf(j: FlameJson, runs: Uint32Array, stacks: Int32Array, parent: Int32Array, stackFn: Int32Array, functions: Functions): Pick<Profile, 'sampleLane' | 'laneFn'> {
  const n = stacks.length;
  const [tids, pids] = [numbers(j.samples.tid), numbers(j.samples.pid)];
  const lane = new Uint16Array(n);
  const known = new Map<string, number>();
  const inRun: number[] = [];
  const heads: number[] = []; // a sample of each
  const programs: string[] = []; // by process
  for (let s = 0, l = 0; s < n && tids.length === n; s++) {
    const run = runs[s]!;
    if (!s || tids[s] !== tids[s - 1] || run !== runs[s - 1]) { // most are as the one before
      const key = `${run} ${tids[s]!}`;
      l = known.get(key) ?? Math.min(inRun[run] ?? 0, MAX_LANES);
      known.set(key, l);
      inRun[run] = Math.max(inRun[run] ?? 0, l + 1);
      heads[l] ??= s;
    }
    lane[s] = l;
  }
  if (heads.length < 2) return { sampleLane: null, laneFn: [] };
  stacks.forEach((k, s) => {
    while (parent[k]! >= 0) k = parent[k]!;
    const module = functions.module[stackFn[k]!];
    if (module && !NO_PROGRAM.test(module)) programs[pids[s]!] = `${module}, `;
  });
  return {
    sampleLane: lane,
    laneFn: heads.map((s) => {
      const [tid, pid] = [tids[s]!, pids[s] || tids[s]!];
      return functions.of(`${programs[pid] ?? ''}${pid === tid ? '' : `thread ${tid} of `}process ${pid || '?'}`, '');
    }),
  };
}

/** Half-open range of span ids. */
export interface IdRange {
  lo: number;
  hi: number;
}

/** Nanoseconds on the trace's axis. */
export type TimeRange = readonly [number, number];

/** Where each sample stands on the trace's one axis. A sample knows its time since its own run began, and its span in the
 * run that is shown; runs differ by some per cent, so it stands at its own time, moved into its span where that is outside. */
export function placeSamples(p: Profile, t: SpanTable): Float64Array {
  const at = new Float64Array(p.n);
  const origin = runOrigin(t);
  for (let s = 0; s < p.n; s++) {
    const i = t.indexOfId.get(p.sampleSpan[s]!);
    const own = origin + p.sampleTime[s]!;
    at[s] = i === undefined ? own : Math.min(Math.max(own, t.startNs[i]!), t.startNs[i]! + t.durationNs[i]!);
  }
  return at;
}

/** Where the shown run begins: with the first span of the worker. */
export function runOrigin(t: SpanTable): number {
  if (t.run) return t.run.startNs;
  const first = t.name.findIndex((name) => name.startsWith('worker::') || name.startsWith('codegen::'));
  return first < 0 ? 0 : t.startNs[first]!;
}

/** Which samples are meant: those of a span's subtree, of a stretch of time, or both. Null: all. */
export function chooseSamples(p: Profile, ids: IdRange | null, time: TimeRange | null, at: Float64Array | null): Uint8Array | null {
  if (!ids && !(time && at)) return null;
  const keep = new Uint8Array(p.n);
  for (let s = 0; s < p.n; s++) {
    if (ids && (p.sampleSpan[s]! < ids.lo || p.sampleSpan[s]! >= ids.hi)) continue;
    if (time && at && (at[s]! < time[0] || at[s]! > time[1])) continue;
    keep[s] = 1;
  }
  return keep;
}

export function countChosen(p: Profile, keep: Uint8Array | null): number {
  if (!keep) return p.n;
  let n = 0;
  for (let s = 0; s < p.n; s++) n += keep[s]!;
  return n;
}
