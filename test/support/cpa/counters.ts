import type { Clock } from '../../../src/lib/contract/clock.ts';

const BUCKET_MS = 10 * 60_000;
const BUCKETS = 20;
const FAILED = Buffer.from('"failed":true');
const SOURCE = Buffer.from('"source":"');
const PROVIDER = Buffer.from('"provider":"');

interface Bucket {
  success: number;
  failed: number;
}

interface Entry {
  success: number;
  failed: number;
  readonly buckets: Map<number, Bucket>;
}

function field(payload: Buffer, marker: Buffer): string {
  const at = payload.indexOf(marker);
  if (at < 0) return '';
  const from = at + marker.length;
  const to = payload.indexOf(0x22, from);
  return to < 0 ? '' : payload.toString('utf8', from, to);
}

const clockTime = (ms: number): string => new Date(ms).toISOString().slice(11, 16);

/**
 * What `GET /v0/management/api-key-usage` counts: requests of each upstream key since the start of the process. They
 * count whether or not usage records are published.
 */
export class ApiKeyCounters {
  readonly #clock: Clock;
  readonly #known: readonly (readonly [provider: string, key: string])[];
  readonly #entries = new Map<string, Map<string, Entry>>();

  /** `known`: provider and `base_url|api_key` of the keys in the gateway's configuration. */
  constructor(known: readonly (readonly [string, string])[], clock: Clock) {
    this.#known = known;
    this.#clock = clock;
    this.reset();
  }

  reset(): void {
    this.#entries.clear();
    for (const [provider, key] of this.#known) this.#entry(provider, key);
  }

  count(payload: Buffer): void {
    const provider = field(payload, PROVIDER).replace(/^openai-compatible-/u, '') || 'unknown';
    const source = field(payload, SOURCE);
    const keys = this.#entries.get(provider);
    let key = `|${source}`;
    for (const known of keys?.keys() ?? []) if (known.endsWith(`|${source}`)) key = known;
    const entry = this.#entry(provider, key);
    const id = Math.floor(this.#clock.now() / BUCKET_MS);
    const bucket = entry.buckets.get(id) ?? { success: 0, failed: 0 };
    entry.buckets.set(id, bucket);
    const outcome = payload.includes(FAILED) ? 'failed' : 'success';
    bucket[outcome] += 1;
    entry[outcome] += 1;
  }

  /** The answer of the route, with twenty buckets of ten minutes up to now. */
  answer(): Record<string, Record<string, unknown>> {
    const last = Math.floor(this.#clock.now() / BUCKET_MS);
    const ids = Array.from({ length: BUCKETS }, (_, index) => last - BUCKETS + 1 + index);
    const answer: Record<string, Record<string, unknown>> = {};
    for (const [provider, keys] of this.#entries) {
      const group: Record<string, unknown> = {};
      for (const [key, entry] of keys) {
        group[key] = {
          success: entry.success,
          failed: entry.failed,
          recent_requests: ids.map((id) => ({
            time: `${clockTime(id * BUCKET_MS)}-${clockTime((id + 1) * BUCKET_MS)}`,
            success: entry.buckets.get(id)?.success ?? 0,
            failed: entry.buckets.get(id)?.failed ?? 0,
          })),
        };
      }
      answer[provider] = group;
    }
    return answer;
  }

  #entry(provider: string, key: string): Entry {
    const keys = this.#entries.get(provider) ?? new Map<string, Entry>();
    this.#entries.set(provider, keys);
    const entry = keys.get(key) ?? { success: 0, failed: 0, buckets: new Map<number, Bucket>() };
    keys.set(key, entry);
    return entry;
  }
}
