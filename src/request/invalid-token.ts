/**
 * Checks by the application's predicate whether a response means that its access token is not valid.
 *
 * @module
 */
import { abortable, type RequiredClock, withTimeout } from '../async/abortable.ts';

/** Returns whether a response means "this access token is not valid", for servers that do not respond with a 401. */
export type InvalidTokenPredicate = (response: Response) => boolean | PromiseLike<boolean>;

/** Size of the largest body that the predicate receives, in bytes. */
const maxBodyLength = 65_536;
/** Largest lead of one of the two readers of a Node stream, in bytes. */
const maxNodeBodyLength = 16_384;

/** Limits on the duration of the predicate. */
export interface PredicateLimits {
  readonly clock: RequiredClock;
  readonly timeout: number;
  readonly signal: AbortSignal | null | undefined;
}

/**
 * Calls the predicate with a copy, so that the caller receives an unread response.
 *
 * @throws the error of the predicate, including that for a body beyond the limit; the signal's reason.
 */
export async function askPredicate(
  isInvalidToken: InvalidTokenPredicate,
  response: Response,
  limits: PredicateLimits,
): Promise<boolean> {
  const { copy, release } = predicateInput(response);
  try {
    const answer = withTimeout(limits, async () => await isInvalidToken(copy));
    return Boolean(await abortable(answer, limits.signal));
  } finally {
    release();
  }
}

interface PredicateInput {
  readonly copy: Response;
  /** Cancels the body of the copy. Called when the predicate has finished. */
  readonly release: () => void;
}

/** Makes the copy: the whole head, and the body if it is short and ends. */
function predicateInput(response: Response): PredicateInput {
  const { body } = response;
  const nothing = (): void => undefined;
  if (!isBodyShown(response)) return { copy: copyResponse(response, null), release: nothing };
  if (typeof body?.getReader !== 'function') return { copy: response.clone(), release: nothing };
  const { stream, release } = limitedBranch(response);
  return { copy: copyResponse(response, stream), release };
}

/**
 * Checks whether the predicate receives the body: JSON and similar types, and other text only with a `content-length`, because a
 * text may be a stream of events that never ends.
 */
function isBodyShown({ body, headers }: Response): boolean {
  if (body === null) return false;
  const length = Number(headers.get('content-length') ?? Number.NaN);
  if (
    length > (body !== undefined && typeof body.getReader !== 'function' ? maxNodeBodyLength : maxBodyLength)
  )
    return false;
  const [type = ''] = (headers.get('content-type') ?? '').toLowerCase().split(';');
  if (/stream/.test(type)) return false;
  const isWhole = /[/+](?:json|xml|html|x-www-form-urlencoded)\s*$/.test(type);
  const mayNotEnd = typeof (body as { pipe?: unknown } | undefined)?.pipe === 'function';
  return (isWhole && !mayNotEnd) || (/^text\/|[/+](?:json|xml)/.test(type) && length >= 0);
}

function copyResponse(response: Response, body: ReadableStream<Uint8Array<ArrayBuffer>> | null): Response {
  const { status, statusText, headers, url, redirected, type } = response;
  // A script cannot construct the opaque redirect that a browser returns for `redirect: 'manual'`.
  const copy = status === 0 ? Response.error() : new Response(body, { status, statusText, headers });
  for (const [name, value] of Object.entries({ url, redirected, type })) {
    Object.defineProperty(copy, name, { value });
  }
  return copy;
}

/** Returns a branch of the body, up to the limit. The body is branched when the predicate reads the first chunk. */
function limitedBranch(response: Response) {
  let left = maxBodyLength;
  let isReleased = false;
  let reader: ReadableStreamDefaultReader<Uint8Array<ArrayBuffer>> | undefined;
  const stream = new ReadableStream<Uint8Array<ArrayBuffer>>(
    {
      async pull(controller) {
        if (isReleased) return controller.close();
        reader ??= response.clone().body?.getReader();
        const { done = true, value } = (await reader?.read()) ?? {};
        if (done || value === undefined) return controller.close();
        left -= value.byteLength;
        if (left < 0) throw new RangeError('isInvalidToken is shown at most 64 KiB of a body.');
        controller.enqueue(value);
      },
    },
    // Nothing is read ahead of the predicate.
    { highWaterMark: 0 },
  );
  const release = (): void => {
    isReleased = true;
    reader?.cancel().catch(() => undefined);
  };
  return { stream, release };
}
