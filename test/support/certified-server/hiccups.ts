/** Failures between a client and its authorization server. Real HTTP faults: the socket dies, the response stops. */
import type { IncomingMessage, RequestListener, ServerResponse } from 'node:http';

/** One fault, for the next request to one endpoint. */
export type Hiccup = (
  | {
      /** The server is not asked; this is the answer. */ status: number;
      headers?: Record<string, string>;
      body?: string;
    }
  | {
      /** The connection dies before the server has seen the request, or after it has acted on it. */ drop:
        | 'before'
        | 'after';
    }
  | { /** The server acts; half of its answer arrives, then the connection dies. */ truncate: true }
  | {
      /** The request, or its answer, waits for this promise. */ hold: 'before' | 'after';
      until: Promise<void>;
    }
) & { /** @default 'token' */ at?: Endpoint };

export type Endpoint = 'token' | 'revocation';

export interface Hiccups {
  /** Plans a fault; resolves when it has happened (with `hold`: when the wait has begun). */
  next(hiccup: Hiccup): Promise<void>;
  /** Faults that are planned and have not happened. */
  readonly planned: readonly object[];
  /** Requests that came to an endpoint, whether or not the server saw them. */
  readonly requests: Record<Endpoint, number>;
  handler(server: RequestListener, endpointOf: (path: string) => Endpoint | undefined): RequestListener;
}

interface Planned {
  readonly hiccup: Hiccup;
  readonly happened: () => void;
}
interface Exchange {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  forward(): void;
}

export function hiccups(): Hiccups {
  const planned: Planned[] = [];
  const requests: Record<Endpoint, number> = { token: 0, revocation: 0 };

  return {
    requests,
    planned,
    next: (hiccup) => new Promise((happened) => planned.push({ hiccup, happened })),
    handler: (server, endpointOf) => (request, response) => {
      const endpoint = endpointOf(request.url ?? '');
      if (!endpoint) return server(request, response);
      requests[endpoint] += 1;
      const index = planned.findIndex(({ hiccup }) => (hiccup.at ?? 'token') === endpoint);
      const [plan] = index < 0 ? [] : planned.splice(index, 1);
      if (!plan) return server(request, response);
      return happen(plan, { request, response, forward: () => server(request, response) });
    },
  };
}

function happen({ hiccup, happened }: Planned, exchange: Exchange): void {
  const { request, response, forward } = exchange;
  const die = () => {
    request.socket.destroy();
    happened();
  };
  if ('status' in hiccup) {
    request.resume().on('end', () => {
      response.writeHead(hiccup.status, hiccup.headers).end(hiccup.body);
      happened();
    });
  } else if ('truncate' in hiccup) {
    onAnswer(response, (answer) => {
      const body = Buffer.from(answer);
      response.setHeader('content-length', body.length);
      response.write(body.subarray(0, body.length / 2), die);
    });
    forward();
  } else if ('drop' in hiccup) {
    if (hiccup.drop === 'before') {
      request.resume().on('end', die);
    } else {
      onAnswer(response, die);
      forward();
    }
  } else if (hiccup.hold === 'before') {
    void hiccup.until.then(forward);
    happened();
  } else {
    onAnswer(response, (answer, send) => {
      void hiccup.until.then(() => send(answer));
      happened();
    });
    forward();
  }
}

/** Takes the server's answer out of its hands at the moment when it is complete and not a byte of it is sent. */
function onAnswer(response: ServerResponse, act: (body: string, send: (body: string) => void) => void): void {
  const end = response.end.bind(response);
  Object.assign(response, {
    end(body: string): ServerResponse {
      response.end = end;
      act(body, (sent) => end(sent));
      return response;
    },
  });
}
