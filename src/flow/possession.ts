/**
 * The key that a session is bound to (RFC 9449).
 *
 * @module
 */
import type { Prover } from '../core/possession.ts';
import { type SessionRecord, secretsIn } from '../core/session-record.ts';
import type { Workshop } from './attempt.ts';
import type { Known } from './bounded-storage.ts';
import type { Found } from './fate.ts';
import type { Outgoing } from './outgoing.ts';
import { loginRequired } from './refusal.ts';
import type { Held, Session } from './session.ts';
import type { Telling } from './session-store.ts';
import { within } from './waiting.ts';

/**
 * The key of what is stored; `undefined` for a session of bearer tokens. Asked for before anything of the record is used.
 *
 * @throws LoginRequiredError `no_key`: without its key a session is of no use, and no token of it is sent.
 * @throws StorageError when the key cannot be read for the moment.
 */
export async function proverOf(
  workshop: Workshop,
  session: Session,
  { record, version }: Found,
  tell: Telling,
): Promise<Prover | undefined> {
  const { thumbprint } = record;
  if (thumbprint === undefined && workshop.dpop?.acceptsBearer !== false) return undefined;
  if (session.prover !== undefined && session.prover.thumbprint === thumbprint) return session.prover;
  const prover =
    thumbprint === undefined ? undefined : await loaded(workshop, thumbprint, () => secretsIn(record));
  if (prover === undefined) {
    if (session.rejected !== version)
      tell({ type: 'recordRejected', ...session.about(), reason: 'key lost' });
    session.rejected = version;
    throw loginRequired('no_key');
  }
  session.prover = prover;
  return prover;
}

/** @throws StorageError */
export async function loaded(
  workshop: Workshop,
  thumbprint: string,
  known: Known,
): Promise<Prover | undefined> {
  return await workshop.store.bounded('read', async () => await workshop.dpop?.prover(thumbprint), known);
}

/** Sends a call whose access token is bound to a key: with a proof, and perhaps once more with another one. */
export async function sendBound(
  request: Outgoing,
  input: string | Request,
  { prover, token }: Held,
  { send, now }: { send(input: string | Request, proof: string): Promise<Response>; now(): number },
): Promise<Response> {
  return await (prover as Prover).call({
    method: request.method,
    url: request.url,
    accessToken: token,
    isRepeatable: request.kind !== 'one-shot',
    now,
    send: (proof, again) => send(again ? request.again() : input, proof),
  });
}

/** Its session is over. Best effort: a key that stays behind opens nothing. */
export async function forgetKey(workshop: Workshop, record: SessionRecord | undefined): Promise<void> {
  const { thumbprint } = record ?? {};
  if (thumbprint === undefined) return;
  await within(workshop, async () => await workshop.dpop?.forget(thumbprint)).catch(() => undefined);
}
