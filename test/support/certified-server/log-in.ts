/** A login as a browser does it, without the browser: authorization code and PKCE over HTTP, with a cookie jar. */
import { createHash, randomBytes } from 'node:crypto';
import { authenticated } from './client-authentication.ts';
import type { ClientName } from './configuration.ts';
import { scope as everything } from './configuration.ts';
import type { CertifiedServer } from './server.ts';

export interface Login {
  readonly server: CertifiedServer;
  /** @default the public client */
  readonly client?: ClientName;
  readonly user?: string;
  readonly scope?: string;
  readonly resource?: readonly string[];
}

/** The answer of the token endpoint, as it comes over the wire. */
export type WireTokens = {
  readonly access_token: string;
  readonly refresh_token: string;
  readonly token_type: string;
  readonly expires_in: number;
  readonly scope: string;
  readonly id_token?: string;
};

export async function logIn(login: Login): Promise<WireTokens> {
  const { server, client = 'public', resource = [] } = login;
  const verifier = randomBytes(32).toString('base64url');
  const state = randomBytes(16).toString('base64url');
  const request = new URLSearchParams({
    client_id: server.clients[client].clientId,
    response_type: 'code',
    redirect_uri: server.redirectUri,
    scope: login.scope ?? everything,
    prompt: 'consent', // without it there is no offline_access (OpenID Connect Core §11)
    code_challenge: createHash('sha256').update(verifier).digest('base64url'),
    code_challenge_method: 'S256',
    state,
    login_hint: login.user ?? 'ada',
  });
  for (const indicator of resource) request.append('resource', indicator);

  const answer = await browse(`${server.authorizationEndpoint}?${request}`, server.redirectUri);
  const code = answer.get('code');
  if (code === null || answer.get('state') !== state || answer.get('iss') !== server.issuer) {
    throw new Error(`the login failed: ${answer}`);
  }
  return exchange({ server, client, code, verifier });
}

/** Follows redirects with a cookie jar until one leads back to the application. Returns the parameters of its URL. */
export async function browse(start: string, end: string, visit = browser()): Promise<URLSearchParams> {
  return (await browseTo(start, end, visit)).searchParams;
}

/** Follows redirects with a cookie jar until one leads to a URL that begins with `end`. Returns that URL, which it does not open. */
export async function browseTo(start: string, end: string, visit = browser()): Promise<URL> {
  let url = start;
  while (!url.startsWith(end)) {
    const response = await visit(url);
    const location = response.headers.get('location');
    if (location === null)
      throw new Error(`the login stopped at ${response.status}: ${await response.text()}`);
    await response.body?.cancel();
    url = new URL(location, url).href;
  }
  return new URL(url);
}

/** Enters the code of a device, agrees, and returns the page that says so (RFC 8628 §3.3). */
export async function enterDeviceCode(verificationUri: string, userCode: string): Promise<string> {
  const visit = browser();
  const form = await (await visit(verificationUri)).text();
  const xsrf = /name="xsrf" value="([^"]+)"/.exec(form)?.[1] ?? '';
  const body = new URLSearchParams({ xsrf, user_code: userCode, confirm: 'yes' });
  let url = verificationUri;
  let response = await visit(url, { method: 'POST', body });
  for (let to = response.headers.get('location'); to !== null; to = response.headers.get('location')) {
    await response.body?.cancel();
    url = new URL(to, url).href;
    response = await visit(url);
  }
  return response.text();
}

/** A `fetch` with a cookie jar, which follows no redirect. */
export function browser(): (url: string, init?: RequestInit) => Promise<Response> {
  const cookies = new Map<string, string>();
  return async (url, init) => {
    const cookie = [...cookies].map(([name, value]) => `${name}=${value}`).join('; ');
    const response = await fetch(url, { ...init, redirect: 'manual', headers: { cookie } });
    for (const set of response.headers.getSetCookie()) {
      const [, name = '', value = ''] = /^([^=]+)=([^;]*)/.exec(set) ?? [];
      if (value === '') cookies.delete(name);
      else cookies.set(name, value);
    }
    return response;
  };
}

interface Exchange {
  readonly server: CertifiedServer;
  readonly client: ClientName;
  readonly code: string;
  readonly verifier: string;
}

async function exchange({ server, client, code, verifier }: Exchange): Promise<WireTokens> {
  const response = await fetch(
    server.tokenEndpoint,
    authenticated(server, client, {
      grant_type: 'authorization_code',
      redirect_uri: server.redirectUri,
      code,
      code_verifier: verifier,
    }),
  );
  if (!response.ok)
    throw new Error(`the token endpoint answered ${response.status}: ${await response.text()}`);
  return response.json() as Promise<WireTokens>;
}
