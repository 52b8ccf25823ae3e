// SPDX-License-Identifier: Apache-2.0
// The SPIR-V of a trace as text.

import { getDisassembly, type TraceJson } from '../api';
import { CodePane } from './code';
import { Failure, Loading, useLoad } from './parts';

export function Disassembly({ trace }: { trace: TraceJson }) {
  const text = useLoad(trace.compilation_id, (signal) => getDisassembly(trace.compilation_id, signal));
  return (
    <section class="card" aria-labelledby="h-disassembly">
      <h2 id="h-disassembly">SPIR-V</h2>
      {text.error !== null && <Failure error={text.error} retry={text.retry} />}
      {text.value === null && text.error === null && <Loading what="Reading the disassembly…" />}
      {text.value !== null && <CodePane text={text.value} label="SPIR-V disassembly" dialect="spirv" />}
    </section>
  );
}
