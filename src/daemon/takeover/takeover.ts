import type { Logger } from 'pino';
import type { StartConfig } from '../../lib/config/start-config.ts';
import type { Clock } from '../../lib/contract/clock.ts';
import { oldVolumes, type OldVolume } from '../../lib/migrate/old-volume.ts';
import { lookForHistory, type LookedAt } from '../../lib/migrate/places.ts';
import type { StartState } from '../../lib/migrate/start-state.ts';
import type { HealthBoard } from '../health-board.ts';
import type { OpenServices } from '../open-services.ts';
import { carryStep, type CarriedVolume } from './carry-step.ts';
import { makeWay, type FreePlace } from './make-way.ts';
import type { TakeoverBoard } from './takeover-board.ts';
import { TakeoverJob } from './takeover-job.ts';

/** How often it is looked whether the first event is there. */
const FIRST_EVENT_MS = 2_000;

export interface TakeoverOptions {
  readonly config: StartConfig;
  readonly clock: Clock;
  readonly log: Logger;
  readonly board: HealthBoard;
  readonly takeover: TakeoverBoard;
}

/** What a start does about the database of an older program, step by step. Each step may be tried again. */
export class Takeover {
  readonly #options: TakeoverOptions;
  readonly #closing = new AbortController();
  #place: FreePlace | null = null;
  #carried: CarriedVolume | null = null;
  #job: TakeoverJob | null = null;
  #awaitingFirst: Promise<void> | null = null;

  constructor(options: TakeoverOptions) {
    this.#options = options;
  }

  /** Before the database is opened: false when `signal` ended it. Throws what `makeWay` throws. */
  async makeWay(first: StartState, signal: AbortSignal): Promise<boolean> {
    const { config, clock, takeover } = this.#options;
    this.#place ??= await makeWay(first, { dbPath: config.dbPath, clock, takeover, signal });
    if (this.#place?.kind === 'none') await this.#noteNoHistory();
    return this.#place !== null;
  }

  /** Before settings are read: what decides about them comes over from the old volume. Throws AppError. */
  async carry(): Promise<void> {
    if (this.#place?.kind !== 'ours' || this.#carried !== null) return;
    const { toCopy } = this.#place;
    if (toCopy !== null) this.#carried = await carryStep(toCopy, this.#options);
    else {
      const volume = await this.#newest();
      if (volume !== undefined) this.#carried = { volume, gateway: '' };
    }
  }

  /** In the background, once new events are collected. */
  begin(services: Pick<OpenServices, 'desk' | 'dataKey' | 'feed' | 'store'>): void {
    if (this.#closing.signal.aborted) return;
    const { config, clock, log, takeover } = this.#options;
    const { desk: writer, dataKey, feed } = services;
    this.#awaitingFirst ??= this.#untilFirstEvent(services.store);
    if (this.#carried === null || this.#job !== null) return;
    takeover.watch(() => feed.announce('takeover'));
    const { dbPath } = config;
    this.#job = new TakeoverJob({ dbPath, clock, log, takeover, writer, dataKey, carried: this.#carried });
    this.#job.begin();
  }

  async close(): Promise<void> {
    this.#closing.abort();
    await this.#job?.close();
    await this.#awaitingFirst;
  }

  async #newest(): Promise<OldVolume | undefined> {
    return (await oldVolumes(this.#options.config.dbPath)).at(-1);
  }

  async #noteNoHistory(): Promise<void> {
    const { board, config } = this.#options;
    const looked = await lookForHistory(config.dbPath, { cwd: process.cwd() });
    board.set('no_history', { detail: describe(looked) });
  }

  async #untilFirstEvent(store: Pick<OpenServices['store'], 'totals'>): Promise<void> {
    const { board, clock } = this.#options;
    const { signal } = this.#closing;
    if (this.#place?.kind !== 'none') return;
    while (!signal.aborted) {
      if (hasEvents(store)) return board.clear('no_history');
      await clock.sleep(FIRST_EVENT_MS, signal);
    }
  }
}

function hasEvents(store: Pick<OpenServices['store'], 'totals'>): boolean {
  try {
    return store.totals().events > 0;
  } catch {
    // Locked for the moment: the next look tells.
    return false;
  }
}

const FOUND = {
  nothing: '',
  old: ' is one of an older program',
  ours: ' is one of cpamp',
  other: ' is something else',
  unreadable: ' cannot be read',
} as const satisfies Record<LookedAt['found'], string>;

/** Where was looked, and what was there; what is worth a look comes first. */
function describe(looked: readonly LookedAt[]): string {
  const nothing = looked.filter(({ found }) => found === 'nothing').map(({ path }) => path);
  const something = looked
    .filter(({ found }) => found !== 'nothing')
    .map(({ path, found }) => path + FOUND[found]);
  return [...something, ...(nothing.length === 0 ? [] : [`nothing at ${nothing.join(', ')}`])].join('; ');
}
