/** The reference by task: which exports of an entry point belong together. The first pattern that matches a source file wins. */

interface TaskGroup {
  readonly title: string;
  /** Source files below `src`. */
  readonly files: RegExp;
  /** Exports that their file does not decide. */
  readonly names?: readonly string[];
}

const groups: Readonly<Record<string, readonly TaskGroup[]>> = {
  tokenkeep: [
    {
      title: 'Keep a session',
      files: /^(token-manager|options|session\/)/,
      names: [
        'AccessTokenRequest',
        'Clock',
        'CookieSessionInfo',
        'NotRevoked',
        'NotRevokedReason',
        'RevocationResult',
        'SetTokensOptions',
        'TokenResponse',
        'TokenSet',
        'Transport',
      ],
    },
    { title: 'Call protected resources', files: /^(core\/http\/|request\/)/ },
    { title: 'Handle errors', files: /^core\/errors/ },
    { title: 'Receive events', files: /^core\/events/, names: ['IdTokenMismatch', 'RecordRejection'] },
    { title: 'Store tokens and lock sessions', files: /^(core\/contracts|memory\/)/ },
    {
      title: 'Authenticate the client',
      files: /^token-endpoint\/public-client/,
      names: ['ClientAuthentication', 'UnauthenticatedRequest'],
    },
    { title: 'Choose a grant', files: /^core\/oauth\/grant/ },
    { title: 'Describe the authorization server', files: /^(core\/oauth\/|token-endpoint\/)/ },
  ],
  'tokenkeep/client-authentication': [
    { title: 'Authenticate the client', files: /client-secret|tls-client-auth/ },
    { title: 'Get tokens for the client itself', files: /client-credentials/ },
  ],
  'tokenkeep/client-assertion': [{ title: 'Authenticate with a signed JWT', files: /client-assertion/ }],
  'tokenkeep/login': [
    { title: 'Sign in from a page', files: /^login\/(redirect|popup|page-navigation)/ },
    {
      title: 'Sign in from a native app or a command line',
      files: /^login\/(loopback|device|system-browser)/,
    },
    { title: 'Sign out at the provider', files: /^login\/[\w-]*logout/ },
    {
      title: 'Sign in step by step',
      files: /^login\/(?!step-up|legacy-session)/,
    },
    { title: 'Ask for a stronger login', files: /^login\/step-up/ },
    { title: 'Import a session', files: /import-session|legacy-session/ },
    { title: 'Handle errors', files: /errors/ },
  ],
  'tokenkeep/browser': [
    { title: 'Store tokens', files: /storage|where-allowed/ },
    { title: 'Store DPoP keys', files: /keys/ },
    { title: 'Lock a session', files: /web-lock/ },
    { title: 'Keep tokens out of the page', files: /token-handler/ },
    { title: 'Sign out idle users', files: /idle/ },
  ],
  'tokenkeep/node': [
    { title: 'Store tokens', files: /storage|keyring/ },
    { title: 'End a process and observe it', files: /signals|diagnostics/ },
  ],
  'tokenkeep/electron': [
    { title: 'In the main process', files: /serve-|electron-storage/ },
    { title: 'In the preload script', files: /expose-/ },
    { title: 'In the page', files: /connect-/ },
    { title: 'Messages and the modules of Electron', files: /bridge|electron-api/ },
  ],
  'tokenkeep/worker': [
    { title: 'In the worker', files: /serve-|worker-login/ },
    { title: 'In the page', files: /connect-|worker-port/ },
  ],
  'tokenkeep/dpop': [
    { title: 'Bind a session to a key', files: /dpop\.ts|signing/ },
    { title: 'Store keys', files: /keys|dpop-key/ },
  ],
  'tokenkeep/redis': [
    { title: 'Store tokens', files: /redis-(storage|options)|cluster-storage/ },
    { title: 'Clients', files: /redis-client/ },
  ],
  'tokenkeep/postgres': [
    { title: 'Store tokens', files: /postgres-(storage|options|table)|cluster-storage/ },
    { title: 'Clients', files: /postgres-pool/ },
  ],
  'tokenkeep/ky': [{ title: 'Call protected resources', files: /ky/ }],
  'tokenkeep/opentelemetry': [
    { title: 'Instrument a manager', files: /instrument/ },
    { title: 'Types of OpenTelemetry', files: /opentelemetry-api/ },
  ],
  'tokenkeep/providers': [{ title: 'Providers', files: /providers/ }],
  'tokenkeep/testing/dialects': [{ title: 'Answer as a provider does', files: /dialects/ }],
  'tokenkeep/testing': [
    { title: 'Test components without a server', files: /mock/ },
    {
      title: 'Start a test server',
      files: /test-authorization-server|server-settings|dialect|test-clock|http-listener/,
    },
    { title: 'Provoke failures', files: /fault|refusals|demands/ },
    {
      title: 'See what the server saw',
      files: /journal|protected-api|http-exchange|oauth-server-error|dpop-proof-error/,
    },
    { title: 'Answer as your API', files: /api-handler/ },
    { title: 'Prove a storage or a lock', files: /conformance/ },
  ],
};

/** The group of exports whose task no pattern names, in an entry point that has other groups. */
export const ungrouped = 'Other exports';

const exported = 'Exports';

/** Returns the titles of an entry point's groups in their order. */
export function groupTitles(door: string): readonly string[] {
  return [...(groups[door] ?? []).map(({ title }) => title), ungrouped, exported];
}

/** Returns the group of an export. */
export function groupOf(door: string, name: string, file: string): string {
  const all = groups[door];
  if (all === undefined) return exported;
  const byName = all.find(({ names }) => names?.includes(name));
  return (byName ?? all.find(({ files }) => files.test(file)))?.title ?? ungrouped;
}
