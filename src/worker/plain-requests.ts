/**
 * Requests that pages make without a manager: `fetch`, `<img>`, `<video>`. A service worker responds to them.
 *
 * @module
 */
import type { Transport } from '../core/contracts.ts';
import type { ResourceMatcher } from '../core/http/protected-resource.ts';

/** The part of a `FetchEvent` that is used. */
interface RequestEvent {
  readonly request: Request;
  respondWith(response: Promise<Response>): void;
}

interface RequestTarget {
  addEventListener(type: 'fetch', listener: (event: RequestEvent) => void): void;
  removeEventListener(type: 'fetch', listener: (event: RequestEvent) => void): void;
}

/** Responds to plain requests to protected resources. Returns a function that stops this. */
export function answerPlainRequests(scope: object, fetch: Transport, match: ResourceMatcher): () => void {
  const target = scope as RequestTarget;
  const respond = (event: RequestEvent): void => {
    const { request } = event;
    if (!mayHaveToken(request) || match(request.url) === undefined) return;
    event.respondWith(withToken(fetch, request));
  };
  target.addEventListener('fetch', respond);
  return () => target.removeEventListener('fetch', respond);
}

/**
 * Returns whether a request may have a token. Any site can begin a navigation, also of a frame or a form: with a token it would act
 * without the user's consent. All other requests come from pages of this origin.
 */
function mayHaveToken({ mode, cache, headers, destination, method }: Request): boolean {
  if (mode === 'navigate' || headers.has('authorization')) return false;
  if (cache === 'only-if-cached' && mode !== 'same-origin') return false;
  return destination === '' || method === 'GET';
}

async function withToken(fetch: Transport, request: Request): Promise<Response> {
  try {
    // Elements send requests without CORS, which allows no Authorization. They would also send cookies, for which many APIs reject them.
    if (request.mode !== 'no-cors') return await fetch(request);
    return await fetch(new Request(request, { mode: 'cors', credentials: 'same-origin' }));
  } catch {
    return Response.error();
  }
}
