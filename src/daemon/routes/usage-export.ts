import { Readable } from 'node:stream';
import type { FastifyInstance } from 'fastify';
import type { AdminGuard } from '../plugins/admin-guard.ts';
import type { Services } from '../services.ts';
import { onlyMethods } from './method-guard.ts';

const URL = '/v0/management/usage/export';

/** All events as JSONL, oldest first, streamed: memory does not grow with the history. */
export function usageExportRoute(
  app: FastifyInstance,
  exportEvents: Services['exportEvents'],
  guard: AdminGuard,
): void {
  app.get(
    URL,
    { onRequest: guard, schema: { summary: 'Every event as JSONL, oldest first' } },
    (request, reply) => {
      reply
        .type('application/x-ndjson')
        .header('content-disposition', 'attachment; filename="usage-events.jsonl"')
        .header('x-content-type-options', 'nosniff');
      // Nothing is read for headers alone.
      if (request.method === 'HEAD') return reply.send();
      const gone = new AbortController();
      reply.raw.once('close', () => gone.abort());
      const body = Readable.from(exportEvents(gone.signal), { objectMode: false });
      body.once('error', (error) => request.log.error({ err: error }, 'export broke off'));
      return reply.send(body);
    },
  );
  onlyMethods(app, URL, ['GET', 'HEAD'], guard);
}
