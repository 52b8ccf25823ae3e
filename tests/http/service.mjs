// SPDX-License-Identifier: Apache-2.0
// Starts the real service on a free port with a state folder of its own, and asks it things. For all *.test.mjs here.
import { spawn } from 'node:child_process';
import { chmodSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import net from 'node:net';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

export const build = resolve(process.env.SPVSCOPE_BUILD ?? join(fileURLToPath(new URL('.', import.meta.url)), '../../build'));
export const program = join(build, 'server/spvscoped');

/** Built with AddressSanitizer: what the compilers do with memory ends otherwise there. */
export const isSanitized = readFileSync(program).includes('__asan_init');

export const fragment = '#version 450\nlayout(location=0) out vec4 c;\nvoid main(){ c = vec4(1); }\n';

/** A folder that the service's user may use too, when the test runs as root. */
export function makeFolder() {
	const folder = mkdtempSync(join(tmpdir(), 'spvscope-http-'));
	chmodSync(folder, 0o777);
	return folder;
}

export class Service {
	/**
	 * Starts it and waits for its readiness line. args are added; env is merged; command is what starts it. Most tests look
	 * at compiles, and an answer from the cache is none: so it has one only where a test asks for it.
	 */
	static async start({ args = [], env = {}, folder = makeFolder(), command = [program], cache = false } = {}) {
		const service = new Service();
		service.folder = folder;
		service.stdout = '';
		service.stderr = '';
		service.started = performance.now();
		service.child = spawn(command[0], [...command.slice(1), '--config', '/dev/null', '--listen', '127.0.0.1:0',
			'--state-dir', join(folder, 'state'), ...(cache ? [] : ['--cache-bytes', '0']), ...args],
		{ stdio: ['ignore', 'pipe', 'pipe'], env: { ...process.env, SPVSCOPE_LOG: 'info', ...env } });
		service.exited = new Promise((done) => {
			service.child.on('exit', (code, signal) => done({ code, signal }));
		});
		service.child.stderr.on('data', (data) => { service.stderr += data; });
		const line = await new Promise((done, fail) => {
			service.child.stdout.on('data', (data) => {
				service.stdout += data;
				const end = service.stdout.indexOf('\n');
				if (end >= 0)
					done(service.stdout.slice(0, end));
			});
			service.exited.then(({ code, signal }) =>
				fail(new Error(`spvscoped ended (${code ?? signal}) before it was ready:\n${service.stderr}`)));
		});
		service.readyMs = performance.now() - service.started;
		service.readyLine = line;
		service.url = line.split(' ')[2];
		service.port = Number(new URL(service.url).port);
		return service;
	}

	/** Ends it as an operator would, and gives what it said and how it ended. */
	async stop(signal = 'SIGTERM') {
		this.child.kill(signal);
		const end = await this.exited;
		return end;
	}

	async [Symbol.asyncDispose]() {
		await this.close();
	}

	async close() {
		if (this.child.exitCode === null && this.child.signalCode === null)
			await this.stop();
		rmSync(this.folder, { recursive: true, force: true });
	}

	fetch(path, options) {
		return fetch(this.url + path, options);
	}

	/** A compile by JSON; gives status, headers and the decoded body. */
	async compile(fields, headers = {}) {
		const answer = await this.fetch('/v1/compile', {
			method: 'POST',
			headers: { 'Content-Type': 'application/json', ...headers },
			body: typeof fields === 'string' ? fields : JSON.stringify(fields),
		});
		return { status: answer.status, headers: answer.headers, body: await answer.json() };
	}

	/** The body is the source. */
	compileRaw(source, query = '', headers = {}) {
		return this.fetch(`/v1/compile${query}`, { method: 'POST', headers, body: source });
	}

	async metrics() {
		const values = {};
		for (const line of (await (await this.fetch('/metrics')).text()).split('\n')) {
			const match = /^([^#\s]+) (\S+)$/.exec(line);
			if (match)
				values[match[1]] = Number(match[2]);
		}
		return values;
	}

	/** Bytes as they are; resolves with all that comes back until the service closes, or for `forMs`. */
	raw(bytes, { forMs = 5000, end = false } = {}) {
		return new Promise((done, fail) => {
			const socket = net.connect(this.port, '127.0.0.1');
			let text = '';
			const timer = setTimeout(() => socket.destroy(), forMs);
			socket.on('connect', () => (end ? socket.end(bytes) : socket.write(bytes)));
			socket.on('data', (data) => { text += data.toString('latin1'); });
			socket.on('close', () => { clearTimeout(timer); done(text); });
			socket.on('error', (error) => (text ? undefined : fail(error)));
		});
	}
}
