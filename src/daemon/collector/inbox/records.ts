import type { RawRecord, TransportName } from '../../../lib/contract/record.ts';

/**
 * The plaintext of a frame is its records one after the other (little-endian):
 *
 *     payload length u32 | transport u8 | flags u8 | receivedAtMs f64 | gatewayId f64 | truncatedFrom f64, if flag 1 | payload
 */
const FIXED_BYTES = 22;
const TRUNCATED_BYTES = 8;
const FLAG_TRUNCATED = 1;

/** Part of the format: entries are only ever added, at the end. */
const TRANSPORTS: readonly TransportName[] = ['subscribe', 'http', 'resp'];

/** Bytes that a record takes in the plaintext of a frame. */
export function recordBytes(record: RawRecord): number {
  return FIXED_BYTES + (record.truncatedFrom === undefined ? 0 : TRUNCATED_BYTES) + record.payload.byteLength;
}

export function encodeRecords(records: readonly RawRecord[]): Buffer {
  let size = 0;
  for (const record of records) size += recordBytes(record);
  // Not from Node's shared pool: whoever reads the frame gets views of exactly this memory.
  const plain = Buffer.allocUnsafeSlow(size);
  let at = 0;
  for (const record of records) {
    at = plain.writeUInt32LE(record.payload.byteLength, at);
    at = plain.writeUInt8(TRANSPORTS.indexOf(record.transport), at);
    at = plain.writeUInt8(record.truncatedFrom === undefined ? 0 : FLAG_TRUNCATED, at);
    at = plain.writeDoubleLE(record.receivedAtMs, at);
    at = plain.writeDoubleLE(record.gatewayId, at);
    if (record.truncatedFrom !== undefined) at = plain.writeDoubleLE(record.truncatedFrom, at);
    plain.set(record.payload, at);
    at += record.payload.byteLength;
  }
  return plain;
}

/** The records again; their payloads are views of `plain`. Throws a `RangeError` when it is no such text. */
export function decodeRecords(plain: Buffer, count: number): RawRecord[] {
  const records: RawRecord[] = [];
  let at = 0;
  for (let n = 0; n < count; n += 1) {
    const length = plain.readUInt32LE(at);
    const transport = TRANSPORTS[plain.readUInt8(at + 4)];
    if (transport === undefined) throw new RangeError('unknown transport in a spool frame');
    const truncated = (plain.readUInt8(at + 5) & FLAG_TRUNCATED) !== 0;
    const receivedAtMs = plain.readDoubleLE(at + 6);
    const gatewayId = plain.readDoubleLE(at + 14);
    at += FIXED_BYTES;
    const truncatedFrom = truncated ? plain.readDoubleLE(at) : undefined;
    if (truncated) at += TRUNCATED_BYTES;
    if (at + length > plain.length) throw new RangeError('a spool frame ends within a record');
    const payload = plain.subarray(at, at + length);
    at += length;
    records.push({
      payload,
      receivedAtMs,
      transport,
      gatewayId,
      ...(truncatedFrom === undefined ? {} : { truncatedFrom }),
    });
  }
  if (at !== plain.length) throw new RangeError('a spool frame holds more than its records');
  return records;
}
