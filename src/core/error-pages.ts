/**
 * The pages of the reference about errors: one for each `code` of an error, and one for each programming mistake. In production an
 * error names the page instead of explaining the mistake. The package imports this file only for its types.
 *
 * @module
 */
import type { TokenKeepErrorCode } from './errors.ts';

/** The meaning of each `code`, as a title and the remedy: the first sentence is the title of the page. */
const codes: Readonly<Record<TokenKeepErrorCode, string>> = {
  ERR_LOGIN_REQUIRED:
    'The user must sign in. The session has ended, or nobody has signed in yet. The property reason says why. Start a login, because calling again does not help.',
  ERR_REFRESH_FAILED:
    'The access token could not be refreshed. The session is kept. Call again after retryAfter milliseconds. If isRetryable is false, the server refuses the client: check the client id, the client authentication and the registration at the server.',
  ERR_STORAGE:
    'The storage failed. Tokens that could not be stored are kept in memory and still work. Check the quota, the permissions or the connection of the storage. The property operation says which operation failed, and cause says why.',
  ERR_LOCK_TIMEOUT:
    'The lock of the session was not released in time. Another tab, process or machine holds it for longer than a refresh may take. Call again, and look for a holder that is stuck.',
  ERR_CONFIGURATION:
    'The program uses tokenkeep incorrectly. An option, an argument or the metadata of the server is wrong. In development the message names it and the remedy. In production the message names the page about the mistake. If the property reason is newer_schema, a newer version of tokenkeep stored the session: update this program. A page updates when it is loaded again.',
  ERR_LOGIN_FAILED:
    'The login failed. The user cancelled it, the server refused it, or the response belongs to no login of this program. The property reason says which. Let the user try again.',
};

/** Each programming mistake, why it matters and how to fix it: the first sentence is the title of the page. */
export const mistakes = {
  'authorized-ky':
    'authorizedKy() was called with the wrong arguments. Pass a manager that has fetch(), and an instance of the package ky without a fetch of its own: the manager brings the fetch. A custom transport belongs into the option fetch of the manager.',
  'browser-storage':
    'A storage of tokenkeep/browser was created with the wrong arguments. webStorage() takes a function that returns a Storage of the page, such as () => localStorage. Asynchronous storages need a TokenStorage of your own. indexedDbStorage() takes { name, encrypt }, and webLock() takes { lease } in milliseconds. whereAllowed() takes two storages of sessions, each with a lock, or two storages of keys.',
  'client-authentication':
    'The client cannot prove who it is. clientSecretBasic(), clientSecretPost() and clientSecretJwt() take the secret, a non-empty string: check that the variable that holds it is set. clientCredentials() needs the option clientAuthentication, because without it anyone could be this client.',
  'discover-issuer':
    'discover() was called with the address of a metadata document. Pass the issuer itself, without /.well-known/ and the rest.',
  'dpop-keys':
    'Not everyone who has the session has its keys. The storage of the session is shared more widely than the keys of dpop({ keys }). Pass keys that reach as far as the storage.',
  'dpop-options':
    'dpop() was called with the wrong options. It takes keys, algorithm and acceptBearer. keys is memoryKeys(), exportedKeys(storage), indexedDbKeys() or an object of their shape. algorithm is ES256, ES384, PS256 or RS256.',
  'electron-bridge':
    'The bridge between the page and the main process of Electron is not there. Call exposeTokenManager({ contextBridge, ipcRenderer }) in the preload script, and pass globalThis.tokenkeep to connectTokenManager() in the page.',
  'endpoint-url':
    'The URL of an endpoint cannot be used. Tokens and secrets are sent to it, so it must be an absolute https URL without user information and without a fragment, such as https://auth.example.com/token. http is accepted only for this machine (localhost, 127.0.0.0/8 and [::1]), for development. discover(issuer) reads the URLs from the metadata of the server.',
  'event-listener':
    'A listener or its event is wrong. Call on(type, listener) with one of the event types of the reference, or * for all events, and with a function.',
  'former-issuers':
    'The option formerIssuers is not an array of issuers. A refresh token of a former issuer is sent to the new one, so each name is written exactly as it was before.',
  'idle-sign-out':
    'idleSignOut() was called with the wrong arguments. Pass a TokenManager and { after, warn }. Both are numbers of milliseconds: after is greater than 0, and warn is from 0 to less than after. A manager in a worker or in the main process of Electron is not accepted: call idleSignOut() where the TokenManager is in the page.',
  'import-session':
    'importSession() was called with the wrong arguments. Pass a TokenManager of this copy of tokenkeep where it was constructed, and an object with read() and remove().',
  instrument:
    "instrument() was called with the wrong arguments. Pass a TokenManager, and the whole module: import * as opentelemetry from '@opentelemetry/api'.",
  lock: 'The lock does not protect the session. Two holders of the session could send one refresh token, and the server would end the session. Use the lock that belongs to the storage, or set the option lock to one that reaches as far as the storage. If the lock has a lease, it must be the option timeout plus 10 seconds at least.',
  'login-options':
    'The options of a login cannot be used. scope is an array of scope names, resource an array of absolute URIs without a fragment, lifetime a number of milliseconds. parameters holds strings, and none of those that tokenkeep sets itself. redirectUri is an absolute URL without a fragment: https, http on loopback, or a scheme of the app. pending is a Storage of the page, or a Map that belongs to one user. The callback of completeLogin() is the whole URL. Keys for DPoP must survive the page: use indexedDbKeys().',
  'multipart-boundary':
    'The boundary of a form cannot be sent. It needs 1 to 70 lower-case letters, digits, hyphens or underscores.',
  'not-a-manager':
    'The argument is not a TokenManager of this copy of tokenkeep. Pass the manager itself. If it is one, the program contains two copies of the package: remove one of them.',
  'option-name':
    'The program sets an option that does not exist. Compare the name with TokenManagerOptions: upper and lower case and the plural matter.',
  'option-value':
    'The value of an option is missing or has the wrong type. The message names the option. The table of options says which values it takes. Common mistakes are a function that was not called, such as discover in place of discover(issuer), a Promise that was not awaited, a number as text, and a storage, a lock or keys without the property reach.',
  platform:
    "This platform lacks something that tokenkeep needs. fetch: set the option fetch. crypto.subtle: pages have it only in a secure context, so serve the page over https or from localhost. On React Native, import 'react-native-get-random-values' and 'react-native-url-polyfill/auto' first, and install react-native-quick-crypto as globalThis.crypto.",
  'popup-login':
    'popupLogin() cannot be used like this. It works in pages only, and its redirectUri must be a page of the same origin. Outside of a page use loopbackLogin().',
  'private-key':
    'privateKeyJwt() cannot use its key. Pass a private CryptoKey with the usage sign, or the whole text of a PEM that begins with BEGIN PRIVATE KEY. Convert others with openssl pkcs8 -topk8 -nocrypt -in key.pem. The option algorithm is one that fits the key.',
  'protected-resources':
    'The option protectedResources does not name places that get a token. Set it to an array with at least one entry. An entry is a URL or { url, scope, resource, hides401 }, where hides401 is true or false. No two entries name the same place.',
  'redirect-login':
    'redirectLogin() cannot be used like this. It takes a TokenManager of this copy of tokenkeep, a redirectUri that is an absolute URL or a path, and the options of its type. begin() works in a browser only, not while a server renders. returnTo is a URL of the origin of the page, unless allowReturnTo allows it. With a token handler, sign in through the token handler.',
  'resource-indicator':
    'A resource indicator is not an absolute URI without a fragment (RFC 8707). Pass one, or an array of them.',
  'resource-url':
    'The URL of a protected resource cannot be used. Access tokens are sent to it, so it must be an absolute https URL, such as https://api.example.com/v1, without user information, query and fragment. http is accepted only for this machine. Name each host, without an asterisk: a path stands for everything beneath it. Write the path without percent escapes, semicolons and double slashes, because servers read those in different ways.',
  'scope-list':
    'A scope is not an array of scope names. Pass an array such as ["openid", "profile"], each name without spaces, quotes and backslashes.',
  'server-address':
    'The address that a provider was given cannot be used. Pass a domain such as auth.example.com, without a path and a query. Names that become part of a path must be non-empty.',
  'server-profile':
    'A member of the profile of the server has a wrong type or value. The profile decides how often a refresh token may be sent, so it is checked strictly. Compare it with ProviderProfile.',
  'session-id': 'The id of a session is not a non-empty string. Call forSession(id) with the id of a user.',
  'set-tokens':
    'setTokens() cannot use its argument. Pass the JSON of a token response unchanged, or a TokenSet { accessToken, refreshToken, expiresAt } with times in Unix milliseconds, not a mixture of both. The access token comes without the word Bearer. A Response or a Promise must be awaited first. The only option is subject, which must be the sub of the ID token if there is one. Tokens of the type DPoP need the option dpop; other types than Bearer and DPoP cannot be sent.',
  'sign-out':
    'An option of signOut() or startLogout() cannot be used. revoke and idTokenHint are true or false, timeout is a number of milliseconds. startLogout() takes a TokenManager of this copy of tokenkeep that has tokens, and redirectUri as it is registered at the provider for logouts. With redirectUri it needs pending, a Storage of the page, and returnTo must be of the same origin. parameters holds strings, and none of those that tokenkeep sets itself. The callback of completeLogout() is the whole URL.',
  'step-up':
    'withStepUp() was called with something other than the event stepUpRequired. Pass the event as it was emitted. Its claims are a JSON object, or the base64 of one.',
  'token-handler':
    'A token handler is configured or used incorrectly. Its url has no query, and its paths lead to places beneath it. Options of a client have no place beside it. It has one access token for all protected resources, so leave out scope and resource. All tabs share its cookies: use a storage and a lock that they share. The page never sees tokens: call the API with manager.fetch(), and pass the response of the login, or { expiresAt }, to setTokens().',
  'token-request':
    'The option tokenRequest cannot be used. It is { headers, parameters }, each of them an object whose values are strings that can be sent. Headers and parameters that tokenkeep sets itself are refused, because a second value could replace the right one.',
  'worker-options':
    'The bridge to a worker was created with the wrong arguments. connectTokenManager() takes worker, a function such as () => new SharedWorker(url). serveTokenManager() runs in the script of a worker and takes manager, a TokenManager.',
} as const;

/** The code of a programming mistake: the last part of the address of its page. */
export type MistakeCode = keyof typeof mistakes;

export interface ErrorPage {
  readonly title: string;
  /** Reason why it matters, and its fix, as plain text. */
  readonly explanation: string;
}

/** Every page, by the code in the error. */
export const errorPages: Readonly<Record<string, ErrorPage>> = Object.fromEntries(
  Object.entries({ ...codes, ...mistakes }).map(([code, text]) => {
    const [title = '', ...sentences] = text.split('. ');
    return [code, { title, explanation: sentences.join('. ') }];
  }),
);
