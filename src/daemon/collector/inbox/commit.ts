import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import type { Clock } from '../../../lib/contract/clock.ts';
import type { RawRecord } from '../../../lib/contract/record.ts';
import { errorCode } from './files.ts';
import type { SpoolFile, SpoolFiles } from './files.ts';
import { encodeSegmentHeader, FRAME_OVERHEAD, HEADER_BYTES, SALT_BYTES, sealFrame } from './format.ts';
import { Gate } from './gate.ts';
import { BATCH_BYTES } from './options.ts';
import type { InboxLimits, InboxOptions } from './options.ts';
import { Pace, SLOW } from './pace.ts';
import { encodeRecords, recordBytes } from './records.ts';
import { Segment } from './segment.ts';
import type { FramePlace } from './segment.ts';
import type { UlidSource } from './ulid.ts';

/** Records of one frame, and the bytes of their plaintext. */
interface Group {
  readonly records: RawRecord[];
  bytes: number;
}

interface Waiter {
  /** Resolved when so many records, counted from the start, are durable. */
  readonly upTo: number;
  readonly resolve: () => void;
  readonly reject: (error: unknown) => void;
}

/** What the writing half tells the rest of the inbox. */
export interface CommitEvents {
  /** A new segment file is there. */
  opened(segment: Segment): Promise<void>;
  /** The frame is durable and belongs to the segment already. */
  durable(segment: Segment, seq: number, plain: Buffer): void;
  /** A write went well (`null`) or not (the system's error code). */
  wrote(error: string | null): void;
  /** The disk does not keep up, without an error, or does again. */
  slow(slow: boolean): void;
  /** The segment gets no more frames. */
  sealed(segment: Segment): Promise<void>;
}

interface Deps extends Pick<InboxOptions, 'dir' | 'box'> {
  readonly clock: Clock;
  readonly files: SpoolFiles;
  readonly limits: InboxLimits;
  readonly ids: UlidSource;
  readonly events: CommitEvents;
  /** Bytes that a segment may have now. */
  readonly segmentBytes: () => number;
}

/** The close did not wait any longer for a disk that hangs. Carries a code as the system's errors do. */
class TooSlow extends Error {
  readonly code = SLOW;
}

/**
 * The writing half: collects records into frames and makes them durable, one write and one fdatasync at a time. What
 * arrives during a write goes into the next one, so the disk's latency bounds the wait but not the throughput.
 */
export class GroupCommit {
  readonly #deps: Deps;
  readonly #work = new Gate();
  readonly #closing = new AbortController();
  #givenUp: TooSlow | null = null;
  readonly #ended: Promise<void>;
  readonly #pace: Pace;
  #pending: RawRecord[] = [];
  #pendingBytes = 0;
  #firstAt = 0;
  #linger: AbortController | null = null;
  #appended = 0;
  #durable = 0;
  #waiters: Waiter[] = [];
  #current: { readonly segment: Segment; readonly file: SpoolFile } | null = null;
  #retiring: Segment | null = null;

  constructor(deps: Deps) {
    this.#deps = deps;
    this.#pace = new Pace(deps.clock, deps.limits, (slow) => deps.events.slow(slow));
    this.#ended = this.#run();
  }

  /** Resolves when the records are durable. */
  append(records: readonly RawRecord[]): Promise<void> {
    if (this.#pending.length === 0) this.#firstAt = this.#deps.clock.monotonic();
    let bytes = 0;
    for (const record of records) {
      this.#pending.push(record);
      bytes += recordBytes(record);
    }
    this.#pendingBytes += bytes;
    this.#pace.appended(bytes);
    this.#appended += records.length;
    if (this.#frameIsFull()) this.#linger?.abort();
    this.#work.open();
    return new Promise((resolve, reject) => {
      this.#waiters.push({ upTo: this.#appended, resolve, reject });
    });
  }

  /** Seals the segment once nothing waits to be written, if it is the present one and all of it is released. */
  retire(segment: Segment): void {
    this.#retiring = segment;
    this.#work.open();
  }

  /**
   * Writes what is pending, once more where writing fails, for a limited time where it hangs. Rejects with what stopped
   * it; then those appends reject too.
   */
  async close(): Promise<void> {
    this.#closing.abort();
    this.#linger?.abort();
    this.#work.open();
    const over = new AbortController();
    try {
      await Promise.race([this.#ended, this.#giveUp(over.signal)]);
    } finally {
      over.abort();
    }
  }

  get unsaved(): number {
    return this.#appended - this.#durable;
  }

  async #giveUp(over: AbortSignal): Promise<void> {
    await this.#deps.clock.sleep(this.#deps.limits.closeMs, over);
    if (over.aborted) return;
    // What hangs cannot be called back. If it comes through after all, the next start finds its records once more.
    this.#givenUp = new TooSlow('the disk does not answer');
    this.#rejectAll(this.#givenUp);
    throw this.#givenUp;
  }

  #rejectAll(error: unknown): void {
    for (const waiter of this.#waiters.splice(0)) waiter.reject(error);
  }

  #frameIsFull(): boolean {
    const { frameRecords, frameBytes } = this.#deps.limits;
    return this.#pending.length >= frameRecords || this.#pendingBytes >= frameBytes;
  }

  async #run(): Promise<void> {
    try {
      for (;;) {
        if (this.#pending.length > 0) {
          await this.#wait();
          await this.#persist(this.#take());
        } else if (this.#retiring) {
          const retiring = this.#retiring;
          this.#retiring = null;
          if (this.#current?.segment === retiring && retiring.spent) {
            await this.#pace.during(() => this.#seal());
          }
        } else if (this.#closing.signal.aborted) {
          break;
        } else {
          await this.#work.wait();
        }
      }
    } catch (error) {
      this.#rejectAll(error);
      throw error;
    } finally {
      await this.#seal();
    }
  }

  /** Gives a frame that is not full the rest of its time. */
  async #wait(): Promise<void> {
    const { clock, limits } = this.#deps;
    const left = limits.lingerMs - (clock.monotonic() - this.#firstAt);
    if (left <= 0 || this.#frameIsFull() || this.#closing.signal.aborted) return;
    this.#linger = new AbortController();
    await clock.sleep(left, this.#linger.signal);
    this.#linger = null;
  }

  /** Takes frames off the pending records, as many as go to disk together. */
  #take(): Group[] {
    const { frameRecords, frameBytes } = this.#deps.limits;
    const groups: Group[] = [];
    let group: Group | null = null;
    let taken = 0;
    let bytes = 0;
    for (const record of this.#pending) {
      const size = recordBytes(record);
      if (taken > 0 && bytes + size > BATCH_BYTES) break;
      if (!group || group.records.length >= frameRecords || group.bytes + size > frameBytes) {
        group = { records: [], bytes: 0 };
        groups.push(group);
      }
      group.records.push(record);
      group.bytes += size;
      bytes += size;
      taken += 1;
    }
    this.#pending = this.#pending.slice(taken);
    this.#pendingBytes -= bytes;
    return groups;
  }

  async #persist(groups: readonly Group[]): Promise<void> {
    const { clock, limits } = this.#deps;
    const closing = this.#closing.signal;
    let pause = limits.retryMs;
    let failed = false;
    for (let done = 0; done < groups.length;) {
      if (this.#givenUp) throw this.#givenUp;
      const last = closing.aborted;
      // After a failure one frame at a time: the room that is left may do for that.
      const some = groups.slice(done, failed ? done + 1 : undefined);
      try {
        done += await this.#pace.during(() => this.#attempt(some));
        pause = limits.retryMs;
      } catch (error) {
        failed = true;
        if (last) throw error;
        await clock.sleep(pause, closing);
        pause = Math.min(pause * 2, limits.maxRetryMs);
      }
    }
  }

  async #attempt(groups: readonly Group[]): Promise<number> {
    try {
      return await this.#write(groups);
    } catch (error) {
      await this.#abandon();
      this.#deps.events.wrote(errorCode(error));
      throw error;
    }
  }

  /** Makes the first of the groups durable, as many as the segment still takes; how many that were. */
  async #write(groups: readonly Group[]): Promise<number> {
    const { events } = this.#deps;
    const { segment, file } = await this.#segmentFor(groups[0]?.bytes ?? 0);
    const parts: Buffer[] = [];
    const frames: Array<{ readonly place: FramePlace; readonly plain: Buffer }> = [];
    let offset = segment.end;
    for (const { records, bytes } of groups) {
      const size = bytes + FRAME_OVERHEAD;
      if (frames.length > 0 && offset + size > this.#deps.segmentBytes()) break;
      const plain = encodeRecords(records);
      const times = records.map((record) => record.receivedAtMs);
      const info = {
        seq: segment.frames + frames.length,
        count: records.length,
        fromMs: Math.min(...times),
        toMs: Math.max(...times),
      };
      parts.push(...sealFrame(segment.key, segment.id, info, plain));
      frames.push({ place: { offset, size, count: records.length }, plain });
      offset += size;
    }
    await file.write(Buffer.concat(parts), segment.end);
    await file.sync();
    for (const { place, plain } of frames) {
      segment.add(place);
      this.#durable += place.count;
      this.#pace.durable(plain.length);
      events.durable(segment, segment.frames - 1, plain);
    }
    events.wrote(null);
    const waiting = this.#waiters.findIndex((waiter) => waiter.upTo > this.#durable);
    for (const waiter of this.#waiters.splice(0, waiting < 0 ? this.#waiters.length : waiting)) {
      waiter.resolve();
    }
    return frames.length;
  }

  /** The segment that the next frame goes to: a new one where the frame would make the present one too long. */
  async #segmentFor(bytes: number): Promise<{ readonly segment: Segment; readonly file: SpoolFile }> {
    const current = this.#current;
    if (current) {
      const end = current.segment.end + bytes + FRAME_OVERHEAD;
      if (current.segment.frames === 0 || end <= this.#deps.segmentBytes()) return current;
      await this.#seal();
    }
    return this.#create();
  }

  async #create(): Promise<{ readonly segment: Segment; readonly file: SpoolFile }> {
    const { box, clock, dir, events, files, ids } = this.#deps;
    const createdMs = clock.now();
    const id = ids.next(createdMs);
    const salt = randomBytes(SALT_BYTES);
    const key = box.spoolKey(salt);
    const temporary = join(dir, `${id}.tmp`);
    const segment = new Segment(dir, id, key, createdMs, false);
    const file = await files.create(temporary);
    try {
      await file.write(encodeSegmentHeader(key, salt, createdMs), 0);
      await file.sync();
      await files.rename(temporary, segment.path);
      await files.syncDir(dir);
    } catch (error) {
      await file.close().catch(() => {});
      // It is under one of the two names. A leftover does no harm: it has no frame, and the next start removes it.
      await files.remove(temporary).catch(() => files.remove(segment.path).catch(() => {}));
      throw error;
    }
    this.#current = { segment, file };
    await events.opened(segment);
    return this.#current;
  }

  async #seal(): Promise<void> {
    const current = this.#current;
    if (!current) return;
    this.#current = null;
    current.segment.sealed = true;
    // All its frames are synced, so that an error on closing says nothing about them.
    await current.file.close().catch(() => {});
    await this.#deps.events.sealed(current.segment);
  }

  /**
   * Ends the segment after a failed write. It gets no second try: after a failed fdatasync the system may count pages
   * as clean that never reached the disk, and a frame number must not be used twice under one key.
   */
  async #abandon(): Promise<void> {
    const current = this.#current;
    if (!current) return;
    const { segment, file } = current;
    try {
      await file.truncate(Math.max(segment.end, HEADER_BYTES));
      await file.sync();
    } catch {
      // Then the broken frames stay behind its end, where the next start finds them for what they are.
    }
    await this.#seal();
  }
}
