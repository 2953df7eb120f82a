import type { FastifyInstance } from 'fastify';
import { AppError } from '../../lib/errors.ts';
import { parsePriceObject } from '../../lib/pricing/price-validation.ts';
import { rowFromObject, type PriceRow } from '../../lib/pricing/price-row.ts';
import { wantedNames } from '../../lib/pricing/sync/sync.ts';
import type { AdminGuard } from '../plugins/admin-guard.ts';
import type { DaemonContext } from '../services.ts';
import { onlyMethods } from './method-guard.ts';
import { answerFromReader } from './reader-answer.ts';
import { bodyObject, Fields } from './request-body.ts';

const URL = '/v0/management/model-prices';

/** Clients send back the whole list, with what the sources said of each model. */
const BODY_LIMIT = 16 * 1024 * 1024;
const MOST_MODELS = 10_000;
const MOST_CHARACTERS = 300;

/** Prices of models: what counts, what is saved, and what the sources say. */
export function modelPricesRoutes(app: FastifyInstance, context: DaemonContext, guard: AdminGuard): void {
  app.get(URL, { onRequest: guard, schema: { summary: 'Every price that counts, by model' } }, () =>
    context.services().prices.list(),
  );
  app.put(
    URL,
    { onRequest: guard, bodyLimit: BODY_LIMIT, schema: { summary: 'Save these prices and no others' } },
    (request) => context.services().prices.replace(priceRows(request.body, context.clock.now())),
  );
  onlyMethods(app, URL, ['GET', 'HEAD', 'PUT'], guard);

  const summary = `${URL}/usage-summary`;
  app.get(
    summary,
    { onRequest: guard, schema: { summary: 'Models of the newest events, by calls' } },
    (_request, reply) =>
      answerFromReader(context.services().reader, reply, {
        kind: 'usageSummary',
        params: { limit: context.config.queryLimit },
      }),
  );
  onlyMethods(app, summary, ['GET', 'HEAD'], guard);

  const sync = `${URL}/sync`;
  app.post(
    sync,
    { onRequest: guard, schema: { summary: 'Fetch prices from models.dev, LiteLLM and OpenRouter' } },
    (request) => context.services().prices.sync(modelNames(request.body)),
  );
  onlyMethods(app, sync, ['POST'], guard);
}

function priceRows(body: unknown, nowMs: number): PriceRow[] {
  const prices = new Fields(bodyObject(body)).object('prices');
  if (prices === undefined) throw new AppError('prices_required');
  return Object.entries(prices).map(([model, value]) =>
    rowFromObject(model, parsePriceObject(model, value), nowMs),
  );
}

/** Null without names: all are meant then. */
function modelNames(body: unknown): string[] | null {
  if (body === undefined) return null;
  const models = new Fields(bodyObject(body)).list('models');
  const names = wantedNames(
    (models ?? []).map((name) => {
      if (typeof name === 'string' && name.length <= MOST_CHARACTERS) return name;
      throw new AppError('invalid_request', { detail: 'models must be a list of names' });
    }),
  );
  if (names.length > MOST_MODELS) {
    throw new AppError('invalid_request', { detail: `models must be at most ${MOST_MODELS} names` });
  }
  return names.length === 0 ? null : names;
}
