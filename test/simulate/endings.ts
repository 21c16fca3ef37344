/** When everything has calmed down: the state of each session, and whether it is allowed. */
import type { SignOutResult } from '../../src/index.ts';
import type { TestAuthorizationServer } from '../../src/testing/index.ts';
import type { StoredRecord } from './disk.ts';
import type { Deed, Ended, Facts, Family } from './facts.ts';

/** The result of a process that asked once more at the end. */
export interface LastWord {
  readonly session: string;
  readonly process: string;
  readonly token: string | undefined;
  /** Of a call to the API. */
  readonly status: number | undefined;
  readonly error: unknown;
}

/** Notes which families the server has ended since `from`, and why. Returns how much of the log has been read. */
export function noteRevocations(facts: Facts, { log }: TestAuthorizationServer, from: number): number {
  for (const { type, family: name, detail } of log.slice(from)) {
    const family = type === 'familyRevoked' ? facts.families.find((one) => one.name === name) : undefined;
    if (family === undefined) continue;
    family.revoked = true;
    if (detail === 'revokeFamily was called') family.end ??= 'revoked by administrator';
    if (detail === 'the client revoked its refresh token') family.end ??= revokedByClient(facts, family);
  }
  return log.length;
}

/** Law nothing-silent: a sign-out reports `revoked` only if the tokens are revoked, and otherwise a reason. */
export function judgeSignOut(
  facts: Facts,
  server: TestAuthorizationServer,
  deed: Deed,
  result: SignOutResult,
): void {
  if (!result.revoked) {
    if (typeof result.reason !== 'string') facts.break('law nothing-silent', 'a sign-out does not say why');
    return;
  }
  for (const { family, text } of facts.refreshTokens.values()) {
    const current = server.currentRefreshToken(text) ?? '';
    if (family.signedOut === deed && server.isActive(current))
      facts.break(
        'law nothing-silent',
        `${deed.process.name} says that ${family.name} is revoked, which lives`,
      );
  }
}

/** A client revokes what a sign-out has deleted, and what comes late because of one. */
function revokedByClient(facts: Facts, family: Family): string {
  const signOut = facts.deeds.some(({ kind, session }) => kind === 'signOut' && session === family.session);
  if (signOut) return 'signed out';
  if (!wasReplacedAndEnded(facts, family))
    facts.break('law commit-before-use', `${family.name} is revoked and nobody has signed out`);
  return 'replaced by a login';
}

/**
 * Returns whether a later login has replaced the family in the storage, and the process with the newest tokens of the family has since
 * seen the session end. The gap between two logins counts as such an end: the process takes it for a sign-out, and cannot continue the
 * replaced family.
 */
function wasReplacedAndEnded(facts: Facts, family: Family): boolean {
  const { session, login, lastStoredAt } = family;
  const newest = [...facts.refreshTokens.values()].findLast((token) => token.family === family);
  const { name } = newest?.parent?.by ?? login.process;
  const endedAt = facts.endedAt.get(`${name} ${session}`) ?? 0;
  return facts.families.some(
    ({ session: other, storedAt = 0 }) =>
      other === session && storedAt > Math.max(lastStoredAt, login.startedAt) && storedAt < endedAt,
  );
}

/** How the session of each family ended, for each family; `alive` is one more. */
export function classify(facts: Facts, stored: (session: string) => StoredRecord | undefined): string[] {
  return facts.families.map((family) => {
    const end = endOf(facts, family, stored(family.session));
    if (end === undefined)
      facts.break('law only-the-server-ends-it', `${family.name} was lost, and nothing says why`);
    return end ?? 'lost';
  });
}

function endOf(facts: Facts, family: Family, record: StoredRecord | undefined): string | undefined {
  const own = facts.refreshTokens.get(record?.refreshToken ?? '');
  if (own?.family === family && family.end === undefined) return 'alive';
  if (family.end !== undefined) return family.end;
  if (family.signedOut !== undefined) return 'signed out';
  const { storedAt, login } = family;
  if (storedAt === undefined) {
    const over = !login.process.alive || login.error !== undefined;
    const signedOut = facts.deeds.some((deed) => deed.session === family.session && deed !== login);
    return over || signedOut ? 'never stored' : undefined;
  }
  const isReplaced = facts.families.some(
    (other) => other.session === family.session && replaces(other, family),
  );
  return isReplaced ? 'replaced by a login' : undefined;
}

/** A login replaces what was there before it, and of two at the same time either may win. */
function replaces(other: Family, family: Family): boolean {
  if (other === family) return false;
  if ((other.storedAt ?? 0) > (family.storedAt ?? 0)) return true;
  const wereTogether = (other.login.endedAt ?? Number.POSITIVE_INFINITY) > family.login.startedAt;
  return wereTogether && other.lastStoredAt > family.lastStoredAt;
}

/** The storage ends on the newest refresh token, and everybody lives on it; or it holds nothing, and nobody does. */
export function judgeLastWords(
  facts: Facts,
  server: TestAuthorizationServer,
  { words, stored }: { words: readonly LastWord[]; stored: (session: string) => StoredRecord | undefined },
): void {
  for (const { session, process, token, status, error } of words) {
    if (status === 401)
      facts.break(
        'law judgements-end',
        `${process} still believes that nothing helps against a 401 of ${session}`,
      );
    const record = stored(session);
    const family = facts.refreshTokens.get(record?.refreshToken ?? '')?.family;
    if (token === undefined) {
      const { code } = error as { code?: string };
      const isOver = code === 'ERR_LOGIN_REQUIRED' && mayBeStored(facts, { session, process, family });
      if (!isOver)
        facts.break('liveness', `${process} has no token of ${session} at the end: ${String(error)}`);
    } else if (facts.accessTokens.get(token)?.family !== family) {
      facts.break(
        'law sign-out-wins',
        `${process} still lives on ${server.idOf(token)} of ${session} at the end`,
      );
    }
    const newest = record && server.currentRefreshToken(record.refreshToken);
    if (record?.refreshToken !== newest && family?.revoked !== true)
      facts.break('law commit-before-use', `what is stored of ${session} is not the newest refresh token`);
  }
}

/** A session has ended for a process although its record is stored: only where the storage refused to delete it. */
function mayBeStored(
  facts: Facts,
  { session, process: name, family }: { session: string; process: string; family: Family | undefined },
): boolean {
  if (family === undefined) return true;
  const hasFailed = facts.deeds.some(
    (deed) => deed.session === session && deed.process.name === name && deed.error !== undefined,
  );
  const knows = facts.ended.some((one) => one.session === session && one.process.name === name);
  return hasFailed || (family.revoked && knows);
}

/** A session is said to have ended: with the reason that is true. */
export function judgeEnd(facts: Facts, { process, session, reason }: Ended): void {
  const dead = [...facts.postsOf(process)].findLast(
    ({ token, outcome }) => outcome === 'dead' && token.family.session === session,
  );
  if (dead === undefined) {
    facts.break(
      'law only-the-server-ends-it',
      `${process.name} says that ${session} ended, which no server has said`,
    );
    return;
  }
  const { posts, name, family } = dead.token;
  const isLost = posts
    .slice(0, posts.indexOf(dead))
    .some(({ committed, outcome }) => committed && outcome === 'lost');
  if (isLost && family.revivedAt === undefined && reason !== 'response_lost')
    facts.break(
      'law response-lost',
      `${process.name} does not say that the answer for ${name} was lost: ${reason}`,
    );
}

/**
 * Reported once for each end and process. A session may end twice: a successor that the storage had refused is stored
 * at last, by a process that does not know that its family is dead.
 */
export function judgeEnded(facts: Facts, isStorageSound: boolean): void {
  const processes = new Set(facts.ended.map(({ process }) => process));
  for (const { process } of facts.cleared) processes.add(process);
  for (const process of processes) {
    const told = facts.ended.filter((one) => one.process === process);
    const posts = [...facts.postsOf(process)].filter(({ outcome }) => outcome === 'dead');
    const dead = new Set(posts.map(({ token }) => token));
    const busy = facts.deeds.some((deed) => deed.process === process);
    const cleared = facts.cleared.filter((one) => one.process === process);
    if (told.length > dead.size)
      facts.break(
        'sessionEnded',
        `${process.name} says ${told.length} times that a session ended, of ${dead.size} dead refresh tokens`,
      );
    if (process.alive && isStorageSound && !busy && told.length < cleared.length)
      facts.break('sessionEnded', `${process.name} does not say that a session ended`);
  }
}
