import type { FastifyInstance } from 'fastify';
import type { AdminGuard } from '../plugins/admin-guard.ts';
import type { DaemonContext } from '../services.ts';
import { onlyMethods } from './method-guard.ts';

const URL = '/v0/management/events/stream';

const HEADERS = {
  'content-type': 'text/event-stream; charset=utf-8',
  'cache-control': 'no-store',
  // nginx would hold messages back until its buffer is full.
  'x-accel-buffering': 'no',
  'x-content-type-options': 'nosniff',
} as const;

const QUERYSTRING = {
  type: 'object',
  properties: {
    last_event_id: {
      type: 'string',
      description: 'As the header Last-Event-ID, for clients that cannot set it; the header decides.',
    },
  },
} as const;

/** What happens, as it happens, as server-sent events. */
export function eventsStreamRoute(app: FastifyInstance, context: DaemonContext, guard: AdminGuard): void {
  app.get<{ Querystring: { readonly last_event_id?: string } }>(
    URL,
    {
      onRequest: guard,
      schema: { summary: 'Events, changes and health as server-sent events', querystring: QUERYSTRING },
    },
    (request, reply) => {
      reply.headers(HEADERS);
      if (request.method === 'HEAD') return reply.send();
      const { raw } = reply;
      const ended = request.caller?.ended;
      const since = header(request.headers['last-event-id']) ?? header(request.query.last_event_id);
      const client = context.services().feed.join(since, () => {
        reply.hijack();
        for (const [name, value] of Object.entries(reply.getHeaders())) {
          if (value !== undefined) raw.setHeader(name, value);
        }
        raw.writeHead(200);
        return raw;
      });
      const onEnded = (): void => client.end();
      raw.once('close', () => {
        ended?.removeEventListener('abort', onEnded);
        client.leave();
      });
      if (ended?.aborted) client.end();
      else ended?.addEventListener('abort', onEnded, { once: true });
      return reply;
    },
  );
  // Streams never end by themselves, and nobody who stops us should wait for them.
  app.addHook('preClose', async () => context.servicesIfReady()?.feed.close());
  onlyMethods(app, URL, ['GET', 'HEAD'], guard);
}

/** Null when it is absent or empty. */
function header(value: string | string[] | undefined): string | null {
  const text = Array.isArray(value) ? value.join() : value;
  return text === undefined || text === '' ? null : text;
}
