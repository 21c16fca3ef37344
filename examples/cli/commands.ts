/** The commands of the command line. All errors are thrown. */
import { pipeline } from 'node:stream/promises';
import { loopbackLogin, openSystemBrowser } from 'tokenkeep/login';
import type { Session } from './session.ts';
import { UserError } from './trouble.ts';

/** In the user's own browser, which comes back to a port of this machine (RFC 8252). */
export async function logIn({ manager, client }: Session, signal: AbortSignal): Promise<void> {
  const scope = ['openid', 'offline_access', 'read', 'write'];
  const parameters = { prompt: 'consent' }; // OpenID Connect: no refresh token without it
  const login = await loopbackLogin({ ...client, scope, parameters, open: show, signal });
  await manager.setTokens(login.tokens); // first they are safe …
  try {
    console.error(`Logged in as ${login.idTokenClaims()?.sub}.`); // … then the ID token is checked
  } catch (error) {
    await manager.signOut();
    throw error;
  }
}

/** Also printed: over SSH there is no browser, and on some machines it opens where nobody looks. */
async function show(url: string): Promise<void> {
  console.error(`Log in in your browser:\n${url}`);
  await openSystemBrowser(url).catch(() => undefined);
}

/** Only beneath the API: the path is no way to send a token elsewhere. */
export async function get({ manager, api }: Session, signal: AbortSignal, path: string): Promise<void> {
  const response = await manager.fetch(api + path.replace(/^\/+/, ''), { signal });
  if (!response.ok) {
    await response.body?.cancel();
    throw new UserError(`The API answered ${response.status}.`);
  }
  if (response.body) await pipeline(response.body, process.stdout, { end: false });
}

export async function logOut({ manager }: Session, signal: AbortSignal): Promise<void> {
  const result = await manager.signOut({ signal });
  const remark = result.revoked
    ? ''
    : ` The server did not confirm it (${result.reason}): its tokens end by themselves.`;
  console.error(`Logged out on this machine.${remark}`);
}
