// SPDX-License-Identifier: Apache-2.0
// What a file of browser tests stands on: one service, one browser, and the page that a test has open, which must have done
// nothing that it must not.
import assert from 'node:assert/strict';
import { after, afterEach, before } from 'node:test';
import { openBrowser, openPage } from './browser.mjs';
import { startService } from './service.mjs';
import * as sources from './sources.mjs';

export const site = { service: null, browser: null, view: null };

/** To be called once by each file; with further arguments for the service. */
export function standOnService(...args) {
  before(async () => {
    site.service = await startService(args);
    site.browser = await openBrowser();
  });
  after(async () => {
    await site.browser?.close();
    await site.service?.stop();
  });
  afterEach(async () => {
    const faults = site.view?.faults ?? [];
    await site.view?.context.close();
    site.view = null;
    assert.deepEqual(faults, [], 'the page did something that it must not');
  });
}

/** A page of the viewer, the test's only one; the next test closes it. */
export const open = async (options) => (site.view = await openPage(site.browser, site.service.url, options));
export const compile = (request) => sources.compile(site.service, request);
export const traced = (more) => sources.traced(site.service, more);
export const getJson = async (path) => (await fetch(`${site.service.url}${path}`)).json();

/** The page of a trace with samples; null, with a skip that says why, where the analyzer could take none. */
export async function openSampled(t, answer, fragment = '') {
  if (answer.analyzer.state !== 'attached') {
    t.skip(`analyzer ${answer.analyzer.state}: ${answer.analyzer.reason}`);
    return null;
  }
  const view = await open();
  await view.go(`#trace=${answer.trace.id}${fragment}`);
  await view.page.locator('.flame').waitFor();
  return view.page;
}

/** A trace to look at, the same for several tests of a file. */
let busy;
export const busyTrace = async () => (busy ??= await traced({ debug_info: 'line', analyzer: { kind: 'debug', min_samples: 200, budget_ms: 1000 } }));
