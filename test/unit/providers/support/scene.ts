/** A user who is signed in at a provider: its fake, a clock that stands still, and what went over the wire. */
import { type ClientAuthentication, none, type TokenManager, type TokenManagerOptions } from 'tokenkeep';
import { clientSecretBasic, clientSecretPost } from 'tokenkeep/client-authentication';
import type { TestAuthorizationServer, TestClient, TestClock } from 'tokenkeep/testing';
import { callApi, openManager } from '../../../support/open-manager.ts';
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

/** Opens a client of a provider, before anybody has logged in. */
export async function clientOf(fixture: Fixture): Promise<ProviderScene> {
  const { known, how } = clients[fixture.authentication];
  const { authorizationEndpoint = '' } = fixture.provider;
  const sent: Sent[] = [];
  const options = {
    ...client,
    clientAuthentication: how(),
    authorizationServer: fixture.provider,
    protectedResources: [fixture.resource],
    fetch: async (input: string | URL | Request, init?: RequestInit) => {
      const request = new Request(input, init);
      const { method, url, headers } = request;
      const body = await request.clone().text();
      sent.push({ method, url, headers, body, form: new URLSearchParams(body) });
      return await server.fetch(request);
    },
  };
  const { clock, server, manager } = await openManager({
    signedIn: false,
    server: { ...fixture.fake, authorizationEndpoint, clients: [known] },
    manager: options,
  });
  server.reset(); // of the login that nobody stored
  const ends: string[] = [];
  manager.on('sessionEnded', ({ error }) => ends.push(error.reason));
  const call = () => callApi(manager, `${fixture.resource.replace(/\/?$/, '/')}messages`);
  return { server, clock, options: { ...options, clock }, manager, sent, ends, call };
}

/** Opens a client whose user has just logged in. */
export async function signedIn(fixture: Fixture): Promise<ProviderScene> {
  const scene = await clientOf(fixture);
  await scene.manager.setTokens(scene.server.signIn());
  return scene;
}
