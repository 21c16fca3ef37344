/** OpenTelemetry's own SDK, and what it has seen of a manager. */
import { setTimeout as afterMs } from 'node:timers/promises';
import * as opentelemetry from '@opentelemetry/api';
import {
  AggregationTemporality,
  InMemoryMetricExporter,
  MeterProvider,
  PeriodicExportingMetricReader,
} from '@opentelemetry/sdk-metrics';
import {
  BasicTracerProvider,
  InMemorySpanExporter,
  SimpleSpanProcessor,
} from '@opentelemetry/sdk-trace-base';
import { ConfigurationError, LockTimeoutError } from 'tokenkeep';
import { instrument } from 'tokenkeep/opentelemetry';
import { faults } from 'tokenkeep/testing';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { explained } from '../../support/explained.ts';
import { api, openManager } from '../../support/open-manager.ts';
import { rejection, times } from '../../support/promises.ts';

const spans = new InMemorySpanExporter();
const figures = new InMemoryMetricExporter(AggregationTemporality.DELTA);
const reader = new PeriodicExportingMetricReader({ exporter: figures, exportIntervalMillis: 2 ** 30 });
beforeAll(() => {
  const tracers = new BasicTracerProvider({ spanProcessors: [new SimpleSpanProcessor(spans)] });
  opentelemetry.trace.setGlobalTracerProvider(tracers);
  opentelemetry.metrics.setGlobalMeterProvider(new MeterProvider({ readers: [reader] }));
});
afterAll(async () => {
  await reader.shutdown();
  opentelemetry.trace.disable();
  opentelemetry.metrics.disable();
  Reflect.deleteProperty(globalThis, Symbol.for('opentelemetry.js.api.1')); // an empty registry is left
});
beforeEach(async () => {
  await reader.forceFlush();
  spans.reset();
  figures.reset();
});

/** Counts since the test began: `tokenkeep.calls {"http.response.status_code":200}` → 50. */
async function counted(): Promise<Record<string, unknown>> {
  await reader.forceFlush();
  const all = figures.getMetrics().flatMap(({ scopeMetrics }) => scopeMetrics);
  const points = all.flatMap(({ metrics }) =>
    metrics.flatMap(({ descriptor, dataPoints }) =>
      dataPoints.map(({ attributes, value }) => [`${descriptor.name} ${JSON.stringify(attributes)}`, value]),
    ),
  );
  return Object.fromEntries(points);
}

test('a refresh is one span with its parts, and the calls, the replays and the refresh are counted', async () => {
  const { manager, server, clock } = await openManager();
  const { fetch } = instrument(manager, opentelemetry);
  server.expire();
  const startedAt = clock.now();
  const held = server.hold();
  const calls = times(50, () => fetch(api));
  await held.arrived();
  clock.set(startedAt + 250);
  held();
  await Promise.all(calls);

  const [lock, request, commit, refresh, ...others] = spans.getFinishedSpans();
  expect(others).toEqual([]);
  expect([lock, request, commit, refresh].map((span) => span?.name)).toEqual([
    ...['lock', 'request', 'commit'],
    'tokenkeep refresh',
  ]);
  const id = refresh?.spanContext().spanId;
  expect([lock, request, commit].map((span) => span?.parentSpanContext?.spanId)).toEqual([id, id, id]);
  expect(refresh).toMatchObject({
    kind: opentelemetry.SpanKind.CLIENT,
    attributes: { outcome: 'refreshed' },
  });
  expect(refresh?.startTime).toEqual([startedAt / 1000, 0]);
  expect([lock, request, commit, refresh].map((span) => span?.duration)).toEqual([
    ...[
      [0, 0],
      [0, 250_000_000],
      [0, 0],
    ],
    [0, 250_000_000],
  ]);
  const ok = { 'http.response.status_code': 200 };
  const seen = await counted();
  expect(seen).toMatchObject({
    [`tokenkeep.calls ${JSON.stringify(ok)}`]: 50,
    [`tokenkeep.replays ${JSON.stringify(ok)}`]: 50,
    'tokenkeep.refreshes {"outcome":"refreshed"}': 1,
    'tokenkeep.refresh.duration {"outcome":"refreshed"}': { count: 1, sum: 0.25 },
    'tokenkeep.lock.wait {"outcome":"refreshed"}': { count: 1, sum: 0 },
  });
  expect(Object.keys(seen).length).toBe(5);
});

test('a refresh that fails is a span that says so, and a failure of its class', async () => {
  const { manager, server, expire } = await openManager();
  const { fetch } = instrument(manager, opentelemetry);
  expire();
  server.fail(faults.serverError);
  await rejection(fetch(api));
  const error = { 'error.type': 'ERR_REFRESH_FAILED' };
  expect(spans.getFinishedSpans().at(-1)).toMatchObject({
    status: { code: opentelemetry.SpanStatusCode.ERROR },
    attributes: { outcome: 'failed', ...error },
  });
  expect(await counted()).toMatchObject({
    [`tokenkeep.calls ${JSON.stringify(error)}`]: 1,
    [`tokenkeep.refreshes ${JSON.stringify({ outcome: 'failed', ...error })}`]: 1,
    [`tokenkeep.failures ${JSON.stringify({ ...error, 'http.response.status_code': 503 })}`]: 1,
  });
});

test('a lock that is never released and a storage that takes no mark are failures of their own', async () => {
  const lock = {
    reach: 'process',
    request: () => Promise.reject(new LockTimeoutError('Somebody holds it.')),
  } as const;
  const { open, storage, expire } = await openManager();
  const [waiting, storing] = [open({ lock }), open()];
  for (const one of [waiting, storing]) instrument(one, opentelemetry);
  await storing.getAccessToken();
  expire();
  await rejection(waiting.getAccessToken());
  storage.before = (operation) => {
    if (operation === 'write') throw new Error('full');
  };
  await rejection(storing.getAccessToken());
  expect(await counted()).toMatchObject({
    'tokenkeep.failures {"error.type":"ERR_LOCK_TIMEOUT"}': 1,
    'tokenkeep.failures {"error.type":"ERR_STORAGE"}': 1,
    'tokenkeep.refreshes {"outcome":"failed","error.type":"ERR_LOCK_TIMEOUT"}': 1,
    'tokenkeep.refreshes {"outcome":"failed","error.type":"ERR_STORAGE"}': 1,
  });
});

test('adoptions, ends of sessions and refused successors are counted', async () => {
  const { manager, open, server, expire, storage } = await openManager();
  const other = open();
  await other.getAccessToken();
  instrument(manager, opentelemetry);
  const { stop } = instrument(other, opentelemetry);
  expire();
  await manager.getAccessToken();
  await other.getAccessToken(); // takes over what the manager has stored
  stop();
  expire();
  storage.before = (operation) => {
    if (operation === 'write' && server.counts.refreshes > 1) throw new Error('full');
  };
  await manager.getAccessToken();
  storage.before = () => undefined;
  expire();
  server.revokeFamily();
  await rejection(manager.getAccessToken());
  expect(await counted()).toMatchObject({
    'tokenkeep.adoptions {}': 1,
    'tokenkeep.store_failures {}': 1,
    'tokenkeep.sessions_ended {"reason":"invalid_grant"}': 1,
  });
});

test('after stop() nothing is counted but the calls of its fetch, and no session is named', async () => {
  const { manager, expire } = await openManager();
  const alice = manager.forSession('alice@example.com');
  const { stop } = instrument(manager, opentelemetry);
  await rejection(alice.getAccessToken());
  expire();
  await manager.getAccessToken();
  const told = JSON.stringify([
    spans.getFinishedSpans().map(({ attributes }) => attributes),
    await counted(),
  ]);
  expect(told).toContain('refreshed');
  expect(told).not.toContain('alice');
  stop();
  figures.reset();
  expire();
  await manager.getAccessToken();
  await afterMs(0);
  expect(await counted()).toEqual({});
});

test('it stops at the end of a block, and once', async () => {
  const { manager, expire } = await openManager();
  {
    using _ = instrument(manager, opentelemetry);
  }
  expire();
  await manager.getAccessToken();
  expect(await counted()).toEqual({});
});

test.each([null, 'left'])(
  'a call that is aborted for the reason %o rejects with it, and is counted',
  async (reason) => {
    const { manager } = await openManager();
    const { fetch, stop } = instrument(manager, opentelemetry);
    expect(await rejection(fetch(api, { signal: AbortSignal.abort(reason) }))).toBe(reason);
    stop();
    expect(await counted()).toEqual({ 'tokenkeep.calls {"error.type":"_OTHER"}': 1 });
  },
);

test('without the api the error names the argument', async () => {
  const { manager } = await openManager();
  expect(() => instrument(manager, undefined as never)).toThrow(ConfigurationError);
  expect(() => instrument(manager, {} as never)).toThrow(
    explained("import * as opentelemetry from '@opentelemetry/api'"),
  );
});
