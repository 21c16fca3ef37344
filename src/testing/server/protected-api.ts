/**
 * The protected API: accepts requests with a valid access token, and echoes them.
 *
 * @module
 */

import { callApiHandler } from './api-handler.ts';
import { DpopProofError } from './dpop-proof-error.ts';
import type { EndpointWork, Exchange, ServerResponse } from './http-exchange.ts';
import { base64, fingerprint, json } from './http-exchange.ts';
import type { AccessToken } from './issued-tokens.ts';
import type { ApiRequest } from './journal.ts';
import { dpopChallenge } from './proof-verifier.ts';
import type { ServerContext } from './server-context.ts';
import { covers } from './token-ledger.ts';

/** Maximum length in bytes of a body that is returned completely. */
const smallBody = 1024;

const plainSuccess: ServerResponse = { status: 200, headers: { 'cache-control': 'no-store' }, body: '' };

/** The JSON response of the API to an accepted request, unless the option `api` is set. */
export interface ApiEcho {
  readonly method: string;
  /** Path and query. */
  readonly path: string;
  /** The received headers, without `Authorization`. */
  readonly headers: Readonly<Record<string, string>>;
  /** Short id of the access token. */
  readonly token: string;
  readonly scope: readonly string[];
  /** Length and hash of the body. Equal bodies have equal hashes; the hash is not cryptographic. Small bodies are returned in base64. */
  readonly body: { readonly length: number; readonly hash: string; readonly base64?: string };
}

/** Counts a request to the API. Returns the work for it. */
export function protectedApi(
  server: ServerContext,
  exchange: Exchange,
  refusal: () => ServerResponse,
): EndpointWork {
  server.journal.counts.apiCalls++;
  const { scheme, text } = presentedToken(exchange.headers);
  const token = server.ledger.accessToken(text);
  const path = exchange.url.pathname + exchange.url.search;
  const request = { method: exchange.method, path, token: token?.id, body: exchange.body };
  const kept: ApiRequest & { status: number | undefined } = { ...request, status: undefined };
  server.journal.record(kept);
  const isGood = token !== undefined && isFor(token, exchange.url) && server.ledger.isActive(token);
  if (scheme === 'bearer' && token?.jkt !== undefined) server.journal.counts.boundTokensAsBearer++;
  let wasLetIn = false;
  const serve = (good: AccessToken): ServerResponse | Promise<ServerResponse> => {
    const { logins, demands } = server;
    const more = demands.refusal(good, exchange.url.pathname, logins.detailsOf(good.family), server.now());
    if (more !== undefined) return more;
    wasLetIn = true;
    const { api, echo } = server.settings;
    if (api !== undefined) return callApiHandler(api, exchange, good);
    return echo ? json(200, echoOf(exchange, good, path)) : plainSuccess;
  };
  return {
    token: token?.id,
    respond() {
      if (text === '')
        return json(401, { error: 'unauthorized' }, { 'www-authenticate': 'Bearer realm="api"' });
      if (scheme === 'dpop')
        return proven(server, exchange, text, (jkt) =>
          isGood && token.jkt === jkt ? serve(token) : asDpopRefusal(refusal()),
        );
      return isGood && scheme === 'bearer' && token.jkt === undefined ? serve(token) : refusal();
    },
    onEnd(status) {
      kept.status = status;
      if (!wasLetIn) server.journal.counts.apiRejected++;
      server.journal.write(wasLetIn ? 'api' : 'apiRejected', {
        token: token?.id,
        detail: `${exchange.method} ${path}`,
      });
    },
  };
}

/** Checks a request with the scheme `DPoP`: first its proof, then its token (RFC 9449 §7.1, §9). */
async function proven(
  { proofs }: ServerContext,
  exchange: Exchange,
  text: string,
  serve: (jkt: string) => ServerResponse | Promise<ServerResponse>,
): Promise<ServerResponse> {
  try {
    const { jkt, headers } = (await proofs.verify(exchange, 'api', text)) ?? proofs.missing();
    const response = await serve(jkt);
    return { ...response, headers: { ...response.headers, ...headers } };
  } catch (error) {
    if (!(error instanceof DpopProofError)) throw error;
    const headers = { 'www-authenticate': dpopChallenge(error.code), ...error.headers };
    return json(401, { error: error.code, error_description: error.message }, headers);
  }
}

/** Returns the same refusal in the scheme of the request. */
function asDpopRefusal(refusal: ServerResponse): ServerResponse {
  const isPlain = refusal.headers['www-authenticate'] === 'Bearer realm="api", error="invalid_token"';
  const headers = { ...refusal.headers, 'www-authenticate': dpopChallenge('invalid_token') };
  return isPlain ? { ...refusal, headers } : refusal;
}

/** Returns the token of a request. Schemes are compared in lower case (RFC 9110 §11.1). */
export function presentedToken(headers: Headers): { scheme: string; text: string } {
  const authorization = headers.get('authorization') ?? '';
  const space = authorization.indexOf(' ');
  if (space < 0) return { scheme: '', text: '' };
  return { scheme: authorization.slice(0, space).toLowerCase(), text: authorization.slice(space + 1).trim() };
}

function isFor(token: AccessToken, url: URL): boolean {
  return token.audience === undefined || token.audience.some((resource) => covers(resource, url.href));
}

function echoOf({ method, headers, body }: Exchange, token: AccessToken, path: string): ApiEcho {
  const received: Record<string, string> = {};
  for (const [name, value] of headers) if (name !== 'authorization') received[name] = value;
  const small = body.length <= smallBody && { base64: base64(body) };
  const sent = { length: body.length, hash: fingerprint(body), ...small };
  return { method, path, headers: received, token: token.id, scope: token.scope, body: sent };
}
