import type { Dispatcher, Pool } from 'undici';
import { runningInContainer } from '../config/container.ts';
import type { Clock } from '../contract/clock.ts';
import {
  GatewayError,
  type GatewayClient,
  type GatewayConnection,
  type KeyBreaker,
  type PoppedRecords,
} from '../contract/gateway.ts';
import { header, headerText, MAX_ERROR_BYTES, readText, reason } from './answers.ts';
import { redactUrl } from './url.ts';
import { explainError, explainStatus, hideKey, type Purpose } from './failures.ts';
import { readClientKeys, readInfo, readRequestCount } from './info.ts';
import { JsonArrayReader, type ArrayLimits } from './json-array.ts';
import { JUDGED_MS, login } from './login.ts';
import { basePath, openPool } from './pool.ts';

export interface GatewayClientOptions {
  readonly breaker: KeyBreaker;
  readonly clock: Clock;
  /** Whether this process runs in a container; found out where it is not said. */
  readonly inContainer?: boolean;
  /** Bounds of one answer of the usage queue. */
  readonly limits?: Partial<ArrayLimits>;
  /** How long connecting, waiting for headers and each silence within a body may last, in ms. */
  readonly timeoutMs?: number;
  /** How long a whole call may last, in ms. */
  readonly totalMs?: number;
}

const TIMEOUT_MS = 30_000;
const CONNECT_TIMEOUT_MS = 10_000;
const TOTAL_MS = 120_000;
/** Far more than a configuration with thousands of keys. */
const MAX_JSON_BYTES = 32 << 20;
/** Collector, watch and setup share these; CLIProxyAPI spends 60 ms of bcrypt on each call. */
const CONNECTIONS = 8;

/** Calls the management API of the gateway at `connection`. Nothing is sent until the first call. */
export function createGatewayClient(
  connection: GatewayConnection,
  options: GatewayClientOptions,
): GatewayClient {
  return new HttpGatewayClient(connection, options);
}

interface Call {
  readonly method: 'GET' | 'PUT';
  /** Below the base URL. */
  readonly path: string;
  readonly body?: string;
  readonly purpose?: Purpose;
}

class HttpGatewayClient implements GatewayClient {
  readonly connection: GatewayConnection;
  readonly #options: GatewayClientOptions;
  readonly #context: { readonly url: string; readonly inContainer: boolean };
  #pool: Pool | null = null;

  constructor(connection: GatewayConnection, options: GatewayClientOptions) {
    this.connection = connection;
    this.#options = options;
    this.#context = {
      url: connection.baseUrl,
      inContainer: options.inContainer ?? runningInContainer(),
    };
  }

  info(signal?: AbortSignal): ReturnType<GatewayClient['info']> {
    return this.#call({ method: 'GET', path: '/v0/management/config' }, signal, async (response) =>
      readInfo(await this.#json(response), header(response, 'x-cpa-version')),
    );
  }

  enableUsageStatistics(signal?: AbortSignal): Promise<void> {
    const call = {
      method: 'PUT',
      path: '/v0/management/usage-statistics-enabled',
      body: '{"value":true}',
    } as const;
    return this.#call(call, signal, async (response) => {
      await readText(response.body, MAX_ERROR_BYTES);
    });
  }

  popUsage(count: number, signal?: AbortSignal): Promise<PoppedRecords> {
    const path = `/v0/management/usage-queue?count=${count}`;
    return this.#call({ method: 'GET', path, purpose: 'usage-queue' }, signal, (response) =>
      this.#pop(response),
    );
  }

  async requestCount(signal?: AbortSignal): Promise<number | null> {
    try {
      return await this.#call(
        { method: 'GET', path: '/v0/management/api-key-usage' },
        signal,
        async (response) => readRequestCount(await this.#json(response)),
      );
    } catch (error) {
      if (error instanceof GatewayError && error.status === 404) return null;
      throw error;
    }
  }

  clientKeys(signal?: AbortSignal): Promise<readonly string[]> {
    return this.#call({ method: 'GET', path: '/v0/management/api-keys' }, signal, async (response) =>
      readClientKeys(await this.#json(response)),
    );
  }

  async close(): Promise<void> {
    const pool = this.#pool;
    this.#pool = null;
    await pool?.destroy();
  }

  /** Sends one request with the key and hands an answer of success to `read`. Throws GatewayError and nothing else. */
  async #call<T>(
    call: Call,
    signal: AbortSignal | undefined,
    read: (response: Dispatcher.ResponseData) => Promise<T>,
  ): Promise<T> {
    const { breaker, clock } = this.#options;
    const over = new AbortController();
    const done = new AbortController();
    const ends = signal ? AbortSignal.any([signal, over.signal]) : over.signal;
    void this.#deadline(clock, over, done.signal, call);
    const leave = (): void => void this.#leave(clock, over, done.signal, signal?.reason);
    signal?.addEventListener('abort', leave, { once: true });
    try {
      const response = await login(breaker, this.connection, () => this.#send(call, over.signal), ends);
      return await read(response);
    } catch (error) {
      throw this.#explained(error, call);
    } finally {
      done.abort();
      signal?.removeEventListener('abort', leave);
    }
  }

  /**
   * What was just sent is heard out until the key is judged, also where nobody wants the answer any more: a refusal that
   * is not known would be risked again with the next call.
   */
  async #leave(clock: Clock, over: AbortController, done: AbortSignal, why: unknown): Promise<void> {
    await clock.sleep(JUDGED_MS, done);
    if (!done.aborted) over.abort(why);
  }

  /** A body that trickles for ever ends too. */
  async #deadline(clock: Clock, over: AbortController, done: AbortSignal, call: Call): Promise<void> {
    await clock.sleep(this.#options.totalMs ?? TOTAL_MS, done);
    if (!done.aborted) over.abort(new GatewayError('timed_out', describe(call)));
  }

  async #send(call: Call, signal: AbortSignal): Promise<Dispatcher.ResponseData> {
    try {
      const timeout = this.#options.timeoutMs ?? TIMEOUT_MS;
      this.#pool ??= openPool(this.connection, {
        connections: CONNECTIONS,
        connectTimeoutMs: Math.min(CONNECT_TIMEOUT_MS, timeout),
      });
      const response = await this.#pool.request({
        method: call.method,
        path: `${basePath(this.connection)}${call.path}`,
        headers: {
          authorization: `Bearer ${headerText(this.connection.managementKey)}`,
          accept: 'application/json',
          'user-agent': 'cpamp',
          ...(call.body === undefined ? {} : { 'content-type': 'application/json' }),
        },
        body: call.body ?? null,
        signal,
        headersTimeout: timeout,
        bodyTimeout: timeout,
      });
      if (response.statusCode >= 200 && response.statusCode < 300) return response;
      throw await this.#refusal(response, call.purpose ?? 'other');
    } catch (error) {
      // Inside the login, because a refusal has to be known there.
      throw this.#explained(error, call);
    }
  }

  async #refusal(response: Dispatcher.ResponseData, purpose: Purpose): Promise<GatewayError> {
    const body = await readText(response.body, MAX_ERROR_BYTES).catch(() => '');
    const location = redactUrl(header(response, 'location'));
    const said = reason(body, (text) => this.#hideKey(text));
    const { diagnosis, detail } = explainStatus(response.statusCode, said, location, purpose);
    return new GatewayError(diagnosis, detail, { status: response.statusCode });
  }

  async #json(response: Dispatcher.ResponseData): Promise<unknown> {
    const text = await readText(response.body, MAX_JSON_BYTES);
    try {
      const value: unknown = JSON.parse(text);
      return value;
    } catch {
      throw new GatewayError('unexpected_answer', 'it is not JSON', { status: response.statusCode });
    }
  }

  /** Reads what was popped. It is ours whatever happens to the rest of the body. */
  async #pop(response: Dispatcher.ResponseData): Promise<PoppedRecords> {
    const reader = new JsonArrayReader(this.#options.limits);
    let cut: unknown = null;
    try {
      for await (const chunk of response.body as AsyncIterable<Buffer>) {
        reader.push(chunk);
        if (reader.foreign) break;
      }
    } catch (error) {
      cut = error;
    }
    const damage = reader.end();
    if (reader.foreign) {
      throw new GatewayError('unexpected_answer', 'it is not a list of records', {
        status: response.statusCode,
      });
    }
    const truncated = new Map<number, number>();
    for (const [at, { truncatedFrom }] of reader.elements.entries()) {
      if (truncatedFrom !== undefined) truncated.set(at, truncatedFrom);
    }
    const how = cut === null ? null : this.#failure(cut);
    return {
      payloads: reader.elements.map((element) => element.bytes),
      truncated,
      damage:
        damage === null
          ? null
          : {
              detail: how === null ? damage : `${damage}: ${how.detail}`,
              diagnosis: how === null ? 'unexpected_answer' : how.diagnosis,
            },
    };
  }

  #failure(error: unknown): { diagnosis: GatewayError['diagnosis']; detail: string } {
    const { diagnosis, detail } = explainError(error, this.#context);
    return { diagnosis, detail: this.#hideKey(detail) };
  }

  #explained(error: unknown, call: Call): GatewayError {
    if (error instanceof GatewayError) return error;
    const { diagnosis, detail } = this.#failure(error);
    return new GatewayError(diagnosis, `${detail} at ${describe(call)}`, { cause: error });
  }

  #hideKey(text: string): string {
    return hideKey(text, this.connection.managementKey);
  }
}

const describe = (call: Call): string => `${call.method} ${call.path.replace(/\?.*/, '')}`;
