/** A manager whose session is bound to a key, on the strict server with DPoP. */

import { type DpopOptions, dpop, type KeyStorage, memoryKeys } from '../../src/dpop/index.ts';
import { memoryStorage, type TokenManagerOptions } from '../../src/index.ts';
import type { AuthorizationServerOptions, DpopPolicy } from '../../src/testing/index.ts';
import { api, openManager } from './open-manager.ts';

export { api };

export type OpenedDpopManager = Awaited<ReturnType<typeof openDpopManager>>;

export interface OpenDpopManagerOptions {
  readonly policy?: DpopPolicy;
  readonly server?: AuthorizationServerOptions;
  readonly manager?: Partial<TokenManagerOptions>;
  readonly dpop?: DpopOptions;
}

/** A request as it left, with the claims of its proof. */
export interface Sent {
  readonly url: string;
  readonly method: string;
  readonly authorization: string | null;
  readonly proof: string | null;
  readonly header: Record<string, unknown>;
  readonly claims: Record<string, unknown>;
  readonly body: string;
}

export async function openDpopManager(options: OpenDpopManagerOptions = {}) {
  const storage = memoryStorage();
  const keys: KeyStorage = options.dpop?.keys ?? memoryKeys();
  const possession = dpop({ ...options.dpop, keys });
  const sent: Sent[] = [];
  const opened = await openManager({
    signedIn: false,
    server: { dpop: { required: true, ...options.policy }, ...options.server },
    manager: {
      storage,
      dpop: possession,
      fetch: (input, init) => transport(input, init),
      ...options.manager,
    },
  });
  const { server, manager, events } = opened;
  const transport = noted(server.fetch, sent);
  const signIn = async (who = manager, own = possession) => {
    const key = await own.generate();
    await own.keep(key);
    const tokens = server.signIn({ jkt: key.thumbprint });
    // All logins are of one user, so pending calls continue with the tokens of the next login.
    await who.setTokens({ ...tokens, dpop_jkt: key.thumbprint }, { subject: 'ada' });
    return { key, tokens };
  };
  const { key, tokens } = await signIn();
  events.length = 0;
  return {
    ...opened,
    storage,
    keys,
    possession,
    key,
    tokens,
    sent,
    transport,
    signIn,
    to: (url: string) => sent.filter((one) => one.url === url),
  };
}

/** Notes each request, its proof taken apart. */
export function noted(fetch: typeof globalThis.fetch, sent: Sent[]): typeof globalThis.fetch {
  return async (input, init) => {
    const { url, method, headers, body } = await partsOf(input, init);
    const proof = headers.get('dpop');
    const [header = {}, claims = {}] = proof === null ? [] : decoded(proof);
    sent.push({ url, method, authorization: headers.get('authorization'), proof, header, claims, body });
    return await fetch(input, init);
  };
}

async function partsOf(input: string | URL | Request, init: RequestInit | undefined) {
  if (init?.body instanceof ReadableStream) {
    const { method = 'GET', headers } = init; // its body is not ours to read
    return { url: String(input), method, headers: new Headers(headers), body: '' };
  }
  const request = new Request(input instanceof Request ? input.clone() : input, init);
  return { url: request.url, method: request.method, headers: request.headers, body: await request.text() };
}

/** Header and claims of a proof. */
export function decoded(proof: string): Record<string, unknown>[] {
  return proof
    .split('.', 2)
    .map((part) => JSON.parse(Buffer.from(part, 'base64url').toString()) as Record<string, unknown>);
}
