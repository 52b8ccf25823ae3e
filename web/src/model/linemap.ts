// SPDX-License-Identifier: Apache-2.0
// Which instructions came from which source line, read from the disassembly's own debug instructions: OpLine and OpNoLine,
// or DebugLine and DebugNoLine of NonSemantic.Shader.DebugInfo.100. Without debug information there is nothing to map.

export interface LineMap {
  files: string[];
  fileOf: Int32Array;              // of each line of the disassembly: index into files, -1: none
  lineOf: Int32Array;              // source line, from 0; -1: none
  counts: Map<number, number>[];   // of each file: source line → instructions
}

const INSTRUCTION = /^\s*(?:%\S+\s*=\s*)?(Op\w+)/;
const OP_STRING = /^\s*(%\S+)\s*=\s*OpString\s+"((?:[^"\\]|\\.)*)"/;
const OP_LINE = /^\s*OpLine\s+(%\S+)\s+(\d+)/;
const DEBUG_SOURCE = /^\s*(%\S+)\s*=\s*OpExtInst\s+%\S+\s+%\S+\s+DebugSource\s+(%\S+)/;
const DEBUG_LINE = /OpExtInst\s+%\S+\s+%\S+\s+DebugLine\s+(%\S+)\s+(%\S+)/;
const CONSTANT = /^\s*(%\S+)\s*=\s*OpConstant\s+%\S+\s+(\d+)\s*$/;
const DECLARING = /^Op(?:Function|FunctionEnd|Label|Line|NoLine|Branch|Return|Kill|Unreachable)?$/;

export function lineMap(lines: readonly string[]): LineMap | null {
  const map: LineMap = { files: [], fileOf: new Int32Array(lines.length).fill(-1), lineOf: new Int32Array(lines.length).fill(-1), counts: [] };
  const strings = new Map<string, string>();
  const sources = new Map<string, string>();
  const constants = new Map<string, number>();
  const fileIdx = new Map<string, number>();
  const file = (name: string): number => {
    let f = fileIdx.get(name);
    if (f === undefined) {
      f = map.files.push(name) - 1;
      map.counts.push(new Map());
      fileIdx.set(name, f);
    }
    return f;
  };
  let at: [number, number] | null = null;
  for (let i = 0; i < lines.length; i++) {
    const text = lines[i]!;
    const op = INSTRUCTION.exec(text)?.[1];
    if (!op) continue;
    let m: RegExpExecArray | null;
    if (op === 'OpString' && (m = OP_STRING.exec(text))) strings.set(m[1]!, m[2]!.replace(/\\(.)/g, '$1'));
    else if (op === 'OpConstant' && (m = CONSTANT.exec(text))) constants.set(m[1]!, Number(m[2]));
    if (op === 'OpLine' && (m = OP_LINE.exec(text))) at = [file(strings.get(m[1]!) ?? m[1]!), Number(m[2]) - 1];
    else if (op === 'OpNoLine') at = null;
    else if (op === 'OpExtInst' && / Debug\w+/.test(text)) {
      if ((m = DEBUG_SOURCE.exec(text))) sources.set(m[1]!, strings.get(m[2]!) ?? m[2]!);
      else if ((m = DEBUG_LINE.exec(text))) {
        const line = constants.get(m[2]!);
        at = line === undefined ? null : [file(sources.get(m[1]!) ?? m[1]!), line - 1];
      } else if (/ DebugNoLine\b/.test(text)) at = null;
    } else {
      if (at) {
        map.fileOf[i] = at[0];
        map.lineOf[i] = at[1];
        if (!DECLARING.test(op)) map.counts[at[0]]!.set(at[1], (map.counts[at[0]]!.get(at[1]) ?? 0) + 1);
      }
      // A line holds to the end of its block at the latest.
      if (/^Op(?:Branch\w*|Switch|Return\w*|Kill|Unreachable|FunctionEnd)$/.test(op)) at = null;
    }
  }
  return map.files.length ? map : null;
}

/** Which of the map's files is the one of this name: the source's own, or the one that ends like it. */
export function fileIndex(map: LineMap, name: string | null): number {
  if (name === null) return map.files.length === 1 ? 0 : -1;
  const exact = map.files.indexOf(name);
  if (exact >= 0) return exact;
  const base = name.split('/').pop();
  const like = map.files.findIndex((f) => f.split('/').pop() === base);
  return like >= 0 ? like : map.files.length === 1 && !map.files[0] ? 0 : -1;
}
