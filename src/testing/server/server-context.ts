/**
 * The common state of all endpoints of one test server.
 *
 * @module
 */
import { Demands } from './demands.ts';
import type { TokenFamily } from './issued-tokens.ts';
import { Journal } from './journal.ts';
import { LoginRegistry } from './login-registry.ts';
import { ProofVerifier } from './proof-verifier.ts';
import type { ServerSettings } from './server-settings.ts';
import { TokenLedger } from './token-ledger.ts';

/** The server's settings, its tokens and its journal. */
export interface ServerContext {
  readonly settings: ServerSettings;
  readonly ledger: TokenLedger;
  readonly journal: Journal;
  readonly logins: LoginRegistry;
  readonly demands: Demands;
  readonly proofs: ProofVerifier;
  /** Returns the server's time, in Unix ms. */
  now(): number;
  /** Ends a family, once. */
  revoke(family: TokenFamily, why: string): void;
}

export function serverContext(settings: ServerSettings): ServerContext {
  const now = (): number => settings.clock.now() + settings.clockOffset;
  const journal = new Journal(now, settings.log);
  return {
    settings,
    ledger: new TokenLedger(settings, now),
    journal,
    logins: new LoginRegistry(),
    demands: new Demands(),
    proofs: new ProofVerifier(settings, now, journal.counts),
    now,
    revoke(family, why) {
      if (family.revoked) return;
      family.revoked = true;
      journal.counts.familiesRevoked++;
      journal.write('familyRevoked', { family: family.id, detail: why });
    },
  };
}
