// SPDX-License-Identifier: Apache-2.0
// Command lines to copy, and the one to begin with.

import { useEffect, useState } from 'preact/hooks';

function CopyButton({ text, label = 'Copy' }: { text: string; label?: string }) {
  const [said, say] = useState('');
  useEffect(() => {
    if (!said) return undefined;
    const timer = setTimeout(() => say(''), 1500);
    return () => clearTimeout(timer);
  }, [said]);
  const copy = () => navigator.clipboard?.writeText(text).then(() => say('Copied'), () => say('Not allowed')) ?? say('Not allowed');
  return <button type="button" class="quiet" onClick={() => void copy()}><span aria-live="polite">{said || label}</span></button>;
}

export function Command({ text }: { text: string }) {
  return (
    <div class="command">
      <pre tabIndex={0} role="region" aria-label="Command line"><code>{text}</code></pre>
      <CopyButton text={text} />
    </div>
  );
}

export function FirstCompile() {
  const line = `printf '#version 450\\nlayout(location = 0) out vec4 colour;\\nvoid main() { colour = vec4(1); }\\n' |\n`
    + `  curl --data-binary @- '${location.origin}/v1/compile?name=first.frag&trace=debug&analyzer=release'`;
  return (
    <div class="card empty">
      <h2>No compile yet</h2>
      <p>Send a shader from a terminal, and it appears here while it runs:</p>
      <Command text={line} />
      <p>or <a href="#compile">compile one on this page</a>.</p>
    </div>
  );
}
