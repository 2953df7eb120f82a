import type { RejectReason } from '../contract/event.ts';
import { asObject, type JsonObject } from './readers.ts';

/** The one object that a record's bytes should hold. */
export type Payload =
  | { readonly kind: 'object'; readonly record: JsonObject }
  | { readonly kind: 'rejected'; readonly reason: RejectReason; readonly detail: string };

/** Reads UTF-8 JSON. What is told about a failure never quotes the bytes: they hold keys in clear. */
export function readPayload(payload: Uint8Array): Payload {
  const bytes = Buffer.from(payload.buffer, payload.byteOffset, payload.byteLength);
  const written = bytes.toString('utf8');
  let value: unknown;
  try {
    value = JSON.parse(written.charCodeAt(0) === 0xfeff ? written.slice(1) : written);
  } catch (error) {
    return { kind: 'rejected', reason: 'not_json', detail: explain(payload, error) };
  }
  const record = asObject(value);
  if (record) return { kind: 'object', record };
  return { kind: 'rejected', reason: 'not_an_object', detail: `the record is ${nameOf(value)}` };
}

function explain(payload: Uint8Array, error: unknown): string {
  if (payload.length === 0) return 'the record is empty';
  const position = error instanceof Error ? /position (\d+)/.exec(error.message)?.[1] : undefined;
  const where = position === undefined ? '' : ` at character ${position}`;
  return `no valid JSON${where} (${payload.length} bytes)`;
}

function nameOf(value: unknown): string {
  if (value === null) return 'null';
  return Array.isArray(value) ? 'an array' : `a ${typeof value}`;
}
