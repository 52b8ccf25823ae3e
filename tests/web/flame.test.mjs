// SPDX-License-Identifier: Apache-2.0
// The flame graph of a trace.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { gunzipSync } from 'node:zlib';
import { describe, test } from 'node:test';
import { atAddress, current, shownSamples } from './support/browser.mjs';
import { busyTrace, getJson, openSampled, site, standOnService, traced } from './support/site.mjs';

standOnService();

describe('the flame graph', () => {
  test('is focused, collapsed and sandwiched by keyboard, and each step is taken back', async (t) => {
    const answer = await busyTrace();
    const page = await openSampled(t, answer, '&shape=callees');
    if (!page) return;
    const all = await shownSamples(page);
    await page.locator('.flame').focus();
    for (let i = 0; i < 12; i++) await page.keyboard.press('ArrowDown');
    const name = (await current(page, '.flame')).split(', ')[0];
    await page.keyboard.press('f');
    await page.getByRole('button', { name: `Undo: focus on ${name}` }).waitFor();
    await atAddress(page, /&step=f/);
    const focused = await shownSamples(page);
    assert.ok(focused > 0 && focused <= all);
    await page.locator('.flame').focus();
    await page.keyboard.press('ArrowDown');
    assert.ok((await current(page, '.flame')).startsWith(`${name}, 100 %`), 'it is the outermost frame now');
    await page.keyboard.press('c');
    await page.getByRole('button', { name: /^Undo: collapsed/ }).waitFor();
    await page.getByRole('button', { name: 'Undo all' }).click();
    assert.equal(await shownSamples(page), all);
    await page.getByRole('button', { name: 'Functions', exact: true }).click();
    const hottest = page.locator('.functions tbody tr').first();
    const self = /([\d.]+) %/.exec(await hottest.locator('td').first().textContent())[1];
    await hottest.getByRole('button').click();
    await page.locator('.sandwich .flame').first().waitFor();
    assert.equal(await page.locator('.sandwich .flame').count(), 2);
    assert.ok(Number(self) > 0);
    await atAddress(page, /shape=sandwich&fn=/);
  });

  test('shows the order of time, and finds spans and files', async (t) => {
    const answer = await busyTrace();
    const page = await openSampled(t, answer, '&shape=time');
    if (!page) return;
    assert.match(await page.locator('section[aria-labelledby=h-flame] .words').textContent(), /order in which they were taken/);
    const search = page.getByPlaceholder('Search, /regex/, span:, file:');
    await search.fill('span:codegen::opt');
    const share = Number(/^([\d.]+) % matched/.exec(await page.locator('.matched').textContent())[1]);
    // the same by choosing the span
    const flame = await getJson(`/v1/traces/${answer.trace.id}/flame?format=columns`);
    const spans = JSON.stringify((await getJson(`/v1/traces/${answer.trace.id}`)).spans);
    const ids = new Set([...spans.matchAll(/"id":\s*(\d+),\s*"name":\s*"codegen::opt[:"]/g)].map((m) => Number(m[1])));
    const within = flame.samples.span.filter((id) => ids.has(id)).length;
    assert.ok(Math.abs(share - (100 * within) / flame.samples.span.length) < 0.2, `${share} % of ${within} in ${flame.samples.span.length}`);
  });

  const lines = (text) => text.trim().split('\n').sort();

  /** A file that the export menu makes. */
  async function exported(page, name) {
    await page.getByText('Export what is shown').click();
    const saved = page.waitForEvent('download');
    await page.locator('.menu-list').getByRole('button', { name, exact: true }).click();
    return readFileSync(await (await saved).path());
  }

  const foldedOf = (ss) => lines(ss.profiles[0].samples.map((s, i) => `${s.map((f) => ss.shared.frames[f].name.replace(/;/g, ':')).join(';')} ${ss.profiles[0].weights[i]}`).join('\n'));

  /** Of a profile in pprof's format: the sum of the first value of all samples. Field 2 holds samples, their field 2 the values. */
  function pprofSum(bytes) {
    const fields = (b) => {
      const out = [];
      let at = 0;
      const varint = () => {
        for (let n = 0, by = 1; ; by *= 128) {
          const x = b[at++];
          n += (x & 127) * by;
          if (x < 128) return n;
        }
      };
      while (at < b.length) {
        const key = varint();
        const n = varint(); // a number, or how many bytes follow
        out.push([key >> 3, key & 7 ? b.subarray(at, (at += n)) : n]);
      }
      return out;
    };
    const first = (b) => {
      let n = 0;
      for (let i = 0, by = 1; ; i++, by *= 128) {
        n += (b[i] & 127) * by;
        if (b[i] < 128) return n;
      }
    };
    return fields(bytes).filter(([f]) => f === 2).map(([, sample]) => first(fields(sample).find(([f]) => f === 2)[1])).reduce((a, b) => a + b, 0);
  }

  test('of few samples says so, and one click compiles so often that there are enough', async (t) => {
    const answer = await traced({ source: '#version 450\nvoid main() {}\n', analyzer: { kind: 'release', min_samples: 0 } });
    if (!answer.analyzer.samples) return t.skip('no sample was taken');
    const page = await openSampled(t, answer);
    if (!page || answer.analyzer.samples >= 20) return;
    await page.getByText(`Too few samples (${answer.analyzer.samples})`).waitFor();
    await page.getByRole('button', { name: /^Compile it again, up to [\d,]+ times?$/ }).click();
    await atAddress(page, new RegExp(answer.trace.id), false);
    await page.locator('.flame').waitFor();
    assert.ok(await shownSamples(page) >= 20, 'enough now');
    assert.equal(await page.getByText('Too few samples (').count(), 0);
    assert.match(await page.locator('section[aria-labelledby=h-flame] .words').first().textContent(), /over [\d,]+ runs of the same compile/);
    await page.getByRole('button', { name: 'Functions', exact: true }).click();
    assert.match(await page.locator('.functions tbody .c-interval').first().textContent(), /^[\d.]+–[\d.]+ %$/);
  });

  test('goes out as the service writes it, and as a picture', async (t) => {
    const answer = await busyTrace();
    const page = await openSampled(t, answer, '&shape=callees');
    if (!page) return;
    const folded = lines((await exported(page, 'Folded stacks')).toString());
    const theirs = lines(await (await fetch(`${site.service.url}/v1/traces/${answer.trace.id}/flame?format=folded`)).text());
    assert.deepEqual(folded, theirs);
    assert.deepEqual(foldedOf(JSON.parse(await exported(page, 'speedscope'))), theirs);
    assert.equal(pprofSum(gunzipSync(await exported(page, 'pprof'))), answer.analyzer.samples);
    assert.match((await exported(page, 'SVG')).toString(), /^<svg /);
    assert.equal((await exported(page, 'PNG')).toString('latin1', 1, 4), 'PNG');
  });

  test('goes out as far as it is zoomed, and all formats agree', async (t) => {
    const answer = await busyTrace();
    const page = await openSampled(t, answer, '&shape=callees');
    if (!page) return;
    const all = lines((await exported(page, 'Folded stacks')).toString());
    await page.locator('.flame').focus();
    const way = [];
    for (let i = 0; i < 16; i++) {
      await page.keyboard.press('ArrowDown');
      way.push((await current(page, '.flame')).replace(/, (?:[<>] )?[\d.]+ %, [\d,]+ samples?$/, ''));
    }
    const samples = Number(/([\d,]+) samples?$/.exec(await current(page, '.flame'))[1].replaceAll(',', ''));
    assert.ok(samples < answer.analyzer.samples, 'a part');
    await page.keyboard.press('Enter');
    await page.getByRole('button', { name: 'Reset zoom' }).waitFor();
    const prefix = way.map((name) => name.replace(/;/g, ':')).join(';');
    const wanted = all.filter((line) => line.startsWith(`${prefix};`) || line.startsWith(`${prefix} `));
    assert.deepEqual(lines((await exported(page, 'Folded stacks')).toString()), wanted);
    assert.equal(wanted.reduce((n, line) => n + Number(line.split(' ').pop()), 0), samples);
    assert.deepEqual(foldedOf(JSON.parse(await exported(page, 'speedscope'))), wanted);
    assert.equal(pprofSum(gunzipSync(await exported(page, 'pprof'))), samples);
    assert.ok((await exported(page, 'SVG')).toString().includes('only what is in'));
  });

  test('opens in speedscope, which lies beside the viewer', async (t) => {
    const answer = await busyTrace();
    const page = await openSampled(t, answer);
    if (!page) return;
    const { context } = site.view;
    await page.getByText('Export what is shown').click();
    const opened = context.waitForEvent('page');
    await page.getByRole('button', { name: 'Open in speedscope' }).click();
    const other = await opened;
    const problems = [];
    other.on('console', (m) => m.type() === 'error' && problems.push(m.text()));
    other.on('pageerror', (e) => problems.push(e.message));
    await other.getByText('Left Heavy').first().waitFor();
    await other.waitForFunction((title) => document.title.includes(title), 'busy.frag');
    assert.deepEqual(problems, []);
  });
});
