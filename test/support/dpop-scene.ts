/** A user whose session is bound to a key: the strict server with DPoP, a clock that stands still, and a manager. */
import { memoryStorage, TokenManager, type TokenManagerOptions } from 'tokenkeep';
import { type DpopOptions, dpop, type KeyStorage, memoryKeys } from 'tokenkeep/dpop';
import {
  type AuthorizationServerOptions,
  authorizationServer,
  type DpopPolicy,
  testClock,
} from 'tokenkeep/testing';
import { withoutChance } from './without-chance.ts';

export const api = 'https://api.test/orders';

export type Scene = Awaited<ReturnType<typeof scene>>;

export interface SceneOptions {
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

const eventTypes = ['refreshed', 'refreshFailed', 'sessionEnded', 'recordRejected', 'signedOut'] as const;

export async function scene(options: SceneOptions = {}) {
  withoutChance();
  const clock = testClock();
  const server = authorizationServer({
    clock,
    dpop: { required: true, ...options.policy },
    ...options.server,
  });
  const sent: Sent[] = [];
  const transport = noted(server.fetch, sent);
  const storage = memoryStorage();
  const keys: KeyStorage = options.dpop?.keys ?? memoryKeys();
  const possession = dpop({ ...options.dpop, keys });
  const open = (more: Partial<TokenManagerOptions> = {}) =>
    new TokenManager({
      clientId: 'test-client',
      authorizationServer: server.metadata,
      protectedResources: ['https://api.test/'],
      storage,
      clock,
      fetch: transport,
      dpop: possession,
      ...options.manager,
      ...more,
    });
  const manager = open();
  const events: { type: string; error?: unknown; reason?: unknown }[] = [];
  for (const type of eventTypes) manager.on(type, (event) => void events.push({ ...event }));
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
    clock,
    server,
    storage,
    keys,
    possession,
    manager,
    events,
    key,
    tokens,
    sent,
    transport,
    open,
    signIn,
    to: (url: string) => sent.filter((one) => one.url === url),
    call: async (who = manager, url = api, init?: RequestInit) => (await who.fetch(url, init)).status,
    /** The clock goes past the end of the access token, and nothing else happens. */
    expire: () => clock.set(clock.now() + 300_000),
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

export const times = <T>(count: number, make: (index: number) => T): T[] =>
  Array.from({ length: count }, (_, index) => make(index));

export const refusal = (promise: Promise<unknown>): Promise<Error & Record<string, unknown>> =>
  promise.then(
    () => Promise.reject(new Error('It was to reject, and resolved.')),
    (error: Error & Record<string, unknown>) => error,
  );
