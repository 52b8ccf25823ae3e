// SPDX-License-Identifier: Apache-2.0
// Builds the viewer: `node build.mjs OUTDIR [STAMP DEPFILE]`. Installs what package-lock.json names when it has changed
// since the last time (a stamp in node_modules tells), bundles, and copies the static files. With a stamp, touches it at
// the end and writes into the depfile what it was made from.
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';

const HERE = dirname(fileURLToPath(import.meta.url));
const STATIC = ['index.html', 'favicon.svg'];
const MAX_GZIP_BYTES = { first: 35000, all: 125000 };

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

async function bundle() {
  const { build } = await import('esbuild');
  return build({
    absWorkingDir: HERE,
    entryPoints: { app: 'src/main.tsx', style: 'src/app.css' },
    outdir: '/out',
    entryNames: '[name]',
    chunkNames: '[name]-[hash]',
    bundle: true,
    splitting: true,
    minify: true,
    charset: 'utf8',
    format: 'esm',
    target: ['es2022', 'chrome111', 'firefox113', 'safari16.4'],
    jsx: 'automatic',
    jsxImportSource: 'preact',
    legalComments: 'none',
    banner: { js: '/* spvscope viewer, Apache-2.0; contains Preact, MIT */' },
    metafile: true,
    write: false,
    logLevel: 'warning',
  });
}

const nameOf = (path) => path.split(/[\\/]/).pop().replace(/^style\.css$/, 'app.css');

/** What the page fetches before it shows anything: the static imports of app.js, all the way down. */
function firstScripts(outputs) {
  const importsOf = new Map(Object.entries(outputs).map(([path, o]) => [nameOf(path),
    o.imports.filter((i) => i.kind === 'import-statement').map((i) => nameOf(i.path))]));
  const seen = new Set(['app.js']);
  for (const name of seen) for (const next of importsOf.get(name)) seen.add(next);
  return seen;
}

function checkSizes(files, first) {
  const sizes = { first: 0, all: 0 };
  for (const [name, bytes] of files) {
    const n = gzipSync(bytes, { level: 9 }).length;
    sizes.all += n;
    if (!name.endsWith('.js') || first.has(name)) sizes.first += n;
  }
  console.error(`web: ${sizes.first} bytes of gzip to open, ${sizes.all} in all`);
  for (const key of Object.keys(sizes)) {
    if (sizes[key] > MAX_GZIP_BYTES[key]) {
      console.error(`web: that is above the ${MAX_GZIP_BYTES[key]} that the page may weigh`);
      process.exit(1);
    }
  }
}

const [outDir, stamp, depfile] = process.argv.slice(2);
if (!outDir) {
  console.error('usage: node build.mjs OUTDIR [STAMP DEPFILE]');
  process.exit(2);
}
install();
const result = await bundle();
const files = new Map(result.outputFiles.map((f) => [nameOf(f.path), f.contents]));
for (const name of STATIC) files.set(name, readFileSync(join(HERE, 'src', name)));
checkSizes(files, firstScripts(result.metafile.outputs));

const out = resolve(outDir);
mkdirSync(out, { recursive: true });
for (const [name, bytes] of files) writeFileSync(join(out, name), bytes);
for (const name of readdirSync(out)) if (!files.has(name)) rmSync(join(out, name), { recursive: true });
if (stamp) {
  const inputs = [...Object.keys(result.metafile.inputs), ...STATIC.map((n) => `src/${n}`), 'package-lock.json', 'build.mjs'];
  writeFileSync(depfile, `${stamp}: ${inputs.map((p) => join(HERE, p).replace(/ /g, '\\ ')).join(' ')}\n`);
  writeFileSync(stamp, '');
}
