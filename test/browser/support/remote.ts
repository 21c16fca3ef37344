import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Commands, Order, Report } from './page/agent.ts';

/**
 * The test's line to a page or worker: the page asks for orders, and reports. It has a port of its own, because browsers open
 * six connections to a host at most, and needs no driver: it works in every engine, for workers too, and the answers
 * of many tabs do not wait for each other.
 */
export class Remote {
  readonly #server = createServer((request, response) => void this.#serve(request, response));
  readonly #orders: Order[] = [];
  readonly #waiting = new Map<
    number,
    { resolve: (value: unknown) => void; reject: (error: Error) => void }
  >();
  #poll: ServerResponse | undefined;
  #count = 0;
  #closed = false;

  async open(): Promise<number> {
    await new Promise<void>((resolve) => this.#server.listen(0, '127.0.0.1', resolve));
    return (this.#server.address() as AddressInfo).port;
  }

  /** Has the page run a command. Rejects with what it rejects with. */
  call<Name extends keyof Commands>(
    name: Name,
    ...parameters: Parameters<Commands[Name]>
  ): Promise<Awaited<ReturnType<Commands[Name]>>> {
    const id = this.#count++;
    this.#orders.push({ id, name, parameters });
    this.#dispatch();
    const called = new Promise((resolve, reject) => this.#waiting.set(id, { resolve, reject }));
    called.catch(() => undefined); // a test that kills the page does not wait for it
    return called as Promise<Awaited<ReturnType<Commands[Name]>>>;
  }

  async close(): Promise<void> {
    this.#closed = true;
    for (const { reject } of this.#waiting.values()) reject(new Error('The page is closed.'));
    await new Promise<void>((resolve) => {
      this.#server.close(() => resolve());
      this.#server.closeAllConnections();
    });
  }

  async #serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    response.setHeader('access-control-allow-origin', '*');
    if (request.method === 'GET') {
      this.#poll?.end('null'); // the page has come back: nobody listens to the old one
      this.#poll = response;
      response.on('close', () => {
        if (this.#poll === response) this.#poll = undefined;
      });
      this.#dispatch();
      return;
    }
    let text = '';
    for await (const chunk of request) text += chunk;
    response.end('null');
    const { id, value, error } = JSON.parse(text) as Report;
    const caller = this.#waiting.get(id);
    this.#waiting.delete(id);
    if (error === undefined) caller?.resolve(value);
    else caller?.reject(Object.assign(new Error(error.message), error));
  }

  #dispatch(): void {
    const order = this.#poll === undefined || this.#closed ? undefined : this.#orders.shift();
    if (order === undefined) return;
    this.#poll?.end(JSON.stringify(order));
    this.#poll = undefined;
  }
}
