import type { Clock } from '../../../lib/contract/clock.ts';
import type { Frame, Position } from '../../../lib/contract/inbox.ts';
import { errorCode } from './files.ts';
import type { SpoolFile, SpoolFiles } from './files.ts';
import { openFrame, readFrameHeader } from './format.ts';
import type { Gate } from './gate.ts';
import type { SpoolDamage } from './options.ts';
import { decodeRecords } from './records.ts';
import type { Catalog, FramePlace, Segment } from './segment.ts';
import type { Tail } from './tail.ts';

interface Source {
  readonly catalog: Catalog;
  readonly tail: Tail;
  readonly files: SpoolFiles;
  readonly clock: Pick<Clock, 'now'>;
  /** Opens when there is more to read, or the inbox closes. */
  readonly more: Gate;
  readonly closed: () => boolean;
  readonly onDamage: (damage: SpoolDamage) => void;
}

/** The frames of one segment from disk; its file is opened when the first is wanted. */
class SegmentReader {
  readonly #files: SpoolFiles;
  readonly segment: Segment;
  #file: SpoolFile | null = null;

  constructor(files: SpoolFiles, segment: Segment) {
    this.#files = files;
    this.segment = segment;
  }

  /** The bytes of the frame; fewer, or none, where the disk has no more. */
  async bytes({ offset, size }: FramePlace): Promise<Buffer> {
    const bytes = Buffer.allocUnsafeSlow(size);
    try {
      this.#file ??= await this.#files.open(this.segment.path);
      return bytes.subarray(0, await this.#file.read(bytes, offset));
    } catch (error) {
      // A bad sector, or a file that somebody removed, stays so. Anything else may pass (EMFILE), and is thrown.
      if (errorCode(error) === 'EIO' || errorCode(error) === 'ENOENT') return bytes.subarray(0, 0);
      throw error;
    }
  }

  async close(): Promise<void> {
    await this.#file?.close();
    this.#file = null;
  }
}

function decode(segment: Segment, seq: number, place: FramePlace, bytes: Buffer): Frame['records'] | null {
  if (bytes.length !== place.size) return null;
  const plain = openFrame(segment.key, segment.id, bytes, seq);
  if (!plain) return null;
  try {
    return decodeRecords(plain, place.count);
  } catch {
    // Sealed by us, but not as this version seals: as good as damaged, and no reason to stop here for ever.
    return null;
  }
}

function damageOf(segment: Segment, place: FramePlace, bytes: Buffer, nowMs: number): SpoolDamage {
  const header = readFrameHeader(bytes, 0);
  return {
    segment: segment.id,
    kind: 'damaged',
    fromMs: header?.fromMs ?? segment.createdMs,
    toMs: header?.toMs ?? nowMs,
    records: place.count,
    bytes: place.size,
    detail: `${place.count} records in ${segment.id}.seg cannot be read; it is kept as ${segment.id}.damaged`,
  };
}

/**
 * The frames after `position` in order, from memory where they still are there; ends with `signal` or the inbox. Its
 * `return` ends a `next` that waits, and resolves when no file is open any more.
 */
export function readFrames(
  source: Source,
  position: Position | null,
  signal: AbortSignal,
): AsyncGenerator<Frame, void, undefined> {
  const stop = new AbortController();
  const frames = generate(source, position, AbortSignal.any([signal, stop.signal]));
  const leave = frames.return.bind(frames);
  // A generator's own `return` takes its turn behind the `next` that is under way.
  frames.return = (value) => {
    stop.abort();
    return leave(value);
  };
  return frames;
}

async function* generate(
  source: Source,
  position: Position | null,
  signal: AbortSignal,
): AsyncGenerator<Frame, void, undefined> {
  const { catalog, tail, files } = source;
  let at = position ? { id: position.segment, seq: position.seq + 1 } : { id: '', seq: 0 };
  let disk: SegmentReader | null = null;
  try {
    while (!signal.aborted && !source.closed()) {
      let segment = catalog.atOrAfter(at.id);
      if (segment?.id === at.id && segment.sealed && at.seq >= segment.frames) segment = catalog.after(at.id);
      if (segment && segment.id !== at.id) at = { id: segment.id, seq: 0 };
      const waiting = !segment || (at.seq >= segment.frames && !segment.sealed);
      if (disk && (waiting || disk.segment !== segment)) {
        // An open file keeps its room on disk even when it is deleted.
        await disk.close();
        disk = null;
        continue;
      }
      if (!segment || waiting) {
        await source.more.wait(signal);
        continue;
      }
      const seq = at.seq;
      const place = segment.place(seq);
      if (!place) {
        at = { id: segment.id, seq: seq + 1 };
        continue;
      }
      const plain = tail.get(segment.id, seq);
      let records: Frame['records'] | null = plain ? decodeRecords(plain, place.count) : null;
      if (!records) {
        disk ??= new SegmentReader(files, segment);
        const bytes = await disk.bytes(place);
        // Released, and gone, while we looked: whoever releases has no use for it.
        if (segment.leaving) continue;
        records = decode(segment, seq, place, bytes);
        if (!records) {
          segment.lose(seq);
          source.onDamage(damageOf(segment, place, bytes, source.clock.now()));
        }
      }
      at = { id: segment.id, seq: seq + 1 };
      if (records) yield { position: { segment: segment.id, seq }, records };
    }
  } finally {
    await disk?.close();
  }
}
