import type { Family } from './generate.ts';
import type { Random } from './random.ts';

const AIRPORTS = ['FRA', 'SJC', 'LAX', 'IAD', 'NRT', 'HKG', 'SIN', 'AMS'] as const;
const HOUR_S = 3600;

/**
 * The headers that the providers' real answers carry, as JSON of name to list of values, as CLIProxyAPI passes them
 * on: Codex with its quota windows, OpenAI and xAI with rate limits and request ids, Anthropic with its ids and unified
 * limits, Gemini with server timing; Cloudflare's ray where the provider sits behind it.
 */
export function responseHeaders(
  random: Random,
  family: Family,
  startMs: number,
  stream: boolean,
  status: number,
): string {
  const headers: Array<readonly [string, string]> = [
    ['Content-Type', stream ? 'text/event-stream; charset=utf-8' : 'application/json'],
    ['Date', new Date(startMs).toUTCString()],
    ...OF[family](random, startMs),
  ];
  if (status === 429) headers.push(['Retry-After', String(1 + random.below(120))]);
  return `{${headers.map(([name, value]) => `"${name}":["${value}"]`).join(',')}}`;
}

type Headers = Array<readonly [string, string]>;

const cloudflare = (random: Random): Headers => [
  ['Server', 'cloudflare'],
  ['Cf-Cache-Status', 'DYNAMIC'],
  ['Cf-Ray', `${random.hex(16)}-${random.zipf(AIRPORTS)}`],
];

const rateLimit = (random: Random): Headers => [
  ['X-Ratelimit-Limit-Requests', '10000'],
  ['X-Ratelimit-Remaining-Requests', String(9000 + random.below(1000))],
  ['X-Ratelimit-Limit-Tokens', '30000000'],
  ['X-Ratelimit-Remaining-Tokens', String(29_000_000 + random.below(1_000_000))],
];

function codexWindow(random: Random, name: string, startMs: number, minutes: number): Headers {
  const after = random.below(minutes * 60);
  return [
    [`X-Codex-${name}-Used-Percent`, String(random.below(101))],
    [`X-Codex-${name}-Window-Minutes`, String(minutes)],
    [`X-Codex-${name}-Reset-After-Seconds`, String(after)],
    [`X-Codex-${name}-Reset-At`, String(Math.floor(startMs / 1000) + after)],
  ];
}

const OF: Readonly<Record<Family, (random: Random, startMs: number) => Headers>> = {
  codex: (random, startMs) => [
    ['X-Codex-Plan-Type', random.zipf(['plus', 'pro', 'team'])],
    ['X-Codex-Active-Limit', random.zipf(['premium', 'codex'])],
    ['X-Codex-Credits-Has-Credits', 'False'],
    ['X-Codex-Credits-Unlimited', 'False'],
    ['X-Codex-Primary-Over-Secondary-Limit-Percent', '0'],
    ...codexWindow(random, 'Primary', startMs, 300),
    ...codexWindow(random, 'Secondary', startMs, 10_080),
    ['X-Oai-Request-Id', random.uuid()],
    ['X-Models-Etag', 'W/\\"3a1c94d27c5f\\"'],
    ...cloudflare(random),
  ],
  openai: (random) => [
    ['X-Request-Id', `req_${random.hex(32)}`],
    ['Openai-Processing-Ms', String(random.below(20_000))],
    ...rateLimit(random),
    ...cloudflare(random),
  ],
  claude: (random, startMs) => [
    ['Request-Id', `req_011C${random.hex(20)}`],
    ['Anthropic-Ratelimit-Unified-Status', 'allowed'],
    ['Anthropic-Ratelimit-Unified-Reset', String(Math.floor(startMs / 1000) + 5 * HOUR_S)],
    ['Anthropic-Organization-Id', '5c2d7c1e-4a5b-4c1d-9e8f-0a1b2c3d4e5f'],
    ['Via', '1.1 google'],
    ...cloudflare(random),
  ],
  gemini: (random) => [
    ['Server', 'scaffolding on HTTPServer2'],
    ['Server-Timing', `gfet4t7; dur=${random.below(20_000)}`],
  ],
  xai: (random) => [
    ['X-Request-Id', random.uuid()],
    ['X-Zero-Data-Retention', 'false'],
    ...rateLimit(random),
    ...cloudflare(random),
  ],
};
