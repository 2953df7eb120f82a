import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { TestContext } from 'node:test';

export type Source = 'models.dev' | 'litellm' | 'openrouter';
type Answer = (request: IncomingMessage, response: ServerResponse) => void;

/** A list of models.dev: two makers, and a reseller of the models of both. */
export const MODELS_DEV = {
  models: { 'anthropic/claude-sonnet-4-5': {}, 'openai/gpt-9': {}, 'acme/twin': {}, 'other/twin': {} },
  providers: {
    anthropic: {
      models: {
        'claude-sonnet-4-5': { cost: { input: 3.1, output: 15.1, cache_read: 0.31, cache_write: 3.76 } },
      },
    },
    openai: {
      models: {
        'gpt-9': {
          cost: {
            input: 2,
            output: 8,
            cache_read: 0.2,
            tiers: [{ tier: { type: 'context', size: 200_000 }, input: 4, output: 12 }],
          },
          experimental: { modes: { fast: { cost: { input: 4, output: 16 } } } },
        },
      },
    },
    reseller: {
      models: {
        'openai/gpt-9': { cost: { input: 9, output: 99 } },
        'claude-sonnet-4-5': { cost: { input: 9, output: 99 } },
      },
    },
    acme: { models: { twin: { cost: { input: 1, output: 1 } } } },
    other: { models: { twin: { cost: { input: 2, output: 2 } }, gift: {} } },
  },
};

export const LITELLM = {
  sample_spec: { input_cost_per_token: 0, output_cost_per_token: 0 },
  'lite-model': {
    input_cost_per_token: 1e-6,
    output_cost_per_token: '0.000002',
    cache_read_input_token_cost: 1e-7,
    cache_creation_input_token_cost: 1.25e-6,
    cache_creation_input_token_cost_above_1hr: 2e-6,
    input_cost_per_token_above_200k_tokens: 2e-6,
    output_cost_per_token_above_200k_tokens: 4e-6,
    input_cost_per_token_priority: 3e-6,
  },
  'an-embedding': { mode: 'embedding' },
  'minus-model': { input_cost_per_token: -1 },
};

export const OPENROUTER = {
  data: [
    {
      id: 'maker/router-model',
      pricing: { prompt: '0.000005', completion: '0.00001', input_cache_read: '5e-7' },
    },
    { id: 'openrouter/auto', pricing: { prompt: '-1', completion: '-1' } },
  ],
};

const LISTS: Readonly<Record<Source, unknown>> = {
  'models.dev': MODELS_DEV,
  litellm: LITELLM,
  openrouter: OPENROUTER,
};

/** Stands in for the three sources, on a port of the system's choice. */
export class PriceSources {
  /** The paths that were asked for, with the ETag that came along. */
  readonly asked: Array<{ readonly source: string; readonly etag: string }> = [];
  url = '';
  readonly #answers = new Map<Source, Answer>();

  static async start(t: TestContext): Promise<PriceSources> {
    const sources = new PriceSources();
    const server = createServer((request, response) => sources.#serve(request, response));
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    const address = server.address() as AddressInfo;
    sources.url = `http://127.0.0.1:${address.port}`;
    t.after(() => {
      server.closeAllConnections();
      server.close();
    });
    return sources;
  }

  /** The value of USAGE_PRICE_SOURCES. */
  get mirrors(): string {
    return Object.keys(LISTS)
      .map((name) => `${name}=${this.url}/${name}`)
      .join(',');
  }

  get map(): ReadonlyMap<Source, string> {
    return new Map(
      (['models.dev', 'litellm', 'openrouter'] as const).map((name) => [name, `${this.url}/${name}`]),
    );
  }

  /** Answers of a source from now on. */
  answer(source: Source, answer: Answer): void {
    this.#answers.set(source, answer);
  }

  fail(source: Source, status = 503): void {
    this.answer(source, (_request, response) => response.writeHead(status).end('no'));
  }

  /** The usual list, as at the beginning. */
  recover(source: Source): void {
    this.#answers.delete(source);
  }

  send(source: Source, text: string): void {
    this.answer(source, (_request, response) => response.writeHead(200).end(text));
  }

  #serve(request: IncomingMessage, response: ServerResponse): void {
    const name = (request.url ?? '').slice(1);
    const etag = request.headers['if-none-match'] ?? '';
    this.asked.push({ source: name, etag });
    const source = (['models.dev', 'litellm', 'openrouter'] as const).find((each) => each === name);
    if (source === undefined) {
      response.writeHead(404).end();
      return;
    }
    const answer = this.#answers.get(source);
    if (answer) answer(request, response);
    else if (etag === `"${source}-1"`) response.writeHead(304).end();
    else response.writeHead(200, { etag: `"${source}-1"` }).end(JSON.stringify(LISTS[source]));
  }
}
