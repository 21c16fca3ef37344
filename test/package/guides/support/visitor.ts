/** A user's browser, over HTTP: cookies by origin, and redirects that are followed. */
import { Agent, type IncomingMessage, request } from 'node:http';
import { text } from 'node:stream/consumers';

export interface Seen {
  readonly status: number;
  readonly headers: IncomingMessage['headers'];
  readonly body: string;
}

export class Visitor {
  readonly #cookies: Map<string, string> = new Map();
  /** One connection, which is kept: what goes through it meets one worker. */
  readonly #kept: Agent = new Agent({ keepAlive: true, maxSockets: 1 });

  /** @throws when no whole answer comes. */
  async visit(url: string, { method = 'GET', keeps = false } = {}): Promise<Seen> {
    const { origin } = new URL(url);
    const sent = request(url, {
      method,
      agent: keeps ? this.#kept : false,
      headers: { cookie: this.#jar(origin).map(([name, value]) => `${name}=${value}`) },
    });
    const answered = Promise.withResolvers<IncomingMessage>();
    sent.on('response', answered.resolve).on('error', answered.reject).end();
    const answer = await answered.promise;
    const { statusCode: status = 0, headers } = answer;
    for (const set of headers['set-cookie'] ?? []) {
      const [, name = '', value = ''] = /^([^=]+)=([^;]*)/.exec(set) ?? [];
      this.#cookies.set(`${origin} ${name}`, value);
    }
    return { status, headers, body: await text(answer) };
  }

  /** Visits, and goes wherever it is sent, until an answer is no redirect. */
  async follow(url: string): Promise<Seen> {
    const seen = await this.visit(url);
    const { location } = seen.headers;
    return location === undefined ? seen : await this.follow(new URL(location, url).href);
  }

  cookie(origin: string, name: string): string | undefined {
    return this.#cookies.get(`${origin} ${name}`);
  }

  close(): void {
    this.#kept.destroy();
  }

  #jar(origin: string): [name: string, value: string][] {
    return [...this.#cookies].flatMap(([key, value]) => {
      const [where, name = ''] = key.split(' ');
      return where === origin && value !== '' ? [[name, value]] : [];
    });
  }
}
