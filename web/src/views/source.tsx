// SPDX-License-Identifier: Apache-2.0
// The source of a trace and the files that came with it, one at a time, each with what is said about it.

import { useEffect, useState } from 'preact/hooks';
import type { Diagnostic, TraceJson } from '../api';
import { diagnosticsOf, textFiles } from '../model/text';
import { dialectOf } from '../model/tokens';
import { CodePane } from './code';

/** Where a click on a diagnostic leads. file is null in the source itself. */
export interface Jump {
  file: string | null;
  line: number;
  serial: number;
}

export function SourcePane({ trace, diagnostics, jump }: { trace: TraceJson; diagnostics: readonly Diagnostic[]; jump?: Jump }) {
  const files = textFiles(trace.request);
  const [file, setFile] = useState<string | null>(jump?.file ?? null);
  useEffect(() => {
    if (jump) setFile(jump.file);
  }, [jump?.serial]);
  const text = file === null ? trace.source : files.find(([name]) => name === file)?.[1];
  const source = trace.name ?? 'the source';
  return (
    <section class="card" aria-labelledby="h-source">
      <div class="source-head">
        <h2 id="h-source">Source {!files.length && <span class="count">{trace.name}</span>}</h2>
        {files.length > 0 && <select aria-label="File" value={file ?? ''} onChange={(e) => setFile(e.currentTarget.value || null)}>
          <option value="">{source}</option>
          {files.map(([name]) => <option key={name} value={name}>{name}</option>)}
        </select>}
      </div>
      <CodePane key={file} text={text ?? ''} label={file ?? 'Source'} dialect={dialectOf(trace.language)} diagnostics={diagnosticsOf(diagnostics, file, trace.name)}
        jump={jump && jump.file === file ? jump : undefined} />
    </section>
  );
}
