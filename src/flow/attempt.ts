/**
 * One refresh under way, and what it works with.
 *
 * @module
 */
import type { AuthorizationServer } from '../core/authorization-server.ts';
import type { TokenLock, Version } from '../core/contracts.ts';
import type { AnyTokenEvent } from '../core/events.ts';
import type { Grant } from '../core/grant.ts';
import { identityOf, type LoginIdentity } from '../core/login-identity.ts';
import type { Dpop, Prover } from '../core/possession.ts';
import { isOfflineBelieved, type Need, reconcile, type Verdict } from '../core/reconcile.ts';
import type { Secrets } from '../core/redact.ts';
import type { AccessToken, SessionRecord } from '../core/session-record.ts';
import { authorizationScheme } from '../core/token-type.ts';
import type { AuthorizationServerSource } from './authorization-server-source.ts';
import { foretell } from './foretelling.ts';
import { isOnline } from './platform.ts';
import type { Held, Session } from './session.ts';
import type { SessionStore } from './session-store.ts';
import type { Stopwatch } from './stopwatch.ts';
import type { TokenEndpoint } from './token-endpoint.ts';
import type { FullClock } from './waiting.ts';

/** Everything a refresh works with. The same for all sessions of a manager. */
export interface Workshop {
  readonly store: SessionStore;
  readonly lock: TokenLock;
  /** How long to wait for the lock, in ms. */
  readonly lockTimeout: number;
  /** How long a token request may take, in ms. */
  readonly timeout: number;
  readonly clock: FullClock;
  readonly server: AuthorizationServerSource;
  readonly endpoint: TokenEndpoint;
  readonly grant: Grant;
  /** How long before its end a refresh token is told to be expiring, in ms. */
  readonly expiringBefore: number;
  readonly dpop: Dpop | undefined;
  /** A random name of this manager, for the write-ahead mark. */
  readonly name: string;
  readonly tell: (event: AnyTokenEvent) => void;
}

/** A need, and what to ask the server for when it comes to that. */
export interface Want extends Need {
  readonly scope: readonly string[] | undefined;
  readonly resource: readonly string[] | undefined;
}

/** One refresh under way. */
export interface Attempt {
  readonly session: Session;
  readonly want: Want;
  /** The login that it began under. Where none was known it is the first one that is found. */
  began: LoginIdentity | undefined;
  /** {@link Session.epoch} when the record was read. */
  epoch: number;
  /** The login of the record that was read. */
  login?: LoginIdentity | undefined;
  /** The key of the record that was read; `undefined`: bearer tokens. */
  prover?: Prover | undefined;
  /** Tells listeners once the lock is released. */
  readonly tell: (event: AnyTokenEvent) => void;
  /** Tokens that came after a sign-out, to be revoked once the lock is released. */
  late: LateTokens | undefined;
  /** Of a refresh that waits for the lock, or has it. */
  stopwatch?: Stopwatch | undefined;
  /** Why it failed, for those who wait for it. Whoever comes later finds only what is remembered. */
  cause?: Error | undefined;
}

export interface LateTokens {
  readonly login: LoginIdentity | undefined;
  readonly refreshToken: string | undefined;
  readonly accessToken: string;
}

/** A refresh that has been sent. */
export interface Spent {
  readonly server: AuthorizationServer;
  /** What was stored before: the record without our mark. */
  readonly record: SessionRecord;
  /** What is stored now: the record with our mark. */
  readonly marked: SessionRecord;
  readonly version: Version;
  readonly sentAt: number;
  readonly secrets: Secrets;
  /** The scope that was asked for. */
  readonly scope: readonly string[] | undefined;
}

/** Decides for an attempt on a record. */
export async function decide(workshop: Workshop, attempt: Attempt, record: SessionRecord): Promise<Verdict> {
  // Only an unanswered refresh needs to know the reuse window, and finding out may take a request.
  const server =
    record.spending === undefined ? undefined : await workshop.server.resolve().catch(() => undefined);
  attempt.login = identityOf(record);
  attempt.began ??= attempt.login;
  const verdict = reconcile(
    record,
    { ...attempt.want, login: attempt.began },
    {
      now: workshop.clock.now(),
      login: attempt.login,
      dead: attempt.session.dead,
      reuseWindow: server?.profile?.reuseWindow ?? 0,
      online: mayReachServer(workshop, attempt, record),
      awaitedUntil: awaitedUntil(workshop, attempt.session, record),
      mints: workshop.grant.mints,
    },
  );
  if (verdict.kind === 'adopt') foretell(workshop, attempt, record, verdict.until);
  return verdict;
}

/** Checks whether a request may reach the server, as far as is known. */
export function mayReachServer({ clock }: Workshop, { want }: Attempt, record: SessionRecord): boolean {
  return isOnline() || !isOfflineBelieved(record, want, clock.now());
}

/** How far the clocks of those who share a storage may be apart, in ms: a mark that is older, or newer, is of the past. */
const clocksDiffer = 300_000;

/**
 * Until when a mark is left alone: what was sent is over by then, and stored, if its sender lives without the lock.
 * It counts from when we first saw the mark, by our own clock. Where a lock ends with its holder only, nobody is left to wait for.
 */
function awaitedUntil(
  { lock, timeout, name, clock, grant }: Workshop,
  session: Session,
  { spending }: SessionRecord,
): number {
  // Without a refresh token nothing is spent, so repeating the request is harmless.
  if (!lock.losable || spending === undefined || grant.mints) return 0;
  const { by, latest } = spending;
  const now = clock.now();
  if ((by === name && session.sending === 0) || Math.abs(now - latest) > clocksDiffer) return 0;
  const { seen } = session;
  const isNew = seen?.by !== by || seen.latest !== latest || seen.at > now;
  session.seen = isNew ? { by, latest, at: now } : seen;
  return session.seen.at + timeout + 5_000;
}

/** The identity of a record that does not name its login. */
const noName: LoginIdentity = { login: undefined, issuer: undefined, subject: undefined };

/**
 * Makes the login of the record that was read the current one. If it replaces another login, emits `signedIn`.
 *
 * @returns whether it replaced another login.
 */
export function enter(attempt: Attempt): boolean {
  const { session, login = noName } = attempt;
  if (session.epoch !== attempt.epoch) return false; // a sign-in or sign-out has happened here since
  const former = session.enter(login);
  attempt.epoch = session.epoch;
  if (former === undefined) return false;
  const replaced = { login: former.login, subject: former.subject };
  attempt.tell({ type: 'signedIn', ...session.about(), where: 'elsewhere', replaced });
  return true;
}

/** Takes an access token of {@link Attempt.login} into memory, ready to be sent, until `until` at most. */
export function hold(workshop: Workshop, attempt: Attempt, accessToken: AccessToken, until: number): Held {
  const { session, want } = attempt;
  enter(attempt);
  const before = session.held(want.variant);
  const held: Held =
    before?.token === accessToken.token
      ? { ...before, until }
      : {
          token: accessToken.token,
          login: attempt.login ?? noName,
          authorization: `${authorizationScheme(accessToken.type, workshop.server.known?.profile) ?? 'Bearer'} ${accessToken.token}`,
          prover: attempt.prover,
          until,
          expiresAt: accessToken.expiresAt ?? Number.POSITIVE_INFINITY,
          scope: accessToken.scope,
          resolved: undefined,
        };
  // A sign-out or a login in this process meanwhile: whoever waits gets it, but nobody after them.
  if (session.epoch === attempt.epoch) session.hold(want.variant, held);
  return held;
}
