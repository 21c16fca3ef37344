import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { DpopKey } from '../../../src/core/oauth/dpop-key.ts';
import type { LoginIdentity } from '../../../src/core/session/login-identity.ts';
import type { SessionRecord } from '../../../src/core/session/session-record.ts';
import type { UnsavedRecord } from '../../../src/session/record-write.ts';
import { type CachedToken, Session } from '../../../src/session/session.ts';
import { loginRequired } from '../../../src/session/session-errors.ts';

const signedOut = loginRequired('signed_out');

const identity = (login: string): LoginIdentity => ({ login, issuer: undefined, subject: login });

const recordOf = (login: string, refreshToken = `rt-${login}`) =>
  ({ login, refreshToken, accessTokens: {} }) as SessionRecord;

const tokenOf = (login: string): CachedToken => ({
  token: `at-${login}`,
  login: identity(login),
  credentials: {} as CachedToken['credentials'],
  until: 1,
  expiresAt: 1,
  scope: undefined,
  promise: undefined,
});

/** Everything that can happen to a session. */
const events = {
  login: (session: Session, login: string) => session.beginLogin(identity(login)),
  found: (session: Session, login: string) => session.switchLogin(identity(login)),
  noted: (session: Session, login: string) => session.noteLogin(identity(login)),
  token: (session: Session, login: string) => {
    session.switchLogin(identity(login));
    session.cacheToken('', tokenOf(login));
  },
  removed: (session: Session) => session.finishSignOut({ kind: 'removed', error: signedOut }),
  stored: (session: Session, login: string) =>
    session.finishSignOut({ kind: 'still-stored', error: signedOut, login }),
  signOut: (session: Session) => session.signOut(signedOut),
  empty: (session: Session) => session.noteEmpty(),
  end: (session: Session) => session.markEnded(signedOut),
  seen: (session: Session) => session.noteTokensSeen(),
  clear: (session: Session) => session.clearCache(),
};

/** An event, and the login that it is about: `a` and `b` are logins of two users. */
type Step = `${keyof typeof events}-${'a' | 'b'}`;

const steps = fc.array(
  fc
    .tuple(fc.constantFrom(...(Object.keys(events) as (keyof typeof events)[])), fc.constantFrom('a', 'b'))
    .map(([event, login]) => `${event}-${login}` as Step),
  { maxLength: 30 },
);

function take(session: Session, step: Step): void {
  const [event, login] = step.split('-') as [keyof typeof events, string];
  events[event](session, login);
}

function play(all: readonly Step[]): Session {
  const session = new Session('s', 'client/s');
  for (const step of all) take(session, step);
  return session;
}

describe('after any sequence of events a session', () => {
  test('that has ended has no access token in memory', () => {
    fc.assert(
      fc.property(steps, (all) => {
        const session = play(all);
        if (session.ended !== undefined) expect(session.cachedTokens).toEqual([]);
      }),
    );
  });

  test('with an access token in memory knows its login', () => {
    fc.assert(
      fc.property(steps, (all) => {
        const session = play(all);
        for (const [, { login }] of session.cachedTokens) expect(session.login).toEqual(login);
      }),
    );
  });

  test('is signed in with the next access token, whatever it was before', () => {
    fc.assert(
      fc.property(steps, (all) => {
        const session = play([...all, 'token-a']);
        expect(session).toMatchObject({ isSignedOut: false, ended: undefined, hasSeenTokens: true });
        expect(session.login).toEqual(identity('a'));
      }),
    );
  });

  test('begins an epoch with each login and sign-out of this process, and with each found login of another user', () => {
    fc.assert(
      fc.property(steps, (all) => {
        const session = play(all);
        for (const step of ['login-a', 'found-a', 'found-b', 'noted-a', 'signOut-a', 'found-a'] as const) {
          const { epoch, login } = session;
          take(session, step);
          const isNew = {
            'found-a': login?.login === 'b',
            'found-b': login?.login === 'a',
            'noted-a': false,
          };
          expect(session.epoch - epoch).toBe(Number(isNew[step as keyof typeof isNew] ?? true));
        }
      }),
    );
  });

  test('stays ended when the storage is empty', () => {
    fc.assert(
      fc.property(steps, (all) => {
        expect(play([...all, 'signOut-a', 'empty-a']).ended?.error).toBe(signedOut);
      }),
    );
  });

  test('keeps the login that it knows when a record of another one is read only', () => {
    expect(play(['login-a', 'noted-b']).login).toEqual(identity('a'));
    expect(play(['noted-b']).login).toEqual(identity('b'));
  });

  test.each<[string, Step]>([
    ['was empty', 'empty-a'],
    ['has ended', 'end-a'],
  ])('that %s is signed in by a found login only with its first access token', (_, step) => {
    expect(play([step, 'found-a']).isSignedOut).toBe(true);
    expect(play([step, 'found-a', 'token-a']).isSignedOut).toBe(false);
  });

  test('ends with a sign-out, until a token or a login comes', () => {
    fc.assert(
      fc.property(steps, steps, (before, after) => {
        const isBeginning = after.some((step) => step.startsWith('login') || step.startsWith('token'));
        expect(play([...before, 'signOut-a', ...after]).isSignedOut || isBeginning).toBe(true);
      }),
    );
  });
});

describe('a record in the storage', () => {
  test('belongs to the ended session while the sign-out deletes it, whatever login it names', () => {
    expect(play(['login-a', 'signOut-a']).hasEnded(recordOf('b'))).toBe(true);
  });

  test('of another login begins a new session once the login that could not be deleted is known', () => {
    const session = play(['login-a', 'signOut-a', 'stored-a']);
    expect(session.hasEnded(recordOf('a'))).toBe(true);
    expect(session.hasEnded(recordOf('b'))).toBe(false);
  });

  test('begins a new session after the old one was deleted', () => {
    expect(play(['login-a', 'signOut-a', 'removed-a']).hasEnded(recordOf('a'))).toBe(false);
  });

  test('with a rejected refresh token stays ended until a login of this process', () => {
    const session = play(['token-a']);
    session.markEnded(loginRequired('invalid_grant'), 'rt-a');
    take(session, 'token-b');
    expect(session.hasEnded(recordOf('a'))).toBe(true);
    expect(session.hasEnded(recordOf('b'))).toBe(false);
    take(session, 'login-a');
    expect(session.hasEnded(recordOf('a'))).toBe(false);
  });

  test('a sign-out that ends late does not end the login that has come since', () => {
    expect(play(['login-a', 'signOut-a', 'login-b', 'stored-a']).ended).toBeUndefined();
  });
});

describe('a synchronisation with the storage', () => {
  test.each<[string, Step]>([
    ['a login', 'login-b'],
    ['a sign-out', 'signOut-a'],
    ['another access token', 'token-b'],
  ])('does not count any more after %s', (_, step) => {
    const session = play(['token-a']);
    const sync = session.beginSync();
    expect(sync.isCurrent()).toBe(true);
    take(session, step);
    expect(sync.isCurrent()).toBe(false);
  });

  test.each<[string, Step]>([
    ['a login', 'login-a'],
    ['a sign-out', 'signOut-a'],
    ['a token', 'token-a'],
  ])('that began without a token in memory does not count after %s', (_, step) => {
    const session = play(['login-a']);
    const sync = session.beginSync();
    take(session, step);
    expect(sync.isCurrent()).toBe(false);
  });

  test('does not count any more once a later one has begun', () => {
    const session = play(['token-a']);
    const first = session.beginSync();
    const second = session.beginSync();
    expect([first.isCurrent(), second.isCurrent()]).toEqual([false, true]);
  });

  test('keeps calls from using the token in memory', () => {
    const session = play(['token-a']);
    expect(session.usableToken('', 0)?.token).toBe('at-a');
    session.beginSync();
    expect(session.usableToken('', 0)).toBeUndefined();
  });
});

describe('work that is in progress', () => {
  test.each<[string, Step]>([
    ['a login', 'login-a'],
    ['a sign-out', 'signOut-a'],
    ['a found login of another user', 'found-b'],
    ['the end', 'end-a'],
  ])('a refresh cannot be joined after %s, and is waited for', (_, step) => {
    const session = play(['login-a']);
    const flight = Promise.resolve(tokenOf('a'));
    session.work.addFlight('', flight);
    expect(session.pending.flight('')).toBe(flight);
    take(session, step);
    expect(session.pending.flight('')).toBeUndefined();
    expect(session.pending.all).toEqual([flight]);
  });

  test('a refresh that has landed leaves the next one of its variant alone', async () => {
    const session = play(['login-a']);
    const first = Promise.resolve(tokenOf('a'));
    const second = new Promise<CachedToken>(() => undefined);
    session.work.addFlight('', first);
    session.work.addFlight('', second);
    await first;
    expect(session.pending.flight('')).toBe(second);
    expect(session.pending.flights).toEqual([second]);
  });

  test('the key of a login is kept until the next login or sign-out', () => {
    const dpopKey = { thumbprint: 'k' } as DpopKey;
    const session = new Session('s', 'client/s');
    session.beginLogin(identity('a'), dpopKey);
    expect(session.dpopKey).toBe(dpopKey);
    take(session, 'login-b');
    expect(session.dpopKey).toBeUndefined();
    session.bindTo(dpopKey);
    take(session, 'signOut-b');
    expect(session.dpopKey).toBeUndefined();
  });

  test('a session is storing during a sign-in, during an import and while its record is unsaved', async () => {
    const session = new Session('s', 'client/s');
    const signIn = Promise.resolve();
    session.work.trackSignIn(signIn);
    expect(session.isStoring).toBe(true);
    await signIn;
    expect(session.isStoring).toBe(false);
    const failedImport = session.work.runImport(async () => {
      expect(session.isStoring).toBe(true);
      throw new Error('no');
    });
    await expect(failedImport).rejects.toThrow('no');
    expect(session.isStoring).toBe(false);
    session.keepUnsaved({} as UnsavedRecord);
    expect(session.isStoring).toBe(true);
    session.keepUnsaved(undefined);
    expect(session.isStoring).toBe(false);
  });

  test('an earlier sign-in that settles does not end a later one', async () => {
    const { work: pending } = new Session('s', 'client/s');
    const first = Promise.resolve();
    const second = new Promise(() => undefined);
    pending.trackSignIn(first);
    pending.trackSignIn(second);
    await first;
    expect(pending.signIn).toBe(second);
  });

  test('an idle session keeps no pending work, and the end of earlier work does not drop later work', async () => {
    const session = new Session('s', 'client/s');
    const { work } = session;
    const late = Promise.resolve();
    work.trackSignIn(Promise.resolve());
    await work.runImport(async () => undefined);
    expect(session.work).not.toBe(work);
    const { work: next } = session;
    next.beginRequest();
    work.trackSignIn(late); // it is not part of the session any more
    await late;
    expect(session.work).toBe(next);
    expect(session.pending.hasRequest).toBe(true);
    next.endRequest();
    expect(session.work).not.toBe(next);
  });

  test('a sign-out begins without the late revocations of the one before', () => {
    const session = play(['signOut-a']);
    session.work.trackOrphanRevocation({ refreshTokens: [], result: new Promise(() => undefined) });
    take(session, 'signOut-a');
    expect(session.pending.orphanRevocation).toBeUndefined();
  });

  test('work that waits for the refreshes runs once, however often it was requested', async () => {
    const { work: pending } = new Session('s', 'client/s');
    let runs = 0;
    const run = async () => void runs++;
    pending.addFlight('', Promise.resolve(tokenOf('a')));
    await Promise.all([pending.afterFlights(run), pending.afterFlights(run)]);
    expect(runs).toBe(1);
    await pending.afterFlights(run);
    expect(runs).toBe(2);
  });
});

describe('previous reports and reads', () => {
  test('an expiry and an unusable value are reported once each', () => {
    const session = new Session('s', 'client/s');
    expect([session.noteExpiry(1), session.noteExpiry(1), session.noteExpiry(2)]).toEqual([
      true,
      false,
      true,
    ]);
    expect([session.noteRejected('v1'), session.noteRejected('v1'), session.noteRejected('v2')]).toEqual([
      true,
      false,
      true,
    ]);
  });

  test('a marker is dated by when it was first seen, and again after the clock was set back', () => {
    const session = new Session('s', 'client/s');
    expect(session.markerSeenAt('m', 1, 100)).toBe(100);
    expect(session.markerSeenAt('m', 1, 200)).toBe(100);
    expect(session.markerSeenAt('m', 2, 300)).toBe(300);
    expect(session.markerSeenAt('n', 2, 400)).toBe(400);
    expect(session.markerSeenAt('n', 2, 50)).toBe(50);
  });
});
