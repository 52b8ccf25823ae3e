// SPDX-License-Identifier: Apache-2.0
// Asks for the token, where the service wants one.

import { useState } from 'preact/hooks';

export function TokenForm({ onToken, tried }: { onToken: (t: string) => void; tried: boolean }) {
  const [value, setValue] = useState('');
  return (
    <main class="page">
      <form class="card token" onSubmit={(e) => {
        e.preventDefault();
        onToken(value.trim());
      }}>
        <h1>This service asks for its token</h1>
        <p class="muted">It was given when the service was started, with <code>--token</code> or <code>--token-file</code>. The page keeps it until the tab is closed.</p>
        {tried && <p class="bad" role="alert">That was not it.</p>}
        <label class="field"><span>Token</span><input type="password" autocomplete="off" value={value} onInput={(e) => setValue(e.currentTarget.value)} /></label>
        <button type="submit" class="primary">Open</button>
      </form>
    </main>
  );
}
