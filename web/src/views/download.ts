// SPDX-License-Identifier: Apache-2.0
// Files that the page makes itself.

const KEEP_MS = 10000; // until the browser has read it

export function download(name: string, type: string, content: string | Blob): void {
  const url = URL.createObjectURL(typeof content === 'string' ? new Blob([content], { type }) : content);
  const a = document.createElement('a');
  a.href = url;
  a.download = name;
  a.click();
  setTimeout(() => URL.revokeObjectURL(url), KEEP_MS);
}

/** A name of a file out of any text. */
export const fileStem = (text: string): string => (text.split('/').pop() || 'trace').replace(/[^\w.-]+/g, '_').slice(0, 80) || 'trace';
