/// <reference lib="esnext.disposable" preserve="true" />
/**
 * A manager's events as spans and counters.
 *
 * @module
 */

import { dispose } from '../core/disposal.ts';
import { ConfigurationError } from '../core/errors.ts';
import type { AnyTokenEvent, RefreshTimes } from '../core/events.ts';
import { explain } from '../core/explain.ts';
import type {
  OpenTelemetryApi,
  OpenTelemetryCounter,
  OpenTelemetryHistogram,
  OpenTelemetryMeter,
  OpenTelemetryTracer,
} from './opentelemetry-api.ts';

/** Part of a `TokenManager` that {@link instrument} uses. */
export interface ObservedManager {
  /** Calls protected resources. */
  readonly fetch: typeof globalThis.fetch;
  /** Subscribes to all events. Returns a function that unsubscribes. */
  on(type: '*', listener: (event: AnyTokenEvent) => unknown): () => void;
}

/** Observation of a manager, the result of {@link instrument}. */
export interface Instrumentation extends Disposable {
  /** The manager's `fetch` with its calls counted. Calls of `manager.fetch` itself are not counted. */
  readonly fetch: typeof globalThis.fetch;
  /** Stops observing. */
  stop(): void;
}

/** Instrumentation scope of all spans and instruments. */
const scope = 'tokenkeep';

/**
 * Reports the work of a manager to OpenTelemetry, for all of its sessions: a span `tokenkeep refresh` for each refresh,
 * with spans `lock`, `request` and `commit` in it, and counters. They contain no token and no session id, which may
 * be a user's name.
 *
 * | instrument | attributes |
 * |---|---|
 * | `tokenkeep.calls` | `http.response.status_code`, or `error.type` |
 * | `tokenkeep.replays` | `http.response.status_code` |
 * | `tokenkeep.refreshes` | `outcome`: `refreshed`, `adopted`, `failed`; `error.type` |
 * | `tokenkeep.adoptions` | |
 * | `tokenkeep.failures` | `error.type`: the `code` of the error; `http.response.status_code` |
 * | `tokenkeep.store_failures` | |
 * | `tokenkeep.sessions_ended` | `reason` |
 * | `tokenkeep.refresh.duration`, `tokenkeep.lock.wait` (histograms, s) | `outcome` |
 *
 * @example
 * ```ts
 * import * as opentelemetry from '@opentelemetry/api';
 * import { TokenManager } from 'tokenkeep';
 * import { instrument } from 'tokenkeep/opentelemetry';
 *
 * const manager = new TokenManager({
 *   clientId: 'my-app',
 *   authorizationServer: { tokenEndpoint: 'https://auth.example.com/token' },
 *   protectedResources: ['https://api.example.com/'],
 * });
 * const { fetch } = instrument(manager, opentelemetry);
 * const orders = await fetch('https://api.example.com/orders');
 * ```
 * @param api `import * as opentelemetry from '@opentelemetry/api'`: the copy that your application has set up.
 * @throws ConfigurationError if `manager` is not a manager, and if `api` is missing.
 */
export function instrument(manager: ObservedManager, api: OpenTelemetryApi): Instrumentation {
  if (typeof manager?.fetch !== 'function' || typeof manager.on !== 'function') {
    throw new ConfigurationError(
      explain('instrument', 'instrument(manager, api): the manager must be a TokenManager.'),
    );
  }
  if (typeof api?.trace?.getTracer !== 'function' || typeof api.metrics?.getMeter !== 'function') {
    throw new ConfigurationError(
      explain(
        'instrument',
        "instrument(manager, api): the api is missing. Pass import * as opentelemetry from '@opentelemetry/api'.",
      ),
    );
  }
  const tracer = api.trace.getTracer(scope);
  const instruments = instrumentsOf(api.metrics.getMeter(scope));
  const stop = manager.on('*', (event) => {
    if (event.type === 'refreshFinished') recordSpans(api, tracer, event);
    count(instruments, event);
  });
  return { fetch: countCalls(manager.fetch, instruments.calls), stop, [dispose]: stop };
}

interface Instruments {
  readonly calls: OpenTelemetryCounter;
  readonly replays: OpenTelemetryCounter;
  readonly refreshes: OpenTelemetryCounter;
  readonly adoptions: OpenTelemetryCounter;
  readonly failures: OpenTelemetryCounter;
  readonly storeFailures: OpenTelemetryCounter;
  readonly sessionsEnded: OpenTelemetryCounter;
  readonly duration: OpenTelemetryHistogram;
  readonly lockWait: OpenTelemetryHistogram;
}

function instrumentsOf(meter: OpenTelemetryMeter): Instruments {
  const counter = (name: string, description: string) =>
    meter.createCounter(`tokenkeep.${name}`, { description });
  const seconds = (name: string, description: string) =>
    meter.createHistogram(`tokenkeep.${name}`, { description, unit: 's' });
  return {
    calls: counter('calls', 'Calls through the observed fetch.'),
    replays: counter('replays', 'Requests that were sent once more with another access token.'),
    refreshes: counter('refreshes', 'Refreshes that waited for the lock, by how they ended.'),
    adoptions: counter('adoptions', 'Access tokens that another tab or process had refreshed.'),
    failures: counter('failures', 'Failed refreshes after which the session was kept.'),
    storeFailures: counter('store_failures', 'New tokens that the storage refused.'),
    sessionsEnded: counter('sessions_ended', 'Sessions that the server ended.'),
    duration: seconds('refresh.duration', 'How long refreshes take.'),
    lockWait: seconds('lock.wait', 'How long refreshes wait for the lock.'),
  };
}

function count(instruments: Instruments, event: AnyTokenEvent): void {
  switch (event.type) {
    case 'replayed':
      instruments.replays.add(1, { 'http.response.status_code': event.status });
      break;
    case 'refreshFinished':
      recordRefresh(instruments, event);
      break;
    case 'adopted':
      instruments.adoptions.add(1);
      break;
    case 'refreshFailed':
      instruments.failures.add(1, { ...errorType(event.error.code), ...statusOf(event.error) });
      break;
    case 'storeFailed':
      instruments.storeFailures.add(1);
      break;
    case 'sessionEnded':
      instruments.sessionsEnded.add(1, { reason: event.error.reason });
      break;
    default:
  }
}

function recordRefresh(instruments: Instruments, { outcome, code, total, lock }: RefreshTimes): void {
  instruments.refreshes.add(1, { outcome, ...errorType(code) });
  instruments.duration.record(total / 1000, { outcome });
  instruments.lockWait.record(lock / 1000, { outcome });
  // No event reports these: nothing is wrong with the grant.
  if (code === 'ERR_LOCK_TIMEOUT' || code === 'ERR_STORAGE') instruments.failures.add(1, errorType(code));
}

function statusOf(error: object): { 'http.response.status_code'?: number } {
  const { status } = error as { status?: number };
  return status === undefined ? {} : { 'http.response.status_code': status };
}

/** Ends a refresh: creates its spans with the times that the event reports. */
function recordSpans(api: OpenTelemetryApi, tracer: OpenTelemetryTracer, times: RefreshTimes): void {
  const { startedAt, outcome, code, lock, request, commit, total } = times;
  const span = tracer.startSpan('tokenkeep refresh', {
    startTime: startedAt,
    kind: api.SpanKind.CLIENT,
    attributes: { outcome, ...errorType(code) },
  });
  if (outcome === 'failed') span.setStatus({ code: api.SpanStatusCode.ERROR });
  const context = api.trace.setSpan(api.ROOT_CONTEXT, span);
  const part = (name: string, startTime: number, length: number): void =>
    tracer.startSpan(name, { startTime }, context).end(startTime + length);
  part('lock', startedAt, lock);
  if (request !== undefined && commit !== undefined) {
    const end = startedAt + total;
    part('request', end - commit - request, request);
    part('commit', end - commit, commit);
  }
  span.end(startedAt + total);
}

function countCalls(fetch: typeof globalThis.fetch, calls: OpenTelemetryCounter): typeof globalThis.fetch {
  return async (input, init) => {
    try {
      const response = await fetch(input, init);
      calls.add(1, { 'http.response.status_code': response.status });
      return response;
    } catch (error) {
      // The reason of an abort can be anything.
      const { code, name = '_OTHER' } = (error ?? {}) as { code?: unknown; name?: unknown };
      calls.add(1, errorType(typeof code === 'string' ? code : String(name)));
      throw error;
    }
  };
}

function errorType(code: string | undefined): { 'error.type'?: string } {
  return code === undefined ? {} : { 'error.type': code };
}
