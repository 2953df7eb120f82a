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
import type { ContactState, Writer } from '../../lib/contract/writer.ts';
import { AppError } from '../../lib/errors.ts';
import { hostOf } from '../../lib/gateway/failures.ts';
import { isControlMessage } from '../../lib/usage/control.ts';
import type { HealthBoard } from '../health-board.ts';
import { GapKeeper } from './gap-keeper.ts';
import { CollectorSession, GATEWAY_CODES, type SessionSettings, type TransportContext } from './session.ts';
import { Storing } from './storing.ts';
import type { SupervisorState, SupervisorStatus } from './supervisor.ts';

/** Why nothing is collected, for the health board. */
export type Idle = Extract<DiagnosisCode, 'not_configured' | 'monitoring_off' | 'locked_data_key'>;

export interface CollectorOptions {
  readonly clock: Clock;
  readonly writer: Writer;
  /** Stores records: the writer, or whoever looks on while it does. */
  readonly commits: Pick<Writer, 'commit'>;
  readonly inbox: Inbox;
  readonly board: HealthBoard;
  readonly breaker: KeyBreaker;
  readonly createClient: (connection: GatewayConnection) => GatewayClient;
  readonly createTransport: (name: TransportName, context: TransportContext) => Transport;
  /** Position of the last stored frame. */
  readonly position: Position | null;
  /** Where collecting from a gateway stood when the last process ended. */
  readonly contact: (gatewayId: number) => ContactState;
  readonly openGaps: (gatewayId: number) => readonly Gap[];
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

/** Records of the spool that cannot be read, and the one who waits until that is written down. */
interface Damage {
  readonly fromMs: number;
  readonly toMs: number;
  readonly records: number | null;
  readonly detail: string;
  readonly noted: () => void;
}

/** How long the new configuration may take to come up before the old one is ended. */
const HANDOVER_MS = 5_000;
const HANDOVER_LOOK_MS = 20;
const WRITE_AGAIN_MS = 500;
/** How long an end waits for what is being changed or stored; the spool keeps what is not. */
const PATIENCE_MS = 2_000;

/** Takes records from the gateway into the inbox and from there into the store. */
export class Collector {
  readonly #options: CollectorOptions;
  readonly #storing: Storing;
  readonly #stopping = new AbortController();
  /** What ended sessions of this process left behind, by gateway. */
  readonly #left = new Map<number, Promise<ContactState>>();
  #session: CollectorSession | null = null;
  #trouble: DiagnosisCode | null = null;
  #troubleText = '';
  #damages: Damage[] = [];
  #consumed = 0;
  #lastConsumedAt: number | null = null;
  #changing: Promise<void> = Promise.resolve();
  #collecting = '';

  constructor(options: CollectorOptions) {
    this.#options = options;
    this.#storing = new Storing({
      ...options,
      writer: options.commits,
      onRefresh: () => this.#session?.lookNow(),
    });
    options.inbox.onStateChange((status) => this.#onSpool(status));
  }

  /** Starts storing what the inbox holds, whether or not a gateway is set up. */
  start(): void {
    this.#storing.start();
  }

  /** Puts a configuration to work, or none. Calls are carried out one after the other. */
  apply(next: SessionSettings | Idle): Promise<void> {
    return this.#queue(() => (typeof next === 'string' ? this.#rest(next) : this.#change(next)));
  }

  /** A person says "try again". */
  async tryAgain(): Promise<void> {
    try {
      await this.#options.breaker.reset();
    } finally {
      this.#session?.tryAgain();
    }
  }

  status(): CollectorStatus {
    const session = this.#session;
    return {
      state: session?.status.state ?? 'stopped',
      upstream: session?.settings.connection.baseUrl ?? '',
      mode: session?.settings.mode ?? 'auto',
      transport: session?.status.transport ?? '',
      lastConsumedAt: this.#lastConsumedAt,
      lastInsertedAt: this.#storing.lastInsertedAt,
      totalInserted: this.#storing.inserted,
      totalSkipped: this.#storing.skipped,
      lastError: this.#storing.lastError || this.#troubleText,
      gateway: session?.info ?? null,
    };
  }

  /**
   * What a segment of the spool held cannot be read. Resolves when that is written down, which needs a gateway to
   * write it for.
   */
  spoolDamaged(damage: Omit<Damage, 'noted'>): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#damages.push({ ...damage, noted: resolve });
    this.#noteDamages();
    return promise;
  }

  /** Ends in good order: nothing more is taken, and what was taken is in the spool, most of it in the store. */
  async stop(): Promise<void> {
    this.#stopping.abort();
    await this.#patiently(this.#changing);
    const session = this.#session;
    this.#session = null;
    if (session) this.#leave(session);
    await Promise.all(this.#left.values());
    this.#storing.stop();
    await this.#patiently(this.#storing.ended());
  }

  #queue(work: () => Promise<void>): Promise<void> {
    const done = this.#changing.then(work);
    this.#changing = done.catch((error: unknown) => {
      if (!this.#stopping.signal.aborted) this.#options.onError(error, 'changing the collection');
    });
    return done;
  }

  #rest(reason: Idle): Promise<void> {
    const previous = this.#session;
    this.#session = null;
    this.#forgetReasons();
    if (previous) this.#leave(previous);
    this.#options.board.set(reason);
    return Promise.resolve();
  }

  async #change(settings: SessionSettings): Promise<void> {
    const previous = this.#session;
    this.#forgetReasons();
    if (previous && previous.settings.connection.baseUrl !== settings.connection.baseUrl) {
      this.#session = null;
      this.#leave(previous);
      this.#session = await this.#open(settings, null);
      return;
    }
    // The new way in comes up before the old one goes, so that no record falls between them.
    previous?.supersede();
    const session = await this.#open(settings, previous?.gaps ?? null);
    this.#session = session;
    if (!previous) return;
    await this.#settled(session);
    const { state, transport } = session.status;
    if (state === 'running' && transport === 'subscribe') previous.cover();
    this.#later(previous.end(), 'ending the old way in');
  }

  async #open(settings: SessionSettings, known: GapKeeper | null): Promise<CollectorSession> {
    const { inbox } = this.#options;
    const { connection } = settings;
    const gatewayId = await this.#untilWritten(() => this.#options.writer.gateway(connection.baseUrl));
    const gaps = known ?? (await this.#beginGaps(gatewayId));
    this.#stopping.signal.throwIfAborted();
    const session: CollectorSession = new CollectorSession({
      ...this.#options,
      settings,
      gatewayId,
      client: this.#options.createClient(connection),
      gaps,
      sink: (records) => this.#take(records, gaps),
      consumed: () => this.#consumed,
      onStatus: (status) => this.#onSupervisor(connection, status),
    });
    session.start(inbox.status().state !== 'ok');
    this.#noteDamages(gaps);
    return session;
  }

  async #beginGaps(gatewayId: number): Promise<GapKeeper> {
    const left = await this.#left.get(gatewayId);
    this.#left.delete(gatewayId);
    const gaps = new GapKeeper({
      clock: this.#options.clock,
      writer: this.#options.writer,
      gatewayId,
      previous: left ?? this.#options.contact(gatewayId),
      open: this.#options.openGaps(gatewayId),
      absence: left ? 'paused' : 'downtime',
      onError: (error) => this.#options.onError(error, 'noting a gap'),
    });
    await this.#untilWritten(() => gaps.begin());
    return gaps;
  }

  /** Ends a session that nobody takes over, without being waited for: a disk that hangs must not hang a request. */
  #leave(session: CollectorSession): void {
    session.supersede();
    const left = session
      .end()
      .catch((error: unknown) => this.#options.onError(error, 'ending collection'))
      .then(() => session.gaps.stop());
    this.#left.set(session.gatewayId, left);
    this.#later(left, 'ending collection');
  }

  #later(work: Promise<unknown>, what: string): void {
    work.catch((error: unknown) => this.#options.onError(error, what));
  }

  async #take(records: readonly RawRecord[], gaps: GapKeeper): Promise<SinkAnswer> {
    this.#consumed += records.length;
    if (!records.every(({ payload }) => isControlMessage(payload)))
      this.#lastConsumedAt = this.#options.clock.now();
    try {
      return await this.#options.inbox.append(records);
    } catch (error) {
      gaps.lost('spool_damaged', records.length, 'The spool could not be written before the daemon ended.');
      throw error;
    }
  }

  #noteDamages(gaps = this.#session?.gaps): void {
    if (!gaps) return;
    const damages = this.#damages;
    this.#damages = [];
    for (const { fromMs, toMs, records, detail, noted } of damages) {
      gaps.record(fromMs, toMs, 'spool_damaged', records, detail);
      this.#later(gaps.settled().then(noted), 'noting a damaged spool');
    }
  }

  /** What must be on disk before a record may be taken: tried until it is, or we stop. */
  async #untilWritten<T>(write: () => Promise<T>): Promise<T> {
    for (;;) {
      try {
        const written = await write();
        this.#storing.note(null, '');
        return written;
      } catch (error) {
        if (this.#stopping.signal.aborted || !(error instanceof AppError)) throw error;
        this.#storing.note(error.code, error.message);
        await this.#options.clock.sleep(WRITE_AGAIN_MS, this.#stopping.signal);
      }
    }
  }

  /** Resolves when the session runs or has failed once, at the latest after {@link HANDOVER_MS}. */
  async #settled(session: CollectorSession): Promise<void> {
    const { clock } = this.#options;
    const deadline = clock.monotonic() + HANDOVER_MS;
    while (session.status.state === 'starting' && clock.monotonic() < deadline) {
      await clock.sleep(HANDOVER_LOOK_MS, this.#stopping.signal);
    }
  }

  async #patiently(work: Promise<unknown>): Promise<void> {
    const done = new AbortController();
    await Promise.race([work, this.#options.clock.sleep(PATIENCE_MS, done.signal)]);
    done.abort();
  }

  #forgetReasons(): void {
    this.#options.board.clear('not_configured', 'monitoring_off', 'locked_data_key', ...GATEWAY_CODES);
    this.#clearTrouble();
  }

  #onSupervisor(connection: GatewayConnection, { state, transport, trouble }: SupervisorStatus): void {
    const { board } = this.#options;
    if (state !== 'running') this.#collecting = '';
    if (trouble === null) {
      if (state === 'running' && transport !== null) this.#onRunning(connection, transport);
      return;
    }
    const { code, detail } = trouble;
    if (this.#trouble && this.#trouble !== code) board.clear(this.#trouble);
    this.#trouble = code;
    this.#troubleText = detail;
    board.set(code, { url: connection.baseUrl, host: hostOf(connection.baseUrl), detail });
  }

  #onRunning({ baseUrl }: GatewayConnection, transport: TransportName): void {
    this.#clearTrouble();
    if (this.#collecting === transport) return;
    this.#collecting = transport;
    this.#options.onCollecting(transport, baseUrl);
  }

  #clearTrouble(): void {
    if (this.#trouble) this.#options.board.clear(this.#trouble);
    this.#trouble = null;
    this.#troubleText = '';
  }

  #onSpool({ state, error }: SpoolStatus): void {
    const { board, inbox } = this.#options;
    board.toggle('spool_full', state === 'full');
    board.toggle('spool_failed', state === 'failing', error === null ? {} : { detail: error });
    const session = this.#session;
    if (!session) return;
    if (state !== 'ok') {
      session.pause();
      return;
    }
    this.#later(
      this.#queue(async () => {
        if (this.#session === session && inbox.status().state === 'ok') await session.resume();
      }),
      'resuming collection',
    );
  }
}
