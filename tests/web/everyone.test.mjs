// SPDX-License-Identifier: Apache-2.0
// The viewer for everyone: the system's own colours, a page that is zoomed, a finger, less motion, a screen reader.
import assert from 'node:assert/strict';
import { after, afterEach, before, describe, test } from 'node:test';
import { atAddress, cutOff, openBrowser, openPage, restingBox, seriousFaults, shownSamples } from './support/browser.mjs';
import { startService } from './support/service.mjs';
import { busyShader, compile, FAILING, traced } from './support/sources.mjs';

let service;
let browser;
let view;
let answer;
let views;

before(async () => {
  service = await startService();
  browser = await openBrowser();
  answer = await traced(service);
  const other = await traced(service, { source: busyShader(30) });
  const failed = await compile(service, { source: FAILING, name: 'wrong.frag', trace: { level: 'debug' } });
  views = { list: '', playground: '#compile', compare: `#compare=${answer.trace.id}&to=${other.trace.id}`, trace: `#trace=${answer.trace.id}`,
    sandwich: `#trace=${answer.trace.id}&shape=sandwich`, functions: `#trace=${answer.trace.id}&shape=table`, time: `#trace=${answer.trace.id}&shape=time`, failed: `#trace=${failed.trace.id}` };
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

const frames = (page) => page.evaluate(() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done))));
const sampled = (t) => answer.analyzer.state === 'attached' || (t.skip(`analyzer ${answer.analyzer.state}: ${answer.analyzer.reason}`), false);

async function show(name) {
  await view.go(views[name]);
  await view.page.locator('main h1').first().waitFor();
  if (views[name].startsWith('#trace')) await view.page.locator('.waterfall').waitFor();
  await view.page.locator('.loading').first().waitFor({ state: 'detached' });
  await frames(view.page);
}

/** The colours that each take up a part of a canvas; what smooths the edges of letters does not. */
const coloursOf = (page, selector) => page.locator(selector).evaluate((canvas) => {
  const { data } = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height);
  const count = new Map();
  for (let i = 0; i < data.length; i += 4) if (data[i + 3] === 255) count.set((data[i] << 16) | (data[i + 1] << 8) | data[i + 2], (count.get((data[i] << 16) | (data[i + 1] << 8) | data[i + 2]) ?? 0) + 1);
  return [...count].filter(([, n]) => n > data.length / 400).map(([c]) => c.toString(16).padStart(6, '0'));
});

test('in the system\'s own colours each view is there, and boxes have edges', async (t) => {
  view = await openPage(browser, service.url, { forcedColors: 'active' });
  for (const name of Object.keys(views)) {
    await show(name);
    assert.deepEqual(await cutOff(view.page), [], name);
    assert.deepEqual(await seriousFaults(view.page), [], name);
  }
  if (!sampled(t)) return;
  await show('trace');
  const system = await view.page.evaluate(() => {
    const probe = document.body.appendChild(document.createElement('i'));
    probe.style.setProperty('forced-color-adjust', 'none');
    return ['ButtonFace', 'ButtonText', 'Canvas', 'CanvasText', 'Highlight'].map((c) => {
      probe.style.setProperty('color', c);
      return /\d+, \d+, \d+/.exec(getComputedStyle(probe).color)[0].split(', ').map((n) => Number(n).toString(16).padStart(2, '0')).join('');
    });
  });
  const used = await coloursOf(view.page, '.flame canvas');
  assert.deepEqual(used.filter((c) => !system.includes(c)), [], 'no colour of our own');
  assert.ok(used.includes(system[0]) && used.includes(system[1]), `boxes and their edges: ${used} of ${system}`);
});

test('at 200 % nothing is cut, over each other or wider than the window', async () => {
  // What a window of 1280 by 900 is to the page when it is zoomed to 200 %.
  view = await openPage(browser, service.url, { width: 640, height: 450, deviceScaleFactor: 2 });
  for (const name of Object.keys(views)) {
    await show(name);
    assert.deepEqual(await cutOff(view.page), [], name);
  }
  await show('trace');
  const canvas = await view.page.locator('.waterfall canvas').evaluate((el) => [el.width, el.clientWidth]);
  assert.equal(canvas[0], 2 * canvas[1], 'as sharp as the screen');
});

test('without motion nothing moves by itself', async () => {
  view = await openPage(browser, service.url, { reducedMotion: 'reduce' });
  for (const name of Object.keys(views)) {
    await show(name);
    assert.deepEqual(await view.page.evaluate(() => document.getAnimations().filter((a) => a.playState === 'running').map((a) => a.animationName ?? a.transitionProperty)), [], name);
  }
});

describe('a finger', () => {
  /** Puts a finger down, moves it in steps and lifts it, as a touch screen tells the browser. */
  async function drag(page, from, to) {
    const session = await page.context().newCDPSession(page);
    const point = (i) => ({ x: from.x + ((to.x - from.x) * i) / 8, y: from.y + ((to.y - from.y) * i) / 8 });
    await session.send('Input.dispatchTouchEvent', { type: 'touchStart', touchPoints: [point(0)] });
    for (let i = 1; i <= 8; i++) await session.send('Input.dispatchTouchEvent', { type: 'touchMove', touchPoints: [point(i)] });
    await session.send('Input.dispatchTouchEvent', { type: 'touchEnd', touchPoints: [] });
  }

  /** Two fingers beside each other around a place, from so far apart to so far, the pair moving along by as much as asked. */
  async function pinch(page, at, from, to, along = 0) {
    const session = await page.context().newCDPSession(page);
    const points = (i) => {
      const [apart, x] = [from + ((to - from) * i) / 10, at.x + (along * i) / 10];
      return [{ x: x - apart / 2, y: at.y, id: 0 }, { x: x + apart / 2, y: at.y, id: 1 }];
    };
    await session.send('Input.dispatchTouchEvent', { type: 'touchStart', touchPoints: points(0).slice(0, 1) });
    await session.send('Input.dispatchTouchEvent', { type: 'touchStart', touchPoints: points(0) });
    for (let i = 1; i <= 10; i++) await session.send('Input.dispatchTouchEvent', { type: 'touchMove', touchPoints: points(i) });
    await session.send('Input.dispatchTouchEvent', { type: 'touchEnd', touchPoints: points(10).slice(0, 1) });
    await session.send('Input.dispatchTouchEvent', { type: 'touchEnd', touchPoints: [] });
    await frames(page);
  }

  const scale = (page) => page.evaluate(() => visualViewport.scale);

  test('and another one draw the time axis apart and together, and the page stays as it is', async () => {
    view = await openPage(browser, service.url, { width: 390, height: 800, hasTouch: true, isMobile: true });
    await show('trace');
    const { page } = view;
    const whole = page.getByRole('button', { name: 'Whole time' });
    if (await whole.isVisible()) await whole.tap();
    await page.locator('.waterfall').scrollIntoViewIfNeeded();
    const box = await restingBox(page, page.locator('.waterfall'));
    const at = { x: box.x + box.width * 0.68, y: box.y + 120 };
    const before = await page.locator('.waterfall canvas').screenshot();
    await pinch(page, at, 40, 160);
    await whole.waitFor();
    assert.notDeepEqual(await page.locator('.waterfall canvas').screenshot(), before);
    assert.equal(await scale(page), 1, 'the page itself is not zoomed');
    assert.doesNotMatch(page.url(), /&range=|&span=/, 'nothing is chosen by it');
    await pinch(page, at, 200, 20);
    await whole.waitFor({ state: 'detached' });
    // on the axis too, where one finger would choose a stretch
    await pinch(page, { x: at.x, y: box.y + 12 }, 40, 160);
    await whole.waitFor();
    assert.doesNotMatch(page.url(), /&range=/);
  });

  test('and another one draw the flame graph apart, which comes to rest on a box, and together', async (t) => {
    if (!sampled(t)) return;
    view = await openPage(browser, service.url, { width: 390, height: 800, hasTouch: true, isMobile: true });
    await show('trace');
    const { page } = view;
    await page.getByRole('button', { name: 'Top down' }).tap();
    const flame = page.locator('.flame');
    await flame.evaluate((el) => el.scrollIntoView({ block: 'center' }));
    const box = await restingBox(page, flame);
    const at = { x: box.x + box.width * 0.3, y: box.y + box.height / 2 };
    for (let i = 0; i < 3; i++) await pinch(page, at, 30, 240);
    await page.waitForURL(/&zoom=/);
    await page.getByRole('button', { name: 'Reset zoom' }).waitFor();
    assert.equal(await scale(page), 1);
    for (let i = 0; i < 6; i++) await pinch(page, at, 300, 24);
    await page.getByRole('button', { name: 'Reset zoom' }).waitFor({ state: 'detached' });
    await atAddress(page, /&zoom=/, false);
  });

  test('chooses a span, zooms into it, drags a stretch of the axis and scrolls the rows', async (t) => {
    view = await openPage(browser, service.url, { width: 390, height: 800, hasTouch: true, isMobile: true });
    await show('trace');
    const { page } = view;
    const host = page.locator('.waterfall');
    await host.scrollIntoViewIfNeeded();
    const head = Number(await host.getAttribute('data-head'));
    await host.tap({ position: { x: 60, y: head + 24 * 2 + 12 } });
    await page.waitForURL(/&span=\d+/);
    await page.getByRole('button', { name: 'Zoom in' }).tap();
    await page.getByRole('button', { name: 'Whole time' }).tap();
    let box = await restingBox(page, host);
    const all = await shownSamples(page);
    await drag(page, { x: box.x + box.width * 0.6, y: box.y + 12 }, { x: box.x + box.width * 0.9, y: box.y + 14 });
    await page.waitForURL(/&range=\d+-\d+/);
    if (sampled(t)) assert.ok(await shownSamples(page) <= all);
    // A tap that follows a drag at once may still stop the fling of that.
    const whole = page.getByRole('button', { name: 'Show the whole time' });
    for (let i = 0; i < 5 && await whole.isVisible(); i++) {
      await whole.tap();
      await frames(page);
    }
    await atAddress(page, /&range=/, false);
    box = await restingBox(page, host);
    await drag(page, { x: box.x + box.width * 0.5, y: box.y + 300 }, { x: box.x + box.width * 0.5, y: box.y + 120 });
    await page.waitForFunction(() => document.querySelector('.waterfall').scrollTop > 0 || scrollY > 0);
    assert.doesNotMatch(page.url(), /&range=/, 'down the rows it only scrolls');
  });

  test('zooms into a box of the flame graph and back', async (t) => {
    if (!sampled(t)) return;
    view = await openPage(browser, service.url, { width: 390, height: 800, hasTouch: true, isMobile: true });
    await show('trace');
    const { page } = view;
    await page.getByRole('button', { name: 'Top down' }).tap();
    await page.locator('.flame').tap({ position: { x: 20, y: 50 } });
    await page.waitForURL(/&zoom=/);
    assert.ok(await page.locator('.picked').getByRole('button', { name: 'Focus' }).isVisible(), 'what a mouse has by keys, a finger has as buttons');
    await page.getByRole('button', { name: 'Reset zoom' }).tap();
    await page.waitForFunction(() => !location.hash.includes('zoom='));
  });
});

test('a screen reader is told name, share and samples of each box, and name and time of each span', async (t) => {
  view = await openPage(browser, service.url);
  await show('trace');
  const { page } = view;
  const items = (tree) => page.getByRole('tree', { name: tree }).getByRole('treeitem').allTextContents();
  for (const words of await items('Spans')) assert.match(words, /^[^,]+, [\d.]+ (?:ns|µs|ms|s)(?:, .+)?$/);
  if (!sampled(t)) return;
  const boxes = await items('Flame graph');
  assert.match(boxes[0], /^all samples, 100 %, [\d,]+ samples$/);
  for (const words of boxes) assert.match(words, /^.+, (?:[<>] )?[\d.]+ %, [\d,]+ samples?$/s);
  const { samples } = await (await fetch(`${service.url}/v1/traces/${answer.trace.id}/flame?format=columns`)).json();
  assert.equal(Number(/([\d,]+) samples$/.exec(boxes[0])[1].replaceAll(',', '')), samples.stack.length);
  const snapshot = await page.locator('.flame').ariaSnapshot();
  assert.match(snapshot, /^- tree "Flame graph":\n\s+- treeitem "all samples, 100 %/, 'the browser\'s own tree has them');
});

test('axe finds nothing serious on any view, in both themes', async () => {
  for (const theme of ['light', 'dark']) {
    view = await openPage(browser, service.url, { theme });
    for (const name of Object.keys(views)) {
      await show(name);
      assert.deepEqual(await seriousFaults(view.page), [], `${name}, ${theme}`);
    }
    assert.deepEqual(view.faults, []);
    await view.context.close();
  }
  view = null;
});
