// SPDX-License-Identifier: Apache-2.0
// Builds the viewer: `node build.mjs OUTDIR [STAMP DEPFILE]`. Installs what package-lock.json names when it has changed
// since the last time (a stamp in node_modules tells), bundles, and copies the static files, speedscope's page among them.
// offline.html is the same viewer in one script, which a browser also runs from a disk. With a stamp, touches it at the end
// and writes into the depfile what it was made from.
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join, relative, resolve, sep } from 'node:path';
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';

const HERE = dirname(fileURLToPath(import.meta.url));
const STATIC = ['index.html', 'favicon.svg'];
const MAX_GZIP_BYTES = { first: 35000, all: 125000 };
const SPEEDSCOPE = join(HERE, 'node_modules', 'speedscope');

function install() {
  const stamp = join(HERE, 'node_modules', '.lock-sha256');
  const lock = createHash('sha256').update(readFileSync(join(HERE, 'package-lock.json')))
    .update(`${process.platform} ${process.arch}`).digest('hex');
  if (existsSync(stamp) && readFileSync(stamp, 'utf8') === lock) return;
  rmSync(stamp, { force: true });
  console.error('web: installing the packages of package-lock.json');
  // No package runs a script of its own here; esbuild finds its binary without.
  const r = spawnSync('npm', ['ci', '--ignore-scripts', '--no-audit', '--no-fund', '--loglevel=error'],
    { cwd: HERE, stdio: ['ignore', 2, 2] });
  if (r.error || r.status !== 0) {
    console.error(`web: npm ci failed${r.error ? `: ${r.error.message}` : ''}. To build without the viewer: meson setup -Dweb=disabled`);
    process.exit(1);
  }
  writeFileSync(stamp, lock);
}

/* Members of the model's own columns: never in JSON, in a page or in a package, so they may be short. The same in every script. */
const SHORT = ['stackParent', 'stackFn', 'sampleStack', 'sampleSpan', 'sampleResult', 'sampleInKernel', 'sampleRun', 'sampleTime', 'sampleWeight',
  'sampleLane', 'sampleBox', 'laneFn', 'fnName', 'fnModule', 'fnFile', 'fnRoot', 'fnTruncated', 'fnKernel', 'frequencyHz', 'nChildren', 'rowStart',
  'nRows', 'startNs', 'durationNs', 'cpuNs', 'totalNs', 'hasError', 'indexOfId', 'families', 'originNs', 'samplesAt', 'boxMatches', 'fnMatches',
  'nRuns', 'moreParent', 'moreFn', 'fnOfFrame', 'hueOf', 'spanName', 'endNs', 'pixelOf', 'nodeOf', 'onCpu', 'onTooFew',
  'sampleCount', 'selectedText', 'matchText', 'onZoom', 'onRange'];

const COMMON = {
  absWorkingDir: HERE,
  outdir: '/out',
  entryNames: '[name]',
  chunkNames: '[name]-[hash]',
  bundle: true,
  minify: true,
  mangleProps: new RegExp(`^(?:${SHORT.join('|')})$`),
  mangleCache: Object.fromEntries(SHORT.map((name, i) => [name, `_${i.toString(36)}`])),
  charset: 'utf8',
  target: ['es2022', 'chrome111', 'firefox113', 'safari16.4'],
  jsx: 'automatic',
  jsxImportSource: 'preact',
  legalComments: 'none',
  banner: { js: '/* Apache-2.0; Preact and CodeMirror: MIT */' },
  metafile: true,
  write: false,
  logLevel: 'warning',
};

/* Scripts of one piece: what every page needs, what a trace's page needs besides until it is painted, and the editor. Pieces
 * weigh more, since each is compressed alone. Whatever is fetched later imports from these what it shares with them. */
const WHOLE = [['app.js', './src/main.tsx', './src/model/format.ts'], ['trace.js', './src/views/trace.tsx'], ['code.js', './src/views/code.tsx']];
const LATER = ['rarely', 'later', 'reading', 'list', 'compile', 'compare']; // those that others fetch come first

const fileOf = (resolved) => relative(HERE, resolved).split(sep).join('/');
const partOf = (path) => path.split('/').pop().replace(/\.tsx?$/, '');

/** Module → the script that it is in, and a short name for each of its exports. */
async function sharedModules(build) {
  const leaveDynamic = { name: 'leave-dynamic', setup: (b) => b.onResolve({ filter: /.*/ }, (i) => (i.kind === 'dynamic-import' ? { path: i.path, external: true } : null)) };
  const shared = new Map();
  let n = 0;
  for (const [script, ...entries] of WHOLE) {
    const { metafile } = await build({ ...COMMON, format: 'esm', entryPoints: entries, plugins: [leaveDynamic] });
    const modules = Object.keys(metafile.inputs).filter((path) => !shared.has(path));
    const { metafile: apart } = await build({ ...COMMON, banner: {}, format: 'esm', bundle: false, entryPoints: modules, entryNames: '[dir]/[name]' });
    for (const o of Object.values(apart.outputs)) shared.set(o.entryPoint, { script, names: o.exports.map((name) => [name, `$${(n++).toString(36)}_`]) });
  }
  return shared;
}

/** Stands in for modules that are in a script which is there already: takes the wanted exports from it. */
const fromScripts = (shared, of, wanted) => ({ name: 'from-scripts', setup(b) {
  b.onResolve({ filter: /.*/ }, async (i) => {
    if (i.pluginData === 'resolving' || i.kind === 'entry-point' || i.kind === 'dynamic-import') return null;
    if (i.namespace === 'there') return { path: i.path, external: true };
    const { path } = await b.resolve(i.path, { resolveDir: i.resolveDir, kind: i.kind, importer: i.importer, pluginData: 'resolving' });
    return path && of.includes(shared.get(fileOf(path))?.script) ? { path: fileOf(path), namespace: 'there', sideEffects: false } : null;
  });
  b.onLoad({ filter: /.*/, namespace: 'there' }, ({ path }) => {
    const { script, names } = shared.get(path);
    const some = names.filter(([, short]) => wanted(short));
    return { contents: `import { ${some.map(([, short]) => short).join(', ')} } from './${script}';\nexport { ${some.map(([name, short]) => `${short} as ${name}`).join(', ')} };`, resolveDir: HERE };
  });
} });

const IMPORTS = /import\s*\{[^}]*\}\s*from\s*"\.\/\w+\.js";/g;
const used = (result) => new Set(result.outputFiles.map((f) => f.text.replace(IMPORTS, '')).join('').match(/\$[0-9a-z]+_\b/g));

async function bundle() {
  const { build } = await import('esbuild');
  const shared = await sharedModules(build);
  const scriptOf = new Map(WHOLE.map(([script, entry]) => [partOf(entry), script]));
  const toScripts = { name: 'to-scripts', setup: (b) => b.onResolve({ filter: /.*/ }, (i) => (i.kind === 'dynamic-import' && scriptOf.has(partOf(i.path))
    ? { path: `./${scriptOf.get(partOf(i.path))}`, external: true } : null)) };
  // An import that nobody uses stays an import. So everything is built once for reading, to see which names stand outside of
  // imports, and once for good.
  const twice = async (options, of) => {
    const wanted = used(await build({ ...COMMON, format: 'esm', ...options, minify: false, plugins: [toScripts, fromScripts(shared, of, () => true)] }));
    return { wanted, result: await build({ ...COMMON, format: 'esm', ...options, plugins: [toScripts, fromScripts(shared, of, (short) => wanted.has(short))] }) };
  };
  const built = [];
  for (const name of LATER) {
    const one = await twice({ entryNames: '[name]-[hash]', entryPoints: [`./src/views/${name}`] }, WHOLE.map(([script]) => script));
    scriptOf.set(name, nameOf(one.result.outputFiles[0].path));
    built.push(one);
  }
  for (const [i, [script, entry]] of [...WHOLE.entries()].reverse()) {
    // Of its exports a script has those that are asked for by what is built before it.
    const wanted = new Set(built.flatMap((x) => [...x.wanted]));
    const exports = [...shared].filter(([, s]) => s.script === script).map(([path, s]) => [path, s.names.filter(([, short]) => wanted.has(short))])
      .filter(([, names]) => names.length).map(([path, names]) => `export { ${names.map(([name, short]) => `${name} as ${short}`).join(', ')} } from './${path}';`);
    built.push(await twice({
      stdin: { contents: [`export * from '${entry}';`, ...exports].join('\n'), resolveDir: HERE, sourcefile: script, loader: 'ts' }, outdir: undefined, outfile: `/out/${script}`,
    }, WHOLE.slice(0, i).map(([name]) => name)));
  }
  const styles = await build({ ...COMMON, entryPoints: { app: 'src/app.css', further: 'src/further.css' } });
  const results = [...built.map((x) => x.result), styles];
  return {
    files: results.flatMap((r) => r.outputFiles),
    outputs: Object.assign({}, ...results.map((r) => r.metafile.outputs)),
    inputs: results.flatMap((r) => Object.keys(r.metafile.inputs)).filter((path) => /^(?:src|node_modules)\//.test(path)),
  };
}

async function offline() {
  const { build } = await import('esbuild');
  const { outputFiles } = await build({ ...COMMON, entryPoints: { offline: 'src/main.tsx' }, format: 'iife' });
  const page = readFileSync(join(HERE, 'src', 'index.html'), 'utf8');
  // A script that is no module runs at once, so it must stand behind the element that it fills.
  const html = page.replace(/<script type="module".*?<\/script>\n/, '').replace('</body>', '<script src="offline.js"></script>\n</body>');
  return [['offline.js', outputFiles[0].contents], ['offline.html', Buffer.from(html)]];
}

/** speedscope's own page as it is in its package, under a page of ours that it can be handed a profile through. */
function speedscope() {
  const release = join(SPEEDSCOPE, 'dist', 'release');
  const files = readdirSync(release).filter((name) => /^speedscope-.*\.(?:js|css)$|\.woff2$/.test(name)
    || (/^favicon.*\.js$/.test(name)));
  const ofEnding = (ending) => files.find((name) => name.startsWith('speedscope-') && name.endsWith(ending));
  const page = readFileSync(join(HERE, 'src', 'speedscope', 'speedscope.html'), 'utf8').replace('@css@', ofEnding('.css')).replace('@js@', ofEnding('.js'));
  return [
    ...files.map((name) => [name, readFileSync(join(release, name))]),
    ['speedscope.html', Buffer.from(page)],
    ['speedscope-bridge.js', readFileSync(join(HERE, 'src', 'speedscope', 'speedscope-bridge.js'))],
    ['speedscope-LICENSE.txt', readFileSync(join(SPEEDSCOPE, 'LICENSE'))],
  ];
}

const nameOf = (path) => path.split(/[\\/]/).pop();

/** What a script brings with it: its static imports, all the way down. */
function closure(outputs, entry) {
  const importsOf = new Map(Object.entries(outputs).map(([path, o]) => [nameOf(path),
    o.imports.filter((i) => i.kind === 'import-statement').map((i) => nameOf(i.path))]));
  const seen = new Set([entry]);
  for (const name of seen) for (const next of importsOf.get(name)) seen.add(next);
  return seen;
}

/** What each view fetches until it is painted, and with everything that it fetches by itself. A trace paints spans and
 * flame graph first, then fetches the rest, the editor among it. What only a click fetches is in neither. */
const VIEWS = {
  list: { first: ['list'], all: [] },
  trace: { first: ['trace'], all: ['later', 'reading'] },
  playground: { first: [], all: ['compile'] },
  compare: { first: [], all: ['compare'] },
};

function checkSizes(files, outputs) {
  const size = new Map([...files].map(([name, bytes]) => [name, gzipSync(bytes, { level: 9 }).length]));
  const scriptOf = (part) => [...size.keys()].find((name) => name === `${part}.js` || new RegExp(`^${part}-[0-9A-Z]{8}\\.js$`).test(name));
  const sum = (names) => [...names].reduce((n, name) => n + size.get(name), 0);
  for (const [view, { first, all }] of Object.entries(VIEWS)) {
    const names = new Set(['index.html', 'favicon.svg', 'app.css', ...closure(outputs, 'app.js')]);
    for (const part of first) for (const name of closure(outputs, scriptOf(part))) names.add(name);
    const sizes = { first: sum(names) };
    for (const part of all) for (const name of closure(outputs, scriptOf(part))) names.add(name);
    sizes.all = sum(names.add('further.css'));
    console.error(`web: ${view}: ${sizes.first} bytes of gzip until it is painted, ${sizes.all} in all`);
    for (const key of Object.keys(sizes)) {
      if (sizes[key] > MAX_GZIP_BYTES[key]) {
        console.error(`web: that is above the ${MAX_GZIP_BYTES[key]} that it may weigh`);
        process.exitCode = 1;
      }
    }
  }
  if (process.exitCode) process.exit();
}

const [outDir, stamp, depfile] = process.argv.slice(2);
if (!outDir) {
  console.error('usage: node build.mjs OUTDIR [STAMP DEPFILE]');
  process.exit(2);
}
install();
const result = await bundle();
const files = new Map(result.files.map((f) => [nameOf(f.path), f.contents]));
for (const name of STATIC) files.set(name, readFileSync(join(HERE, 'src', name)));
checkSizes(files, result.outputs);

for (const [name, bytes] of [...await offline(), ...speedscope()]) files.set(name, bytes);

const out = resolve(outDir);
mkdirSync(out, { recursive: true });
for (const [name, bytes] of files) writeFileSync(join(out, name), bytes);
for (const name of readdirSync(out)) if (!files.has(name)) rmSync(join(out, name), { recursive: true });
if (stamp) {
  const inputs = [...new Set(result.inputs), ...STATIC.map((n) => `src/${n}`), 'src/speedscope/speedscope.html', 'src/speedscope/speedscope-bridge.js', 'package-lock.json', 'build.mjs'];
  writeFileSync(depfile, `${stamp}: ${inputs.map((p) => join(HERE, p).replace(/ /g, '\\ ')).join(' ')}\n`);
  writeFileSync(stamp, '');
}
