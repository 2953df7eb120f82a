import type { RawRecord } from '../../src/lib/contract/record.ts';
import { generate } from '../bench/generate.ts';

export const CRASH_FRAMES = 400;
const FRAME_RECORDS = 25;

/** The records of a frame: the same for every caller. Every tenth frame also has something that is no record. */
export function crashFrame(seq: number): RawRecord[] {
  const source = generate({
    seed: seq,
    startMs: Date.UTC(2026, 10, 1) + seq * 60_000,
    everyMs: 900,
    headers: true,
  });
  const records: RawRecord[] = [];
  for (let n = 0; n < FRAME_RECORDS; n += 1) {
    const { payload, atMs } = source.next().value;
    records.push({ payload, receivedAtMs: atMs, transport: 'subscribe', gatewayId: 1 });
  }
  if (seq % 10 === 0) {
    const payload = Buffer.from(`no record ${seq}`);
    records.push({ payload, receivedAtMs: seq, transport: 'subscribe', gatewayId: 1 });
  }
  return records;
}
