// SPDX-License-Identifier: Apache-2.0
// The page: which view the fragment asks for, the bar above it, and the token where the service wants one.

import { render } from 'preact';
import { useEffect, useState } from 'preact/hooks';
import { ApiError, listTraces, setToken } from './api';
import { formatRoute, parseRoute, type Route } from './model/route';
import { lazy } from './views/parts';

const ListView = lazy('the list', async () => (await import('./views/list')).ListView);
const TraceView = lazy('the trace', async () => (await import('./views/trace')).TraceView);
const TokenForm = lazy('the form for the token', async () => (await import('./views/rarely')).TokenForm);
const CompileView = lazy('the playground', async () => (await import('./views/compile')).CompileView);
const CompareView = lazy('the comparison', async () => (await import('./views/compare')).CompareView);
const Help = lazy('the help', async () => (await import('./views/rarely')).Help);

/* A change of the address takes a browser some time, and browsers refuse more than a few in a second: it follows the picture. */
const ADDRESS_MS = 80;
let addressTimer = 0;

function App() {
  const [route, setRoute] = useState<Route>(() => parseRoute(location.hash));
  const [locked, setLocked] = useState(false);
  const [unlocked, setUnlocked] = useState(0);
  useEffect(() => {
    const follow = () => {
      clearTimeout(addressTimer);
      setRoute(parseRoute(location.hash));
    };
    addEventListener('hashchange', follow);
    return () => removeEventListener('hashchange', follow);
  }, []);
  useEffect(() => {
    listTraces({ limit: 1 }).then(() => setLocked(false), (e: unknown) => setLocked(e instanceof ApiError && e.status === 401));
  }, [unlocked]);
  const [help, setHelp] = useState(false);
  useEffect(() => {
    const key = (e: KeyboardEvent) => {
      // In a field it is a letter; an editor's events come out of its shadow.
      const at = e.composedPath()[0];
      if (e.key !== '?' || (at instanceof HTMLElement && (at.isContentEditable || /^(?:INPUT|TEXTAREA|SELECT)$/.test(at.tagName)))) return;
      e.preventDefault();
      setHelp(true);
    };
    addEventListener('keydown', key);
    return () => removeEventListener('keydown', key);
  }, []);
  const name = { trace: 'Trace', compile: 'Playground', compare: 'Compare', list: 'Traces' }[route.view];
  useEffect(() => {
    document.title = `${name} · spvscope`;
  }, [name]);

  const go = (r: Route, replace = false) => {
    const hash = formatRoute(r);
    clearTimeout(addressTimer);
    if (replace) {
      setRoute(r);
      addressTimer = setTimeout(() => history.replaceState(null, '', hash), ADDRESS_MS);
    } else location.hash = hash;
  };
  const page = route.view;
  return (
    <>
      <a class="skip" href="#main" onClick={(e) => {
        e.preventDefault();
        const main = document.querySelector<HTMLElement>('main');
        main?.setAttribute('tabindex', '-1');
        main?.focus();
      }}>Skip to content</a>
      <header class="bar">
        <a class="brand" href="#"><svg viewBox="0 0 32 32" width="22" height="22" aria-hidden="true"><rect class="brand-a" x="3" y="5" width="26" height="6" rx="2" /><rect class="brand-b" x="3" y="13" width="17" height="6" rx="2" /><rect class="brand-c" x="3" y="21" width="9" height="6" rx="2" /></svg>spvscope</a>
        <nav aria-label="Pages">
          <a href="#" aria-current={page === 'list' ? 'page' : undefined}>Traces</a>
          <a href="#compile" aria-current={page === 'compile' ? 'page' : undefined}>Playground</a>
        </nav>
        <button type="button" class="quiet help-button" aria-label="Keys" title="Keys (?)" onClick={() => setHelp(true)}>?</button>
      </header>
      {locked ? <TokenForm onToken={(t) => {
        setToken(t);
        setUnlocked(unlocked + 1);
      }} tried={unlocked > 0} /> : (
        <>
          {route.view === 'list' && <ListView key={unlocked} route={route} go={go} />}
          {route.view === 'trace' && <TraceView key={unlocked} route={route} go={go} />}
          {route.view === 'compile' && <CompileView route={route} />}
          {route.view === 'compare' && <CompareView key={`${route.base} ${route.to}`} route={route} go={go} />}
        </>
      )}
      {help && <Help onClose={() => setHelp(false)} />}
    </>
  );
}

/** The styles of what is not painted first. */
const further = document.createElement('link');
further.rel = 'stylesheet';
further.href = 'further.css';
document.head.append(further);

render(<App />, document.getElementById('app')!);
