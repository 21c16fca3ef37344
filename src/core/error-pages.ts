/**
 * The pages of the reference about errors: one for each `code` of an error, and one for each programming mistake. In production an
 * error names the page instead of explaining the mistake. The package imports this file only for its types.
 *
 * @module
 */
import type { TokenKeepErrorCode } from './errors.ts';

/** The code of a programming mistake: the last part of the address of its page. */
export type MistakeCode =
  | 'endpoint-missing'
  | 'endpoint-not-https'
  | 'endpoint-not-plain'
  | 'endpoint-not-url';

export interface ErrorPage {
  readonly title: string;
  /** What is wrong, why it matters and how to fix it, as plain text. */
  readonly explanation: string;
}

/** Every page, by the code that an error says. */
export const errorPages: Readonly<Record<TokenKeepErrorCode | MistakeCode, ErrorPage>> = {
  ERR_LOGIN_REQUIRED: {
    title: 'The user must sign in',
    explanation:
      'The session has ended, or nobody has signed in yet. The property reason says why. Start a login; calling again does not help.',
  },
  ERR_REFRESH_FAILED: {
    title: 'The access token could not be refreshed',
    explanation:
      'The session is kept. Call again after retryAfter milliseconds. If isRetryable is false, the server refuses the client: check ' +
      'the client id, the client authentication and the registration of the client at the server.',
  },
  ERR_STORAGE: {
    title: 'The storage failed',
    explanation:
      'The session could not be read or stored. Tokens that could not be stored are kept in memory and still work. Repair the storage: ' +
      'its quota, its permissions or its connection. The property operation says what failed, and cause says why.',
  },
  ERR_LOCK_TIMEOUT: {
    title: 'The lock of the session was not released in time',
    explanation:
      'Another tab, process or machine holds the lock for longer than a refresh may take. Call again, and look for a holder that is stuck.',
  },
  ERR_CONFIGURATION: {
    title: 'The program uses tokenkeep incorrectly',
    explanation:
      'An option, an argument or the metadata of the server is wrong. In development the message names it and the fix. In production the ' +
      'message names the page about the mistake. If the property reason is newer_schema, a newer version of tokenkeep has stored the ' +
      'session: update this program, which for a page means to load it again.',
  },
  ERR_LOGIN_FAILED: {
    title: 'The login failed',
    explanation:
      'The user cancelled the login, the server refused it, or its response belongs to no login of this program. The property reason says ' +
      'which. Let the user try again.',
  },
  'endpoint-missing': {
    title: 'The URL of an endpoint is missing',
    explanation:
      'The program named no URL for this endpoint. Set it to an absolute https URL, or use discover(issuer), which reads the URLs from ' +
      'the metadata of the server.',
  },
  'endpoint-not-https': {
    title: 'The URL of an endpoint does not begin with https:',
    explanation:
      'Tokens and secrets are sent to this URL, so others must not be able to read them on the way. Use https:. http: is accepted only for ' +
      'this machine (localhost, 127.0.0.0/8 and [::1]), for development.',
  },
  'endpoint-not-plain': {
    title: 'The URL of an endpoint has user information or a fragment',
    explanation: 'Remove the user name, the password and everything from # on from the URL.',
  },
  'endpoint-not-url': {
    title: 'The URL of an endpoint is not absolute',
    explanation:
      'Set the endpoint to a whole URL with its scheme and host, such as https://auth.example.com/token.',
  },
};
