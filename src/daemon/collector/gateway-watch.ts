import type { Clock } from '../../lib/contract/clock.ts';
import { GatewayError, type GatewayClient, type GatewayInfo } from '../../lib/contract/gateway.ts';

/** How often the gateway is asked about itself. Each call costs it about 60 ms of bcrypt, so not often. */
const EVERY_MS = 30_000;
/** The least time between two looks, however often the gateway says that something changed. */
const LEAST_MS = 2_000;
/** So many rounds in a row must show requests without records before another consumer is suspected. */
const SUSPICIOUS_ROUNDS = 2;

export interface GatewayWatchOptions {
  readonly client: GatewayClient;
  readonly clock: Clock;
  /** Records taken from this gateway since the start of the daemon. */
  readonly consumed: () => number;
  readonly onInfo: (info: GatewayInfo) => void;
  /** The version that `X-CPA-VERSION` tells is another one than before. */
  readonly onVersionChange: () => void;
  /** Whether records are being taken: without that, none can arrive. */
  readonly collecting: () => boolean;
  /** The gateway's own request counters fell: it was restarted since `sinceMs`. */
  readonly onRestart: (sinceMs: number) => void;
  readonly onSecondConsumer: (suspected: boolean) => void;
  readonly onFailure: (error: GatewayError) => void;
}

interface Round {
  readonly atMs: number;
  readonly requests: number | null;
  readonly consumed: number;
}

/** Looks at the gateway from time to time: publishing, retention, version, restarts, another consumer. */
export class GatewayWatch {
  readonly #options: GatewayWatchOptions;
  #version: string | null = null;
  #last: Round | null = null;
  #silentRounds = 0;
  #wake = new AbortController();
  #again = false;

  constructor(options: GatewayWatchOptions) {
    this.#options = options;
  }

  /** Runs until `signal` aborts. */
  async run(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      this.#again = false;
      await this.#round(signal);
      await this.#options.clock.sleep(LEAST_MS, signal);
      if (this.#again) continue;
      await this.#options.clock.sleep(EVERY_MS - LEAST_MS, AbortSignal.any([signal, this.#wake.signal]));
    }
  }

  /** Looks at once, because something may have changed (`{"refresh":true}`, a new connection). */
  lookNow(): void {
    this.#again = true;
    this.#wake.abort();
    this.#wake = new AbortController();
  }

  async #round(signal: AbortSignal): Promise<void> {
    const { client, onInfo, onFailure, onVersionChange } = this.#options;
    try {
      const info = await client.info(signal);
      onInfo(info);
      if (this.#version !== null && this.#version !== info.version) onVersionChange();
      this.#version = info.version;
      await this.#compareCounters(info, signal);
    } catch (error) {
      if (signal.aborted) return;
      if (!(error instanceof GatewayError)) throw error;
      onFailure(error);
    }
  }

  async #compareCounters(info: GatewayInfo, signal: AbortSignal): Promise<void> {
    const { client, clock, consumed, onRestart, onSecondConsumer } = this.#options;
    const now: Round = {
      atMs: clock.now(),
      requests: await client.requestCount(signal),
      consumed: consumed(),
    };
    const last = this.#last;
    this.#last = now;
    if (last === null || last.requests === null || now.requests === null) return;
    if (now.requests < last.requests) {
      onRestart(last.atMs);
      this.#silentRounds = 0;
      return;
    }
    const starved =
      info.usageStatisticsEnabled &&
      this.#options.collecting() &&
      now.requests > last.requests &&
      now.consumed === last.consumed;
    if (starved) this.#silentRounds += 1;
    else if (now.consumed > last.consumed) this.#silentRounds = 0;
    onSecondConsumer(this.#silentRounds >= SUSPICIOUS_ROUNDS);
  }
}
