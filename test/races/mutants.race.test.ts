/** The properties find code that breaks a law: each test breaks one module on purpose. */
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { withoutChance } from '../support/without-chance.ts';

beforeEach(withoutChance);
afterEach(() => vi.resetModules());

/** The failure message of a property when this law is broken. */
const because = (law: string) => ({ cause: { message: expect.stringContaining(law) } });

/** The properties of a manager with one module that is broken. */
async function mutated(module: string, exports: Readonly<Record<string, unknown>>) {
  vi.resetModules();
  vi.doMock(module, async (original) => ({ ...(await original<object>()), ...exports }));
  const story = await import('./support/story.ts');
  const actors = await import('./support/actors.ts');
  const twoUsers = await import('./support/two-users.ts');
  vi.doUnmock(module);
  return { ...story, ...actors, twoUsers };
}

test('law tokens-stay-home: the response of another server is used', async () => {
  const { check, worlds, some, calls, evidence, foreignAnswers } = await mutated(
    '../../src/core/http/redirect.ts',
    { assertResponseOrigin: () => undefined },
  );
  const found = check(worlds, some(calls, evidence, foreignAnswers), () => undefined);
  await expect(found).rejects.toMatchObject(because('a stored access token of another server'));
});

test('law nothing-silent: a sign-out reports valid tokens as revoked', async () => {
  const { check, worlds, some, calls, comings } = await mutated('../../src/token-endpoint/revocation.ts', {
    sendRevocation: async () => ({ revoked: true }),
  });
  await expect(check(worlds, some(calls, comings), () => undefined)).rejects.toMatchObject(
    because('a session that lives'),
  );
});

test('law no-token-in-words: secrets are not removed from foreign text', async () => {
  const { check, alone, some, calls, evidence, comings, storageTroubles } = await mutated(
    '../../src/core/redact.ts',
    { redact: (text: string) => text, redactAll: (texts: string[]) => texts },
  );
  const found = check(alone, some(calls, evidence, comings, storageTroubles), () => undefined);
  await expect(found).rejects.toMatchObject(because('a token in an event or an error'));
});

test('law one-login: a call continues under another login', async () => {
  const { twoUsers } = await mutated('../../src/core/session/login-identity.ts', { isSameLogin: () => true });
  const { all, check, underOneLogin } = twoUsers;
  await expect(check(all, underOneLogin)).rejects.toMatchObject(because('whose token'));
});

test('law one-login: every login counts as one of another user', async () => {
  const { twoUsers } = await mutated('../../src/core/session/login-identity.ts', {
    isSameLogin: (one?: object, other?: object) => one === undefined || other === undefined || one === other,
  });
  const { sameUser, check } = twoUsers;
  const found = check(sameUser, ({ calls }) => {
    for (const { error } of calls) expect(error, 'a call that was interrupted').toBeUndefined();
  });
  await expect(found).rejects.toMatchObject(because('a call that was interrupted'));
});
