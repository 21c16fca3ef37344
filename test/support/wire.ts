/** A network of literal answers, which keeps the requests as their bytes were sent. */

export interface Sent {
  readonly method: string;
  readonly url: string;
  readonly headers: Headers;
  readonly body: string;
  /** The body read as a form. */
  readonly form: URLSearchParams;
}

/** The response of a place to the `count`th request. */
export type Place = (sent: Sent, count: number) => Response | Promise<Response>;

export interface Wire {
  readonly fetch: typeof globalThis.fetch;
  /** All requests, in order, also those to places that do not exist. */
  readonly sent: readonly Sent[];
  /** Those to one URL. */
  to(url: string): readonly Sent[];
}

/** Places by their whole URL, query included. To all others a request fails like a network error. */
export function wire(places: Readonly<Record<string, Place>>): Wire {
  const sent: Sent[] = [];
  const to = (url: string) => sent.filter((request) => request.url === url);
  return {
    sent,
    to,
    fetch: async (input, init) => {
      const request = new Request(input, init);
      const { method, url, headers } = request;
      const body = await request.text();
      const one = { method, url, headers, body, form: new URLSearchParams(body) };
      sent.push(one);
      const place = places[url];
      if (place === undefined) throw new TypeError('fetch failed');
      return await place(one, to(url).length);
    },
  };
}
