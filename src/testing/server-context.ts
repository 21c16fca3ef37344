/**
 * What all endpoints of one test server share.
 *
 * @module
 */
import { Demands } from './demands.ts';
import type { Family } from './issued-tokens.ts';
import { Journal } from './journal.ts';
import { Logins } from './logins.ts';
import { ProofDesk } from './proof-desk.ts';
import type { Settings } from './settings.ts';
import { TokenLedger } from './token-ledger.ts';

/** The server's settings, its tokens and its journal. */
export interface ServerContext {
  readonly settings: Settings;
  readonly ledger: TokenLedger;
  readonly journal: Journal;
  readonly logins: Logins;
  readonly demands: Demands;
  readonly proofs: ProofDesk;
  /** The server's time, in Unix ms. */
  now(): number;
  /** Ends a family, once. */
  revoke(family: Family, why: string): void;
}

export function serverContext(settings: Settings): ServerContext {
  const now = (): number => settings.clock.now() + settings.clockOffset;
  const journal = new Journal(now, settings.log);
  return {
    settings,
    ledger: new TokenLedger(settings, now),
    journal,
    logins: new Logins(),
    demands: new Demands(),
    proofs: new ProofDesk(settings, now, journal.counts),
    now,
    revoke(family, why) {
      if (family.revoked) return;
      family.revoked = true;
      journal.counts.familiesRevoked++;
      journal.write('familyRevoked', { family: family.id, detail: why });
    },
  };
}
