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
static void copy(const char *from, const char *to)
{
	FILE *in = fopen(from, "r"), *out = fopen(to, "w");
	for (int c; in && out && (c = getc(in)) != EOF;)
		putc(c, out);
	if (out)
		fclose(out);
}
int main(int argc, char **argv)
{
	if (argc > 1 && strcmp(argv[1], "--version") == 0)
		return puts("opener 1.0") < 0;
	if (argc > 3)
		copy(argv[1], argv[3]);
	char made[4096];
	snprintf(made, sizeof(made), "./%s", argv[argc - 1]);
	void *handle = dlopen(argc > 3 ? made : argv[1], RTLD_NOW);
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
	const command = `glsl read=${at('opened.so')} : ${at('opener')} ${at('opened.so')} {input}`;
	service = await Service.start({ folder, args: ['--command', `opener ${command}`, '--command', `maker ${command} {output}`] });
});
after(() => service?.close());

const profiled = async (backend = 'opener') => (await service.compile({ name: 'a.frag', source: fragment, backend,
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
	assert.doesNotMatch(JSON.stringify(body.diagnostics), /cannot open/, 'the library was opened');
	assert.ok(body.analyzer.samples > 100);
	/* Other tables may come first, those of the workers too: until the very first is there, frame pointers must do. */
	const waitsForTables = ({ no_table, frame_pointers }) => no_table || frame_pointers;
	for (let tries = 0; tries < 100 && waitsForTables(body.analyzer.truncated_by); tries++) {
		await sleep(100);
		body = await profiled();
	}
	t.diagnostic(`then: ${body.analyzer.complete} of ${body.analyzer.samples} ${JSON.stringify(body.analyzer.truncated_by)}`);
	assert.ok(body.analyzer.complete >= 0.99 * body.analyzer.samples, JSON.stringify(body.analyzer));
	assert.match(service.stderr, /unwind tables of what was opened at run time: 1 files/);
	const folded = await (await service.fetch(`/v1/traces/${body.trace.id}/flame?format=folded`)).text();
	assert.match(folded, /;main;opened_outer;opened_inner /);
});

test('what a tool has made itself is not read: the front has no reason to trust it', async (t) => {
	for (let run = 0; run < 2; run++) {
		const body = await profiled('maker');
		if (body.analyzer.state !== 'attached')
			return t.skip(body.analyzer.reason);
		t.diagnostic(`${body.analyzer.complete} of ${body.analyzer.samples} ${JSON.stringify(body.analyzer.truncated_by)}`);
		assert.doesNotMatch(JSON.stringify(body.diagnostics), /cannot open/, 'the library was opened');
		assert.ok(body.analyzer.truncated_by.no_table > 0);
		assert.ok(body.analyzer.complete < 0.5 * body.analyzer.samples, 'nine in ten of its samples are in that library');
		await sleep(200);
	}
});
