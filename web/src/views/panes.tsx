// SPDX-License-Identifier: Apache-2.0
// Source and SPIR-V side by side: a line and its instructions light up together, both ways.

import { useEffect, useMemo, useRef, useState } from 'preact/hooks';
import { getDisassembly, type Diagnostic, type TraceJson } from '../api';
import { formatCount } from '../model/format';
import { fileIndex, lineMap, type LineMap } from '../model/linemap';
import { diagnosticsOf, textFiles } from '../model/files';
import { dialectOf } from '../model/tokens';
import { CodePane } from './code';
import type { Editor } from './editor';
import { Failure, Loading, useLoad } from './parts';

/** Where a click on a diagnostic leads. file is null in the source itself. */
export interface Jump {
  file: string | null;
  line: number;
  character?: number; // with it, the keyboard follows
  serial: number;
}

interface Props {
  trace: TraceJson;
  diagnostics: readonly Diagnostic[];
  jump?: Jump;
  onWithLines: (() => void) | null | false; // compile again with line information, where the compiler writes any
}

export function CodePanes({ trace, diagnostics, jump, onWithLines }: Props) {
  const text = useLoad(trace.has_disassembly ? trace.compilation_id : null, (signal) => getDisassembly(trace.compilation_id, signal));
  const map = useLineMap(text.value);
  const source = useRef<Editor | null>(null);
  const spirv = useRef<Editor | null>(null);
  const files = useMemo(() => textFiles(trace.request), [trace]);
  const [file, setFile] = useState<string | null>(jump?.file ?? null);
  const [wanted, setWanted] = useState<Jump>();
  useEffect(() => {
    if (jump) setFile(jump.file);
  }, [jump?.serial]);
  const f = map ? fileIndex(map, file ?? trace.name) : -1;
  const own = file === null ? trace.source : files.find(([name]) => name === file)?.[1];
  const shown = useMemo(() => diagnosticsOf(diagnostics, file, trace.name), [diagnostics, file]);
  const count = useMemo(() => (map && f >= 0 ? (line: number) => String(map.counts[f]!.get(line) ?? '') : null), [map, f]);
  const linesOf = useMemo(() => (map && f >= 0 ? instructionsByLine(map, f) : new Map<number, number[]>()), [map, f]);

  const fromSource = (line: number, move: boolean) => {
    const to = linesOf.get(line) ?? [];
    spirv.current?.light(new Set(to));
    source.current?.light(new Set(to.length ? [line] : []));
    if (move && to.length) spirv.current?.show(to[0]!);
  };
  const fromSpirv = (line: number, move: boolean) => {
    const [at, of] = map && line >= 0 ? [map.lineOf[line]!, map.fileOf[line]!] : [-1, -1];
    const here = at >= 0 && of === f;
    source.current?.light(new Set(here ? [at] : []));
    spirv.current?.light(new Set(here ? linesOf.get(at) ?? [] : []));
    if (!move || at < 0) return;
    if (here) source.current?.show(at);
    else {
      const other = files.find(([name]) => fileIndex(map!, name) === of)?.[0] ?? (fileIndex(map!, trace.name) === of ? null : undefined);
      if (other !== undefined) {
        setFile(other);
        setWanted({ file: other, line: at, serial: (wanted?.serial ?? 0) + 1 });
      }
    }
  };
  const to = [jump, wanted].filter((j): j is Jump => j !== undefined && j.file === file).pop();
  return (
    <div class="panes">
      {trace.source !== null && (
        <section class="card" aria-labelledby="h-source">
          <div class="source-head">
            <h2 id="h-source">Source {!files.length && <span class="count">{trace.name}</span>}</h2>
            {files.length > 0 && <select aria-label="File" value={file ?? ''} onChange={(e) => setFile(e.currentTarget.value || null)}>
              <option value="">{trace.name ?? 'the source'}</option>
              {files.map(([name]) => <option key={name} value={name}>{name}</option>)}
            </select>}
          </div>
          <CodePane key={file} text={own ?? ''} label={file ?? 'Source'} dialect={dialectOf(trace.language)} diagnostics={shown} note={count}
            jump={to} onReady={(e) => { source.current = e; }} onLine={(line) => fromSource(line, false)} onPick={(line) => fromSource(line, true)} />
          {map && f >= 0 && <p class="words">Beside the line numbers: how many instructions of the SPIR-V came from a line. Point at a line to see them, click to go there.</p>}
        </section>
      )}
      {trace.has_disassembly && (
        <section class="card" aria-labelledby="h-disassembly">
          <div class="source-head"><h2 id="h-disassembly">SPIR-V {text.value !== null && <span class="count">{formatCount(countLines(text.value))} lines</span>}</h2>
            {text.value !== null && map === null && onWithLines && <button type="button" class="quiet" title="There is no line information in this module"
              onClick={onWithLines}>Compile again with line information</button>}
          </div>
          {text.error !== null && <Failure error={text.error} retry={text.retry} />}
          {text.value === null && text.error === null && <Loading what="Reading the disassembly…" />}
          {text.value !== null && <CodePane text={text.value} label="SPIR-V disassembly" dialect="spirv" onReady={(e) => { spirv.current = e; }}
            onLine={(line) => fromSpirv(line, false)} onPick={(line) => fromSpirv(line, true)} />}
        </section>
      )}
    </div>
  );
}

/** Found after the text is on the screen: of 200,000 lines it takes longer than showing them. Undefined: not yet. */
function useLineMap(text: string | null): LineMap | null | undefined {
  const [map, setMap] = useState<LineMap | null>();
  useEffect(() => {
    setMap(undefined);
    if (text === null) return undefined;
    const timer = setTimeout(() => setMap(lineMap(text.split('\n'))), 30);
    return () => clearTimeout(timer);
  }, [text]);
  return map;
}

function instructionsByLine(map: LineMap, file: number): Map<number, number[]> {
  const by = new Map<number, number[]>();
  for (let i = 0; i < map.lineOf.length; i++) {
    if (map.fileOf[i] !== file) continue;
    const list = by.get(map.lineOf[i]!);
    if (list) list.push(i);
    else by.set(map.lineOf[i]!, [i]);
  }
  return by;
}

function countLines(text: string): number {
  let n = text.endsWith('\n') ? 0 : 1;
  for (let i = text.indexOf('\n'); i >= 0; i = text.indexOf('\n', i + 1)) n++;
  return n;
}
