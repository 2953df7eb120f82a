import type Database from 'better-sqlite3';
import { has, isPlus, type Generation } from './generations.ts';
import { sha256, type Value } from './hash.ts';
import { columnsOf } from './notation.ts';
import { sourceTables } from './schema.ts';
import type { World } from './world.ts';

type Db = Database.Database;
export type Row = Readonly<Record<string, Value>>;

/** The rows besides the events, by table, as they were written. */
export type Extras = ReadonlyMap<string, readonly Row[]>;

const HOUR = 3_600_000;
/** In a payload that could not be understood, in plain text. */
export const LETTER_KEY = 'sk-made-up-letter-key-0001';

/** What a volume holds besides events, as far as the generation has a table for it. Times lie around `nowMs`. */
export function makeExtras(generation: Generation, world: World, nowMs: number): Extras {
  const all = new Map<string, readonly Row[]>([
    ['dead_letter_events', deadLetters(nowMs)],
    ['model_prices', prices(generation, nowMs)],
    ['model_price_context_tiers', [contextTier(200_000, 2.5), contextTier(400_000, 5)]],
    ['model_price_service_tiers', [serviceTier('fast', 'priority', 2.5), serviceTier('flex', 'flex', 0.6)]],
    ['api_key_aliases', aliases(world, nowMs)],
    ['account_action_candidates', candidates(nowMs)],
    ['quota_cooldowns', cooldowns(nowMs)],
    ['codex_inspection_disable_ownership', ownership(generation, nowMs)],
    ...inspection(nowMs),
    ...quota(nowMs),
  ]);
  const there = new Set(sourceTables(generation).map((table) => table.name));
  return new Map([...all].filter(([name]) => there.has(name)));
}

/** Values for columns that the generation does not have are left out. */
export function writeExtras(db: Db, generation: Generation, extras: Extras): Extras {
  const written = new Map<string, readonly Row[]>();
  const tables = new Map(sourceTables(generation).map((table) => [table.name, table]));
  for (const [name, rows] of extras) {
    const table = tables.get(name);
    if (!table) continue;
    const known = new Set(columnsOf(table, generation).map((column) => column.name));
    const kept = rows.map((row): Row =>
      Object.fromEntries(Object.entries(row).filter(([key]) => known.has(key))),
    );
    for (const row of kept) {
      const columns = Object.keys(row);
      const marks = columns.map(() => '?').join(', ');
      db.prepare(`insert into ${name} (${columns.join(', ')}) values (${marks})`).run(...Object.values(row));
    }
    written.set(name, kept);
  }
  return written;
}

function deadLetters(nowMs: number): readonly Row[] {
  const payloads = [
    ['not json', 'invalid character'],
    [`{"api_key":"${LETTER_KEY}","timestamp":`, 'unexpected end of JSON input'],
    ['["an", "array"]', 'json: cannot unmarshal array into Go value'],
    ['', 'unexpected end of JSON input'],
  ] as const;
  return payloads.map(([payload, error], index) => ({
    payload,
    error,
    created_at_ms: nowMs - index * HOUR,
  }));
}

/** By hand, from a list, an explicit nothing, and one for a model that was never called. */
function prices(generation: Generation, nowMs: number): readonly Row[] {
  const price = (model: string, rates: readonly number[], source: string | null): Row => {
    const [prompt = 0, completion = 0, cache = 0, read = 0, creation = 0] = rates;
    return {
      model,
      prompt_per_1m: prompt,
      completion_per_1m: completion,
      cache_per_1m: cache,
      cache_read_per_1m: read,
      cache_creation_per_1m: creation,
      prompt_configured: 1,
      completion_configured: 1,
      cache_read_configured: read === 0 ? 0 : 1,
      cache_creation_configured: creation === 0 ? 0 : 1,
      source,
      source_model_id: source === null ? null : `${source}/${model}`,
      raw_json: source === null ? null : JSON.stringify({ id: model, input: prompt }),
      updated_at_ms: nowMs - HOUR,
      synced_at_ms: source === null ? null : nowMs - HOUR,
    };
  };
  const synced = isPlus(generation) ? 'models.dev' : 'litellm';
  return [
    price('gpt-5.4', [2.5, 15, 0.25], null),
    price('claude-sonnet-4-5-20250929', [3, 15, 0.3, 0.3, 3.75], synced),
    price('claude-sonnet-4-5', [3, 15, 0.3, 0.3, 3.75], synced),
    price('madeup-large', [0, 0, 0], null),
    price('never-called', [1.2345678, 9.87654321, 0.1], null),
  ];
}

const RATES = {
  completion_per_1m: 20,
  cache_per_1m: 0.5,
  cache_read_per_1m: 0.5,
  prompt_configured: 1,
  completion_configured: 1,
  cache_configured: 1,
  cache_read_configured: 1,
};

function contextTier(threshold: number, prompt: number): Row {
  return { model: 'gpt-5.4', threshold_tokens: threshold, prompt_per_1m: prompt, ...RATES };
}

function serviceTier(mode: string, tier: string, prompt: number): Row {
  return { model: 'gpt-5.4', mode, service_tier: tier, prompt_per_1m: prompt, ...RATES };
}

function aliases(world: World, nowMs: number): readonly Row[] {
  const keys = [...world.clientKeys.slice(0, 2), 'sk-made-up-client-without-events'];
  const names = ['Team Alpha', '开发 Büro', 'Unused'];
  return keys.map((key, index) => ({
    api_key_hash: sha256(key),
    alias: names[index] ?? '',
    updated_at_ms: nowMs - index,
  }));
}

function candidates(nowMs: number): readonly Row[] {
  const seen = {
    first_seen_at_ms: nowMs - 2 * HOUR,
    last_seen_at_ms: nowMs - HOUR,
    hit_count: 3,
    created_at_ms: nowMs - 2 * HOUR,
    updated_at_ms: nowMs - HOUR,
  };
  return [
    {
      ...seen,
      action_type: 'reauth',
      status: 'pending',
      provider: 'codex',
      auth_file_name: 'codex-person0.json',
      auth_index: 'aaaa000000000001',
      account_snapshot: 'person00@example.com',
      reason_code: 'token_invalidated',
      reason: 'the token was invalidated',
      auto_disable_eligible: 1,
      auto_disabled_at_ms: nowMs - HOUR,
    },
    { ...seen, action_type: 'delete', status: 'ignored', auth_file_name: 'claude-person1.json' },
  ];
}

/** Credentials that the program switched off until a window is over: due later, overdue, and one that is on again. */
function cooldowns(nowMs: number): readonly Row[] {
  const cooldown = (file: string, status: string, recoverAtMs: number): Row => ({
    auth_file_name: file,
    auth_index: sha256(file).slice(0, 16),
    account_snapshot: file.replace('.json', '@example.com'),
    provider: 'codex',
    reason_code: 'usage_limit_reached',
    window_kind: 'five_hour',
    evidence_json: '{"used_percent":100}',
    recover_at_ms: recoverAtMs,
    owner: 'cpamp_usage_429',
    event_hash: sha256(`${file} ${status}`),
    pre_disabled_state: 0,
    status,
    disabled_at_ms: nowMs - HOUR,
    recovered_at_ms: status === 'recovered' ? nowMs : null,
    created_at_ms: nowMs - HOUR,
    updated_at_ms: nowMs - HOUR,
  });
  return [
    cooldown('codex-due-later.json', 'active', nowMs + 3 * HOUR),
    cooldown('codex-overdue.json', 'active', nowMs - HOUR / 2),
    cooldown('codex-back-on.json', 'recovered', nowMs - HOUR / 2),
    cooldown('codex-skipped.json', 'skipped', nowMs - HOUR / 2),
  ];
}

function ownership(generation: Generation, nowMs: number): readonly Row[] {
  const times = { disabled_at_ms: nowMs - HOUR, updated_at_ms: nowMs - HOUR };
  const byFile = !has(generation, '+1.11.10');
  return ['codex-inspected-0.json', 'codex-inspected-1.json'].map((file_name) => ({
    file_name,
    ...(byFile ? {} : { provider: 'codex', auth_index: sha256(file_name).slice(0, 16) }),
    ...times,
  }));
}

function inspection(nowMs: number): ReadonlyArray<[string, readonly Row[]]> {
  const at = { created_at_ms: nowMs - HOUR, updated_at_ms: nowMs - HOUR };
  const run = (id: number, status: string): Row => ({
    id,
    trigger_type: 'schedule',
    trigger_key: `made-up-${id}`,
    status,
    started_at_ms: nowMs - HOUR,
    finished_at_ms: status === 'completed' ? nowMs : null,
    total_files: 2,
    disable_count: 1,
    keep_count: 1,
    settings_json: '{"workers":3}',
    ...at,
  });
  const result = (runId: number, file: string, action: string): Row => ({
    run_id: runId,
    account_key: `file:${file}`,
    file_name: file,
    display_account: file,
    provider: 'codex',
    disabled: action === 'disable' ? 1 : 0,
    action,
    used_percent: action === 'disable' ? 100 : 12.5,
    quota_windows_json: '[]',
    created_at_ms: nowMs - HOUR,
  });
  const files = ['codex-inspected-0.json', 'codex-inspected-1.json'];
  return [
    ['codex_inspection_runs', [run(1, 'completed'), run(2, 'running')]],
    [
      'codex_inspection_results',
      files.flatMap((file) => [result(1, file, 'disable'), result(2, file, 'keep')]),
    ],
    [
      'codex_inspection_logs',
      [{ run_id: 1, level: 'info', message: 'started', created_at_ms: nowMs - HOUR }],
    ],
    [
      'codex_inspection_leases',
      [{ id: 1, run_id: 2, owner_id: 'made-up-host', heartbeat_at_ms: nowMs, lease_expires_at_ms: nowMs }],
    ],
  ];
}

/** One window of one account, seen once. */
function quota(nowMs: number): ReadonlyArray<[string, readonly Row[]]> {
  const at = { created_at_ms: nowMs - HOUR, updated_at_ms: nowMs - HOUR };
  const whose = { account_key: 'usage-account-history:2:file:00', provider: 'codex' };
  const window = {
    ...whose,
    provider_window_id: 'primary',
    window_kind: 'five_hour',
    window_mode: 'rolling',
    model_scope_kind: 'all',
    scope_fingerprint: 'all',
  };
  const scope = { inventory_scope_key: 'headers', inventory_mode: 'partial' };
  return [
    [
      'account_quota_observations',
      [
        {
          id: 1,
          observation_hash: sha256('made up observation'),
          ...whose,
          source: 'response_headers',
          ...scope,
          observed_at_ms: nowMs - HOUR,
          window_count: 1,
          created_at_ms: nowMs - HOUR,
        },
      ],
    ],
    [
      'account_quota_windows',
      [
        {
          id: 1,
          ...window,
          inventory_scope_key: 'headers',
          availability: 'available',
          first_seen_at_ms: nowMs - HOUR,
          last_seen_at_ms: nowMs - HOUR,
          last_observation_id: 1,
          ...at,
        },
      ],
    ],
    [
      'account_quota_window_activations',
      [
        {
          id: 1,
          window_id: 1,
          generation: 1,
          status: 'active',
          activated_at_ms: nowMs - HOUR,
          activation_accuracy: 'observed',
          activate_observation_id: 1,
          ...at,
        },
      ],
    ],
    [
      'account_quota_cycles',
      [
        {
          id: 1,
          activation_id: 1,
          provider_cycle_key: 'made-up-cycle',
          state: 'open',
          actual_start_ms: nowMs - HOUR,
          boundary_accuracy: 'observed',
          first_observation_id: 1,
          last_observation_id: 1,
          ...at,
        },
      ],
    ],
    [
      'account_quota_snapshots',
      [
        {
          observation_id: 1,
          logical_window_id: 1,
          activation_id: 1,
          cycle_id: 1,
          ...window,
          source: 'response_headers',
          observed_at_ms: nowMs - HOUR,
          boundary_accuracy: 'observed',
          used_percent: 42.5,
          created_at_ms: nowMs - HOUR,
        },
      ],
    ],
  ];
}
