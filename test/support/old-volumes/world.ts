import { sha256 } from './hash.ts';
import { Random } from './random.ts';

/** A credential of the gateway, as the old programs knew it. */
export interface Credential {
  readonly provider: string;
  readonly executor: string;
  readonly authType: 'apikey' | 'oauth';
  readonly authIndex: string;
  /** As the gateway sent it: a key or an e-mail address. */
  readonly rawSource: string;
  /** As the old programs stored it. */
  readonly source: string;
  readonly sourceHash: string;
  readonly account: string | null;
  readonly label: string | null;
  readonly file: string | null;
  readonly project: string | null;
  /** Cached tokens are counted beside the input. */
  readonly cacheBeside: boolean;
  readonly models: readonly ModelName[];
}

export interface ModelName {
  /** What the caller asked for. */
  readonly alias: string;
  readonly upstream: string;
}

export interface World {
  readonly credentials: readonly Credential[];
  readonly clientKeys: readonly string[];
  /** Every key in plain text that one of our files may not hold. */
  readonly secrets: readonly string[];
}

const same = (name: string): ModelName => ({ alias: name, upstream: name });

const PROVIDERS = [
  {
    provider: 'codex',
    executor: 'CodexExecutor',
    authType: 'oauth',
    cacheBeside: false,
    models: [same('gpt-5.4'), { alias: 'fast', upstream: 'gpt-5.3-codex' }],
  },
  {
    provider: 'claude',
    executor: 'ClaudeExecutor',
    authType: 'oauth',
    cacheBeside: true,
    models: [{ alias: 'claude-sonnet-4-5', upstream: 'claude-sonnet-4-5-20250929' }, same('claude-opus-4-6')],
  },
  {
    provider: 'gemini',
    executor: 'GeminiExecutor',
    authType: 'apikey',
    cacheBeside: false,
    models: [same('gemini-2.5-pro'), same('gemini-2.5-flash')],
  },
  {
    provider: 'openai-compatible-madeup',
    executor: 'OpenAICompatExecutor',
    authType: 'apikey',
    cacheBeside: false,
    models: [same('madeup-large'), { alias: 'house-model', upstream: 'madeup-small' }],
  },
] as const;

const CREDENTIALS_EACH = 3;
const CLIENT_KEYS = 6;

/** The same credentials and keys for the same seed. */
export function makeWorld(seed: number): World {
  const random = new Random(seed);
  const credentials = PROVIDERS.flatMap((of, kind) =>
    Array.from({ length: CREDENTIALS_EACH }, (_, index): Credential => {
      const oauth = of.authType === 'oauth';
      const account = `person${kind}${index}@example.com`;
      const rawSource = oauth ? account : `sk-made-up-upstream-${of.provider}-${index}-${random.hex(8)}`;
      return {
        ...of,
        authIndex: random.hex(16),
        rawSource,
        source: oauth ? `per***@example.com` : masked(rawSource),
        sourceHash: sha256(rawSource),
        account: oauth ? account : null,
        label: oauth ? `Seat ${index}` : null,
        file: oauth ? `${of.provider}-person${index}.json` : null,
        project: of.provider === 'gemini' ? `project-${index}` : null,
      };
    }),
  );
  const clientKeys = Array.from(
    { length: CLIENT_KEYS },
    (_, index) => `sk-made-up-client-${index}-${random.hex(8)}`,
  );
  const keys = credentials.filter((one) => one.authType === 'apikey').map((one) => one.rawSource);
  return { credentials, clientKeys, secrets: [...keys, ...clientKeys] };
}

/** How the old programs showed what they took for a key. */
export function masked(key: string): string {
  return `m:${key.slice(0, 4)}...${key.slice(-4)}`;
}
