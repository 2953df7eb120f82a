import type { Clock } from '../../lib/contract/clock.ts';
import type {
  GatewayClient,
  GatewayConnection,
  GatewayInfo,
  KeyBreaker,
} from '../../lib/contract/gateway.ts';
import type { Inbox, Position, SpoolStatus } from '../../lib/contract/inbox.ts';
import type { CollectorMode, RawRecord, TransportName } from '../../lib/contract/record.ts';
import type { DiagnosisCode, Gap, SinkAnswer, Transport } from '../../lib/contract/transport.ts';
import type { CommitResult, ContactState, Writer } from '../../lib/contract/writer.ts';
import { hostOf } from '../../lib/gateway/failures.ts';
import { AppError, type ErrorCode } from '../../lib/errors.ts';
import type { HealthBoard } from '../health-board.ts';
import { GapKeeper } from './gap-keeper.ts';
import { pump } from './pump.ts';
import { CollectorSession, GATEWAY_CODES, type SessionSettings, type TransportContext } from './session.ts';
import type { SupervisorState, SupervisorStatus } from './supervisor.ts';

/** Why nothing is collected, for the health board. */
export type Idle = Extract<DiagnosisCode, 'not_configured' | 'monitoring_off' | 'locked_data_key'>;

export interface CollectorOptions {
  readonly clock: Clock;
  readonly writer: Writer;
  readonly inbox: Inbox;
  readonly board: HealthBoard;
  readonly breaker: KeyBreaker;
  readonly createClient: (connection: GatewayConnection) => GatewayClient;
  readonly createTransport: (name: TransportName, context: TransportContext) => Transport;
  /** Position of the last stored frame. */
  readonly position: Position | null;
  readonly contact: ContactState;
  readonly openGap: Gap | null;
  /** A transport began to deliver. */
  readonly onCollecting: (transport: TransportName, upstream: string) => void;
  readonly onError: (error: unknown, what: string) => void;
  readonly random?: () => number;
}

export interface CollectorStatus {
  readonly state: SupervisorState;
  readonly upstream: string;
  readonly mode: CollectorMode;
  readonly transport: TransportName | '';
  /** Epoch ms, of this process. */
  readonly lastConsumedAt: number | null;
  readonly lastInsertedAt: number | null;
  readonly totalInserted: number;
  readonly totalSkipped: number;
  readonly lastError: string;
  readonly gateway: GatewayInfo | null;
}

/** How long the new configuration may take to come up before the old one is ended. */
const HANDOVER_MS = 5_000;
const HANDOVER_LOOK_MS = 20;
const WRITE_AGAIN_MS = 500;
const NO_CONTACT: ContactState = {
  lastContactMs: null,
  retentionSeconds: null,
  aliveMs: null,
  cleanStopMs: null,
};

/** Takes records from the gateway into the inbox and from there into the store. */
export class Collector {
  readonly #options: CollectorOptions;
  readonly #pumping = new AbortController();
  #pump: Promise<void> | null = null;
  #session: CollectorSession | null = null;
  #trouble: DiagnosisCode | null = null;
  #storeTrouble: DiagnosisCode | null = null;
  #contact: ContactState;
  #contactBelongsTo: string | null = null;
  #openGap: Gap | null;
  #consumed = 0;
  #lastConsumedAt: number | null = null;
  #lastInsertedAt: number | null = null;
  #inserted = 0;
  #skipped = 0;
  #lastError = '';
  #changing: Promise<void> = Promise.resolve();
  #stopping = false;
  #collecting = '';

  constructor(options: CollectorOptions) {
    this.#options = options;
    this.#contact = options.contact;
    this.#openGap = options.openGap;
    options.inbox.onStateChange((status) => this.#onSpool(status));
  }

  /** Starts storing what the inbox holds, whether or not a gateway is set up. */
  start(): void {
    const { inbox, writer, clock, position } = this.#options;
    this.#pump ??= pump(
      {
        inbox,
        writer,
        clock,
        from: position,
        onCommit: (result) => this.#onCommit(result),
        onTrouble: (code, detail) => this.#onStoreTrouble(code, detail),
      },
      this.#pumping.signal,
    ).catch((error: unknown) => this.#options.onError(error, 'storing records'));
  }

  /** Puts a configuration to work, or none. Calls are carried out one after the other. */
  apply(next: SessionSettings | Idle): Promise<void> {
    return this.#queue(() => (typeof next === 'string' ? this.#rest(next) : this.#change(next)));
  }

  /** A person says "try again". */
  async tryAgain(): Promise<void> {
    await this.#options.breaker.reset();
    this.#session?.tryAgain();
  }

  status(): CollectorStatus {
    const session = this.#session;
    return {
      state: session?.status.state ?? 'stopped',
      upstream: session?.settings.connection.baseUrl ?? '',
      mode: session?.settings.mode ?? 'auto',
      transport: session?.status.transport ?? '',
      lastConsumedAt: this.#lastConsumedAt,
      lastInsertedAt: this.#lastInsertedAt,
      totalInserted: this.#inserted,
      totalSkipped: this.#skipped,
      lastError: this.#lastError,
      gateway: session?.info ?? null,
    };
  }

  /** A segment of the spool could not be read: what it held between these times is missing. */
  spoolDamaged(fromMs: number, toMs: number, detail: string): void {
    this.#session?.gaps.record(fromMs, toMs, 'spool_damaged', null, detail);
  }

  /** Ends in good order: nothing more is taken, and what was taken is in the spool, most of it in the store. */
  async stop(): Promise<void> {
    this.#stopping = true;
    await this.#changing;
    const session = this.#session;
    this.#session = null;
    if (session) await this.#leave(session);
    this.#pumping.abort();
    await this.#pump;
  }

  #queue(work: () => Promise<void>): Promise<void> {
    const done = this.#changing.then(work);
    this.#changing = done.catch((error: unknown) => this.#options.onError(error, 'changing the collection'));
    return done;
  }

  async #rest(reason: Idle): Promise<void> {
    const previous = this.#session;
    this.#session = null;
    this.#forgetReasons();
    if (previous) await this.#leave(previous);
    this.#forgetReasons();
    this.#options.board.set(reason);
  }

  async #change(settings: SessionSettings): Promise<void> {
    const previous = this.#session;
    this.#forgetReasons();
    if (previous && previous.settings.connection.baseUrl !== settings.connection.baseUrl) {
      this.#session = null;
      await this.#leave(previous);
      this.#session = await this.#open(settings, null);
      return;
    }
    // The new way in comes up before the old one goes, so that no record falls between them.
    previous?.supersede();
    this.#session = await this.#open(settings, previous?.gaps ?? null);
    if (!previous) return;
    await this.#settled(this.#session);
    const { state, transport } = this.#session.status;
    if (state === 'running' && transport === 'subscribe') previous.cover();
    await previous.end();
  }

  async #open(settings: SessionSettings, known: GapKeeper | null): Promise<CollectorSession> {
    const { clock, writer, board, breaker, inbox, createClient, createTransport, onError, random } =
      this.#options;
    const { baseUrl } = settings.connection;
    const gatewayId = await this.#untilWritten(() => writer.gateway(baseUrl));
    const gaps = known ?? (await this.#beginGaps(baseUrl, gatewayId));
    const session: CollectorSession = new CollectorSession({
      settings,
      gatewayId,
      clock,
      client: createClient(settings.connection),
      gaps,
      board,
      breaker,
      sink: (records) => this.#take(records),
      consumed: () => this.#consumed,
      createTransport,
      onStatus: (status) => this.#onSupervisor(settings.connection, status),
      onError,
      ...(random ? { random } : {}),
    });
    session.start(inbox.status().state !== 'ok');
    return session;
  }

  /** What the last process left behind concerns only the gateway it was about. */
  async #beginGaps(baseUrl: string, gatewayId: number): Promise<GapKeeper> {
    const mine = this.#contactBelongsTo === null || this.#contactBelongsTo === baseUrl;
    const gaps = new GapKeeper({
      clock: this.#options.clock,
      writer: this.#options.writer,
      gatewayId,
      previous: mine ? this.#contact : NO_CONTACT,
      open: mine ? this.#openGap : null,
      onError: (error) => this.#options.onError(error, 'noting a gap'),
    });
    await this.#untilWritten(() => gaps.begin());
    this.#contactBelongsTo = baseUrl;
    this.#openGap = null;
    return gaps;
  }

  async #leave(session: CollectorSession): Promise<void> {
    await session.end();
    await session.gaps.stop();
    this.#contact = {
      lastContactMs: session.gaps.completeMs,
      retentionSeconds: session.gaps.retentionSeconds,
      aliveMs: this.#options.clock.now(),
      cleanStopMs: this.#options.clock.now(),
    };
  }

  #take(records: readonly RawRecord[]): Promise<SinkAnswer> {
    this.#consumed += records.length;
    this.#lastConsumedAt = this.#options.clock.now();
    return this.#options.inbox.append(records);
  }

  /** What must be on disk before a record may be taken: tried until it is, or we stop. */
  async #untilWritten<T>(write: () => Promise<T>): Promise<T> {
    for (;;) {
      try {
        const written = await write();
        this.#onStoreTrouble(null, '');
        return written;
      } catch (error) {
        if (this.#stopping || !(error instanceof AppError)) throw error;
        this.#onStoreTrouble(error.code, error.message);
        await this.#options.clock.sleep(WRITE_AGAIN_MS, this.#pumping.signal);
      }
    }
  }

  /** Resolves when the session runs or has failed once, at the latest after {@link HANDOVER_MS}. */
  async #settled(session: CollectorSession): Promise<void> {
    const { clock } = this.#options;
    const deadline = clock.monotonic() + HANDOVER_MS;
    while (session.status.state === 'starting' && clock.monotonic() < deadline)
      await clock.sleep(HANDOVER_LOOK_MS);
  }

  #forgetReasons(): void {
    this.#options.board.clear('not_configured', 'monitoring_off', 'locked_data_key', ...GATEWAY_CODES);
    this.#clearTrouble();
  }

  #onSupervisor(connection: GatewayConnection, status: SupervisorStatus): void {
    const { board } = this.#options;
    if (status.state !== 'running') this.#collecting = '';
    if (status.trouble === null) {
      if (status.state === 'running') this.#onRunning(connection, status);
      return;
    }
    const { code, detail } = status.trouble;
    if (this.#trouble && this.#trouble !== code) board.clear(this.#trouble);
    this.#trouble = code;
    this.#lastError = detail;
    board.set(code, { url: connection.baseUrl, host: hostOf(connection.baseUrl), detail });
  }

  #onRunning({ baseUrl }: GatewayConnection, { transport }: SupervisorStatus): void {
    this.#clearTrouble();
    if (transport === null || this.#collecting === transport) return;
    this.#collecting = transport;
    this.#options.onCollecting(transport, baseUrl);
  }

  #clearTrouble(): void {
    if (this.#trouble) this.#options.board.clear(this.#trouble);
    this.#trouble = null;
    if (this.#storeTrouble === null) this.#lastError = '';
  }

  #onSpool(status: SpoolStatus): void {
    const { board } = this.#options;
    board.toggle('spool_full', status.state === 'full');
    board.toggle(
      'spool_failed',
      status.state === 'failing',
      status.error === null ? {} : { detail: status.error },
    );
    const session = this.#session;
    if (!session) return;
    if (status.state !== 'ok') {
      session.pause();
      return;
    }
    void this.#queue(async () => {
      if (this.#session === session && this.#options.inbox.status().state === 'ok') await session.resume();
    });
  }

  #onCommit(result: CommitResult): void {
    this.#inserted += result.inserted;
    this.#skipped += result.duplicates;
    if (result.inserted > 0) this.#lastInsertedAt = this.#options.clock.now();
    if (result.refresh) this.#session?.lookNow();
  }

  #onStoreTrouble(code: ErrorCode | null, detail: string): void {
    const { board } = this.#options;
    if (code === null) {
      if (this.#storeTrouble) board.clear(this.#storeTrouble);
      this.#storeTrouble = null;
      if (this.#trouble === null) this.#lastError = '';
      return;
    }
    const reason = code === 'database_locked' || code === 'disk_full' ? code : 'not_storing';
    if (this.#storeTrouble && this.#storeTrouble !== reason) board.clear(this.#storeTrouble);
    this.#storeTrouble = reason;
    this.#lastError = detail;
    board.set(reason, { detail });
  }
}
