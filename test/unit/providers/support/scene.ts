/** A user who is signed in at a provider: its fake, a clock that stands still, and what went over the wire. */
import {
  type ClientAuthentication,
  clientSecretBasic,
  clientSecretPost,
  none,
  TokenManager,
  type TokenManagerOptions,
} from 'tokenkeep';
import {
  authorizationServer,
  type TestAuthorizationServer,
  type TestClient,
  type TestClock,
  testClock,
} from 'tokenkeep/testing';
import type { Sent } from '../../../support/wire.ts';
import type { Fixture } from './fixture.ts';

export interface ProviderScene {
  readonly server: TestAuthorizationServer;
  readonly clock: TestClock;
  readonly options: TokenManagerOptions;
  readonly manager: TokenManager;
  /** The requests that were sent, in order. */
  readonly sent: readonly Sent[];
  readonly ends: string[];
  /** The status of a call of the API. */
  call(): Promise<number>;
}

const client = { clientId: 'CLIENT_ID' };
const secret = 'CLIENT_SECRET';

const clients: Readonly<
  Record<Fixture['authentication'], { readonly known: TestClient; readonly how: () => ClientAuthentication }>
> = {
  none: { known: client, how: none },
  client_secret_post: {
    known: { ...client, clientSecret: secret, method: 'client_secret_post' },
    how: () => clientSecretPost(secret),
  },
  client_secret_basic: {
    known: { ...client, clientSecret: secret, method: 'client_secret_basic' },
    how: () => clientSecretBasic(secret),
  },
};

/** A client of a provider, before anybody has logged in. */
export function clientOf(fixture: Fixture): ProviderScene {
  const { known, how } = clients[fixture.authentication];
  const clock = testClock();
  const { authorizationEndpoint = '' } = fixture.provider;
  const server = authorizationServer({ ...fixture.fake, authorizationEndpoint, clients: [known], clock });
  const sent: Sent[] = [];
  const options: TokenManagerOptions = {
    ...client,
    clientAuthentication: how(),
    authorizationServer: fixture.provider,
    protectedResources: [fixture.resource],
    clock,
    fetch: async (input, init) => {
      const request = new Request(input, init);
      const { method, url, headers } = request;
      const body = await request.clone().text();
      sent.push({ method, url, headers, body, form: new URLSearchParams(body) });
      return await server.fetch(request);
    },
  };
  const manager = new TokenManager(options);
  const ends: string[] = [];
  manager.on('sessionEnded', ({ error }) => ends.push(error.reason));
  const call = async () => (await manager.fetch(`${fixture.resource.replace(/\/?$/, '/')}messages`)).status;
  return { server, clock, options, manager, sent, ends, call };
}

/** A client whose user has just logged in. */
export async function signedIn(fixture: Fixture): Promise<ProviderScene> {
  const scene = clientOf(fixture);
  await scene.manager.setTokens(scene.server.signIn());
  return scene;
}
