/**
 * The part of @opentelemetry/api that is used, by shape: the application passes its own copy, which it has
 * configured.
 *
 * @module
 */

/** Attributes of a span or a measurement. */
export type OpenTelemetryAttributes = Record<string, string | number>;

/** A span: from its start until it is ended. */
export interface OpenTelemetrySpan {
  /** Says how it went. */
  setStatus(status: { code: number }): unknown;
  /** Ends it, at a time in Unix ms. */
  end(endTime: number): void;
}

/** Makes spans. */
export interface OpenTelemetryTracer {
  /** Starts one, at a time in Unix ms, as a part of the span in `context`. */
  startSpan(
    name: string,
    options: { startTime: number; kind?: number; attributes?: OpenTelemetryAttributes },
    context?: object,
  ): OpenTelemetrySpan;
}

/** Counts. */
export interface OpenTelemetryCounter {
  /** Adds to the count. */
  add(value: number, attributes?: OpenTelemetryAttributes): void;
}

/** Keeps the distribution of a value. */
export interface OpenTelemetryHistogram {
  /** Takes a value in. */
  record(value: number, attributes?: OpenTelemetryAttributes): void;
}

/** Makes instruments. */
export interface OpenTelemetryMeter {
  /** Makes a counter. */
  createCounter(name: string, options: { description: string }): OpenTelemetryCounter;
  /** Makes a histogram. */
  createHistogram(name: string, options: { description: string; unit: string }): OpenTelemetryHistogram;
}

/** The module `@opentelemetry/api`. */
export interface OpenTelemetryApi {
  /** Where spans come from. */
  readonly trace: {
    /** Finds the tracer of a library. */
    getTracer(name: string): OpenTelemetryTracer;
    /** A context with this span in it. */
    setSpan(context: object, span: object): object;
  };
  /** Where instruments come from. */
  readonly metrics: {
    /** Finds the meter of a library. */
    getMeter(name: string): OpenTelemetryMeter;
  };
  /** The context without any span. */
  readonly ROOT_CONTEXT: object;
  /** The kind of operation of a span. */
  readonly SpanKind: { readonly CLIENT: number };
  /** How a span can end. */
  readonly SpanStatusCode: { readonly ERROR: number };
}
