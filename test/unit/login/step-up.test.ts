/** The requirements of an API become part of the next login. */
import { startLogin, withStepUp } from 'tokenkeep/login';
import { describe, expect, test } from 'vitest';
import { explained } from '../../support/explained.ts';
import { redirectUri, scene } from './support/server.ts';

const usual = { scope: ['openid', 'offline_access', 'read'] };
const base64 = (claims: object) => Buffer.from(JSON.stringify(claims)).toString('base64');
const claimsOf = ({ parameters }: { parameters?: Readonly<Record<string, string>> }) =>
  JSON.parse(parameters?.['claims'] ?? 'null');

test('9470-02: the event goes straight into an authorization request, beside what is asked for as a rule', async () => {
  const { client } = scene();
  const event = {
    type: 'stepUpRequired',
    session: 'default',
    url: 'https://api.test/payments',
    error: 'insufficient_user_authentication',
    scope: ['read', 'payments'],
    missingScope: ['payments'],
    acrValues: ['gold', 'silver'],
    maxAge: 300,
  } as const;
  const pending = new Map<string, string>();
  const login = { ...client, ...usual, redirectUri, pending, parameters: { prompt: 'consent' } };
  const { url } = await startLogin(withStepUp(login, event));
  expect(Object.fromEntries(new URL(url).searchParams)).toMatchObject({
    client_id: 'app',
    scope: 'openid offline_access read payments',
    acr_values: 'gold silver',
    max_age: '300',
    prompt: 'consent',
  });
  // The requirements for the ID token, and the scope of the tokens.
  const [waiting] = [...pending.values()].map((text) => JSON.parse(text));
  expect(waiting).toMatchObject({ maxAge: 300, scope: ['openid', 'offline_access', 'read', 'payments'] });
});

describe('the options', () => {
  test('are not changed, and nothing is asked for that the API did not ask for', () => {
    const login = Object.freeze({ ...usual, lifetime: 5, parameters: Object.freeze({ prompt: 'login' }) });
    expect(withStepUp(login, { error: 'insufficient_scope' })).toEqual(login);
    expect(withStepUp({}, { scope: ['a', 'a'] })).toEqual({ scope: ['a'], parameters: {} });
  });

  test('of two ages the shorter one counts, whichever side sets it', () => {
    const ageOf = (own: string, maxAge: number) =>
      withStepUp({ parameters: { max_age: own } }, { maxAge }).parameters['max_age'];
    expect([ageOf('60', 300), ageOf('300', 60), ageOf('soon', 60), ageOf('60', 0)]).toEqual([
      '60',
      '60',
      '60',
      '0',
    ]);
  });

  test('the authentication contexts of the API take the place of the usual ones', () => {
    const { parameters } = withStepUp({ parameters: { acr_values: 'bronze' } }, { acrValues: ['gold'] });
    expect(parameters['acr_values']).toBe('gold');
  });
});

describe('claims', () => {
  const acrs = { access_token: { acrs: { essential: true, value: 'c1' } } };

  test.each([
    ['JSON', JSON.stringify(acrs)],
    ['base64, as Microsoft sends it', base64(acrs)],
    ['base64url', Buffer.from(JSON.stringify(acrs)).toString('base64url')],
  ])('are sent as JSON, whether they came as %s', (_form, claims) => {
    expect(claimsOf(withStepUp({ ...usual, parameters: {} }, { claims }))).toEqual(acrs);
  });

  test('with other letters than those of ASCII arrive whole', () => {
    const claims = { id_token: { name: { value: 'žluť ✓ ÿ?>' } } };
    const encoded = base64(claims);
    for (const text of [encoded, encoded.replaceAll('+', '-').replaceAll('/', '_')]) {
      expect(claimsOf(withStepUp({ ...usual, parameters: {} }, { claims: text }))).toEqual(claims);
    }
  });

  test('stand beside those that the application asks for: without xms_cc no such challenge would come again', () => {
    const own = { access_token: { xms_cc: { values: ['cp1'] } }, id_token: { email: null } };
    const login = { parameters: { claims: JSON.stringify(own) } };
    expect(claimsOf(withStepUp(login, { claims: base64(acrs) }))).toEqual({
      access_token: { ...own.access_token, ...acrs.access_token },
      id_token: { email: null },
    });
  });

  test.each(['', 'not base64!', base64([1]), '"text"', 'null', '%7B%7D', btoa('{')])(
    'that are invalid are refused, and not repeated: %j',
    (claims) => {
      const step = () => withStepUp(usual, { claims });
      expect(step).toThrow(expect.objectContaining({ code: 'ERR_CONFIGURATION' }));
      expect(step).toThrow(explained(/^withStepUp\(options, stepUp\): stepUp.claims must be [^"%]*$/));
    },
  );

  test('of the application that are invalid are named', () => {
    const step = () => withStepUp({ parameters: { claims: 'x' } }, { claims: base64(acrs) });
    expect(step).toThrow(explained(/parameters\.claims/));
  });
});

test.each<[string, unknown]>([
  ['nothing', undefined],
  ['null', null],
  ['a text', 'gold'],
  ['scopes that no server understands', { scope: ['a"b'] }],
  ['scopes in one text', { scope: 'a b' }],
  ['contexts with spaces', { acrValues: ['a b'] }],
  ['an age that is none', { maxAge: -1 }],
  ['an age as a text', { maxAge: '300' }],
  ['claims that are parsed already', { claims: {} }],
])('refuses %s', (_what, stepUp) => {
  expect(() => withStepUp(usual, stepUp as never)).toThrow(
    expect.objectContaining({ code: 'ERR_CONFIGURATION' }),
  );
});
