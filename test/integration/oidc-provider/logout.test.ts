/** Logouts at a certified server: its session of the user ends, and the user comes back with the state. */
import { discover, TokenManager } from 'tokenkeep';
import { completeLogin, completeLogout, startLogin, startLogout } from 'tokenkeep/login';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import {
  browse,
  browser,
  type CertifiedServer,
  startCertifiedServer,
} from '../../support/certified-server/index.ts';

const clientId = 'page';
const redirectUri = 'https://app.test/callback';
const signedOut = 'https://app.test/signed-out';
const scope = ['openid', 'offline_access'];

let server: CertifiedServer;
beforeAll(async () => {
  server = await startCertifiedServer({
    moreClients: [
      {
        client_id: clientId,
        token_endpoint_auth_method: 'none',
        application_type: 'web',
        redirect_uris: [redirectUri],
        post_logout_redirect_uris: [signedOut],
      },
    ],
  });
});
afterAll(async () => {
  expect(server.errors).toEqual([]);
  await server.close();
});

/** A user with a browser of their own, who signs in to the application. */
async function signIn() {
  const visit = browser();
  const client = { clientId, authorizationServer: discover(server.issuer) };
  const pending = new Map<string, string>();
  const manager = new TokenManager({ ...client, protectedResources: ['https://api.test/'] });
  const logIn = async (parameters: Readonly<Record<string, string>>) => {
    const { url } = await startLogin({ ...client, redirectUri, scope, pending, parameters });
    const answer = await browse(url, redirectUri, visit);
    return answer.get('error') ?? (await completeLogin({ ...client, pending }, answer));
  };
  const login = await logIn({ prompt: 'consent', login_hint: 'grace' });
  if (typeof login === 'string') throw new Error(`the login failed: ${login}`);
  await manager.setTokens(login.tokens);
  return { visit, pending, manager, logIn, tokens: login.tokens };
}

/** Sends the user to the server, where they press a button of the page that asks whether to sign out. */
async function press(visit: ReturnType<typeof browser>, url: string, button: 'yes' | 'no'): Promise<URL> {
  const page = await (await visit(url)).text();
  const [, action = ''] = /action="([^"]+)"/.exec(page) ?? [];
  const [, xsrf = ''] = /name="xsrf" value="([^"]+)"/.exec(page) ?? [];
  const body = new URLSearchParams({ xsrf, ...(button === 'yes' && { logout: 'yes' }) });
  const response = await visit(action, { method: 'POST', body });
  return new URL(response.headers.get('location') ?? '', action);
}

test('the user agrees: both sessions have ended, and the next login is asked for', async () => {
  const { visit, pending, manager, logIn, tokens } = await signIn();
  expect(await logIn({ prompt: 'none' })).toMatchObject({ tokens: { scope: ['openid'] } });
  const logout = await startLogout({ manager, redirectUri: signedOut, pending, returnTo: '/goodbye' });
  expect(logout).toMatchObject({ outcome: 'redirect', idTokenHint: 'sent', revocation: { revoked: true } });
  expect(await manager.getTokens()).toBeUndefined();
  expect(await server.introspect(tokens.refreshToken ?? '')).toMatchObject({ active: false });
  if (logout.outcome !== 'redirect') throw new Error(logout.reason);

  const callback = await press(visit, logout.url, 'yes');
  expect(callback.origin + callback.pathname).toBe(signedOut);
  expect(await completeLogout({ pending }, callback)).toEqual({
    outcome: 'returned',
    returnTo: '/goodbye',
    state: 'checked',
  });
  expect(await completeLogout({ pending }, callback)).toEqual({ outcome: 'none', reason: 'unknown' });
  expect(await logIn({ prompt: 'none' })).toBe('login_required');
});

test('the user stays signed in at the provider: they come back as well, and are signed out here', async () => {
  const { visit, pending, manager } = await signIn();
  const logout = await startLogout({ manager, redirectUri: signedOut, pending });
  if (logout.outcome !== 'redirect') throw new Error(logout.reason);
  const callback = await press(visit, logout.url, 'no');
  expect(await completeLogout({ pending }, callback)).toMatchObject({
    outcome: 'returned',
    state: 'checked',
  });
  expect(await manager.getTokens()).toBeUndefined();
});

test('an ID token that has expired is a hint that the server takes', async () => {
  const { visit, pending, manager, tokens } = await signIn();
  const { exp } = JSON.parse(Buffer.from(tokens.idToken?.split('.')[1] ?? '', 'base64url').toString());
  const later = (exp + 60) * 1000;
  vi.useFakeTimers({ toFake: ['Date'], now: later }); // of the server as well
  try {
    const logout = await startLogout({ manager, redirectUri: signedOut, pending });
    expect(logout).toMatchObject({ outcome: 'redirect', idTokenHint: 'sent' });
    if (logout.outcome !== 'redirect') throw new Error(logout.reason);
    const response = await visit(logout.url);
    expect([response.status, await response.text()]).toEqual([200, expect.stringContaining('xsrf')]);
  } finally {
    vi.useRealTimers();
  }
});

test('without a hint the server finds the client by its id', async () => {
  const { visit, pending, manager } = await signIn();
  const logout = await startLogout({ manager, redirectUri: signedOut, pending, idTokenHint: false });
  expect(logout).toMatchObject({ outcome: 'redirect', idTokenHint: 'not_requested' });
  if (logout.outcome !== 'redirect') throw new Error(logout.reason);
  const callback = await press(visit, logout.url, 'yes');
  expect(await completeLogout({ pending }, callback)).toMatchObject({
    outcome: 'returned',
    state: 'checked',
  });
});
