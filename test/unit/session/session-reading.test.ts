/** A look at a session: what it found takes effect only while nobody has signed in or out in this process since it began. */
import { expect, test } from 'vitest';
import { createContext } from '../../../src/context.ts';
import { Session } from '../../../src/session/session.ts';
import { loginRequired } from '../../../src/session/session-errors.ts';
import { SessionReading } from '../../../src/session/session-reading.ts';

const identity = (user: string) => ({ login: `login-${user}`, issuer: undefined, subject: user });

/** Alice is signed in, and a look at the storage finds the record of Bob. */
function lookThatFindsBob() {
  const context = createContext({
    clientId: 'app',
    authorizationServer: { tokenEndpoint: 'https://as.test/token' },
    protectedResources: ['https://api.test/'],
  });
  const session = new Session('s', 'app/s');
  session.beginLogin(identity('alice'));
  const events: unknown[] = [];
  const reading = new SessionReading(context, session, (event) => void events.push(event));
  reading.setRecord({ schema: 1, clientId: 'app', login: 'login-bob', subject: 'bob', accessTokens: {} });
  return { session, reading, events };
}

test('law one-login: another login that was found replaces the current one, and is emitted', () => {
  const { session, reading, events } = lookThatFindsBob();
  expect(reading.switchLogin()).toBe(true);
  expect(session.login).toEqual(identity('bob'));
  expect(reading.isCurrent).toBe(true);
  const replaced = { login: 'login-alice', subject: 'alice' };
  expect(events).toEqual([
    { type: 'signedIn', session: 's', login: 'login-bob', subject: 'bob', where: 'elsewhere', replaced },
  ]);
});

test('law one-login: a login in this process is not replaced by what was read before it', () => {
  const { session, reading, events } = lookThatFindsBob();
  session.beginLogin(identity('carol'));
  const { epoch } = session;
  expect(reading.switchLogin()).toBe(false);
  expect(session.login).toEqual(identity('carol'));
  expect(session.epoch).toBe(epoch);
  expect(events).toEqual([]);
});

test('law sign-out-wins: a sign-out in this process is not undone by what was read before it', () => {
  const { session, reading, events } = lookThatFindsBob();
  session.signOut(loginRequired('signed_out'));
  expect(reading.switchLogin()).toBe(false);
  expect(session.login).toBeUndefined();
  expect(session.ended).toBeDefined();
  expect(events).toEqual([]);
});
