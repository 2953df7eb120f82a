import { Readable } from 'node:stream';
import type { Dispatcher, Pool } from 'undici';
import { runningInContainer } from '../config/container.ts';
import type { Clock } from '../contract/clock.ts';
import { GatewayError, type GatewayConnection, type KeyBreaker } from '../contract/gateway.ts';
import { AppError } from '../errors.ts';
import { header, headerText, MAX_ERROR_BYTES, reason } from './answers.ts';
import { createGatewayClient } from './client.ts';
import { explainError, explainRefusal, hideKey } from './failures.ts';
import { answerHeaders, requestHeaders, type Headers } from './forward-headers.ts';
import { lendKey } from './login.ts';
import { basePath, openPool } from './pool.ts';

export interface ForwarderOptions {
  readonly breaker: KeyBreaker;
  readonly clock: Clock;
  /** Whether this process runs in a container; found out where it is not said. */
  readonly inContainer?: boolean;
}

export interface ForwardRequest {
  readonly method: Dispatcher.HttpMethod;
  /** Path and query below the base URL, checked by `readTarget` where it is not a fixed one. */
  readonly target: string;
  /** All that came; only what may be forwarded is. Names in lower case. */
  readonly headers: Headers;
  readonly body: AsyncIterable<Uint8Array> | null;
  /** Aborts when whoever asked has gone. */
  readonly signal: AbortSignal;
}

export interface ForwardAnswer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | string[]>>;
  /** Has to be read or destroyed. */
  readonly body: Readable;
}

/** `api-call` waits for a provider before it answers. */
const HEADERS_TIMEOUT_MS = 10 * 60_000;
const CONNECT_TIMEOUT_MS = 10_000;
/** Beyond it a status means nothing, and cannot be passed on. */
const HIGHEST_STATUS = 599;
/** One for each call under way; many browsers with streams stay below it. */
const CONNECTIONS = 256;
/** The one route of the management API that asks for no key (from v7.2 on), so that success proves nothing. */
const OPEN_ROUTE = /^\/v0\/management\/oauth-callback\b/;

/** Sends calls of others to the gateway at `connection`, streamed both ways. No redirect is followed. */
export class Forwarder {
  readonly connection: GatewayConnection;
  readonly #options: ForwarderOptions;
  readonly #context: { readonly url: string; readonly inContainer: boolean };
  #pool: Pool | null = null;
  #proving: Promise<void> | null = null;

  constructor(connection: GatewayConnection, options: ForwarderOptions) {
    this.connection = connection;
    this.#options = options;
    this.#context = { url: connection.baseUrl, inContainer: options.inContainer ?? runningInContainer() };
  }

  /**
   * Forwards a call with the saved management key. Throws a GatewayError when the key is refused, now or as remembered,
   * or the gateway cannot be reached; `gateway_login_wanted` when something behind the management API answers 401, which
   * to our own clients would mean that they have to log in here; what `body` throws is thrown as it is.
   */
  async withKey(request: ForwardRequest): Promise<ForwardAnswer> {
    const { breaker, clock } = this.#options;
    const authorization = `Bearer ${headerText(this.connection.managementKey)}`;
    // The head of a request leaves with the first bytes of its body: whoever is slow to send them uses no key yet.
    const body = await begun(request.body).catch((error: unknown) => {
      throw this.#explained(error, request);
    });
    const answered = await lendKey(breaker, this.connection, clock, {
      attempt: async (sent) => {
        const response = await this.#send({ ...request, body }, authorization, sent);
        const value = { response, ...(await this.#judge(request, response)) };
        return { value, isAccepted: isAccepted(response, request) };
      },
      prove: () => this.#prove(),
      signal: request.signal,
    });
    const { response, said } = answered;
    if (response.statusCode !== 401) return this.#answer(request, response, answered.body);
    answered.body.on('error', () => {}).destroy();
    // Not in the words that we know for a refused key. If it is one all the same, a call that any CLIProxyAPI answers
    // with success tells, and the refusal is remembered: guessing wrong could add up to a ban.
    await this.#prove();
    throw new AppError('gateway_login_wanted', { detail: said === '' ? 'status 401' : `401 ${said}` });
  }

  /** Forwards a call with the `Authorization` of whoever asked, or none. Throws a GatewayError when unreachable. */
  async asCaller(request: ForwardRequest, authorization: string | undefined): Promise<ForwardAnswer> {
    const response = await this.#send(request, authorization, () => {});
    return this.#answer(request, response, response.body);
  }

  /** Takes no new calls; resolves when those under way are over. */
  async close(): Promise<void> {
    await this.#pool?.close();
  }

  /** Ends at once, with the calls under way. */
  async destroy(): Promise<void> {
    await this.#pool?.destroy();
  }

  async #send(
    request: ForwardRequest,
    authorization: string | undefined,
    sent: () => void,
  ): Promise<Dispatcher.ResponseData> {
    this.#pool ??= openPool(this.connection, {
      connections: CONNECTIONS,
      connectTimeoutMs: CONNECT_TIMEOUT_MS,
    });
    try {
      const response = await this.#pool.compose(tellStart(sent)).request({
        method: request.method,
        path: `${basePath(this.connection)}${request.target}`,
        headers: {
          ...requestHeaders(request.headers),
          ...(authorization === undefined ? {} : { authorization }),
        },
        body: request.body === null ? null : Readable.from(request.body, { objectMode: false }),
        signal: request.signal,
        headersTimeout: HEADERS_TIMEOUT_MS,
        bodyTimeout: 0,
      });
      if (response.statusCode <= HIGHEST_STATUS) return response;
      response.body.on('error', () => {}).destroy();
      throw new GatewayError('unexpected_answer', `status ${response.statusCode}`);
    } catch (error) {
      throw this.#explained(error, request);
    }
  }

  /** Throws when the answer is a refusal of our key in CLIProxyAPI's words; else what it says, and its whole body. */
  async #judge(
    request: ForwardRequest,
    response: Dispatcher.ResponseData,
  ): Promise<{ readonly said: string; readonly body: Readable }> {
    const { statusCode: status, body: whole } = response;
    if (status !== 401 && status !== 403) return { said: '', body: whole };
    const { text, body } = await beginning(whole, MAX_ERROR_BYTES).catch((error: unknown) => {
      throw this.#explained(error, request);
    });
    const said = reason(text, (one) => hideKey(one, this.connection.managementKey));
    const diagnosis = explainRefusal(said);
    if (diagnosis === null) return { said, body };
    body.on('error', () => {}).destroy();
    throw new GatewayError(diagnosis, `${status} ${said}`, { status });
  }

  #answer(request: ForwardRequest, response: Dispatcher.ResponseData, body: Readable): ForwardAnswer {
    return {
      status: response.statusCode,
      headers: answerHeaders(response.headers, this.connection, request.target),
      body,
    };
  }

  /** One for all who wait for it. */
  #prove(): Promise<void> {
    this.#proving ??= this.#proveOnce().finally(() => {
      this.#proving = null;
    });
    return this.#proving;
  }

  async #proveOnce(): Promise<void> {
    const client = createGatewayClient(this.connection, this.#options);
    try {
      await client.info();
    } finally {
      await client.close();
    }
  }

  #explained(error: unknown, request: ForwardRequest): Error {
    if (error instanceof AppError || error instanceof GatewayError) return error;
    const { diagnosis, detail } = explainError(error, this.#context);
    const path = request.target.replace(/\?.*/s, '');
    const said = `${hideKey(detail, this.connection.managementKey)} at ${request.method} ${path}`;
    return new GatewayError(diagnosis, said, { cause: error });
  }
}

/** Whether only the right key gets this answer: the management API marks everything that it answers with its version. */
function isAccepted(response: Dispatcher.ResponseData, { target }: ForwardRequest): boolean {
  const { statusCode: status } = response;
  if (status === 401 || status === 403 || OPEN_ROUTE.test(target)) return false;
  return target.startsWith('/v0/management/') && header(response, 'x-cpa-version') !== '';
}

/** Calls `started` when a request is about to be written to its connection: before that nobody can have judged it. */
function tellStart(started: () => void): Dispatcher.DispatcherComposeInterceptor {
  return (dispatch) => (options, handler) =>
    dispatch(options, {
      onRequestStart: (controller, context) => {
        started();
        handler.onRequestStart?.(controller, context);
      },
      onRequestUpgrade: (...args) => handler.onRequestUpgrade?.(...args),
      onResponseStart: (...args) => handler.onResponseStart?.(...args),
      onResponseData: (...args) => handler.onResponseData?.(...args),
      onResponseEnd: (...args) => handler.onResponseEnd?.(...args),
      onResponseError: (...args) => handler.onResponseError?.(...args),
    });
}

/** The same body, of which the first piece is here. */
async function begun(body: ForwardRequest['body']): Promise<ForwardRequest['body']> {
  if (body === null) return null;
  const rest = body[Symbol.asyncIterator]();
  const first = await rest.next();
  async function* again(): AsyncGenerator<Uint8Array> {
    if (first.done) return;
    yield first.value;
    yield* { [Symbol.asyncIterator]: () => rest };
  }
  return again();
}

/** The first `limit` bytes of a body as text, and all of it to be read again. */
async function beginning(whole: Readable, limit: number): Promise<{ text: string; body: Readable }> {
  const rest = whole.iterator();
  const parts: Buffer[] = [];
  let length = 0;
  let isOver = false;
  while (length < limit && !isOver) {
    const next: IteratorResult<unknown> = await rest.next();
    isOver = next.done === true;
    if (!isOver && next.value instanceof Uint8Array) {
      parts.push(Buffer.from(next.value));
      length += next.value.length;
    }
  }
  async function* again(): AsyncGenerator {
    yield* parts;
    yield* rest;
  }
  const body = Readable.from(again(), { objectMode: false });
  // Also where nobody has begun to read it.
  body.once('close', () => whole.on('error', () => {}).destroy());
  return { text: Buffer.concat(parts).toString('utf8', 0, limit), body };
}
