import type { GatewayInfo } from '../contract/gateway.ts';
import type { DiagnosisCode } from '../contract/transport.ts';
import type { DiagnosisFacts } from '../contract/health.ts';
import { compareVersions } from './info.ts';

/** Below this, details of a request are not reported. */
const RECOMMENDED_VERSION = '7.1.39';
/** With less, an ordinary restart of ours loses records. */
const SHORT_RETENTION_SECONDS = 600;

/** A diagnosis, and what its sentence needs. */
export interface Finding {
  readonly code: DiagnosisCode;
  readonly facts: DiagnosisFacts;
}

/**
 * What the gateway says of itself that costs records or details, the gravest first. The connection test and the running
 * collector judge by the same rules.
 */
export function judgeGateway(info: GatewayInfo, baseUrl: string, pollIntervalMs: number): readonly Finding[] {
  const { version, retentionSeconds } = info;
  const facts: DiagnosisFacts = { url: baseUrl, version, retentionSeconds, pollIntervalMs };
  const codes: DiagnosisCode[] = [];
  if (!info.usageStatisticsEnabled) codes.push('publishing_off');
  if (pollIntervalMs > retentionSeconds * 1_000) codes.push('poll_exceeds_retention');
  if (retentionSeconds < SHORT_RETENTION_SECONDS) codes.push('retention_short');
  if ((compareVersions(version, RECOMMENDED_VERSION) ?? 0) < 0) codes.push('older_than_recommended');
  return codes.map((code) => ({ code, facts }));
}
