import type { Clock } from '../../lib/contract/clock.ts';
import type { Gap, GapCause } from '../../lib/contract/transport.ts';
import type { ContactState, Writer } from '../../lib/contract/writer.ts';
import { ASSUMED_RETENTION_SECONDS } from '../../lib/gateway/info.ts';
import { GapWriter, type GapHandle } from './gap-writer.ts';

/** How often it is made durable that we are at work, and what is complete. */
const SAVE_EVERY_MS = 2_000;

/**
 * A record is on its way for a moment: what we received last was published a little earlier than it arrived, and a lost
 * one may have been published before that arrival. Gaps begin this much before the last contact.
 */
const IN_FLIGHT_MS = 1_000;

/** The longest that CLIProxyAPI keeps a record: how old one may be that was waiting before we ever asked. */
const OLDEST_MS = 3_600_000;

/** How long an end waits for what is not yet written. Without it the next start finds no clean stop, and says so. */
const STOP_MS = 2_000;

export interface GapKeeperOptions {
  readonly clock: Clock;
  readonly writer: Pick<Writer, 'openGap' | 'closeGap' | 'saveContact'>;
  readonly gatewayId: number;
  /** What the last process, or the last session of this one, left behind. */
  readonly previous: ContactState;
  /** Gaps that were opened and never closed. */
  readonly open: readonly Gap[];
  /** Why nothing was taken from this gateway until now. */
  readonly absence: GapCause;
  readonly onError: (error: unknown) => void;
}

/**
 * Knows since when we may have missed records, and writes it down. It is told of every proof of contact and of every
 * known loss; absences longer than the gateway's retention it finds by itself. A gap never claims too little: where
 * the moment of loss is unknown, the whole time from when all had arrived until that is so again is marked.
 */
export class GapKeeper {
  readonly #clock: Clock;
  readonly #writer: GapKeeperOptions['writer'];
  readonly #notes: GapWriter;
  readonly #gatewayId: number;
  /** Epoch ms up to which everything has arrived; null while that was never so. */
  #completeMs: number | null;
  /** Epoch ms at which a process, this or an earlier one, was last at work. */
  #aliveMs: number | null;
  /** Monotonic time of the last contact: null until there was one in this process. Wall clocks jump. */
  #lastContactAt: number | null = null;
  #retentionSeconds: number | null;
  #absence: GapCause;
  #killed: boolean;
  #open: GapHandle[];
  /** When the last of the open gaps was noted, epoch ms. */
  #openedMs = 0;
  readonly #stopped = new AbortController();
  #saving: Promise<void> = Promise.resolve();

  constructor(options: GapKeeperOptions) {
    this.#clock = options.clock;
    this.#writer = options.writer;
    this.#gatewayId = options.gatewayId;
    this.#notes = new GapWriter(options.writer, options.clock, options.onError);
    this.#completeMs = options.previous.lastContactMs;
    this.#aliveMs = options.previous.aliveMs;
    this.#retentionSeconds = options.previous.retentionSeconds;
    this.#killed = this.#aliveMs !== null && options.previous.cleanStopMs === null;
    this.#absence = options.absence;
    this.#open = options.open.map(({ id, estimate }) => ({ id, estimate }));
  }

  /** Seconds for which the gateway keeps records; its own default until it was asked. */
  get retentionSeconds(): number {
    return this.#retentionSeconds ?? ASSUMED_RETENTION_SECONDS;
  }

  setRetention(seconds: number): void {
    this.#retentionSeconds = seconds;
  }

  /**
   * Writes down what a killed process has lost, and that from now on this one may lose something. To be awaited before
   * the first record can be taken; rejects when it could not be written.
   */
  async begin(): Promise<void> {
    const now = this.#clock.now();
    if (this.#killed && this.#aliveMs !== null) {
      // It was seen at work every 2 s: so late after the last time, it was dead.
      const end = this.#aliveMs + SAVE_EVERY_MS + IN_FLIGHT_MS;
      await this.#writer.openGap({
        gatewayId: this.#gatewayId,
        fromMs: this.#lossesFrom(this.#aliveMs),
        toMs: Math.min(end, Math.max(now, this.#aliveMs)),
        cause: 'killed',
        estimate: null,
        detail: 'The daemon did not stop in good order.',
      });
    }
    this.#killed = false;
    this.#aliveMs = now;
    await this.#writer.saveContact(this.#state(null));
    this.#saving = this.#saveFromTimeToTime();
  }

  /** The gateway was there just now. Called for every chunk of bytes, so it does almost nothing. */
  contact(): void {
    const at = this.#clock.monotonic();
    if (this.#lastContactAt === null) this.#resumed();
    else if (at - this.#lastContactAt > this.retentionSeconds * 1_000)
      this.#returned(at - this.#lastContactAt);
    this.#lastContactAt = at;
  }

  /** Everything up to `atMs` has arrived. What is lost from now on was published later. */
  complete(atMs: number): void {
    const first = this.#completeMs === null;
    this.#completeMs = atMs;
    if (this.#open.length > 0 && atMs > this.#openedMs) this.#close(atMs);
    if (first) this.#save(null);
  }

  /** A transport is at work again: what began with the last loss or absence is over. */
  ready(): void {
    this.contact();
    this.#close(this.#clock.now());
    this.#absence = 'unreachable';
  }

  /** Why the next absence, if it becomes too long, will have happened. */
  away(cause: GapCause): void {
    this.#absence = cause;
  }

  /** Records are known to be lost. Unless the loss is over at once, the gap stays open until all arrives again. */
  lost(cause: GapCause, estimate: number | null, detail: string): void {
    const now = this.#clock.now();
    const fromMs = this.#lossesFrom(now);
    if (cause === 'truncated_answer') {
      this.record(fromMs, now, cause, estimate, detail);
      return;
    }
    this.#openedMs = now;
    if (this.#open.length > 0) return;
    const gap = { gatewayId: this.#gatewayId, fromMs, toMs: null, cause, estimate, detail };
    this.#open = [this.#notes.open(gap)];
  }

  /** A loss that is over. */
  record(fromMs: number, toMs: number, cause: GapCause, estimate: number | null, detail: string): void {
    this.#notes.open({ gatewayId: this.#gatewayId, fromMs, toMs, cause, estimate, detail });
  }

  /** Writes that this is an orderly end, if that can be written within a moment. Answers what the next begins with. */
  async stop(): Promise<ContactState> {
    this.#stopped.abort();
    await this.#saving;
    this.#save(this.#clock.now());
    const waited = new AbortController();
    await Promise.race([this.settled(), this.#clock.sleep(STOP_MS, waited.signal)]);
    waited.abort();
    const clean = this.#notes.giveUp();
    return this.#state(clean ? this.#clock.now() : null);
  }

  /** Resolves when everything noted so far is written. */
  settled(): Promise<void> {
    return this.#notes.settled();
  }

  async #saveFromTimeToTime(): Promise<void> {
    while (!this.#stopped.signal.aborted) {
      await this.#clock.sleep(SAVE_EVERY_MS, this.#stopped.signal);
      if (!this.#stopped.signal.aborted) this.#save(null);
    }
  }

  #close(toMs: number): void {
    for (const gap of this.#open) this.#notes.close(gap, toMs);
    this.#open = [];
  }

  /** First contact of this session: has the gateway forgotten records since the last one? */
  #resumed(): void {
    const last = this.#completeMs;
    if (last === null) return;
    const horizon = this.#clock.now() - this.retentionSeconds * 1_000;
    if (horizon > last && this.#open.length === 0) this.record(last, horizon, this.#absence, null, '');
  }

  /** Contact after an absence in which the gateway forgot records. Durations are monotonic, so a clock jump is none. */
  #returned(absentMs: number): void {
    if (this.#open.length > 0) return;
    const now = this.#clock.now();
    this.record(now - absentMs, now - this.retentionSeconds * 1_000, this.#absence, null, '');
  }

  /** How far back the records may date that were lost at `atMs`. */
  #lossesFrom(atMs: number): number {
    return this.#completeMs === null ? atMs - OLDEST_MS : this.#completeMs - IN_FLIGHT_MS;
  }

  #save(cleanStopMs: number | null): void {
    this.#aliveMs = this.#clock.now();
    this.#notes.contact(this.#state(cleanStopMs));
  }

  #state(cleanStopMs: number | null): ContactState {
    return {
      gatewayId: this.#gatewayId,
      lastContactMs: this.#completeMs,
      retentionSeconds: this.#retentionSeconds,
      aliveMs: this.#aliveMs,
      cleanStopMs,
    };
  }
}
