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
import type { ErrorCode } from '../../lib/errors.ts';
import type { HealthBoard } from '../health-board.ts';
import { GapKeeper } from './gap-keeper.ts';
import { GatewayWatch } from './gateway-watch.ts';
import { pump } from './pump.ts';
import { Supervisor, type SupervisorState, type SupervisorStatus } from './supervisor.ts';

/** What decides how records are taken. */
export interface CollectorSettings {
  readonly connection: GatewayConnection;
  readonly mode: CollectorMode;
  readonly batchSize: number;
  readonly pollIntervalMs: number;
}

/** Why nothing is collected, for the health board. */
export type Idle = Extract<DiagnosisCode, 'not_configured' | 'monitoring_off' | 'locked_data_key'>;

export interface TransportContext {
  readonly settings: CollectorSettings;
  readonly client: GatewayClient;
  readonly gatewayId: number;
  readonly retentionSeconds: () => number;
}

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
  readonly onError: (error: unknown, what: string) => void;
  readonly random?: () => number;
}

export interface CollectorStatus {
  readonly state: SupervisorState;
  readonly upstream: string;
  readonly mode: CollectorMode;
  readonly transport: TransportName | '';
  readonly lastConsumedAt: number | null;
  readonly lastInsertedAt: number | null;
  readonly totalInserted: number;
  readonly totalSkipped: number;
  readonly lastError: string;
  readonly gateway: GatewayInfo | null;
}

/** What belongs to one configuration: it is replaced as a whole. */
interface Session {
  readonly settings: CollectorSettings;
  readonly client: GatewayClient;
  readonly gaps: GapKeeper;
  readonly watch: GatewayWatch;
  readonly abort: AbortController;
  supervisor: Supervisor;
  watching: Promise<void>;
  superseded: boolean;
}

/** Versions before this one report less of a request than the panel can show. */
const RECOMMENDED = [7, 1, 39] as const;
/** A retention below this is worth a word: any restart of a minute would lose records. */
const SHORT_RETENTION_SECONDS = 600;
/** How long the new configuration may take to come up before the old one is ended. */
const HANDOVER_MS = 5_000;

/** Codes that describe the connection to one gateway; they go when it is replaced. */
const SESSION_CODES: readonly DiagnosisCode[] = [
  'publishing_off',
  'older_than_recommended',
  'retention_short',
  'poll_exceeds_retention',
  'second_consumer',
];

/** Takes records from the gateway into the inbox and from there into the store. */
export class Collector {
  readonly #options: CollectorOptions;
  readonly #pumping = new AbortController();
  #pump: Promise<void> | null = null;
  #session: Session | null = null;
  #trouble: DiagnosisCode | null = null;
  #storeTrouble: DiagnosisCode | null = null;
  #gateway: GatewayInfo | null = null;
  #contact: ContactState;
  #openGap: Gap | null;
  #contactBelongsTo: string | null = null;
  #consumed = 0;
  #lastConsumedAt: number | null = null;
  #lastInsertedAt: number | null = null;
  #inserted = 0;
  #skipped = 0;
  #lastError = '';
  #changing: Promise<void> = Promise.resolve();

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
  apply(settings: CollectorSettings | Idle): Promise<void> {
    this.#changing = this.#changing.then(() => this.#change(settings));
    return this.#changing;
  }

  /** A person says "try again". */
  async tryAgain(): Promise<void> {
    await this.#options.breaker.reset();
    this.#session?.supervisor.tryAgain();
    this.#session?.watch.lookNow();
  }

  status(): CollectorStatus {
    const session = this.#session;
    const status = session?.supervisor.status;
    return {
      state: status?.state ?? 'stopped',
      upstream: session?.settings.connection.baseUrl ?? '',
      mode: session?.settings.mode ?? 'auto',
      transport: status?.transport ?? '',
      lastConsumedAt: this.#lastConsumedAt,
      lastInsertedAt: this.#lastInsertedAt,
      totalInserted: this.#inserted,
      totalSkipped: this.#skipped,
      lastError: this.#lastError,
      gateway: this.#gateway,
    };
  }

  /** A segment of the spool could not be read: what it held between these times is missing. */
  spoolDamaged(fromMs: number, toMs: number, detail: string): void {
    this.#session?.gaps.record(fromMs, toMs, 'spool_damaged', null, detail);
  }

  /** Ends in good order: nothing more is taken, and what was taken is in the spool, most of it in the store. */
  async stop(): Promise<void> {
    await this.#changing;
    const session = this.#session;
    this.#session = null;
    if (session) await this.#end(session, true);
    this.#pumping.abort();
    await this.#pump;
  }

  async #change(next: CollectorSettings | Idle): Promise<void> {
    const { board } = this.#options;
    const previous = this.#session;
    board.clear('not_configured', 'monitoring_off', 'locked_data_key', ...SESSION_CODES);
    if (typeof next === 'string') {
      this.#session = null;
      if (previous) {
        await this.#end(previous, true);
        previous.gaps.away('paused');
      }
      this.#clearTrouble();
      board.set(next);
      return;
    }
    const sameGateway = previous?.settings.connection.baseUrl === next.connection.baseUrl;
    const session = await this.#open(next, sameGateway ? previous.gaps : null);
    this.#session = session;
    if (previous && sameGateway) {
      // The new way in comes up before the old one goes, so that no record falls between them.
      await this.#settled(session.supervisor);
      previous.superseded = true;
    }
    if (previous) await this.#end(previous, !sameGateway);
  }

  async #open(settings: CollectorSettings, gaps: GapKeeper | null): Promise<Session> {
    const { clock, writer, createClient, onError, board } = this.#options;
    const gatewayId = await writer.gateway(settings.connection.baseUrl);
    const mine = this.#contactBelongsTo === null || this.#contactBelongsTo === settings.connection.baseUrl;
    const keeper =
      gaps ??
      new GapKeeper({
        clock,
        writer,
        gatewayId,
        previous: mine ? this.#contact : { lastContactMs: null, retentionSeconds: null, cleanStopMs: null },
        open: mine ? this.#openGap : null,
        onError: (error) => onError(error, 'noting a gap'),
      });
    this.#contactBelongsTo = settings.connection.baseUrl;
    this.#openGap = null;
    const client = createClient(settings.connection);
    const watch = new GatewayWatch({
      client,
      clock,
      consumed: () => this.#consumed,
      onInfo: (info) => this.#onInfo(session, info),
      onVersionChange: () => session.supervisor.gatewayChanged(),
      onRestart: (sinceMs) => keeper.record(sinceMs, clock.now(), 'gateway_restart', null, ''),
      onSecondConsumer: (suspected) => board.toggle('second_consumer', suspected),
      onFailure: () => {},
    });
    const session: Session = {
      settings,
      client,
      gaps: keeper,
      watch,
      abort: new AbortController(),
      supervisor: this.#supervisor(settings, client, keeper, gatewayId, () => session),
      watching: Promise.resolve(),
      superseded: false,
    };
    if (this.#options.inbox.status().state === 'ok') session.supervisor.start();
    session.watching = watch
      .run(session.abort.signal)
      .catch((error: unknown) => onError(error, 'looking at the gateway'));
    return session;
  }

  #supervisor(
    settings: CollectorSettings,
    client: GatewayClient,
    gaps: GapKeeper,
    gatewayId: number,
    session: () => Session,
  ): Supervisor {
    const { clock, createTransport, breaker, random } = this.#options;
    return new Supervisor({
      mode: settings.mode,
      clock,
      ...(random ? { random } : {}),
      createTransport: (name) =>
        createTransport(name, { settings, client, gatewayId, retentionSeconds: () => gaps.retentionSeconds }),
      sink: (records) => this.#take(records),
      onContact: () => gaps.contact(),
      onReady: () => gaps.ready(),
      onLost: (cause, estimate, detail) => {
        if (!session().superseded) gaps.lost(cause, estimate, detail);
      },
      onAway: (cause) => gaps.away(cause),
      onStatus: (status) => {
        if (this.#session?.supervisor === session().supervisor) this.#onSupervisor(settings, status);
      },
      refusalPauseMs: () => Math.max(0, (breaker.current()?.untilMs ?? 0) - clock.now()),
    });
  }

  #take(records: readonly RawRecord[]): Promise<SinkAnswer> {
    this.#consumed += records.length;
    this.#lastConsumedAt = this.#options.clock.now();
    return this.#options.inbox.append(records);
  }

  /** Resolves when the supervisor runs or has failed once, at the latest after {@link HANDOVER_MS}. */
  async #settled(supervisor: Supervisor): Promise<void> {
    const { clock } = this.#options;
    const deadline = clock.monotonic() + HANDOVER_MS;
    while (supervisor.status.state === 'starting' && clock.monotonic() < deadline) await clock.sleep(20);
  }

  async #end(session: Session, last: boolean): Promise<void> {
    session.abort.abort();
    await session.supervisor.stop();
    await session.watching;
    if (last) {
      await session.gaps.stop();
      this.#contact = {
        lastContactMs: session.gaps.lastContactMs,
        retentionSeconds: session.gaps.retentionSeconds,
        cleanStopMs: this.#options.clock.now(),
      };
    }
    await session.client.close();
  }

  #onInfo(session: Session, info: GatewayInfo): void {
    if (this.#session !== session) return;
    const { board } = this.#options;
    const { pollIntervalMs, connection } = session.settings;
    const url = connection.baseUrl;
    this.#gateway = info;
    session.gaps.setRetention(info.retentionSeconds);
    const facts = { url, version: info.version, retentionSeconds: info.retentionSeconds, pollIntervalMs };
    board.toggle('publishing_off', !info.usageStatisticsEnabled, facts);
    board.toggle('older_than_recommended', isOlder(info.version), facts);
    board.toggle('retention_short', info.retentionSeconds < SHORT_RETENTION_SECONDS, facts);
    board.toggle('poll_exceeds_retention', pollIntervalMs > info.retentionSeconds * 1_000, facts);
  }

  #onSupervisor(settings: CollectorSettings, status: SupervisorStatus): void {
    const { board } = this.#options;
    const url = settings.connection.baseUrl;
    if (status.trouble === null) {
      if (status.state === 'running') this.#clearTrouble();
      return;
    }
    if (this.#trouble && this.#trouble !== status.trouble.code) board.clear(this.#trouble);
    this.#trouble = status.trouble.code;
    this.#lastError = status.trouble.detail;
    board.set(status.trouble.code, { url, host: hostOf(url), detail: status.trouble.detail });
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
    if (status.state === 'ok') {
      this.#changing = this.#changing.then(() => this.#resume(session));
    } else {
      session.gaps.away('spool_full');
      void session.supervisor.stop();
    }
  }

  /** Opens the way in again once the spool has room: with a supervisor of its own, since the old one has ended. */
  async #resume(session: Session): Promise<void> {
    if (this.#session !== session || this.#options.inbox.status().state !== 'ok') return;
    await session.supervisor.stop();
    const gatewayId = await this.#options.writer.gateway(session.settings.connection.baseUrl);
    session.supervisor = this.#supervisor(
      session.settings,
      session.client,
      session.gaps,
      gatewayId,
      () => session,
    );
    session.supervisor.start();
  }

  #onCommit(result: CommitResult): void {
    this.#inserted += result.inserted;
    this.#skipped += result.duplicates;
    if (result.inserted > 0) this.#lastInsertedAt = this.#options.clock.now();
    if (result.refresh) this.#session?.watch.lookNow();
  }

  #onStoreTrouble(code: ErrorCode | null, detail: string): void {
    const { board } = this.#options;
    if (this.#storeTrouble) board.clear(this.#storeTrouble);
    this.#storeTrouble = null;
    if (code === null) {
      if (this.#trouble === null) this.#lastError = '';
      return;
    }
    this.#storeTrouble = code === 'database_locked' || code === 'disk_full' ? code : 'not_storing';
    this.#lastError = detail;
    board.set(this.#storeTrouble, { detail });
  }
}

function hostOf(url: string): string {
  return URL.canParse(url) ? new URL(url).host : url;
}

/** True for a released version below the recommended one; source builds call themselves `dev`. */
function isOlder(version: string): boolean {
  const match = /^v?(\d+)\.(\d+)\.(\d+)/.exec(version);
  if (!match) return false;
  for (const [index, wanted] of RECOMMENDED.entries()) {
    const part = Number(match[index + 1]);
    if (part !== wanted) return part < wanted;
  }
  return false;
}
