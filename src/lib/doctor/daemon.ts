import type { StartConfig } from '../config/start-config.ts';
import type { ReportReason, StatusReport } from '../contract/api/report.ts';
import { reportStatus } from '../status-report.ts';
import { VERSION } from '../version.ts';
import { fail, ok, warn, type Finding } from './result.ts';

/** What the daemon finds that has a check of its own here; all else it says is told as it is. */
const CHECKED = new Set([
  'not_configured',
  'publishing_off',
  'key_refused',
  'key_missing',
  'remote_management_off',
  'management_disabled',
  'banned',
  'too_old_for_subscribe',
  'too_old_for_http',
  'older_than_recommended',
  'resp_disabled',
  'resp_through_http',
  'resp_behind_proxy',
  'tls_untrusted',
  'tls_failed',
  'dns_failed',
  'docker_host_unresolved',
  'connection_refused',
  'loopback_in_container',
  'timed_out',
  'connection_lost',
  'unexpected_redirect',
  'unexpected_status',
  'unexpected_answer',
  'poll_exceeds_retention',
  'retention_short',
  'second_consumer',
  'data_in_container_layer',
  'locked_data_key',
  'monitoring_off',
]);

/** What it tells of itself where nothing has to be done. */
const GOES_WELL = new Set(['no_history', 'taking_over']);

/** The daemon of this database, as far as other checks ask about it. */
export interface DaemonFacts {
  readonly pid: number | null;
  /** Epoch ms; null: it does not say. */
  readonly startedAtMs: number | null;
  readonly collects: boolean;
  readonly upstream: string;
  readonly suspects: boolean;
}

export interface DaemonLook {
  readonly finding: Finding;
  /** Null: none runs, or it cannot be asked. */
  readonly facts: DaemonFacts | null;
}

/**
 * Whether a daemon runs here, and what it says. `knowsConnection`: the connection is tried here as well; else everything
 * that the daemon finds about it is told.
 */
export async function lookAtDaemon(
  config: StartConfig,
  options: { readonly nowMs: number; readonly signal: AbortSignal; readonly knowsConnection: boolean },
): Promise<DaemonLook> {
  const report = await reportStatus(config, options);
  const { reasons } = report.health;
  if (report.from === 'file') {
    const about = reasons.find(({ code }) => code === 'daemon_stopped' || code === 'daemon_silent');
    return { finding: about ? warn(about.message, about.fix) : ok(''), facts: null };
  }
  const told = reasons.filter(
    ({ code }) => !GOES_WELL.has(code) && !(options.knowsConnection && CHECKED.has(code)),
  );
  return { finding: judge(report, told), facts: factsOf(report) };
}

function judge(report: StatusReport, reasons: readonly ReportReason[]): Finding {
  const { collector, pid, version } = report;
  if (reasons.length > 0) {
    const state = reasons.some(({ level }) => level !== 'notice') ? fail : warn;
    return state(
      `The daemon (process ${pid ?? '?'}) says: ${reasons.map(({ message }) => message).join(' ')}`,
      reasons
        .map(({ fix }) => fix)
        .filter((fix) => fix !== '')
        .join(' '),
    );
  }
  if (version !== VERSION) {
    return warn(
      `The daemon (process ${pid ?? '?'}) is of version ${version}, and this command of ${VERSION}.`,
      'Restart the daemon, so that both are the same.',
    );
  }
  const how = collector.transport === '' ? '' : ` by ${collector.transport}`;
  return ok(`Process ${pid ?? '?'}, version ${version}; its collector is ${collector.collector}${how}.`);
}

function factsOf(report: StatusReport): DaemonFacts {
  const { collector, health, pid } = report;
  const startedAt: unknown = 'startedAt' in report ? report.startedAt : null;
  return {
    pid,
    startedAtMs: typeof startedAt === 'number' ? startedAt : null,
    collects: collector.collector === 'running' && collector.transport !== '',
    upstream: collector.upstream,
    suspects: health.reasons.some(({ code }) => code === 'second_consumer'),
  };
}
