// SPDX-License-Identifier: Apache-2.0
// What the built viewer weighs, by its files.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { gzipSync } from 'node:zlib';
import { WEB } from './support/model.mjs';

test('a trace is painted from 35 kB of gzip, and has its editor within 125 kB', () => {
  const dir = mkdtempSync(join(tmpdir(), 'spvscope-size-'));
  try {
    const built = spawnSync(process.execPath, [join(WEB, 'build.mjs'), dir], { encoding: 'utf8' });
    assert.equal(built.status, 0, built.stderr);
    const names = readdirSync(dir);
    const weigh = (list) => list.reduce((n, name) => n + gzipSync(readFileSync(join(dir, name)), { level: 9 }).length, 0);
    const first = ['index.html', 'favicon.svg', 'app.css', 'app.js', 'trace.js'];
    const rest = ['further.css', 'code.js', ...names.filter((name) => /^(?:later|reading)-/.test(name))];
    assert.equal(rest.length, 4);
    const imports = (list) => list.filter((name) => name.endsWith('.js')).flatMap((name) => [...readFileSync(join(dir, name), 'utf8').matchAll(/from\s*"\.\/([\w-]+\.js)"/g)].map((m) => m[1]));
    assert.deepEqual(imports(first).filter((name) => !first.includes(name)), [], 'nothing else comes with them');
    assert.deepEqual(imports(rest).filter((name) => ![...first, ...rest].includes(name)), []);
    assert.ok(weigh(first) <= 35000, `${weigh(first)} bytes`);
    assert.ok(weigh([...first, ...rest]) <= 125000, `${weigh([...first, ...rest])} bytes`);
    assert.ok(names.includes('offline.html') && names.includes('speedscope.html'));
    for (const name of names.filter((n) => /^(?:index|offline|speedscope)\.html$/.test(n))) assert.doesNotMatch(readFileSync(join(dir, name), 'utf8'), /https?:\/\//, `${name} names no other host`);
  } finally {
    rmSync(dir, { recursive: true });
  }
});
