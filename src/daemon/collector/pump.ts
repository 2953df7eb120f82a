import type { Clock } from '../../lib/contract/clock.ts';
import type { Frame, Inbox, Position } from '../../lib/contract/inbox.ts';
import type { RawRecord } from '../../lib/contract/record.ts';
import type { CommitResult, Writer } from '../../lib/contract/writer.ts';
import { AppError, type ErrorCode } from '../../lib/errors.ts';

/** One transaction holds at most this many records; frames are never split between two. */
const BATCH_RECORDS = 1_000;
/**
 * A small batch is followed by a pause up to this long since it began, so that under load the next one is larger: a
 * transaction writes some eight pages whatever it holds. The first record after silence never waits.
 */
const GATHER_MS = 50;
const SMALL_BATCH = BATCH_RECORDS / 2;
/** How long the next frame may take to come from disk. */
const DISK_READ_MS = 20;
const FIRST_PAUSE_MS = 250;
const LONGEST_PAUSE_MS = 5_000;

export interface PumpOptions {
  readonly inbox: Inbox;
  readonly writer: Pick<Writer, 'commit'>;
  readonly clock: Clock;
  /** Position of the last frame that is stored, from the database. */
  readonly from: Position | null;
  readonly onCommit: (result: CommitResult, position: Position) => void;
  /** Storing failed and is tried again; `null` when it works again. */
  readonly onTrouble: (code: ErrorCode | null, detail: string) => void;
}

/** Moves frames from the inbox into the store, in order, until `signal` aborts. A failed commit is tried for ever. */
export async function pump(options: PumpOptions, signal: AbortSignal): Promise<void> {
  for await (const batch of batches(options, signal)) {
    const begun = options.clock.monotonic();
    const result = await commitUntilStored(options, batch, signal);
    if (result === null) return;
    options.onCommit(result, batch.position);
    await options.inbox.release(batch.position);
    const rest = GATHER_MS - (options.clock.monotonic() - begun);
    const few = batch.records.length < SMALL_BATCH && options.inbox.status().records < SMALL_BATCH;
    if (few && rest > 0) await options.clock.sleep(rest, signal);
  }
}

interface Batch {
  readonly records: readonly RawRecord[];
  readonly position: Position;
}

/** Joins the frames that are already there into batches; a lone frame is not made to wait for company. */
async function* batches({ inbox, clock, from }: PumpOptions, signal: AbortSignal): AsyncIterable<Batch> {
  const iterator = inbox.read(from, signal)[Symbol.asyncIterator]();
  let next: Promise<IteratorResult<Frame>> | null = null;
  let held: Frame | null = null;
  try {
    while (!signal.aborted) {
      let frame: Frame | null = held;
      held = null;
      if (frame === null) {
        const result: IteratorResult<Frame> = await (next ?? iterator.next());
        next = null;
        if (result.done) return;
        frame = result.value;
      }
      const records: RawRecord[] = [...frame.records];
      let position = frame.position;
      while (records.length < BATCH_RECORDS) {
        next ??= iterator.next();
        const ready: IteratorResult<Frame> | null = await Promise.race([
          next,
          patience(inbox.status().records > records.length, clock),
        ]);
        if (ready === null) break;
        next = null;
        if (ready.done) break;
        if (records.length + ready.value.records.length > BATCH_RECORDS) {
          held = ready.value;
          break;
        }
        records.push(...ready.value.records);
        position = ready.value.position;
      }
      yield { records, position };
    }
  } finally {
    // Lets the inbox close the file it reads from.
    await iterator.return?.();
  }
}

/**
 * Resolves to null when it is time to go on with what there is: after one turn of the event loop, since what was just
 * received is there by then; or, when more is known to be in the spool, after what reading it from disk may take.
 */
async function patience(moreIsThere: boolean, clock: Clock): Promise<null> {
  if (moreIsThere) await clock.sleep(DISK_READ_MS);
  else await new Promise((resolve) => setImmediate(resolve));
  return null;
}

async function commitUntilStored(
  options: PumpOptions,
  batch: Batch,
  signal: AbortSignal,
): Promise<CommitResult | null> {
  let pause = FIRST_PAUSE_MS;
  let failing = false;
  while (!signal.aborted) {
    try {
      const result = await options.writer.commit(batch.records, batch.position);
      if (failing) options.onTrouble(null, '');
      return result;
    } catch (error) {
      failing = true;
      const code = error instanceof AppError ? error.code : 'internal';
      options.onTrouble(code, error instanceof Error ? error.message : String(error));
      await options.clock.sleep(pause, signal);
      pause = Math.min(pause * 2, LONGEST_PAUSE_MS);
    }
  }
  return null;
}
