/**
 * Tests whose result differs from that with bare `fetch`, and why the difference is intended.
 */
import type { State } from './states.ts';

interface Difference {
  readonly state: State;
  readonly test: RegExp;
  readonly why: string;
}

const oneShot = 'a stream is sent once, so its 401 is the answer (law replay-once)';

const answered =
  'undici never answers this redirect, and so the test never ends; followed here it has an answer, of the type that undici gives';

const differences: readonly Difference[] = [
  { state: 'held', test: /redirect-back-to-original-origin/, why: answered },
  { state: 'rejected', test: /redirect-back-to-original-origin/, why: answered },
  { state: 'rejected', test: /POST request with readable stream as body/, why: oneShot },
  { state: 'rejected', test: /function signature/, why: 'the wrapper of this script, not manager.fetch' },
  { state: 'rejected', test: /resource-timing\.js/, why: 'the rejected request is an entry of its own' },
  { state: 'held', test: /redirect timing entries/, why: 'redirects are followed here, one entry each' },
  { state: 'rejected', test: /request-upload\.any\.js/, why: oneShot },
];

export function explanationOf(state: State, name: string): string | undefined {
  return differences.find((one) => one.state === state && one.test.test(name))?.why;
}
