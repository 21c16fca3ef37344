/** The tokens of all users, each behind a cookie that is nothing but a random name. */
import { createHash, randomBytes } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import { discover, memoryStorage, TokenManager } from 'tokenkeep';
import { clientSecretBasic } from 'tokenkeep/client-authentication';
import type { Login } from 'tokenkeep/login';
import { refused } from './answers.ts';
import { cookie, cookieOf } from './guard.ts';

const { ISSUER = 'http://127.0.0.1:4000', API = 'http://127.0.0.1:4001/' } = process.env;
export const client = {
  clientId: 'bff',
  clientAuthentication: clientSecretBasic(process.env['CLIENT_SECRET'] ?? 'bff-secret'),
  authorizationServer: discover(ISSUER),
};
export const api: string = API;
export const manager = new TokenManager({ ...client, protectedResources: [API], storage: memoryStorage() });

/** Known by its hash: who reads what is stored cannot make cookies of it. */
const named = (id: string) => manager.forSession(createHash('sha256').update(id).digest('base64url'));

/** The session of the user who asks. */
export function sessionOf(request: IncomingMessage): TokenManager | undefined {
  const id = cookieOf(request, 'session');
  return id === undefined ? undefined : named(id);
}

/** Its cookie has a name that nobody can have known before. */
export async function beginSession(login: Login): Promise<string> {
  const id = randomBytes(32).toString('base64url');
  const session = named(id);
  await session.setTokens(login.tokens); // first store the tokens …
  try {
    login.idTokenClaims(); // … then validate the ID token
  } catch (error) {
    await session.signOut();
    throw error;
  }
  return cookie('session', id);
}

/** The page asks whether the session still exists. When to refresh is decided here, by the access token. */
export async function refresh(request: IncomingMessage): Promise<Response> {
  const session = sessionOf(request);
  await session?.getAccessToken();
  return session ? new Response(null, { status: 204 }) : refused(401, 'session_expired');
}

export async function logout(request: IncomingMessage): Promise<Response> {
  await sessionOf(request)?.signOut({ timeout: 5_000 });
  return new Response(null, { status: 204, headers: { 'set-cookie': cookie('session', '', 0) } });
}
