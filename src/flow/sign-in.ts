/**
 * The tokens of a login: they replace whatever the session was.
 *
 * @module
 */

import { identityOf, type LoginIdentity } from '../core/login-identity.ts';
import { ownMembers } from '../core/own-members.ts';
import type { Prover } from '../core/possession.ts';
import { handedOutUntil } from '../core/reconcile.ts';
import type { Secrets } from '../core/redact.ts';
import { isRecord, type SessionRecord, wholeGrant } from '../core/session-record.ts';
import { begin } from '../core/succession.ts';
import type { CookiesSet, TokenResponse, TokenSet } from '../core/token-set.ts';
import { authorizationScheme } from '../core/token-type.ts';
import { randomId } from '../platform/web-crypto.ts';
import { type Attempt, hold, type Workshop } from './attempt.ts';
import { foretell } from './foretelling.ts';
import { grantOf, subjectOf, wrongTokens } from './given-tokens.ts';
import { discardLate } from './late-tokens.ts';
import { loaded } from './possession.ts';
import { Arrival, type Session } from './session.ts';
import { sweep } from './sweep.ts';

/** What is configured about new sessions. */
export interface SignInOptions {
  readonly clientId: string;
  readonly scope: readonly string[] | undefined;
  /** The user, if the application names one. */
  readonly subject?: string | undefined;
  readonly refreshBefore: number;
}

/**
 * Begins a session with the tokens of a login. They are used once they are stored, or once the storage has refused
 * them: then they are kept in memory, and storing them is tried again.
 *
 * @throws ConfigurationError for what are no tokens, StorageError when they are in memory only.
 */
export async function signIn(
  workshop: Workshop,
  session: Session,
  tokens: TokenSet | TokenResponse | CookiesSet,
  options: SignInOptions,
): Promise<void> {
  const { refreshBefore } = options;
  const { epoch } = session;
  await firstRecord(workshop, tokens, options, (record, prover) =>
    // While the server or the key was found out someone has signed out: that came later.
    session.epoch !== epoch && session.gone
      ? discard(workshop, session, record)
      : replace(workshop, session, record, { refreshBefore, prover }),
  );
}

/**
 * Goes on with the record that a session with these tokens begins with, and the key that it is bound to: in the same turn, if there
 * is nothing to wait for.
 *
 * @throws ConfigurationError for what are no tokens.
 */
export async function firstRecord<T>(
  workshop: Workshop,
  tokens: TokenSet | TokenResponse | CookiesSet,
  options: SignInOptions,
  goOn: (record: SessionRecord, prover: Prover | undefined) => T | Promise<T>,
): Promise<T> {
  const { clock, server } = workshop;
  const { scope, clientId, subject } = ownMembers(options);
  const now = clock.now();
  // Without any name of the issuer the session is bound to it at its first refresh.
  const known = server.issuers.length > 0 ? server.known : await server.resolve().catch(() => undefined);
  const grant = grantOf(tokens, workshop, now);
  const scheme = authorizationScheme(grant.tokenType, known?.profile);
  if (scheme === undefined) {
    throw wrongTokens(
      `an access token of type ${JSON.stringify(grant.tokenType)} cannot be sent. Ask the server for Bearer tokens.`,
    );
  }
  // Not waited for without need: a login takes effect at once.
  const isFree = scheme === 'Bearer' && workshop.dpop?.acceptsBearer !== false;
  const prover = isFree ? undefined : await boundTo(workshop, scheme, tokens);
  const issuer = known === undefined ? server.issuers[0] : (known.issuer ?? known.tokenEndpoint);
  const login = randomId().slice(0, 8);
  const user = subjectOf(tokens, grant, subject);
  const record = begin(clientId, grant, {
    variant: wholeGrant,
    scope,
    sentAt: now,
    issuer,
    usable: true,
    refreshTokenLifetime: known?.profile?.refreshTokenLifetime,
    login,
    subject: user,
    thumbprint: prover?.thumbprint,
  });
  if (!isRecord(record))
    throw wrongTokens(
      'give the JSON of a token response, or a TokenSet: an accessToken, and times in Unix ms.',
    );
  return await goOn(record, prover);
}

/** What becomes of the new record in this process. */
interface Arriving {
  readonly refreshBefore: number;
  readonly prover: Prover | undefined;
}

/**
 * The key that the tokens of a login are bound to.
 *
 * @throws ConfigurationError for tokens that would not be protected as they are to be, or could not be sent.
 */
async function boundTo(workshop: Workshop, scheme: 'Bearer' | 'DPoP', tokens: object): Promise<Prover> {
  const { thumbprint, dpop_jkt = thumbprint } = ownMembers(tokens) as Readonly<Record<string, unknown>>;
  const isBound = scheme === 'DPoP' && typeof dpop_jkt === 'string';
  const prover = isBound ? await loaded(workshop, dpop_jkt, () => textsOf(tokens)) : undefined;
  if (prover !== undefined) return prover;
  throw wrongTokens(workshop.dpop?.remedy(scheme) ?? 'DPoP tokens need the option dpop.');
}

/** Returns the texts in the given tokens: an error of the key storage must not quote them. */
function textsOf(tokens: object): Secrets {
  return Object.values(tokens).filter((value): value is string => typeof value === 'string');
}

async function replace(
  workshop: Workshop,
  session: Session,
  record: SessionRecord,
  how: Arriving,
): Promise<void> {
  workshop.store.drop(session);
  const { login: replaced } = session;
  const login = identityOf(record);
  session.begin(login);
  session.prover = how.prover;
  const arriving = arrive(workshop, session, record, { ...how, login, replaced });
  session.arriving = arriving;
  try {
    await arriving;
  } finally {
    if (session.arriving === arriving) session.arriving = undefined;
  }
}

async function arrive(
  workshop: Workshop,
  session: Session,
  record: SessionRecord,
  {
    refreshBefore,
    prover,
    login,
    replaced,
  }: Arriving & { login: LoginIdentity; replaced: LoginIdentity | undefined },
): Promise<void> {
  const { store, tell } = workshop;
  const { epoch } = session;
  let refused: unknown;
  const note: Workshop['tell'] = (event) => {
    if (event.type === 'persistFailed') refused = event.error;
    tell(event);
  };
  await store.commit(session, { record, version: undefined }, new Arrival(), note);
  sweep(workshop, session);
  const accessToken = record.accessTokens[wholeGrant];
  if (accessToken === undefined) return;
  // While it was stored someone may have signed out, or in once more: they win.
  if (session.epoch !== epoch) {
    return discard(workshop, session, record);
  }
  const want = {
    variant: wholeGrant,
    otherThan: undefined,
    refreshBefore,
    scope: undefined,
    resource: undefined,
  };
  const attempt: Attempt = { session, began: login, login, epoch, prover, tell, late: undefined, want };
  const until = handedOutUntil(accessToken, refreshBefore);
  hold(workshop, attempt, accessToken, until);
  const name = replaced && { login: replaced.login, subject: replaced.subject };
  tell({ type: 'signedIn', ...session.about(), where: 'here', replaced: name });
  foretell(workshop, attempt, record, until);
  if (refused !== undefined) throw refused;
}

function discard(workshop: Workshop, session: Session, record: SessionRecord): void {
  const { refreshToken, accessTokens } = record;
  const accessToken = accessTokens[wholeGrant]?.token ?? '';
  discardLate(workshop, session, { refreshToken, accessToken, login: identityOf(record) });
}
