/**
 * Shows what a manager does, as its operators see it: spans, counters, a log, channels, and a snapshot for a bug
 * report.
 */
import { subscribe } from 'node:diagnostics_channel';
import * as opentelemetry from '@opentelemetry/api';
import {
  ConsoleMetricExporter,
  MeterProvider,
  PeriodicExportingMetricReader,
} from '@opentelemetry/sdk-metrics';
import { BasicTracerProvider, ConsoleSpanExporter, SimpleSpanProcessor } from '@opentelemetry/sdk-trace-base';
import { inspect, isTokenKeepError, TokenManager } from 'tokenkeep';
import { publishEvents } from 'tokenkeep/node';
import { instrument } from 'tokenkeep/opentelemetry';
import { authorizationServer, faults } from 'tokenkeep/testing';

// OpenTelemetry, as your application sets it up, with its own exporters in place of these.
const reader = new PeriodicExportingMetricReader({ exporter: new ConsoleMetricExporter() });
const meters = new MeterProvider({ readers: [reader] });
opentelemetry.metrics.setGlobalMeterProvider(meters);
opentelemetry.trace.setGlobalTracerProvider(
  new BasicTracerProvider({ spanProcessors: [new SimpleSpanProcessor(new ConsoleSpanExporter())] }),
);

const server = authorizationServer(); // in memory, in place of yours
await using manager = new TokenManager({
  clientId: 'test-client',
  authorizationServer: server.metadata,
  protectedResources: [server.apiOrigin],
  fetch: server.fetch,
});

// Spans of refreshes, and counters. Calls are counted that go through this `fetch`.
using instrumentation = instrument(manager, opentelemetry);
const { fetch } = instrumentation;

// A log: every event has a type and a session, and none has a token. A session id may be a user's name.
manager.on('*', ({ type, session: _, ...facts }) => console.log('log', type, facts));

// For parts of the process that do not know the manager.
publishEvents(manager);
subscribe('tokenkeep:refreshFinished', (event) => console.log('channel', event));

await manager.setTokens(server.signIn());
server.expire();
const orders = `${server.apiOrigin}/orders`;
await Promise.all(Array.from({ length: 20 }, () => fetch(orders)));

server.expire();
server.fail(faults.serverError);
await fetch(orders).catch((error: unknown) => {
  if (!isTokenKeepError(error)) throw error;
  console.log('log', error.code, error.message);
});

// For a bug report: what is in memory and what is stored, with hashes in place of tokens.
console.log('picture', JSON.stringify(await inspect(manager), null, 2));
await meters.shutdown(); // exports the last figures
