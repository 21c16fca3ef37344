/** A protected API as a resource server should be: it asks the authorization server about every token, every time. */
import type { IncomingMessage, ServerResponse } from 'node:http';
import { buffer } from 'node:stream/consumers';
import { certificateOf, thumbprint } from './certificates.ts';
import { asksForCertificate, listen } from './loopback.ts';
import { answerMedia } from './media.ts';
import type { Introspection } from './server.ts';

export interface ProtectedApiOptions {
  /** Asked for every request. Nothing is cached: an answer is as true as the authorization server. */
  readonly introspect: (token: string) => Promise<Introspection>;
  /** The scope that a request needs. @default 'read' for GET and HEAD, 'write' for the rest, 'profile' under /profile */
  readonly requires?: (request: IncomingMessage) => string;
  /** The challenge to a call whose login is not good enough for it (RFC 9470 §3). @default none */
  readonly demands?: (request: IncomingMessage, facts: Introspection) => string | undefined;
  /** With it the API speaks HTTPS, and asks for the certificate that a token is bound to (RFC 8705 §3). */
  readonly tls?: { readonly cert: string; readonly key: string; readonly ca: string };
}

export interface ApiCounters {
  /** Requests that came, with or without a token. */
  calls: number;
  /** Requests that were answered 200. */
  ok: number;
  /** Requests that were answered 401. */
  rejected: number;
  /** Requests that were answered 403. */
  forbidden: number;
}

export interface ProtectedApi {
  readonly url: string;
  readonly counters: Readonly<ApiCounters>;
  /** The same for each access token that came, the first one first. */
  readonly generations: readonly Readonly<ApiCounters>[];
  /** Holds the next request before its token is looked at. `arrived` resolves when it is there. */
  hold(): { readonly arrived: Promise<void>; release(): void };
  close(): Promise<void>;
}

const zero = (): ApiCounters => ({ calls: 0, ok: 0, rejected: 0, forbidden: 0 });

export async function startProtectedApi(options: ProtectedApiOptions): Promise<ProtectedApi> {
  const { introspect, requires = defaultScope, demands = () => undefined } = options;
  const total = zero();
  const generations: ApiCounters[] = [];
  const generationOf = new Map<string, number>();
  const holds: { arrive: () => void; released: Promise<void> }[] = [];

  function generation(token: string): number {
    const known = generationOf.get(token) ?? generations.push(zero());
    generationOf.set(token, known);
    return known;
  }

  async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const token = /^Bearer (.+)$/i.exec(request.headers.authorization ?? '')?.[1];
    const number = token === undefined ? 0 : generation(token);
    const tally = (counter: keyof ApiCounters) => {
      total[counter] += 1;
      const own = generations[number - 1];
      if (own) own[counter] += 1;
    };
    tally('calls');
    const body = await buffer(request);
    const hold = holds.shift();
    hold?.arrive();
    await hold?.released;

    const facts: Introspection = token === undefined ? { active: false } : await introspect(token);
    const needed = requires(request);
    const demand = facts.active ? demands(request, facts) : undefined;
    response.setHeader('x-token-generation', number);
    if (!facts.active || !isPresented(facts, request)) {
      tally('rejected');
      const reason = token === undefined ? '' : ', error="invalid_token", error_description="not active"';
      response.writeHead(401, { 'www-authenticate': `Bearer realm="api"${reason}` }).end();
    } else if (demand !== undefined) {
      tally('rejected');
      response.writeHead(401, { 'www-authenticate': demand }).end();
    } else if (!(facts.scope ?? '').split(' ').includes(needed)) {
      tally('forbidden');
      const challenge = `Bearer realm="api", error="insufficient_scope", scope="${needed}"`;
      response.writeHead(403, { 'www-authenticate': challenge }).end();
    } else {
      tally('ok');
      if (answerMedia(request, response)) return;
      echo(request, response, { body, facts, generation: number });
    }
  }

  const loopback = await listen(
    (request, response) => {
      // A client that goes away in the middle of its request is its own business.
      answer(request, response).catch((error: unknown) => response.destroy(error as Error));
    },
    options.tls && { tls: asksForCertificate(options.tls) },
  );
  return {
    url: `${loopback.origin}/`,
    counters: total,
    generations,
    hold() {
      let arrive = () => {};
      let release = () => {};
      const arrived = new Promise<void>((resolve) => {
        arrive = resolve;
      });
      const released = new Promise<void>((resolve) => {
        release = resolve;
      });
      holds.push({ arrive, released });
      return { arrived, release };
    },
    close: loopback.close,
  };
}

/** Whether the certificate that the token is bound to, if it is to one, came with the request. */
function isPresented({ cnf }: Introspection, request: IncomingMessage): boolean {
  const bound = cnf?.['x5t#S256'];
  const certificate = certificateOf(request);
  return bound === undefined || (certificate !== undefined && thumbprint(certificate) === bound);
}

function defaultScope({ url = '', method = '' }: IncomingMessage): string {
  if (url.startsWith('/profile')) return 'profile';
  return ['GET', 'HEAD'].includes(method) ? 'read' : 'write';
}

/** A body comes back byte for byte; without one the answer says who called and with which token. */
function echo(
  { headers }: IncomingMessage,
  response: ServerResponse,
  { body, facts, generation }: { body: Buffer; facts: Introspection; generation: number },
): void {
  if (body.length > 0) {
    response.setHeader('content-type', headers['content-type'] ?? 'application/octet-stream');
    response.end(body);
  } else {
    response.setHeader('content-type', 'application/json');
    response.end(JSON.stringify({ user: facts.sub, scope: facts.scope, generation }));
  }
}
