// SPDX-License-Identifier: Apache-2.0
// The real service, on a free port and a state directory of its own.
import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { once } from 'node:events';

const READY = /^spvscoped ready (http:\/\/\S+)$/;
const READY_MS = 20_000;

export async function startService(build) {
	const state = mkdtempSync(join(tmpdir(), 'spvscope-corpora-'));
	const child = spawn(join(build, 'server/spvscoped'), ['--listen', '127.0.0.1:0', '--state-dir', state], {
		stdio: ['ignore', 'pipe', 'pipe'],
	});
	const said = [];
	createInterface({ input: child.stderr }).on('line', (line) => said.push(line));
	const ended = once(child, 'exit');
	const url = await new Promise((resolve, reject) => {
		const give_up = (why) => reject(new Error(`the service is not ready: ${why}\n${said.slice(-20).join('\n')}`));
		const timer = setTimeout(give_up, READY_MS, `nothing within ${READY_MS} ms`);
		createInterface({ input: child.stdout }).on('line', (line) => {
			const match = READY.exec(line);
			if (match) {
				clearTimeout(timer);
				resolve(match[1]);
			}
		});
		child.on('error', (error) => give_up(error.message));
		child.on('exit', (code, signal) => give_up(`it ended with ${signal ?? code}`));
	});
	return {
		url,
		said,
		async get(path) {
			const response = await fetch(url + path);
			return response.json();
		},
		/** `{http, body}`; body is null when it is not JSON. */
		async compile(request) {
			const response = await fetch(`${url}/v1/compile`, {
				method: 'POST',
				headers: { 'content-type': 'application/json' },
				body: JSON.stringify(request),
			});
			return { http: response.status, body: await response.json().catch(() => null) };
		},
		async stop() {
			child.kill('SIGTERM');
			const [code, signal] = await ended;
			rmSync(state, { recursive: true, force: true });
			return signal ?? code;
		},
	};
}
