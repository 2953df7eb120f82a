import { REFUSALS } from '../config/settings-rows.ts';
import type { CollectorSettings } from '../config/effective.ts';
import type { Clock } from '../contract/clock.ts';
import { GatewayError, type GatewayConnection, type KeyBreaker } from '../contract/gateway.ts';
import type { HealthReason } from '../contract/health.ts';
import { AppError } from '../errors.ts';
import { createKeyBreaker } from '../gateway/breaker.ts';
import { createGatewayClient } from '../gateway/client.ts';
import { diagnose } from '../gateway/diagnoses.ts';
import { testConnection } from '../gateway/test-connection.ts';
import type { SettingsStore } from '../store/settings-store.ts';

/** Refusals are remembered in the database, where the daemon finds them too: nobody adds up to a ban. */
export function storedBreaker(store: SettingsStore, clock: Clock): KeyBreaker {
  return createKeyBreaker(
    {
      load: () => store.setting(REFUSALS),
      save: (text) => Promise.resolve(store.save(new Map([[REFUSALS, text]]), clock.now())),
    },
    clock,
  );
}

export interface Trial {
  /** What was found, the gravest first, in the words of the diagnosis. */
  readonly findings: readonly HealthReason[];
  /** Why this connection cannot work as it is; null when it can. */
  readonly obstacle: AppError | null;
  /** The finding that the obstacle is made of. */
  readonly cause: HealthReason | null;
  /** The gateway publishes no records until somebody switches that on. */
  readonly publishingOff: boolean;
}

/** Answers that are about the key or the login; what else goes wrong is about the way there. */
const REFUSED = new Set([
  'key_refused',
  'key_missing',
  'banned',
  'remote_management_off',
  'management_disabled',
]);

/** Tries a connection as the daemon would use it, without taking a record. One call is spent on the key. */
export async function tryConnection(
  connection: GatewayConnection,
  collector: Pick<CollectorSettings, 'mode' | 'pollIntervalMs'>,
  parts: { readonly breaker: KeyBreaker; readonly clock: Clock },
  signal: AbortSignal,
): Promise<Trial> {
  const { mode, pollIntervalMs } = collector;
  const report = await testConnection(connection, { ...parts, mode, pollIntervalMs }, signal);
  signal.throwIfAborted();
  const findings = report.findings.map(({ code, facts }) => diagnose(code, parts.clock.now(), facts));
  const [first] = findings;
  const codes = new Set(findings.map(({ code }) => code));
  let obstacle: AppError | null = null;
  let cause: HealthReason | null = null;
  if (report.info === null) {
    const code = first && REFUSED.has(first.code) ? 'gateway_key_refused' : 'gateway_unreachable';
    cause = first ?? null;
    const hint = first?.code === 'key_refused' ? KEY_HINT : first?.fix;
    obstacle = new AppError(code, first && hint ? { detail: bare(first.message), hint } : {});
  } else if (codes.has('poll_exceeds_retention')) {
    cause = findings.find(({ code }) => code === 'poll_exceeds_retention') ?? null;
    obstacle = new AppError('poll_interval_exceeds_retention', {
      detail: `${report.info.retentionSeconds} seconds`,
    });
  }
  return { findings, obstacle, cause, publishingOff: codes.has('publishing_off') };
}

/** Nobody has saved it yet, and perhaps no daemon runs: the advice of the diagnosis is for those who have. */
const KEY_HINT =
  'Give the right one, remote-management.secret-key of CLIProxyAPI, with --key-file FILE. If it was put right over there, add --try-again.';

/** Has the gateway publish records, the only thing that is ever changed over there. Throws AppError. */
export async function switchPublishingOn(
  connection: GatewayConnection,
  parts: { readonly breaker: KeyBreaker; readonly clock: Clock },
): Promise<void> {
  const client = createGatewayClient(connection, parts);
  try {
    await client.enableUsageStatistics();
  } catch (error) {
    if (!(error instanceof GatewayError)) throw error;
    throw new AppError('enable_cpa_usage_statistics_failed', { detail: error.message, cause: error });
  } finally {
    await client.close();
  }
}

function bare(sentence: string): string {
  return sentence.replace(/\.$/, '');
}
