/**
 * The parameters of a request for a grant.
 *
 * @module
 */

import type { Exchange } from './http-exchange.ts';
import type { TestClient } from './server-settings.ts';

/** A request for tokens whose client has been checked. */
export interface GrantRequest {
  readonly client: TestClient;
  readonly parameters: URLSearchParams;
  readonly exchange: Exchange;
  /** Thumbprint of the key of its proof. */
  readonly jkt: string | undefined;
}
