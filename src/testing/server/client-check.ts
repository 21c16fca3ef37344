/**
 * Identifies the client, and checks its credentials (RFC 6749 §2.3).
 *
 * @module
 */
import { OAuthServerError } from './oauth-server-error.ts';
import type { TestClient } from './server-settings.ts';

/** The statements of a request about its client. */
interface Claim {
  readonly clientId: string | undefined;
  readonly clientSecret: string | undefined;
  readonly method: 'none' | 'client_secret_basic' | 'client_secret_post';
}

/**
 * Returns the client of a request.
 *
 * @throws OAuthServerError `invalid_client`, or `invalid_request` if it authenticates in two ways at once
 */
export async function checkClient(
  clients: ReadonlyMap<string, TestClient>,
  parameters: URLSearchParams,
  headers: Headers,
): Promise<TestClient> {
  const claim = claimOf(parameters, headers);
  const client = claim.clientId === undefined ? undefined : clients.get(claim.clientId);
  if (!client) throw refused(claim, unknown(claim.clientId, clients));
  if (client.verify) {
    if (!(await client.verify(parameters, headers)))
      throw refused(claim, 'The client could not be verified.');
  } else if (client.clientSecret === undefined) {
    if (claim.method !== 'none') throw refused(claim, 'The client has no secret.');
  } else {
    if (claim.clientSecret !== client.clientSecret) throw refused(claim, 'The secret is missing or wrong.');
    if ((client.method ?? claim.method) !== claim.method)
      throw refused(claim, `The client must use ${client.method}.`);
  }
  return client;
}

function unknown(clientId: string | undefined, clients: ReadonlyMap<string, TestClient>): string {
  const who =
    clientId === undefined ? 'The request names no client.' : `There is no client ${clientId} here.`;
  return `${who} The clients are ${[...clients.keys()].join(', ')}.`;
}

function claimOf(parameters: URLSearchParams, headers: Headers): Claim {
  const authorization = headers.get('authorization');
  const clientId = parameters.get('client_id') ?? undefined;
  const clientSecret = parameters.get('client_secret') ?? undefined;
  if (authorization === null) {
    return { clientId, clientSecret, method: clientSecret === undefined ? 'none' : 'client_secret_post' };
  }
  if (clientSecret !== undefined || parameters.has('client_assertion')) {
    throw new OAuthServerError('invalid_request', 'The client authenticates in two ways at once.');
  }
  const basic = decodeBasic(authorization);
  const isOther = clientId !== undefined && basic.clientId !== undefined && clientId !== basic.clientId;
  if (isOther) {
    throw new OAuthServerError('invalid_request', 'The body and the Authorization header name two clients.');
  }
  return basic;
}

/** Decodes Basic credentials (RFC 6749 §2.3.1): id and secret are form-encoded first, then joined and encoded as base64. */
function decodeBasic(authorization: string): Claim {
  const nobody: Claim = { clientId: undefined, clientSecret: undefined, method: 'client_secret_basic' };
  const encoded = /^basic +([A-Za-z0-9+/]+=*)$/i.exec(authorization)?.[1];
  if (encoded === undefined) return nobody;
  try {
    const pair = atob(encoded);
    const colon = pair.indexOf(':');
    if (colon < 0) return nobody;
    const decode = (text: string): string => decodeURIComponent(text.replaceAll('+', ' '));
    return { ...nobody, clientId: decode(pair.slice(0, colon)), clientSecret: decode(pair.slice(colon + 1)) };
  } catch {
    return nobody;
  }
}

function refused(claim: Claim, description: string): OAuthServerError {
  const usedHeader = claim.method === 'client_secret_basic';
  return new OAuthServerError(
    'invalid_client',
    description,
    usedHeader ? { 'www-authenticate': 'Basic realm="as"' } : {},
  );
}
