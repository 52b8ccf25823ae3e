// SPDX-License-Identifier: Apache-2.0
// The list of traces, the help, and a trace as a file.
import assert from 'node:assert/strict';
import { existsSync, mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { pathToFileURL } from 'node:url';
import { atAddress, seriousFaults, shownSamples, spanRows, tabTo } from './support/browser.mjs';
import { busyTrace, compile, open, site, standOnService } from './support/site.mjs';
import { FAILING } from './support/sources.mjs';

standOnService();

describe('the list', () => {
  test('tells how to make the first compile, and shows it live', async () => {
    const view = await open();
    await view.go('');
    await view.page.getByText('No compile yet').waitFor();
    assert.match(await view.page.locator('.command').textContent(), new RegExp(`curl .*${new URL(site.service.url).host}/v1/compile`));
    await view.page.locator('.live.is-live').waitFor();
    await compile({ source: FAILING.replace('lihgt', '1.0'), name: 'first.frag' });
    const row = view.page.getByRole('row', { name: /first\.frag/ });
    await row.waitFor();
    await row.getByText('ok', { exact: true }).waitFor();
    await row.getByRole('link').click();
    await view.page.getByRole('heading', { name: 'first.frag', exact: true }).waitFor();
    await atAddress(view.page, /#trace=[0-9a-f]{32}$/);
  });

  test('deletes what is ticked, once one is sure, by mouse and by keyboard', async () => {
    for (const name of ['gone-a.frag', 'gone-b.frag', 'gone-c.frag']) await compile({ source: FAILING, name });
    const view = await open();
    const { page } = view;
    await view.go('#text=gone-');
    const rows = page.getByRole('row', { name: /gone-/ });
    await page.getByRole('checkbox', { name: 'Tick gone-a.frag' }).check();
    await page.getByRole('button', { name: 'Delete' }).click();
    assert.equal(await rows.count(), 3, 'not by one click');
    await page.getByRole('button', { name: 'Really delete' }).click();
    await page.getByRole('row', { name: /gone-a/ }).waitFor({ state: 'detached' });
    await tabTo(page, page.getByRole('checkbox', { name: 'Tick gone-b.frag' }));
    await page.keyboard.press('Space');
    await tabTo(page, page.getByRole('button', { name: 'Delete' }), 'Shift+Tab');
    await page.keyboard.press('Enter');
    await page.keyboard.press('Enter');
    await page.getByRole('row', { name: /gone-b/ }).waitFor({ state: 'detached' });
    await page.reload();
    await page.getByRole('row', { name: /gone-c/ }).waitFor();
    assert.equal(await rows.count(), 1, 'the service has them no more');
  });

  test('filters by status and text, and keeps the filter in the address', async () => {
    await compile({ source: FAILING, name: 'wrong.frag' });
    const view = await open();
    await view.go('');
    await view.page.getByRole('row', { name: /first\.frag/ }).waitFor();
    await view.page.getByLabel('Status').selectOption('failed');
    await view.page.getByRole('row', { name: /wrong\.frag/ }).waitFor();
    assert.equal(await view.page.getByRole('row', { name: /first\.frag/ }).count(), 0);
    await atAddress(view.page, /#status=failed$/);
    await view.page.getByRole('searchbox').fill('nothing like it');
    await view.page.getByText('Nothing fits the filter').waitFor();
    await view.page.getByRole('button', { name: 'Show all' }).click();
    await view.page.getByRole('row', { name: /first\.frag/ }).waitFor();
  });
});

describe('a file', () => {
  test('holds a trace, and opens it without the service, from a disk too', async () => {
    const answer = await busyTrace();
    const view = await open();
    const { page } = view;
    await view.go(`#trace=${answer.trace.id}`);
    await page.getByText('Export', { exact: true }).click();
    const saving = page.waitForEvent('download');
    await page.getByRole('button', { name: 'The trace as a file, to open here' }).click();
    const path = join(mkdtempSync(join(tmpdir(), 'spvscope-file-')), 'a.spvscope.json');
    await (await saving).saveAs(path);
    const spans = (await spanRows(page)).length;
    for (const url of [`${site.service.url}/`, pathToFileURL(join(process.env.SPVSCOPE_BUILD ?? '', 'web', 'dist', 'offline.html')).href]) {
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

describe('help', () => {
  test('is there on "?", but not in a field, and Escape closes it', async () => {
    const view = await open();
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
