import { readdirSync } from 'node:fs';
import { basename, dirname } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import type { AuthorizationServer } from '../../../src/core/oauth/authorization-server.ts';
import type { TestAuthorizationServer } from '../../../src/testing/index.ts';
import { authorizationServer } from '../../../src/testing/index.ts';
import type { AuthorizationServerOptions } from '../../../src/testing/server/server-settings.ts';
import { type Folder, folder } from './file-fixture.ts';
import type { OpenOptions } from './session-orders.ts';
import { SessionProcess } from './session-processes.ts';

/** A session in a file, the strict server that it is of, and the processes that share it. */
export interface Family extends AsyncDisposable {
  readonly server: TestAuthorizationServer;
  readonly file: string;
  /** Parameters that a process needs to open the session. */
  readonly session: OpenOptions;
  /** Signs the same user in, as the ID token says, through a process that has the session open. */
  signIn(process: SessionProcess): Promise<void>;
}

export async function family(
  options: AuthorizationServerOptions = {},
  profile?: AuthorizationServer['profile'],
): Promise<Family> {
  const place: Folder = folder();
  const server = authorizationServer(options);
  const http = await server.listen();
  const metadata = { ...http.metadata, ...(profile && { profile }) };
  return {
    server,
    file: place.file,
    session: { path: place.file, server: metadata, apiUrl: http.apiUrl },
    async signIn(process) {
      await process.do('setTokens', {
        tokens: server.signIn({ issuer: http.url, scope: ['openid', 'read', 'write'] }),
      });
    },
    async [Symbol.asyncDispose]() {
      await http.close();
      place[Symbol.dispose]();
    },
  };
}

/** So many processes, ready to be used. They start at the same time. */
export async function processes(count: number): Promise<SessionProcess[] & AsyncDisposable> {
  const all = Array.from({ length: count }, () => new SessionProcess());
  const close = async (): Promise<void> => void (await Promise.all(all.map((one) => one.kill())));
  return Object.assign(all, { [Symbol.asyncDispose]: close });
}

/** Files left beside the file of a storage: their names, and tickets of its lock. */
export function leftovers(file: string): string[] {
  const own = basename(file);
  const expected = [own, `${own}-wal`, `${own}-shm`];
  const files = readdirSync(dirname(file)).filter((name) => !expected.includes(name));
  const database = new DatabaseSync(file, { readOnly: true });
  const tickets = database.prepare('SELECT owner FROM tickets').all();
  database.close();
  return [...files, ...tickets.map(({ owner }) => `ticket ${owner}`)];
}
