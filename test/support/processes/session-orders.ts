/** Messages between a parent and its session processes. */
import type { AuthorizationServer } from '../../../src/core/oauth/authorization-server.ts';
import type { KeyringStorageOptions } from '../../../src/node/keyring-storage.ts';
import type { Place } from './places.ts';

export interface OpenOptions {
  readonly path: string;
  /** A server instead of the file. */
  readonly place?: Place;
  /** The keyring instead of the file. */
  readonly keyring?: KeyringStorageOptions;
  readonly server: AuthorizationServer;
  readonly apiUrl: string;
  /** How far the clock of the process is ahead, in ms. */
  readonly offset?: number;
  /** The clock of the process stands still, until it is advanced. */
  readonly stopsClock?: boolean;
  /** `false`: it learns of what others do only when it needs a token. */
  readonly listens?: boolean;
  /** Without points. */
  readonly plain?: boolean;
}

export interface Order {
  readonly id: number;
  readonly action: string;
  readonly options: unknown;
}

export interface Failure {
  readonly code: string;
  readonly reason?: string | undefined;
  readonly message: string;
}

export interface Answer {
  readonly id: number;
  value?: unknown;
  error?: Failure;
}
