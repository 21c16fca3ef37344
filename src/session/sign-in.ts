/**
 * Begins a session with the tokens of a login, which replace any earlier session.
 *
 * @module
 */

import { explain } from '../core/explain.ts';
import type { DpopKey } from '../core/oauth/dpop-key.ts';
import type {
  CookieSessionInfo,
  SetTokensOptions,
  TokenResponse,
  TokenSet,
} from '../core/oauth/token-set.ts';
import { ownMembers } from '../core/own-members.ts';
import type { Secrets } from '../core/redact.ts';
import { createRecord, withPendingRefresh } from '../core/session/apply-grant.ts';
import { type LoginIdentity, loginIdentityOf } from '../core/session/login-identity.ts';
import { authorizationScheme, isRecord } from '../core/session/read-record.ts';
import { usableUntil } from '../core/session/refresh-decision.ts';
import { type SessionRecord, wholeGrant } from '../core/session/session-record.ts';
import { randomId } from '../platform/web-crypto.ts';
import { loadKey } from './dpop-session.ts';
import type { ManagerContext } from './manager-context.ts';
import { invalidTokens, parseSubject, parseTokens } from './parse-tokens.ts';
import { reportReplacedRecord, revokeOrphanedTokens } from './revoke-tokens.ts';
import type { Session } from './session.ts';
import { SessionReading } from './session-reading.ts';

/**
 * Begins a session with the tokens of a login. They are used once they are stored. If the storage refuses them, they are kept in
 * memory and used, and the write is retried.
 *
 * @throws ConfigurationError for invalid tokens, StorageError if they are in memory only.
 */
export async function signIn(
  context: ManagerContext,
  session: Session,
  tokens: TokenSet | TokenResponse | CookieSessionInfo,
  { subject }: SetTokensOptions,
): Promise<void> {
  const { epoch } = session;
  await createLoginRecord(context, tokens, subject, (record, dpopKey) =>
    // While the server or the key was resolved, the user signed out. The sign-out is later than this login.
    session.epoch !== epoch && session.ended
      ? discardTokens(context, session, record)
      : replaceSession(context, session, record, dpopKey),
  );
}

/**
 * Creates the record and the key of a session with these tokens, and continues with them: in the same turn, if nothing has to be
 * awaited.
 *
 * @param subject the user, if the application names one
 * @throws ConfigurationError for invalid tokens.
 */
export async function createLoginRecord<T>(
  context: ManagerContext,
  tokens: TokenSet | TokenResponse | CookieSessionInfo,
  subject: string | undefined,
  next: (record: SessionRecord, dpopKey: DpopKey | undefined) => T | Promise<T>,
): Promise<T> {
  const { clientId, scope, clock, server } = context;
  const now = clock.Date.now();
  // If the issuer has no known name, the first refresh binds the session to it.
  const known = server.issuers.length > 0 ? server.known : await server.resolve().catch(() => undefined);
  const grant = parseTokens(tokens, context, now);
  const scheme = authorizationScheme(grant.tokenType, known?.profile);
  if (scheme === undefined) {
    throw invalidTokens(
      explain(
        'set-tokens',
        `an access token of type ${JSON.stringify(grant.tokenType)} cannot be sent. Ask the server for Bearer tokens.`,
      ),
    );
  }
  // Awaited only if needed, because a login takes effect at once.
  const needsNoKey = scheme === 'Bearer' && context.dpop?.allowsBearerTokens !== false;
  const dpopKey = needsNoKey ? undefined : await keyForTokens(context, scheme, tokens);
  const [issuer] = server.issuers;
  const login = randomId().slice(0, 8);
  const user = parseSubject(tokens, grant, subject);
  const record = createRecord(clientId, grant, {
    variant: wholeGrant,
    scope,
    sentAt: now,
    issuer,
    usable: true,
    refreshTokenLifetime: known?.profile?.refreshTokenLifetime,
    login,
    subject: user,
    thumbprint: dpopKey?.thumbprint,
  });
  if (!isRecord(record))
    throw invalidTokens(
      explain(
        'set-tokens',
        'pass the JSON of a token response, or a TokenSet: an accessToken, and times in Unix ms.',
      ),
    );
  return await next(record, dpopKey);
}

/**
 * Returns the key that the tokens of a login are bound to.
 *
 * @throws ConfigurationError for tokens that lack the required protection, or that could not be sent.
 */
async function keyForTokens(
  context: ManagerContext,
  scheme: 'Bearer' | 'DPoP',
  tokens: object,
): Promise<DpopKey> {
  const { thumbprint, dpop_jkt = thumbprint } = ownMembers(tokens) as Readonly<Record<string, unknown>>;
  const isKeyBound = scheme === 'DPoP' && typeof dpop_jkt === 'string';
  const dpopKey = isKeyBound ? await loadKey(context, dpop_jkt, () => stringsIn(tokens)) : undefined;
  if (dpopKey !== undefined) return dpopKey;
  throw invalidTokens(
    context.dpop?.explainTokenType(scheme) ?? explain('set-tokens', 'DPoP tokens need the option dpop.'),
  );
}

/** Returns the texts in the given tokens: an error of the key storage must not quote them. */
function stringsIn(tokens: object): Secrets {
  return Object.values(tokens).filter((value): value is string => typeof value === 'string');
}

async function replaceSession(
  context: ManagerContext,
  session: Session,
  record: SessionRecord,
  dpopKey: DpopKey | undefined,
): Promise<void> {
  context.store.discardUnsaved(session);
  const { login: replaced } = session;
  session.beginLogin(loginIdentityOf(record), dpopKey);
  const storing = storeLogin(context, session, record, dpopKey, replaced);
  session.work.trackSignIn(storing);
  await storing;
}

async function storeLogin(
  context: ManagerContext,
  session: Session,
  record: SessionRecord,
  dpopKey: DpopKey | undefined,
  replaced: LoginIdentity | undefined,
): Promise<void> {
  const { store, emit, refreshBefore, managerId } = context;
  const { epoch } = session;
  const accessToken = record.accessTokens[wholeGrant];
  const withMarker =
    record.refreshToken && accessToken
      ? withPendingRefresh(record, 0, managerId, accessToken.issuedAt)
      : record;
  const result = await store.commit(
    session,
    { record, version: undefined },
    { kind: 'login', withMarker },
    emit,
  );
  reportReplacedRecord(context, session);
  if (accessToken === undefined) return;
  // During the write, the user may have signed out or in again. The later operation wins.
  if (session.epoch !== epoch) {
    return discardTokens(context, session, record);
  }
  const reading = new SessionReading(context, session, emit);
  reading.setRecord(record, dpopKey);
  const until = usableUntil(accessToken, refreshBefore);
  reading.cacheToken(wholeGrant, { accessToken, until });
  const name = replaced && { login: replaced.login, subject: replaced.subject };
  emit({ type: 'signedIn', ...session.eventContext(), where: 'here', replaced: name });
  reading.notifyRefreshTokenExpiry(record, until);
  if (result.kind === 'kept-in-memory') throw result.error;
}

/** Revokes the tokens of a login that is no longer wanted. */
export function discardTokens(context: ManagerContext, session: Session, record: SessionRecord): void {
  const { refreshToken, accessTokens } = record;
  const accessToken = accessTokens[wholeGrant]?.token ?? '';
  revokeOrphanedTokens(context, session, { refreshToken, accessToken, login: loginIdentityOf(record) });
}
