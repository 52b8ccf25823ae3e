// SPDX-License-Identifier: Apache-2.0
// A trace: its spans, what came of a compile, the one time axis.
import assert from 'node:assert/strict';
import { before, describe, test } from 'node:test';
import { atAddress, clickSpan, current, region, restingBox, shownSamples, spanRows } from './support/browser.mjs';
import { busyTrace, compile, getJson, open, openSampled, site, standOnService, traced } from './support/site.mjs';
import { busyShader, FAILING } from './support/sources.mjs';

standOnService();

describe('a trace', () => {
  let answer;
  before(async () => {
    answer = await traced();
  });

  test('shows its spans down to the optimizer\'s passes', async () => {
    const view = await open();
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
    const { view } = site;
    const all = await shownSamples(view.page);
    assert.equal(all, answer.analyzer.samples);
    await clickSpan(view.page, 'codegen::opt');
    await view.page.getByRole('button', { name: 'Show all spans' }).waitFor();
    const within = await shownSamples(view.page);
    assert.ok(within > 0 && within < all, `${within} of ${all}`);
    await atAddress(view.page, /&span=\d+$/);
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
    const { view } = site;
    const flame = view.page.locator('.flame');
    await view.page.getByPlaceholder('Search, /regex/, span:, file:').fill('spvtools');
    const share = /^([\d.<> ]+) % matched/.exec(await view.page.locator('.matched').textContent());
    assert.ok(share && Number(share[1]) > 0 && Number(share[1]) <= 100, String(share));
    await atAddress(view.page, /&q=spvtools/);
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
    const view = await open();
    await view.go(`#trace=${answer.trace.id}`);
    const { page } = view;
    await page.locator('.waterfall').focus();
    assert.match(await current(page, '.waterfall'), /^server::request/);
    for (let i = 0; i < 40 && !/^codegen::opt,/.test(await current(page, '.waterfall')); i++) await page.keyboard.press('ArrowDown');
    assert.match(await current(page, '.waterfall'), /^codegen::opt,/);
    const rows = (await spanRows(page)).length;
    await page.keyboard.press('ArrowLeft');
    assert.ok((await spanRows(page)).length < rows, 'it closes');
    await page.keyboard.press('ArrowRight');
    await page.keyboard.press('Enter');
    await page.getByRole('button', { name: 'Whole time' }).waitFor();
    await atAddress(page, /&span=\d+/);
    await page.keyboard.press('Escape');
    await page.keyboard.press('Escape');
    await atAddress(page, /&span=/, false);
    if (answer.analyzer.state !== 'attached') return t.skip('no samples here');
    await page.locator('.flame').focus();
    assert.match(await current(page, '.flame'), /^all samples, 100 %, [\d,]+ samples$/);
    for (let i = 0; i < 4; i++) await page.keyboard.press('ArrowDown');
    const deep = await current(page, '.flame');
    await page.keyboard.press('Enter');
    await page.getByRole('button', { name: 'Reset zoom' }).waitFor();
    await page.keyboard.press('ArrowUp');
    assert.notEqual(await current(page, '.flame'), deep);
    await page.keyboard.press('Home');
    await page.keyboard.press('Enter');
    assert.equal(await page.getByRole('button', { name: 'Reset zoom' }).count(), 0);
  });

  test('is compiled again under the debug analyzer, which leaves a log', async () => {
    const view = await open();
    await view.go(`#trace=${answer.trace.id}`);
    await view.page.getByRole('button', { name: 'Profile again (debug)' }).click();
    await view.page.waitForURL((u) => !u.hash.includes(answer.trace.id));
    await view.page.getByRole('heading', { name: 'shaders/busy.frag', exact: true }).waitFor();
    const id = /trace=([0-9a-f]+)/.exec(view.page.url())[1];
    const trace = await getJson(`/v1/traces/${id}`);
    assert.equal(trace.response.analyzer.kind, 'debug');
    const first = await getJson(`/v1/traces/${answer.trace.id}`);
    assert.deepEqual(trace.request, { ...first.request, analyzer: { ...first.request.analyzer, kind: 'debug' } }, 'with the options of the first time');
    if (trace.has_log) await view.page.locator('.log li').first().waitFor();
  });

  test('opens in the form with everything that it was asked with', async () => {
    const wanted = { name: 'shaders/busy.frag', files: { 'fog.glsl': 'float haze;\n' }, defines: { FOG: '1', ODD: 'a b' }, entry_point: 'main',
      optimize: { passes: ['--merge-return', '--eliminate-dead-branches'] }, limits: { wall_ms: 9000 } };
    const first = await traced(wanted);
    const view = await open();
    await view.go(`#trace=${first.trace.id}`);
    await view.page.getByRole('link', { name: 'Edit and compile' }).click();
    await view.page.locator('.further textarea').waitFor();
    assert.equal(await view.page.getByRole('textbox', { name: 'Passes' }).inputValue(), '--merge-return --eliminate-dead-branches');
    assert.equal(await view.page.getByRole('textbox', { name: 'Defines' }).inputValue(), 'FOG=1');
    assert.match(await view.page.locator('.command').textContent(), /"fog\.glsl"/);
    await view.page.getByRole('button', { name: 'Compile', exact: true }).click();
    const link = view.page.getByRole('link', { name: 'Open its trace' });
    const id = /trace=([0-9a-f]+)/.exec(await link.getAttribute('href'))[1];
    const request = async (t) => (await getJson(`/v1/traces/${t}`)).request;
    assert.deepEqual(await request(id), await request(first.trace.id));
  });

  test('answered from the cache says so, leads to its compile, and is compiled afresh by a click', async () => {
    const request = { source: busyShader(7), analyzer: undefined };
    const first = await traced(request);
    const hit = await traced(request);
    assert.equal(hit.cache, 'hit');
    const view = await open();
    const { page } = view;
    await view.go(`#trace=${hit.trace.id}`);
    await page.getByText('Answered from the service\'s cache').waitFor();
    assert.equal(await page.getByRole('link', { name: 'The compile that the answer is of' }).getAttribute('href'), `#trace=${first.trace.id}`);
    await page.getByRole('button', { name: 'Compile it afresh' }).click();
    await atAddress(page, new RegExp(hit.trace.id), false);
    await page.waitForFunction(() => [...document.querySelectorAll('.waterfall [role=treeitem]')].some((el) => /^codegen::compile,/.test(el.textContent)));
    assert.equal(await page.getByText('Answered from the service\'s cache').count(), 0);
  });

  test('that is gone says so', async () => {
    const view = await open();
    await view.go(`#trace=${'0'.repeat(32)}`);
    await view.page.getByRole('alert').waitFor();
    await view.page.getByRole('link', { name: 'All traces' }).waitFor();
  });
});

describe('a source that does not compile', () => {
  test('has its diagnostics listed, in the gutter and below the line', async () => {
    const answer = await compile({ source: FAILING, name: 'wrong.frag', trace: { level: 'debug' } });
    const view = await open();
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
    const view = await open();
    await view.go(`#trace=${answer.trace.id}`);
    await view.page.locator('.cm-line', { hasText: '#include' }).waitFor();
    await view.page.locator('.diagnostics').getByRole('button', { name: 'lib/fog.glsl:4' }).click();
    await view.page.locator('.cm-line.is-jumped', { hasText: 'return thick;' }).waitFor();
    assert.equal(await view.page.getByLabel('File').inputValue(), 'lib/fog.glsl');
    assert.equal(await view.page.getByLabel('File').locator('option').count(), 2);
    await view.page.getByLabel('File').selectOption({ label: 'uses.frag' });
    await view.page.locator('.cm-line', { hasText: '#include' }).waitFor();
  });

  test('and a crash tells its stage, its signal, and with an analyzer where it crashed', async (t) => {
    const crash = { source: '#version 450\n#pragma STDGL\nvoid main(){}', name: 'crash.frag', trace: { level: 'debug' } };
    const plain = await compile(crash);
    const view = await open();
    await view.go(`#trace=${plain.trace.id}`);
    await view.page.locator('.waterfall').waitFor();
    if (plain.status !== 'crashed') return t.skip('this glslang does not crash of it');
    const alert = view.page.getByRole('alert');
    await alert.getByText('The compiler crashed').waitFor();
    assert.match(await alert.textContent(), /codegen::\w+ with SIG[A-Z]+.*no analyzer was attached/);
    const answer = await compile({ ...crash, analyzer: { kind: 'release', min_samples: 0 } });
    if (answer.analyzer.state !== 'attached') return t.skip(`analyzer ${answer.analyzer.state}: ${answer.analyzer.reason}`);
    await view.go(`#trace=${answer.trace.id}`);
    await alert.getByText('The compiler crashed').waitFor();
    if (!answer.failure.stack) return assert.ok((await alert.textContent()).includes(answer.failure.stack_reason));
    await alert.getByText(answer.failure.stack_kind === 'exact' ? 'Where it crashed, exactly' : 'Where the analyzer saw it last').waitFor();
    assert.deepEqual(await alert.locator('.died li').allTextContents(), answer.failure.stack);
    const archive = await fetch(`${site.service.url}${await alert.getByRole('link', { name: /archive/ }).getAttribute('href')}`);
    assert.equal(archive.status, 200);
  });
});

describe('one axis', () => {
  test('a stretch that is dragged limits flame graph, passes and log, and the address brings it back', async (t) => {
    const answer = await busyTrace();
    const page = await openSampled(t, answer);
    if (!page) return;
    const all = await shownSamples(page);
    const box = await restingBox(page, page.locator('.waterfall'));
    await page.mouse.move(box.x + box.width * 0.45, box.y + 12);
    await page.mouse.down();
    await page.mouse.move(box.x + box.width * 0.6, box.y + 14, { steps: 4 });
    await page.mouse.up();
    await page.getByRole('button', { name: 'Show the whole time' }).waitFor();
    await atAddress(page, /&range=\d+-\d+/);
    const some = await shownSamples(page);
    assert.ok(some > 0 && some < all, `${some} of ${all}`);
    await page.getByText(/ of \d+ touch the chosen stretch/).waitFor();
    await page.getByText(/lie in the chosen stretch/).waitFor();
    await page.reload();
    await page.locator('.flame').waitFor();
    assert.equal(await shownSamples(page), some);
    await page.locator('.waterfall').focus();
    await page.keyboard.press('Escape');
    await atAddress(page, /range=/, false);
    assert.equal(await shownSamples(page), all);
  });

  test('a span that is chosen limits passes and log, too', async (t) => {
    const answer = await busyTrace();
    const page = await openSampled(t, answer);
    if (!page) return;
    const log = await getJson(`/v1/traces/${answer.trace.id}/log`);
    const spans = [];
    const walk = (s) => { spans.push(s); (s.children ?? []).forEach(walk); };
    (await getJson(`/v1/traces/${answer.trace.id}`)).spans.forEach(walk);
    const parse = spans.find((s) => s.name === 'codegen::parse');
    await page.locator('.log li').first().waitFor();
    await clickSpan(page, 'codegen::parse');
    const within = log.filter((e) => e.time_ns >= parse.start_ns && e.time_ns <= parse.start_ns + parse.duration_ns).length;
    assert.ok(within < log.length);
    const count = (n) => n.toLocaleString('en-US');
    await page.getByText(`${count(within)} of ${count(log.length)} lie in codegen::parse`).waitFor();
    await page.getByText(/ 0 of \d+ lie in codegen::parse/).waitFor();
    assert.equal(await page.locator('.passes tbody tr').count(), 0);
    await clickSpan(page, 'codegen::opt');
    const passes = spans.filter((s) => /^codegen::opt::[\w-]+$/.test(s.name)).length;
    assert.equal(await page.locator('.passes tbody tr').count(), passes);
  });

  test('a line of the log is marked on it, and the log is filtered', async (t) => {
    const answer = await busyTrace();
    if (answer.analyzer.state !== 'attached') return t.skip(`analyzer ${answer.analyzer.state}: ${answer.analyzer.reason}`);
    const view = await open();
    const { page } = view;
    await view.go(`#trace=${answer.trace.id}&log=enable`);
    const log = page.locator('.log');
    await log.waitFor();
    assert.ok((await log.locator('.log-name').allTextContents()).every((name) => name === 'enable'));
    const kind = page.locator('section[aria-labelledby=h-log]').getByRole('button', { name: /^attach \d/ });
    const lines = Number((await kind.textContent()).replace(/\D/g, ''));
    await kind.click();
    await log.locator('.log-name', { hasText: 'enable' }).waitFor({ state: 'detached' });
    assert.deepEqual(await log.locator('.log-name').allTextContents(), Array(lines).fill('attach'), 'as many as its button says');
    await page.locator('section[aria-labelledby=h-log]').getByRole('button', { name: /^enable \d/ }).click();
    await log.locator('.log-name', { hasText: 'enable' }).first().waitFor();
    const whole = page.getByRole('button', { name: 'Whole time' });
    if (await whole.count()) await whole.click(); // it is enabled before the compile begins
    const before = await page.locator('.waterfall canvas').screenshot();
    await log.locator('button').first().focus();
    await page.evaluate(() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done))));
    assert.notDeepEqual(await page.locator('.waterfall canvas').screenshot(), before, 'a mark on the axis');
  });
});
