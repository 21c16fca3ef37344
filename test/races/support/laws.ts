/** The laws of CONTRIBUTING.md, as what must be true of a world when everything has settled. */
import { inspect } from 'node:util';
import { expect } from 'vitest';
import type { Story } from './actors.ts';
import { codeOf, forged, type World } from './world.ts';

/**
 * Laws single-use and response-lost: a refresh token is sent again only if no one received the response, and never in
 * parallel.
 */
export function spentOnce({ sends }: World): void {
  const byToken = Map.groupBy(sends, ({ refreshToken }) => refreshToken);
  for (const those of byToken.values()) {
    for (const [index, send] of those.entries()) {
      const before = those[index - 1];
      if (before === undefined) continue;
      expect(before.endedAt, 'two refreshes of one token at the same time').toBeLessThan(send.startedAt);
      expect(['unsent', 'lost', 'refused'], 'what the refresh before it brought').toContain(before.seen);
    }
  }
}

/** 0 reuses, except of a token whose response was lost after the server had committed. */
export function noReuse({ server, sends }: World): void {
  const lost = new Set(
    sends.filter(({ seen }) => seen === 'lost').map(({ refreshToken }) => server.idOf(refreshToken)),
  );
  const reuses = server.log.filter(({ type, token }) => type === 'reuse' && !lost.has(token));
  expect(reuses, 'reuses without a lost response').toEqual([]);
}

/**
 * Law commit-before-use: the stored refresh token is the newest of a family, unless a response was lost or the family
 * has ended.
 */
export async function endsOnTheNewest(world: World): Promise<void> {
  const { server, sends, sessionIds, stored, families, familyOf } = world;
  for (const [index, id] of sessionIds.entries()) {
    const record = await stored(index);
    if (record === undefined) continue;
    expect(families.get(familyOf(record.refreshToken)), 'whose tokens are stored').toBe(id);
    const lost = sends.some(
      ({ refreshToken, seen }) => refreshToken === record.refreshToken && seen === 'lost',
    );
    if (!lost)
      expect(record.refreshToken, 'newest refresh token').toBe(
        server.currentRefreshToken(record.refreshToken),
      );
  }
}

/** Law commit-before-use: no access token is sent before the record it stands in was stored. */
export function storedBeforeUsed({ usedBeforeStored }: World): void {
  expect(usedBeforeStored, 'calls with a token that was not stored yet').toEqual([]);
}

/** Evidence: a refresh token is spent only for an access token that has expired or was rejected. */
export function onlyOnEvidence({ withoutEvidence }: World): void {
  expect(withoutEvidence, 'refreshes without evidence').toEqual([]);
}

/** Law replay-once: no call is sent more than twice. */
export function replayedOnce({ server }: World): void {
  for (const [path, requests] of Map.groupBy(server.requests, ({ path }) => path)) {
    expect(requests.length, path).toBeLessThanOrEqual(2);
  }
}

/** Law one-login, in a backend with many users: nobody gets a token of somebody else's. */
export function nothingShared({ families, familyOf, sessionIds, server }: World, { calls }: Story): void {
  for (const { outcome, session, path } of calls) {
    const owner = sessionIds[session % sessionIds.length];
    if (outcome !== undefined && 'token' in outcome)
      expect(families.get(familyOf(outcome.token)), 'whose token it is').toBe(owner);
    for (const request of server.requests.filter((one) => one.path === path)) {
      const issuing = server.log.find(({ issued }) => issued?.includes(request.token ?? '') === true);
      expect(families.get(issuing?.family ?? ''), 'whose token was sent').toBe(owner);
    }
  }
}

/** Only the caller that aborts receives an abort; every other error says what to do. */
export function abortsHarmNobody({ calls }: Story): void {
  for (const { kind, outcome } of calls) {
    if (outcome === undefined || !('error' in outcome)) continue;
    const expected = kind === 'abortedCall' ? /^ERR_|Error: left/ : /^ERR_/;
    expect(codeOf(outcome.error), `the error of a ${kind}`).toMatch(expected);
  }
}

/** One `sessionEnded` for each end, and one error for all callers at one manager. */
export function endsOnce({ endings, sends }: World, { calls }: Story): void {
  const dead = new Set(sends.filter(({ seen }) => seen === 'dead').map(({ refreshToken }) => refreshToken));
  expect(endings.length, 'ends').toBeLessThanOrEqual(dead.size);
  const told = new Set<unknown>(endings.map(({ error }) => error));
  for (const { outcome } of calls) {
    if (outcome === undefined || !('error' in outcome)) continue;
    const { reason } = outcome.error as { reason?: string };
    if (reason === 'invalid_grant' || reason === 'response_lost') expect(told).toContain(outcome.error);
  }
}

/** Step 7: no listener is called while the lock is held. */
export function toldOutsideTheLock({ toldInsideLock }: World): void {
  expect(toldInsideLock, 'events told inside the lock').toEqual([]);
}

/** Law sign-out-wins: after a sign-out that came after all logins, nothing is stored, and what was granted late is revoked. */
export async function signOutWins(world: World, { deeds }: Story): Promise<void> {
  for (const [index] of world.sessionIds.entries()) {
    const own = deeds.filter(({ session }) => session % world.sessionIds.length === index);
    const signOuts = own.filter(({ kind, error }) => kind === 'signOut' && error === undefined);
    const last = signOuts.at(-1);
    const managers = world.managers.length;
    // A login that was in progress at another manager has no order with it.
    const undecided = own.some(
      ({ kind, startedAt, endedAt, manager }) =>
        kind === 'login' &&
        last !== undefined &&
        (startedAt > last.startedAt ||
          (endedAt > last.startedAt && manager % managers !== last.manager % managers)),
    );
    if (last === undefined || undecided) continue;
    expect(await world.stored(index), 'what is stored after the sign-out').toBeUndefined();
    const { seen } = world.sends.at(-1) ?? {};
    if (seen === 'lost') continue;
    for (const [family, id] of world.families) {
      if (id !== world.sessionIds[index]) continue;
      const issued = world.server.log
        .filter((one) => one.family === family)
        .flatMap((one) => one.issued ?? []);
      const active = world.sends
        .map(({ refreshToken }) => world.server.currentRefreshToken(refreshToken))
        .filter((token) => token !== undefined && issued.includes(world.server.idOf(token) ?? ''))
        .filter((token) => token !== undefined && world.server.isActive(token));
      expect(active, 'refresh tokens that live on after the sign-out').toEqual([]);
    }
  }
}

/** The latest login at a manager is the session, in the storage and for every later call. */
export async function latestLoginWins(world: World, { deeds, calls }: Story): Promise<void> {
  const place = ({ manager, session }: { manager: number; session: number }) =>
    `${manager % world.managers.length} ${session % world.sessionIds.length}`;
  for (const [index] of world.sessionIds.entries()) {
    const own = deeds.filter(({ session }) => session % world.sessionIds.length === index);
    const last = own.at(-1);
    const atOnePlace = own.every((one) => last !== undefined && place(one) === place(last));
    if (last?.kind !== 'login' || last.error !== undefined || !atOnePlace) continue;
    const { refreshToken } = (await world.stored(index)) ?? {};
    expect(world.familyOf(refreshToken ?? ''), 'the family that is stored').toBe(last.family);
    for (const call of calls) {
      if (place(call) !== place(last) || call.startedAt < last.endedAt) continue;
      if (call.outcome === undefined || !('token' in call.outcome)) continue;
      expect(world.familyOf(call.outcome.token), 'whose token a call after the login got').toBe(last.family);
    }
  }
}

/** Law no-token-in-words: no event and no error quotes a token. */
export function noTokenInWords({ words, sends, everStored }: World, { calls, deeds }: Story): void {
  const errors = [
    ...deeds.map(({ error }) => error),
    ...calls.map(({ outcome }) => (outcome !== undefined && 'error' in outcome ? outcome.error : undefined)),
  ];
  const said = [...words, ...errors.map((error) => inspect(error, { depth: 10 }))].join();
  for (const token of [...everStored, ...sends.map(({ refreshToken }) => refreshToken)])
    expect(said.includes(token), 'a token in an event or an error').toBe(false);
}

/** Law tokens-stay-home: tokens of another server are neither stored nor sent. */
export async function onlyTheServersTokens({ everStored, sends, sessionIds, stored }: World): Promise<void> {
  expect(everStored.has(forged), 'a stored access token of another server').toBe(false);
  expect(sends.map(({ refreshToken }) => refreshToken)).not.toContain(forged);
  for (const index of sessionIds.keys()) expect((await stored(index))?.refreshToken).not.toBe(forged);
}

/** Law nothing-silent: a sign-out reports `revoked` only if the tokens are revoked, and otherwise a reason. */
export function revokedWhereSaid({ server, sessionIds }: World, { deeds }: Story): void {
  for (const { kind, error, result } of deeds) {
    if (kind !== 'signOut' || error !== undefined) continue;
    if (result?.revoked !== true)
      expect(result?.reason, 'why nothing is revoked').toEqual(expect.any(String));
  }
  const place = ({ session }: { session: number }) => session % sessionIds.length;
  for (const deed of deeds) {
    if (deed.kind !== 'signOut' || deed.result?.revoked !== true || deed.stored === undefined) continue;
    const isAlone = deeds.every(
      (other) =>
        other === deed ||
        place(other) !== place(deed) ||
        other.endedAt < deed.startedAt ||
        other.startedAt > deed.endedAt,
    );
    const current = server.currentRefreshToken(deed.stored) ?? '';
    if (isAlone) expect(server.isActive(current), 'a session that lives').toBe(false);
  }
}
