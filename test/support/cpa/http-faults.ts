import { pipeline } from 'node:stream/promises';

import type { HttpHandler } from './http-routes.ts';
import { send, usageQueueBody } from './http-routes.ts';
import type { CpaStandIn } from './stand-in.ts';

/** Handlers for `http.respondOnce`: the ways in which a gateway, or what stands before it, answers wrongly. */

/** Any status and body, for example what a proxy in front says. */
export function status(code: number, body = '', headers: Record<string, string> = {}): HttpHandler {
  return (_request, response) => {
    response.writeHead(code, { 'Content-Length': Buffer.byteLength(body), ...headers });
    response.end(body);
  };
}

export const redirect = (location: string, code = 302): HttpHandler =>
  status(code, '', { Location: location });

/** Bytes that are no HTTP. */
export function garbage(): HttpHandler {
  return (_request, response) => {
    response.socket?.end(Buffer.from([0x00, 0xff, 0x13, 0x37, 0x0d, 0x0a, 0x0d, 0x0a]));
  };
}

/** 200, all of the length announced, and only the first `bytes` of the body; then the connection breaks. */
export function halfBody(body: string | Buffer, bytes = Math.floor(body.length / 2)): HttpHandler {
  return (_request, response) => {
    const whole = Buffer.from(body);
    response.writeHead(200, {
      'Content-Type': 'application/json; charset=utf-8',
      'Content-Length': whole.length,
    });
    response.write(whole.subarray(0, bytes), () => response.socket?.destroySoon());
  };
}

/** Never answers. */
export function hang(): HttpHandler {
  return () => {};
}

/** 200 and a body of that many bytes: an array with one endless string. Stops when the client goes away. */
export function hugeBody(bytes: number): HttpHandler {
  return async (_request, response) => {
    response.writeHead(200, { 'Content-Type': 'application/json; charset=utf-8' });
    const chunk = Buffer.alloc(64 * 1024, 0x78);
    function* body(): Generator<Buffer> {
      yield Buffer.from('["');
      for (let left = bytes - 4; left > 0; left -= chunk.length) {
        yield chunk.subarray(0, Math.min(left, chunk.length));
      }
      yield Buffer.from('"]');
    }
    await pipeline(body, response);
  };
}

/** Pops records as the route does, and breaks the connection after `bytes` of the answer. They are lost. */
export function brokenPop(standIn: CpaStandIn, count: number, bytes: number): HttpHandler {
  return (request, response) => {
    const popped = standIn.usage.pop(count);
    for (const record of popped) standIn.ledger.lost(record, 'fault');
    return halfBody(usageQueueBody(popped), bytes)(request, response);
  };
}

/** The gateway's own answer to a wrong key, without counting it. */
export function refused(code: 401 | 403, message: string): HttpHandler {
  return (_request, response) => send(response, code, { error: message });
}
