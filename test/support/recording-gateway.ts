import { createServer, request as httpRequest, type IncomingMessage, type ServerResponse } from 'node:http';
import { text } from 'node:stream/consumers';
import type { TestContext } from 'node:test';
import { listenOn } from './collection.ts';
import { Changes } from './cpa/changes.ts';
import { ADMIN_KEY, type DaemonProcess } from './daemon.ts';
import { CPA_KEY } from './http.ts';

export type Handler = (request: IncomingMessage, response: ServerResponse) => unknown;

export interface Arrival {
  readonly method: string;
  /** Byte for byte. */
  readonly url: string;
  readonly headers: IncomingMessage['headers'];
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
}

/** As much of a gateway as the collector by HTTP needs; everything else is remembered and answered by a handler. */
export class RecordingGateway {
  readonly url: string;
  /** What did not come from the daemon itself. */
  readonly arrivals: Arrival[] = [];
  /** Calls of the daemon itself, by path. */
  readonly own: string[] = [];
  readonly changes = new Changes();
  handler: Handler = (_request, response) => response.end('{}');
  /** Answers calls of the daemon itself instead of what a gateway would say. */
  refuse: ((response: ServerResponse) => void) | null = null;

  static async start(t: TestContext): Promise<RecordingGateway> {
    const known: { gateway?: RecordingGateway } = {};
    const server = createServer((request, response) => known.gateway?.serve(request, response));
    const port = await listenOn(t, server);
    t.after(() => server.closeAllConnections());
    known.gateway = new RecordingGateway(`http://127.0.0.1:${port}`);
    return known.gateway;
  }

  private constructor(url: string) {
    this.url = url;
  }

  /** The environment of a daemon that stands before it. */
  get env(): Record<string, string> {
    return {
      CPA_UPSTREAM_URL: this.url,
      CPA_MANAGEMENT_KEY: CPA_KEY,
      USAGE_COLLECTOR_MODE: 'http',
      USAGE_POLL_INTERVAL_MS: '50',
    };
  }

  serve(request: IncomingMessage, response: ServerResponse): void {
    const { method = '', url = '', headers } = request;
    if (headers['user-agent'] === 'cpamp') {
      this.own.push(url.replace(/\?.*/, ''));
      this.changes.notify();
      if (this.refuse) return this.refuse(response);
      response.setHeader('content-type', 'application/json');
      const config = { 'usage-statistics-enabled': true, 'redis-usage-queue-retention-seconds': 3_600 };
      response.end(url.includes('usage-queue') ? '[]' : JSON.stringify(config));
    } else {
      // A client that goes away in the middle of it.
      request.on('error', () => {});
      this.arrivals.push({ method, url, headers, request, response });
      this.handler(request, response);
    }
    this.changes.notify();
  }

  /** Resolves with the arrival of that number, from 0, once it is there. */
  async arrival(index: number): Promise<Arrival> {
    await this.changes.when(() => this.arrivals.length > index);
    const found = this.arrivals[index];
    if (!found) throw new Error('it was there a moment ago');
    return found;
  }
}

export interface PlainAnswer {
  readonly status: number;
  readonly headers: IncomingMessage['headers'];
  readonly text: string;
}

/** A request with the admin key and with this path, letter for letter: `fetch` would put it in order. */
export async function askPlainly(
  daemon: DaemonProcess,
  path: string,
  options: {
    readonly method?: string;
    readonly headers?: Readonly<Record<string, string>>;
    readonly body?: string | Buffer;
  } = {},
): Promise<PlainAnswer> {
  const { hostname, port } = new URL(daemon.url);
  const { promise, resolve, reject } = Promise.withResolvers<IncomingMessage>();
  const headers = { authorization: `Bearer ${ADMIN_KEY}`, ...options.headers };
  const request = httpRequest({
    hostname,
    port,
    path,
    method: options.method ?? 'GET',
    headers,
    agent: false,
  });
  request.once('response', resolve).once('error', reject).end(options.body);
  const answer = await promise;
  return { status: answer.statusCode ?? 0, headers: answer.headers, text: await text(answer) };
}
