// SPDX-License-Identifier: Apache-2.0
// The real service for a browser test: a fresh one on a free port, with a state directory of its own. With SPVSCOPE_URL, one
// that already runs.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';

const READY_MS = 30000;

export async function startService(args = []) {
  if (process.env.SPVSCOPE_URL) return { url: process.env.SPVSCOPE_URL.replace(/\/$/, ''), stop: async () => undefined };
  const build = process.env.SPVSCOPE_BUILD;
  if (!build) throw new Error('SPVSCOPE_BUILD must name the build directory');
  const state = mkdtempSync(join(tmpdir(), 'spvscope-web-'));
  const child = spawn(join(build, 'server', 'spvscoped'), ['--listen', '127.0.0.1:0', '--state-dir', state, ...args], { stdio: ['ignore', 'pipe', 'pipe'] });
  const exited = once(child, 'exit');
  let said = '';
  child.stderr.on('data', (d) => { said = (said + d).slice(-4000); });
  const url = await new Promise((found, failed) => {
    const timer = setTimeout(() => {
      child.kill('SIGKILL');
      failed(new Error(`no readiness line within ${READY_MS} ms\n${said}`));
    }, READY_MS);
    createInterface({ input: child.stdout }).on('line', (line) => {
      const m = /^spvscoped ready (http:\/\/\S+)$/.exec(line);
      if (!m) return;
      clearTimeout(timer);
      found(m[1]);
    });
    exited.then(([code, signal]) => {
      clearTimeout(timer);
      failed(new Error(`the service ended with ${signal ?? code}\n${said}`));
    });
  });
  return {
    url,
    async stop() {
      child.kill('SIGTERM');
      await exited;
      rmSync(state, { recursive: true, force: true });
    },
  };
}
