/** Reads a provider from the sources: its call, its endpoints, and the contents of its profile. */
import { readFileSync } from 'node:fs';
import type { AuthorizationServer } from '../../../src/core/oauth/authorization-server.ts';
import * as providers from '../../../src/providers/index.ts';
import { unlimitedReuse } from '../../../src/providers/reuse.ts';
import type { Page } from './page.ts';

const functions = providers as unknown as Readonly<Record<string, (options?: object) => AuthorizationServer>>;

/** The names of all providers. */
export const providerNames: readonly string[] = Object.keys(functions).sort();

/** Options of an example, for those that have no useful defaults. */
const examples: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  auth0: { domain: 'acme.eu.auth0.com' },
  cloudentity: { domain: 'acme.eu.authz.cloudentity.io', tenant: 'acme', workspace: 'default' },
  cognito: { domain: 'acme.auth.eu-west-1.amazoncognito.com', userPoolId: 'eu-west-1_AbCdEf' },
  curity: { domain: 'login.example.com' },
  entra: { tenant: 'organizations' },
  keycloak: { url: 'https://login.example.com', realm: 'acme' },
  okta: { domain: 'acme.okta.com' },
  reachfive: { domain: 'acme.reach5.net' },
};

export function withProviderFacts(page: Page): Page {
  const name = page.title.toLowerCase();
  const create = functions[name];
  if (page.section !== 'Providers' || page.parent === undefined) return page;
  if (create === undefined) throw new Error(`${page.source} describes ${page.title}, which is no provider.`);
  const server = create(examples[name]);
  const markdown = [
    example(name),
    page.markdown,
    '## Endpoints',
    endpoints(server),
    '## Profile',
    profile(server),
    source(name),
  ];
  return { ...page, summary: summaryOf(server), markdown: markdown.join('\n\n') };
}

function example(name: string): string {
  const options = Object.entries(examples[name] ?? {}).map(([key, value]) => `${key}: '${value}'`);
  const call = options.length === 0 ? `${name}()` : `${name}({ ${options.join(', ')} })`;
  return [
    '```ts',
    "import { TokenManager } from 'tokenkeep';",
    `import { ${name} } from 'tokenkeep/providers';`,
    '',
    'const manager = new TokenManager({',
    "  clientId: 'my-app',",
    `  authorizationServer: ${call},`,
    "  protectedResources: ['https://api.example.com/'],",
    '});',
    '```',
  ].join('\n');
}

const endpointNames = {
  issuer: 'Issuer',
  authorizationEndpoint: 'Authorization',
  tokenEndpoint: 'Token',
  revocationEndpoint: 'Revocation',
  deviceAuthorizationEndpoint: 'Device authorization',
} as const;

function endpoints(server: AuthorizationServer): string {
  const rows = Object.entries(endpointNames).map(
    ([key, title]) => `| ${title} | ${code(server[key as keyof typeof endpointNames])} |`,
  );
  return ['| Endpoint | URL |', '|---|---|', ...rows].join('\n');
}

const code = (value: string | undefined) => (value === undefined ? 'not declared' : `\`${value}\``);

function profile({ profile: declared = {} }: AuthorizationServer): string {
  const {
    requestEncoding = 'form',
    revocationEncoding = requestEncoding,
    errorDetails = [],
    errorCodes = {},
  } = declared;
  const rows = [
    ['A used refresh token', reuse(declared.reuseWindow ?? 0)],
    ['Token requests', requestEncoding],
    ['Revocation requests', revocationEncoding],
    [
      'Codes of its own',
      Object.entries(errorCodes)
        .map(([name, meaning]) => `\`${name}\` (${meaning})`)
        .join(', '),
    ],
    ['`error.details`', errorDetails.map((one) => `\`${one}\``).join(', ')],
  ];
  const shown = rows.filter(([, value]) => value !== '').map(([title, value]) => `| ${title} | ${value} |`);
  return ['| Profile | Value |', '|---|---|', ...shown].join('\n');
}

function reuse(window: number): string {
  if (window === 0) return 'is not sent again (`reuseWindow: 0`)';
  if (window === unlimitedReuse) return 'still works, so sending it again is harmless';
  return `may be sent again for ${window / 1000} s`;
}

function summaryOf({ profile: declared }: AuthorizationServer): string {
  return `A used refresh token ${reuse(declared?.reuseWindow ?? 0)}.`;
}

function source(name: string): string {
  const text = readFileSync(`src/providers/${name}.ts`, 'utf8');
  const [, url] = /@see (https:\S+)/.exec(text) ?? [];
  if (url === undefined)
    throw new Error(`src/providers/${name}.ts does not name the page that its facts come from.`);
  return `The facts come from [the documentation of the provider](${url}). The options are described at \`${name}()\`.`;
}
