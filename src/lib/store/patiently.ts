import { setTimeout as delay } from 'node:timers/promises';
import { isBusy } from './sqlite.ts';

/** The first pause; each further one is twice as long, up to the longest. */
const FIRST_PAUSE_MS = 20;
const LONGEST_PAUSE_MS = 500;
const PATIENCE_MS = 10_000;

/**
 * Runs `work`, a transaction, again for as long as another process writes: 10 s. Rejects with what it throws, and with the
 * signal's reason.
 */
export async function patiently<T>(work: () => T, signal: AbortSignal, patienceMs = PATIENCE_MS): Promise<T> {
  const start = performance.now();
  for (let pause = FIRST_PAUSE_MS; ; pause = Math.min(2 * pause, LONGEST_PAUSE_MS)) {
    signal.throwIfAborted();
    try {
      return work();
    } catch (error) {
      if (!isBusy(error) || performance.now() - start >= patienceMs) throw error;
    }
    await delay(pause, undefined, { signal });
  }
}
