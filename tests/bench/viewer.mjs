// SPDX-License-Identifier: Apache-2.0
// The viewer beside speedscope and d3-flame-graph: the same half a million frames, one browser after the other on the same
// machine. Nothing of the service runs; a small server hands out the built pages and profiles made here.
//
// What is timed is the same for all three: from the moment the profile's bytes are in the page, each in the viewer's own
// format, to the end of the frame that shows it. Of
// a zoom or a scroll it is the work of the page's thread: what the event costs, and the frame that follows; waiting for the
// next frame of the screen is in no figure.
import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { createRequire } from 'node:module';
import { dirname, extname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { bigDisassembly, bigProfile, bigSpans, d3Json, packedBytes, speedscopeText } from './viewer_data.mjs';

const here = dirname(fileURLToPath(import.meta.url));
const { values: options } = parseArgs({
  options: {
    build: { type: 'string', default: resolve(here, '../../build') }, quick: { type: 'boolean', default: false },
    alone: { type: 'boolean', default: false }, // without the others, for work on this one
    json: { type: 'string' }, tap: { type: 'boolean', default: false },
  },
});
const dist = join(options.build, 'web', 'dist');
const web = resolve(here, '../../web');
const FRAMES = options.quick ? 50000 : 500000;
const SPANS = options.quick ? 10000 : 100000;
const LINES = options.quick ? 20000 : 200000;
const ROUNDS = options.quick ? 1 : 5;
const PEER_ROUNDS = 3; // at most: one of them takes a minute
const ZOOMS = options.quick ? 5 : 30;

const median = (values) => [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)];
const say = (line) => process.stderr.write(`${line}\n`);

function npmCi(dir) {
  if (existsSync(join(dir, 'node_modules', '.package-lock.json'))) return;
  const r = spawnSync('npm', ['ci', '--ignore-scripts', '--no-audit', '--no-fund', '--loglevel=error'], { cwd: dir, stdio: ['ignore', 2, 2] });
  if (r.status !== 0) throw new Error(`npm ci failed in ${dir}`);
}

// ---- what the pages are served ----

const TYPES = { '.html': 'text/html', '.js': 'text/javascript', '.css': 'text/css', '.svg': 'image/svg+xml', '.woff2': 'font/woff2', '.json': 'application/json' };

async function d3Page() {
  const { build } = createRequire(join(web, 'package.json'))('esbuild');
  const { outputFiles } = await build({
    stdin: { contents: `export { default as flamegraph } from 'd3-flame-graph'; export { select } from 'd3-selection';`, resolveDir: here },
    bundle: true, format: 'iife', globalName: 'peer', minify: true, write: false, logLevel: 'error', loader: { '.css': 'empty' },
  });
  return outputFiles[0].contents;
}

async function serve(data) {
  const script = await d3Page();
  const trace = (id, change) => ({
    id, compilation_id: id, name: id, language: 'glsl', stage: 'fragment', status: 'ok', started_unix_ns: 1.7e18, duration_ns: 1e9, kept: false, dropped: 0,
    response: null, request: null, source: null, has_spirv: false, has_disassembly: false, has_log: false, n_samples: 0, spans: [], ...change,
  });
  const root = [{ id: 1, name: 'server::request', level: 'info', start_ns: 0, duration_ns: 1e9, children: [] }];
  const routes = new Map([
    ['/v1/traces/frames', trace('frames', { spans: root, n_samples: 1 })],
    ['/v1/traces/frames/flame', data.columns],
    ['/v1/traces/spans', trace('spans', { spans: data.spans })],
    ['/v1/traces/lines', trace('lines', { spans: root, has_disassembly: true })],
    ['/v1/compilations/lines/disassembly', data.disassembly],
    ['/v1/traces', { traces: [], next_before: null }],
    ['/speedscope.json', data.speedscope],
    ['/d3.json', data.d3],
    ['/d3.js', Buffer.from(script)],
    ['/d3.html', '<!doctype html><meta charset="utf-8"><div id="chart"></div><script src="d3.js"></script>'],
  ].map(([path, body]) => [path, Buffer.isBuffer(body) || typeof body === 'string' ? body : JSON.stringify(body)]));
  const server = createServer((request, response) => {
    const path = new URL(request.url, 'http://x').pathname;
    const file = join(dist, path === '/' ? 'index.html' : path.slice(1));
    const body = routes.get(path) ?? (existsSync(file) ? readFileSync(file) : null);
    response.writeHead(body === null ? 404 : 200, { 'Content-Type': TYPES[extname(path)] ?? (path === '/' ? 'text/html' : 'application/json') });
    response.end(body ?? '{}');
  });
  await new Promise((done) => server.listen(0, '127.0.0.1', done));
  return { url: `http://127.0.0.1:${server.address().port}`, stop: () => server.close() };
}

// ---- measuring in a page ----

/** Runs in every page: tells when the frame that follows is over, and when the frame was over that first drew on a canvas. */
function instruments() {
  globalThis.afterFrame = () => new Promise((done) => requestAnimationFrame(() => {
    const channel = new MessageChannel();
    channel.port1.onmessage = () => done(performance.now());
    channel.port2.postMessage(0);
  }));
  /** Milliseconds that an act and its frame keep the page's thread busy. */
  globalThis.frameWork = (act) => new Promise((done) => {
    let busy = 0;
    requestAnimationFrame(() => {
      const begun = performance.now();
      const channel = new MessageChannel();
      channel.port1.onmessage = () => done(busy + performance.now() - begun);
      channel.port2.postMessage(0);
    });
    const begun = performance.now();
    act();
    // what the act left to microtasks is run before this one
    Promise.resolve().then(() => undefined).then(() => { busy = performance.now() - begun; });
  });
  /** When the body of an answer was there, by the end of its path. */
  globalThis.textAt = {};
  const { text, arrayBuffer } = Response.prototype;
  Response.prototype.arrayBuffer = async function () {
    const all = await arrayBuffer.call(this);
    globalThis.textAt[new URL(this.url).pathname.split('/').pop()] = performance.now();
    return all;
  };
  Response.prototype.text = async function () {
    const all = await text.call(this);
    globalThis.textAt[new URL(this.url).pathname.split('/').pop()] = performance.now();
    return all;
  };
  Response.prototype.json = async function () {
    return JSON.parse(await this.text());
  };
  globalThis.drawn = { by: new Map() };
  const watch = (proto, name) => {
    const was = proto[name];
    proto[name] = function (...args) {
      let d = globalThis.drawn.by.get(this.canvas);
      if (!d) {
        globalThis.drawn.by.set(this.canvas, d = { first: 0, calls: 0 });
        const channel = new MessageChannel();
        channel.port1.onmessage = () => { d.first = performance.now(); };
        channel.port2.postMessage(0);
      }
      d.calls++;
      return was.apply(this, args);
    };
  };
  for (const name of ['fillRect', 'putImageData']) watch(CanvasRenderingContext2D.prototype, name);
  for (const gl of [globalThis.WebGLRenderingContext, globalThis.WebGL2RenderingContext]) {
    if (gl) for (const name of ['drawArrays', 'drawElements']) watch(gl.prototype, name);
  }
}

/** Until the machine has little to do. What a browser leaves behind is work for seconds: a virtual machine's kernel hands the
 * memory that was freed back to its host. */
async function rest() {
  const times = () => readFileSync('/proc/stat', 'utf8').split('\n', 1)[0].split(/\s+/).slice(1).map(Number);
  await new Promise((done) => setTimeout(done, 3000)); // which begins two seconds later
  for (let quiet = 0, tries = 0, before = times(); quiet < 2 && tries < 60; tries++) {
    await new Promise((done) => setTimeout(done, 500));
    const now = times();
    const passed = now.map((t, i) => t - before[i]);
    const idle = (passed[3] + passed[4]) / passed.reduce((a, b) => a + b, 0);
    quiet = idle > 0.93 ? quiet + 1 : 0;
    before = now;
  }
}

async function openPage(browser, url) {
  const context = await browser.newContext({ viewport: { width: 1280, height: 900 } });
  const page = await context.newPage();
  await page.addInitScript(instruments);
  await page.goto(url);
  return { context, page };
}

/** Memory of the page's own process, in MB: what no other process shares. */
async function memoryOf(browser, page) {
  const session = await page.context().newCDPSession(page);
  await session.send('HeapProfiler.collectGarbage');
  const root = await browser.newBrowserCDPSession();
  const { processInfo } = await root.send('SystemInfo.getProcessInfo');
  const own = processInfo.filter((p) => p.type === 'renderer').map(({ id }) => {
    const roll = readFileSync(`/proc/${id}/smaps_rollup`, 'utf8');
    return ['Private_Clean', 'Private_Dirty'].reduce((sum, key) => sum + Number(new RegExp(`${key}:\\s+(\\d+)`).exec(roll)[1]), 0) / 1024;
  });
  return Math.max(...own);
}

/** Clicks at places that hold boxes: down the heavy side, then back to the top. */
const zoomTimes = (page, n) => page.evaluate(async (n) => {
  const times = [];
  for (let i = 0; i < n; i++) {
    const el = document.querySelector('.flame');
    const box = el.getBoundingClientRect();
    const row = i % 6;
    const at = { clientX: box.left + box.width * (0.15 + 0.1 * (i % 3)), clientY: box.top + 20 * (row === 5 ? 0.5 : row + 1.5), bubbles: true };
    times.push(await frameWork(() => el.dispatchEvent(new MouseEvent('click', at))));
  }
  return times;
}, n);

async function firstPaint(page) {
  await page.waitForFunction(() => [...document.querySelectorAll('.flame canvas')].some((c) => globalThis.drawn.by.get(c)?.first), null, { polling: 5 });
  return page.evaluate(() => globalThis.drawn.by.get(document.querySelector('.flame canvas')).first - globalThis.textAt.flame);
}

/** By the trace's address, while the browser and the page begin. */
async function oursByAddress(browser, url) {
  const { context, page } = await openPage(browser, `${url}/#trace=frames`);
  const first = await firstPaint(page);
  await context.close();
  return first;
}

/** From a page that is there and at rest, as the others' are: the list of traces. */
async function ours(browser, url) {
  const { context, page } = await openPage(browser, `${url}/`);
  await page.waitForTimeout(300);
  await page.evaluate(() => { location.hash = '#trace=frames'; });
  const first = await firstPaint(page);
  await page.waitForTimeout(500); // what is fetched behind the picture
  const zooms = await zoomTimes(page, ZOOMS);
  const memory = await memoryOf(browser, page);
  await context.close();
  return { first, zooms, memory };
}

async function speedscope(browser, url) {
  const { context, page } = await openPage(browser, `${url}/speedscope.html`);
  await page.waitForTimeout(300);
  const first = await page.evaluate(async () => {
    const text = await (await fetch('speedscope.json')).text();
    const before = new Map([...globalThis.drawn.by].map(([canvas, d]) => [canvas, d.calls]));
    const begun = performance.now();
    const clipboardData = new DataTransfer();
    clipboardData.setData('text', text);
    document.dispatchEvent(new ClipboardEvent('paste', { clipboardData, bubbles: true, cancelable: true }));
    // from its first call that draws boxes on
    for (;;) {
      const now = await afterFrame();
      for (const [canvas, d] of globalThis.drawn.by) if (d.calls > (before.get(canvas) ?? 0) && document.querySelectorAll('canvas').length > 1) return now - begun;
      if (now - begun > 60000) throw new Error('speedscope showed nothing');
    }
  });
  const memory = await memoryOf(browser, page);
  await context.close();
  return { first, zooms: [], memory };
}

async function d3(browser, url) {
  const { context, page } = await openPage(browser, `${url}/d3.html`);
  const first = await page.evaluate(async () => {
    const text = await (await fetch('d3.json')).text();
    const begun = performance.now();
    const chart = peer.flamegraph().width(1200).cellHeight(20).minFrameSize(1).transitionDuration(0);
    peer.select('#chart').datum(JSON.parse(text)).call(chart);
    return await afterFrame() - begun;
  });
  const memory = await memoryOf(browser, page);
  await context.close();
  return { first, zooms: [], memory };
}

async function spans(browser, url) {
  const { context, page } = await openPage(browser, `${url}/#trace=spans`);
  await page.waitForFunction(() => [...document.querySelectorAll('.waterfall canvas')].some((c) => globalThis.drawn.by.has(c)), null, { polling: 5 });
  const times = await page.evaluate(async (n) => {
    const el = document.querySelector('.waterfall');
    const box = el.getBoundingClientRect();
    const out = { scroll: [], zoom: [] };
    for (let i = 0; i < n; i++) {
      out.scroll.push(await frameWork(() => { el.scrollTop = (el.scrollHeight * ((i * 37) % n)) / n; }));
      out.zoom.push(await frameWork(() => el.dispatchEvent(new WheelEvent('wheel', { deltaY: i % 12 < 6 ? -120 : 120, ctrlKey: true, clientX: box.left + box.width * 0.7, clientY: box.top + 60, bubbles: true, cancelable: true }))));
    }
    return out;
  }, ZOOMS);
  await context.close();
  return times;
}

async function lines(browser, url) {
  const { context, page } = await openPage(browser, `${url}/#trace=lines`);
  await page.waitForFunction(() => document.querySelector('.panes .code')?.shadowRoot?.querySelector('.cm-line'), null, { polling: 5 });
  const first = await page.evaluate(async () => {
    const end = await afterFrame();
    return end - globalThis.textAt.disassembly;
  });
  await context.close();
  return first;
}

// ---- all of it ----

async function measure() {
  npmCi(here);
  npmCi(resolve(here, '../web'));
  const { chromium } = createRequire(resolve(here, '../web/package.json'))('playwright-core');
  const profile = bigProfile(FRAMES);
  const data = { columns: packedBytes(profile), speedscope: speedscopeText(profile), d3: d3Json(profile), spans: bigSpans(SPANS), disassembly: bigDisassembly(LINES) };
  const site = await serve(data);
  // A browser for each measurement: one that has shown a big profile is no fresh one.
  const withBrowser = async (work) => {
    await rest();
    const browser = await chromium.launch({
      executablePath: process.env.SPVSCOPE_CHROMIUM ?? '/usr/bin/chromium',
      args: ['--no-sandbox', '--disable-gpu-vsync', '--disable-frame-rate-limit', '--enable-unsafe-swiftshader', '--disable-background-networking', '--disable-component-update'],
    });
    try {
      return await work(browser, site.url);
    } finally {
      await browser.close();
    }
  };
  const works = options.alone ? { 'this viewer': ours } : { 'this viewer': ours, speedscope, 'd3-flame-graph': d3 };
  const rounds = new Map(Object.keys(works).map((name) => [name, []]));
  const errors = new Map();
  const more = { address: [], spans: [], lines: [] };
  for (let round = 0; round < ROUNDS; round++) {
    for (const [name, work] of Object.entries(works)) {
      if (work !== ours && round >= PEER_ROUNDS) continue;
      say(`${name}, ${FRAMES} frames, round ${round + 1} of ${ROUNDS} …`);
      await withBrowser(work).then((r) => rounds.get(name).push(r), (e) => errors.set(name, e.message));
    }
    await withBrowser(oursByAddress).then((r) => more.address.push(r), (e) => errors.set('by its address', e.message));
    await withBrowser(spans).then((r) => more.spans.push(r), (e) => errors.set('spans', e.message));
    await withBrowser(lines).then((r) => more.lines.push(r), (e) => errors.set('lines', e.message));
  }
  const empty = await withBrowser(async (browser, url) => {
    const { page } = await openPage(browser, `${url}/`);
    await page.waitForTimeout(500);
    return memoryOf(browser, page);
  });
  site.stop();
  return { rounds, errors, more, empty, boxes: profile.stacks.parent.length, samples: profile.samples.stack.length };
}

function rowsOf({ rounds, errors, more, empty }) {
  const rows = [];
  const row = (what, values, budget, unit) => {
    const value = values.length ? median(values) : null;
    rows.push({ what, value, least: values.length ? Math.min(...values) : null, most: values.length ? Math.max(...values) : null, budget, unit, ok: budget === null || value === null ? null : value <= budget });
  };
  for (const [name, list] of rounds) {
    const own = name === 'this viewer';
    const frames = FRAMES.toLocaleString('en-US');
    row(`${name}: ${frames} frames, bytes to first paint`, list.map((r) => r.first), own ? 300 : null, 'ms');
    const zooms = list.flatMap((r) => r.zooms);
    if (zooms.length) row(`${name}: work of a zoom, median`, zooms, own ? 16 : null, 'ms');
    row(`${name}: private memory of the page's process`, list.map((r) => r.memory), own ? 250 : null, 'MB');
  }
  row(`this viewer: the same by its address, in a browser that has just begun`, more.address, null, 'ms');
  row('this viewer: the same process with an empty list', [empty], null, 'MB');
  const spanCount = SPANS.toLocaleString('en-US');
  row(`this viewer: ${spanCount} spans, work of a frame of scrolling`, more.spans.flatMap((r) => r.scroll), 33, 'ms');
  row(`this viewer: ${spanCount} spans, work of a frame of zooming`, more.spans.flatMap((r) => r.zoom), 33, 'ms');
  row(`this viewer: ${LINES.toLocaleString('en-US')} lines of disassembly open`, more.lines, 500, 'ms');
  for (const r of rows) r.error = [...errors].find(([name]) => r.value === null && (r.what.startsWith(name) || r.what.includes(name)))?.[1] ?? null;
  return rows;
}

if (!existsSync(dist) || !readdirSync(dist).includes('trace.js')) {
  if (options.tap) process.stdout.write('ok 1 - the viewer was measured # SKIP it is not built here\n1..1\n');
  else say('the viewer is not built here, so it is not measured');
} else {
  const measured = await measure();
  const rows = rowsOf(measured);
  if (options.json) {
    const document = existsSync(options.json) ? JSON.parse(readFileSync(options.json, 'utf8')) : {};
    writeFileSync(options.json, `${JSON.stringify({ ...document, viewer: rows }, null, 2)}\n`);
  }
  if (options.tap) {
    rows.forEach((r, i) => process.stdout.write(`${r.value === null ? 'not ok' : 'ok'} ${i + 1} - ${r.what} was measured\n${r.error ? `# ${r.error.replaceAll('\n', '\n# ')}\n` : ''}`));
    process.stdout.write(`1..${rows.length}\n`);
  } else {
    process.stdout.write(`\nthe viewer and its peers, ${measured.boxes.toLocaleString('en-US')} frames of ${measured.samples.toLocaleString('en-US')} samples, headless Chromium\n`);
    for (const r of rows) {
      const budget = r.budget === null ? '' : `  budget: at most ${r.budget} ${r.unit}: ${r.ok === null ? '–' : r.ok ? 'ok' : 'over'}`;
      const range = r.value === null ? '' : `  ${r.least.toFixed(1)} to ${r.most.toFixed(1)}`;
      process.stdout.write(`${r.what.padEnd(64)} ${(r.value === null ? `not measured: ${r.error}` : `${r.value.toFixed(1)} ${r.unit}`).padStart(14)}${range}${budget}\n`);
    }
  }
  process.exitCode = rows.some((r) => r.value === null) ? 1 : 0;
}
