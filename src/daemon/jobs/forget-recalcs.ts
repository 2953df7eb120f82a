import type { Clock } from '../../lib/contract/clock.ts';
import type { Desk } from '../../lib/store/writer.ts';

const EVERY_MS = 6 * 3_600_000;
/** Between two steps, so that live events go first. */
const PAUSE_MS = 100;

/**
 * Removes what recalculations replaced once they can no longer be undone, a part at a time, until the signal aborts. Never
 * rejects.
 */
export async function forgetRecalcs(
  desk: Pick<Desk, 'forgetRecalcs'>,
  clock: Pick<Clock, 'sleep'>,
  signal: AbortSignal,
  onError: (error: unknown) => void,
): Promise<void> {
  while (!signal.aborted) {
    let more = false;
    try {
      more = await desk.forgetRecalcs();
    } catch (error) {
      if (!signal.aborted) onError(error);
    }
    await clock.sleep(more ? PAUSE_MS : EVERY_MS, signal);
  }
}
