/** The login: this backend is the client, and the page carries what the authorization server says to it. */
import type { IncomingMessage } from 'node:http';
import { json } from 'node:stream/consumers';
import { completeLogin, startLogin } from 'tokenkeep/login';
import { refused } from './answers.ts';
import { cookie, cookieOf, origin, placeHere } from './guard.ts';
import { beginSession, client, logout } from './sessions.ts';

const pending = new Map<string, string>();

async function memberOf(request: IncomingMessage, name: string): Promise<string> {
  const given = (await json(request)) as Record<string, unknown> | null;
  return String(given?.[name] ?? '');
}

export async function startOfLogin(request: IncomingMessage): Promise<Response> {
  const returnTo = placeHere(await memberOf(request, 'return_to'));
  const redirectUri = `${origin}/callback`;
  const scope = ['openid', 'offline_access', 'read', 'write'];
  const { url, state } = await startLogin({ ...client, redirectUri, returnTo, scope, pending });
  // It has to end in the browser in which it began, or one could sign others in as oneself.
  const headers = { 'set-cookie': cookie('login', state, 600) };
  return Response.json({ authorization_url: url }, { headers });
}

export async function endOfLogin(request: IncomingMessage): Promise<Response> {
  const callback = await memberOf(request, 'callback');
  const state = URL.parse(callback)?.searchParams.get('state');
  if (!state || state !== cookieOf(request, 'login')) return refused(400, 'authorization_error');
  const login = await completeLogin({ ...client, pending }, callback);
  const begun = await beginSession(login);
  await logout(request); // ends the previous session of this browser
  const answer = Response.json({ return_to: login.returnTo });
  for (const one of [begun, cookie('login', '', 0)]) answer.headers.append('set-cookie', one);
  return answer;
}
