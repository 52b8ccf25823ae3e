// SPDX-License-Identifier: Apache-2.0
// The viewer in a browser on the real service, by mouse and by keyboard, as a person would use it.
//
// SPVSCOPE_SCREENSHOTS=DIR also leaves pictures of each view there, in both themes, wide and narrow.
import assert from 'node:assert/strict';
import { existsSync, mkdirSync, mkdtempSync, readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, afterEach, before, describe, test } from 'node:test';
import { pathToFileURL } from 'node:url';
import { clickSpan, openBrowser, openPage, seriousFaults, shownSamples, spanRows } from './support/browser.mjs';
import { startService } from './support/service.mjs';
import * as sources from './support/sources.mjs';

const { EVIL, FAILING, busyShader } = sources;

/** Types over what is in the playground's editor. */
async function writeSource(page, text) {
  await page.getByRole('textbox', { name: 'Source' }).click();
  await page.keyboard.press('Control+A');
  await page.keyboard.insertText(text);
}

let service;
let browser;
let view;

const compile = (request) => sources.compile(service, request);
const traced = (more) => sources.traced(service, more);

/** The page of a trace with samples; null, with a skip that says why, where the analyzer could take none. */
async function openSampled(t, answer, fragment = '') {
  if (answer.analyzer.state !== 'attached') {
    t.skip(`analyzer ${answer.analyzer.state}: ${answer.analyzer.reason}`);
    return null;
  }
  view = await openPage(browser, service.url);
  await view.go(`#trace=${answer.trace.id}${fragment}`);
  await view.page.locator('.flame').waitFor();
  return view.page;
}

before(async () => {
  service = await startService();
  browser = await openBrowser();
});
after(async () => {
  await browser?.close();
  await service?.stop();
});
afterEach(async () => {
  const faults = view?.faults ?? [];
  await view?.context.close();
  view = null;
  assert.deepEqual(faults, [], 'the page did something that it must not');
});

describe('the list', () => {
  test('tells how to make the first compile, and shows it live', async () => {
    view = await openPage(browser, service.url);
    await view.go('');
    await view.page.getByText('No compile yet').waitFor();
    assert.match(await view.page.locator('.command').textContent(), new RegExp(`curl .*${new URL(service.url).host}/v1/compile`));
    await view.page.locator('.live.is-live').waitFor();
    await compile({ source: FAILING.replace('lihgt', '1.0'), name: 'first.frag' });
    const row = view.page.getByRole('row', { name: /first\.frag/ });
    await row.waitFor();
    await row.getByText('ok', { exact: true }).waitFor();
    await row.getByRole('link').click();
    await view.page.getByRole('heading', { name: 'first.frag', exact: true }).waitFor();
    assert.match(view.page.url(), /#trace=[0-9a-f]{32}$/);
  });

  test('filters by status and text, and keeps the filter in the address', async () => {
    await compile({ source: FAILING, name: 'wrong.frag' });
    view = await openPage(browser, service.url);
    await view.go('');
    await view.page.getByRole('row', { name: /first\.frag/ }).waitFor();
    await view.page.getByLabel('Status').selectOption('failed');
    await view.page.getByRole('row', { name: /wrong\.frag/ }).waitFor();
    assert.equal(await view.page.getByRole('row', { name: /first\.frag/ }).count(), 0);
    assert.match(view.page.url(), /#status=failed$/);
    await view.page.getByRole('searchbox').fill('nothing like it');
    await view.page.getByText('Nothing fits the filter').waitFor();
    await view.page.getByRole('button', { name: 'Show all' }).click();
    await view.page.getByRole('row', { name: /first\.frag/ }).waitFor();
  });
});

describe('a trace', () => {
  let answer;
  before(async () => {
    answer = await traced();
  });

  test('shows its spans down to the optimizer\'s passes', async () => {
    view = await openPage(browser, service.url);
    await view.go(`#trace=${answer.trace.id}`);
    await view.page.locator('.waterfall').waitFor();
    await view.page.getByRole('heading', { name: 'shaders/busy.frag', exact: true }).waitFor();
    assert.ok((await spanRows(view.page)).some((r) => r.startsWith('codegen::opt')), 'the stage is a row');
    const count = Number((await view.page.locator('#h-spans .count').textContent()).replaceAll(',', ''));
    assert.ok(count >= 40, `${count} spans`);
    await view.page.locator('.code', { hasText: 'OpEntryPoint' }).first().waitFor();
  });

  test('names the slowest pass, and choosing it limits the flame graph', async (t) => {
    if (!await openSampled(t, answer)) return;
    const all = await shownSamples(view.page);
    assert.equal(all, answer.analyzer.samples);
    await clickSpan(view.page, 'codegen::opt');
    await view.page.getByRole('button', { name: 'Show all spans' }).waitFor();
    const within = await shownSamples(view.page);
    assert.ok(within > 0 && within < all, `${within} of ${all}`);
    assert.match(view.page.url(), /&span=\d+$/);
    await view.page.getByRole('region', { name: 'Details' }).getByText('CPU time').waitFor();
    await view.page.reload();
    await view.page.locator('.flame').waitFor();
    assert.equal(await shownSamples(view.page), within, 'the address alone brings it back');
    await view.page.getByRole('button', { name: 'Show all spans' }).click();
    assert.equal(await shownSamples(view.page), all);
    await view.page.locator('.slowest button').first().click();
    await view.page.getByRole('button', { name: 'Clear' }).waitFor();
  });

  test('tells the matched share of a search, and zooms by click and back', async (t) => {
    if (!await openSampled(t, answer)) return;
    const flame = view.page.locator('.flame');
    await view.page.getByPlaceholder('Search, /regex/, span:, file:').fill('spvtools');
    const share = /^([\d.<> ]+) % matched/.exec(await view.page.locator('.matched').textContent());
    assert.ok(share && Number(share[1]) > 0 && Number(share[1]) <= 100, String(share));
    assert.match(view.page.url(), /&q=spvtools/);
    await view.page.getByPlaceholder('Search, /regex/, span:, file:').fill('/(/');
    await view.page.getByText('not a regular expression').waitFor();
    await view.page.getByPlaceholder('Search, /regex/, span:, file:').fill('');
    await view.page.getByRole('button', { name: 'Top down' }).click();
    await flame.click({ position: { x: 40, y: 20 * 2 + 10 } });
    await view.page.getByRole('button', { name: 'Reset zoom' }).click();
    assert.equal(await view.page.getByRole('button', { name: 'Reset zoom' }).count(), 0);
    await view.page.getByRole('button', { name: 'Functions', exact: true }).click();
    await view.page.locator('.functions tbody tr').nth(5).waitFor();
  });

  test('is walked by keyboard alone', async (t) => {
    view = await openPage(browser, service.url);
    await view.go(`#trace=${answer.trace.id}`);
    const { page } = view;
    const current = (tree) => page.locator(tree).evaluate((el) => document.getElementById(el.getAttribute('aria-activedescendant'))?.textContent);
    await page.locator('.waterfall').focus();
    assert.match(await current('.waterfall'), /^server::request/);
    for (let i = 0; i < 40 && !/^codegen::opt,/.test(await current('.waterfall')); i++) await page.keyboard.press('ArrowDown');
    assert.match(await current('.waterfall'), /^codegen::opt,/);
    const rows = (await spanRows(page)).length;
    await page.keyboard.press('ArrowLeft');
    assert.ok((await spanRows(page)).length < rows, 'it closes');
    await page.keyboard.press('ArrowRight');
    await page.keyboard.press('Enter');
    await page.getByRole('button', { name: 'Whole time' }).waitFor();
    assert.match(page.url(), /&span=\d+/);
    await page.keyboard.press('Escape');
    await page.keyboard.press('Escape');
    assert.doesNotMatch(page.url(), /&span=/);
    if (answer.analyzer.state !== 'attached') return t.skip('no samples here');
    await page.locator('.flame').focus();
    assert.match(await current('.flame'), /^all samples, 100 %, [\d,]+ samples$/);
    for (let i = 0; i < 4; i++) await page.keyboard.press('ArrowDown');
    const deep = await current('.flame');
    await page.keyboard.press('Enter');
    await page.getByRole('button', { name: 'Reset zoom' }).waitFor();
    await page.keyboard.press('ArrowUp');
    assert.notEqual(await current('.flame'), deep);
    await page.keyboard.press('Home');
    await page.keyboard.press('Enter');
    assert.equal(await page.getByRole('button', { name: 'Reset zoom' }).count(), 0);
  });

  test('is compiled again under the debug analyzer, which leaves a log', async () => {
    view = await openPage(browser, service.url);
    await view.go(`#trace=${answer.trace.id}`);
    await view.page.getByRole('button', { name: 'Profile again (debug)' }).click();
    await view.page.waitForURL((u) => !u.hash.includes(answer.trace.id));
    await view.page.getByRole('heading', { name: 'shaders/busy.frag', exact: true }).waitFor();
    const id = /trace=([0-9a-f]+)/.exec(view.page.url())[1];
    const trace = await (await fetch(`${service.url}/v1/traces/${id}`)).json();
    assert.equal(trace.response.analyzer.kind, 'debug');
    const first = await (await fetch(`${service.url}/v1/traces/${answer.trace.id}`)).json();
    assert.deepEqual(trace.request, { ...first.request, analyzer: { ...first.request.analyzer, kind: 'debug' } }, 'with the options of the first time');
    if (trace.has_log) await view.page.locator('.log li').first().waitFor();
  });

  test('opens in the form with everything that it was asked with', async () => {
    const wanted = { name: 'shaders/busy.frag', files: { 'fog.glsl': 'float haze;\n' }, defines: { FOG: '1', ODD: 'a b' }, entry_point: 'main',
      optimize: { passes: ['--merge-return', '--eliminate-dead-branches'] }, limits: { wall_ms: 9000 } };
    const first = await traced(wanted);
    view = await openPage(browser, service.url);
    await view.go(`#trace=${first.trace.id}`);
    await view.page.getByRole('link', { name: 'Edit and compile' }).click();
    await view.page.locator('.further textarea').waitFor();
    assert.equal(await view.page.getByRole('textbox', { name: 'Passes' }).inputValue(), '--merge-return --eliminate-dead-branches');
    assert.equal(await view.page.getByRole('textbox', { name: 'Defines' }).inputValue(), 'FOG=1');
    assert.match(await view.page.locator('.command').textContent(), /"fog\.glsl"/);
    await view.page.getByRole('button', { name: 'Compile', exact: true }).click();
    const link = view.page.getByRole('link', { name: 'Open its trace' });
    const id = /trace=([0-9a-f]+)/.exec(await link.getAttribute('href'))[1];
    const request = async (t) => (await (await fetch(`${service.url}/v1/traces/${t}`)).json()).request;
    assert.deepEqual(await request(id), await request(first.trace.id));
  });

  test('that is gone says so', async () => {
    view = await openPage(browser, service.url);
    await view.go(`#trace=${'0'.repeat(32)}`);
    await view.page.getByRole('alert').waitFor();
    await view.page.getByRole('link', { name: 'All traces' }).waitFor();
  });
});

describe('a source that does not compile', () => {
  test('has its diagnostics listed, in the gutter and below the line', async () => {
    const answer = await compile({ source: FAILING, name: 'wrong.frag', trace: { level: 'debug' } });
    view = await openPage(browser, service.url);
    await view.go(`#trace=${answer.trace.id}`);
    const list = view.page.locator('.diagnostics');
    await list.waitFor();
    assert.match(await list.textContent(), /error.*wrong\.frag:5.*lihgt.*undeclared/);
    await list.getByRole('button').first().click();
    await view.page.locator('.cm-line.is-jumped', { hasText: 'colour = vec4(lihgt)' }).waitFor();
    await view.page.locator('.code-message', { hasText: 'undeclared' }).waitFor();
    assert.equal(await view.page.locator('.code .mark-1').count() > 0, true);
  });

  test('in an include is shown in that file', async () => {
    const answer = await compile({
      source: '#version 450\n#extension GL_GOOGLE_include_directive : enable\n#include "lib/fog.glsl"\nvoid main() {}\n', name: 'uses.frag',
      files: { 'lib/fog.glsl': '// fog\nfloat fog()\n{\n    return thick;\n}\n', 'z.bin': { base64: '/w==' } }, trace: { level: 'debug' },
    });
    view = await openPage(browser, service.url);
    await view.go(`#trace=${answer.trace.id}`);
    await view.page.locator('.cm-line', { hasText: '#include' }).waitFor();
    await view.page.locator('.diagnostics').getByRole('button', { name: 'lib/fog.glsl:4' }).click();
    await view.page.locator('.cm-line.is-jumped', { hasText: 'return thick;' }).waitFor();
    assert.equal(await view.page.getByLabel('File').inputValue(), 'lib/fog.glsl');
    assert.equal(await view.page.getByLabel('File').locator('option').count(), 2);
    await view.page.getByLabel('File').selectOption({ label: 'uses.frag' });
    await view.page.locator('.cm-line', { hasText: '#include' }).waitFor();
  });

  test('and a crash tells its stage and its signal', async () => {
    const answer = await compile({ source: '#version 450\n#pragma STDGL\nvoid main(){}', name: 'crash.frag', trace: { level: 'debug' } });
    view = await openPage(browser, service.url);
    await view.go(`#trace=${answer.trace.id}`);
    if (answer.status === 'crashed') {
      await view.page.getByRole('alert').getByText('The compiler crashed').waitFor();
      assert.match(await view.page.getByRole('alert').textContent(), /codegen::\w+.*SIG[A-Z]+/);
    }
    await view.page.locator('.waterfall').waitFor();
  });
});

describe('text from sources', () => {
  test('is text on every view', async () => {
    const answer = await traced({
      source: `#version 450\n#include "${EVIL}"\n// ${EVIL}\nvoid main() { int a = EVIL; }\n`, name: `${EVIL}.frag`,
      files: { [EVIL]: `// ${EVIL}\n` }, defines: { EVIL: `"${EVIL}"` },
    });
    view = await openPage(browser, service.url);
    const id = answer.trace.id;
    for (const hash of ['', `#trace=${id}`, `#trace=${id}&span=1&q=${encodeURIComponent(EVIL)}`, `#compile&from=${id}`, `#compare=${id}`, `#compare=${id}&to=${id}`]) {
      await view.go(hash);
      await view.page.reload();
      await view.page.getByText('onerror').first().waitFor({ state: 'attached' }).catch(() => assert.fail(`not shown at ${hash}`));
      if (hash.startsWith('#trace')) {
        const box = await view.page.locator('.waterfall').boundingBox();
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
    view = await openPage(browser, service.url);
    const { page } = view;
    await view.go('');
    await page.locator('input[type=file]').setInputFiles({ name: 'evil.json', mimeType: 'application/json', buffer: Buffer.from(JSON.stringify(saved)) });
    await page.locator('.flame').waitFor();
    await page.locator('.log', { hasText: 'onerror' }).waitFor();
    await page.locator('.diagnostics', { hasText: 'onerror' }).waitFor();
    for (const [pane, step] of [['.waterfall', 24], ['.flame', 20]]) {
      await page.locator(pane).scrollIntoViewIfNeeded();
      const box = await page.locator(pane).boundingBox();
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
  });
});

/** A trace to look at, the same for several tests. */
let busy;
const busyTrace = async () => (busy ??= await traced({ debug_info: 'line', analyzer: { kind: 'debug', min_samples: 200, budget_ms: 1000 } }));
const current = (page, tree) => page.locator(tree).evaluate((el) => document.getElementById(el.getAttribute('aria-activedescendant'))?.textContent);
const region = (page, name) => page.getByRole('region', { name, exact: true });

describe('one axis', () => {
  test('a stretch that is dragged limits flame graph, passes and log, and the address brings it back', async (t) => {
    const answer = await busyTrace();
    const page = await openSampled(t, answer);
    if (!page) return;
    const all = await shownSamples(page);
    const box = await page.locator('.waterfall').boundingBox();
    await page.mouse.move(box.x + box.width * 0.45, box.y + 12);
    await page.mouse.down();
    await page.mouse.move(box.x + box.width * 0.6, box.y + 14, { steps: 4 });
    await page.mouse.up();
    await page.getByRole('button', { name: 'Show the whole time' }).waitFor();
    assert.match(page.url(), /&range=\d+-\d+/);
    const some = await shownSamples(page);
    assert.ok(some > 0 && some < all, `${some} of ${all}`);
    await page.getByText(/ of \d+ touch the chosen stretch/).waitFor();
    await page.getByText(/lie in the chosen stretch/).waitFor();
    await page.reload();
    await page.locator('.flame').waitFor();
    assert.equal(await shownSamples(page), some);
    await page.locator('.waterfall').focus();
    await page.keyboard.press('Escape');
    assert.doesNotMatch(page.url(), /range=/);
    assert.equal(await shownSamples(page), all);
  });

  test('a line of the log is marked on it, and the log is filtered', async (t) => {
    const answer = await busyTrace();
    if (answer.analyzer.state !== 'attached') return t.skip(`analyzer ${answer.analyzer.state}: ${answer.analyzer.reason}`);
    view = await openPage(browser, service.url);
    const { page } = view;
    await view.go(`#trace=${answer.trace.id}&log=enable`);
    const log = page.locator('.log');
    await log.waitFor();
    assert.ok((await log.locator('.log-name').allTextContents()).every((name) => name === 'enable'));
    const before = await page.locator('.waterfall canvas').screenshot();
    await log.locator('button').first().focus();
    await page.evaluate(() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done))));
    assert.notDeepEqual(await page.locator('.waterfall canvas').screenshot(), before, 'a mark on the axis');
  });
});

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
    assert.match(page.url(), /&step=f/);
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
    assert.match(page.url(), /shape=sandwich&fn=/);
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
    const flame = await (await fetch(`${service.url}/v1/traces/${answer.trace.id}/flame?format=columns`)).json();
    const spans = JSON.stringify((await (await fetch(`${service.url}/v1/traces/${answer.trace.id}`)).json()).spans);
    const ids = new Set([...spans.matchAll(/"id":\s*(\d+),\s*"name":\s*"codegen::opt[:"]/g)].map((m) => Number(m[1])));
    const within = flame.samples.span.filter((id) => ids.has(id)).length;
    assert.ok(Math.abs(share - (100 * within) / flame.samples.span.length) < 0.2, `${share} % of ${within} in ${flame.samples.span.length}`);
  });

  test('goes out as the service writes it, and as a picture', async (t) => {
    const answer = await busyTrace();
    const page = await openSampled(t, answer, '&shape=callees');
    if (!page) return;
    const file = async (name) => {
      await page.getByText('Export what is shown').click();
      const saved = page.waitForEvent('download');
      await page.locator('.menu-list').getByRole('button', { name, exact: true }).click();
      return readFileSync(await (await saved).path());
    };
    const lines = (text) => text.trim().split('\n').sort();
    const folded = lines((await file('Folded stacks')).toString());
    const theirs = lines(await (await fetch(`${service.url}/v1/traces/${answer.trace.id}/flame?format=folded`)).text());
    assert.deepEqual(folded, theirs);
    const ss = JSON.parse(await file('speedscope'));
    assert.deepEqual(lines(ss.profiles[0].samples.map((s, i) => `${s.map((f) => ss.shared.frames[f].name.replace(/;/g, ':')).join(';')} ${ss.profiles[0].weights[i]}`).join('\n')), theirs);
    assert.equal((await file('pprof')).readUInt16BE(0), 0x1f8b, 'gzip');
    assert.match((await file('SVG')).toString(), /^<svg /);
    assert.equal((await file('PNG')).toString('latin1', 1, 4), 'PNG');
  });

  test('opens in speedscope, which lies beside the viewer', async (t) => {
    const answer = await busyTrace();
    const page = await openSampled(t, answer);
    if (!page) return;
    const { context } = view;
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

describe('source and SPIR-V', () => {
  test('a line lights up its instructions, and an instruction its line', async () => {
    const answer = await busyTrace();
    view = await openPage(browser, service.url);
    const { page } = view;
    await view.go(`#trace=${answer.trace.id}`);
    const source = page.locator('section[aria-labelledby=h-source]');
    const spirv = page.locator('section[aria-labelledby=h-disassembly]');
    await source.getByText('how many instructions').waitFor();
    assert.ok((await source.locator('.cm-notes .cm-gutterElement').allTextContents()).some((n) => Number(n) > 0));
    await source.locator('.cm-line', { hasText: 'sin(s + float(k))' }).first().click();
    await spirv.locator('.cm-line.is-lit', { hasText: 'Sin' }).first().waitFor();
    await spirv.locator('.cm-line.is-lit').first().hover();
    await source.locator('.cm-line.is-lit', { hasText: 'sin(s + float(k))' }).waitFor();
  });

  test('a pass tells on request what it did', async () => {
    const answer = await traced({ analyzer: undefined });
    view = await openPage(browser, service.url);
    const { page } = view;
    await view.go(`#trace=${answer.trace.id}`);
    await page.getByRole('button', { name: 'Most grown first' }).click();
    const row = page.locator('.passes tbody tr').first();
    assert.match(await row.textContent(), /inline-entry-points-exhaustive.*\+[\d,]+/);
    await row.getByRole('button', { name: 'Difference' }).click();
    await region(page, 'What inline-entry-points-exhaustive did').getByText(/lines more/).waitFor();
    await page.locator('.pass-diff .cm-line.is-added').first().waitFor();
  });

  test('without line information a click compiles with it', async () => {
    const answer = await traced({ analyzer: undefined });
    view = await openPage(browser, service.url);
    await view.go(`#trace=${answer.trace.id}`);
    await view.page.getByRole('button', { name: 'Compile again with line information' }).click();
    await view.page.getByText('how many instructions').waitFor();
    assert.equal(view.page.url().includes(answer.trace.id), false);
  });
});

describe('the slowest pass', () => {
  test('is found, limits the flame graph, and its hottest function is found, by keyboard alone', async (t) => {
    const answer = await busyTrace();
    const page = await openSampled(t, answer);
    if (!page) return;
    const all = await shownSamples(page);
    const press = async (button) => {
      await button.focus();
      await page.keyboard.press('Enter');
    };
    await press(page.getByRole('button', { name: 'Slowest first' }));
    const first = page.locator('.passes tbody tr').first();
    const { spans } = await (await fetch(`${service.url}/v1/traces/${answer.trace.id}`)).json();
    const passes = [];
    const walk = (s) => { if (/^codegen::opt::[\w-]+$/.test(s.name)) passes.push(s); (s.children ?? []).forEach(walk); };
    spans.forEach(walk);
    const slowest = passes.sort((a, b) => b.duration_ns - a.duration_ns)[0];
    assert.ok((await first.textContent()).includes(slowest.name.split('::').pop()), slowest.name);
    await press(first.getByRole('button').first());
    await page.getByRole('button', { name: 'Show all spans' }).waitFor();
    assert.match(page.url(), new RegExp(`&span=${slowest.id}(&|$)`));
    const flame = await (await fetch(`${service.url}/v1/traces/${answer.trace.id}/flame?format=columns&span=${slowest.id}`)).json();
    assert.equal(await shownSamples(page), flame.samples.stack.length);
    assert.ok(flame.samples.stack.length < all);
    if (!flame.samples.stack.length) return t.skip('no sample fell into it');
    await press(page.getByRole('button', { name: 'Functions', exact: true }));
    const own = new Map();
    flame.samples.stack.forEach((k, i) => {
      const f = flame.stacks.frame[k];
      const name = flame.samples.in_kernel?.[i] ? '[kernel]' : flame.strings[flame.frames.name[f]];
      own.set(name, (own.get(name) ?? 0) + 1);
    });
    const shown = Number(/([\d,]+)\s*$/.exec((await page.locator('.functions tbody td').first().textContent()).trim())[1].replaceAll(',', ''));
    assert.equal(shown, Math.max(...own.values()), 'as many own samples as the most that the service tells of one function');
  });
});

describe('two compiles', () => {
  test('are ticked in the list and compared, and the pass that grew is named', async () => {
    const name = 'shaders/grows.frag';
    const small = await traced({ name, source: busyShader(6), analyzer: undefined });
    const big = await traced({ name, source: busyShader(40), analyzer: undefined });
    view = await openPage(browser, service.url);
    const { page } = view;
    await view.go('#text=grows');
    const ticks = page.getByRole('checkbox', { name: `Tick ${name}` });
    await ticks.nth(1).check();
    await ticks.nth(0).check();
    await page.getByRole('link', { name: 'Compare the two' }).click();
    await page.getByText('The pass that grew the most').waitFor();
    assert.match(page.url(), new RegExp(`compare=${small.trace.id}&to=${big.trace.id}`));
    const spansOf = async (a) => JSON.stringify((await (await fetch(`${service.url}/v1/traces/${a.trace.id}`)).json()).spans);
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
    view = await openPage(browser, service.url);
    const { page } = view;
    await view.go(`#compare=${base.trace.id}`);
    await page.getByRole('button', { name: 'shaders/busy.frag' }).first().waitFor();
    await view.go(`#compare=${base.trace.id}&to=${to.trace.id}`);
    await page.locator('.flame').focus();
    assert.match(await current(page, '.flame'), /^all samples, .+ → .+ of a compile/);
    await page.getByRole('heading', { name: /Vanished/ }).waitFor();
  });
});

describe('a file', () => {
  test('holds a trace, and opens it without the service, from a disk too', async () => {
    const answer = await busyTrace();
    view = await openPage(browser, service.url);
    const { page } = view;
    await view.go(`#trace=${answer.trace.id}`);
    await page.getByText('Export', { exact: true }).click();
    const saving = page.waitForEvent('download');
    await page.getByRole('button', { name: 'The trace as a file, to open here' }).click();
    const path = join(mkdtempSync(join(tmpdir(), 'spvscope-file-')), 'a.spvscope.json');
    await (await saving).saveAs(path);
    const spans = (await spanRows(page)).length;
    for (const url of [`${service.url}/`, pathToFileURL(join(process.env.SPVSCOPE_BUILD ?? '', 'web', 'dist', 'offline.html')).href]) {
      if (url.startsWith('file:') && !existsSync(new URL(url))) continue;
      const other = await view.context.newPage();
      await other.goto(url);
      if (url.startsWith('http')) await other.route('**/v1/**', (r) => r.abort());
      await other.locator('input[type=file]').setInputFiles(path);
      await other.getByRole('heading', { name: 'shaders/busy.frag', exact: true }).waitFor();
      assert.equal((await spanRows(other)).length, spans, url);
      await other.locator('.cm-line', { hasText: 'OpEntryPoint' }).first().waitFor();
      if (answer.analyzer.state === 'attached') assert.equal(await shownSamples(other), answer.analyzer.samples);
      await other.close();
    }
    view.faults.length = 0; // the other pages had no service on purpose
    await view.go('');
    await page.locator('input[type=file]').setInputFiles({ name: 'no.json', mimeType: 'application/json', buffer: Buffer.from('[]') });
    await page.getByText('no trace of spvscope').waitFor();
  });
});

describe('the playground', () => {
  test('checks while one types, in the gutter, and takes it back', async () => {
    view = await openPage(browser, service.url);
    const { page } = view;
    await view.go('#compile');
    await page.getByText(/^checked in/).waitFor();
    await writeSource(page, FAILING);
    await page.locator('.editor .code-mark.severity-1').first().waitFor();
    await page.getByText(/1 error, checked in/).waitFor();
    await page.getByRole('textbox', { name: 'Source' }).focus();
    await page.keyboard.press('Control+Z');
    await page.getByText(/^checked in/).waitFor();
    assert.equal(await page.locator('.editor .code-mark').count(), 0);
    await page.keyboard.press('Control+Y');
    await page.getByText(/1 error, checked in/).waitFor();
  });
});

describe('help', () => {
  test('is there on "?", but not in a field, and Escape closes it', async () => {
    view = await openPage(browser, service.url);
    const { page } = view;
    await view.go('');
    await page.getByPlaceholder('Name, stage or id').fill('a?');
    assert.equal(await page.getByRole('dialog').count(), 0);
    await page.locator('h1').click();
    await page.keyboard.press('?');
    await page.getByRole('dialog').getByText('Flame graph').waitFor();
    assert.deepEqual(await seriousFaults(page), []);
    await page.keyboard.press('Escape');
    await page.getByRole('dialog').waitFor({ state: 'detached' });
  });
});

describe('the form', () => {
  test('compiles what is in it, says how to do that from a terminal, and leads to the trace', async () => {
    view = await openPage(browser, service.url);
    await view.go('#compile');
    const { page } = view;
    await writeSource(page, FAILING);
    await page.getByRole('textbox', { name: 'Name' }).fill('form.frag');
    await page.getByRole('textbox', { name: 'Defines' }).fill('USE_FOG=1 FAST');
    assert.match(await page.locator('.command pre').textContent(), /@form\.frag[\s\S]*name=form\.frag&optimize=performance&.*define=USE_FOG%3D1&define=FAST/);
    await page.getByRole('button', { name: 'Compile' }).click();
    const result = page.locator('.result');
    await result.getByText('failed', { exact: true }).waitFor();
    await page.locator('.editor .code-message', { hasText: 'undeclared' }).waitFor();
    await writeSource(page, FAILING.replace('lihgt', 'USE_FOG'));
    await page.getByRole('textbox', { name: 'Source' }).press('Control+Enter');
    await result.getByText('ok', { exact: true }).waitFor();
    await result.locator('.code', { hasText: 'OpEntryPoint' }).waitFor();
    await result.getByRole('link', { name: 'Open its trace' }).click();
    await page.getByRole('heading', { name: 'form.frag', exact: true }).waitFor();
  });

  test('each example compiles, or fails where it says that it does', async () => {
    view = await openPage(browser, service.url);
    await view.go('#compile');
    const { page } = view;
    const choice = page.getByLabel('Example');
    await choice.waitFor();
    const titles = (await choice.locator('option').allTextContents()).slice(1);
    assert.ok(titles.length >= 5);
    await page.getByLabel('Analyzer').selectOption('off');
    for (const title of titles) {
      await choice.selectOption({ label: title });
      const answered = page.waitForResponse((r) => r.url().endsWith('/v1/compile'));
      await page.getByRole('button', { name: 'Compile' }).click();
      const { status, diagnostics } = await (await answered).json();
      assert.equal(status, /mistakes/.test(title) ? 'failed' : 'ok', `${title}: ${JSON.stringify(diagnostics)}`);
      await page.getByRole('button', { name: 'Compile', disabled: false }).waitFor();
    }
  });
});

describe('both themes, wide and narrow', () => {
  test('no view is wider than the window, and axe finds nothing serious', async () => {
    const ok = await traced();
    const failed = await compile({ source: FAILING, name: `shaders/${'a/rather/long/path/'.repeat(5)}wrong.frag`, trace: { level: 'debug' } });
    const pictures = process.env.SPVSCOPE_SCREENSHOTS;
    if (pictures) mkdirSync(pictures, { recursive: true });
    const compared = `#compare=${ok.trace.id}&to=${(await traced({ source: busyShader(30) })).trace.id}`;
    const views = { list: '', compile: '#compile', compare: compared, sandwich: `#trace=${ok.trace.id}&shape=sandwich`, trace: `#trace=${ok.trace.id}`, span: `#trace=${ok.trace.id}&span=5&q=glslang`, failed: `#trace=${failed.trace.id}` };
    for (const theme of ['light', 'dark']) {
      for (const width of [1280, 390]) {
        const { page, context, faults, go } = await openPage(browser, service.url, { width, theme });
        for (const [name, hash] of Object.entries(views)) {
          await go(hash);
          await page.locator('main h1').first().waitFor();
          if (hash.startsWith('#trace')) await page.locator('.waterfall').waitFor();
          await page.evaluate(() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done))));
          const over = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
          assert.ok(over <= 0, `${name}, ${theme}, ${width}: ${over} px too wide`);
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
