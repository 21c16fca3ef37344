/**
 * One request and its whole answer: sent once, read to its end, and over in time.
 *
 * @module
 */
import type { Transport } from '../core/contracts.ts';
import type { BuiltRequest } from '../core/grant.ts';
import type { Answer } from '../core/token-answer.ts';
import { readText, tooLarge } from './read-text.ts';
import { deadline, type FullClock, leavingOn } from './waiting.ts';

/** What carries a request, and for how long. */
export interface Carrier {
  readonly transport: Transport;
  readonly clock: FullClock;
  /** How long the request and its answer may take, in ms. */
  readonly timeout: number;
}

/** @throws what the transport throws, and when there is no answer in time, or a success without an end. */
export async function roundTrip({ url, init }: BuiltRequest, carrier: Carrier): Promise<Answer> {
  const { transport, clock, timeout } = carrier;
  const late = () => new DOMException(`No answer within ${timeout} ms.`, 'TimeoutError');
  const { signal, clear } = deadline(clock, timeout, late);
  try {
    // Not a method call: a bare `fetch` must not get a `this`. Waiting ends with the deadline, whether or not the
    // transport obeys the signal.
    const response = await leavingOn(transport(url, { ...init, signal }), signal);
    const header = (name: string) => response.headers.get(name);
    return {
      status: response.type === 'opaqueredirect' ? 0 : response.status,
      contentType: header('content-type'),
      retryAfter: header('retry-after'),
      date: header('date'),
      body: await bodyOf(response, signal),
    };
  } finally {
    clear();
  }
}

/** The status of a refusal says enough, whatever becomes of its body. */
async function bodyOf(response: Response, signal: AbortSignal): Promise<string> {
  try {
    const body = await leavingOn(readText(response), signal);
    if (body === tooLarge) throw new Error('The answer is larger than 1 MiB.');
    return body;
  } catch (error) {
    if (response.ok) throw error;
    return '';
  }
}
