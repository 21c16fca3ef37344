/**
 * A process in which a caller waits for something that only timers without a claim on the process bring about, such as the
 * end of another process's refresh. It prints the outcome.
 */
import {
  inspect,
  memoryStorage,
  type TokenLock,
  TokenManager,
  type TokenManagerOptions,
  type TokenStorage,
} from '../../../../src/index.ts';

/** A wait like that of a manager: it does not keep the process alive. */
const aMoment = () => new Promise<void>((resume) => void setTimeout(resume, 20).unref());
const never = () => new Promise<never>(() => undefined);

const inner = memoryStorage();
const slowly =
  <Parameters extends unknown[], Result>(work: (...parameters: Parameters) => Promise<Result>) =>
  async (...parameters: Parameters): Promise<Result> => {
    await aMoment();
    return await work(...parameters);
  };
const storage: TokenStorage = {
  reach: 'process',
  read: slowly(inner.read),
  write: slowly(inner.write),
  delete: slowly(inner.delete),
};
const lock: TokenLock = { reach: 'process', request: slowly((_name, _options, callback) => callback()) };

const answers: Record<string, unknown> = {
  '/token': { access_token: 'refreshed', refresh_token: 'next', expires_in: 300 },
  '/revoke': {},
};

function open(options: Partial<TokenManagerOptions> = {}): TokenManager {
  return new TokenManager({
    clientId: 'waiting',
    authorizationServer: {
      tokenEndpoint: 'https://as.test/token',
      revocationEndpoint: 'https://as.test/revoke',
    },
    protectedResources: ['https://api.test/'],
    storage,
    lock,
    fetch: slowly(async (input) => Response.json(answers[new URL(String(input)).pathname] ?? 'fine')),
    ...options,
  });
}

async function signedIn(options?: Partial<TokenManagerOptions>): Promise<TokenManager> {
  const manager = open(options);
  await manager.setTokens({ access_token: 'first', refresh_token: 'refresh', expires_in: 300 });
  return manager;
}

const scenes: Record<string, () => Promise<unknown>> = {
  setTokens: async () => void (await signedIn()),
  getTokens: async () => (await (await signedIn()).getTokens())?.accessToken,
  getAccessToken: async () => (await signedIn()).getAccessToken({ rejectedToken: 'first' }),
  fetch: async () => {
    await signedIn();
    const manager = open({ fetch: async () => Response.json('fine') }); // has to read the token first
    return (await manager.fetch('https://api.test/')).json();
  },
  signOut: async () => (await (await signedIn()).signOut()).revoked,
  inspect: async () => (await inspect(await signedIn())).session,
  close: async () => {
    const manager = await signedIn();
    manager.getAccessToken({ rejectedToken: 'first' }).catch(() => undefined);
    await manager.close();
  },
  // No caller waits any more: the process may end.
  'a call that was given up': async () => {
    const manager = await signedIn({ lock: { reach: 'process', request: never } });
    const leaving = new AbortController();
    const call = manager.getAccessToken({ rejectedToken: 'first', signal: leaving.signal });
    leaving.abort();
    return await call.catch(({ name }: Error) => name);
  },
  'an event': async () => {
    (await signedIn()).on('refreshed', () => undefined);
    return await never();
  },
};

const scene = scenes[process.argv[2] ?? ''];
scene?.().then((outcome) => process.stdout.write(`${outcome ?? 'done'}`));
