// SPDX-License-Identifier: Apache-2.0
// A profile that is painted before it is read whole.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { bigProfile, packedBytes } from '../bench/viewer_data.mjs';
import { busyTrace, open, standOnService } from './support/site.mjs';

standOnService();

describe('the flame graph', () => {
  test('of a large profile is painted from its outline, and is the same with the whole behind it', async (t) => {
    const answer = await busyTrace();
    if (answer.analyzer.state !== 'attached') return void t.skip(answer.analyzer.reason);
    const view = await open();
    const { page } = view;
    const columns = packedBytes(bigProfile(40000));
    await page.route('**/flame?**', (r) => r.fulfill({ body: columns, contentType: 'application/octet-stream' }));
    await page.addInitScript(() => {
      globalThis.pictures = [];
      const put = CanvasRenderingContext2D.prototype.putImageData;
      CanvasRenderingContext2D.prototype.putImageData = function (image, ...at) {
        const texts = (of) => [...document.querySelectorAll(of)].map((el) => el.textContent);
        globalThis.pictures.push({ texts: texts('[aria-labelledby=h-flame] .words, .legend li, .flame [role=treeitem]'), pixels: new Uint32Array(image.data.slice().buffer) });
        return put.call(this, image, ...at);
      };
    });
    await view.go(`#trace=${answer.trace.id}`);
    await page.waitForFunction(() => globalThis.pictures.length > 1);
    await page.waitForTimeout(300);
    const { first, last, lit, differ } = await page.evaluate(() => {
      const [a, b] = [globalThis.pictures[0], globalThis.pictures.at(-1)];
      let [lit, differ] = [0, 0];
      a.pixels.forEach((pixel, i) => {
        if (!pixel) return; // what is narrower comes with the whole
        lit++;
        if (pixel !== b.pixels[i]) differ++;
      });
      return { first: a.texts, last: b.texts, lit, differ };
    });
    assert.deepEqual(first, last, 'words, legend and the tree for a screen reader');
    assert.ok(lit > 100000 && differ < lit * 0.1, `${differ} of ${lit} pixels differ`);
  });
});
