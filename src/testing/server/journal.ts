/**
 * Records the work of the test server: counters, a log, and the requests of the API. Tokens appear as short ids only.
 *
 * @module
 */

/** Counters of events. The object is live: its numbers change. */
export interface ServerCounts {
  /** Logins: `signIn` was called, or a code was exchanged. */
  signIns: number;
  /** Parameters of logins that clients have pushed (RFC 9126). */
  pushedRequests: number;
  /** Requests that reached the token endpoint, with any result. */
  tokenRequests: number;
  /** Those of them that carried a refresh token. */
  refreshAttempts: number;
  /** Granted refreshes: the server issued new tokens. The response may have been lost. */
  refreshes: number;
  /** Access tokens that were issued to a client for itself (RFC 6749 §4.4). */
  clientCredentials: number;
  /**
   * Attempts with a refresh token that had been sent before, allowed by the profile or not. One that was refused for its DPoP
   * proof does not count as sent: the server has not read the refresh token.
   */
  refreshTokensResent: number;
  /** Uses of a used refresh token that the profile does not allow. A strict server revokes the family. */
  reuses: number;
  /** Uses of a used refresh token that the profile allows. */
  replays: number;
  /** The most attempts of one token family that were in flight at the same time. */
  peakConcurrentRefreshes: number;
  /** Token families that ended: by reuse, by the revocation endpoint, or by `revokeFamily`. */
  familiesRevoked: number;
  /** Requests that the revocation endpoint granted. */
  revocations: number;
  introspections: number;
  metadataRequests: number;
  /** Requests that reached the API. */
  apiCalls: number;
  /** Requests of them that were refused, for an invalid token, no token, or a fault. */
  apiRejected: number;
  /** Requests with a token or a secret in their URL. */
  secretsInUrl: number;
  /** Refresh tokens that were sent to anything but the token, revocation and introspection endpoints. */
  refreshTokensLeaked: number;
  /** Access tokens that were sent to an origin that is not the server's. */
  accessTokensLeaked: number;
  /** Accepted DPoP proofs. */
  proofs: number;
  /** Invalid proofs, and requests without a required proof. */
  proofsRefused: number;
  /** Those of them that had been used before. */
  proofReplays: number;
  /** Proofs that were valid except for the server's nonce. */
  noncesDemanded: number;
  /** Access tokens that are bound to a key and were sent as bearer tokens. */
  boundTokensAsBearer: number;
  /** Proofs that were sent to an origin that is not the server's. */
  proofsLeaked: number;
  /** Requests of the fetch form to places that do not exist: they fail like a network error. */
  strayRequests: number;
  /** Faults that were applied. */
  faults: number;
}

/** The kind of event, in one word. */
export type ServerEventType =
  | 'signIn'
  | 'pushedRequest'
  | 'refresh'
  | 'clientCredentials'
  | 'replay'
  | 'reuse'
  | 'refused'
  | 'familyRevoked'
  | 'revocation'
  | 'introspection'
  | 'metadata'
  | 'api'
  | 'apiRejected'
  | 'expired'
  | 'fault'
  | 'stray'
  | 'leak'
  | 'secretInUrl';

/** One line of the log. Tokens and families are named by short ids (`at3`, `rt2`, `family1`). */
export interface ServerEvent {
  /** Time of the event, in Unix ms of the server's clock. */
  readonly at: number;
  readonly type: ServerEventType;
  readonly family?: string | undefined;
  /** The token that was presented. */
  readonly token?: string | undefined;
  readonly issued?: readonly string[] | undefined;
  readonly clientId?: string | undefined;
  /** The OAuth error. */
  readonly error?: string | undefined;
  /** Details in words: the reason of a refusal, the request to the API. */
  readonly detail?: string | undefined;
}

/** A request that reached the API. */
export interface ApiRequest {
  readonly method: string;
  /** Path and query. */
  readonly path: string;
  /** Short id of the access token; `undefined` if there was none, or an unknown one. */
  readonly token: string | undefined;
  readonly body: Uint8Array;
  /** Status of the response; `undefined` until there is one. */
  readonly status: number | undefined;
}

function emptyCounts(): ServerCounts {
  return {
    signIns: 0,
    pushedRequests: 0,
    tokenRequests: 0,
    refreshAttempts: 0,
    refreshes: 0,
    clientCredentials: 0,
    refreshTokensResent: 0,
    reuses: 0,
    replays: 0,
    peakConcurrentRefreshes: 0,
    familiesRevoked: 0,
    revocations: 0,
    introspections: 0,
    metadataRequests: 0,
    apiCalls: 0,
    apiRejected: 0,
    secretsInUrl: 0,
    refreshTokensLeaked: 0,
    accessTokensLeaked: 0,
    proofs: 0,
    proofsRefused: 0,
    proofReplays: 0,
    noncesDemanded: 0,
    boundTokensAsBearer: 0,
    proofsLeaked: 0,
    strayRequests: 0,
    faults: 0,
  };
}

/** Counts events, and writes the log unless it is turned off. */
export class Journal {
  readonly counts: ServerCounts = emptyCounts();
  readonly log: ServerEvent[] = [];
  readonly requests: ApiRequest[] = [];
  readonly #now: () => number;
  readonly #records: boolean;

  constructor(now: () => number, records: boolean) {
    this.#now = now;
    this.#records = records;
  }

  write(type: ServerEventType, details?: Omit<ServerEvent, 'at' | 'type'>): void {
    if (this.#records) this.log.push({ at: this.#now(), type, ...details });
  }

  record(request: ApiRequest): void {
    if (this.#records) this.requests.push(request);
  }

  reset(): void {
    Object.assign(this.counts, emptyCounts());
    this.log.length = 0;
    this.requests.length = 0;
  }
}
