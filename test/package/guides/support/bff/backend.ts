/** The guide's backend, started as its user does, and clients that send what no browser would. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createServer, type IncomingHttpHeaders, request } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import type { ExampleServer } from '../../../../../examples/server/server.ts';
import { browse } from '../../../../support/certified-server/log-in.ts';

export interface Backend {
  readonly origin: string;
  readonly port: number;
  /** Its output. */
  readonly said: () => string;
  /** Asks it to end. Resolves with its exit code. */
  stop(): Promise<number | null>;
}

export async function startBackend(
  { server, api }: ExampleServer,
  env: Readonly<Record<string, string>> = {},
): Promise<Backend> {
  const port = Number(env['PORT'] ?? (await freePort()));
  const program = fileURLToPath(new URL('../../../../../examples/bff/backend.ts', import.meta.url));
  const child = spawn(process.execPath, [program], {
    env: { ...process.env, ISSUER: server.issuer, API: api, PORT: String(port), ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let said = '';
  const exited = once(child, 'exit').then(([code]) => code as number | null);
  const listening = new Promise<void>((resolve) => {
    for (const stream of [child.stdout, child.stderr]) {
      stream.on('data', (piece) => {
        said += piece;
        if (said.includes('Open ')) resolve();
      });
    }
  });
  const early = exited.then((code) => Promise.reject(new Error(`It has exited with ${code}: ${said}`)));
  await Promise.race([listening, early]);
  early.catch(() => undefined);
  return {
    origin: env['ORIGIN'] ?? `http://localhost:${port}`,
    port,
    said: () => said,
    stop() {
      child.kill('SIGTERM');
      return exited;
    },
  };
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, 'localhost');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}

export interface Answer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}

interface Sent {
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
}

/** A browser's cookies, and what its requests look like. Paths go out as they are written. */
export class Client {
  readonly cookies: Map<string, string> = new Map();
  /** Everything that has come. */
  readonly received: string[] = [];
  readonly #backend: Backend;

  constructor(backend: Backend) {
    this.#backend = backend;
  }

  /** As the page sends it. */
  async send(method: string, path: string, { headers = {}, body }: Sent = {}): Promise<Answer> {
    const origin = method === 'GET' ? {} : { origin: this.#backend.origin };
    return await this.raw(method, path, {
      headers: { 'token-handler-version': '1', ...origin, ...headers },
      ...(body !== undefined && { body }),
    });
  }

  async raw(method: string, path: string, { headers = {}, body }: Sent = {}): Promise<Answer> {
    const cookie = [...this.cookies].map((pair) => pair.join('=')).join('; ');
    const sent = request({
      host: 'localhost',
      port: this.#backend.port,
      method,
      path,
      headers: {
        ...(cookie !== '' && { cookie }),
        ...(body !== undefined && { 'content-length': String(Buffer.byteLength(body)) }),
        ...headers,
      },
    });
    sent.end(body);
    const [response] = await once(sent, 'response');
    const answer = {
      status: response.statusCode,
      headers: response.headers as IncomingHttpHeaders,
      body: await text(response),
    };
    this.received.push(JSON.stringify(response.rawHeaders), answer.body);
    for (const line of answer.headers['set-cookie'] ?? []) {
      const [, name = '', value = ''] = /^([^=]+)=([^;]*)/.exec(line) ?? [];
      if (line.includes('Max-Age=0')) this.cookies.delete(name);
      else this.cookies.set(name, value);
    }
    return answer;
  }

  /** The first half of a login. Resolves with where the user is sent back to, and what comes with them. */
  async goToServer(user: string, returnTo = '/'): Promise<string> {
    const { body } = await this.send('POST', '/session/login/start', {
      body: JSON.stringify({ return_to: returnTo }),
    });
    const url = new URL(JSON.parse(body).authorization_url);
    url.searchParams.set('login_hint', user);
    const callback = `${this.#backend.origin}/callback`;
    return `${callback}?${await browse(url.href, callback)}`;
  }

  /** The second half. */
  async comeBack(callback: string): Promise<Answer> {
    return await this.send('POST', '/session/login/end', { body: JSON.stringify({ callback }) });
  }

  async logIn(user: string): Promise<void> {
    const { status, body } = await this.comeBack(await this.goToServer(user));
    if (status !== 200) throw new Error(`The login failed: ${status} ${body}`);
  }

  /** The user of the API. */
  async user(): Promise<string> {
    const { status, body } = await this.send('GET', '/api/');
    return status === 200 ? JSON.parse(body).user : String(status);
  }
}
