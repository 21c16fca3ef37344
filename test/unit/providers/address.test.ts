/** Valid and invalid addresses of providers. */
import { isTokenKeepError } from 'tokenkeep';
import { cloudentity, cognito, curity, entra, github, keycloak, okta, reachfive } from 'tokenkeep/providers';
import { describe, expect, test } from 'vitest';
import { explained } from '../../support/explained.ts';

describe('a domain', () => {
  test.each([
    ['acme.reach5.net', 'https://acme.reach5.net'],
    ['https://acme.reach5.net', 'https://acme.reach5.net'],
    ['https://ACME.reach5.net/', 'https://acme.reach5.net'],
    ['localhost:8443', 'https://localhost:8443'],
    ['http://localhost:8080', 'http://localhost:8080'],
  ])('%s is %s', (domain, base) => {
    expect(reachfive({ domain })).toMatchObject({ issuer: base, tokenEndpoint: `${base}/oauth/token` });
  });

  test.each([
    undefined,
    '',
    7,
    'http://acme.reach5.net',
    'ftp://acme.reach5.net',
    'acme.reach5.net@attacker.example',
    'https://user:password@acme.reach5.net',
    'acme.reach5.net/path',
    'acme.reach5.net/?query',
    'acme.reach5.net#fragment',
    'acme.reach5.net\\@attacker.example',
    'acme reach5.net',
    '//attacker.example',
  ])('%s is invalid, and the error names the option', (domain) => {
    expect(complaint(() => reachfive({ domain: domain as string }))).toMatch(/^reachfive\(\{ domain \}\)/);
  });

  test('may have a path where a server has one', () => {
    const { issuer } = keycloak({ url: 'https://login.example.com/auth/', realm: 'my realm' });
    expect(issuer).toBe('https://login.example.com/auth/realms/my%20realm');
    expect(curity({ domain: 'https://localhost:8443/idp' }).tokenEndpoint).toBe(
      'https://localhost:8443/idp/oauth/v2/oauth-token',
    );
  });
});

describe('a name in a path', () => {
  test.each(['..', '.', '', 7, undefined])('%s leads elsewhere, and is refused', (realm) => {
    const make = () => keycloak({ url: 'login.example.com', realm: realm as string });
    expect(complaint(make)).toMatch(/^keycloak\(\{ realm \}\)/);
  });

  test.each(['a/../../b', 'a?b', 'a#b', 'a\\b', '@attacker.example'])('%s stays one segment', (tenant) => {
    const { tokenEndpoint } = cloudentity({ domain: 'login.example.com', tenant });
    const { host, pathname, search, hash } = new URL(tokenEndpoint);
    expect([host, pathname.split('/').length, search, hash]).toEqual(['login.example.com', 4, '', '']);
  });

  test.each(['token', '//attacker.example/', '.attacker.example/', '/a?', '/a#'])(
    'the prefix %s is refused',
    (prefix) => {
      const make = () => curity({ domain: 'login.example.com', prefix });
      expect(complaint(make)).toMatch(explained(/^curity\(\{ prefix \}\)/));
    },
  );
});

describe('options that depend on the use of a provider', () => {
  test('Okta: the authorization server of the organisation, or a custom one', () => {
    expect(okta({ domain: 'acme.okta.com' })).toMatchObject({
      issuer: 'https://acme.okta.com',
      tokenEndpoint: 'https://acme.okta.com/oauth2/v1/token',
    });
    expect(okta({ domain: 'acme.okta.com', authorizationServer: 'aus1' })).toMatchObject({
      issuer: 'https://acme.okta.com/oauth2/aus1',
      tokenEndpoint: 'https://acme.okta.com/oauth2/aus1/v1/token',
    });
  });

  test('Entra: an issuer only for the id of a tenant, for others it is not known', () => {
    expect(entra().issuer).toBeUndefined();
    expect(entra({ tenant: 'acme.onmicrosoft.com' }).issuer).toBeUndefined();
    const tenant = '72f988bf-86f1-41af-91ab-2d7cd011db47';
    expect(entra({ tenant }).issuer).toBe(`https://login.microsoftonline.com/${tenant}/v2.0`);
  });

  test('Cognito: the issuer is of the user pool, not of its domain', () => {
    const domain = 'login.example.com';
    expect(cognito({ domain }).issuer).toBeUndefined();
    expect(cognito({ domain, userPoolId: 'eu-west-1_AbCdEf' })).toMatchObject({
      issuer: 'https://cognito-idp.eu-west-1.amazonaws.com/eu-west-1_AbCdEf',
      tokenEndpoint: 'https://login.example.com/oauth2/token',
    });
  });

  test('GitHub: a server of one’s own', () => {
    expect(github({ domain: 'github.example.com' }).tokenEndpoint).toBe(
      'https://github.example.com/login/oauth/access_token',
    );
  });
});

function complaint(make: () => unknown): string {
  try {
    make();
  } catch (error) {
    if (isTokenKeepError(error) && error.code === 'ERR_CONFIGURATION') return error.message;
    throw error;
  }
  throw new Error('It was to be refused.');
}
