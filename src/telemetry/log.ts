import { pino } from 'pino';
import type { LogField } from './logFields.js';
import { LineSampler } from './sampling.js';
import { scrub } from './scrub.js';

/** Fields of a line: those of the one table. */
export type LogFields = { readonly [Field in LogField]?: unknown };

interface Write {
  (message: string): void;
  (fields: LogFields, message: string): void;
}

/** The one logger: a JSON line an event on stdout, with the fields of docs/logs.md. */
export interface Logger {
  readonly fatal: Write;
  readonly error: Write;
  readonly warn: Write;
  readonly info: Write;
  readonly debug: Write;
  readonly trace: Write;
  /** One whose lines all have these fields. */
  child(fields: LogFields, options?: { level?: string }): Logger;
}

/** pino's numbers of levels: what is below was asked for, line by line, and a line before the end is never left out. */
const INFO = 30;
const FATAL = 60;
/** Values under these names are never written, at the top or one level down. */
const SECRET_FIELDS = ['password', 'token', 'authorization', 'apiKey', 'secret', 'cookie'];

/** @param destination where lines go instead of stdout */
export function createLogger(role: string, level: string, destination?: pino.DestinationStream): Logger {
  const sampler = new LineSampler();
  const options: pino.LoggerOptions = {
    level,
    base: { role, pid: process.pid },
    timestamp: pino.stdTimeFunctions.isoTime,
    formatters: { level: (label) => ({ level: label }) },
    hooks: {
      logMethod(args, method, level) {
        const message = args.find((argument) => typeof argument === 'string') ?? '';
        const suppressed = level < INFO || level >= FATAL ? 0 : sampler.admit(message);
        if (suppressed === undefined) return;
        const [fields] = args;
        if (suppressed > 0 && typeof fields === 'object') args[0] = { ...fields, suppressed };
        method.apply(this, args);
      },
      // The last word on what is written: messages of clients hold URLs.
      streamWrite: scrub,
    },
    redact: { paths: SECRET_FIELDS.flatMap((name) => [name, `*.${name}`, `*.headers.${name}`]), censor: '[redacted]' },
    serializers: { err: (error: unknown) => (error instanceof Error ? describeError(error) : error) },
  };
  return destination ? pino(options, destination) : pino(options);
}

/** Message, type, code and stack. Not pino's own serializer: it would copy every field, requests and headers too. */
function describeError(error: Error): Record<string, unknown> {
  const { code } = error as { code?: unknown };
  return {
    type: error.name,
    message: error.message,
    ...(typeof code === 'string' || typeof code === 'number' ? { code } : {}),
    ...(error.cause instanceof Error ? { cause: describeError(error.cause) } : {}),
    stack: error.stack,
  };
}
