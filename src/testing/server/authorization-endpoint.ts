/**
 * The authorization endpoint and the exchange of its codes (RFC 6749 §4.1, RFC 7636). Its user agrees to everything at once, and
 * meets every authentication context.
 *
 * @module
 */
import type { TokenResponse } from '../../core/oauth/token-set.ts';
import type { GrantRequest } from './grant-request.ts';
import {
  base64,
  bytesOf,
  type EndpointWork,
  type Exchange,
  json,
  type ServerResponse,
} from './http-exchange.ts';
import type { AuthorizationCode } from './login-registry.ts';
import { OAuthServerError } from './oauth-server-error.ts';
import type { ServerContext } from './server-context.ts';
import { jwtLike } from './token-text.ts';

/** Lifetime of a code, in ms. */
const codeLifetime = 60_000;

/** Handles the visit of a browser. */
export function authorizationEndpoint(server: ServerContext, exchange: Exchange): EndpointWork {
  return { respond: () => respond(server, exchange) };
}

function respond(server: ServerContext, { method, url, seenAs }: Exchange): ServerResponse {
  if (method !== 'GET') return json(405, { error: 'invalid_request' }, { allow: 'GET' });
  const parameters = parametersOf(server, url.searchParams);
  if (parameters === undefined) return json(400, { error: 'invalid_request_uri' });
  const redirectUri = parameters.get('redirect_uri');
  // Without a client and a redirect URI of that client, the browser cannot be sent back (RFC 6749 §4.1.2.1).
  if (!server.settings.clients.has(parameters.get('client_id') ?? '') || redirectUri === null) {
    return json(400, { error: 'invalid_request' });
  }
  // The server keeps no sessions of its own.
  const error = problemOf(parameters) ?? (parameters.get('prompt') === 'none' ? 'login_required' : undefined);
  const back = new URL(redirectUri);
  if (error === undefined) back.searchParams.set('code', server.logins.issue(codeOf(server, parameters)));
  else back.searchParams.set('error', error);
  const state = parameters.get('state');
  if (state !== null) back.searchParams.set('state', state);
  if (server.settings.dialect.namesIssuer !== false) back.searchParams.set('iss', seenAs.issuer); // RFC 9207
  return { status: 302, headers: { location: back.href, 'cache-control': 'no-store' }, body: '' };
}

/**
 * The parameters of a login: those of the URL, or those that were pushed. The URL of a pushed login names its client and nothing
 * else, which is stricter than RFC 9126 §4. `undefined`: the login cannot begin.
 */
function parametersOf(server: ServerContext, inUrl: URLSearchParams): URLSearchParams | undefined {
  const requestUri = inUrl.get('request_uri');
  if (requestUri === null) return server.settings.requirePushedAuthorizationRequests ? undefined : inUrl;
  const pushed = server.logins.takePushed(requestUri);
  const isAlone = [...inUrl.keys()].sort().join() === 'client_id,request_uri';
  const isItsOwn = pushed?.clientId === inUrl.get('client_id');
  return isAlone && isItsOwn && server.now() < pushed.expiresAt ? pushed.parameters : undefined;
}

/** OAuth error code for wrong parameters of a login. */
export function problemOf(
  parameters: URLSearchParams,
): 'invalid_request' | 'unsupported_response_type' | undefined {
  const names = [...parameters.keys()].filter((name) => name !== 'resource');
  if (new Set(names).size < names.length) return 'invalid_request';
  if (parameters.get('response_type') !== 'code') return 'unsupported_response_type';
  if (parameters.get('code_challenge_method') !== 'S256' || !parameters.get('code_challenge'))
    return 'invalid_request';
  return isClaims(parameters.get('claims')) ? undefined : 'invalid_request';
}

function isClaims(text: string | null): boolean {
  try {
    const claims: unknown = JSON.parse(text ?? '{}');
    return typeof claims === 'object' && claims !== null;
  } catch {
    return false;
  }
}

function codeOf(server: ServerContext, parameters: URLSearchParams): AuthorizationCode {
  const text = (name: string): string | undefined => parameters.get(name) ?? undefined;
  return {
    clientId: text('client_id') ?? '',
    redirectUri: text('redirect_uri') ?? '',
    challenge: text('code_challenge') ?? '',
    subject: text('login_hint') ?? 'user',
    scope: text('scope')?.split(' ') ?? server.settings.scope,
    acr: text('acr_values')?.split(' ')[0],
    claims: text('claims'),
    nonce: text('nonce'),
    jkt: text('dpop_jkt'),
    expiresAt: server.now() + codeLifetime,
  };
}

/** Exchanges a code for the first tokens of a family. @throws OAuthServerError */
export async function exchangeCode(
  server: ServerContext,
  { client, parameters, exchange, jkt }: GrantRequest,
): Promise<TokenResponse> {
  const { logins, ledger, journal, settings } = server;
  const text = parameters.get('code') ?? '';
  const redeemedFamily = logins.familyOf(text);
  if (redeemedFamily) server.revoke(redeemedFamily, 'its code came again'); // RFC 6749 §4.1.2
  const code = logins.redeem(text);
  const verified = (await challengeOf(parameters.get('code_verifier') ?? '')) === code?.challenge;
  const isItsOwn =
    code?.clientId === client.clientId && code.redirectUri === (parameters.get('redirect_uri') ?? '');
  const isOfKey = code?.jkt === undefined || code.jkt === jkt;
  if (code === undefined || !verified || !isItsOwn || !isOfKey || server.now() >= code.expiresAt) {
    throw new OAuthServerError(
      'invalid_grant',
      'The code is unknown, used, too old, or was issued for something else.',
    );
  }
  const { clientId, subject, scope } = code;
  const { issuer } = exchange.seenAs;
  const start = { clientId, subject, scope, issuer, jkt, resources: [`${settings.apiOrigin}/`] };
  const { family, response } = ledger.signIn(start);
  logins.record(family, code);
  logins.markRedeemed(text, family);
  journal.counts.signIns++;
  const issued = [family.newest?.id, family.current?.id].flatMap((id) => id ?? []);
  journal.write('signIn', { family: family.id, clientId, issued });
  return withFacts(response, code);
}

async function challengeOf(verifier: string): Promise<string> {
  const digest = await crypto.subtle.digest('SHA-256', bytesOf(verifier));
  return base64(new Uint8Array(digest)).replaceAll('+', '-').replaceAll('/', '_').replaceAll('=', '');
}

/** Adds the authentication context and the nonce of a login to its ID token. */
function withFacts(response: TokenResponse, { acr, nonce }: AuthorizationCode): TokenResponse {
  const [, payload, signature = ''] = response.id_token?.split('.') ?? [];
  if (payload === undefined) return response;
  const claims = JSON.parse(atob(payload.replaceAll('-', '+').replaceAll('_', '/')));
  const facts = { ...(acr !== undefined && { acr }), ...(nonce !== undefined && { nonce }) };
  return { ...response, id_token: jwtLike({ ...claims, ...facts }, signature) };
}
