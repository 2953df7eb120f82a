import type { Frame, Inbox, Position, SpoolStatus } from '../../../lib/contract/inbox.ts';
import type { RawRecord } from '../../../lib/contract/record.ts';
import type { SinkAnswer } from '../../../lib/contract/transport.ts';
import { AppError } from '../../../lib/errors.ts';
import { spoolLimit } from '../../../lib/spool.ts';
import { Aside } from './aside.ts';
import type { SetAside } from './aside.ts';
import { GroupCommit } from './commit.ts';
import { errorCode, nodeFiles } from './files.ts';
import type { SpoolFiles } from './files.ts';
import { Gate } from './gate.ts';
import { DEFAULT_LIMITS } from './options.ts';
import type { InboxLimits, InboxOptions, SpoolDamage } from './options.ts';
import { readFrames } from './reader.ts';
import { recover } from './recover.ts';
import type { Recovered } from './recover.ts';
import { Catalog } from './segment.ts';
import type { Segment } from './segment.ts';
import { SpoolState } from './state.ts';
import { Tail } from './tail.ts';
import { UlidSource } from './ulid.ts';

/** The inbox on disk. */
export interface SpoolInbox extends Inbox {
  /** Files in the spool directory that could not be read and are kept aside, from this run and earlier ones. */
  setAside(): Readonly<SetAside>;
}

/** How many segments the limit is at least spread over, so that what is stored can be let go bit by bit. */
const LEAST_SEGMENTS = 8;

class Spool implements SpoolInbox {
  readonly #options: InboxOptions;
  readonly #limits: InboxLimits;
  readonly #files: SpoolFiles;
  readonly #catalog = new Catalog();
  readonly #tail: Tail;
  readonly #more = new Gate();
  readonly #state: SpoolState;
  readonly #commit: GroupCommit;
  readonly #aside: Aside;
  readonly #listeners = new Set<(status: SpoolStatus) => void>();
  readonly #ids = new UlidSource();
  readonly #closing = new AbortController();
  #limitBytes: number;
  #idling: Segment | null = null;
  #closed: Promise<void> | null = null;

  constructor(
    options: InboxOptions,
    limits: InboxLimits,
    files: SpoolFiles,
    aside: Aside,
    recovered: Recovered,
  ) {
    this.#options = options;
    this.#limits = limits;
    this.#files = files;
    this.#aside = aside;
    this.#limitBytes = limits.limitBytes;
    this.#tail = new Tail(limits.tailBytes);
    this.#state = new SpoolState(options.clock, () => {
      const status = this.status();
      // Not from within a write, which must not fail for an error of a listener's.
      for (const listener of this.#listeners) queueMicrotask(() => listener(status));
    });
    for (const id of recovered.ids) this.#ids.seen(id);
    for (const segment of recovered.segments) this.#catalog.add(segment);
    if (options.after) {
      this.#ids.seen(options.after.segment);
      this.#catalog.release(options.after.segment, options.after.seq);
    }
    this.#commit = new GroupCommit({
      dir: options.dir,
      box: options.box,
      clock: options.clock,
      files,
      limits,
      ids: this.#ids,
      segmentBytes: () => Math.min(limits.segmentBytes, Math.ceil(this.#limitBytes / LEAST_SEGMENTS)),
      events: {
        opened: async (segment) => {
          this.#catalog.add(segment);
          await this.#measure(true);
        },
        durable: (segment, seq, plain) => this.#tail.put({ segment: segment.id, seq }, plain),
        wrote: (error) => {
          this.#state.wrote(error);
          this.#state.measured(this.#catalog.bytes, this.#limitBytes);
          this.#more.open();
        },
        slow: (slow) => this.#state.slow(slow),
        sealed: async () => {
          this.#more.open();
          await this.#sweep();
        },
      },
    });
  }

  async start(): Promise<void> {
    await this.#sweep();
    await this.#measure(true);
  }

  async append(records: readonly RawRecord[]): Promise<SinkAnswer> {
    if (this.#closed) throw new AppError('internal', { detail: 'the inbox is closed' });
    if (records.length > 0) await this.#commit.append(records);
    return this.#state.full ? 'stop' : 'more';
  }

  read(position: Position | null, signal: AbortSignal): AsyncIterable<Frame> {
    const source = {
      catalog: this.#catalog,
      tail: this.#tail,
      files: this.#files,
      clock: this.#options.clock,
      more: this.#more,
      closed: () => this.#closed !== null,
      onDamage: (damage: SpoolDamage) => {
        this.#aside.report(damage);
        // The lost frame may have been the last one that the segment was kept for.
        void this.#sweep();
      },
    };
    return readFrames(source, position, signal);
  }

  async release(position: Position): Promise<void> {
    this.#catalog.release(position.segment, position.seq);
    this.#tail.release(position);
    const last = this.#catalog.all.at(-1);
    if (last && !last.sealed && last.spent && last.frames > 0) {
      // Full: appends wait for room, and none comes before this segment goes.
      if (this.#state.full) this.#commit.retire(last);
      else void this.#retireWhenIdle(last);
    }
    await this.#sweep();
  }

  status(): SpoolStatus {
    return {
      bytes: this.#catalog.bytes,
      limitBytes: this.#limitBytes,
      segments: this.#catalog.all.length,
      records: this.#catalog.records,
      state: this.#state.state,
      since: this.#state.since,
      error: this.#state.error,
    };
  }

  setAside(): Readonly<SetAside> {
    return { ...this.#aside.counts };
  }

  onStateChange(listener: (status: SpoolStatus) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  close(): Promise<void> {
    this.#closed ??= this.#close();
    return this.#closed;
  }

  async #close(): Promise<void> {
    this.#closing.abort();
    this.#aside.close();
    try {
      await this.#commit.close();
    } catch (error) {
      throw new AppError(errorCode(error) === 'ENOSPC' ? 'disk_full' : 'data_dir_unusable', {
        detail: `${this.#commit.unsaved} records could not be written to ${this.#options.dir} (${errorCode(error)})`,
        cause: error,
      });
    } finally {
      this.#more.open();
    }
  }

  /** Drops the segment that is being written when all of it is stored and nothing comes: an idle spool takes no room. */
  async #retireWhenIdle(segment: Segment): Promise<void> {
    if (this.#idling === segment) return;
    this.#idling = segment;
    const frames = segment.frames;
    await this.#options.clock.sleep(this.#limits.idleMs, this.#closing.signal);
    this.#idling = null;
    if (segment.sealed || !segment.spent) return;
    if (segment.frames === frames) this.#commit.retire(segment);
    else if (!this.#closing.signal.aborted) await this.#retireWhenIdle(segment);
  }

  /** Takes the segments off the disk that are wholly stored. What cannot go now is tried again the next time. */
  async #sweep(): Promise<void> {
    const { dir } = this.#options;
    let gone = false;
    for (const segment of this.#catalog.all) {
      if (!segment.sealed || !segment.spent || segment.leaving) continue;
      segment.leaving = true;
      try {
        if (segment.damaged) {
          await this.#aside.set(segment.id, 'damaged');
        } else {
          await this.#files.remove(segment.path);
        }
      } catch (error) {
        if (errorCode(error) !== 'ENOENT') {
          segment.leaving = false;
          continue;
        }
      }
      this.#catalog.remove(segment);
      gone = true;
    }
    if (!gone) return;
    // Not durable only means that the next start finds the file once more, behind the stored position.
    await this.#files.syncDir(dir).catch(() => {});
    await this.#measure(false);
  }

  async #measure(afresh: boolean): Promise<void> {
    if (afresh) {
      const { limitBytes } = this.#limits;
      this.#limitBytes = await this.#files.freeBytes(this.#options.dir).then(
        (free) => spoolLimit(limitBytes, free),
        () => limitBytes,
      );
    }
    this.#state.measured(this.#catalog.bytes, this.#limitBytes);
  }
}

/**
 * Opens the spool and takes up what an earlier run left in it. Rejects with `data_dir_unusable` where the directory
 * cannot be made, read or cleared.
 */
export async function openInbox(options: InboxOptions): Promise<SpoolInbox> {
  const limits = { ...DEFAULT_LIMITS, ...options.limits };
  const files = options.files ?? nodeFiles;
  try {
    const { dir, box, after, onDamage } = options;
    const aside = new Aside({ files, dir, onDamage });
    const recovered = await recover({ dir, box, after, files, aside });
    const spool = new Spool(options, limits, files, aside, recovered);
    await spool.start();
    return spool;
  } catch (error) {
    if (error instanceof AppError) throw error;
    throw new AppError('data_dir_unusable', {
      detail: `${options.dir} (${errorCode(error)})`,
      cause: error,
    });
  }
}
