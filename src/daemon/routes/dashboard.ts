import type { FastifyInstance } from 'fastify';
import { AppError } from '../../lib/errors.ts';
import type { AdminGuard } from '../plugins/admin-guard.ts';
import type { DaemonContext } from '../services.ts';
import { onlyMethods } from './method-guard.ts';
import { answerFromReader } from './reader-answer.ts';

/** Older clients know it with a slash behind as well. */
const URLS = ['/v0/management/dashboard/summary', '/v0/management/dashboard/summary/'] as const;

/** Rows of a list where the request does not say, and the most that one answer has. */
const DEFAULT_ROWS = 5;
const MOST_ROWS = 1000;
const INTEGER = /^[+-]?\d{1,16}$/;

type Query = Readonly<Record<string, string | string[] | undefined>>;

/** Figures of a day that begins at a client's midnight. */
export function dashboardRoutes(app: FastifyInstance, context: DaemonContext, guard: AdminGuard): void {
  for (const url of URLS) dashboardRoute(app, url, context, guard);
}

function dashboardRoute(
  app: FastifyInstance,
  url: (typeof URLS)[number],
  context: DaemonContext,
  guard: AdminGuard,
): void {
  app.get<{ Querystring: Query }>(
    url,
    { onRequest: guard, schema: { summary: 'Figures of today', hide: url !== URLS[0], querystring: QUERY } },
    (request, reply) => {
      const { query } = request;
      const generatedAtMs = context.clock.now();
      const startMs = dayStart(query);
      const asked = integer(query, 'now_ms');
      const nowMs = asked > 0 ? asked : generatedAtMs;
      if (nowMs < startMs) {
        // Known to older clients with this status.
        throw refused('now_ms must be greater than or equal to today_start_ms', 500);
      }
      return answerFromReader(context.services().reader, reply, {
        kind: 'dashboard',
        params: {
          startMs,
          nowMs,
          generatedAtMs,
          topModels: rows(query, 'top_models'),
          recentFailures: rows(query, 'recent_failures'),
        },
      });
    },
  );
  onlyMethods(app, url, ['GET', 'HEAD'], guard);
}

/** Described for readers only: what is wrong is answered in the words that older clients know. */
const described = (description: string) => ({ description }) as const;
const QUERY = {
  type: 'object',
  properties: {
    today_start_ms: described('integer, required: epoch ms of the midnight that the day begins with'),
    now_ms: described('integer, epoch ms: events from then on are left out; default now'),
    top_models: described('integer, rows of the lists of models; default 5'),
    recent_failures: described('integer, rows of the list of failures; default 5'),
  },
} as const;

const refused = (detail: string, status = 400): AppError =>
  new AppError('request_failed', { detail, status });

/** The first value of a parameter, `''` without one. */
function first(query: Query, name: string): string {
  const value = query[name];
  return (Array.isArray(value) ? (value[0] ?? '') : (value ?? '')).trim();
}

/** 0 when it is not given. */
function integer(query: Query, name: string, wanted = 'an integer'): number {
  const text = first(query, name);
  if (text === '') return 0;
  const value = INTEGER.test(text) ? Number(text) : Number.NaN;
  if (!Number.isSafeInteger(value)) throw refused(`${name} must be ${wanted}`);
  return value;
}

function dayStart(query: Query): number {
  if (first(query, 'today_start_ms') === '') throw refused('today_start_ms is required');
  const startMs = integer(query, 'today_start_ms', 'a positive integer');
  if (startMs <= 0) throw refused('today_start_ms must be a positive integer');
  return startMs;
}

function rows(query: Query, name: string): number {
  const count = integer(query, name);
  return count <= 0 ? DEFAULT_ROWS : Math.min(count, MOST_ROWS);
}
