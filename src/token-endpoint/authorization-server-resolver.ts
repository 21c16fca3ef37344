/**
 * The authorization server, given as an option or resolved by a function such as `discover()`.
 *
 * @module
 */

import { type TimeLimit, withTimeout } from '../async/abortable.ts';
import { ConfigurationError, isConfigurationError } from '../core/errors.ts';
import { explain } from '../core/explain.ts';
import { requireEndpoint } from '../core/http/endpoint.ts';
import type { AuthorizationServer } from '../core/oauth/authorization-server.ts';
import type { ProviderProfile } from '../core/oauth/provider-profile.ts';
import { ownMembers, readMember } from '../core/own-members.ts';

/** Values of the option `authorizationServer`. */
export type AuthorizationServerOption =
  | AuthorizationServer
  | ((() => Promise<AuthorizationServer>) & {
      readonly issuer?: string;
      readonly formerIssuers?: readonly string[] | undefined;
      readonly profile?: ProviderProfile | undefined;
    });

/** Resolves the authorization server once, when it is first needed, and again after a failure. Only the resolver writes its fields. */
export class AuthorizationServerResolver {
  /** The server, if it is available without a request. */
  known: AuthorizationServer | undefined = undefined;
  /** The reason for which the resolved server cannot be used, until a usable one is resolved. */
  configurationError: ConfigurationError | undefined = undefined;
  /** Names of the server that are available without a request. */
  issuers: readonly string[];
  /** `true`: the server has a name before any request, so every session that began with it is bound to an issuer. */
  readonly isNamed: boolean;
  /** The provider profile, if it is available without a request. */
  profile: ProviderProfile | undefined;
  readonly #option: AuthorizationServerOption;
  readonly #limit: TimeLimit;
  #resolving: Promise<AuthorizationServer> | undefined;

  /** @param limit time limit of one attempt to resolve the server. */
  constructor(option: AuthorizationServerOption, limit: TimeLimit) {
    this.#option = option;
    this.#limit = limit;
    if (typeof option !== 'function') {
      this.known = checkServer(option, 'authorizationServer');
      this.issuers = issuersOf(this.known);
      this.isNamed = true;
      this.profile = this.known.profile;
    } else {
      const [issuer, formerIssuers] = [readMember(option, 'issuer'), readMember(option, 'formerIssuers')];
      checkFormerIssuers(formerIssuers, 'authorizationServer.formerIssuers');
      this.issuers = issuer === undefined ? [] : [issuer, ...(formerIssuers ?? [])];
      this.isNamed = issuer !== undefined;
      this.profile = ownMembers(readMember(option, 'profile'));
    }
  }

  /** @throws the error of the `authorizationServer` function. The next call tries again. */
  resolve(): Promise<AuthorizationServer> {
    if (this.known !== undefined) return Promise.resolve(this.known);
    this.#resolving ??= this.#find(this.#option as () => Promise<AuthorizationServer>).finally(() => {
      this.#resolving = undefined;
    });
    return this.#resolving;
  }

  async #find(find: () => Promise<AuthorizationServer>): Promise<AuthorizationServer> {
    this.configurationError = undefined;
    try {
      const found = await withTimeout(this.#limit, find);
      const server = checkServer(found, 'what authorizationServer() resolves to');
      this.known = server;
      this.issuers = issuersOf(server);
      this.profile = server.profile;
      return server;
    } catch (error) {
      if (isConfigurationError(error)) this.configurationError = error;
      throw error;
    }
  }
}

/** Returns the names to which a session may be bound: the issuer, or the token endpoint of a server without one. */
export function issuersOf({
  issuer,
  tokenEndpoint,
  formerIssuers = [],
}: AuthorizationServer): readonly string[] {
  const names = [tokenEndpoint, ...formerIssuers];
  return issuer === undefined ? names : [issuer, ...names];
}

/** @throws ConfigurationError that names the option. With a mistyped issuer, refresh tokens would be sent to another server. */
export function checkFormerIssuers(value: unknown, name: string): void {
  const isList = Array.isArray(value) && value.every((one) => typeof one === 'string' && one !== '');
  if (value === undefined || isList) return;
  throw new ConfigurationError(
    `${name} ${explain('former-issuers', 'must be an array of issuers, each written exactly as before.')}`,
  );
}

function checkServer(given: AuthorizationServer, name: string): AuthorizationServer {
  const server = withOwnMembers(given);
  requireEndpoint(`${name}.tokenEndpoint`, server?.tokenEndpoint);
  const { revocationEndpoint, mtlsEndpointAliases } = server;
  checkEndpoints(name, { revocationEndpoint });
  checkEndpoints(`${name}.mtlsEndpointAliases`, { ...mtlsEndpointAliases });
  checkFormerIssuers(server.formerIssuers, `${name}.formerIssuers`);
  const problem = findProblem(server);
  if (problem !== undefined) throw new ConfigurationError(`${name}.${problem}`);
  return server;
}

function checkEndpoints(owner: string, endpoints: Readonly<Record<string, string | undefined>>): void {
  for (const [member, url] of Object.entries(endpoints)) {
    if (url !== undefined) requireEndpoint(`${owner}.${member}`, url);
  }
}

/** Copies own members only: tokens are sent to these endpoints, so a polluted prototype must not add one. */
function withOwnMembers(given: AuthorizationServer): AuthorizationServer {
  const server = ownMembers(given) as {
    -readonly [Name in keyof AuthorizationServer]: AuthorizationServer[Name];
  };
  for (const name of ['profile', 'mtlsEndpointAliases', 'metadata', 'grant'] as const) {
    if (server?.[name] !== undefined) Object.assign(server, { [name]: ownMembers(server[name]) });
  }
  return server;
}

/** Returns the problem with a server. A profile decides how often a refresh token may be sent, so mistyped members are errors. */
function findProblem({ issuer, profile }: AuthorizationServer): string | undefined {
  if (issuer !== undefined && (typeof issuer !== 'string' || issuer === '')) {
    return `issuer ${explain('server-profile', 'must be a non-empty string, or left out.')}`;
  }
  for (const [member, [isValid, problem]] of Object.entries(profileRules)) {
    const value = (profile as Readonly<Record<string, unknown>> | undefined)?.[member];
    if (value !== undefined && !isValid(value)) return `profile.${member} ${problem}`;
  }
  return undefined;
}

type Rule = readonly [isValid: (value: unknown) => boolean, problem: string];

const milliseconds: Rule = [
  (value) => Number.isFinite(value) && (value as number) >= 0,
  explain('server-profile', 'must be a number of milliseconds from 0.'),
];
const encoding: Rule = [
  (value) => value === 'form' || value === 'json',
  explain('server-profile', "must be 'form' or 'json'."),
];

const profileRules: Readonly<Record<string, Rule>> = {
  reuseWindow: milliseconds,
  defaultLifetime: milliseconds,
  refreshTokenLifetime: milliseconds,
  classify: [
    (value) => typeof value === 'function',
    explain('server-profile', "must be a function that returns 'invalid-grant' or undefined, or left out."),
  ],
  narrowsScope: [
    (value) => typeof value === 'boolean',
    explain('server-profile', 'must be true or false, or left out.'),
  ],
  requestEncoding: encoding,
  revocationEncoding: encoding,
  revokes: [
    (value) => value === 'refresh_token' || value === 'access_token',
    explain('server-profile', "must be 'refresh_token' or 'access_token'."),
  ],
};
