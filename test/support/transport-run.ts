import { createTransport, type TransportOptions } from '../../src/daemon/collector/transports/index.ts';
import { systemClock } from '../../src/lib/clock.ts';
import type { GatewayConnection, KeyBreaker } from '../../src/lib/contract/gateway.ts';
import type { RawRecord, TransportName } from '../../src/lib/contract/record.ts';
import type { GapCause, SinkAnswer, TransportEnd } from '../../src/lib/contract/transport.ts';
import { createKeyBreaker } from '../../src/lib/gateway/breaker.ts';
import { createGatewayClient } from '../../src/lib/gateway/client.ts';

export const KEY = 'made-up-management-key';

/** A breaker that forgets when the test ends. */
export function memoryBreaker(): KeyBreaker {
  return createKeyBreaker({ load: () => null, save: () => Promise.resolve() }, systemClock);
}

export interface RunOptions extends Partial<Omit<TransportOptions, 'connection' | 'settings'>> {
  readonly connection?: Partial<GatewayConnection>;
  readonly settings?: Partial<TransportOptions['settings']>;
  /** What the sink does with records; default: takes them and says more. */
  readonly sink?: (records: readonly RawRecord[]) => Promise<SinkAnswer>;
}

/** One run of a transport, with everything that came out of it. */
export class TransportRun implements AsyncDisposable {
  readonly records: RawRecord[] = [];
  readonly lost: Array<{ cause: GapCause; estimate: number | null; detail: string }> = [];
  readonly ready: Promise<void>;
  readonly ended: Promise<TransportEnd>;
  contacts = 0;
  /** Epoch ms up to which the transport said that everything had arrived; null: never. */
  completeMs: number | null = null;
  end: TransportEnd | null = null;
  readonly #abort = new AbortController();
  readonly #close: () => Promise<void>;
  #waiting: Array<{ readonly condition: () => boolean; readonly resolve: () => void }> = [];

  constructor(name: TransportName, url: string, changes: RunOptions = {}) {
    const { connection: other, settings, sink, ...rest } = changes;
    const connection = { baseUrl: url, managementKey: KEY, tlsSkipVerify: false, ...other };
    const clock = rest.clock ?? systemClock;
    const breaker = rest.breaker ?? memoryBreaker();
    const client = rest.client ?? createGatewayClient(connection, { breaker, clock, inContainer: false });
    this.#close = () => client.close();
    const transport = createTransport(name, {
      retentionSeconds: () => 3600,
      gatewayId: 1,
      inContainer: false,
      ...rest,
      clock,
      breaker,
      client,
      connection,
      settings: { batchSize: 100, pollIntervalMs: 5, ...settings },
    });
    const ready = Promise.withResolvers<void>();
    this.ready = ready.promise;
    const take = async (records: readonly RawRecord[]): Promise<SinkAnswer> => {
      this.records.push(...records);
      this.#changed();
      return (await sink?.(records)) ?? 'more';
    };
    const events = {
      ready: () => ready.resolve(),
      contact: () => {
        this.contacts += 1;
        this.#changed();
      },
      complete: (atMs: number) => {
        this.completeMs = atMs;
        this.#changed();
      },
      lost: (loss: (typeof this.lost)[number]) => void this.lost.push(loss),
    };
    this.ended = transport.run(take, events, this.#abort.signal).then((end) => {
      this.end = end;
      return end;
    });
  }

  /** Payloads as text, without the gateway's control messages. */
  get texts(): string[] {
    return this.records
      .map((record) => Buffer.from(record.payload).toString('utf8'))
      .filter((text) => !/^\{"(?:support_)?refresh":true\}$/.test(text));
  }

  /** Resolves once the condition holds; it is looked at whenever something arrived. */
  when(condition: () => boolean): Promise<void> {
    if (condition()) return Promise.resolve();
    return new Promise((resolve) => this.#waiting.push({ condition, resolve }));
  }

  has(count: number): Promise<void> {
    return this.when(() => this.texts.length >= count);
  }

  stop(): Promise<TransportEnd> {
    this.#abort.abort();
    return this.ended;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
    await this.#close();
  }

  #changed(): void {
    const holding = this.#waiting.filter(({ condition }) => condition());
    this.#waiting = this.#waiting.filter((one) => !holding.includes(one));
    for (const { resolve } of holding) resolve();
  }
}
