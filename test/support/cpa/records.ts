import { isObject, jsonObject } from './json.ts';
import { recordedUsage } from './recordings.ts';
import type { CpaVersion } from './versions.ts';

/** Makes records one after the other. `nowMs` becomes the record's time. */
export interface RecordSource {
  next(nowMs: number): Buffer;
}

export interface RecordSourceOptions {
  readonly version: CpaVersion;
  /** False: without `response_headers`, which are most of a record's bytes from v7.1.13 on. Default true. */
  readonly withHeaders?: boolean;
  /** Sources with different seeds make different request ids. Default 1. */
  readonly seed?: number;
}

/** What a module given to the stand-in's own process exports. */
export type RecordSourceFactory = (options: RecordSourceOptions) => RecordSource;

interface Template {
  readonly bytes: Buffer;
  readonly timestampAt: number;
  readonly requestIdAt: number;
}

const TIMESTAMP = '2000-01-01T00:00:00.000000000Z';
const REQUEST_ID = '********';
const HEX = Buffer.from('0123456789abcdef');

function template(recorded: Buffer, withHeaders: boolean): Template {
  const record = { ...jsonObject(recorded), timestamp: TIMESTAMP, request_id: REQUEST_ID };
  if (!withHeaders && isObject(record)) Reflect.deleteProperty(record, 'response_headers');
  const bytes = Buffer.from(JSON.stringify(record));
  return { bytes, timestampAt: bytes.indexOf(TIMESTAMP), requestIdAt: bytes.indexOf(REQUEST_ID) };
}

/** A bijection of 32 bits, so that ids look random and never repeat. */
function scramble(value: number): number {
  let x = value >>> 0;
  x = Math.imul(x ^ (x >>> 16), 0x7feb352d);
  x = Math.imul(x ^ (x >>> 15), 0x846ca68b);
  return (x ^ (x >>> 16)) >>> 0;
}

/**
 * Endless records of one version: the recorded ones in turn, each with its own request id and time to the nanosecond.
 * They cost a copy and forty written bytes, so that thousands a second leave the processor to what is being tested.
 */
export function recordSource(options: RecordSourceOptions): RecordSource {
  const templates = recordedUsage(options.version).map((bytes) =>
    template(bytes, options.withHeaders ?? true),
  );
  const first = Math.imul(options.seed ?? 1, 0x01000000);
  let made = 0;
  let secondMs = Number.NaN;
  let secondText = '';
  return {
    next(nowMs: number): Buffer {
      const chosen = templates[made % templates.length];
      if (!chosen) throw new Error('no recorded records');
      const bytes = Buffer.from(chosen.bytes);
      const whole = Math.floor(nowMs);
      if (whole !== secondMs) {
        secondMs = whole;
        secondText = new Date(whole).toISOString().slice(0, 23);
      }
      // Six digits below the millisecond. The last is never 0: the gateway would leave a trailing zero out.
      const nanos = String(((made * 10) % 1_000_000) + 1).padStart(6, '0');
      bytes.write(`${secondText}${nanos}Z`, chosen.timestampAt, 'latin1');
      const id = scramble(first + made);
      for (let digit = 0; digit < 8; digit += 1) {
        bytes[chosen.requestIdAt + digit] = HEX[(id >>> (28 - digit * 4)) & 15] ?? 0;
      }
      made += 1;
      return bytes;
    },
  };
}

/** `count` records of a version, all at `nowMs`. */
export function records(count: number, options: RecordSourceOptions, nowMs = Date.now()): Buffer[] {
  const source = recordSource(options);
  return Array.from({ length: count }, () => source.next(nowMs));
}
