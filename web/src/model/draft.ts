// SPDX-License-Identifier: Apache-2.0
// A request as the fields of the form, and back.

import type { CompileRequest } from '../api';
import { parseDefines } from './curl';

/** What the form shows of a request. What it has no field for is in `further`, as JSON. */
export interface Draft {
  source: string;
  name: string;
  language: string; // '' is guessed
  backend: string;  // '' is the language's own
  stage: string;
  env: string;
  optimize: string; // a recipe, or "passes"
  passes: string;
  defines: string;
  trace: string;    // '' is the service's own
  analyzer: string;
  disassembly: boolean;
  keep: boolean;
  further: string;
}

const isEmpty = (o: object): boolean => Object.values(o).every((v) => v === undefined);

/** The members that have a value; undefined when none has. */
function some<T extends object>(o: T): T | undefined {
  return isEmpty(o) ? undefined : JSON.parse(JSON.stringify(o)) as T;
}

export function draftOf(r: CompileRequest, source: string): Draft {
  const { source: _s, source_base64: _b, name, language, backend, stage, target, optimize, defines, emit, trace, analyzer, keep, ...rest } = r;
  const plainEmit = !emit || ['spirv', 'spirv,disassembly'].includes(emit.join());
  const passes = typeof optimize === 'object' ? optimize.passes : null;
  const plainPasses = !passes || passes.every((p) => !/\s/.test(p));
  // The field of defines is cut at blanks, so a value that holds one does not fit in.
  const [plain, odd] = [true, false].map((wanted) => Object.entries(defines ?? {}).filter(([, v]) => (v === null || !/[\s;]/.test(v)) === wanted));
  const further = some({
    ...rest,
    defines: odd!.length ? Object.fromEntries(odd!) : undefined,
    optimize: plainPasses ? undefined : optimize,
    target: some({ ...target, env: undefined }),
    emit: plainEmit ? undefined : emit,
    trace: some({ ...trace, level: undefined }),
    analyzer: some({ ...analyzer, kind: undefined }),
  });
  return {
    source, name: name ?? '', language: language ?? '', backend: backend ?? '', stage: stage ?? '', env: target?.env ?? 'vulkan1.3',
    optimize: typeof optimize === 'string' ? optimize : passes && plainPasses ? 'passes' : 'none',
    passes: passes && plainPasses ? passes.join(' ') : '',
    defines: plain!.map(([k, v]) => (v === null ? k : `${k}=${v}`)).join(' '),
    trace: trace?.level ?? '', analyzer: analyzer?.kind ?? 'off', disassembly: plainEmit && (emit?.includes('disassembly') ?? false),
    keep: keep ?? false, further: further ? JSON.stringify(further, null, 2) : '',
  };
}

/** The request of a form, defaults left out. Throws in words when the further fields are no JSON object. */
export function requestOfDraft(d: Draft): CompileRequest {
  const further = parseFurther(d.further);
  return some<CompileRequest>({
    name: d.name || undefined, language: d.language || undefined, backend: d.backend || undefined, stage: d.stage || undefined,
    optimize: d.optimize === 'passes' ? { passes: d.passes.split(/\s+/).filter(Boolean) } : d.optimize === 'none' ? undefined : d.optimize,
    emit: d.disassembly ? ['spirv', 'disassembly'] : undefined, keep: d.keep || undefined,
    ...further,
    defines: some({ ...parseDefines(d.defines), ...further.defines }),
    target: some({ env: d.env === 'vulkan1.3' ? undefined : d.env, ...further.target }),
    trace: some({ level: d.trace || undefined, ...further.trace }),
    analyzer: some({ kind: d.analyzer === 'off' ? undefined : d.analyzer, ...further.analyzer }),
    source: d.source,
  })!;
}

function parseFurther(text: string): CompileRequest {
  if (!text.trim()) return {};
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (e) {
    throw new Error(`The further fields are no JSON: ${e instanceof Error ? e.message : String(e)}`);
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw new Error('The further fields must be one JSON object.');
  return value as CompileRequest;
}
