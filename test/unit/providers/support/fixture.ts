import type { AuthorizationServer } from 'tokenkeep';
import type { AuthorizationServerOptions } from 'tokenkeep/testing';

/** A provider, the test server that speaks as it does, and what its documents print. */
export interface Fixture {
  readonly name: string;
  /** As an application makes it. */
  readonly provider: AuthorizationServer;
  readonly fake: AuthorizationServerOptions;
  /** The API that its tokens are for. */
  readonly resource: string;
  /** How clients of the documents authenticate. */
  readonly authentication: 'none' | 'client_secret_post' | 'client_secret_basic';
  /** The refresh of the client CLIENT_ID with CLIENT_SECRET, as documented, where the token is REFRESH_TOKEN. */
  readonly refresh: string;
  /** The response. */
  readonly granted: string;
  /** The answer to a dead refresh token, and the code that the error then has. */
  readonly refused: { readonly status: number; readonly body: string; readonly error: string };
  /** The revocation of the documents, where the token is TOKEN, if there is one. */
  readonly revocation?: string;
  readonly rotates: boolean;
  /** The fate of a session whose refresh response was lost. */
  readonly lostResponse: 'healed at once' | 'healed by the next call' | 'response_lost';
}

/** `Basic` of CLIENT_ID and CLIENT_SECRET. */
export const basic = 'Basic Q0xJRU5UX0lEOkNMSUVOVF9TRUNSRVQ=';
export const form = 'application/x-www-form-urlencoded';
