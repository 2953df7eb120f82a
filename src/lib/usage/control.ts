import { readPayload } from './payload.ts';
import type { JsonObject } from './readers.ts';

/** More bytes than a control message has, white space included: whatever is longer is a record. */
const MOST_BYTES = 64;

export type Control = 'refresh' | 'support_refresh';

// CLIProxyAPI (since 7.0.7 and 7.1.39) mixes these two into the subscription.
export function controlOf(record: JsonObject): Control | null {
  const keys = Object.keys(record);
  if (keys.length !== 1) return null;
  if (record['refresh'] === true) return 'refresh';
  return record['support_refresh'] === true ? 'support_refresh' : null;
}

/** Whether these bytes say something about the subscription, and are no record of a call. */
export function isControlMessage(payload: Uint8Array): boolean {
  if (payload.length > MOST_BYTES) return false;
  const read = readPayload(payload);
  return read.kind !== 'rejected' && controlOf(read.record) !== null;
}
