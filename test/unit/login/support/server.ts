/** An authorization server of literal answers, and the answers that a browser brings back from it. */
import { type TestClock, testClock } from 'tokenkeep/testing';
import { type Place, type Wire, wire } from '../../../support/wire.ts';

export const as = {
  issuer: 'https://as.test',
  authorizationEndpoint: 'https://as.test/authorize?tenant=x',
  tokenEndpoint: 'https://as.test/token',
  deviceAuthorizationEndpoint: 'https://as.test/device',
  metadata: { authorization_response_iss_parameter_supported: true },
} as const;

export const redirectUri = 'https://app.test/callback';

export interface Scene {
  readonly clock: TestClock;
  readonly net: Wire;
  /** Options that all functions of a login take. */
  readonly client: {
    readonly clientId: string;
    readonly authorizationServer: typeof as;
    readonly fetch: typeof fetch;
    readonly clock: TestClock;
  };
}

export function scene(places: Readonly<Record<string, Place>> = {}): Scene {
  const clock = testClock();
  const net = wire({ [as.tokenEndpoint]: granting(), ...places });
  return { clock, net, client: { clientId: 'app', authorizationServer: as, fetch: net.fetch, clock } };
}

export const granting =
  (members: object = {}): Place =>
  (_, count) =>
    Response.json({
      access_token: `access-${count}`,
      refresh_token: `refresh-${count}`,
      token_type: 'Bearer',
      expires_in: 300,
      ...members,
    });

/** Where the server sends the browser back to, when it agrees. */
export function answered(
  url: string,
  change: Readonly<Record<string, string | undefined>> = {},
  code = 'the-code',
): URL {
  const request = new URL(url).searchParams;
  const answer = new URL(request.get('redirect_uri') ?? '');
  const members = { code, state: request.get('state') ?? '', iss: as.issuer, ...change };
  for (const [name, value] of Object.entries(members)) {
    if (value !== undefined) answer.searchParams.set(name, value);
  }
  return answer;
}

/** An ID token as the token endpoint gives it; nobody checks its signature. */
export function idToken(claims: object): string {
  const part = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url');
  return `${part({ alg: 'ES256' })}.${part(claims)}.c2ln`;
}
