/** A secret that is shipped to its users is not secret: the author of the page gets a warning. */
import { generateKeyPairSync } from 'node:crypto';
import { beforeEach, describe, expect, type MockInstance, test, vi } from 'vitest';
import { stubBrowserFetch } from '../../support/browser.ts';

const pem = generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey.export({
  format: 'pem',
  type: 'pkcs8',
}) as string;
const secret = 'canary-secret';

type Methods = typeof import('tokenkeep') &
  typeof import('tokenkeep/client-assertion') &
  typeof import('tokenkeep/client-authentication');
let methods: Methods;
let print: MockInstance<typeof console.warn>;

/** A page that is just loaded. */
beforeEach(async () => {
  vi.resetModules();
  methods = {
    ...(await import('tokenkeep')),
    ...(await import('tokenkeep/client-assertion')),
    ...(await import('tokenkeep/client-authentication')),
  };
  print = vi.spyOn(console, 'warn').mockReturnValue(undefined);
});
const printed = () => print.mock.calls.map(([text]) => String(text));

const places: Readonly<Record<string, object>> = {
  'a page': { document: {} },
  'a worker of a page': { importScripts: () => undefined, WorkerGlobalScope: class {} },
  'a service worker that is a module': {},
};
const shipped: Readonly<Record<string, (given: Methods) => unknown>> = {
  clientSecretBasic: ({ clientSecretBasic }) => clientSecretBasic(secret),
  clientSecretPost: ({ clientSecretPost }) => clientSecretPost(secret),
  clientSecretJwt: ({ clientSecretJwt }) => clientSecretJwt(secret),
  privateKeyJwt: ({ privateKeyJwt }) => privateKeyJwt(pem),
};
const cases = Object.entries(places).flatMap(([place, globals]) =>
  Object.entries(shipped).map(([name, make]) => ({ place, globals, name, make })),
);

test.each(cases)(
  '8252-04, BBA-02: $name in $place is warned about, once, without the secret',
  ({ globals, name, make }) => {
    stubBrowserFetch();
    for (const [global, value] of Object.entries(globals)) vi.stubGlobal(global, value);
    make(methods);
    make(methods);
    expect(printed()).toEqual([
      `tokenkeep: ${name}() in a browser. Everyone who opens the page can read its secret, so it proves nothing. ` +
        'Register the application as a public client, use none(), and have the server revoke the secret.',
    ]);
    expect(printed().join()).not.toMatch(/canary|PRIVATE/);
  },
);

describe('nothing is said', () => {
  test('about a client that has no secret, or a key that stays in its browser', async () => {
    stubBrowserFetch();
    const ecdsa = { name: 'ECDSA', namedCurve: 'P-256' };
    const { privateKey } = await crypto.subtle.generateKey(ecdsa, false, ['sign', 'verify']);
    methods.none();
    methods.privateKeyJwt(privateKey);
    methods.tlsClientAuth();
    expect(printed()).toEqual([]);
  });

  test.each([
    ['on a server', {}],
    ['on a server that calls itself a worker', { WorkerGlobalScope: class {} }],
    ['on a server that renders pages with a DOM', { document: {}, window: {} }],
  ])('%s', (_name, globals) => {
    for (const [global, value] of Object.entries(globals)) vi.stubGlobal(global, value);
    for (const make of Object.values(shipped)) make(methods);
    expect(printed()).toEqual([]);
  });
});
