import { responseHeaders } from './headers.ts';
import { Random } from './random.ts';

/**
 * Raw usage records as CLIProxyAPI 7.2.140 hands them over, in the order in which the requests end.
 *
 * The distribution, chosen to look like a busy shared gateway:
 * - 30 models of 5 families, 60 credentials (each belongs to one family), 40 client keys, 24 user agents, 250
 *   addresses; all picked with Zipf weights (the first of n about 1/ln(n) of the time).
 * - Input tokens log-normal, median 9,000, sigma 1.5; 70 % of the calls read 30 to 98 % of them from the cache;
 *   a third of the Claude calls write 5 % to the cache. Output log-normal, median 450, sigma 1.2; reasoning on half
 *   of the calls of models that reason, 10 to 80 % of the output.
 * - Latency log-normal, median 6 s, sigma 0.9; time to first token 5 to 60 % of it. 85 % are streamed.
 * - 3 % fail: 429, 500, 401, 529 and 499, with error bodies that mostly repeat (a third carry a request id).
 * - Request ids are 8 random hex digits, times have nanoseconds; requests begin at an even rate with jitter.
 * - With `headers`, the response headers of the family's real answers (see headers.ts), else none.
 */
export interface GenerateOptions {
  readonly seed: number;
  /** When the first request begins, epoch ms. */
  readonly startMs: number;
  /** Mean time between requests, ms. */
  readonly everyMs: number;
  readonly headers: boolean;
}

export interface Generated {
  readonly payload: Uint8Array;
  /** When the gateway hands it over. */
  readonly atMs: number;
}

const FAMILY_NAMES = ['codex', 'claude', 'openai', 'gemini', 'xai'] as const;
export type Family = (typeof FAMILY_NAMES)[number];

interface Model {
  readonly family: Family;
  readonly name: string;
  readonly alias: string;
  readonly reasons: boolean;
}

const FAMILIES: Readonly<
  Record<Family, { provider: string; executor: string; authType: string; endpoint: string; tier: string }>
> = {
  codex: {
    provider: 'codex',
    executor: 'CodexExecutor',
    authType: 'oauth',
    endpoint: 'POST /v1/responses',
    tier: 'default',
  },
  openai: {
    provider: 'openai-compatible-main',
    executor: 'OpenAICompatExecutor',
    authType: 'apikey',
    endpoint: 'POST /v1/chat/completions',
    tier: 'auto',
  },
  claude: {
    provider: 'claude',
    executor: 'ClaudeExecutor',
    authType: 'oauth',
    endpoint: 'POST /v1/messages',
    tier: 'auto',
  },
  gemini: { provider: 'gemini', executor: 'GeminiExecutor', authType: 'apikey', endpoint: '', tier: '' },
  xai: {
    provider: 'xai',
    executor: 'XAIExecutor',
    authType: 'oauth',
    endpoint: 'POST /v1/chat/completions',
    tier: 'auto',
  },
};

const NAMES: Readonly<Record<Family, readonly string[]>> = {
  codex: ['gpt-5.4', 'gpt-5.3-codex', 'gpt-5.2', 'gpt-5.1-codex-mini', 'gpt-5-codex', 'gpt-5.4-mini'],
  claude: [
    'claude-sonnet-4-5-20250929',
    'claude-opus-4-5-20251101',
    'claude-haiku-4-5-20251001',
    'claude-opus-4-1-20250805',
    'claude-sonnet-4-20250514',
    'claude-3-7-sonnet-20250219',
    'claude-3-5-haiku-20241022',
  ],
  openai: [
    'gpt-4.1',
    'gpt-4.1-mini',
    'gpt-4o',
    'deepseek-v3.2',
    'qwen3-coder-plus',
    'kimi-k2',
    'glm-4.6',
    'minimax-m2',
  ],
  gemini: [
    'gemini-3-pro-preview',
    'gemini-2.5-pro',
    'gemini-2.5-flash',
    'gemini-2.5-flash-lite',
    'gemini-2.0-flash',
  ],
  xai: ['grok-4', 'grok-code-fast-1', 'grok-4-fast', 'grok-3-mini'],
};

const MODELS: readonly Model[] = interleave(
  FAMILY_NAMES.map((family) =>
    NAMES[family].map((name, index) => ({
      family,
      name,
      alias: index % 3 === 2 ? `team-${name}` : name.replace(/-20\d{6}$/, ''),
      reasons: family !== 'openai' || index > 2,
    })),
  ),
);

const CREDENTIALS = 60;
const CLIENT_KEYS = Array.from({ length: 40 }, (_, n) => `sk-client-${String(n).padStart(3, '0')}-made-up`);
const ADDRESSES = Array.from({ length: 250 }, (_, n) => `10.${n % 7}.${n % 31}.${n}`);
const USER_AGENTS = Array.from({ length: 24 }, (_, n) =>
  n % 3 === 0
    ? `codex_cli_rs/0.${60 + n}.0 (Mac OS 15.${n % 6}.1; arm64) iTerm.app/3.5.${n}`
    : n % 3 === 1
      ? `claude-cli/2.0.${n} (external, cli)`
      : `OpenAI/Python 1.${40 + n}.0`,
);
const FAILURES: ReadonlyArray<readonly [number, string]> = [
  [
    429,
    '{"error":{"type":"rate_limit_error","message":"This request would exceed your account\'s rate limit."}}',
  ],
  [
    500,
    '{"error":{"message":"The server had an error while processing your request","type":"server_error"}}',
  ],
  [529, '{"type":"error","error":{"type":"overloaded_error","message":"Overloaded"},"request_id":"req_ID"}'],
  [401, '{"error":{"message":"Your authentication token has been invalidated.","code":"token_invalidated"}}'],
  [499, 'context canceled'],
];

/** Credentials by family, best used first: `auth_index` and the raw source. */
const SOURCES = new Map(
  FAMILY_NAMES.map((family, index) => {
    const random = new Random(1000 + index);
    const oauth = FAMILIES[family].authType === 'oauth';
    const list = Array.from({ length: CREDENTIALS / FAMILY_NAMES.length }, (_, n) => ({
      authIndex: random.hex(16),
      source: oauth ? `person${n}@${family}.example.com` : `sk-${family}-${random.hex(24)}`,
    }));
    return [family, list];
  }),
);

/** An endless stream of records; the same options give the same bytes. */
export function* generate(options: GenerateOptions): Generator<Generated, never> {
  const random = new Random(options.seed);
  for (let n = 0; ; n += 1) {
    const startMs = options.startMs + Math.floor((n + random.unit()) * options.everyMs);
    yield one(random, startMs, options.headers);
  }
}

function one(random: Random, startMs: number, withHeaders: boolean): Generated {
  const model = random.zipf(MODELS);
  const family = FAMILIES[model.family];
  const credential = random.zipf(SOURCES.get(model.family) ?? []);
  const stream = random.chance(0.85);
  const failure = random.chance(0.03) ? random.zipf(FAILURES) : null;
  const latency = Math.ceil(random.logNormal(6000, 0.9));
  const ttft = Math.ceil(latency * (0.05 + 0.55 * random.unit()));
  const endpoint =
    model.family === 'gemini'
      ? `POST /v1beta/models/${model.alias}:${stream ? 'streamGenerateContent' : 'generateContent'}`
      : family.endpoint;
  const body = failure === null ? '' : failure[1].replace('ID', random.hex(24));
  const headers = withHeaders
    ? `,"response_headers":${responseHeaders(random, model.family, startMs, stream, failure?.[0] ?? 200)}`
    : '';
  const effort = model.reasons && random.chance(0.4) ? random.pick(['low', 'medium', 'high']) : '';
  const text =
    `{"timestamp":"${timestamp(startMs, random)}","latency_ms":${latency},"ttft_ms":${ttft}` +
    `,"source":"${credential.source}","auth_index":"${credential.authIndex}"` +
    `,"client_ip":"${random.zipf(ADDRESSES)}","x_forwarded_for":"","user_agent":"${random.zipf(USER_AGENTS)}"` +
    `,${failure === null ? tokens(random, model) : NO_TOKENS},"failed":${failure !== null},"generate":true` +
    `,"fail":{"status_code":${failure?.[0] ?? 200},"body":${JSON.stringify(body)}}${headers}` +
    `,"provider":"${family.provider}","executor_type":"${family.executor}"` +
    `,"model":"${model.name}","alias":"${model.alias}","endpoint":"${endpoint}"` +
    `,"auth_type":"${family.authType}","api_key":"${random.zipf(CLIENT_KEYS)}","request_id":"${random.hex(8)}"` +
    `,"reasoning_effort":"${effort}","service_tier":"${family.tier}"}`;
  return { payload: Buffer.from(text, 'utf8'), atMs: startMs + latency + 2 };
}

const NO_TOKENS =
  '"tokens":{"input_tokens":0,"output_tokens":0,"reasoning_tokens":0,"cached_tokens":0,"cache_read_tokens":0' +
  ',"cache_creation_tokens":0,"total_tokens":0}';

function tokens(random: Random, model: Model): string {
  const input = Math.ceil(random.logNormal(9000, 1.5));
  const read = random.chance(0.7) ? Math.floor(input * (0.3 + 0.68 * random.unit())) : 0;
  const write = model.family === 'claude' && random.chance(0.33) ? Math.floor(input * 0.05) : 0;
  const output = Math.ceil(random.logNormal(450, 1.2));
  const reasoning =
    model.reasons && random.chance(0.5) ? Math.floor(output * (0.1 + 0.7 * random.unit())) : 0;
  const uncached = Math.max(0, input - read - write);
  const whole = uncached + read + write;
  const reported = model.family === 'claude' ? uncached : whole;
  return (
    `"tokens":{"input_tokens":${reported},"output_tokens":${output},"reasoning_tokens":${reasoning}` +
    `,"cached_tokens":${read},"cache_read_tokens":${read},"cache_read_tokens_present":true` +
    `,"cache_creation_tokens":${write},"total_tokens":${whole + output}},"accounting_version":2` +
    `,"token_breakdown":{"schema_version":2,"quality":"complete","total_tokens":${whole + output}` +
    `,"input":{"total_tokens":${whole},"uncached_tokens":${uncached},"cache_read_tokens":${read}` +
    `,"cache_write_tokens":${write}},"output":{"total_tokens":${output}` +
    `,"non_reasoning_tokens":${output - reasoning},"reasoning_tokens":${reasoning}},"unclassified_tokens":0}`
  );
}

/** RFC 3339 with the nanoseconds that Go prints, trailing zeros removed. */
function timestamp(ms: number, random: Random): string {
  const iso = new Date(ms).toISOString();
  const below = String(random.below(1_000_000)).padStart(6, '0');
  return `${(iso.slice(0, -1) + below).replace(/\.?0+$/, '')}Z`;
}

function interleave<T>(lists: ReadonlyArray<readonly T[]>): T[] {
  const longest = Math.max(...lists.map((list) => list.length));
  return Array.from({ length: longest }, (_, n) => lists.flatMap((list) => list.slice(n, n + 1))).flat();
}
