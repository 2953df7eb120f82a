import { FRAME_HEADER_BYTES, FRAME_OVERHEAD, HEADER_BYTES, openFrame, readFrameHeader } from './format.ts';
import type { FrameHeader } from './format.ts';

export interface ScannedFrame extends FrameHeader {
  readonly offset: number;
}

/** Bytes between two frames, or after the last one, that no frame can be made of. */
export interface DamagedRun {
  readonly offset: number;
  readonly bytes: number;
  /** The first number that is missing. How many are is only known where a frame follows. */
  readonly seq: number;
  /** Records in it, where its header can still be read. */
  readonly records: number | null;
  /** Epoch ms: its own times, else those of the frames around it; `null`: there is none on that side. */
  readonly fromMs: number | null;
  readonly toMs: number | null;
}

export interface Scan {
  readonly frames: readonly ScannedFrame[];
  readonly damage: readonly DamagedRun[];
  /** Where the last frame ends. */
  readonly end: number;
  /** After `end` comes what a crash left of the last write, which nobody was told is durable. */
  readonly torn: boolean;
}

export interface ScanOptions {
  /** Opens every frame. Otherwise what the frames hold is first looked at when they are read. */
  readonly verify: boolean;
  /**
   * A last write that broke off is at most this long. 0 where the file was finished in good order: then only a frame
   * that goes on beyond the end counts as broken off.
   */
  readonly tornBytes: number;
}

/** No write leaves a jump in the numbers, so one much larger than what was damaged is chance. */
const MAX_JUMP = 1_000_000;

/** Looks for the next frame that opens, from `offset` on, with a number above `seq`. */
function resync(bytes: Buffer, id: string, key: Buffer, offset: number, seq: number): ScannedFrame | null {
  for (let at = offset; at + FRAME_OVERHEAD <= bytes.length; at += 1) {
    // The two cheap questions first: they turn down all but a few of some millions of places.
    const jump = bytes.readUInt32LE(at + 4) - seq;
    if (jump <= 0 || jump > MAX_JUMP) continue;
    if (bytes.readUInt32LE(at) > bytes.length - at - FRAME_OVERHEAD) continue;
    const header = readFrameHeader(bytes, at);
    if (header && openFrame(key, id, bytes.subarray(at, at + header.size), header.seq)) {
      return { ...header, offset: at };
    }
  }
  return null;
}

/** Finds the frames of a whole segment, and what is not one. Pure. */
export function scanSegment(bytes: Buffer, id: string, key: Buffer, options: ScanOptions): Scan {
  const frames: ScannedFrame[] = [];
  const damage: DamagedRun[] = [];
  let offset = HEADER_BYTES;
  let seq = 0;
  while (offset < bytes.length) {
    const header = readFrameHeader(bytes, offset);
    const own = header?.seq === seq ? header : null;
    const complete = own !== null && offset + own.size <= bytes.length;
    if (complete) {
      const frame = bytes.subarray(offset, offset + own.size);
      if (!options.verify || openFrame(key, id, frame, seq)) {
        frames.push({ ...own, offset });
        offset += own.size;
        seq += 1;
        continue;
      }
    }
    const next = resync(bytes, id, key, offset, seq);
    const length = (next?.offset ?? bytes.length) - offset;
    const brokenOff = length < FRAME_HEADER_BYTES || (own !== null && !complete);
    if (!next && (brokenOff || length <= options.tornBytes)) {
      return { frames, damage, end: offset, torn: true };
    }
    damage.push({
      offset,
      bytes: length,
      seq,
      records: own && complete && own.size === length ? own.count : null,
      fromMs: own?.fromMs ?? frames.at(-1)?.toMs ?? null,
      toMs: (own && complete && own.size === length ? own.toMs : null) ?? next?.fromMs ?? null,
    });
    if (!next) return { frames, damage, end: offset, torn: false };
    frames.push(next);
    offset = next.offset + next.size;
    seq = next.seq + 1;
  }
  return { frames, damage, end: offset, torn: false };
}
