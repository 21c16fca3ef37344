/** tokenkeep keeps a limited amount of what a server sends in addition to its tokens. */
import { describe, expect, test } from 'vitest';
import type { TokenGrant } from '../../../../src/core/oauth/token-grant.ts';
import { applyGrant } from '../../../../src/core/session/apply-grant.ts';
import type { SessionRecord } from '../../../../src/core/session/session-record.ts';

const asking = { variant: '', scope: undefined, sentAt: 0, issuer: 'https://as.test', usable: true };
const grant = (extra: Record<string, unknown>): TokenGrant => ({
  accessToken: 'access',
  tokenType: 'Bearer',
  lifetime: undefined,
  scope: undefined,
  refreshToken: undefined,
  refreshTokenLifetime: undefined,
  idToken: undefined,
  extra,
});
const login: SessionRecord = {
  schema: 1,
  clientId: 'app',
  accessTokens: {},
  extra: { team: 'T1', user: { id: 1 } },
};

describe('an additional member of a token response', () => {
  test('is kept until a later response replaces it', () => {
    expect(applyGrant(login, grant({ user: { id: 2 }, id: 'x' }), asking).extra).toEqual({
      team: 'T1',
      user: { id: 2 },
      id: 'x',
    });
  });

  test('is limited: of 60 responses with new members of 100 kB only the first and last are kept', () => {
    let record = login;
    for (let answer = 0; answer < 60; answer++) {
      record = applyGrant(record, grant({ [`trace_${answer}`]: 'x'.repeat(100_000) }), asking);
    }
    expect(Object.keys(record.extra ?? {})).toEqual(['team', 'user', 'trace_59']);
  });

  test('is kept if it came early: of many small ones the first 64 kB', () => {
    let record = login;
    for (let answer = 0; answer < 200; answer++) {
      record = applyGrant(record, grant({ [`id_${answer}`]: 'x'.repeat(1_000) }), asking);
    }
    const names = Object.keys(record.extra ?? {});
    expect(names.slice(0, 3)).toEqual(['team', 'user', 'id_0']);
    expect(names.at(-1)).toBe('id_199');
    expect(JSON.stringify(record.extra).length).toBeLessThan(67_000);
  });

  test('that is not JSON, from a custom storage, does not lose the successor', () => {
    const cyclic: Record<string, unknown> = {};
    cyclic['self'] = cyclic;
    const odd = {
      ...login,
      extra: {
        big: 1n,
        cyclic,
        toJSON: () => {
          throw new Error('no');
        },
        team: 'T1',
      },
    };
    const { extra, accessTokens } = applyGrant(odd, grant({ id: 'x' }), asking);
    expect(extra).toMatchObject({ team: 'T1', id: 'x' });
    expect(extra).not.toHaveProperty('cyclic');
    expect(accessTokens['']?.token).toBe('access');
  });
});
