import { Readable } from 'node:stream';
import type { FastifyInstance } from 'fastify';
import type { Clock } from '../../lib/contract/clock.ts';
import { AppError } from '../../lib/errors.ts';
import { parseTimeRange } from '../../lib/time-range.ts';
import type { ExportSelection } from '../../lib/store/export-reader.ts';
import type { AdminGuard } from '../plugins/admin-guard.ts';
import type { Services } from '../services.ts';
import { onlyMethods } from './method-guard.ts';

const URL = '/v0/management/usage/export';

const time = (description: string) => ({ type: 'string', maxLength: 100, description }) as const;

const QUERY = {
  type: 'object',
  properties: {
    since: time('epoch ms or ISO 8601, inclusive; a day is one of UTC'),
    until: time('epoch ms or ISO 8601, exclusive; a day is meant with all of it'),
    limit: {
      type: 'string',
      maxLength: 15,
      pattern: '^([1-9][0-9]*)?$',
      description: 'at most so many events, the oldest',
    },
  },
} as const;

interface ExportQuery {
  readonly since?: string;
  readonly until?: string;
  readonly limit?: string;
}

/** Events as JSONL, oldest first, streamed: memory does not grow with the history. */
export function usageExportRoute(
  app: FastifyInstance,
  exportEvents: Services['exportEvents'],
  guard: AdminGuard,
  clock: Clock,
): void {
  app.get<{ Querystring: ExportQuery }>(
    URL,
    { onRequest: guard, schema: { summary: 'Every event as JSONL, oldest first', querystring: QUERY } },
    (request, reply) => {
      const selection = selectionOf(request.query, clock.now());
      reply
        .type('application/x-ndjson')
        .header('content-disposition', 'attachment; filename="usage-events.jsonl"')
        .header('x-content-type-options', 'nosniff');
      // Nothing is read for headers alone.
      if (request.method === 'HEAD') return reply.send();
      const gone = new AbortController();
      reply.raw.once('close', () => gone.abort());
      const chunks = exportEvents({ ...selection, signal: gone.signal });
      const body = Readable.from(chunks, { objectMode: false });
      body.once('error', (error) => request.log.error({ err: error }, 'export broke off'));
      return reply.send(body);
    },
  );
  onlyMethods(app, URL, ['GET', 'HEAD'], guard);
}

function selectionOf({ since, until, limit }: ExportQuery, nowMs: number): ExportSelection {
  const from = epochMs('since', since);
  const to = epochMs('until', until);
  const { fromMs, untilMs } = parseTimeRange(
    { since: from === null ? since : undefined, until: to === null ? until : undefined },
    { timeZone: 'UTC', nowMs },
  );
  const filter = { fromMs: from ?? fromMs, toMs: to ?? untilMs };
  if (filter.fromMs !== null && filter.toMs !== null && filter.toMs < filter.fromMs) {
    throw new AppError('invalid_time', { detail: 'until is before since' });
  }
  return { filter, limit: limit ? Number(limit) : null };
}

/** Null for what is no plain number. */
function epochMs(name: string, given: string | undefined): number | null {
  if (given === undefined || !/^-?\d+$/.test(given)) return null;
  const ms = Number(given);
  if (ms >= 0 && Number.isSafeInteger(ms)) return ms;
  throw new AppError('invalid_time', { detail: `${name} is no epoch time in milliseconds` });
}
