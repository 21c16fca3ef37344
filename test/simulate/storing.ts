/** Laws commit-before-use, compare-and-clear, sign-out-wins and bounded-locks, in the moment in which something is stored, deleted or used. */
import type { DiskObserver, StoredRecord } from './disk.ts';
import type { AccessToken, Call, Deed, Facts, Family, RefreshToken } from './facts.ts';
import type { Errand } from './process.ts';

export function storingLaws(facts: Facts): DiskObserver {
  const familyOf = ({ refreshToken }: StoredRecord) => facts.refreshTokens.get(refreshToken);
  return {
    stored(errand, key, record) {
      const token = familyOf(record);
      if (token === undefined) return facts.break('storage', 'holds tokens that nobody has issued');
      const { family } = token;
      const who = errand?.process.name;
      if (!key.endsWith(`/${family.session}`))
        facts.break('sessions', `${who} stores ${token.name} under ${key}`);
      if (isRetry(facts, errand, token)) {
        const isMarked = record.pendingRefresh !== undefined;
        if (!isMarked && family.generation < 0)
          facts.break('law response-lost', `${who} stores ${token.name} again, and not that it may be spent`);
        if (isMarked) family.revivedAt = facts.tick();
        Object.assign(family, { signedOut: undefined, storedAt: undefined });
      }
      if (family.signedOut !== undefined)
        facts.break('law sign-out-wins', `${who} stores ${token.name} after the sign-out`);
      if (token.generation < family.generation)
        facts.break('law bounded-locks', `${who} stores ${token.name} over a newer one`);
      family.generation = Math.max(family.generation, token.generation);
      family.lastStoredAt = facts.tick();
      family.storedAt ??= family.lastStoredAt;
      if (token.parent !== undefined) token.parent.durableAt ??= facts.tick();
      if (record.pendingRefresh !== undefined && errand !== undefined)
        token.marks.set(errand.process, facts.tick());
      for (const { token: text } of Object.values(record.accessTokens)) {
        const accessToken = facts.accessTokens.get(text);
        if (accessToken !== undefined) accessToken.stored = true;
      }
    },
    deleted(errand, _key, record) {
      const token = familyOf(record);
      if (token === undefined) return;
      token.family.generation = -1;
      const deed = errand?.deed as Deed | undefined;
      if (deed?.kind === 'signOut') token.family.signedOut ??= deed;
      else if (deed?.kind === 'login') judgeTakeBack(facts, deed, token.family);
      else judgeClear(facts, errand, token.family);
    },
    refused(_errand, record) {
      const { parent } = familyOf(record) ?? {};
      if (parent !== undefined) parent.storageFailed = true;
    },
  };
}

/**
 * A login that may or may not be stored, because its storage has failed: a sign-out elsewhere may have ended it
 * before it is retried, and nothing in the storage distinguishes that from a write that never happened.
 */
function isRetry(facts: Facts, errand: Errand | undefined, { family, generation }: RefreshToken): boolean {
  const { login, storedAt, signedOut } = family;
  if (generation > 0 || storedAt === undefined || errand?.process !== login.process) return false;
  const isReplaced = facts.families.some(
    (other) => other.session === family.session && (other.storedAt ?? 0) > storedAt,
  );
  const isOpen = login.endedAt === undefined || login.error !== undefined;
  return isOpen && (family.generation < 0 || isReplaced) && signedOut?.process !== login.process;
}

/** A login that lost against a sign-out takes back what it has stored, and nothing else. */
function judgeTakeBack(facts: Facts, deed: Deed, family: Family): void {
  if (family.login !== deed)
    facts.break('law sign-out-wins', `a login of ${deed.process.name} deletes ${family.name}`);
  else family.signedOut ??= deed;
}

/** Laws compare-and-clear and only-the-server-ends-it: only a grant that is proven dead ends a session, and it clears what it was spent for. */
function judgeClear(facts: Facts, errand: Errand | undefined, family: Family): void {
  const process = errand?.process;
  const posts = process === undefined ? [] : [...facts.postsOf(process)];
  const own = posts.filter(({ token }) => token.family === family);
  const last = own.at(-1);
  // The tokens that it was spent for came after a sign-out or login in this process, and go with it. So does a login that
  // the storage took late, after another one.
  const deed = facts.deeds.findLast((one) => one.process === process && one.session === family.session);
  const { login } = family;
  const isLate = last?.outcome === 'granted' && deed !== undefined && deed.startedAt > last.markedAt;
  const isTakenBack = own.length === 0 && login.process === process && login !== deed;
  if (deed !== undefined && (isLate || isTakenBack)) {
    if (deed.kind === 'signOut') family.signedOut ??= deed;
    else family.end ??= 'replaced by a login';
    return;
  }
  if (!family.revoked || !own.some(({ outcome }) => outcome === 'dead'))
    facts.break('law only-the-server-ends-it', `${process?.name} clears ${family.name}, which lives`);
  if (process !== undefined) facts.cleared.push({ process, family });
}

/**
 * Laws commit-before-use and sign-out-wins, and no session sees another's token: an access token is used by a call,
 * or returned to it.
 */
export function judgeUse(facts: Facts, accessToken: AccessToken | undefined, call: Call): void {
  const who = `${call.process.name} (${call.path})`;
  if (accessToken === undefined) {
    facts.break('tokens', `${who} uses a token that nobody has issued`);
    return;
  }
  const { name, family, stored, issuedAt } = accessToken;
  const saidAt = facts.storeFailed.get(`${call.process.name} ${call.session}`) ?? 0;
  if (family.session !== call.session) facts.break('sessions', `${who} uses ${name} of ${family.session}`);
  if (!stored && saidAt < issuedAt)
    facts.break('law commit-before-use', `${who} uses ${name} before it is stored`);
  const place = `${call.process.name} ${call.session}`;
  call.user ??= family.user;
  if (call.user !== family.user)
    facts.break('law one-login', `${who} began as ${call.user} and uses ${name} of ${family.user}`);
  // A call that began before a login or sign-out of its process, or before the process found a sign-out of another one, does not show
  // the current state of the process.
  const isOld =
    (facts.endedAt.get(place) ?? 0) > call.startedAt ||
    facts.deeds.some(
      ({ process, session, endedAt = Number.POSITIVE_INFINITY }) =>
        process === call.process && session === call.session && endedAt > call.startedAt,
    );
  if (!isOld) facts.users.set(place, family.user);
  const signOut = signedOutBefore(facts, call, family);
  if (signOut !== undefined)
    facts.break('law sign-out-wins', `${who} uses ${name} after this process has signed out`);
}

/** A sign-out of this process that was begun before the call, and after the family was there for all to see. */
function signedOutBefore(facts: Facts, call: Call, family: Family): Deed | undefined {
  const storedAt = family.storedAt ?? Number.POSITIVE_INFINITY;
  return facts.deeds.find(
    ({ kind, session, process, startedAt, error }) =>
      kind === 'signOut' &&
      session === call.session &&
      process === call.process &&
      error === undefined &&
      startedAt > storedAt &&
      startedAt < call.startedAt,
  );
}

/** Law replay-once: a call is sent once, and once more. */
export function judgeReplay(facts: Facts, call: Call): void {
  if (call.sends > 2)
    facts.break('law replay-once', `${call.path} of ${call.process.name} is sent ${call.sends} times`);
}
