// SPDX-License-Identifier: Apache-2.0
// Headless Chromium on the viewer. Everything that a page must not do is gathered while a test drives it: console errors,
// violations of the Content-Security-Policy, script errors, requests that leave the origin.
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { chromium } from 'playwright-core';

const AXE = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');

const ARGS = ['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking',
  '--disable-component-update', '--disable-sync'];

export async function openBrowser() {
  return chromium.launch({ executablePath: process.env.SPVSCOPE_CHROMIUM ?? '/usr/bin/chromium', args: ARGS });
}

export async function openPage(browser, base, { width = 1280, height = 900, theme = 'light', ...more } = {}) {
  const context = await browser.newContext({ viewport: { width, height }, colorScheme: theme, reducedMotion: 'reduce', ...more });
  const page = await context.newPage();
  const faults = [];
  page.on('console', (m) => {
    // a page that asks for a trace that is gone is told so by 404, and the browser notes that
    if (['error', 'warning'].includes(m.type()) && !/status of 404/.test(m.text())) faults.push(`console: ${m.text()}`);
  });
  page.on('pageerror', (e) => faults.push(`script: ${e.message}`));
  page.on('dialog', (d) => {
    faults.push(`dialog: ${d.message()}`);
    void d.dismiss();
  });
  page.on('request', (r) => {
    if (!r.url().startsWith(`${base}/`) && !r.url().startsWith('data:')) faults.push(`request: ${r.url()}`);
  });
  await page.addInitScript(() => {
    addEventListener('securitypolicyviolation', (e) => console.error(`CSP: ${e.violatedDirective} ${e.blockedURI}`));
  });
  return { page, context, faults, go: (hash) => page.goto(`${base}/${hash}`) };
}

/** The address follows the picture by a moment. */
export const atAddress = (page, pattern, there = true) => page.waitForURL((url) => pattern.test(url.href) === there, { timeout: 30_000 });

/** Where something is once nothing that is still being drawn moves it any more. */
export async function restingBox(page, locator) {
  for (let before = '', since = Date.now(); Date.now() - since < 30_000;) {
    const box = await locator.boundingBox(), now = JSON.stringify(box);
    if (now === before) return box;
    before = now;
    await page.waitForTimeout(300);
  }
  throw new Error(`${locator} does not come to rest`);
}

/** What a screen reader says of the current item of a tree. */
export const current = (page, tree) => page.locator(tree).evaluate((el) => document.getElementById(el.getAttribute('aria-activedescendant'))?.textContent);

/** Presses Tab, or Shift+Tab, until the element has the keyboard, as somebody without a mouse does. */
export async function tabTo(page, locator, key = 'Tab') {
  for (let i = 0; i < 400; i++) {
    if (await locator.count() && await locator.first().evaluate((el) => el.getRootNode().activeElement === el)) return;
    await page.keyboard.press(key);
  }
  throw new Error(`${key} does not come to ${locator}`);
}

export const region = (page, name) => page.getByRole('region', { name, exact: true });

/** Types over what is in the playground's editor. */
export async function writeSource(page, text) {
  await page.getByRole('textbox', { name: 'Source' }).click();
  await page.keyboard.press('Control+A');
  await page.keyboard.insertText(text);
}

/** The names in the spans' ARIA tree, in the order of the rows. */
export const spanRows = (page) => page.locator('.waterfall [role=treeitem]').allTextContents();

const ROW = 24;

/** Clicks on a row of the waterfall as a person would: where its name is painted. */
export async function clickSpan(page, name) {
  const rows = await spanRows(page);
  const row = rows.findIndex((r) => r.startsWith(`${name},`));
  if (row < 0) throw new Error(`no span "${name}" among: ${rows.join(' | ')}`);
  const host = page.locator('.waterfall');
  await host.evaluate((el, y) => { el.scrollTop = y; }, Math.max(0, row * ROW - 100));
  const [top, head] = await host.evaluate((el) => [el.scrollTop, Number(el.dataset.head)]);
  await host.click({ position: { x: 110, y: head + row * ROW + ROW / 2 - top } });
}

/** "12 of the 512" → 12: how many samples the flame graph says that it shows. */
export async function shownSamples(page) {
  const words = await page.locator('section[aria-labelledby=h-flame] .words').textContent();
  const m = /share of ([\d,]+) on-CPU/.exec(words);
  return m ? Number(m[1].replaceAll(',', '')) : 0;
}

/** What axe-core calls serious or critical, one line each. */
export async function seriousFaults(page) {
  await page.evaluate(AXE);
  return page.evaluate(async () => {
    const { violations } = await globalThis.axe.run(document, { resultTypes: ['violations'] });
    return violations.filter((v) => ['serious', 'critical'].includes(v.impact))
      .flatMap((v) => v.nodes.slice(0, 3).map((n) => `${v.id}: ${n.target.join(' ')}: ${(n.failureSummary ?? '').replace(/\s+/g, ' ')}`));
  });
}

/** What can be scrolled sideways and should not need to be. */
export const sideways = (page, selectors) => page.evaluate((list) => list.flatMap((s) => [...document.querySelectorAll(s)])
  .filter((el) => el.checkVisibility() && el.scrollWidth > el.clientWidth + 1).map((el) => `${el.className} of ${el.ariaLabel}: ${el.scrollWidth - el.clientWidth} px`), selectors);

/** What is wider than its place: the page itself, or a button, link or heading whose words are cut without an ellipsis. */
export const cutOff = (page) => page.evaluate(() => {
  const faults = [];
  const over = document.documentElement.scrollWidth - innerWidth;
  if (over > 0) faults.push(`the page is ${over} px too wide`);
  for (const el of document.querySelectorAll('button, a.button, h1, h2, th, label, summary')) {
    if (!el.checkVisibility() || el.closest('.sr-only, .table-scroll')) continue;
    const style = getComputedStyle(el);
    if (style.overflowX === 'visible' || style.textOverflow === 'ellipsis') continue;
    if (el.scrollWidth > el.clientWidth + 1) faults.push(`cut: ${el.textContent.trim()}`);
  }
  // controls of one row must not lie over each other
  const boxes = [...document.querySelectorAll('button, a.button, select, input, summary')].filter((el) => el.checkVisibility() && !el.closest('.sr-only, .menu-list, .table-scroll'))
    .map((el) => [el, el.getBoundingClientRect()]).filter(([, r]) => r.width > 2 && r.height > 2);
  for (const [a, p] of boxes) {
    for (const [b, q] of boxes) {
      if (a === b || a.contains(b) || b.contains(a) || a.closest('label')?.contains(b)) continue;
      const x = Math.min(p.right, q.right) - Math.max(p.left, q.left);
      const y = Math.min(p.bottom, q.bottom) - Math.max(p.top, q.top);
      if (x > 2 && y > 2) faults.push(`over each other: ${a.textContent.trim() || a.ariaLabel || a.placeholder} and ${b.textContent.trim() || b.ariaLabel || b.placeholder}`);
    }
  }
  return [...new Set(faults)];
});
