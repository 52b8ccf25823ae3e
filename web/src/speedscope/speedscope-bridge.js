// SPDX-License-Identifier: Apache-2.0
// Beside speedscope's own script. It tells the viewer that opened this window that it is there, and hands the profile that
// comes back to speedscope as if a person had pasted it. And it lets speedscope live under this service's policy.
'use strict';

// speedscope writes its rules into a style element, which the policy forbids; a constructed sheet takes them as well.
const create = document.createElement;
document.createElement = function (name, ...rest) {
  if (String(name).toLowerCase() !== 'style') return create.call(this, name, ...rest);
  const stand = create.call(this, 'meta');
  const sheet = new CSSStyleSheet();
  document.adoptedStyleSheets = [...document.adoptedStyleSheets, sheet];
  Object.defineProperty(stand, 'sheet', { value: sheet });
  return stand;
};
// At its start it compiles its reader of Java's recordings, which the policy forbids too, and which nobody needs here.
WebAssembly.instantiate = WebAssembly.instantiateStreaming = () => new Promise(() => undefined);

addEventListener('message', (e) => {
  if (e.source !== window.opener || e.origin !== location.origin || typeof e.data?.json !== 'string') return;
  const clipboardData = new DataTransfer();
  clipboardData.setData('text', e.data.json);
  document.dispatchEvent(new ClipboardEvent('paste', { clipboardData, bubbles: true, cancelable: true }));
});
addEventListener('load', () => window.opener?.postMessage('speedscope is there', location.origin));
