/**
 * The stages of a request in the server: arrival, hold, fault, work, end.
 *
 * @module
 */

import { isThenable } from '../../core/platform-class.ts';
import { authorizationEndpoint } from './authorization-endpoint.ts';
import type { Gate, ReceivedRequest } from './fault-queue.ts';
import { FaultQueue } from './fault-queue.ts';
import type { Fault } from './faults.ts';
import { applyFault } from './faults.ts';
import type { Delivery, EndpointName, EndpointWork, Exchange, ServerResponse } from './http-exchange.ts';
import { json } from './http-exchange.ts';
import { detectLeaks } from './leak-detection.ts';
import { protectedApi } from './protected-api.ts';
import { pushedAuthorizationEndpoint } from './pushed-authorization-endpoint.ts';
import { introspectionEndpoint, revocationEndpoint } from './revocation-and-introspection.ts';
import type { ServerContext } from './server-context.ts';
import { endpointsByUrl, metadataDocument } from './server-metadata.ts';
import { tokenEndpoint } from './test-token-endpoint.ts';

/** Serves exchanges. Returns `undefined` for a URL outside the server. */
export class RequestPipeline {
  readonly faults: FaultQueue<Fault> = new FaultQueue();
  readonly gates: FaultQueue<Gate> = new FaultQueue();
  readonly #server: ServerContext;
  readonly #refusal: ServerResponse;
  readonly #issuerOrigin: string;
  #now = { second: Number.NaN, date: '' };
  readonly #endpoints: ReadonlyMap<string, EndpointName>;

  constructor(server: ServerContext, refusal: ServerResponse) {
    this.#server = server;
    this.#refusal = refusal;
    this.#issuerOrigin = new URL(server.settings.issuer).origin;
    this.#endpoints = endpointsByUrl(server.settings);
  }

  /** Number of active `goOffline()` calls. */
  #timesOffline = 0;

  /** Disconnects the server. Returns a function that reconnects it, once. */
  goOffline(): () => void {
    this.#timesOffline++;
    let isOver = false;
    return () => {
      if (!isOver) this.#timesOffline--;
      isOver = true;
    };
  }

  serve(exchange: Exchange): Delivery | Promise<Delivery> | undefined {
    if (this.#timesOffline > 0) return { kind: 'unreachable' };
    const endpoint = this.#endpointOf(exchange.url);
    detectLeaks(this.#server, exchange, endpoint);
    if (endpoint === undefined) return this.#stray(exchange);
    const work = this.#startWork(endpoint, exchange);
    const request = (): ReceivedRequest => received(endpoint, exchange, work);
    const gate = this.gates.next(endpoint, request);
    const fault = this.faults.next(endpoint, request);
    if (gate || fault) return this.#withTrouble(work, gate, fault ?? {});
    const response = work.respond();
    return isThenable(response)
      ? Promise.resolve(response).then((one) => this.#toDelivery(work, one))
      : this.#toDelivery(work, response);
  }

  #endpointOf({ origin, pathname }: URL): EndpointName | undefined {
    const isApi = origin === this.#server.settings.apiOrigin;
    return this.#endpoints.get(origin + pathname) ?? (isApi ? 'api' : undefined);
  }

  #stray(exchange: Exchange): Delivery | undefined {
    if (exchange.url.origin === this.#issuerOrigin) {
      const detail = `${exchange.method} ${exchange.url.pathname} is none of its endpoints.`;
      this.#server.journal.write('refused', { error: 'not_found', detail });
      return { kind: 'response', response: json(404, { error: 'not_found' }) };
    }
    this.#server.journal.counts.strayRequests++;
    this.#server.journal.write('stray', { detail: `${exchange.method} ${exchange.url.origin}` });
    return undefined;
  }

  #startWork(endpoint: EndpointName, exchange: Exchange): EndpointWork {
    if (endpoint === 'api') return protectedApi(this.#server, exchange, () => this.#refusal);
    if (endpoint === 'metadata') return this.#metadata(exchange);
    if (endpoint === 'authorization') return authorizationEndpoint(this.#server, exchange);
    const work = endpoints[endpoint](this.#server, exchange);
    const isPost = exchange.method === 'POST';
    return isPost
      ? work
      : { ...work, respond: () => json(405, { error: 'invalid_request' }, { allow: 'POST' }) };
  }

  #metadata(exchange: Exchange): EndpointWork {
    this.#server.journal.counts.metadataRequests++;
    this.#server.journal.write('metadata');
    return { respond: () => json(200, metadataDocument(exchange.seenAs.issuer, this.#server.settings)) };
  }

  #toDelivery(work: EndpointWork, response: ServerResponse): Delivery {
    work.onEnd?.(response.status);
    return { kind: 'response', response: this.#withDate(response) };
  }

  #withDate(response: ServerResponse): ServerResponse {
    return { ...response, headers: { date: this.#date(), ...response.headers } };
  }

  /** Returns the current time for a header, computed once a second. */
  #date(): string {
    const second = Math.floor(this.#server.now() / 1000);
    if (this.#now.second !== second) this.#now = { second, date: new Date(second * 1000).toUTCString() };
    return this.#now.date;
  }

  async #withTrouble(work: EndpointWork, gate: Gate | undefined, fault: Fault): Promise<Delivery> {
    const { commits = false } = fault;
    if (gate?.commits === false) await gate.pass();
    if (!commits) await this.#delay(fault.delay);
    const replaces = fault.drop || fault.hang || fault.response;
    if (Object.keys(fault).length > 0) {
      this.#server.journal.counts.faults++;
      this.#server.journal.write('fault', { token: work.token, detail: Object.keys(fault).join(' ') });
    }
    if (replaces && !commits) work.onFailure?.();
    const served = replaces && !commits ? json(500, {}) : await work.respond();
    if (gate?.commits === true) await gate.pass();
    if (commits) await this.#delay(fault.delay);
    const delivery = deliveryOf(this.#withDate(served), fault, this.#date());
    work.onEnd?.(delivery.kind === 'response' ? delivery.response.status : undefined);
    gate?.served();
    return delivery;
  }

  async #delay(ms: number | undefined): Promise<void> {
    if (ms === undefined) return;
    const { clock } = this.#server.settings;
    await new Promise<void>((resolve) => {
      if (clock.setTimeout) clock.setTimeout(resolve, ms);
      else setTimeout(resolve, ms);
    });
  }
}

const endpoints = {
  pushed: pushedAuthorizationEndpoint,
  token: tokenEndpoint,
  revocation: revocationEndpoint,
  introspection: introspectionEndpoint,
} as const;

function deliveryOf(served: ServerResponse, fault: Fault, date: string): Delivery {
  if (fault.drop) return { kind: 'dropped' };
  if (fault.hang) return { kind: 'hung' };
  const response = fault.response
    ? { status: 200, body: '', ...fault.response, headers: { date, ...fault.response.headers } }
    : served;
  const { truncate, stall } = fault;
  return {
    kind: 'response',
    response: applyFault(response, fault),
    ...(truncate !== undefined && { truncate }),
    ...(stall !== undefined && { stall }),
  };
}

function received(endpoint: EndpointName, exchange: Exchange, work: EndpointWork): ReceivedRequest {
  const { method, url, headers, body } = exchange;
  return { endpoint, method, path: url.pathname + url.search, headers, body, token: work.token };
}
