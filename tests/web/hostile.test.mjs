// SPDX-License-Identifier: Apache-2.0
// Names and texts that would like to be elements.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { restingBox } from './support/browser.mjs';
import { compile, open, standOnService, traced } from './support/site.mjs';
import { EVIL } from './support/sources.mjs';

standOnService();

describe('text from sources', () => {
  test('is text on every view', async () => {
    const answer = await traced({
      source: `#version 450\n#include "${EVIL}"\n// ${EVIL}\nvoid main() { int a = EVIL; }\n`, name: `${EVIL}.frag`,
      files: { [EVIL]: `// ${EVIL}\n` }, defines: { EVIL: `"${EVIL}"` },
    });
    const view = await open();
    const id = answer.trace.id;
    for (const hash of ['', `#trace=${id}`, `#trace=${id}&span=1&q=${encodeURIComponent(EVIL)}`, `#compile&from=${id}`, `#compare=${id}`, `#compare=${id}&to=${id}`]) {
      await view.go(hash);
      await view.page.reload();
      await view.page.getByText('onerror').first().waitFor({ state: 'attached' }).catch(() => assert.fail(`not shown at ${hash}`));
      if (hash.startsWith('#trace')) {
        const box = await restingBox(view.page, view.page.locator('.waterfall'));
        for (let y = 30; y < box.height; y += 24) await view.page.mouse.move(box.x + 60, box.y + y);
      }
      assert.equal(await view.page.locator('img').count(), 0, `an element at ${hash}`);
    }
  });

  test('and so are the names of functions, libraries, spans and events', async () => {
    const span = (id, children) => ({ id, name: `codegen::opt::${EVIL}${id}`, level: 'debug', start_ns: id * 1000, duration_ns: 90000, children, pid: id,
      attributes: { [EVIL]: EVIL }, events: [{ time_ns: 2000, level: 'error', name: EVIL, message: EVIL }] });
    const trace = { id: 'a'.repeat(32), compilation_id: 'a', name: EVIL, language: EVIL, stage: EVIL, status: 'failed', started_unix_ns: 1.7e18, duration_ns: 99000,
      kept: true, dropped: 1, source: EVIL, request: null, spans: [span(1, [span(2, [])])],
      response: { diagnostics: [{ severity: 1, message: EVIL, code: EVIL, source: EVIL, file: EVIL, range: { start: { line: 0, character: 0 }, end: { line: 0, character: 4 } } }],
        analyzer: { kind: 'debug', state: 'attached', samples: 40, reason: EVIL }, failure: { stage: EVIL, span: EVIL, signal: EVIL, message: EVIL } } };
    const flame = { format: 'spvscope-columns', version: 1, kind: 'on-cpu', unit: 'samples', frequency_hz: 4999, strings: ['', `${EVIL}f`, `${EVIL}g`, `/${EVIL}.so`],
      frames: { name: [1, 2], module: [3, 3], file: [3, 3], line: [1, 2] }, stacks: { parent: [-1, 0], frame: [0, 1] },
      samples: { stack: Array(40).fill(1), span: Array(40).fill(2), time_ns: Array.from({ length: 40 }, (_, i) => i * 1000) }, total: 40, complete: 40, truncated: 0, lost: 0 };
    const saved = { format: 'spvscope-trace', version: 1, trace, flames: { 'on-cpu': flame }, log: [{ time_ns: 1000, name: EVIL, text: EVIL, stack: [EVIL] }], disassembly: `; ${EVIL}\n` };
    const view = await open();
    const { page } = view;
    await view.go('');
    await page.locator('input[type=file]').setInputFiles({ name: 'evil.json', mimeType: 'application/json', buffer: Buffer.from(JSON.stringify(saved)) });
    await page.locator('.flame').waitFor();
    await page.locator('.log', { hasText: 'onerror' }).waitFor();
    await page.locator('.diagnostics', { hasText: 'onerror' }).waitFor();
    for (const [pane, step] of [['.waterfall', 24], ['.flame', 20]]) {
      await page.locator(pane).scrollIntoViewIfNeeded();
      const box = await restingBox(page, page.locator(pane));
      for (let y = 10; y < Math.min(box.height, 200); y += step) {
        await page.mouse.move(box.x + 150, box.y + y);
        assert.equal(await page.locator('img').count(), 0);
      }
    }
    await page.locator('.flame').click({ position: { x: 90, y: 50 } });
    await page.locator('.picked-name[title*=onerror]').waitFor();
    await page.locator('.picked').getByRole('button', { name: 'Focus' }).click();
    await page.getByRole('button', { name: /^Undo: focus/ }).waitFor();
    for (const [shape, shown] of [['Functions', '.functions'], ['Sandwich', '.sandwich'], ['Bottom up', '.flame'], ['Time order', '.flame']]) {
      await page.getByRole('button', { name: shape, exact: true }).click();
      await page.locator(shown, { hasText: 'onerror' }).first().waitFor();
      assert.equal(await page.locator('img').count(), 0, shape);
    }
    // two of them against each other
    const other = { ...saved, trace: { ...trace, id: 'b'.repeat(32), spans: [span(1, [])] }, flames: { 'on-cpu': { ...flame, samples: { ...flame.samples, stack: Array(40).fill(0) } } } };
    await view.go('#');
    await page.locator('input[type=file]').setInputFiles({ name: 'other.json', mimeType: 'application/json', buffer: Buffer.from(JSON.stringify(other)) });
    await page.locator('.flame').waitFor();
    await page.evaluate(([a, b]) => { location.hash = `#compare=file-${a}&to=file-${b}`; }, [trace.id, other.trace.id]);
    await page.locator('.vanished li').waitFor();
    await page.locator('.span-diff', { hasText: 'onerror' }).waitFor();
    await page.locator('.flame').scrollIntoViewIfNeeded();
    const box = await restingBox(page, page.locator('.flame'));
    for (let y = 10; y < Math.min(box.height, 60); y += 20) await page.mouse.move(box.x + 150, box.y + y);
    await page.locator('.tooltip', { hasText: 'onerror' }).waitFor();
    assert.equal(await page.locator('img').count(), 0, 'compare');
  });
});
