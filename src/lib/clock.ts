import { setTimeout as delay } from 'node:timers/promises';
import type { Clock } from './contract/clock.ts';

export const systemClock: Clock = {
  now: () => Date.now(),
  monotonic: () => performance.now(),
  sleep: async (ms, signal) => {
    try {
      await delay(ms, undefined, signal ? { signal } : {});
    } catch {
      // Only an abort rejects, and to an interrupted sleeper that is simply the end of its sleep.
    }
  },
};
