// SPDX-License-Identifier: Apache-2.0
// A tool that opens a library at run time: its program does not name it, so there is no unwind table for it beforehand. The
// first run says so, and the front makes the table from what the process has mapped; then stacks are whole and have names.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { chmodSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import test, { after, before } from 'node:test';
import { fragment, makeFolder, Service } from './service.mjs';

const library = `#include <time.h>
static volatile unsigned long sink;
__attribute__((noinline, noclone)) static void opened_inner(void) { for (unsigned long i = 0; i < 100000; i++) sink += i * i; }
void opened_outer(void) { for (clock_t end = clock() + CLOCKS_PER_SEC * 3 / 10; clock() < end;) opened_inner(); sink++; }
`;
const program = `#include <dlfcn.h>
#include <stdio.h>
#include <string.h>
int main(int argc, char **argv)
{
	if (argc > 1 && strcmp(argv[1], "--version") == 0)
		return puts("opener 1.0") < 0;
	void *handle = dlopen(argv[1], RTLD_NOW);
	void (*opened)(void) = 0;
	if (handle)
		*(void **)&opened = dlsym(handle, "opened_outer");
	if (!opened)
		return fprintf(stderr, "error: %s\\n", dlerror()), 2;
	opened();
	return 7;
}
`;

let service;
before(async () => {
	const folder = makeFolder(), at = (name) => join(folder, name);
	const compile = (...args) => execFileSync('cc', ['-O1', '-fomit-frame-pointer', ...args]);
	writeFileSync(at('opened.c'), library);
	writeFileSync(at('opener.c'), program);
	compile('-shared', '-fPIC', '-o', at('opened.so'), at('opened.c'));
	compile('-o', at('opener'), at('opener.c'));
	for (const name of ['opened.so', 'opener'])
		chmodSync(at(name), 0o755);
	service = await Service.start({ folder, args: ['--command', `opener glsl read=${at('opened.so')} : ${at('opener')} ${at('opened.so')} {input}`] });
});
after(() => service?.close());

const profiled = async () => (await service.compile({ name: 'a.frag', source: fragment, backend: 'opener',
	analyzer: { kind: 'release', min_samples: 0 } })).body;

test('a library that a tool opened at run time has whole stacks from the next run on', async (t) => {
	let body = await profiled();
	for (let tries = 0; tries < 20 && /ask again|is starting/.test(body.analyzer.reason ?? ''); tries++) {
		await sleep(500);
		body = await profiled();
	}
	if (body.analyzer.state !== 'attached')
		return t.skip(body.analyzer.reason);
	t.diagnostic(`first: ${body.analyzer.complete} of ${body.analyzer.samples} ${JSON.stringify(body.analyzer.truncated_by)}`);
	assert.doesNotMatch(JSON.stringify(body.diagnostics), /error: /, 'the library was opened');
	assert.ok(body.analyzer.samples > 100);
	for (let tries = 0; tries < 10 && body.analyzer.truncated_by.no_table; tries++) {
		await sleep(100);
		body = await profiled();
	}
	t.diagnostic(`then: ${body.analyzer.complete} of ${body.analyzer.samples} ${JSON.stringify(body.analyzer.truncated_by)}`);
	assert.ok(body.analyzer.complete >= 0.99 * body.analyzer.samples);
	assert.match(service.stderr, /unwind tables of what was opened at run time: 1 files/);
	const folded = await (await service.fetch(`/v1/traces/${body.trace.id}/flame?format=folded`)).text();
	assert.match(folded, /;main;opened_outer;opened_inner /);
});
