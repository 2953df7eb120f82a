import type { IncomingMessage, ServerResponse } from 'node:http';

import { systemClock } from '../../../src/lib/clock.ts';
import type { Clock } from '../../../src/lib/contract/clock.ts';
import { Access } from './access.ts';
import { Changes } from './changes.ts';
import type { Connection } from './connection.ts';
import { ApiKeyCounters } from './counters.ts';
import { FateLedger } from './fates.ts';
import type { FateCounts, PublishedRecord } from './fates.ts';
import { Front } from './front.ts';
import { HttpRoutes } from './http-routes.ts';
import { Misbehaviours } from './misbehaviour.ts';
import type { RespMisbehaviour, RespStage } from './misbehaviour.ts';
import { SUBSCRIBER_BUFFER, UsageQueue } from './queue.ts';
import { recordedUpstreamKeys } from './recordings.ts';
import { RespSession } from './resp-session.ts';
import type { Subscription } from './subscription.ts';
import { BEHAVIOUR } from './versions.ts';
import type { Behaviour, CpaVersion } from './versions.ts';

const REFRESH = Buffer.from('{"refresh":true}');

export interface StandInOptions {
  readonly version: CpaVersion;
  /** Null: the gateway has no key, so nobody can log in. */
  readonly managementKey: string | null;
  /** What `X-CPA-VERSION` says. Default: the version. Builds from source say `dev`. */
  readonly versionHeader?: string;
  /** Default 3600, as recorded; clamped like the gateway does. */
  readonly retentionSeconds?: number;
  /** Default true. */
  readonly usageStatisticsEnabled?: boolean;
  /** Whether addresses other than 127.0.0.1 and ::1 may log in. Default false. */
  readonly allowRemote?: boolean;
  /** Time a comparison of the key takes over HTTP. Default 0; CLIProxyAPI's bcrypt takes about 60. */
  readonly httpAuthDelayMs?: number;
  /** The same for AUTH over RESP. Default 0. */
  readonly respAuthDelayMs?: number;
  /** Default 0: chosen by the system. */
  readonly port?: number;
  /** PEM. RESP over TLS must not offer ALPN, exactly as with the gateway. */
  readonly tls?: { readonly key: string | Buffer; readonly cert: string | Buffer };
  /** Time of bans, retention and counters. Default: the system's. */
  readonly clock?: Clock;
  /** One silent connection keeps later ones waiting. Default: as the version does. */
  readonly acceptsOneByOne?: boolean;
  /** ms until a silent connection is closed, null: never. Default: as the version does. */
  readonly sniffDeadlineMs?: number | null;
  /** False: no usage-queue route, as before v6.10.8. Default true. */
  readonly usageQueueRoute?: boolean;
  /** Sent, with a `-` before it, to every RESP connection, which is closed then. v7.1.17: `ERR RESP AUTH disabled; use mTLS`. */
  readonly respRefusal?: string;
  /** Messages a subscriber's buffer holds. Default 256. */
  readonly subscriberBuffer?: number;
  /**
   * What a subscription does when a message and a command wait at once. Default `random`, as the gateway, from `seed`.
   * `command`: the command at once. `message`: the buffer is written first.
   */
  readonly select?: 'random' | 'command' | 'message';
  readonly seed?: number;
  /** False: fates are counted but records are not remembered, for long runs. Default true. */
  readonly keepRecords?: boolean;
}

/**
 * A CLIProxyAPI made of its recorded answers: HTTP and RESP on one port of 127.0.0.1, and a fate for every record.
 *
 *     await using cpa = await CpaStandIn.start({ version: '7.2.140', managementKey: 'key' });
 *     cpa.publish({ ... });
 *     await cpa.settled();
 */
export class CpaStandIn {
  readonly access: Access;
  readonly usage: UsageQueue;
  readonly errors: UsageQueue;
  readonly ledger: FateLedger;
  readonly counters: ApiKeyCounters;
  readonly misbehaviours = new Misbehaviours();
  readonly http: HttpRoutes;
  readonly resp = {
    /** Spoils the next answer of that kind; several wait in order. */
    misbehaveOnce: (how: RespMisbehaviour, stage: RespStage | 'any' = 'any'): void =>
      this.misbehaviours.add(how, stage),
  };
  version: CpaVersion;
  versionHeader: string;
  usageStatisticsEnabled: boolean;
  managementEnabled = true;
  usageQueueRoute: boolean;
  httpAuthDelayMs: number;
  respAuthDelayMs: number;
  respRefusal: string | null;
  readonly #options: StandInOptions;
  readonly #front: Front;
  readonly #changes = new Changes();
  readonly #subscriptions = new Set<Subscription>();
  #random: number;

  static async start(options: StandInOptions): Promise<CpaStandIn> {
    const standIn = new CpaStandIn(options);
    await standIn.#front.listen();
    return standIn;
  }

  private constructor(options: StandInOptions) {
    const clock = options.clock ?? systemClock;
    this.#options = options;
    this.#random = options.seed ?? 1;
    this.version = options.version;
    this.versionHeader = options.versionHeader ?? options.version;
    this.usageStatisticsEnabled = options.usageStatisticsEnabled ?? true;
    this.usageQueueRoute = options.usageQueueRoute ?? true;
    this.httpAuthDelayMs = options.httpAuthDelayMs ?? 0;
    this.respAuthDelayMs = options.respAuthDelayMs ?? 0;
    this.respRefusal = options.respRefusal ?? null;
    this.access = new Access(options.managementKey, options.allowRemote ?? false, clock);
    this.ledger = new FateLedger(options.keepRecords ?? true, () => this.changed());
    const buffer = options.subscriberBuffer ?? SUBSCRIBER_BUFFER;
    this.usage = new UsageQueue(this.ledger, clock, options.retentionSeconds ?? 3600, buffer);
    this.errors = new UsageQueue(this.ledger, clock, 60, buffer);
    this.counters = new ApiKeyCounters(recordedUpstreamKeys(), clock);
    this.http = new HttpRoutes(this);
    this.#front = new Front({
      port: options.port ?? 0,
      tls: options.tls ?? null,
      acceptsOneByOne: () => options.acceptsOneByOne ?? this.behaviour.acceptsOneByOne,
      sniffDeadlineMs: () =>
        options.sniffDeadlineMs === undefined ? this.behaviour.sniffDeadlineMs : options.sniffDeadlineMs,
      http: (request, response) => this.#serveHttp(request, response),
      resp: (connection) => void new RespSession(this, connection).run(),
      changed: () => this.changed(),
    });
  }

  get behaviour(): Behaviour {
    return BEHAVIOUR[this.version];
  }

  get port(): number {
    return this.#front.port;
  }

  /** `http://127.0.0.1:<port>`, with TLS `https://`. */
  get url(): string {
    return `${this.#options.tls ? 'https' : 'http'}://127.0.0.1:${this.port}`;
  }

  /** Every connection since the start, with what was received on it. */
  get connections(): readonly Connection[] {
    return this.#front.connections;
  }

  /** Live subscriptions to `usage` and `errors`. */
  get subscriptions(): number {
    return this.#subscriptions.size;
  }

  /** One record, as the gateway makes it after a request. Counters move even while publishing is off. */
  publish(record: object | string | Buffer): PublishedRecord {
    const payload = toBytes(record);
    this.counters.count(payload);
    return this.usage.publish(payload, this.usageStatisticsEnabled && this.managementEnabled);
  }

  /**
   * Many records, a few at a time, so that the writers of subscriptions get their turn as they would in the gateway,
   * where every subscriber has its own thread of work.
   */
  async publishAll(records: Iterable<object | string | Buffer>, atOnce = 32): Promise<PublishedRecord[]> {
    const published: PublishedRecord[] = [];
    for (const record of records) {
      published.push(this.publish(record));
      if (published.length % atOnce === 0) await new Promise((resolve) => setImmediate(resolve));
    }
    return published;
  }

  /** A message on channel `errors` (never queued). */
  publishError(error: object | string | Buffer): void {
    this.errors.notify(toBytes(error));
  }

  /** The gateway reloaded its credentials: `{"refresh":true}` to every subscriber, from v7.1.39 on. */
  sendRefresh(): void {
    if (this.behaviour.refreshNotices) this.usage.notify(REFRESH);
  }

  /** Every record ever published, in order, with what became of it. */
  fates(): readonly PublishedRecord[] {
    return this.ledger.records();
  }

  counts(): FateCounts {
    return this.ledger.counts();
  }

  /** Resolves once the condition holds; it is looked at after everything that happens here. */
  when(condition: () => boolean): Promise<void> {
    return this.#changes.when(condition);
  }

  /** Resolves when that many subscribers are being served (a subscription counts once its first message may go out). */
  subscribed(count = 1): Promise<void> {
    return this.when(() => this.subscriptions >= count);
  }

  /** Resolves when nothing is on its way any more: every record is queued or has its final fate. */
  settled(): Promise<void> {
    return this.when(() => this.counts().buffered === 0);
  }

  /** Stops writing to subscribers, as if none of them read: their buffers fill up. */
  holdSubscriptions(): void {
    for (const subscription of this.#subscriptions) subscription.hold();
  }

  releaseSubscriptions(): void {
    for (const subscription of this.#subscriptions) subscription.release();
  }

  /** Breaks every subscription where it is; what was buffered is lost. Answers how many there were. */
  cutSubscriptions(how: 'fin' | 'rst'): number {
    const cut = [...this.#subscriptions];
    for (const subscription of cut) subscription.cut(how);
    return cut.length;
  }

  /** The process ends and starts again on the same port: queue, bans, counters and connections are gone. */
  async restart(options: { version?: CpaVersion; how?: 'fin' | 'rst' } = {}): Promise<void> {
    await this.#goDown(options.how ?? 'fin');
    if (options.version) this.setVersion(options.version);
    await this.#front.listen();
  }

  /** The process ends, for now. `listenAgain` starts it. */
  async stop(how: 'fin' | 'rst' = 'fin'): Promise<void> {
    await this.#goDown(how);
  }

  /** The gateway lives on but cannot be reached: connections break, the queue stays. */
  async stopListening(how: 'fin' | 'rst' = 'fin'): Promise<void> {
    for (const subscription of this.#subscriptions) subscription.cut(how);
    await this.#front.stop(how);
  }

  async listenAgain(): Promise<void> {
    if (!this.#front.listening) await this.#front.listen();
  }

  setManagementKey(key: string | null): void {
    this.access.key = key;
  }

  /** From the next connection or command on it behaves like that version. Live subscriptions stay as they are. */
  setVersion(version: CpaVersion): void {
    this.version = version;
    this.versionHeader = version;
  }

  /** As when the key is removed from the configuration: queue cleared, subscribers closed, routes 404. */
  disableManagement(): void {
    this.managementEnabled = false;
    this.usage.enabled = false;
    this.usage.clear();
    this.errors.clear();
  }

  enableManagement(): void {
    this.managementEnabled = true;
    this.usage.enabled = true;
  }

  async close(): Promise<void> {
    await this.#goDown('fin');
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  /** For the parts of the stand-in: something happened that somebody may wait for. */
  changed(): void {
    this.#changes.notify();
  }

  /** For subscriptions: the toss of the coin between a message and a command. */
  messageFirst(): boolean {
    const select = this.#options.select ?? 'random';
    if (select !== 'random') return select === 'message';
    this.#random = (Math.imul(this.#random, 1_664_525) + 1_013_904_223) >>> 0;
    return this.#random >= 0x80000000;
  }

  /** For RESP sessions. */
  subscriptionStarted(subscription: Subscription): void {
    this.#subscriptions.add(subscription);
    this.changed();
  }

  subscriptionEnded(subscription: Subscription): void {
    this.#subscriptions.delete(subscription);
    this.changed();
  }

  async #goDown(how: 'fin' | 'rst'): Promise<void> {
    for (const subscription of this.#subscriptions) subscription.cut(how);
    this.usage.clear();
    this.errors.clear();
    this.access.forget();
    this.counters.reset();
    await this.#front.stop(how);
  }

  #serveHttp(request: IncomingMessage, response: ServerResponse): void {
    this.http.handle(request, response).catch((error: unknown) => {
      // A request that broke off while its body was read, or a handler of a test that threw.
      response.destroy(error instanceof Error ? error : undefined);
    });
  }
}

function toBytes(record: object | string | Buffer): Buffer {
  if (Buffer.isBuffer(record)) return record;
  return Buffer.from(typeof record === 'string' ? record : JSON.stringify(record));
}
