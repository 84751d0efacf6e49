/** Header of HTTP requests and Kafka records that names a trace. https://www.w3.org/TR/trace-context/ */
export const TRACE_HEADER = 'traceparent';

export type SpanAttributes = Readonly<Record<string, string | number | boolean>>;

/** A step that has ended. */
export interface SpanRecord {
  /** The trace and the step that it follows, as `traceparent`. */
  parent: string;
  /** Milliseconds since the epoch. */
  startMs: number;
  /** Milliseconds since the epoch. Default now. */
  endMs?: number;
  attributes?: SpanAttributes;
  /** What went wrong. */
  error?: string;
}

/** A step that others refer to before it has ended. */
export interface OpenSpan {
  /** For the header of whoever goes on. */
  readonly traceparent: string;
  end(attributes?: SpanAttributes, error?: string): void;
}

/**
 * One trace an image: from its event to its row. Which images are traced is decided where their event comes in; what is
 * not traced costs nothing further on, since nothing carries its trace.
 */
export interface Tracing {
  /** Begins a trace, or goes on with that of the sender; undefined for an image that is not traced. */
  begin(name: string, parent: string | undefined, attributes: SpanAttributes): OpenSpan | undefined;
  /** A step of a trace that was begun elsewhere. A parent that is none is left out. */
  record(name: string, span: SpanRecord): void;
  /** Sends what is left, for at most a few seconds. */
  close(): Promise<void>;
}
