import { monitorEventLoopDelay } from 'node:perf_hooks';

/** How the process itself is doing. Bytes and milliseconds. */
export interface Runtime {
  readonly uptimeMs: number;
  readonly rssBytes: number;
  /** How late timers of the main thread fire, since the start. A busy main thread answers late. */
  readonly eventLoopDelay: { readonly p50Ms: number; readonly p99Ms: number; readonly maxMs: number };
}

const RESOLUTION_MS = 10;
const NS_PER_MS = 1e6;

/** Measures the process from its creation on. */
export class RuntimeFigures {
  readonly #delay = monitorEventLoopDelay({ resolution: RESOLUTION_MS });

  constructor() {
    this.#delay.enable();
  }

  read(): Runtime {
    // The histogram counts the interval itself; what is above it is delay.
    const late = (ns: number): number => Math.max(0, Math.round((ns / NS_PER_MS - RESOLUTION_MS) * 10) / 10);
    return {
      uptimeMs: Math.round(process.uptime() * 1_000),
      rssBytes: process.memoryUsage.rss(),
      eventLoopDelay: {
        p50Ms: late(this.#delay.percentile(50)),
        p99Ms: late(this.#delay.percentile(99)),
        maxMs: late(this.#delay.max),
      },
    };
  }

  stop(): void {
    this.#delay.disable();
  }
}
