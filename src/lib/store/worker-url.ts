import { extname } from 'node:path';

/** The file of a worker that lies beside the calling module, as `.ts` from the sources and `.js` when compiled. */
export function workerUrl(name: string, moduleUrl: string): URL {
  return new URL(`./${name}${extname(new URL(moduleUrl).pathname)}`, moduleUrl);
}

/**
 * Limits of our workers. Left alone V8 lets the young generation of each grow to 50 MB under load; with less it only
 * collects more often, at the same speed.
 */
export const WORKER_LIMITS = { maxYoungGenerationSizeMb: 16 } as const;
