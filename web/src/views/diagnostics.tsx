// SPDX-License-Identifier: Apache-2.0
// Diagnostics as a list that wraps, each leading to its line.

import type { Diagnostic } from '../api';
import { fileOf } from '../model/files';
import { Icon, severityWord } from './parts';

interface Props {
  diagnostics: readonly Diagnostic[];
  name: string | null;
  files?: readonly string[]; // that can be shown beside the source
  onJump: (line: number, character: number, file: string | null) => void;
}

export function Diagnostics({ diagnostics, name, files = [], onJump }: Props) {
  return (
    <ol class="diagnostics">
      {diagnostics.map((d, i) => {
        const at = d.range?.start;
        const file = fileOf(d, name);
        const here = file === null || files.includes(file);
        const place = `${d.file ?? name ?? ''}${at ? `${d.file ?? name ? ':' : 'line '}${at.line + 1}:${at.character + 1}` : ''}`;
        return (
          <li key={i} class={`severity-${d.severity}`}>
            <span class="diagnostic-kind"><Icon name={d.severity === 1 ? 'failed' : d.severity === 2 ? 'warning' : 'info'} />{severityWord(d.severity)}</span>
            {at && here ? <button type="button" class="link place" onClick={() => onJump(at.line, at.character, file)}>{place}</button> : <span class="place">{place}</span>}
            <span class="diagnostic-message">{d.message}</span>
            <span class="muted">{[d.source, d.code].filter(Boolean).join(' ')}</span>
          </li>
        );
      })}
    </ol>
  );
}
