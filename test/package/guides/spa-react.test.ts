/** `examples/spa-react/`: built and used, edited while it runs, in Strict Mode, rendered on a server. */
import { execFile } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { createElement } from 'react';
import { renderToString } from 'react-dom/server';
import { build, type Plugin } from 'vite';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { ExampleServer } from '../../../examples/server/server.ts';
import { type DrivenBrowser, openBrowser } from '../../browser/support/browsers.ts';
import { Guest } from './support/guest.ts';
import {
  openBuilt,
  openServer,
  orders,
  refuseLogin,
  type Site,
  useInTwoTabs,
} from './support/single-page-app.ts';
import { openWorkspace, type Workspace } from './support/workspace.ts';

const guide = 'examples/spa-react';
let opened: ExampleServer;
let browser: DrivenBrowser;

beforeAll(async () => {
  [opened, browser] = await Promise.all([openServer(), openBrowser('chromium')]);
});
afterAll(async () => {
  await browser?.close();
  await opened?.close();
});

describe('as it goes into production', () => {
  let site: Site;
  beforeAll(async () => {
    site = await openBuilt(guide);
  });
  afterAll(() => site?.close());

  test('two tabs: a login, one refresh for both, sign-out everywhere', async () => {
    await useInTwoTabs(browser, site, opened);
  });

  test('a login that came to nothing is said', async () => {
    await refuseLogin(browser, site, 'chromium');
    expect(opened.server.errors).toEqual([]);
  });
});

/** Pages that a server has rendered, under `/rendered`. */
const rendering: Plugin = {
  name: 'rendering',
  configureServer(vite) {
    const render = async () => {
      const page = readFileSync(join(vite.config.root, 'index.html'), 'utf8');
      const { App } = await vite.ssrLoadModule('/app.tsx');
      const rendered = `<div id="root">${renderToString(createElement(App))}</div>`;
      return (await vite.transformIndexHtml('/', page)).replace('<div id="root"></div>', rendered);
    };
    vite.middlewares.use('/rendered', (_request, response, next) => {
      const send = (page: string) => void response.setHeader('content-type', 'text/html').end(page);
      render().then(send, next);
    });
  },
};

describe('while it is written', () => {
  let workspace: Workspace;
  beforeAll(async () => {
    const installed = ['react', 'react-dom', 'vite', '@vitejs/plugin-react'];
    workspace = await openWorkspace(guide, installed, [rendering]);
  });
  afterAll(() => workspace?.close());

  test('hot updates during a refresh: one manager listens, one refresh is sent, no lock is left, and React keeps its state', async () => {
    const { server } = opened;
    const guest = await Guest.open(browser, workspace.url);
    await guest.press('Sign in');
    await guest.press('Call the API');
    await guest.sees(orders());
    const generation = Number(orders().exec(await guest.text())?.[1]);
    // Strict Mode has subscribed twice by now, and there is one of everything.
    expect(await guest.listening()).toBe(1);
    const sent = server.requests.token;

    await server.endAccessTokens();
    const { promise: until, resolve: answer } = Promise.withResolvers<void>();
    const held = server.hiccup({ hold: 'after', until });
    await guest.press('Call the API');
    await held;
    workspace.edit('session.ts', 'Please sign in again.', 'Sign in again, please.');
    workspace.edit('app.tsx', '<h1>Orders</h1>', '<h1>Orders, edited</h1>');
    await guest.sees(/Orders, edited.*Calls: 2/s);
    // The manager from before the edit has sent it and waits; the one from after it waits for the lock.
    await guest.press('Call the API');
    await expect.poll(() => guest.locks()).toHaveLength(3);
    expect(server.requests.token).toBe(sent + 1);
    answer();
    await guest.sees(/Calls: 3/);
    await guest.sees(orders(generation + 1));
    await expect.poll(() => guest.listening()).toBe(1);
    await expect.poll(() => guest.locks()).toEqual([]);

    for (const edition of ['first', 'second', 'third']) {
      workspace.edit('session.ts', /(\/\/ \w+ edition\n)?$/, `// ${edition} edition\n`);
      workspace.edit('app.tsx', /Orders, \w+</, `Orders, ${edition}<`);
      await guest.sees(`Orders, ${edition}`);
    }
    await expect.poll(() => guest.listening()).toBe(1);
    await server.endAccessTokens();
    await guest.press('Call the API');
    await guest.sees(orders(generation + 2));
    await guest.sees(/Calls: 4/);
    expect(server.requests.token).toBe(sent + 2);
    await guest.press('Sign out everywhere');
    await guest.sees('You are signed out.');
    expect(await guest.locks()).toEqual([]);
    expect(server.counters.reuses).toBe(0);
    expect(await guest.complaints()).toBe('');
    await guest.tab.close();
  });

  test('an effect that ends the login runs twice in Strict Mode: one exchange, and no error', async () => {
    const { server } = opened;
    writeFileSync(join(workspace.folder, 'callback.html'), page);
    writeFileSync(join(workspace.folder, 'callback.tsx'), effect);
    const [sent, logins] = [server.requests.token, server.counters.logins];
    const guest = await Guest.open(browser, `${workspace.url}callback`);
    await guest.press('Sign in');
    await guest.sees('ada, by 1 of 2 effects');
    expect(server.requests.token).toBe(sent + 1);
    expect(server.counters.logins).toBe(logins + 1);
    expect(await guest.listening()).toBe(1);
    expect(await guest.locks()).toEqual([]);
    expect(await guest.complaints()).toBe('');
    await guest.tab.close();
  });

  test('K8a: a guard that begins a login in every render redirects once, and not again on return', async () => {
    const { server } = opened;
    writeFileSync(join(workspace.folder, 'callback.html'), page.replace('callback.tsx', 'guard.tsx'));
    writeFileSync(join(workspace.folder, 'guard.tsx'), guard);
    const [sent, logins] = [server.requests.token, server.counters.logins];
    const guest = await Guest.open(browser, `${workspace.url}callback`);
    await guest.sees(/ada, after [2-9]\d+ calls and 1 pending login/);
    expect(server.requests.token).toBe(sent + 1);
    expect(server.counters.logins).toBe(logins + 1);
    expect(await guest.complaints()).toBe('');
    await guest.tab.close();
  });

  test('a page that a server has rendered is taken over as it is', async () => {
    const response = await fetch(`${workspace.url}rendered`);
    expect(await response.text()).toContain('<p role="status">One moment …</p>');
    const guest = await Guest.open(browser, `${workspace.url}rendered?mark`);
    await guest.sees(/You are signed (in|out)\./);
    expect(await guest.tab.evaluate(`document.querySelector('h1') === window.rendered`)).toBe(true);
    expect(await guest.complaints()).toBe('');
    await guest.tab.close();
  });

  test('built for a server, it is imported and rendered where there is no page, and nothing keeps that process up', async () => {
    const { folder } = workspace;
    const options = { root: folder, configFile: join(folder, 'vite.config.ts'), logLevel: 'warn' } as const;
    await build({ ...options, build: { ssr: 'app.tsx', outDir: 'server' } });
    writeFileSync(join(folder, 'render.mjs'), render);
    const { stdout, stderr } = await promisify(execFile)(process.execPath, [join(folder, 'render.mjs')], {
      timeout: 20_000,
    });
    expect(stdout).toContain('<main><h1>Orders');
    expect(stderr).toBe('');
  });
});

const render = `
import { createElement } from 'react';
import { renderToString } from 'react-dom/server';
import { App } from './server/app.js';
console.log(renderToString(createElement(App)));
`;

const page = `<!doctype html><html lang="en"><head><title>callback</title></head>
<body><div id="root"></div><script type="module" src="./callback.tsx"></script></body></html>`;

/** Not as the guide does it, but as many do. */
const effect = `
import { StrictMode, useEffect, useState } from 'react';
import { createRoot } from 'react-dom/client';
import { redirectLogin } from 'tokenkeep/login';
import { manager } from './session.ts';

const scope = ['openid', 'offline_access', 'read'];
const options = { manager, redirectUri: '/callback', scope, pending: () => sessionStorage };
let effects = 0;
function Callback() {
  const [who, setWho] = useState('');
  useEffect(() => {
    effects += 1;
    let isMounted = true;
    redirectLogin(options).finish().then(
      ({ claims }) => isMounted && claims && setWho(claims.sub + ', by 1 of ' + effects + ' effects'),
      (error) => isMounted && setWho(error.message),
    );
    return () => {
      isMounted = false;
    };
  }, []);
  return <main><p>{who}</p><button type="button" onClick={() => redirectLogin(options).begin()}>Sign in</button></main>;
}
createRoot(document.getElementById('root')).render(<StrictMode><Callback /></StrictMode>);
`;

/** A typical guard: no other guard runs before it, and it keeps rendering while the page unloads. */
const guard = `
import { StrictMode, useEffect, useState } from 'react';
import { createRoot } from 'react-dom/client';
import { redirectLogin } from 'tokenkeep/login';
import { manager } from './session.ts';

const scope = ['openid', 'offline_access', 'read'];
const options = { manager, redirectUri: '/callback', scope, pending: () => sessionStorage };
const note = (name, value) => sessionStorage.setItem(name, value);
addEventListener('pagehide', () => {
  note('pending', Object.keys(sessionStorage).filter((key) => key.startsWith('tokenkeep.login.')).length);
});

function Guard() {
  const [renderings, render] = useState(0);
  useEffect(() => {
    redirectLogin(options).begin();
    note('calls', Number(sessionStorage.getItem('calls')) + 1);
    if (renderings < 30) render(renderings + 1);
  }, [renderings]);
  return <p>One moment</p>;
}
function App() {
  const [who, setWho] = useState('');
  useEffect(() => {
    redirectLogin(options).finish().then(({ claims }) => claims && setWho(claims.sub));
  }, []);
  const { calls, pending } = sessionStorage;
  return who === '' ? <Guard /> : <p>{who}, after {calls} calls and {pending} pending login</p>;
}
createRoot(document.getElementById('root')).render(<StrictMode><App /></StrictMode>);
`;
