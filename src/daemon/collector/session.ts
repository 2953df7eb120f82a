import type { Clock } from '../../lib/contract/clock.ts';
import type {
  GatewayClient,
  GatewayConnection,
  GatewayInfo,
  KeyBreaker,
} from '../../lib/contract/gateway.ts';
import type { CollectorMode, TransportName } from '../../lib/contract/record.ts';
import type { DiagnosisCode, Sink, Transport } from '../../lib/contract/transport.ts';
import { judgeGateway } from '../../lib/gateway/judge-gateway.ts';
import type { HealthBoard } from '../health-board.ts';
import type { GapKeeper } from './gap-keeper.ts';
import { GatewayWatch } from './gateway-watch.ts';
import { Supervisor, type SupervisorStatus } from './supervisor.ts';

/** What decides how records are taken. */
export interface SessionSettings {
  readonly connection: GatewayConnection;
  readonly mode: CollectorMode;
  readonly batchSize: number;
  readonly pollIntervalMs: number;
}

export interface TransportContext {
  readonly settings: SessionSettings;
  readonly client: GatewayClient;
  readonly gatewayId: number;
  readonly retentionSeconds: () => number;
}

export interface SessionOptions {
  readonly settings: SessionSettings;
  readonly gatewayId: number;
  readonly clock: Clock;
  readonly client: GatewayClient;
  readonly gaps: GapKeeper;
  readonly board: HealthBoard;
  readonly breaker: KeyBreaker;
  readonly sink: Sink;
  /** Records taken since the start of the daemon. */
  readonly consumed: () => number;
  readonly createTransport: (name: TransportName, context: TransportContext) => Transport;
  readonly onStatus: (status: SupervisorStatus) => void;
  readonly onError: (error: unknown, what: string) => void;
  readonly random?: () => number;
}

/** What a look at the gateway decides, in the order in which the board shows what is equally grave. */
const JUDGED_CODES = [
  'publishing_off',
  'older_than_recommended',
  'retention_short',
  'poll_exceeds_retention',
] as const satisfies readonly DiagnosisCode[];

/** Codes that describe the gateway of a session; they go when it is replaced. */
export const GATEWAY_CODES: readonly DiagnosisCode[] = [
  ...JUDGED_CODES,
  'second_consumer',
  'management_disabled',
];

/** The collecting of one configuration: the way in, and an eye on the gateway. Replaced as a whole by the next one. */
export class CollectorSession {
  readonly settings: SessionSettings;
  readonly gatewayId: number;
  readonly gaps: GapKeeper;
  readonly #options: SessionOptions;
  readonly #watch: GatewayWatch;
  readonly #ending = new AbortController();
  #supervisor: Supervisor;
  #watching: Promise<void> = Promise.resolve();
  #superseded = false;
  #covered = false;
  #paused = false;
  #info: GatewayInfo | null = null;

  constructor(options: SessionOptions) {
    this.settings = options.settings;
    this.gatewayId = options.gatewayId;
    this.gaps = options.gaps;
    this.#options = options;
    this.#supervisor = this.#createSupervisor();
    this.#watch = new GatewayWatch({
      client: options.client,
      clock: options.clock,
      consumed: options.consumed,
      collecting: () => this.status.state === 'running',
      onInfo: (info) => this.#onInfo(info),
      onVersionChange: () => this.#supervisor.gatewayChanged(),
      onRestart: (sinceMs) => this.#onRestart(sinceMs),
      onSecondConsumer: (suspected) => {
        if (!this.#superseded) options.board.toggle('second_consumer', suspected);
      },
      // The transports meet the same trouble, and tell it with more detail, but for one: see there.
      onFailure: (error) => this.#onManagement(error.diagnosis !== 'management_disabled'),
    });
  }

  get status(): SupervisorStatus {
    return this.#supervisor.status;
  }

  /** What the gateway last said of itself. */
  get info(): GatewayInfo | null {
    return this.#info;
  }

  /** `paused`: only the gateway is looked at, nothing is taken until {@link resume}. */
  start(paused: boolean): void {
    this.#paused = paused;
    if (!paused) this.#supervisor.start();
    this.#watching = this.#watch
      .run(this.#ending.signal)
      .catch((error: unknown) => this.#options.onError(error, 'looking at the gateway'));
  }

  /** Takes nothing for a while, in good order: the gateway queues meanwhile. */
  pause(): void {
    this.#paused = true;
    this.gaps.away('spool_full');
    this.#supervisor.stop().catch((error: unknown) => this.#options.onError(error, 'pausing collection'));
  }

  /** Opens the way in again, with a supervisor of its own, since the old one has ended. */
  async resume(): Promise<void> {
    this.#paused = false;
    await this.#supervisor.stop();
    // It may have been paused again while the old way in was closing.
    if (this.#ending.signal.aborted || this.#paused) return;
    this.#supervisor = this.#createSupervisor();
    this.#supervisor.start();
  }

  tryAgain(): void {
    this.#supervisor.tryAgain();
    this.#watch.lookNow();
  }

  lookNow(): void {
    this.#watch.lookNow();
  }

  /** Another session is taking over the same gateway: what is said of it is that one's business from now on. */
  supersede(): void {
    this.#superseded = true;
  }

  /** The other session is subscribed: every subscriber gets every record, so this one can lose none any more. */
  cover(): void {
    this.#covered = true;
  }

  /** Ends in good order; resolves when everything that was taken is with the sink. */
  async end(): Promise<void> {
    this.#ending.abort();
    await this.#supervisor.stop();
    await this.#watching;
    await this.#options.client.close();
  }

  #createSupervisor(): Supervisor {
    const { settings, gatewayId, clock, client, gaps, breaker, sink, createTransport, onStatus, random } =
      this.#options;
    return new Supervisor({
      mode: settings.mode,
      clock,
      sink,
      ...(random ? { random } : {}),
      createTransport: (name) =>
        createTransport(name, { settings, client, gatewayId, retentionSeconds: () => gaps.retentionSeconds }),
      onContact: () => gaps.contact(),
      onComplete: (atMs) => gaps.complete(atMs),
      onReady: () => gaps.ready(),
      onLost: (cause, estimate, detail) => {
        // What was popped is with nobody else, whoever is subscribed.
        if (!this.#covered || cause === 'truncated_answer') gaps.lost(cause, estimate, detail);
      },
      onAway: (cause) => gaps.away(cause),
      onStatus: (status) => {
        if (this.#superseded) return;
        onStatus(status);
        if (status.state === 'running') this.#onManagement(true);
        if (status.state === 'error') this.#watch.lookNow();
      },
      refusalPauseMs: () => Math.max(0, (breaker.current()?.untilMs ?? 0) - clock.now()),
    });
  }

  /**
   * CLIProxyAPI without its management API closes RESP connections without a word, and answers the usage queue with the
   * 404 of a version that has none. Only the other routes tell: each of them is gone.
   */
  #onManagement(isThere: boolean): void {
    if (this.#superseded) return;
    this.#options.board.toggle('management_disabled', !isThere, { url: this.settings.connection.baseUrl });
  }

  /** A subscription is cut by a restart and says so itself, with better times. */
  #onRestart(sinceMs: number): void {
    if (this.status.transport === 'subscribe') return;
    const { gaps, clock } = this.#options;
    gaps.record(sinceMs, clock.now(), 'gateway_restart', null, 'Its request counters fell.');
  }

  #onInfo(info: GatewayInfo): void {
    if (this.#superseded) return;
    this.#onManagement(true);
    const { board, settings, gaps } = this.#options;
    this.#info = info;
    gaps.setRetention(info.retentionSeconds);
    const findings = judgeGateway(info, settings.connection.baseUrl, settings.pollIntervalMs);
    for (const code of JUDGED_CODES) {
      const finding = findings.find((one) => one.code === code);
      board.toggle(code, finding !== undefined, finding?.facts);
    }
  }
}
