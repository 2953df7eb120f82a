import type { RawRecord } from './record.ts';
import type { SinkAnswer } from './transport.ts';

/** Names one frame of the spool. Frames are ordered by segment (a ULID sorts by time), then by sequence number. */
export interface Position {
  /** ULID of the segment, without `.seg`. */
  readonly segment: string;
  /** Sequence number of the frame in its segment, from 0. */
  readonly seq: number;
}

/** One group commit read back. */
export interface Frame {
  readonly position: Position;
  readonly records: readonly RawRecord[];
}

export interface SpoolStatus {
  /** Bytes of segments not yet wholly stored. */
  readonly bytes: number;
  readonly limitBytes: number;
  readonly segments: number;
  /** Records that are durable in the spool and not yet stored. */
  readonly records: number;
  /** `full`: at the limit; `failing`: the last write failed and is being tried again, or the disk does not keep up. */
  readonly state: 'ok' | 'full' | 'failing';
  /** Epoch ms since when `state` is not ok. */
  readonly since: number | null;
  /** The system's error code of a failing write, such as ENOSPC; `SLOW` where none failed but one takes far too long. */
  readonly error: string | null;
}

/** The durable queue between the gateway and the store. */
export interface Inbox {
  /** Resolves when the records are on disk (fdatasync), `stop` when the spool is at its limit after that. */
  append(records: readonly RawRecord[]): Promise<SinkAnswer>;
  /** The frames after `position` (`null`: from the start), in order; waits for more until `signal` aborts. */
  read(position: Position | null, signal: AbortSignal): AsyncIterable<Frame>;
  /** Everything up to and including `position` is stored: segments wholly behind it are deleted. */
  release(position: Position): Promise<void>;
  status(): SpoolStatus;
  /** Calls back on every change of `status().state`. Returns the way to stop that. */
  onStateChange(listener: (status: SpoolStatus) => void): () => void;
  /** Writes what is pending, then closes the files. */
  close(): Promise<void>;
}
