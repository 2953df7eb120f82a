import type { Clock } from '../../lib/contract/clock.ts';
import { AppError } from '../../lib/errors.ts';
import { moveAside } from '../../lib/migrate/aside.ts';
import type { Holder } from '../../lib/migrate/holders.ts';
import { inUse } from '../../lib/migrate/in-use-error.ts';
import { startState, type StartState } from '../../lib/migrate/start-state.ts';
import type { TakeoverBoard } from './takeover-board.ts';

/** How often a start looks whether the old program has ended. */
const HELD_MS = 3_000;
/** How often it looks whether there is room by now. */
const SPACE_MS = 10_000;

export interface MakeWayOptions {
  readonly dbPath: string;
  readonly clock: Clock;
  readonly takeover: Pick<TakeoverBoard, 'waiting' | 'moving' | 'notOld'>;
  /** Ends the waiting. */
  readonly signal: AbortSignal;
}

/** What is at the place of our database once nothing is in the way: ours, or nothing. */
export type FreePlace = Extract<StartState, { kind: 'none' | 'ours' }>;

/** Throws `rolled_back` for what a start must leave alone, else says what it has to deal with. */
export function unlessReturned(state: StartState): Exclude<StartState, { kind: 'returned' }> {
  if (state.kind === 'returned') throw new AppError('rolled_back');
  return state;
}

/**
 * Moves the database of an older program out of the way, as soon as that program has let go of it and there is room for
 * ours. Null when the signal ended it before. Throws what `startState` throws, and `data_dir_unusable` where nothing can
 * be moved.
 */
export async function makeWay(first: StartState, options: MakeWayOptions): Promise<FreePlace | null> {
  const { dbPath, clock, takeover, signal } = options;
  let wasOld = false;
  for (let state = unlessReturned(first); !signal.aborted;) {
    if (state.kind !== 'old') {
      if (wasOld && (state.kind === 'none' || state.toCopy === null)) takeover.notOld();
      return state;
    }
    wasOld = true;
    const waitMs = await moveOrWait(state, options);
    if (waitMs > 0) await clock.sleep(waitMs, signal);
    if (signal.aborted) break;
    state = unlessReturned(await startState(dbPath, { clock }));
  }
  return null;
}

/** 0: it was moved. Else how long to wait before looking again, in ms. */
async function moveOrWait(
  { from, heldBy }: Extract<StartState, { kind: 'old' }>,
  { dbPath, clock, takeover }: MakeWayOptions,
): Promise<number> {
  const held = (holders: readonly Holder[]): number => {
    takeover.waiting(from, dbPath, inUse(dbPath, holders), holders[0]?.pid ?? null);
    return HELD_MS;
  };
  if (heldBy !== null) return held(heldBy);
  takeover.moving(from, dbPath);
  try {
    await moveAside(dbPath, from, { clock });
    return 0;
  } catch (error) {
    if (!(error instanceof AppError)) throw error;
    // It was started again in this very moment: the next look says by whom.
    if (error.code === 'old_program_running') return held([]);
    if (error.code !== 'space_needed' && error.code !== 'disk_full') throw error;
    takeover.waiting(from, dbPath, error, null);
    return SPACE_MS;
  }
}
