import { EnvHttpProxyAgent, fetch, type Dispatcher } from 'undici';
import { CatalogError } from './catalog.ts';

/** For one list, from asking to its last byte. */
const TOTAL_MS = 10_000;
/** The longest of them has about 4 MB; unpacked, because a short answer can unpack to any length. */
const MOST_BYTES = 32 << 20;

const PROXY_VARIABLES = ['https_proxy', 'HTTPS_PROXY', 'http_proxy', 'HTTP_PROXY'] as const;

/** What a source answered. `unchanged`: it has what the ETag stands for. */
export type Answer =
  | { readonly kind: 'body'; readonly text: string; readonly etag: string }
  | { readonly kind: 'unchanged' };

export interface FetchOptions {
  /** Sent as `If-None-Match`; `''` for none. */
  readonly etag: string;
  readonly signal?: AbortSignal | undefined;
  /** 10 s. */
  readonly totalMs?: number;
}

/** Asks the sources, through the proxy that the environment names. */
export class SourceClient {
  readonly #agent: Dispatcher;
  /** A proxy is named; NO_PROXY may still keep it out of the way to a certain host. */
  readonly proxied: boolean;

  /** Throws CatalogError for a proxy that is no URL. */
  constructor(env: Readonly<Record<string, string | undefined>> = process.env) {
    this.proxied = PROXY_VARIABLES.some((name) => (env[name] ?? '').trim() !== '');
    const first = (...names: readonly string[]): string =>
      names.map((name) => (env[name] ?? '').trim()).find((value) => value !== '') ?? '';
    try {
      this.#agent = new EnvHttpProxyAgent({
        httpProxy: first('http_proxy', 'HTTP_PROXY'),
        httpsProxy: first('https_proxy', 'HTTPS_PROXY'),
        noProxy: first('no_proxy', 'NO_PROXY'),
        connect: { timeout: TOTAL_MS },
      });
    } catch (error) {
      // Its message would show the URL, and a password in it.
      throw new CatalogError('invalid proxy URL', { cause: error });
    }
  }

  /** Throws CatalogError. */
  async get(url: string, { etag, signal, totalMs = TOTAL_MS }: FetchOptions): Promise<Answer> {
    const over = AbortSignal.timeout(totalMs);
    try {
      const response = await fetch(url, {
        dispatcher: this.#agent,
        signal: signal ? AbortSignal.any([signal, over]) : over,
        headers: {
          accept: 'application/json',
          'user-agent': 'cpamp',
          ...(etag !== '' && { 'if-none-match': etag }),
        },
      });
      if (response.status === 304 && etag !== '') return { kind: 'unchanged' };
      if (response.status !== 200) {
        await response.body?.cancel();
        throw new CatalogError(`it answered ${response.status}`);
      }
      if (new URL(url).protocol === 'https:' && new URL(response.url).protocol !== 'https:') {
        await response.body?.cancel();
        throw new CatalogError('it redirects to an address without TLS');
      }
      const text = await textOf(response.body);
      return { kind: 'body', text, etag: (response.headers.get('etag') ?? '').slice(0, 200) };
    } catch (error) {
      if (error instanceof CatalogError) throw error;
      if (over.aborted) throw new CatalogError(`it took longer than ${totalMs / 1000} s`, { cause: error });
      throw new CatalogError(`it cannot be reached (${causeOf(error)})`, { cause: error });
    }
  }

  async close(): Promise<void> {
    await this.#agent.destroy();
  }
}

async function textOf(body: AsyncIterable<Uint8Array> | null): Promise<string> {
  const decoder = new TextDecoder();
  let text = '';
  let length = 0;
  for await (const chunk of body ?? []) {
    length += chunk.length;
    if (length > MOST_BYTES) throw new CatalogError(`it is longer than ${MOST_BYTES} bytes`);
    text += decoder.decode(chunk, { stream: true });
  }
  return text + decoder.decode();
}

/** How undici says that a proxy opens no tunnel. */
const NO_TUNNEL = /^Proxy response \((\d+)\)/;

/** A code such as ECONNREFUSED where there is one: messages may hold URLs with passwords. */
function causeOf(error: unknown): string {
  for (let each = error; each instanceof Error; each = each.cause) {
    const status = NO_TUNNEL.exec(each.message)?.[1];
    if (status !== undefined) return `the proxy answered ${status}`;
    if ('code' in each && typeof each.code === 'string') return each.code;
  }
  return error instanceof Error ? error.name : 'unknown error';
}
