import { after, put, type Group } from './groups.ts';
import { toTimeMs } from './headers.ts';
import { redactText } from './redact.ts';
import { cutToBytes } from './text.ts';

/** What tells whether a failure came from xAI itself. */
export interface XaiContext {
  readonly provider: string;
  readonly authProviderSnapshot: string;
  readonly executorType: string;
  readonly statusCode: number | null;
  /** The upstream's answer, raw. */
  readonly body: string;
  /** Epoch ms of the event. */
  readonly observedAtMs: number;
}

const CODE = 'subscription:free-usage-exhausted';
const MAX_BODY = 65_536;
const MAX_VALUES = 10_000;
const DAY_SECONDS = 86_400;
const AMOUNTS = /tokens \(actual\/limit\):\s*([\d,]{1,20})\s*\/\s*([\d,]{1,20})/i;
const MODEL = /free usage for model\s+([\w.:/-]{1,120})/i;
const RESET_AT = new Set([
  'reset_at',
  'resetAt',
  'resets_at',
  'resetsAt',
  'period_end',
  'periodEnd',
  'billing_period_end',
  'billingPeriodEnd',
]);
const RESET_AFTER = new Set(['reset_after_seconds', 'resetAfterSeconds']);

/** What was found anywhere in the body. */
interface Findings {
  code: string;
  resetAtMs: number | null;
  resetAfterSeconds: number | null;
  amounts: RegExpExecArray | null;
  model: string;
}

/**
 * The `provider_usage` group: xAI says in the body of a 402 or 429 that its included free usage of a rolling 24
 * hours is exhausted, and how many tokens that were. Null for everything else.
 */
export function xaiUsage(context: XaiContext, known: readonly string[]): Group | null {
  if (context.statusCode !== 402 && context.statusCode !== 429) return null;
  if (!isNativeXai(context) || !context.body.toLowerCase().includes(CODE)) return null;
  const found = search(context.body);
  if (!found || found.code === '') return null;
  const actual = amount(found.amounts?.[1]);
  const limit = amount(found.amounts?.[2]);
  const relative =
    found.resetAfterSeconds === null ? null : after(context.observedAtMs, found.resetAfterSeconds);
  const recoverAtMs = found.resetAtMs ?? relative;
  const usage: Group = { provider: 'xai', kind: 'included_free_usage', state: 'exhausted' };
  put(usage, 'code', found.code);
  put(usage, 'model', cutToBytes(redactText(found.model, known), 256));
  usage['unit'] = 'tokens';
  put(usage, 'actual', actual);
  put(usage, 'limit', limit);
  if (actual !== null && limit !== null) {
    usage['remaining'] = Math.max(limit - actual, 0);
    usage['overage'] = Math.max(actual - limit, 0);
  }
  usage['window_kind'] = 'rolling_24h';
  usage['observed_at_ms'] = context.observedAtMs;
  put(usage, 'recover_at_ms', recoverAtMs ?? after(context.observedAtMs, DAY_SECONDS));
  if (recoverAtMs === null) usage['recover_at_estimated'] = true;
  usage['source'] = 'response_body';
  return usage;
}

function isNativeXai(context: XaiContext): boolean {
  const identities = [context.provider, context.authProviderSnapshot].map(identity);
  if (identities.some((name) => name === 'xai' || name === 'x-ai')) return true;
  const executor = context.executorType.toLowerCase().replace(/[-_ ]/g, '');
  return executor === 'xaiexecutor' && identities.every((name) => name === '' || name === 'grok');
}

// CLIProxyAPI writes `unknown` where it knows nothing.
function identity(name: string): string {
  const lower = name.toLowerCase().replaceAll('_', '-');
  return lower === 'unknown' ? '' : lower;
}

function search(body: string): Findings | null {
  if (body.length > MAX_BODY) return null;
  let parsed: unknown;
  try {
    parsed = JSON.parse(body);
  } catch {
    return null;
  }
  const found: Findings = { code: '', resetAtMs: null, resetAfterSeconds: null, amounts: null, model: '' };
  const pending: unknown[] = [parsed];
  for (let seen = 0; pending.length > 0 && seen < MAX_VALUES; seen += 1) {
    const value = pending.pop();
    if (typeof value === 'string') lookInText(value, found);
    else if (Array.isArray(value)) pending.push(...value.slice(0, MAX_VALUES).toReversed());
    else if (typeof value === 'object' && value !== null) pending.push(...members(value, found));
  }
  return found;
}

function members(value: object, found: Findings): unknown[] {
  const entries = Object.entries(value);
  for (const [key, member] of entries) {
    if (key === 'code' && typeof member === 'string' && member.trim().toLowerCase() === CODE)
      found.code = CODE;
    else if (RESET_AT.has(key)) found.resetAtMs ??= toTimeMs(member);
    else if (RESET_AFTER.has(key)) found.resetAfterSeconds ??= seconds(member);
  }
  return entries.map(([, member]) => member).toReversed();
}

function lookInText(value: string, found: Findings): void {
  found.amounts ??= AMOUNTS.exec(value);
  if (found.model === '') found.model = MODEL.exec(value)?.[1]?.replace(/[.:/-]+$/, '') ?? '';
}

function seconds(value: unknown): number | null {
  const count = typeof value === 'string' ? Number(value) : value;
  return typeof count === 'number' && Number.isFinite(count) && count > 0 ? count : null;
}

function amount(written: string | undefined): number | null {
  if (written === undefined) return null;
  const count = Number(written.replaceAll(',', ''));
  return Number.isSafeInteger(count) ? count : null;
}
