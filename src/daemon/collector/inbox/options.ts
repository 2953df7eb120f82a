import type { Clock } from '../../../lib/contract/clock.ts';
import type { Position } from '../../../lib/contract/inbox.ts';
import type { SecretBox } from '../../../lib/contract/secrets.ts';
import { SPOOL_LIMIT_BYTES } from '../../../lib/spool.ts';
import type { SpoolFiles } from './files.ts';

const MIB = 1 << 20;

/** Records that cannot be had from the spool: a `spool_damaged` gap. */
export interface SpoolDamage {
  /** ULID of the segment. */
  readonly segment: string;
  /** `foreign`: this data key does not open it. */
  readonly kind: 'damaged' | 'foreign';
  /** Epoch ms: the records arrived within this time. */
  readonly fromMs: number;
  readonly toMs: number;
  /** How many records, where that can be said. */
  readonly records: number | null;
  readonly bytes: number;
  /** For people: what is wrong, and under which name the file is kept. */
  readonly detail: string;
}

export interface InboxOptions {
  /** The spool directory, made with mode 0700 where there is none. */
  readonly dir: string;
  readonly box: Pick<SecretBox, 'spoolKey'>;
  readonly clock: Clock;
  /**
   * The position that the store has. Segments before it are deleted, and new ones get larger ids than it even when the
   * wall clock went backwards in the meantime.
   */
  readonly after: Position | null;
  /**
   * Called for every loss, once a run: while the spool opens, or while it is read. What a crash left of a last,
   * unconfirmed write is not a loss. A promise resolves when the loss is noted for good; nothing waits for it but the
   * renaming of the file. Until then, and until the rest of the file is stored, the next start reports the loss again.
   */
  readonly onDamage: (damage: SpoolDamage) => Promise<void> | void;
  readonly limits?: Partial<InboxLimits>;
  readonly files?: SpoolFiles;
}

export interface InboxLimits {
  /** The spool takes no more from here on; a tenth of the free space where that is less. */
  readonly limitBytes: number;
  /** A segment is at most this long, unless a single frame is longer. */
  readonly segmentBytes: number;
  /** A frame closes at so many records, or before it would pass so many bytes of plaintext. */
  readonly frameRecords: number;
  readonly frameBytes: number;
  /** How long the first record of a frame waits for others, in ms. */
  readonly lingerMs: number;
  /** Plaintext of new frames that is kept in memory for the reader. */
  readonly tailBytes: number;
  /** A segment whose records are all stored is dropped when nothing came for so long, in ms. */
  readonly idleMs: number;
  /** Pauses after a failed write, in ms: the first, and the longest that doubling leads to. */
  readonly retryMs: number;
  readonly maxRetryMs: number;
  /**
   * The disk counts as failing (`SLOW`) with more bytes than this appended and not durable, or one group commit under
   * way for longer than this, in ms; until the commit is done and less than half of the bytes wait.
   */
  readonly pendingBytes: number;
  readonly slowMs: number;
  /** How long a close waits for the disk, in ms. */
  readonly closeMs: number;
}

export const DEFAULT_LIMITS: InboxLimits = {
  limitBytes: SPOOL_LIMIT_BYTES,
  segmentBytes: 16 * MIB,
  frameRecords: 200,
  frameBytes: MIB,
  lingerMs: 5,
  tailBytes: 8 * MIB,
  idleMs: 10_000,
  retryMs: 100,
  maxRetryMs: 5_000,
  pendingBytes: 32 * MIB,
  slowMs: 5_000,
  closeMs: 3_000,
};

/** Frames that go to disk with one write and one fdatasync; a single longer frame goes alone. */
export const BATCH_BYTES = 2 * MIB;
