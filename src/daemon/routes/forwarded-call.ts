import type { IncomingMessage } from 'node:http';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { AppError } from '../../lib/errors.ts';
import type { ForwardAnswer, ForwardRequest } from '../../lib/gateway/forward.ts';

/** The largest body that is forwarded: far more than configurations, credentials and logs. */
export const FORWARD_LIMIT = 64 * 1024 * 1024;

/** What pages of other origins that may call us may read of an answer, as CLIProxyAPI itself lets them. */
const EXPOSED = 'X-CPA-TRACE-ID, X-CPA-VERSION, X-CPA-COMMIT, X-CPA-BUILD-DATE, X-CPA-SUPPORT-PLUGIN';

/** Leaves bodies unread, whatever they are said to be: they are streamed on. */
export function acceptAnything(app: FastifyInstance): void {
  // A header that is no media type at all would be refused before any parser is asked. What came is in `rawHeaders`.
  app.addHook('onRequest', async (request) => {
    request.headers['content-type'] = 'application/octet-stream';
  });
  app.removeAllContentTypeParsers();
  app.addContentTypeParser('*', (_request, payload, done) => done(null, payload));
}

/** The request as it is forwarded to `target`. It ends when the client goes away or its login ends. */
export function callOf(request: FastifyRequest, reply: FastifyReply, target: string): ForwardRequest {
  const { raw } = request;
  if (/\bwebsocket\b/i.test(raw.headers.upgrade ?? '')) {
    throw new AppError('not_available', { detail: 'WebSocket connections are not forwarded' });
  }
  const gone = new AbortController();
  reply.raw.once('close', () => gone.abort());
  if (reply.raw.destroyed) gone.abort();
  // What nobody wants any more is read all the same: closing over it would reset the connection, and the client might
  // never see why; leaving it would keep the client from sending anything else.
  reply.raw.once('finish', () => raw.resume());
  const ended = request.caller?.ended;
  return {
    method: request.method,
    target,
    headers: raw.headersDistinct,
    body: bodyOf(raw),
    signal: ended ? AbortSignal.any([gone.signal, ended]) : gone.signal,
  };
}

/** Hands an answer of the gateway to the client, as it arrives. */
export function pass(reply: FastifyReply, answer: ForwardAnswer): FastifyReply {
  const { vary: itsVary, ...headers } = answer.headers;
  const vary = [reply.getHeader('vary'), itsVary].flat().filter((one) => one !== undefined);
  reply.code(answer.status).headers(headers);
  if (vary.length > 0) reply.header('vary', vary.join(', '));
  if (reply.hasHeader('access-control-allow-origin')) reply.header('access-control-expose-headers', EXPOSED);
  if (answer.status === 204) {
    answer.body.resume();
    return reply.send();
  }
  // Headers would wait for the first piece of the body, which a stream of events may not have for long. A piece of
  // nothing sends them byte for byte, and flushHeaders() would encode names of files a second time.
  reply.raw.once('pipe', () => reply.raw.write(Buffer.alloc(0)));
  return reply.send(answer.body);
}

/** Null without a body. Throws `body_too_large` at once where the length says so, else when it is passed. */
function bodyOf(raw: IncomingMessage): AsyncIterable<Uint8Array> | null {
  const length = raw.headers['content-length'];
  if (length === undefined && raw.headers['transfer-encoding'] === undefined) return null;
  if (length === '0') return null;
  if (Number(length ?? 0) > FORWARD_LIMIT) throw tooLarge();
  return limited(raw, FORWARD_LIMIT);
}

async function* limited(raw: IncomingMessage, limit: number): AsyncGenerator<Uint8Array> {
  let length = 0;
  // Destroying it would take the connection away that the answer goes to.
  for await (const chunk of raw.iterator({ destroyOnReturn: false })) {
    if (!(chunk instanceof Uint8Array)) continue;
    length += chunk.length;
    if (length > limit) throw tooLarge();
    yield chunk;
  }
}

const tooLarge = (): AppError =>
  new AppError('body_too_large', { detail: `more than ${FORWARD_LIMIT >> 20} MiB` });
