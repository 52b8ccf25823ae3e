// SPDX-License-Identifier: Apache-2.0
// The viewer in a browser on the real service, by mouse and by keyboard, as a person would use it.
//
// SPVSCOPE_SCREENSHOTS=DIR also leaves pictures of each view there, in both themes, wide and narrow.
import assert from 'node:assert/strict';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { after, afterEach, before, describe, test } from 'node:test';
import { clickSpan, openBrowser, openPage, seriousFaults, shownSamples, spanRows } from './support/browser.mjs';
import { startService } from './support/service.mjs';

const EVIL = '<img src=x onerror=alert(1)>';
const FAILING = `#version 450
layout(location = 0) out vec4 colour;
void main()
{
    colour = vec4(lihgt); // ${EVIL}
}
`;

/** A shader that the optimizer has something to do for. */
function busyShader(functions = 24) {
  const body = Array.from({ length: functions }, (_, i) => `float f${i}(float x)
{
    float s = x;
    for (int k = 0; k < ${4 + (i % 5)}; k++)
        s = s * ${(1 + i / 7).toFixed(3)} + sin(s + float(k)) * fog;
    return ${i ? `s + f${i - 1}(s * 0.5)` : 's'};
}`).join('\n');
  return `#version 450
layout(location = 0) in float t;
layout(location = 0) out vec4 colour;
layout(binding = 0) uniform Settings { float fog; };
${body}
void main() { colour = vec4(f${functions - 1}(t)); }
`;
}

/** Types over what is in the playground's editor. */
async function writeSource(page, text) {
  await page.getByRole('textbox', { name: 'Source' }).click();
  await page.keyboard.press('Control+A');
  await page.keyboard.insertText(text);
}

let service;
let browser;
let view;

async function compile(request) {
  const response = await fetch(`${service.url}/v1/compile`, {
    method: 'POST', headers: { 'Content-Type': 'application/json' }, body: JSON.stringify(request),
  });
  const answer = await response.json();
  assert.equal(response.status, 200, JSON.stringify(answer.error));
  return answer;
}

const traced = (more = {}) => compile({
  source: busyShader(), name: 'shaders/busy.frag', optimize: 'performance', emit: ['spirv', 'disassembly'],
  trace: { level: 'debug' }, analyzer: { kind: 'release', min_samples: 200, budget_ms: 1000 }, ...more,
});

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
    if (answer.analyzer.state !== 'attached') return t.skip(`analyzer ${answer.analyzer.state}: ${answer.analyzer.reason}`);
    view = await openPage(browser, service.url);
    await view.go(`#trace=${answer.trace.id}`);
    await view.page.locator('.flame').waitFor();
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
    if (answer.analyzer.state !== 'attached') return t.skip(`analyzer ${answer.analyzer.state}: ${answer.analyzer.reason}`);
    view = await openPage(browser, service.url);
    await view.go(`#trace=${answer.trace.id}`);
    const flame = view.page.locator('.flame');
    await flame.waitFor();
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
    for (const hash of ['', `#trace=${answer.trace.id}`, `#trace=${answer.trace.id}&span=1&q=${encodeURIComponent(EVIL)}`, `#compile&from=${answer.trace.id}`]) {
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
    const views = { list: '', compile: '#compile', trace: `#trace=${ok.trace.id}`, span: `#trace=${ok.trace.id}&span=5&q=glslang`, failed: `#trace=${failed.trace.id}` };
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
            await page.screenshot({ path: join(pictures, `${name}-${theme}-${width}.png`), fullPage: true });
          }
        }
        assert.deepEqual(faults, []);
        await context.close();
      }
    }
  });
});
