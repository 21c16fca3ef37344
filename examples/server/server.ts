/**
 * The servers of the examples: a certified authorization server that knows all their clients, and an API that it
 * protects.
 */
import {
  type CertifiedServer,
  type ProtectedApi,
  startCertifiedServer,
  startProtectedApi,
} from '../../test/support/certified-server/index.ts';
import { openLine } from '../playground/line.ts';

export interface ExampleServer {
  readonly server: CertifiedServer;
  /** Its counts. */
  readonly counters: ProtectedApi['counters'];
  /** Where the API is, for pages of any origin. It ends with a slash. */
  readonly api: string;
  close(): Promise<void>;
}

/** Those that can keep a secret have one; `localhost` and `127.0.0.1` are theirs at any port. */
export const clients = [
  { client_id: 'spa', token_endpoint_auth_method: 'none' },
  { client_id: 'desktop', token_endpoint_auth_method: 'none' },
  { client_id: 'cli', token_endpoint_auth_method: 'none' },
  {
    client_id: 'backend',
    client_secret: 'backend-secret',
    token_endpoint_auth_method: 'client_secret_basic',
  },
  { client_id: 'bff', client_secret: 'bff-secret', token_endpoint_auth_method: 'client_secret_basic' },
].map((client) => ({
  ...client,
  redirect_uris: ['localhost', '127.0.0.1'].flatMap((host) => [`http://${host}/`, `http://${host}/callback`]),
}));

export interface ExampleServerOptions {
  /** Of the authorization server; the API has the next one. @default 0, any that are free */
  readonly port?: number;
  /** @default 30 */
  readonly accessTokenSeconds?: number;
}

export async function openExampleServer(options: ExampleServerOptions = {}): Promise<ExampleServer> {
  const { port = 0, accessTokenSeconds = 30 } = options;
  const server = await startCertifiedServer({ port, accessTokenSeconds, moreClients: clients });
  const api = await startProtectedApi({ introspect: server.introspect });
  const line = await openLine(api.url, '*', port && port + 1);
  return {
    server,
    counters: api.counters,
    api: `${line.origin}/`,
    async close() {
      await Promise.all([line.close(), api.close(), server.close()]);
    },
  };
}
