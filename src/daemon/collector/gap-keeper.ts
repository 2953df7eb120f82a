import type { Clock } from '../../lib/contract/clock.ts';
import type { Gap, GapCause } from '../../lib/contract/transport.ts';
import type { ContactState, Writer } from '../../lib/contract/writer.ts';

/** CLIProxyAPI keeps records this long when its configuration says nothing. */
export const DEFAULT_RETENTION_SECONDS = 60;

/** How often the last contact is made durable. */
const SAVE_EVERY_MS = 2_000;

/**
 * A record is on its way for a moment: what we received last was published a little earlier than it arrived, and a lost
 * one may have been published before that arrival. Gaps begin this much before the last contact.
 */
const IN_FLIGHT_MS = 1_000;

/** The longest that CLIProxyAPI keeps a record: how old one may be that was waiting before we ever asked. */
const OLDEST_MS = 3_600_000;

export interface GapKeeperOptions {
  readonly clock: Clock;
  readonly writer: Pick<Writer, 'openGap' | 'closeGap' | 'saveContact'>;
  readonly gatewayId: number;
  /** What the last process left behind. */
  readonly previous: ContactState;
  /** A gap that the last process opened and never closed. */
  readonly open: Gap | null;
  readonly onError: (error: unknown) => void;
}

interface OpenGap {
  readonly id: number;
  readonly estimate: number | null;
}

/**
 * Knows since when we may have missed records, and writes it down. It is told of every proof of contact and of every
 * known loss; absences longer than the gateway's retention it finds by itself. A gap never claims too little: where
 * the moment of loss is unknown, the whole time between the last contact and the next one is marked.
 */
export class GapKeeper {
  readonly #clock: Clock;
  readonly #writer: GapKeeperOptions['writer'];
  readonly #gatewayId: number;
  readonly #onError: (error: unknown) => void;
  /** Epoch ms up to which everything has arrived; null while that was never so. */
  #completeMs: number | null;
  /** Epoch ms at which a process, this or an earlier one, was last at work. */
  #aliveMs: number | null;
  /** Monotonic time of the last contact: null until there was one in this process. Wall clocks jump. */
  #lastContactAt: number | null = null;
  #retentionSeconds: number | null;
  #savedAt = Number.NEGATIVE_INFINITY;
  #absence: GapCause;
  #killed: boolean;
  #open: Promise<OpenGap | null>;
  #hasOpen: boolean;
  #pending: Promise<unknown> = Promise.resolve();

  constructor(options: GapKeeperOptions) {
    this.#clock = options.clock;
    this.#writer = options.writer;
    this.#gatewayId = options.gatewayId;
    this.#onError = options.onError;
    this.#completeMs = options.previous.lastContactMs;
    this.#aliveMs = options.previous.aliveMs;
    this.#retentionSeconds = options.previous.retentionSeconds;
    this.#killed = this.#aliveMs !== null && options.previous.cleanStopMs === null;
    this.#absence = 'downtime';
    this.#open = Promise.resolve(options.open && { id: options.open.id, estimate: options.open.estimate });
    this.#hasOpen = options.open !== null;
  }

  get completeMs(): number | null {
    return this.#completeMs;
  }

  /** Seconds for which the gateway keeps records; its own default until it was asked. */
  get retentionSeconds(): number {
    return this.#retentionSeconds ?? DEFAULT_RETENTION_SECONDS;
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
  }

  /** The gateway was there just now. Called for every chunk of bytes, so it does almost nothing. */
  contact(): void {
    const at = this.#clock.monotonic();
    if (this.#lastContactAt === null) this.#resumed();
    else if (at - this.#lastContactAt > this.retentionSeconds * 1_000)
      this.#returned(at - this.#lastContactAt);
    this.#lastContactAt = at;
    if (at - this.#savedAt >= SAVE_EVERY_MS) this.#save(null);
  }

  /** Everything up to `atMs` has arrived. What is lost from now on was published later. */
  complete(atMs: number): void {
    this.#completeMs = atMs;
  }

  /** A transport is at work again: what began with the last loss or absence is over. */
  ready(): void {
    this.contact();
    this.#close();
    this.#absence = 'unreachable';
  }

  /** Why the next absence, if it becomes too long, will have happened. */
  away(cause: GapCause): void {
    this.#absence = cause;
  }

  /** Records are known to be lost. The gap stays open until a transport is ready again. */
  lost(cause: GapCause, estimate: number | null, detail: string): void {
    if (this.#hasOpen) return;
    this.#hasOpen = true;
    const gap = {
      gatewayId: this.#gatewayId,
      fromMs: this.#lossesFrom(this.#clock.now()),
      toMs: null,
      cause,
      estimate,
      detail,
    };
    this.#open = this.#track(
      this.#writer.openGap(gap).then((id) => ({ id, estimate })),
      null,
    );
  }

  /** A loss that is over: records of a truncated answer, a spool segment that cannot be read. */
  record(fromMs: number, toMs: number, cause: GapCause, estimate: number | null, detail: string): void {
    const gap = { gatewayId: this.#gatewayId, fromMs, toMs, cause, estimate, detail };
    void this.#track(this.#writer.openGap(gap), 0);
  }

  /** Writes the last contact, marked as an orderly end. */
  async stop(): Promise<void> {
    this.#save(this.#clock.now());
    await this.settled();
  }

  /** Resolves when everything noted so far is written, or has failed and was reported. */
  async settled(): Promise<void> {
    await this.#pending;
  }

  #close(): void {
    if (!this.#hasOpen) return;
    this.#hasOpen = false;
    const toMs = this.#clock.now();
    const closing = this.#open.then((gap) =>
      gap ? this.#writer.closeGap(gap.id, toMs, gap.estimate) : undefined,
    );
    this.#open = Promise.resolve(null);
    void this.#track(closing, undefined);
  }

  /** First contact of this process: has the gateway forgotten records since the last process? */
  #resumed(): void {
    const last = this.#completeMs;
    if (last === null) return;
    const horizon = this.#clock.now() - this.retentionSeconds * 1_000;
    if (horizon > last && !this.#hasOpen) this.record(last, horizon, this.#absence, null, '');
  }

  /** Contact after an absence in which the gateway forgot records. Durations are monotonic, so a clock jump is none. */
  #returned(absentMs: number): void {
    if (this.#hasOpen) return;
    const now = this.#clock.now();
    this.record(now - absentMs, now - this.retentionSeconds * 1_000, this.#absence, null, '');
  }

  /** How far back the records may date that were lost at `atMs`. */
  #lossesFrom(atMs: number): number {
    return this.#completeMs === null ? atMs - OLDEST_MS : this.#completeMs - IN_FLIGHT_MS;
  }

  #save(cleanStopMs: number | null): void {
    this.#aliveMs = this.#clock.now();
    this.#savedAt = this.#clock.monotonic();
    void this.#track(this.#writer.saveContact(this.#state(cleanStopMs)), undefined);
  }

  #state(cleanStopMs: number | null): ContactState {
    return {
      lastContactMs: this.#completeMs,
      retentionSeconds: this.#retentionSeconds,
      aliveMs: this.#aliveMs,
      cleanStopMs,
    };
  }

  #track<T>(work: Promise<T>, otherwise: T): Promise<T> {
    const settled = work.catch((error: unknown) => {
      this.#onError(error);
      return otherwise;
    });
    this.#pending = Promise.all([this.#pending, settled]);
    return settled;
  }
}
