import type { TokenManager } from 'tokenkeep';

type Subscription = [type: string, listener: (event: never) => unknown];

/** A manager that is nothing but this transport, and keeps the requests. A subclass keeps the requests to the session. */
export class BareManager {
  readonly requests: Request[] = [];
  readonly fetch: typeof globalThis.fetch;
  readonly #listeners: Subscription[] = [];

  constructor(answer: (request: Request) => Response | Promise<Response>) {
    this.fetch = async (input, init) => {
      const request = new Request(input, init);
      this.requests.push(request);
      return await answer(request);
    };
  }

  readonly on: TokenManager['on'] = (type, listener) => {
    const one: Subscription = [type, listener];
    this.#listeners.push(one);
    return () => void this.#listeners.splice(this.#listeners.indexOf(one), 1);
  };

  get listeners(): number {
    return this.#listeners.length;
  }

  tell(event: { readonly type: string } & Record<string, unknown>): void {
    for (const [type, listener] of this.#listeners) if (type === event.type) listener(event as never);
  }
}
