import type { FastifyInstance } from 'fastify';
import { MAX_INTEGER } from '../../lib/config/values.ts';
import type { Json } from '../../lib/contract/event.ts';
import { AppError } from '../../lib/errors.ts';

export type JsonObject = { readonly [key: string]: Json };

/** Configurations are small; whatever is larger is a mistake or worse. */
export const BODY_LIMIT = 1024 * 1024;

/** Objects and lists within each other. Far more than a configuration has, and far less than a stack has frames. */
const MOST_LEVELS = 64;

/** Reads every body as JSON, whatever its Content-Type says: older clients send none, or another one. */
export function acceptJson(app: FastifyInstance): void {
  // A header that is no media type at all would be refused before any parser is asked.
  app.addHook('onRequest', async (request) => {
    request.headers['content-type'] = 'application/json';
  });
  app.removeAllContentTypeParsers();
  app.addContentTypeParser('*', { parseAs: 'string', bodyLimit: BODY_LIMIT }, (_request, body, done) => {
    try {
      done(null, parse(String(body)));
    } catch (error) {
      done(error instanceof Error ? error : new Error(String(error)));
    }
  });
}

/** Undefined for an empty body: some requests need none. */
function parse(text: string): Json | undefined {
  if (text.trim() === '') return undefined;
  let value: Json;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw new AppError('request_failed', { detail: 'the body is not JSON', cause: error });
  }
  refuseOddities(value);
  return value;
}

/**
 * Refuses what no client of good will sends: bodies so deep that code which calls itself would fail on them, among
 * them that of saving what is kept as it came, and names that change what an object is where it is copied.
 */
function refuseOddities(body: Json): void {
  let level: Json[] = [body];
  for (let depth = 0; level.length > 0; depth += 1) {
    if (depth > MOST_LEVELS)
      throw new AppError('invalid_request', { detail: 'the body is nested too deeply' });
    const objects = level.filter((value) => typeof value === 'object' && value !== null);
    if (objects.some((value) => Object.hasOwn(value, '__proto__'))) {
      throw new AppError('invalid_request', { detail: 'the body has a field "__proto__"' });
    }
    level = objects.flatMap((value): readonly Json[] => Object.values(value));
  }
}

export function isObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** The body as an object; throws `request_failed` when there is none, `invalid_request` when it is something else. */
export function bodyObject(body: unknown): JsonObject {
  if (isObject(body)) return body;
  if (body === undefined) throw new AppError('request_failed', { detail: 'EOF' });
  throw new AppError('invalid_request', { detail: 'the body must be a JSON object' });
}

/** Fields by their names in any case, as older servers matched them. Of the wrong type is absent. */
export class Fields {
  readonly #byName: ReadonlyMap<string, Json>;

  constructor(object: JsonObject) {
    this.#byName = new Map(Object.entries(object).map(([key, value]) => [key.toLowerCase(), value]));
  }

  /** Trimmed; undefined when absent or empty. */
  text(name: string): string | undefined {
    const value = this.#get(name);
    const trimmed = typeof value === 'string' ? value.trim() : '';
    return trimmed === '' ? undefined : trimmed;
  }

  flag(name: string): boolean | undefined {
    const value = this.#get(name);
    return typeof value === 'boolean' ? value : undefined;
  }

  /** From 1 to what can be saved. */
  positive(name: string): number | undefined {
    const value = this.#get(name);
    return typeof value === 'number' && Number.isInteger(value) && value > 0 && value <= MAX_INTEGER
      ? value
      : undefined;
  }

  list(name: string): readonly Json[] | undefined {
    const value = this.#get(name);
    return Array.isArray(value) ? value : undefined;
  }

  object(name: string): JsonObject | undefined {
    const value = this.#get(name);
    return isObject(value) ? value : undefined;
  }

  #get(name: string): Json | undefined {
    return this.#byName.get(name.toLowerCase());
  }
}
