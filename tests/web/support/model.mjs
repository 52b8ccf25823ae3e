// SPDX-License-Identifier: Apache-2.0
// The viewer's model code as a module that Node can run: bundled on the spot by the viewer's own esbuild.
import { mkdtempSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';

export const WEB = join(dirname(fileURLToPath(import.meta.url)), '..', '..', '..', 'web');
const MODULES = ['again', 'compare', 'curl', 'draft', 'exports', 'files', 'flame', 'format', 'functions', 'linemap', 'lines', 'orders', 'packed', 'passes', 'pinch', 'profile',
  'route', 'saved', 'search', 'spans', 'steps', 'strips', 'text', 'ticks', 'tokens', 'traces', 'words', 'zoom'];

export async function loadModel() {
  const { build } = createRequire(join(WEB, 'package.json'))('esbuild');
  const dir = mkdtempSync(join(tmpdir(), 'spvscope-model-'));
  try {
    const outfile = join(dir, 'model.mjs');
    await build({
      stdin: { contents: MODULES.map((m) => `export * as ${m} from './src/model/${m}';`).join('\n'), resolveDir: WEB, loader: 'ts' },
      bundle: true, format: 'esm', outfile, logLevel: 'warning',
    });
    return await import(pathToFileURL(outfile).href);
  } finally {
    rmSync(dir, { recursive: true });
  }
}
