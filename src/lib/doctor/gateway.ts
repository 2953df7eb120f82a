import type { EffectiveConfig } from '../config/effective.ts';
import type { Clock } from '../contract/clock.ts';
import type { GatewayConnection, KeyBreaker } from '../contract/gateway.ts';
import type { HealthReason } from '../contract/health.ts';
import type { CollectorMode } from '../contract/record.ts';
import type { DiagnosisCode } from '../contract/transport.ts';
import { formatSpan } from '../format.ts';
import { diagnose } from '../gateway/diagnoses.ts';
import { testConnection, type ConnectionReport } from '../gateway/test-connection.ts';
import { fail, ok, skipped, warn, type Finding } from './result.ts';

/** Findings of the connection test that have a check of their own; what else it finds once the key works is about RESP. */
const PUBLISHING = new Set<DiagnosisCode>(['publishing_off']);
const RETENTION = new Set<DiagnosisCode>(['poll_exceeds_retention', 'retention_short']);
const VERSION = new Set<DiagnosisCode>(['older_than_recommended']);

/** What the connection test of setup and panel says, and how records are to be taken. */
export interface GatewayFacts {
  readonly report: ConnectionReport;
  readonly reasons: readonly HealthReason[];
  readonly mode: CollectorMode;
  readonly pollIntervalMs: number;
}

export interface GatewayParts {
  readonly breaker: KeyBreaker;
  readonly clock: Clock;
}

/** One call with the management key, and RESP only once that was accepted. No record is taken. */
export async function askGateway(
  connection: GatewayConnection,
  { mode, pollIntervalMs }: EffectiveConfig['collector'],
  parts: GatewayParts,
  signal: AbortSignal,
): Promise<GatewayFacts> {
  const report = await testConnection(connection, { ...parts, mode, pollIntervalMs }, signal);
  signal.throwIfAborted();
  const reasons = report.findings.map(({ code, facts }) => diagnose(code, parts.clock.now(), facts));
  return { report, reasons, mode, pollIntervalMs };
}

/** Whether there is an address and a key to try. */
export function checkConnection(effective: EffectiveConfig): Finding {
  const { baseUrl, connection, managementKey, source } = effective;
  if (managementKey === 'locked') {
    return fail(
      `The management key for ${baseUrl} is saved, and cannot be opened with this data key.`,
      'See the data key above.',
    );
  }
  if (connection === null) {
    const { message, fix } = diagnose('not_configured', 0);
    return fail(message, `${fix} Here: cpamp setup`);
  }
  const from = source === 'env' ? 'given where the daemon is started' : 'saved';
  if (!effective.monitoring) {
    const { message, fix } = diagnose('monitoring_off', 0);
    return warn(`${baseUrl}, ${from}. ${message}`, fix);
  }
  return ok(`${baseUrl}, ${from}; mode ${effective.collector.mode}.`);
}

const TRY_AGAIN = 'Here: cpamp doctor --try-key-again';

/** Whether CLIProxyAPI takes the key. `hadRefusal`: the daemon remembers one, of before it was put right. */
export function checkKey({ report, reasons }: GatewayFacts, key: string, hadRefusal: boolean): Finding {
  const [first] = reasons;
  if (report.info !== null) {
    if (!hadRefusal) return ok('CLIProxyAPI accepts it.');
    return warn(
      'CLIProxyAPI accepts it, but the daemon still remembers that it was refused.',
      'Have the daemon try it again: cpamp setup --try-again, in the panel under Gateway, or POST /usage-service/retry.',
    );
  }
  if (!first) return fail('CLIProxyAPI could not be asked.');
  const refused = first.code === 'key_refused' || first.code === 'banned';
  const doubt = first.code === 'key_refused' ? doubtful(key) : '';
  const fixes = [doubt, first.fix, refused ? TRY_AGAIN : ''];
  return fail(first.message, fixes.filter((text) => text !== '').join(' '));
}

/** What people type in its place. */
function doubtful(key: string): string {
  if (key.startsWith('cmp_admin_')) return 'This is an admin key of cpamp; CLIProxyAPI has another one.';
  if (/^[*•]+$|[*•]{3}|\.{3}|…/u.test(key))
    return 'This looks like a masked key, copied from a page that hides it.';
  if (/^\$2[aby]?\$\d\d\$/.test(key))
    return 'This is the hash of a key: config.yaml holds no more once CLIProxyAPI has started.';
  return '';
}

export function checkVersion({ report, reasons }: GatewayFacts): Finding {
  const version = report.info?.version ?? '';
  const old = reasons.find(({ code }) => VERSION.has(code));
  if (old) return warn(old.message, old.fix);
  return version === '' ? warn('CLIProxyAPI does not tell its version.') : ok(`CLIProxyAPI ${version}.`);
}

export function checkPublishing({ reasons }: GatewayFacts): Finding {
  const off = reasons.find(({ code }) => PUBLISHING.has(code));
  return off ? fail(off.message, off.fix) : ok('CLIProxyAPI publishes usage records.');
}

export function checkRetention({ report, reasons, mode, pollIntervalMs }: GatewayFacts): Finding {
  const short = reasons.find(({ code }) => RETENTION.has(code));
  if (short) return (short.code === 'retention_short' ? warn : fail)(short.message, short.fix);
  const kept = formatSpan((report.info?.retentionSeconds ?? 0) * 1000);
  const polled = mode === 'subscribe' ? '' : `; polling asks for them every ${pollIntervalMs / 1000} s`;
  return ok(`CLIProxyAPI keeps records that nobody takes for ${kept}${polled}.`);
}

export function checkResp({ reasons, mode }: GatewayFacts): Finding {
  if (mode === 'http') return skipped('The mode http needs no RESP.');
  const found = reasons.find(
    ({ code }) => !PUBLISHING.has(code) && !RETENTION.has(code) && !VERSION.has(code),
  );
  if (!found) return ok('CLIProxyAPI takes Redis commands at this address, so records can be pushed.');
  // `auto` polls over HTTP then; the other two modes have no other way.
  return (mode === 'auto' ? warn : fail)(found.message, found.fix);
}
