/**
 * Requests of pages that know nothing of a manager: `fetch`, `<img>`, `<video>`, answered by a service worker.
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
 * A navigation, also of a frame or a form, can be begun by any page on the web: with a token it would do what its user
 * never asked for. The others come from pages of this origin.
 */
function mayHaveToken({ mode, cache, headers, destination, method }: Request): boolean {
  if (mode === 'navigate' || headers.has('authorization')) return false;
  if (cache === 'only-if-cached' && mode !== 'same-origin') return false;
  return destination === '' || method === 'GET';
}

async function withToken(fetch: Transport, request: Request): Promise<Response> {
  try {
    // Elements ask without CORS, which takes no Authorization; and they would send cookies, which many an API refuses then.
    if (request.mode !== 'no-cors') return await fetch(request);
    return await fetch(new Request(request, { mode: 'cors', credentials: 'same-origin' }));
  } catch {
    return Response.error();
  }
}
