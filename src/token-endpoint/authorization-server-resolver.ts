/**
 * The authorization server, whether it was given or has to be found out.
 *
 * @module
 */

import { type RequiredClock, withTimeout } from '../async/abortable.ts';
import { ConfigurationError, isConfigurationError } from '../core/errors.ts';
import { requireEndpoint } from '../core/http/endpoint.ts';
import type { AuthorizationServer } from '../core/oauth/authorization-server.ts';
import type { ProviderProfile } from '../core/oauth/provider-profile.ts';
import { emptyObject, ownMembers, readMember } from '../core/own-members.ts';

/** What the `authorizationServer` option takes. */
export type AuthorizationServerOption =
  | AuthorizationServer
  | ((() => Promise<AuthorizationServer>) & {
      readonly issuer?: string;
      readonly formerIssuers?: readonly string[] | undefined;
      readonly profile?: ProviderProfile | undefined;
    });

/** Resolves the authorization server once, when it is first needed, and again after a failure. */
export class AuthorizationServerResolver {
  readonly #option: AuthorizationServerOption;
  readonly #limit: { readonly clock: RequiredClock; readonly timeout: number };
  #known: AuthorizationServer | undefined;
  #resolving: Promise<AuthorizationServer> | undefined;
  #configurationError: ConfigurationError | undefined;

  /** @param limit how long finding out may take. */
  constructor(
    option: AuthorizationServerOption,
    limit: { readonly clock: RequiredClock; readonly timeout: number },
  ) {
    this.#option = option;
    this.#limit = limit;
    if (typeof option !== 'function') this.#known = checkServer(option, 'authorizationServer');
    else checkFormerIssuers(readMember(option, 'formerIssuers'), 'authorizationServer.formerIssuers');
  }

  /** What is known without asking anyone. */
  get known(): AuthorizationServer | undefined {
    return this.#known;
  }

  /** Why what was found cannot be used, until something is found that can. */
  get configurationError(): ConfigurationError | undefined {
    return this.#configurationError;
  }

  /** Names that the server goes by, as far as they are known without asking anyone. */
  get issuers(): readonly string[] {
    if (this.#known !== undefined) return issuersOf(this.#known);
    const option = this.#option as Partial<AuthorizationServer>;
    const issuer = readMember(option, 'issuer');
    return issuer === undefined ? [] : [issuer, ...(readMember(option, 'formerIssuers') ?? [])];
  }

  /** `true`: it has a name before anyone is asked, so every session that was begun with it is bound to one. */
  get isNamed(): boolean {
    return typeof this.#option !== 'function' || readMember(this.#option, 'issuer') !== undefined;
  }

  /** How it deviates from the textbook, as far as that is known without asking anyone. */
  get profile(): ProviderProfile | undefined {
    if (this.#known !== undefined) return this.#known.profile;
    return ownMembers(readMember(this.#option as Partial<AuthorizationServer>, 'profile'));
  }

  /** @throws whatever finding out throws; the next call tries again. */
  resolve(): Promise<AuthorizationServer> {
    if (this.#known !== undefined) return Promise.resolve(this.#known);
    this.#resolving ??= this.#find().finally(() => {
      this.#resolving = undefined;
    });
    return this.#resolving;
  }

  async #find(): Promise<AuthorizationServer> {
    this.#configurationError = undefined;
    try {
      const server = await withTimeout(this.#limit, async () =>
        (this.#option as () => Promise<AuthorizationServer>)(),
      );
      this.#known = checkServer(server, 'what authorizationServer() resolves to');
      return this.#known;
    } catch (error) {
      if (isConfigurationError(error)) this.#configurationError = error;
      throw error;
    }
  }
}

/** A session is bound to one of these: to the issuer, or to the token endpoint of a server without one. */
export function issuersOf({
  issuer,
  tokenEndpoint,
  formerIssuers = [],
}: AuthorizationServer): readonly string[] {
  const names = [tokenEndpoint, ...formerIssuers];
  return issuer === undefined ? names : [issuer, ...names];
}

/** @throws ConfigurationError that names it. By a typing error here, refresh tokens would go to a stranger. */
export function checkFormerIssuers(value: unknown, name: string): void {
  const isList = Array.isArray(value) && value.every((one) => typeof one === 'string' && one !== '');
  if (value === undefined || isList) return;
  throw new ConfigurationError(
    `${name} must be an array of issuers, each as it was written before, or left out.`,
  );
}

function checkServer(given: AuthorizationServer, name: string): AuthorizationServer {
  const server = withOwnMembers(given);
  requireEndpoint(`${name}.tokenEndpoint`, server?.tokenEndpoint);
  const { revocationEndpoint, mtlsEndpointAliases: aliases } = server;
  const others = {
    revocationEndpoint,
    'mtlsEndpointAliases.tokenEndpoint': aliases?.tokenEndpoint,
    'mtlsEndpointAliases.revocationEndpoint': aliases?.revocationEndpoint,
    'mtlsEndpointAliases.deviceAuthorizationEndpoint': aliases?.deviceAuthorizationEndpoint,
  };
  for (const [member, url] of Object.entries(others)) {
    if (url !== undefined) requireEndpoint(`${name}.${member}`, url);
  }
  checkFormerIssuers(server.formerIssuers, `${name}.formerIssuers`);
  const problem = findProblem(server);
  if (problem !== undefined) throw new ConfigurationError(`${name}.${problem}`);
  return server;
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

/** A profile decides how often a refresh token may be sent: it is no place for a typing error. */
function findProblem({ issuer, profile }: AuthorizationServer): string | undefined {
  if (issuer !== undefined && (typeof issuer !== 'string' || issuer === '')) {
    return 'issuer must be a non-empty string, or left out.';
  }
  const { reuseWindow, defaultLifetime, refreshTokenLifetime, ...others } = profile ?? emptyObject;
  const rest: Omit<ProviderProfile, 'reuseWindow'> = ownMembers(others);
  for (const [member, value] of Object.entries({ reuseWindow, defaultLifetime, refreshTokenLifetime })) {
    if (value === undefined || (Number.isFinite(value) && value >= 0)) continue;
    return `profile.${member} must be a number of milliseconds from 0.`;
  }
  if (rest.classify !== undefined && typeof rest.classify !== 'function') {
    return "profile.classify must be a function that returns 'invalid-grant' or undefined, or left out.";
  }
  if (rest.narrowsScope !== undefined && typeof rest.narrowsScope !== 'boolean') {
    return 'profile.narrowsScope must be true or false, or left out.';
  }
  for (const [member, values] of Object.entries(allowedValues)) {
    const value = rest[member as keyof typeof allowedValues];
    if (value === undefined || values.includes(value)) continue;
    return `profile.${member} must be '${values.join("' or '")}'.`;
  }
  return undefined;
}

const allowedValues = {
  requestEncoding: ['form', 'json'],
  revocationEncoding: ['form', 'json'],
  revokes: ['refresh_token', 'access_token'],
};
