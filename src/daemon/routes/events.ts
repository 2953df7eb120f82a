import type { FastifyInstance } from 'fastify';
import { AppError } from '../../lib/errors.ts';
import { parseCursor, type EventCursor } from '../../lib/store/event-cursor.ts';
import type { AdminGuard } from '../plugins/admin-guard.ts';
import type { DaemonContext } from '../services.ts';
import { onlyMethods } from './method-guard.ts';
import { answerFromReader } from './reader-answer.ts';

const URL = '/v0/management/events';

const MOST_ROWS = 1000;
/** Of one parameter that may be repeated. */
const MOST_VALUES = 200;
const MOST_CHARACTERS = 300;

const text = { type: 'string', maxLength: MOST_CHARACTERS } as const;
/** A parameter that may be repeated: any of its values. */
const texts = (description: string) =>
  ({ type: 'array', items: text, maxItems: MOST_VALUES, default: [], description }) as const;
const time = (description: string) =>
  ({ type: 'integer', minimum: 0, maximum: Number.MAX_SAFE_INTEGER, description }) as const;

const QUERY = {
  type: 'object',
  properties: {
    limit: { type: 'integer', minimum: 1, maximum: MOST_ROWS, default: 100 },
    before: { ...text, description: 'next of the page before' },
    from_ms: time('epoch ms, inclusive'),
    to_ms: time('epoch ms, exclusive'),
    model: texts('as the event shows it, with or without a thinking suffix'),
    provider: texts('of the record or of its credential; case does not matter'),
    account: texts('account, label, source or auth index; case does not matter'),
    auth_index: texts('- for events without one'),
    api_key_hash: texts('hex SHA-256 of a client key'),
    status: { type: 'string', enum: ['success', 'failed'] },
    search: {
      ...text,
      description:
        'part of a name or failure text, or the beginning (6 characters or more) of a request id, trace id, event or key hash',
    },
  },
} as const;

interface EventsQuery {
  readonly limit: number;
  readonly before?: string;
  readonly from_ms?: number;
  readonly to_ms?: number;
  readonly model: readonly string[];
  readonly provider: readonly string[];
  readonly account: readonly string[];
  readonly auth_index: readonly string[];
  readonly api_key_hash: readonly string[];
  readonly status?: 'success' | 'failed';
  readonly search?: string;
}

/** Highest that a row's id can be here: beyond it numbers are not exact. */
const EVENT_ID = {
  type: 'object',
  required: ['id'],
  properties: { id: { type: 'integer', minimum: 1, maximum: Number.MAX_SAFE_INTEGER } },
} as const;

/** The events, newest first, and each one with all that is known of it. */
export function eventsRoutes(app: FastifyInstance, context: DaemonContext, guard: AdminGuard): void {
  app.get<{ Querystring: EventsQuery }>(
    URL,
    { onRequest: guard, schema: { summary: 'Events, newest first', querystring: QUERY } },
    (request, reply) => {
      const { query } = request;
      return answerFromReader(context.services().reader, reply, {
        kind: 'events',
        params: {
          limit: finite('limit', query.limit),
          before: cursorOf(query.before),
          fromMs: finite('from_ms', query.from_ms) ?? null,
          toMs: finite('to_ms', query.to_ms) ?? null,
          models: given(query.model),
          providers: given(query.provider),
          accounts: given(query.account),
          authIndexes: given(query.auth_index),
          apiKeyHashes: given(query.api_key_hash),
          failed: query.status === undefined ? null : query.status === 'failed',
          search: query.search?.trim() ?? '',
        },
      });
    },
  );
  onlyMethods(app, URL, ['GET', 'HEAD'], guard);

  app.get<{ Params: { id: number } }>(
    `${URL}/:id`,
    { onRequest: guard, schema: { summary: 'One event, its cost and its price', params: EVENT_ID } },
    (request, reply) =>
      answerFromReader(context.services().reader, reply, {
        kind: 'event',
        params: { id: finite('id', request.params.id) },
      }),
  );
  onlyMethods(app, `${URL}/:id`, ['GET', 'HEAD'], guard);
}

/** The schema takes what is beyond all numbers, such as 1e400, for an integer, and compares it with no limit. */
function finite<T extends number | undefined>(name: string, value: T): T {
  if (value !== undefined && !Number.isFinite(value)) {
    throw new AppError('invalid_request', { detail: `${name} must be an integer` });
  }
  return value;
}

/** Blank values do not narrow: forms send them for what was left empty. */
function given(values: readonly string[]): string[] {
  return values.map((value) => value.trim()).filter((value) => value !== '');
}

function cursorOf(before: string | undefined): EventCursor | null {
  if (before === undefined || before === '') return null;
  const cursor = parseCursor(before);
  if (cursor === null) {
    throw new AppError('invalid_request', { detail: 'before must be the next of another page' });
  }
  return cursor;
}
