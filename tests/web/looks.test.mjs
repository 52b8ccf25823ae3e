// SPDX-License-Identifier: Apache-2.0
// Every view in both themes, wide and narrow.
//
// SPVSCOPE_SCREENSHOTS=DIR also leaves pictures of each view there.
import assert from 'node:assert/strict';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { openPage, seriousFaults, sideways } from './support/browser.mjs';
import { busyTrace, compile, getJson, site, standOnService, traced } from './support/site.mjs';
import { busyShader, FAILING } from './support/sources.mjs';

standOnService();

const KERNEL = `kernel void sum(global const float *a, global float *b, int n)
{
    float s = 0.0f;
    for (int i = 0; i < n; i++)
        s += a[i] * native_sin((float)i);
    b[get_global_id(0)] = s;
}
`;

describe('both themes, wide and narrow', () => {
  test('no view is wider than the window, and axe finds nothing serious', async () => {
    const ok = await busyTrace();
    const failed = await compile({ source: FAILING, name: `shaders/${'a/rather/long/path/'.repeat(5)}wrong.frag`, trace: { level: 'debug' } });
    const crashed = await compile({ source: '#version 450\n#pragma STDGL\nvoid main(){}', name: 'crash.frag', trace: { level: 'debug' }, analyzer: { kind: 'debug', min_samples: 0 } });
    const { languages } = await getJson('/v1/languages');
    const opencl = languages.some((l) => l.name === 'opencl-c' && l.available) && await compile({ source: KERNEL, name: 'sum.cl', optimize: 'performance',
      emit: ['spirv', 'disassembly'], trace: { level: 'debug' }, analyzer: { kind: 'release', min_samples: 100, budget_ms: 500 } });
    const pictures = process.env.SPVSCOPE_SCREENSHOTS;
    if (pictures) mkdirSync(pictures, { recursive: true });
    const compared = `#compare=${ok.trace.id}&to=${(await traced({ source: busyShader(30) })).trace.id}`;
    const views = { list: '', compile: '#compile', compare: compared, sandwich: `#trace=${ok.trace.id}&shape=sandwich`, trace: `#trace=${ok.trace.id}`, span: `#trace=${ok.trace.id}&span=5&q=glslang`, failed: `#trace=${failed.trace.id}`,
      crashed: `#trace=${crashed.trace.id}`, ...(opencl && { opencl: `#trace=${opencl.trace.id}` }), mistake: `#compile&from=${failed.trace.id}`, log: `#trace=${ok.trace.id}&log=attach` };
    for (const theme of ['light', 'dark']) {
      for (const width of [1280, 390]) {
        const { page, context, faults, go } = await openPage(site.browser, site.service.url, { width, theme });
        for (const [name, hash] of Object.entries(views)) {
          await go(hash);
          await page.locator('main h1').first().waitFor();
          if (hash.startsWith('#trace')) await page.locator('.waterfall').waitFor();
          await page.evaluate(() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done))));
          const over = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
          assert.ok(over <= 0, `${name}, ${theme}, ${width}: ${over} px too wide`);
          await page.locator('.loading').first().waitFor({ state: 'detached' });
          assert.deepEqual(await sideways(page, ['.table-scroll', '.table-wide']), [], `${name}, ${width}`);
          if (width === 1280) assert.deepEqual(await seriousFaults(page), [], `${name}, ${theme}`);
          if (pictures) {
            await page.locator('.code').first().waitFor({ timeout: 2000 }).catch(() => undefined);
            // the editor measures its lines when it comes into view
            for (const code of await page.locator('.code').all()) {
              await code.scrollIntoViewIfNeeded();
              await page.waitForFunction((el) => el.shadowRoot.querySelector('.cm-lineNumbers .cm-gutterElement:nth-child(2)')?.offsetHeight === 20, await code.elementHandle());
            }
            await page.evaluate(() => scrollTo(0, 0));
            await page.screenshot({ path: join(pictures, `${name}-${theme}-${width}.png`), fullPage: true });
          }
        }
        assert.deepEqual(faults, []);
        await context.close();
      }
    }
  });
});
