/**
 * Searches for leaked tokens: in URLs, refresh tokens at the API, and tokens and proofs of possession at foreign
 * origins.
 *
 * @module
 */

import type { EndpointName } from './http-exchange.ts';
import { textOf } from './http-exchange.ts';
import { presentedToken } from './protected-api.ts';
import { hasSecretInQuery } from './request-parameters.ts';
import type { ServerContext } from './server-context.ts';

/** The searched parts of a request to any place. */
interface SentRequest {
  readonly url: URL;
  readonly headers: Headers;
  readonly body: Uint8Array;
}

/** Larger bodies are not searched. */
const maxSearchedBytes = 65_536;

/** Counts the leaks of a request to `to`; `undefined` is a place outside the server. */
export function detectLeaks(server: ServerContext, sent: SentRequest, to: EndpointName | undefined): void {
  if (sent.url.search !== '' && isSecretInUrl(server, sent.url, to)) {
    server.journal.counts.secretsInUrl++;
    server.journal.write('secretInUrl', { detail: to ?? sent.url.origin });
  }
  const mayHaveRefreshToken = to === 'token' || to === 'revocation' || to === 'introspection';
  if (mayHaveRefreshToken) return;
  const { text } = presentedToken(sent.headers);
  if (server.ledger.refreshToken(text) || hasRefreshToken(server, sent.body)) {
    server.journal.counts.refreshTokensLeaked++;
    server.journal.write('leak', { detail: `refresh token to ${to ?? sent.url.origin}` });
  }
  if (to === undefined && sent.headers.has('dpop')) {
    server.journal.counts.proofsLeaked++;
    server.journal.write('leak', { detail: `proof to ${sent.url.origin}` });
  }
  if (to === undefined && server.ledger.accessToken(text)) {
    server.journal.counts.accessTokensLeaked++;
    server.journal.write('leak', { detail: `access token to ${sent.url.origin}` });
  }
}

function isSecretInUrl({ ledger }: ServerContext, url: URL, to: EndpointName | undefined): boolean {
  if (to === 'api' ? url.searchParams.has('access_token') : hasSecretInQuery(url)) return true;
  for (const value of url.searchParams.values()) {
    if (ledger.accessToken(value) || ledger.refreshToken(value)) return true;
  }
  return false;
}

function hasRefreshToken({ ledger }: ServerContext, body: Uint8Array): boolean {
  if (body.length === 0 || body.length > maxSearchedBytes) return false;
  const found = textOf(body).matchAll(/refresh-[\w-]{40}/g);
  for (const [text] of found) if (ledger.refreshToken(text)) return true;
  return false;
}
