// SPDX-License-Identifier: Apache-2.0
// What a person comes for, from the question to the answer.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { atAddress, current, restingBox, shownSamples, tabTo } from './support/browser.mjs';
import { busyTrace, compile, getJson, open, openSampled, standOnService, traced } from './support/site.mjs';
import { busyShader, FAILING } from './support/sources.mjs';

standOnService();

describe('the slowest pass', () => {
  /** From the service: its slowest pass, and of the samples in it the function with the most of its own. */
  async function expected(answer) {
    const { spans } = await getJson(`/v1/traces/${answer.trace.id}`);
    const passes = [];
    const walk = (s) => { if (/^codegen::opt::[\w-]+$/.test(s.name)) passes.push(s); (s.children ?? []).forEach(walk); };
    spans.forEach(walk);
    const slowest = passes.sort((a, b) => b.duration_ns - a.duration_ns)[0];
    const flame = await getJson(`/v1/traces/${answer.trace.id}/flame?format=columns&span=${slowest.id}`);
    const own = new Map();
    flame.samples.stack.forEach((k, i) => {
      const f = flame.stacks.frame[k];
      const name = flame.samples.in_kernel?.[i] ? '[kernel]' : flame.strings[flame.frames.name[f]];
      own.set(name, (own.get(name) ?? 0) + 1);
    });
    return { slowest, samples: flame.samples.stack.length, most: Math.max(...own.values()) };
  }

  for (const [how, doIt] of [['by mouse', async (page, control) => control.click()], ['by keyboard alone', async (page, control) => {
    await tabTo(page, control);
    await page.keyboard.press('Enter');
  }]]) {
    test(`is found, limits the flame graph, and its hottest function is found, ${how}`, async (t) => {
      const answer = await busyTrace();
      const page = await openSampled(t, answer);
      if (!page) return;
      const { slowest, samples, most } = await expected(answer);
      const all = await shownSamples(page);
      await doIt(page, page.getByRole('button', { name: 'Slowest first' }));
      const first = page.locator('.passes tbody tr').first();
      await first.getByText(slowest.name.split('::').pop()).waitFor();
      await doIt(page, first.getByRole('button').first());
      await page.getByRole('button', { name: 'Show all spans' }).waitFor();
      await atAddress(page, new RegExp(`&span=${slowest.id}(&|$)`));
      assert.equal(await shownSamples(page), samples);
      assert.ok(samples < all);
      if (!samples) return t.skip('no sample fell into it');
      await doIt(page, page.getByRole('button', { name: 'Functions', exact: true }));
      const hottest = page.locator('.functions tbody tr').first();
      const shown = Number(/([\d,]+)\s*$/.exec((await hottest.locator('td').first().textContent()).trim())[1].replaceAll(',', ''));
      assert.equal(shown, most, 'as many own samples as the most that the service tells of one function');
      await doIt(page, hottest.getByRole('button'));
      await page.locator('.sandwich .flame').first().waitFor();
      await atAddress(page, /&shape=sandwich&fn=/);
    });
  }
});

describe('the mistake in a source', () => {
  test('is found in the list and gone to, by mouse', async () => {
    await compile({ source: FAILING, name: 'shaders/clicked.frag', trace: { level: 'debug' } });
    const view = await open();
    const { page } = view;
    await view.go('');
    await page.getByRole('link', { name: 'shaders/clicked.frag' }).click();
    await page.locator('.cm-line', { hasText: 'lihgt' }).waitFor();
    await page.locator('.diagnostics').getByRole('button', { name: 'shaders/clicked.frag:5:19' }).click();
    const line = page.locator('.cm-line.is-jumped', { hasText: 'colour = vec4(lihgt)' });
    await line.waitFor();
    const box = await restingBox(page, line);
    assert.ok(box.y >= 0 && box.y + box.height <= 900, 'it is on the screen');
    await page.locator('.code-message', { hasText: 'undeclared' }).first().waitFor();
  });
});

describe('by keyboard alone', () => {
  test('the mistake in a source is found, gone to and mended', async () => {
    await compile({ source: FAILING, name: 'shaders/mistaken.frag', trace: { level: 'debug' } });
    const view = await open();
    const { page } = view;
    const press = (key) => page.keyboard.press(key);
    await view.go('');
    await tabTo(page, page.getByRole('searchbox'));
    await page.keyboard.type('mistaken');
    await tabTo(page, page.getByRole('link', { name: 'shaders/mistaken.frag' }));
    await press('Enter');
    const place = page.locator('.diagnostics').getByRole('button', { name: 'shaders/mistaken.frag:5:19' });
    await place.waitFor();
    await page.locator('.cm-line', { hasText: 'lihgt' }).waitFor();
    await tabTo(page, place);
    await press('Enter');
    const line = page.locator('.cm-line.is-jumped', { hasText: 'colour = vec4(lihgt)' });
    await line.waitFor();
    await page.waitForFunction(() => document.activeElement.shadowRoot?.activeElement?.getAttribute('aria-label') === 'Source', null, { timeout: 30_000 });
    const box = await restingBox(page, line);
    assert.ok(box.y >= 0 && box.y + box.height <= 900, 'it is on the screen');
    await tabTo(page, page.getByRole('link', { name: 'Edit and compile' }), 'Shift+Tab');
    await press('Enter');
    await page.getByRole('heading', { name: 'Playground' }).waitFor();
    await tabTo(page, page.locator('.diagnostics').getByRole('button', { name: /mistaken/ }));
    await press('Enter');
    for (let i = 0; i < 'lihgt'.length; i++) await press('Delete');
    await page.keyboard.type('1.0');
    await page.getByText(/^checked in/).waitFor();
    await press('Control+Enter');
    const trace = page.locator('.result').getByRole('link', { name: 'Open its trace' });
    await trace.waitFor();
    await tabTo(page, trace);
    await press('Enter');
    await page.locator('.trace-title').getByText('ok', { exact: true }).waitFor();
  });

  test('two compiles are compared, and the pass that grew is named', async () => {
    const name = 'shaders/twice.frag';
    const small = await traced({ name, source: busyShader(6) });
    const big = await traced({ name, source: busyShader(40) });
    const view = await open();
    const { page } = view;
    await view.go('');
    await tabTo(page, page.getByRole('searchbox'));
    await page.keyboard.type('twice');
    const ticks = page.getByRole('checkbox', { name: `Tick ${name}` });
    await ticks.nth(1).waitFor();
    for (const i of [0, 1]) {
      await tabTo(page, ticks.nth(i));
      await page.keyboard.press('Space');
    }
    await tabTo(page, page.getByRole('link', { name: 'Compare the two' }), 'Shift+Tab');
    await page.keyboard.press('Enter');
    const grown = page.getByText(/^The pass that grew the most/);
    await grown.waitFor();
    await atAddress(page, new RegExp(`compare=${small.trace.id}&to=${big.trace.id}`));
    const pass = await grown.locator('b').textContent();
    const { spans } = await getJson(`/v1/traces/${big.trace.id}`);
    assert.ok(JSON.stringify(spans).includes(`codegen::opt::${pass}`), pass);
    assert.match(await grown.textContent(), /the clean runs (?:do not )?overlap|one run/);
    if (big.analyzer.state === 'attached') {
      await tabTo(page, page.getByRole('tree', { name: 'Flame difference' }));
      await page.keyboard.press('ArrowDown');
      await page.keyboard.press('ArrowDown');
      assert.match(await current(page, '.flame'), / → .+ of a compile/);
    }
    await tabTo(page, page.getByRole('button', { name: 'Show', exact: true }));
    await page.keyboard.press('Enter');
    await page.locator('.cm-line.is-added').first().waitFor();
  });
});

describe('two compiles', () => {
  test('are ticked in the list and compared, and the pass that grew is named', async () => {
    const name = 'shaders/grows.frag';
    const small = await traced({ name, source: busyShader(6), analyzer: undefined });
    const big = await traced({ name, source: busyShader(40), analyzer: undefined });
    const view = await open();
    const { page } = view;
    await view.go('#text=grows');
    const ticks = page.getByRole('checkbox', { name: `Tick ${name}` });
    await ticks.nth(1).check();
    await ticks.nth(0).check();
    await page.getByRole('link', { name: 'Compare the two' }).click();
    await page.getByText('The pass that grew the most').waitFor();
    await atAddress(page, new RegExp(`compare=${small.trace.id}&to=${big.trace.id}`));
    const spansOf = async (a) => JSON.stringify((await getJson(`/v1/traces/${a.trace.id}`)).spans);
    const times = (text) => [...text.matchAll(/"name":\s*"codegen::opt::([\w-]+)".*?"duration_ns":\s*(\d+)/g)].reduce((m, [, pass, ns]) => m.set(pass, (m.get(pass) ?? 0) + Number(ns)), new Map());
    const [a, b] = [times(await spansOf(small)), times(await spansOf(big))];
    const grew = [...b].sort((x, y) => (y[1] - (a.get(y[0]) ?? 0)) - (x[1] - (a.get(x[0]) ?? 0)))[0][0];
    assert.match(await page.locator('.grown').textContent(), new RegExp(`: ${grew},`));
    await page.getByRole('button', { name: 'Show', exact: true }).click();
    await page.locator('.cm-line.is-added').first().waitFor();
    await page.getByText('Neither trace has any samples').waitFor();
  });

  test('under the analyzer show their flame difference, by keyboard too', async (t) => {
    const base = await busyTrace();
    if (base.analyzer.state !== 'attached') return t.skip(`analyzer ${base.analyzer.state}: ${base.analyzer.reason}`);
    const to = await traced({ source: busyShader(40) });
    const view = await open();
    const { page } = view;
    await view.go(`#compare=${base.trace.id}`);
    await page.getByRole('button', { name: 'shaders/busy.frag' }).first().waitFor();
    await view.go(`#compare=${base.trace.id}&to=${to.trace.id}`);
    await page.locator('.flame').focus();
    assert.match(await current(page, '.flame'), /^all samples, .+ → .+ of a compile/);
    await page.getByRole('heading', { name: /Vanished/ }).waitFor();
    for (let i = 0; i < 3; i++) await page.keyboard.press('ArrowDown');
    await page.keyboard.press('Enter');
    await page.getByRole('button', { name: 'Reset zoom' }).waitFor();
    await page.getByRole('button', { name: 'As in the tree' }).click();
    await atAddress(page, /&order=tree&zoom=/);
    const firstSpans = () => page.locator('.span-diff tbody tr').first().textContent();
    const first = await firstSpans();
    await page.reload();
    await page.getByRole('button', { name: 'Reset zoom' }).waitFor();
    assert.equal(await firstSpans(), first, 'who opens the address sees what it was copied from');
    await page.getByRole('button', { name: 'Most changed first' }).click();
    await page.getByRole('button', { name: 'Reset zoom' }).click();
    await atAddress(page, /&(order|zoom)=/, false);
  });
});
