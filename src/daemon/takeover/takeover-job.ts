import type { Logger } from 'pino';
import type { TakeoverReport } from '../../lib/contract/api/takeover.ts';
import type { Clock } from '../../lib/contract/clock.ts';
import type { ImportPace, Writer } from '../../lib/contract/writer.ts';
import { AppError } from '../../lib/errors.ts';
import { copyApart, storeLetters } from '../../lib/migrate/copy-apart.ts';
import { markCopied } from '../../lib/migrate/old-volume.ts';
import { reportApart } from '../../lib/migrate/report-apart.ts';
import { savedReport, saveReport } from '../../lib/migrate/report-file.ts';
import type { Desk } from '../../lib/store/writer.ts';
import type { CarriedVolume } from './carry-step.ts';
import type { TakeoverBoard } from './takeover-board.ts';

/** The writer takes other calls between the transactions of a batch, so that new events never wait for longer. */
const PACE: ImportPace = { maxRows: 1000, maxMs: 25, pause: false };
const BATCH_ROWS = 1000;
/** Before what broke off is tried again; doubles each time. */
const AGAIN_MS = 5_000;
const LONGEST_MS = 10 * 60_000;

export interface TakeoverJobOptions {
  readonly dbPath: string;
  readonly clock: Clock;
  readonly log: Logger;
  readonly takeover: TakeoverBoard;
  readonly writer: Pick<Writer, 'gateway' | 'commit'> & Pick<Desk, 'importEvents'>;
  /** The 32 bytes of the data key; null while it is locked. */
  readonly dataKey: Uint8Array | null;
  readonly carried: CarriedVolume;
}

/**
 * Copies an old volume while the daemon collects, then compares both. Goes on where an earlier run stopped, and tries again
 * what breaks off until it is closed.
 */
export class TakeoverJob {
  readonly #options: TakeoverJobOptions;
  readonly #closing = new AbortController();
  #running: Promise<void> | null = null;
  #isCopied: boolean;

  constructor(options: TakeoverJobOptions) {
    this.#options = options;
    this.#isCopied = options.carried.volume.copiedAtMs !== null;
  }

  /** Beginning may be tried again. */
  begin(): void {
    this.#running ??= this.#run();
  }

  /** What is under way stops where it can be taken up again. */
  async close(): Promise<void> {
    this.#closing.abort();
    await this.#running;
  }

  async #run(): Promise<void> {
    const { clock, log, takeover, carried } = this.#options;
    const { signal } = this.#closing;
    for (let pause = AGAIN_MS; !signal.aborted; pause = Math.min(2 * pause, LONGEST_MS)) {
      try {
        await this.#attempt();
        return;
      } catch (error) {
        if (signal.aborted) return;
        log.error({ err: error }, 'the takeover broke off, and is tried again');
        takeover.failed(carried.volume, error instanceof AppError ? error.message : String(error));
        await clock.sleep(pause, signal);
      }
    }
  }

  async #attempt(): Promise<void> {
    const { takeover, carried } = this.#options;
    if (!this.#isCopied) await this.#copy();
    if (this.#closing.signal.aborted) return;
    const report = savedReport(carried.volume) ?? (await this.#compare());
    takeover.done(carried.volume, report, () => savedReport(carried.volume));
  }

  async #copy(): Promise<void> {
    const { dbPath, clock, log, takeover, writer, carried } = this.#options;
    const { volume, gateway } = carried;
    takeover.copying(volume, { done: 0, total: volume.from.eventsAtMost });
    const gatewayId = gateway === '' ? 0 : await writer.gateway(gateway);
    const { aborted, ...copied } = await copyApart({
      oldPath: volume.dbPath,
      dbPath,
      source: volume.name,
      gateway,
      // The same in each run, so that an event of a row without a time of its own is the same too.
      nowMs: volume.movedAtMs,
      batchRows: BATCH_ROWS,
      store: (batch, mark) => writer.importEvents(batch, PACE, mark),
      storeLetters: (letters) => storeLetters(writer, gatewayId, letters),
      onProgress: (progress) => takeover.copying(volume, progress),
      signal: this.#closing.signal,
    });
    if (aborted) return;
    await markCopied(dbPath, volume.name, clock.now());
    this.#isCopied = true;
    const { added, duplicates } = copied.outcome;
    log.info({ event: 'copied', added, duplicates, rejected: copied.rejected }, 'the old history is copied');
  }

  async #compare(): Promise<TakeoverReport> {
    const { dbPath, clock, log, takeover, dataKey, carried } = this.#options;
    const { volume } = carried;
    takeover.reporting(volume, { done: 0, total: volume.from.eventsAtMost });
    const report = await reportApart({
      oldPath: volume.dbPath,
      dbPath,
      beside: true,
      source: volume.name,
      oldDataKey: dataKey,
      dataKey,
      nowMs: clock.now(),
      onProgress: (progress) => takeover.reporting(volume, progress),
      signal: this.#closing.signal,
    });
    await saveReport(volume, report);
    const { state, old, now, attention } = report;
    const facts = { event: 'taken-over', state, there: old.events, here: now.events };
    log.info({ ...facts, needsAttention: attention.length }, 'the old history was taken over');
    return report;
  }
}
