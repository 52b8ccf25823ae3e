// SPDX-License-Identifier: Apache-2.0
// Source and SPIR-V, passes, and the playground.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { region, spanRows, writeSource } from './support/browser.mjs';
import { busyTrace, getJson, open, standOnService, traced } from './support/site.mjs';
import { busyShader, FAILING } from './support/sources.mjs';

standOnService('--command', 'glslang-of-debian glsl : glslangValidator -V -S {stage} --target-env {env} {defines} -o {output} {input}');

describe('source and SPIR-V', () => {
  test('a line lights up its instructions, and an instruction its line', async () => {
    const answer = await busyTrace();
    const view = await open();
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
    const view = await open();
    const { page } = view;
    await view.go(`#trace=${answer.trace.id}`);
    await page.getByRole('button', { name: 'Most grown first' }).click();
    const row = page.locator('.passes tbody tr').first();
    assert.match(await row.textContent(), /inline-entry-points-exhaustive.*\+[\d,]+/);
    await row.getByRole('button', { name: 'Difference' }).click();
    await region(page, 'What inline-entry-points-exhaustive did').getByText(/lines more/).waitFor();
    await page.locator('.pass-diff .cm-line.is-added').first().waitFor();
  });

  test('sizes that a compile did not measure are measured by a click', async () => {
    const answer = await traced({ source: busyShader(9), analyzer: undefined });
    const view = await open();
    const { page } = view;
    await page.route(`**/v1/traces/${answer.trace.id}`, async (r) => {
      const theirs = await r.fetch();
      await r.fulfill({ response: theirs, body: (await theirs.text()).replace(/"ir\.\w+_(?:before|after)":\s*\d+/g, '"left out": 0') });
    });
    await view.go(`#trace=${answer.trace.id}`);
    const row = page.locator('.passes tbody tr', { hasText: 'inline-entry-points-exhaustive' });
    assert.match(await row.textContent(), /–––/);
    await page.getByRole('button', { name: 'Measure the sizes' }).click();
    await row.getByText(/^\+[\d,]+$/).waitFor();
    const { spans } = await getJson(`/v1/traces/${answer.trace.id}`);
    const pass = /"name":"codegen::opt::inline-entry-points-exhaustive".*?"ir\.instructions_before":(\d+).*?"ir\.instructions_after":(\d+)/.exec(JSON.stringify(spans));
    const [before, after] = pass.slice(1).map((n) => Number(n).toLocaleString('en-US'));
    assert.ok((await row.textContent()).includes(`${before}${after}`), `${before} ${after} in ${await row.textContent()}`);
    await page.getByText('The sizes are those of a compile of its own').waitFor();
  });

  test('without line information a click compiles with it', async () => {
    const answer = await traced({ analyzer: undefined });
    const view = await open();
    await view.go(`#trace=${answer.trace.id}`);
    await view.page.getByRole('button', { name: 'Compile again with line information' }).click();
    await view.page.getByText('how many instructions').waitFor();
    assert.equal(view.page.url().includes(answer.trace.id), false);
  });
});

describe('the playground', () => {
  test('checks while one types, in the gutter, and takes it back', async () => {
    const view = await open();
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

describe('the form', () => {
  test('keeps every key of somebody who types fast', async () => {
    const view = await open();
    const { page } = view;
    await view.go('#compile');
    await page.getByText(/^checked in/).waitFor();
    await writeSource(page, FAILING);
    await page.locator('.editor').getByRole('button', { name: /:5:/ }).click();
    for (let i = 0; i < 'lihgt'.length; i++) await page.keyboard.press('Delete');
    const typed = 'vec4(0.125, 0.25, 0.5, 1.0).xyzw * 2.0';
    await page.keyboard.type(typed);
    await page.getByText(/^checked in/).waitFor();
    assert.ok((await page.locator('.editor .cm-content').innerText()).includes(`colour = vec4(${typed});`));
  });

  test('compiles what is in it, says how to do that from a terminal, and leads to the trace', async () => {
    const view = await open();
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
    const view = await open();
    await view.go('#compile');
    const { page } = view;
    const choice = page.getByLabel('Example');
    await choice.waitFor();
    const titles = (await choice.locator('option').allTextContents()).slice(1);
    assert.ok(titles.length >= 5);
    await page.getByLabel('Analyzer').selectOption('off');
    for (const title of titles) {
      await choice.selectOption({ label: title });
      const answered = page.waitForResponse((r) => r.url().endsWith('/v1/compile') && !r.request().postDataJSON().check_only);
      await page.getByRole('button', { name: 'Compile' }).click();
      const { status, diagnostics } = await (await answered).json();
      assert.equal(status, /mistakes/.test(title) ? 'failed' : 'ok', `${title}: ${JSON.stringify(diagnostics)}`);
      await page.getByRole('button', { name: 'Compile', disabled: false }).waitFor();
    }
  });
});

describe('a compiler of one\'s own', () => {
  test('is chosen in the playground, checks and compiles, and is compared with the service\'s own', async (t) => {
    const { backends } = await getJson('/v1/languages');
    const own = backends.find((b) => b.name === 'glslang-of-debian');
    if (!own.available) return t.skip(own.missing);
    const view = await open();
    const { page } = view;
    await view.go('#compile');
    await page.getByText(/^checked in/).waitFor();
    const result = page.locator('.result');
    await page.getByRole('button', { name: 'Compile' }).click();
    await result.getByText('ok', { exact: true }).waitFor();
    const first = await result.getByRole('link', { name: 'Open its trace' }).getAttribute('href');
    await page.getByLabel('Back end').selectOption('glslang-of-debian');
    assert.ok((await page.getByLabel('Back end').locator('option:checked').textContent()).startsWith('glslang-of-debian'));
    assert.match(await page.locator('.command pre').textContent(), /backend=glslang-of-debian/);
    await page.getByRole('button', { name: 'Compile' }).click();
    await result.getByRole('link', { name: 'Compare with the one before' }).click();
    await page.getByRole('row', { name: /^Asked: backend – "glslang-of-debian"/ }).waitFor();
    await page.getByRole('cell', { name: /tool::glslang-of-debian/ }).or(page.getByText(/glslang-of-debian/)).first().waitFor();
    const to = /to=([0-9a-f]+)/.exec(page.url())[1];
    assert.notEqual(first, `#trace=${to}`);
    await view.go(`#trace=${to}`);
    await page.getByText('by glslang-of-debian').waitFor();
    assert.ok((await spanRows(page)).some((row) => row.includes('glslang-of-debian')), 'the program is a span');
    await page.getByRole('link', { name: 'Edit and compile' }).click();
    assert.equal(await page.getByLabel('Back end').inputValue(), 'glslang-of-debian', 'the form has it back');
    await writeSource(page, FAILING);
    await page.locator('.editor .code-mark.severity-1').first().waitFor();
    await page.getByText(/\d errors?, checked in/).waitFor();
  });
});
