import { createServer, request, type IncomingMessage, type ServerResponse } from 'node:http';
import type { TestContext } from 'node:test';
import { listenOn } from './collection.ts';

/** Where a proxy finds what stands behind it; asked for each request, so that both may move. */
export interface Behind {
  readonly daemon: () => string;
  readonly gateway: () => string;
}

export interface ReverseProxy {
  /** Where the panel is reached, without a slash at the end. */
  readonly url: string;
  /** Method and path of what was sent to the gateway. */
  readonly toGateway: readonly string[];
}

/** What people's proxies send to cpamp where it shares an origin with CLIProxyAPI. */
const PREFIXES = ['/management.html', '/usage-service/', '/v0/management/'];

/** One origin: the three prefixes lead to the daemon, everything else to the gateway. */
export function shareOrigin(t: TestContext, behind: Behind): Promise<ReverseProxy> {
  return startProxy(t, '', (path) =>
    PREFIXES.some((prefix) => path.startsWith(prefix))
      ? { base: behind.daemon(), path, isGateway: false }
      : { base: behind.gateway(), path, isGateway: true },
  );
}

/** The daemon under `prefix` (such as `/panel`) of an origin, which takes the prefix off; the gateway has the rest. */
export function underPath(t: TestContext, prefix: string, behind: Behind): Promise<ReverseProxy> {
  return startProxy(t, prefix, (path) =>
    path.startsWith(`${prefix}/`)
      ? { base: behind.daemon(), path: path.slice(prefix.length), isGateway: false }
      : { base: behind.gateway(), path, isGateway: true },
  );
}

/** What people get wrong in the configuration of a proxy. */
export interface Mistakes {
  /** Paths that lead to the gateway all the same. */
  readonly toGateway?: (path: string) => boolean;
  /** Nothing of an answer goes on before its end. */
  readonly buffers?: boolean;
  /** Sent in place of the `Host` that the browser asked for. */
  readonly host?: string;
}

/** One origin where everything leads to the daemon, but for mistakes. */
export function withMistakes(t: TestContext, behind: Behind, mistakes: Mistakes): Promise<ReverseProxy> {
  const toGateway = mistakes.toGateway ?? (() => false);
  const route = (path: string): Target =>
    toGateway(path)
      ? { base: behind.gateway(), path, isGateway: true }
      : { base: behind.daemon(), path, isGateway: false };
  return startProxy(t, '', route, mistakes);
}

interface Target {
  readonly base: string;
  readonly path: string;
  readonly isGateway: boolean;
}

async function startProxy(
  t: TestContext,
  prefix: string,
  route: (path: string) => Target,
  mistakes: Mistakes = {},
): Promise<ReverseProxy> {
  const toGateway: string[] = [];
  const server = createServer((incoming, outgoing) => {
    const target = route(incoming.url ?? '/');
    if (target.isGateway) toGateway.push(`${incoming.method} ${incoming.url}`);
    pass(target, incoming, outgoing, mistakes);
  });
  const port = await listenOn(t, server);
  t.after(() => server.closeAllConnections());
  return { url: `http://127.0.0.1:${port}${prefix}`, toGateway };
}

/** Sends each piece on as it comes, in both directions; an end on one side is an end on the other. */
function pass(
  { base, path }: Target,
  incoming: IncomingMessage,
  outgoing: ServerResponse,
  { buffers = false, host }: Mistakes,
): void {
  // `Host` is the one that the browser asked for.
  const headers = {
    ...incoming.headers,
    ...(host === undefined ? {} : { host }),
    connection: 'close',
    'x-forwarded-for': incoming.socket.remoteAddress ?? '',
    'x-forwarded-proto': 'http',
  };
  const sent = request(new URL(base), { path, method: incoming.method ?? 'GET', headers, agent: false });
  sent.on('response', (answer) => {
    const { connection: _connection, 'keep-alive': _keepAlive, ...rest } = answer.headers;
    outgoing.writeHead(answer.statusCode ?? 502, rest);
    outgoing.flushHeaders();
    if (buffers) {
      const held: Buffer[] = [];
      answer.on('data', (piece: Buffer) => held.push(piece));
      answer.on('end', () => outgoing.end(Buffer.concat(held)));
      return;
    }
    answer.on('data', (piece: Buffer) => {
      if (!outgoing.write(piece)) answer.pause();
    });
    outgoing.on('drain', () => answer.resume());
    answer.on('end', () => outgoing.end());
    answer.on('error', () => outgoing.destroy());
  });
  sent.on('error', () => {
    if (outgoing.headersSent) outgoing.destroy();
    else outgoing.writeHead(502, { 'content-type': 'text/html' }).end('<h1>502 Bad Gateway</h1>');
  });
  outgoing.on('close', () => sent.destroy());
  incoming.on('error', () => sent.destroy());
  incoming.pipe(sent);
}
