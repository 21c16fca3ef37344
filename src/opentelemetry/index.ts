/**
 * `tokenkeep/opentelemetry`: spans and counters of what a manager does.
 *
 * @module
 */
export { type Instrumentation, instrument, type ObservedManager } from './instrument.ts';
export type {
  OpenTelemetryApi,
  OpenTelemetryAttributes,
  OpenTelemetryCounter,
  OpenTelemetryHistogram,
  OpenTelemetryMeter,
  OpenTelemetrySpan,
  OpenTelemetryTracer,
} from './opentelemetry-api.ts';
