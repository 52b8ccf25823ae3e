// SPDX-License-Identifier: Apache-2.0
// Beside speedscope's own script: tells the viewer that opened this window that it is there, and hands the profile that
// comes back to speedscope, as if a person had pasted it.
'use strict';

addEventListener('message', (e) => {
  if (e.source !== window.opener || e.origin !== location.origin || typeof e.data?.json !== 'string') return;
  const clipboardData = new DataTransfer();
  clipboardData.setData('text', e.data.json);
  document.dispatchEvent(new ClipboardEvent('paste', { clipboardData, bubbles: true, cancelable: true }));
});
addEventListener('load', () => window.opener?.postMessage('speedscope is there', location.origin));
