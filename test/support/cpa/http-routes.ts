import type { IncomingMessage, ServerResponse } from 'node:http';
import { isIP } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';

import type { Access } from './access.ts';
import type { ApiKeyCounters } from './counters.ts';
import type { FateLedger, LiveRecord } from './fates.ts';
import type { UsageQueue } from './queue.ts';
import { jsonObject } from './json.ts';
import type { JsonObject } from './json.ts';
import { recordedAnswer, recordedClientKeys, recordedConfig } from './recordings.ts';
import type { Behaviour, CpaVersion } from './versions.ts';

export type HttpHandler = (request: IncomingMessage, response: ServerResponse) => unknown;

export interface HttpExchange {
  readonly method: string;
  /** Path and query as they were sent. */
  readonly url: string;
  readonly headers: IncomingMessage['headers'];
  readonly body: string;
  /** 0 until answered. */
  status: number;
}

/** What the HTTP side needs from the stand-in. Read afresh for every request. */
export interface HttpHost {
  readonly version: CpaVersion;
  readonly versionHeader: string;
  readonly behaviour: Behaviour;
  readonly access: Access;
  readonly usage: UsageQueue;
  readonly ledger: FateLedger;
  readonly counters: ApiKeyCounters;
  readonly managementEnabled: boolean;
  readonly usageQueueRoute: boolean;
  readonly httpAuthDelayMs: number;
  usageStatisticsEnabled: boolean;
  changed(): void;
}

const PREFIX = '/v0/management/';

/** What the gateway's web framework takes for the client: the first X-Forwarded-For, X-Real-IP, else the peer. */
export function clientAddress(headers: IncomingMessage['headers'], peer: string): string {
  for (const name of ['x-forwarded-for', 'x-real-ip']) {
    const value = headers[name];
    const items = (Array.isArray(value) ? value.join(',') : (value ?? ''))
      .split(',')
      .map((item) => item.trim());
    if (items.every((item) => isIP(item) > 0)) return items[0] ?? peer;
  }
  return peer.replace(/^::ffff:/u, '');
}

/** `Bearer <key>`, the bare key, or X-Management-Key when that yields nothing. */
export function providedKey(headers: IncomingMessage['headers']): string {
  const authorization = headers.authorization ?? '';
  const space = authorization.indexOf(' ');
  const bearer = space >= 0 && authorization.slice(0, space).toLowerCase() === 'bearer';
  const provided = bearer ? authorization.slice(space + 1) : authorization;
  if (provided !== '') return provided;
  const header = headers['x-management-key'];
  return (Array.isArray(header) ? header[0] : header) ?? '';
}

/** Go writes these characters of a JSON string as escapes. */
function goEscaped(payload: Buffer): Buffer {
  if (!payload.includes(0x3c) && !payload.includes(0x3e) && !payload.includes(0x26)) return payload;
  const escaped = payload
    .toString('latin1')
    .replace(/[<>&]/gu, (c) => `\\u00${c.charCodeAt(0).toString(16)}`);
  return Buffer.from(escaped, 'latin1');
}

function asJson(payload: Buffer): Buffer {
  try {
    JSON.parse(payload.toString('utf8'));
    return goEscaped(payload);
  } catch {
    return goEscaped(Buffer.from(JSON.stringify(payload.toString('utf8'))));
  }
}

/** The body of `GET usage-queue`. */
export function usageQueueBody(records: readonly LiveRecord[]): Buffer {
  const parts: Buffer[] = [Buffer.from('[')];
  for (const [index, record] of records.entries()) {
    if (index > 0) parts.push(Buffer.from(','));
    parts.push(asJson(record.payload));
  }
  return Buffer.concat([...parts, Buffer.from(']')]);
}

/** The HTTP face of CLIProxyAPI: health, models, and the part of the management API that a manager reads. */
export class HttpRoutes {
  readonly exchanges: HttpExchange[] = [];
  readonly #host: HttpHost;
  readonly #once: { readonly path: string; readonly handler: HttpHandler }[] = [];
  readonly #own = new Map<string, HttpHandler>();
  readonly #overrides = new Map<string, unknown>();

  constructor(host: HttpHost) {
    this.#host = host;
  }

  /** The next request for `path` (without query) goes to `handler`, before any check of the key. */
  respondOnce(path: string, handler: HttpHandler): void {
    this.#once.push({ path, handler });
  }

  /** Every request for method and path goes to `handler`; below `/v0/management/` only after the key was right. */
  route(method: string, path: string, handler: HttpHandler): void {
    this.#own.set(`${method} ${path}`, handler);
  }

  async handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { pathname, searchParams } = new URL(request.url ?? '/', 'http://cpa');
    const method = request.method ?? 'GET';
    const at = this.#once.findIndex((entry) => entry.path === pathname);
    const once = at < 0 ? undefined : this.#once.splice(at, 1)[0];
    const own = this.#own.get(`${method} ${pathname}`);
    const body = once || own ? '' : await readBody(request);
    const exchange: HttpExchange = {
      method,
      url: request.url ?? '',
      headers: request.headers,
      body,
      status: 0,
    };
    this.exchanges.push(exchange);
    response.on('close', () => {
      exchange.status = response.statusCode;
      this.#host.changed();
    });
    this.#host.changed();
    if (once) {
      await once.handler(request, response);
      return;
    }
    this.#cors(response);
    const management = pathname.startsWith(PREFIX);
    if (method === 'OPTIONS') send(response, 204, null);
    else if (management && !(await this.#letIn(request, response))) return;
    else if (own) await own(request, response);
    else if (management)
      this.#management(method, pathname.slice(PREFIX.length), searchParams, body, response);
    else this.#open(method, pathname, request, response);
  }

  #cors(response: ServerResponse): void {
    response.setHeader('Access-Control-Allow-Origin', '*');
    response.setHeader('Access-Control-Allow-Methods', 'GET, POST, PUT, PATCH, DELETE, OPTIONS');
    response.setHeader('Access-Control-Allow-Headers', '*');
    if (this.#host.behaviour.pluginHeader) {
      response.setHeader(
        'Access-Control-Expose-Headers',
        'X-CPA-TRACE-ID, X-CPA-VERSION, X-CPA-COMMIT, X-CPA-BUILD-DATE, X-CPA-SUPPORT-PLUGIN',
      );
    }
  }

  async #letIn(request: IncomingMessage, response: ServerResponse): Promise<boolean> {
    const host = this.#host;
    if (!host.managementEnabled) {
      send(response, 404, null);
      return false;
    }
    response.setHeader('X-CPA-VERSION', host.versionHeader);
    response.setHeader('X-CPA-COMMIT', 'none');
    response.setHeader('X-CPA-BUILD-DATE', 'unknown');
    if (host.behaviour.pluginHeader) response.setHeader('X-CPA-SUPPORT-PLUGIN', '0');
    const provided = providedKey(request.headers);
    const address = clientAddress(request.headers, request.socket.remoteAddress ?? '');
    const decision = host.access.decide(address, provided);
    const compared = decision.allowed || decision.message === 'invalid management key';
    if (compared && host.httpAuthDelayMs > 0) await delay(host.httpAuthDelayMs);
    if (!decision.allowed) send(response, decision.status, { error: decision.message });
    return decision.allowed;
  }

  #management(
    method: string,
    route: string,
    query: URLSearchParams,
    body: string,
    response: ServerResponse,
  ): void {
    const host = this.#host;
    const write = method === 'PUT' || method === 'PATCH';
    if (route === 'usage-queue' && method === 'GET' && host.usageQueueRoute) {
      return this.#usageQueue(query, response);
    }
    if (route === 'api-key-usage' && method === 'GET') return send(response, 200, host.counters.answer());
    if (route === 'config' && method === 'GET') return send(response, 200, this.#config());
    const recorded = route === 'usage-queue' ? null : recordedAnswer(route);
    if (!recorded) return notFound(response);
    if (method === 'POST' && route === 'api-call') return send(response, 200, recorded);
    const answer = jsonObject(recorded);
    const [name] = Object.keys(answer);
    const scalar = name === route && typeof answer[name] !== 'object';
    if (write && scalar) return this.#write(route, typeof answer[name], body, response);
    if (method !== 'GET' || route === 'api-call') return notFound(response);
    if (route === 'usage-statistics-enabled')
      return send(response, 200, { [route]: host.usageStatisticsEnabled });
    if (this.#overrides.has(route)) return send(response, 200, { [route]: this.#overrides.get(route) });
    return send(response, 200, recorded);
  }

  #usageQueue(query: URLSearchParams, response: ServerResponse): void {
    const { ledger, usage } = this.#host;
    const given = (query.get('count') ?? '').trim();
    const count = given === '' ? 1 : /^[+-]?\d+$/u.test(given) ? Number(given) : 0;
    if (count <= 0) return send(response, 400, { error: 'count must be a positive integer' });
    const records = usage.pop(count);
    response.on('close', () => {
      for (const record of records) {
        if (response.writableFinished) ledger.delivered(record);
        else ledger.lost(record, 'connection');
      }
    });
    return send(response, 200, usageQueueBody(records));
  }

  #config(): JsonObject {
    return {
      ...recordedConfig(this.#host.version),
      ...Object.fromEntries(this.#overrides),
      'usage-statistics-enabled': this.#host.usageStatisticsEnabled,
      'redis-usage-queue-retention-seconds': this.#host.usage.retentionSeconds,
    };
  }

  #write(route: string, type: string, body: string, response: ServerResponse): void {
    let value: unknown;
    try {
      value = jsonObject(body)['value'];
    } catch {
      value = undefined;
    }
    if (typeof value !== type) return send(response, 400, { error: 'invalid body' });
    if (route === 'usage-statistics-enabled') this.#host.usageStatisticsEnabled = value === true;
    else this.#overrides.set(route, value);
    return send(response, 200, { status: 'ok' });
  }

  #open(method: string, path: string, request: IncomingMessage, response: ServerResponse): void {
    const read = method === 'GET' || method === 'HEAD';
    if (path === '/healthz' && read) return send(response, 200, { status: 'ok' });
    if (path === '/' && method === 'GET') {
      return send(response, 200, {
        endpoints: ['POST /v1/chat/completions', 'POST /v1/completions', 'GET /v1/models'],
        message: 'CLI Proxy API Server',
      });
    }
    if (path === '/v1/models' && method === 'GET') {
      const key = providedKey(request.headers);
      if (key === '') return send(response, 401, { error: 'Missing API key' });
      if (!recordedClientKeys().includes(key)) return send(response, 401, { error: 'Invalid API key' });
      const data = ['gpt-fake', 'gpt-5.4', 'claude-sonnet-4-5', 'gpt-5.3-codex', 'gemini-2.5-pro'].map(
        (id) => ({
          id,
          object: 'model',
          created: 1_770_912_000,
          owned_by: 'fakeai',
        }),
      );
      return send(response, 200, { data, object: 'list' });
    }
    return notFound(response);
  }
}

async function readBody(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of request as AsyncIterable<Buffer>) chunks.push(chunk);
  return Buffer.concat(chunks).toString('utf8');
}

function notFound(response: ServerResponse): void {
  response.writeHead(404, { 'Content-Type': 'text/plain' }).end('404 page not found');
}

/** Bytes go out as they are, anything else as JSON, null as an empty body. */
export function send(response: ServerResponse, status: number, body: unknown): void {
  if (body === null) {
    response.writeHead(status).end();
    return;
  }
  const bytes = Buffer.isBuffer(body) ? body : goEscaped(Buffer.from(JSON.stringify(body)));
  response.writeHead(status, {
    'Content-Type': 'application/json; charset=utf-8',
    'Content-Length': bytes.length,
  });
  response.end(bytes);
}
